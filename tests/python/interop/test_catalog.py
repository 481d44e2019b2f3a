"""One SQLite catalog, several programs: PyIceberg's SqlCatalog and Spark's jdbc catalog open, append to
and merge into assay's tables, and assay goes on after them."""
import itertools
import json
import sqlite3
import subprocess
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import peers

NUMBERS = itertools.count(1)


def start(project, name="assay", **storage):
    """bronze.orders (append, from files) -> silver.log (new rows), gold.sums (full)."""
    project.storage(warehouse="lake", catalog="sqlite", iceberg={"catalog_name": name}, **storage)
    project.extract("bronze.orders", source={"files": "data/*.csv", "format": "csv"})
    project.model("silver.log", "select id, name from bronze.orders", mode="append",
                  new_rows_of=["bronze.orders"])
    project.model("gold.sums", "select count(*) as n, sum(id)::BIGINT as total from silver.log")
    project.write("data/1.csv", "id,name\n1,a\n2,b\n")
    return project


def database(project):
    return str(project.root / "lake" / "catalog.db")


def pyiceberg(project, name="assay"):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog(name, uri=f"sqlite:///{database(project)}",
                      warehouse=f"file://{project.root / 'lake'}")


def pointers(project):
    connection = sqlite3.connect(database(project))
    rows = connection.execute("SELECT table_namespace || '.' || table_name, metadata_location FROM "
                              "iceberg_tables ORDER BY 1").fetchall()
    connection.close()
    return dict(rows)


def ids(project, table="silver.log", *args):
    return sorted(row[0] for row in project.query(f"select id from {table}", *args)["rows"])


def listed(project):
    tables = project.ok("table", "list", "--output", "json").json()["tables"]
    return {table["name"]: table for table in tables}


def log_rows(*pairs):
    return pa.table({"id": pa.array([i for i, _ in pairs], pa.int64()),
                     "name": [name for _, name in pairs]})


# ---- PyIceberg ----

def test_pyiceberg_and_assay_take_turns(project):
    start(project).ok("run")
    catalog = pyiceberg(project)
    assert sorted(catalog.list_namespaces()) == [("bronze",), ("gold",), ("silver",)]
    assert catalog.list_tables("silver") == [("silver", "log")]
    table = catalog.load_table("silver.log")
    fields = {field.name: field.field_id for field in table.schema().fields}
    assert table.scan().to_arrow().sort_by("id").to_pydict() == {"id": [1, 2], "name": ["a", "b"]}
    table.append(log_rows((100, "py")))
    merged = table.upsert(log_rows((1, "A"), (7, "seven")), join_cols=["id"])
    assert (merged.rows_updated, merged.rows_inserted) == (1, 1)
    table.delete("id = 2")
    assert ids(project) == [1, 7, 100]
    shown = project.ok("table", "show", "silver.log", "--output", "json").json()
    assert shown["foreign_commits"] >= 3
    # assay goes on: only the rows that it has not consumed come in, and all of it is read by the other
    project.write("data/2.csv", "id,name\n3,c\n")
    result = project.ok("run")
    assert "commits of another program" in result.err, result
    table = catalog.load_table("silver.log")
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == [1, 3, 7, 100]
    assert {field.name: field.field_id for field in table.schema().fields} == fields
    assert project.query("select n, total from gold.sums")["rows"] == [[4, 111]]
    again = project.ok("run")
    assert "3 skipped" in again.err, again
    # every snapshot of either program is there for both
    for snapshot in table.metadata.snapshots:
        theirs = sorted(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()["id"].to_pylist())
        assert ids(project, "silver.log", "--at", str(snapshot.snapshot_id)) == theirs


