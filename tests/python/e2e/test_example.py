"""The retail example, whole: raw files become tested gold tables in the three formats, equal row
for row, read by PyIceberg, delta-rs, Spark and DuckDB's own extensions."""
import hashlib
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

FORMATS = ["iceberg", "delta", "parquet"]
GOLD = ["gold.behavior_analytics", "gold.customer_360", "gold.dim_account", "gold.dim_contact",
        "gold.dim_customer", "gold.dim_date", "gold.dim_product", "gold.fact_opportunity",
        "gold.fact_order_events", "gold.fact_orders", "gold.product_performance"]
STEPS = 34


@pytest.fixture(scope="module")
def made(tmp_path_factory, assay):
    """One small example project, not run yet."""
    folder = tmp_path_factory.mktemp("retail") / "retail"
    assay.ok("init", "retail", folder, "--scale", "0.02", "--seed", "7", "--asof", "2026-11-22")
    return folder


@pytest.fixture(scope="module")
def lakes(made, assay, tmp_path_factory):
    """The example after a run in each format: one word of storage.yaml is the only difference."""
    found = {}
    for name in FORMATS:
        root = tmp_path_factory.mktemp(name) / "retail"
        shutil.copytree(made, root)
        storage = root / "config/storage.yaml"
        storage.write_text(storage.read_text().replace("${ASSAY_FORMAT:-iceberg}", name))
        assay.ok("run", cwd=root)
        found[name] = root
    return found


