"""Contracts of extracts and models: what breaks is named before anything runs, with old and new;
field ids stay through add, widen and reorder."""
import datetime
from decimal import Decimal as decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import peers

FORMATS = ["iceberg", "delta", "parquet"]


def start(project, table_format="iceberg"):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.format = table_format


def parquet(project, file, /, **columns):
    path = project.root / "data" / file
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)


def extract(project, files="data/*.parquet", **contract):
    project.extract("bronze.t", source={"files": files}, contract=contract)


def refused(project, number, *words, code=1):
    """Nothing was written, and the error says all this."""
    before = sorted(str(path) for path in project.root.glob("lake/**/*.parquet"))
    result = project.run("run")
    assert result.code == code and f"E{number}" in result.err, result
    for word in words:
        assert word in result.err, (word, result)
    assert sorted(str(path) for path in project.root.glob("lake/**/*.parquet")) == before


def schema(project, table="bronze.t"):
    shown = project.ok("table", "show", table, "--output", "json").json()
    return {column["name"]: (column["id"], column["type"]) for column in shown["columns"]
            if not column["name"].startswith("_")}


INT32 = pa.array([1, 2], pa.int32())
INT64 = pa.array([3, 4], pa.int64())
TEXT = pa.array(["a", "b"])


# ---- extracts ----

def test_a_typed_source_of_another_type_is_refused_with_both_types_and_the_place(project):
    start(project)
    extract(project, columns={"id": {"type": "INTEGER"}, "name": "VARCHAR"}, type_change="fail")
    parquet(project, "a.parquet", id=INT64, name=TEXT)
    refused(project, 2205, "'id'", "BIGINT", "INTEGER", "contract", "data/a.parquet",
            "models/bronze/t.yaml:5:5")


def test_evolve_widens_and_freeze_casts_where_the_types_differ(project):
    start(project)
    extract(project, columns={"id": "INTEGER", "name": "VARCHAR"})
    parquet(project, "a.parquet", id=INT32, name=TEXT)
    project.ok("run")
    before = schema(project)
    parquet(project, "b.parquet", id=INT64, name=TEXT)
    extract(project, columns={"id": "INTEGER", "name": "VARCHAR"}, type_change="freeze")
    project.ok("run")
    assert schema(project) == before
    parquet(project, "c.parquet", id=pa.array([2**40, 5]), name=TEXT)
    assert project.run("run").code == 1
    extract(project, columns={"id": "INTEGER", "name": "VARCHAR"})
    project.ok("run")
    assert schema(project)["id"] == (before["id"][0], "BIGINT")
    assert sorted(row[0] for row in project.query("select id from bronze.t")["rows"]) == \
        [1, 2, 3, 4, 5, 2**40]
    parquet(project, "d.parquet", id=TEXT, name=TEXT)
    refused(project, 2205, "VARCHAR", "'id'")


@pytest.mark.parametrize("policy", ["evolve", "freeze", "fail"])
def test_a_new_column_follows_its_policy(project, policy):
    start(project)
    extract(project, columns={"id": "BIGINT"}, new_column=policy)
    parquet(project, "a.parquet", id=INT64, extra=TEXT)
    if policy == "fail":
        refused(project, 2204, "'extra'", "VARCHAR", "models/bronze/t.yaml:")
        return
    project.ok("run")
    assert list(schema(project)) == (["id", "extra"] if policy == "evolve" else ["id"])


def test_a_declared_column_without_a_type_takes_what_the_source_has_and_is_no_new_one(project):
    start(project)
    extract(project, columns={"id": {"key": True}, "extra": {"nullable": False}}, new_column="fail")
    parquet(project, "a.parquet", id=INT64, extra=TEXT)
    project.ok("run")
    assert [kind for _, kind in schema(project).values()] == ["BIGINT", "VARCHAR"]


