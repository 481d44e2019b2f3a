"""Lineage events of real runs: valid by OpenLineage's own schemas, complete, and never in the way."""
import gzip
import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import lineage_schemas

TERMINAL = {"COMPLETE", "FAIL", "ABORT"}


def fill(project, **lineage):
    """A small pipeline: one extract, two models, a suite."""
    rows = [("id", "customer", "amount", "email")]
    rows += [(i, f"c{i % 3}", i * 1.5, f"u{i}@example.org") for i in range(1, 21)]
    project.write("data/orders_1.csv", "".join(",".join(map(str, row)) + "\n" for row in rows))
    project.extract("bronze.orders", source={"files": "data/orders_*.csv", "format": "csv"})
    project.model("silver.orders", "select id, upper(customer) as customer, amount, "
                  "md5(email) as email_hash from bronze.orders where amount > 2",
                  description="orders worth looking at")
    project.model("gold.customers", "select customer, sum(amount) as total, count(*) as orders "
                  "from silver.orders group by customer")
    project.write("config/dq.yaml", {"silver": {"orders": {"critical": [
        {"expect_column_values_to_not_be_null": {"column": "id"}}]}}})
    project.write("config/lineage.yaml", {"enabled": True, "namespace": "shop", **lineage})
    return project


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def facet_members(facets):
    return {key: {name for name in facet if not name.startswith("_")}
            for key, facet in facets.items()}


