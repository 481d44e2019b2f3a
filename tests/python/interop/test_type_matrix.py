"""Every stored type with its edge values, in each format and mode: what assay writes is read by
PyIceberg, delta-rs, Spark and DuckDB's extensions at every snapshot, and no statistic hides a row; what
they write is read by assay."""
import decimal
import functools
import json
import math
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import matrix
import peers

FORMATS = ["iceberg", "delta", "parquet"]
MODES = ["full", "append", "merge", "replace_partitions"]
HEADERS = {"full": "mode: full\n",
           "append": "mode: append\nnew_rows_of: [bronze.batch]\n",
           "merge": "mode: merge\nkey: [id]\nversion: batch\nnew_rows_of: [bronze.batch]\n",
           "replace_partitions": "mode: replace_partitions\npartition_by: [part]\n"
                                 "new_rows_of: [bronze.batch]\n"}


class Lake:
    """A project in one format whose tables silver.<mode> have taken every batch; silver.all has the
    columns that Spark cannot read too."""

    def __init__(self, root, assay, table_format):
        self.root, self.assay, self.format = root, assay, table_format
        self.spark = matrix.Model(matrix.columns(True))
        self.every = matrix.Model(matrix.columns(False))
        self.write("assay.yaml", "name: matrix\n")
        self.write("config/storage.yaml", f"format: {table_format}\nwarehouse: lake\n"
                                          "keep: { snapshots: 100 }\n")
        self.write("models/bronze/batch.yaml", "source: { files: 'data/*.csv', format: csv }\n")
        for mode in MODES:
            self.model(mode, mode, self.spark)
        self.model("every", "append", self.every)
        for batch in range(1, matrix.BATCHES + 1):
            self.write(f"data/{batch}.csv", f"batch\n{batch}\n")
            self.ok("run")
        self.snapshots = {name: self.history(name) for name in [*MODES, "every"]}

    def write(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")

    def model(self, name, mode, model):
        columns = ", ".join(f'r."{name}"' for name in model.names)
        batch = "r.batch, " if mode == "merge" else ""
        self.write(f"models/silver/{name}.sql",
                   f"/* ---\n{HEADERS[mode]}--- */\nSELECT {batch}{columns}\nFROM bronze.batch b "
                   f"JOIN (\n{matrix.source(model.columns)}\n) r ON r.batch = b.batch\n")

    def ok(self, *args):
        return self.assay.ok(*args, cwd=self.root)

    def history(self, name):
        """Snapshot ids, oldest first: one a batch."""
        shown = self.ok("table", "history", f"silver.{name}", "--output", "json").json()["snapshots"]
        ids = [snapshot["snapshot_id"] for snapshot in reversed(shown)]
        assert len(ids) == matrix.BATCHES, shown
        return ids

    def location(self, name):
        return str(self.root / "lake" / "silver" / name)

    def query(self, sql, *args):
        path = self.root / "out.parquet"
        self.ok("query", sql, "--output", "parquet", "--file", str(path), *args)
        return pq.read_table(path)

    def shown(self, name):
        """SQL of a table in the types that other programs see."""
        model = self.every if name == "every" else self.spark
        return f"SELECT id, part, {model.shown()} FROM silver.{name}"

    def expected(self, name, batches):
        model = self.every if name == "every" else self.spark
        return model.rows("append" if name == "every" else name, batches)

    def check(self, name, read, null_is_empty=()):
        """read(snapshot id) gives an Arrow table; at every snapshot it has the model's rows.
        `null_is_empty`: columns of which the reader takes NULL for an empty list, a bug of its own."""
        model = self.every if name == "every" else self.spark
        for batches, snapshot in enumerate(self.snapshots[name], 1):
            found = matrix.rows_of(read(snapshot), model.names)
            expected = self.expected(name, batches)
            for mine, theirs in zip(expected, found):
                for key in null_is_empty:
                    mine[key], theirs[key] = emptied(mine[key]), emptied(theirs[key])
                wrong = {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}
                assert not wrong, (name, batches, wrong)
            assert len(found) == len(expected)


def emptied(value):
    """A nested value without the difference between NULL and an empty list."""
    if isinstance(value, list):
        return [emptied(inner) for inner in value] or None
    if isinstance(value, dict):
        return {key: emptied(inner) for key, inner in value.items()}
    return value


@pytest.fixture(scope="module")
def lakes(tmp_path_factory, assay):
    made = {}

    def lake(table_format):
        if table_format not in made:
            made[table_format] = Lake(tmp_path_factory.mktemp(table_format), assay, table_format)
        return made[table_format]

    return lake


# ---- reading ----

@pytest.mark.parametrize("name", [*MODES, "every"])
@pytest.mark.parametrize("table_format", FORMATS)
def test_assay_reads_what_it_wrote(lakes, table_format, name):
    lake = lakes(table_format)
    lake.check(name, lambda snapshot: lake.query(lake.shown(name), "--at", str(snapshot)))


def test_types_are_shown_as_they_were_written(lakes):
    for table_format in FORMATS:
        shown = lakes(table_format).ok("table", "show", "silver.every", "--output", "json").json()
        types = {column["name"]: column["type"] for column in shown["columns"]}
        wanted = {column.name: column.type for column in matrix.columns(False)}
        wanted |= {"instant": "TIMESTAMP WITH TIME ZONE"}
        for name, type_name in wanted.items():
            assert types[name].replace('"', "") == type_name, table_format


@pytest.mark.parametrize("name", [*MODES, "every"])
def test_pyiceberg_reads_the_same(lakes, name):
    lake = lakes("iceberg")
    lake.check(name, lambda snapshot: peers.read_pyiceberg(lake.location(name), snapshot),
               null_is_empty={"deep", "deeper"})


def test_pyiceberg_takes_null_lists_and_maps_of_structs_for_empty_ones(tmp_path):
    """Its own bug (0.12.0), with a file of pyarrow: why two columns are compared without that above."""
    from pyiceberg.catalog.sql import SqlCatalog

    inner = pa.struct([("x", pa.timestamp("us"))])
    rows = pa.table({"m": pa.array([None, [(1, {"x": None})]], pa.map_(pa.int32(), inner)),
                     "l": pa.array([None, [{"x": None}]], pa.list_(inner))})
    file = tmp_path / "rows.parquet"
    pq.write_table(rows, file)
    assert pq.read_table(file)["m"].to_pylist()[0] is None
    catalog = SqlCatalog("t", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=rows.schema)
    table.add_files([str(file)])
    assert table.scan().to_arrow()["m"].to_pylist()[0] == []
    assert table.scan().to_arrow()["l"].to_pylist()[0] == []


@pytest.mark.parametrize("name", [*MODES, "every"])
def test_delta_rs_reads_the_same(lakes, name):
    lake = lakes("delta")
    lake.check(name, lambda version: peers.read_deltars(lake.location(name), version))


@pytest.mark.parametrize("name", [*MODES, "every"])
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_duckdb_reads_the_same(lakes, table_format, name):
    lake = lakes(table_format)
    connection = peers.duckdb_connect()
    connection.execute("SET TimeZone = 'UTC'")

    def read(snapshot):
        if table_format == "iceberg":
            return connection.execute("SELECT * FROM iceberg_scan(?, snapshot_from_id => ?)",
                                      [peers.iceberg_metadata(lake.location(name)), snapshot]
                                      ).to_arrow_table()
        return connection.execute("SELECT * FROM delta_scan(?, version => ?)",
                                  [lake.location(name), snapshot]).to_arrow_table()

    lake.check(name, read)


@pytest.mark.parametrize("name", [*MODES, "every"])
def test_parquet_versions_are_read_by_pyarrow_and_duckdb(lakes, name):
    import duckdb
    import pyarrow.dataset as ds

    lake = lakes("parquet")
    folder = os.path.join(lake.root, "lake", "silver", f".{name}")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    lake.check(name, lambda version: ds.dataset(
        os.path.join(folder, f"v{version}"), format="parquet",
        exclude_invalid_files=True).to_table())
    lake.check(name, lambda version: connection.execute(
        "FROM read_parquet(?, hive_partitioning = false)",
        [os.path.join(folder, f"v{version}", "**", "*.parquet")]).to_arrow_table())


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("table_format", FORMATS)
def test_spark_reads_the_same(lakes, spark, table_format, name):
    lake = lakes(table_format)

    def read(snapshot):
        if table_format == "parquet":
            folder = os.path.join(lake.root, "lake", "silver", f".{name}", f"v{snapshot}")
            frame = spark.read.schema(parquet_schema(lakes, spark)).option(
                "recursiveFileLookup", "true").parquet(folder)
            return with_key(frame.toArrow(), lake.query(
                lake.shown(name), "--at", str(snapshot)))
        return peers.read_spark(spark, lake.location(name), table_format,
                                {"versionAsOf": str(snapshot)})

    lake.check(name, read)


def parquet_schema(lakes, spark):
    """Spark refuses to find out the types of a Parquet file that has a UUID; it reads the others."""
    from pyspark.sql.types import StructType

    schema = spark.read.format("delta").load(lakes("delta").location("append")).schema
    return StructType([field for field in schema.fields if field.name != "key"])


def with_key(without, complete):
    """The rows with the column that Spark cannot read, joined by the other ones' order of ids."""
    without = without.sort_by([("id", "ascending"), ("part", "ascending"), ("big", "ascending")])
    complete = complete.sort_by([("id", "ascending"), ("part", "ascending"), ("big", "ascending")])
    return without.append_column("key", complete.column("key"))


@pytest.mark.parametrize("value", ["'infinity'::DATE", "'0001-01-01 (BC)'::DATE",
                                   "['-infinity'::TIMESTAMP]", "{a: '10000-01-01'::TIMESTAMPTZ}"])
@pytest.mark.parametrize("table_format", FORMATS)
def test_moments_that_no_reader_knows_are_refused(project, table_format, value):
    project.storage(format=table_format)
    project.model("silver.t", f"select 1 as id, {value} as v")
    result = project.run("run")
    assert result.code == 1 and "E4030" in result.err and "'v'" in result.err, result
    assert "silver.t" not in project.ok("table", "list").out


# ---- statistics never hide a row ----

def counts(model, mode, column):
    """{edge value: rows that have it} in the last snapshot; NaN is the value "nan", NULL None."""
    rows = model.rows(mode, matrix.BATCHES)
    found = {}
    for row in rows:
        value = row[column.name]
        found[value] = found.get(value, 0) + 1
    return found


def searched(column, model):
    """(value as the readers take it, value as rows_of shows it) for each edge of a column."""
    for value in model.edges(column):
        shown = matrix.plain(value)
        yield value, "0.0" if shown == -0.0 and isinstance(shown, float) else shown


def matches(rows, column, shown):
    if shown == "0.0":
        return sum(row[column.name] == 0.0 and isinstance(row[column.name], float) for row in rows)
    return sum(row[column.name] == shown for row in rows)


def as_text(value):
    """A number or text as SQL casts it."""
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


SEARCHED = [column for column in matrix.columns(True) if column.scalar]


@pytest.mark.parametrize("name", ["append", "merge", "replace_partitions"])
def test_pyiceberg_finds_every_value(lakes, name):
    from pyiceberg.expressions import EqualTo, GreaterThanOrEqual, IsNaN, IsNull, LessThanOrEqual
    from pyiceberg.table import StaticTable

    lake = lakes("iceberg")
    rows = lake.expected(name, matrix.BATCHES)
    table = StaticTable.from_metadata(peers.iceberg_metadata(lake.location(name)))

    def found(condition):
        return table.scan(row_filter=condition, selected_fields=("id",)).to_arrow().num_rows

    for column in SEARCHED:
        for value, shown in searched(column, lake.spark):
            if value is None:
                assert found(IsNull(column.name)) == matches(rows, column, None)
                continue
            if is_nan(value):
                assert found(IsNaN(column.name)) == matches(rows, column, "nan")
                continue
            if column.type == "FLOAT" and math.isinf(value):
                continue  # see the next test
            if hasattr(value, "isoformat"):
                value = value.isoformat()
            expected = matches(rows, column, shown)
            assert found(EqualTo(column.name, value)) == expected, (column.name, value)
            assert found(GreaterThanOrEqual(column.name, value)) >= expected, (column.name, value)
            assert found(LessThanOrEqual(column.name, value)) >= expected, (column.name, value)


def test_pyiceberg_has_no_infinity_of_32_bits():
    """Its own bug (0.12.0): infinity is above the greatest float, and so no row can have it."""
    from pyiceberg.expressions.literals import FloatAboveMax, literal
    from pyiceberg.types import FloatType

    assert isinstance(literal(math.inf).to(FloatType()), FloatAboveMax)


@pytest.mark.parametrize("name", ["append", "merge", "replace_partitions"])
def test_delta_rs_finds_every_value(lakes, name):
    """By its query engine, and, where every file has bounds, by the dataset that to_pandas uses."""
    import pyarrow.compute as pc
    from deltalake import DeltaTable, QueryBuilder

    lake = lakes("delta")
    rows = lake.expected(name, matrix.BATCHES)
    table = DeltaTable(lake.location(name))
    engine = QueryBuilder().register("t", table)
    dataset = table.to_pyarrow_dataset()
    bounds = pa.table(table.get_add_actions(flatten=True))
    bounded = 0
    for column in SEARCHED:
        known = all(f"{end}.{column.name}" in bounds.column_names and
                    bounds.column(f"{end}.{column.name}").null_count == 0 for end in ("min", "max"))
        bounded += known
        for value, shown in searched(column, lake.spark):
            expected = matches(rows, column, shown)
            test = f'"{column.name}" {datafusion_test(column, value)}'
            found = pa.table(engine.execute(f"SELECT id FROM t WHERE {test}").read_all()).num_rows
            assert found == expected, test
            if known and value is not None:
                wanted = pa.scalar(value, dataset.schema.field(column.name).type)
                for end, condition in enumerate([pc.field(column.name) == wanted,
                                                 pc.field(column.name) >= wanted,
                                                 pc.field(column.name) <= wanted]):
                    found = dataset.to_table(columns=["id"], filter=condition).num_rows
                    assert found >= expected if end else found == expected, (column.name, value)
    assert bounded >= 15


def datafusion_test(column, value):
    if value is None:
        return "IS NULL"
    if isinstance(value, bool):
        return f"= {value}"
    if isinstance(value, (bytes, bytearray)):
        return f"= X'{bytes(value).hex()}'"
    if isinstance(value, float):
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        text = "NaN" if is_nan(value) else words.get(value, repr(value))
        return f"= arrow_cast('{text}', '{'Float32' if column.type == 'FLOAT' else 'Float64'}')"
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    text = as_text(value).replace("'", "''")
    types = {"DATE": "Date32", "TIMESTAMP": "Timestamp(Microsecond, None)",
             "TIMESTAMPTZ": 'Timestamp(Microsecond, Some("UTC"))', "VARCHAR": "Utf8"}
    type_name = column.shown or column.type
    if type_name.startswith("DECIMAL"):
        precision, scale = type_name[8:-1].split(",")
        arrow = f"Decimal128({precision}, {scale})"
    else:
        arrow = types.get(type_name, "Int64")
    return f"= arrow_cast('{text}', '{arrow}')"


def test_delta_rs_misses_rows_of_files_without_bounds(tmp_path):
    """Its own bug (1.6.6), with a table that it wrote: missing bounds become a comparison with null
    in the dataset, and the protocol lets bounds be missing. Its query engine knows that."""
    import pyarrow.compute as pc
    from deltalake import DeltaTable, QueryBuilder, write_deltalake

    write_deltalake(str(tmp_path), pa.table({"id": [1, 2], "name": ["a", "b"]}))
    (log,) = (tmp_path / "_delta_log").glob("*.json")
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            stats = json.loads(action["add"]["stats"])
            del stats["minValues"]["name"], stats["maxValues"]["name"]
            action["add"]["stats"] = json.dumps(stats)
    log.write_text("\n".join(json.dumps(action) for action in actions))
    table = DeltaTable(str(tmp_path))
    assert table.to_pyarrow_dataset().to_table(filter=pc.field("name") == "a").num_rows == 0
    engine = QueryBuilder().register("t", table)
    assert pa.table(engine.execute("SELECT * FROM t WHERE name = 'a'").read_all()).num_rows == 1


@pytest.mark.parametrize("name", ["append", "merge", "replace_partitions"])
@pytest.mark.parametrize("table_format", ["iceberg", "delta", "parquet"])
def test_duckdb_and_assay_find_every_value(lakes, table_format, name):
    lake = lakes(table_format)
    rows = lake.expected(name, matrix.BATCHES)
    connection = peers.duckdb_connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE TABLE edges AS SELECT * FROM (" + matrix.source(lake.spark.columns) + ")")
    relation = {"iceberg": f"iceberg_scan('{peers.iceberg_metadata(lake.location(name))}')"
                if table_format == "iceberg" else None,
                "delta": f"delta_scan('{lake.location(name)}')",
                "parquet": f"read_parquet('{lake.location(name)}/**/*.parquet')"}[table_format]
    queries, wanted = [], []
    for column in SEARCHED:
        for turn, (value, shown) in enumerate(searched(column, lake.spark)):
            type_name = column.shown or column.type
            if value is None:
                test = "IS NULL"
            else:
                literal = connection.execute(
                    f'SELECT DISTINCT "{column.name}"::{type_name}::VARCHAR FROM edges WHERE '
                    f'"{column.name}"::{type_name} = ?::{type_name}', [value]).fetchall()
                literal = literal[0][0].replace("'", "''")
                test = f"= '{literal}'::{type_name}"
            queries.append(f"SELECT '{column.name}' AS c, {turn} AS n, count(*) AS found FROM {{}} "
                           f'WHERE "{column.name}" {test}')
            wanted.append((column.name, turn, matches(rows, column, shown)))
    sql = "\nUNION ALL\n".join(queries)
    by_duckdb = connection.execute(sql.replace("{}", relation)).fetchall()
    assert [row for row in by_duckdb if row not in wanted] == []
    by_assay = lake.query(sql.replace("{}", f"silver.{name}")).to_pylist()
    assert [row for row in by_assay if (row["c"], row["n"], row["found"]) not in wanted] == []


MEMBERS = [("rec.a", 1, "1"), ("rec.a", -1, "-1"), ("rec.b", "x", "'x'"), ("rec.b", "", "''"),
           ("rec.c.d", 1.5, "1.5"), ("rec.c.e", "1969-12-31", "DATE '1969-12-31'")]


@pytest.mark.parametrize("table_format", FORMATS)
def test_members_of_structs_are_found(lakes, table_format):
    from deltalake import DeltaTable, QueryBuilder
    from pyiceberg.expressions import EqualTo
    from pyiceberg.table import StaticTable

    lake = lakes(table_format)
    location = lake.location("append")
    connection = peers.duckdb_connect()
    connection.execute("CREATE TABLE rows AS SELECT * FROM (" + matrix.source(lake.spark.columns) + ")")
    sql = "\nUNION ALL\n".join(
        f"SELECT {number} AS n, count(*)::INT AS found FROM {{}} WHERE {path} = {literal}"
        for number, (path, _, literal) in enumerate(MEMBERS))
    expected = sorted(connection.execute(sql.replace("{}", "rows")).fetchall())
    assert all(found > 0 for _, found in expected)
    assert sorted(tuple(row) for row in lake.ok("query", sql.replace("{}", "silver.append"), "--output",
                                                "json").json()["rows"]) == expected
    if table_format == "iceberg":
        table = StaticTable.from_metadata(peers.iceberg_metadata(location))
        found = [table.scan(row_filter=EqualTo(path, value), selected_fields=("id",)).to_arrow().num_rows
                 for path, value, _ in MEMBERS]
        assert list(enumerate(found)) == expected
        relation = f"iceberg_scan('{peers.iceberg_metadata(location)}')"
    elif table_format == "delta":
        engine = QueryBuilder().register("t", DeltaTable(location))
        for number, (path, _, literal) in enumerate(MEMBERS):
            column, *members = path.split(".")
            path = column + "".join(f"['{member}']" for member in members)
            found = engine.execute(f"SELECT id FROM t WHERE {path} = {literal}").read_all()
            assert (number, pa.table(found).num_rows) == expected[number]
        relation = f"delta_scan('{location}')"
    else:
        relation = f"read_parquet('{location}/**/*.parquet')"
    assert sorted(connection.execute(sql.replace("{}", relation)).fetchall()) == expected


@pytest.mark.parametrize("table_format", FORMATS)
def test_spark_finds_every_value(lakes, spark, table_format):
    """Of each column NULL and two values, many a query: Spark plans long, and reads little."""
    from pyspark.sql import functions as f

    lake = lakes(table_format)
    rows = lake.expected("append", matrix.BATCHES)
    if table_format == "parquet":
        frame = spark.read.schema(parquet_schema(lakes, spark)).parquet(lake.location("append"))
    else:
        frame = spark.read.format(table_format).load(lake.location("append"))
    parts, wanted = [], []
    for column in SEARCHED:
        if column.name not in frame.columns or (column.name, table_format) == ("key", "iceberg"):
            continue  # of UUIDs see the next test
        values = list(searched(column, lake.spark))
        for turn, (value, shown) in enumerate([*values[:2], *values[-1:]]):
            condition = f.col(column.name).isNull() if value is None else \
                f.col(column.name) == spark_literal(value, frame.schema[column.name].dataType)
            parts.append(frame.where(condition).agg(
                f.lit(f"{column.name} {turn}").alias("test"), f.count("*").alias("found")))
            wanted.append((f"{column.name} {turn}", matches(rows, column, shown)))
    found = []
    for first in range(0, len(parts), 24):
        found += functools.reduce(lambda a, b: a.unionAll(b), parts[first:first + 24]).collect()
    assert sorted(tuple(row) for row in found) == sorted(wanted)


def test_spark_finds_no_uuid_between_low_and_high_ones(tmp_path, spark):
    """Its own bug (Iceberg 1.11 in Spark 4.1), with a table of PyIceberg: bounds of UUIDs are compared
    as signed numbers, so that the range from 0... to f... is empty."""
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField, UUIDType

    keys = ["00000000-0000-4000-8000-000000000000", "12345678-9abc-4def-8123-456789abcdef",
            "ffffffff-ffff-4fff-8fff-ffffffffffff"]
    catalog = SqlCatalog("t", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=Schema(NestedField(1, "key", UUIDType())))
    table.append(pa.table({"key": pa.array([uuid.UUID(key).bytes for key in keys], pa.uuid())}))
    frame = spark.read.format("iceberg").load(table.metadata_location)
    assert sorted(row.key for row in frame.collect()) == keys
    assert frame.where(f"key = '{keys[1]}'").count() == 0


def spark_literal(value, data_type):
    from pyspark.sql import functions as f

    if isinstance(value, (bytes, bytearray)):
        return f.unhex(f.lit(bytes(value).hex()))
    if hasattr(value, "isoformat"):
        value = value.isoformat().replace("T", " ")
    if isinstance(value, float):
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        value = "NaN" if is_nan(value) else words.get(value, repr(value))
    return f.lit(as_text(value)).cast(data_type)


# ---- what others wrote ----

FOREIGN = ["flag", "int", "big", "real", "wide", "d9", "d38", "txt", "raw", "day", "at", "instant", "ints",
           "words", "rec", "dict", "deep", "deeper"]


@pytest.fixture
def foreign(project):
    """(project, rows of the model as an Arrow table, rows as they must be read)."""
    chosen = [column for column in matrix.COLUMNS if column.name in FOREIGN]
    model = matrix.Model(chosen)
    project.storage(format="iceberg", warehouse="lake", catalog="sqlite")
    return project, model.table("true"), model.rows("append", matrix.BATCHES), model.names


def thirds(rows):
    """Three copies: delta-rs does not stand slices of nested columns."""
    size = rows.num_rows // 3
    return [rows.take(list(range(first, first + size))) for first in range(0, rows.num_rows, size)]


def check_foreign(project, table, expected, names, null_is_empty=()):
    path = project.root / "out.parquet"
    columns = ", ".join(f'"{name}"' for name in names)
    project.ok("query", f"select {columns} from {table}", "--output", "parquet", "--file", str(path))
    found = matrix.rows_of(pq.read_table(path), names)
    for mine, theirs in zip(expected, found):
        for key in null_is_empty:
            mine[key], theirs[key] = emptied(mine[key]), emptied(theirs[key])
        wrong = {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}
        assert not wrong, wrong
    assert len(found) == len(expected)


def check_predicates(project, table, expected, model_names):
    """assay's own reading of foreign statistics: a value of every row is found."""
    parts = []
    for name in model_names:
        parts.append(f"select '{name}' as c, count(*) as n from {table} where \"{name}\" in "
                     f"(select \"{name}\" from {table}) or \"{name}\" is null")
    rows = project.query(" union all ".join(parts))["rows"]
    assert {(name, count) for name, count in rows} == {(name, len(expected)) for name in model_names}


def test_a_table_of_pyiceberg_is_read_with_every_type(foreign):
    from pyiceberg.catalog.sql import SqlCatalog

    project, rows, expected, names = foreign
    lake = project.root / "lake"
    lake.mkdir()
    catalog = SqlCatalog("assay", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}")
    catalog.create_namespace("silver")
    table = catalog.create_table("silver.theirs", schema=rows.schema)
    for part in thirds(rows):
        table.append(part)
    # NULL lists and maps of structs are lost as PyIceberg writes, too.
    check_foreign(project, "silver.theirs", expected, names, {"deep", "deeper"})
    check_predicates(project, "silver.theirs", expected, FOREIGN[:12])


def test_a_table_of_delta_rs_is_read_with_every_type(foreign):
    from deltalake import write_deltalake

    project, rows, expected, names = foreign
    # A naive timestamp in a map is refused by its writer, which forgets the table feature for it.
    names = [name for name in names if name != "deeper"]
    for row in expected:
        del row["deeper"]
    for part in thirds(rows.select(names)):
        write_deltalake(project.table("silver.theirs"), part, mode="append")
    check_foreign(project, "silver.theirs", expected, names)
    check_predicates(project, "silver.theirs", expected, FOREIGN[:12])


def test_a_parquet_folder_of_pyarrow_is_read_with_every_type(foreign):
    project, rows, expected, names = foreign
    folder = project.root / "lake" / "silver" / "theirs"
    folder.mkdir(parents=True)
    for number, part in enumerate(thirds(rows)):
        pq.write_table(part, folder / f"{number}.parquet")
    check_foreign(project, "silver.theirs", expected, names)
    check_predicates(project, "silver.theirs", expected, FOREIGN[:12])


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_a_table_of_spark_is_read_with_every_type(foreign, spark, tmp_path, table_format):
    project, rows, expected, names = foreign
    project.storage(format="iceberg", warehouse="lake")
    source = tmp_path / "source"
    source.mkdir()
    for number, part in enumerate(thirds(rows)):
        pq.write_table(part, source / f"{number}.parquet")
    frame = spark.read.parquet(str(source))
    location = project.table("silver.theirs")
    if table_format == "delta":
        frame.write.format("delta").save(location)
    else:
        name = f"warehouse{project.root.parent.name}".replace("-", "_")
        spark.conf.set(f"spark.sql.catalog.{name}", "org.apache.iceberg.spark.SparkCatalog")
        spark.conf.set(f"spark.sql.catalog.{name}.type", "hadoop")
        spark.conf.set(f"spark.sql.catalog.{name}.warehouse", str(project.root / "lake"))
        frame.writeTo(f"{name}.silver.theirs").using("iceberg").create()
    check_foreign(project, "silver.theirs", expected, names)
    check_predicates(project, "silver.theirs", expected, FOREIGN[:12])
