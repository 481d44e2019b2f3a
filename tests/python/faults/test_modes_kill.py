"""Runs that are killed in the middle of a merge: the table is as before or as it should be, and the
next run ends like one that was left alone."""
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import shop

KEYS = 6000
TABLES = ["silver.merged", "silver.history"]


def batch(number):
    """The first batch has every key, the others change, delete and add some."""
    chance = random.Random(number)
    keys = range(KEYS) if number == 0 else chance.sample(range(KEYS + 500), 1500)
    lines = [f"{key},{number * 10 + chance.randrange(10)},{'D' if chance.random() < 0.1 else 'U'},"
             f"{chance.randrange(50)},2026-0{1 + key % 6}-01\n" for key in keys]
    return "id,v,op,amount,day\n" + "".join(lines)


def build(project, table_format):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.format = table_format
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": {"id": "INTEGER", "v": "INTEGER", "op": "VARCHAR",
                                          "amount": "INTEGER", "day": "DATE"}})
    common = {"key": ["id"], "version": "v", "delete_when": "op = 'D'", "new_rows_of": ["bronze.t"],
              "partition_by": ["month(day)"]}
    select = "select id, v, op, amount, day from bronze.t"
    project.model("silver.merged", select, mode="merge", **common)
    project.model("silver.history", select, mode="scd2", **common)
    project.write("data/0.csv", batch(0))
    project.ok("run")


def content(project):
    found = {}
    for table in TABLES:
        result = project.query(f"select count(*), sum(hash(t))::varchar from (select * from {table}) t")
        found[table] = result["rows"][0]
    return found


def data_files(project):
    """Data files in the tables' folders, by name."""
    base = project.root / "lake" / "silver"
    names = Counter(path.name for path in base.rglob("*.parquet"))
    return {name for name in names if not name.endswith(".checkpoint.parquet")}


def live_files(project):
    """Data files that a snapshot of the tables refers to."""
    found = set()
    for table in TABLES:
        folder = project.table(table)
        if project.format == "iceberg":
            import peers
            from pyiceberg.table import StaticTable
            opened = StaticTable.from_metadata(peers.iceberg_metadata(folder))
            found |= {Path(path).name
                      for path in opened.inspect.all_files()["file_path"].to_pylist()}
        elif project.format == "delta":
            from deltalake import DeltaTable
            newest = DeltaTable(folder).version()
            for version in range(newest + 1):
                found |= {Path(path).name for path in DeltaTable(folder, version=version).file_uris()}
        else:
            layer, name = table.split(".")
            versions = project.root / "lake" / layer / f".{name}"
            found |= {path.name for path in versions.glob("v*/**/*.parquet")}
    return found


EXPECTED = []


@pytest.fixture
def undisturbed(make_project):
    """The tables after each batch, in a project that was left alone."""
    if not EXPECTED:
        project = make_project("undisturbed")
        build(project, "iceberg")
        EXPECTED.append(content(project))
        for number in range(1, 4):
            project.write(f"data/{number}.csv", batch(number))
            project.ok("run")
            EXPECTED.append(content(project))
    return EXPECTED


def kill_after(project, seconds):
    process = project.assay.start("run", cwd=project.root)
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_merges_killed_at_random_moments_end_like_undisturbed_ones(project, table_format, undisturbed):
    build(project, table_format)
    chance = random.Random(5)
    killed = 0
    for number in range(1, 4):
        project.write(f"data/{number}.csv", batch(number))
        for _ in range(4):
            killed += kill_after(project, chance.uniform(0.02, 0.35))
            seen = content(project)
            for table in TABLES:
                assert seen[table] in (undisturbed[number - 1][table], undisturbed[number][table])
        project.ok("run")
        assert content(project) == undisturbed[number]
    assert killed > 0
    shop.check_lineage(project)
    shop.check_history(project)
    assert data_files(project) <= live_files(project)


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_merge_killed_once_its_files_are_written(project, table_format, undisturbed):
    build(project, table_format)
    project.write("data/1.csv", batch(1))
    before = data_files(project)
    process = project.assay.start("run", cwd=project.root)
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        if len(data_files(project) - before) >= 3:
            break
    process.kill()
    process.communicate()
    seen = content(project)
    for table in TABLES:
        assert seen[table] in (undisturbed[0][table], undisturbed[1][table])
    project.ok("run")
    assert content(project) == undisturbed[1]
    assert data_files(project) <= live_files(project)