@pytest.mark.parametrize("policy", ["evolve", "fail"])
def test_a_missing_column_follows_its_policy(project, policy):
    start(project)
    extract(project, columns={"id": "BIGINT", "name": "VARCHAR"}, missing_column=policy)
    parquet(project, "a.parquet", id=INT64)
    if policy == "fail":
        refused(project, 2209, "'name'", "VARCHAR", "data/a.parquet", "models/bronze/t.yaml:6:5")
        return
    project.ok("run")
    assert project.query("select id, name from bronze.t order by 1")["rows"] == [[3, None], [4, None]]


def test_field_ids_stay_through_add_widen_and_reorder(project):
    start(project)
    extract(project)
    parquet(project, "a.parquet", id=INT32, name=TEXT, price=pa.array([1.5, 2.5], pa.float32()))
    project.ok("run")
    first = {name: number for name, (number, _) in schema(project).items()}
    parquet(project, "b.parquet", price=pa.array([3.5, 4.5], pa.float64()), extra=pa.array([True, False]),
            id=INT64, name=TEXT)
    project.ok("run")
    second = schema(project)
    assert {name: number for name, (number, _) in second.items() if name in first} == first
    assert second["id"][1] == "BIGINT" and second["price"][1] == "DOUBLE"
    assert second["extra"][0] > max(first.values())
    # as PyIceberg has it: the same ids, and old rows read with the new types
    from pyiceberg.table import StaticTable
    table = StaticTable.from_metadata(peers.iceberg_metadata(str(project.table("bronze.t"))))
    ids = {field.name: field.field_id for field in table.schema().fields}
    assert {name: ids[name] for name in first} == first
    seen = table.scan().to_arrow().sort_by("id").to_pylist()
    assert [(row["id"], row["price"], row["extra"]) for row in seen] == [
        (1, 1.5, None), (2, 2.5, None), (3, 3.5, True), (4, 4.5, False)]


def test_a_bad_type_and_a_bad_reference_are_refused_with_their_place(project):
    start(project)
    parquet(project, "a.parquet", id=INT64)
    extract(project, columns={"id": {"type": "BIGINT", "references": "silver.x"}})
    refused(project, 1256, "layer.table.column", "models/bronze/t.yaml:7:7", code=2)
    extract(project, columns={"id": {"type": "BIGINT", "nulable": False}})
    refused(project, 1201, "nullable", code=2)
    extract(project, columns={"id": {"type": "BIGINT", "references": "silver.nope.id"}})
    refused(project, 2214, "silver.nope", "models/bronze/t.yaml:5:5", code=2)
    extract(project, columns={"id": {"type": "BIGINT", "references": "bronze.t.id"}})
    refused(project, 2214, "its own table", "models/bronze/t.yaml:5:5", code=2)


# ---- models ----

def model(project, sql, **contract):
    project.model("silver.t", sql, contract=contract)


def test_a_model_of_another_type_is_refused_before_anything_runs(project):
    start(project)
    project.model("silver.first", "select 1 as a")
    model(project, "select 'x' as id, a from silver.first", columns={"id": {"type": "INTEGER"}, "a": "INTEGER"})
    refused(project, 2121, "'id'", "VARCHAR", "INTEGER", "models/silver/t.sql:4:5", code=2)
    assert not (project.root / "lake").exists()


def test_a_narrower_type_becomes_the_contracts_and_evolve_lets_a_wider_one_in(project):
    start(project)
    model(project, "select 1::smallint as a, 2::bigint as b", columns={"a": "BIGINT", "b": "INTEGER"})
    project.ok("run")
    assert {name: kind for name, (_, kind) in schema(project, "silver.t").items()} == \
        {"a": "BIGINT", "b": "BIGINT"}
    model(project, "select 1::smallint as a, 2::bigint as b", columns={"a": "BIGINT", "b": "INTEGER"},
          type_change="fail")
    refused(project, 2121, "'b'", "BIGINT", "INTEGER", code=2)
    model(project, "select 1::smallint as a, '2' as b", columns={"a": "BIGINT", "b": "INTEGER"},
          type_change="freeze")
    project.ok("run")
    assert schema(project, "silver.t")["b"][1] == "INTEGER"


