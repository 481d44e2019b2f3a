"""Suites of config/dq.yaml through the program: dialects, places of errors, batch and whole table, proofs."""
import json

import pytest

FORMATS = ["iceberg", "delta", "parquet"]


def start(project, table_format="iceberg"):
    project.storage(format=table_format, warehouse="lake")
    project.write("data/a.csv", "id,qty,name\n1,10,x\n2,20,y\n3,30,\n")
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"}, mode="append",
                    contract={"columns": {"id": "INTEGER", "qty": "INTEGER", "name": "VARCHAR"}})


def results(project, table="bronze.t"):
    paths = sorted((project.root / ".assay/results").glob(f"*/{table}.json"),
                   key=lambda path: path.stat().st_mtime_ns)
    return json.loads(paths[-1].read_text())


def judged(project):
    return [(check["expectation_type"], check["kwargs"] if "kwargs" in check else
             check["expectation_config"]["kwargs"], check["status"], check["action"])
            for check in results(project)["results"]]


A = {"bronze": {"t": {"checks": [
    {"type": "expect_column_values_to_not_be_null", "column": "name", "action": "warn"},
    {"type": "expect_column_values_to_be_unique", "column": "id", "action": "fail"}]}}}
B = {"bronze": {"t": {
    "warn": [{"expect_column_values_to_not_be_null": {"column": "name"}}],
    "critical": [{"expect_column_values_to_be_unique": {"column": "id"}}]}}}
C = {"expectations": {"bronze": {"t": [
    {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name"}, "severity": "warning"},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}]}}}


@pytest.mark.parametrize("dialect", [A, B, C], ids="ABC")
def test_the_three_dialects_mean_the_same(project, dialect):
    start(project)
    project.write("config/dq.yaml", dialect)
    project.ok("run")
    assert sorted(judged(project), key=str) == sorted([
        ("expect_column_values_to_not_be_null", {"column": "name"}, "fail", "warn"),
        ("expect_column_values_to_be_unique", {"column": "id"}, "pass", "fail")], key=str)
    assert results(project)["gate"]["verdict"] == "pass"


def test_an_unknown_key_is_pointed_at_and_nothing_runs(project):
    start(project)
    project.write("config/dq.yaml", "bronze:\n  t:\n    critical:\n"
                                    "      - expect_column_values_to_be_unique: { colum: id }\n")
    result = project.run("run")
    assert result.code == 2, result
    assert "E5001 config/dq.yaml:4:" in result.err
    assert "did you mean 'column'" in result.err and "^^^^^" in result.err
    assert not (project.root / "lake/bronze/t").exists()


def test_a_dialect_that_is_not_built_is_refused_by_name(project):
    start(project)
    project.write("config/dq.yaml", {"tables": {"bronze.t": {"critical": ["NOT_NULL: [id]"]}}})
    result = project.run("run")
    assert result.code in (1, 2) and "E5003" in result.err, result


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_check_judges_the_table_as_it_will_be_and_a_batch_only_what_is_added(project, table_format):
    start(project, table_format)
    project.ok("run")
    project.write("data/b.csv", "id,qty,name\n3,40,z\n4,50,z\n")
    project.write("config/dq.yaml", {"bronze": {"t": {"checks": [
        {"type": "expect_table_row_count_to_equal", "value": 5},
        {"type": "expect_table_row_count_to_equal", "value": 2, "scope": "batch"},
        {"type": "expect_column_values_to_be_unique", "column": "id", "scope": "batch"},
        {"type": "expect_column_values_to_be_unique", "column": "id", "action": "warn"},
        {"type": "expect_column_sum_to_be_between", "column": "qty", "min_value": 150, "max_value": 150},
        {"type": "expect_column_values_to_not_be_null", "column": "name", "action": "warn"}]}}})
    project.ok("run")
    checks = results(project)["results"]
    assert [check["status"] for check in checks] == ["pass", "pass", "pass", "fail", "pass", "fail"]
    assert checks[3]["result"]["unexpected_count"] == 2
    assert project.query("select count(*) from bronze.t")["rows"] == [[5]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_statistics_of_written_files_answer_without_a_pass(project, table_format):
    start(project, table_format)
    project.write("config/dq.yaml", {"bronze": {"t": {"critical": [
        {"expect_column_values_to_not_be_null": {"column": "id"}},
        {"expect_column_values_to_be_between": {"column": "qty", "min_value": 10, "max_value": 30}},
        {"expect_column_max_to_be_between": {"column": "id", "min_value": 3, "max_value": 3}},
        {"min_row_count": {"value": 3}}]}}})
    project.ok("run")
    report = results(project)
    assert [check["proof"] for check in report["results"]] == ["metadata"] * 4
    assert report["meta"]["sql_passes"] == 0
    # the published table answers the same
    project.ok("check")
    assert [check["status"] for check in results(project)["results"]] == ["pass"] * 4


def test_an_override_opens_one_check_once(project):
    start(project)
    project.write("config/dq.yaml", {"bronze": {"t": {"critical": [
        {"expect_column_values_to_not_be_null": {"column": "name"}}]}}})
    assert project.run("run").code == 3
    project.ok("run", "--override-gate", "expect_column_values_to_not_be_null(name)", "--reason", "known gap")
    assert project.query("select count(*) from bronze.t")["rows"] == [[3]]
    assert results(project)["gate"]["verdict"] == "override"
    project.write("data/c.csv", "id,qty,name\n9,90,\n")
    assert project.run("run").code == 3
