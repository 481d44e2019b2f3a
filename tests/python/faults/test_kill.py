"""A run that dies at any moment and is started again ends like one that nobody disturbed."""
import os
import random
import signal
import sqlite3
import threading
import time

import pytest

import shop

GENERATIONS = int(os.environ.get("ASSAY_KILL_GENERATIONS", "3"))
KILLS = int(os.environ.get("ASSAY_KILL_ROUNDS", "3"))
ADDED = 20000


CONTENT = []


@pytest.fixture
def undisturbed(make_project):
    """The content of the shop after each generation of files, in a project that was left alone."""
    if not CONTENT:
        project = make_project("undisturbed")
        shop.build(project, "iceberg")
        for generation in range(GENERATIONS):
            add_file(project, generation)
            project.ok("run")
            CONTENT.append(shop.content(project))
    return CONTENT


def add_file(project, generation):
    if generation > 0:
        first = shop.ROWS * 2 + ADDED * generation
        project.write(f"data/orders{generation + 1}.csv", shop.orders(first, ADDED))


def kill_when(project, condition, seconds=20):
    """Starts a run and kills it as soon as the condition holds; True where it was killed."""
    process = project.assay.start("run", cwd=project.root)
    end = time.monotonic() + seconds
    while process.poll() is None and not condition() and time.monotonic() < end:
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def check_end(project, expected):
    project.ok("run")
    assert shop.content(project) == expected
    result = project.ok("run")
    assert "4 skipped" in result.err, result
    shop.check_lineage(project)
    shop.check_history(project)
    shop.check_clean(project)


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_runs_killed_at_random_moments_end_like_an_undisturbed_one(project, table_format, undisturbed):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    print(f"ASSAY_SEED={seed}")
    chance = random.Random(seed)
    shop.build(project, table_format)
    full = {"bronze.orders": 2 * shop.ROWS, "silver.orders": 2 * shop.ROWS, "silver.log": 2 * shop.ROWS}
    for generation in range(GENERATIONS):
        add_file(project, generation)
        before = shop.counts(project)
        for _ in range(KILLS):
            deadline = time.monotonic() + chance.uniform(0.05, 1.5)
            kill_when(project, lambda end=deadline: time.monotonic() >= end)
            seen = shop.counts(project)
            for table, rows in full.items():
                assert seen[table] in (before[table], rows + ADDED * generation), (table, seen)
        check_end(project, undisturbed[generation])


