"""`assay publish` and the second destination of `assay run`: selection, pending publications, the
reconciliation, lineage, gates, and what must never be told."""
import json
import os

import pytest

import postgres_server
import publishing
import snowflake_standin
from publishing import Orders, check_ledger, ledger


def pending(orders):
    """The lake is there, the outside database is not."""
    orders.site.down()
    result = orders.run()
    assert result.code == 4, result
    orders.site.up()
    return result


def test_publish_finishes_what_is_pending_and_leaves_alone_what_is_there(project, site):
    orders = Orders(project, site, "merge")
    pending(orders)
    asked = project.run("publish", "--dry-run", env=site.env)
    assert asked.code == 0 and orders.seen() is None, asked
    done = project.run("publish", "--output", "json", env=site.env)
    assert done.code == 0, done
    (told,) = done.json()["publications"]
    assert (told["table"], told["state"], told["inserted"]) == ("gold.orders", "published", 300), told
    orders.check()
    again = project.run("publish", "--output", "json", env=site.env)
    assert [p["state"] for p in again.json()["publications"]] == ["already"] or again.code == 0, again
    assert check_ledger(site) == 1
    nothing = project.run("publish", "--pending", env=site.env)
    assert nothing.code == 0 and check_ledger(site) == 1, nothing


def test_the_reconciliation_names_the_rows_that_differ(project, site):
    orders = Orders(project, site, "merge", rows=50)
    assert orders.run().code == 0
    assert project.run("publish", "--verify", env=site.env).code == 0
    table, ident, note = (site.folded(name) for name in ("orders", "id", "note"))
    site.execute(f'update "{table}" set "{note}" = \'tampered\' where "{ident}" = 7')
    site.execute(f'delete from "{table}" where "{ident}" = 8')
    site.execute(f'insert into "{table}" ("{ident}", "{site.folded("region")}") values (999, \'x\')')
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 1, result
    said = result.out + result.err
    for key in ("7", "8", "999"):
        assert f"id={key}" in said.lower(), said
    assert "note" in said.lower()


def test_what_publish_says_is_aligned_and_plain(project, site):
    project.write("config/connections.yaml", {"there": site.connection()})
    project.model("gold.t", "select i as id, [i] as l, {'a': i} as doc from range(12345) r(i)", publish=[
        {"to": "there", "table": "short", "mode": "merge", "key": ["id"]},
        {"to": "there", "table": "a_longer_name", "mode": "overwrite"}])
    site.down()
    assert project.run("run", env=site.env).code == 4
    site.up()
    short, longer = "✓ gold.t  merge      there: short          ", "✓ gold.t  overwrite  there: a_longer_name  "

    def said(*words):
        result = project.run("publish", *words, env=site.env)
        assert result.code == 0, result
        return result.out.splitlines()

    assert said("--dry-run") == [short.replace("✓", "→") + "would be sent", longer.replace("✓", "→") + "would be sent"]
    assert site.read(site.folded("short")) is None
    assert said() == [short + "published +12,345", longer + "published +12,345"]
    assert said() == [short + "there already", longer + "there already"]
    assert said("--dry-run") == [short + "there already", longer + "there already"]
    assert said("--pending") == ["nothing is pending"]
    only = ["    compared by NULL only: l, doc"] if site.kind == "snowflake" else []
    assert said("--verify") == [short + "equal, 12,345 rows", *only, longer + "equal, 12,345 rows", *only]
    planned = project.run("publish", "--dry-run", "--output", "json", env=site.env).json()
    assert planned["dry_run"] is True

    site.execute(f'delete from "{site.folded("short")}" where "{site.folded("id")}" = 7')
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 1 and "E2408" in result.err, result
    assert result.out.splitlines()[0] == "✗" + short[1:] + "differs: 12,344 rows there, 12,345 here"
    assert "    missing    id=7" in result.out.splitlines()
    site.execute(f'drop table "{site.folded("short")}"')
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == 1 and "not compared\nE7050" in result.out, result


