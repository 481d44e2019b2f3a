"""Rows that break a rule are kept out of the table, whole and with the reason, and can be sent
through again exactly once; in each format."""
import json
import os
import random
from collections import Counter

import pytest

import peers

FORMATS = ["iceberg", "delta", "parquet"]
CONTRACT = {
    "bad_row": "quarantine",
    "columns": {
        "id": {"type": "BIGINT", "key": True},
        "amount": {"type": "DECIMAL(12,2)", "nullable": False},
        "day": "DATE",
        "note": "VARCHAR",
    },
}


def start(project, table_format, rate=0.9, **dq):
    project.write("assay.yaml", {"name": "shop", "targets": {"local": {"warehouse": "lake"}}})
    project.storage(format=table_format)
    project.format = table_format
    project.write("config/lineage.yaml", {"enabled": True, "backend": "file", "namespace": "shop",
                                          "path": "events.jsonl"})
    suites(project, rate, **dq)


def suites(project, rate=0.9, **dq):
    project.write("config/dq.yaml", {"quality_gates": {"max_quarantine_rate": rate}, **dq})


def bronze(project, contract=None, **source):
    project.extract("bronze.orders", source={"files": "data/*.csv", "format": "csv", **source},
                    contract=contract or CONTRACT)


def rows(project, table="bronze.orders", columns="*"):
    result = project.ok("query", f"select {columns} from {table}", "--limit", "100000",
                        "--output", "json").json()
    return sorted(result["rows"], key=str)


def ids(project, table="bronze.orders"):
    return [row[0] for row in rows(project, table, "id")]


def quarantine(project, table="bronze.orders"):
    """What counts: {(id or record number): rules}."""
    result = project.ok("quarantine", "show", table, "--limit", "100000", "--output", "json").json()
    names = [column["name"] for column in result["columns"]]
    return [dict(zip(names, row)) for row in result["rows"]]


def counted(project, table="bronze.orders"):
    listed = project.ok("quarantine", "list", "--output", "json").json()["tables"]
    return {item["name"]: item["rows"] for item in listed}.get(table, 0)


def replay(project, table="bronze.orders", *more):
    result = project.ok("quarantine", "replay", table, *more, "--output", "json").json()
    assert result["replayed"] + result["left"] == result["rows"]
    return result["replayed"], result["left"]


def peer_rows(project, table):
    """As somebody else's program reads it."""
    folder = project.table(table)
    if project.format == "iceberg":
        return peers.read_pyiceberg(str(folder)).to_pylist()
    if project.format == "delta":
        return peers.read_deltars(str(folder)).to_pylist()
    import pyarrow.parquet as pq
    return pq.read_table(str(folder)).to_pylist()


BAD = "id,amount,day,note\n1,10.50,2026-01-01,a\n,2,2026-01-02,no key\n3,,2026-01-03,no amount\n" \
      "4,abc,2026-01-04,\"no, number\"\n5,5,2026-01-05,fine\n1,7,2026-01-06,copy\n6,6\n" \
      "7,x,2026-13-01,two faults\n"


@pytest.mark.parametrize("table_format", FORMATS)
def test_bad_rows_are_kept_whole_with_every_rule_and_their_place(project, table_format):
    start(project, table_format)
    bronze(project)
    project.write("data/a.csv", BAD)
    result = project.ok("run")
    assert "quarantined 6" in result.err, result
    assert ids(project) == [1, 5]
    found = {row["_source_row"]: row for row in quarantine(project)}
    assert {number: row["_error_rules"] for number, row in found.items()} == {
        2: ["contract.key(id)"], 3: ["contract.not_null(amount)"], 4: ["contract.record"],
        6: ["contract.key(id)"], 7: ["contract.record"], 8: ["contract.record"]}
    assert {row["_source_file"] for row in found.values()} == {"data/a.csv"}
    assert found[4]["_error_record"] == '4,abc,2026-01-04,"no, number"'
    assert found[7]["_error_record"] == "6,6"
    assert "amount" in found[8]["_error_reason"] and "day" in found[8]["_error_reason"]
    assert found[2]["note"] == "no key" and found[6]["amount"] == 7
    # the same in a program of somebody else, with the columns' own types
    seen = peer_rows(project, "quarantine.bronze_orders")
    assert len(seen) == 6
    (copy,) = [row for row in seen if row["note"] == "copy"]
    assert copy["id"] == 1 and str(copy["amount"]) == "7.00" and str(copy["day"]) == "2026-01-06"
    assert list(copy["_error_rules"]) == ["contract.key(id)"]
    assert len({row["_error_run_id"] for row in seen}) == 1
    # nothing of it is left beside the data
    assert not list((project.root / ".assay").rglob("replay-*"))


