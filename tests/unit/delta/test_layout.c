#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/layout.h"
#include "text/json.h"

struct sample {
    assay_arena *arena;
    assay_field fields[2];
    assay_schema schema;
};

static int setup(void **state)
{
    static struct sample sample;

    sample.arena = assay_arena_new();
    sample.fields[0] =
        (assay_field){.id = 1, .name = "Country", .type = {.kind = ASSAY_TYPE_STRING}};
    sample.fields[1] =
        (assay_field){.id = 2, .name = "ts", .type = {.kind = ASSAY_TYPE_TIMESTAMPTZ}};
    sample.schema = (assay_schema){.fields = sample.fields, .count = 2, .last_field_id = 2};
    *state = &sample;
    return 0;
}

static int teardown(void **state)
{
    assay_arena_free(((struct sample *)*state)->arena);
    return 0;
}

static assay_value *parse(struct sample *sample, const char *text)
{
    assay_value *value = NULL;

    assert_int_equal(assay_json_parse(text, strlen(text), "test", sample->arena, &value, NULL),
                     ASSAY_OK);
    return value;
}

static assay_partition_spec *read_spec(struct sample *sample, const char *metadata)
{
    assay_partition_spec *spec = NULL;

    assert_int_equal(assay_delta_layout_read("t", parse(sample, metadata), &sample->schema,
                                             sample->arena, &spec, NULL),
                     ASSAY_OK);
    return spec;
}

static assay_data_file read_values(struct sample *sample, const assay_partition_spec *spec,
                                   const char *add)
{
    assay_data_file file = {.rows = 1};

    assert_int_equal(assay_delta_partition_read(parse(sample, add), spec, &sample->schema,
                                                sample->arena, &file, NULL),
                     ASSAY_OK);
    return file;
}

static const char both[] = "{\"partitionColumns\":[\"country\"],\"configuration\":{"
                           "\"assay.partition\":\"[\\\"month(ts)\\\",\\\"Country\\\"]\"}}";

static void the_property_tells_date_parts(void **state)
{
    assay_partition_spec *spec = read_spec(*state, both);

    assert_int_equal(spec->count, 2);
    assert_int_equal(spec->fields[0].transform, ASSAY_TRANSFORM_MONTH);
    assert_int_equal(spec->fields[1].transform, ASSAY_TRANSFORM_IDENTITY);
}

static void partition_columns_win_over_a_property_that_disagrees(void **state)
{
    assay_partition_spec *spec =
        read_spec(*state, "{\"partitionColumns\":[\"ts\"],\"configuration\":{\"assay.partition\":"
                          "\"[\\\"month(ts)\\\",\\\"Country\\\"]\"}}");

    assert_int_equal(spec->count, 1);
    assert_string_equal(spec->fields[0].name, "ts");
}

static void a_partition_column_that_is_not_there_is_damage(void **state)
{
    struct sample *sample = *state;
    assay_partition_spec *spec = NULL;

    assert_int_equal(assay_delta_layout_read("t", parse(sample, "{\"partitionColumns\":[\"x\"]}"),
                                             &sample->schema, sample->arena, &spec, NULL),
                     ASSAY_EDATA);
}

static void empty_and_absent_values_are_null(void **state)
{
    assay_partition_spec *spec =
        read_spec(*state, "{\"partitionColumns\":[\"Country\",\"ts\"],\"configuration\":{}}");
    assay_data_file file =
        read_values(*state, spec, "{\"partitionValues\":{\"Country\":\"\",\"ts\":null}}");

    assert_true(file.partition[0].known && file.partition[0].null);
    assert_true(file.partition[1].known && file.partition[1].null);
}

static void timestamps_are_read_in_both_forms(void **state)
{
    static const char *const texts[] = {"2024-01-02 03:04:05", "2024-01-02T03:04:05.000000Z",
                                        "2024-01-02T05:04:05+02:00"};
    struct sample *sample = *state;
    assay_partition_spec *spec =
        read_spec(sample, "{\"partitionColumns\":[\"ts\"],\"configuration\":{}}");

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *add =
            assay_arena_format(sample->arena, "{\"partitionValues\":{\"ts\":\"%s\"}}", texts[i]);
        assay_data_file file = read_values(sample, spec, add);

        assert_true(file.partition[0].known);
        assert_true(file.partition[0].integer == 1704164645LL * 1000000);
    }
}

static void values_and_tags_come_back(void **state)
{
    struct sample *sample = *state;
    assay_partition_spec *spec = read_spec(sample, both);
    assay_datum values[] = {
        {.known = true, .kind = ASSAY_TYPE_INT32, .integer = 648},
        {.known = true, .kind = ASSAY_TYPE_STRING, .bytes = "a=b/c", .size = 5}};
    assay_data_file file = {.path = "x", .partition = values, .partition_count = 2};
    assay_value *written = NULL;
    const char *tag = NULL;
    char *add = NULL;
    assay_buf text = ASSAY_BUF_EMPTY;

    assert_int_equal(assay_delta_partition_write(&file, spec, &sample->schema, sample->arena,
                                                 &written, &tag, NULL),
                     ASSAY_OK);
    assert_string_equal(tag, "{\"ts_month\":648}");
    assay_json_write(&text, written, 0);
    assert_string_equal(assay_buf_text(&text), "{\"Country\":\"a=b/c\"}");
    add = assay_arena_format(sample->arena,
                             "{\"partitionValues\":%s,\"tags\":{\"assay.partition\":"
                             "\"{\\\"ts_month\\\":648}\"}}",
                             assay_buf_text(&text));
    assay_buf_done(&text);
    file = read_values(sample, spec, add);
    assert_int_equal(file.partition[0].integer, 648);
    assert_memory_equal(file.partition[1].bytes, "a=b/c", 5);
}

static void a_lost_tag_is_found_in_the_statistics(void **state)
{
    struct sample *sample = *state;
    assay_partition_spec *spec = read_spec(sample, both);
    /* 1969-12-31T23:59:59Z: month -1, floor and not zero. */
    assay_datum moment = {.known = true, .kind = ASSAY_TYPE_TIMESTAMPTZ, .integer = -1000000};
    assay_column_stats stats = {.field_id = 2, .null_count = 0, .lower = moment, .upper = moment};
    assay_data_file file = {.rows = 1, .stats = &stats, .stats_count = 1};
    assay_value *add = parse(sample, "{\"partitionValues\":{\"Country\":\"x\"}}");

    assert_int_equal(assay_delta_partition_read(add, spec, &sample->schema, sample->arena, &file,
                                                NULL),
                     ASSAY_OK);
    assert_true(file.partition[0].known);
    assert_int_equal(file.partition[0].integer, -1);
    stats.null_count = 1;
    assert_int_equal(assay_delta_partition_read(add, spec, &sample->schema, sample->arena, &file,
                                                NULL),
                     ASSAY_OK);
    assert_false(file.partition[0].known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_property_tells_date_parts),
        TEST(partition_columns_win_over_a_property_that_disagrees),
        TEST(a_partition_column_that_is_not_there_is_damage),
        TEST(empty_and_absent_values_are_null),
        TEST(timestamps_are_read_in_both_forms),
        TEST(values_and_tags_come_back),
        TEST(a_lost_tag_is_found_in_the_statistics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
