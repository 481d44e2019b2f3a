"""Parquet folders between assay and programs that read Parquet files."""
import datetime
import json
import os
import threading
import uuid
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import peers


def rows_of(table):
    rows = [{name: str(value) if isinstance(value, uuid.UUID) else value
             for name, value in row.items()} for row in table.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


class Lake:
    """A project whose tables are plain Parquet, filled by `assay load`."""

    def __init__(self, root, assay):
        self.root = root
        self.assay = assay
        (root / "config").mkdir(parents=True)
        (root / "assay.yaml").write_text("name: test\n", encoding="utf-8")
        (root / "config/storage.yaml").write_text("format: parquet\nwarehouse: lake\n"
                                                  "keep: { snapshots: 2, days: 0 }\n",
                                                  encoding="utf-8")

    def folder(self, name):
        return str(self.root / "lake" / name.replace(".", "/"))

    def source(self, select, name="source.parquet"):
        path = self.root / name
        duckdb.sql("SET TimeZone = 'UTC'")
        duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path

    def load(self, name, select, *options):
        self.assay.ok("load", self.source(select), name, *options, cwd=self.root)

    def read(self, sql, version=None):
        target = self.root / "result.parquet"
        at = [] if version is None else ["--at", version]
        self.assay.ok("query", sql, "--output", "parquet", "--file", target, *at, cwd=self.root)
        return pq.read_table(target)


@pytest.fixture
def lake(tmp_path, assay):
    return Lake(tmp_path / "project", assay)


def test_the_link_is_a_folder_that_every_reader_reads(lake):
    lake.load("gold.t", "SELECT 1 AS a, 'x' AS s, TIME '10:11:12' AS tm, "
                        "UUID '0187a5d2-0000-7000-8000-000000000001' AS u, [1, NULL] AS l")
    lake.load("gold.t", "SELECT 2 AS a, NULL::VARCHAR AS s, NULL::TIME AS tm, NULL::UUID AS u, "
                        "NULL::INTEGER[] AS l")
    folder = lake.folder("gold.t")
    assert os.path.islink(folder) and not os.path.isabs(os.readlink(folder))
    by_arrow = ds.dataset(folder, format="parquet").to_table()
    by_duckdb = duckdb.sql(f"SELECT * FROM read_parquet('{folder}/*.parquet')").to_arrow_table()
    assert sorted(by_arrow.column("a").to_pylist()) == [1, 2]
    assert rows_of(by_duckdb) == rows_of(lake.read("SELECT * FROM gold.t"))


def test_spark_reads_the_folder(lake, spark):
    lake.load("gold.t", "SELECT i AS a, 'v' || i AS s, DATE '2024-01-01' + i::INTEGER AS d FROM range(9) r(i)",
              "--partition-by", "month(d)")
    theirs = peers.read_spark(spark, lake.folder("gold.t"), "parquet")
    assert rows_of(theirs) == rows_of(lake.read("SELECT * FROM gold.t"))


def test_older_versions_are_read_and_expire(lake):
    for i in range(5):
        lake.load("gold.t", f"SELECT {i} AS a", *(["--mode", "full"] if i == 2 else []))
    assert rows_of(lake.read("SELECT * FROM gold.t", 1)) == [{"a": 0}, {"a": 1}]
    assert rows_of(lake.read("SELECT * FROM gold.t", 2)) == [{"a": 2}]
    assert rows_of(lake.read("SELECT * FROM gold.t")) == [{"a": 2}, {"a": 3}, {"a": 4}]
    lake.assay.ok("table", "expire", "gold.t", cwd=lake.root)
    assert sorted(os.listdir(lake.root / "lake/gold/.t")) == ["v3", "v4"]
    assert rows_of(lake.read("SELECT * FROM gold.t", 3)) == [{"a": 2}, {"a": 3}]
    assert lake.assay("query", "SELECT * FROM gold.t", "--at", 1, cwd=lake.root).code != 0
    lake.assay.ok("table", "rollback", "gold.t", 3, cwd=lake.root)
    assert rows_of(lake.read("SELECT * FROM gold.t")) == [{"a": 2}, {"a": 3}]
    assert sorted(duckdb.sql(f"FROM '{lake.folder('gold.t')}/*.parquet'").fetchall()) == [(2,), (3,)]


def test_a_reader_sees_the_old_or_the_new_version_and_nothing_else(lake):
    """Whoever resolves the link once reads one version whole."""
    lake.load("gold.t", "SELECT 0 AS v FROM range(10)")
    folder = Path(lake.folder("gold.t"))
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            files = sorted(folder.resolve(strict=True).glob("*.parquet"))
            table = pa.concat_tables([pq.read_table(file) for file in files])
            seen.append((len(table), len(set(table.column("v").to_pylist()))))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 7):
        lake.load("gold.t", f"SELECT {i} AS v FROM range(10)", "--mode", "full")
    stop.set()
    reader.join()
    assert seen and set(seen) == {(10, 1)}


def test_racing_processes_lose_nothing(lake):
    lake.load("gold.t", "SELECT 0 AS a")
    source = lake.source("SELECT 1 AS a", "one.parquet")
    running = [lake.assay.start("load", source, "gold.t", cwd=lake.root) for _ in range(6)]
    done = 0
    for process in running:
        process.communicate(timeout=120)
        done += process.returncode == 0
    assert done > 0
    assert len(lake.read("SELECT a FROM gold.t WHERE a = 1")) == done
    newest = os.path.basename(os.readlink(lake.folder("gold.t")))
    assert newest == f"v{done}"


def test_a_folder_that_others_wrote_is_read_and_not_written(lake):
    table = pa.table({"a": [1, 2, 3], "k": ["x y", None, "ü=/"],
                      "d": [datetime.date(2024, 1, 1), None, datetime.date(1969, 5, 1)]})
    folder = lake.folder("silver.foreign")
    pq.write_to_dataset(table, folder, partition_cols=["k"])
    expected = sorted((row["a"], row["k"], row["d"]) for row in table.to_pylist() if row["k"])
    got = rows_of(lake.read("SELECT a, k, d FROM silver.foreign"))
    assert sorted((r["a"], r["k"], r["d"]) for r in got if r["k"]) == expected
    assert [(r["a"], r["d"]) for r in got if r["k"] is None] == [(2, None)]
    result = lake.assay("load", lake.source("SELECT 1 AS a, 'k' AS k, NULL::DATE AS d"),
                        "silver.foreign", cwd=lake.root)
    assert result.code != 0 and "E4303" in result.err
    assert len(lake.read("SELECT * FROM silver.foreign")) == 3
