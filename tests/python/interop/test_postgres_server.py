"""The PostgreSQL of the tests and the proxy before it: what they promise to other tests."""
import time

import pytest
from adbc_driver_manager import dbapi

import peers


def connect(database, port=None):
    return dbapi.connect(driver=peers.adbc_driver("postgresql"), entrypoint="AdbcDriverInit",
                         db_kwargs={"uri": database.uri(port)}, autocommit=True)


def test_a_database_belongs_to_its_user_who_needs_the_password(postgres):
    database = postgres.database()
    database.execute("create table t (a int primary key, b numeric(12,2))")
    database.execute("insert into t values (1, 1.25)")
    assert database.rows("select a from t") == [(1,)]
    assert database.execute("select b from t") == "1.25\n"
    with pytest.raises(Exception, match="password authentication failed"):
        dbapi.connect(driver=peers.adbc_driver("postgresql"), entrypoint="AdbcDriverInit",
                      db_kwargs={"uri": database.uri().replace("p%40ss", "x")})
    with pytest.raises(RuntimeError, match="permission denied"):
        database.execute("create role other")


@pytest.mark.parametrize("action, committed", [("lose", 1), ("cut", 0)])
def test_an_answer_to_commit_is_lost_or_the_message_never_arrives(postgres, action, committed):
    database, proxy = postgres.database(), postgres.proxy()
    database.execute("create table t (a int)")
    proxy.fault("^COMMIT", action)
    with pytest.raises(Exception):
        with connect(database, proxy.port) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("insert into t values (1)")
            cursor.execute("COMMIT")
    end = time.monotonic() + 10
    while database.value("select count(*) from t") != committed and time.monotonic() < end:
        time.sleep(0.05)
    assert database.value("select count(*) from t") == committed
    assert any(text.startswith("insert into t") for text in proxy.statements)


def test_a_statement_is_delayed_and_connections_are_refused(postgres):
    database, proxy = postgres.database(), postgres.proxy()
    proxy.fault("select 42", "delay", seconds=1)
    with connect(database, proxy.port) as connection, connection.cursor() as cursor:
        start = time.monotonic()
        cursor.execute("select 42")
        assert cursor.fetchall() == [(42,)] and time.monotonic() - start >= 1
        proxy.cut_all()
        with pytest.raises(Exception):
            cursor.execute("select 1")
            cursor.fetchall()
    proxy.refuse(True)
    with pytest.raises(Exception):
        connect(database, proxy.port)


def test_a_server_that_crashed_starts_again_with_what_was_committed(postgres):
    database = postgres.database()
    database.execute("create table t (a int); insert into t values (1)")
    postgres.server.psql("checkpoint")
    postgres.server.kill()
    with pytest.raises(RuntimeError):
        database.execute("select 1")
    postgres.server.start()
    assert database.rows("select a from t") == [(1,)]
