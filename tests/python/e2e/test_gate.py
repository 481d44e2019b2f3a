"""A gate that cannot be passed by accident: what is shut stays shut, in each format, and says so to
a reader, to the exit code and to lineage."""
import json

import pytest

FORMATS = ["iceberg", "delta", "parquet"]


def start(project, table_format):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.write("data/orders.csv", "id,amount,email\n1,10,a@x.org\n2,20,b@x.org\n3,30,c@x.org\n")
    project.extract("bronze.orders", source={"files": "data/orders*.csv", "format": "csv"},
                    contract={"columns": {"id": "INTEGER", "amount": "INTEGER", "email": "VARCHAR"}})
    project.model("silver.orders", "select id, amount, email from bronze.orders",
                  columns={"email": {"pii": True}})
    project.model("gold.totals", "select sum(amount)::bigint as total from silver.orders")
    suite(project, [{"expect_column_values_to_be_unique": {"column": "id"}}])


def suite(project, critical, **more):
    project.write("config/dq.yaml", {"silver": {"orders": {"critical": critical}}, **more})


def rows(project, table="silver.orders"):
    return sorted(project.query(f"select * from {table}")["rows"])


def events(project, job, kind):
    found = [json.loads(line) for line in (project.root / "events.jsonl").read_text().splitlines()]
    return [event for event in found
            if event["job"]["name"].endswith(job) and event["eventType"] == kind]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_critical_violation_leaves_the_published_table_as_it_was(project, table_format):
    start(project, table_format)
    project.ok("run")
    before = rows(project)
    project.write("data/orders2.csv", "id,amount,email\n3,31,secret@x.org\n4,40,d@x.org\n")
    result = project.run("run")
    assert result.code == 3, result
    assert rows(project) == before
    assert rows(project, "gold.totals") == [[60]]
    assert "expect_column_values_to_be_unique" in result.err or "unique" in result.err
    assert "gold.totals" in result.err and "upstream" in result.err, result
    assert "secret@x.org" not in result.err
    (failed,) = events(project, "silver.orders", "FAIL")
    assertions = failed["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]
    assert [a["success"] for a in assertions] == [False]
    # after the fix everything comes through
    project.write("data/orders2.csv", "id,amount,email\n5,31,e@x.org\n4,40,d@x.org\n")
    project.extract("bronze.orders", source={"files": "data/orders*.csv", "format": "csv"},
                    changed_file="replace",
                    contract={"columns": {"id": "INTEGER", "amount": "INTEGER", "email": "VARCHAR"}})
    project.ok("run")
    assert [row[0] for row in rows(project)] == [1, 2, 3, 4, 5]
    assert rows(project, "gold.totals") == [[131]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_first_build_that_fails_makes_no_table(project, table_format):
    start(project, table_format)
    suite(project, [{"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}])
    assert project.run("run").code == 3
    result = project.run("query", "select * from silver.orders")
    assert result.code == 2, result
    names = [table["name"] for table in project.ok("table", "list", "--output", "json").json()["tables"]]
    assert names == ["bronze.orders"]


SHUT = {
    "unknown type": [{"expect_column_values_to_be_purple": {"column": "id"}}],
    "misspelt argument": [{"expect_column_values_to_be_between": {"column": "amount", "max_valeu": 3}}],
    "missing column": [{"expect_column_values_to_not_be_null": {"column": "nope"}}],
    "bad regex": [{"expect_column_values_to_match_regex": {"column": "email", "regex": "("}}],
    "look-around": [{"expect_column_values_to_match_regex": {"column": "email", "regex": "(?=a)"}}],
    "bad mostly": [{"expect_column_values_to_not_be_null": {"column": "id", "mostly": 2}}],
    "min above max": [{"expect_column_values_to_be_between": {"column": "id", "min_value": 3, "max_value": 1}}],
    "number bound on text": [{"expect_column_values_to_be_between": {"column": "email", "min_value": 1}}],
    "text bound on number": [{"expect_column_values_to_be_between": {"column": "amount", "min_value": "a"}}],
    "condition that cannot be parsed": [{"expect_column_values_to_not_be_null":
                                         {"column": "id", "row_condition": "col(", "condition_parser": "great_expectations"}}],
    "broken SQL": [{"unexpected_rows_expectation": {"unexpected_rows_query": "select * from nowhere"}}],
    "SQL that fails at run time": [{"unexpected_rows_expectation": {
        "unexpected_rows_query": "select cast(email as integer) from {batch}"}}],
    "empty suite": [],
}


@pytest.mark.parametrize("why", SHUT)
def test_a_suite_that_cannot_run_shuts_the_gate(project, why):
    start(project, "iceberg")
    suite(project, SHUT[why])
    result = project.run("run")
    assert result.code in (2, 3), (why, result)
    assert project.run("query", "select * from silver.orders").code != 0, why


def test_an_error_of_one_check_does_not_hide_another(project):
    start(project, "iceberg")
    suite(project, [{"expect_column_values_to_not_be_null": {"column": "nope"}},
                    {"expect_column_values_to_be_unique": {"column": "id"}},
                    {"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}])
    project.ok("run", "bronze.orders")
    result = project.run("run", "--output", "json")
    assert result.code == 3
    folder = next((project.root / ".assay/results").glob("*/silver.orders.json"))
    statuses = [item["status"] for item in json.loads(folder.read_text())["results"]]
    assert statuses == ["error", "pass", "fail"]


def test_a_category_declared_critical_and_not_covered_shuts(project):
    start(project, "iceberg")
    suite(project, [{"expect_column_values_to_be_unique": {"column": "id"}}],
          quality_gates={"thresholds": {"silver.orders": {"critical_checks": ["freshness"]}}})
    result = project.run("run")
    assert result.code == 3 and "freshness" in result.err, result


def test_an_unreadable_dq_file_stops_before_anything_runs(project):
    start(project, "iceberg")
    project.write("config/dq.yaml", "silver: [unclosed\n")
    result = project.run("run")
    assert result.code == 2 and "config/dq.yaml:" in result.err, result
    assert not (project.root / "lake").exists() or not list((project.root / "lake").rglob("*.parquet"))


def test_a_misspelt_key_is_an_error_with_place_and_nearest_key(project):
    start(project, "iceberg")
    project.write("config/dq.yaml", "silver:\n  orders:\n    critcal:\n      - expect_column_to_exist: { column: id }\n")
    result = project.run("run")
    assert result.code == 2 and "config/dq.yaml:3:" in result.err and "critical" in result.err, result


def test_warn_reports_and_does_not_block(project):
    start(project, "iceberg")
    project.write("config/dq.yaml", {"silver": {"orders": {"warn": [
        {"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}]}}})
    result = project.ok("run")
    assert "checks 0/1" in result.err or "between" in result.err, result
    assert len(rows(project)) == 3


def test_a_table_without_suite_is_untested_and_require_suite_shuts_it(project):
    start(project, "iceberg")
    result = project.ok("run")
    assert "untested" in result.err
    shown = project.ok("table", "show", "gold.totals", "--output", "json").json()
    assert shown["verdict"] == "untested"
    suite(project, [{"expect_column_values_to_be_unique": {"column": "id"}}],
          quality_gates={"require_suite": ["gold"]})
    project.write("data/orders3.csv", "id,amount,email\n9,9,z@x.org\n")
    result = project.run("run")
    assert result.code == 3, result
    assert rows(project, "gold.totals") == [[60]]


def test_override_opens_one_check_once_and_leaves_its_trace(project):
    start(project, "iceberg")
    suite(project, [{"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}])
    assert project.run("run").code == 3
    assert project.run("run", "--override-gate", "expect_column_values_to_be_between").code == 2
    project.ok("run", "--override-gate", "expect_column_values_to_be_between", "--reason", "known outlier")
    shown = project.ok("table", "show", "silver.orders", "--output", "json").json()
    assert shown["verdict"] == "override"
    state = next((project.root / "lake/silver/orders/_assay").glob("state-1*.json")).read_text()
    assert "known outlier" in state
    project.write("data/orders4.csv", "id,amount,email\n11,99,q@x.org\n")
    assert project.run("run").code == 3


def test_rows_that_become_zero_rows_shut_the_gate(project):
    start(project, "iceberg")
    project.ok("run")
    project.model("silver.orders", "select id, amount, email from bronze.orders where id > 100")
    result = project.run("run")
    assert result.code == 3 and "zero rows" in result.err, result
    assert len(rows(project)) == 3
    project.model("silver.orders", "select id, amount, email from bronze.orders where id > 100",
                  allow_empty=True)
    project.ok("run", "silver.orders")
    assert rows(project) == []


def test_only_the_suite_changed_runs_checks_and_rebuilds_nothing(project):
    start(project, "iceberg")
    project.ok("run")
    before = project.ok("table", "show", "silver.orders", "--output", "json").json()["snapshot_id"]
    suite(project, [{"expect_column_values_to_be_unique": {"column": "id"}},
                    {"expect_column_values_to_not_be_null": {"column": "id"}}])
    result = project.ok("run")
    assert "checked again" in result.err, result
    after = project.ok("table", "show", "silver.orders", "--output", "json").json()["snapshot_id"]
    assert before == after
    suite(project, [{"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}])
    assert project.run("run").code == 3
    assert len(rows(project)) == 3


def test_check_prints_a_table_writes_results_and_exits_with_three(project):
    start(project, "iceberg")
    project.ok("run")
    result = project.ok("check")
    assert "silver.orders" in result.out and "pass" in result.out, result
    suite(project, [{"expect_column_values_to_be_between": {"column": "amount", "max_value": 15}}])
    result = project.run("check", "silver.orders", "--output", "json")
    assert result.code == 3, result
    (table,) = result.json()["tables"]
    assert table["success"] is False
    assert table["statistics"]["unsuccessful_expectations"] == 1
    assert table["results"][0]["result"]["unexpected_count"] == 2


def test_a_foreign_key_is_judged_against_the_other_table(project):
    start(project, "iceberg")
    project.model("gold.lines", "select id, id + (id = 3)::int as order_id from silver.orders")
    project.write("config/dq.yaml", {"gold": {"lines": {"checks": [
        {"type": "fk_exists", "column": "order_id", "reference_table": "silver.orders",
         "reference_column": "id", "action": "fail"}]}}})
    result = project.run("run")
    assert result.code == 3 and "gold.lines" in result.err, result


def test_load_goes_through_the_gate(project):
    start(project, "iceberg")
    project.ok("run")
    project.write("more.csv", "id,amount,email\n3,1,x@x.org\n")
    result = project.run("load", "more.csv", "silver.orders")
    assert result.code == 3, result
    assert len(rows(project)) == 3
    project.write("more.csv", "id,amount,email\n7,1,x@x.org\n")
    project.ok("load", "more.csv", "silver.orders")
    assert len(rows(project)) == 4


def test_a_changed_suite_judges_what_is_published_once(project):
    project.model("silver.t", "select range as i from range(10)")
    dq = {"silver": {"t": {"critical": [{"expect_column_values_to_not_be_null": {"column": "i"}}]}}}
    project.write("config/dq.yaml", dq)
    project.ok("run")
    dq["silver"]["t"]["critical"].append({"expect_column_values_to_be_unique": {"column": "i"}})
    project.write("config/dq.yaml", dq)
    assert "checks 2/2" in project.ok("run").err
    assert "skipped: unchanged" in project.ok("run").err
    # what does not pass is judged again by every run
    dq["silver"]["t"]["critical"].append({"expect_column_max_to_be_between": {"column": "i", "max_value": 5}})
    project.write("config/dq.yaml", dq)
    for _ in range(2):
        result = project.run("run")
        assert result.code == 3 and "max_to_be_between" in result.err, result


def test_a_check_that_only_warns_is_said_once(project):
    start(project, "parquet")
    project.write("config/dq.yaml", {"silver": {"orders": {"warning": [
        {"expect_column_values_to_be_between": {"column": "amount", "min_value": 15}}]}},
        "quality_gates": {"critical_checks": ["freshness"]}})
    result = project.ok("run")
    lines = [line for line in result.err.splitlines() if "be_between" in line]
    assert len(lines) == 1 and "warn" in lines[0] and "config/dq.yaml:" in lines[0], result
    # what no check's line says is said by a line of its own
    assert [line for line in result.err.splitlines() if line.startswith("    warn  category 'freshness'")], result