@pytest.mark.parametrize("table_format", FORMATS)
def test_replay_after_a_fix_brings_in_what_passes_exactly_once(project, table_format):
    start(project, table_format)
    bronze(project)
    project.write("data/a.csv", BAD)
    project.ok("run")
    project.ok("quarantine", "replay", "bronze.orders")
    assert counted(project) == 6  # nothing was corrected
    contract = json.loads(json.dumps(CONTRACT))
    contract["columns"]["amount"].pop("nullable")
    bronze(project, contract, csv={"null": ["", "abc"]})
    assert replay(project) == (2, 4)
    assert ids(project) == [1, 3, 4, 5]
    (four,) = rows(project, columns="id, amount, day, note, _source_file, _source_row")[2:3]
    assert four == [4, None, "2026-01-04", "no, number", "data/a.csv", 4]
    # again: nothing more, and nothing twice
    assert replay(project) == (0, 4)
    assert ids(project) == [1, 3, 4, 5]
    assert len(peer_rows(project, "bronze.orders")) == 4
    # a run in between changes nothing of what is in quarantine
    project.write("data/b.csv", "id,amount,day,note\n9,9,2026-02-01,new\n")
    project.ok("run")
    assert ids(project) == [1, 3, 4, 5, 9] and counted(project) == 4


@pytest.mark.parametrize("table_format", FORMATS)
def test_suite_rules_and_references_split_a_model(project, table_format):
    start(project, table_format, silver={"orders": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "amount", "min_value": 0,
         "action": "quarantine"},
        {"type": "fk_exists", "column": "customer", "reference_table": "silver.customers",
         "reference_column": "customer", "action": "quarantine"},
        {"type": "expect_column_values_to_not_be_null", "column": "id", "action": "fail"}]}})
    project.write("data/customers.csv", "customer\n1\n2\n")
    project.write("data/orders.csv", "id,customer,amount\n1,1,5\n2,7,5\n3,2,-1\n4,8,-2\n5,,3\n")
    for name in ("customers", "orders"):
        project.extract(f"bronze.{name}", source={"files": f"data/{name}.csv"})
    project.model("silver.customers", "select customer from bronze.customers")
    project.model("silver.orders", "select id, customer, amount from bronze.orders")
    result = project.ok("run")
    assert "quarantined 3" in result.err and "checks 3/3" in result.err, result
    assert ids(project, "silver.orders") == [1, 5]
    broken = {row["id"]: sorted(row["_error_rules"]) for row in quarantine(project, "silver.orders")}
    between, foreign = "expect_column_values_to_be_between(amount)", "fk_exists(customer)"
    assert broken == {2: [foreign], 3: [between], 4: [between, foreign]}
    document = next((project.root / ".assay/results").glob("*/silver.orders.json"))
    counts = {item["name"]: item.get("quarantined", 0)
              for item in json.loads(document.read_text())["results"]}
    assert counts[between] == 2 and counts[foreign] == 2
    # the parent comes: its order follows by replay
    project.write("data/customers.csv", "customer\n1\n2\n7\n")
    project.extract("bronze.customers", source={"files": "data/customers.csv"}, changed_file="replace")
    project.ok("run", "bronze.customers", "silver.customers")
    assert replay(project, "silver.orders") == (1, 2)
    assert ids(project, "silver.orders") == [1, 2, 5]


def test_a_rebuild_takes_the_place_of_what_was_in_quarantine(project):
    start(project, "iceberg", silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "a", "min_value": 0,
         "action": "quarantine"}]}})
    project.model("silver.t", "select * from (values (1), (-1), (-2)) v(a)")
    project.ok("run")
    assert counted(project, "silver.t") == 2
    project.model("silver.t", "select * from (values (1), (2), (-3)) v(a)")
    project.ok("run")
    assert [row["a"] for row in quarantine(project, "silver.t")] == [-3]
    project.model("silver.t", "select * from (values (1), (2)) v(a)")
    project.ok("run")
    assert counted(project, "silver.t") == 0
    result = project.run("quarantine", "show", "silver.t")
    assert result.code == 1 and "E5040" in result.err, result


