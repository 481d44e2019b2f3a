"""Targets that others made or changed, odd names, odd data: each is published right or refused with what is
wrong, and the lake is right all the same."""
import json
import shutil

import pytest

import matrix
import publishing
from publishing import Orders, ledger


def publish(project, site, sql, **entry):
    """gold.t of any SELECT, published as it is told."""
    project.write("config/connections.yaml", {"there": site.connection()})
    project.model("gold.t", sql, publish=[{"to": "there", "table": "t", **entry}])
    return project.run("run", env=site.env)


def published(project, site, sql, **entry):
    result = publish(project, site, sql, **entry)
    assert result.code == 0, result
    return result


def refused(project, site, sql, number, *words, code=1, **entry):
    result = publish(project, site, sql, **entry)
    assert result.code == code and publishing.error_numbers(result) == [number], result
    for word in words:
        assert word in result.err, (word, result)


# ---- names ----

@pytest.mark.parametrize("kind, table", [("postgres", "s"), ("postgres", "t"), ("snowflake", "t"),
                                         ("postgres", "source")])
def test_a_table_may_have_the_name_that_statements_use(project, sites, kind, table):
    site = sites(kind)
    rows = "select * from (values (1, 'a', 'U'), (2, 'b', 'U')) r(id, v, op)"
    gone = "select * from (values (1, 'a', 'D'), (3, 'c', 'U')) r(id, v, op)"
    entry = {"table": table, "mode": "merge", "key": ["id"], "version": "v"}
    published(project, site, rows, soft_delete="op", **entry)
    published(project, site, gone, soft_delete="op", **entry)
    marks = {row["id"]: row["_is_deleted"] for row in site.read(site.folded(table))}
    assert marks == {"1": True, "2": False, "3": False}
    published(project, site, "select 3 as id, 'd' as v", soft_delete="absence", **entry)
    marks = {row["id"]: row["_is_deleted"] for row in site.read(site.folded(table))}
    assert marks == {"1": True, "2": True, "3": False}


def test_reserved_words_quotes_and_signs_of_our_own_patterns_are_names(project, site):
    sql = 'select {} as "select", 2 as "c?d", 3 as "e#f", 4 as "g%sh", 5 as "a\nb", 6 as "i""j", 7 as "ü x"'
    entry = {"table": '"order ""1"""', "mode": "merge", "key": ["c?d"], "preserve_case": True}
    published(project, site, sql.format(1), **entry)
    result = published(project, site, sql.format(9), **entry)
    assert "~1" in result.err, result
    assert site.count('order ""1""') == 1
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 0, result


def test_names_longer_than_postgresql_keeps_are_refused_and_not_cut(project, sites):
    site = sites("postgres")
    refused(project, site, f'select 1 as "{"ü" * 32}"', "E7008", "63 bytes", code=2)
    refused(project, site, "select 1 as id", "E7001", "longer", code=2, table="o" * 64)
    refused(project, site, "select 1 as id", "E7001", "longer", code=2, table=f"{'o' * 64}.t")
    sql = f'select 1 as "{"ü" * 31}x", 2 as "{"ü" * 31}y"'
    published(project, site, sql, table="o" * 63, mode="merge", key=["ü" * 31 + "x"])
    assert site.count("o" * 63) == 1 and site.staging() == []


# ---- what the role says ----

SETTINGS_OF_A_ROLE = ["client_encoding = 'LATIN1'", "standard_conforming_strings = off",
                      "datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'",
                      "timezone = 'Asia/Kolkata'", "bytea_output = 'escape'", "extra_float_digits = -10",
                      "lock_timeout = 1", "statement_timeout = 1",
                      "default_transaction_isolation = 'serializable'"]


