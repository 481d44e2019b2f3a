"""assay load: rows of a file merged into a table, partitions replaced, and several loads at once."""
import random

import pytest

FORMATS = ["iceberg", "delta", "parquet"]


def start(project, table_format):
    project.storage(format=table_format)


def load(project, text, *args, table="silver.t", name="rows.csv"):
    project.write(name, text)
    return project.ok("load", name, table, "--output", "json", *args).json()


def rows(project, sql="select * from silver.t order by all"):
    return project.query(sql)["rows"]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_file_is_merged(project, table_format):
    start(project, table_format)
    merge = ["--mode", "merge", "--key", "id", "--version", "v", "--delete-when", "op = 'D'"]
    load(project, "id,v,op\n1,1,U\n2,1,U\n", *merge)
    found = load(project, "id,v,op\n1,2,U\n2,2,D\n3,1,U\n", *merge)
    assert (found["added"], found["updated"], found["removed"]) == (1, 1, 1)
    assert rows(project) == [[1, 2, "U"], [3, 1, "U"]]
    again = load(project, "id,v,op\n1,2,U\n2,2,D\n3,1,U\n", *merge)
    assert again["snapshot_id"] == -1
    text = project.ok("load", "rows.csv", "silver.t", *merge).out
    assert "no changes" in text
    soft = load(project, "id,v,op\n1,3,D\n", *merge, "--soft-delete")
    assert soft["updated"] == 1
    assert rows(project) == [[1, 3, "D", True, 3], [3, 1, "U", None, None]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_table_stays_partitioned_as_it_is(project, table_format):
    start(project, table_format)
    load(project, "id,day\n1,2026-01-01\n2,2026-02-01\n", "--partition-by", "month(day)")
    load(project, "id,day\n1,2026-02-02\n", "--mode", "merge", "--key", "id")
    load(project, "id,day\n7,2026-01-07\n")
    found = load(project, "id,day\n8,2026-02-08\n9,2026-02-09\n", "--mode", "replace_partitions")
    assert (found["added"], found["removed"]) == (2, 2)
    assert [row[0] for row in rows(project)] == [7, 8, 9]
    shown = project.ok("table", "show", "silver.t", "--output", "json").json()
    assert shown["partition_by"] == ["day_month"]


def test_a_model_says_how_its_table_is_merged(project):
    start(project, "iceberg")
    load(project, "id,v\n1,1\n", table="bronze.raw")
    project.model("silver.t", "select id, v from bronze.raw", mode="merge", key=["id"], version="v")
    project.ok("run")
    load(project, "id,v\n1,0\n2,1\n", "--mode", "merge")
    assert rows(project) == [[1, 1], [2, 1]]


@pytest.mark.parametrize("args, says", [
    (["--mode", "merge"], "merge needs a key"),
    (["--mode", "append", "--key", "id"], "of merge alone"),
    (["--mode", "merge", "--key", "id", "--soft-delete"], "soft_delete needs delete_when"),
    (["--mode", "replace_partitions"], "needs partition_by"),
    (["--mode", "upsert"], "merge or replace_partitions"),
    (["--mode", "merge", "--key", "nope"], "'nope'"),
    (["--mode", "merge", "--key", "id", "--delete-when", "x >"], "delete_when"),
])
def test_options_that_make_no_sense_are_refused(project, args, says):
    start(project, "iceberg")
    project.write("rows.csv", "id,v\n1,1\n")
    result = project.run("load", "rows.csv", "silver.t", *args)
    assert result.code == 2 and says in result.err, result
    assert not (project.root / "lake/silver/t").exists()


def at_once(project, texts, *args):
    """Loads that run side by side; [(exit code, stderr)]."""
    running = []
    for number, text in enumerate(texts):
        project.write(f"part{number}.csv", text)
        running.append(project.assay.start("load", f"part{number}.csv", "silver.t", *args,
                                           cwd=project.root))
    ended = []
    for process in running:
        _, err = process.communicate(timeout=120)
        ended.append((process.returncode, err))
    return ended


@pytest.mark.parametrize("table_format", FORMATS)
def test_merges_of_other_keys_at_once_all_arrive(project, table_format):
    start(project, table_format)
    merge = ["--mode", "merge", "--key", "id", "--version", "v"]
    load(project, "id,v\n" + "".join(f"{i},0\n" for i in range(500)), *merge)
    texts = ["id,v\n" + "".join(f"{i},1\n" for i in range(200 * n, 200 * n + 90)) for n in range(4)]
    ended = at_once(project, texts, *merge)
    assert [code for code, _ in ended] == [0] * 4, ended
    expected = {i: 0 for i in range(500)}
    for n in range(4):
        expected.update({i: 1 for i in range(200 * n, 200 * n + 90)})
    assert rows(project) == sorted([i, v] for i, v in expected.items())


@pytest.mark.parametrize("table_format", FORMATS)
def test_merges_of_the_same_keys_at_once_lose_no_update(project, table_format):
    """Whatever order they come in, the highest version of every key is there, once."""
    start(project, table_format)
    merge = ["--mode", "merge", "--key", "id", "--version", "v"]
    chance = random.Random(11)
    load(project, "id,v\n" + "".join(f"{i},0\n" for i in range(200)), *merge)
    expected = {i: 0 for i in range(200)}
    for _ in range(3):
        texts = []
        sent = []
        for n in range(3):
            batch = {chance.randrange(260): chance.randrange(1, 1000) * 10 + n for _ in range(60)}
            texts.append("id,v\n" + "".join(f"{i},{v}\n" for i, v in batch.items()))
            sent.append(batch)
        ended = at_once(project, texts, *merge)
        for (code, err), batch in zip(ended, sent):
            # a merge may give up after several lost races, and says so; then it left nothing
            assert code == 0 or "E4040" in err, err
            if code == 0:
                for key, version in batch.items():
                    expected[key] = max(expected.get(key, -1), version)
        assert rows(project) == sorted([i, v] for i, v in expected.items())


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_merge_beside_appends_loses_neither(project, table_format):
    start(project, table_format)
    load(project, "id,v\n" + "".join(f"{i},0\n" for i in range(100)))
    project.write("merge.csv", "id,v\n" + "".join(f"{i},1\n" for i in range(50, 60)))
    merge = project.assay.start("load", "merge.csv", "silver.t", "--mode", "merge", "--key", "id",
                                cwd=project.root)
    ended = at_once(project, [f"id,v\n{1000 + n},0\n" for n in range(3)])
    _, err = merge.communicate(timeout=120)
    assert merge.returncode == 0, err
    assert [code for code, _ in ended] == [0] * 3, ended
    expected = [[i, 1 if 50 <= i < 60 else 0] for i in range(100)] + [[1000 + n, 0] for n in range(3)]
    assert rows(project) == expected


def test_a_load_makes_the_folder_that_the_engine_spills_below(project):
    start(project, "iceberg")
    assert not (project.root / ".assay").exists()
    load(project, "id\n1\n", "--mode", "merge", "--key", "id")
    assert (project.root / ".assay" / "local").is_dir()


@pytest.mark.parametrize("table_format", FORMATS)
def test_of_replacements_of_one_partition_at_once_one_stands(project, table_format):
    start(project, table_format)
    load(project, "id,day\n0,2026-01-01\n1,2026-02-01\n", "--partition-by", "month(day)")
    texts = [f"id,day\n{n}00,2026-01-01\n{n}01,2026-01-02\n" for n in (1, 2, 3)]
    ended = at_once(project, texts, "--mode", "replace_partitions")
    assert all(code == 0 or "E4040" in err for code, err in ended), ended
    done = [n for n, (code, _) in enumerate(ended, start=1) if code == 0]
    assert done
    found = [row[0] for row in rows(project, "select id from silver.t order by id")]
    assert found in [sorted([1, n * 100, n * 100 + 1]) for n in done], (found, ended)


@pytest.mark.parametrize("table_format", FORMATS)
def test_replacements_of_other_partitions_at_once_all_stand(project, table_format):
    start(project, table_format)
    load(project, "id,day\n" + "".join(f"{n},2026-0{n}-01\n" for n in range(1, 6)),
         "--partition-by", "month(day)")
    texts = [f"id,day\n{n}00,2026-0{n}-05\n" for n in (1, 2, 3)]
    ended = at_once(project, texts, "--mode", "replace_partitions")
    assert [code for code, _ in ended] == [0] * 3, ended
    assert [row[0] for row in rows(project, "select id from silver.t order by id")] == [4, 5, 100, 200, 300]


def test_the_contract_of_the_table_holds_for_a_load_as_for_its_extract(project):
    columns = {"id": {"type": "BIGINT", "key": True}, "v": "DECIMAL(6,2)", "w": "INTEGER"}

    def contract(**policies):
        project.extract("bronze.t", source={"files": "data/*.csv", "format": "csv"},
                        contract={"columns": columns, **policies})

    def refused(text, number, place, name="rows.csv"):
        project.write(name, text)
        result = project.run("load", name, "bronze.t")
        assert result.code == 1 and f"E{number} models/bronze/t.yaml:{place}" in result.err, result

    start(project, "iceberg")
    project.write("data/a.csv", "id,v,w\n1,1,1\n")
    contract(new_column="fail")
    project.ok("run")
    refused("id,v\n2,2\n", 2209, "10:5")
    refused("id,v,w,x\n2,2,2,2\n", 2204, "4:1")
    refused("id,v,w\n1,2,2\n", 2213, "6:5")
    contract(new_column="freeze", missing_column="evolve")
    load(project, "id,v,x\n2,2.5,9\n", table="bronze.t")
    assert rows(project, "select id, v, w from bronze.t order by id") == [[1, 1.0, 1], [2, 2.5, None]]
    assert rows(project, "select count(*) from (describe bronze.t) where column_name = 'x'") == [[0]]
    # with the types of the contract, also where there is no table yet
    project.extract("bronze.u", source={"files": "data/*.csv", "format": "csv"}, contract={"columns": columns})
    load(project, "id,v,w\n7,7,7\n", "--mode", "full", table="bronze.u")
    assert rows(project, "select typeof(v), typeof(w) from bronze.u") == [["DECIMAL(6,2)", "INTEGER"]]


def ranges(project, table):
    """Lowest and highest id of each data file of a Parquet table."""
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(
            "select min(stats_min_value::bigint), max(stats_max_value::bigint) from parquet_metadata(?) "
            "where path_in_schema = 'id' group by file_name order by all",
            [f"{project.table(table)}/*.parquet"]).fetchall()


def test_files_that_divide_the_keys_still_do_after_a_merge(project):
    import duckdb

    project.storage(format="parquet", target_file_size="64KiB")
    every, last = 1000, 1_200_000

    def load(name, sql, *args):
        with duckdb.connect() as connection:
            connection.execute(f"copy ({sql}) to '{project.root}/{name}.parquet' (format parquet)")
        project.ok("load", f"{name}.parquet", "silver.t", *args)

    load("all", f"select i as id, hash(i)::varchar as v from range(0, {last}, 2) r(i)", "--mode", "full")
    assert len(ranges(project, "silver.t")) > 3
    for number in range(2):  # rows that change and rows that come, of all files
        load("some", f"select i as id, 'n{number}' as v from range({number}, {last}, {every - 1}) r(i)",
             "--mode", "merge", "--key", "id")
    found = ranges(project, "silver.t")
    keys = range(0, last, last // 100)
    assert sum(low <= key <= high for low, high in found for key in keys) < 2 * len(keys), found
    assert rows(project, "select count(*), count(distinct id), count(*) filter (v = 'n1') from silver.t") == [
        [600_000 + 601 + 601, 600_000 + 601 + 601, 1202]]
