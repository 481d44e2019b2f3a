"""The stand-in for Snowflake itself: without this, a test of publishing that passes would say nothing.

Two independent clients look at it: Snowflake's own connector for Python, and the ADBC driver that
assay loads.
"""
import datetime
import threading
import time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import snowflake_standin

QUICK = {f"adbc.snowflake.sql.client_option.{name}_timeout": "3s" for name in ("request", "client")}
UTC = datetime.timezone.utc
COLUMNS = ('"ID" NUMBER(19,0) NOT NULL, "N" VARCHAR(20), "A" NUMBER(12,2), "BIG" NUMBER(38,3), '
           '"TS" TIMESTAMP_NTZ(6), "TZ" TIMESTAMP_TZ(6), "D" DATE, "B" BOOLEAN, "F" FLOAT, '
           '"X" BINARY, "T" TIME(6)')
ROW = (1, "a'b", Decimal("-1.25"), Decimal("12345678901234567890.125"),
       datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
       datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), datetime.date(2026, 1, 2), True,
       1.5, b"\x00\xff", datetime.time(1, 2, 3, 500000))
INSERT = ("INSERT INTO \"T\" SELECT 1, 'a''b', -1.25, 12345678901234567890.125, "
          "'2026-01-02 03:04:05.678901'::TIMESTAMP_NTZ, '2026-01-02 03:04:05.678901+00:00'::TIMESTAMP_TZ,"
          " '2026-01-02'::DATE, true, 1.5::FLOAT, TO_BINARY('00ff','HEX'), '01:02:03.5'::TIME "
          "UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL")


@pytest.fixture
def target(snowflake):
    return snowflake.database()


def run(connection, *statements):
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def rows(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_both_clients_read_every_type_and_null(target):
    target.execute(f'CREATE TABLE "T" ({COLUMNS})')
    target.execute(INSERT)
    empty = (2,) + (None,) * (len(ROW) - 1)
    by_connector = [tuple(bytes(v) if isinstance(v, bytearray) else v for v in row)
                    for row in target.rows('SELECT * FROM "T" ORDER BY "ID"')]
    assert by_connector == [ROW, empty]
    with target.adbc() as connection:
        assert [tuple(r) for r in rows(connection, 'SELECT * FROM "T" ORDER BY "ID"')] == [ROW, empty]


def test_a_result_of_many_chunks_arrives_whole(target):
    count = 250001
    sql = f"SELECT seq AS N, seq * 1.5 AS X FROM (SELECT * FROM range({count}) r(seq)) ORDER BY 1"
    with target.adbc() as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
    assert table.num_rows == count
    assert table.column(0).to_pylist() == list(range(count))
    assert len(target.rows(sql)) == count


@pytest.mark.parametrize("client", ["connector", "adbc"])
def test_a_transaction_is_one(target, client):
    with target.connect() if client == "connector" else target.adbc() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0), "N" VARCHAR)', "BEGIN",
            "INSERT INTO \"T\" VALUES (1,'a'),(2,'b')", "UPDATE \"T\" SET \"N\" = 'c' WHERE \"ID\" = 2")
        assert target.rows('SELECT count(*) FROM "T"') == [(0,)]
        run(connection, "ROLLBACK")
        assert target.rows('SELECT count(*) FROM "T"') == [(0,)]
        run(connection, "BEGIN", "INSERT INTO \"T\" VALUES (1,'a')", "COMMIT")
        assert target.rows('SELECT * FROM "T"') == [(1, "a")]


def test_autocommit_can_be_switched_off(target):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    with target.adbc() as connection:
        connection.adbc_connection.set_autocommit(False)
        run(connection, 'INSERT INTO "T" VALUES (1)')
        assert target.value('SELECT count(*) FROM "T"') == 0
        connection.adbc_connection.commit()
        assert target.value('SELECT count(*) FROM "T"') == 1
    with target.connect(autocommit=False) as connection:
        run(connection, 'INSERT INTO "T" VALUES (2)')
        assert target.value('SELECT count(*) FROM "T"') == 1
        connection.rollback()
    assert target.value('SELECT count(*) FROM "T"') == 1


def test_ddl_commits_the_open_transaction_and_truncate_does_not(target):
    with target.connect() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0))', 'INSERT INTO "T" VALUES (1)', "BEGIN",
            'TRUNCATE TABLE "T"', "ROLLBACK")
        assert rows(connection, 'SELECT count(*) FROM "T"') == [(1,)]
        run(connection, "BEGIN", 'TRUNCATE TABLE "T"', 'CREATE TABLE "U" ("ID" NUMBER(19,0))', "ROLLBACK")
        assert rows(connection, 'SELECT count(*) FROM "T"') == [(0,)]


