/* The host with Snowflake's real driver against the stand-in: skipped where one of them is not
 * installed. */
#include "adbc/adbc.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/thread.h"
#include "net/http.h"
#include "support/standin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    test_standin *server; /* NULL = skipped */
    assay_clock clock;
    assay_secrets *secrets;
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
    fixture.server = test_standin_start();
    (void)setenv("ASSAY_TEST_SF_PASSWORD", test_standin_password, 1);
    fixture.connection =
        (assay_connection_config){.name = "sf",
                                  .type = "snowflake",
                                  .kind = ASSAY_CONNECTION_SNOWFLAKE,
                                  .place = {"config/connections.yaml", 1, 1},
                                  .root = "/",
                                  .account = "TESTACCOUNT",
                                  .user = "ETL",
                                  .auth = ASSAY_SNOWFLAKE_PASSWORD,
                                  .password = {"env:ASSAY_TEST_SF_PASSWORD", {NULL, 0, 0}},
                                  .host = "127.0.0.1",
                                  .port = fixture.server != NULL ? test_standin_port(fixture.server)
                                                                 : 0,
                                  .protocol = "http",
                                  .database = "TEST",
                                  .schema = "PUBLIC",
                                  .warehouse = "WH",
                                  .login_timeout_ms = 10000,
                                  .request_timeout_ms = 5000,
                                  .statement_timeout_ms = 60000};
    assert_int_equal(assay_secrets_new(&(assay_secrets_options){.clock = &fixture.clock},
                                       &fixture.secrets, NULL),
                     ASSAY_OK);
    fixture.request =
        (assay_adbc_request){.connection = &fixture.connection, .secrets = fixture.secrets};
    assert_int_equal(assay_engine_open(&(assay_engine_options){.threads = 1}, &fixture.engine,
                                       NULL),
                     ASSAY_OK);
    if (assay_adbc_find_driver(&fixture.request, fixture.arena, &path, NULL) != ASSAY_OK) {
        test_standin_stop(fixture.server);
        fixture.server = NULL;
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    test_standin_stop(fixture->server);
    assay_engine_close(fixture->engine);
    assay_secrets_free(fixture->secrets);
    assay_arena_free(fixture->arena);
    return 0;
}

/* Speaks to the stand-in's interface for tests; the answer lives in the fixture's arena. */
static const char *ask(struct fixture *fixture, const char *method, const char *what,
                       const char *body)
{
    ASSAY_AUTO(assay_http_freep) assay_http *http = NULL;
    ASSAY_AUTO(assay_http_response_done) assay_http_response response = {0};
    const assay_http_request request = {
        .method = method,
        .url = assay_arena_format(fixture->arena, "http://127.0.0.1:%d/admin/%s",
                                  test_standin_port(fixture->server), what),
        .body = body,
        .body_size = body != NULL ? strlen(body) : 0};

    assert_int_equal(assay_http_new(&http, NULL), ASSAY_OK);
    assert_int_equal(assay_http_send(http, &request, &response, NULL), ASSAY_OK);
    assert_int_equal(response.status, 200);
    return assay_arena_text(fixture->arena, assay_buf_text(&response.body));
}

static assay_adbc *open_adbc(struct fixture *fixture)
{
    assay_adbc *adbc = NULL;

    if (fixture->server == NULL)
        skip();
    (void)ask(fixture, "DELETE", "faults", NULL);
    if (assay_adbc_open(&fixture->request, &adbc, &fixture->err) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);
    return adbc;
}

