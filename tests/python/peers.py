"""The programs that must read what assay writes: each read gives a pyarrow table, sorted.

Nothing here reaches a network; everything is installed by tools/bootstrap-test.
"""
import glob
import json
import os
import re

import pyarrow as pa


def cache_dir():
    cache = os.environ.get("ASSAY_CACHE")
    if cache:
        return cache
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "assay")


def adbc_driver(name):
    """The shared library of an ADBC driver that tools/bootstrap fetched."""
    return os.path.join(cache_dir(), "drivers", f"libadbc_driver_{name}.so")


def sorted_table(table, columns=None):
    """The rows in an order that depends only on their values, so that tables compare by ==."""
    if columns:
        table = table.select(columns)
    rows = table.to_pylist()
    order = sorted(range(len(rows)), key=lambda i: json.dumps(rows[i], default=str, sort_keys=True))
    return table.take(pa.array(order, pa.int64()))


def sorted_rows(table, columns=None):
    """The rows as Python values, sorted: what the peers' differing Arrow types have in common."""
    return sorted_table(table, columns).to_pylist()


def iceberg_metadata(location):
    """The newest metadata file of a table in a folder: by version-hint.text, else by number."""
    folder = os.path.join(location, "metadata")
    hint = os.path.join(folder, "version-hint.text")
    if os.path.exists(hint):
        with open(hint, encoding="utf-8") as file:
            version = int(file.read().strip())
        # A hint may be late; readers go on to the newest one that exists.
        while os.path.exists(os.path.join(folder, f"v{version + 1}.metadata.json")):
            version += 1
        return os.path.join(folder, f"v{version}.metadata.json")
    files = glob.glob(os.path.join(folder, "*.metadata.json"))
    if not files:
        raise FileNotFoundError(f"no Iceberg metadata in {folder}")
    return max(files, key=lambda f: [int(n) for n in re.findall(r"\d+", os.path.basename(f))][:1])


def read_pyiceberg(location, snapshot_id=None):
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(iceberg_metadata(location))
    return table.scan(snapshot_id=snapshot_id).to_arrow()


def read_deltars(location, version=None):
    from deltalake import DeltaTable

    return pa.table(DeltaTable(location, version=version).to_pyarrow_table())


def duckdb_connect():
    """DuckDB for Python with its own iceberg and delta extensions, loaded from their wheels."""
    import duckdb
    import importlib

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for name in ("avro", "iceberg", "delta"):
        package = importlib.import_module(f"duckdb_extension_{name}")
        pattern = os.path.join(os.path.dirname(package.__file__), "extensions", "*",
                               f"{name}.duckdb_extension")
        (path,) = glob.glob(pattern)
        connection.execute("LOAD '" + path.replace("'", "''") + "'")
    return connection


def read_duckdb(location, table_format, connection=None):
    connection = connection or duckdb_connect()
    if table_format == "iceberg":
        relation = connection.execute("SELECT * FROM iceberg_scan(?)", [iceberg_metadata(location)])
    elif table_format == "delta":
        relation = connection.execute("SELECT * FROM delta_scan(?)", [location])
    else:
        relation = connection.execute(
            "SELECT * FROM read_parquet(?, hive_partitioning = true)",
            [os.path.join(location, "**", "*.parquet")])
    return relation.to_arrow_table()


def spark_session(warehouse):
    """One local Spark with an Iceberg folder catalog `ice` over `warehouse`, and Delta."""
    from pyspark.sql import SparkSession

    jars = sorted(glob.glob(os.path.join(cache_dir(), "jars", "*.jar")))
    if not jars:
        raise RuntimeError("Spark's jars are missing: run tools/bootstrap-test")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.jars": ",".join(jars),
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.warehouse.dir": os.path.join(warehouse, "spark"),
        "spark.local.dir": os.path.join(warehouse, "tmp"),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions,"
                                "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.ice.type": "hadoop",
        "spark.sql.catalog.ice.warehouse": warehouse,
    }
    builder = SparkSession.builder.master("local[2]").appName("assay-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def read_spark(session, location, table_format, options=None):
    """Reads a table by its folder; `options` as Spark's reader takes them (snapshot-id, versionAsOf)."""
    reader = session.read.format(table_format)
    for name, value in (options or {}).items():
        reader = reader.option(name, value)
    return reader.load(location).toArrow()
