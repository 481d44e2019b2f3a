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
#include "world.h"

struct streams {
    struct world world;
    assay_conn *source; /* where the streams come from */
    const char *sql;    /* of the stream */
    int opened;
};

static int set_up(void **state)
{
    static struct streams streams;

    memset(&streams, 0, sizeof streams);
    *state = &streams;
    if (world_open(&streams.world, 2) != 0)
        return -1;
    return assay_conn_open(streams.world.engine, &streams.source, NULL) == ASSAY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct streams *streams = *state;

    assay_conn_close(streams->source);
    world_close(&streams->world);
    return 0;
}

static assay_status open_query(void *user, struct ArrowArrayStream *ret_stream, assay_error *err)
{
    struct streams *streams = user;

    streams->opened++;
    return assay_conn_query_stream(streams->source, streams->sql, ret_stream, err);
}

static assay_stream *add(struct streams *streams, const char *name, const assay_column *columns,
                         size_t count)
{
    const assay_stream_table table = {name, columns, count, open_query, streams};
    assay_stream *stream = NULL;
    assay_error err = {0};

    if (assay_conn_add_stream(streams->world.conn, &table, &stream, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return stream;
}

static const char *text(struct streams *streams, const char *sql)
{
    const char *value = NULL;
    assay_error err = {0};

    if (assay_conn_query_text(streams->world.conn, sql, streams->world.arena, &value, &err) !=
        ASSAY_OK)
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
    struct streams *streams = *state;

    streams->sql =
        "SELECT range AS id, CASE WHEN range % 3 = 0 THEN NULL ELSE 'row ' || range END AS "
        "name, (range / 100.0)::DECIMAL(12,2) AS amount, TIMESTAMPTZ '2024-01-01 00:00:00+00' "
        "+ to_seconds(range) AS \"at\", [range::INTEGER, NULL] AS parts FROM range(100000)";
    assay_stream *stream = add(streams, "rows_of_it", many, 5);
    assert_int_equal(streams->opened, 0);
    assert_string_equal(text(streams,
                             "SELECT count(*) || ' ' || sum(id) || ' ' || count(name) || ' ' "
                             "|| sum(amount) || ' ' || max(\"at\") || ' ' || sum(parts[1]) FROM "
                             "rows_of_it()"),
                        "100000 4999950000 66666 49999500.00 2024-01-02 03:46:39+00 4999950000");
    assert_int_equal(streams->opened, 1);
    assert_string_equal(text(streams, "SELECT name FROM rows_of_it() WHERE id = 99998"),
                        "row 99998");
    assert_int_equal(streams->opened, 2);
    assay_conn_close_stream(stream);
    assert_int_equal(assay_conn_execute(streams->world.conn, "SELECT * FROM rows_of_it()", NULL,
                                        NULL),
                     ASSAY_ECONFIG);
}

static void a_stream_without_rows_is_an_empty_table(void **state)
{
    struct streams *streams = *state;

    streams->sql = "SELECT 1::BIGINT AS id WHERE false";
    assay_stream *stream = add(streams, "nothing", many, 1);
    assert_string_equal(text(streams, "SELECT count(*)::VARCHAR FROM nothing()"), "0");
    assay_conn_close_stream(stream);
}

static void a_stream_that_fails_or_is_of_other_types_fails_the_statement(void **state)
{
    struct streams *streams = *state;
    assay_error err = {0};

    assay_stream *stream = add(streams, "broken", many, 1);
    streams->sql =
        "SELECT CASE WHEN range > 50000 THEN error('the source broke') ELSE range END AS id "
        "FROM range(100000)";
    assert_int_not_equal(assay_conn_execute(streams->world.conn, "SELECT sum(id) FROM broken()",
                                            NULL, &err),
                         ASSAY_OK);
    if (strstr(err.message, "the source broke") == NULL &&
        strstr(err.message, "the query failed while it was read") == NULL)
        fail_msg("%s", err.message);
    streams->sql = "SELECT 'x' AS id";
    assert_int_not_equal(assay_conn_execute(streams->world.conn, "SELECT id FROM broken()", NULL,
                                            &err),
                         ASSAY_OK);
    assert_non_null(strstr(err.message, "column 'id' of the stream is VARCHAR instead of BIGINT"));
    streams->sql = "SELECT 1 AS id, 2 AS other";
    assert_int_not_equal(assay_conn_execute(streams->world.conn, "SELECT id FROM broken()", NULL,
                                            &err),
                         ASSAY_OK);
    assert_non_null(strstr(err.message, "2 columns instead of 1"));
    streams->sql = "SELECT no";
    assert_int_not_equal(assay_conn_execute(streams->world.conn, "SELECT id FROM broken()", NULL,
                                            &err),
                         ASSAY_OK);
    assay_conn_close_stream(stream);
}

static void an_extension_that_is_nowhere_is_missing_with_the_command(void **state)
{
    struct streams *streams = *state;
    assay_error err = {0};

    assert_int_equal(assay_conn_load_extension(streams->world.conn, "no_such_part", &err),
                     ASSAY_ENOTFOUND);
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
