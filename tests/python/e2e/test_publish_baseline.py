"""The faults of the script that published before assay did, each shown not to be there.

What another file proves is named here only: keys (test_publish_bad_input.py), appends that are repeated and
overwrites in the middle (faults/test_publish_faults.py), schema changes and soft deletes
(test_publish_modes.py), watermarks (test_database_sources.py).
"""
import re

from publishing import Orders, check_ledger

NAME = r'"(?:[^"]|"")+"'


def statements(snowflake, verb):
    return [sql for sql in snowflake.statements() if sql.startswith(verb)]


def published(project, site, mode="merge", **options):
    orders = Orders(project, site, mode, rows=30, **options)
    for number in range(2):
        orders.generation(number)
        result = orders.run()
        assert result.code == 0, result
    return orders


def test_the_merge_reaches_snowflake_as_a_statement_of_its_own(project, sites, snowflake):
    """It was wrapped into a sub-select, by a login without database, schema, warehouse and role."""
    site = sites("snowflake")
    published(project, site)
    assert len(statements(snowflake, "MERGE INTO")) == 2
    logins = [r["place"] for r in snowflake.records("login") if "databaseName" in r["place"]]
    assert len(logins) >= 2
    for place in logins:
        assert (place["databaseName"], place["schemaName"]) == (site.database.name, "PUBLIC")
        assert (place["warehouse"], place["roleName"]) == ("WH", "LOADER")


def test_staging_and_target_lie_in_one_schema_and_staging_has_a_name_of_its_own(project, sites, snowflake):
    """Rows went to one schema and were merged from another; all runs shared one staging table."""
    site = sites("snowflake")
    published(project, site, table="marts.orders")
    merges = statements(snowflake, "MERGE INTO")
    copies = statements(snowflake, "COPY INTO")
    pattern = rf'((?:{NAME}\.)*)({NAME})'
    targets = {re.search(rf"MERGE INTO {pattern}", sql).group(1) for sql in merges}
    staged = [re.search(rf"COPY INTO {pattern}", sql) for sql in copies]
    used = [re.search(rf"USING \(?(?:SELECT .*? FROM )?{pattern}", sql, re.DOTALL) for sql in merges]
    assert targets == {m.group(1) for m in staged} == {m.group(1) for m in used}
    assert [m.group(2) for m in staged] == [m.group(2) for m in used]
    assert len({m.group(2) for m in staged}) == 2
    assert site.staging() == []


def test_the_merge_names_every_column(project, sites, snowflake):
    """It set one column, inserted `*`, and guessed the keys from the table's name."""
    site = sites("snowflake")
    published(project, site)
    (sql, *_) = statements(snowflake, "MERGE INTO")
    updated = sql.partition("UPDATE SET")[2].partition("WHEN NOT MATCHED")[0]
    inserted = sql.partition("THEN INSERT")[2]
    for column in ("AMOUNT", "NOTE", "FLAG", "RATIO", "DAY", "AT_TIME", "AT_ZONE", "VERSION"):
        assert f'"{column}"' in updated and f'"{column}"' in inserted, sql
    joined = sql.partition(" ON ")[2].partition("WHEN ")[0]
    assert '"ID"' in joined and '"REGION"' in joined
    assert "*" not in inserted and '"ID" =' not in updated


def test_rows_are_counted_by_the_database_and_not_by_a_second_pass(project, site):
    orders = published(project, site)
    rows = site.read(site.folded("_assay_ledger"))
    newest = max(rows, key=lambda row: int(row["sequence"]))
    assert newest["rows_staged"] == "30"
    assert int(newest["rows_ins"]) + int(newest["rows_upd"]) == 30
    assert check_ledger(site) == 2 and orders.lake() == 30
