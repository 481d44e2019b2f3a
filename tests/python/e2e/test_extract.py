"""Extracts: file identity, broken records, formats, compression, folders, columns that change."""
import gzip
import json
import os
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def start(project, source=None, **extract):
    project.extract("bronze.t", source=source or {"files": "data/*.csv", "format": "csv"}, **extract)


def rows(project, columns="*", order="_source_file, _source_row"):
    return project.query(f"select {columns} from bronze.t order by {order}")["rows"]


def test_bronze_columns_say_where_a_row_came_from(project):
    start(project)
    project.write("data/a.csv", 'id,name\n1,"two\nlines"\n2,b\n')
    project.write("data/b.csv", "id,name\n3,c\n")
    project.ok("run", "--now", "2026-01-02T03:04:05Z")
    assert rows(project, "id, _source_file, _source_row, _loaded_at::varchar") == [
        [1, "data/a.csv", 1, "2026-01-02 03:04:05+00"], [2, "data/a.csv", 2, "2026-01-02 03:04:05+00"],
        [3, "data/b.csv", 1, "2026-01-02 03:04:05+00"]]
    assert len(rows(project, "distinct _run_id", "1")) == 1


def test_a_file_is_loaded_once_and_a_new_one_is_added(project):
    start(project)
    project.write("data/a.csv", "id\n1\n")
    project.ok("run")
    result = project.ok("run")
    assert "no new files" in result.err
    os.utime(project.root / "data/a.csv", (1, 1))  # another mtime, the same content
    assert "no new files" in project.ok("run").err
    project.write("data/b.csv", "id\n2\n")
    project.ok("run")
    assert rows(project, "id") == [[1], [2]]


@pytest.mark.parametrize("policy, expected", [("fail", None), ("replace", [[2], [5], [6]]),
                                              ("append", [[1], [2], [5], [6]])])
@pytest.mark.parametrize("table_format", ["iceberg", "delta", "parquet"])
def test_changed_file(project, policy, expected, table_format):
    project.storage(format=table_format)
    start(project, changed_file=policy)
    project.write("data/a.csv", "id\n1\n")
    project.write("data/b.csv", "id\n2\n")
    project.ok("run")
    project.write("data/a.csv", "id\n5\n6\n")
    result = project.run("run")
    if expected is None:
        assert result.code == 1 and "E2203" in result.err and "data/a.csv" in result.err, result
        assert rows(project, "id", "id") == [[1], [2]]
        return
    assert result.code == 0, result
    assert rows(project, "id", "id") == expected
    assert "no new files" in project.ok("run").err


BROKEN = "id,name,n\n1,a,10\n2,b,x\n3,c,30,extra\n4,d\n5,e,50\n"


def test_bad_row_fail_names_file_record_and_text_and_loads_nothing(project):
    start(project, contract={"columns": {"id": "INTEGER", "name": "VARCHAR", "n": "INTEGER"}})
    project.write("data/a.csv", BROKEN)
    result = project.run("run")
    assert result.code == 1 and "E2210" in result.err, result
    assert "3 broken records" in result.err and "data/a.csv record 2" in result.err, result
    assert "3,c,30,extra" in result.err, result
    assert project.run("query", "select * from bronze.t").code != 0


def test_bad_row_drop_counts_and_keeps_the_evidence(project):
    start(project, contract={"bad_row": "drop",
                             "columns": {"id": "INTEGER", "name": "VARCHAR", "n": "INTEGER"}})
    project.write("data/a.csv", BROKEN)
    project.write("data/b.csv", "id,name,n\n7,g,70\n")
    result = project.ok("run")
    assert "dropped 3" in result.err, result
    assert rows(project, "id, _source_row") == [[1, 1], [5, 5], [7, 1]]
    (path,) = (project.root / ".assay/results").glob("*/bronze.t.bad_rows.jsonl")
    bad = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["file"], row["record"]) for row in bad] == [
        ("data/a.csv", 2), ("data/a.csv", 3), ("data/a.csv", 4)]
    assert bad[1]["text"] == "3,c,30,extra"


def test_json_lines_with_nesting_and_broken_ones(project):
    source = {"files": "data/*.jsonl", "format": "json"}
    start(project, source, contract={"columns": {"a": "BIGINT", "b": "STRUCT(c VARCHAR, d INTEGER[])"}})
    project.write("data/a.jsonl", '{"a": 1, "b": {"c": "x", "d": [1, 2]}}\n{"a": 2}\n')
    project.ok("run")
    assert rows(project, "a, b") == [[1, {"c": "x", "d": [1, 2]}], [2, None]]
    project.write("data/b.jsonl", '{"a": 3}\n\n{broken\n{"a": "q"}\n[1]\n{"a": 4}\n')
    result = project.run("run")
    assert result.code == 1 and "E2210" in result.err and "data/b.jsonl record 2" in result.err, result
    assert len(rows(project, "a")) == 2
    start(project, source, contract={"bad_row": "drop",
                                     "columns": {"a": "BIGINT", "b": "STRUCT(c VARCHAR, d INTEGER[])"}})
    result = project.ok("run")
    assert "dropped 3" in result.err
    assert rows(project, "a, _source_row") == [[1, 1], [2, 2], [3, 1], [4, 5]]


