"""One run, two destinations: what is committed in the lake is published to PostgreSQL, exactly once;
what cannot be published stays open, and the lake stays right."""
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FORMATS = ["iceberg", "delta", "parquet"]


class Shop:
    """bronze.orders from CSV files -> gold.orders, which is published as `publish` says."""

    def __init__(self, project, postgres, publish, table_format="iceberg", **header):
        self.project = project
        self.env = postgres.env
        self.database = postgres.database()
        project.storage(format=table_format)
        project.write("config/connections.yaml",
                      {"pg": self.database.connection(login_timeout="10s")})
        project.write("config/lineage.yaml", {"enabled": True, "backend": "file",
                                              "namespace": "shop", "path": "events.jsonl"})
        project.extract("bronze.orders", source={"files": "data/*.csv", "format": "csv"},
                        contract={"columns": {"id": "INTEGER", "amount": "INTEGER"}})
        self.model(publish, **header)
        self.rows([(1, 10), (2, 20)])

    def model(self, publish, sql="select id, amount from bronze.orders", **header):
        self.project.model("gold.orders", sql, publish=publish, **header)

    def rows(self, rows, file="a"):
        lines = "".join(f"{row[0]},{row[1]}\n" for row in rows)
        self.project.write(f"data/{file}.csv", "id,amount\n" + lines)

    def run(self, *args, code=0):
        result = self.project.run(*args, env=self.env)
        assert result.code == code, result
        return result

    def events(self, job, kind="COMPLETE"):
        lines = (self.project.root / "events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines)
                if event["job"]["name"] == f"test.{job}" and event["eventType"] == kind]

    def there(self, table="marts.orders", columns="id, amount"):
        return sorted(self.database.rows(f"select {columns} from {table}"))

    def ledger(self):
        return self.database.value('select count(*) from marts._assay_ledger')

    def step(self, *args, code=0, table="gold.orders"):
        """The finished step of one run, from its JSON lines."""
        result = self.run("run", "--output", "json", *args, code=code)
        (step,) = [e for e in result.events()
                   if e["event"] == "step_finished" and e["step"] == table]
        return step


@pytest.fixture
def shop(project, postgres):
    def make(*publish, **more):
        return Shop(project, postgres, list(publish), **more)
    return make


OVERWRITE = {"to": "pg", "table": "marts.orders"}
APPEND = {"to": "pg", "table": "marts.orders", "mode": "append"}
MERGE = {"to": "pg", "table": "marts.orders", "mode": "merge", "key": ["id"]}


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_run_publishes_what_it_has_committed(shop, table_format):
    made = shop(OVERWRITE, table_format=table_format)
    step = made.step()
    (published,) = step["publications"]
    assert published["state"] == "published" and published["rows"] == 2
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 1
    made.rows([(3, 30)], "b")
    result = made.run("run")
    assert "published to pg" in result.err, result
    assert made.there() == [(1, 10), (2, 20), (3, 30)]
    assert made.ledger() == 2


def test_what_is_there_already_is_left_alone(shop):
    made = shop(MERGE)
    made.run("run")
    assert "publications" not in made.step()
    document = made.run("publish", "--output", "json").json()
    assert [p["state"] for p in document["publications"]] == ["already"]
    assert made.run("publish", "--pending", "--output", "json").json()["publications"] == []
    # without the cache the ledger is asked, and nothing is doubled
    shutil.rmtree(made.project.root / ".assay")
    (published,) = made.step()["publications"]
    assert published["state"] == "already"
    assert made.ledger() == 1


def test_a_database_that_is_down_leaves_the_lake_right_and_the_publication_open(shop, postgres):
    made = shop(OVERWRITE)
    made.project.model("gold.totals", "select sum(amount)::bigint as total from gold.orders")
    postgres.server.kill()
    result = made.run("run", code=4)
    assert "pending to pg" in result.err, result
    assert made.project.query("select total from gold.totals")["rows"] == [[30]]
    shown = made.run("table", "show", "gold.orders", "--output", "json").json()
    assert [p["state"] for p in shown["publications"]] == ["pending"]
    last = made.run("runs", "show", "--output", "json").json()
    (step,) = [s for s in last["step_list"] if s["step"] == "gold.orders"]
    assert step["state"] == "done"
    assert [p["state"] for p in step["publications"]] == ["pending"]
    assert last["exit_code"] == 4
    plan = made.run("plan", "--output", "json").json()["steps"]
    assert {s["step"]: (s["will_run"], s.get("will_publish")) for s in plan} == {
        "bronze.orders": (False, None), "gold.orders": (False, True), "gold.totals": (False, None)}
    made.run("publish", "--pending", code=4)
    postgres.server.start()
    step = made.step()
    assert step["state"] == "skipped" and step["reason"] == "unchanged"
    assert [p["state"] for p in step["publications"]] == ["published"]
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 1
    plan = made.run("plan", "--output", "json").json()["steps"]
    assert not any(s.get("will_publish") for s in plan)


