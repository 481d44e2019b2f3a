"""merge, replace_partitions and scd2: which rows win, which files are written, what is refused."""
import datetime
from pathlib import Path

import pytest

FORMATS = ["iceberg", "delta", "parquet"]
COLUMNS = {"id": "INTEGER", "v": "INTEGER", "op": "VARCHAR", "amount": "INTEGER", "day": "DATE"}
HEAD = "id,v,op,amount,day\n"


def start(project, table_format, mode="merge", select="select * exclude (_source_file, _source_row, "
          "_loaded_at, _run_id) from bronze.t", **header):
    project.storage(format=table_format)
    project.format = table_format
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": COLUMNS})
    project.model("silver.t", select, mode=mode, **{"new_rows_of": ["bronze.t"], **header})


def load(project, name, *rows):
    project.write(f"data/{name}.csv", HEAD + "".join(row + "\n" for row in rows))
    return project.ok("run")


def fail(project, name, *rows, code=1):
    project.write(f"data/{name}.csv", HEAD + "".join(row + "\n" for row in rows))
    result = project.run("run")
    assert result.code == code, result
    return result


def rows(project, columns="id, v, op, amount", table="silver.t"):
    return project.query(f"select {columns} from {table} order by all")["rows"]


def peer_rows(project, read, columns, table="silver.t"):
    """The rows as another program reads them."""
    folder = project.table(table)
    if project.format == "iceberg":
        found = read.pyiceberg(folder)
    elif project.format == "delta":
        found = read.deltars(folder)
    else:
        found = read.duckdb(folder, "parquet")
    return sorted([row[name] for name in columns] for row in found.select(columns).to_pylist())


def files(project, table="silver.t"):
    """Names of the data files that the table consists of now."""
    import peers

    folder = project.table(table)
    if project.format == "iceberg":
        from pyiceberg.table import StaticTable
        found = StaticTable.from_metadata(peers.iceberg_metadata(folder))
        paths = found.inspect.files()["file_path"].to_pylist()
    elif project.format == "delta":
        from deltalake import DeltaTable
        paths = DeltaTable(folder).file_uris()
    else:
        paths = Path(folder).resolve().rglob("*.parquet")
    return {Path(str(path)).name for path in paths}


def snapshots(project, table="silver.t"):
    return project.ok("table", "history", table, "--output", "json").json()["snapshots"]


def step(result, table="silver.t"):
    (line,) = [line for line in result.err.splitlines() if f" {table} " in line]
    return line


# ---- merge ----

@pytest.mark.parametrize("table_format", FORMATS)
def test_the_highest_version_wins_in_the_batch_and_against_the_table(project, read, table_format):
    start(project, table_format, key=["id"], version="v", delete_when="op = 'D'")
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01", "1,3,U,13,2026-01-01",
         "1,2,U,12,2026-01-01", "3,1,U,30,2026-01-01")
    assert rows(project) == [[1, 3, "U", 13], [2, 1, "U", 20], [3, 1, "U", 30]]
    result = load(project, "b", "1,2,U,99,2026-01-01", "2,2,D,20,2026-01-01", "3,2,U,31,2026-01-01",
                  "4,1,U,40,2026-01-01", "5,1,D,0,2026-01-01", "3,1,U,30,2026-01-01")
    assert "+1 ~1 -1" in step(result), result
    expected = [[1, 3, "U", 13], [3, 2, "U", 31], [4, 1, "U", 40]]
    assert rows(project) == expected
    assert peer_rows(project, read, ["id", "v", "op", "amount"]) == expected


@pytest.mark.parametrize("table_format", FORMATS)
def test_nothing_that_changes_is_no_commit(project, table_format):
    start(project, table_format, key=["id"], version="v", delete_when="op = 'D'")
    load(project, "a", "1,1,U,10,2026-01-01", "2,5,U,20,2026-01-01")
    before = files(project), len(snapshots(project))
    result = load(project, "b", "1,1,U,10,2026-01-01", "2,4,U,19,2026-01-01", "9,1,D,0,2026-01-01")
    assert "no changes" in result.err, result
    assert (files(project), len(snapshots(project))) == before


