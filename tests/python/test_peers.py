"""The peers themselves work here: without this, an interop test that fails would say nothing."""
import pyarrow as pa

import peers

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_pyiceberg_reads_a_table_it_made(tmp_path):
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("t", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/w")
    catalog.create_namespace("n")
    data = pa.Table.from_pylist(ROWS)
    table = catalog.create_table("n.t", schema=data.schema)
    table.append(data)
    location = table.location().removeprefix("file://")
    assert peers.sorted_rows(peers.read_pyiceberg(location)) == ROWS


def test_duckdb_reads_iceberg_and_delta_of_pyiceberg_and_delta_rs(tmp_path):
    from deltalake import write_deltalake
    from pyiceberg.catalog.sql import SqlCatalog

    data = pa.Table.from_pylist(ROWS)
    write_deltalake(tmp_path / "d", data)
    catalog = SqlCatalog("t", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/w")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=data.schema)
    table.append(data)
    location = table.location().removeprefix("file://")
    connection = peers.duckdb_connect()
    assert peers.sorted_rows(peers.read_duckdb(location, "iceberg", connection)) == ROWS
    assert peers.sorted_rows(peers.read_duckdb(str(tmp_path / "d"), "delta", connection)) == ROWS


def test_delta_rs_reads_a_table_it_made(tmp_path):
    from deltalake import write_deltalake

    write_deltalake(tmp_path / "d", pa.Table.from_pylist(ROWS))
    assert peers.sorted_rows(peers.read_deltars(str(tmp_path / "d"))) == ROWS


def test_spark_reads_an_iceberg_table_it_made(spark, read):
    spark.sql("CREATE TABLE ice.peers.t (a BIGINT, b STRING) USING iceberg")
    spark.sql("INSERT INTO ice.peers.t VALUES (1, 'x'), (2, 'y')")
    location = spark.conf.get("spark.sql.catalog.ice.warehouse") + "/peers/t"
    assert read.spark(location, "iceberg").to_pylist() == ROWS
    assert read.pyiceberg(location).to_pylist() == ROWS


def test_spark_reads_a_delta_table_it_made(spark, read, tmp_path):
    location = str(tmp_path / "d")
    spark.sql(f"CREATE TABLE delta.`{location}` (a BIGINT, b STRING) USING delta")
    spark.sql(f"INSERT INTO delta.`{location}` VALUES (1, 'x'), (2, 'y')")
    assert read.spark(location, "delta").to_pylist() == ROWS
    assert read.deltars(location).to_pylist() == ROWS


def test_the_openlineage_schemas_are_checked_with_their_formats():
    from jsonschema import Draft202012Validator

    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator({"type": "string", "format": "date-time"},
                                     format_checker=checker)
    assert validator.is_valid("2024-01-01T00:00:00Z")
    assert not validator.is_valid("yesterday")