@pytest.mark.parametrize("mode", publishing.MODES)
def test_the_reconciliation_of_equal_sides(project, site, mode):
    orders = Orders(project, site, mode)
    for number in range(2):
        orders.generation(number)
        assert orders.run().code == 0
    # Rows that vanished stay in a merge without soft deletes: they are extra there.
    result = project.run("publish", "--verify", env=site.env)
    assert result.code == (1 if mode == "merge" else 0), result


def test_one_run_publishes_to_two_databases(project, sites):
    first, second = sites("postgres"), sites("snowflake")
    project.write("config/connections.yaml", {"pg": first.connection(), "sf": second.connection()})
    project.model("gold.t", "select i as id from range(10) r(i)", publish=[
        {"to": "pg", "table": "t"}, {"to": "sf", "table": "t"}])
    env = {**first.env, **second.env}
    assert project.run("run", env=env).code == 0
    rows = publishing.evaluate("select i as id from range(10) r(i)")
    assert first.read("t") == rows and second.read("T") == rows
    # One of them is down: the other one gets the rows all the same.
    second.down()
    project.model("gold.t", "select i as id from range(11) r(i)", publish=[
        {"to": "pg", "table": "t"}, {"to": "sf", "table": "t"}])
    result = project.run("run", env=env)
    assert result.code == 4, result
    assert len(first.read("t")) == 11
    second.up()
    assert project.run("publish", "--to", "sf", env=env).code == 0
    assert len(second.read("T")) == 11


def test_nothing_is_published_of_a_table_whose_gate_is_shut(project, site):
    orders = Orders(project, site, "overwrite", rows=20)
    assert orders.run().code == 0
    before = orders.seen()
    project.write("config/dq.yaml", {"gold": {"orders": {"critical": [
        {"expect_column_values_to_not_be_null": {"column": "note"}}]}}})
    orders.generation(1)
    result = orders.run()
    assert result.code == 3, result
    assert orders.seen() == before and check_ledger(site) == 1


def test_a_rollback_is_published_again(project, site):
    orders = Orders(project, site, "overwrite", rows=20)
    assert orders.run().code == 0
    first = orders.seen()
    orders.generation(1)
    assert orders.run().code == 0
    snapshots = project.ok("table", "history", "gold.orders", "--output", "json").json()["snapshots"]
    oldest = min(snapshots, key=lambda s: s["number"])
    project.ok("table", "rollback", "gold.orders", str(oldest["snapshot_id"]))
    assert project.run("publish", env=site.env).code == 0
    assert orders.seen() == first and check_ledger(site) == 3


def outputs(project):
    lines = (project.root / "events.jsonl").read_text().splitlines()
    return [(event["eventType"], out) for event in map(json.loads, lines)
            for out in event.get("outputs", [])]


def test_the_table_there_is_an_output_of_the_step(project, site):
    orders = Orders(project, site, "merge", rows=20)
    assert orders.run().code == 0
    scheme = "postgres://127.0.0.1:" if site.kind == "postgres" else "snowflake://"
    found = [out for kind, out in outputs(project)
             if kind == "COMPLETE" and out["namespace"].startswith(scheme)]
    assert found, outputs(project)
    wanted = f"{site.database.name}.{site.schema}.{site.folded('orders')}"
    assert found[0]["name"] == wanted
    fields = {f["name"].lower() for f in found[0]["facets"]["schema"]["fields"]}
    assert fields == set(publishing.COLUMNS)


def everything_written(project):
    for path in project.root.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


@pytest.mark.parametrize("works", [True, False])
def test_no_secret_is_written_anywhere(project, site, works):
    orders = Orders(project, site, "merge", rows=20)
    env = dict(site.env)
    if not works:
        env = {name: value + "wrong-secret" if name.startswith("ASSAY_TEST") else value
               for name, value in env.items()}
    result = project.run("run", "-v", env=env)
    assert result.code == (0 if works else 4), result
    secrets = {postgres_server.PASSWORD, snowflake_standin.PASSWORD}
    secrets |= {secret + "wrong-secret" for secret in secrets}
    for secret in secrets | {"wrong-secret"}:
        assert secret not in result.out + result.err
        for path, content in everything_written(project):
            assert secret.encode() not in content, path