@pytest.mark.parametrize("table_format", FORMATS)
def test_without_a_version_content_decides(project, table_format):
    start(project, table_format, key=["id"])
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    before = files(project)
    load(project, "b", "2,1,U,20,2026-01-01")
    assert files(project) == before
    # what was read is remembered, so that a key of two runs does not come twice in a third
    load(project, "c", "2,1,U,20,2026-01-01")
    assert "+1 ~1" in step(load(project, "d", "1,0,U,11,2026-01-01", "3,1,U,30,2026-01-01"))
    assert "skipped: unchanged" in step(project.ok("run"))
    assert rows(project) == [[1, 0, "U", 11], [2, 1, "U", 20], [3, 1, "U", 30]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_only_files_with_rows_that_change_are_written_again(project, table_format):
    start(project, table_format, key=["id"], version="v", partition_by=["month(day)"])
    load(project, "a", *[f"{i},1,U,{i},2026-0{1 + i // 10}-01" for i in range(50)])
    first = files(project)
    assert len(first) == 5
    load(project, "b", "7,2,U,70,2026-01-01", "23,1,U,23,2026-03-01")
    second = files(project)
    assert len(first & second) == 4 and len(second) == 5
    # a row that moves to another partition touches the file it leaves, and adds one
    load(project, "c", "45,2,U,45,2026-02-01")
    third = files(project)
    assert len(second & third) == 4 and len(third) == 6
    # a new row touches none
    load(project, "d", "100,1,U,1,2026-01-01")
    fourth = files(project)
    assert third < fourth and len(fourth) == 7
    # the last row of a file goes with it
    project.model("silver.t", "select id, v, op, amount, day from bronze.t", mode="merge", key=["id"],
                  version="v", partition_by=["month(day)"], delete_when="op = 'D'",
                  new_rows_of=["bronze.t"])
    load(project, "e", "100,2,D,1,2026-01-01")
    assert files(project) == third
    assert len(rows(project)) == 50


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_key_of_several_columns(project, table_format):
    start(project, table_format, key=["id", "day"], version="v")
    load(project, "a", "1,1,U,10,2026-01-01", "1,1,U,11,2026-01-02", "2,1,U,20,2026-01-01")
    load(project, "b", "1,2,U,12,2026-01-02", "2,1,U,21,2026-01-03")
    assert rows(project, "id, v, amount") == [[1, 1, 10], [1, 2, 12], [2, 1, 20], [2, 1, 21]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_deleted_rows_can_stay_marked(project, read, table_format):
    start(project, table_format, key=["id"], version="v", delete_when="op = 'D'", soft_delete=True)
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01", "3,4,D,0,2026-01-01")
    load(project, "b", "2,3,D,0,2026-01-01", "3,2,U,30,2026-01-01")
    columns = "id, v, amount, _is_deleted, _deleted_at"
    assert rows(project, columns) == [[1, 1, 10, False, None], [2, 3, 0, True, 3], [3, 4, 0, True, 4]]
    # an older row does not bring it back, a newer one does
    assert "no changes" in load(project, "c", "2,2,U,22,2026-01-01").err
    load(project, "d", "2,5,U,25,2026-01-01")
    assert rows(project, columns)[1] == [2, 5, 25, False, None]
    assert peer_rows(project, read, ["id", "_is_deleted"]) == [[1, False], [2, False], [3, True]]


def test_the_moment_of_a_deletion_is_the_runs_without_a_version(project):
    start(project, "iceberg", key=["id"], delete_when="op = 'D'", soft_delete=True)
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    project.write("data/b.csv", HEAD + "2,1,D,20,2026-01-01\n")
    project.ok("run", "--now", "2026-05-01T10:00:00Z")
    assert rows(project, "id, _is_deleted, _deleted_at::timestamp::varchar") == [
        [1, False, None], [2, True, "2026-05-01 10:00:00"]]
    # the same deletion again is no change, though the clock went on
    before = files(project)
    project.write("data/c.csv", HEAD + "2,1,D,20,2026-01-01\n")
    project.ok("run", "--now", "2026-06-01T10:00:00Z")
    assert files(project) == before


@pytest.mark.parametrize("table_format", FORMATS)
def test_columns_evolve(project, read, table_format):
    start(project, table_format, key=["id"], version="v", select="select id, v, amount from bronze.t")
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    project.model("silver.t", "select id, v, amount::bigint * 1000000000 as amount, op from bronze.t",
                  mode="merge", key=["id"], version="v", new_rows_of=["bronze.t"])
    load(project, "b", "2,2,X,21,2026-01-01", "3,1,Y,30,2026-01-01")
    wide = [[1, 1, 10, None], [2, 2, 21000000000, "X"], [3, 1, 30000000000, "Y"]]
    assert rows(project, "id, v, amount, op") == wide
    # a column that is no longer given keeps what it has, and is NULL in new rows
    project.model("silver.t", "select id, v, op from bronze.t",
                  mode="merge", key=["id"], version="v", new_rows_of=["bronze.t"])
    load(project, "c", "2,3,Z,0,2026-01-01", "4,1,W,0,2026-01-01")
    assert rows(project, "id, v, amount, op") == [wide[0], [2, 3, 21000000000, "Z"], wide[2],
                                                  [4, 1, None, "W"]]
    assert len(peer_rows(project, read, ["id", "amount"][:1])) == 4


def test_rows_that_cannot_be_merged_are_refused_by_number(project):
    start(project, "iceberg", key=["id"], version="v")
    load(project, "a", "1,1,U,10,2026-01-01")
    before = snapshots(project)
    for number, bad, says in [
            (4070, [",1,U,1,2026-01-01"], "'id' is NULL"),
            (4070, ["5,,U,1,2026-01-01"], "'v' is NULL"),
            (4072, ["5,1,U,1,2026-01-01", "5,1,U,2,2026-01-01"], "id = '5'"),
            (4072, ["1,1,U,11,2026-01-01"], "id = '1'")]:
        result = fail(project, "b", *bad)
        assert f"E{number} " in result.err and says in result.err, result
        assert project.run("explain", f"E{number}").code == 0
        (project.root / "data/b.csv").unlink()
        project.ok("run", "bronze.t", "--full-refresh", "--yes")
    assert len(snapshots(project)) == len(before)


def test_two_rows_of_a_key_without_a_version_name_one(project):
    start(project, "delta", key=["id", "op"])
    result = fail(project, "a", "1,1,U,10,2026-01-01", "7,1,V,10,2026-01-01", "7,1,V,10,2026-01-01")
    assert "E4071 " in result.err and "id = '7', op = 'V'" in result.err, result


def test_values_of_pii_columns_are_not_named(project):
    start(project, "delta", key=["id", "op"], columns={"op": {"pii": True}})
    result = fail(project, "a", "7,1,secret,10,2026-01-01", "7,1,secret,10,2026-01-01")
    assert "id = '7', op = ***" in result.err and "secret" not in result.err, result


def test_a_table_that_has_a_key_twice_is_not_merged_into(project):
    start(project, "iceberg", mode="append")
    load(project, "a", "1,1,U,10,2026-01-01", "1,2,U,11,2026-01-01")
    start(project, "iceberg", key=["id"], version="v")
    result = fail(project, "b", "1,3,U,12,2026-01-01")
    assert "E4073 " in result.err and "id = '1'" in result.err, result


@pytest.mark.parametrize("table_format", FORMATS)
def test_the_gate_judges_the_table_as_it_will_be(project, table_format):
    start(project, table_format, key=["id"], version="v", partition_by=["month(day)"])
    project.write("config/dq.yaml", {"silver": {"t": {"critical": [
        {"expect_column_sum_to_be_between": {"column": "amount", "max_value": 100}},
        {"expect_table_row_count_to_be_between": {"max_value": 3}}]}}})
    load(project, "a", "1,1,U,40,2026-01-01", "2,1,U,50,2026-02-01")
    # 40 + 60 is the table as it will be, though 40 + 50 + 60 lies in its folder
    load(project, "b", "2,2,U,60,2026-02-01")
    project.write("data/c.csv", HEAD + "1,2,U,41,2026-01-01\n")
    before = files(project)
    result = project.run("run")
    assert result.code == 3 and "101" in result.err, result
    assert files(project) == before
    assert rows(project, "id, amount") == [[1, 40], [2, 60]]


@pytest.mark.parametrize("mode", ["merge", "scd2"])
def test_checks_of_the_batch_judge_only_rows_that_come_or_change(project, mode):
    start(project, "iceberg", mode=mode, key=["id"], version="v")
    load(project, "a", "1,1,U,9990001,2026-01-01", "2,1,U,20,2026-01-01")
    project.write("config/dq.yaml", {"silver": {"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "amount", "max_value": 100,
         "scope": "batch", "action": "fail"}]}}})
    # the old row is written again with its file, and is none of the batch
    load(project, "b", "2,2,U,21,2026-01-01", "3,1,U,30,2026-01-01")
    project.write("data/c.csv", HEAD + "2,3,U,9980002,2026-01-01\n")
    result = project.run("run")
    assert result.code == 3 and "9980002" in result.err and "9990001" not in result.err, result


