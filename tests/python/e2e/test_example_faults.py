"""The example with faults on purpose: contracts, gates and quarantine find each one where faults.json
says that it is, no more and no less; after the fix the replay gives the clean result."""
import json
import os
from collections import Counter

import pytest

SCALES = [float(text) for text in os.environ.get("ASSAY_FAULT_SCALES", "0.02").split(",")]
FORMATS = ["iceberg", "delta", "parquet"]
QUARANTINING = {"null key", "orphan", "unknown product", "negative quantity", "broken record",
                "missing rate", "retyped column", "wrong encoding", "truncated file"}
LIMIT = "1000000"


@pytest.fixture(scope="module", params=SCALES)
def made(request, assay, tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "shop"
    assay.ok("init", "retail", root, "--scale", str(request.param), "--seed", "5", "--asof", "2026-11-22",
             "--faults")
    return root


def truth(root):
    return [json.loads(line) for line in (root / "faults.json").read_text().splitlines()]


def start(made, assay, copy_project, table_format):
    project = copy_project(made)
    storage = project.root / "config/storage.yaml"
    storage.write_text(storage.read_text().replace("${ASSAY_FORMAT:-iceberg}", table_format))
    project.ok("run")
    return project


def rows(project, sql):
    result = project.ok("query", sql, "--limit", LIMIT, "--output", "json").json()
    names = [column["name"] for column in result["columns"]]
    return [dict(zip(names, row)) for row in result["rows"]]


def quarantined(project, table):
    result = project.ok("quarantine", "show", table, "--limit", LIMIT, "--output", "json").json()
    names = [column["name"] for column in result["columns"]]
    return [dict(zip(names, row)) for row in result["rows"]]


def place(table, row):
    """How the truth names a row: by file and record in bronze, by key above."""
    if table.startswith("bronze."):
        return row["_source_file"], row["_source_row"]
    return row["order_id"]


def expected(faults):
    """{(table, place): Counter of rules}."""
    found = Counter()
    for fault in faults:
        if fault["fault"] in QUARANTINING:
            table = fault["found_in"]
            at = (fault["file"], fault["record"]) if table.startswith("bronze.") else fault["key"]
            found[(table, at, fault["found_by"])] += 1
    return found


@pytest.mark.parametrize("table_format", FORMATS)
def test_each_fault_is_found_and_nothing_else(made, assay, copy_project, table_format):
    project = start(made, assay, copy_project, table_format)
    faults = truth(project.root)
    assert {fault["fault"] for fault in faults} >= QUARANTINING

    listed = project.ok("quarantine", "list", "--output", "json").json()["tables"]
    found = Counter()
    for table in (item["name"] for item in listed):
        for row in quarantined(project, table):
            assert len(row["_error_rules"]) == 1, row
            found[(table, place(table, row), row["_error_rules"][0])] += 1
    assert found == expected(faults)

    def keys(kind):
        return {fault["key"] for fault in faults if fault["fault"] == kind}

    # late and resurrected rows lose against the newer version that is known
    assert rows(project, "select order_id from silver.orders where status in ('LATE', 'RESURRECTED')") == []
    deleted = {row["order_id"] for row in rows(project, "select order_id from silver.orders where _is_deleted")}
    assert keys("resurrected row") and keys("resurrected row") <= deleted
    facts = {row["order_id"] for row in rows(project, "select order_id from gold.fact_orders")}
    assert not facts & deleted
    # a row that stands there twice is one
    twice = Counter(row["order_id"] for row in rows(project, "select order_id from silver.orders"))
    assert {twice[key] for key in keys("row twice")} == {1}
    # a new column evolves the table; rows without it have NULL
    points = {row["order_id"] for row in
              rows(project, "select order_id from bronze.orders where loyalty_points is not null")}
    assert points == keys("new column")
    # a tolerated fault is counted exactly
    report = project.ok("check", "silver.customers", "--output", "json").out
    assert f'"unexpected_count": {len(keys("bad e-mail"))}' in report
    assert keys("bad e-mail") == {row["customer_id"] for row in rows(
        project, "select customer_id from silver.customers where email not similar to '[^@ ]+@[^@ ]+[.][a-z]+'")}


def repair(root, columns):
    """What the owners of the sources send: customers, a product and a rate that were missing."""
    faults = truth(root)
    orphans = [fault["key"] for fault in faults if fault["fault"] == "orphan"]
    customers = root / "data/snowflake/snowflake_customers_repair.csv"
    lines = [",".join(columns["customers"])]
    for number in range(1, len(orphans) + 1):
        values = {"customer_id": f"CUST-9{number:05d}", "first_name": "New", "country": "US",
                  "email": f"new{number}@example.com", "registration_date": "2026-01-01", "age": "30",
                  "created_at": "2026-01-01 00:00:00", "updated_at": "2026-01-01 00:00:00"}
        lines.append(",".join(values.get(name, "") for name in columns["customers"]))
    customers.write_text("\n".join(lines) + "\n")
    values = {"product_id": "PROD-999999", "product_name": "Found", "category": "Toys", "price_usd": "9.5",
              "cost_usd": "4", "created_at": "2026-01-01", "updated_at": "2026-01-01"}
    (root / "data/snowflake/snowflake_products_repair.csv").write_text(
        ",".join(columns["products"]) + "\n" +
        ",".join(values.get(name, "") for name in columns["products"]) + "\n")
    days = sorted((root / "data/fx").glob("*730_days.csv"))[0].read_text().splitlines()[1:]
    dates = sorted({line.split(",")[0] for line in days})
    (root / "data/fx/fx_rates_historical_730_days_chf.csv").write_text(
        "trade_date,base_ccy,quote_ccy,fx_rate\n" + "".join(f"{day},USD,CHF,0.9\n" for day in dates))


def header_of(root, name):
    return (root / f"data/snowflake/snowflake_{name}.csv").read_text().split("\n", 1)[0].split(",")


@pytest.mark.parametrize("table_format", FORMATS)
def test_after_the_fix_the_replay_gives_the_clean_result(made, assay, copy_project, table_format):
    project = start(made, assay, copy_project, table_format)
    columns = {name: header_of(made, name) for name in ("customers", "products")}
    repair(project.root, columns)
    project.ok("run")
    faults = truth(project.root)
    first = project.ok("quarantine", "replay", "silver.orders", "--output", "json").json()
    again = project.ok("quarantine", "replay", "silver.orders", "--output", "json").json()
    repaired = sum(fault["fault"] in ("orphan", "unknown product") for fault in faults)
    assert first["replayed"] == repaired and again["replayed"] == 0, (first, again)
    project.ok("run")

    clean = copy_project(made, "clean")
    repair(clean.root, columns)
    (clean.root / "config/storage.yaml").write_text((project.root / "config/storage.yaml").read_text())
    clean.ok("run")
    for table in ("silver.orders", "silver.customers", "gold.fact_orders", "gold.dim_product",
                  "gold.customer_360", "gold.product_performance"):
        exclude = "* exclude (_deleted_at)" if table == "silver.orders" else "*"
        sql = f"select count(*) as n, sum(hash(t))::varchar as h from (select {exclude} from {table}) t"
        assert rows(project, sql) == rows(clean, sql), table
    left = {row["order_id"] for row in quarantined(project, "silver.orders")}
    assert left == {fault["key"] for fault in faults if fault["fault"] == "negative quantity"}
    missing = {fault["key"] for fault in faults if fault["fault"] == "missing rate"}
    facts = {row["order_id"] for row in rows(project, "select order_id from gold.fact_orders")}
    assert missing <= facts