def test_the_rate_shuts_the_gate_and_can_be_overridden_by_name(project):
    start(project, "iceberg", rate=0.2, silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "a", "min_value": 0,
         "action": "quarantine"}]}})
    project.model("silver.t", "select * from (values (1), (2), (3), (-1)) v(a)")
    result = project.run("run")
    assert result.code == 3 and "max_quarantine_rate" in result.err and "25 %" in result.err, result
    assert project.run("query", "select * from silver.t").code != 0
    assert counted(project, "silver.t") == 0
    project.ok("run", "--override-gate", "max_quarantine_rate", "--reason", "known batch")
    assert counted(project, "silver.t") == 1 and rows(project, "silver.t") == [[1], [2], [3]]
    # of one table alone
    suites(project, 0.2, silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "a", "min_value": 0,
         "action": "quarantine"}]}})
    text = (project.root / "config/dq.yaml").read_text()
    project.write("config/dq.yaml", text.replace(
        "max_quarantine_rate: 0.2",
        "max_quarantine_rate: 0.2\n  thresholds: { silver.t: { max_quarantine_rate: 0.5 } }"))
    project.model("silver.t", "select * from (values (4), (2), (3), (-1)) v(a)")
    project.ok("run")


def test_without_a_word_five_percent_may_be_quarantined(project):
    start(project, "iceberg")
    project.write("config/dq.yaml", {})
    project.extract("bronze.orders", source={"files": "data/*.csv"}, contract=CONTRACT)
    lines = [f"{i},1,2026-01-01,x" for i in range(100)]
    project.write("data/a.csv", "id,amount,day,note\n" + "\n".join(lines) + "\n" + ",1,2026-01-01,x\n" * 5)
    project.ok("run")
    assert counted(project) == 5
    project.write("data/b.csv", "id,amount,day,note\n" + "\n".join(lines[:10]).replace(",1,", "000,1,") +
                  "\n,1,2026-01-01,x\n")
    result = project.run("run")
    assert result.code == 3 and "5 %" in result.err, result
    assert counted(project) == 5 and len(rows(project)) == 100


@pytest.mark.parametrize("table_format", FORMATS)
def test_only_bad_rows_still_commit_so_that_the_file_is_consumed(project, table_format):
    start(project, table_format, rate=1.0)
    bronze(project)
    project.write("data/a.csv", "id,amount,day,note\n1,1,2026-01-01,x\n")
    project.ok("run")
    project.write("data/b.csv", "id,amount,day,note\n1,2,2026-01-01,copy\n,2,2026-01-01,none\n")
    project.ok("run")
    assert ids(project) == [1] and counted(project) == 2
    result = project.ok("run")
    assert "no new files" in result.err and counted(project) == 2, result


def test_fail_names_the_rule_and_the_first_record_and_drop_counts(project):
    start(project, "iceberg")
    contract = {**CONTRACT, "bad_row": "fail"}
    bronze(project, contract)
    project.write("data/a.csv", "id,amount,day,note\n1,1,2026-01-01,x\n2,,2026-01-01,x\n1,1,2026-01-01,y\n")
    result = project.run("run")
    assert result.code == 1 and "E2213" in result.err, result
    assert "contract.key(id)" in result.err and "data/a.csv record 3" in result.err, result
    assert "models/bronze/orders.yaml:" in result.err
    assert not list((project.root / "lake").rglob("*.parquet"))
    bronze(project, {**CONTRACT, "bad_row": "drop"})
    project.ok("run")
    assert ids(project) == [1] and counted(project) == 0
    (dropped,) = (project.root / ".assay/results").rglob("*.dropped.jsonl")
    kept = [json.loads(line) for line in dropped.read_text().splitlines()]
    assert sorted(item["_source_row"] for item in kept) == [2, 3]


