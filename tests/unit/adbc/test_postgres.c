/* The host against a real PostgreSQL, with the real driver: skipped where one of them is not
 * installed. */
#include "adbc/adbc.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "support/postgres.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    test_postgres *server; /* NULL = skipped */
    assay_clock clock;
    assay_secrets *secrets;
    assay_cancel *cancel;
    assay_connection_config connection;
    assay_adbc_request request;
    assay_engine *engine;
    assay_arena *arena;
    assay_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    const char *path = NULL;

    fixture.arena = assay_arena_new();
    fixture.clock = assay_clock_system();
    fixture.cancel = assay_cancel_new();
    fixture.server = test_postgres_start();
    (void)setenv("ASSAY_TEST_PG_PASSWORD", test_postgres_password, 1);
    fixture.connection =
        (assay_connection_config){.name = "pg",
                                  .type = "postgres",
                                  .kind = ASSAY_CONNECTION_POSTGRES,
                                  .place = {"config/connections.yaml", 1, 1},
                                  .root = "/",
                                  .host = "127.0.0.1",
                                  .port = fixture.server != NULL
                                              ? test_postgres_port(fixture.server)
                                              : 0,
                                  .database = "postgres",
                                  .schema = "public",
                                  .user = "admin",
                                  .password = {"env:ASSAY_TEST_PG_PASSWORD", {NULL, 0, 0}},
                                  .sslmode = "disable",
                                  .login_timeout_ms = 10000,
                                  .request_timeout_ms = 10000,
                                  .statement_timeout_ms = 60000};
    assert_int_equal(assay_secrets_new(&(assay_secrets_options){.clock = &fixture.clock},
                                       &fixture.secrets, NULL),
                     ASSAY_OK);
    fixture.request = (assay_adbc_request){.connection = &fixture.connection,
                                           .secrets = fixture.secrets,
                                           .cancel = fixture.cancel};
    assert_int_equal(assay_engine_open(&(assay_engine_options){.threads = 1}, &fixture.engine,
                                       NULL),
                     ASSAY_OK);
    if (assay_adbc_find_driver(&fixture.request, fixture.arena, &path, NULL) != ASSAY_OK) {
        test_postgres_stop(fixture.server);
        fixture.server = NULL;
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    test_postgres_stop(fixture->server);
    assay_engine_close(fixture->engine);
    assay_secrets_free(fixture->secrets);
    assay_cancel_free(fixture->cancel);
    assay_arena_free(fixture->arena);
    return 0;
}

static assay_adbc *open_adbc(struct fixture *fixture)
{
    assay_adbc *adbc = NULL;

    if (fixture->server == NULL)
        skip();
    if (assay_adbc_open(&fixture->request, &adbc, &fixture->err) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);
    return adbc;
}

