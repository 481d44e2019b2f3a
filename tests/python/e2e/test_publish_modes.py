"""Publishing in each mode to PostgreSQL and to the stand-in for Snowflake: what is there afterwards,
read by other programs."""
import duckdb
import pytest

import publishing
from publishing import MODES, Orders, check_ledger, evaluate, ledger


def publication_lines(result):
    return [line.split("→", 1)[1].split() for line in result.err.splitlines() if "→" in line]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_published_is_there_in_each_generation(project, site, mode):
    orders = Orders(project, site, mode)
    for number in range(3):
        orders.generation(number)
        result = orders.run()
        assert result.code == 0, result
        orders.check()
        assert check_ledger(site) == number + 1
        assert site.staging() == []
    again = orders.run()
    assert again.code == 0 and not publication_lines(again), again
    orders.check()
    assert check_ledger(site) == 3


@pytest.mark.parametrize("table_format", ["delta", "parquet"])
def test_every_table_format_is_published(project, site, table_format):
    orders = Orders(project, site, "merge", table_format=table_format)
    for number in range(2):
        orders.generation(number)
        assert orders.run().code == 0
        orders.check()


def model(project, site, sql, key=None, **publish):
    """gold.t of any SELECT, published as it is told."""
    project.write("config/connections.yaml", {"there": site.connection()})
    entry = {"to": "there", "table": "t", **({"key": key, "mode": "merge"} if key else {}), **publish}
    project.model("gold.t", sql, publish=[entry])
    return project.run("run", env=site.env)


def there(site, table="t"):
    return site.read(site.folded(table))


def test_rows_that_did_not_change_are_not_touched(project, sites):
    site = sites("postgres")
    assert model(project, site, "select i as id, 0 as v from range(100) r(i)", key=["id"]).code == 0
    before = dict(site.database.rows("select id, xmin::text from t"))
    sql = "select i as id, (i % 10 = 0)::integer as v from range(100) r(i)"
    assert model(project, site, sql, key=["id"]).code == 0
    after = dict(site.database.rows("select id, xmin::text from t"))
    assert {i for i in before if before[i] != after[i]} == set(range(0, 100, 10))
    assert there(site) == evaluate(sql)


def test_a_merge_counts_what_is_new_and_what_changed(project, site):
    assert model(project, site, "select * from (values (1, 'a'), (2, 'b'), (3, 'c')) t(id, v)",
                 key=["id"]).code == 0
    result = model(project, site, "select * from (values (1, 'a'), (2, 'x'), (4, 'd')) t(id, v)", key=["id"])
    (line,) = publication_lines(result)
    assert "+1" in line and "~1" in line, result
    newest = max(ledger(site), key=lambda row: int(row["sequence"]))
    assert (newest["rows_ins"], newest["rows_upd"], newest["rows_del"]) == ("1", "1", "0")
    assert there(site) == evaluate("select * from (values (1,'a'),(2,'x'),(3,'c'),(4,'d')) t(id, v)")


def test_a_table_made_of_keys_alone(project, site):
    assert model(project, site, "select 1 as a, 'x' as b", key=["a", "b"]).code == 0
    result = model(project, site, "select * from (values (1, 'x'), (1, 'y')) t(a, b)", key=["a", "b"])
    assert result.code == 0, result
    assert there(site) == evaluate("select * from (values (1, 'x'), (1, 'y')) t(a, b)")


def test_rows_older_than_those_there_are_left_out(project, site):
    assert model(project, site, "select * from (values (1, 10, 'new'), (2, 5, 'old')) t(id, seq, v)",
                 key=["id"], version="seq").code == 0
    result = model(project, site, "select * from (values (1, 9, 'stale'), (2, 6, 'newer')) t(id, seq, v)",
                   key=["id"], version="seq")
    assert result.code == 0, result
    assert there(site) == evaluate("select * from (values (1,10,'new'),(2,6,'newer')) t(id, seq, v)")


def test_rows_that_vanished_are_marked_and_come_back(project, site):
    for sql, marked in (("select * from (values (1, 'a'), (2, 'b')) t(id, v)", []),
                        ("select * from (values (2, 'b')) t(id, v)", ["1"]),
                        ("select * from (values (1, 'c'), (2, 'b')) t(id, v)", [])):
        result = model(project, site, sql, key=["id"], soft_delete="absence")
        assert result.code == 0, result
        rows = there(site)
        assert [row["id"] for row in rows if row["_is_deleted"]] == marked
        assert all((row["_deleted_at"] is not None) == bool(row["_is_deleted"]) for row in rows)
    assert {row["id"]: row["v"] for row in rows} == {"1": "c", "2": "b"}


def test_rows_that_say_of_themselves_that_they_are_gone(project, site):
    assert model(project, site, "select * from (values (1,'a','U'), (2,'b','U')) t(id, v, op)",
                 key=["id"], soft_delete="op").code == 0
    result = model(project, site, "select * from (values (1,'a','D'), (2,'c','U'), (9,'z','D')) t(id, v, op)",
                   key=["id"], soft_delete="op")
    assert result.code == 0, result
    rows = {row["id"]: row for row in there(site)}
    assert set(rows) == {"1", "2"} and "op" not in rows["1"]
    assert (rows["1"]["_is_deleted"], rows["2"]["_is_deleted"], rows["2"]["v"]) == (True, False, "c")