def test_types_are_fixed_by_the_first_load(project):
    start(project)
    project.write("data/a.csv", "id,when,code\n1,2026-01-01,7\n")
    project.ok("run")
    project.write("data/b.csv", "id,when,code\n2,2026-01-02,x\n")
    result = project.run("run")
    assert result.code == 1 and "E2210" in result.err and "code" in result.err, result
    assert rows(project, "id, \"when\"::varchar, code") == [[1, "2026-01-01", 7]]


def test_a_column_order_of_its_own_and_new_columns_in_a_later_file(project):
    start(project)
    project.write("data/a.csv", "id,name\n1,a\n")
    project.ok("run")
    project.write("data/b.csv", "extra,name,id\n9,b,2\n")
    project.ok("run")
    assert rows(project, "id, name, extra") == [[1, "a", None], [2, "b", 9]]


@pytest.mark.parametrize("policy, number", [("new_column", "E2204"), ("missing_column", "E2209")])
def test_contract_policies_name_the_column(project, policy, number):
    start(project, contract={policy: "fail"})
    project.write("data/a.csv", "id,name\n1,a\n")
    project.ok("run")
    project.write("data/b.csv", "id,name,extra\n2,b,3\n" if policy == "new_column" else "id\n2\n")
    result = project.run("run")
    assert result.code == 1 and number in result.err, result
    assert rows(project, "id") == [[1]]


def test_gzip_zstd_and_hive_folders(project):
    start(project, {"files": "data/**/*.csv*", "format": "csv", "hive": True})
    (project.root / "data/day=2026-01-01").mkdir(parents=True)
    (project.root / "data/day=2026-01-02").mkdir(parents=True)
    (project.root / "data/day=2026-01-01/a.csv.gz").write_bytes(gzip.compress(b"id\n1\n"))
    subprocess.run(["zstd", "-q", "-o", project.root / "data/day=2026-01-02/b.csv.zst"], input=b"id\n2\n",
                   check=True)
    project.ok("run")
    assert rows(project, "id, day::varchar") == [[1, "2026-01-01"], [2, "2026-01-02"]]


def test_files_with_the_same_header_may_still_be_written_differently(project):
    start(project)
    project.write("data/a.csv", "id,name\n1,a\n")
    project.write("data/b.csv", "id,name\n2,\"b,c\"\n3,\"say \"\"d\"\"\"\n")
    project.write("data/c.csv", "id,name\n4,'e,f'\n5,'g,h'\n")
    project.write("data/d.csv", "id;name\n6;i\n")
    project.write("data/e.csv", "id,name,more\n7,j,k\n")
    project.ok("run")
    assert rows(project, "id, name") == [[1, "a"], [2, "b,c"], [3, 'say "d"'], [4, "e,f"],
                                         [5, "g,h"], [6, "i"], [7, "j"]]


def test_declared_dialect(project):
    start(project, {"files": "data/*.txt", "format": "csv",
                    "csv": {"delimiter": "|", "header": True, "null": ["NA"], "decimal_separator": ",",
                            "date_format": "%d/%m/%Y"}},
          contract={"columns": {"id": "INTEGER", "amount": "DECIMAL(9,2)", "day": "DATE"}})
    project.write("data/a.txt", "id|amount|day\n1|3,50|31/01/2026\nNA|NA|NA\n")
    project.ok("run")
    assert rows(project, "id, amount::varchar, day::varchar") == [[1, "3.50", "2026-01-31"], [None, None, None]]


def test_parquet_evolves_and_refuses_a_change_of_type(project):
    start(project, {"files": "data/*.parquet", "format": "parquet"})
    (project.root / "data").mkdir()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32()), "s": ["a"]}), project.root / "data/a.parquet")
    project.ok("run")
    pq.write_table(pa.table({"id": pa.array([2**40], pa.int64()), "s": ["b"]}), project.root / "data/b.parquet")
    project.ok("run")
    assert rows(project, "id, s, _source_row") == [[1, "a", 1], [2**40, "b", 1]]
    pq.write_table(pa.table({"id": ["x"], "s": ["c"]}), project.root / "data/c.parquet")
    result = project.run("run")
    assert result.code == 1 and "E2205" in result.err and "'id'" in result.err, result
    assert len(rows(project, "id")) == 2


def test_no_file_is_an_error_without_table_and_a_skip_with_one(project):
    start(project)
    result = project.run("run")
    assert result.code != 0 and "E2202" in result.err and "data/*.csv" in result.err, result
    project.write("data/a.csv", "id\n1\n")
    project.ok("run")
    os.remove(project.root / "data/a.csv")
    assert "no file matches" in project.ok("run").err


def test_an_empty_file_and_a_header_alone_give_no_rows(project):
    start(project)
    project.write("data/a.csv", "id\n1\n")
    project.write("data/b.csv", "")
    project.write("data/c.csv", "id\n")
    project.ok("run")
    assert rows(project, "id") == [[1]]


def test_a_truncated_parquet_file_is_refused_and_nothing_is_loaded(project):
    start(project, {"files": "data/*.parquet", "format": "parquet"})
    (project.root / "data").mkdir()
    pq.write_table(pa.table({"id": [1]}), project.root / "data/a.parquet")
    project.ok("run")
    whole = (project.root / "data/a.parquet").read_bytes()
    (project.root / "data/b.parquet").write_bytes(whole[:-20])
    result = project.run("run")
    assert result.code == 1 and "data/b.parquet" in result.err, result
    assert rows(project, "id") == [[1]]
