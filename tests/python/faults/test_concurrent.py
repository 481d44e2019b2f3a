"""Several processes at one project: nothing is lost, nothing comes twice, who waits is told for whom."""
import re
import threading
import time

import pyarrow as pa
import pytest

import shop

SLOW = "select count(*) as n from range(2000000) a, range({}) b where hash(a.range * b.range) % 7 = 0"


def collect(processes):
    """[(exit code, stderr)] of running processes."""
    found = []
    for process in processes:
        _, err = process.communicate(timeout=120)
        found.append((process.returncode, err))
    return found


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def lock_is_held(project, table):
    (folder,) = (project.root / ".assay").glob("*/locks") if (project.root / ".assay").exists() else (None,)
    return folder is not None and (folder / table).exists()


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_two_runs_at_once_do_the_work_once(project, table_format):
    shop.build(project, table_format)
    ended = collect([project.assay.start("run", "--lock-wait", "60s", cwd=project.root) for _ in range(2)])
    assert [code for code, _ in ended] == [0, 0], ended
    expected = {"bronze.orders": 2 * shop.ROWS, "silver.orders": 2 * shop.ROWS,
                "silver.log": 2 * shop.ROWS}
    seen = shop.counts(project)
    assert {table: seen[table] for table in expected} == expected
    shop.check_lineage(project)
    shop.check_history(project)
    shop.check_clean(project)
    assert "4 skipped" in project.ok("run").err


def test_a_lock_that_is_held_names_process_run_and_start(project):
    shop.build(project, "iceberg", files=1, rows=10)
    project.model("silver.slow", SLOW.format(100000))
    project.ok("run", "bronze.orders")
    holder = project.assay.start("run", "silver.slow", cwd=project.root)
    try:
        wait_for(lambda: lock_is_held(project, "silver.slow"))
        time.sleep(0.3)
        begin = time.monotonic()
        result = project.run("run", "silver.slow", "--lock-wait", "0s")
        assert time.monotonic() - begin < 3
        assert result.code == 6 and "E1320" in result.err, result
        assert f"process {holder.pid}" in result.err, result
        assert re.search(r"run [0-9a-f-]{36}, since 20\d\d-\d\d-\d\dT", result.err), result
        begin = time.monotonic()
        assert project.run("run", "silver.slow", "--lock-wait", "1s").code == 6
        assert 0.9 < time.monotonic() - begin < 4
        # other tables are not touched by the lock
        project.ok("run", "silver.orders", "--lock-wait", "0s")
        # nor are readers
        project.query("select count(*) from silver.orders")
    finally:
        holder.kill()
        holder.communicate()
    # the lock goes with its process
    project.model("silver.slow", "select 1 as n")
    project.ok("run", "silver.slow", "--lock-wait", "0s")
    shop.check_lineage(project)
    shop.check_history(project)


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_loads_into_one_table_at_once_lose_no_row(project, table_format):
    project.storage(format=table_format)
    project.format = table_format
    count, rows = 6, 500
    for number in range(count):
        project.write(f"in/{number}.csv", "id,who\n" + "".join(
            f"{number * rows + i},{number}\n" for i in range(rows)))
    project.write("in/first.csv", "id,who\n-1,-1\n")
    project.ok("load", "in/first.csv", "bronze.t")
    ended = collect([project.assay.start("load", f"in/{number}.csv", "bronze.t", cwd=project.root)
                     for number in range(count)])
    arrived = sorted(row[0] for row in project.query("select who from bronze.t where who >= 0 "
                                                     "group by who having count(distinct id) = 500 "
                                                     "and count(*) = 500")["rows"])
    for number, (code, err) in enumerate(ended):
        assert code in (0, 1), err
        assert (code == 0) == (number in arrived), (number, code, err)
        assert code == 0 or "E4040" in err, err
    assert len(arrived) >= count - 2, ended
    total = project.query("select count(*), count(distinct id) from bronze.t")["rows"][0]
    assert total == [1 + rows * len(arrived)] * 2
    assert shop.peer_rows(project, "bronze.t") == total[0]


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_two_first_loads_at_once(project, table_format):
    project.storage(format=table_format)
    project.format = table_format
    for number in range(2):
        project.write(f"in/{number}.csv", "id\n" + "".join(f"{number * 100 + i}\n" for i in range(100)))
    ended = collect([project.assay.start("load", f"in/{number}.csv", "bronze.t", cwd=project.root)
                     for number in range(2)])
    done = [number for number, (code, _) in enumerate(ended) if code == 0]
    assert done, ended
    for code, err in ended:
        assert code == 0 or "E4040" in err, err
    assert project.query("select count(*), count(distinct id) from bronze.t")["rows"] == [[100 * len(done)] * 2]


