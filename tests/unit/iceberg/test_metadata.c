#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "iceberg/location.h"
#include "iceberg/metadata.h"
#include "iceberg/schema_json.h"
#include "text/json.h"

static assay_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = assay_arena_new();
    return arena == NULL;
}

static int teardown(void **state)
{
    (void)state;
    assay_arena_free(arena);
    return 0;
}

#define HEAD                                                                                 \
    "\"table-uuid\":\"9c12d441-03fe-4693-9a96-a0705ddf69c1\",\"location\":\"file:///t/x/\"," \
    "\"last-sequence-number\":34,\"last-updated-ms\":1602638573590,\"last-column-id\":9,"
#define SCHEMA(type)                                                                         \
    "\"current-schema-id\":3,\"schemas\":[{\"type\":\"struct\",\"schema-id\":3,\"fields\":[" \
    "{\"id\":1,\"name\":\"x\",\"required\":true,\"type\":" type "}]}],"
#define SPEC                                                                                 \
    "\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":[{\"name\":\"x\"," \
    "\"transform\":\"identity\",\"source-id\":1,\"field-id\":1000}]}],\"last-partition-id\":1000,"
#define TAIL "\"default-sort-order-id\":0,\"sort-orders\":[{\"order-id\":0,\"fields\":[]}]}"

static assay_status parse(const char *text, assay_iceberg_metadata **ret, assay_error *err)
{
    return assay_iceberg_metadata_parse(text, strlen(text), "v1.metadata.json", arena, ret, err);
}

static void minimal_metadata_is_read(void **state)
{
    (void)state;
    assay_iceberg_metadata *metadata = NULL;
    assay_error err = {0};
    const char *text = "{\"format-version\":2," HEAD SCHEMA("\"long\"") SPEC TAIL;
    if (parse(text, &metadata, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_string_equal(metadata->location, "file:///t/x");
    assert_int_equal(metadata->last_sequence, 34);
    assert_int_equal(metadata->schema->id, 3);
    assert_int_equal(metadata->schema->last_field_id, 9);
    assert_int_equal(metadata->spec->fields[0].field_id, 1000);
    assert_null(metadata->current);
}

static void expect_refusal(const char *text, assay_status status, int number, const char *word)
{
    assay_iceberg_metadata *metadata = NULL;
    assay_error err = {0};
    assay_status got = parse(text, &metadata, &err);
    if (got != status || err.number != number || strstr(err.message, word) == NULL)
        fail_msg("%s %d %s", assay_status_name(got), err.number, err.message);
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    expect_refusal("{\"format-version\":42}", ASSAY_EUNSUPPORTED, 4103, "42");
    expect_refusal("{\"format-version\":2," SCHEMA("\"long\"") SPEC TAIL, ASSAY_EDATA, 4101,
                   "location");
    expect_refusal("{\"format-version\":2," HEAD SPEC TAIL, ASSAY_EDATA, 4101, "schemas");
    expect_refusal("{\"format-version\":2," HEAD SCHEMA("\"long\"") TAIL, ASSAY_EDATA, 4101,
                   "partition-specs");
    expect_refusal("{\"format-version\":2," HEAD SCHEMA("\"lang\"") SPEC TAIL, ASSAY_EDATA, 4101,
                   "lang");
    expect_refusal("{\"format-version\":2," HEAD SCHEMA("\"decimal(39,2)\"") SPEC TAIL, ASSAY_EDATA,
                   4101, "decimal");
    expect_refusal("{\"view-uuid\":\"x\",\"format-version\":1}", ASSAY_EDATA, 4101, "view");
    expect_refusal("[]", ASSAY_EDATA, 4101, "object");
    expect_refusal("{\"format-version\":2," HEAD SCHEMA("\"long\"") SPEC
                   "\"current-snapshot-id\":7," TAIL,
                   ASSAY_EDATA, 4101, "current-snapshot-id");
}

static void features_of_version_3_are_refused_by_name(void **state)
{
    (void)state;
    expect_refusal("{\"format-version\":3," HEAD SCHEMA("\"variant\"") SPEC TAIL,
                   ASSAY_EUNSUPPORTED, 4102, "variant");
    expect_refusal("{\"format-version\":3," HEAD SCHEMA("\"timestamp_ns\"") SPEC TAIL,
                   ASSAY_EUNSUPPORTED, 4102, "timestamp_ns");
    expect_refusal("{\"format-version\":3,\"encryption-keys\":[{\"key-id\":\"a\"}]," HEAD SCHEMA(
                       "\"long\"") SPEC TAIL,
                   ASSAY_EUNSUPPORTED, 4102, "encryption-keys");
    expect_refusal("{\"format-version\":3," HEAD SCHEMA("\"long\",\"initial-default\":1") SPEC TAIL,
                   ASSAY_EUNSUPPORTED, 4102, "initial-default");
}

static void version_1_is_read_from_its_old_keys(void **state)
{
    (void)state;
    assay_iceberg_metadata *metadata = NULL;
    assay_error err = {0};
    const char *text =
        "{\"format-version\":1,\"location\":\"/t\",\"last-updated-ms\":5,\"last-column-id\":2,"
        "\"schema\":{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"a\",\"required\":false,"
        "\"type\":\"decimal(10,2)\"}]},\"partition-spec\":[{\"source-id\":1,\"name\":\"a\","
        "\"transform\":\"bucket[4]\"}],\"current-snapshot-id\":-1,\"snapshots\":[]}";
    if (parse(text, &metadata, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(metadata->spec->fields[0].field_id, 1000);
    assert_int_equal(metadata->spec->fields[0].transform, ASSAY_TRANSFORM_OTHER);
    assert_int_equal(metadata->schema->fields[0].type.precision, 10);
    assert_null(metadata->current);
}

/* A schema document read and written again must be the same document. */
static void round_trip(const char *text)
{
    assay_value *document = NULL, *back = NULL;
    assay_schema schema = {0};
    assay_error err = {0};
    char written[1024];
    assert_int_equal(assay_json_parse(text, strlen(text), "x", arena, &document, &err), ASSAY_OK);
    if (assay_iceberg_schema_parse(document, arena, &schema, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(assay_iceberg_schema_format(&schema, document, arena, &back, &err), ASSAY_OK);
    if (!assay_value_equal(document, back)) {
        assay_buf json = ASSAY_BUF_EMPTY;
        assay_json_write(&json, back, 0);
        (void)snprintf(written, sizeof written, "%s", assay_buf_text(&json));
        assay_buf_done(&json);
        fail_msg("%s", written);
    }
}

static void schemas_survive_reading_and_writing(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"boolean",         "int",      "long", "float",
                                        "double",          "date",     "time", "timestamp",
                                        "timestamptz",     "string",   "uuid", "binary",
                                        "decimal(38, 10)", "fixed[16]"};
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"type\":\"struct\",\"schema-id\":4,\"fields\":[{\"id\":1,\"name\":\"a\","
                       "\"required\":true,\"type\":\"%s\",\"doc\":\"d\"}]}",
                       TYPES[i]);
        round_trip(text);
    }
    round_trip("{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
               "{\"id\":1,\"name\":\"l\",\"required\":false,\"type\":{\"type\":\"list\","
               "\"element-id\":3,\"element\":{\"type\":\"struct\",\"fields\":[{\"id\":4,"
               "\"name\":\"f\",\"required\":false,\"type\":\"fixed[3]\"}]},"
               "\"element-required\":true}},"
               "{\"id\":2,\"name\":\"m\",\"required\":false,\"type\":{\"type\":\"map\","
               "\"key-id\":5,\"key\":\"string\",\"value-id\":6,\"value\":\"long\","
               "\"value-required\":false}}]}");
}

static void the_users_type_comes_back_from_its_property(void **state)
{
    (void)state;
    assay_iceberg_metadata *metadata = NULL;
    const char *text =
        "{\"format-version\":2,\"properties\":{\"assay.type.1\":\"TINYINT\"}," HEAD SCHEMA(
            "\"int\"") SPEC TAIL;
    assert_int_equal(parse(text, &metadata, NULL), ASSAY_OK);
    assert_int_equal(metadata->schema->fields[0].type.kind, ASSAY_TYPE_INT8);
    /* Another engine has widened the column since. */
    text = "{\"format-version\":2,\"properties\":{\"assay.type.1\":\"TINYINT\"}," HEAD SCHEMA(
        "\"long\"") SPEC TAIL;
    assert_int_equal(parse(text, &metadata, NULL), ASSAY_OK);
    assert_int_equal(metadata->schema->fields[0].type.kind, ASSAY_TYPE_INT64);
}

static void expect_local(const assay_iceberg_location *location, const char *recorded,
                         const char *local)
{
    const char *path = NULL;
    assay_error err = {0};
    assay_status status = assay_iceberg_location_local(location, recorded, arena, &path, &err);
    if (local == NULL) {
        assert_int_not_equal(status, ASSAY_OK);
        assert_non_null(strstr(err.message, recorded));
        return;
    }
    if (status != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_string_equal(path, local);
}

static void recorded_paths_are_found_where_the_table_was_opened(void **state)
{
    (void)state;
    static const assay_property data_path = {.name = "write.data.path", .value = "file:///bulk/d"};
    assay_property properties[] = {data_path};
    const assay_iceberg_metadata metadata = {.properties = properties, .property_count = 1};
    assay_iceberg_location location = {.recorded = "file:///old/wh/ns/t",
                                       .local = "/new/wh/ns/t",
                                       .metadata = &metadata};
    expect_local(&location, "file:///old/wh/ns/t/data/a.parquet", "/new/wh/ns/t/data/a.parquet");
    expect_local(&location, "file:/old/wh/ns/t//data/a.parquet", "/new/wh/ns/t/data/a.parquet");
    expect_local(&location, "/new/wh/ns/t/data/a.parquet", "/new/wh/ns/t/data/a.parquet");
    expect_local(&location, "/bulk/d/a.parquet", "/bulk/d/a.parquet");
    expect_local(&location, "/new/wh/other/a.parquet", "/new/wh/other/a.parquet");
    expect_local(&location, "/etc/passwd", NULL);
    expect_local(&location, "/old/wh/ns/t/../../../../etc/passwd", NULL);
    expect_local(&location, "s3://bucket/a.parquet", NULL);
    expect_local(&location, "/old/wh/ns/table2/a.parquet", NULL);
    location.recorded = "./lineitem";
    expect_local(&location, "lineitem/data/a.parquet", "/new/wh/ns/t/data/a.parquet");
    location.recorded = "s3://bucket/t";
    expect_local(&location, "s3://bucket/t/data/a b.parquet", "/new/wh/ns/t/data/a b.parquet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_metadata_is_read),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(features_of_version_3_are_refused_by_name),
        cmocka_unit_test(version_1_is_read_from_its_old_keys),
        cmocka_unit_test(schemas_survive_reading_and_writing),
        cmocka_unit_test(the_users_type_comes_back_from_its_property),
        cmocka_unit_test(recorded_paths_are_found_where_the_table_was_opened),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