def test_primary_keys_are_not_enforced_but_not_null_is(target):
    with target.connect() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0), "N" VARCHAR UNIQUE, PRIMARY KEY ("ID"))',
            "INSERT INTO \"T\" VALUES (1,'a'),(1,'a')")
        assert rows(connection, 'SELECT count(*) FROM "T"') == [(2,)]
        with pytest.raises(Exception, match="NULL result in a non-nullable column"):
            run(connection, "INSERT INTO \"T\" VALUES (NULL,'a')")


@pytest.mark.parametrize("client", ["connector", "adbc"])
def test_merge_counts_and_refuses_what_is_not_deterministic(target, client):
    merge = ('MERGE INTO "T" t USING (SELECT * FROM "S") s ON t."A" = s."A" AND t."B" = s."B" '
             'WHEN MATCHED AND s."OP" = \'D\' THEN DELETE '
             'WHEN MATCHED AND NOT EQUAL_NULL(t."N", s."N") THEN UPDATE SET t."N" = UPPER(s."N") '
             'WHEN NOT MATCHED AND s."OP" <> \'D\' THEN INSERT ("A","B","N") VALUES (s."A", s."B", s."N")')
    with target.connect() if client == "connector" else target.adbc() as connection:
        run(connection, 'CREATE TABLE "T" ("A" NUMBER(9,0), "B" NUMBER(9,0), "N" VARCHAR)',
            'CREATE TRANSIENT TABLE "S" ("A" NUMBER(9,0), "B" NUMBER(9,0), "N" VARCHAR, "OP" VARCHAR) '
            "DATA_RETENTION_TIME_IN_DAYS = 0",
            "INSERT INTO \"T\" VALUES (1,1,'a'),(1,2,'b'),(1,3,NULL)",
            "INSERT INTO \"S\" VALUES (1,1,'a','U'),(1,2,'x','D'),(1,3,'c','U'),(2,1,'d','U'),(9,9,'z','D')",
            "BEGIN")
        assert [tuple(map(int, r)) for r in rows(connection, merge)] == [(1, 1, 1)]
        run(connection, "COMMIT")
        assert sorted(target.rows('SELECT * FROM "T"')) == [(1, 1, "a"), (1, 3, "C"), (2, 1, "d")]
        run(connection, "INSERT INTO \"S\" VALUES (1,3,'other','U')")
        with pytest.raises(Exception, match="Duplicate row detected during DML action"):
            run(connection, merge)
        run(connection, "ALTER SESSION SET ERROR_ON_NONDETERMINISTIC_MERGE = FALSE", merge)


def parquet_file(folder, count, first=0):
    path = folder / f"part-{first}.parquet"
    table = pa.table({"ID": pa.array(range(first, first + count), pa.int64()),
                      "TS": pa.array([datetime.datetime(2026, 1, 1)] * count, pa.timestamp("us"))})
    pq.write_table(table, path)
    return path


COPY = ("COPY INTO \"T\" FROM @ST/set/x FILES = ({files}) FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE"
        " = TRUE BINARY_AS_TEXT = FALSE USE_VECTORIZED_SCANNER = TRUE) MATCH_BY_COLUMN_NAME = "
        "CASE_SENSITIVE FORCE = TRUE ON_ERROR = ABORT_STATEMENT")


@pytest.mark.parametrize("client", ["connector", "adbc"])
def test_files_go_to_a_stage_and_into_a_table(target, tmp_path, client):
    files = [parquet_file(tmp_path, 10, first) for first in (0, 10)]
    with target.connect() if client == "connector" else target.adbc() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0), "TS" TIMESTAMP_NTZ(6))',
            "CREATE STAGE IF NOT EXISTS ST")
        run(connection, *[f"PUT 'file://{path}' @ST/set/x AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
                          for path in files])
        listed = rows(connection, "LIST @ST/set/x") or rows(connection, "LIST @ST")
        assert [r[0] for r in sorted(listed)] == ["st/set/x/part-0.parquet", "st/set/x/part-10.parquet"]
        copy = COPY.format(files="'part-0.parquet', 'part-10.parquet'")
        run(connection, "BEGIN")
        assert [(r[1], int(r[3])) for r in rows(connection, copy)] == [("LOADED", 10)] * 2
        run(connection, "ROLLBACK")
        assert target.value('SELECT count(*) FROM "T"') == 0
        run(connection, copy, copy)
        assert target.value('SELECT count(*) FROM "T"') == 40
        with pytest.raises(Exception, match="not found"):
            run(connection, COPY.format(files="'part-5.parquet'"))
        run(connection, "REMOVE @ST/set/x")
        assert rows(connection, "LIST @ST") == []


