"""Rows arrive exactly once: new rows over many runs, whatever happens to the input in between."""
import datetime
import json
import os
import shutil
import time

import pytest

import shop

FORMATS = shop.FORMATS


def start(project, table_format, keep=None, **header):
    project.storage(format=table_format, **({"keep": keep} if keep else {}))
    project.format = table_format
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"}, changed_file="replace",
                    contract={"columns": {"id": "BIGINT", "name": "VARCHAR"}})
    project.model("silver.new", "select id, name from bronze.t", mode="append",
                  new_rows_of=["bronze.t"], **header)
    project.write("data/a.csv", "id,name\n1,a\n2,b\n")


FEW = {"snapshots": 2, "days": 0}


def ids(project, table="silver.new", *args):
    return sorted(row[0] for row in project.query(f"select id from {table}", *args)["rows"])


@pytest.mark.parametrize("table_format", FORMATS)
def test_new_rows_arrive_once_over_many_runs(project, table_format):
    start(project, table_format)
    project.ok("run")
    assert ids(project) == [1, 2]
    for number in range(3, 8):
        project.write(f"data/{number}.csv", f"id,name\n{number},x\n")
        result = project.ok("run")
        assert ids(project) == list(range(1, number + 1)), result
        again = project.ok("run")
        assert "2 skipped" in again.err, again
    # two loads between two runs of the model
    project.write("data/8.csv", "id,name\n8,x\n")
    project.ok("run", "bronze.t")
    project.write("data/9.csv", "id,name\n9,x\n")
    project.ok("run", "bronze.t")
    project.ok("run")
    assert ids(project) == list(range(1, 10))


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_consumed_file_that_is_replaced_in_part_stops_the_model(project, table_format):
    start(project, table_format)
    project.ok("run")
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run")
    project.write("data/a.csv", "id,name\n1,z\n")
    result = project.run("run")
    assert result.code == 1 and "E2310" in result.err and "--full-refresh" in result.err, result
    assert ids(project) == [1, 2, 3]
    project.ok("run", "silver.new", "--full-refresh")
    assert ids(project) == [1, 3]
    assert "2 skipped" in project.ok("run").err


@pytest.mark.parametrize("table_format", FORMATS)
def test_an_input_that_is_replaced_as_a_whole_is_all_new(project, table_format):
    start(project, table_format)
    project.model("silver.base", "select id, name from bronze.t")
    project.model("silver.new", "select id, name from silver.base", mode="append",
                  new_rows_of=["silver.base"])
    project.ok("run")
    assert ids(project) == [1, 2]
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project) == [1, 1, 2, 2, 3]
    assert "3 skipped" in project.ok("run").err
    project.ok("run", "silver.new", "--full-refresh")
    assert ids(project) == [1, 2, 3]


@pytest.mark.parametrize("table_format", FORMATS)
def test_full_refresh_of_a_table_fed_by_files_wants_its_name_and_yes(project, table_format):
    start(project, table_format)
    project.ok("run")
    (project.root / "data/a.csv").unlink()
    project.write("data/b.csv", "id,name\n3,c\n")
    result = project.ok("run", "--full-refresh")
    assert "bronze.t is fed from files" in result.err, result
    assert ids(project, "bronze.t") == [1, 2, 3]
    assert ids(project) == [1, 2, 3]
    result = project.run("run", "bronze.t", "--full-refresh")
    assert result.code == 2 and "E2301" in result.err and "--yes" in result.err, result
    project.ok("run", "bronze.t", "--full-refresh", "--yes")
    assert ids(project, "bronze.t") == [3]


