"""The public acceptance cases through the whole program: files, bronze, silver, the gate's results.

Every distinct table of the cases becomes a Parquet file, a bronze and a silver table; all its cases are
one suite in dialect C. The unit test compares every key of every case; here the verdicts, counts and
observed numbers are compared as the results file tells them."""
import json
import math

import duckdb
import pytest

pytestmark = pytest.mark.shared


def literal(value, kind):
    if value is None:
        return "NULL"
    if isinstance(value, dict):
        value = value["$float"]
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + f"'::{kind}"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def write_parquet(path, data):
    columns = [(c["name"], "VARCHAR" if c["type"] == "MIXED" else c["type"], c["values"])
               for c in data["columns"]]
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("create table t (%s)" % ", ".join(f"{quoted(n)} {k}" for n, k, _ in columns))
    rows = ["(" + ", ".join(literal(v[i], k) for _, k, v in columns) + ")"
            for i in range(data["row_count"])]
    connection.execute("insert into t values " + ", ".join(rows))
    connection.execute(f"copy t to '{path}' (format parquet)")


def as_yaml(value):
    """Infinities as YAML floats."""
    if isinstance(value, dict):
        return float(value["$float"]) if "$float" in value else {k: as_yaml(v) for k, v in value.items()}
    return [as_yaml(item) for item in value] if isinstance(value, list) else value


class Tables:
    """Distinct tables, each with a number and the cases that judge it."""

    def __init__(self, project):
        self.project = project
        self.names = {}
        self.cases = {}
        self.compared = []

    def name_of(self, data):
        key = json.dumps([data["row_count"], data["columns"]])
        if key not in self.names:
            name = self.names[key] = f"case_{len(self.names)}"
            path = self.project.root / "data" / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            write_parquet(path, data)
            self.project.extract(f"bronze.{name}", source={"files": f"data/{name}.parquet", "format": "parquet"})
            self.project.model(f"silver.{name}", "select %s from bronze.%s"
                               % (", ".join(quoted(c["name"]) for c in data["columns"]), name))
            self.cases[name] = []
        return self.names[key]

    def add(self, case):
        kwargs = {"result_format": "COMPLETE", **as_yaml(case["kwargs"])}
        tables = {table["name"]: table for table in case.get("other_tables") or []}
        tables[case["data"].get("name") or "case_table"] = case["data"]
        name = self.name_of(case["data"])
        if "other_table_name" in kwargs:
            other = self.name_of(tables[kwargs["other_table_name"]])
            self.compared.append(other)
            kwargs["other_table_name"] = f"silver.{other}"
        self.cases[name].append((case, {"expectation_type": case["expectation"], "kwargs": kwargs}))


def close(expected, found, tolerance):
    if isinstance(expected, bool) or not isinstance(expected, (int, float)):
        return True
    return found is not None and math.isclose(expected, found, rel_tol=tolerance, abs_tol=1e-8)


def difference(case, check):
    expected = case["expected"]
    if case.get("expects_error"):
        weak = case["status"] == "verified_weak"
        good = check["status"] == "error" or (weak and check["status"] == "fail")
        return None if good else f"expected an error, found {check['status']}"
    if check["status"] == "error":
        return check["exception_info"]["exception_message"]
    if "success" in expected and expected["success"] != check["success"]:
        return f"expected {expected['success']}, found {check['status']}: {check['reason']}"
    result = check["result"]
    for key in ("element_count", "unexpected_count", "missing_count"):
        if key in expected and key in result and expected[key] != result[key]:
            return f"{key}: expected {expected[key]}, found {result[key]}"
    if "unexpected_list" in expected and len(expected["unexpected_list"]) != len(result["unexpected_list"]):
        return f"unexpected_list: expected {expected['unexpected_list']}, found {result['unexpected_list']}"
    if "observed_value" in expected and not close(expected["observed_value"], result.get("observed_value"),
                                                  case.get("tolerance") or 1e-6):
        return f"observed {result.get('observed_value')}, expected {expected['observed_value']}"
    return None


def test_every_public_case_comes_out_of_the_program(project, shared):
    cases = json.loads((shared / "data/quality/expectation_cases.json").read_text())["cases"]
    tables = Tables(project)
    # a table without rows is not loaded: these cases are left to the unit test, and counted
    empty = [case for case in cases if case["data"]["row_count"] == 0]
    for case in cases:
        if case["data"]["row_count"] > 0:
            tables.add(case)
    # tables that checks compare with are published before the others are judged
    project.ok("run", *[f"+silver.{name}" for name in tables.compared])
    project.write("config/dq.yaml", {"expectations": {"silver": {
        name: [item for _, item in items] for name, items in tables.cases.items() if items}}})
    result = project.run("run", "--keep-going")
    assert result.code == 3, result
    compared, differences = 0, []
    for name, items in tables.cases.items():
        if not items:
            continue
        (path,) = (project.root / ".assay/results").glob(f"*/silver.{name}.json")
        checks = json.loads(path.read_text())["results"]
        assert len(checks) == len(items)
        for (case, _), check in zip(items, checks):
            compared += 1
            what = difference(case, check)
            if what:
                differences.append(f"{case['id']}: {what}")
    assert differences == []
    assert compared + len(empty) == len(cases) and compared > 400