REFUSED = {
    "an aggregate": ({"type": "expect_column_mean_to_be_between", "column": "a", "max_value": 1}, "which rows"),
    "an order": ({"type": "expect_column_values_to_be_increasing", "column": "a"}, "which rows"),
    "mostly": ({"type": "expect_column_values_to_not_be_null", "column": "a", "mostly": 0.9}, "mostly"),
    "itself": ({"type": "fk_exists", "column": "a", "reference_table": "silver.t",
                "reference_column": "a"}, "itself"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_tell_rows_is_refused_with_its_place(project, what):
    check, words = REFUSED[what]
    start(project, "iceberg", silver={"t": {"checks": [{**check, "action": "quarantine"}]}})
    project.model("silver.t", "select 1 as a")
    result = project.run("run")
    assert result.code == 2 and "E5004" in result.err and words in result.err, result
    assert "config/dq.yaml:" in result.err


def test_conditions_and_expressions_hold_for_single_rows(project):
    start(project, "iceberg", silver={"t": {"checks": [
        {"type": "expect_column_values_to_not_be_null", "column": "b", "row_condition": "a > 2",
         "condition_parser": "sql", "action": "quarantine"},
        {"type": "expression", "expression": "a <> 1", "name": "not one", "action": "quarantine"},
        {"type": "expect_column_values_to_match_regex", "column": "b", "regex": "^x",
         "action": "quarantine"}]}})
    project.model("silver.t", "select * from (values (0, null), (1, 'x'), (3, null), (4, 'y'), (5, 'x')) v(a, b)")
    project.ok("run")
    assert [row[0] for row in rows(project, "silver.t")] == [0, 5]
    assert {row["a"]: row["_error_rules"] for row in quarantine(project, "silver.t")} == {
        1: ["not one"], 3: ["expect_column_values_to_not_be_null(b)"],
        4: ["expect_column_values_to_match_regex(b)"]}


@pytest.mark.parametrize("table_format", FORMATS)
def test_json_records_come_back_too(project, table_format):
    start(project, table_format)
    project.extract("bronze.events", source={"files": "data/*.jsonl", "format": "json"},
                    contract={"bad_row": "quarantine", "columns": {"id": "INTEGER", "at": "TIMESTAMP"}})
    project.write("data/e.jsonl", '{"id": 1, "at": "2026-01-01T00:00:00"}\n{"id": 99999999999}\n{broken\n')
    project.ok("run")
    assert ids(project, "bronze.events") == [1]
    assert {row["_error_record"] for row in quarantine(project, "bronze.events")} == \
        {'{"id": 99999999999}', "{broken"}
    project.extract("bronze.events", source={"files": "data/*.jsonl", "format": "json"},
                    contract={"bad_row": "quarantine", "columns": {"id": "BIGINT", "at": "TIMESTAMP"}})
    assert replay(project, "bronze.events") == (1, 1)
    assert ids(project, "bronze.events") == [1, 99999999999]


def faults(chance, count, known):
    """CSV lines with their truth: {record: rule}, and the ids that must come in."""
    lines, truth, good = [], {}, []
    for record in range(1, count + 1):
        kind = chance.choices(["fine", "null key", "copy", "no amount", "broken", "short"],
                              [80, 4, 4, 4, 4, 4])[0]
        if kind == "copy" and not known:
            kind = "fine"
        new = 1000 + len(known)
        if kind == "fine":
            known.append(new)
            good.append(new)
            lines.append(f"{new},1.5,2026-01-01,x")
        elif kind == "null key":
            lines.append(",1.5,2026-01-01,x")
            truth[record] = "contract.key(id)"
        elif kind == "copy":
            lines.append(f"{chance.choice(known)},2.5,2026-01-01,copy")
            truth[record] = "contract.key(id)"
        elif kind == "no amount":
            lines.append(f"{-record},,2026-01-01,x")
            truth[record] = "contract.not_null(amount)"
        elif kind == "broken":
            lines.append(f"{-record},1.5,2026-02-30,x")
            truth[record] = "contract.record"
        else:
            lines.append(f"{-record},1.5")
            truth[record] = "contract.record"
    return lines, truth, good


@pytest.mark.parametrize("table_format", FORMATS)
def test_injected_faults_are_found_no_more_and_no_less(project, table_format):
    seed = int(os.environ.get("ASSAY_SEED", random.SystemRandom().randrange(10**6)))
    print(f"ASSAY_SEED={seed}")
    chance = random.Random(seed)
    start(project, table_format)
    bronze(project)
    known, expected, good = [], {}, []
    for day in range(3):
        name = f"data/d{day}.csv"
        lines, truth, added = faults(chance, int(os.environ.get("ASSAY_FAULT_ROWS", "400")), known)
        project.write(name, "id,amount,day,note\n" + "\n".join(lines) + "\n")
        expected.update({(name, record): [rule] for record, rule in truth.items()})
        good += added
        project.ok("run")
        assert sorted(ids(project)) == sorted(good)
        found = {(row["_source_file"], row["_source_row"]): row["_error_rules"]
                 for row in quarantine(project)}
        assert found == expected
        assert counted(project) == len(expected)
    listed = project.ok("quarantine", "list", "--output", "json").json()["tables"]
    (table,) = [item for item in listed if item["name"] == "bronze.orders"]
    assert table["rules"] == dict(Counter(rules[0] for rules in expected.values()))
    assert len(table["runs"]) == 3


@pytest.mark.parametrize("table_format", FORMATS)
def test_a_corrected_file_takes_the_place_of_what_was_put_aside_of_it(project, table_format):
    start(project, table_format)
    project.write("data/a.csv", "id,amount,day,note\n1,1,2026-01-01,x\n,2,2026-01-01,bad\n")
    project.write("data/b.csv", "id,amount,day,note\n,3,2026-01-01,bad too\n7,3,2026-01-01,x\n")
    bronze(project)
    project.ok("run")
    assert counted(project) == 2
    project.extract("bronze.orders", source={"files": "data/*.csv"}, contract=CONTRACT,
                    changed_file="replace")
    project.write("data/a.csv", "id,amount,day,note\n1,1,2026-01-01,x\n2,2,2026-01-01,good now\n,4,2026-01-01,new\n")
    project.ok("run")
    assert ids(project) == [1, 2, 7]
    assert {row["note"] for row in quarantine(project)} == {"bad too", "new"}
    # back to the first snapshot: what was in quarantine then is there again
    first = project.ok("table", "history", "bronze.orders", "--output", "json").json()["snapshots"][-1]
    project.ok("table", "rollback", "bronze.orders", str(first["snapshot_id"]))
    assert counted(project) == 2


@pytest.mark.parametrize("table_format", FORMATS)
def test_modes_with_keys_split_rows_before_they_compare(project, table_format):
    start(project, table_format, rate=1.0, silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "v", "min_value": 0,
         "action": "quarantine"}]}})
    contract = {"bad_row": "quarantine", "columns": {"id": {"type": "INTEGER", "key": True}}}

    def model(values):
        project.model("silver.t", f"select * from (values {values}) x(id, ver, v)", mode="merge",
                      key=["id"], version="ver", contract=contract)

    model("(1, 1, 10), (2, 1, 20), (2, 2, 21), (null, 1, 5), (3, 1, -1)")
    result = project.ok("run")
    assert "quarantined 2" in result.err, result
    assert rows(project, "silver.t") == [[1, 1, 10], [2, 2, 21]]
    model("(1, 2, -5), (2, 3, 22), (4, 1, 40)")
    project.ok("run")
    assert rows(project, "silver.t") == [[1, 1, 10], [2, 3, 22], [4, 1, 40]]
    assert counted(project, "silver.t") == 3
    # only bad rows: nothing changes in the table, and they are kept all the same
    model("(4, 2, -1)")
    project.ok("run")
    assert rows(project, "silver.t") == [[1, 1, 10], [2, 3, 22], [4, 1, 40]]
    assert counted(project, "silver.t") == 4
    suites(project)
    assert replay(project, "silver.t") == (3, 1)
    assert rows(project, "silver.t") == [[1, 2, -5], [2, 3, 22], [3, 1, -1], [4, 2, -1]]
    assert [row["_error_rules"] for row in quarantine(project, "silver.t")] == [["contract.key(id)"]]


