"""Values of columns that are marked as pii, or made of such columns, appear nowhere but in the tables
and in the answer to a query that asks for them."""
import pytest

SECRET = "zq7secret"
FORMATS = ["iceberg", "delta", "parquet"]


class Watch:
    """Everything that the program has said and written, but for the tables."""

    def __init__(self, project):
        self.project = project
        self.said = []

    def __call__(self, *args, code=None):
        result = self.project.run(*args)
        if code is not None:
            assert result.code == code, result
        self.said.append((args, result.out, result.err))
        return result

    def clean(self):
        for args, out, err in self.said:
            assert SECRET not in out and SECRET not in err, (args, out, err)
        for folder in (".assay", "events.jsonl"):
            path = self.project.root / folder
            files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
            for file in files:
                assert SECRET.encode() not in file.read_bytes(), file


@pytest.fixture
def watch(project):
    return Watch(project)


def start(project, table_format="iceberg", header=None):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 0.9}})
    project.extract("bronze.people", source={"files": "data/*.csv"},
                    columns={"email": {"pii": True}},
                    contract={"bad_row": "quarantine", "columns": {
                        "id": {"type": "INTEGER", "key": True}, "email": "VARCHAR", "born": "DATE"}})
    project.write("data/a.csv", f"id,email,born\n1,{SECRET}1@x.org,2000-01-01\n"
                  f"2,{SECRET}2@x.org,1999-01-01\n1,{SECRET}3@x.org,1998-01-01\n"
                  f"x,{SECRET}4@x.org,1998-01-01\n5,{SECRET}5@x.org\n")


@pytest.mark.parametrize("table_format", FORMATS)
def test_quarantine_keeps_the_value_and_shows_it_nowhere(project, watch, table_format):
    start(project, table_format)
    watch("run", code=0)
    watch("run", "--output", "json", code=0)
    for how in ([], ["--output", "json"]):
        watch("quarantine", "list", *how, code=0)
        shown = watch("quarantine", "show", "bronze.people", *how, code=0)
        assert "***" in shown.out
        watch("quarantine", "replay", "bronze.people", *how, code=0)
        watch("show", "bronze.people", *how, code=0)
        watch("show", "quarantine.bronze_people", *how, code=0)
    watch.clean()
    # the row can be replayed, and whoever asks gets it
    kept = project.query("select email, _error_record from quarantine.bronze_people")["rows"]
    assert sum(SECRET in str(row) for row in kept) == 3


@pytest.mark.parametrize("policy", ["fail", "drop"])
def test_broken_records_and_dropped_rows_do_not_show_it(project, watch, policy):
    start(project)
    project.extract("bronze.people", source={"files": "data/*.csv"}, columns={"email": {"pii": True}},
                    contract={"bad_row": policy, "columns": {
                        "id": {"type": "INTEGER", "key": True}, "email": "VARCHAR", "born": "DATE"}})
    result = watch("run")
    assert result.code == (1 if policy == "fail" else 0), result
    watch("runs", "show")
    watch.clean()


DERIVED = "select id, upper(substr(email, 1, 20)) as handle, born, email as contact, length(email) > 3 as long\n" \
          "from bronze.people"


def failing(project, table, column):
    project.write("config/dq.yaml", {
        "quality_gates": {"max_quarantine_rate": 0.9},
        "silver": {table: {"critical": [
            {"expect_column_values_to_match_regex": {"column": column, "regex": "^nothing"}},
            {"expect_column_max_to_be_between": {"column": column, "max_value": "a"}},
            {"expect_column_distinct_values_to_be_in_set": {"column": column, "value_set": ["a"]}}]}}})


def test_pii_is_inherited_through_column_lineage(project, watch):
    start(project)
    project.model("silver.people", DERIVED)
    project.model("silver.again", "select id, concat('<', contact, '>') as wrapped, count(*) over () as n\n"
                  "from silver.people")
    project.model("silver.counts", "select count(distinct contact) as people, max(contact) as last from silver.people")
    watch("run", code=0)
    for model, expected in (("silver.people", {"handle", "contact", "long"}),
                            ("silver.again", {"wrapped"}), ("silver.counts", {"last"})):
        columns = project.ok("render", model, "--output", "json").json()["columns"]
        assert {item["name"] for item in columns if item.get("pii")} == expected, model
    failing(project, "again", "wrapped")
    result = watch("run", code=3)
    assert "***" in result.err, result
    watch("check", "silver.again", code=3)
    watch("check", "silver.again", "--result-format", "COMPLETE", "--output", "json", code=3)
    for table in ("silver.people", "silver.again", "silver.counts"):
        watch("show", table, code=0)
    # a run of this model alone knows it from what is published
    project.model("silver.again", "select id, concat('[', contact, ']') as wrapped from silver.people")
    watch("run", "silver.again", code=3)
    watch.clean()


