"""The format is changed by one word of storage.yaml in a project that has tables already."""
import itertools
import os
import random
import time

import pytest

import shop
from test_kill import kill_when

KILLS = int(os.environ.get("ASSAY_KILL_ROUNDS", "3"))
ADDED = 5000
PAIRS = list(itertools.permutations(shop.FORMATS, 2))


def switch(project, table_format):
    project.storage(format=table_format)
    project.format = table_format


def hidden(project):
    return sorted(str(path) for path in (project.root / "lake").rglob("*.convert*"))


@pytest.mark.parametrize("old, new", PAIRS)
def test_tables_move_with_their_rows_and_their_state(project, old, new):
    shop.build(project, old, rows=5000)
    project.ok("run")
    before = shop.content(project)
    switch(project, new)
    result = project.ok("run")
    assert f"moved from format {old} to {new}" in result.err, result
    assert shop.content(project) == before
    assert shop.counts(project) == {**shop.counts(project), "bronze.orders": 10000, "silver.log": 10000}
    tables = project.ok("table", "list", "--output", "json").json()["tables"]
    assert {table["format"] for table in tables} == {new}, tables
    assert not hidden(project)
    assert "4 skipped" in project.ok("run").err

    # no file is loaded twice, and only new rows go on to the readers of new rows
    project.write("data/orders9.csv", shop.orders(50000, ADDED))
    project.ok("run")
    assert shop.counts(project)["bronze.orders"] == shop.counts(project)["silver.log"] == 10000 + ADDED
    shop.check_lineage(project)
    shop.check_history(project)


def test_back_and_forth_leaves_nothing_behind(project):
    shop.build(project, "iceberg", rows=1000)
    project.ok("run")
    before = shop.content(project)
    for table_format in ("parquet", "iceberg", "delta", "parquet", "delta", "iceberg"):
        switch(project, table_format)
        project.ok("run")
        assert shop.content(project) == before
        if table_format == "delta":
            project.write("data/orders9.csv", shop.orders(50000, 10))
            project.ok("run")
            before = shop.content(project)
            assert before["silver.log"][0] == before["bronze.orders"][0] == 2010
    assert not hidden(project)
    assert sorted(path.name for path in (project.root / "lake/bronze").iterdir()) == ["orders"]


def test_one_layer_alone_can_be_moved(project):
    shop.build(project, "iceberg", rows=1000)
    project.ok("run")
    project.storage(format="iceberg", layers={"gold": {"format": "delta"}})
    project.ok("run")
    tables = project.ok("table", "list", "--output", "json").json()["tables"]
    formats = {table["name"]: table["format"] for table in tables}
    assert formats == {"bronze.orders": "iceberg", "silver.orders": "iceberg", "silver.log": "iceberg",
                       "gold.daily": "delta"}


def test_a_shut_gate_lets_no_new_rows_into_the_moved_table(project):
    shop.build(project, "iceberg", rows=1000)
    project.ok("run")
    before = shop.content(project)
    project.write("data/orders9.csv", shop.orders(0, 10))  # ids that are there already
    switch(project, "delta")
    result = project.run("run")
    assert result.code == 3, result
    assert shop.content(project)["silver.orders"] == before["silver.orders"]
    assert shop.content(project)["gold.daily"] == before["gold.daily"]


def test_rows_that_were_not_consumed_before_the_move_are_said(project):
    shop.build(project, "iceberg", rows=1000)
    project.ok("run")
    project.write("data/orders9.csv", shop.orders(50000, 10))
    project.ok("run", "bronze.orders")
    switch(project, "delta")
    result = project.run("run")
    assert result.code == 1 and "E2313" in result.err, result
    project.ok("run", "silver.log", "--full-refresh")
    assert shop.counts(project)["silver.log"] == 2010


@pytest.mark.parametrize("old, new", PAIRS)
def test_a_move_that_is_killed_is_finished_by_the_next_run(project, old, new):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    print(f"ASSAY_SEED={seed}")
    chance = random.Random(seed)
    shop.build(project, old, rows=5000)
    project.ok("run")
    before = shop.content(project)
    switch(project, new)
    for _ in range(KILLS):
        deadline = time.monotonic() + chance.uniform(0.02, 0.4)
        kill_when(project, lambda end=deadline: time.monotonic() >= end)
        assert shop.content(project) == before
    project.ok("run")
    assert shop.content(project) == before
    assert "4 skipped" in project.ok("run").err
    assert not hidden(project)
    if new != "parquet":  # whose versions lie in a hidden folder
        assert [path.name for path in (project.root / "lake/bronze").iterdir()] == ["orders"]
    shop.check_history(project)
    shop.check_lineage(project)