@pytest.mark.parametrize("setting", SETTINGS_OF_A_ROLE)
def test_settings_of_the_role_change_nothing_of_what_lands_and_is_compared(project, sites, setting):
    site = sites("postgres")
    sql = r"""select 1 as id, 'größe\ it''s \' as v, timestamptz '2026-01-01 12:00:00+05' as tz, '\xAA\x00\x5C'::blob as b,
 0.1::double as d, date '2026-02-03' as dt, timestamp '2026-02-03 04:05:06.7' as ts, {'a': 'x\ ü'} as doc"""
    entry = {"mode": "merge", "key": ["id"], "table": r'"back\slash \"'}
    site.database.execute(f'alter role etl in database "{site.database.name}" set {setting}', admin=True)
    published(project, site, sql, **entry)
    assert project.run("publish", "--verify", env=site.env).code == 0
    site.database.execute(f'alter role etl in database "{site.database.name}" reset all', admin=True)
    (row,) = site.read("back\\slash \\")
    (expected,) = publishing.evaluate(sql)
    assert {**row, "doc": json.loads(row["doc"])} == {**expected, "doc": json.loads(expected["doc"])}
    assert site.staging() == []


# ---- targets of others ----

def test_a_generated_column_is_refused_before_rows_are_sent(project, sites):
    site = sites("postgres")
    site.execute("create table t (id integer, v text, w text generated always as (v || '!') stored)")
    refused(project, site, "select 1 as id, 'a' as v, 'a!' as w", "E7012", "'w'", "columns")
    published(project, site, "select 1 as id, 'a' as v, 'a!' as w", columns=["id", "v"])
    assert site.read("t") == [{"id": "1", "v": "a", "w": "a!"}]


def test_constraints_of_the_target_are_told_with_their_names(project, sites):
    site = sites("postgres")
    site.execute("create table t (id integer unique constraint small check (id < 5), v text not null);"
                 "create table child (p integer references t(id))")
    refused(project, site, "select 1 as id, null::varchar as v", "E3114", "column \"v\"")
    refused(project, site, "select 7 as id, 'a' as v", "E3114", "small")
    refused(project, site, "select i::integer as id, 'a' as v from (values (1), (1)) r(i)", "E3114", "t_id_key")
    published(project, site, "select 1 as id, 'a' as v")
    site.execute("insert into child values (1)")
    refused(project, site, "select 2 as id, 'b' as v", "E3114", "child")
    assert site.read("t") == [{"id": "1", "v": "a"}] and site.staging() == []


def test_views_and_partitioned_tables_are_targets(project, sites):
    site = sites("postgres")
    site.execute("create table below (id integer, v text, hidden text default 'h');"
                 "create view looks as select id, v from below;"
                 "create table parts (id integer, v text) partition by range (id);"
                 "create table part1 partition of parts for values from (0) to (100)")
    for table in ("looks", "parts"):
        sql = "select i::integer as id, '{}' as v from range(3) r(i)"
        published(project, site, sql.format("a"), table=table, mode="merge", key=["id"])
        result = published(project, site, sql.format("b"), table=table, mode="merge", key=["id"])
        assert "~3" in result.err, result
        assert dict(site.database.rows(f"select id, v from {table}")) == {0: "b", 1: "b", 2: "b"}
    refused(project, site, "select 1000 as id, 'a' as v", "E3114", "partition", table="parts", mode="merge",
            key=["id"])


def test_a_trigger_and_a_default_of_the_target_work(project, sites):
    site = sites("postgres")
    site.execute("create table t (id integer, v text, stamped text, made text default 'there');"
                 "create function stamp() returns trigger language plpgsql as "
                 "'begin new.stamped := ''by '' || tg_op; return new; end';"
                 "create trigger stamp before insert or update on t for each row execute function stamp()")
    entry = {"mode": "merge", "key": ["id"]}
    published(project, site, "select * from (values (1, 'a'), (2, 'b')) r(id, v)", **entry)
    published(project, site, "select * from (values (1, 'a'), (2, 'c')) r(id, v)", **entry)
    assert [(row["stamped"], row["made"]) for row in site.read("t")] == [
        ("by INSERT", "there"), ("by UPDATE", "there")]


@pytest.mark.parametrize("taker", [
    "create rule r as on insert to t where new.id > 1 do instead nothing",
    "create function f() returns trigger language plpgsql as "
    "'begin if new.id > 1 then return null; end if; return new; end';"
    "create trigger x before insert on t for each row execute function f()"])
def test_rows_that_a_rule_or_a_trigger_of_the_target_takes_are_told(project, sites, taker):
    site = sites("postgres")
    site.execute(f"create table t (id integer); {taker}")
    result = published(project, site, "select i::integer as id from range(3) r(i)")
    assert "'t' of 'there' took 2 rows where 3 were sent" in result.err, result
    assert [row["id"] for row in site.read("t")] == ["0", "1"]
    assert project.run("publish", "--verify", env=site.env).code == 1