def digest(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def location(root, table):
    return str(root / "lake" / table.replace(".", "/"))


def same_rows(table):
    """Rows as text, so that the peers' differing Arrow types (string views, decimals) compare."""
    return sorted(json.dumps({key: str(value) for key, value in row.items()}, sort_keys=True)
                  for row in table.to_pylist())


def test_equal_arguments_give_equal_bytes(made, assay, tmp_path):
    assay.ok("init", "retail", tmp_path / "b", "--scale", "0.02", "--seed", "7", "--asof", "2026-11-22")
    assert digest(made) == digest(tmp_path / "b")
    assay.ok("init", "retail", tmp_path / "c", "--scale", "0.02", "--seed", "8", "--asof", "2026-11-22")
    assert digest(made) != digest(tmp_path / "c")


def test_init_does_not_change_a_project(made, assay):
    result = assay("init", "retail", made)
    assert result.code != 0 and "E1004" in result.err, result


@pytest.mark.parametrize("table_format", FORMATS)
def test_second_run_has_nothing_to_do_and_says_why(lakes, assay, table_format):
    events = assay.ok("run", "--output", "json", cwd=lakes[table_format]).events()
    finished = [event for event in events if event["event"] == "step_finished"]
    assert len(finished) == STEPS
    assert {event["state"] for event in finished} == {"skipped"}, finished
    assert all(event["reason"] for event in finished)


def test_gold_is_equal_in_the_three_formats_for_duckdb(lakes, assay, read):
    for table in GOLD:
        rows = {name: assay.ok("query", f"select * from {table}", "--limit", "1000000", "--output",
                               "json", cwd=lakes[name]).json()["rows"] for name in FORMATS}
        key = [sorted(map(json.dumps, rows[name])) for name in FORMATS]
        assert key[0] == key[1] == key[2], table
        assert len(key[0]) > 0, table


@pytest.mark.parametrize("table", GOLD)
def test_pyiceberg_and_deltars_and_plain_parquet_agree(lakes, read, table):
    iceberg = same_rows(read.pyiceberg(location(lakes["iceberg"], table)))
    delta_table = read.deltars(location(lakes["delta"], table))
    own = set(read.pyiceberg(location(lakes["iceberg"], table)).column_names)
    delta = same_rows(delta_table.select([c for c in delta_table.column_names if c in own]))
    files = sorted(Path(location(lakes["parquet"], table)).rglob("*.parquet"))
    plain = sorted(row for file in files for row in same_rows(pq.ParquetFile(file).read()))
    assert len(iceberg) > 0
    assert iceberg == delta
    assert iceberg == plain


@pytest.mark.parametrize("table", GOLD)
def test_duckdb_extensions_agree(lakes, read, table):
    iceberg = read.duckdb(location(lakes["iceberg"], table), "iceberg")
    delta = read.duckdb(location(lakes["delta"], table), "delta")
    names = iceberg.column_names
    assert same_rows(iceberg) == same_rows(delta.select(names))


def test_spark_agrees(lakes, read):
    for table in GOLD:
        iceberg = read.spark(location(lakes["iceberg"], table), "iceberg")
        names = iceberg.column_names
        delta = read.spark(location(lakes["delta"], table), "delta").select(names)
        witness = read.pyiceberg(location(lakes["iceberg"], table)).select(names)
        assert len(iceberg) == len(witness) > 0, table
        assert same_rows(iceberg) == same_rows(delta), table
        # Spark gives timestamps as naive local (UTC) values of the same moment
        assert iceberg.num_rows == witness.num_rows


def test_truths_of_the_example(lakes, assay):
    root = lakes["iceberg"]

    def value(sql):
        return assay.ok("query", sql, "--output", "json", cwd=root).json()["rows"][0][0]

    assert value("select count(*) - count(distinct order_id) from gold.fact_orders") == 0
    assert value("select count(*) from gold.fact_orders") == value(
        "select count(*) from silver.orders where not _is_deleted")
    for fact, key, dimension in (("fact_orders", "customer_sk", "dim_customer"),
                                 ("fact_orders", "product_sk", "dim_product"),
                                 ("fact_opportunity", "account_sk", "dim_account"),
                                 ("fact_order_events", "customer_sk", "dim_customer")):
        assert value(f"""select count(*) from gold.{fact} f
                         left join gold.{dimension} d on d.surrogate_key = f.{key}
                         where d.surrogate_key is null""") == 0, (fact, key)
    assert value("""select count(*) from gold.fact_orders f join gold.dim_customer d
                    on d.surrogate_key = f.customer_sk and d.customer_id <> f.customer_id""") == 0
    assert value("select count(*) from gold.dim_customer where not is_current") > 0
    assert value("select count(*) from bronze.orders where op = 'DELETE'") > 0
    assert value("""select count(*) from gold.fact_orders where order_id in
                    (select order_id from bronze.orders where op = 'DELETE')""") == 0
    assert value("""select abs((select sum(revenue) from gold.product_performance)
                             - (select sum(order_amount_usd) from gold.fact_orders)) <= 0.01""") is True
    assert value("select count(*) from gold.fact_orders where order_amount_usd is null") == 0


def test_a_run_from_scratch_equals_one_that_was_done_in_pieces(made, assay, tmp_path):
    shutil.copytree(made, tmp_path / "pieces")
    shutil.copytree(made, tmp_path / "whole")
    assay.ok("run", "layer:bronze", cwd=tmp_path / "pieces")
    assay.ok("run", "layer:silver", cwd=tmp_path / "pieces")
    assay.ok("run", cwd=tmp_path / "pieces")
    assay.ok("run", cwd=tmp_path / "whole")
    for table in GOLD:
        results = [assay.ok("query", f"select * from {table} order by all", "--limit", "1000000",
                            "--output", "json", cwd=tmp_path / name).json()["rows"]
                   for name in ("pieces", "whole")]
        assert results[0] == results[1], table


@pytest.mark.shared
def test_the_same_models_run_on_files_that_nobody_here_wrote(made, assay, tmp_path, shared):
    root = tmp_path / "real"
    shutil.copytree(made, root)
    shutil.rmtree(root / "data")
    for folder in ("snowflake", "redshift", "crm", "fx", "kafka"):
        shutil.copytree(shared / "data/retail" / folder, root / "data" / folder)
    assay.ok("run", cwd=root)

    def value(sql):
        return assay.ok("query", sql, "--output", "json", cwd=root).json()["rows"][0][0]

    assert value("select count(*) from bronze.orders") == 100000
    assert value("select count(*) from silver.customers") == 50000
    assert value("select count(*) from silver.accounts") == 30153
    # those whose day has no rate wait for it
    kept = assay.ok("quarantine", "show", "gold.fact_orders", "--limit", "1000", "--output", "json",
                    cwd=root).json()
    assert len(kept["rows"]) == 90


def test_the_readme_shows_a_shut_gate(lakes, assay, copy_project):
    project = copy_project(lakes["iceberg"])
    dq = project.root / "config/dq.yaml"
    text = dq.read_text()
    assert "column: price_usd, min_value: 0, strict_min: true" in text
    dq.write_text(text.replace("column: price_usd, min_value: 0, strict_min: true",
                               "column: price_usd, min_value: 0, max_value: 100"))
    before = project.query("select count(*), sum(price_usd) from silver.products")["rows"]
    assert project.run("check", "silver.products").code == 3
    result = project.run("run", "--full-refresh", "silver.products")
    assert result.code == 3 and "for example" in result.err, result
    assert project.query("select count(*), sum(price_usd) from silver.products")["rows"] == before
    dq.write_text(dq.read_text().replace("max_value: 100 }", "max_valeu: 100 }"))
    result = project.run("check", "silver.products")
    assert result.code in (2, 3) and "max_valeu" in result.err + result.out, result


def test_old_snapshots_leave_by_themselves(make_project, read):
    for table_format in FORMATS:
        project = make_project(table_format)
        project.write("assay.yaml", {"name": "test"})
        project.storage(format=table_format, warehouse="lake", keep={"snapshots": 2, "days": 0})
        for number in range(5):
            project.model("gold.t", f"select {number} as n")
            project.ok("run")
        history = project.ok("table", "history", "gold.t", "--output", "json").json()["snapshots"]
        assert len(history) <= 3, (table_format, history)
        assert project.query("select n from gold.t")["rows"] == [[4]]