def test_a_run_does_not_wait_for_each_table_of_a_database_that_is_not_reached(shop, postgres):
    made = shop(OVERWRITE, {"to": "pg", "table": "marts.other"})
    made.project.model("gold.totals", "select sum(amount)::bigint as total from gold.orders",
                       publish=[{"to": "pg", "table": "marts.totals"}])
    postgres.server.kill()
    events = made.run("run", "--output", "json", code=4).events()
    failures = [p["error"]["message"] for e in events for p in e.get("publications", [])]
    assert ["not tried again" in message for message in failures] == [False, True, True]
    places = [(p["error"]["path"], p["error"]["line"])
              for e in events for p in e.get("publications", [])]
    assert len(set(places)) == 3, places  # each at its own entry
    postgres.server.start()
    made.run("run")
    assert made.there() == made.there("marts.other") == [(1, 10), (2, 20)]
    assert made.there("marts.totals", "total") == [(30,)]


def test_a_pending_publication_is_finished_by_publish_pending(shop, postgres):
    made = shop(MERGE)
    postgres.server.kill()
    made.run("run", code=4)
    postgres.server.start()
    document = made.run("publish", "--pending", "--output", "json").json()
    assert [p["state"] for p in document["publications"]] == ["published"]
    assert made.there() == [(1, 10), (2, 20)]
    assert "publications" not in made.step()


def test_retry_takes_up_what_was_not_published(shop, postgres):
    made = shop(OVERWRITE)
    postgres.server.kill()
    made.run("run", code=4)
    postgres.server.start()
    result = made.run("run", "--retry", "--output", "json")
    steps = [e["step"] for e in result.events() if e["event"] == "step_finished"]
    assert steps == ["gold.orders"]
    assert made.there() == [(1, 10), (2, 20)]


def test_append_sends_only_the_rows_that_are_new(shop):
    made = shop(APPEND)
    made.model([APPEND], mode="append", new_rows_of=["bronze.orders"])
    made.run("run")
    made.database.execute("update marts.orders set amount = 11 where id = 1")
    made.rows([(3, 30), (4, 40)], "b")
    (published,) = made.step()["publications"]
    assert (published["rows"], published["inserted"]) == (2, 2)
    assert made.there() == [(1, 11), (2, 20), (3, 30), (4, 40)]


def test_append_catches_up_over_several_commits_that_were_missed(shop, postgres):
    made = shop(APPEND)
    made.model([APPEND], mode="append", new_rows_of=["bronze.orders"])
    made.run("run")
    postgres.server.kill()
    for number in (3, 4):
        made.rows([(number, number)], f"f{number}")
        made.run("run", code=4)
    postgres.server.start()
    (published,) = made.step()["publications"]
    assert published["inserted"] == 2
    assert made.there() == [(1, 10), (2, 20), (3, 3), (4, 4)]
    assert made.ledger() == 2


def test_append_is_refused_where_the_snapshot_published_last_is_expired(shop, postgres):
    made = shop(APPEND)
    made.project.storage(format="iceberg", keep={"snapshots": 1, "days": 0})
    made.model([APPEND], mode="append", new_rows_of=["bronze.orders"])
    made.run("run")
    postgres.server.kill()
    for number in (3, 4):
        made.rows([(number, number)], f"f{number}")
        made.run("run", code=4)
    postgres.server.start()
    (published,) = made.step(code=1)["publications"]
    assert published["error"]["number"] == 2407, published
    assert made.there() == [(1, 10), (2, 20)]


