"""Publications that cannot work: each is refused with a number, a place and the name of what is wrong,
nothing is changed there, and the lake is right all the same."""
import re
import socket
import time

import pytest

import postgres_server
import publishing
from publishing import ledger


def build(project, site, sql, connection=None, **entry):
    project.write("config/connections.yaml", {"there": connection or site.connection()})
    project.model("gold.t", sql, publish=[{"to": "there", "table": "t", **entry}])


def refused(result, code, *words):
    assert result.code == code, result
    assert publishing.error_numbers(result), result
    for word in words:
        assert word in result.err, (word, result)
    return result


def place(result):
    return re.search(r"models/gold/t\.sql:\d+:\d+", result.err)


ROW = "select 1 as id, 'a' as v"
BROKEN = {
    "merge without a key": ({"mode": "merge"}, "key"),
    "a key that no column has": ({"mode": "merge", "key": ["idd"]}, "id"),
    "a key with another mode": ({"mode": "append", "key": ["id"]}, "key"),
    "a version that no column has": ({"mode": "merge", "key": ["id"], "version": "vv"}, "vv"),
    "a column that is not there": ({"columns": ["id", "w"]}, "w"),
    "an unknown connection": ({"to": "their"}, "there"),
    "an unknown mode": ({"mode": "upsert"}, "merge"),
    "an unknown option": ({"keys": ["id"]}, "key"),
    "soft deletes without merge": ({"soft_delete": "absence"}, "soft_delete"),
    "a table name of too many parts": ({"table": "a.b.c.d"}, "a.b.c.d"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_can_be_seen_without_the_database_is_refused_before_anything_runs(project, sites, case):
    site = sites("postgres")
    entry, word = BROKEN[case]
    build(project, site, ROW, **entry)
    result = refused(project.run("run", env=site.env), 2, word)
    assert place(result), result
    assert site.read("t") is None and not (project.root / "lake").exists()


def test_a_connection_that_takes_no_tables(project, site):
    build(project, site, ROW, connection={"type": "s3", "region": "eu-west-1"})
    refused(project.run("run", env=site.env), 2, "there", "s3")


NULL_KEY = "select * from (values (1, 'a'), (null, 'b'), (2, 'c')) t(id, v)"
TWICE = "select * from (values (1, 'a'), (7, 'b'), (7, 'c')) t(id, v)"


@pytest.mark.parametrize("sql, sample", [(NULL_KEY, "NULL"), (TWICE, "7")], ids=["null", "duplicate"])
def test_keys_that_are_null_or_come_twice_are_refused_with_a_sample(project, site, sql, sample):
    build(project, site, "select 1 as id, 'old' as v", mode="merge", key=["id"])
    assert project.run("run", env=site.env).code == 0
    before = site.read(site.folded("t"))
    build(project, site, sql, mode="merge", key=["id"])
    refused(project.run("run", env=site.env), 1, sample, "id")
    assert site.read(site.folded("t")) == before and len(ledger(site)) == 1
    assert site.staging() == []
    assert project.query("select count(*) as n from gold.t")["rows"] == [[3]]
    # After the fix the same table is published.
    build(project, site, "select * from (values (1, 'a'), (2, 'c')) t(id, v)", mode="merge", key=["id"])
    assert project.run("run", env=site.env).code == 0
    assert len(site.read(site.folded("t"))) == 2


def test_the_footer_counts_what_is_not_published(project, sites):
    site = sites("postgres")
    build(project, site, TWICE, mode="merge", key=["id"])
    result = project.run("run", env=site.env)
    assert result.code == 1 and "1 done, 0 failed, 0 skipped, 1 not published in " in result.err, result
    events = project.run("run", "--output", "json", env=site.env).events()
    assert [event["unpublished"] for event in events if event["event"] == "run_finished"] == [1]
    build(project, site, ROW, mode="merge", key=["id"])
    result = project.run("run", env=site.env)
    assert result.code == 0 and "not published" not in result.err, result


def test_a_composite_key_may_repeat_in_its_parts(project, site):
    build(project, site, "select * from (values (1, 1, 'a'), (1, 2, 'b')) t(a, b, v)", mode="merge",
          key=["a", "b"])
    assert project.run("run", env=site.env).code == 0
    assert len(site.read(site.folded("t"))) == 2


def test_a_target_with_other_types_is_refused(project, site):
    table, ident, v = (site.folded(name) for name in ("t", "id", "v"))
    site.execute(f'create table "{table}" ("{ident}" date, "{v}" varchar(20))')
    build(project, site, ROW, mode="merge", key=["id"])
    refused(project.run("run", env=site.env), 1, ident, "DATE" if site.kind == "snowflake" else "date")
    assert site.read(table) == [] and site.staging() == []


def test_a_target_with_a_column_that_must_be_filled_is_refused(project, site):
    table, ident, more = (site.folded(name) for name in ("t", "id", "more"))
    site.execute(f'create table "{table}" ("{ident}" integer, "{more}" integer not null)')
    build(project, site, "select 1 as id")
    result = project.run("run", env=site.env)
    refused(result, 1, more)
    assert site.read(table) == []


def test_missing_privileges_on_postgresql(project, sites, postgres):
    site = sites("postgres")
    site.database.execute('revoke create on schema public from public; revoke all on schema public '
                          'from etl; alter schema public owner to admin', admin=True)
    build(project, site, ROW)
    refused(project.run("run", env=site.env), 1, "E3123", "permission denied", "public")
    assert project.query("select id from gold.t")["rows"] == [[1]]


def test_missing_privileges_on_a_table_of_postgresql(project, sites, postgres):
    site = sites("postgres")
    site.database.execute("create table t (id integer, v text); grant select on t to etl", admin=True)
    build(project, site, ROW)
    refused(project.run("run", env=site.env), 1, "E3123", "permission denied", "t")
    assert site.staging() == []


def test_a_server_without_tls_is_told_as_such(project, sites):
    site = sites("postgres")
    build(project, site, ROW, connection=site.connection(sslmode="require"))
    refused(project.run("run", env=site.env), 1, "E3125", "SSL")


def test_a_statement_that_the_database_refuses_fails_the_step_and_not_the_configuration(project, sites):
    site = sites("postgres")
    site.execute("create table t (id smallint, v text); create view looks as select id from t")
    build(project, site, "select 70000 as id, 'a' as v")
    refused(project.run("run", env=site.env), 1, "E3115", "view")
    assert project.query("select id from gold.t")["rows"] == [[70000]]
    # `assay publish` says the same.
    refused(project.run("publish", env=site.env), 1, "E3115")


def test_a_row_that_a_trigger_refuses(project, sites):
    site = sites("postgres")
    site.execute("create table t (id integer, v text); create function no() returns trigger language plpgsql "
                 "as 'begin raise exception ''not on sundays''; end'; "
                 "create trigger no before insert on t for each row execute function no()")
    build(project, site, ROW)
    refused(project.run("run", env=site.env), 1, "E3114", "not on sundays")
    assert site.read("t") == [] and site.staging() == []


def test_missing_privileges_on_snowflake(project, sites, snowflake):
    site = sites("snowflake")
    snowflake.fault(match="^CREATE", do="error", times=0, code=3001, sqlstate="42501",
                    message="SQL access control error: Insufficient privileges to operate on schema 'PUBLIC'")
    build(project, site, ROW)
    refused(project.run("run", env=site.env), 1, "E3123", "Insufficient privileges", "PUBLIC")


def test_a_database_that_does_not_exist(project, site):
    build(project, site, ROW, connection=site.connection(database="NOWHERE"))
    result = project.run("run", env=site.env)
    refused(result, 1, "NOWHERE", "E3124" if site.kind == "postgres" else "E3115")
    assert project.query("select id from gold.t")["rows"] == [[1]]


def test_a_secret_that_is_not_set_is_named(project, site):
    build(project, site, ROW)
    result = project.run("run")
    name = "ASSAY_TEST_PG_PASSWORD" if site.kind == "postgres" else "ASSAY_TEST_SF_PASSWORD"
    refused(result, result.code, name)
    assert result.code in (1, 2, 4), result
    assert site.read(site.folded("t")) is None


def test_a_wrong_password_is_told_as_such(project, site):
    build(project, site, ROW)
    wrong = {key: "wrong" if "PASSWORD" in key else value for key, value in site.env.items()}
    begin = time.monotonic()
    result = project.run("run", env=wrong)
    refused(result, 4, "there")
    assert re.search("(?i)password", result.err), result
    assert time.monotonic() - begin < 20
    assert project.run("run", env=site.env).code == 0
    assert site.read(site.folded("t")) == publishing.evaluate(ROW)


def closed_port():
    return postgres_server.free_port()


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_host_that_is_not_reached_is_an_error_within_the_time_limit(project, site, how):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if how == "silent" else closed_port()
        build(project, site, ROW, connection=site.connection(
            port=port, login_timeout="3 seconds", request_timeout="3 seconds"))
        begin = time.monotonic()
        result = project.run("run", env=site.env)
        spent = time.monotonic() - begin
    refused(result, 4, "there")
    assert "pending" in result.err and spent < 25, (spent, result)
    assert project.query("select id from gold.t")["rows"] == [[1]]


def test_a_missing_driver_is_named_with_the_command_that_installs_it(project, site):
    build(project, site, ROW, connection=site.connection(driver="/nowhere/libdriver.so"))
    result = project.run("run", env=site.env)
    refused(result, result.code, "/nowhere/libdriver.so")
    assert result.code in (1, 2), result
    assert project.query("select id from gold.t")["rows"] == [[1]]


def test_a_driver_that_is_no_library(project, site, tmp_path):
    (tmp_path / "driver.so").write_text("not a library")
    build(project, site, ROW, connection=site.connection(driver=str(tmp_path / "driver.so")))
    refused(project.run("run", env=site.env), 2, "driver.so")


def test_a_program_far_from_its_drivers_says_how_to_get_them(project, site, tmp_path, assay):
    alone = tmp_path / "alone"
    alone.mkdir()
    build(project, site, ROW)
    result = project.run("run", env={**site.env, "HOME": str(alone), "XDG_CACHE_HOME": str(alone),
                                     "ADBC_DRIVER_PATH": None, "ASSAY_CACHE": str(alone)})
    if result.code == 0:
        pytest.skip("this machine has drivers in /etc/adbc/drivers or beside the program")
    name = "postgresql" if site.kind == "postgres" else "snowflake"
    refused(result, result.code, f"dbc install {name}")


def test_no_snapshot_yet(project, site):
    build(project, site, ROW)
    result = project.run("publish", env=site.env)
    assert result.code != 0 and "gold.t" in result.err and publishing.error_numbers(result), result
    assert site.read(site.folded("t")) is None