def test_a_target_that_was_renamed_is_made_anew(project, site):
    entry = {"mode": "merge", "key": ["id"]}
    published(project, site, "select 1 as id", **entry)
    table, old = site.folded("t"), site.folded("old")
    site.execute(f'alter table "{table}" rename to "{old}"')
    result = project.run("publish", env=site.env)
    assert result.code == 0 and site.read(table) == [{"id": "1"}] == site.read(old), result


def test_two_models_do_not_publish_to_one_table_by_two_connections(project, sites):
    site = sites("postgres")
    project.write("config/connections.yaml", {"one": site.connection(), "two": site.connection()})
    project.model("gold.a", "select 1 as id", publish=[{"to": "one", "table": "t"}])
    project.model("gold.b", "select 2 as id", publish=[{"to": "two", "table": "public.t"}])
    result = project.run("run", env=site.env)
    assert result.code == 2 and "E2403" in result.err, result
    assert site.read("t") is None


def other_projects(make_project, site, names):
    for name in names:
        made = make_project(name)
        made.write("assay.yaml", {"name": name})
        made.storage(format="iceberg", warehouse="lake")
        made.write("config/connections.yaml", {"there": site.connection()})
        yield made


def test_columns_that_another_table_published_into_the_target_are_left_alone(make_project, site):
    one, two = other_projects(make_project, site, ["one", "two"])
    entry = {"to": "there", "table": "t", "mode": "merge", "key": ["id"]}
    for project, table, sql in ((one, "gold.t", "select 1 as id, 'a' as a, 'x' as x"),
                                (two, "gold.u", "select 1 as id, 'b' as b"),
                                (one, "gold.t", "select 1 as id, 'c' as a")):
        project.model(table, sql, publish=[entry])
        result = project.run("run", env=site.env)
        assert result.code == 0, result
    assert site.read(site.folded("t")) == [{"id": "1", "a": "c", "b": "b", "x": None}]


@pytest.mark.parametrize("mode", publishing.MODES)
def test_what_another_project_has_overwritten_is_not_said_to_be_there(make_project, site, mode):
    one, two = other_projects(make_project, site, ["one", "two"])
    entry = {"to": "there", "table": "t"}
    own = {**entry, "mode": mode, **({"key": ["id"]} if mode == "merge" else {})}
    one.write("data/a.csv", "id\n1\n")
    one.extract("gold.t", source={"files": "data/*.csv"}, publish=[{**own, "columns": ["id"]}])
    two.model("gold.t", "select 2::bigint as id", publish=[entry])
    table = site.folded("t")
    for project in (one, two):
        assert project.run("run", env=site.env).code == 0
    assert site.read(table) == [{"id": "2"}]
    result = one.run("publish", env=site.env)
    if mode == "append":
        assert result.code == 1 and publishing.error_numbers(result)[0] == "E2406", result
        assert site.read(table) == [{"id": "2"}]
        return
    assert result.code == 0 and "published" in result.out, result
    assert site.read(table) == [{"id": "1"}] + ([{"id": "2"}] if mode == "merge" else [])
    again = one.run("publish", env=site.env)
    assert again.code == 0 and "there already" in again.out, again
    assert publishing.check_ledger(site) == 2


# ---- what was moved or lost there ----

@pytest.mark.parametrize("mode, table_format", [
    ("overwrite", "iceberg"), ("merge", "delta"), ("append", "iceberg"), ("append", "parquet")])
def test_a_table_restored_from_a_backup_is_not_taken_for_the_one_that_was_published(
        project, sites, mode, table_format):
    """Its commits get the numbers of those that were lost, and have other rows."""
    site = sites("postgres")
    orders = Orders(project, site, mode, rows=20, table_format=table_format)
    assert orders.run().code == 0
    shutil.copytree(project.root / "lake", project.root / "backup", symlinks=True)
    orders.generation(1)
    assert orders.run().code == 0
    shutil.rmtree(project.root / "lake")
    (project.root / "backup").rename(project.root / "lake")
    if mode == "append":
        (project.root / "data/g1.csv").unlink()
    orders.generation(2)
    result = orders.run()
    if mode != "append":
        assert result.code == 0, result
        orders.check()
        again = project.run("publish", env=site.env)
        assert again.code == 0 and "there already" in again.out, again
        return
    assert result.code == 1 and publishing.error_numbers(result) == ["E2406"], result
    assert "restored or copied" in result.err, result
    orders.generation(3)
    result = orders.run()
    assert result.code == 1 and publishing.error_numbers(result) == ["E2406"], result
    assert site.count("orders") == 40