def test_a_column_that_is_called_harmless_is_shown(project, watch):
    start(project)
    project.model("silver.people", "select id, md5(email) as token, email from bronze.people",
                  columns={"token": {"pii": False}})
    project.ok("run")
    columns = project.ok("render", "silver.people", "--output", "json").json()["columns"]
    assert {item["name"] for item in columns if item.get("pii")} == {"email"}
    shown = watch("show", "silver.people", code=0)
    assert "***" in shown.out and len(shown.out.split()[-3]) >= 3
    watch.clean()


def test_errors_of_the_engine_do_not_quote_it(project, watch):
    start(project)
    project.ok("run")
    project.model("silver.cast", "select cast(email as integer) as n from bronze.people")
    result = watch("run", code=1)
    assert "E3004" in result.err, result
    result = watch("query", "select cast(email as integer) from bronze.people")
    assert result.code == 1 and "E3004" in result.err, result
    watch.clean()


def test_a_name_in_capitals_hides_it_all_the_same(project, watch):
    start(project)
    project.ok("run")
    result = watch("query", "select cast(email as integer) from BRONZE.PEOPLE")
    assert result.code == 1 and "E3004" in result.err, result
    result = watch("query", "select cast(email as integer) from QUARANTINE.Bronze_People")
    assert result.code == 1 and "E3004" in result.err, result
    watch.clean()


def test_quotes_and_numbers_do_not_carry_it_out_of_an_error(project):
    project.model("silver.people", "select 99123456789 as ssn, 'O''Secret\"ive' as name",
                  columns={"ssn": {"pii": True}, "name": {"pii": True}})
    project.ok("run")
    for column in ("ssn", "name"):
        project.model("silver.cast", f"select {column}::int as n from silver.people")
        result = project.run("run")
        assert result.code == 1 and "E3004" in result.err, result
        assert "99123456789" not in result.err and "Secret" not in result.err, result


def test_suite_rules_that_quarantine_keep_it_out_of_samples_and_events(project, watch):
    start(project)
    project.model("silver.people", "select id, email from bronze.people")
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 0.1}, "silver": {"people": {"checks": [
        {"type": "expect_column_values_to_match_regex", "column": "email", "regex": "1@", "action": "quarantine"}]}}})
    project.extract("bronze.people", source={"files": "data/*.csv"}, columns={"email": {"pii": True}},
                    contract={"bad_row": "drop", "columns": {
                        "id": {"type": "INTEGER", "key": True}, "email": "VARCHAR", "born": "DATE"}})
    watch("run", code=3)
    watch("run", "--override-gate", "max_quarantine_rate", "--reason", "test", code=0)
    watch("quarantine", "show", "silver.people", code=0)
    watch("quarantine", "replay", "silver.people", code=0)
    watch.clean()


def test_a_query_of_a_check_does_not_carry_it_out_under_another_name(project, watch):
    start(project)
    number = "4917711223344"
    project.model("silver.people", "select id, email, 49177112233::bigint * 100 + 44 as phone, 7 as size\n"
                  "from bronze.people", columns={"phone": {"pii": True}})
    project.model("silver.sizes", "select id, size, 'x' as label from silver.people")
    queries = ["select id, phone as size from {batch}", "select phone // 1 as id from {batch}",
               "select id, size from (select phone, id as phone_id from {batch}) t(size, id)",
               "select id, max(phone) as size from {batch} group by id"]
    foreign = ["select p.email as label, p.phone as id from {batch} s join silver.people p using (id)",
               "select (select max(email) from silver.people) as label, s.size from {batch} s",
               "with p as (select * from silver.people) select phone as id, email as label from p"]
    for table, texts in (("people", queries), ("sizes", foreign)):
        for text in texts:
            project.write("config/dq.yaml", {
                "quality_gates": {"max_quarantine_rate": 0.9},
                "silver": {table: {"warning": [{"unexpected_rows_expectation": {"unexpected_rows_query": text}}]}}})
            result = watch("run", code=0)
            assert "***" in result.err and number not in result.err, (text, result)
            result = watch("check", f"silver.{table}", code=0)
            assert number not in result.out, (text, result)
    watch.clean()
    for path in (project.root / ".assay/results").rglob("*.json"):
        assert number not in path.read_text(), path
    # what is no personal data is shown, numbers about it too
    text = "select s.size, s.label, count(p.email) as id from {batch} s join silver.people p using (id) group by all"
    project.write("config/dq.yaml", {
        "quality_gates": {"max_quarantine_rate": 0.9},
        "silver": {"sizes": {"warning": [{"unexpected_rows_expectation": {"unexpected_rows_query": text}}]}}})
    result = watch("run", code=0)
    assert "***" not in result.err and "'x'" in result.err.replace('"', "'"), result