def test_events_tell_what_was_put_aside_and_where(project):
    start(project, "iceberg", silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "v", "min_value": 0,
         "action": "quarantine"}]}})
    project.model("silver.t", "select * from (values (1, 1), (1, 2), (3, -1)) x(id, v)",
                  contract={"bad_row": "quarantine", "columns": {"id": {"type": "INTEGER", "key": True}}})
    project.ok("run")
    events = [json.loads(line) for line in (project.root / "events.jsonl").read_text().splitlines()]
    (done,) = [event for event in events
               if event["eventType"] == "COMPLETE" and event["job"]["name"].endswith("silver.t")]
    table, kept = done["outputs"]
    assert kept["name"].endswith("quarantine/silver_t") or kept["name"] == "quarantine.silver_t"
    assert kept["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assertions = {item["name"]: item for item in
                  table["facets"]["dataQualityAssertions"]["assertions"]}
    assert {name: (item["success"], item["params"]) for name, item in assertions.items()} == {
        "contract.key(id)": (True, {"quarantined": 1}),
        "expect_column_values_to_be_between(v)": (True, {"quarantined": 1})}
    # and the run's own report
    finished = [event for event in project.ok("run", "--full-refresh", "--yes", "--output", "json").events()
                if event.get("rows_quarantined")]
    assert [event["rows_quarantined"] for event in finished] == [2]