def test_a_connection_that_leads_elsewhere_by_now_is_published_to(project, sites):
    old, new = sites("postgres"), sites("postgres")
    published(project, old, "select 1 as id")
    project.write("config/connections.yaml", {"there": new.connection()})
    for command in (["publish", "--pending"], ["run"]):
        result = project.run(*command, env=new.env)
        assert result.code == 0 and new.read("t") == [{"id": "1"}] == old.read("t"), result
    assert len(ledger(new)) == 1


def test_rows_are_not_appended_again_where_the_ledger_was_dropped(project, site):
    orders = Orders(project, site, "append")
    assert orders.run().code == 0
    site.execute(f'drop table "{site.folded("_assay_ledger")}"')
    orders.generation(1)
    for attempt in (orders.run, orders.run, lambda: project.run("publish", env=site.env)):
        result = attempt()
        assert result.code == 1 and publishing.error_numbers(result) == ["E2410"], result
        assert site.count(site.folded("orders")) == 300 and site.staging() == []
    # Both tables dropped: everything is added, once.
    site.execute(f'drop table "{site.folded("orders")}"')
    assert orders.run().code == 0
    orders.check()


# ---- data ----

def test_no_rows_and_no_changes(project, site):
    entry = {"mode": "merge", "key": ["id"]}
    sql = "select i::integer as id, 'a' as v from range(3) r(i)"
    project.model("gold.t", f"{sql} where false", allow_empty=True)
    published(project, site, f"{sql} where false", **entry)
    assert site.read(site.folded("t")) == []
    published(project, site, sql, **entry)
    result = published(project, site, f"{sql} order by id desc", **entry)
    assert "+0" in result.err and "~" not in result.err, result
    assert len(ledger(site)) == 3


def test_keys_of_several_columns_with_a_null_are_refused(project, site):
    sql = "select * from (values (1, null, 'a'), (1, 2, 'b')) r(a, b, v)"
    refused(project, site, sql, "E7020", "a=1, b=NULL", mode="merge", key=["a", "b"])


def test_text_that_postgresql_cannot_hold_is_refused(project, sites):
    site = sites("postgres")
    refused(project, site, "select 'a' || chr(0) as v", "E3114", "0x00")
    refused(project, site, """select '{"a": "\\u0000"}'::json as v""", "E3114", "Unicode", table="u")
    assert site.staging() == []


def test_a_huge_text_goes_there_whole(project, site):
    length = 20_000_000
    published(project, site, f"select 1 as id, repeat('ü', {length}) as v")
    function = "length" if site.kind == "postgres" else "LENGTH"
    rows = site.read(site.folded("t"), columns=f'{function}("{site.folded("v")}") as n')
    assert rows == [{"n": str(length)}]
    assert project.run("publish", "--verify", env=site.env).code == 0


# The stand-in has no NUMBER(38,0), which this one becomes.
BEYOND_THE_STAND_IN = {"huge"}


def test_edge_values_of_every_type_arrive_and_are_told_equal(project, site):
    """In one table of every type; a second publication finds no row that differs."""
    columns = [c for c in matrix.COLUMNS if site.kind == "postgres" or c.name not in BEYOND_THE_STAND_IN]
    rows = [f"select {number} as id, " + ", ".join(
        f'({matrix.literal(column, number)})::{column.type} as "{column.name}"' for column in columns)
        for number in range(20)]
    sql = "\nunion all\n".join(rows)
    entry = {"mode": "merge", "key": ["id"]}
    published(project, site, sql, **entry)
    result = published(project, site, f"{sql}\nunion all select 99, " + ", ".join(["null"] * len(columns)), **entry)
    assert "+1" in result.err and "~" not in result.err, result
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 0, result
    assert site.count(site.folded("t")) == 21


