"""Delta tables between assay, delta-rs, DuckDB's own extension and Spark, at every version."""
import datetime
import decimal
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import peers

UTC = datetime.timezone.utc


def plain(value):
    """A value in the form that all readers have in common."""
    if isinstance(value, float) and value != value:
        return "nan"
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def rows_of(table):
    rows = [plain(row) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


class Lake:
    """A project whose tables are Delta, filled by `assay load`."""

    def __init__(self, root, assay):
        self.root = root
        self.assay = assay
        (root / "config").mkdir(parents=True)
        (root / "assay.yaml").write_text("name: test\n", encoding="utf-8")
        (root / "config/storage.yaml").write_text("format: delta\nwarehouse: lake\n"
                                                  "keep: { snapshots: 2, days: 0 }\n",
                                                  encoding="utf-8")

    def folder(self, name):
        return str(self.root / "lake" / name.replace(".", "/"))

    def load(self, name, select, *options):
        source = self.root / "source.parquet"
        duckdb.sql("SET TimeZone = 'UTC'")
        duckdb.sql(f"COPY ({select}) TO '{source}' (FORMAT parquet)")
        self.assay.ok("load", source, name, *options, cwd=self.root)

    def read(self, sql, version=None):
        """The rows as assay gives them."""
        target = self.root / "result.parquet"
        at = [] if version is None else ["--at", version]
        self.assay.ok("query", sql, "--output", "parquet", "--file", target, *at, cwd=self.root)
        return pq.read_table(target)

    def versions(self, name):
        return [commit["version"] for commit in DeltaTable(self.folder(name)).history()][::-1]


@pytest.fixture(scope="module")
def lake(tmp_path_factory, assay):
    return Lake(tmp_path_factory.mktemp("delta") / "project", assay)


TYPES = """
SELECT true AS flag, 1::TINYINT AS tiny, 2::SMALLINT AS small, 3::INTEGER AS i, 4::BIGINT AS l,
       1.5::FLOAT AS f, 2.5::DOUBLE AS d, 12.34::DECIMAL(9,2) AS dec9,
       123456789012345678901234567890.12345678::DECIMAL(38,8) AS dec38, DATE '1969-12-31' AS day,
       TIMESTAMP '2024-01-01 00:00:00.123456' AS naive,
       TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' AS instant, 'h\u00e9"' AS txt, 'ab'::BLOB AS raw,
       [1, 2, NULL] AS list, {'a': 1, 'b': 'x'} AS st, 200::UTINYINT AS u8
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, 'nan'::FLOAT, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL
"""


@pytest.fixture(scope="module")
def written(lake):
    lake.load("gold.types", TYPES)
    for i in range(13):
        lake.load("gold.steps", f"SELECT {i} AS a, 'v{i}' AS s, DATE '2024-01-01' + {i} AS d",
                  *(["--mode", "full"] if i == 6 else []))
    lake.load("gold.grown", "SELECT 1 AS a, 1.5::FLOAT AS f, 1.25::DECIMAL(5,2) AS dec")
    lake.load("gold.grown", "SELECT 5000000000 AS a, 2.5::DOUBLE AS f, 99999.99::DECIMAL(9,2) AS dec, "
                            "'new' AS b, [1, 2] AS c")
    by = ["--partition-by", "c", "--partition-by", "d", "--partition-by", "t"]
    lake.load("gold.parts", """
        SELECT * FROM (VALUES (1, 'a b', DATE '2024-01-01', TIMESTAMPTZ '2024-01-01 10:00:00.5+00'),
        (2, NULL, NULL, NULL), (3, 'ü/%#', DATE '1969-05-01', TIMESTAMPTZ '1969-12-31 23:00:00+00'))
        v(a, c, d, t)""", *by)
    lake.load("gold.months", """SELECT i AS a, DATE '2023-11-15' + (i * 9)::INTEGER AS d,
              TIMESTAMPTZ '2023-11-15 00:00:00.0005+00' + to_hours(i * 7) AS t
              FROM range(12) r(i) UNION ALL SELECT 99, NULL, NULL""",
              "--partition-by", "month(d)")
    return lake


TABLES = ["gold.types", "gold.steps", "gold.grown", "gold.parts", "gold.months"]


@pytest.mark.parametrize("name", TABLES)
def test_every_version_reads_the_same_everywhere(written, name):
    connection = peers.duckdb_connect()
    connection.execute("SET TimeZone = 'UTC'")
    for version in written.versions(name):
        ours = rows_of(written.read(f"SELECT * FROM {name}", version))
        assert ours
        assert rows_of(peers.read_deltars(written.folder(name), version)) == ours
    newest = rows_of(peers.read_duckdb(written.folder(name), "delta", connection))
    assert newest == rows_of(written.read(f"SELECT * FROM {name}"))


def test_types_are_those_of_the_protocol(written):
    fields = json.loads(DeltaTable(written.folder("gold.types")).schema().to_json())["fields"]
    types = {field["name"]: field["type"] for field in fields}
    assert types.pop("list")["elementType"] == "integer"
    assert types.pop("st")["type"] == "struct"
    assert types == {"flag": "boolean", "tiny": "byte", "small": "short", "i": "integer",
                     "l": "long", "f": "float", "d": "double", "dec9": "decimal(9,2)",
                     "dec38": "decimal(38,8)", "day": "date", "naive": "timestamp_ntz",
                     "instant": "timestamp", "txt": "string", "raw": "binary", "u8": "short"}


def test_only_a_naive_timestamp_raises_the_protocol(written):
    steps = DeltaTable(written.folder("gold.steps")).protocol()
    types = DeltaTable(written.folder("gold.types")).protocol()
    assert (steps.min_reader_version, steps.min_writer_version) == (1, 2)
    assert (types.min_reader_version, types.reader_features) == (3, ["timestampNtz"])


def test_statistics_are_exact_or_rounded_outwards(written):
    actions = pa.table(DeltaTable(written.folder("gold.types")).get_add_actions(flatten=True))
    (row,) = actions.to_pylist()
    assert row["num_records"] == 2
    assert row["null_count.i"] == 1
    assert row["min.i"] == row["max.i"] == 3
    assert row["min.dec38"] == decimal.Decimal("123456789012345678901234567890.12345678")
    assert row["min.day"] == datetime.date(1969, 12, 31)
    assert row["max.instant"] == datetime.datetime(1970, 1, 1, tzinfo=UTC)
    assert row["min.naive"] == datetime.datetime(2024, 1, 1, 0, 0, 0, 123000)
    # A NaN hides: no bounds that would let a reader skip it.
    assert row.get("max.f") is None


@pytest.mark.parametrize("name", ["gold.parts", "gold.months"])
def test_pruning_finds_every_row(written, name):
    connection = peers.duckdb_connect()
    connection.execute("SET TimeZone = 'UTC'")
    folder = written.folder(name)
    for row in connection.execute("SELECT * FROM delta_scan(?)", [folder]).to_arrow_table().to_pylist():
        for column in ("a", "d", "t"):
            if row[column] is None:
                continue
            found = connection.execute(
                f"SELECT count(*) FROM delta_scan(?) WHERE {column} = ? AND a = ?",
                [folder, row[column], row["a"]]).fetchone()
            assert found == (1,), (column, row)


def test_date_parts_divide_the_files_and_add_no_column(written):
    table = DeltaTable(written.folder("gold.months"))
    assert [field.name for field in table.schema().fields] == ["a", "d", "t"]
    assert table.metadata().partition_columns == []
    months = {(row["min.d"].year, row["min.d"].month, row["max.d"].year, row["max.d"].month)
              for row in pa.table(table.get_add_actions(flatten=True)).to_pylist()
              if row["min.d"] is not None}
    assert len(months) == 4
    assert all((a, b) == (c, d) for a, b, c, d in months)


def test_what_delta_rs_writes_is_read_at_every_version(lake):
    folder = lake.folder("silver.rust")
    first = pa.table({"a": [1, 2, None], "p": ["x y", "z=/", None],
                      "t": pa.array([0, 1, None], pa.timestamp("us", tz="UTC"))})
    write_deltalake(folder, first, partition_by=["p"])
    write_deltalake(folder, first, mode="append")
    DeltaTable(folder).delete("a = 1")
    for _ in range(3):
        write_deltalake(folder, first, mode="append")
    DeltaTable(folder).create_checkpoint()
    write_deltalake(folder, first.append_column("n", pa.array([1.5, None, 2.5])), mode="append",
                    schema_mode="merge")
    DeltaTable(folder).optimize.compact()
    for version in lake.versions("silver.rust"):
        ours = rows_of(lake.read("SELECT * FROM silver.rust", version))
        assert ours == rows_of(peers.read_deltars(folder, version)), version


def test_assay_and_delta_rs_take_turns(lake):
    folder = lake.folder("silver.turns")
    for i in range(4):
        lake.load("silver.turns", f"SELECT {i * 2}::BIGINT AS a")
        write_deltalake(folder, pa.table({"a": pa.array([i * 2 + 1], pa.int64())}), mode="append")
    DeltaTable(folder).optimize.compact()
    lake.load("silver.turns", "SELECT 8::BIGINT AS a")
    assert sorted(row["a"] for row in rows_of(lake.read("SELECT a FROM silver.turns"))) == list(range(9))
    history = lake.assay.ok("table", "history", "silver.turns", "--output", "json", cwd=lake.root).json()
    assert {snapshot["engine"] for snapshot in history["snapshots"]} == {"delta-rs", "assay"}


def test_racing_writers_of_two_programs_lose_nothing(lake, tmp_path):
    lake.load("silver.race", "SELECT -1::BIGINT AS a")
    folder = lake.folder("silver.race")
    source = tmp_path / "one.parquet"
    pq.write_table(pa.table({"a": pa.array([7], pa.int64())}), source)
    running = [lake.assay.start("load", source, "silver.race", cwd=lake.root) for _ in range(4)]
    for _ in range(10):
        write_deltalake(folder, pa.table({"a": pa.array([8], pa.int64())}), mode="append")
    done = 0
    for process in running:
        process.communicate(timeout=120)
        done += process.returncode == 0
    counts = rows_of(lake.read("SELECT a, count(*) AS n FROM silver.race GROUP BY a"))
    assert {row["a"]: row["n"] for row in counts} == {-1: 1, 7: done, 8: 10}
    assert done > 0


def test_expired_versions_are_gone_and_the_rest_reads(lake):
    for i in range(5):
        lake.load("silver.old", f"SELECT {i} AS a", "--mode", "full")
    lake.assay.ok("table", "expire", "silver.old", cwd=lake.root)
    folder = lake.folder("silver.old")
    assert len(list(Path(folder).glob("*.parquet"))) == 2
    assert rows_of(peers.read_deltars(folder)) == [{"a": 4}]
    assert rows_of(peers.read_deltars(folder, 3)) == [{"a": 3}]
    assert rows_of(lake.read("SELECT * FROM silver.old", 3)) == [{"a": 3}]
    lake.load("silver.old", "SELECT 5 AS a")
    assert rows_of(peers.read_deltars(folder)) == [{"a": 4}, {"a": 5}]


def test_a_table_with_a_feature_that_is_not_built_is_refused_by_name(lake, tmp_path):
    folder = Path(lake.folder("silver.strange"))
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "_delta_log/00000000000000000000.json").write_text(
        '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["catalogManaged"],'
        '"writerFeatures":["catalogManaged"]}}\n'
        '{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":'
        '"{\\"type\\":\\"struct\\",\\"fields\\":[]}","partitionColumns":[],"configuration":{}}}\n',
        encoding="utf-8")
    result = lake.assay("query", "SELECT * FROM silver.strange", cwd=lake.root)
    assert result.code != 0
    assert "E4203" in result.err and "catalogManaged" in result.err