def test_check_tells_what_the_file_asks_for_and_nothing_does(project):
    start(project, "iceberg", alerts={"channel": "x"}, silver={"t": {"checks": [
        {"type": "expect_column_to_exist", "column": "a"}]}})
    project.model("silver.t", "select 1 as a")
    project.ok("run")
    result = project.ok("check")
    assert "'alerts' is read and not acted upon" in result.err, result


def test_records_of_another_encoding_and_open_quotes_harm_only_themselves(project):
    start(project, "iceberg", rate=1.0)
    project.extract("bronze.t", source={"files": "data/*.csv"}, contract={
        "bad_row": "quarantine", "columns": {"id": {"type": "INTEGER", "key": True}, "s": "VARCHAR"}})
    project.write("data/a.csv", b'id,s\n1,ok\n2,caf\xe9\n3,"two\nlines"\n4,"bad"quote\n5,a,b\n6,"open\n7,x\n')
    project.ok("run")
    assert rows(project, "bronze.t", "id, s, _source_row") == [[1, "ok", 1], [3, "two\nlines", 3]]
    broken = {row["_source_row"]: row for row in quarantine(project, "bronze.t")}
    assert sorted(broken) == [2, 4, 5, 6]
    assert broken[4]["_error_record"] == '4,"bad"quote' and broken[5]["_error_record"] == "5,a,b"
    # what the engine could only show with a substitute is never read again
    assert "encoding" in broken[2]["_error_reason"] and broken[2]["_error_record_format"] is None
    assert replay(project, "bronze.t") == (0, 4)
    # a corrected file, in its own encoding, takes their place
    project.extract("bronze.t", source={"files": "data/*.csv", "csv": {"encoding": "latin-1"}},
                    changed_file="replace", contract={
        "bad_row": "quarantine", "columns": {"id": {"type": "INTEGER", "key": True}, "s": "VARCHAR"}})
    project.write("data/a.csv", b'id,s\n1,ok\n2,caf\xe9\n3,x\nx,caf\xe9\n')
    project.ok("run")
    assert rows(project, "bronze.t", "id, s") == [[1, "ok"], [2, "caf\u00e9"], [3, "x"]]
    (last,) = quarantine(project, "bronze.t")
    assert last["_error_record"] == "x,caf\u00e9"
    project.extract("bronze.t", source={"files": "data/*.csv",
                                        "csv": {"encoding": "latin-1", "null": ["x", ""]}},
                    changed_file="replace", contract={
        "bad_row": "quarantine", "columns": {"id": "INTEGER", "s": "VARCHAR"}})
    assert replay(project, "bronze.t") == (1, 0)
    assert rows(project, "bronze.t", "id, s")[-1] == [None, "caf\u00e9"]


