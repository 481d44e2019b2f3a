"""Publishing when something goes wrong on the way: the lake is right at once, and the table there in the
end, once, whatever was lost."""
import re
import threading
import time

import pytest

import peers
import publishing
from publishing import MODES, Orders, check_ledger, ledger

# Short limits, so that what never answers is given up soon.
LIMITS = {"login_timeout": "5 seconds", "request_timeout": "5 seconds", "statement_timeout": "20 seconds"}


def build(project, site, mode, **options):
    return Orders(project, site, mode, rows=60, connection=site.connection(**LIMITS), **options)


def finish(orders):
    """Runs until nothing is pending; how many rows the ledger has then."""
    for _ in range(4):
        result = orders.run()
        if result.code != 4:
            break
    assert result.code == 0, result
    orders.check()
    count = check_ledger(orders.site)
    if orders.site.staging():
        # What a lost session has left goes with the next publication.
        orders.generation(orders.number + 1)
        assert orders.run().code == 0
        orders.check()
        assert orders.site.staging() == []
    return count


def through_proxy(postgres, site, **more):
    proxy = postgres.proxy()
    return proxy, site.connection(port=proxy.port, **LIMITS, **more)


STEPS = {"the first statement": ".", "creating staging": "^CREATE UNLOGGED TABLE", "loading": "^COPY",
         "the lock": "^UPDATE .*_assay_lock", "a statement of the transaction": "INSERT INTO|MERGE|DELETE|"
         "TRUNCATE", "the ledger row": "INSERT INTO .*_assay_ledger", "COMMIT": "^COMMIT"}


POSTGRES_FAULTS = [("merge", action, step) for action in ("lose", "cut") for step in STEPS]
POSTGRES_FAULTS += [(mode, "lose", step) for mode in ("overwrite", "append")
                    for step in ("loading", "the lock", "COMMIT")]


@pytest.mark.parametrize("mode, action, step", POSTGRES_FAULTS)
def test_a_connection_to_postgresql_breaks_at(project, sites, postgres, mode, action, step):
    site = sites("postgres")
    proxy, connection = through_proxy(postgres, site)
    orders = Orders(project, site, mode, rows=60, connection=connection)
    assert orders.run().code == 0
    orders.generation(1)
    # A client that gets no answer to COPY sends no rows, so there is no end of it to wait for.
    rule = proxy.fault(STEPS[step], "cut_after" if (action, step) == ("lose", "loading") else action)
    result = orders.run()
    assert rule.fired == 1, proxy.statements
    assert result.code in (0, 4), result
    assert orders.lake() == 60 * (2 if mode == "append" else 1)
    assert finish(orders) == 2


SNOWFLAKE_STEPS = {"the session's settings": "^ALTER SESSION", "creating staging": "^CREATE TRANSIENT",
                   "the upload": "^PUT", "COPY": "^COPY INTO", "the lock": "^UPDATE .*_ASSAY_LOCK",
                   "applying": "^(MERGE|INSERT INTO \"?PUBLIC\"?.\"?ORDERS|INSERT INTO .*ORDERS)",
                   "the ledger row": "^INSERT INTO .*_ASSAY_LEDGER", "COMMIT": "^COMMIT",
                   "dropping staging": "^DROP"}


SNOWFLAKE_FAULTS = [("lose_session", step) for step in SNOWFLAKE_STEPS]
SNOWFLAKE_FAULTS += [(action, step) for action in ("end_session", "truncate", "expire", "status")
                     for step in ("COPY", "the lock", "COMMIT")]
SNOWFLAKE_FAULTS += [("lose", "COMMIT"), ("status", "the upload"), ("end_session", "dropping staging")]


@pytest.mark.parametrize("action, step", SNOWFLAKE_FAULTS)
def test_an_answer_of_snowflake_is_lost_at(project, sites, snowflake, action, step):
    site = sites("snowflake")
    orders = build(project, site, "merge")
    assert orders.run().code == 0
    orders.generation(1)
    snowflake.clear()
    snowflake.fault(match=SNOWFLAKE_STEPS[step], do=action, status=503)
    result = orders.run()
    assert snowflake.faults()[0]["fired"] == 1, snowflake.statements()
    assert result.code in (0, 4), result
    assert orders.lake() == 60
    assert finish(orders) == 2


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.parametrize("step", ["COPY", "COMMIT"])
def test_a_session_is_lost_in_the_other_modes(project, sites, snowflake, mode, step):
    site = sites("snowflake")
    orders = build(project, site, mode)
    assert orders.run().code == 0
    orders.generation(1)
    snowflake.fault(match=SNOWFLAKE_STEPS[step], do="lose_session")
    result = orders.run()
    assert snowflake.faults()[0]["fired"] == 1 and result.code in (0, 4), result
    assert finish(orders) == 2


