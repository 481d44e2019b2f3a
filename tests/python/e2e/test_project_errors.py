"""A matrix of wrong projects: each a numbered error with its place, the caret under it, exit 2, and
nothing written."""
import re

import pytest

EXTRACT = "source: { files: data/t.csv }\ncontract: { columns: { id: BIGINT, amount: BIGINT } }\n"

# file, its content, number, line:column, what the message says
FILES = [
    ("assay.yaml", "name: x\ntarget: {}\n", 1201, "2:1", "did you mean 'targets'?"),
    ("assay.yaml", "name: x\ntargets:\n  local:\n\twarehouse: lake\n", 1110, "4:1", "YAML"),
    ("assay.yaml", "name: x\nname: y\n", 1111, "2:1", "name"),
    ("assay.yaml", "name: x\ntargets: { a: { warehouse: '${NOT_SET}' } }\n", 1120, "2:28", "NOT_SET"),
    ("assay.yaml", "name: x\ntargets: { a: { warehouse: s3://b/l } }\n", 1232, "2:17", "s3"),
    ("assay.yaml", "{}\n", 1204, "1:1", "'name'"),
    ("config/storage.yaml", "format: iceburg\n", 1203, "1:9", "did you mean 'iceberg'?"),
    ("config/storage.yaml", "formt: iceberg\n", 1201, "1:1", "did you mean 'format'?"),
    ("config/storage.yaml", "format: iceberg\ncatalog: glue\n", 1230, "2:1", "'glue'"),
    ("config/storage.yaml",
     "format: iceberg\niceberg:\n  catalog_impl: org.apache.iceberg.rest.RESTCatalog\n", 1230, "3:3",
     "'rest'"),
    ("config/storage.yaml", "keep: { snapshots: many }\n", 1202, "1:20", "whole number"),
    ("config/connections.yaml", "db: { type: postgres, host: h, database: d, user: u, password: pw }\n",
     1240, "1:54", "reference"),
    ("config/storage.yaml", "layers: { glod: { format: delta } }\n", 1234, "1:11", "did you mean 'gold'?"),
    ("config/dq.yml", "dq: {}\n", 1213, None, "must be 'config/dq.yaml'"),
    ("config/connections.yaml", "db: { type: mysql }\n", 1243, "1:7", "mysql"),
    ("models/bronze/t.yaml", "source: { fils: data/t.csv }\n", 1201, "1:11", "did you mean 'files'?"),
    ("models/bronze/t.yaml", "mode: append\n", 1204, "1:1", "'source'"),
    ("models/bronze/t.yaml", "source: { connection: shop_db, table: t }\n", 1241, "1:23", "shop_db"),
    ("models/bronze/t.yaml", "source: { files: data/t.csv }\ncontract: { columns: { id: NOTYPE } }\n",
     None, None, "NOTYPE"),
    ("models/silver/m.sql", "/* ---\nmode: full\n*/ select 1 as a\n", 1250, "1:4", "not closed"),
    ("models/silver/m.sql", "/* ---\nmoed: full\n--- */ select 1 as a\n", 1201, "2:1",
     "did you mean 'mode'?"),
    ("models/silver/m.sql", "/* ---\nmode: merge\n--- */ select id from bronze.t\n", 2030,
     "2:1", "needs 'key'"),
    ("models/silver/m.sql", "/* ---\nmode: merge\nkey: [id]\nversion: w\n--- */ select id from bronze.t\n",
     2120, "4:1", "'version' names the column 'w'"),
    ("models/silver/m.sql",
     "/* ---\nmode: merge\nkey: [id]\ndelete_when: op = 'D'\n--- */ select id from bronze.t\n", 2031,
     "4:1", "op"),
    ("models/silver/m.sql",
     "/* ---\nmode: merge\nkey: [id]\ndelete_when: id + 1\n--- */ select id from bronze.t\n", 2031,
     "4:1", "not BOOLEAN"),
    ("models/silver/m.sql",
     "/* ---\nmode: merge\nkey: [id]\ndelete_when: id = 1) or (true\n--- */ select id from bronze.t\n", 2031,
     "4:1", "cannot be computed"),
    ("models/silver/m.sql",
     "/* ---\nmode: merge\nkey: [id]\ndelete_when: count(*) > 1\n--- */ select id from bronze.t\n", 2031,
     "4:1", "cannot be computed"),
    ("models/silver/m.sql", "/* ---\nmode: scd2\nkey: [id]\nversion: id\n--- */\n"
     "select id, 1 as effective_end from bronze.t\n", 2108, "6:1", "effective_end"),
    ("models/silver/m.sql", "/* ---\nmode: append\n--- */ select id from bronze.t\n", 2111, "2:1",
     "new_rows_of"),
    ("models/silver/m.sql", "/* ---\nmode: full\nnew_rows_of: [bronze.t]\n--- */ select id from bronze.t\n",
     2012, "3:1", "older rows"),
    ("models/silver/m.sql", "select * from read_csv('nowhere.csv')\n", None, None, "nowhere.csv"),
    ("models/silver/m.sql", "select 1 as a;\nselect 2\n", 2101, "2:1", "one query"),
    ("models/silver/m.sql", "delete from bronze.t\n", 2102, "1:1", "delete"),
    ("models/silver/m.sql", "pivot bronze.t on id using sum(amount)\n", 2103, "1:1", "IN"),
    ("models/silver/m.sql", "select id,\n  from where\n", 2104, "2:8", "where"),
    ("models/silver/m.sql", "select id\nfrom bronze.tt\n", 2105, "2:6", "did you mean 'bronze.t'?"),
    ("models/silver/m.sql", "select id\nfrom t\n", 2115, "2:6", "did you mean 'bronze.t'?"),
    ("models/silver/m.sql", "select id,\n       amuont as a\nfrom bronze.t\n", 2107, "2:8",
     "'amuont' not found in bronze.t: did you mean 'amount'?"),
    ("models/silver/m.sql", "select id, amount as id from bronze.t\n", 2108, "1:12", "twice"),
    ("models/silver/m.sql", "select id from silver.m\n", 2110, "1:16", "cycle"),
    ("models/silver/m.sql", "select $day as d\n", 2116, "1:8", "$since"),
    ("models/silver/m.sql", "select interval 1 day as i from bronze.t\n", 4001, "1:1", "'i'"),
    ("models/silver/m.sql", "/* ---\npartition_by: [month(id)]\n--- */ select id from bronze.t\n", 4021,
     "2:16", "month"),
    ("models/silver/m.sql", "/* ---\ncolumns: { emial: { pii: true } }\n--- */ select id as email from "
     "bronze.t\n", 2120, "2:12", "did you mean 'email'?"),
    ("models/m.sql", "select 1 as a\n", 2003, None, "folder of its layer"),
    ("models/silver/T.sql", "select 1 as a\n", None, None, ""),
    ("models/bronze/T.sql", "select 1 as a\n", 2004, None, "two models"),
    ("config/dq.yaml", "silver:\n  t:\n    critcal: []\n", None, None, "critcal"),
    ("config/lineage.yaml", "enabeld: true\n", None, None, "enabeld"),
]


