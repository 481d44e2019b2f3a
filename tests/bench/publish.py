"""Times publishing to and extracting from PostgreSQL; one JSON line a figure.

    tools/bench PROGRAM publish [--rows 1000000] [--extract-rows 5000000] [--rounds 3] [--only NAME]

publish/merge     1 M rows merged into 1 M: half of them change a row, half are new. Peers: what one
                  writes by hand (binary COPY into a staging table and INSERT .. ON CONFLICT in one
                  transaction), and dlt doing the same merge.
extract/postgres  5 M rows into the lake, beside DuckDB's postgres extension alone.

Subject and peers take turns, medians count, and the tables are compared before any time is printed.
A goal that is missed is printed as missed; it fails nothing.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
HAND_GOAL, DLT_GOAL, EXTRACT_GOAL = 1.2, 3.0, 1.1

sys.path[:0] = [str(ROOT / "tests/python"), str(HERE)]

import bench  # noqa: E402
import peers  # noqa: E402
import postgres_server  # noqa: E402

COLUMNS = """i::bigint as order_id, (i % 997)::integer as customer,
 ((i * 7) % 100000 / 100.0 + {generation})::decimal(12,2) as amount,
 'order number ' || i || ' of generation {generation}' as note,
 timestamp '2026-01-01' + to_seconds(i) as ordered_at, (i % 3 = 0) as paid"""
CREATE = """create table {name} (order_id bigint primary key, customer integer, amount numeric(12,2),
 note text, ordered_at timestamp, paid boolean)"""
SETTINGS = {"shared_buffers": "'512MB'", "max_wal_size": "'8GB'", "checkpoint_timeout": "'30min'"}


def extension():
    return os.path.join(peers.cache_dir(), "extensions", "postgres_scanner.duckdb_extension")


def attach(connection, database):
    password = postgres_server.PASSWORD.replace("'", "''")
    connection.execute(f"load '{extension()}'")
    connection.execute(
        f"create secret given (type postgres, host '127.0.0.1', port {database.server.port}, "
        f"database '{database.name}', user '{database.user}', password '{password}')")
    connection.execute("attach '' as pg (type postgres, secret given)")


def fill(database, name, first, count, generation):
    """A table of PostgreSQL with rows of one generation."""
    database.execute(CREATE.format(name=name))
    with duckdb.connect() as connection:
        attach(connection, database)
        connection.execute(f"insert into pg.public.{name} select {COLUMNS.format(generation=generation)} "
                           f"from range({first}, {first + count}) r(i)")
    database.execute(f"analyze {name}")


def fingerprint(database, name):
    return database.execute(
        f"select count(*), sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint) from (select "
        f"order_id, customer, amount, note, ordered_at, paid from {name}) t").strip()


def reset(database):
    """The target as it was before the merge, and nothing of an earlier round."""
    for table in ("orders", "_assay_ledger", "_assay_lock", "_dlt_loads", "_dlt_version",
                  "_dlt_pipeline_state"):
        database.execute(f"drop table if exists {table}")
    database.execute("drop schema if exists public_staging cascade")
    database.execute(CREATE.format(name="orders"))
    database.execute("insert into orders select * from base")
    database.execute("vacuum analyze orders")
    database.server.psql("checkpoint")


def project(program, folder, database, environment, model=None, extract=None):
    """A project of one table, gold.orders or bronze.orders."""
    def write(path, content):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content))

    write("assay.yaml", {"name": "bench"})
    write("config/storage.yaml", {"format": "iceberg", "warehouse": "lake"})
    write("config/connections.yaml", {"there": database.connection()})
    if model:
        write("models/gold/orders.sql", model)
    if extract:
        write("models/bronze/orders.yaml", extract)
    return dict(os.environ, **environment)


MODEL = """/* ---
publish: [ {{ to: there, table: orders, mode: merge, key: [order_id] }} ]
--- */
select {columns} from range({first}, {last}) r(i)
"""


def by_hand(database, parquet):
    """What one writes by hand, as a program of its own, so that its time is taken like the others'."""
    return [sys.executable, HERE / "merge_by_hand.py", database.uri(), parquet]


def by_dlt(database, parquet):
    return [os.path.join(peers.cache_dir(), "bench", "bin", "python"), HERE / "merge_by_dlt.py",
            database.uri(), parquet]