POINTS = {
    "a data file of bronze is written": ["lake/bronze/orders/data/*.parquet", "lake/bronze/orders/*.parquet",
                                         "lake/bronze/.orders/stage-*/*.parquet"],
    "a state file of bronze is written": ["lake/bronze/orders/_assay/state-*.json",
                                          "lake/bronze/.orders/*/_assay/state-*.json",
                                          "lake/bronze/.orders/_assay/state-*.json"],
    "bronze is committed": ["lake/bronze/orders/metadata/v1.metadata.json",
                            "lake/bronze/orders/_delta_log/*0.json", "lake/bronze/orders"],
    "a data file of silver is written": ["lake/silver/orders/data/*.parquet",
                                         "lake/silver/orders/*.parquet",
                                         "lake/silver/.orders/stage-*/*.parquet"],
    "a manifest or a version of silver is written": ["lake/silver/orders/metadata/*.avro",
                                                     "lake/silver/orders/_assay/*",
                                                     "lake/silver/.orders/v*"],
    "silver is committed": ["lake/silver/orders/metadata/v1.metadata.json",
                            "lake/silver/orders/_delta_log/*0.json", "lake/silver/orders"],
    "gold is being written": ["lake/gold/.daily/*", "lake/gold/daily/*"],
    "results are written": [".assay/results/*/silver.orders.json"],
    "the spool has an event": [".assay/*/lineage/*"],
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_run_killed_at_a_chosen_point(project, table_format, point, undisturbed):
    if table_format != "parquet":
        patterns = [p for p in POINTS[point] if not p.endswith(("bronze/orders", "silver/orders"))]
    else:
        patterns = POINTS[point]
    shop.build(project, table_format)

    def reached():
        return any(next(project.root.glob(pattern), None) for pattern in patterns)

    kill_when(project, reached)
    check_end(project, undisturbed[0])


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_readers_never_see_a_part(project, table_format):
    shop.build(project, table_format)
    project.ok("run")
    allowed = {"bronze.orders": {2 * shop.ROWS}, "silver.orders": {2 * shop.ROWS},
               "silver.log": {2 * shop.ROWS}}
    wrong, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            for table in allowed:
                rows = shop.peer_rows(project, table)
                if rows not in allowed[table]:
                    wrong.append((table, rows))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for generation in (1, 2):
            for table in allowed:
                allowed[table] = allowed[table] | {2 * shop.ROWS + ADDED * generation}
            add_file(project, generation)
            project.ok("run")
    finally:
        stop.set()
        thread.join()
    assert not wrong, wrong


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_run_that_is_asked_to_stop(project, table_format, number, code, undisturbed):
    shop.build(project, table_format)
    slow(project)
    process = project.assay.start("run", cwd=project.root)
    wait_for(lambda: '"silver.slow"' in text_of(project, "events.jsonl").replace("shop.", ""))
    begin = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, (process.returncode, out, err)
    assert time.monotonic() - begin < 4, err
    assert "cancelled" in err, err
    ends = [e["eventType"] for e in shop.events(project) if e["job"]["name"].endswith("silver.slow")]
    assert ends == ["START", "ABORT"], ends
    ends = [e["eventType"] for e in shop.events(project) if e["job"]["name"] == "shop"]
    assert ends == ["START", "ABORT"], ends
    shop.check_lineage(project)
    shop.check_history(project)
    assert shop.peer_rows(project, "silver.slow") is None
    os.remove(project.root / "models/silver/slow.sql")
    check_end(project, undisturbed[0])


def slow(project):
    project.model("silver.slow", "select count(*) as n, max(hash(a.range * b.range)) as h\n"
                  "from range(3000000) a, range(100000) b, (select 1 from bronze.orders limit 1)")


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def text_of(project, path):
    return (project.root / path).read_text() if (project.root / path).exists() else ""


def test_a_command_without_a_run_stops_too(project):
    project.write("data/a.csv", "id\n1\n")
    process = project.assay.start("query", "select count(*) from range(10000000) a, range(10000000) b",
                                  cwd=project.root)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == "", (process.returncode, out, err)


def test_events_that_a_query_sends_for_a_dead_run_are_not_sent_again_by_its_recovery(project):
    """The run told COMPLETE and died before its history had it; nothing could be delivered then."""
    shop.build(project, "iceberg", rows=10)
    project.write("config/lineage.yaml", {"enabled": True, "backend": "http", "namespace": "shop",
                                          "url": "http://127.0.0.1:1"})
    project.ok("run")
    (path,) = (project.root / ".assay").glob("*/state.db")
    with sqlite3.connect(path) as connection:
        connection.execute("update runs set status = 'running', pid = 999999999, finished_us = null")
        connection.execute("update steps set outcome = 'running', finished_us = null")
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    project.query("select count(*) from gold.daily")
    assert [event for event in shop.events(project) if event["eventType"] == "COMPLETE"]
    project.ok("run")
    shop.check_history(project)
    shop.check_lineage(project)


ENDLESS = {"unexpected_rows_expectation": {"unexpected_rows_query":
           "select max(hash(a.range * b.range)) as h from {batch}, range(3000000) a, range(100000) b having h = 0"}}


@pytest.mark.parametrize("command", [("load", "more.csv", "bronze.more"), ("check",)])
def test_what_a_killed_command_outside_of_a_run_has_begun_is_closed_by_the_next_run(project, command):
    shop.build(project, "iceberg")
    project.write("more.csv", "id\n1\n")
    project.ok("load", "more.csv", "bronze.more")
    project.write("config/dq.yaml", {"bronze": {"more": {"critical": [ENDLESS]}}})
    started = len(shop.events(project))
    process = project.assay.start(*command, cwd=project.root)
    wait_for(lambda: len(shop.events(project)) >= started + 2)  # the run and its step
    process.kill()
    process.communicate()
    project.write("config/dq.yaml", {})
    project.ok("run")
    shop.check_lineage(project)
    shop.check_history(project)
    closed = [event["job"]["name"] for event in shop.events(project) if event["eventType"] == "ABORT"]
    assert sorted(closed) == ["shop", "shop.bronze.more"], closed
    assert project.query("select count(*) as n from bronze.more")["rows"] == [[1]]
    project.ok("run")
    assert len([event for event in shop.events(project) if event["eventType"] == "ABORT"]) == 2
    assert len(shop.history(project)[0]) == 2  # a load or a check is no run of the history