def names(case):
    return f"{case[0]}-{case[2]}-{case[4]}" if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", FILES, ids=names)
def test_a_wrong_file_is_a_numbered_error_with_its_place(project, case):
    path, content, number, place, says = case
    project.write("models/bronze/t.yaml", EXTRACT)
    project.write("data/t.csv", "id,amount\n1,2\n")
    project.write(path, content)
    result = project.run("run")
    if says == "":
        assert result.code == 0, result
        return
    assert result.code == (1 if says == "nowhere.csv" else 2), result
    assert says in result.err, result
    if number is not None:
        assert f"E{number} " in result.err, result
        assert project.run("explain", f"E{number}").code == 0
    if place is not None:
        assert f"{path}:{place} " in result.err, result
        line = int(place.split(":")[0])
        text = content.splitlines()[line - 1].expandtabs()
        shown = re.search(rf"^ *{line} \| (.*)$", result.err, re.M)
        assert shown and shown.group(1).expandtabs() == text, result
        assert re.search(r"^ *\| +\^", result.err, re.M) or "\n      | ^" in result.err, result
    assert "pw }" not in result.err.replace(content.strip(), ""), "a secret was shown"
    assert not (project.root / "lake").exists()


def test_without_a_project_the_error_says_how_to_make_one(assay, tmp_path):
    result = assay("run", cwd=tmp_path)
    assert "E2001" in result.err and "assay init" in result.err, result
    assert result.code == 2