def test_columns_of_a_model_follow_their_policies(project):
    start(project)
    declared = {"id": "INTEGER", "name": {"type": "VARCHAR"}}
    model(project, "select 1 as id, 'x' as name, 2 as extra", columns=declared, new_column="fail")
    refused(project, 2122, "'extra'", "INTEGER", "models/silver/t.sql:2:1", code=2)
    model(project, "select 1 as id, 'x' as name, 2 as extra -- comment", columns=declared,
          new_column="freeze")
    project.ok("run")
    assert list(schema(project, "silver.t")) == ["id", "name"]
    model(project, "select 1 as id", columns=declared)
    refused(project, 2123, "'name'", "VARCHAR", code=2)
    model(project, "select 1 as id", columns=declared, missing_column="evolve")
    project.ok("run")
    assert project.query("select * from silver.t")["rows"] == [[1, None]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_rows_of_a_model_are_held_against_keys_nulls_and_references(project, table_format):
    start(project, table_format)
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 0.9}})
    project.model("silver.dim", "select * from (values (1), (2)) v(d)")
    values = "(1, 1, 'a', 5), (1, 1, 'b', 9), (null, 1, 'c', 1), (2, 7, 'd', 1), (3, null, null, 1), (4, 2, 'e', 1)"
    contract = {"bad_row": "quarantine", "columns": {
        "id": {"type": "INTEGER", "key": True},
        "d": {"type": "INTEGER", "references": "silver.dim.d"},
        "s": {"type": "VARCHAR", "nullable": False}, "v": "INTEGER"}}
    project.model("silver.t", f"select * from (values {values}) v(id, d, s, v)", contract=contract)
    project.ok("run")
    assert sorted(project.query("select id, s from silver.t")["rows"]) == [[1, "a"], [4, "e"]]
    shown = project.ok("quarantine", "show", "silver.t", "--output", "json").json()
    names = [column["name"] for column in shown["columns"]]
    broken = {row[names.index("s")]: row[names.index("_error_rules")] for row in shown["rows"]}
    assert broken == {"b": ["contract.key(id)"], "c": ["contract.key(id)"],
                      "d": ["contract.references(d)"], None: ["contract.not_null(s)"]}
    # with bad_row: fail the same rows stop the step, and the table stays
    project.model("silver.t", f"select * from (values {values}) v(id, d, s, v)",
                  contract={**contract, "bad_row": "fail"})
    result = project.run("run")
    assert result.code == 1 and "E2213" in result.err and "models/silver/t.sql:" in result.err, result
    assert len(project.query("select * from silver.t")["rows"]) == 2


# ---- casts that would lose something ----

LOSSY = [("DECIMAL(10,2)", pa.array([decimal("1.0050")], pa.decimal128(10, 4))),
         ("INTEGER", pa.array([1.5])),
         ("DATE", pa.array([datetime.datetime(2024, 1, 5, 10)], pa.timestamp("us"))),
         ("FLOAT", pa.array([0.1])),
         ("DOUBLE", pa.array([2**53 + 1])),
         ("BOOLEAN", pa.array([2]))]


@pytest.mark.parametrize("kind,values", LOSSY, ids=[kind for kind, _ in LOSSY])
def test_freeze_casts_only_what_it_loses_nothing_of(project, kind, values):
    start(project)
    extract(project, columns={"v": kind}, type_change="freeze")
    parquet(project, "a.parquet", v=values)
    result = project.run("run")
    assert result.code == 1 and "column v" in result.err and kind in result.err, result
    whole = datetime.datetime(2024, 1, 5) if kind == "DATE" else decimal(1) if "DEC" in kind else 1
    parquet(project, "a.parquet", v=pa.array([whole], values.type))
    project.ok("run")
    assert project.query("select count(*) from bronze.t")["rows"] == [[1]]
    assert schema(project)["v"][1] == kind


def test_freeze_of_a_model_rounds_nothing(project):
    start(project)
    project.model("silver.m", "select 1.005::decimal(10,3) as v",
                  contract={"columns": {"v": "DECIMAL(10,2)"}, "type_change": "freeze"})
    result = project.run("run")
    assert result.code == 1 and "column v" in result.err and "DECIMAL(10,2)" in result.err, result
    project.model("silver.m", "select 1.010::decimal(10,3) as v",
                  contract={"columns": {"v": "DECIMAL(10,2)"}, "type_change": "freeze"})
    project.ok("run")
    assert project.query("select v from silver.m")["rows"] == [[1.01]]


