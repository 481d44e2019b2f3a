"""A stand-in for Snowflake on 127.0.0.1, for tests: `python tests/python/standin --data DIR`.

It speaks the session protocol that Snowflake's drivers speak and runs the SQL with fakesnow (on
DuckDB). What fakesnow does not do, or does otherwise than Snowflake, is done here: see README.md.
It needs the environment that tools/bootstrap-test makes of requirements.txt beside this file; the
tests start it with the fixture `snowflake` (tests/python/snowflake_standin.py).
"""
import argparse
import faulthandler
import json
import os
import signal
import sys
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(prog="standin", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the database files and stages")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--port-file", help="gets the port once the server answers")
    parser.add_argument("--users", help="JSON file: {NAME: {password, public_keys, pats, oauth}}")
    parser.add_argument("--database", action="append", default=[], help="exists from the start")
    options = parser.parse_args()

    faulthandler.enable()                       # a crash, or SIGUSR1, leaves the stacks in the log
    faulthandler.register(signal.SIGUSR1, all_threads=True)

    from engine import Engine
    from faults import Faults
    from service import Service
    from transport import serve

    data = Path(options.data)
    engine = Engine(data, options.database)
    users = json.loads(Path(options.users).read_text()) if options.users else {}
    server = serve(Service(engine, users, Faults()), options.port)
    if options.port_file:
        partial = Path(options.port_file + ".part")
        partial.write_text(str(server.server_address[1]))
        os.replace(partial, options.port_file)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