static void run(assay_adbc *adbc, const char *sql)
{
    assay_error err = {0};

    if (assay_adbc_execute(adbc, sql, NULL, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
}

static void run_counted(assay_adbc *adbc, const char *sql, int64_t expected)
{
    assay_error err = {0};
    int64_t affected = -2;

    if (assay_adbc_execute(adbc, sql, &affected, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(affected, expected);
}

static assay_value **row_of(struct fixture *fixture, assay_adbc *adbc, const char *sql)
{
    assay_rows *rows = NULL;

    if (assay_adbc_query(adbc, sql, 0, fixture->arena, &rows, &fixture->err) != ASSAY_OK)
        fail_msg("%s: %s", sql, fixture->err.message);
    assert_int_equal(rows->count, 1);
    return rows->cells[0];
}

static void expect_number(struct fixture *fixture, assay_adbc *adbc, const char *sql,
                          const char *digits)
{
    const assay_value *cell = row_of(fixture, adbc, sql)[0];
    char text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)cell->integer);
    assert_string_equal(cell->kind == ASSAY_VALUE_INT ? text : cell->text, digits);
}

static void statements_say_how_many_rows_they_changed(void **state)
{
    assay_adbc *adbc = open_adbc(*state);

    run(adbc, "create table counted (a number(38,0), b varchar)");
    run_counted(adbc, "insert into counted values (1, 'x'), (2, 'y'), (3, 'z')", 3);
    run_counted(adbc, "update counted set b = 'w' where a <= 2", 2);
    run_counted(adbc, "delete from counted where a = 1", 1);
    assay_adbc_close(adbc);
}

static void small_results_have_exact_cells(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table exact (a number(38,0), b number(12,4), c varchar, d date, "
              "e timestamp_ntz, f boolean, g float, h varchar)");
    run(adbc, "insert into exact values (999999999999999999, -12345678.9012, "
              "'it''s', '2026-11-29', '2026-11-29 01:02:03.456', true, 0.5, null)");
    assay_value **cells = row_of(fixture, adbc, "select * from exact");
    assert_string_equal(row_of(fixture, adbc, "select to_varchar(a) from exact")[0]->text,
                        "999999999999999999");
    assert_true(cells[0]->kind == ASSAY_VALUE_INT
                    ? cells[0]->integer == 999999999999999999
                    : assay_str_equal(cells[0]->text, "999999999999999999"));
    assert_string_equal(cells[1]->text, "-12345678.9012");
    assert_string_equal(cells[2]->text, "it's");
    assert_string_equal(cells[3]->text, "2026-11-29");
    assert_string_equal(cells[4]->text, "2026-11-29 01:02:03.456");
    assert_true(cells[5]->boolean);
    assert_true(cells[6]->real > 0.49 && cells[6]->real < 0.51);
    assert_int_equal(cells[7]->kind, ASSAY_VALUE_NULL);
    assay_adbc_close(adbc);
}

static void a_stream_goes_into_the_engine(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct ArrowArrayStream stream = {0};
    int64_t sum = 0;

    run(adbc, "create table wide as select seq4() as id from table(generator(rowcount => 20000))");
    assert_int_equal(assay_conn_open(fixture->engine, &conn, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_query_stream(adbc, "select id from wide", &stream, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_conn_register_stream(conn, "wide", &stream, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_conn_query_int(conn, "select count(*) from wide", &sum, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(sum, 20000);
    assay_adbc_close(adbc);
}

static void the_bulk_load_of_the_driver_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct ArrowArrayStream stream = {0};
    const assay_adbc_target target = {.table = "STAGING"};
    int64_t rows = 0;

    assert_int_equal(assay_conn_open(fixture->engine, &conn, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_conn_query_stream(conn, "select 1 as ID", &stream, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_adbc_ingest(adbc, &target, &stream, &rows, &fixture->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(fixture->err.number, 3103);
    assert_null(stream.release);
    assay_adbc_close(adbc);
}

static void transactions_are_whole(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table whole (a number(38,0))");
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run_counted(adbc, "insert into whole values (1), (2)", 2);
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_OK);
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run_counted(adbc, "delete from whole", 2);
    assert_int_equal(assay_adbc_rollback(adbc, &fixture->err), ASSAY_OK);
    expect_number(fixture, adbc, "select count(*) from whole", "2");
    assay_adbc_close(adbc);
}

static void failures_have_their_category(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    assert_int_equal(assay_adbc_execute(adbc, "select * from nowhere", NULL, &fixture->err),
                     ASSAY_EDATA);
    assert_int_equal(fixture->err.number, 3115);
    assert_string_equal(fixture->err.sqlstate, "42S02");
    assert_int_equal(fixture->err.native, 2003);
    assert_int_equal(assay_adbc_execute(adbc, "selekt 1", NULL, &fixture->err), ASSAY_EDATA);
    assert_int_equal(fixture->err.native, 1003);
    (void)ask(fixture, "POST", "faults",
              "{\"match\": \"^select 7\", \"do\": \"error\", \"code\": 3001, \"sqlstate\": "
              "\"42501\", \"message\": \"Insufficient privileges\"}");
    assert_int_equal(assay_adbc_execute(adbc, "select 7", NULL, &fixture->err), ASSAY_EIO);
    assert_int_equal(fixture->err.number, 3123);
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
    (void)ask(fixture, "POST", "faults",
              "{\"match\": \"^select 8\", \"do\": \"slow\", \"seconds\": 60}");
    int64_t begin = fixture->clock.monotonic_us(NULL);
    assert_int_equal(assay_adbc_execute(adbc, "select 8", NULL, &fixture->err), ASSAY_ETIMEOUT);
    assert_int_equal(fixture->err.number, 3111);
    assert_true(since_ms(fixture, begin) >= 1000);
    assert_true(since_ms(fixture, begin) < 10000);
    expect_number(fixture, adbc, "select 9", "9");
    assay_adbc_close(adbc);
}

static void stop_soon(void *argument)
{
    assay_lock *lock = assay_lock_new();
    assay_condition *never = assay_condition_new();

    assay_lock_acquire(lock);
    (void)assay_condition_wait_ms(never, lock, 500);
    assay_lock_release(lock);
    assay_adbc_cancel(argument);
    assay_condition_free(never);
    assay_lock_free(lock);
}

static void another_thread_cancels_what_runs(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_thread *thread = NULL;

    (void)ask(fixture, "POST", "faults",
              "{\"match\": \"^select 10\", \"do\": \"slow\", \"seconds\": 60}");
    int64_t begin = fixture->clock.monotonic_us(NULL);
    assert_int_equal(assay_thread_start(stop_soon, adbc, &thread, NULL), ASSAY_OK);
    assert_int_equal(assay_adbc_execute(adbc, "select 10", NULL, &fixture->err), ASSAY_ECANCELLED);
    assert_true(since_ms(fixture, begin) < 10000);
    assay_thread_join(thread);
    expect_number(fixture, adbc, "select 11", "11");
    assay_adbc_close(adbc);
}

static void an_answer_that_is_lost_at_commit_leaves_the_outcome_open(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    run(adbc, "create table lost (a number(38,0))");
    assert_int_equal(assay_adbc_begin(adbc, &fixture->err), ASSAY_OK);
    run_counted(adbc, "insert into lost values (1)", 1);
    (void)ask(fixture, "POST", "faults",
              "{\"match\": \"^COMMIT\", \"do\": \"lose_session\", "
              "\"times\": 0}");
    int64_t begin = fixture->clock.monotonic_us(NULL);
    assert_int_equal(assay_adbc_commit(adbc, &fixture->err), ASSAY_EUNKNOWN_OUTCOME);
    assert_int_equal(fixture->err.number, 3118);
    assert_true(fixture->err.retryable);
    assert_true(since_ms(fixture, begin) < 30000);
    assay_adbc_close(adbc);
    adbc = open_adbc(fixture);
    expect_number(fixture, adbc, "select count(*) from lost", "1");
    assay_adbc_close(adbc);
}

static void a_token_that_expires_is_renewed_unseen(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);

    expect_number(fixture, adbc, "select 12", "12");
    (void)ask(fixture, "POST", "expire", "{}");
    expect_number(fixture, adbc, "select 13", "13");
    assay_adbc_close(adbc);
}

static void statements_carry_the_tag_and_have_an_id(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    const char *id = NULL, *next = NULL;

    assert_int_equal(assay_adbc_set_query_tag(adbc, "assay-run-1", &fixture->err), ASSAY_OK);
    run(adbc, "select 14");
    assert_int_equal(assay_adbc_query_id(adbc, fixture->arena, &id, &fixture->err), ASSAY_OK);
    run(adbc, "select 16");
    assert_int_equal(assay_adbc_query_id(adbc, fixture->arena, &next, &fixture->err), ASSAY_OK);
    assert_int_equal(strlen(id), 36);
    assert_string_not_equal(id, next);
    assert_true(assay_str_contains(ask(fixture, "GET", "log", NULL), "assay-run-1"));
    assay_adbc_close(adbc);
}

static void the_server_knows_the_timeout_of_statements(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    assay_rows *rows = NULL;

    if (assay_adbc_query(adbc, "show parameters like 'STATEMENT_TIMEOUT_IN_SECONDS' in session", 0,
                         fixture->arena, &rows, &fixture->err) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);
    assert_int_equal(rows->count, 1);
    assert_string_equal(rows->cells[0][1]->text, "70");
    assay_adbc_close(adbc);
}

static void a_stream_may_be_left_in_the_middle(void **state)
{
    struct fixture *fixture = *state;
    assay_adbc *adbc = open_adbc(fixture);
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};

    assert_int_equal(
        assay_adbc_query_stream(adbc, "select seq4() from table(generator(rowcount => 300000))",
                                &stream, &fixture->err),
        ASSAY_OK);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_true(array.length > 0);
    array.release(&array);
    stream.release(&stream);
    expect_number(fixture, adbc, "select 15", "15");
    assay_adbc_close(adbc);
}

/* Go reads its environment when the process begins. */
static void begin_anew(char **arguments)
{
    bool missing = false;

    for (size_t i = 0; assay_adbc_environment[i] != NULL; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s", assay_adbc_environment[i]);
        char *value = strchr(name, '=');
        *value++ = '\0';
        missing = missing || getenv(name) == NULL;
        (void)setenv(name, value, 0);
    }
    if (missing)
        (void)execv("/proc/self/exe", arguments);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_say_how_many_rows_they_changed),
        cmocka_unit_test(small_results_have_exact_cells),
        cmocka_unit_test(a_stream_goes_into_the_engine),
        cmocka_unit_test(the_bulk_load_of_the_driver_is_refused),
        cmocka_unit_test(transactions_are_whole),
        cmocka_unit_test(failures_have_their_category),
        cmocka_unit_test(a_statement_ends_at_its_timeout),
        cmocka_unit_test(another_thread_cancels_what_runs),
        cmocka_unit_test(an_answer_that_is_lost_at_commit_leaves_the_outcome_open),
        cmocka_unit_test(a_token_that_expires_is_renewed_unseen),
        cmocka_unit_test(statements_carry_the_tag_and_have_an_id),
        cmocka_unit_test(the_server_knows_the_timeout_of_statements),
        cmocka_unit_test(a_stream_may_be_left_in_the_middle),
    };

    (void)argc;
    begin_anew(argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