TEXTS = {"good.csv": "id,n,d,t\n1,1e3,1.500,2024-01-05 00:00:00\n2,2.0,15e-1,2024-01-06\n",
         "bad.csv": "id,n,d,t\n3,1.5,1,2024-01-05\n4,1,1.005,2024-01-05\n5,1,1,2024-01-05 10:00:00\n6,15e-1,1,\n",
         "good.jsonl": '{"id":1,"n":1e3,"d":1.500,"t":"2024-01-05 00:00:00"}\n'
                       '{"id":2,"n":2,"d":"1.5","t":"2024-01-06"}\n',
         "bad.jsonl": '{"id":3,"n":1.5,"d":1,"t":"2024-01-05"}\n{"id":4,"n":1,"d":1.005,"t":"2024-01-05"}\n'
                      '{"id":5,"n":1,"d":1,"t":"2024-01-05 10:00:00"}\n{"id":6,"n":15e-1,"d":1,"t":null}\n'}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_text_that_a_type_would_round_is_a_bad_row(project, ending):
    start(project)
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 1.0}})
    extract(project, f"data/*.{ending}", bad_row="quarantine",
            columns={"id": "BIGINT", "n": "INTEGER", "d": "DECIMAL(10,2)", "t": "DATE"})
    for name in (f"good.{ending}", f"bad.{ending}"):
        project.write(f"data/{name}", TEXTS[name])
    project.ok("run")
    assert project.query("select id, n, d, t from bronze.t order by id")["rows"] == [
        [1, 1000, 1.5, "2024-01-05"], [2, 2, 1.5, "2024-01-06"]]
    kept = project.query("select _source_row, _error_reason from quarantine.bronze_t order by 1")["rows"]
    assert kept == [[1, "value does not convert: n"], [2, "value does not convert: d"],
                    [3, "value does not convert: t"], [4, "value does not convert: n"]]
    # a wider type does not hold them either: they stay where they are
    extract(project, f"data/*.{ending}", bad_row="quarantine",
            columns={"id": "BIGINT", "n": "BIGINT", "d": "DECIMAL(12,2)", "t": "DATE"})
    project.run("quarantine", "replay", "bronze.t")
    assert project.query("select count(*) from bronze.t")["rows"] == [[2]]
    assert project.query("select count(*) from quarantine.bronze_t")["rows"] == [[4]]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_file_loaded_by_hand_is_not_rounded(project, ending):
    start(project)
    extract(project, f"data/good.{ending}",
            columns={"id": "BIGINT", "n": "INTEGER", "d": "DECIMAL(10,2)", "t": "DATE"})
    for name in (f"good.{ending}", f"bad.{ending}"):
        project.write(f"data/{name}", TEXTS[name])
    project.ok("run")
    result = project.run("load", f"data/bad.{ending}", "bronze.t")
    assert result.code == 1 and "cannot hold exactly" in result.err, result
    assert project.query("select count(*) from bronze.t")["rows"] == [[2]]


def test_a_replay_into_a_type_that_the_table_cannot_take_is_refused_and_loses_nothing(project):
    start(project)
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 1.0}})
    extract(project, "data/*.csv", bad_row="quarantine", columns={"id": "BIGINT", "n": "INTEGER"})
    project.write("data/a.csv", "id,n\n1,1\n2,2024-01-05\n")
    project.ok("run")
    extract(project, "data/*.csv", bad_row="quarantine", columns={"id": "BIGINT", "n": "DATE"})
    result = project.run("quarantine", "replay", "bronze.t")
    assert result.code == 1 and "E4010" in result.err, result
    for word in ("'n'", "INTEGER", "DATE", "models/bronze/t.yaml:"):
        assert word in result.err, (word, result)
    assert project.query("select count(*) from bronze.t")["rows"] == [[1]]
    assert project.query("select count(*) from quarantine.bronze_t")["rows"] == [[1]]
