"""Databases as sources at their edges: names, encodings, bounds of windows, sources that change."""
import pytest

from database_shop import connect_to, extract, run, rows, state, watermarked


def query(shop, sql, name="bronze.t", **more):
    shop.project.extract(name, source={"connection": "shop", "query": sql}, **more)


# ---- names ----

@pytest.mark.parametrize("how", ["table", "query"])
def test_columns_that_differ_in_case_only_are_refused_and_none_is_lost(shop, how):
    shop.execute('create table t (id int, "Id" int); insert into t values (1, 2)')
    if how == "table":
        extract(shop)
        result = run(shop, code=1)
        for word in ("E2230", "'id'", "'Id'", "models/bronze/t.yaml:3:10"):
            assert word in result.err, result
    else:
        query(shop, "select * from t")
        assert "Id" in run(shop, code=1).err
    query(shop, 'select id, "Id" as other from t')
    run(shop)
    assert rows(shop) == [(1, 2)]


def test_tables_and_schemas_that_differ_in_case_only_are_told_apart(shop):
    shop.execute('create schema s; create schema "S"; create table s.t (a int); '
                 'create table "S".t (a int); create table "S"."T" (a int); insert into s.t values (1); '
                 'insert into "S".t values (2); insert into "S"."T" values (3)')
    for table, expected in (("s.t", 1), ('"S".t', 2), ('"S"."T"', 3), ("S.T", 3), ("S.t", 2)):
        extract(shop, table=table)
        run(shop)
        assert rows(shop) == [(expected,)], table


def test_a_table_without_columns_is_told(shop):
    shop.execute("create table t (); insert into t default values")
    extract(shop)
    result = run(shop, code=1)
    assert "E2230" in result.err and "no columns" in result.err, result


# ---- encodings ----

def test_texts_of_a_database_in_another_encoding_arrive_as_they_are(shop):
    shop.server.psql(f"create database {shop.name}_l owner etl encoding 'LATIN1' lc_collate 'C' "
                     "lc_ctype 'C' template template0")
    shop.name += "_l"
    shop.server.psql("alter schema public owner to etl", shop.name)
    shop.execute("create table t (a text, U&\"gr\\00f6\\00dfe\" int); "
                 "insert into t values (E'\\u00e4\\u00f6\\u00df', 1), ('x', 2)")
    shop.project.write("config/connections.yaml", {"shop": shop.connection()})
    extract(shop)
    run(shop)
    assert rows(shop, 'select a, "größe" from bronze.t order by 2') == [("äöß", 1), ("x", 2)]
    query(shop, "select a from t where a like 'ä%'", "bronze.u")
    run(shop, "bronze.u")
    assert rows(shop, "select a from bronze.u") == [("äöß",)]


# ---- bounds ----

@pytest.mark.parametrize("declared, now", [("timestamptz", "now()"), ("date", "current_date"),
                                           ("timestamp", "now() at time zone 'UTC'")])
def test_a_watermark_in_the_future_does_not_keep_out_what_comes_before_it(shop, declared, now):
    shop.execute(f"create table t (id int, at {declared}); insert into t values "
                 f"(1, {now}), (2, '2999-01-01')")
    watermarked(shop, lookback="1 day")
    run(shop)
    assert state(shop)["watermark"]["high"] < "2999"
    shop.execute(f"insert into t values (3, {now}), (4, '2999-01-01'), (5, '2500-01-01')")
    run(shop)
    shop.execute(f"insert into t values (6, {now}), (7, '2999-01-02')")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3, 4, 5, 6, 7]
    assert "no new rows" in run(shop).err


@pytest.mark.parametrize("declared, first, more, lookback", [
    ("smallint", "-32760", "5", 1000), ("smallint", "7", "8", 40000),
    ("integer", "-2147483640", "5", 1000), ("bigint", "-9223372036854775800", "5", 1000),
    ("numeric(5,2)", "10", "15.5", 5000), ("numeric(38,0)", "-1" + "0" * 37, "5", 10 ** 18),
    ("timestamp", "'2024-01-01'", "'2024-01-02'", "3000000 days"),
    ("date", "'0001-01-02'", "'2024-01-02'", "30 days"),
    ("timestamptz", "'2024-01-01'", "'2024-01-02'", "100000000 days")])
def test_a_lookback_beyond_all_values_of_the_type_compares_everything(shop, declared, first, more,
                                                                      lookback):
    shop.execute(f"create table t (id int, at {declared}); insert into t values (1, {first})")
    watermarked(shop, lookback=lookback)
    run(shop)
    shop.execute(f"insert into t values (2, {more}), (3, {first})")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3]
    assert "no new rows" in run(shop).err


def test_another_table_begins_its_own_watermark(shop):
    shop.execute("create table t (id int, at timestamptz); insert into t values (1, '2024-01-05'); "
                 "create table u (id int, at timestamptz); insert into u values (2, '2024-01-01'), "
                 "(3, '2024-01-06'), (1, '2024-01-05')")
    watermarked(shop)
    run(shop)
    watermarked(shop, table="u")
    run(shop)
    assert [row[0] for row in rows(shop)] == [1, 2, 3]
    assert state(shop)["watermark"]["source"] == "shop.public.u"
    assert "no new rows" in run(shop).err


