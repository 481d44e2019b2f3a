#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "iceberg/manifest.h"
#include "text/json.h"

static assay_arena *arena;
static assay_random entropy;
static assay_iceberg_metadata *metadata;

static const char METADATA[] =
    "{\"format-version\":2,\"table-uuid\":\"9c12d441-03fe-4693-9a96-a0705ddf69c1\","
    "\"location\":\"/t\",\"last-sequence-number\":3,\"last-updated-ms\":1,\"last-column-id\":8,"
    "\"current-schema-id\":0,\"schemas\":[{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"country\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"price\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":4,\"name\":\"u\",\"required\":false,\"type\":\"uuid\"},"
    "{\"id\":5,\"name\":\"ts\",\"required\":false,\"type\":\"timestamptz\"},"
    "{\"id\":6,\"name\":\"d\",\"required\":false,\"type\":\"double\"}]}],"
    "\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":["
    "{\"name\":\"1st country/x\",\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000},"
    "{\"name\":\"price\",\"transform\":\"identity\",\"source-id\":3,\"field-id\":1001},"
    "{\"name\":\"u\",\"transform\":\"identity\",\"source-id\":4,\"field-id\":1002},"
    "{\"name\":\"ts_day\",\"transform\":\"day\",\"source-id\":5,\"field-id\":1003},"
    "{\"name\":\"d\",\"transform\":\"identity\",\"source-id\":6,\"field-id\":1004},"
    "{\"name\":\"id_bucket\",\"transform\":\"bucket[8]\",\"source-id\":1,\"field-id\":1005},"
    "{\"name\":\"id_trunc\",\"transform\":\"truncate[10]\",\"source-id\":1,\"field-id\":1006}]},"
    "{\"spec-id\":1,\"fields\":[]},{\"spec-id\":2,\"fields\":[{\"name\":\"z\",\"transform\":"
    "\"zorder[3]\",\"source-id\":1,\"field-id\":1007}]}],\"last-partition-id\":1007,"
    "\"default-sort-order-id\":0,\"sort-orders\":[{\"order-id\":0,\"fields\":[]}]}";

enum { FIELDS = 7 };

static int setup(void **state)
{
    (void)state;
    arena = assay_arena_new();
    entropy = assay_random_system();
    return assay_iceberg_metadata_parse(METADATA, strlen(METADATA), "x", arena, &metadata, NULL) !=
           ASSAY_OK;
}

static int teardown(void **state)
{
    (void)state;
    assay_arena_free(arena);
    return 0;
}

static assay_datum integer(assay_type_kind kind, int64_t value)
{
    return (assay_datum){.known = true, .kind = kind, .integer = value};
}

static void fill_partition(assay_datum *values)
{
    values[0] = (assay_datum){.known = true,
                              .kind = ASSAY_TYPE_STRING,
                              .bytes = "it's \"x\"/%2F",
                              .size = 11};
    values[1] = (assay_datum){.known = true, .kind = ASSAY_TYPE_DECIMAL, .unscaled = -1420};
    values[2] = (assay_datum){.known = true,
                              .kind = ASSAY_TYPE_UUID,
                              .bytes = "0123456789abcdef",
                              .size = 16};
    values[3] = integer(ASSAY_TYPE_DATE, -1);
    values[4] = (assay_datum){.known = true, .kind = ASSAY_TYPE_DOUBLE, .real = -0.5};
    values[5] = integer(ASSAY_TYPE_INT32, 7);
    values[6] = integer(ASSAY_TYPE_INT64, -10);
}

static assay_iceberg_entry entry_of(assay_datum *partition, assay_iceberg_metric *metrics,
                                    size_t metric_count)
{
    return (assay_iceberg_entry){.status = ASSAY_ICEBERG_ADDED,
                                 .snapshot_id = 77,
                                 .sequence = -1,
                                 .file_sequence = -1,
                                 .path = "/t/data/a.parquet",
                                 .file_format = "PARQUET",
                                 .partition = partition,
                                 .rows = 10,
                                 .size = 1000,
                                 .metrics = metrics,
                                 .metric_count = metric_count,
                                 .sort_order_id = -1};
}

static void write_manifest(const assay_partition_spec *spec, const assay_iceberg_entry *entries,
                           size_t count, assay_buf *file, assay_iceberg_manifest *manifest)
{
    assay_type *types = NULL;
    assay_error err = {0};
    if (assay_iceberg_partition_types(metadata, spec, arena, &types, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    const assay_iceberg_manifest_head head = {
        .schema = assay_value_find(metadata->document, "schemas")->items[0],
        .spec = spec,
        .partition_types = types,
        .random = &entropy};
    *manifest = (assay_iceberg_manifest){.path = "/t/metadata/m0.avro",
                                         .sequence = 4,
                                         .added_snapshot_id = 77};
    if (assay_iceberg_manifest_write(&head, entries, count, arena, file, manifest, &err) !=
        ASSAY_OK)
        fail_msg("%s", err.message);
}

static void entries_come_back_with_all_their_values(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    assay_datum partition[FIELDS];
    assay_iceberg_metric metrics[] = {
        {1, 80, 10, 0, -1, {"\1\0\0\0\0\0\0\0", 8}, {"\2\0\0\0\0\0\0\0", 8}},
        {2, 40, 10, 3, -1, {"", 0}, {NULL, 0}},
        {6, -1, 10, 0, 2, {NULL, 0}, {NULL, 0}}};
    int64_t splits[] = {4, 5000};
    assay_iceberg_manifest manifest;
    fill_partition(partition);
    assay_iceberg_entry entries[2] = {entry_of(partition, metrics, 3),
                                      entry_of(partition, NULL, 0)};
    entries[0].split_offsets = splits;
    entries[0].split_count = 2;
    entries[1].status = ASSAY_ICEBERG_DELETED;
    entries[1].sequence = 2;
    entries[1].file_sequence = 1;
    write_manifest(&metadata->specs[0], entries, 2, &file, &manifest);
    assert_int_equal(manifest.length, file.size);
    assert_int_equal(manifest.added_files, 1);
    assert_int_equal(manifest.deleted_files, 1);
    assert_int_equal(manifest.deleted_rows, 10);

    assay_iceberg_entry *back = NULL;
    size_t count = 0;
    assay_error err = {0};
    if (assay_iceberg_manifest_read(&file, &manifest, metadata, arena, &back, &count, &err) !=
        ASSAY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(count, 2);
    assert_int_equal(back[0].sequence, 4); /* inherited */
    assert_int_equal(back[0].file_sequence, 4);
    assert_int_equal(back[1].sequence, 2);
    assert_int_equal(back[1].file_sequence, 1);
    assert_int_equal(back[0].metric_count, 3);
    assert_int_equal(back[0].metrics[0].column_size, 80);
    assert_memory_equal(back[0].metrics[0].upper.bytes, "\2\0\0\0\0\0\0\0", 8);
    assert_int_equal(back[0].metrics[1].null_count, 3);
    assert_non_null(back[0].metrics[1].lower.bytes); /* an empty bound is a bound */
    assert_null(back[0].metrics[1].upper.bytes);
    assert_int_equal(back[0].metrics[2].nan_count, 2);
    assert_int_equal(back[0].metrics[2].column_size, -1);
    assert_int_equal(back[0].split_count, 2);
    assert_int_equal(back[0].split_offsets[1], 5000);
    assert_int_equal(back[0].sort_order_id, -1);
    for (size_t i = 0; i < FIELDS; i++)
        assert_true(back[0].partition[i].known && !back[0].partition[i].null);
    assert_memory_equal(back[0].partition[0].bytes, "it's \"x\"/%2F", 11);
    assert_true(back[0].partition[1].unscaled == -1420);
    assert_memory_equal(back[0].partition[2].bytes, "0123456789abcdef", 16);
    assert_int_equal(back[0].partition[3].integer, -1);
    assert_true(back[0].partition[4].real == -0.5);
    assert_int_equal(back[0].partition[5].integer, 7);
    assert_int_equal(back[0].partition[6].integer, -10);
}

static void the_header_carries_what_readers_need(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
    assay_iceberg_manifest manifest;
    write_manifest(&metadata->specs[0], NULL, 0, &file, &manifest);
    assert_int_equal(assay_avro_reader_open(file.data, file.size, "m", arena, &reader, NULL),
                     ASSAY_OK);
    assert_string_equal(assay_avro_reader_metadata(reader, "format-version"), "2");
    assert_string_equal(assay_avro_reader_metadata(reader, "content"), "data");
    assert_string_equal(assay_avro_reader_metadata(reader, "partition-spec-id"), "0");
    assert_string_equal(assay_avro_reader_metadata(reader, "schema-id"), "0");
    assert_non_null(strstr(assay_avro_reader_metadata(reader, "schema"), "\"country\""));
    const char *spec = assay_avro_reader_metadata(reader, "partition-spec");
    assert_int_equal(spec[0], '[');
    /* Names that are no Avro names are spelt out (spec, "Names" of Avro). */
    const assay_avro_type *type = assay_avro_reader_type(reader);
    const assay_avro_type *partition = type->fields[4].type->fields[3].type;
    assert_string_equal(partition->name, "r102");
    assert_string_equal(partition->fields[0].name, "_1st_x20country_x2Fx");
    assert_int_equal(partition->fields[0].id, 1000);
    assert_string_equal(partition->fields[3].type->branches[1]->logical, "date");
    assert_int_equal(partition->fields[1].type->branches[1]->size, 4);
}

static void summaries_know_nulls_nans_and_bounds(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    assay_datum first[FIELDS], second[FIELDS];
    assay_iceberg_manifest manifest;
    fill_partition(first);
    fill_partition(second);
    first[0].null = true;
    second[3].integer = 5;
    second[4].real = (double)__builtin_nanf("");
    const assay_iceberg_entry entries[2] = {entry_of(first, NULL, 0), entry_of(second, NULL, 0)};
    write_manifest(&metadata->specs[0], entries, 2, &file, &manifest);
    assert_int_equal(manifest.partition_count, FIELDS);
    assert_true(manifest.partitions[0].contains_null);
    assert_false(manifest.partitions[1].contains_null);
    assert_int_equal(manifest.partitions[4].contains_nan, 1);
    assert_memory_equal(manifest.partitions[3].lower.bytes, "\xff\xff\xff\xff", 4);
    assert_memory_equal(manifest.partitions[3].upper.bytes, "\x05\0\0\0", 4);
    assert_int_equal(manifest.partitions[4].upper.size, 8);
}

static void a_list_comes_back_line_by_line(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    assay_iceberg_summary summary = {true, -1, {"a", 1}, {"b", 1}};
    const assay_iceberg_manifest list[] = {
        {.path = "/t/metadata/m1.avro",
         .length = 10,
         .spec_id = 0,
         .sequence = 5,
         .min_sequence = 2,
         .added_snapshot_id = 9,
         .added_files = 1,
         .existing_files = 2,
         .deleted_files = 3,
         .added_rows = 4,
         .existing_rows = 5,
         .deleted_rows = 6,
         .partitions = &summary,
         .partition_count = 1},
        {.path = "/t/metadata/m2.avro", .length = 11, .spec_id = 1, .content = 1}};
    const assay_iceberg_list_head head = {.snapshot_id = 9,
                                          .parent = -1,
                                          .sequence = 5,
                                          .random = &entropy};
    assay_iceberg_manifest *back = NULL;
    size_t count = 0;
    assert_int_equal(assay_iceberg_manifest_list_write(&head, list, 2, &file, NULL), ASSAY_OK);
    assert_int_equal(assay_iceberg_manifest_list_read(&file, "l", arena, &back, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    assert_string_equal(back[0].path, "/t/metadata/m1.avro");
    assert_int_equal(back[0].min_sequence, 2);
    assert_int_equal(back[0].deleted_rows, 6);
    assert_true(back[0].partitions[0].contains_null);
    assert_int_equal(back[0].partitions[0].contains_nan, -1);
    assert_memory_equal(back[0].partitions[0].upper.bytes, "b", 1);
    assert_int_equal(back[1].content, 1);
    assert_int_equal(back[1].partition_count, 0);
}

static void an_unknown_transform_is_read_but_not_written(void **state)
{
    (void)state;
    assay_type *types = NULL;
    assay_error err = {0};
    assert_int_equal(assay_iceberg_partition_types(metadata, &metadata->specs[2], arena, &types,
                                                   &err),
                     ASSAY_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "zorder[3]"));
}

static void a_spec_that_the_metadata_lacks_is_damage(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    assay_iceberg_manifest manifest;
    assay_iceberg_entry *entries = NULL;
    size_t count = 0;
    assay_error err = {0};
    write_manifest(&metadata->specs[1], NULL, 0, &file, &manifest);
    manifest.spec_id = 9;
    assert_int_equal(assay_iceberg_manifest_read(&file, &manifest, metadata, arena, &entries,
                                                 &count, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 4107);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_with_all_their_values),
        cmocka_unit_test(the_header_carries_what_readers_need),
        cmocka_unit_test(summaries_know_nulls_nans_and_bounds),
        cmocka_unit_test(a_list_comes_back_line_by_line),
        cmocka_unit_test(an_unknown_transform_is_read_but_not_written),
        cmocka_unit_test(a_spec_that_the_metadata_lacks_is_damage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
