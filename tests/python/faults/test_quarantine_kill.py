"""Quarantine and replay that die at any moment lose no row and double none."""
import os
import random
import shutil
import time

import pytest

FORMATS = ["iceberg", "delta", "parquet"]
KILLS = int(os.environ.get("ASSAY_KILL_ROUNDS", "6"))
COUNT = 20000


def start(project, table_format, amount="INTEGER"):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": 0.5}})
    project.extract("bronze.orders", source={"files": "data/*.csv"}, contract={
        "bad_row": "quarantine",
        "columns": {"id": {"type": "BIGINT", "key": True}, "amount": amount}})


def write_file(project, number):
    """Of 50 records one has no key, one is a copy, and one has an amount that only BIGINT holds."""
    lines = []
    for record in range(COUNT):
        key = number * COUNT + record
        fault = record % 50
        value = 9_000_000_000 + key if fault == 3 else record
        lines.append(f"{'' if fault == 1 else key - 2 if fault == 2 else key},{value}")
    project.write(f"data/f{number}.csv", "id,amount\n" + "\n".join(lines) + "\n")


def summary(project, table):
    sql = (f"select count(*), count(distinct id), count(distinct (_source_file, _source_row)), "
           f"sum(id)::varchar, sum(amount)::varchar from {table}")
    result = project.run("query", sql, "--output", "json")
    return result.json()["rows"][0] if result.code == 0 else None


def waiting(project):
    """Rows that count, by rule."""
    tables = project.ok("quarantine", "list", "--output", "json").json()["tables"]
    return {item["name"]: item["rules"] for item in tables}.get("bronze.orders", {})


def kill_after(project, seconds, *command):
    process = project.assay.start(*command, cwd=project.root)
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()
    process.communicate()


def parquet_files(project, layer, name):
    base = project.root / "lake" / layer
    return {path.name for folder in (base / name, base / f".{name}") for path in folder.rglob("*.parquet")}


@pytest.mark.parametrize("table_format", FORMATS)
def test_killed_runs_and_replays_end_like_undisturbed_ones(project, table_format):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    print(f"ASSAY_SEED={seed}")
    chance = random.Random(seed)
    start(project, table_format)
    faulty = COUNT // 50
    for number in range(2):
        write_file(project, number)
        before = summary(project, "bronze.orders")
        for _ in range(KILLS):
            kill_after(project, chance.uniform(0.02, 0.6), "run")
            seen = summary(project, "bronze.orders")
            whole = (number + 1) * (COUNT - 3 * faulty)
            assert seen == before or seen[:3] == [whole] * 3, (before, seen)
            kept = sum(waiting(project).values())
            assert kept == (0 if seen is None else seen[0] * 3 * faulty // (COUNT - 3 * faulty))
        project.ok("run")
        assert waiting(project) == {"contract.key(id)": 2 * (number + 1) * faulty,
                                    "contract.record": (number + 1) * faulty}
    good = summary(project, "bronze.orders")
    assert good[:3] == [2 * (COUNT - 3 * faulty)] * 3
    start(project, table_format, amount="BIGINT")
    for _ in range(KILLS):
        kill_after(project, chance.uniform(0.02, 0.6), "quarantine", "replay", "bronze.orders")
        seen = summary(project, "bronze.orders")
        assert seen == good or seen[0] == good[0] + 2 * faulty, (good, seen)
        assert seen[0] + sum(waiting(project).values()) == 2 * COUNT
    project.ok("quarantine", "replay", "bronze.orders")
    end = summary(project, "bronze.orders")
    assert end[:3] == [2 * (COUNT - 2 * faulty)] * 3
    assert waiting(project) == {"contract.key(id)": 4 * faulty}
    project.ok("run")
    assert summary(project, "bronze.orders") == end
    # no user data stays in a temporary file
    assert not [path for path in (project.root / ".assay").rglob("replay-*")]


@pytest.mark.parametrize("table_format", FORMATS)
def test_rows_of_a_commit_that_never_came_do_not_count_and_leave(project, table_format):
    """Death between the two commits: quarantine is written, the table is not."""
    start(project, table_format)
    write_file(project, 0)
    marks = {"iceberg": "metadata/*.metadata.json", "delta": "_delta_log/00000000000000000000.json",
             "parquet": "_assay/*.json"}
    folder = project.root / "lake/quarantine"
    for _ in range(30):
        for left in ("lake", ".assay"):
            shutil.rmtree(project.root / left, ignore_errors=True)
        process = project.assay.start("run", cwd=project.root)
        while process.poll() is None and not (
                list((folder / "bronze_orders").glob(marks[table_format])) or
                list((folder / ".bronze_orders").glob("v*"))):
            pass
        process.kill()
        process.communicate()
        if summary(project, "bronze.orders") is None and \
                summary(project, "quarantine.bronze_orders") is not None:
            break
    else:
        pytest.skip("the run was too fast to be caught between its two commits")
    assert waiting(project) == {}
    project.ok("run")
    faulty = COUNT // 50
    assert sum(waiting(project).values()) == 3 * faulty
    # the dead run's rows are gone from the table too, not only from what counts
    total = project.query("select count(*) from quarantine.bronze_orders")["rows"][0][0]
    assert total == 3 * faulty