def test_append_after_a_rebuild_is_refused_and_nothing_is_doubled(shop):
    made = shop(APPEND)
    made.run("run")
    made.rows([(3, 30)], "b")
    step = made.step(code=1)
    assert step["state"] == "done"
    (published,) = step["publications"]
    assert published["state"] == "failed" and published["error"]["number"] == 2406
    assert published["error"]["path"] == "models/gold/orders.sql"
    assert made.there() == [(1, 10), (2, 20)]
    assert made.project.query("select count(*)::integer as n from gold.orders")["rows"] == [[3]]
    # the way out that the message names
    made.model([OVERWRITE])
    made.run("publish", "gold.orders")
    assert made.there() == [(1, 10), (2, 20), (3, 30)]


def test_keys_that_come_twice_are_refused_and_the_lake_stays(shop):
    made = shop(MERGE)
    made.rows([(1, 11)], "b")
    result = made.run("run", code=1)
    assert "models/gold/orders.sql:" in result.err and "failed to pg" in result.err, result
    assert made.project.query("select count(*)::integer as n from gold.orders")["rows"] == [[3]]


def test_keys_of_pii_columns_are_not_shown(shop):
    made = shop(MERGE, columns={"id": {"pii": True}})
    made.rows([(987654, 1), (987654, 2)], "b")
    result = made.run("run", code=1)
    assert "987654" not in result.err + result.out, result
    made.rows([(987654, 1)], "b")
    made.project.extract("bronze.orders", source={"files": "data/*.csv", "format": "csv"},
                         changed_file="replace",
                         contract={"columns": {"id": "INTEGER", "amount": "INTEGER"}})
    made.run("run")
    made.database.execute("delete from marts.orders where id = 987654")
    result = made.run("publish", "--verify", code=1)
    assert "missing" in result.out and "***" in result.out, result
    assert "987654" not in result.err + result.out, result


def test_a_rollback_is_published_again(shop):
    made = shop(OVERWRITE)
    made.run("run")
    made.rows([(3, 30)], "b")
    made.run("run")
    history = made.run("table", "history", "gold.orders", "--output", "json").json()["snapshots"]
    made.run("table", "rollback", "gold.orders", str(history[-1]["snapshot_id"]))
    made.run("publish", "gold.orders")
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 3


def test_a_table_that_moved_into_another_format_is_published_again(shop):
    made = shop(MERGE, {"to": "pg", "table": "marts.log", "mode": "append"})
    made.run("run")
    made.project.storage(format="delta")
    step = made.step(code=1)
    merged, appended = step["publications"]
    assert merged["state"] == "published" and (merged["inserted"], merged["updated"]) == (0, 0)
    assert appended["error"]["number"] == 2406, appended  # nobody can tell what is new
    assert made.there() == made.there("marts.log") == [(1, 10), (2, 20)]


def test_the_commit_of_another_program_is_not_published(shop):
    import pyarrow
    from deltalake import write_deltalake

    made = shop(OVERWRITE, table_format="delta")
    made.run("run")
    rows = pyarrow.table({"id": pyarrow.array([9], pyarrow.int32()),
                          "amount": pyarrow.array([9], pyarrow.int32())})
    write_deltalake(made.project.table("gold.orders"), rows, mode="append")
    result = made.run("publish", "gold.orders", code=3)
    assert "E2405" in result.out and "another program" in result.out, result
    assert made.there() == [(1, 10), (2, 20)]
    made.run("run")  # builds the table anew, through its gate
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 2


def test_verify_names_the_rows_that_differ(shop):
    made = shop(MERGE)
    made.rows([(n, n) for n in range(3, 50)], "b")
    made.run("run")
    assert "equal, 49 rows" in made.run("publish", "--verify").out
    made.database.execute("update marts.orders set amount = -1 where id = 7;"
                          "delete from marts.orders where id = 8;"
                          "insert into marts.orders (id, amount) values (999, 1)")
    document = made.run("publish", "--verify", "--output", "json", code=1).json()
    (found,) = document["publications"]
    assert found["equal"] is False and found["error"]["number"] == 2408
    assert {(d["kind"], d["key"], d.get("column")) for d in found["differences"]} == {
        ("different", "id=7", "amount"), ("missing", "id=8", None), ("extra", "id=999", None)}
    assert [c["column"] for c in found["columns"] if not c["equal"]]
    # nothing was changed by looking; publishing alone does not repair what the ledger calls done
    assert made.there()[6] == (7, -1)


