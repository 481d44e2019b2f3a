"""Tables and queries of PostgreSQL as sources of extracts: types, windows, snapshots, failures."""
import json
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from database_shop import connect_to, extract, run, rows, snapshots, state, watermarked
from postgres_server import PASSWORD


# ---- types ----

TYPES = [  # declaration, literal, type in the table, its text
    ("smallint", "-32768", "SMALLINT", "-32768"),
    ("integer", "2147483647", "INTEGER", "2147483647"),
    ("bigint", "-9223372036854775808", "BIGINT", "-9223372036854775808"),
    ("real", "'3.4028235e38'", "FLOAT", "3.4028235e+38"),
    ("double precision", "'NaN'", "DOUBLE", "nan"),
    ("double precision", "'-Infinity'", "DOUBLE", "-inf"),
    ("double precision", "0.1", "DOUBLE", "0.1"),
    ("numeric(10,2)", "-12345678.90", "DECIMAL(10,2)", "-12345678.90"),
    ("numeric(38,10)", "1234567890123456789012345678.0123456789", "DECIMAL(38,10)",
     "1234567890123456789012345678.0123456789"),
    ("numeric", "123456789012345678901234567890.12345678901234567890", "VARCHAR",
     "123456789012345678901234567890.12345678901234567890"),
    ("numeric", "'NaN'", "VARCHAR", "NaN"),
    ("numeric(50,10)", "1234567890123456789012345678901234567890.5", "VARCHAR",
     "1234567890123456789012345678901234567890.5000000000"),
    ("numeric(5,-2)", "9999900", "DECIMAL(7,0)", "9999900"),
    ("numeric(3,5)", "0.00999", "DECIMAL(5,5)", ".00999"),
    ("money", "'-1234.56'", "VARCHAR", "-1234.56"),
    ("boolean", "false", "BOOLEAN", "false"),
    ("text", "E'a\\n''b\"\\u00e4'", "VARCHAR", "a\n'b\"ä"),
    ("text", "''", "VARCHAR", ""),
    ("varchar(10)", "'x  '", "VARCHAR", "x  "),
    ("char(5)", "'ab'", "VARCHAR", "ab"),
    ("\"char\"", "'c'", "VARCHAR", "c"),
    ("name", "'n'", "VARCHAR", "n"),
    ("bytea", "'\\x0001ff'", "BLOB", "\\x00\\x01\\xFF"),
    ("date", "'9999-12-31'", "DATE", "9999-12-31"),
    ("time", "'23:59:59.999999'", "TIME", "23:59:59.999999"),
    ("time with time zone", "'12:00:00.5+05:30'", "VARCHAR", "12:00:00.5+05:30"),
    ("timestamp", "'2024-02-29 12:00:00.000001'", "TIMESTAMP", "2024-02-29 12:00:00.000001"),
    ("timestamptz", "'2024-03-31 02:30:00.5+02'", "TIMESTAMP WITH TIME ZONE",
     "2024-03-31 00:30:00.5+00"),
    ("interval", "'1 year -3 days 04:05:06.789'", "VARCHAR", "1 year -3 days 04:05:06.789"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", "'{\"a\": 1.10,  \"a\":2}'", "VARCHAR", "{\"a\": 1.10,  \"a\":2}"),
    ("jsonb", "'{\"b\":1.10,\"a\":[]}'", "VARCHAR", "{\"a\": [], \"b\": 1.10}"),
    ("xml", "'<a/>'", "VARCHAR", "<a/>"),
    ("inet", "'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"),
    ("cidr", "'10.0.0.0/8'", "VARCHAR", "10.0.0.0/8"),
    ("macaddr", "'08:00:2b:01:02:03'", "VARCHAR", "08:00:2b:01:02:03"),
    ("bit(3)", "B'101'", "VARCHAR", "101"),
    ("int4range", "'[1,5)'", "VARCHAR", "[1,5)"),
    ("point", "'(1.5,2)'", "VARCHAR", "(1.5,2)"),
    ("oid", "4294967295", "BIGINT", "4294967295"),
    ("int2vector", "'1 2'", "VARCHAR", "1 2"),
    ("hits", "'{1,NULL}'", "INTEGER[]", "[1, NULL]"),
    ("pair[]", "array[row(1, null)::pair]", "VARCHAR[]", "['(1,)']"),
    ("int4multirange", "'{[1,3),[5,7)}'", "VARCHAR", "{[1,3),[5,7)}"),
    ("tstzrange", "'[2024-01-01 00:00+02,)'", "VARCHAR", "[\"2023-12-31 22:00:00+00\",)"),
    ("oid[]", "'{4294967295}'", "VARCHAR[]", "[4294967295]"),
    ("money[]", "'{1.5}'", "VARCHAR[]", "[$1.50]"),
    ("tsvector", "'a b'", "VARCHAR", "'a' 'b'"),
    ("mood", "'ok'", "VARCHAR", "ok"),
    ("pair", "row(1, 'x y')", "VARCHAR", "(1,\"x y\")"),
    ("posint", "5", "INTEGER", "5"),
    ("cents", "1.25", "DECIMAL(6,2)", "1.25"),
    ("integer[]", "'{1,NULL,3}'", "INTEGER[]", "[1, NULL, 3]"),
    ("integer[]", "'{}'", "INTEGER[]", "[]"),
    ("text[]", "'{\"a,b\",NULL}'", "VARCHAR[]", "['a,b', NULL]"),
    ("numeric(6,2)[]", "'{1.25,-0.01}'", "DECIMAL(6,2)[]", "[1.25, -0.01]"),
    ("bytea[]", "'{\"\\\\x00ff\",NULL}'", "BLOB[]", "[\\x00\\xFF, NULL]"),
    ("bytea[]", "'{}'", "BLOB[]", "[]"),
    ("numeric[]", "'{1.123456789012345678901234567890}'", "VARCHAR[]",
     "[1.123456789012345678901234567890]"),
    ("timestamptz[]", "'{2024-01-01 00:00:00+01}'", "TIMESTAMP WITH TIME ZONE[]",
     "['2023-12-31 23:00:00+00']"),
    ("mood[]", "'{ok,sad}'", "VARCHAR[]", "[ok, sad]"),
    ("integer[][]", "'{{1,2},{3,4}}'", "VARCHAR", "[[1,2],[3,4]]"),
    ("text[][]", "'{{a,\"b\\\"\"},{NULL,d}}'", "VARCHAR", '[["a","b\\""],[null,"d"]]'),
]


def make_types(shop, only=None):
    shop.execute("create type mood as enum ('sad', 'ok'); create type pair as (a int, b text);"
                 "create domain posint as int check (value > 0); create domain cents as numeric(6,2);"
                 "create domain nested as cents; create domain hits as int[]")
    chosen = [(i, case) for i, case in enumerate(TYPES) if only is None or case[0] in only]
    shop.execute("create table t (" + ", ".join(f"c{i} {case[0]}" for i, case in chosen) + ")")
    shop.execute("insert into t values (" + ", ".join(case[1] for _, case in chosen) + ")")
    shop.execute("insert into t default values")
    return chosen


def check_types(shop, chosen):
    columns = ", ".join(f"typeof(c{i}), cast(c{i} as varchar)" for i, _ in chosen)
    values, nulls = shop.project.query(f"select {columns} from bronze.t "
                                       f"order by c{chosen[0][0]} nulls last")["rows"]
    got = list(zip(values[::2], values[1::2]))
    assert [(case[0], *one) for (_, case), one in zip(chosen, got)] == [
        (case[0], *case[2:]) for _, case in chosen]
    assert set(nulls[1::2]) == {None}


@pytest.mark.parametrize("table_format", ["iceberg", "delta", "parquet"])
def test_every_type_of_a_table_arrives_exactly(shop, table_format):
    shop.project.storage(format=table_format)
    chosen = make_types(shop)
    extract(shop)
    run(shop)
    check_types(shop, chosen)


def test_every_type_of_a_query_arrives_exactly_where_the_database_tells_its_type(shop):
    chosen = make_types(shop)
    chosen = [(i, case) for i, case in chosen if "[][]" not in case[0]]
    columns = ", ".join(f"c{i}" for i, _ in chosen)
    shop.project.extract("bronze.t", source={"connection": "shop",
                                             "query": f"select {columns} from t -- all of it"})
    run(shop)
    check_types(shop, chosen)


def test_types_that_are_scanned_in_parallel_arrive_like_those_of_a_query(shop):
    scanned = {"smallint", "integer", "bigint", "real", "double precision", "numeric(10,2)", "boolean",
               "text", "varchar(10)", "char(5)", "bytea", "date", "time", "timestamp", "timestamptz",
               "interval", "uuid", "json", "jsonb", "oid", "mood", "integer[]", "text[]",
               "numeric(6,2)[]", "timestamptz[]", "bytea[]", "name", "numeric(38,10)"}
    chosen = make_types(shop, scanned)
    extract(shop)
    run(shop)
    check_types(shop, chosen)


# ---- values that no column of the table can hold ----

@pytest.mark.parametrize("declared, value, words", [
    ("numeric(10,2)", "'NaN'", ["column v", "NaN", "DECIMAL(10,2)"]),
    ("numeric(10,2)[]", "'{1,NaN}'", ["column v"]),
    ("time", "'24:00:00'", ["column v", "TIME"]),
    ("integer[]", "'{{1,2},{3,4}}'", ["dimension"]),
    ("date", "'infinity'", ["v"]),
    ("timestamptz", "'-infinity'", ["v"]),
    ("timestamp", "'0044-03-15 00:00:00 BC'", ["v"]),
    ("date", "'10000-01-01'", ["v"]),
])
@pytest.mark.parametrize("how", ["scan", "query"])
def test_a_value_that_cannot_be_held_is_an_error_that_names_the_column(shop, declared, value, words,
                                                                      how):
    shop.execute(f"create table t (k int, v {declared}); insert into t values (1, null), (2, {value})")
    if how == "scan":
        extract(shop)
    else:
        shop.project.extract("bronze.t", source={"connection": "shop", "query": "select * from t"})
    result = run(shop, code=1)
    for word in words:
        assert word in result.err, result
    assert not list(Path(shop.project.table("bronze.t")).rglob("*.parquet"))
    shop.execute("delete from t where k = 2")
    run(shop)
    assert rows(shop) == [(1, None)]


# ---- contracts ----

def test_a_contract_turns_a_numeric_without_scale_into_a_decimal_and_rounds_nothing(shop):
    shop.execute("create table t (k int, v numeric); insert into t values (1, 12.50), (2, -0.1), "
                 "(3, 1e10), (4, null)")
    extract(shop, contract={"columns": {"k": "INTEGER", "v": "DECIMAL(18,2)"}})
    run(shop)
    assert [row[1] and str(row[1]) for row in rows(shop, "select k, cast(v as varchar) from bronze.t "
                                                         "order by k")] == \
        ["12.50", "-0.10", "10000000000.00", None]
    shop.execute("insert into t values (5, 0.001)")
    result = run(shop, code=1)
    assert "column v" in result.err and "DECIMAL(18,2)" in result.err
    for value in ("'NaN'", "1e20"):
        shop.execute(f"update t set v = {value} where k = 5")
        assert "column v" in run(shop, code=1).err


def test_a_contract_turns_large_whole_numbers_into_integers_where_they_fit(shop):
    shop.execute("create table t (a numeric, b numeric(20,0)); insert into t values "
                 "(9223372036854775807, -32768), (null, null)")
    extract(shop, contract={"columns": {"a": "BIGINT", "b": "SMALLINT"}})
    run(shop)
    assert rows(shop) == [(9223372036854775807, -32768), (None, None)]
    shop.execute("insert into t values (1.5, 0)")
    assert "column a" in run(shop, code=1).err
    shop.execute("update t set a = 2, b = 40000 where a = 1.5")
    assert "column b" in run(shop, code=1).err


def test_a_contract_may_ask_for_text_or_a_narrower_type_but_never_loses_digits(shop):
    shop.execute("create table t (k bigint, v timestamptz, a int[]); "
                 "insert into t values (7, '2024-01-01 00:00:00+00', '{{1},{2}}')")
    extract(shop, contract={"columns": {"k": "SMALLINT", "v": "VARCHAR", "a": "VARCHAR"},
                            "type_change": "freeze"})
    run(shop)
    assert rows(shop) == [(7, "2024-01-01 00:00:00+00", "[[1],[2]]")]
    shop.execute("update t set k = 70000")
    assert "SMALLINT" in run(shop, code=1).err or "INT16" in run(shop, code=1).err


def test_the_policies_of_a_contract_hold_for_new_changed_and_missing_columns(shop):
    shop.execute("create table t (k int, at timestamptz); insert into t values (1, '2024-01-01')")
    watermarked(shop, contract={"new_column": "fail"})
    run(shop)
    shop.execute("alter table t add column more text")
    result = run(shop, code=1)
    assert "E2204" in result.err and "more" in result.err
    watermarked(shop, contract={"new_column": "freeze"})
    shop.execute("insert into t values (2, '2024-01-02', 'x')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2]
    watermarked(shop)
    shop.execute("alter table t alter column k type bigint; insert into t values "
                 "(5000000000, '2024-01-03', 'y')")
    run(shop)
    assert [(row[0], row[2]) for row in rows(shop)] == [(1, None), (2, None), (5000000000, "y")]
    shop.execute("alter table t alter column k type text")
    result = run(shop, code=1)
    assert "E2205" in result.err and "'k'" in result.err
    shop.execute("alter table t drop column k")
    assert "E2209" in run(shop, code=1).err
    watermarked(shop, contract={"missing_column": "evolve"})
    shop.execute("insert into t values ('2024-01-04', 'z')")
    run(shop)
    assert (None, "z") in [(row[0], row[2]) for row in rows(shop)]


# ---- modes ----

def test_a_full_read_replaces_the_table_and_says_where_rows_came_from(shop):
    shop.execute("create table t (a int); insert into t values (1), (2)")
    extract(shop)
    run(shop)
    shop.execute("delete from t where a = 1; insert into t values (3)")
    run(shop)
    assert rows(shop, "select a, _source from bronze.t order by a") == [
        (2, "shop.public.t"), (3, "shop.public.t")]
    assert len(rows(shop, "select distinct _loaded_at, _run_id from bronze.t")) == 1


def test_the_watermark_adds_what_is_new_and_stands_in_the_snapshot_of_its_rows(shop):
    shop.execute("create table t (id int, at timestamptz); "
                 "insert into t select g, timestamptz '2024-01-01 00:00:00+00' + g * interval '1 min' "
                 "from generate_series(1, 100) g")
    watermarked(shop)
    result = run(shop)
    assert "+100" in result.err
    assert state(shop)["watermark"]["high"] == "2024-01-01 01:40:00+00"
    before = snapshots(shop)
    result = run(shop)
    assert "no new rows" in result.err and snapshots(shop) == before
    shop.execute("insert into t values (101, '2024-01-01 01:41:00+00')")
    assert "+1 " in run(shop).err
    assert state(shop)["watermark"]["high"] == "2024-01-01 01:41:00+00"
    assert [row[0] for row in rows(shop)] == list(range(1, 102))


@pytest.mark.parametrize("table_format", ["iceberg", "delta", "parquet"])
def test_rows_that_tie_with_the_watermark_are_neither_lost_nor_doubled(shop, table_format):
    shop.project.storage(format=table_format)
    shop.execute("create table t (id int, at timestamp); insert into t values "
                 "(1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-02')")
    watermarked(shop)
    run(shop)
    shop.execute("insert into t values (4, '2024-01-02'), (5, '2024-01-02'), (6, '2024-01-03')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3, 4, 5, 6]
    assert "no new rows" in run(shop).err


def test_late_rows_within_the_lookback_come_once(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values "
                 "(1, '2024-01-01 10:00+00'), (2, '2024-01-01 12:00+00')")
    watermarked(shop, lookback="2 hours")
    run(shop)
    shop.execute("insert into t values (3, '2024-01-01 10:00+00'), (4, '2024-01-01 11:30+00'), "
                 "(5, '2024-01-01 09:59:59+00')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3, 4]  # 5 is older than the lookback
    assert "no new rows" in run(shop).err


def test_equal_rows_are_counted_and_changed_rows_are_new_versions(shop):
    shop.execute("create table t (id int, v text, at date); insert into t values "
                 "(1, 'a', '2024-01-01'), (1, 'a', '2024-01-01'), (2, 'b', '2024-01-01')")
    watermarked(shop)
    run(shop)
    shop.execute("insert into t values (1, 'a', '2024-01-01'); update t set v = 'c' where id = 2")
    run(shop)
    assert [row[:2] for row in rows(shop)] == [(1, "a")] * 3 + [(2, "b"), (2, "c")]
    assert "no new rows" in run(shop).err


def test_rows_without_a_watermark_value_come_once_too(shop):
    shop.execute("create table t (id int, at timestamptz); "
                 "insert into t values (1, null), (2, '2024-01-01')")
    watermarked(shop)
    run(shop)
    shop.execute("insert into t values (3, null), (4, null)")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3, 4]
    assert "no new rows" in run(shop).err


def test_a_new_column_does_not_make_old_rows_new(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, '2024-01-01')")
    watermarked(shop, lookback="10 days")
    run(shop)
    shop.execute("alter table t add column more text default 'x'; "
                 "insert into t values (2, '2024-01-02')")
    run(shop)
    assert [(row[0], row[2]) for row in rows(shop)] == [(1, None), (2, "x")]


@pytest.mark.parametrize("declared, values, more", [
    ("bigint", ["1", "5", "9"], "7"), ("numeric(20,4)", ["1.5", "5.25", "9.0001"], "7.5"),
    ("smallint", ["1", "5", "9"], "7"), ("date", ["'2024-01-01'", "'2024-01-05'", "'2024-01-09'"],
                                         "'2024-01-07'")])
def test_numbers_and_dates_are_watermarks_too(shop, declared, values, more):
    shop.execute(f"create table t (at {declared}); insert into t values "
                 + ", ".join(f"({value})" for value in values))
    watermarked(shop, lookback="3 days" if declared == "date" else 3)
    run(shop)
    shop.execute(f"insert into t values ({more})")
    assert "+1 " in run(shop).err
    assert len(rows(shop)) == 4


def test_an_empty_table_becomes_an_empty_table_and_fills_later(shop):
    shop.execute("create table t (id int, at timestamptz)")
    watermarked(shop)
    run(shop)
    assert rows(shop) == []
    shop.execute("insert into t values (1, null), (2, '2024-01-01')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2]
    shop.execute("delete from t")
    assert "no new rows" in run(shop).err
    shop.execute("insert into t values (3, '2023-01-01'), (4, '2024-01-01')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 4]


def test_an_interval_loads_its_rows_once_and_leaves_the_watermark_alone(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t "
                 "select g, timestamptz '2024-01-01 00:00:00+00' + (g - 1) * interval '1 day' "
                 "from generate_series(1, 10) g")
    watermarked(shop)
    run(shop, "--from", "2024-01-03", "--to", "2024-01-05")
    assert [row[0] for row in rows(shop)] == [3, 4]
    run(shop)
    assert [row[0] for row in rows(shop)] == list(range(1, 11))
    high = state(shop)["watermark"]["high"]
    shop.execute("insert into t values (11, '2024-01-03 00:00+00'), (12, '2024-01-05 00:00+00')")
    run(shop, "--from", "2024-01-03", "--to", "2024-01-05")
    assert [row[0] for row in rows(shop)] == list(range(1, 12))  # [from, to): 12 is not in it
    assert state(shop)["watermark"]["high"] == high
    run(shop, "--from", "2024-01-05", "--to", "2024-02-01")
    run(shop)
    assert [row[0] for row in rows(shop)] == list(range(1, 13))


def test_a_full_refresh_reads_everything_again(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, '2024-01-01'), "
                 "(2, '2024-01-02')")
    watermarked(shop)
    run(shop)
    shop.execute("delete from t where id = 1; insert into t values (3, '2023-01-01')")
    run(shop, "bronze.t", "--full-refresh", "--yes")
    assert [row[0] for row in rows(shop)] == [2, 3]
    assert "no new rows" in run(shop).err


def test_a_full_refresh_takes_the_columns_that_the_source_has_now(shop):
    shop.execute("create table t (k int, gone int, at timestamptz); "
                 "insert into t values (1, 1, '2024-01-01')")
    watermarked(shop)
    run(shop)
    shop.execute("alter table t drop column gone; alter table t alter column k type text")
    refused = run(shop, code=1)
    assert "E2205" in refused.err or "E2209" in refused.err, refused
    run(shop, "bronze.t", "--full-refresh", "--yes")
    assert [row[0] for row in rows(shop)] == ["1"]
    assert "no new rows" in run(shop).err


@pytest.mark.parametrize("column, kind, words", [
    ("v", "text", ["E2224", "v", "text"]), ("nope", "int", ["E2224", "no column", "nope"]),
    ("ad", "int", ["E2224", "did you mean 'at'"]), ("v", "numeric", ["E2224", "numeric"])])
def test_a_watermark_that_does_not_fit_is_refused_with_its_place(shop, column, kind, words):
    shop.execute(f"create table t (at timestamptz, v {kind})")
    watermarked(shop, column)
    result = run(shop, code=2)
    for word in words + ["models/bronze/t.yaml:"]:
        assert word in result.err, result


def test_a_lookback_of_the_wrong_kind_and_an_infinite_watermark_are_refused(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, 'infinity')")
    watermarked(shop, lookback=5)
    assert "E2224" in run(shop, code=2).err
    watermarked(shop)
    result = run(shop, code=1)
    assert "E2226" in result.err and "'at'" in result.err


def test_partitioned_tables_children_and_views_are_read_whole(shop):
    shop.execute("create table t (id int, day date) partition by range (day); "
                 "create table t1 partition of t for values from ('2024-01-01') to ('2024-02-01'); "
                 "create table t2 partition of t for values from ('2024-02-01') to ('2024-03-01'); "
                 "insert into t select g, date '2024-01-01' + g % 60 from generate_series(1, 20000) g; "
                 "analyze; insert into t select g, date '2024-01-01' + g % 60 from "
                 "generate_series(20001, 60000) g; create table p (id int); create table c () inherits (p); "
                 "insert into p select generate_series(1, 5000); insert into c select "
                 "generate_series(5001, 30000); analyze; create view v as select id from t; "
                 "create materialized view m as select id from t")
    for table, expected in (("t", 60000), ("p", 30000), ("v", 60000), ("m", 60000)):
        extract(shop, name=f"bronze.{table}_all", table=table)
        run(shop, f"bronze.{table}_all")
        assert rows(shop, f"select count(*), count(distinct id) from bronze.{table}_all") == [
            (expected, expected)]


# ---- many writers, one reader ----

def test_what_writers_commit_while_windows_are_read_is_all_there_once(shop):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    print(f"ASSAY_SEED={seed}")
    shop.execute("create table t (id serial primary key, v int, at timestamptz not null)")
    shop.execute("create index on t (at)")
    watermarked(shop, lookback="10 minutes")  # a loaded machine may stop a writer for long
    stop = threading.Event()
    failures = []

    def write(number):
        chance = random.Random(seed * 100 + number)
        try:
            while not stop.is_set():
                # the time of a row is that of its transaction's begin, or up to 5 s before
                shop.execute("begin; insert into t (v, at) select random() * 10, "
                             f"now() - random() * interval '{chance.randrange(5)} s' "
                             f"from generate_series(1, {chance.randrange(1, 40)}); "
                             f"select pg_sleep({chance.random() * 0.5:.3f}); "
                             f"update t set v = v + 1, at = now() where id in (select id from t "
                             f"order by random() limit {chance.randrange(3)}); commit")
        except Exception as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(6):
        run(shop)
    stop.set()
    for writer in writers:
        writer.join()
    assert not failures
    run(shop)
    source = sorted((id, v, at) for id, v, at in shop.rows("select id, v, at::text from t"))
    loaded = rows(shop, 'select id, v, cast("at" as varchar) from bronze.t')
    assert len(set(loaded)) == len(loaded)  # no version twice
    newest = {}
    for id, v, at in sorted(loaded, key=lambda row: row[2]):
        newest[id] = (id, v)
    assert sorted(newest.values()) == [(id, v) for id, v, _ in source]


def test_a_full_read_sees_one_snapshot_while_amounts_move(shop):
    shop.execute("create table t (id int primary key, amount numeric(12,2) not null, pad text); "
                 "insert into t select g, 100, repeat('x', 200) from generate_series(1, 60000) g; "
                 "analyze t")
    extract(shop)
    stop = threading.Event()

    def transfer():
        while not stop.is_set():
            shop.execute("; ".join(
                "do $$ declare a int := 1 + (random() * 59999)::int; b int := 1 + (random() * "
                "59999)::int; begin if a <> b then update t set amount = amount - 5 where id = a; "
                "update t set amount = amount + 5 where id = b; end if; end $$" for _ in range(20)))

    threads = [threading.Thread(target=transfer) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            run(shop)
            assert rows(shop, "select count(*), cast(sum(amount) as varchar) from bronze.t") == [
                (60000, "6000000.00")]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_an_extract_that_is_killed_leaves_nothing_and_loses_nothing(shop):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    print(f"ASSAY_SEED={seed}")
    chance = random.Random(seed)
    shop.execute("create table t (id int, at timestamptz, pad text); insert into t "
                 "select g, timestamptz '2024-01-01 00:00:00+00' + g * interval '1 s', md5(g::text) "
                 "from generate_series(1, 300000) g; analyze t")
    watermarked(shop, lookback="1 hour")
    total, before = 300000, 0
    for round in range(6):
        process = shop.project.assay.start("run", cwd=shop.project.root, env=shop.env)
        time.sleep(chance.uniform(0.05, 1.2))
        process.kill()
        process.communicate()
        seen = shop.project.run("query", "select count(*) from bronze.t", "--output", "json")
        if seen.code == 0:
            ((count,),) = seen.json()["rows"]
            # all rows of some moment, and never fewer than before: several runs may die in a row
            assert count in range(max(before, 300000), total + 1, 1000), (count, before, total)
            before = count
        if round % 2:
            shop.execute(f"insert into t select {total} + g, timestamptz '2024-01-01 00:00:00+00' + "
                         f"({total} + g) * interval '1 s', 'x' from generate_series(1, 1000) g")
            total += 1000
    run(shop)
    assert rows(shop, "select count(*), count(distinct id), max(id) from bronze.t") == [
        (total, total, total)]
    files = {path.name for path in Path(shop.project.table("bronze.t")).rglob("*.parquet")}
    run(shop)
    assert {path.name for path in Path(shop.project.table("bronze.t")).rglob("*.parquet")} == files


# ---- failures ----

def test_a_server_that_is_not_there_is_exit_4_and_says_so_at_once(shop):
    shop.execute("create table t (a int)")
    extract(shop)
    connect_to(shop, port=1, login_timeout="3s")
    begun = time.monotonic()
    result = run(shop, code=4)
    assert "E2222" in result.err and "shop" in result.err
    assert "connect_timeout" not in result.err      # what libpq says, without the conninfo
    assert time.monotonic() - begun < 15


def test_a_server_that_never_answers_is_given_up_within_the_login_timeout(shop):
    shop.execute("create table t (a int)")
    extract(shop)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connect_to(shop, port=silent.getsockname()[1], login_timeout="2s")
        begun = time.monotonic()
        result = run(shop, code=4)
    assert time.monotonic() - begun < 20, result
    assert "E2222" in result.err or "E2223" in result.err


def test_an_outage_stops_only_what_needs_the_source(shop):
    shop.execute("create table t (a int); insert into t values (1)")
    extract(shop)
    shop.project.model("silver.s", "select a from bronze.t")
    shop.project.write("data/o.csv", "x\n1\n")
    shop.project.extract("bronze.other", source={"files": "data/*.csv"})
    run(shop)
    shop.project.write("data/p.csv", "x\n2\n")
    connect_to(shop, port=1, login_timeout="2s")
    result = run(shop, code=4)
    assert "E2222" in result.err and "bronze.other" in result.err
    assert rows(shop, "select count(*) from bronze.other") == [(2,)]
    assert rows(shop, "select a from bronze.t") == [(1,)]
    plan = shop.project.run("plan", env=shop.env)
    assert plan.code == 4 and "upstream fails: bronze.t" in plan.out and "E2222 models/" in plan.err, plan


class SilentServer:
    """Takes connections and never answers; `count` of them."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        try:
            while True:
                self.taken.append(self.socket.accept()[0])
        except OSError:
            pass

    @property
    def count(self):
        return len(self.taken)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        for taken in self.taken:
            taken.close()


@pytest.mark.parametrize("made", [False, True])
def test_many_extracts_wait_once_for_a_source_that_does_not_answer(shop, made):
    names = [f"bronze.t{n}" for n in range(4)]
    shop.execute("create table t (a int); insert into t values (1)")
    extract(shop, name=names[0])
    if made:
        for name in names:
            extract(shop, name=name)
        run(shop)
    shop.project.write("data/o.csv", "x\n1\n2\n")
    shop.project.extract("bronze.other", source={"files": "data/*.csv"})
    counts = []
    for known in (1, len(names)):
        for name in names[:known]:
            extract(shop, name=name)
        with SilentServer() as silent:
            connect_to(shop, port=silent.port, login_timeout="2s")
            result = run(shop, "--jobs", "1", "--output", "json", *names[:known], "bronze.other", code=4)
            counts.append(silent.count)
        failed = [event for event in result.events() if event.get("state") == "failed"]
        assert sorted(event["step"] for event in failed) == names[:known], result
        told = [event["error"]["message"] for event in failed]
        assert sum("not tried again" in message for message in told) == known - 1, told
        assert {event["error"]["number"] for event in failed} <= {2222, 2223}, told
        assert {event["error"]["path"] for event in failed} == {
            f"models/{name.replace('.', '/')}.yaml" for name in names[:known]}, told
    assert counts[0] == counts[1] > 0, counts
    assert rows(shop, "select count(*) from bronze.other") == [(2,)]


@pytest.mark.parametrize("change, number, words", [
    ({"user": "nobody_here"}, "E2221", ["shop"]),
    ({"database": "nope"}, "E2222", ["nope"]),
    ({"sslmode": "require"}, "E2222", ["SSL"]),
])
def test_a_refused_login_is_an_error_of_the_connection(shop, change, number, words):
    shop.execute("create table t (a int)")
    extract(shop)
    connect_to(shop, **change)
    result = shop.project.run("run", env=shop.env)
    assert result.code == 4, result
    for word in [number, *words]:
        assert word in result.err, result


def test_a_wrong_password_is_refused_and_never_shown(shop):
    shop.execute("create table t (a int)")
    extract(shop)
    result = shop.project.run("run", env={"ASSAY_TEST_PG_PASSWORD": "wrong-password-1"})
    assert result.code == 4 and "E2221" in result.err, result
    assert "wrong-password-1" not in result.err + result.out


def test_the_password_stands_in_no_output_log_event_or_state(shop):
    shop.project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "n",
                                               "path": "events.jsonl"})
    shop.execute("create table t (a int); insert into t values (1)")
    extract(shop)
    seen = [run(shop, "--output", "json")]
    shop.execute("drop table t")
    seen.append(shop.project.run("run", env=shop.env))
    seen.append(shop.project.run("plan", env=shop.env))
    for result in seen:
        assert PASSWORD not in result.out + result.err
    for path in shop.project.root.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def test_an_unknown_table_is_an_error_that_names_the_nearest(shop):
    shop.execute("create table orders (a int); create schema sales; create table sales.orders (a int)")
    for given, nearest in (("ordes", "orders"), ("sales.order", "sales.orders"),
                           ("sale.orders", "sales.orders")):
        extract(shop, table=given)
        result = run(shop, code=1)
        assert "E2220" in result.err and f"did you mean '{nearest}'" in result.err, result
        assert "models/bronze/t.yaml:3:10" in result.err, result
    extract(shop, table="a.b.c")
    assert "E2229" in run(shop, code=2).err


def test_names_are_found_as_written_and_folded_like_sql_does(shop):
    shop.execute('create schema "We.ird"; create table "We.ird"."Ta""ble" ("Col Um" int, "a.b" text); '
                 'insert into "We.ird"."Ta""ble" values (1, \'x\'); create table lower_case (a int)')
    extract(shop, table='"We.ird"."Ta""ble"')
    run(shop)
    assert rows(shop, 'select "Col Um", "a.b", _source from bronze.t') == [
        (1, "x", 'shop.We.ird.Ta"ble')]
    extract(shop, name="bronze.u", table="Lower_Case")
    run(shop, "bronze.u")


def test_a_query_that_the_database_refuses_is_told_in_its_words(shop):
    for query, words in (("select * from nope", ["nope", "does not exist"]),
                         ("selec 1", ["syntax error"]), ("select 1/0 as x", ["division by zero"]),
                         ("select 1 as a, 2 as a", ["duplicate column name"]),
                         ("select 1 as a; drop table t", ["E2225"])):
        shop.project.extract("bronze.t", source={"connection": "shop", "query": query})
        result = run(shop, code=1)
        for word in words + ["models/bronze/t.yaml:3:10"]:
            assert word in result.err, result


@pytest.mark.parametrize("setting", ["client_encoding = 'LATIN1'", "standard_conforming_strings = off",
                                     "datestyle = 'German, DMY'"])
def test_settings_of_the_role_change_nothing_of_what_is_read(shop, setting):
    shop.execute(r"""create table "t\t" (id integer, v text, day date);
                     insert into "t\t" values (1, 'größe \ it''s \', '2026-02-03')""")
    shop.execute(f'alter role etl in database "{shop.name}" set {setting}', admin=True)
    extract(shop, table=r'"t\t"')
    run(shop)
    assert rows(shop) == [(1, "größe \\ it's \\", "2026-02-03")]


def test_a_source_is_only_read(shop):
    shop.execute("create table t (a int); insert into t values (1)")
    shop.project.extract("bronze.t", source={
        "connection": "shop", "query": "with d as (delete from t returning a) select a from d"})
    assert shop.project.run("run", env=shop.env).code == 1
    assert shop.rows("select a from t") == [(1,)]


def test_a_statement_that_runs_too_long_is_stopped_by_its_timeout(shop):
    connect_to(shop, statement_timeout="1s")
    shop.project.extract("bronze.t", source={
        "connection": "shop", "query": "select pg_sleep(30)::text as a from generate_series(1, 2)"})
    begun = time.monotonic()
    result = run(shop, code=4)
    assert "E2223" in result.err and "timeout" in result.err
    assert time.monotonic() - begun < 15


def test_an_interrupt_while_the_database_works_ends_the_run_at_once(shop):
    shop.project.extract("bronze.t", source={
        "connection": "shop", "query": "select pg_sleep(60)::text as a from generate_series(1, 2)"})
    process = shop.project.assay.start("run", cwd=shop.project.root, env=shop.env)
    end = time.monotonic() + 30
    while "COPY" not in shop.server.psql("select query from pg_stat_activity where state = 'active' and "
                                         "query like 'COPY%pg_sleep%'").stdout:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode in (130, -signal.SIGINT) and time.monotonic() - begun < 20
    assert not list(Path(shop.project.table("bronze.t")).rglob("*.parquet"))


def test_two_runs_at_once_load_the_rows_once(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t "
                 "select g, now() - g * interval '1 s' from generate_series(1, 50000) g")
    watermarked(shop, lookback="1 hour")
    processes = [shop.project.assay.start("run", cwd=shop.project.root, env=shop.env)
                 for _ in range(3)]
    for process in processes:
        process.communicate()
    run(shop)
    assert rows(shop, "select count(*), count(distinct id) from bronze.t") == [(50000, 50000)]


def test_rows_that_break_the_contract_are_put_aside_once(shop):
    shop.execute("create table t (id int, v text, at timestamptz); insert into t "
                 "select g, 'a', timestamptz '2024-01-01' + g * interval '1 min' "
                 "from generate_series(1, 100) g; update t set v = null where id in (50, 100)")
    watermarked(shop, lookback="2 hours",
                contract={"columns": {"v": {"nullable": False}}, "bad_row": "quarantine"})
    run(shop)
    assert rows(shop, "select count(*) from bronze.t") == [(98,)]
    bad = rows(shop, "select * from quarantine.bronze_t")
    assert len(bad) == 2
    run(shop)
    assert rows(shop, "select count(*) from bronze.t") == [(98,)]
    assert rows(shop, "select * from quarantine.bronze_t") == bad


def test_a_table_that_may_not_be_read_is_an_error_of_privileges(shop):
    shop.execute("create table t (a int); insert into t values (1)")
    shop.execute("alter table t owner to admin", admin=True)
    extract(shop)
    result = run(shop, code=4)
    assert "E2221" in result.err and "permission denied" in result.err


def test_a_connection_that_breaks_while_it_is_read_leaves_the_table_as_it_was(shop, postgres):
    shop.execute("create table t (id int, at timestamptz, pad text); insert into t "
                 "select g, now() - g * interval '1 s', md5(g::text) from generate_series(1, 200000) g")
    watermarked(shop)
    proxy = postgres.proxy()
    connect_to(shop, port=proxy.port)
    proxy.fault("COPY", "cut_after", nth=3, times=100)
    result = shop.project.run("run", env=shop.env)
    assert result.code in (1, 4), result
    assert shop.project.run("query", "select * from bronze.t").code != 0
    connect_to(shop)
    run(shop)
    assert rows(shop, "select count(*) from bronze.t") == [(200000,)]


def test_an_extension_that_is_missing_is_an_error_with_the_command(shop, tmp_path):
    shop.execute("create table t (a int)")
    extract(shop)
    result = shop.project.run("run", env={**shop.env, "ASSAY_CACHE": str(tmp_path / "none")})
    assert result.code != 0 and "E3021" in result.err, result
    assert "pip download" in result.err and "duckdb-extension-postgres-scanner==1.5.5" in result.err


def test_other_types_of_connections_are_refused(shop):
    shop.project.write("config/connections.yaml", {"shop": {"type": "s3", "region": "eu-central-1"}})
    extract(shop)
    result = shop.project.run("run", env=shop.env)
    assert result.code != 0 and "E2227" in result.err, result


# ---- Redshift ----

def test_redshift_is_read_by_the_text_protocol_and_never_by_copy(shop, postgres):
    shop.execute("create table t (id int, f float8, n numeric(10,2), at timestamp, d date, tx text, "
                 "b boolean); insert into t values (1, 0.1, 12.34, '2024-01-01 10:00', '2024-01-01', "
                 "'x', true), (2, 1e-300, null, '2024-01-02', null, null, null)")
    proxy = postgres.proxy()
    connect_to(shop, type="redshift", port=proxy.port, sslmode="disable")
    watermarked(shop, lookback="1 day")
    run(shop)
    assert rows(shop, 'select id, f, cast(n as varchar), cast("at" as varchar), tx, b from bronze.t '
                      'order by id') == [(1, 0.1, "12.34", "2024-01-01 10:00:00", "x", True),
                                         (2, 1e-300, None, "2024-01-02 00:00:00", None, None)]
    shop.execute("insert into t values (3, 2, 3, '2024-01-01 12:00', null, null, null)")
    run(shop)
    assert len(rows(shop)) == 3
    assert proxy.statements and not [text for text in proxy.statements if "COPY" in text.upper()]
    assert "no new rows" in run(shop).err
    shop.project.extract("bronze.u", source={"connection": "shop", "table": "tt"})
    result = run(shop, "bronze.u", code=1)
    assert "E2220" in result.err, result


def test_unload_is_refused_until_it_is_built(shop):
    connect_to(shop, type="redshift", unload_to="s3://bucket/tmp", iam_role="arn:aws:iam::1:role/x")
    extract(shop)
    result = shop.project.run("run", env=shop.env)
    assert result.code != 0 and "E2227" in result.err and "unload_to" in result.err, result


# ---- lineage and the other commands ----

def test_the_table_of_the_database_is_an_input_of_lineage(shop):
    shop.project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "n",
                                               "path": "events.jsonl"})
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, '2024-01-01')")
    watermarked(shop)
    run(shop)
    events = [json.loads(line) for line in
              (shop.project.root / "events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["job"]["name"] == "test.bronze.t"]
    assert [event["eventType"] for event in steps] == ["START", "COMPLETE"]
    for event in steps:
        (dataset,) = event["inputs"]
        assert dataset["namespace"] == f"postgres://127.0.0.1:{shop.server.port}"
        assert dataset["name"] == f"{shop.name}.public.t"
    fields = steps[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["id"]["inputFields"][0]["field"] == "id"
    assert fields["id"]["inputFields"][0]["name"] == f"{shop.name}.public.t"


def test_plan_and_ls_know_such_extracts(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, '2024-01-01')")
    watermarked(shop)
    assert "nothing was read" in shop.project.ok("plan", env=shop.env).out
    run(shop)
    assert "may have rows after 2024-01-01 00:00:00+00" in shop.project.ok("plan", env=shop.env).out
    assert "bronze.t" in shop.project.ok("ls").out