def test_the_sign_of_a_large_number_counts_in_snowflake(project, sites):
    site = sites("snowflake")
    published(project, site, "select 1 as id, 1e20 as v, 'inf'::double as w, -1e16 as x", mode="merge", key=["id"])
    assert project.run("publish", "--verify", env=site.env).code == 0
    site.execute("UPDATE T SET W = -W")
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 1 and "columns that differ: w" in result.out, result


@pytest.mark.parametrize("name", ["a%20b", "a?b", "a\\b", "a*b"])
def test_a_folder_that_the_driver_of_snowflake_cannot_read_is_refused_with_what_to_do(project, sites, name):
    site = sites("snowflake")
    project.write("assay.yaml", {"name": "test", "targets": {"local": {"temp_dir": name}}})
    refused(project, site, "select 1 as id", "E7013", "temp_dir", code=2)
    project.write("assay.yaml", {"name": "test", "targets": {"local": {"temp_dir": "it's ü"}}})
    published(project, site, "select 1 as id")


def test_a_column_of_another_type_is_a_difference_and_none_of_its_values_is_shown(project, site):
    published(project, site, "select 1 as id, 'secret' as v", mode="merge", key=["id"])
    refused(project, site, "select 1 as id, 2 as v", "E7010", mode="merge", key=["id"])
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 1 and publishing.error_numbers(result) == ["E2408"], result
    assert "columns that differ: v" in result.out and "secret" not in result.out + result.err, result


def test_rows_that_come_back_lose_their_mark_when_soft_delete_is_given_up(project, site):
    entry = {"mode": "merge", "key": ["id"]}
    rows = "select i::integer as id from range({}, 3) r(i)"
    published(project, site, rows.format(0), soft_delete="absence", **entry)
    published(project, site, rows.format(1), soft_delete="absence", **entry)
    published(project, site, rows.format(0), **entry)
    marks = [(row["id"], bool(row["_is_deleted"]), row["_deleted_at"]) for row in site.read(site.folded("t"))]
    assert marks == [("0", False, None), ("1", False, None), ("2", False, None)]


DOCUMENTS = ['{"bb": 1, "a": [1, 2.50, -0.0, 1e2, 12.5E-1], "B": {"": null}}', '{"a":1,"a":2}', '[]', '{}', '"ü€😀 \\"q\\" \\u0001\\n\\/"',
             'null', '[1.10, 12345678901234567890.123456789, 1e-7]', '{"zz": {"b": true, "a": false}, "é": "\\ud83d\\ude00"}']


def test_json_lists_and_structs_are_compared_by_content_in_postgresql(project, sites):
    site = sites("postgres")
    documents = "\nunion all\n".join(
        f"select {i} as id, $${text}$$::json as doc, [{i}, null] as list, {{'x': {i}, 'yy': {i} / 3.0::double}} as rec, "
        f"map {{'k{i}': date '2026-01-01' + {i}}} as dict" for i, text in enumerate(DOCUMENTS))
    published(project, site, documents, mode="merge", key=["id"])
    assert project.run("publish", "--verify", env=site.env).code == 0
    for column, key, change in (("doc", 0, "jsonb_set(doc, '{a,1}', '2.51')"), ("list", 3, "'[3, 4]'"),
                                ("rec", 4, "jsonb_set(rec, '{x}', '5')"), ("dict", 5, "'{}'")):
        site.execute(f"create table kept as select * from t; update t set {column} = {change} where id = {key}")
        result = project.run("publish", "--verify", env=site.env)
        assert result.code == 1 and f"columns that differ: {column}" in result.out, (column, result)
        assert f"id={key}  in {column}" in result.out and "NULL only" not in result.out, result
        site.execute("delete from t; insert into t select * from kept; drop table kept")
    # Digits count for the merge as they do for the comparison.
    result = published(project, site, documents.replace("2.50", "2.5"), mode="merge", key=["id"])
    assert "+0 ~1" in result.err and project.run("publish", "--verify", env=site.env).code == 0, result
    # A column of type json keeps the text that came: it is equal where the document is.
    site.execute("alter table t alter column doc type json")
    assert project.run("publish", "--verify", env=site.env).code == 0