@pytest.mark.parametrize("table_format", FORMATS)
def test_the_quarantine_table_follows_the_columns_of_its_table(project, table_format):
    start(project, table_format, silver={"t": {"checks": [
        {"type": "expect_column_values_to_not_be_null", "column": "id", "action": "quarantine"}]}})
    project.model("silver.t", "select * from (values (1, 2), (null, 3)) x(id, v)")
    project.ok("run")
    # a column more, and one that is wider
    project.model("silver.t", "select * from (values (1, 2::bigint, 'x'), (null, 4, 'y')) x(id, v, more)")
    project.ok("run")
    (row,) = quarantine(project, "silver.t")
    assert (row["v"], row["more"]) == (4, "y")
    # a rebuild with another type: what was put aside before is of no use to it
    project.model("silver.t", "select * from (values (1, 'a'), (null, 'b')) x(id, v)")
    project.ok("run")
    (row,) = quarantine(project, "silver.t")
    assert row["v"] == "b"
    seen = peer_rows(project, "quarantine.silver_t")
    assert [row["v"] for row in seen] == ["b"]
    suites(project)
    assert replay(project, "silver.t") == (1, 0)
    assert rows(project, "silver.t") == [[1, "a"], [None, "b"]]


def test_a_file_that_is_loaded_by_hand_is_split_too(project):
    start(project, "iceberg", silver={"t": {"checks": [
        {"type": "expect_column_values_to_be_between", "column": "v", "min_value": 0,
         "action": "quarantine"}]}})
    project.write("in.csv", "id,v\n1,5\n2,-5\n")
    loaded = project.ok("load", str(project.root / "in.csv"), "silver.t", "--output", "json").json()
    assert loaded["rows"] == 1 and loaded["quarantined"] == 1
    assert [row["id"] for row in quarantine(project, "silver.t")] == [2]
    result = project.ok("load", str(project.root / "in.csv"), "silver.t")
    assert "1 rows quarantined" in result.out and counted(project, "silver.t") == 2
    suites(project)
    assert replay(project, "silver.t") == (2, 0)
    assert rows(project, "silver.t") == [[1, 5], [1, 5], [2, -5], [2, -5]]


@pytest.mark.parametrize("table_format", FORMATS)
def test_rows_come_back_with_a_snapshot_after_more_was_put_aside(project, table_format):
    start(project, table_format)
    contract = {"bad_row": "quarantine", "columns": {
        "id": "BIGINT", "parent": {"type": "BIGINT", "references": "silver.parents.id"}}}
    bronze(project, contract)
    project.model("silver.parents", "select 1 as id")
    project.write("data/a.csv", "id,parent\n1,1\n2,2\n3,2\n")
    project.ok("run")
    project.model("silver.parents", "select 2 as id union all select 1")
    project.ok("run", "silver.parents")
    assert replay(project) == (2, 0)
    project.write("data/b.csv", "id,parent\n4,9\n5,1\n")
    project.ok("run")  # the next commit to the quarantine table
    assert counted(project) == 1 and ids(project) == [1, 2, 3, 5]
    history = project.ok("table", "history", "bronze.orders", "--output", "json").json()["snapshots"]
    first = min(history, key=lambda item: item["rows"])
    project.ok("table", "rollback", "bronze.orders", str(first["snapshot_id"]))
    assert ids(project) == [1] and counted(project) == 2
    assert sorted(row["id"] for row in quarantine(project)) == [2, 3]
    assert replay(project) == (2, 0)
    assert ids(project) == [1, 2, 3]


def test_two_tables_do_not_share_a_quarantine_table(project):
    start(project, "iceberg")
    contract = {"bad_row": "quarantine", "columns": {"k": {"type": "INTEGER", "nullable": False}}}
    for name in ("bronze_b.c", "bronze.b_c"):
        project.model(name, "select 1 as k union all select null", contract=contract)
    result = project.run("run")
    assert result.code == 2 and "E2216 models/bronze/b_c.sql:1:1" in result.err, result
    assert "'bronze_b.c' (models/bronze_b/c.sql)" in result.err, result
    assert not (project.root / "lake").exists()
    # nor does a table without a model with that of a model
    (project.root / "models/bronze/b_c.sql").unlink()
    project.write("config/dq.yaml", {"bronze": {"b_c": {"checks": [
        {"type": "expect_column_values_to_not_be_null", "column": "k", "action": "quarantine"}]}},
        "quality_gates": {"max_quarantine_rate": 1}})
    project.write("k.csv", "k,l\n1,2\n,3\n")
    result = project.run("load", "k.csv", "bronze.b_c")
    assert result.code == 2 and "E2216" in result.err and "quarantine.bronze_b_c" in result.err, result
