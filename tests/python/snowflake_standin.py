"""The stand-in for Snowflake (tests/python/standin) as a fixture.

    def test_x(snowflake, project):
        target = snowflake.database()                  # a new database with the schema PUBLIC
        target.execute('create table "T" ("ID" number(19,0))')     # by Snowflake's own connector
        target.rows('select * from "T"')
        project.write("config/connections.yaml", {"analytics": target.connection()})
        project.run(..., env=snowflake.env)            # secrets, and the driver's two switches
        snowflake.fault(match="^COMMIT", do="lose_session")        # see standin/faults.py
        snowflake.statements()                         # every text that clients sent since the start
        snowflake.restart()                            # on the same files and port, after `die`

`snowflake` clears faults and the record before each test; the process lives as long as the worker of
pytest and is started again where a test has ended it. Users: ETL with a password, a key pair, a
programmatic access token and an OAuth token (`target.connection(auth=...)`).
"""
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

import peers

HERE = Path(__file__).resolve().parent
USER = "ETL"
PASSWORD = "p@ss word/%1'"
TOKEN = "pat-0123456789"
OAUTH = "oauth-0123456789"
PASSPHRASE = "phrase of the key"
ACCOUNT = "TESTACCOUNT"
START_SECONDS = 60
IDLE_ABORT = 2.0
REPORT_SECONDS = 0.5
REPORTED = 40000
SWITCHES = {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true", "SF_DISABLE_MINICORE": "true"}


def interpreter():
    """Python of the stand-in's own environment."""
    return os.path.join(peers.cache_dir(), "standin", "bin", "python")


def make_keys(folder):
    """A key pair: key.p8 (plain), locked.p8 (encrypted with PASSPHRASE); the public key as text."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    for name, protection in (("key.p8", plain), ("locked.p8", locked)):
        path = folder / name
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                           serialization.PrivateFormat.PKCS8, protection))
        path.chmod(0o600)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class Standin:
    """The server process and its interface for tests."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="assay-sf-"))
        self.numbers = itertools.count(1)
        self.port = 0
        self.process = None
        self.mark = 0
        users = {USER: {"password": PASSWORD, "pats": [TOKEN], "oauth": [OAUTH],
                        "public_keys": [make_keys(self.folder)]}}
        (self.folder / "users.json").write_text(json.dumps(users))
        self.env = {**SWITCHES, "ASSAY_TEST_SF_PASSWORD": PASSWORD, "ASSAY_TEST_SF_PAT": TOKEN,
                    "ASSAY_TEST_SF_OAUTH": OAUTH, "ASSAY_TEST_SF_PASSPHRASE": PASSPHRASE}
        self.start()

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [interpreter(), "-W", "ignore", HERE / "standin", "--data", self.folder / "data",
                 "--users", self.folder / "users.json", "--port", str(self.port), "--port-file",
                 port_file], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the stand-in does not start:\n" + self.log())
            time.sleep(0.02)
        self.port = int(port_file.read_text())
        self.settings(idle_abort=IDLE_ABORT)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def report(self):
        """How the process is, for the text of a failed test: its end, or what each thread does now."""
        if self.running():
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(REPORT_SECONDS)
        state = "runs" if self.running() else f"ended with {self.process.returncode}"
        return f"the stand-in {state}; the end of its log:\n{self.log()[-REPORTED:]}"

    def running(self):
        return self.process.poll() is None

    def stop(self, number=signal.SIGKILL):
        if self.running():
            self.process.send_signal(number)
        self.process.wait(START_SECONDS)

    def restart(self):
        """The same port and files; sessions and faults are gone, and open transactions with them."""
        self.stop()
        self.start()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def admin(self, method, what, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/admin/{what}", method=method,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fault(self, **rule):
        """Switches a fault on: see standin/faults.py for the fields."""
        self.admin("POST", "faults", rule)

    def faults(self):
        return self.admin("GET", "faults")

    def clear(self):
        self.admin("DELETE", "faults")
        self.admin("DELETE", "log")

    def settings(self, **values):
        return self.admin("POST", "settings", values)

    def state(self):
        return self.admin("GET", "state")

    def expire(self):
        """Every session's token ends now."""
        return self.admin("POST", "expire", {})

    def records(self, kind=None):
        found = self.admin("GET", "log")
        return [r for r in found if kind in (None, r["kind"])]

    def statements(self):
        return [r["sql"] for r in self.records("statement")]

    def database(self):
        name = f"TEST_{next(self.numbers)}"
        made = Database(self, name)
        with made.connect(database=None, schema=None) as connection:
            connection.cursor().execute(f'CREATE DATABASE "{name}"')
        return made


class Database:
    def __init__(self, standin, name):
        self.standin = standin
        self.name = name

    def connection(self, auth="password", **more):
        """What config/connections.yaml says of it. auth: password, key_pair, locked_key, pat, oauth"""
        folder = self.standin.folder
        ways = {"password": {"auth": "password", "password": "env:ASSAY_TEST_SF_PASSWORD"},
                "key_pair": {"auth": "key_pair", "private_key": f"file:{folder}/key.p8"},
                "locked_key": {"auth": "key_pair", "private_key": f"file:{folder}/locked.p8",
                               "private_key_passphrase": "env:ASSAY_TEST_SF_PASSPHRASE"},
                "pat": {"auth": "pat", "token": "env:ASSAY_TEST_SF_PAT"},
                "oauth": {"auth": "oauth", "token": "env:ASSAY_TEST_SF_OAUTH"}}
        return {"type": "snowflake", "account": ACCOUNT, "user": USER, **ways[auth],
                "warehouse": "WH", "role": "LOADER", "database": self.name, "schema": "PUBLIC",
                "host": "127.0.0.1", "port": self.standin.port, "protocol": "http", **more}

    def connect(self, **more):
        """A connection of snowflake-connector-python."""
        import snowflake.connector

        options = {"account": ACCOUNT, "user": USER, "password": PASSWORD, "host": "127.0.0.1",
                   "port": self.standin.port, "protocol": "http", "database": self.name,
                   "schema": "PUBLIC", "warehouse": "WH", "role": "LOADER", "login_timeout": 20,
                   "client_prefetch_threads": 1, **more}
        for name, value in SWITCHES.items():
            os.environ.setdefault(name, value)
        return snowflake.connector.connect(
            **{key: value for key, value in options.items() if value is not None})

    def adbc(self, **more):
        """A DB-API connection of the ADBC driver that assay itself loads."""
        from adbc_driver_manager import dbapi

        for name, value in SWITCHES.items():
            os.environ.setdefault(name, value)
        prefix = "adbc.snowflake.sql."
        options = {"username": USER, "password": PASSWORD, prefix + "account": ACCOUNT,
                   prefix + "uri.protocol": "http", prefix + "uri.host": "127.0.0.1",
                   prefix + "uri.port": str(self.standin.port), prefix + "db": self.name,
                   prefix + "schema": "PUBLIC", prefix + "warehouse": "WH",
                   prefix + "client_option.login_timeout": "10s",
                   prefix + "client_option.request_timeout": "20s",
                   prefix + "client_option.client_timeout": "20s",
                   prefix + "client_option.disable_telemetry": "true", **more}
        return dbapi.connect(driver=peers.adbc_driver("snowflake"), entrypoint="AdbcDriverInit",
                             db_kwargs={k: v for k, v in options.items() if v is not None},
                             autocommit=True)

    def execute(self, sql):
        with self.connect() as connection:
            connection.cursor().execute(sql)

    def rows(self, sql):
        """The result as a list of tuples, by Snowflake's own connector."""
        with self.connect() as connection:
            return connection.cursor().execute(sql).fetchall()

    def value(self, sql):
        ((value,),) = self.rows(sql)
        return value


@pytest.fixture(scope="session")
def snowflake_server():
    if not os.path.exists(interpreter()):
        pytest.fail("the stand-in's environment is missing: run tools/bootstrap-test")
    standin = Standin()
    yield standin
    standin.close()


@pytest.fixture
def snowflake(snowflake_server):
    if not snowflake_server.running():
        snowflake_server.start()
    snowflake_server.clear()
    snowflake_server.settings(idle_abort=IDLE_ABORT, poll_after=45, token_seconds=3600)
    yield snowflake_server
    if snowflake_server.running():
        snowflake_server.clear()
