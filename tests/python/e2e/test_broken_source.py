"""A source that breaks stops its own extract and what reads it; the siblings go on."""
import json
import shutil

import pytest

import lineage_schemas

HALF = "models/bronze/broken.yaml"


@pytest.fixture
def pair(project):
    """Two extracts with a reader each, and a model over both."""
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "n",
                                          "path": "events.jsonl"})
    for name in ("broken", "sound"):
        project.write(f"data/{name}/1.csv", "id,v\n1,a\n")
        project.extract(f"bronze.{name}", source={"files": f"data/{name}/*.csv"},
                        contract={"new_column": "fail", "columns": {"id": "INTEGER", "v": "VARCHAR"}})
        project.model(f"silver.{name}", f"select id, v from bronze.{name}")
    project.model("gold.both", "select id from silver.broken union all select id from silver.sound")
    return project


def steps(result):
    """The finished steps of `run --output json`: {table: (state, number of the error)}."""
    return {event["step"]: (event["state"], event.get("error", {}).get("number"))
            for event in result.events() if event["event"] == "step_finished"}


def planned(result):
    """The steps of `plan --output json`: {table: (will_run, reason, number of the error)}."""
    return {step["step"]: (step["will_run"], step["reason"], step.get("error", {}).get("number"))
            for step in result.json()["steps"]}


def events_of(project, job):
    """(type, error) of the events of the newest run of a job."""
    lines = [json.loads(line) for line in (project.root / "events.jsonl").read_text().splitlines()]
    mine = [event for event in lines if event["job"]["name"] == job]
    return [event for event in mine if event["run"]["runId"] == mine[-1]["run"]["runId"]]


def check_half(project, number, code, env=None):
    """Only what comes from bronze.broken is stopped, in the plan and in the run."""
    plan = project.run("plan", "--output", "json", env=env)
    assert plan.code == code, plan
    told = planned(plan)
    assert told["bronze.broken"] == (False, "it fails", number), told
    assert told["silver.broken"] == (False, "upstream fails: bronze.broken", None), told
    assert told["gold.both"] == (False, "upstream fails: silver.broken", None), told
    assert told["bronze.sound"][0] and told["silver.sound"][0], told
    text = project.run("plan", env=env)
    assert text.code == code and f"E{number} {HALF}" in text.err, text
    result = project.run("run", "--output", "json", env=env)
    assert result.code == code, result
    assert steps(result) == {
        "bronze.broken": ("failed", number), "silver.broken": ("skipped", None),
        "bronze.sound": ("done", None), "silver.sound": ("done", None),
        "gold.both": ("skipped", None)}, result
    start, end = events_of(project, "test.bronze.broken")
    assert (start["eventType"], end["eventType"]) == ("START", "FAIL"), (start, end)
    assert start["inputs"] and start["outputs"][0]["name"].endswith("bronze/broken"), start
    assert f"E{number}" in json.dumps(end["run"]["facets"]), end
    assert not events_of_skipped(project, result)


def events_of_skipped(project, result):
    """Events of this run's steps that were skipped: there are none."""
    ids = {event["step_id"] for event in result.events()
           if event["event"] == "step_finished" and event["state"] == "skipped"}
    lines = (project.root / "events.jsonl").read_text().splitlines()
    return [line for line in lines if json.loads(line)["run"]["runId"] in ids]


def grow(project, name="sound"):
    project.write(f"data/{name}/2.csv", "id,v\n2,b\n")


def check_mended(project, result, ids):
    assert project.query("select id from gold.both order by all")["rows"] == [[n] for n in ids], result
    assert project.query("select count(*) from bronze.broken where id = 1")["rows"] == [[1]]
    again = project.ok("run", "--output", "json")
    assert all(state == "skipped" for state, _ in steps(again).values()), again


def test_a_source_that_breaks_its_contract_stops_only_what_reads_it(pair):
    pair.ok("run")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    grow(pair)
    check_half(pair, 2204, 1)
    pair.write("data/broken/2.csv", "id,v\n2,b\n")
    check_mended(pair, pair.ok("run"), [1, 1, 2, 2])


