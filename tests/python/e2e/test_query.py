"""`assay query` and `assay show`: documents, files, stdout."""
import subprocess

import pyarrow.parquet as pq


def start(project):
    project.model("gold.t", "select range::integer as i, 'n' || range as s from range(5)")
    project.ok("run")


def test_csv_on_stdout_keeps_what_stands_before_it_in_a_file(project, tmp_path):
    start(project)
    out = tmp_path / "out.txt"
    out.write_text("before\n")
    with out.open("a") as file:
        subprocess.run([str(project.assay.binary), "query", "select i, s from gold.t order by i limit 2",
                        "-o", "csv"], cwd=project.root, stdout=file, check=True)
    assert out.read_text() == "before\ni,s\n0,n0\n1,n1\n"


def test_files_in_csv_json_and_parquet(project):
    start(project)
    for kind in ("csv", "json", "parquet"):
        result = project.ok("query", "select * from gold.t order by i", "-o", kind, "-f", f"out.{kind}")
        assert '"rows_written": 5' in result.out or "5 rows written" in result.out, result
    assert (project.root / "out.csv").read_text().splitlines()[1] == "0,n0"
    assert pq.read_table(project.root / "out.parquet").num_rows == 5
    result = project.run("query", "select 1", "-o", "arrow", "-f", "out.arrow")
    assert result.code != 0 and "E1008" in result.err, result
    result = project.run("query", "select 1", "-o", "arrow")
    assert result.code != 0 and "E1008" in result.err, result


def test_limits_are_said(project):
    start(project)
    document = project.ok("query", "select * from gold.t", "-o", "json", "-n", "2").json()
    assert len(document["rows"]) == 2 and document["truncated"] is True
    assert "there are more" in project.ok("show", "gold.t", "-n", "2").out


def test_two_statements_and_unknown_tables_are_errors(project):
    start(project)
    assert project.run("query", "select 1; select 2").code == 2
    assert project.run("query", "select * from gold.tt").code == 2
    assert project.run("query", "drop table gold.t").code != 0
    assert len(project.query("select * from gold.t")["rows"]) == 5


def test_names_of_tables_stand_in_any_case(project):
    start(project)
    for name in ("GOLD.T", "Gold.t", '"gold"."T"'):
        assert len(project.query(f"select * from {name}")["rows"]) == 5, name
    snapshot = str(project.ok("table", "show", "gold.t", "--output", "json").json()["snapshot_id"])
    assert project.ok("query", "select * from GOLD.T", "--at", snapshot, "-o", "json").json()["rows"]


def test_long_chains_of_operators_are_models_like_any(project):
    project.model("silver.chain", "select " + " || ".join(["i::varchar"] * 300) + " as text,\n" +
                  "(" * 200 + "i" + ")" * 200 + " as i from range(3) r(i)")
    project.model("silver.choice", "select case " + " ".join(f"when i = {k} then {k}" for k in range(300)) +
                  " end as k from range(30) r(i)\nwhere " + " or ".join(f"i = {k}" for k in range(300)))
    project.ok("run")
    assert project.query("select max(length(text)) from silver.chain")["rows"] == [[300]]
    assert project.query("select count(k) from silver.choice")["rows"] == [[30]]


def test_whole_numbers_of_128_bits_are_exact_in_parquet(project):
    start(project)
    sql = ("select sum(i) as total, '12345678901234567890123456789012345678'::hugeint as \"big \"\"one\" "
           "from gold.t order by 1")
    project.ok("query", sql, "-o", "parquet", "-f", "out.parquet")
    assert pq.read_table(project.root / "out.parquet").to_pylist() == [
        {"total": 10, 'big "one': 12345678901234567890123456789012345678}]
    # what does not fit is said, not rounded
    result = project.run("query", "select '-170141183460469231731687303715884105727'::hugeint as h",
                         "-o", "parquet", "-f", "out.parquet")
    assert result.code != 0 and "E3" in result.err, result


def test_numbers_that_json_has_not_are_no_nulls(project):
    start(project)
    sql = "select 'nan'::double, 'inf'::float, ['-inf'::double, null, 1.5], {a: 'nan'::float}, null"
    document = project.ok("query", sql, "-o", "json").json()
    assert document["rows"] == [["NaN", "Infinity", ["-Infinity", None, 1.5], {"a": "NaN"}, None]]
    shown = project.ok("query", sql).out
    assert "NaN" in shown and "Infinity" in shown


def test_a_moment_before_a_table_is_said(project):
    start(project)
    result = project.run("query", "select * from gold.t", "--at", "2000-01-01")
    assert "E4060" in result.err and "--at 2000-01-01" in result.err, result
    assert "did you mean" not in result.err
