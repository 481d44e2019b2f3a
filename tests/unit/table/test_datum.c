#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "table/datum.h"

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_arena *arena;
};

static int set_up(void **state)
{
    static struct world world;
    assay_engine_options options = {0};

    world.arena = assay_arena_new();
    *state = &world;
    return assay_engine_open(&options, &world.engine, NULL) == ASSAY_OK &&
                   assay_conn_open(world.engine, &world.conn, NULL) == ASSAY_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    assay_arena_free(world->arena);
    return 0;
}

static assay_type type_of(struct world *world, const char *text)
{
    assay_type type = {0};

    assert_int_equal(assay_type_parse(text, "c", world->arena, &type, NULL, NULL), ASSAY_OK);
    return type;
}

static assay_datum datum_of(struct world *world, const char *type_text, const char *text)
{
    assay_type type = type_of(world, type_text);

    return assay_datum_parse(text, &type, world->arena);
}

static const struct {
    const char *type, *text;
} values[] = {
    {"BOOLEAN", "true"},
    {"BOOLEAN", "false"},
    {"TINYINT", "-128"},
    {"BIGINT", "-9223372036854775808"},
    {"FLOAT", "0.1"},
    {"FLOAT", "-inf"},
    {"DOUBLE", "1e+300"},
    {"DOUBLE", "1.0"},
    {"DOUBLE", "0.30000000000000004"},
    {"DECIMAL(5,3)", "-0.010"},
    {"DECIMAL(38,0)", "-99999999999999999999999999999999999999"},
    {"DECIMAL(38,37)", "0.0000000000000000000000000000000000001"},
    {"DECIMAL(4,0)", "0"},
    {"DATE", "1582-10-04"},
    {"DATE", "0001-01-01"},
    {"DATE", "9999-12-31"},
    {"TIME", "01:02:03.000004"},
    {"TIME", "23:59:59"},
    {"TIMESTAMP", "0001-01-01 00:00:00.000001"},
    {"TIMESTAMP", "1969-12-31 23:59:59.9"},
    {"TIMESTAMP WITH TIME ZONE", "2019-12-31 22:00:00+00"},
    {"VARCHAR", "it's\na \"text\" é"},
    {"VARCHAR", ""},
    {"UUID", "f79c3e09-677c-4bbd-a479-3f349cb785e7"},
};

/* The text goes to a value and back, and the value's SQL is the same value to the engine, which
 * prints it as we do. */
static void values_go_to_text_and_back(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
        assay_type type = type_of(world, values[i].type);
        assay_datum datum = assay_datum_parse(values[i].text, &type, world->arena);
        const char *printed = NULL;
        assert_true(datum.known);
        assert_false(datum.null);
        assay_datum_format(&text, &datum, &type);
        assert_string_equal(assay_buf_text(&text), values[i].text);
        assay_buf_append_text(&sql, "SELECT CAST(");
        assay_datum_append_sql(&sql, &datum, &type);
        assay_buf_append_text(&sql, " AS VARCHAR)");
        assert_int_equal(assay_conn_query_text(world->conn, assay_buf_text(&sql), world->arena,
                                               &printed, NULL),
                         ASSAY_OK);
        assert_string_equal(printed, values[i].text);
    }
}

static void bytes_go_as_hex(void **state)
{
    struct world *world = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_type type = type_of(world, "BLOB");
    assay_datum datum = assay_datum_parse("AA007A", &type, world->arena);
    const char *printed = NULL;

    assert_int_equal(datum.size, 3);
    assert_memory_equal(datum.bytes, "\xAA\x00z", 3);
    assay_buf_append_text(&sql, "SELECT hex(");
    assay_datum_append_sql(&sql, &datum, &type);
    assay_buf_append_text(&sql, ")");
    assert_int_equal(assay_conn_query_text(world->conn, assay_buf_text(&sql), world->arena,
                                           &printed, NULL),
                     ASSAY_OK);
    assert_string_equal(printed, "AA007A");
}

static void null_is_known_and_null(void **state)
{
    struct world *world = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_type type = type_of(world, "DATE");
    assay_datum datum = assay_datum_parse(NULL, &type, world->arena);

    assert_true(datum.known);
    assert_true(datum.null);
    assay_datum_append_sql(&sql, &datum, &type);
    assert_string_equal(assay_buf_text(&sql), "CAST(NULL AS DATE)");
}