@pytest.mark.parametrize("table_format", FORMATS)
def test_merged_columns_have_lineage(project, table_format):
    import json
    start(project, table_format, key=["id"], version="v", delete_when="op = 'D'", soft_delete=True)
    project.model("silver.h", "select id, v, amount from bronze.t", mode="scd2", key=["id"],
                  version="v", new_rows_of=["bronze.t"])
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "n",
                                          "path": "events.jsonl"})
    load(project, "a", "1,1,U,10,2026-01-01")
    found = {}
    for line in (project.root / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        for output in event.get("outputs", []):
            fields = output["facets"].get("columnLineage", {}).get("fields", {})
            for name, field in fields.items():
                found[output["name"].split("/")[-1], name] = {
                    source["field"] for source in field["inputFields"]}
    names = {name: sources for (table, name), sources in found.items()}
    assert names["_is_deleted"] == {"op"}
    assert names["effective_start"] == names["effective_end"] == {"v"}
    assert names["surrogate_key"] == {"id", "v"}
    assert names["is_current"] == {"v"}
    assert names["amount"] == {"amount"}


# ---- replace_partitions ----

@pytest.mark.parametrize("table_format", FORMATS)
def test_partitions_are_replaced_as_a_whole_and_nothing_else(project, read, table_format):
    start(project, table_format, mode="replace_partitions", partition_by=["month(day)"])
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-31", "3,1,U,30,2026-02-01",
         "4,1,U,40,")
    before = files(project)
    assert len(before) == 3
    result = load(project, "b", "5,1,U,50,2026-01-15", "6,1,U,60,2026-03-01")
    assert "+2 -2" in step(result), result
    expected = [[3, 30], [4, 40], [5, 50], [6, 60]]
    assert rows(project, "id, amount") == expected
    assert peer_rows(project, read, ["id", "amount"]) == expected
    assert len(before & files(project)) == 2
    # the partition of rows without a day is one too
    load(project, "c", "7,1,U,70,")
    assert rows(project, "id, amount") == [[3, 30], [5, 50], [6, 60], [7, 70]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_replacing_partitions_over_an_interval(project, table_format):
    start(project, table_format)
    project.model("silver.t", "select day, sum(amount) as amount from bronze.t\n"
                  "where day >= $since and day < $until group by day",
                  mode="replace_partitions", partition_by=["day"])
    project.write("data/a.csv", HEAD + "1,1,U,10,2026-01-01\n2,1,U,20,2026-01-02\n3,1,U,30,2026-01-03\n")
    project.ok("run", "--from", "2026-01-01", "--to", "2026-01-04")
    project.write("data/b.csv", HEAD + "4,1,U,5,2026-01-02\n5,1,U,7,2026-01-03\n")
    project.ok("run", "--from", "2026-01-02", "--to", "2026-01-03")
    assert [row[1] for row in rows(project, "day, amount")] == [10, 25, 30]
    project.ok("run", "--from", "2026-01-01", "--to", "2026-01-04")
    assert [row[1] for row in rows(project, "day, amount")] == [10, 25, 37]


@pytest.mark.parametrize("table_format", FORMATS)
def test_partitions_of_a_table_that_was_partitioned_otherwise_are_refused(project, table_format):
    start(project, table_format, mode="append", partition_by=["year(day)"])
    load(project, "a", "1,1,U,10,2026-01-01")
    start(project, table_format, mode="replace_partitions", partition_by=["month(day)"])
    result = fail(project, "b", "1,1,U,10,2026-01-01", code=2)
    assert "E4074 " in result.err and "--full-refresh" in result.err, result
    project.ok("run", "silver.t", "--full-refresh")
    assert rows(project, "id") == [[1], [1]]


# ---- scd2 ----

HISTORY = "id, amount, effective_start, effective_end, is_current"


@pytest.mark.parametrize("table_format", FORMATS)
def test_history_accumulates_and_late_rows_cut_it_again(project, read, table_format):
    start(project, table_format, mode="scd2", key=["id"], version="v", delete_when="op = 'D'",
          select="select id, v, op, amount from bronze.t")
    load(project, "a", "1,1,U,10,2026-01-01", "1,5,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    assert rows(project, HISTORY) == [[1, 10, 1, None, True], [2, 20, 1, None, True]]
    key = rows(project, "id, effective_start, surrogate_key")
    load(project, "b", "1,3,U,13,2026-01-01", "2,4,D,0,2026-01-01")
    expected = [[1, 10, 1, 3, False], [1, 10, 5, None, True], [1, 13, 3, 5, False], [2, 20, 1, 4, False]]
    assert rows(project, HISTORY) == expected
    load(project, "c", "2,2,U,22,2026-01-01", "2,7,U,20,2026-01-01")
    expected = expected[:3] + [[2, 20, 1, 2, False], [2, 20, 7, None, True], [2, 22, 2, 4, False]]
    assert rows(project, HISTORY) == expected
    assert peer_rows(project, read, ["id", "amount", "effective_start"]) == [row[:3] for row in expected]
    assert set(map(tuple, key)) < set(map(tuple, rows(project, "id, effective_start, surrogate_key")))
    assert "no changes" in load(project, "d", "2,2,U,22,2026-01-01", "1,5,U,10,2026-01-01").err
    before = project.query("select * from silver.t order by all")
    project.ok("run", "silver.t", "--full-refresh", "--yes")
    assert project.query("select * from silver.t order by all") == before


@pytest.mark.parametrize("table_format", FORMATS)
def test_no_state_of_a_history_has_no_length(project, table_format):
    """Two rows of one version are one state, or an error: never an interval that ends where it begins."""
    start(project, table_format, mode="scd2", key=["id"], version="v", delete_when="op = 'D'",
          select="select id, v, op, amount from bronze.t")
    load(project, "a", "1,1,U,10,2026-01-01", "1,1,U,10,2026-01-01", "2,4,D,0,2026-01-01")
    before = [[1, 10, 1, None, True], [2, None, 4, 4, False]]
    assert rows(project, HISTORY) == before  # the deletion of what never was: no moment falls in it
    for name, row in enumerate(["1,1,U,11,2026-01-01", "1,1,D,10,2026-01-01", "2,4,U,20,2026-01-01"]):
        result = fail(project, f"wrong{name}", row)
        assert "E4072 " in result.err and f"id = '{row[0]}'" in result.err, result
        (project.root / f"data/wrong{name}.csv").unlink()
        project.ok("run", "--full-refresh", "--yes", "bronze.t")
    assert rows(project, HISTORY) == before
    load(project, "b", "1,1,U,10,2026-01-01", "2,3,U,20,2026-01-01")  # late: the deletion ends it
    assert rows(project, HISTORY) == [[1, 10, 1, None, True], [2, 20, 3, 4, False]]


def test_the_surrogate_key_can_be_computed_elsewhere(project):
    import hashlib
    start(project, "iceberg", mode="scd2", key=["op", "id"], version="day",
          select="select op, id, amount, day from bronze.t")
    load(project, "a", "7,1,ab,10,2026-01-31")
    text = "".join(f"{len(part)}:{part}" for part in ["ab", "7", "2026-01-31"])
    assert rows(project, "surrogate_key") == [[hashlib.md5(text.encode()).hexdigest()]]


def test_columns_that_are_not_tracked_show_their_newest_value(project):
    start(project, "delta", mode="scd2", key=["id"], version="v", columns={"op": {"track": False}},
          select="select id, v, op, amount from bronze.t")
    load(project, "a", "1,1,a,10,2026-01-01", "1,2,b,10,2026-01-01", "1,3,c,11,2026-01-01")
    assert rows(project, "effective_start, amount, op") == [[1, 10, "c"], [3, 11, "c"]]
    load(project, "b", "1,2,b,10,2026-01-01", "1,5,d,11,2026-01-01")
    assert rows(project, "effective_start, amount, op") == [[1, 10, "d"], [3, 11, "d"]]
    result = fail(project, "c", "1,5,e,11,2026-01-01")
    assert "E4072 " in result.err and "id = '1'" in result.err, result


def test_a_history_is_rebuilt_only_where_it_is_named(project):
    start(project, "iceberg", mode="scd2", key=["id"], version="v")
    load(project, "a", "1,1,U,10,2026-01-01")
    result = project.ok("run", "--full-refresh")
    assert len(snapshots(project)) == 1, result
    result = project.run("run", "silver.t", "--full-refresh")
    assert result.code == 2 and "E2301 " in result.err and "--yes" in result.err, result
    project.ok("run", "silver.t", "--full-refresh", "--yes")
    assert len(snapshots(project)) == 2


def test_a_history_does_not_lose_a_column(project):
    start(project, "iceberg", mode="scd2", key=["id"], version="v",
          select="select id, v, op, amount from bronze.t")
    load(project, "a", "1,1,U,10,2026-01-01")
    start(project, "iceberg", mode="scd2", key=["id"], version="v",
          select="select id, v, amount from bronze.t")
    result = fail(project, "b", "1,2,U,10,2026-01-01")
    assert "E4010 " in result.err and "'op'" in result.err and "--full-refresh" in result.err, result


def test_a_version_can_be_a_moment(project):
    start(project, "delta", mode="scd2", key=["id"], version="at",
          select="select id, day::timestamptz + to_microseconds(v) as at, amount from bronze.t")
    load(project, "a", "1,1,U,10,2026-01-01", "1,2,U,11,2026-01-01")
    load(project, "b", "1,3,U,12,2026-01-01")
    found = rows(project, "amount, epoch_us(effective_start), epoch_us(effective_end)")
    begin = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) * 1000000
    assert found == [[10, begin + 1, begin + 2], [11, begin + 2, begin + 3], [12, begin + 3, None]]


# ---- new rows of a table that is merged ----

def chain(project, table_format, mode, **header):
    start(project, table_format, key=["id"], version="v", partition_by=["month(day)"])
    project.model("gold.t", "select id, v, amount from silver.t", mode=mode,
                  new_rows_of=["silver.t"], **header)


@pytest.mark.parametrize("table_format", FORMATS)
def test_new_rows_of_a_merged_table_are_those_that_came_or_changed(project, table_format):
    chain(project, table_format, "append")
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01", "3,1,U,30,2026-02-01")
    load(project, "b", "1,2,U,11,2026-01-01", "4,1,U,40,2026-03-01")
    load(project, "c", "4,1,U,40,2026-03-01")
    expected = [[1, 1, 10], [1, 2, 11], [2, 1, 20], [3, 1, 30], [4, 1, 40]]
    assert rows(project, "id, v, amount", "gold.t") == expected
    # a table of one file, all of which was written again, is not read as a whole either
    load(project, "d", "3,2,U,31,2026-01-01", "4,2,U,41,2026-01-01")
    expected = sorted(expected + [[3, 2, 31], [4, 2, 41]])
    assert rows(project, "id, v, amount", "gold.t") == expected


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_merge_follows_a_merge(project, table_format):
    chain(project, table_format, "merge", key=["id"], version="v")
    load(project, "a", *[f"{i},1,U,{i},2026-0{1 + i % 3}-01" for i in range(30)])
    load(project, "b", "1,2,U,100,2026-02-01", "50,1,U,50,2026-01-01")
    assert "+1 ~1" in step(load(project, "c", "2,2,U,200,2026-03-01", "51,1,U,51,2026-01-01"), "gold.t")
    assert rows(project, "id, v, amount", "gold.t") == rows(project, "id, v, amount")


def test_rows_that_are_gone_from_a_merged_table_stop_its_reader(project):
    start(project, "iceberg", key=["id"], version="v", delete_when="op = 'D'")
    project.model("gold.t", "select id, v, amount from silver.t", mode="merge", key=["id"],
                  new_rows_of=["silver.t"])
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    result = fail(project, "b", "1,2,D,0,2026-01-01", "2,2,U,21,2026-01-01")
    assert "E2310 " in result.err and "1 row of 'silver.t'" in result.err, result
    project.ok("run", "gold.t", "--full-refresh")
    assert rows(project, "id", "gold.t") == [[2]]


def test_a_merge_of_a_history_takes_the_states_that_changed(project):
    start(project, "delta", mode="scd2", key=["id"], version="v",
          select="select id, v, amount from bronze.t")
    project.model("gold.t", "select surrogate_key, id, amount, effective_end from silver.t",
                  mode="merge", key=["surrogate_key"], new_rows_of=["silver.t"])
    load(project, "a", "1,1,U,10,2026-01-01", "2,1,U,20,2026-01-01")
    result = load(project, "b", "1,3,U,13,2026-01-01")
    assert "+1 ~1" in step(result, "gold.t"), result
    assert rows(project, "id, amount, effective_end", "gold.t") == [[1, 10, 3], [1, 13, None],
                                                                    [2, 20, None]]


# ---- partitioning that changes ----

@pytest.mark.parametrize("table_format", FORMATS)
def test_files_of_an_older_partitioning_are_merged_into(project, table_format):
    for name, entry, batch in [("a", "year(day)", ["1,1,U,1,2026-01-01", "2,1,U,2,2025-05-05"]),
                               ("b", "month(day)", ["1,2,U,10,2026-01-01", "3,1,U,3,2026-03-03"])]:
        start(project, table_format, key=["id"], version="v", partition_by=[entry])
        load(project, name, *batch)
    assert rows(project, "id, amount") == [[1, 10], [2, 2], [3, 3]]
    start(project, table_format, key=["id"], version="v", partition_by=["day"])
    last = ["2,2,U,20,2025-05-05"]
    if table_format == "delta":
        # Delta's partition columns are those of all files
        assert "--full-refresh" in fail(project, "c", *last, code=2).err
        project.ok("run", "silver.t", "--full-refresh")
    else:
        load(project, "c", *last)
    assert rows(project, "id, amount") == [[1, 10], [2, 20], [3, 3]]
