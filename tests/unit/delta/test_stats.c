#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/stats.h"
#include "text/json.h"

static const assay_delta_stats_options all = {NULL, 0, ASSAY_DELTA_STATS_COLUMNS};

/* A file with one column of `type` and these bounds. */
static const char *write_one(assay_arena *arena, assay_type type, const char *lower,
                             const char *upper, int64_t nans,
                             const assay_delta_stats_options *options)
{
    assay_field *field = assay_arena_take(arena, 1, sizeof(*field));
    assay_schema schema = {.fields = field, .count = 1, .last_field_id = 1};
    assay_column_stats stats = {.field_id = 1, .null_count = 2, .nan_count = nans};
    assay_data_file file = {.rows = 5, .stats = &stats, .stats_count = 1};
    const char *text = NULL;

    *field = (assay_field){.id = 1, .name = "c", .type = type};
    stats.lower = assay_datum_parse(lower, &type, arena);
    stats.upper = assay_datum_parse(upper, &type, arena);
    assert_int_equal(assay_delta_stats_write(&file, &schema, options, arena, &text, NULL),
                     ASSAY_OK);
    return text;
}

static void expect_one(assay_type type, const char *lower, const char *upper, const char *min,
                       const char *max)
{
    assay_arena *arena = assay_arena_new();
    const char *text = write_one(arena, type, lower, upper, 0, &all);
    char *expected = NULL;

    if (min == NULL)
        expected = assay_arena_format(
            arena, "{\"numRecords\":5,\"minValues\":{},\"maxValues\":{},\"nullCount\":{\"c\":2}}");
    else
        expected = assay_arena_format(arena,
                                      "{\"numRecords\":5,\"minValues\":{\"c\":%s},\"maxValues\":"
                                      "{\"c\":%s},\"nullCount\":{\"c\":2}}",
                                      min, max);
    assert_string_equal(text, expected);
    assay_arena_free(arena);
}

static void bounds_are_written_as_the_protocol_says(void **state)
{
    (void)state;
    expect_one((assay_type){.kind = ASSAY_TYPE_INT64}, "-3", "9223372036854775807", "-3",
               "9223372036854775807");
    expect_one((assay_type){.kind = ASSAY_TYPE_DATE}, "1969-12-31", "2024-02-29", "\"1969-12-31\"",
               "\"2024-02-29\"");
    expect_one((assay_type){.kind = ASSAY_TYPE_DECIMAL, .precision = 38, .scale = 2},
               "-123456789012345678901234567890123456.78", "0.05",
               "-123456789012345678901234567890123456.78", "0.05");
    expect_one((assay_type){.kind = ASSAY_TYPE_STRING}, "a\"b", "zz", "\"a\\\"b\"", "\"zz\"");
    expect_one((assay_type){.kind = ASSAY_TYPE_BOOLEAN}, "false", "true", "false", "true");
}

static void timestamps_are_rounded_outwards_to_milliseconds(void **state)
{
    (void)state;
    expect_one((assay_type){.kind = ASSAY_TYPE_TIMESTAMP}, "2024-01-01 00:00:00.123456",
               "2024-01-01 00:00:00.123001", "\"2024-01-01T00:00:00.123\"",
               "\"2024-01-01T00:00:00.124\"");
    expect_one((assay_type){.kind = ASSAY_TYPE_TIMESTAMPTZ}, "1969-12-31 23:59:59.999999+00",
               "1969-12-31 23:59:59.999999+00", "\"1969-12-31T23:59:59.999Z\"",
               "\"1970-01-01T00:00:00.000Z\"");
    expect_one((assay_type){.kind = ASSAY_TYPE_TIMESTAMP}, "2024-01-01 00:00:00.5",
               "2024-01-01 00:00:00.5", "\"2024-01-01T00:00:00.500\"",
               "\"2024-01-01T00:00:00.500\"");
}

static void long_text_is_cut_at_code_points(void **state)
{
    (void)state;
    expect_one((assay_type){.kind = ASSAY_TYPE_STRING}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaXX",
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaXX", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
               "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"");
}

static void floats_have_bounds_only_where_no_nan_is_possible(void **state)
{
    assay_type type = {.kind = ASSAY_TYPE_DOUBLE};
    assay_arena *arena = assay_arena_new();

    (void)state;
    expect_one(type, "-1.5", "2.25", "-1.5", "2.25");
    expect_one(type, "-inf", "2.25", NULL, NULL);
    assert_null(strstr(write_one(arena, type, "1", "2", -1, &all), "\"minValues\":{\"c\""));
    assert_null(strstr(write_one(arena, type, "1", "2", 3, &all), "\"maxValues\":{\"c\""));
    assay_arena_free(arena);
}

static void partition_columns_and_columns_past_the_limit_have_none(void **state)
{
    static const char *const names[] = {"C"};
    const assay_delta_stats_options partition = {names, 1, ASSAY_DELTA_STATS_COLUMNS};
    const assay_delta_stats_options none = {NULL, 0, 0};
    assay_type type = {.kind = ASSAY_TYPE_INT32};
    assay_arena *arena = assay_arena_new();

    (void)state;
    assert_null(strstr(write_one(arena, type, "1", "2", 0, &partition), "\"c\""));
    assert_null(strstr(write_one(arena, type, "1", "2", 0, &none), "\"c\""));
    assay_arena_free(arena);
}

static void statistics_come_back_for_nested_columns(void **state)
{
    static const char text[] = "{\"numRecords\":7,\"minValues\":{\"s\":{\"a\":3}},\"maxValues\":"
                               "{\"s\":{\"a\":9},\"t\":\"2024-01-01T00:00:00.124Z\"},"
                               "\"nullCount\":{\"s\":{\"a\":1},\"t\":0}}";
    assay_field member = {.id = 3, .name = "a", .type = {.kind = ASSAY_TYPE_INT64}};
    assay_field fields[] = {{.id = 1, .name = "s", .type = {ASSAY_TYPE_STRUCT, 0, 0, &member, 1}},
                            {.id = 2, .name = "t", .type = {.kind = ASSAY_TYPE_TIMESTAMPTZ}}};
    assay_schema schema = {.fields = fields, .count = 2, .last_field_id = 3};
    assay_arena *arena = assay_arena_new();
    assay_data_file file = {.own = false};
    assay_value *stats = NULL;
    const assay_column_stats *of_member = NULL;
    const assay_column_stats *of_time = NULL;

    (void)state;
    assert_int_equal(assay_json_parse(text, strlen(text), "stats", arena, &stats, NULL), ASSAY_OK);
    assert_int_equal(assay_delta_stats_read(stats, &schema, arena, &file, NULL), ASSAY_OK);
    of_member = assay_data_file_stats(&file, 3);
    of_time = assay_data_file_stats(&file, 2);
    assert_int_equal(file.rows, 7);
    assert_int_equal(of_member->lower.integer, 3);
    assert_int_equal(of_member->upper.integer, 9);
    assert_int_equal(of_member->null_count, 1);
    assert_false(of_time->lower.known);
    /* Another writer may have cut the microseconds off. */
    assert_int_equal(of_time->upper.integer % 1000000, 124999);
    assay_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_written_as_the_protocol_says),
        cmocka_unit_test(timestamps_are_rounded_outwards_to_milliseconds),
        cmocka_unit_test(long_text_is_cut_at_code_points),
        cmocka_unit_test(floats_have_bounds_only_where_no_nan_is_possible),
        cmocka_unit_test(partition_columns_and_columns_past_the_limit_have_none),
        cmocka_unit_test(statistics_come_back_for_nested_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
