"""Tables and queries of Snowflake as sources of extracts, on the project's stand-in."""
import json
from pathlib import Path

import pytest

from snowflake_standin import PASSWORD


@pytest.fixture
def sales(snowflake, project):
    database = snowflake.database()
    project.write("config/connections.yaml", {"sf": database.connection()})
    database.project = project
    database.env = snowflake.env
    return database


def extract(sales, table="T", **more):
    sales.project.extract("bronze.t", source={"connection": "sf", "table": table}, **more)


def run(sales, *args, code=0):
    result = sales.project.run("run", *args, env=sales.env)
    assert result.code == code, result
    return result


def rows(sales, sql):
    return [tuple(row) for row in sales.project.query(sql, "--limit", "1000000")["rows"]]


def test_every_type_of_a_table_arrives_exactly(sales):
    sales.execute('create table "T" ("ID" number(38,0), "N" number(10,2), "NB" number(38,10), "F" float, '
                  '"TX" varchar, "B" boolean, "D" date, "TI" time, "TN" timestamp_ntz, "TT" timestamp_tz, '
                  '"BI" binary, "V" variant, "Mixed ""Case" varchar)')
    sales.execute("insert into \"T\" select 1234567890123456789, -12.30, "
                  "1234567890123456789012345678.0123456789, 0.1, 'ä''', true, '9999-12-31'::date, "
                  "'12:34:56.789012'::time, '9999-01-02 03:04:05.678901'::timestamp_ntz, "
                  "'2024-01-02 03:04:05.678901'::timestamp_tz, to_binary('00ff','HEX'), "
                  "parse_json('{\"a\":1}'), 'm'")
    sales.execute('insert into "T" ("ID") select null')
    extract(sales, table="t")
    run(sales)
    names = ["ID", "N", "NB", "F", "TX", "B", "D", "TI", "TN", "TT", "BI", "V", 'Mixed ""Case']
    columns = ", ".join(f'typeof("{name}"), cast("{name}" as varchar)' for name in names)
    values, nulls = rows(sales, f"select {columns}, _source from bronze.t order by \"ID\" nulls last")
    assert list(zip(values[:-1:2], values[1:-1:2])) == [
        ("DECIMAL(38,0)", "1234567890123456789"), ("DECIMAL(10,2)", "-12.30"),
        ("DECIMAL(38,10)", "1234567890123456789012345678.0123456789"), ("DOUBLE", "0.1"),
        ("VARCHAR", "ä'"), ("BOOLEAN", "true"), ("DATE", "9999-12-31"), ("TIME", "12:34:56.789012"),
        ("TIMESTAMP", "9999-01-02 03:04:05.678901"),
        ("TIMESTAMP WITH TIME ZONE", "2024-01-02 03:04:05.678901+00"), ("BLOB", "\\x00\\xFF"),
        ("VARCHAR", '{"a":1}'), ("VARCHAR", "m")]
    assert values[-1] == "sf.PUBLIC.T"
    assert set(nulls[1:-1:2]) == {None}


@pytest.mark.parametrize("declared, first, tie, late, more, lookback", [
    ("timestamp_ntz", "'2024-01-02 10:00:00.000001'", "'2024-01-02 10:00:00.000001'",
     "'2024-01-02 08:30:00'", "'2024-01-03'", "2 hours"),
    ("date", "'2024-01-10'", "'2024-01-10'", "'2024-01-08'", "'2024-01-11'", "3 days"),
    ("number(20,0)", "100", "100", "95", "101", 10)])
def test_windows_neither_lose_nor_double_rows(sales, declared, first, tie, late, more, lookback):
    sales.execute(f'create table "T" ("ID" number(9,0), "AT" {declared})')
    sales.execute(f'insert into "T" select 1, cast({first} as {declared}) union all select 2, null')
    extract(sales, mode="append", watermark={"column": "at", "lookback": lookback})
    run(sales)
    assert "no new rows" in run(sales).err
    sales.execute(f'insert into "T" select 3, cast({tie} as {declared}) union all '
                  f'select 4, cast({late} as {declared}) union all '
                  f'select 5, cast({more} as {declared}) union all select 6, null')
    run(sales)
    assert rows(sales, 'select "ID"::int from bronze.t order by 1') == [(i,) for i in range(1, 7)]
    assert "no new rows" in run(sales).err