class Backend(ThreadingHTTPServer):
    """A lineage backend on the loopback that answers as it is told."""

    def __init__(self, port=0, status=201, delay=0.0):
        self.status, self.delay, self.bodies, self.heads = status, delay, [], []
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                time.sleep(backend.delay)
                backend.heads.append((self.path, dict(self.headers)))
                if backend.status < 300:
                    backend.bodies.append(json.loads(body))
                self.send_response(backend.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.shutdown()
        self.server_close()


made_events = {}


@pytest.fixture(params=["iceberg", "delta", "parquet"])
def finished(request, project):
    """The events of a first run, a run with nothing to do, and one after new data."""
    if request.param not in made_events:
        project.storage(format=request.param, warehouse="lake")
        fill(project, backend="file", path="events.jsonl")
        project.ok("run")
        project.ok("run")
        project.write("data/orders_2.csv", "id,customer,amount,email\n21,c9,40,x@example.org\n")
        project.ok("run")
        made_events[request.param] = lines(project.root / "events.jsonl")
    return request.param, made_events[request.param]


@pytest.mark.shared
def test_every_event_is_valid(finished, shared):
    schemas = lineage_schemas.load(shared / "data/lineage/schemas")
    for event in finished[1]:
        assert schemas.problems(event) == [], event["job"]["name"]


def test_every_run_has_a_start_and_one_end_and_steps_name_their_parent(finished):
    runs = defaultdict(list)
    for event in finished[1]:
        runs[event["run"]["runId"]].append(event)
    parents = {run for run, events in runs.items() if events[0]["job"]["name"] == "test"}
    for run, events in runs.items():
        kinds = [event["eventType"] for event in events]
        assert kinds[0] == "START" and kinds[-1] in TERMINAL, kinds
        assert sum(kind in TERMINAL for kind in kinds) == 1, kinds
        if run not in parents:
            parent = events[0]["run"]["facets"]["parent"]
            assert parent["run"]["runId"] in parents
            assert parent["job"] == {"namespace": "shop", "name": "test"}
            assert events[0]["job"]["name"].startswith("test.")


def ends(events, job):
    return [event for event in events
            if event["job"]["name"] == job and event["eventType"] in TERMINAL]


def test_column_lineage_says_where_every_column_comes_from(finished):
    event = ends(finished[1], "test.silver.orders")[0]
    facet = event["outputs"][0]["facets"]["columnLineage"]
    found = {name: [(entry["name"].rsplit("/lake/")[1], entry["field"],
                     [(made["subtype"], made["masking"]) for made in entry["transformations"]])
                    for entry in field["inputFields"]] for name, field in facet["fields"].items()}
    assert found == {
        "id": [("bronze/orders", "id", [("IDENTITY", False)])],
        "customer": [("bronze/orders", "customer", [("TRANSFORMATION", False)])],
        "amount": [("bronze/orders", "amount", [("IDENTITY", False)])],
        "email_hash": [("bronze/orders", "email", [("TRANSFORMATION", True)])],
    }
    assert [(entry["field"], entry["transformations"][0]["subtype"])
            for entry in facet["dataset"]] == [("amount", "FILTER")]


def test_statistics_version_and_assertions_are_those_of_the_run(finished):
    event = ends(finished[1], "test.silver.orders")[0]
    output = event["outputs"][0]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 19
    assert output["facets"]["version"]["datasetVersion"]
    assert output["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    assertion, = output["facets"]["dataQualityAssertions"]["assertions"]
    assert assertion["success"] and assertion["column"] == "id"
    assert event["job"]["facets"]["sql"]["dialect"] == "duckdb"
    source, = ends(finished[1], "test.bronze.orders")[0]["inputs"]
    assert source["name"].endswith("/data/orders_*.csv")


@pytest.mark.shared
def test_events_have_the_facets_that_spark_sends(finished, shared):
    table_format, events = finished
    event = ends(events, "test.silver.orders")[0]
    have = {
        "run": facet_members(event["run"]["facets"]),
        "job": facet_members(event["job"]["facets"]),
        "input facets": facet_members(event["inputs"][0]["facets"]),
        "output facets": facet_members(event["outputs"][0]["facets"]),
        "output outputFacets": facet_members(event["outputs"][0]["outputFacets"]),
    }
    for record in json.loads((shared / "data/lineage/emitter_facets.json").read_text()):
        if record["format"] != table_format:
            continue
        for place, facets in record["facets"].items():
            for key, members in facets.items():
                if key.startswith(("spark_", "gcp_")):
                    continue
                assert set(members) <= have[place].get(key, {None}), (record["origin"], place, key)


@pytest.mark.shared
def test_a_shut_gate_says_fail_with_the_failed_assertion(project, shared):
    fill(project, backend="file", path="events.jsonl")
    project.write("config/dq.yaml", {"silver": {"orders": {"critical": [
        {"expect_column_values_to_be_between": {"column": "amount", "max_value": 10}}]}}})
    assert project.run("run").code == 3
    events = lines(project.root / "events.jsonl")
    schemas = lineage_schemas.load(shared / "data/lineage/schemas")
    assert [problem for event in events for problem in schemas.problems(event)] == []
    event, = ends(events, "test.silver.orders")
    assert event["eventType"] == "FAIL"
    assert "silver.orders" in event["run"]["facets"]["errorMessage"]["message"]
    facets = event["outputs"][0]["facets"]
    assert [made["success"] for made in facets["dataQualityAssertions"]["assertions"]] == [False]
    run, = ends(events, "test")
    assert run["eventType"] == "FAIL"


def spool_of(project):
    return [path for path in (project.root / ".assay").glob("*/lineage/*")]


def test_a_backend_gets_every_event_in_order_with_the_key(project):
    with Backend() as backend:
        fill(project, backend="marquez", url=backend.url, compression="gzip",
             api_key="${LINEAGE_KEY}")
        project.ok("run", env={"LINEAGE_KEY": "s3cret"})
        assert len(backend.bodies) == 8
        assert all(path == "/api/v1/lineage" and head["Authorization"] == "Bearer s3cret"
                   for path, head in backend.heads)
        seen = [event["eventType"] for event in backend.bodies
                if event["job"]["name"] == "test.gold.customers"]
        assert seen == ["START", "COMPLETE"]
    assert spool_of(project) == []


def test_a_backend_that_is_down_costs_nothing_and_loses_nothing(project):
    with Backend() as backend:
        port = backend.server_address[1]
        fill(project, backend="http", url=backend.url, api_key="s3cret")
    result = project.ok("run")
    assert "s3cret" not in result.out + result.err
    waiting = spool_of(project)
    assert waiting and not any("s3cret" in path.read_text() for path in waiting)
    with Backend(port) as backend:
        project.ok("run")
        deadline = time.time() + 10
        while spool_of(project) and time.time() < deadline:
            project.ok("run")
        names = [(event["job"]["name"], event["eventType"]) for event in backend.bodies]
        for job in ("test.bronze.orders", "test.silver.orders", "test.gold.customers"):
            assert names.index((job, "START")) < names.index((job, "COMPLETE"))


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_backend_with_faults_gets_everything_later(project, status):
    with Backend(status=status) as backend:
        fill(project, backend="http", url=backend.url, retry={"wait": "5ms", "max_wait": "50ms"})
        project.ok("run")
        assert backend.heads and not backend.bodies
        backend.status = 201
        deadline = time.time() + 10
        while len({json.dumps(event) for event in backend.bodies}) < 8 and time.time() < deadline:
            project.ok("run")
        names = {(event["job"]["name"], event["eventType"]) for event in backend.bodies}
        assert ("test.gold.customers", "COMPLETE") in names


def test_a_refused_event_is_kept_beside_the_spool(project):
    with Backend(status=422) as backend:
        fill(project, backend="http", url=backend.url)
        result = project.ok("run")
        assert "refused" in result.err
    refused, = spool_of(project)
    assert refused.name == "refused-http.jsonl"
    kept = lines(refused)
    assert len(kept) == 8 and {one["status"] for one in kept} == {422}
    assert {one["event"]["job"]["name"] for one in kept} >= {"test.gold.customers"}