@pytest.mark.parametrize("table_format", FORMATS)
def test_the_consumed_snapshot_is_expired(project, table_format):
    start(project, table_format, FEW)
    project.ok("run")
    for number in range(3, 8):
        project.write(f"data/{number}.csv", f"id,name\n{number},x\n")
        project.ok("run", "bronze.t")
    project.ok("table", "expire", "bronze.t")
    result = project.run("run")
    assert result.code == 1 and "E2311" in result.err and "--full-refresh" in result.err, result
    assert ids(project) == [1, 2]
    project.ok("run", "silver.new", "--full-refresh")
    assert ids(project) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_run_expires_no_snapshot_that_a_reader_has_consumed_last(project, table_format):
    start(project, table_format, FEW)
    project.ok("run")
    for number in range(3, 8):
        project.write(f"data/{number}.csv", f"id,name\n{number},x\n")
        project.ok("run", "bronze.t")
    project.ok("run")
    assert ids(project) == [1, 2, 3, 4, 5, 6, 7]
    project.write("data/8.csv", "id,name\n8,x\n")
    project.ok("run")
    history = project.ok("table", "history", "bronze.t", "--output", "json").json()["snapshots"]
    assert len(history) <= 3, history


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_table_that_is_made_anew_is_all_new(project, table_format):
    start(project, table_format)
    project.ok("run")
    for folder in ("t", ".t"):
        path = project.root / "lake/bronze" / folder
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    project.write("data/a.csv", "id,name\n7,a\n8,b\n")
    project.ok("run")
    assert ids(project, "bronze.t") == [7, 8]
    assert ids(project) == [1, 2, 7, 8]


@pytest.mark.parametrize("table_format", FORMATS)
def test_two_new_rows_inputs(project, table_format):
    start(project, table_format)
    project.extract("bronze.u", source={"files": "more/*.csv", "format": "csv"},
                    contract={"columns": {"id": "BIGINT", "name": "VARCHAR"}})
    project.write("more/a.csv", "id,name\n100,a\n")
    project.model("silver.new", "select id, name from bronze.t union all select id, name from bronze.u",
                  mode="append", new_rows_of=["bronze.t", "bronze.u"])
    project.ok("run")
    assert ids(project) == [1, 2, 100]
    project.write("more/b.csv", "id,name\n101,a\n")
    project.ok("run")
    assert ids(project) == [1, 2, 100, 101]
    project.write("data/c.csv", "id,name\n3,a\n")
    project.ok("run")
    assert ids(project) == [1, 2, 3, 100, 101]
    assert "3 skipped" in project.ok("run").err


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_query_without_rows_consumes_its_input(project, table_format):
    start(project, table_format)
    project.model("silver.new", "select id, name from bronze.t where id > 2", mode="append",
                  new_rows_of=["bronze.t"])
    project.ok("run")
    assert ids(project) == []
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project) == [3]
    project.write("data/c.csv", "id,name\n0,c\n")
    assert "no new rows" in project.ok("run").err
    project.write("data/d.csv", "id,name\n4,c\n")
    project.ok("run")
    assert ids(project) == [3, 4]


def test_since_and_until_come_from_the_options(project):
    start(project, "iceberg")
    project.model("silver.new", "select id, $since as s, $until as u from bronze.t "
                  "where timestamp '2026-01-01' + id * interval 1 day >= $since", mode="append")
    result = project.run("run")
    assert result.code == 2 and "E2113" in result.err, result
    project.ok("run", "--from", "2026-01-03", "--to", "2026-01-04T00:00:00Z")
    assert project.query("select id, s::varchar, u::varchar from silver.new")["rows"] == [
        [2, "2026-01-03 00:00:00", "2026-01-04 00:00:00"]]
    for arguments, number in ((["--from", "never"], "E1003"), (["--from", "2026-02-01", "--to", "2026-01-01"], "E2302")):
        result = project.run("run", *arguments)
        assert result.code == 2 and number in result.err, result


def test_the_clock_of_models_is_fixed_and_volatile_ones_run_always(project):
    start(project, "iceberg")
    project.model("silver.clock", "select now()::varchar as n, current_date::varchar as d from bronze.t limit 1")
    project.model("silver.fixed", "select id from bronze.t")
    project.ok("run", "--now", "2026-03-04T05:06:07Z")
    assert project.query("select n, d from silver.clock")["rows"] == [["2026-03-04 05:06:07+00", "2026-03-04"]]
    result = project.ok("run", "--now", "2026-03-05T00:00:00Z")
    assert "1 done" in result.err and "3 skipped" in result.err, result
    assert project.query("select d from silver.clock")["rows"] == [["2026-03-05"]]
    result = project.run("run", "--now", "yesterday")
    assert result.code == 2 and "E1003" in result.err, result


# ---- schema ----