def test_a_large_result_comes_whole_and_by_a_query(sales):
    sales.execute('create table "T" as select seq4() as "N" from table(generator(rowcount => 30000))')
    sales.project.extract("bronze.t", source={
        "connection": "sf", "query": 'select "N" as id, \'row \' || "N" as name from "T" -- all'})
    run(sales)
    assert rows(sales, 'select count(*), count(distinct "NAME") from bronze.t') == [(30000, 30000)]


def test_an_unknown_table_and_a_wrong_query_are_told(sales):
    sales.execute('create table "ORDERS" ("A" number(9,0))')
    extract(sales, table="order")
    result = run(sales, code=1)
    assert "E2220" in result.err and "did you mean 'ORDERS'" in result.err, result
    sales.project.extract("bronze.t", source={"connection": "sf", "query": 'select * from "NOPE"'})
    result = sales.project.run("run", env=sales.env)
    assert result.code != 0 and "NOPE" in result.err and "models/bronze/t.yaml:" in result.err, result


def test_a_refused_login_and_a_server_that_is_not_there_are_exit_4(sales):
    sales.execute('create table "T" ("A" number(9,0))')
    extract(sales)
    result = sales.project.run("run", env={**sales.env, "ASSAY_TEST_SF_PASSWORD": "wrong-password-1"})
    assert result.code == 4 and "wrong-password-1" not in result.err, result
    sales.project.write("config/connections.yaml", {
        "sf": {**sales.connection(), "port": 1, "login_timeout": "3s", "request_timeout": "3s"}})
    assert run(sales, code=4)
    for path in sales.project.root.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_a_server_that_dies_while_it_is_read_leaves_nothing(sales, snowflake):
    sales.execute('create table "T" as select seq4() as "N" from table(generator(rowcount => 1000))')
    extract(sales)
    snowflake.fault(match='SELECT q."N"', do="die")
    result = sales.project.run("run", env=sales.env)
    assert result.code != 0, result
    assert not list(Path(sales.project.table("bronze.t")).rglob("*.parquet"))
    snowflake.restart()
    snowflake.clear()
    run(sales)
    assert rows(sales, "select count(*) from bronze.t") == [(1000,)]


@pytest.mark.parametrize("fault, number", [
    ({"do": "hang"}, "E3111"), ({"do": "slow", "seconds": 60}, "E3111"),
    ({"do": "status", "status": 503, "times": 99}, "E3112"), ({"do": "end_session"}, "E3112")])
def test_a_reading_that_cannot_begin_has_the_number_of_its_failure(sales, snowflake, fault, number):
    sales.execute('create table "T" as select seq4() as "N" from table(generator(rowcount => 1000))')
    sales.project.write("config/connections.yaml", {"sf": sales.connection(
        login_timeout="3s", request_timeout="3s", statement_timeout="3s")})
    extract(sales)
    snowflake.fault(match='SELECT q."N"', **fault)
    result = run(sales, code=4)
    assert number in result.err and "models/bronze/t.yaml:" in result.err, result
    snowflake.clear()
    run(sales)
    assert rows(sales, "select count(*) from bronze.t") == [(1000,)]


def test_the_table_is_an_input_of_lineage(sales):
    sales.project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "n",
                                                "path": "events.jsonl"})
    sales.execute('create table "T" ("A" number(9,0))')
    extract(sales)
    run(sales)
    events = [json.loads(line) for line in
              (sales.project.root / "events.jsonl").read_text().splitlines()]
    (complete,) = [event for event in events if event["job"]["name"] == "test.bronze.t"
                   and event["eventType"] == "COMPLETE"]
    (dataset,) = complete["inputs"]
    assert dataset["namespace"].startswith("snowflake://")
    assert dataset["name"] == f"{sales.name}.PUBLIC.T"
