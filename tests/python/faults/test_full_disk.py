"""No room, no permission, files that vanish or change, damaged metadata: a numbered error that names
the file, the table as it was, nothing left behind, and all is well once the cause is gone."""
import os
import re
import resource
import shutil
import subprocess
import threading
import time

import pytest

import shop

LIMIT_FSIZE = 64 * 1024


def limited(project, size, *args):
    """A run whose files may not grow beyond `size` bytes (SIGXFSZ is ignored: EFBIG comes back)."""
    def limit():
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return subprocess.run([str(project.assay.binary), *args], cwd=project.root, text=True,
                          env=project.assay.environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, preexec_fn=limit, timeout=120, check=False)


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_file_that_cannot_grow(project, table_format):
    shop.build(project, table_format)
    project.ok("run", "bronze.orders")
    project.write("data/orders2.csv", shop.orders(2 * shop.ROWS, shop.ROWS))
    result = limited(project, LIMIT_FSIZE, "run")
    assert result.returncode == 1, result
    numbers = re.findall(r"E\d{4}", result.stderr)
    assert numbers and set(numbers) <= {"E1300", "E1303", "E3008", "E4031"}, result
    assert shop.peer_rows(project, "bronze.orders") == 2 * shop.ROWS
    shop.check_clean(project)
    project.ok("run")
    assert shop.counts(project)["silver.orders"] == 3 * shop.ROWS
    shop.check_lineage(project)
    shop.check_history(project)
    shop.check_clean(project)


@pytest.fixture
def small_disk(project):
    """lake/ on a file system of its own, of 3 MB."""
    folder = project.root / "lake"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"mounting a file system is not permitted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.parametrize("room", [0, 40, 200, 300])
@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_full_disk(project, table_format, small_disk, room):
    shop.build(project, table_format)
    project.ok("run")
    before, rows = shop.content(project), shop.counts(project)
    filler = small_disk / "filler"
    fill(filler, small_disk, room * 1024)
    for table in ("silver.orders", "silver.log"):
        path = project.root / f"models/{table.replace('.', '/')}.sql"
        path.write_text(path.read_text().replace("amount", "-amount as amount", 1))
    project.write("data/orders2.csv", shop.orders(2 * shop.ROWS, shop.ROWS))
    result = project.run("run")
    assert result.code == 1, result
    assert re.search(r"E(1303|3008|4031)", result.err), result
    assert "space" in result.err or "full" in result.err, result
    for table, count in shop.counts(project).items():
        # what still found room is complete
        assert count in (rows[table], {"gold.daily": 84}.get(table, 3 * shop.ROWS)), (table, count)
    project.query("select count(*) from silver.orders")
    filler.unlink()
    project.ok("run")
    assert shop.counts(project)["silver.orders"] == 3 * shop.ROWS
    assert shop.content(project) != before
    shop.check_lineage(project)
    shop.check_history(project)
    shop.check_clean(project)


def fill(filler, disk, leave):
    with open(filler, "wb") as file:
        while True:
            room = shutil.disk_usage(disk).free - leave
            if room <= 0:
                break
            try:
                file.write(b"x" * min(room, 65536))
                file.flush()
            except OSError:
                break


STRANGER = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None,
                                reason="needs root to give files to somebody else, and setpriv")