@pytest.mark.parametrize("action, step", [("die", "COPY"), ("die", "COMMIT"), ("die_after", "the lock"),
                                          ("die_after", "COMMIT")])
def test_snowflake_dies_and_comes_back(project, sites, snowflake, action, step):
    site = sites("snowflake")
    orders = build(project, site, "merge")
    assert orders.run().code == 0
    orders.generation(1)
    snowflake.fault(match=SNOWFLAKE_STEPS[step], do=action)
    result = orders.run()
    assert result.code == 4 and not snowflake.running(), result
    assert "pending" in result.err and orders.lake() == 60, result
    snowflake.start()
    assert finish(orders) == 2


def test_postgresql_is_down_and_comes_back(project, sites, postgres):
    site = sites("postgres")
    orders = build(project, site, "merge")
    site.down()
    begin = time.monotonic()
    result = orders.run()
    assert result.code == 4 and time.monotonic() - begin < 20, result
    assert "pending" in result.err and orders.lake() == 60, result
    # Still down: the step has nothing to do, the publication is still pending.
    assert orders.run().code == 4
    site.up()
    done = orders.project.run("publish", "--pending", env=site.env)
    assert done.code == 0, done
    orders.check()
    nothing = orders.run()
    assert nothing.code == 0 and "→" not in nothing.err, nothing


def test_a_newer_snapshot_takes_the_place_of_a_pending_one(project, site):
    orders = build(project, site, "merge")
    site.down()
    assert orders.run().code == 4
    orders.generation(1)
    assert orders.run().code == 4
    site.up()
    # Of the first generation nothing was ever there.
    orders.there = {}
    orders.generation(1)
    assert finish(orders) == 1


def test_an_upload_is_refused(project, sites, snowflake):
    site = sites("snowflake")
    orders = build(project, site, "merge")
    snowflake.fault(on="upload", do="status", status=403, times=0)
    begin = time.monotonic()
    result = orders.run()
    assert result.code in (1, 4) and time.monotonic() - begin < 150, result
    assert orders.seen() in (None, []) and orders.lake() == 60
    snowflake.clear()
    assert orders.project.run("publish", env=site.env).code == 0
    orders.check()


def test_an_upload_arrives_late(project, sites, snowflake):
    site = sites("snowflake")
    orders = build(project, site, "merge")
    snowflake.fault(on="upload", do="slow", seconds=2)
    snowflake.fault(on="upload", do="status", status=503, nth=2)
    finish(orders)


@pytest.mark.parametrize("kind", publishing.KINDS)
def test_a_server_that_accepts_and_never_answers_is_given_up_in_time(project, sites, kind, request):
    site = sites(kind)
    if kind == "postgres":
        proxy, connection = through_proxy(request.getfixturevalue("postgres"), site)
        proxy.fault("^UPDATE .*_assay_lock", "delay", seconds=60, times=100)
        orders = Orders(project, site, "merge", rows=60, connection={
            **connection, "statement_timeout": "3 seconds"})
    else:
        orders = Orders(project, site, "merge", rows=60, connection=site.connection(
            **{**LIMITS, "statement_timeout": "3 seconds"}))
        site.server.fault(match="^COPY INTO", do="hang", times=0)
    begin = time.monotonic()
    result = orders.run()
    assert result.code == 4 and time.monotonic() - begin < 60, (result, time.monotonic() - begin)
    if kind == "postgres":
        proxy.cut_all()
        proxy.reset()
    else:
        site.server.clear()
    finish(orders)


@pytest.mark.parametrize("kind", publishing.KINDS)
def test_a_slow_statement_is_waited_for(project, sites, kind, request):
    site = sites(kind)
    if kind == "postgres":
        proxy, connection = through_proxy(request.getfixturevalue("postgres"), site)
        proxy.fault("^COMMIT", "delay", seconds=2)
        orders = Orders(project, site, "merge", rows=60, connection=connection)
    else:
        orders = build(project, site, "merge")
        site.server.settings(poll_after=0.5)
        site.server.fault(match="^COPY INTO", do="slow", seconds=3)
    assert orders.run().code == 0
    orders.check()