@pytest.mark.parametrize("table_format", FORMATS)
def test_an_append_adds_columns_and_widens(project, table_format):
    start(project, table_format)
    project.model("silver.new", "select id::integer as id, name from bronze.t", mode="append",
                  new_rows_of=["bronze.t"])
    project.ok("run")
    project.write("data/b.csv", "id,name\n5000000000,c\n")
    project.model("silver.new", "select id, name, 1.5::double as extra from bronze.t", mode="append",
                  new_rows_of=["bronze.t"])
    project.ok("run")
    assert sorted(map(tuple, project.query("select id, extra from silver.new")["rows"])) == [
        (1, None), (2, None), (5000000000, 1.5)]
    if table_format != "delta":  # delta-rs reads no tables with widened columns
        assert shop.peer_rows(project, "silver.new") == 3
    # the old snapshot has the old columns
    history = project.ok("table", "history", "silver.new", "--output", "json").json()["snapshots"]
    old = project.query("select * from silver.new", "--at", history[-1]["snapshot_id"])
    assert [column["name"] for column in old["columns"]] == ["id", "name"]


@pytest.mark.parametrize("table_format", FORMATS)
def test_an_append_refuses_other_changes_with_old_and_new_type(project, table_format):
    start(project, table_format)
    project.ok("run")
    project.write("data/b.csv", "id,name\n3,c\n")
    project.model("silver.new", "select id::varchar as id, name from bronze.t", mode="append",
                  new_rows_of=["bronze.t"])
    result = project.run("run")
    assert result.code in (1, 2) and "E4010" in result.err, result
    assert "'id'" in result.err and "BIGINT" in result.err and "VARCHAR" in result.err, result
    assert ids(project) == [1, 2]
    project.ok("run", "silver.new", "--full-refresh")
    assert ids(project) == ["1", "2", "3"]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_rebuild_with_other_columns_keeps_field_ids(project, table_format):
    start(project, table_format)
    project.model("silver.full", "select id, name, 1 as gone from bronze.t")
    project.ok("run")
    before = columns(project)
    project.model("silver.full", "select name, id, 'x' as fresh from bronze.t")
    project.ok("run")
    after = columns(project)
    assert set(after) == {"name", "id", "fresh"}
    if table_format == "iceberg":
        assert after["id"]["id"] == before["id"]["id"] and after["name"]["id"] == before["name"]["id"]
        assert after["fresh"]["id"] not in {column["id"] for column in before.values()}
    assert project.query("select fresh, id from silver.full order by id")["rows"] == [["x", 1], ["x", 2]]


def columns(project):
    shown = project.ok("table", "show", "silver.full", "--output", "json").json()
    return {column["name"]: column for column in shown["columns"]}


# ---- partitions ----

ODD = [None, "", "a/b", "a=b", "ä ö", "%2F", "x" * 100, "NULL", "__HIVE_DEFAULT_PARTITION__", "'", "..", "a\nb"]


@pytest.mark.parametrize("table_format", FORMATS)
def test_partitions_hold_null_and_odd_values(project, table_format):
    start(project, table_format)
    values = [value for value in ODD if not (table_format == "delta" and value == "")]
    listed = ", ".join("(NULL)" if v is None else "('" + v.replace("'", "''") + "')" for v in values)
    project.model("gold.p", f"select row_number() over () as n, v, day from (values {listed}) t(v), "
                  "(values (date '2026-01-31'), (date '1969-12-31'), (NULL)) d(day)",
                  partition_by=["v", "month(day)"])
    project.ok("run")
    found = project.query("select v, count(*) from gold.p group by v")["rows"]
    assert sorted(map(json.dumps, found)) == sorted(json.dumps([value, 3]) for value in values)
    assert shop.peer_rows(project, "gold.p") == 3 * len(values)
    days = project.query("select day::varchar, count(*) from gold.p group by day order by day")["rows"]
    assert days == [["1969-12-31", len(values)], ["2026-01-31", len(values)], [None, len(values)]]
    assert project.query("select count(*) from gold.p where v = 'a/b'")["rows"] == [[3]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_appends_to_partitions(project, table_format):
    start(project, table_format, partition_by=["name"])
    project.ok("run")
    project.write("data/b.csv", "id,name\n3,a\n4,\n")
    project.ok("run")
    assert ids(project) == [1, 2, 3, 4]
    assert project.query("select id from silver.new where name = 'a' order by id")["rows"] == [[1], [3]]
    assert project.query("select id from silver.new where name is null")["rows"] == [[4]]


# ---- time travel, rollback, expiry ----

@pytest.mark.parametrize("table_format", FORMATS)
def test_time_travel_by_snapshot_and_moment(project, table_format):
    start(project, table_format)
    project.ok("run")
    first = project.ok("table", "show", "silver.new", "--output", "json").json()
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project, "silver.new", "--at", first["snapshot_id"]) == [1, 2]
    assert ids(project, "silver.new", "--at", first["committed"]) == [1, 2]
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    assert ids(project, "silver.new", "--at", later) == [1, 2, 3]
    result = project.run("query", "select * from silver.new", "--at", "2001-01-01T00:00:00Z")
    assert result.code == 1 and "E4060" in result.err, result
    for at, number in (("12345", "E4060"), ("noon", "E1003")):
        result = project.run("query", "select * from silver.new", "--at", at)
        assert result.code in (1, 2) and number in result.err, result