def measure_merge(program, work, postgres, rows, rounds):
    server = postgres.server
    database = postgres.database()
    fill(database, "base", 0, rows, 1)
    first, last = rows // 2, rows // 2 + rows
    folder = work / "merge"
    environment = project(program, folder, database, postgres.env, model=MODEL.format(
        columns=COLUMNS.format(generation=2), first=first, last=last))
    # The lake is made while nothing can be published; what is measured is the publication.
    server.stop()
    subprocess.run([program, "run"], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    server.start()
    parquet = next((folder / "lake/gold/orders").rglob("*.parquet")).parent / "*.parquet"
    commands = {"assay": ([program, "publish", "gold.orders"], {"cwd": folder, "env": environment}),
                "hand": (by_hand(database, parquet), {}),
                "dlt": (by_dlt(database, parquet), {"cwd": work, "env": dict(
                    os.environ, RUNTIME__DLTHUB_TELEMETRY="false", HOME=str(work))})}
    times, peaks, prints = {}, {}, {}
    for _ in range(rounds):
        for name, (command, options) in commands.items():
            reset(database)
            seconds, megabytes = bench.timed(command, **options)
            times.setdefault(name, []).append(seconds)
            peaks[name] = max(peaks.get(name, 0), megabytes)
            prints.setdefault(name, set()).add(fingerprint(database, "orders"))
    correct = len(set.union(*prints.values())) == 1
    ours = statistics.median(times["assay"])
    hand, dlt = statistics.median(times["hand"]), statistics.median(times["dlt"])
    report(f"publish/merge/{rows}", ours, "COPY + ON CONFLICT", hand, ours / hand <= HAND_GOAL,
           f"<= {HAND_GOAL}", peaks["assay"], correct)
    report(f"publish/merge/{rows}", ours, "dlt", dlt, dlt / ours >= DLT_GOAL,
           f"<= {1 / DLT_GOAL:.3f}", peaks["assay"], correct)


def measure_extract(program, work, postgres, rows, rounds):
    database = postgres.database()
    fill(database, "orders", 0, rows, 1)
    folder = work / "extract"
    environment = project(program, folder, database, postgres.env, extract={
        "source": {"connection": "there", "table": "orders"}, "mode": "full"})
    script = HERE / "extract_by_duckdb.py"
    output = work / "peer.parquet"
    ours, theirs, peak = [], [], 0.0
    for _ in range(rounds):
        bench.forget(folder)
        seconds, megabytes = bench.timed([program, "run"], cwd=folder, env=environment)
        ours.append(seconds)
        peak = max(peak, megabytes)
        output.unlink(missing_ok=True)
        seconds, _ = bench.timed([sys.executable, script, extension(), database.uri(), "orders", output])
        theirs.append(seconds)
    columns = "order_id, customer, amount, note, ordered_at, paid"
    mine = peers.read_duckdb(str(folder / "lake/bronze/orders"), "iceberg")
    compare = duckdb.connect()
    compare.register("mine", mine)
    digest = f"select count(*), sum(hash({columns}))::varchar from "
    correct = compare.execute(digest + "mine").fetchone() == compare.execute(
        digest + f"'{output}'").fetchone()
    seconds, peer = statistics.median(ours), statistics.median(theirs)
    report(f"extract/postgres/{rows}", seconds, "duckdb postgres extension", peer,
           seconds / peer <= EXTRACT_GOAL, f"<= {EXTRACT_GOAL}", peak, correct)


def report(name, seconds, peer, peer_seconds, met, goal, peak, correct):
    print(json.dumps({"bench": name, "seconds": round(seconds, 3), "peer": peer,
                      "peer_seconds": round(peer_seconds, 3),
                      "ratio": round(seconds / peer_seconds, 3), "goal": goal, "met": met,
                      "peak_mb": round(peak), "correct": correct}), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench PROGRAM publish",
                                     description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--extract-rows", type=int, default=5000000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["merge", "extract"])
    options = parser.parse_args()
    program = Path(options.program).resolve()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as work:
        server = postgres_server.Server(postgres_server.find_programs(), SETTINGS)
        try:
            postgres = postgres_server.Postgres(server)
            if options.only != "extract":
                measure_merge(program, Path(work), postgres, options.rows, options.rounds)
            if options.only != "merge":
                measure_extract(program, Path(work), postgres, options.extract_rows, options.rounds)
        finally:
            server.close()


if __name__ == "__main__":
    main()