def test_spark_reads_every_version_and_what_it_writes_is_read(written, spark):
    for name in TABLES:
        folder = written.folder(name)
        for version in written.versions(name)[-4:]:
            theirs = peers.read_spark(spark, folder, "delta", {"versionAsOf": version})
            assert rows_of(theirs) == rows_of(written.read(f"SELECT * FROM {name}", version)), name
    steps = written.folder("gold.steps")
    spark.sql(f"INSERT INTO delta.`{steps}` VALUES (100, 'spark', DATE '2020-02-02')")
    spark.sql(f"DELETE FROM delta.`{steps}` WHERE a = 8")
    parts = written.folder("gold.parts")
    spark.sql(f"INSERT INTO delta.`{parts}` VALUES (9, 'sp=ark', DATE '2020-02-02', "
              "TIMESTAMP '2020-02-02 01:02:03.123456Z')")
    spark.sql(f"OPTIMIZE delta.`{steps}`")
    for name in ("gold.steps", "gold.parts"):
        theirs = rows_of(peers.read_spark(spark, written.folder(name), "delta"))
        assert theirs == rows_of(written.read(f"SELECT * FROM {name}"))
    # And assay goes on from there.
    written.load("gold.steps", "SELECT 101 AS a, 'back' AS s, NULL::DATE AS d")
    theirs = rows_of(peers.read_spark(spark, steps, "delta"))
    assert theirs == rows_of(written.read("SELECT * FROM gold.steps"))
    assert {"a": 101, "s": "back", "d": None} in theirs