def re_number(result):
    return "E" in result.err and "silver.new" in result.err


@pytest.mark.parametrize("table_format", FORMATS)
def test_rollback_is_a_new_snapshot_and_the_rows_come_again(project, table_format):
    start(project, table_format)
    project.ok("run")
    first = project.ok("table", "show", "silver.new", "--output", "json").json()["snapshot_id"]
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run")
    assert ids(project) == [1, 2, 3]
    project.ok("table", "rollback", "silver.new", str(first))
    assert ids(project) == [1, 2]
    assert shop.peer_rows(project, "silver.new") == 2
    history = project.ok("table", "history", "silver.new", "--output", "json").json()["snapshots"]
    assert len(history) == 3, history
    # what was rolled back is new again, once
    project.ok("run")
    assert ids(project) == [1, 2, 3]
    assert "2 skipped" in project.ok("run").err
    result = project.run("table", "rollback", "silver.new", "12345")
    assert "E4060" in result.err, result


@pytest.mark.parametrize("table_format", FORMATS)
def test_rollback_of_a_bronze_table_loads_its_files_again(project, table_format):
    start(project, table_format)
    project.ok("run", "bronze.t")
    first = project.ok("table", "show", "bronze.t", "--output", "json").json()["snapshot_id"]
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run", "bronze.t")
    project.ok("table", "rollback", "bronze.t", str(first))
    assert ids(project, "bronze.t") == [1, 2]
    project.ok("run", "bronze.t")
    assert ids(project, "bronze.t") == [1, 2, 3]


@pytest.mark.parametrize("table_format", FORMATS)
def test_expire_keeps_what_storage_says_and_loses_no_row(project, table_format):
    start(project, table_format, FEW)
    project.ok("run")
    for number in range(3, 9):
        project.write(f"data/{number}.csv", f"id,name\n{number},x\n")
        project.ok("run")
    project.ok("table", "expire")
    history = project.ok("table", "history", "silver.new", "--output", "json").json()["snapshots"]
    assert len(history) == 2, history
    assert ids(project) == ids(project, "bronze.t") == list(range(1, 9))
    assert shop.peer_rows(project, "silver.new") == 8
    assert "2 skipped" in project.ok("run").err
    project.write("data/9.csv", "id,name\n9,x\n")
    project.ok("run")
    assert ids(project) == list(range(1, 10))


@pytest.mark.parametrize("table_format", FORMATS)
def test_expire_removes_what_a_dead_load_left_once_it_is_old(project, table_format):
    start(project, table_format, FEW)
    for number in range(3, 8):
        project.write(f"data/{number}.csv", f"id,name\n{number},x\n")
        project.ok("run", "bronze.t")
    folder = {"iceberg": "lake/bronze/t/data/assay", "delta": "lake/bronze/t",
              "parquet": "lake/bronze/.t/stage-dead"}[table_format]
    young = {"iceberg": folder, "delta": folder, "parquet": "lake/bronze/.t/stage-young"}[table_format]
    old = project.write(f"{folder}/01a2-dead-0.parquet", b"x")
    new = project.write(f"{young}/01a2-young-0.parquet", b"x")
    week = time.time() - 8 * 86400
    for path in (old, old.parent):
        os.utime(path, (week, week))
    project.write("data/9.csv", "id,name\n9,x\n")
    project.storage(format=table_format)
    project.ok("run", "bronze.t")
    project.storage(format=table_format, keep=FEW)
    project.ok("table", "expire", "bronze.t")
    assert not old.exists() and new.exists()
    assert ids(project, "bronze.t") == [1, 2, 3, 4, 5, 6, 7, 9]