static void what_does_not_parse_is_unknown(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *type, *text;
    } cases[] = {{"INTEGER", "2147483648"},
                 {"INTEGER", "1x"},
                 {"INTEGER", ""},
                 {"BOOLEAN", "maybe"},
                 {"DOUBLE", "nan"},
                 {"DOUBLE", "1.5z"},
                 {"DECIMAL(5,2)", "1.234"},
                 {"DECIMAL(5,2)", "1e5"},
                 {"DATE", "infinity"},
                 {"DATE", "0044-01-01 (BC)"},
                 {"DATE", "12000-01-01"},
                 {"TIMESTAMP", "infinity"},
                 {"TIMESTAMP", "0044-01-01 (BC) 00:00:00"},
                 {"TIME", "1:2:3"},
                 {"UUID", "f79c3e09"},
                 {"BLOB", "A"},
                 {"BLOB", "GG"},
                 {"VARCHAR", "\xC3("},
                 {"INTEGER[]", "[1]"},
                 {"DECIMAL(38,2)", "123456789012345678901234567890123456789"},
                 {"DECIMAL(38,9)", "45233323333333333333333333333333333"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (datum_of(world, cases[i].type, cases[i].text).known)
            fail_msg("%s '%s' was taken", cases[i].type, cases[i].text);
}

static void values_compare_by_their_type(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *type, *low, *high;
    } cases[] = {{"BIGINT", "-5", "3"},     {"DECIMAL(38,2)", "-100000000000000000000.00", "0.01"},
                 {"DOUBLE", "-inf", "1.5"}, {"VARCHAR", "a", "aa"},
                 {"VARCHAR", "z", "é"},     {"VARCHAR", "", "a"},
                 {"BLOB", "00", "FF"},      {"DATE", "1969-12-31", "1970-01-01"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_datum low = datum_of(world, cases[i].type, cases[i].low);
        assay_datum high = datum_of(world, cases[i].type, cases[i].high);
        assert_int_equal(assay_datum_compare(&low, &high), -1);
        assert_int_equal(assay_datum_compare(&high, &low), 1);
        assert_int_equal(assay_datum_compare(&low, &low), 0);
    }
}

static void text_bounds_are_cut_at_code_points(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *text;
        size_t keep;
        const char *lower, *upper; /* NULL = unknown */
    } cases[] = {
        {"abc", 3, "abc", "abc"},
        {"abcd", 3, "abc", "abd"},
        {"ééé", 2, "éé", "éê"},
        {"ab\x7Fz", 3, "ab\x7F", "ab\xC2\x80"},
        {"a\xF4\x8F\xBF\xBFz", 2, "a\xF4\x8F\xBF\xBF", "b"},
        {"\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBFz", 2, "\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF", NULL},
        {"\xED\x9F\xBFz", 1, "\xED\x9F\xBF", "\xEE\x80\x80"},
        {"\xEF\xBF\xBFz", 1, "\xEF\xBF\xBF", "\xF0\x90\x80\x80"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool exact = false;
        assay_datum datum = datum_of(world, "VARCHAR", cases[i].text);
        assay_datum lower =
            assay_datum_truncate(&datum, cases[i].keep, false, world->arena, &exact);
        assert_string_equal(lower.bytes, cases[i].lower);
        assert_int_equal(lower.size, strlen(cases[i].lower));
        assay_datum upper = assay_datum_truncate(&datum, cases[i].keep, true, world->arena, &exact);
        assert_int_equal(upper.known, cases[i].upper != NULL);
        if (cases[i].upper == NULL)
            continue;
        assert_string_equal(upper.bytes, cases[i].upper);
        assert_true(assay_datum_compare(&upper, &datum) >= 0);
        assert_int_equal(exact, strcmp(cases[i].upper, cases[i].text) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_to_text_and_back),
        cmocka_unit_test(bytes_go_as_hex),
        cmocka_unit_test(null_is_known_and_null),
        cmocka_unit_test(what_does_not_parse_is_unknown),
        cmocka_unit_test(values_compare_by_their_type),
        cmocka_unit_test(text_bounds_are_cut_at_code_points),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
