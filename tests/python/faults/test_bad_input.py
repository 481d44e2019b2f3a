"""Wrong words on the command line, wrong values in the data: each a numbered error on one line, with
the right exit code, without words that only the engine knows. (Wrong files: e2e/test_project_errors.)"""
import json
import re

import pytest

import shop

JARGON = re.compile(r"step_\d+\.|__assay_|shadow_\d+|INTERNAL|Traceback|\bSET [a-z_]+ ?=|Candidate functions")
SEEN = set()


def check(result, code, number=None, *says):
    assert result.code == code, result
    numbers = re.findall(r"^\s*E(\d{4}) ", result.err, re.M)
    assert numbers, result
    SEEN.update(numbers)
    if number:
        assert str(number) in numbers, result
    for text in says:
        assert text in result.err, result
    assert not JARGON.search(result.err), result
    for line in result.err.splitlines():
        assert len(line) < 1200, result


@pytest.fixture
def small(project):
    shop.build(project, "iceberg", files=1, rows=8)
    return project


COMMANDS = [
    (["runn"], 2, 1005, "did you mean 'run'"),
    (["run", "--ful-refresh"], 2, 1005, "did you mean '--full-refresh'"),
    (["run", "--wrong"], 2, 1005, "'--wrong'"),
    (["run", "--limit", "3"], 2, 1005, "--limit"),
    (["run", "--jobs"], 2, 1006, "--jobs"),
    (["run", "--yes=1"], 2, 1006, "takes no value"),
    (["run", "--jobs", "many"], 2, 1007, "--jobs"),
    (["run", "--jobs", "-1"], 2, None, "jobs"),
    (["run", "--lock-wait", "soon"], 2, 1007, "--lock-wait"),
    (["run", "--memory-limit", "some"], 2, 1006, "--memory-limit"),
    (["run", "--memory-limit", "12"], 2, 1006, "at least 64MB"),
    (["run", "--now", "later"], 2, 1003, "later"),
    (["run", "--from", "later"], 2, 1003, "--from"),
    (["run", "--target", "prod"], 2, 1220, "'local'"),
    (["run", "-C", "/nowhere"], 2, 2001, "assay init"),
    (["run", "--override-gate", "x"], 2, 1003, "--reason"),
    (["run", "silver.ordrs"], 2, 2020, "did you mean 'silver.orders'?"),
    (["run", "layer:glod"], 2, 2020, "did you mean 'gold'?"),
    (["run", "tag:none"], 2, 2020, "none"),
    (["run", "path:nowhere"], 2, 2020, "nowhere"),
    (["run", "", "+"], 2, None, ""),
    (["run", "--exclude", "silver.ordrs"], 2, 2020, "silver.ordrs"),
    (["run", "--output", "xml"], 2, 1006, "'xml'"),
    (["plan", "silver.ordrs"], 2, 2020, "silver.orders"),
    (["ls", "silver.ordrs"], 2, 2020, "silver.orders"),
    (["check", "silver.ordrs"], 2, 2020, "silver.orders"),
    (["render", "silver.ordrs"], 2, 2002, "did you mean 'silver.orders'?"),
    (["query"], 2, 1007, "usage"),
    (["query", "select 1; select 2"], 2, 1009, "not 2"),
    (["query", "selct 1"], 2, 3001, "syntax error"),
    (["query", "select * from silver.ordrs"], 2, 3003, "did you mean 'silver.orders'?"),
    (["query", "select * from ordrs"], 2, 3003, "there is no table 'ordrs'"),
    (["query", "select nme from silver.orders"], 2, 3002, '"nme"'),
    (["query", "delete from silver.orders"], 2, None, ""),
    (["query", "drop view silver.orders"], 2, 1009, "reads"),
    (["query", "create table t as select 1"], 2, 1009, "reads"),
    (["query", "copy (select 1) to 'out.csv'"], 2, 1009, "reads"),
    (["query", "attach 'x.db' as x"], 2, 1009, "reads"),
    (["query", "select country::integer from silver.orders"], 1, 3004, "'DE'"),
    (["query", "select 1", "--output", "parquet"], 2, 1006, "--file"),
    (["query", "select 1", "--file", "/nowhere/x.csv"], 1, None, "/nowhere/x.csv"),
    (["query", "select 1", "--at", "noon"], 2, 1003, "--at"),
    (["query", "select * from silver.orders", "--at", "12345"], 1, 4060, "12345"),
    (["show", "silver.ordrs"], 2, 3003, "did you mean 'silver.orders'?"),
    (["show", "silver.orders", "--limit", "x"], 2, 1006, "--limit"),
    (["table", "shew"], 2, 1007, "usage"),
    (["table", "show"], 2, 1007, "usage"),
    (["table", "show", "orders"], 2, 1003, "layer.table"),
    (["table", "show", "silver.ordrs"], 2, 4062, "did you mean 'silver.orders'?"),
    (["table", "history", "silver.none"], 2, 4062, "silver.none"),
    (["table", "expire", "silver.none"], 2, 4062, "silver.none"),
    (["table", "expire", "silver.ordrs"], 2, 4062, "did you mean 'silver.orders'?"),
    (["table", "rollback", "silver.ordrs", "1"], 2, 4062, "did you mean 'silver.orders'?"),
    (["table", "rollback", "silver.orders", "x"], 2, 1003, "snapshot id"),
    (["table", "rollback", "silver.orders", "77"], 1, 4060, "77"),
    (["runs", "show", "nothing"], 1, 2330, "nothing"),
    (["runs", "list", "--limit", "x"], 2, 1006, "--limit"),
    (["explain", "E9999"], 2, 1007, "no such error number"),
    (["explain", "x"], 2, 1007, "no such error number"),
    (["completion", "tcsh"], 2, 1007, "usage"),
    (["help", "nothing"], 2, 1007, "no such command"),
    (["load", "none.csv", "bronze.x"], 1, 2202, "'none.csv'"),
    (["load", "data", "bronze.x"], 1, 2202, "'data'"),
    (["load", "assay.yaml", "bronze.x"], 2, 1003, "assay.yaml"),
    (["load", "data/orders0.csv", "x"], 2, 1003, "layer.table"),
    (["load", "data/orders0.csv", "bronze.x", "--partition-by", "nothing"], 2, 4020, "nothing"),
    (["load", "data/orders0.csv", "bronze.x", "--mode", "merge"], 2, 1003, "merge needs a key"),
    (["init", "nothing"], 2, 1003, "'retail'"),
    (["init"], 1, 1004, "assay.yaml"),
]