def test_the_stage_of_a_table_goes_with_it(target, snowflake, tmp_path):
    path = parquet_file(tmp_path, 10)
    with target.adbc() as connection:
        run(connection, 'CREATE TABLE "T_1" ("ID" NUMBER(19,0))',
            f"PUT 'file://{path}' @%T_1 AUTO_COMPRESS = FALSE")
        kept = list((snowflake.folder / "data/stages" / target.name).rglob("*.parquet"))
        assert len(kept) == 1
        run(connection, 'DROP TABLE "T_1"')
    assert not kept[0].exists()


def test_a_lost_answer_is_given_again_and_nothing_runs_twice(target, snowflake):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    actions = [{"do": "lose"}, {"do": "status_after", "status": 503}]
    for client in (target.connect, target.adbc):
        for action in actions:
            snowflake.clear()
            target.execute('TRUNCATE TABLE "T"')
            snowflake.fault(match='^INSERT INTO "T"', **action)
            with client() as connection:
                run(connection, 'INSERT INTO "T" VALUES (7)')
            assert target.value('SELECT count(*) FROM "T"') == 1, (client, action)
            inserts = [r for r in snowflake.records("statement") if r["sql"].startswith("INSERT")]
            assert [r["again"] for r in inserts] == [False, True]


def test_an_answer_that_breaks_off_is_an_error_of_a_statement_that_ran(target, snowflake):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    for count, client in enumerate((target.connect, target.adbc), start=1):
        snowflake.fault(match='^INSERT INTO "T"', do="truncate")
        with client() as connection, pytest.raises(Exception, match="(?i)unexpected EOF|IncompleteRead"):
            run(connection, 'INSERT INTO "T" VALUES (7)')
        assert target.value('SELECT count(*) FROM "T"') == count


def test_a_server_that_is_busy_is_asked_again(target, snowflake):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    for status in (503, 429):
        snowflake.fault(match='^INSERT INTO "T"', do="status", status=status)
        with target.adbc() as connection:
            run(connection, 'INSERT INTO "T" VALUES (7)')
    assert target.value('SELECT count(*) FROM "T"') == 2


def test_an_expired_session_is_renewed_and_a_lost_one_is_not(target, snowflake):
    for client in (target.connect, target.adbc):
        with client() as connection:
            run(connection, "SELECT 1")
            snowflake.expire()
            run(connection, "SELECT 2")
            assert snowflake.records("renew")
    with target.adbc() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0))', "BEGIN", 'INSERT INTO "T" VALUES (1)')
        snowflake.fault(match="^COMMIT", do="end_session")
        with pytest.raises(Exception, match="(?i)session no longer exists"):
            run(connection, "COMMIT")
    assert target.value('SELECT count(*) FROM "T"') == 0
    with target.adbc() as connection:
        run(connection, "BEGIN", 'INSERT INTO "T" VALUES (1)')
        snowflake.fault(match="^COMMIT", do="lose_session")
        with pytest.raises(Exception, match="(?i)session no longer exists"):
            run(connection, "COMMIT")
    assert target.value('SELECT count(*) FROM "T"') == 1