def test_the_outside_table_is_an_output_of_the_step(shop, postgres):
    made = shop(MERGE)
    made.run("run")
    (event,) = made.events("gold.orders")
    lake, there = event["outputs"]
    assert lake["name"].endswith("gold/orders")
    port = postgres.server.port
    assert there["namespace"] == f"postgres://127.0.0.1:{port}"
    assert there["name"] == f"{made.database.name}.marts.orders"
    facets = there["facets"]
    assert [f["name"] for f in facets["schema"]["fields"]] == ["id", "amount"]
    assert there["outputFacets"]["outputStatistics"]["rowCount"] == 2
    source = facets["columnLineage"]["fields"]["amount"]["inputFields"]
    assert [(f["name"].rsplit("/", 2)[-2:], f["field"]) for f in source] == [
        (["bronze", "orders"], "amount")]
    assert "p@ss" not in (made.project.root / "events.jsonl").read_text()


@pytest.mark.shared
def test_events_of_publications_are_valid(shop, shared, postgres):
    from lineage_schemas import Schemas

    made = shop(MERGE, {"to": "pg", "table": "marts.other"})
    made.run("run")
    made.rows([(3, 30)], "b")
    postgres.server.kill()
    made.run("run", code=4)
    postgres.server.start()
    made.run("publish", "--pending")
    schemas = Schemas(shared / "data/lineage/schemas")
    lines = (made.project.root / "events.jsonl").read_text().splitlines()
    assert sum(".publish" in line for line in lines) == 8  # START and an end, two failed and two done
    for line in lines:
        assert list(schemas.problems(json.loads(line))) == [], line


def test_a_publication_of_its_own_is_a_job_of_its_own(shop, postgres):
    made = shop(MERGE)
    postgres.server.kill()
    made.run("run", code=4)
    (event,) = made.events("gold.orders")
    assert len(event["outputs"]) == 1
    (failed,) = made.events("gold.orders.publish", "FAIL")
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("E")
    postgres.server.start()
    made.run("publish", "--pending")
    (event,) = made.events("gold.orders.publish")
    assert [d["name"].rsplit("/", 2)[-2:] for d in event["inputs"]] == [["gold", "orders"]]
    (there,) = event["outputs"]
    assert there["facets"]["columnLineage"]["fields"]["id"]["inputFields"][0]["field"] == "id"


def test_only_the_columns_that_are_named_are_published(shop):
    made = shop({**OVERWRITE, "columns": ["ID"]})
    made.run("run")
    assert made.there(columns="*") == [(1,), (2,)]


def test_two_destinations_of_one_table_stand_for_themselves(shop):
    made = shop(OVERWRITE, {"to": "pg", "table": "marts.other", "mode": "merge", "key": ["amount"]})
    made.rows([(3, 20)], "b")
    step = made.step(code=1)
    assert [p["state"] for p in step["publications"]] == ["published", "failed"]
    assert made.there() == [(1, 10), (2, 20), (3, 20)]
    document = made.run("publish", "--to", "pg", "--dry-run", "--output", "json").json()
    assert [(p["target"], p["state"]) for p in document["publications"]] == [
        ("marts.orders", "published"), ("marts.other", "failed")]


def test_publish_is_checked_before_anything_runs(shop):
    made = shop({**MERGE, "key": ["idd"]})
    result = made.run("run", code=2)
    assert "E2120 models/gold/orders.sql:" in result.err and "'id'" in result.err, result
    made.model([{"to": "pq", "table": "t"}])
    assert "E1241" in made.run("plan", code=2).err
    made.model([{"to": "pg", "tabel": "t"}])
    assert "did you mean 'table'" in made.run("ls", code=2).err
    made.model([])
    assert "E2409" in made.run("publish", code=2).err
    assert "E2020" in made.run("publish", "gold.ordres", code=2).err


def test_a_shut_gate_publishes_nothing(shop):
    made = shop(OVERWRITE)
    made.run("run")
    made.project.write("config/dq.yaml", {"gold": {"orders": {"critical": [
        {"expect_column_values_to_be_unique": {"column": "id"}}]}}})
    made.rows([(1, 11)], "b")
    made.run("run", code=3)
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 1


def test_an_untested_snapshot_waits_for_the_suite_that_names_it_now(shop, postgres):
    made = shop(OVERWRITE)
    postgres.server.kill()
    made.run("run", code=4)
    postgres.server.start()
    made.project.write("config/dq.yaml", {"gold": {"orders": {"critical": [
        {"expect_column_values_to_be_unique": {"column": "id"}}]}}})
    assert "E2405" in made.run("publish", code=3).out
    step = made.step()  # only the suite runs, and opens the gate
    assert [p["state"] for p in step["publications"]] == ["published"]
    assert made.there() == [(1, 10), (2, 20)]


