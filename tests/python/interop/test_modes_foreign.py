"""Merging into tables in which Spark deleted rows without rewriting files: the deletes hold."""
import pytest


def spark_warehouse(spark):
    return spark.conf.get("spark.sql.catalog.ice.warehouse")


def merge(project, text, *args):
    project.write("rows.csv", text)
    return project.ok("load", "rows.csv", "db.merged", "--mode", "merge", "--key", "id", "--output",
                      "json", *args).json()


def rows(project):
    return project.query("select id, name from db.merged order by all")["rows"]


def spark_rows(frame):
    return sorted([row.id, row.name] for row in frame.select("id", "name").collect())


EXPECTED = [[0, "n0"], [1, "back"], [2, "changed"], *[[i, f"n{i}"] for i in range(4, 10)]]


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_deletes_of_spark_hold_in_files_that_are_written_again(spark, project, table_format):
    if table_format == "iceberg":
        spark.sql("CREATE TABLE ice.db.merged (id BIGINT, name STRING) USING iceberg TBLPROPERTIES "
                  "('format-version'='2', 'write.delete.mode'='merge-on-read')")
        name, location = "ice.db.merged", f"{spark_warehouse(spark)}/db/merged"
        warehouse = spark_warehouse(spark)
    else:
        warehouse = str(project.root / "lake")
        location = f"{warehouse}/db/merged"
        name = f"delta.`{location}`"
        spark.sql(f"CREATE TABLE {name} (id BIGINT, name STRING) USING delta TBLPROPERTIES "
                  "('delta.enableDeletionVectors'='true')")
    spark.sql(f"INSERT INTO {name} SELECT /*+ REPARTITION(1) */ id, 'n' || id FROM range(10)")
    spark.sql(f"DELETE FROM {name} WHERE id IN (1, 3)")
    project.write("assay.yaml", {"name": "x", "targets": {"local": {"warehouse": warehouse}}})
    project.storage(format=table_format)
    # a row that Spark deleted is new again; its file is written again without what was deleted
    found = merge(project, "id,name\n1,back\n2,changed\n")
    assert (found["added"], found["updated"], found["removed"]) == (1, 1, 0)
    assert rows(project) == EXPECTED
    assert merge(project, "id,name\n2,changed\n5,n5\n")["snapshot_id"] == -1
    if table_format == "iceberg":
        spark.sql("REFRESH TABLE ice.db.merged")
        assert spark_rows(spark.table(name)) == EXPECTED
        spark.sql("DROP TABLE ice.db.merged")
    else:
        assert spark_rows(spark.read.format("delta").load(location)) == EXPECTED