def test_files_that_never_came_stop_only_what_reads_them(pair):
    shutil.rmtree(pair.root / "data/broken")
    pair.extract("bronze.broken", source={"files": "data/broken/*.csv"})
    check_half(pair, 2202, 1)
    text = pair.run("run")
    assert text.code == 1 and f"E2202 {HALF}" in text.err, text
    assert "upstream failed: bronze.broken" in text.err and "no file matches" in text.err, text
    pair.write("data/broken/1.csv", "id,v\n1,a\n")
    check_mended(pair, pair.ok("run", "--retry"), [1, 1])


def test_a_file_that_is_no_table_stops_only_what_reads_it(pair):
    pair.write("data/broken/1.parquet", "this is text")
    pair.extract("bronze.broken", source={"files": "data/broken/*.parquet", "format": "parquet"})
    result = pair.run("run", "--output", "json")
    state = steps(result)
    assert state["bronze.broken"][0] == "failed" and state["bronze.broken"][1] is not None, result
    assert state["silver.sound"][0] == "done" and state["gold.both"][0] == "skipped", result


def test_a_changed_file_stops_only_what_reads_it(pair):
    pair.ok("run")
    pair.write("data/broken/1.csv", "id,v\n1,other\n")
    grow(pair)
    check_half(pair, 2203, 1)
    pair.extract("bronze.broken", source={"files": "data/broken/*.csv"}, changed_file="replace")
    pair.ok("run")
    assert pair.query("select v from silver.broken")["rows"] == [["other"]]


def test_a_contract_of_a_model_that_its_input_breaks_stops_only_what_reads_it(pair):
    for name in ("broken", "sound"):
        pair.extract(f"bronze.{name}", source={"files": f"data/{name}/*.csv"})
    pair.model("silver.broken", "select * exclude (_source_file, _source_row, _loaded_at, _run_id) "
               "from bronze.broken",
               contract={"new_column": "fail", "columns": {"id": "BIGINT", "v": "VARCHAR"}})
    pair.ok("run")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    grow(pair)
    for bronze in ("done", "skipped"):  # the failure stays, though nothing is new any more
        result = pair.run("run", "--output", "json")
        assert result.code == 2, result
        state = steps(result)
        assert state["bronze.broken"][0] == bronze, result
        assert state["silver.broken"] == ("failed", 2122), result
        assert state["gold.both"] == ("skipped", None), result
        kinds = events_of(pair, "test.silver.broken")
        assert [event["eventType"] for event in kinds] == ["START", "FAIL"], kinds
        assert kinds[1]["inputs"][0]["name"].endswith("bronze/broken"), kinds
    assert pair.query("select count(*) from silver.sound")["rows"] == [[2]]
    assert planned(pair.run("plan", "--output", "json"))["silver.broken"][2] == 2122
    pair.model("silver.broken", "select id, v from bronze.broken")
    check_mended(pair, pair.ok("run"), [1, 1, 2, 2])


def test_a_query_that_no_longer_fits_its_source_stops_only_what_reads_it(pair):
    pair.extract("bronze.broken", source={"files": "data/broken/*.csv"})
    pair.model("silver.broken", "select * exclude (_run_id), id as extra from bronze.broken")
    pair.ok("run")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,3\n")
    grow(pair)
    result = pair.run("run", "--output", "json")
    assert result.code == 2, result
    assert steps(result)["bronze.broken"][0] == "done", result
    assert steps(result)["silver.broken"] == ("failed", 2108), result
    assert steps(result)["gold.both"][0] == "skipped", result
    assert steps(result)["silver.sound"][0] == "done", result
    kinds = events_of(pair, "test.silver.broken")
    assert [event["eventType"] for event in kinds] == ["START", "FAIL"], kinds
    # Now the column is there, and the model still is the only one that fails.
    pair.write("data/sound/3.csv", "id,v\n3,c\n")
    result = pair.run("run", "--output", "json")
    assert steps(result)["silver.broken"] == ("failed", 2108), result
    assert steps(result)["silver.sound"][0] == "done", result
    assert planned(pair.run("plan", "--output", "json"))["silver.broken"][2] == 2108
    pair.model("silver.broken", "select * exclude (_run_id) from bronze.broken")
    pair.ok("run")
    assert pair.query("select extra from silver.broken order by id")["rows"] == [[None], [3]]


