/* Casts that lose nothing, judged by the engine that runs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "engine/exact.h"
#include "world.h"

/* 1 = the cast is exact, 0 = it is NULL where the value is none. */
static int64_t is_exact(const struct world *world, const char *value, const char *from,
                        const char *to)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_exact_cast cast = {"v", from, to, "v"};
    assay_error err = {0};
    int64_t exact = -1;

    assay_buf_append_text(&sql, "SELECT CAST(v IS NULL OR ");
    assay_sql_append_exact_try(&sql, &cast);
    assay_buf_append_format(&sql, " IS NOT NULL AS INTEGER) FROM (SELECT CAST(%s AS %s) AS v)",
                            value, from);
    if (assay_conn_query_int(world->conn, assay_buf_text(&sql), &exact, &err) != ASSAY_OK)
        print_error("%s: %s\n", assay_buf_text(&sql), err.message);
    return exact;
}

static const struct exact_case {
    const char *value, *from, *to;
    int64_t exact;
} cases[] = {
    {"'1.500'", "VARCHAR", "DECIMAL(10,2)", 1},
    {"'1.505'", "VARCHAR", "DECIMAL(10,2)", 0},
    {"'-1.005'", "VARCHAR", "DECIMAL(10,2)", 0},
    {"' 1.50 '", "VARCHAR", "DECIMAL(10,2)", 1},
    {"'1.5e1'", "VARCHAR", "INTEGER", 1},
    {"'1.5E0'", "VARCHAR", "INTEGER", 0},
    {"'1.0'", "VARCHAR", "BIGINT", 1},
    {"'0.9'", "VARCHAR", "BIGINT", 0},
    {"'x'", "VARCHAR", "INTEGER", 0},
    {"'0.1'", "VARCHAR", "DOUBLE", 1},
    {"'2024-01-05 00:00:00'", "VARCHAR", "DATE", 1},
    {"'2024-01-05 00:00:01'", "VARCHAR", "DATE", 0},
    {"'2024-01-05 01:02:03.1234560'", "VARCHAR", "TIMESTAMP", 1},
    {"'2024-01-05 01:02:03.1234567'", "VARCHAR", "TIMESTAMP", 0},
    {"NULL", "VARCHAR", "INTEGER", 1},
    {"NULL", "DOUBLE", "INTEGER", 1},
    {"1.5", "DOUBLE", "INTEGER", 0},
    {"2.0", "DOUBLE", "INTEGER", 1},
    {"'nan'", "DOUBLE", "FLOAT", 1},
    {"9007199254740993", "BIGINT", "DOUBLE", 0},
    {"1.0050", "DECIMAL(10,4)", "DECIMAL(10,2)", 0},
    {"1.0100", "DECIMAL(10,4)", "DECIMAL(10,2)", 1},
    {"[1.5]", "DOUBLE[]", "INTEGER[]", 0},
    {"[1.0]", "DOUBLE[]", "INTEGER[]", 1},
};

static void test_what_would_be_lost_is_no_value(void **state)
{
    const struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t exact = is_exact(world, cases[i].value, cases[i].from, cases[i].to);
        if (exact != cases[i].exact)
            print_error("%s %s as %s\n", cases[i].from, cases[i].value, cases[i].to);
        assert_int_equal(exact, cases[i].exact);
    }
}

static void test_the_failing_cast_names_column_and_type(void **state)
{
    const struct world *world = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_exact_cast cast = {"v", "DOUBLE", "INTEGER", "price"};
    assay_error err = {0};

    assay_buf_append_text(&sql, "SELECT ");
    assay_sql_append_exact_cast(&sql, &cast);
    assay_buf_append_text(&sql, " FROM (SELECT 1.5::DOUBLE AS v)");
    assert_int_not_equal(assay_conn_execute(world->conn, sql.data, NULL, &err), ASSAY_OK);
    assert_true(assay_str_contains(err.message, "price"));
    assert_true(assay_str_contains(err.message, "INTEGER"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_be_lost_is_no_value),
        cmocka_unit_test(test_the_failing_cast_names_column_and_type),
    };

    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
