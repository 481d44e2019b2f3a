#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "world.h"

static const assay_value *one(struct world *world, const char *sql)
{
    assay_rows *rows = NULL;
    assay_error err = {0};

    if (assay_conn_query(world->conn, sql, 0, world->arena, &rows, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(rows->count, 1);
    return rows->cells[0][0];
}

static void the_version_is_the_one_that_the_statistics_need(void **state)
{
    (void)state;
    assert_string_equal(assay_engine_version(), "1.5.5");
}

static void cells_have_the_kind_of_their_type(void **state)
{
    struct world *world = *state;

    assert_int_equal(one(world, "SELECT true")->kind, ASSAY_VALUE_BOOL);
    assert_int_equal(one(world, "SELECT (-5)::TINYINT")->integer, -5);
    assert_int_equal(one(world, "SELECT 65535::USMALLINT")->integer, 65535);
    assert_true(one(world, "SELECT (-9223372036854775808)::BIGINT")->integer == INT64_MIN);
    assert_int_equal(one(world, "SELECT 1.5::DOUBLE")->kind, ASSAY_VALUE_REAL);
    assert_true(one(world, "SELECT 'nan'::FLOAT")->real != one(world, "SELECT 'nan'::FLOAT")->real);
    assert_int_equal(one(world, "SELECT NULL")->kind, ASSAY_VALUE_NULL);
    assert_int_equal(one(world, "SELECT NULL::BIGINT")->kind, ASSAY_VALUE_NULL);
}

static void exact_numbers_keep_their_digits(void **state)
{
    struct world *world = *state;
    static const char *const cases[][2] = {
        {"SELECT -0.05::DECIMAL(4,2)", "-0.05"},
        {"SELECT 12345.678::DECIMAL(9,3)", "12345.678"},
        {"SELECT -1234567890123.45::DECIMAL(18,2)", "-1234567890123.45"},
        {"SELECT -99999999999999999999999999999999999999::DECIMAL(38,0)",
         "-99999999999999999999999999999999999999"},
        {"SELECT 170141183460469231731687303715884105727::HUGEINT",
         "170141183460469231731687303715884105727"},
        {"SELECT (-170141183460469231731687303715884105728)::HUGEINT",
         "-170141183460469231731687303715884105728"},
        {"SELECT 18446744073709551615::UBIGINT", "18446744073709551615"},
        {"SELECT 340282366920938463463374607431768211455::UHUGEINT",
         "340282366920938463463374607431768211455"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const assay_value *cell = one(world, cases[i][0]);
        assert_int_equal(cell->kind, ASSAY_VALUE_REAL);
        assert_string_equal(cell->text, cases[i][1]);
    }
}

/* Every value's text equals what the engine itself casts it to. */
static void other_values_print_as_the_engine_casts_them(void **state)
{
    struct world *world = *state;
    static const char *const values[] = {"DATE '1969-12-31'",
                                         "DATE '0044-03-15 (BC)'",
                                         "'infinity'::DATE",
                                         "TIME '12:34:56.789'",
                                         "TIMETZ '12:34:56+02'",
                                         "TIMESTAMP '2024-02-29 12:00:00.000001'",
                                         "'-infinity'::TIMESTAMP",
                                         "TIMESTAMPTZ '2024-02-29 12:00:00+05'",
                                         "TIMESTAMP_S '2024-02-29 12:00:00'",
                                         "TIMESTAMP_MS '2024-02-29 12:00:00.123'",
                                         "TIMESTAMP_NS '2024-02-29 12:00:00.123456789'",
                                         "INTERVAL '1 year 2 days 03:04:05'",
                                         "UUID 'f79c3e09-677c-4bbd-a479-3f349cb785e7'",
                                         "UUID '00000000-0000-0000-0000-000000000001'",
                                         "'\\x00\\xAAabc'::BLOB",
                                         "'0101101'::BIT",
                                         "'b'::ENUM('a', 'b')",
                                         "'{\"a\": 1}'::JSON",
                                         "'a much longer text than twelve bytes é'",
                                         "''"};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char sql[256];
        (void)snprintf(sql, sizeof sql, "SELECT (%s)::VARCHAR", values[i]);
        const char *expected = one(world, sql)->text;
        (void)snprintf(sql, sizeof sql, "SELECT %s", values[i]);
        const assay_value *cell = one(world, sql);
        assert_int_equal(cell->kind, ASSAY_VALUE_TEXT);
        assert_string_equal(cell->text, expected);
    }
}

static void nested_values_become_lists_and_maps(void **state)
{
    struct world *world = *state;
    const assay_value *cell =
        one(world, "SELECT {'a': [1, NULL, 3], 'B c': MAP {2: 'x', 3: NULL}, 'n': NULL::INTEGER[],"
                   " 'arr': [1.5, 2.5]::DOUBLE[2]}");

    assert_int_equal(cell->kind, ASSAY_VALUE_MAP);
    assert_int_equal(cell->count, 4);
    assert_string_equal(cell->keys[1], "B c");
    assert_int_equal(cell->items[0]->count, 3);
    assert_int_equal(cell->items[0]->items[1]->kind, ASSAY_VALUE_NULL);
    assert_int_equal(cell->items[0]->items[2]->integer, 3);
    assert_string_equal(assay_value_find_text(cell->items[1], "2", ""), "x");
    assert_int_equal(cell->items[2]->kind, ASSAY_VALUE_NULL);
    assert_true(cell->items[3]->items[1]->real == 2.5);
    cell = one(world, "SELECT union_value(num := 7)");
    assert_int_equal(cell->integer, 7);
}

static void nested_values_of_later_rows_are_their_own(void **state)
{
    struct world *world = *state;
    assay_rows *rows = NULL;

    assert_int_equal(assay_conn_query(world->conn,
                                      "SELECT range(i), [i, i]::BIGINT[2], {'v': i} "
                                      "FROM range(5000) t(i)",
                                      0, world->arena, &rows, NULL),
                     ASSAY_OK);
    assert_int_equal(rows->count, 5000);
    assert_int_equal(rows->cells[4321][0]->count, 4321);
    assert_int_equal(rows->cells[4321][0]->items[4000]->integer, 4000);
    assert_int_equal(rows->cells[4321][1]->items[1]->integer, 4321);
    assert_int_equal(rows->cells[4321][2]->items[0]->integer, 4321);
}

static void types_are_told_as_describe_tells_them(void **state)
{
    struct world *world = *state;
    static const char *const types[] = {
        "TINYINT",
        "UBIGINT",
        "HUGEINT",
        "DECIMAL(10,2)",
        "DECIMAL(38,9)",
        "TIMESTAMP_NS",
        "TIMESTAMP WITH TIME ZONE",
        "TIME WITH TIME ZONE",
        "INTEGER[][]",
        "VARCHAR[3]",
        "JSON",
        "STRUCT(a INTEGER, \"b c\" VARCHAR[], \"select\" STRUCT(x DATE), Abc INTEGER)",
        "MAP(VARCHAR, MAP(INTEGER, DOUBLE))",
        "ENUM('a', 'it''s')",
        "UNION(i INTEGER, s VARCHAR)",
        "UUID",
        "BLOB",
        "BIT",
        "INTERVAL"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char sql[256];
        assay_rows *rows = NULL;
        assay_column *columns = NULL;
        size_t count = 0;
        assay_error err = {0};
        (void)snprintf(sql, sizeof sql, "SELECT NULL::%s AS x WHERE false", types[i]);
        assert_int_equal(assay_conn_query(world->conn, sql, 0, world->arena, &rows, &err),
                         ASSAY_OK);
        assert_int_equal(assay_conn_describe(world->conn, sql, world->arena, &columns, &count,
                                             &err),
                         ASSAY_OK);
        assert_int_equal(count, 1);
        assert_string_equal(columns[0].name, "x");
        assert_string_equal(rows->types[0], columns[0].type);
        assert_string_equal(rows->types[0], types[i]);
    }
}

struct failing {
    const char *sql;
    assay_status status;
    int number, line, column;
};

static void errors_have_status_number_and_place(void **state)
{
    struct world *world = *state;
    static const struct failing cases[] = {
        {"SELECT 1,\n  foo FROM range(3)", ASSAY_ECONFIG, 3002, 2, 3},
        {"SELECT 'äöü' frm x y", ASSAY_ECONFIG, 3001, 1, 18},
        {"SELECT 'äöü', foo", ASSAY_ECONFIG, 3002, 1, 15},
        {"SELECT * FROM nope", ASSAY_ECONFIG, 3003, 1, 15},
        {"SELECT i, 'a'::INTEGER FROM range(3) t(i)", ASSAY_EDATA, 3004, 1, 14},
        {"SELECT error('boo')", ASSAY_EDATA, 3009, 0, 0},
        {"FROM '/nowhere/x.parquet'", ASSAY_EIO, 3008, 0, 0},
        {"", ASSAY_ECONFIG, 3001, 0, 0},
        {"SELECT 200::TINYINT", ASSAY_EDATA, 3004, 1, 11},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_rows *rows = NULL;
        assay_error err = {0};
        assay_status status =
            assay_conn_query(world->conn, cases[i].sql, 0, world->arena, &rows, &err);
        if (status != cases[i].status || err.number != cases[i].number ||
            err.line != cases[i].line || err.column != cases[i].column)
            fail_msg("%s: %s E%d %d:%d %s", cases[i].sql, assay_status_name(status), err.number,
                     err.line, err.column, err.message);
        assert_null(strstr(err.message, "LINE "));
        assert_null(strchr(err.message, '\n'));
        assert_null(strchr(err.message, '{'));
    }
}

static void describe_and_execute_place_errors_in_the_callers_text(void **state)
{
    struct world *world = *state;
    assay_column *columns = NULL;
    size_t count = 0;
    assay_error err = {0};

    assert_int_equal(assay_conn_describe(world->conn, "SELECT 1,\n foo", world->arena, &columns,
                                         &count, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 2);
    assert_int_equal(assay_conn_execute(world->conn, "CREATE TABLE q AS SELECT foo", NULL, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.column, 26);
    assert_int_equal(assay_conn_execute(world->conn,
                                        "CREATE TEMP TABLE c (a INTEGER NOT NULL);"
                                        "INSERT INTO c VALUES (NULL)",
                                        NULL, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 3005);
}

static void a_limit_cuts_and_none_is_refused_beyond_the_maximum(void **state)
{
    struct world *world = *state;
    assay_arena *arena = assay_arena_new();
    assay_rows *rows = NULL;
    assay_error err = {0};

    assert_int_equal(assay_conn_query(world->conn, "FROM range(10000000000)", 3, arena, &rows,
                                      &err),
                     ASSAY_OK);
    assert_int_equal(rows->count, 3);
    assert_true(rows->truncated);
    assert_int_equal(assay_conn_query(world->conn, "FROM range(3)", 3, arena, &rows, &err),
                     ASSAY_OK);
    assert_false(rows->truncated);
    assert_int_equal(assay_conn_query(world->conn, "FROM range(1000001)", 0, arena, &rows, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 3015);
    assay_arena_free(arena);
}

static void single_values_come_as_text_and_number(void **state)
{
    struct world *world = *state;
    const char *text = NULL;
    int64_t number = -1;
    assay_error err = {0};

    assert_int_equal(assay_conn_query_text(world->conn, "SELECT 1.50::DECIMAL(5,2)", world->arena,
                                           &text, &err),
                     ASSAY_OK);
    assert_string_equal(text, "1.50");
    assert_int_equal(assay_conn_query_text(world->conn, "SELECT NULL::DATE", world->arena, &text,
                                           &err),
                     ASSAY_OK);
    assert_null(text);
    assert_int_equal(assay_conn_query_int(world->conn, "SELECT sum(i) FROM range(5) t(i)", &number,
                                          &err),
                     ASSAY_OK);
    assert_int_equal(number, 10);
    assert_int_equal(assay_conn_query_int(world->conn, "SELECT NULL", &number, &err), ASSAY_OK);
    assert_int_equal(number, 0);
    assert_int_equal(assay_conn_query_int(world->conn, "SELECT 1 WHERE false", &number, &err),
                     ASSAY_ENOTFOUND);
}

static void execute_counts_what_it_changed(void **state)
{
    struct world *world = *state;
    uint64_t changed = 0;

    assert_int_equal(assay_conn_execute(world->conn, "CREATE TEMP TABLE e AS FROM range(7)",
                                        &changed, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_conn_execute(world->conn, "UPDATE e SET range = 1 WHERE range > 4",
                                        &changed, NULL),
                     ASSAY_OK);
    assert_int_equal(changed, 2);
}

static void nothing_is_installed_or_loaded_by_itself(void **state)
{
    struct world *world = *state;
    assay_error err = {0};

    assert_int_equal(assay_conn_execute(world->conn, "FROM 'https://localhost:1/x.parquet'", NULL,
                                        &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 3013);
    assert_string_equal(one(world, "SELECT current_setting('TimeZone')")->text, "UTC");
}

static void interrupt_thread(void *argument)
{
    struct world *world = argument;
    assay_lock *lock = assay_lock_new();
    assay_condition *condition = assay_condition_new();

    assay_lock_acquire(lock);
    (void)assay_condition_wait_ms(condition, lock, 200);
    assay_lock_release(lock);
    double percent = 0;
    uint64_t rows = 0;
    uint64_t total = 0;
    assay_conn_progress(world->conn, &percent, &rows, &total);
    assay_engine_interrupt(world->engine);
    assay_condition_free(condition);
    assay_lock_free(lock);
}

static void an_interrupt_ends_the_running_statement(void **state)
{
    struct world *world = *state;
    assay_thread *thread = NULL;
    assay_error err = {0};

    assert_int_equal(assay_thread_start(interrupt_thread, world, &thread, NULL), ASSAY_OK);
    assay_status status = assay_conn_execute(
        world->conn,
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range < b.range", NULL,
        &err);
    assay_thread_join(thread);
    assert_int_equal(status, ASSAY_ECANCELLED);
    assert_int_equal(err.number, 3007);
    assert_int_equal(one(world, "SELECT 1")->integer, 1);
}

static void too_little_memory_is_said_as_such(void **state)
{
    (void)state;
    assay_engine_options options = {.memory_limit = 32U << 20, .threads = 1};
    assay_engine *engine = NULL;
    assay_conn *conn = NULL;
    assay_error err = {0};

    assert_int_equal(assay_engine_open(&options, &engine, &err), ASSAY_OK);
    assert_int_equal(assay_conn_open(engine, &conn, &err), ASSAY_OK);
    assert_int_equal(assay_conn_execute(conn,
                                        "CREATE TABLE t AS SELECT i, i::VARCHAR || repeat('x', 100)"
                                        " FROM range(3000000) t(i)",
                                        NULL, &err),
                     ASSAY_ENOMEM);
    assert_int_equal(err.number, 3006);
    assay_conn_close(conn);
    assay_engine_close(engine);
}

static void with_a_temporary_folder_it_spills_instead(void **state)
{
    char folder[] = "/tmp/assay_spill_XXXXXX";
    assay_engine *engine = NULL;
    assay_conn *conn = NULL;
    int64_t rows = 0;
    assay_error err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    assay_engine_options options = {.memory_limit = 64U << 20, .threads = 1, .temp_dir = folder};
    assert_int_equal(assay_engine_open(&options, &engine, &err), ASSAY_OK);
    assert_int_equal(assay_conn_open(engine, &conn, &err), ASSAY_OK);
    if (assay_conn_query_int(conn,
                             "SELECT count(*) FROM (SELECT i, i::VARCHAR || repeat('x', 100) AS t "
                             "FROM range(1500000) r(i) ORDER BY hash(i))",
                             &rows, &err) != ASSAY_OK ||
        assay_conn_execute(conn,
                           "CREATE TEMP TABLE big AS SELECT i, hash(i)::VARCHAR || i AS t "
                           "FROM range(3000000) r(i)",
                           NULL, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(rows, 1500000);
    assay_conn_close(conn);
    assay_engine_close(engine);
    assert_int_equal(assay_path_remove_tree(folder, NULL), ASSAY_OK);
}

static void names_and_values_are_quoted(void **state)
{
    (void)state;
    assay_buf buf = ASSAY_BUF_EMPTY;
    static const char *const texts[] = {"a", "it's"};

    assay_sql_append_name(&buf, "we\"ird");
    assay_sql_append_text(&buf, "it's");
    assay_sql_append_text(&buf, NULL);
    assay_sql_append_texts(&buf, texts, 2);
    assert_string_equal(assay_buf_text(&buf), "\"we\"\"ird\"'it''s'NULL['a', 'it''s']");
    assay_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_the_one_that_the_statistics_need),
        cmocka_unit_test(cells_have_the_kind_of_their_type),
        cmocka_unit_test(exact_numbers_keep_their_digits),
        cmocka_unit_test(other_values_print_as_the_engine_casts_them),
        cmocka_unit_test(nested_values_become_lists_and_maps),
        cmocka_unit_test(nested_values_of_later_rows_are_their_own),
        cmocka_unit_test(types_are_told_as_describe_tells_them),
        cmocka_unit_test(errors_have_status_number_and_place),
        cmocka_unit_test(describe_and_execute_place_errors_in_the_callers_text),
        cmocka_unit_test(a_limit_cuts_and_none_is_refused_beyond_the_maximum),
        cmocka_unit_test(single_values_come_as_text_and_number),
        cmocka_unit_test(execute_counts_what_it_changed),
        cmocka_unit_test(nothing_is_installed_or_loaded_by_itself),
        cmocka_unit_test(an_interrupt_ends_the_running_statement),
        cmocka_unit_test(too_little_memory_is_said_as_such),
        cmocka_unit_test(with_a_temporary_folder_it_spills_instead),
        cmocka_unit_test(names_and_values_are_quoted),
    };

    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