def test_a_mistake_of_the_project_still_stops_everything(pair):
    pair.ok("run")
    before = pair.query("select count(*) from bronze.sound")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    grow(pair)
    for name, write, number in (
            ("silver.wrong", lambda: pair.model("silver.wrong", "select idd from bronze.sound"), 2107),
            ("silver.wrong", lambda: pair.model("silver.wrong", "select * from bronze.broken, bronze.no"),
             2105),
            ("bronze.wrong", lambda: pair.extract("bronze.wrong", source={"files": "data/broken/*.csv"},
                                                  contract={"columns": {"id": "NUMBRE"}}), 4001),
            ("bronze.wrong", lambda: pair.extract("bronze.wrong", source={"connection": "nowhere",
                                                                          "table": "t"}), 1241),
            ("bronze.wrong", lambda: pair.extract("bronze.wrong", source={"files": "no/*.csv"}, publish=[
                {"to": "nowhere", "table": "t", "mode": "overwrite"}]), 1241)):
        path = write()
        for command in ("run", "plan"):
            result = pair.run(command, "--output", "json")
            assert result.code == 2 and f'"number":{number}' in result.out.replace(" ", ""), result
            assert "step_finished" not in result.out, result
        path.unlink()
    assert pair.query("select count(*) from bronze.sound") == before


@pytest.mark.shared
def test_the_events_of_broken_steps_are_valid(pair, shared):
    schemas = lineage_schemas.load(shared / "data/lineage/schemas")
    pair.ok("run")
    pair.model("silver.sound", "select * from bronze.sound")
    pair.extract("bronze.sound", source={"files": "data/sound/*.csv"})
    pair.model("gold.also", "select id from silver.sound", contract={"columns": {"id": "DATE"}})
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    pair.write("data/sound/2.csv", "id,v,extra\n2,b,x\n")
    result = pair.run("run", "--output", "json")
    assert [state for state, _ in steps(result).values()].count("failed") == 2, result
    events = [json.loads(line) for line in (pair.root / "events.jsonl").read_text().splitlines()]
    assert sum(event["eventType"] == "FAIL" for event in events) == 3, result  # and the run
    for event in events:
        assert schemas.problems(event) == [], event


def test_fail_fast_begins_nothing(pair):
    pair.write("data/broken/1.csv", "id,v,extra\n2,b,x\n")
    result = pair.run("run", "--fail-fast")
    assert result.code == 1 and "E2204" in result.err and "bronze.sound" not in result.err, result


def test_what_is_not_selected_is_not_looked_at(pair):
    pair.ok("run")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    grow(pair)
    pair.ok("run", "bronze.sound+", "--exclude", "gold.both")
    pair.ok("run", "gold.both")
    pair.ok("plan", "silver.broken", "gold.both")
    assert pair.query("select count(*) from gold.both")["rows"] == [[3]]