TYPES = """select 1::tinyint as a_tiny, 200::utinyint as a_utiny, -5::smallint as a_small,
 70000::integer as a_int, 9007199254740993::bigint as a_big, 18446744073709551615::ubigint as a_ubig,
 1.5::float as a_float, 0.1::double as a_double, 123456789012345678901234567890.12345678::decimal(38,8)
 as a_dec, 'Zürich ''"\\ ' as a_text, '\\x00\\xff'::blob as a_blob, true as a_bool,
 date '2026-02-28' as a_date, time '01:02:03.000004' as a_time,
 timestamp '1969-12-31 23:59:59.999999' as a_ts, timestamptz '2026-07-01 12:00:00+02' as a_tz,
 '6b1c7c5c-6a4d-4e52-a1ab-7ce6ea1b5f2e'::uuid as a_uuid, 1 as id"""


def test_every_type_arrives_as_it_left(project, site):
    sql = f"{TYPES} union all by name select 2 as id"
    result = model(project, site, sql, key=["id"])
    assert result.code == 0, result
    assert there(site) == evaluate(sql)
    # A second time with the same values: nothing differs on its way there.
    result = model(project, site, f"{sql} -- again\n", key=["id"])
    assert [line for line in publication_lines(result) if "~1" in line] == [], result


def test_names_that_need_quotes(project, site):
    sql = 'select 1 as "order", 2 as "Odd ""name", 3 as "größe", \'x\' as "a b"'
    result = model(project, site, sql, key=["order"], table='"Odd table"', preserve_case=True)
    assert result.code == 0, result
    (row,) = site.read("Odd table")
    assert row == {'order': "1", 'odd "name': "2", "größe": "3", "a b": "x"}


def test_a_schema_of_its_own_is_made(project, site):
    schema = site.folded("marts")
    result = model(project, site, "select 1 as id", table="marts.t")
    assert result.code == 0, result
    assert site.read(site.folded("t"), schema) == [{"id": "1"}]


def test_a_new_column_is_added_and_one_that_is_gone_becomes_null(project, site):
    assert model(project, site, "select 1 as id, 'a' as v, 'b' as w", key=["id"]).code == 0
    result = model(project, site, "select i as id, 'c' as v, 2.5::decimal(5,1) as more "
                   "from (values (1), (2)) t(i)", key=["id"])
    assert result.code == 0, result
    assert there(site) == evaluate(
        "select i as id, 'c' as v, null::varchar as w, 2.5::decimal(5,1) as more from (values (1), (2)) t(i)")


def test_a_column_is_widened(project, site):
    assert model(project, site, "select 1 as id, 7::integer as n, 1.5::decimal(5,1) as d", key=["id"]).code == 0
    sql = "select 1 as id, 3000000000::bigint as n, 12345678.5::decimal(12,1) as d"
    result = model(project, site, sql, key=["id"])
    assert result.code == 0, result
    assert there(site) == evaluate(sql)


def test_a_column_of_another_type_is_refused_with_the_statement_that_would_be_needed(project, site):
    assert model(project, site, "select 1 as id, 'a' as v", key=["id"]).code == 0
    result = model(project, site, "select 1 as id, 2 as v", key=["id"])
    assert result.code == 1, result
    assert "ALTER TABLE" in result.err and publishing.error_numbers(result), result
    assert there(site) == evaluate("select 1 as id, 'a' as v")
    # The lake is right all the same.
    assert project.query("select v from gold.t")["rows"] == [[2]]


def test_a_target_that_somebody_else_made_is_used(project, sites):
    site = sites("postgres")
    site.execute("create table t (id integer, v text, other integer default 5)")
    site.execute("insert into t values (1, 'a', 1), (3, 'c', 3)")
    result = model(project, site, "select * from (values (1, 'x'), (2, 'y')) t(id, v)", key=["id"])
    assert result.code == 0, result
    rows = {row["id"]: (row["v"], row["other"]) for row in there(site)}
    assert set(rows) == {"1", "2", "3"} and rows["1"][0] == "x" and rows["3"] == ("c", "3")


def test_only_some_columns_are_published(project, site):
    result = model(project, site, "select 1 as id, 'secret' as s, 2 as v", key=["id"], columns=["id", "v"])
    assert result.code == 0, result
    assert there(site) == [{"id": "1", "v": "2"}]


def test_large_sets_go_there_whole(project, site):
    count = 150000
    sql = f"select i as id, md5(i::varchar) as h, i / 3.0::double as d from range({count}) r(i)"
    result = model(project, site, sql)
    assert result.code == 0, result
    rows = there(site)
    with duckdb.connect() as connection:
        expected = dict(connection.execute(f"select id::varchar, h from ({sql})").fetchall())
    assert len(rows) == count and {row["id"]: row["h"] for row in rows} == expected