def test_rows_that_pyiceberg_adds_are_new_rows(project):
    start(project).ok("run")
    bronze = pyiceberg(project).load_table("bronze.orders")
    row = {field.name: [None] for field in bronze.schema().fields} | {"id": [50], "name": ["py"]}
    bronze.append(pa.Table.from_pydict(row, schema=bronze.schema().as_arrow()))
    project.write("data/2.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project) == [1, 2, 3, 50]
    project.ok("run")
    assert ids(project) == [1, 2, 3, 50]


def test_columns_that_pyiceberg_adds_keep_their_ids(project):
    from pyiceberg.types import StringType

    start(project).ok("run")
    table = pyiceberg(project).load_table("silver.log")
    with table.update_schema() as update:
        update.add_column("note", StringType())
        update.rename_column("name", "title")
    table.append(pa.table({"id": pa.array([9], pa.int64()), "title": ["nine"], "note": ["new"]}))
    fields = {field.name: field.field_id for field in table.refresh().schema().fields}
    assert project.query("select id, title, note from silver.log order by id")["rows"] == [
        [1, "a", None], [2, "b", None], [9, "nine", "new"]]
    project.model("silver.log", "select id, name as title from bronze.orders", mode="append",
                  new_rows_of=["bronze.orders"])
    project.write("data/2.csv", "id,name\n3,c\n")
    project.ok("run", "bronze.orders", "silver.log")
    table = pyiceberg(project).load_table("silver.log")
    assert {field.name: field.field_id for field in table.schema().fields} == fields
    assert table.scan().to_arrow().sort_by("id").to_pylist()[2] == {"id": 3, "title": "c", "note": None}


def test_expiry_after_commits_of_others_loses_nothing(project):
    start(project, keep={"snapshots": 1, "days": 0}).ok("run")
    for number in range(3):
        pyiceberg(project).load_table("silver.log").append(log_rows((100 + number, "py")))
    pyiceberg(project).load_table("silver.log").delete("id = 100")
    before = ids(project)
    project.ok("table", "expire", "silver.log")
    table = pyiceberg(project).load_table("silver.log")
    assert len(table.metadata.snapshots) == 1
    assert ids(project) == before == sorted(table.scan().to_arrow()["id"].to_pylist())
    needed = {Path(entry["file_path"].removeprefix("file://")).name
              for entry in table.inspect.files().to_pylist()}
    lying = {path.name for path in Path(project.table("silver.log")).rglob("*.parquet")}
    assert lying == needed
    table.append(log_rows((200, "after")))
    assert ids(project) == sorted([*before, 200])


def test_a_renamed_a_dropped_and_a_new_table_are_seen(project):
    start(project).ok("run")
    catalog = pyiceberg(project)
    assert sorted(listed(project)) == ["bronze.orders", "gold.sums", "silver.log"]
    catalog.rename_table("gold.sums", "gold.renamed")
    catalog.drop_table("silver.log")
    made = catalog.create_table("silver.theirs", schema=pa.schema([("x", pa.int32())]))
    made.append(pa.table({"x": pa.array([5, 6], pa.int32())}))
    assert sorted(listed(project)) == ["bronze.orders", "gold.renamed", "silver.theirs"]
    assert listed(project)["silver.theirs"]["rows"] == 2
    assert project.query("select n from gold.renamed")["rows"] == [[2]]
    assert project.query("select sum(x)::INT from silver.theirs")["rows"] == [[11]]
    result = project.run("query", "select * from silver.log")
    assert result.code != 0 and "silver.log" in result.err, result
    # what was dropped is built again, as a table of its own
    project.ok("run")
    assert ids(project) == [1, 2]
    assert sorted(listed(project)) == ["bronze.orders", "gold.renamed", "gold.sums", "silver.log",
                                       "silver.theirs"]


def test_a_table_that_lies_elsewhere_is_used_where_it_lies(project, tmp_path):
    start(project, keep={"snapshots": 1, "days": 0}).ok("run")
    elsewhere = tmp_path / "other" / "place"
    table = pyiceberg(project).create_table(
        "silver.far", schema=pa.schema([("id", pa.int64()), ("name", pa.string())]),
        location=f"file://{elsewhere}")
    for number in range(3):
        table.append(log_rows((number, "x")))
    project.write("more.csv", "id,name\n10,ten\n")
    project.ok("load", "more.csv", "silver.far")
    assert ids(project, "silver.far") == [0, 1, 2, 10]
    assert listed(project)["silver.far"]["location"] == str(elsewhere)
    assert not Path(project.table("silver.far")).exists()
    table = pyiceberg(project).load_table("silver.far")
    assert table.scan().to_arrow().num_rows == 4
    assert pointers(project)["silver.far"].startswith(f"file://{elsewhere}/metadata/")
    # expiry of everything is of what lies in the warehouse
    project.ok("table", "expire")
    assert len(pyiceberg(project).load_table("silver.far").metadata.snapshots) == 4
    project.ok("table", "expire", "silver.far")
    assert len(pyiceberg(project).load_table("silver.far").metadata.snapshots) == 1
    assert ids(project, "silver.far") == [0, 1, 2, 10]


def test_racing_programs_lose_no_commit(project):
    from pyiceberg.exceptions import CommitFailedException

    start(project).ok("run")
    project.write("more.csv", "id,name\n-1,assay\n")
    appended, failures = [], []

    def append():
        while len(appended) < 12:
            try:
                pyiceberg(project).load_table("silver.log").append(log_rows((1000 + len(appended), "py")))
                appended.append(1)
            except CommitFailedException:
                pass  # a lost race: again
            except Exception as error:  # noqa: BLE001: the test says what it was
                failures.append(error)
                return

    thread = threading.Thread(target=append)
    thread.start()
    loads = [project.run("load", "more.csv", "silver.log") for _ in range(8)]
    thread.join()
    assert not failures, failures
    good = sum(load.code == 0 for load in loads)
    for load in loads:
        assert load.code == 0 or "E4040" in load.err, load
    assert good >= 1
    found = project.query("select name, count(*) from silver.log where name in ('assay', 'py') "
                          "group by 1 order by 1")["rows"]
    assert found == [["assay", good], ["py", 12]]
    assert pyiceberg(project).load_table("silver.log").scan().to_arrow().num_rows == 2 + good + 12


def test_a_killed_load_leaves_the_old_or_the_new_table(project):
    start(project).ok("run")
    project.write("more.csv", "id,name\n" + "".join(f"{i},x\n" for i in range(1000)))
    expected = {2}
    for number in range(12):
        process = project.assay.start("load", "more.csv", "silver.log", cwd=project.root)
        try:
            # From the first instructions to the end of the program.
            process.wait(timeout=0.02 * number)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        rows = pyiceberg(project).load_table("silver.log").scan().to_arrow().num_rows
        assert rows in expected | {max(expected) + 1000}
        expected = {rows}
        assert project.query("select count(*) from silver.log")["rows"] == [[rows]]
    project.ok("load", "more.csv", "silver.log")
    assert project.query("select count(*) from silver.log")["rows"] == [[max(expected) + 1000]]


# ---- what the catalog is not for ----

def test_layers_of_other_formats_do_not_ask_the_catalog(project):
    start(project, layers={"silver": {"format": "delta"}, "gold": {"format": "parquet"}})
    project.ok("run")
    assert list(pointers(project)) == ["bronze.orders"]
    assert {name: table["format"] for name, table in listed(project).items()} == {
        "bronze.orders": "iceberg", "silver.log": "delta", "gold.sums": "parquet"}
    assert peers.read_deltars(project.table("silver.log")).num_rows == 2


def test_tables_of_the_folder_catalog_are_registered_and_go_on(project):
    start(project)
    project.storage(warehouse="lake")
    project.ok("run")
    first = project.ok("table", "history", "silver.log", "--output", "json").json()["snapshots"]
    project.storage(warehouse="lake", catalog="sqlite")
    project.write("data/2.csv", "id,name\n3,c\n")
    refused = project.run("run")
    assert refused.code != 0 and "E4404" in refused.err, refused
    catalog = pyiceberg(project)
    for name in ["bronze.orders", "silver.log", "gold.sums"]:
        catalog.create_namespace_if_not_exists(name.split(".")[0])
        catalog.register_table(name, peers.iceberg_metadata(project.table(name)))
    project.ok("run")
    assert ids(project) == [1, 2, 3]
    now = project.ok("table", "history", "silver.log", "--output", "json").json()["snapshots"]
    assert [snapshot["snapshot_id"] for snapshot in now][-1:] == [first[0]["snapshot_id"]]
    # back in the folder catalog the tables belong to somebody else, and are only read
    project.storage(warehouse="lake")
    assert "E4111" in project.run("load", "data/1.csv", "silver.log").err


def test_the_format_of_a_table_in_the_catalog_is_not_changed(project):
    start(project, layers={"gold": {"format": "delta"}}).ok("run")
    start(project, layers={"silver": {"format": "delta"}, "gold": {"format": "iceberg"}})
    result = project.run("run")
    assert result.code != 0, result
    assert "E4410" in result.err and "'silver.log'" in result.err, result
    result = project.run("run", "gold.sums")
    assert "E4410" in result.err and "'gold.sums'" in result.err, result
    assert ids(project) == [1, 2]


def test_lineage_names_the_catalog(project):
    start(project)
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.ok("run")
    events = [json.loads(line) for line in (project.root / "events.jsonl").read_text().splitlines()]
    facets = {json.dumps([facet["type"], facet["name"], facet["metadataUri"]])
              for event in events for output in event.get("outputs", [])
              for facet in [output["facets"]["catalog"]] if "catalog" in output["facets"]}
    assert facets == {json.dumps(["jdbc", "assay", f"jdbc:sqlite:{database(project)}"])}


# ---- Spark ----

@pytest.fixture
def jdbc(project, spark):
    """(project, name): a project whose catalog is one of the Spark session."""
    name = f"shared{next(NUMBERS)}"
    start(project, name)
    settings = {"": "org.apache.iceberg.spark.SparkCatalog", ".type": "jdbc",
                ".uri": f"jdbc:sqlite:{database(project)}", ".jdbc.schema-version": "V1",
                ".warehouse": str(project.root / "lake"), ".cache-enabled": "false"}
    for key, value in settings.items():
        spark.conf.set(f"spark.sql.catalog.{name}{key}", value)
    return project, name


def test_spark_appends_merges_and_assay_goes_on(jdbc, spark):
    project, name = jdbc
    project.ok("run")
    assert [row.namespace for row in spark.sql(f"SHOW NAMESPACES IN {name}").collect()] == [
        "bronze", "gold", "silver"]
    log = f"{name}.silver.log"
    fields = {field.name: field.field_id
              for field in pyiceberg(project, name).load_table("silver.log").schema().fields}
    assert sorted(row.id for row in spark.table(log).collect()) == [1, 2]
    spark.sql(f"INSERT INTO {log} VALUES (100, 'spark'), (101, NULL)")
    spark.sql(f"MERGE INTO {log} t USING (SELECT * FROM VALUES (1, 'A'), (7, 'seven') AS s(id, name)) s "
              "ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name "
              "WHEN NOT MATCHED THEN INSERT *")
    assert project.query("select id, name from silver.log order by id")["rows"] == [
        [1, "A"], [2, "b"], [7, "seven"], [100, "spark"], [101, None]]
    # merge on read: position deletes, which assay applies and carries on
    spark.sql(f"ALTER TABLE {log} SET TBLPROPERTIES ('write.delete.mode'='merge-on-read')")
    spark.sql(f"DELETE FROM {log} WHERE id = 2")
    project.write("data/2.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project) == [1, 3, 7, 100, 101]
    assert sorted(row.id for row in spark.table(log).collect()) == [1, 3, 7, 100, 101]
    spark.sql(f"CALL {name}.system.rewrite_data_files(table => 'silver.log', options => "
              "map('rewrite-all', 'true'))")
    project.write("data/3.csv", "id,name\n4,d\n")
    project.ok("run")
    assert ids(project) == [1, 3, 4, 7, 100, 101]
    spark.sql(f"CALL {name}.system.expire_snapshots(table => 'silver.log', retain_last => 1, "
              "older_than => TIMESTAMP '2100-01-01 00:00:00')")
    project.write("data/4.csv", "id,name\n5,e\n")
    project.ok("run")
    assert ids(project) == [1, 3, 4, 5, 7, 100, 101]
    assert sorted(row.id for row in spark.table(log).collect()) == [1, 3, 4, 5, 7, 100, 101]
    after = pyiceberg(project, name).load_table("silver.log").schema().fields
    assert {field.name: field.field_id for field in after} == fields
    assert spark.sql(f"SELECT n, total FROM {name}.gold.sums").collect()[0] == (7, 221)


def test_racing_with_spark_loses_no_commit(jdbc, spark):
    project, name = jdbc
    project.ok("run")
    project.write("more.csv", "id,name\n-1,assay\n")
    inserted, lost = [], []

    def insert():
        for number in range(8):
            try:
                spark.sql(f"INSERT INTO {name}.silver.log VALUES ({1000 + number}, 'spark')")
                inserted.append(number)
            except Exception as error:  # noqa: BLE001: a lost race, told by a type of Java
                lost.append(str(error))

    thread = threading.Thread(target=insert)
    thread.start()
    loads = [project.run("load", "more.csv", "silver.log") for _ in range(8)]
    thread.join()
    good = sum(load.code == 0 for load in loads)
    for load in loads:
        assert load.code == 0 or "E4040" in load.err, load
    assert all("Commit" in error for error in lost), lost
    assert good >= 1 and inserted
    assert project.query("select name, count(*) from silver.log where id < 0 or id >= 1000 group by 1 "
                         "order by 1")["rows"] == [["assay", good], ["spark", len(inserted)]]
    assert spark.table(f"{name}.silver.log").count() == 2 + good + len(inserted)


def test_a_table_that_spark_made_is_loaded_into(jdbc, spark):
    project, name = jdbc
    project.ok("run")
    spark.sql(f"CREATE TABLE {name}.silver.made (id BIGINT, name STRING) USING iceberg "
              "PARTITIONED BY (truncate(1, name))")
    spark.sql(f"INSERT INTO {name}.silver.made VALUES (1, 'one')")
    assert listed(project)["silver.made"]["location"] == project.table("silver.made")
    assert project.query("select * from silver.made")["rows"] == [[1, "one"]]
    spark.sql(f"CREATE TABLE {name}.silver.plain (id BIGINT, name STRING) USING iceberg")
    project.ok("load", "data/1.csv", "silver.plain")
    spark.sql(f"INSERT INTO {name}.silver.plain VALUES (3, 'three')")
    project.ok("load", "data/1.csv", "silver.plain")
    assert sorted(row.id for row in spark.table(f"{name}.silver.plain").collect()) == [1, 1, 2, 2, 3]
    spark.sql(f"ALTER TABLE {name}.silver.plain RENAME TO silver.called")
    assert ids(project, "silver.called") == [1, 1, 2, 2, 3]
    spark.sql(f"DROP TABLE {name}.silver.called PURGE")
    assert "silver.called" not in listed(project)


def test_a_catalog_of_schema_version_0_is_used_as_it_is(project, spark):
    """Spark's default is V0, which has no column iceberg_type."""
    name = f"shared{next(NUMBERS)}"
    start(project, name)
    (project.root / "lake").mkdir()
    for key, value in {"": "org.apache.iceberg.spark.SparkCatalog", ".type": "jdbc",
                       ".uri": f"jdbc:sqlite:{database(project)}", ".cache-enabled": "false",
                       ".warehouse": str(project.root / "lake")}.items():
        spark.conf.set(f"spark.sql.catalog.{name}{key}", value)
    spark.sql(f"CREATE TABLE {name}.silver.first (id BIGINT) USING iceberg")
    project.ok("run")
    assert sorted(listed(project)) == ["bronze.orders", "gold.sums", "silver.first", "silver.log"]
    spark.sql(f"INSERT INTO {name}.silver.log VALUES (9, 'nine')")
    assert ids(project) == [1, 2, 9]
    columns = sqlite3.connect(database(project)).execute(
        "SELECT name FROM pragma_table_info('iceberg_tables')").fetchall()
    assert ("iceberg_type",) not in columns


def test_a_catalog_that_was_lost_makes_no_tables_anew(project):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format="iceberg", catalog="sqlite")
    project.model("silver.t", "select range as i from range(5)")
    project.ok("run")
    project.model("silver.t", "select range as i from range(6)")
    project.ok("run")
    database = project.root / "lake/catalog.db"
    kept = database.read_bytes()
    for lost in (None, b""):
        database.unlink(missing_ok=True)
        if lost is not None:
            database.write_bytes(lost)
        result = project.run("run")
        assert result.code != 0 and "E4404" in result.err, result
    database.write_bytes(kept)
    assert "skipped: unchanged" in project.ok("run").err
    assert project.query("select count(*) from silver.t")["rows"] == [[6]]