def test_runs_by_layer_go_on_beside_a_table_that_never_came(pair):
    pair.write("data/broken/1.csv", "id,v,extra\n2,b,x\n")
    assert pair.run("run", "layer:bronze").code == 1
    plan = pair.run("plan", "layer:silver", "--output", "json")
    assert plan.code == 2 and planned(plan)["silver.broken"] == (False, "it fails", 2119), plan
    result = pair.run("run", "layer:silver", "--output", "json")
    assert result.code == 2, result
    assert steps(result) == {"silver.broken": ("failed", 2119), "silver.sound": ("done", None)}, result
    kinds = events_of(pair, "test.silver.broken")
    assert [event["eventType"] for event in kinds] == ["START", "FAIL"], kinds
    both = pair.run("run", "layer:silver", "layer:gold", "--output", "json")
    assert steps(both) == {"silver.broken": ("failed", 2119), "silver.sound": ("skipped", None),
                           "gold.both": ("skipped", None)}, both
    alone = pair.run("run", "silver.broken", "gold.both")  # nothing of it can run
    assert alone.code == 2 and "E2119" in alone.err and "failed in" not in alone.err, alone
    hasty = pair.run("run", "layer:silver", "--fail-fast")
    assert hasty.code == 1 and "E2204" in hasty.err and "silver.sound" not in hasty.err, hasty
    pair.write("data/broken/1.csv", "id,v\n1,a\n")
    for layer in ("bronze", "silver", "gold"):
        pair.ok("run", f"layer:{layer}")
    assert pair.query("select count(*) from gold.both")["rows"] == [[2]]


def test_a_broken_source_keeps_nobody_from_the_tables(pair):
    pair.ok("run")
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    for table in ("bronze.broken", "silver.broken", "gold.both"):
        assert pair.query(f"select count(*) from {table}")["rows"][0][0] > 0
    pair.ok("show", "bronze.broken")
    pair.ok("ls")
    pair.ok("render", "silver.broken")


def test_a_table_that_is_not_there_keeps_no_other_from_its_check(pair):
    pair.write("data/broken/1.csv", "id,v,extra\n2,b,x\n")
    low, high = ({"critical": [{"expect_column_values_to_be_between": {"column": "id", "max_value": top}}]}
                 for top in (0, 9))
    pair.write("config/dq.yaml", {"silver": {"broken": high, "sound": high}, "bronze": {"sound": high}})
    assert pair.run("run").code == 1
    result = pair.run("check", "--output", "json")
    assert result.code == 2, result
    report = result.json()
    told = {table["table"]: table.get("verdict", table.get("error", {}).get("number"))
            for table in report["tables"]}
    assert told == {"silver.broken": 4062, "silver.sound": "pass", "bronze.sound": "pass"}, report
    assert report["success"] is False and report["checked"] == 2, report
    text = pair.run("check")
    assert text.code == 2 and "not judged\nE4062" in text.out and "E4062" in text.err, text
    pair.write("config/dq.yaml", {"silver": {"broken": high, "sound": low}})
    assert "E5010" in pair.run("check", "silver.sound").err
    both = pair.run("check", "layer:silver")
    assert both.code == 2 and "E4062" in both.err and "silver.sound" in both.out, both
    alone = pair.run("check", "silver.broken", "--output", "json")
    assert alone.code == 2 and alone.json()["event"] == "error", alone
    wrong = pair.run("check", "--result-format", "ALL")
    assert wrong.code == 2 and "no result format 'ALL'" in wrong.err and not wrong.out, wrong


def test_a_damaged_table_keeps_no_other_from_its_check_and_its_run(pair):
    pair.write("config/dq.yaml", {"bronze": {name: {"critical": [
        {"expect_column_values_to_not_be_null": {"column": "id"}}]} for name in ("broken", "sound")}})
    pair.ok("run")
    folder = pair.root / "lake/bronze/broken/metadata"
    for path in folder.glob("*.metadata.json"):
        path.write_text("no metadata")
    grow(pair)
    report = pair.run("check", "--output", "json").json()
    told = {table["table"]: "error" in table for table in report["tables"]}
    assert told == {"bronze.broken": True, "bronze.sound": False}, report
    result = pair.run("run", "--output", "json")
    state = steps(result)
    assert state["bronze.broken"][0] == "failed" and state["silver.broken"][0] == "skipped", result
    assert state["silver.sound"][0] == "done" and result.code == 1, result


# ---- publications ----