def test_the_statement_timeout_of_snowflake_stops_a_statement(project, sites, snowflake):
    site = sites("snowflake")
    orders = Orders(project, site, "merge", rows=60, connection=site.connection(
        **{**LIMITS, "statement_timeout": "2 seconds"}))
    snowflake.fault(match="^COPY INTO", do="slow", seconds=30, times=0)
    begin = time.monotonic()
    result = orders.run()
    assert result.code == 4 and time.monotonic() - begin < 60, result
    snowflake.clear()
    finish(orders)


@pytest.mark.parametrize("mode", MODES)
def test_two_processes_publish_the_same_snapshot_at_once(project, site, mode):
    orders = build(project, site, mode)
    # The lake first, without the outside database.
    site.down()
    assert orders.run().code == 4
    site.up()
    started = [orders.project.assay.start("publish", "--output", "json", cwd=project.root, env=site.env)
               for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert {code for _, code in ended} <= {0, 6}, ended
    assert 0 in [code for _, code in ended]
    assert finish(orders) == 1


@pytest.mark.parametrize("mode", ["overwrite", "merge"])
def test_two_projects_publish_to_one_table_at_once(make_project, site, mode):
    """Without a lock in common: the ledger alone decides. Equal lakes have other uuids, so both apply."""
    both = [build(make_project(name), site, mode) for name in ("a", "b")]
    started = [orders.project.assay.start("run", cwd=orders.project.root, env=site.env) for orders in both]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert {code for _, code in ended} <= {0, 4}, ended
    for orders in both:
        assert orders.run().code == 0
    both[0].check()


def test_nobody_sees_a_part_of_an_overwrite(project, site):
    orders = Orders(project, site, "overwrite", rows=3000)
    assert orders.run().code == 0
    wrong, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            rows = site.count(site.folded("orders"))
            if rows != 3000:
                wrong.append(rows)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for number in (1, 2, 3):
            orders.generation(number)
            assert orders.run().code == 0
    finally:
        stop.set()
        thread.join()
    assert not wrong, wrong
    orders.check()


def test_an_older_snapshot_is_refused_after_a_newer_one(project, site):
    """A copy of the project that was left behind does not take the table back."""
    import shutil

    orders = build(project, site, "overwrite")
    assert orders.run().code == 0
    old = project.root.parent / "old"
    orders.generation(1)
    assert orders.run().code == 0
    shutil.copytree(project.root, old, symlinks=True)
    orders.generation(2)
    assert orders.run().code == 0
    newest = ledger(site)
    behind = orders.project.assay("publish", cwd=old, env=site.env)
    assert behind.code in (0, 1), behind
    orders.check()
    assert ledger(site) == newest


def test_staging_of_a_publisher_that_died_is_removed(project, sites, snowflake):
    site = sites("snowflake")
    orders = build(project, site, "merge")
    snowflake.fault(match="^COPY INTO", do="hang")
    process = orders.project.assay.start("run", cwd=project.root, env=site.env)
    end = time.monotonic() + 30
    while not any(re.match("COPY INTO", sql) for sql in snowflake.statements()):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert site.staging()
    finish(orders)


def test_a_change_of_a_target_that_is_locked_is_waited_for_once_an_attempt(project, sites):
    from adbc_driver_manager import dbapi

    site = sites("postgres")
    entry = [{"to": "there", "table": "t"}]
    project.write("config/connections.yaml", {"there": site.connection(statement_timeout="1 second")})
    project.model("gold.t", "select 1 as id", publish=entry)
    assert project.run("run", env=site.env).code == 0
    project.model("gold.t", "select 1 as id, 2 as more", publish=entry)
    log = site.server.server.folder / "log"
    with (dbapi.connect(driver=peers.adbc_driver("postgresql"), entrypoint="AdbcDriverInit",
                        db_kwargs={"uri": site.database.uri()}) as holder, holder.cursor() as cursor):
        cursor.execute("lock table t in access exclusive mode")
        before = log.stat().st_size
        result = project.run("run", env=site.env)
        assert result.code == 4 and "statement_timeout" in result.err, result
        asked = log.read_bytes()[before:].count(b"STATEMENT:  ALTER TABLE")
        assert asked == 2, log.read_bytes()[before:]
    assert project.run("run", env=site.env).code == 0
    assert site.read("t") == [{"id": "1", "more": "2"}]