def test_a_statement_is_cancelled_timed_out_and_polled_for(target, snowflake):
    with target.adbc() as connection, connection.cursor() as cursor:
        threading.Timer(0.5, cursor.adbc_cancel).start()
        start = time.monotonic()
        with pytest.raises(Exception, match="(?i)cancel"):
            cursor.execute("SELECT SYSTEM$WAIT(30)")
        assert time.monotonic() - start < 10
    with target.adbc() as connection:
        run(connection, "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
        with pytest.raises(Exception, match="timeout"):
            run(connection, "SELECT SYSTEM$WAIT(30)")
        # A real query is stopped too, not only a wait.
        with pytest.raises(Exception, match="timeout"):
            run(connection, "SELECT count(*), max(hash(a.x * b.x)) FROM (SELECT * FROM range(10000000)"
                " r(x)) a, (SELECT * FROM range(100000) r(x)) b")
    snowflake.settings(poll_after=0.5)
    with target.adbc() as connection:
        assert rows(connection, "SELECT SYSTEM$WAIT(2)") == [("waited 2 seconds",)]
    with target.connect() as connection, connection.cursor() as cursor:
        cursor.execute_async("SELECT SYSTEM$WAIT(1)")
        query = cursor.sfqid
        while connection.is_still_running(connection.get_query_status(query)):
            time.sleep(0.1)
        cursor.get_results_from_sfqid(query)
        assert cursor.fetchall() == [("waited 1 seconds",)]


def test_session_parameters_and_the_query_tag(target, snowflake):
    with target.adbc() as connection:
        run(connection, "ALTER SESSION SET QUERY_TAG = '{\"a\": \"it''s\"}', LOCK_TIMEOUT = 7",
            "SELECT 1")
        assert rows(connection, "SHOW PARAMETERS LIKE 'LOCK_TIMEOUT'")[0][1] == "7"
    (record,) = [r for r in snowflake.records("statement") if r["sql"] == "SELECT 1"]
    assert record["tag"] == '{"a": "it\'s"}'
    with target.connect(session_parameters={"QUERY_TAG": "login"}) as connection:
        run(connection, "SELECT 2")
    (record,) = [r for r in snowflake.records("statement") if r["sql"] == "SELECT 2"]
    assert record["tag"] == "login"


AUTH = "adbc.snowflake.sql.auth_type"
JWT_FILE = "adbc.snowflake.sql.client_option.jwt_private_key"
JWT_VALUE = JWT_FILE + "_pkcs8_value"
JWT_PASSWORD = JWT_FILE + "_pkcs8_password"


def test_every_way_to_log_in_is_checked(target, snowflake, tmp_path):
    snowflake_standin.make_keys(tmp_path)      # keys that the server does not know
    known, locked = snowflake.folder / "key.p8", (snowflake.folder / "locked.p8").read_text()
    token = "adbc.snowflake.sql.client_option.auth_token"
    good = [{}, {AUTH: "auth_jwt", JWT_FILE: str(known), "password": None},
            {AUTH: "auth_jwt", JWT_VALUE: locked, "password": None,
             JWT_PASSWORD: snowflake_standin.PASSPHRASE},
            {AUTH: "auth_pat", token: snowflake_standin.TOKEN, "password": None},
            {AUTH: "auth_oauth", token: snowflake_standin.OAUTH, "password": None}]
    for options in good:
        with target.adbc(**options) as connection:
            assert rows(connection, "SELECT 1") == [(1,)], options
    wrong = [({"password": "x"}, "Incorrect username or password"), ({"username": "NOBODY"}, "Incorrect"),
             ({AUTH: "auth_jwt", JWT_FILE: str(tmp_path / "key.p8")}, "JWT token is invalid"),
             ({AUTH: "auth_pat", token: "x"}, "access token is invalid"),
             ({AUTH: "auth_oauth", token: "x"}, "Invalid OAuth access token")]
    for options, message in wrong:
        with pytest.raises(Exception, match=message):
            target.adbc(**options)
    with target.connect(password=None, private_key_file=str(known),
                        authenticator="SNOWFLAKE_JWT") as connection:
        assert rows(connection, "SELECT 1") == [(1,)]


def test_an_upload_can_be_refused(target, snowflake, tmp_path):
    path = parquet_file(tmp_path, 10)
    with target.adbc(**QUICK) as connection:
        run(connection, "CREATE STAGE ST")
        snowflake.fault(on="upload", do="status", status=403, times=0)
        try:
            run(connection, f"PUT 'file://{path}' @ST AUTO_COMPRESS = FALSE")
        except Exception:  # noqa: BLE001  (whether the driver says so is not what is tested)
            pass
        assert rows(connection, "LIST @ST") == []


def test_update_delete_and_merge_wait_for_each_other(target, snowflake):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0), "N" NUMBER(9,0))')
    target.execute('INSERT INTO "T" VALUES (1, 0)')
    with target.connect() as one, target.connect() as two:
        run(one, "BEGIN", 'UPDATE "T" SET "N" = "N" + 1')
        run(two, "ALTER SESSION SET LOCK_TIMEOUT = 1")
        with pytest.raises(Exception, match="has not yet been released"):
            run(two, 'UPDATE "T" SET "N" = "N" + 10')
        run(two, "ALTER SESSION SET LOCK_TIMEOUT = 60")
        waiting = threading.Thread(target=run, args=(two, "BEGIN", 'UPDATE "T" SET "N" = "N" + 10',
                                                     "COMMIT"))
        waiting.start()
        time.sleep(0.3)
        run(one, "COMMIT")
        waiting.join()
    # READ COMMITTED: the second one saw what the first had committed.
    assert target.rows('SELECT * FROM "T"') == [(1, 11)]


