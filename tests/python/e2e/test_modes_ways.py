"""Rows of a batch are told apart by number, or compared whole where a column of theirs called rowid
hides the numbers: both ways come to the same table, and to the same counts."""
import random

import pytest

FORMATS = ["iceberg", "delta", "parquet"]
VERSIONS = {"INTEGER": lambda v: str(v), "DATE": lambda v: f"2026-01-{v:02}",
            "TIMESTAMP": lambda v: f"2026-01-01 00:00:{v:02}.5", "VARCHAR": lambda v: f"v{v:02}",
            "DECIMAL(9,2)": lambda v: f"{v}.25", "DOUBLE": lambda v: f"{v}.5"}
COUNTS = ("state", "rows_in", "rows_out", "rows_added", "rows_updated", "rows_removed", "rows_total")
HEAD = "id,part,v,op,price,note\n"


def events(seed, version_type, deletions=False, repeats=2):
    """Lines of keys of one to six versions, of which some say what the one before said; rows in any order,
    some of them said twice."""
    dice = random.Random(seed)
    lines = []
    for key in range(200):
        state = None
        for version in sorted(dice.sample(range(1, 29), dice.randint(1, 6))):
            if state is None or dice.random() < 0.6:
                state = (dice.randint(1, 3), dice.choice(["", "x", '"y,z"']))
            op = "D" if deletions and dice.random() < 0.2 else "U"
            line = f"{key % 40},{'abcde'[key // 40]},{VERSIONS[version_type](version)},{op}," \
                   f"{state[0]},{state[1]}"
            lines += [line] * dice.randint(1, repeats)
    dice.shuffle(lines)
    return lines


def start(project, table_format, version_type, **header):
    """silver.numbers and silver.whole: the same rows, of which the second have no numbers."""
    project.storage(format=table_format)
    project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                    contract={"columns": {"id": "INTEGER", "part": "VARCHAR", "v": version_type,
                                          "op": "VARCHAR", "price": "INTEGER", "note": "VARCHAR"}})
    common = {"key": ["id", "part"], "version": "v", "new_rows_of": ["bronze.t"], **header}
    select = "select id, part, v, op, price, note{} from bronze.t"
    project.model("silver.numbers", select.format(""), **common)
    project.model("silver.whole", select.format(", 1 as rowid"), **common)


def counts(said, table):
    (step,) = [line for line in said if line["event"] == "step_finished" and line["step"] == table]
    assert step["state"] == "done", step
    return {name: step[name] for name in COUNTS if name in step}


def load(project, name, lines):
    project.write(f"data/{name}.csv", HEAD + "\n".join(lines) + "\n")
    said = project.ok("run", "--output", "json").events()
    assert len(counts(said, "silver.numbers")) > 2
    assert counts(said, "silver.numbers") == counts(said, "silver.whole")
    numbers = project.query("select * from silver.numbers order by all")
    whole = project.query("select * exclude (rowid) from silver.whole order by all")
    assert numbers["rows"]
    assert numbers["columns"] == whole["columns"]
    assert numbers["rows"] == whole["rows"]


def load_both(project, lines):
    """A first load, and one into the table that is there."""
    load(project, "a", lines[:len(lines) // 2])
    load(project, "b", lines[len(lines) // 2:])


@pytest.mark.parametrize("version_type", VERSIONS)
@pytest.mark.parametrize("deletions", [False, True], ids=["states", "deletions"])
def test_a_history_is_the_same_by_numbers_and_by_whole_rows(project, version_type, deletions):
    header = {"delete_when": "op = 'D'"} if deletions else {}
    start(project, "parquet", version_type, mode="scd2", **header)
    load_both(project, events(3, version_type, deletions))


@pytest.mark.parametrize("version_type", VERSIONS)
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_a_merge_is_the_same_by_numbers_and_by_whole_rows(project, version_type, soft):
    start(project, "parquet", version_type, mode="merge", delete_when="op = 'D'", soft_delete=soft)
    load_both(project, events(4, version_type, deletions=True, repeats=1))


@pytest.mark.parametrize("table_format", FORMATS)
@pytest.mark.parametrize("mode", ["merge", "scd2"])
def test_both_ways_are_the_same_in_every_format(project, table_format, mode):
    start(project, table_format, "INTEGER", mode=mode, partition_by=["part"])
    load_both(project, events(5, "INTEGER", repeats=1))


def test_equal_rows_of_the_highest_version_are_one_row_either_way(project):
    start(project, "parquet", "INTEGER", mode="merge")
    load_both(project, events(6, "INTEGER", repeats=3))


@pytest.mark.parametrize("mode", ["merge", "scd2"])
@pytest.mark.parametrize("table", ["silver.numbers", "silver.whole"])
def test_one_version_with_two_contents_is_refused_either_way(project, mode, table):
    start(project, "parquet", "INTEGER", mode=mode)
    lines = ["1,a,1,U,1,x", "1,a,2,U,1,y", "2,a,1,U,1,x", "1,a,2,U,2,y"]
    project.write("data/a.csv", HEAD + "\n".join(lines) + "\n")
    failed = project.run("run", "bronze.t", table)
    assert failed.code == 1, failed
    assert "E4072" in failed.err and "id = '1'" in failed.err, failed


@pytest.mark.parametrize("table", ["silver.numbers", "silver.whole"])
def test_older_versions_may_contradict_each_other_in_a_merge(project, table):
    start(project, "parquet", "INTEGER", mode="merge")
    lines = ["1,a,1,U,1,x", "1,a,1,U,2,x", "1,a,2,U,3,y"]
    project.write("data/a.csv", HEAD + "\n".join(lines) + "\n")
    project.ok("run", "bronze.t", table)
    assert project.query(f"select id, v, price from {table}")["rows"] == [[1, 2, 3]]


def test_a_history_confirms_states_in_the_order_of_versions(project):
    start(project, "parquet", "INTEGER", mode="scd2")
    project.write("data/a.csv", HEAD + "".join(f"1,a,{v},U,{price},x\n" for v, price in
                                               [(5, 2), (4, 1), (1, 1), (9, 1), (3, 1), (6, 2)]))
    project.ok("run", "bronze.t", "silver.numbers")
    found = project.query("select effective_start, effective_end, is_current, _confirmed_at, price "
                          "from silver.numbers order by 1")["rows"]
    assert found == [[1, 5, False, [3, 4], 1], [5, 9, False, [6], 2], [9, None, True, None, 1]]