def test_an_interrupt_while_publishing_leaves_the_publication_open(shop, postgres):
    made = shop(MERGE)
    proxy = postgres.proxy()
    made.project.write("config/connections.yaml",
                       {"pg": made.database.connection(port=proxy.port)})
    rule = proxy.fault("INSERT INTO|MERGE", "delay", seconds=6)
    process = made.project.assay.start("run", cwd=made.project.root, env=made.env)
    end = time.monotonic() + 60
    while rule.seen == 0 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert rule.seen > 0, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert made.project.query("select count(*)::integer as n from gold.orders")["rows"] == [[2]]
    (published,) = made.step()["publications"]
    assert published["state"] in ("published", "already")
    assert made.there() == [(1, 10), (2, 20)]
    assert made.ledger() == 1
    kinds = [len(made.events("gold.orders", kind)) for kind in ("START", "COMPLETE", "ABORT")]
    assert kinds == [1, 1, 0]  # the table itself was complete when the program left


def test_the_example_program_publishes_a_table_and_a_stream_once(shop, assay, tmp_path):
    library = assay.binary.parents[1] / "lib"
    if not (library / "libassay.so").exists():
        pytest.skip("this build has no libassay (a sanitizer's)")
    program = tmp_path / "publish"
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}",
                    ROOT / "examples/publish.c", "-o", program, f"-L{library}", "-lassay",
                    f"-Wl,-rpath,{library}"], check=True)
    made = shop({"to": "pg", "table": "marts.unused"})
    made.project.ok("run", "bronze.orders")
    command = [program, made.project.root, "pg", "bronze.orders", "marts.orders", "marts.log"]
    for time in range(2):
        done = subprocess.run(command, env=assay.environment(made.env), capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("published before" in done.stdout) is (time == 1), done.stdout
        assert made.there() == [(1, 10), (2, 20)]
        assert made.there("marts.log") == [(1, 10), (2, 20)]


def test_one_run_publishes_to_both_databases(shop, snowflake):
    made = shop(MERGE, {"to": "analytics", "table": "orders", "mode": "merge", "key": ["id"]})
    target = snowflake.database()
    connections = {"pg": made.database.connection(), "analytics": target.connection()}
    made.project.write("config/connections.yaml", connections)
    made.env = {**made.env, **snowflake.env}
    step = made.step()
    assert [(p["to"], p["state"]) for p in step["publications"]] == [
        ("pg", "published"), ("analytics", "published")], step
    assert made.there() == [(1, 10), (2, 20)]
    assert sorted(target.rows('select "ID", "AMOUNT" from "ORDERS"')) == [(1, 10), (2, 20)]
    (event,) = made.events("gold.orders")
    _, _, there = event["outputs"]
    account = connections["analytics"]["account"]
    assert there["namespace"] == f"snowflake://{account}"
    assert there["name"].split(".")[1:] == ["PUBLIC", "ORDERS"]
    assert [f["name"] for f in there["facets"]["schema"]["fields"]] == ["ID", "AMOUNT"]
    assert set(there["facets"]["columnLineage"]["fields"]) == {"ID", "AMOUNT"}
    query = event["run"]["facets"]["externalQuery"]
    assert query["source"] == there["namespace"] and query["externalQueryId"]


def test_what_was_read_from_a_database_is_published_to_a_database(project, postgres):
    source, target = postgres.database(), postgres.database()
    source.execute("create table orders (id int primary key, amount int);"
                   "insert into orders values (1, 10), (2, 20)")
    project.write("config/connections.yaml",
                  {"shop": source.connection(), "pg": target.connection()})
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.extract("bronze.orders", source={"connection": "shop", "table": "orders"}, mode="full",
                    publish=[{"to": "pg", "table": "copies.orders"}])
    result = project.run("run", env=postgres.env)
    assert result.code == 0, result
    assert sorted(target.rows("select id, amount from copies.orders")) == [(1, 10), (2, 20)]
    events = map(json.loads, (project.root / "events.jsonl").read_text().splitlines())
    (event,) = [e for e in events
                if e["job"]["name"] == "test.bronze.orders" and e["eventType"] == "COMPLETE"]
    assert [d["name"].split(".", 1)[-1] for d in event["inputs"]] == ["public.orders"]
    assert event["outputs"][1]["name"].endswith("copies.orders")