def test_a_watermark_that_the_table_does_not_hold_is_compared_whole(shop):
    shop.execute("create table t (id int); insert into t values (1)")
    extract(shop, contract={"new_column": "freeze"})
    run(shop)
    shop.execute("alter table t add at timestamptz default '2024-01-01'; insert into t values (2, '2024-01-02')")
    watermarked(shop, contract={"new_column": "freeze"})
    run(shop)
    shop.execute("insert into t values (3, '2024-01-02'), (4, '2024-01-03')")
    run(shop)
    assert rows(shop) == [(1,), (2,), (3,), (4,)]
    assert "no new rows" in run(shop).err


# ---- queries ----

@pytest.mark.parametrize("sql, expected", [
    ("select $$it's ; -- a$$ as a", "it's ; -- a"), ("select $q$a;b$$c$q$ as a", "a;b$$c"),
    ("-- first\nselect 'x' as a -- last", "x"), ("select 'x' as a /* ; */ ;;\n ; ", "x"),
    ("/* ( */ select 'x)' as a", "x)"), ("select '$' || '${ASSAY_TEST_NONE:-1}' || '$${A}' as a", "$1${A}"),
    ("with x as (select 'y' as a) table x", "y"), ("values ('x')", "x"),
    ("select 'x' as \"select\"", "x"), ("select 'x' as \"a\"\"$$b\"", "x"),
    ("select E'tab\\t\\\\N' as a", "tab\t\\N"), ("select '\\x' as a", "\\x")])
def test_queries_are_sent_as_they_are_written(shop, sql, expected):
    query(shop, sql)
    run(shop)
    assert rows(shop) == [(expected,)]


# ---- silence ----

@pytest.mark.parametrize("statement, nth, kind", [
    ("SELECT", 1, "postgres"), ("relkind", 1, "postgres"), ("max", 1, "postgres"), ("COPY.*pad", 1, "postgres"),
    ("pad", 1, "redshift")])
def test_a_server_that_stops_talking_is_given_up(shop, postgres, statement, nth, kind):
    shop.execute("create table t (id int, at timestamp, pad text); insert into t "
                 "select g, timestamp '2024-01-01' + g * interval '1 s', 'x' from generate_series(1, 1000) g")
    proxy = postgres.proxy()
    connect_to(shop, type=kind, port=proxy.port, sslmode="disable", statement_timeout="1s")
    watermarked(shop)
    mute = proxy.fault(statement, "delay", nth=nth, times=100, seconds=3600)
    result = run(shop, code=4)
    assert mute.fired and "E2223" in result.err and "said nothing" in result.err, result
    connect_to(shop)
    run(shop)
    assert rows(shop, "select count(*), count(distinct id) from bronze.t") == [(1000, 1000)]


# ---- Redshift ----

@pytest.mark.parametrize("value, words", [
    ("'0044-03-15 BC'::date", "0044-03-15 BC"), ("'0044-03-15 01:02:03 BC'::timestamp", "BC"),
    ("'0044-03-15 01:02:03 BC'::timestamptz", "BC"), ("'infinity'::timestamp", "infinity"),
    ("'-infinity'::timestamptz", "infinity"), ("'10000-01-01'::date", "10000-01-01"),
    ("'24:00:00'::time", "24:00:00"), ("'NaN'::numeric(5,2)", "NaN")])
def test_a_value_of_redshift_that_cannot_be_held_is_an_error(shop, value, words):
    connect_to(shop, type="redshift", sslmode="disable")
    query(shop, f"select {value} as v")
    result = run(shop, code=1)
    assert words in result.err, result


@pytest.mark.parametrize("value, kind, text", [
    ("'0001-01-01'::date", "DATE", "0001-01-01"), ("'9999-12-31'::date", "DATE", "9999-12-31"),
    ("'0001-01-01'::timestamp", "TIMESTAMP", "0001-01-01 00:00:00"), ("null::date", "DATE", None),
    ("'2024-03-31 02:30:00.000001+02'::timestamptz", "TIMESTAMP WITH TIME ZONE",
     "2024-03-31 00:30:00.000001+00"), ("'23:59:59.999999'::time", "TIME", "23:59:59.999999"),
    ("-9223372036854775808", "BIGINT", "-9223372036854775808"), ("0.1::float8", "DOUBLE", "0.1"),
    ("'NaN'::float8", "DOUBLE", "nan"), ("3.4028235e38::float4", "FLOAT", "3.4028235e+38"),
    ("1234567890123456789012345678.0123456789::numeric(38,10)", "DECIMAL(38,10)",
     "1234567890123456789012345678.0123456789"), ("true", "BOOLEAN", "true"),
    ("E'tab\\t\\\\N\\n'", "VARCHAR", "tab\t\\N\n"), ("''::text", "VARCHAR", ""),
    ("'\\x00ff'::bytea", "BLOB", "\\x00\\xFF"), ("'12:00+02'::timetz", "VARCHAR", "12:00:00+02")])
def test_every_type_of_redshift_arrives_exactly(shop, value, kind, text):
    connect_to(shop, type="redshift", sslmode="disable")
    query(shop, f"select {value} as v")
    run(shop)
    assert rows(shop, "select typeof(v), cast(v as varchar) from bronze.t") == [(kind, text)]