def snowflake_secrets(server):
    """What logs in to the stand-in: texts, and the lines of its private keys."""
    keys = [(server.folder / name).read_text().splitlines()[1:-1] for name in ("key.p8", "locked.p8")]
    return {snowflake_standin.PASSWORD, snowflake_standin.TOKEN, snowflake_standin.OAUTH,
            snowflake_standin.PASSPHRASE, *(line for key in keys for line in key if len(line) > 20)}


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("auth", ["password", "key_pair", "locked_key", "pat", "oauth"])
def test_every_way_to_log_in_to_snowflake(project, sites, snowflake, auth, works):
    site = sites("snowflake")
    target = site.connection(auth=auth) if works else site.connection(auth=auth, user="NOBODY")
    orders = Orders(project, site, "merge", rows=20, connection=target)
    result = project.run("run", "-v", env=site.env)
    assert result.code == (0 if works else 4), result
    if works:
        orders.check()
        assert project.run("doctor", env=site.env).code == 0
    for secret in snowflake_secrets(snowflake):
        assert secret not in result.out + result.err
        for path, content in everything_written(project):
            assert secret.encode() not in content, path


def test_snowflake_is_told_what_each_query_belongs_to(project, sites, snowflake):
    site = sites("snowflake")
    orders = Orders(project, site, "merge", rows=20)
    assert orders.run().code == 0
    (entry,) = ledger(site)
    tags = [json.loads(r["tag"]) for r in snowflake.records("statement")
            if r["sql"].startswith(("COPY", "MERGE"))]
    assert tags and {tag["publish_id"] for tag in tags} == {entry["publish_id"]}
    assert {tag["app"] for tag in tags} == {"assay"}


def test_the_plan_and_the_history_know_of_publications(project, site):
    orders = Orders(project, site, "merge", rows=20)
    (step,) = project.ok("plan", env=site.env).out.splitlines()[1:]
    assert step.split()[:5] == ["gold.orders", "transform", "full", "yes", "yes"], step
    assert orders.run().code == 0
    listed = project.ok("ls", "--output", "json").out
    assert "there" in listed and "orders" in listed
    run = project.ok("runs", "list", "--output", "json").json()["runs"][0]["run_id"]
    shown = project.ok("runs", "show", run).out
    assert "there" in shown
    assert os.path.isdir(project.root / ".assay")


@pytest.mark.parametrize("mode", ["overwrite", "merge"])
def test_a_table_that_was_dropped_there_is_made_and_filled_again(project, site, mode):
    orders = Orders(project, site, mode, rows=30)
    assert orders.run().code == 0
    site.execute(f'drop table "{site.folded("orders")}"')
    done = project.run("publish", "gold.orders", env=site.env)
    assert done.code == 0 and "already" not in done.out, done
    orders.check()
    again = project.run("publish", "gold.orders", env=site.env)
    assert again.code == 0 and "already" in again.out, again


def test_a_dropped_table_that_rows_were_appended_to_does_not_get_the_last_ones_alone(project, site):
    orders = Orders(project, site, "append", rows=30)
    assert orders.run().code == 0
    site.execute(f'drop table "{site.folded("orders")}"')
    asked = project.run("publish", "gold.orders", env=site.env)
    assert (asked.code, publishing.error_numbers(asked)) == (1, ["E7033"]), asked
    orders.generation(1)
    refused = orders.run()
    assert (refused.code, publishing.error_numbers(refused)) == (1, ["E7033"]), refused
    assert orders.seen() is None and orders.lake() == 60
    path = project.root / "models/gold/orders.yaml"
    appending = path.read_text()
    path.write_text(appending.replace("append", "overwrite"))
    assert project.run("publish", env=site.env).code == 0
    path.write_text(appending)
    orders.generation(2)
    assert orders.run().code == 0
    orders.check()