def test_wrong_words_on_the_command_line(small):
    small.ok("run")
    before = shop.content(small)
    wrong = []
    for args, code, number, says in COMMANDS:
        try:
            check(small.run(*args), code, number, says)
        except AssertionError as error:
            wrong.append((args, str(error)))
    assert not wrong, wrong
    assert shop.content(small) == before
    assert not (small.root / "out.csv").exists() and not (small.root / "x.db").exists()


MODELS = [
    ("select country::integer as x from silver.orders", 1, 3004, "country"),
    ("select error('boom') as x from silver.orders", 1, 3009, "boom"),
    ("select (select id from silver.orders) as x", 1, 3009, "More than one row"),
    ("select fooo(id) as x from silver.orders", 2, 2106, "fooo"),
    ("select id + 'x'::varchar as x from silver.orders", 2, 2106, "+(BIGINT, VARCHAR)"),
    ("select id, sum(amount) as s from silver.orders", 2, 2106, '"id" must appear'),
    ("select date '12345-01-01' as d", 1, 4030, "'d'"),
    ("select 'infinity'::timestamp as d", 1, 4030, "'d'"),
    ("select 170141183460469231731687303715884105727 as h", 1, 4030, "'h'"),
    ("select {'a': interval 1 day} as s from silver.orders", 2, 4001, "'s'"),
    ("select timetz '10:00:00+01' as t", 2, 4001, "'t'"),
    ("select '101'::bit as b", 2, 4001, "'b'"),
    ("select union_value(a := 1) as u", 2, 4001, "'u'"),
    ("select * from 'nowhere.parquet'", 2, 2115, "layer.table"),
    ("select regexp_matches(country, '(') as x from silver.orders", 1, 3009, "missing )"),
    ("select 1 as a union all select 1, 2", 2, 2106, "Set operations"),
    ("select * exclude (foo) from silver.orders", 2, 2106, "foo"),
]


@pytest.mark.parametrize("sql, code, number, says", MODELS)
def test_a_model_that_fails_says_why_and_leaves_nothing(small, sql, code, number, says):
    small.ok("run")
    small.model("gold.m", sql)
    result = small.run("run", "gold.m")
    check(result, code, number, says, "models/gold/m.sql")
    assert not list((small.root / "lake/gold").glob("m/**/*.parquet"))
    if number == 2115:
        return  # the graph needs the tables of every model
    # what does not depend on it runs
    small.write("data/orders1.csv", shop.orders(8, 8))
    rest = small.run("run", "--exclude", "gold.m")
    assert rest.code == 0, rest


