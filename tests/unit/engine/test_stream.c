#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/arrow.h"
#include "engine/extension.h"
#include "engine/stream.h"

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_conn *source; /* where the streams come from */
    const char *sql;    /* of the stream */
    int opened;
    assay_arena *arena;
};

static int set_up(void **state)
{
    static struct world world;
    assay_engine_options options = {.threads = 2};
    assay_error err = {0};

    memset(&world, 0, sizeof world);
    if (assay_engine_open(&options, &world.engine, &err) != ASSAY_OK ||
        assay_conn_open(world.engine, &world.conn, &err) != ASSAY_OK ||
        assay_conn_open(world.engine, &world.source, &err) != ASSAY_OK) {
        print_error("%s\n", err.message);
        return -1;
    }
    world.arena = assay_arena_new();
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    assay_conn_close(world->source);
    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    assay_arena_free(world->arena);
    return 0;
}

static assay_status open_query(void *user, struct ArrowArrayStream *ret_stream, assay_error *err)
{
    struct world *world = user;

    world->opened++;
    return assay_conn_query_stream(world->source, world->sql, ret_stream, err);
}

static assay_stream *add(struct world *world, const char *name, const assay_column *columns,
                         size_t count)
{
    const assay_stream_table table = {name, columns, count, open_query, world};
    assay_stream *stream = NULL;
    assay_error err = {0};

    if (assay_conn_add_stream(world->conn, &table, &stream, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return stream;
}

static const char *text(struct world *world, const char *sql)
{
    const char *value = NULL;
    assay_error err = {0};

    if (assay_conn_query_text(world->conn, sql, world->arena, &value, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    return value;
}

static const assay_column many[] = {{"id", "BIGINT"},
                                    {"name", "VARCHAR"},
                                    {"amount", "DECIMAL(12,2)"},
                                    {"at", "TIMESTAMP WITH TIME ZONE"},
                                    {"parts", "INTEGER[]"}};

static void a_stream_is_read_batch_by_batch_as_often_as_a_statement_asks(void **state)
{
    struct world *world = *state;

    world->sql =
        "SELECT range AS id, CASE WHEN range % 3 = 0 THEN NULL ELSE 'row ' || range END AS "
        "name, (range / 100.0)::DECIMAL(12,2) AS amount, TIMESTAMPTZ '2024-01-01 00:00:00+00' "
        "+ to_seconds(range) AS \"at\", [range::INTEGER, NULL] AS parts FROM range(100000)";
    assay_stream *stream = add(world, "rows_of_it", many, 5);
    assert_int_equal(world->opened, 0);
    assert_string_equal(text(world,
                             "SELECT count(*) || ' ' || sum(id) || ' ' || count(name) || ' ' "
                             "|| sum(amount) || ' ' || max(\"at\") || ' ' || sum(parts[1]) FROM "
                             "rows_of_it()"),
                        "100000 4999950000 66666 49999500.00 2024-01-02 03:46:39+00 4999950000");
    assert_int_equal(world->opened, 1);
    assert_string_equal(text(world, "SELECT name FROM rows_of_it() WHERE id = 99998"), "row 99998");
    assert_int_equal(world->opened, 2);
    assay_conn_close_stream(stream);
    assert_int_equal(assay_conn_execute(world->conn, "SELECT * FROM rows_of_it()", NULL, NULL),
                     ASSAY_ECONFIG);
}

static void a_stream_without_rows_is_an_empty_table(void **state)
{
    struct world *world = *state;

    world->sql = "SELECT 1::BIGINT AS id WHERE false";
    assay_stream *stream = add(world, "nothing", many, 1);
    assert_string_equal(text(world, "SELECT count(*)::VARCHAR FROM nothing()"), "0");
    assay_conn_close_stream(stream);
}

static void a_stream_that_fails_or_is_of_other_types_fails_the_statement(void **state)
{
    struct world *world = *state;
    assay_error err = {0};

    assay_stream *stream = add(world, "broken", many, 1);
    world->sql =
        "SELECT CASE WHEN range > 50000 THEN error('the source broke') ELSE range END AS id "
        "FROM range(100000)";
    assert_int_not_equal(assay_conn_execute(world->conn, "SELECT sum(id) FROM broken()", NULL,
                                            &err),
                         ASSAY_OK);
    if (strstr(err.message, "the source broke") == NULL &&
        strstr(err.message, "the query failed while it was read") == NULL)
        fail_msg("%s", err.message);
    world->sql = "SELECT 'x' AS id";
    assert_int_not_equal(assay_conn_execute(world->conn, "SELECT id FROM broken()", NULL, &err),
                         ASSAY_OK);
    assert_non_null(strstr(err.message, "column 'id' of the stream is VARCHAR instead of BIGINT"));
    world->sql = "SELECT 1 AS id, 2 AS other";
    assert_int_not_equal(assay_conn_execute(world->conn, "SELECT id FROM broken()", NULL, &err),
                         ASSAY_OK);
    assert_non_null(strstr(err.message, "2 columns instead of 1"));
    world->sql = "SELECT no";
    assert_int_not_equal(assay_conn_execute(world->conn, "SELECT id FROM broken()", NULL, &err),
                         ASSAY_OK);
    assay_conn_close_stream(stream);
}

static void an_extension_that_is_nowhere_is_missing_with_the_command(void **state)
{
    struct world *world = *state;
    assay_error err = {0};

    assert_int_equal(assay_conn_load_extension(world->conn, "no_such_part", &err), ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 3021);
    assert_non_null(strstr(err.message, "duckdb-extension-no-such-part==1.5.5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_stream_is_read_batch_by_batch_as_often_as_a_statement_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_without_rows_is_an_empty_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_stream_that_fails_or_is_of_other_types_fails_the_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_extension_that_is_nowhere_is_missing_with_the_command,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
