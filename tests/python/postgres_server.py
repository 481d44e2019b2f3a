"""A PostgreSQL 15 of Debian for tests.

    def test_x(postgres, project):
        shop = postgres.database()                 # a new, empty database owned by the user `etl`
        shop.execute("create table t (a int)")     # as `etl`, through psql
        shop.rows("select a from t")               # Python values, through the ADBC driver
        project.write("config/connections.yaml", {"pg": shop.connection()})
        project.run(..., env=postgres.env)         # has ASSAY_TEST_PG_PASSWORD

`postgres` lives as long as the worker of pytest; `postgres.server.restart()` and `.kill()` are for
tests of a server that goes away. `postgres.proxy()` gives a tcp_proxy.PostgresProxy before it, which
cuts, delays and loses answers: pass `shop.connection(port=proxy.port)`.
"""
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import peers
from tcp_proxy import PostgresProxy

PASSWORD = "p@ss word/%1'"
USER = "etl"
ADMIN = "admin"
START_SECONDS = 60
SETTINGS = {"listen_addresses": "'127.0.0.1'", "max_connections": "60", "fsync": "off",
            "shared_buffers": "'128MB'", "max_wal_size": "'2GB'", "log_statement": "'none'",
            "timezone": "'UTC'", "full_page_writes": "off", "synchronous_commit": "off"}


def find_programs():
    """The folder with initdb and postgres, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next((f for f in folders if (f / "initdb").exists()), None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    """What Popen needs so that the server does not run as root, which it refuses."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no user 'postgres' or 'nobody' to run PostgreSQL as")


class Server:
    """One cluster in a temporary folder."""

    def __init__(self, programs, settings=None):
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
        self.port = free_port()
        self.process = None
        self.identity = unprivileged()
        self.settings = {**SETTINGS, **(settings or {})}
        os.chmod(self.folder, 0o700)
        if self.identity:
            os.chown(self.folder, self.identity["user"], self.identity["group"])
        self.initialise()
        self.start()

    def initialise(self):
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        if self.identity:
            os.chown(secret, self.identity["user"], self.identity["group"])
        subprocess.run([self.programs / "initdb", "-D", self.folder / "data", "-U", ADMIN,
                        "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
                        "--locale=C.UTF-8", "--no-sync"], check=True, capture_output=True,
                       cwd=self.folder, **self.identity)
        lines = [f"{name} = {value}\n" for name, value in self.settings.items()]
        lines.append(f"unix_socket_directories = '{self.folder}'\n")
        with open(self.folder / "data/postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(lines)

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, **self.identity)
        log.close()
        end = time.monotonic() + START_SECONDS
        while self.psql("select 1", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not start:\n" + self.log())
            time.sleep(0.05)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, number=signal.SIGINT):
        """SIGINT: fast shutdown; SIGQUIT: at once, with recovery at the next start."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(START_SECONDS)

    def kill(self):
        self.stop(signal.SIGQUIT)

    def restart(self):
        self.stop()
        self.start()

    def psql(self, sql, database="postgres", user=ADMIN, check=True):
        """Runs SQL as psql does; stdout is CSV without a header."""
        done = subprocess.run(
            [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-t", "--csv", "-h",
             "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database, "-c", sql],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "10"})
        if check and done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}\n{sql}")
        return done

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Database:
    """One database of the server."""

    def __init__(self, server, name, user=USER):
        self.server = server
        self.name = name
        self.user = user

    def connection(self, **more):
        """What config/connections.yaml says of it."""
        return {"type": "postgres", "host": "127.0.0.1", "port": self.server.port,
                "database": self.name, "user": self.user,
                "password": "env:ASSAY_TEST_PG_PASSWORD", **more}

    def uri(self, port=None):
        from urllib.parse import quote

        return (f"postgresql://{self.user}:{quote(PASSWORD, safe='')}@127.0.0.1:"
                f"{port or self.server.port}/{self.name}")

    def execute(self, sql, admin=False):
        return self.server.psql(sql, self.name, ADMIN if admin else self.user).stdout

    def table(self, sql):
        """The result as a pyarrow table."""
        from adbc_driver_manager import dbapi

        driver = {"driver": peers.adbc_driver("postgresql"), "entrypoint": "AdbcDriverInit"}
        with (dbapi.connect(**driver, db_kwargs={"uri": self.uri()}) as connection,
              connection.cursor() as cursor):
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def rows(self, sql):
        """The result as a list of tuples; numeric comes as text (as the driver gives it)."""
        return [tuple(row.values()) for row in self.table(sql).to_pylist()]

    def value(self, sql):
        ((value,),) = self.rows(sql)
        return value


class Postgres:
    """The server with its databases, users and proxies."""

    def __init__(self, server):
        self.server = server
        self.numbers = itertools.count(1)
        self.proxies = []
        self.env = {"ASSAY_TEST_PG_PASSWORD": PASSWORD}
        self.add_user(USER)

    def add_user(self, name):
        quoted = PASSWORD.replace("'", "''")
        self.server.psql(f"create role \"{name}\" login password '{quoted}'")
        return name

    def database(self, owner=USER):
        name = f"test_{next(self.numbers)}"
        self.server.psql(f'create database "{name}" owner "{owner}"')
        self.server.psql(f'alter schema public owner to "{owner}"', name)
        return Database(self.server, name, owner)

    def proxy(self):
        proxy = PostgresProxy("127.0.0.1", self.server.port)
        self.proxies.append(proxy)
        return proxy

    def close_proxies(self):
        for proxy in self.proxies:
            proxy.close()
        self.proxies.clear()


@pytest.fixture(scope="session")
def postgres_server():
    programs = find_programs()
    if programs is None:
        pytest.fail("PostgreSQL is missing: run tools/bootstrap-test")
    server = Server(programs)
    yield Postgres(server)
    server.close()


@pytest.fixture
def postgres(postgres_server):
    yield postgres_server
    postgres_server.close_proxies()
    if postgres_server.server.process.poll() is not None:
        postgres_server.server.start()