def test_a_project_is_found_from_a_folder_inside_it(project):
    project.write("models/silver/m.sql", "select 1 as a\n")
    inside = project.root / "models" / "silver"
    assert "silver.m" in project.assay.ok("ls", cwd=inside).out


def test_an_unknown_target_names_the_nearest(project):
    project.write("assay.yaml", "name: x\ntargets: { local: {}, prod: {} }\n")
    result = project.run("ls", "--target", "prd")
    assert result.code == 2 and "E1220" in result.err and "'prod'" in result.err, result
    assert project.run("ls", env={"ASSAY_TARGET": "nothing"}).code == 2
    project.ok("ls", env={"ASSAY_TARGET": "prod"})


def test_an_unknown_selector_is_an_error_and_not_an_empty_run(project):
    project.write("models/silver/orders.sql", "select 1 as a\n")
    result = project.run("run", "silver.ordesr")
    assert result.code == 2 and "E2020" in result.err and "'silver.orders'" in result.err, result
    assert project.run("run", "tag:nothing").code == 2
    assert project.run("run", "+").code == 2


def test_variables_of_the_target_go_before_the_environment(project):
    project.write("assay.yaml", "name: x\nvars: { A: vars, B: vars }\n"
                                "targets: { local: { variables: { A: target } } }\n")
    project.write("models/silver/m.sql",
                  "/* ---\ndescription: ${A} ${B} ${C} ${D:-default}\n--- */\nselect 1 as a\n")
    listed = project.ok("ls", "--output", "json",
                        env={"A": "env", "B": "env", "C": "env"}).out
    assert "target vars env default" in listed


def test_state_lies_by_target(project):
    project.write("assay.yaml", "name: x\ntargets: { one: { warehouse: l1 }, two: { warehouse: l2 } }\n")
    project.write("models/silver/m.sql", "select 1 as a\n")
    project.ok("run")
    project.ok("run", "--target", "two")
    for target, lake in (("one", "l1"), ("two", "l2")):
        assert (project.root / ".assay" / target / "state.db").is_file()
        assert (project.root / lake / "silver" / "m").exists()


def test_a_model_that_is_not_selected_must_have_been_published(project):
    project.write("models/silver/m.sql", "select 1 as a\n")
    project.write("models/gold/n.sql", "select a from silver.m\n")
    result = project.run("run", "gold.n")
    assert result.code == 2 and "E2119" in result.err and "+gold.n" in result.err, result
    project.ok("run", "+gold.n")
    project.ok("run", "gold.n")


def test_retry_and_history_after_a_failure(project):
    project.write("models/silver/good.sql", "select 1 as a\n")
    project.write("models/silver/bad.sql", "select cast(x as integer) as a from (values ('1'), ('b')) t(x)\n")
    project.write("models/gold/after.sql", "select a from silver.bad\n")
    first = project.run("run")
    assert first.code == 1 and "upstream failed: silver.bad" in first.err, first
    project.write("models/silver/bad.sql", "select 2 as a\n")
    second = project.ok("run", "--retry")
    assert "silver.good" not in second.err and "gold.after" in second.err, second
    runs = project.ok("runs", "--output", "json").out
    assert '"failed"' in runs and '"ok"' in runs, runs