def test_a_transaction_of_a_client_that_died_is_rolled_back_once_it_is_in_the_way(target, snowflake):
    snowflake.settings(idle_abort=0.5)
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    target.execute('INSERT INTO "T" VALUES (1)')
    dead = target.connect()
    run(dead, "BEGIN", 'DELETE FROM "T"')
    with target.connect() as other:
        run(other, 'UPDATE "T" SET "ID" = 2')
    assert target.rows('SELECT * FROM "T"') == [(2,)]


def test_names_in_quotes_differ_by_case(target):
    target.execute('CREATE TABLE "T" ("ID" NUMBER(19,0))')
    with pytest.raises(Exception, match="does not exist or not authorized"):
        target.rows('SELECT * FROM "t"')
    assert target.rows("SELECT * FROM t") == []


def test_a_server_that_died_comes_back_with_what_was_committed(target, snowflake, tmp_path):
    path = parquet_file(tmp_path, 10)
    with target.connect() as connection:
        run(connection, 'CREATE TABLE "T" ("ID" NUMBER(19,0))', "CREATE STAGE ST",
            f"PUT 'file://{path}' @ST AUTO_COMPRESS = FALSE", 'INSERT INTO "T" VALUES (1)', "BEGIN",
            'INSERT INTO "T" VALUES (2)')
        snowflake.restart()
    assert target.rows('SELECT * FROM "T"') == [(1,)]
    assert [r[0] for r in target.rows("LIST @ST")] == ["st/part-0.parquet"]
    with target.connect() as connection:
        run(connection, "BEGIN", 'INSERT INTO "T" VALUES (3)')
        snowflake.fault(match="^COMMIT", do="die_after")
        with pytest.raises(Exception):
            with target.adbc(**QUICK) as other:
                run(other, "BEGIN", 'INSERT INTO "T" VALUES (4)', "COMMIT")
        assert not snowflake.running()
    snowflake.start()
    assert sorted(target.rows('SELECT * FROM "T"')) == [(1,), (4,)]


def test_information_schema_tells_the_types(target):
    target.execute(f'CREATE TABLE "T" ({COLUMNS})')
    found = target.rows('SELECT "COLUMN_NAME", "DATA_TYPE", "NUMERIC_PRECISION", "NUMERIC_SCALE", '
                        '"CHARACTER_MAXIMUM_LENGTH", "IS_NULLABLE" FROM INFORMATION_SCHEMA.COLUMNS '
                        'WHERE "TABLE_NAME" = \'T\' ORDER BY "ORDINAL_POSITION"')
    assert found[:6] == [("ID", "NUMBER", 19, 0, None, "NO"), ("N", "TEXT", None, None, 20, "YES"),
                         ("A", "NUMBER", 12, 2, None, "YES"), ("BIG", "NUMBER", 38, 3, None, "YES"),
                         ("TS", "TIMESTAMP_NTZ", None, None, None, "YES"),
                         ("TZ", "TIMESTAMP_TZ", None, None, None, "YES")]


def test_functions_of_the_reconciliation_compute_as_snowflake_does(target):
    target.execute('CREATE TABLE "T" ("N" NUMBER(19,0), "X" BINARY, "T" TIME(6), "Z" TIMESTAMP_LTZ(6))')
    target.execute("INSERT INTO \"T\" SELECT 9007199254740993, TO_BINARY('00FF','HEX'), '01:02:03.5', "
                   "'2026-01-02 03:04:05.678901' UNION ALL SELECT 9007199254740993, NULL, NULL, NULL")
    (row,) = target.rows(
        'SELECT SUM("N" * 18014398509481984), MAX(LOWER(HEX_ENCODE("X"))), '
        "MAX(TO_VARCHAR(\"T\", 'HH24:MI:SS.FF6')), MAX(TO_VARCHAR(CAST(\"Z\" AS TIMESTAMP_NTZ), "
        "'YYYY-MM-DD HH24:MI:SS.FF6')) FROM \"T\"")
    assert row == (2 * 9007199254740993 * 18014398509481984, "00ff", "01:02:03.500000",
                   "2026-01-02 03:04:05.678901")
    with target.connect() as connection:
        run(connection, "SELECT 1")
        before = rows(connection, "SELECT LAST_QUERY_ID()")[0][0]
        assert rows(connection, f"SELECT * FROM TABLE(RESULT_SCAN('{before}'))") == [(1,)]