static void run(assay_adbc *adbc, const char *sql, int64_t expected)
{
    assay_error err = {0};
    int64_t affected = -2;

    if (assay_adbc_execute(adbc, sql, &affected, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(affected, expected);
}

static const char *text_of(struct fixture *fixture, assay_adbc *adbc, const char *sql)
{
    assay_rows *rows = NULL;

    if (assay_adbc_query(adbc, sql, 0, fixture->arena, &rows, &fixture->err) != ASSAY_OK)
        fail_msg("%s: %s", sql, fixture->err.message);
    assert_int_equal(rows->count, 1);
    return rows->cells[0][0]->text;
}

static int64_t number_of(struct fixture *fixture, assay_adbc *adbc, const char *sql)
{
    assay_rows *rows = NULL;

    if (assay_adbc_query(adbc, sql, 0, fixture->arena, &rows, &fixture->err) != ASSAY_OK)
        fail_msg("%s: %s", sql, fixture->err.message);
    assert_int_equal(rows->count, 1);
    return rows->cells[0][0]->integer;
}

static void expect_failure(struct fixture *fixture, assay_adbc *adbc, const char *sql,
                           assay_status status, int number, const char *state)
{
    assert_int_equal(assay_adbc_execute(adbc, sql, NULL, &fixture->err), status);
    assert_int_equal(fixture->err.number, number);
    assert_string_equal(fixture->err.sqlstate, state);
}

static void statements_say_how_many_rows_they_changed(void **state)
{
    assay_adbc *adbc = open_adbc(*state);

    run(adbc, "create table counted (a int primary key, b text)", -1);
    run(adbc, "insert into counted select i, 'x' from generate_series(1, 10) i", 10);
    run(adbc, "update counted set b = 'y' where a <= 3", 3);
    run(adbc, "delete from counted where a = 1", 1);
    assay_adbc_close(adbc);
}

static void small_results_have_exact_cells(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_rows *rows = NULL;
    static const char sql[] =
        "select true, 42::smallint, -7::bigint, 0.5::real, 12345.678900::numeric(12,6), "
        "'a''b'::text, "
        "'\\x00ff41'::bytea, date '2026-11-29', timestamp '2026-11-29 01:02:03.45', "
        "timestamptz '2026-11-29 01:02:03+02', time '01:02:03', null::int";

    assert_int_equal(assay_adbc_query(adbc, sql, 0, fixture->arena, &rows, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(rows->count, 1);
    assert_int_equal(rows->column_count, 12);
    assay_value **cells = rows->cells[0];
    assert_true(cells[0]->kind == ASSAY_VALUE_BOOL && cells[0]->boolean);
    assert_int_equal(cells[1]->integer, 42);
    assert_int_equal(cells[2]->integer, -7);
    assert_true(cells[3]->real > 0.49 && cells[3]->real < 0.51);
    assert_string_equal(cells[4]->text, "12345.678900");
    assert_string_equal(cells[5]->text, "a'b");
    assert_string_equal(cells[6]->text, "\\x00\\xFFA");
    assert_string_equal(cells[7]->text, "2026-11-29");
    assert_string_equal(cells[8]->text, "2026-11-29 01:02:03.45");
    assert_string_equal(cells[9]->text, "2026-11-28 23:02:03+00");
    assert_string_equal(cells[10]->text, "01:02:03");
    assert_int_equal(cells[11]->kind, ASSAY_VALUE_NULL);
    assert_string_equal(rows->types[2], "BIGINT");
    assay_adbc_close(adbc);
}

static void statements_that_are_no_select_may_give_rows(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    assert_string_equal(text_of(fixture, adbc, "show application_name"), "assay");
    run(adbc, "create table returned (a int)", -1);
    assert_int_equal(number_of(fixture, adbc, "insert into returned values (5) returning a"), 5);
    assay_adbc_close(adbc);
}

static void a_result_is_cut_at_the_limit(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_rows *rows = NULL;

    assert_int_equal(assay_adbc_query(adbc, "select generate_series(1, 100)", 7, fixture->arena,
                                      &rows, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(rows->count, 7);
    assert_true(rows->truncated);
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void a_type_that_is_not_read_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_rows *rows = NULL;

    assert_int_equal(assay_adbc_query(adbc, "select array[1, 2] as many", 0, fixture->arena, &rows,
                                      &fixture->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(fixture->err.number, 3120);
    assert_true(assay_str_contains(fixture->err.message, "'many'"));
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void a_stream_goes_into_the_engine_and_back(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct ArrowArrayStream stream = {0};
    int64_t rows = 0;

    run(adbc,
        "create table wide as select i as id, i * 1.5::float8 as x, 'name ' || i as name, "
        "timestamp '2026-01-01' + i * interval '1 second' as at from generate_series(1, 50000) i",
        50000);
    assert_int_equal(assay_conn_open(fixture->engine, &conn, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_query_stream(adbc, "select * from wide", &stream, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_conn_register_stream(conn, "wide", &stream, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_conn_query_int(conn, "select sum(id) from wide", &rows, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(rows, 1250025000);

    const assay_adbc_target target = {.schema = "public",
                                      .table = "back",
                                      .mode = ASSAY_ADBC_INGEST_CREATE};
    assert_int_equal(assay_conn_query_stream(conn, "select * from wide", &stream, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_adbc_ingest(adbc, &target, &stream, &rows, &fixture->err), ASSAY_OK);
    assert_null(stream.release);
    assert_int_equal(rows, 50000);
    assert_int_equal(number_of(fixture, adbc,
                               "select count(*) from wide join back using (id, x, name, at)"),
                     50000);
    assert_int_equal(assay_conn_query_stream(conn, "select * from wide limit 5", &stream,
                                             &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_adbc_ingest(adbc, &target, &stream, &rows, &fixture->err), ASSAY_EDATA);
    assert_null(stream.release);
    assay_adbc_close(adbc);
}

static void a_temporary_table_takes_rows_too(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct ArrowArrayStream stream = {0};
    const assay_adbc_target target = {.table = "passing",
                                      .mode = ASSAY_ADBC_INGEST_CREATE,
                                      .temporary = true};
    int64_t rows = 0;

    assert_int_equal(assay_conn_open(fixture->engine, &conn, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_conn_query_stream(conn, "select 1 as a union all select 2", &stream,
                                             &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_adbc_ingest(adbc, &target, &stream, &rows, &fixture->err), ASSAY_OK);
    assert_int_equal(rows, 2);
    assert_int_equal(number_of(fixture, adbc, "select count(*) from pg_temp.passing"), 2);
    assay_adbc_close(adbc);
}

/* A source that fails in the middle leaves nothing behind. */
static void a_load_whose_rows_fail_is_undone(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct ArrowArrayStream stream = {0};
    const assay_adbc_target target = {.schema = "public",
                                      .table = "half",
                                      .mode = ASSAY_ADBC_INGEST_APPEND};
    int64_t rows = 0;

    run(adbc, "create table half (a int)", -1);
    assert_int_equal(assay_conn_open(fixture->engine, &conn, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_conn_query_stream(conn,
                                             "select case when i > 2000000 then error('boom') else "
                                             "i end::int a from range(3000000) t(i)",
                                             &stream, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_adbc_ingest(adbc, &target, &stream, &rows, &fixture->err), ASSAY_EDATA);
    assert_int_equal(fixture->err.number, 3122);
    assert_true(assay_str_contains(fixture->err.message, "boom"));
    assert_null(stream.release);
    assert_int_equal(number_of(fixture, adbc, "select count(*) from half"), 0);
    assay_adbc_close(adbc);
}

static void a_stream_may_be_left_in_the_middle(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};

    assert_int_equal(
        assay_adbc_query_stream(adbc, "select repeat('x', 1000) from generate_series(1, 100000)",
                                &stream, &fixture->err),
        ASSAY_OK);
    assert_int_equal(assay_adbc_execute(adbc, "select 1", NULL, &fixture->err), ASSAY_EINVAL);
    assert_int_equal(fixture->err.number, 3119);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_true(array.length > 0);
    array.release(&array);
    stream.release(&stream);
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void failures_have_their_category(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    expect_failure(fixture, adbc, "selekt 1", ASSAY_EDATA, 3115, "42601");
    expect_failure(fixture, adbc, "insert into nowhere values (1)", ASSAY_EDATA, 3115, "42P01");
    assert_false(fixture->err.retryable);
    assert_false(assay_str_contains(fixture->err.message, "values (1)"));
    run(adbc, "create table failing (a int primary key, b int not null)", -1);
    run(adbc, "insert into failing values (1, 1)", 1);
    expect_failure(fixture, adbc, "insert into failing values (1, 2)", ASSAY_EDATA, 3114, "23505");
    expect_failure(fixture, adbc, "insert into failing values (2, null)", ASSAY_EDATA, 3114,
                   "23502");
    expect_failure(fixture, adbc, "insert into failing values (3, 1 / (1 - 1))", ASSAY_EDATA, 3114,
                   "22012");
    run(adbc, "create role nobody login password 'x'", -1);
    run(adbc, "set role nobody", -1);
    expect_failure(fixture, adbc, "select * from failing", ASSAY_EIO, 3123, "42501");
    assay_adbc_close(adbc);
}

static void a_server_that_is_full_is_not_lost(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    expect_failure(fixture, adbc,
                   "do $$ begin raise exception 'full' using errcode = '53100'; end $$", ASSAY_EIO,
                   3112, "53100");
    assert_true(fixture->err.retryable);
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void transactions_are_whole(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table whole (a int primary key)", -1);
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_EINVAL);
    run(adbc, "insert into whole values (1), (2)", 2);
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_EINVAL);

    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run(adbc, "delete from whole", 2);
    assert_int_equal(assay_adbc_rollback(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(number_of(fixture, adbc, "select count(*) from whole"), 2);
    assay_adbc_close(adbc);
}

/* PostgreSQL answers a COMMIT of a failed transaction without an error. */
static void a_failed_transaction_cannot_be_committed(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table refused (a int primary key)", -1);
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run(adbc, "insert into refused values (1)", 1);
    expect_failure(fixture, adbc, "insert into refused values (1)", ASSAY_EDATA, 3114, "23505");
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_EINVAL);
    assert_int_equal(assay_adbc_execute(adbc, "select 1", NULL, &fixture->err), ASSAY_EINVAL);
    assert_int_equal(assay_adbc_rollback(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(number_of(fixture, adbc, "select count(*) from refused"), 0);
    assay_adbc_close(adbc);
}

static void a_closed_connection_rolls_back(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table left_open (a int)", -1);
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run(adbc, "insert into left_open values (1)", 1);
    assay_adbc_close(adbc);
    adbc = open_adbc(fixture);
    assert_int_equal(number_of(fixture, adbc, "select count(*) from left_open"), 0);
    assay_adbc_close(adbc);
}

static int64_t since_ms(const struct fixture *fixture, int64_t begin)
{
    return (fixture->clock.monotonic_us(NULL) - begin) / 1000;
}

static void a_statement_ends_at_its_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct fixture own = *fixture;

    own.connection.statement_timeout_ms = 1000;
    own.request.connection = &own.connection;
    assay_adbc *adbc = open_adbc(&own);
    int64_t begin = fixture->clock.monotonic_us(NULL);
    assert_int_equal(assay_adbc_execute(adbc, "select pg_sleep(30)", NULL, &fixture->err),
                     ASSAY_ETIMEOUT);
    assert_true(since_ms(fixture, begin) >= 1000);
    assert_true(since_ms(fixture, begin) < 8000);
    assert_int_equal(fixture->err.number, 3111);
    assert_true(assay_str_contains(fixture->err.message, "statement_timeout"));
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void stop_soon(void *argument)
{
    assay_adbc *adbc = argument;
    assay_lock *lock = assay_lock_new();
    assay_condition *never = assay_condition_new();

    assay_lock_acquire(lock);
    (void)assay_condition_wait_ms(never, lock, 300);
    assay_lock_release(lock);
    assay_adbc_cancel(adbc);
    assay_condition_free(never);
    assay_lock_free(lock);
}

static void another_thread_cancels_what_runs(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_thread *thread = NULL;
    int64_t begin = fixture->clock.monotonic_us(NULL);

    assert_int_equal(assay_thread_start(stop_soon, adbc, &thread, NULL), ASSAY_OK);
    assert_int_equal(assay_adbc_execute(adbc, "select pg_sleep(30)", NULL, &fixture->err),
                     ASSAY_ECANCELLED);
    assert_true(since_ms(fixture, begin) < 8000);
    assay_thread_join(thread);
    assert_int_equal(number_of(fixture, adbc, "select 1"), 1);
    assay_adbc_close(adbc);
}

static void a_server_that_stands_still_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct fixture own = *fixture;

    own.connection.statement_timeout_ms = 1000;
    own.request.connection = &own.connection;
    assay_adbc *adbc = open_adbc(&own);
    int64_t pid = number_of(&own, adbc, "select pg_backend_pid()");

    /* the postmaster cannot take the cancel, the backend cannot answer */
    assert_int_equal(kill((pid_t)pid, SIGSTOP), 0);
    test_postgres_freeze(fixture->server, true);
    int64_t begin = fixture->clock.monotonic_us(NULL);
    assay_status status =
        assay_adbc_execute(adbc, "create table still (a int)", NULL, &fixture->err);
    int64_t waited = since_ms(fixture, begin);
    assay_status after = assay_adbc_execute(adbc, "select 1", NULL, NULL);
    assay_adbc_close(adbc);
    test_postgres_freeze(fixture->server, false);
    assert_int_equal(kill((pid_t)pid, SIGCONT), 0);
    assert_int_equal(status, ASSAY_EUNKNOWN_OUTCOME);
    assert_int_equal(fixture->err.number, 3118);
    assert_int_equal(after, ASSAY_EIO);
    assert_true(waited < 15000);
}

static void a_connection_that_breaks_at_commit_leaves_the_outcome_open(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_adbc *other = open_adbc(fixture);
    char sql[80];

    run(adbc, "create table broken (a int)", -1);
    (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%lld)",
                   (long long)number_of(fixture, adbc, "select pg_backend_pid()"));
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run(adbc, "insert into broken values (1)", 1);
    assert_int_equal(assay_adbc_execute(other, sql, NULL, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_EUNKNOWN_OUTCOME);
    assert_int_equal(fixture->err.number, 3118);
    assert_true(fixture->err.retryable);
    assert_int_equal(assay_adbc_rollback(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_execute(adbc, "select 1", NULL, &fixture->err), ASSAY_EIO);
    assay_adbc_close(adbc);
    assay_adbc_close(other);
}

static void a_wrong_password_is_refused_with_its_state(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = NULL;

    if (fixture->server == NULL)
        skip();
    (void)setenv("ASSAY_TEST_PG_PASSWORD", "not the one", 1);
    assert_int_equal(assay_adbc_open(&fixture->request, &adbc, &fixture->err), ASSAY_EAUTH);
    (void)setenv("ASSAY_TEST_PG_PASSWORD", test_postgres_password, 1);
    assert_int_equal(fixture->err.number, 3110);
    assert_string_equal(fixture->err.sqlstate, "28P01");
    assert_false(assay_str_contains(fixture->err.message, "not the one"));
    assert_true(assay_str_contains(fixture->err.message, "connection 'pg'"));
}

static void a_database_that_is_not_there_and_a_server_without_tls_have_numbers_of_their_own(
    void **state)
{
    struct fixture *fixture = *state;
    assay_connection_config there = *fixture->request.connection;
    assay_adbc_request request = fixture->request;
    assay_adbc *adbc = NULL;

    if (fixture->server == NULL)
        skip();
    request.connection = &there;
    there.database = "nowhere";
    assert_int_equal(assay_adbc_open(&request, &adbc, &fixture->err), ASSAY_ENOTFOUND);
    assert_int_equal(fixture->err.number, 3124);
    assert_string_equal(fixture->err.sqlstate, "3D000");
    there = *fixture->request.connection;
    there.sslmode = "require";
    assert_int_equal(assay_adbc_open(&request, &adbc, &fixture->err), ASSAY_EIO);
    assert_int_equal(fixture->err.number, 3125);
    assert_false(fixture->err.retryable);
    there = *fixture->request.connection;
    there.options = "-c bogus=1";
    assert_int_equal(assay_adbc_open(&request, &adbc, &fixture->err), ASSAY_EDATA);
    assert_int_equal(fixture->err.number, 3115);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_say_how_many_rows_they_changed),
        cmocka_unit_test(small_results_have_exact_cells),
        cmocka_unit_test(statements_that_are_no_select_may_give_rows),
        cmocka_unit_test(a_result_is_cut_at_the_limit),
        cmocka_unit_test(a_type_that_is_not_read_is_refused_by_name),
        cmocka_unit_test(a_stream_goes_into_the_engine_and_back),
        cmocka_unit_test(a_temporary_table_takes_rows_too),
        cmocka_unit_test(a_load_whose_rows_fail_is_undone),
        cmocka_unit_test(a_stream_may_be_left_in_the_middle),
        cmocka_unit_test(failures_have_their_category),
        cmocka_unit_test(a_server_that_is_full_is_not_lost),
        cmocka_unit_test(transactions_are_whole),
        cmocka_unit_test(a_failed_transaction_cannot_be_committed),
        cmocka_unit_test(a_closed_connection_rolls_back),
        cmocka_unit_test(a_statement_ends_at_its_timeout),
        cmocka_unit_test(another_thread_cancels_what_runs),
        cmocka_unit_test(a_server_that_stands_still_is_given_up),
        cmocka_unit_test(a_connection_that_breaks_at_commit_leaves_the_outcome_open),
        cmocka_unit_test(a_wrong_password_is_refused_with_its_state),
        cmocka_unit_test(
            a_database_that_is_not_there_and_a_server_without_tls_have_numbers_of_their_own),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
