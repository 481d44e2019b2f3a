"""Iceberg tables between assay and other engines, at every snapshot.

The driver is the unit test program test_interop: `write` makes tables, `read` prints what assay
sees of one, `append` adds rows to one.
"""
import datetime
import json
import math
import os
import subprocess
import tarfile
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

import peers

ROOT = Path(__file__).resolve().parents[3]
TABLES = ["gold/types", "gold/nested", "silver/orders", "silver/replaced", "silver/rolled",
          "silver/evolved", "gold/days", "gold/hours", "gold/years", "gold/common"]
NOT_IN_SPARK = ["gold/types"]  # Spark has no type TIME


@pytest.fixture(scope="session")
def driver():
    found = sorted(ROOT.glob("build/*/tests/catalog/test_interop"),
                   key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.skip("the unit test program test_interop is not built")

    def run(*args):
        process = subprocess.run([found[-1], *map(str, args)], capture_output=True, text=True,
                                 timeout=300, check=False)
        if process.returncode not in (0, 1):
            pytest.fail(process.stdout + process.stderr)
        return json.loads(process.stdout) if process.stdout.strip() else {}

    return run


def plain(value):
    """A value in the form that all readers have in common."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def rows_of(table):
    rows = [plain(row) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def snapshots(location):
    with open(peers.iceberg_metadata(location), encoding="utf-8") as file:
        return [snapshot["snapshot-id"] for snapshot in json.load(file)["snapshots"]]


@pytest.fixture(scope="session")
def written(driver, tmp_path_factory):
    root = tmp_path_factory.mktemp("lake")
    assert driver("write", root) == {}
    return root


def read_duckdb(location, snapshot_id):
    connection = peers.duckdb_connect()
    return connection.execute("SELECT * FROM iceberg_scan(?, snapshot_from_id => ?)",
                              [peers.iceberg_metadata(location), snapshot_id]).to_arrow_table()


@pytest.mark.parametrize("name", TABLES)
def test_pyiceberg_and_duckdb_read_the_same_rows(written, name):
    location = str(written / name)
    for snapshot_id in snapshots(location):
        by_pyiceberg = rows_of(peers.read_pyiceberg(location, snapshot_id))
        by_duckdb = rows_of(read_duckdb(location, snapshot_id))
        assert by_pyiceberg == by_duckdb
        assert by_pyiceberg


def test_assay_reads_its_tables_as_the_others_do(written, driver):
    for name, rows, files in [("gold/types", 7, 1), ("gold/nested", 5, 1), ("silver/replaced", 1, 1)]:
        seen = driver("read", written / name)
        assert (seen["rows"], seen["files"]) == (rows, files)
    assert driver("read", written / "gold/types")["columns"][0] == ["tiny", "TINYINT"]


def test_types_are_those_of_the_specification(written):
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(peers.iceberg_metadata(str(written / "gold/types")))
    types = {field.name: str(field.field_type) for field in table.schema().fields}
    assert types == {
        "tiny": "int", "small": "int", "i": "int", "l": "long", "f": "float", "d": "double",
        "small_decimal": "decimal(9, 2)", "big_decimal": "decimal(38, 4)", "day": "date",
        "clock": "time", "naive": "timestamp", "instant": "timestamptz", "txt": "string",
        "raw": "binary", "u": "uuid", "flag": "boolean", "maybe": "int"}


def test_pruning_by_partition_and_by_bounds_finds_every_row(written):
    from pyiceberg.expressions import EqualTo
    from pyiceberg.table import StaticTable

    for name in ["silver/orders", "gold/days", "gold/hours", "gold/years"]:
        table = StaticTable.from_metadata(peers.iceberg_metadata(str(written / name)))
        every = rows_of(table.scan().to_arrow())
        for row in every:
            moment = row["at"].isoformat()
            for condition in (f"at == '{moment}'", f"id == {row['id']}",
                              f"at >= '{moment}' and at <= '{moment}'"):
                assert rows_of(table.scan(row_filter=condition).to_arrow()) == [row], condition
    orders = StaticTable.from_metadata(peers.iceberg_metadata(str(written / "silver/orders")))
    assert len(orders.scan(row_filter="country is null").to_arrow()) == 4
    assert len(orders.scan(row_filter=EqualTo("country", "o'r/x%2F")).to_arrow()) == 4
    # Bounds leave the files away that cannot have the row.
    assert len(list(orders.scan(row_filter="id == 3").plan_files())) < len(
        list(orders.scan().plan_files()))


def test_bounds_of_types_never_hide_a_row(written):
    from pyiceberg.table import StaticTable
    from pyiceberg.expressions import EqualTo, LessThanOrEqual, GreaterThanOrEqual

    table = StaticTable.from_metadata(peers.iceberg_metadata(str(written / "gold/types")))
    data = table.scan().to_arrow()
    for column in ["tiny", "i", "l", "f", "small_decimal", "big_decimal", "day", "txt"]:
        for value in data.column(column).to_pylist():
            for test in (EqualTo, LessThanOrEqual, GreaterThanOrEqual):
                if isinstance(value, datetime.date):
                    value = value.isoformat()
                assert len(table.scan(row_filter=test(column, value)).to_arrow()) >= 1


def test_summary_and_history_are_understood(written):
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(peers.iceberg_metadata(str(written / "silver/rolled")))
    operations = [entry["operation"] for entry in table.inspect.snapshots().to_pylist()]
    assert operations == ["append", "overwrite", "overwrite"]
    summary = table.current_snapshot().summary
    assert summary["total-records"] == "1"
    assert summary["engine-name"] == "assay"
    assert len(table.inspect.history()) == 3
    assert table.inspect.entries().num_rows >= 1
    assert table.inspect.manifests().num_rows >= 1


@pytest.mark.parametrize("name", [name for name in TABLES if name not in NOT_IN_SPARK])
def test_spark_reads_the_same_rows(written, spark, name):
    location = str(written / name)
    for snapshot_id in snapshots(location):
        by_spark = rows_of(peers.read_spark(spark, location, "iceberg",
                                            {"versionAsOf": str(snapshot_id)}))
        assert by_spark == rows_of(peers.read_pyiceberg(location, snapshot_id))


def spark_warehouse(spark):
    return Path(spark.conf.get("spark.sql.catalog.ice.warehouse"))


def test_spark_and_assay_take_turns_on_one_table(spark, driver):
    spark.sql("CREATE TABLE ice.db.turns (id BIGINT, name STRING) USING iceberg "
              "PARTITIONED BY (truncate(1, name)) TBLPROPERTIES ('format-version'='2')")
    spark.sql("INSERT INTO ice.db.turns VALUES (100, 'spark'), (101, NULL)")
    location = spark_warehouse(spark) / "db" / "turns"
    assert driver("read", location)["rows"] == 2
    # Back to an unpartitioned spec: assay's append says which spec it wants.
    assert driver("append", location) == {}
    spark.sql("REFRESH TABLE ice.db.turns")
    rows = {(row.id, row.name) for row in spark.sql("SELECT * FROM ice.db.turns").collect()}
    assert rows == {(100, "spark"), (101, None), (0, "assay 0"), (1, "assay 1"), (2, "assay 2")}
    spark.sql("INSERT INTO ice.db.turns VALUES (200, 'again')")
    spark.sql("DELETE FROM ice.db.turns WHERE id = 0")
    assert driver("read", location)["rows"] == 5
    assert driver("append", location) == {}
    spark.sql("REFRESH TABLE ice.db.turns")
    assert spark.sql("SELECT count(*) FROM ice.db.turns").collect()[0][0] == 8
    spark.sql("CALL ice.system.rewrite_manifests('db.turns')")
    spark.sql("CALL ice.system.rewrite_data_files(table => 'db.turns', options => "
              "map('rewrite-all', 'true'))")
    assert driver("read", location)["rows"] == 8


def test_tables_that_spark_evolved_are_read(spark, driver):
    spark.sql("CREATE TABLE ice.db.evolved (a INT, b STRUCT<x: INT, y: STRING>, c DECIMAL(9,2)) "
              "USING iceberg")
    spark.sql("INSERT INTO ice.db.evolved VALUES (1, named_struct('x', 1, 'y', 'one'), 1.50)")
    spark.sql("ALTER TABLE ice.db.evolved ALTER COLUMN a TYPE BIGINT")
    spark.sql("ALTER TABLE ice.db.evolved RENAME COLUMN c TO price")
    spark.sql("ALTER TABLE ice.db.evolved ADD COLUMN added TIMESTAMP_NTZ FIRST")
    spark.sql("INSERT INTO ice.db.evolved VALUES (TIMESTAMP_NTZ '2024-01-01 00:00:00', 5000000000, "
              "named_struct('x', 2, 'y', 'two'), 2.50)")
    seen = driver("read", spark_warehouse(spark) / "db" / "evolved")
    assert seen["rows"] == 2
    assert [name for name, _ in seen["columns"]] == ["added", "a", "b", "price"]
    assert seen["columns"][1][1] == "BIGINT"


def test_row_level_deletes_of_spark_are_applied(spark, driver):
    spark.sql("CREATE TABLE ice.db.deleted (id BIGINT, name STRING) USING iceberg TBLPROPERTIES "
              "('format-version'='2', 'write.delete.mode'='merge-on-read', "
              "'write.update.mode'='merge-on-read')")
    spark.sql("INSERT INTO ice.db.deleted SELECT id, 'n' || id FROM range(10)")
    location = spark_warehouse(spark) / "db" / "deleted"
    assert driver("read", location)["rows"] == 10
    spark.sql("DELETE FROM ice.db.deleted WHERE id IN (1, 3)")
    assert driver("read", location)["rows"] == 8
    spark.sql("UPDATE ice.db.deleted SET name = 'x' WHERE id = 4")
    assert driver("read", location)["rows"] == 8
    # The deletes do not touch what assay appends after them, and stay for what was before.
    assert driver("append", location) == {}
    spark.sql("REFRESH TABLE ice.db.deleted")
    rows = sorted(row.id for row in spark.sql("SELECT id FROM ice.db.deleted").collect())
    assert rows == [0, 0, 1, 2, 2, 4, 5, 6, 7, 8, 9]
    assert driver("read", location)["rows"] == 11
    assert driver("replace", location) == {}
    spark.sql("REFRESH TABLE ice.db.deleted")
    assert spark.sql("SELECT count(*) FROM ice.db.deleted").collect()[0][0] == 3
    assert driver("read", location)["rows"] == 3
    deletes = spark.sql("SELECT count(*) FROM ice.db.deleted.delete_files").collect()[0][0]
    assert deletes == 0


def test_a_table_of_pyiceberg_is_read(tmp_path, driver):
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.db",
                         warehouse=f"file://{tmp_path}/wh")
    catalog.create_namespace("ns")
    data = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", None, "c"],
                     "d": pa.array([1.5, float("nan"), None])})
    table = catalog.create_table("ns.t", schema=data.schema)
    table.append(data)
    table.append(data.slice(0, 1))
    location = tmp_path / "wh" / "ns" / "t"
    assert driver("read", location)["rows"] == 4
    assert driver("read", location, table.metadata.snapshots[0].snapshot_id)["rows"] == 3
    refused = driver("append", location)
    assert refused["number"] == 4111


# ---- golden tables that others wrote (../shared) ----

def golden_manifest(shared):
    with open(shared / "data" / "tables" / "manifest.json", encoding="utf-8") as file:
        return [table for table in json.load(file)["tables"]
                if table["format"] == "iceberg" and table["name"].startswith("iceberg/")]


@pytest.fixture(scope="session")
def golden(shared, tmp_path_factory):
    dest = tmp_path_factory.mktemp("golden")
    pack = shared / "data" / "tables" / "iceberg-golden.tar.zst"
    process = subprocess.run(["zstd", "-dc", pack], capture_output=True, check=True)
    raw = dest / "pack.tar"
    raw.write_bytes(process.stdout)
    with tarfile.open(raw) as archive:
        archive.extractall(dest, filter="data")
    raw.unlink()
    return dest


# Not built: a refusal says one of these words, and nothing is ever read wrong.
NOT_BUILT = ["initial-default", "deletion vectors", "name-mapping", "timestamptz_ns",
             "outside the storage", "snapshot-id", "unsupported"]


def golden_reads(table):
    """What is read of a golden table: (metadata file, snapshot id or None, what is expected)."""
    reads = [(read["metadata"], read.get("snapshot_id") if read.get("time_travel") else None, read)
             for read in table["expect"].get("reads", [])]
    return reads or [(table["metadata"], None, table["expect"])]


@pytest.mark.shared
def test_golden_tables_are_read_right_or_refused_by_name(golden, shared, driver):
    wrong, right, refused = [], 0, 0
    for table in golden_manifest(shared):
        for metadata, snapshot_id, expect in golden_reads(table):
            path = golden / table["root"] / metadata
            seen = driver("read", path, *([snapshot_id] if snapshot_id else []))
            if "error" in seen:
                refused += 1
                if "error" not in expect and \
                        not any(word in seen["message"] for word in NOT_BUILT):
                    wrong.append((table["name"], metadata, seen))
            elif "error" in expect and seen["files"] > 0:
                wrong.append((table["name"], metadata, "was not refused"))
            elif "rows" in expect and (seen["rows"], seen["digest"]) != \
                    (expect["rows"], expect["digest"]):
                wrong.append((table["name"], metadata, seen, expect["rows"], expect["digest"]))
            else:
                right += 1
    assert wrong == []
    assert right >= 80, (right, refused)


@pytest.mark.shared
def test_golden_tables_open_by_their_folder(golden, shared, driver):
    wrong, right = [], 0
    for table in golden_manifest(shared):
        expect = table["expect"]
        seen = driver("read", golden / table["path"])
        if "error" not in seen and "rows" in expect:
            right += 1
            if (seen["rows"], seen["digest"]) != (expect["rows"], expect["digest"]):
                wrong.append((table["name"], seen))
    assert wrong == []
    assert right >= 15
