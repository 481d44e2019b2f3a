#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/database.h"

static int set_up(void **state)
{
    *state = assay_arena_new();
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    assay_arena_free(*state);
    return 0;
}

/* ---- types ---- */

static assay_database_column map(void **state, assay_postgres_type type)
{
    assay_database_column column = {.name = "c", .declared = "x"};

    assert_int_equal(assay_postgres_map(&type, *state, &column, NULL), ASSAY_OK);
    return column;
}

/* As PostgreSQL packs numeric(precision, scale). */
static int modifier(int precision, int scale)
{
    return (precision << 16 | (scale & 0x7ff)) + 4;
}

static void numerics_become_decimals_only_where_every_value_fits(void **state)
{
    static const struct {
        int precision, scale;
        const char *type;
        assay_remote_form remote;
        bool parallel;
    } cases[] = {
        {10, 2, "DECIMAL(10,2)", ASSAY_REMOTE_CAST, true},
        {38, 38, "DECIMAL(38,38)", ASSAY_REMOTE_CAST, true},
        {5, -2, "DECIMAL(7,0)", ASSAY_REMOTE_CAST, false},
        {3, 5, "DECIMAL(5,5)", ASSAY_REMOTE_CAST, false},
        {39, 0, "VARCHAR", ASSAY_REMOTE_TEXT, false},
        {30, -10, "VARCHAR", ASSAY_REMOTE_TEXT, false},
        {2, 39, "VARCHAR", ASSAY_REMOTE_TEXT, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_database_column column =
            map(state,
                (assay_postgres_type){.name = "numeric",
                                      .builtin = true,
                                      .modifier = modifier(cases[i].precision, cases[i].scale)});
        assert_string_equal(column.type, cases[i].type);
        assert_int_equal(column.remote, cases[i].remote);
        assert_int_equal(column.parallel, cases[i].parallel);
        if (column.remote == ASSAY_REMOTE_CAST)
            assert_string_equal(column.guard, "NaN");
    }
    assay_database_column any =
        map(state, (assay_postgres_type){.name = "numeric", .builtin = true, .modifier = -1});
    assert_string_equal(any.type, "VARCHAR");
    assert_true(any.digits);
}

static void a_type_of_somebody_else_is_text_whatever_its_name_is(void **state)
{
    assay_database_column own =
        map(state, (assay_postgres_type){.name = "int4", .builtin = false, .modifier = -1});
    assay_database_column number =
        map(state, (assay_postgres_type){.name = "int4", .builtin = true, .modifier = -1});

    assert_string_equal(own.type, "VARCHAR");
    assert_int_equal(own.remote, ASSAY_REMOTE_TEXT);
    assert_false(own.parallel);
    assert_string_equal(number.type, "INTEGER");
    assert_true(number.parallel);
}

static void arrays_are_lists_of_what_fits_and_arrays_of_arrays_are_json(void **state)
{
    static const struct {
        const char *element;
        int modifier, dimensions;
        const char *type;
        assay_remote_form remote;
    } cases[] = {
        {"int4", -1, 1, "INTEGER[]", ASSAY_REMOTE_PLAIN},
        {"int4", -1, 0, "INTEGER[]", ASSAY_REMOTE_PLAIN},
        {"int4", -1, 2, "VARCHAR", ASSAY_REMOTE_JSON},
        {"numeric", -1, 1, "VARCHAR[]", ASSAY_REMOTE_CAST},
        {"numeric", (10 << 16 | 2) + 4, 1, "DECIMAL(10,2)[]", ASSAY_REMOTE_CAST},
        {"interval", -1, 1, "VARCHAR[]", ASSAY_REMOTE_CAST},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_database_column column =
            map(state, (assay_postgres_type){.name = "_x",
                                             .element = cases[i].element,
                                             .builtin = true,
                                             .modifier = cases[i].modifier,
                                             .dimensions = cases[i].dimensions});
        assert_string_equal(column.type, cases[i].type);
        assert_int_equal(column.remote, cases[i].remote);
    }
}

static void two_numbers_are_read_behind_their_prefix_only(void **state)
{
    int a = 7;
    int b = 7;

    (void)state;
    assert_true(assay_database_two_numbers("DECIMAL(10,2)", "DECIMAL(", &a, &b));
    assert_int_equal(a, 10);
    assert_int_equal(b, 2);
    assert_true(assay_database_two_numbers("d:38,0,128", "d:", &a, &b));
    assert_int_equal(a, 38);
    assert_false(assay_database_two_numbers("VARCHAR", "DECIMAL(", &a, &b));
    assert_false(assay_database_two_numbers("DECIMAL(10)", "DECIMAL(", &a, &b));
    assert_false(assay_database_two_numbers("d:99999999999,1", "d:", &a, &b));
}

/* ---- windows ---- */

static const char *condition(bool (*append)(const assay_database_window *window, assay_buf *buf),
                             const assay_database_window *window, void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    return append(window, &buf) ? assay_arena_text(*state, assay_buf_text(&buf)) : NULL;
}

static void a_first_load_takes_all_up_to_the_largest_value_and_rows_without_one(void **state)
{
    static const assay_database_column column = {.name = "a\"t",
                                                 .declared = "date",
                                                 .type = "DATE"};
    assay_database_window window = {.column = &column, .nothing_known = true, .high = "2024-01-05"};

    assert_string_equal(condition(assay_database_window_fresh, &window, state),
                        "q.\"a\"\"t\" <= CAST('2024-01-05' AS date) OR q.\"a\"\"t\" IS NULL");
    assert_null(condition(assay_database_window_again, &window, state));
    window.high = NULL;
    assert_string_equal(condition(assay_database_window_fresh, &window, state),
                        "q.\"a\"\"t\" IS NULL");
}

static void later_runs_read_what_is_new_once_and_the_overlap_again(void **state)
{
    static const assay_database_column column = {.name = "n",
                                                 .declared = "int8",
                                                 .type = "BIGINT",
                                                 .not_null = true};
    assay_database_window window = {.column = &column, .low = "5", .seen = "9", .high = "12"};

    assert_string_equal(condition(assay_database_window_fresh, &window, state),
                        "q.\"n\" > CAST('9' AS int8) AND q.\"n\" <= CAST('12' AS int8)");
    assert_string_equal(condition(assay_database_window_again, &window, state),
                        "q.\"n\" >= CAST('5' AS int8) AND q.\"n\" <= CAST('9' AS int8)");
    assert_string_equal(
        condition(assay_database_window_there, &window, state),
        "CAST(q.\"n\" AS BIGINT) >= CAST('5' AS BIGINT) AND CAST(q.\"n\" AS BIGINT) "
        "<= CAST('9' AS BIGINT)");
}

static void what_nothing_is_known_of_is_compared_whole(void **state)
{
    static const assay_database_column column = {.name = "n",
                                                 .declared = "int8",
                                                 .type = "BIGINT",
                                                 .not_null = true};
    const assay_database_window lost = {.column = &column, .high = "12"};
    const assay_database_window interval = {.column = &column,
                                            .interval = true,
                                            .from = "2024-01-01 00:00:00+00",
                                            .to = "2024-01-02 00:00:00+00",
                                            .seen = "9",
                                            .high = "12"};

    assert_null(condition(assay_database_window_fresh, &lost, state));
    assert_string_equal(condition(assay_database_window_again, &lost, state),
                        "q.\"n\" <= CAST('12' AS int8)");
    assert_null(condition(assay_database_window_fresh, &interval, state));
    assert_string_equal(condition(assay_database_window_again, &interval, state),
                        "q.\"n\" >= CAST('2024-01-01 00:00:00+00' AS timestamp) AND q.\"n\" < "
                        "CAST('2024-01-02 00:00:00+00' AS timestamp)");
}

/* 2024-01-01T12:00:00Z */
static int64_t noon(void *user)
{
    (void)user;
    return INT64_C(1704110400) * 1000000;
}

static const char *capped(const char *type, const char *high, void **state)
{
    const assay_clock clock = {.now_us = noon};
    const assay_step_env env = {.clock = &clock};
    const assay_database database = {.env = &env, .arena = *state};
    const assay_database_column column = {.type = type};
    const char *text = NULL;

    assert_int_equal(assay_database_not_after_now(&database, &column, high, &text, NULL), ASSAY_OK);
    return text;
}

static void a_stored_watermark_is_never_a_time_to_come(void **state)
{
    assert_null(capped("DATE", NULL, state));
    assert_string_equal(capped("DATE", "2024-01-01", state), "2024-01-01");
    assert_string_equal(capped("DATE", "2024-01-02", state), "2024-01-01");
    assert_string_equal(capped("TIMESTAMP", "2024-01-01 12:00:00", state), "2024-01-01 12:00:00");
    assert_string_equal(capped("TIMESTAMP", "2024-01-01 12:00:00.000001", state),
                        "2024-01-01 12:00:00.000000");
    assert_string_equal(capped("TIMESTAMP WITH TIME ZONE", "2099-01-01 00:00:00+00", state),
                        "2024-01-01 12:00:00.000000+00");
    assert_string_equal(capped("INTEGER", "20990101", state), "20990101");
}

static bool reaches(const char *type, const char *high, const char *number, int64_t ms)
{
    const assay_database_source source = {.lookback_number = number, .lookback_ms = ms};
    const assay_database database = {.source = &source};
    const assay_database_column column = {.type = type};

    return assay_database_reaches_all(&database, &column, high);
}

static void a_lookback_below_the_smallest_value_has_no_bound(void **state)
{
    (void)state;
    assert_false(reaches("SMALLINT", "-32767", "1", -1));
    assert_true(reaches("SMALLINT", "-32767", "2", -1));
    assert_true(reaches("INTEGER", "-2147483648", "1", -1));
    assert_false(reaches("BIGINT", "0", "9223372036854775807", -1));
    assert_true(reaches("BIGINT", "-2", "9223372036854775807", -1));
    assert_false(reaches("DECIMAL(5,2)", "1.50", "1000", -1));
    assert_true(reaches("DECIMAL(5,2)", "1.50", "1001", -1));
    assert_false(reaches("DECIMAL(38,0)", "99999999999999999999", "9223372036854775807", -1));
    assert_false(reaches("DATE", "0001-01-02", NULL, INT64_C(86400000)));
    assert_true(reaches("DATE", "0001-01-02", NULL, INT64_C(86400001)));
    assert_true(reaches("TIMESTAMP", "2024-01-01 00:00:00", NULL, INT64_MAX));
    assert_true(reaches("TIMESTAMP", "0044-03-15 00:00:00 BC", NULL, 0));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numerics_become_decimals_only_where_every_value_fits),
        TEST(a_type_of_somebody_else_is_text_whatever_its_name_is),
        TEST(arrays_are_lists_of_what_fits_and_arrays_of_arrays_are_json),
        TEST(two_numbers_are_read_behind_their_prefix_only),
        TEST(a_first_load_takes_all_up_to_the_largest_value_and_rows_without_one),
        TEST(later_runs_read_what_is_new_once_and_the_overlap_again),
        TEST(what_nothing_is_known_of_is_compared_whole),
        TEST(a_stored_watermark_is_never_a_time_to_come),
        TEST(a_lookback_below_the_smallest_value_has_no_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