def test_what_is_published_of_broken_tables_is_skipped_and_told(pair, postgres):
    database = postgres.database()
    pair.write("config/connections.yaml", {"there": database.connection()})
    for name in ("broken", "sound"):
        pair.model(f"silver.{name}", f"select id, v from bronze.{name}",
                   publish=[{"to": "there", "table": name}])
    pair.ok("run", env=postgres.env)
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    grow(pair)
    plan = pair.run("plan", "--output", "json", env=postgres.env).json()
    assert {step["step"]: step["will_publish"] for step in plan["steps"] if "will_publish" in step} == {
        "silver.broken": False, "silver.sound": True}, plan
    text = pair.run("run", env=postgres.env)
    assert text.code == 1 and "not sent to there" in text.err, text
    assert database.rows("select count(*) from broken") == [(1,)]
    assert database.rows("select count(*) from sound") == [(2,)]
    result = pair.run("run", "--output", "json", env=postgres.env)
    told = {event["step"]: event["publications"] for event in result.events()
            if event.get("publications")}
    assert told == {"silver.broken": [{"to": "there", "table": "broken", "mode": "overwrite",
                                       "state": "skipped"}]}, told
    shown = pair.ok("runs", "show", "last", "--output", "json").json()["step_list"]
    assert [p["state"] for step in shown for p in step.get("publications", [])] == ["skipped"], shown
    pair.write("data/broken/2.csv", "id,v\n2,b\n")
    pair.ok("run", env=postgres.env)
    assert database.rows("select count(*) from broken") == [(2,)]


def test_a_broken_source_keeps_no_committed_table_from_being_published(pair, postgres):
    database = postgres.database()
    pair.write("config/connections.yaml", {"there": database.connection()})
    pair.ok("run", env=postgres.env)
    for name in ("broken", "sound"):
        pair.extract(f"bronze.{name}", source={"files": f"data/{name}/*.csv"},
                     contract={"new_column": "fail", "columns": {"id": "INTEGER", "v": "VARCHAR"}},
                     publish=[{"to": "there", "table": name}])
    pair.write("data/broken/2.csv", "id,v,extra\n2,b,x\n")
    text = pair.ok("publish", env=postgres.env)
    assert "published" in text.out, text
    assert database.rows("select count(*) from broken") == [(1,)]
    assert database.rows("select count(*) from sound") == [(1,)]


# ---- databases ----

@pytest.fixture
def shop(postgres, pair):
    """bronze.broken is a table of PostgreSQL."""
    database = postgres.database()
    pair.write("config/connections.yaml", {"shop": {**database.connection(), "login_timeout": "2s"}})
    database.execute("create table t (id int, v text); insert into t values (1, 'a')")
    pair.extract("bronze.broken", source={"connection": "shop", "table": "t"}, mode="full")
    database.project = pair
    database.env = postgres.env
    return database


def test_a_dropped_table_stops_only_what_reads_it(shop):
    shop.project.ok("run", env=shop.env)
    shop.execute("alter table t rename to u")
    grow(shop.project)
    check_half(shop.project, 2220, 1, shop.env)
    shop.execute("alter table u rename to t")
    shop.project.ok("run", env=shop.env)
    assert shop.project.query("select count(*) from gold.both")["rows"] == [[3]]


def test_a_database_that_is_down_stops_only_what_needs_it(shop):
    project = shop.project
    good = (project.root / "config/connections.yaml").read_text()
    project.write("config/connections.yaml", {"shop": {**shop.connection(), "port": 1,
                                                       "login_timeout": "2s"}})
    check_half(project, 2222, 4, shop.env)
    project.write("config/connections.yaml", good)
    project.ok("run", "--retry", env=shop.env)
    assert project.query("select count(*) from gold.both")["rows"] == [[2]]


def test_a_column_that_the_database_has_dropped_stops_only_what_reads_it(shop):
    project = shop.project
    project.ok("run", env=shop.env)
    shop.execute("alter table t drop column v; alter table t add w int")
    project.extract("bronze.broken", source={"connection": "shop", "table": "t"}, mode="full",
                    contract={"missing_column": "fail"})
    grow(project)
    check_half(project, 2209, 1, shop.env)
