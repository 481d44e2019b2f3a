"""Fixtures of the end-to-end and interop tests.

ASSAY_BIN     the program under test (set by tools/test; default: the newest of build/*/bin/assay)
ASSAY_SHARED  the folder of test material that is not part of the repository (default ../shared);
              tests that need it carry the marker `shared`
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, os.path.dirname(__file__))
import peers  # noqa: E402
import publishing  # noqa: E402
from database_shop import shop  # noqa: E402, F401
from postgres_server import postgres, postgres_server  # noqa: E402, F401
from snowflake_standin import snowflake, snowflake_server  # noqa: E402, F401

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300


def shared_dir():
    return Path(os.environ.get("ASSAY_SHARED") or ROOT.parent / "shared")


def pytest_configure(config):
    config.addinivalue_line("markers", "shared: needs the test material in ../shared")
    config.addinivalue_line("markers", "spark: starts Spark")


def pytest_collection_modifyitems(config, items):
    if not (shared_dir() / "data").is_dir():
        skip = pytest.mark.skip(reason=f"no test material in {shared_dir()}")
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(skip)
    # Spark is started once: its tests stand together, and last (with xdist: in one worker).
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
            item.add_marker(pytest.mark.xdist_group("spark"))
    items.sort(key=lambda item: item.get_closest_marker("spark") is not None)


def find_binary():
    named = os.environ.get("ASSAY_BIN")
    if named:
        return Path(named).resolve()
    built = sorted(ROOT.glob("build/*/bin/assay"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else None


class Result:
    """What one run of the program said. `code` is its exit status, negative for a signal."""

    def __init__(self, args, process):
        self.args = args
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        return json.loads(self.out)

    def events(self):
        """The lines of --output json."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def __repr__(self):
        return (f"\n$ {' '.join(map(str, self.args))}\n-- exit {self.code}\n"
                f"-- stdout\n{self.out}\n-- stderr\n{self.err}")


class Assay:
    """Runs the program: assay("run", "+gold.x", cwd=...). ok() also demands exit status 0."""

    def __init__(self, binary):
        self.binary = binary

    def environment(self, env=None):
        merged = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"),
                  "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                merged[name] = os.environ[name]
        merged.update(env or {})
        return {name: value for name, value in merged.items() if value is not None}

    def __call__(self, *args, cwd=None, env=None, stdin=None, timeout=TIMEOUT_SECONDS):
        command = [str(self.binary), *map(str, args)]
        process = subprocess.run(command, cwd=cwd, env=self.environment(env), input=stdin or "",
                                 capture_output=True, text=True, encoding="utf-8",
                                 errors="surrogateescape", timeout=timeout, check=False)
        return Result(command, process)

    def ok(self, *args, **kwargs):
        result = self(*args, **kwargs)
        assert result.code == 0, result
        return result

    def start(self, *args, cwd=None, env=None):
        """A running process, for tests that kill it."""
        return subprocess.Popen([str(self.binary), *map(str, args)], cwd=cwd,
                                env=self.environment(env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def assay():
    binary = find_binary()
    if binary is None or not binary.exists():
        pytest.fail(f"no program to test: ASSAY_BIN is '{os.environ.get('ASSAY_BIN', '')}'")
    return Assay(binary)


class Project:
    """A project in a temporary folder. Files are written as given; dicts and lists as YAML."""

    def __init__(self, root, assay):
        self.root = Path(root)
        self.assay = assay

    def write(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        elif isinstance(content, str):
            target.write_text(content, encoding="utf-8")
        else:
            target.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return target

    def model(self, name, sql, **header):
        """models/<layer>/<table>.sql of `silver.orders`, its header in the leading comment."""
        layer, table = name.split(".")
        text = ""
        if header:
            text = "/* ---\n" + yaml.safe_dump(header, sort_keys=False) + "--- */\n"
        return self.write(f"models/{layer}/{table}.sql", text + sql.rstrip() + "\n")

    def extract(self, name, **content):
        layer, table = name.split(".")
        return self.write(f"models/{layer}/{table}.yaml", content)

    def storage(self, **content):
        return self.write("config/storage.yaml", content)

    def run(self, *args, **kwargs):
        return self.assay(*args, cwd=self.root, **kwargs)

    def ok(self, *args, **kwargs):
        return self.assay.ok(*args, cwd=self.root, **kwargs)

    def table(self, name, warehouse="lake"):
        """The folder of a table."""
        return str(self.root / warehouse / name.replace(".", "/"))

    def query(self, sql, *args):
        return self.ok("query", sql, "--output", "json", *args).json()


@pytest.fixture
def project(tmp_path, assay):
    """A project with only the two files that every project has."""
    made = Project(tmp_path / "project", assay)
    made.write("assay.yaml", {"name": "test"})
    made.storage(format="iceberg", warehouse="lake")
    return made


@pytest.fixture
def make_project(tmp_path, assay):
    """make_project("a"): several empty project folders in one test."""
    def make(name="project"):
        (tmp_path / name).mkdir(parents=True)
        return Project(tmp_path / name, assay)
    return make


@pytest.fixture
def copy_project(tmp_path, assay):
    """copy_project(folder): a project copied from `folder`."""
    def copy(folder, name="project"):
        shutil.copytree(folder, tmp_path / name)
        return Project(tmp_path / name, assay)
    return copy


@pytest.fixture
def sites(request):
    """sites("postgres"), sites("snowflake"): an outside database of this test's own."""
    made = {"postgres": publishing.PostgresSite, "snowflake": publishing.SnowflakeSite}
    return lambda kind: made[kind](request.getfixturevalue(kind))


@pytest.fixture(params=publishing.KINDS)
def site(request, sites):
    """Each kind of outside database in turn."""
    return sites(request.param)


@pytest.fixture(scope="session")
def shared():
    """The folder ../shared; use it with the marker `shared`."""
    return shared_dir()


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    session = peers.spark_session(str(tmp_path_factory.mktemp("spark")))
    yield session
    session.stop()


class Readers:
    """read.pyiceberg(folder), read.deltars(folder), read.duckdb(folder, format), read.spark(...)"""

    def __init__(self, request):
        self.request = request
        self.connection = None

    def pyiceberg(self, location, **kwargs):
        return peers.sorted_table(peers.read_pyiceberg(location, **kwargs))

    def deltars(self, location, **kwargs):
        return peers.sorted_table(peers.read_deltars(location, **kwargs))

    def duckdb(self, location, table_format):
        if self.connection is None:
            self.connection = peers.duckdb_connect()
        return peers.sorted_table(peers.read_duckdb(location, table_format, self.connection))

    def spark(self, location, table_format, **options):
        session = self.request.getfixturevalue("spark")
        return peers.sorted_table(peers.read_spark(session, location, table_format, options))


@pytest.fixture
def read(request):
    return Readers(request)