def test_siblings_of_a_failed_step_run_and_its_readers_say_why_not(small):
    small.model("silver.bad", "select error('boom') as x from bronze.orders")
    small.model("gold.reader", "select x from silver.bad")
    result = small.run("run")
    check(result, 1, 3009, "upstream failed: silver.bad", "4 done")
    small.write("data/orders1.csv", shop.orders(8, 8))
    result = small.run("run", "--fail-fast", "--jobs", "1", "silver.bad")
    check(result, 1, 3009)
    small.model("silver.bad", "select 1 as x from bronze.orders limit 1")
    result = small.ok("run", "--retry")
    assert "silver.bad" in result.err and "silver.orders" not in result.err, result


def test_errors_show_no_value_of_a_pii_column(small):
    small.ok("run")
    small.model("silver.orders", "select *, 'secret' || id as email from bronze.orders",
                columns={"email": {"pii": True}})
    small.ok("run")
    for sql in ("select email::integer as x from silver.orders", "select error(email) as x from silver.orders",
                "select email::date as x from silver.orders", "select ('{' || email)::json as x from silver.orders",
                "select regexp_matches('a', '(' || email) as x from silver.orders"):
        small.model("gold.m", sql)
        result = small.run("run", "gold.m", "-v")
        check(result, 1)
        assert "secret" not in result.err, result
    assert "secret" not in (small.root / "events.jsonl").read_text().replace("'secret'", "")
    assert "secret" not in small.ok("runs", "show", "last", "--output", "json").out


def test_pii_of_an_extract_appears_nowhere(project):
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "s",
                                          "path": "events.jsonl"})
    project.storage(format="iceberg")
    project.write("data/a.csv", "id,email\n1,secret1\nx,secret2\n")
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": {"id": "INTEGER", "email": "VARCHAR"}},
                    columns={"email": {"pii": True}})
    result = project.run("run")
    check(result, 1, 2210, "record 2")
    assert "secret" not in result.err + (project.root / "events.jsonl").read_text(), result


def test_every_number_that_was_seen_is_explained(small):
    if not SEEN:
        pytest.skip("no other test of this file has run")
    for number in sorted(SEEN):
        result = small.ok("explain", f"E{number}")
        assert f"E{number}" in result.out and len(result.out.splitlines()) >= 3, result


# ---- what is printed when all is well ----

def test_json_output_is_lines_with_a_schema_version(small):
    for args in (["run"], ["run"], ["run", "silver.ordrs"], ["run", "gold.daily", "--full-refresh"]):
        for line in small.run(*args, "--output", "json").events():
            assert line["schema_version"] == 1, line
    small.model("gold.m", "select error('boom') as x")
    lines = small.run("run", "--output", "json").events()
    assert [line for line in lines if "boom" in json.dumps(line)], lines
    for args in (["plan"], ["ls"], ["render", "silver.orders"], ["runs", "list"], ["runs", "show", "last"],
                 ["table", "list"], ["table", "show", "silver.orders"], ["table", "history", "silver.orders"],
                 ["table", "expire"], ["query", "select 1 as a"], ["show", "silver.orders"], ["check"],
                 ["version"], ["load", "data/orders0.csv", "bronze.loaded"]):
        result = small.ok(*args, "--output", "json")
        assert result.json()["schema_version"] == 1, result
    assert small.run("doctor", "--output", "json").json()["schema_version"] == 1


def test_text_output_of_every_command(small):
    small.ok("run")
    for args, says in ((["table", "list"], "silver.orders"), (["table", "show", "silver.orders"], "country"),
                       (["table", "history", "silver.orders"], "untested|pass"), (["runs", "list"], "ok"),
                       (["runs", "show", "last"], "gold.daily"), (["ls"], "bronze.orders"), (["plan"], "silver.log"),
                       (["render", "silver.orders"], "select"), (["doctor"], "versions"), (["check"], "silver.orders"),
                       (["show", "gold.daily"], "country"), (["explain", "E2105"], "E2105"),
                       (["completion", "bash"], "complete"), (["completion", "zsh"], "assay"),
                       (["completion", "fish"], "complete"), (["completion", "man"], "TH ASSAY"),
                       (["version"], "DuckDB"), (["help", "run"], "--full-refresh"), (["run", "--help"], "--jobs")):
        result = small.ok(*args)
        assert re.search(says, result.out), result
        assert not JARGON.search(result.out + result.err), result