def unprivileged(project, *args):
    """A run for which permissions count, also where the tests run as root."""
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", str(project.assay.binary), *args]
    return subprocess.run(command, cwd=project.root, text=True, env=project.assay.environment(),
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def lock_away(path, owner=STRANGER):
    os.chown(path, owner, owner)
    if not os.path.isdir(path):
        os.chmod(path, 0o600)


@needs_root
def test_a_full_disk_while_files_for_snowflake_are_written(project, small_disk, sites):
    site = sites("snowflake")
    project.write("assay.yaml", {"name": "test", "targets": {"local": {"temp_dir": "elsewhere"}}})
    project.storage(format="iceberg", warehouse="other")
    (project.root / "elsewhere").symlink_to(small_disk)
    project.write("config/connections.yaml", {"there": site.connection()})
    project.model("gold.t", "select i as id, md5(i::varchar) as v from range(100000) r(i)",
                  publish=[{"to": "there", "table": "t"}])
    filler = small_disk / "filler"
    fill(filler, small_disk, 100 * 1024)
    result = project.run("run", env=site.env)
    assert result.code == 1 and "No space left" in result.err, result
    assert site.count("T") == 0 and site.staging() == []
    assert list(small_disk.iterdir()) == [filler]
    filler.unlink()
    assert project.run("run", env=site.env).code == 0
    assert site.count("T") == 100000


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_folder_that_cannot_be_written(project, table_format):
    shop.build(project, table_format, files=1, rows=100)
    project.ok("run")
    assert unprivileged(project, "run").returncode == 0
    project.write("data/orders1.csv", shop.orders(100, 100))
    locked = [folder for folder, _, _ in os.walk(project.root / "lake")]
    for folder in locked:
        lock_away(folder)
    result = unprivileged(project, "run")
    assert result.returncode == 1, result
    assert re.search(r"E(1302|3008)", result.stderr) and "ermission denied" in result.stderr, result
    assert "lake/bronze/" in result.stderr, result
    assert shop.peer_rows(project, "bronze.orders") == 100
    for folder in locked:
        lock_away(folder, 0)
    assert unprivileged(project, "run").returncode == 0
    assert shop.peer_rows(project, "silver.orders") == 200
    shop.check_clean(project)


@needs_root
@pytest.mark.parametrize("path", ["data/orders0.csv", "models/silver/orders.sql", "assay.yaml",
                                  "config/dq.yaml", "config/storage.yaml"])
def test_a_file_that_may_not_be_read_is_named(project, path):
    shop.build(project, "iceberg", files=1, rows=10)
    lock_away(project.root / path)
    result = unprivileged(project, "run")
    assert result.returncode in (1, 2), result
    assert "E1302" in result.stderr and path in result.stderr, result
    assert not list((project.root).rglob("*.parquet"))


@needs_root
def test_a_folder_where_the_state_cannot_be_written(project):
    shop.build(project, "iceberg", files=1, rows=10)
    lock_away(project.root)
    result = unprivileged(project, "run")
    assert result.returncode in (1, 2), result
    assert re.search(r"E(1302|6030)", result.stderr), result
    assert "permission denied" in result.stderr.lower(), result


def test_a_file_that_changes_while_it_is_read(project):
    shop.build(project, "iceberg", files=1, rows=300000)
    path = project.root / "data/orders0.csv"
    stop = threading.Event()

    def grow():
        with open(path, "a", encoding="utf-8") as file:
            number = 10 ** 7
            while not stop.is_set():
                file.write(shop.orders(number, 10).split("\n", 1)[1])
                file.flush()
                number += 10
                time.sleep(0.002)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        result = project.run("run", "bronze.orders")
    finally:
        stop.set()
        thread.join()
    assert result.code == 4 and "E2206" in result.err and "data/orders0.csv" in result.err, result
    assert shop.peer_rows(project, "bronze.orders") is None
    project.ok("run", "bronze.orders")
    expected = sum(1 for _ in open(path, encoding="utf-8")) - 1
    assert shop.peer_rows(project, "bronze.orders") == expected


def test_a_file_that_vanishes_while_it_is_read(project):
    shop.build(project, "iceberg", files=1, rows=300000)
    process = project.assay.start("run", "bronze.orders", cwd=project.root)
    end = time.monotonic() + 20
    while not list((project.root / "lake").rglob("*.parquet")) and time.monotonic() < end:
        time.sleep(0.001)
    os.remove(project.root / "data/orders0.csv")
    _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        assert shop.peer_rows(project, "bronze.orders") == 300000  # it was read and checked before
        return
    assert process.returncode == 4 and "E2206" in err and "data/orders0.csv" in err, err
    assert shop.peer_rows(project, "bronze.orders") is None


# ---- damage ----

DAMAGE = {
    "iceberg": ["lake/silver/orders/metadata/v*.metadata.json", "lake/silver/orders/metadata/snap-*.avro",
                "lake/silver/orders/metadata/*-m*.avro", "lake/silver/orders/_assay/state-*.json",
                "lake/silver/orders/data/assay/*.parquet"],
    "delta": ["lake/silver/orders/_delta_log/*0.json", "lake/silver/orders/_assay/state-*.json",
              "lake/silver/orders/*.parquet"],
    "parquet": ["lake/silver/.orders/v*/_assay/version.json", "lake/silver/.orders/v*/_assay/files.json",
                "lake/silver/.orders/v*/_assay/state-*.json", "lake/silver/.orders/v*/*.parquet"],
}
WAYS = {"cut": lambda data: data[:len(data) // 2], "empty": lambda data: b"",
        "noise": lambda data: bytes((byte * 7 + 13) % 256 for byte in data), "gone": None}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("table_format, pattern", [(f, p) for f in DAMAGE for p in DAMAGE[f]])
def test_damage_is_named_and_never_misread(project, table_format, pattern, way):
    shop.build(project, table_format, files=1, rows=100)
    project.ok("run")
    found = sorted(project.root.glob(pattern))
    if not found:
        found = sorted(project.root.rglob(pattern.rsplit("/", 1)[1]))
        found = [path for path in found if "orders" in str(path) and "silver" in str(path)]
    if not found:
        pytest.skip("this format has no such file")
    path = found[-1]
    data = path.read_bytes()
    if WAYS[way] is None:
        path.unlink()
    else:
        path.write_bytes(WAYS[way](data))
    project.write("data/orders1.csv", shop.orders(100, 100))
    for args in (["run"], ["query", "select count(*), sum(id) from silver.orders"],
                 ["table", "show", "silver.orders"], ["table", "history", "silver.orders"], ["check"],
                 ["table", "list"], ["plan"], ["table", "expire", "silver.orders"]):
        result = project.run(*args)
        assert 0 <= result.code <= 4, result
        for line in result.err.splitlines():
            assert "Traceback" not in line and "INTERNAL" not in line, result
        if result.code not in (0, 3):
            assert re.search(r"E\d{4}", result.err), result
            assert not re.search(r"\bE(9001|3099)\b", result.err), result
    # rows: the old ones, the new ones, or an error, but nothing else
    result = project.run("query", "select count(*), count(distinct id) from silver.orders", "--output", "json")
    if result.code == 0:
        assert result.json()["rows"] in ([[100, 100]], [[200, 200]]), result


@pytest.mark.parametrize("way", ["cut", "empty", "noise"])
def test_a_damaged_history_is_named_and_can_be_removed(project, way):
    shop.build(project, "iceberg", files=1, rows=10)
    project.ok("run")
    (path,) = (project.root / ".assay").glob("*/state.db")
    data = path.read_bytes()
    path.write_bytes(WAYS[way](data))
    for suffix in ("-wal", "-shm"):
        if os.path.exists(str(path) + suffix):
            os.remove(str(path) + suffix)
    result = project.run("run")
    if result.code != 0:
        assert re.search(r"E150\d", result.err) and "state.db" in result.err, result
        os.remove(path)
        project.ok("run")
    assert "skipped" in project.ok("run").err


def test_everything_of_the_state_can_be_deleted(project):
    shop.build(project, "delta", files=1, rows=10)
    project.ok("run")
    shutil.rmtree(project.root / ".assay")
    assert "4 skipped" in project.ok("run").err