@pytest.mark.parametrize("table_format", shop.FORMATS)
def test_a_load_during_a_run_loses_no_row(project, table_format):
    shop.build(project, table_format)
    project.ok("run")
    project.write("more.csv", "id,day,amount,country\n" + "".join(
        f"{-i},2026-01-01,1.25,XX\n" for i in range(1, 101)))
    project.write("data/orders2.csv", shop.orders(2 * shop.ROWS, shop.ROWS))
    run = project.assay.start("run", cwd=project.root)
    loads = []
    while run.poll() is None:
        loads.append(project.run("load", "more.csv", "bronze.orders"))
    _, err = run.communicate()
    good = [load for load in loads if load.code == 0]
    assert good, loads
    for load in loads:
        assert load.code == 0 or "E4040" in load.err, load
    assert run.returncode in (0, 1, 3), err
    assert run.returncode != 1 or "E4040" in err, err
    project.ok("run", "bronze.orders")
    found = project.query("select count(*) filter (country = 'XX'), count(*) filter (country <> 'XX') "
                          "from bronze.orders")["rows"]
    assert found == [[100 * len(good), 3 * shop.ROWS]]
    # what came beside the run is new to the incremental model, once
    project.ok("run", "silver.log")
    assert project.query("select count(*) from silver.log")["rows"] == [[100 * len(good) + 3 * shop.ROWS]]


def test_delta_rs_appends_beside_us(project):
    from deltalake import write_deltalake

    project.storage(format="delta")
    project.format = "delta"
    project.write("in.csv", "id,who\n" + "".join(f"{i},assay\n" for i in range(50)))
    project.ok("load", "in.csv", "bronze.t")
    folder = project.table("bronze.t")
    failures = []

    def append():
        for number in range(10):
            data = pa.table({"id": pa.array([1000 + number], pa.int64()), "who": ["rs"]})
            try:
                write_deltalake(folder, data, mode="append")
            except Exception as error:  # noqa: BLE001: delta-rs tells a lost race by many types
                failures.append(error)

    thread = threading.Thread(target=append)
    thread.start()
    loads = [project.run("load", "in.csv", "bronze.t") for _ in range(5)]
    thread.join()
    good = sum(load.code == 0 for load in loads)
    for load in loads:
        assert load.code == 0 or "E4040" in load.err, load
    assert good >= 3, loads
    assert not failures, failures
    assert project.query("select who, count(*) from bronze.t group by who order by who")["rows"] == [
        ["assay", 50 * (1 + good)], ["rs", 10]]
    assert shop.peer_rows(project, "bronze.t") == 50 * (1 + good) + 10


def test_a_foreign_commit_is_noticed_and_named(project):
    from deltalake import write_deltalake

    shop.build(project, "delta", files=1, rows=10)
    project.ok("run")
    write_deltalake(project.table("silver.orders"), pa.table({
        "id": pa.array([99], pa.int64()), "day": pa.array([None], pa.date32()),
        "amount": pa.array([None], pa.decimal128(12, 2)), "country": ["DE"]}), mode="append")
    assert project.ok("table", "show", "silver.orders", "--output", "json").json()["foreign_commits"] == 1
    result = project.ok("run")
    assert "1 commit of another program" in result.err, result
    assert project.query("select count(*) from silver.orders")["rows"] == [[10]]
