/* Events as JSON: what is written, what is left out, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "lineage/event.h"
#include "support/exhaust.h"
#include "text/json.h"

#define RUN "01890a5d-ac96-774b-bcce-b302099a8057"
#define PARENT "01890a5d-ac96-774b-bcce-b302099a8058"

static const assay_lineage_field members[] = {{.name = "x", .type = "INTEGER"}};
static const assay_lineage_field fields[] = {
    {.name = "id", .type = "BIGINT", .description = "key"},
    {.name = "pos", .type = "STRUCT(x INTEGER)", .fields = members, .field_count = 1},
};
static const assay_lineage_tag tags[] = {{"layer", "silver", "ASSAY", NULL}};
static const assay_lineage_symlink symlinks[] = {{"file:/wh", "silver.orders", "TABLE"}};
static const assay_lineage_assertion assertions[] = {
    {.assertion = "expect_column_values_to_not_be_null",
     .success = false,
     .column = "id",
     .severity = "error",
     .name = "id is there",
     .expected = "0",
     .actual = "3",
     .content = "select 1",
     .content_type = "text/sql"},
    {.assertion = "expect_table_row_count_to_be_between", .success = true},
};
static const assay_lineage_column_metric column_metrics[] = {
    {.column = "id",
     .null_count = 3,
     .distinct_count = -1,
     .count = 10,
     .has_range = true,
     .min = 1.0,
     .max = 9.5},
};
static const char *const scan_fields[] = {"id"};
static const assay_lineage_metric numbers[] = {{"resultDataFiles", 2}};
static const assay_lineage_metric commit_numbers[] = {{"addedDataFiles", 2}};
static const assay_lineage_transformation direct[] = {
    {ASSAY_LINEAGE_TRANSFORMATION, true},
    {ASSAY_LINEAGE_CONDITIONAL, false},
};
static const assay_lineage_transformation indirect[] = {{ASSAY_LINEAGE_JOIN, false}};
static assay_lineage_column_input column_inputs[] = {
    {"bronze.orders", "id", direct, 2},
    {"/data/x.parquet", "y", direct, 1},
};
static assay_lineage_column columns[] = {{"id", column_inputs, 2}, {"one", NULL, 0}};
static assay_lineage_column_input dataset_inputs[] = {{"bronze.orders", "key", indirect, 1}};
static const assay_column_lineage column_lineage = {.columns = columns,
                                                    .column_count = 2,
                                                    .dataset = dataset_inputs,
                                                    .dataset_count = 1};

static void fill_common(assay_lineage_dataset *dataset, const char *table, const char *name)
{
    *dataset = assay_lineage_dataset_init();
    dataset->namespace = "file";
    dataset->name = name;
    dataset->table = table;
    dataset->fields = fields;
    dataset->field_count = 2;
    dataset->source_name = "file";
    dataset->source_uri = "file:///";
    dataset->version = "3776207205136740581";
    dataset->storage_layer = "iceberg";
    dataset->file_format = "parquet";
    dataset->catalog_framework = "iceberg";
    dataset->catalog_type = "hadoop";
    dataset->catalog_name = "assay";
    dataset->catalog_warehouse_uri = "file:/wh";
    dataset->catalog_metadata_uri = "file:/wh";
    dataset->catalog_source = "assay";
    dataset->symlinks = symlinks;
    dataset->symlink_count = 1;
    dataset->dataset_type = "TABLE";
    dataset->documentation = "orders \"quoted\"\nline";
    dataset->tags = tags;
    dataset->tag_count = 1;
    dataset->assertions = assertions;
    dataset->assertion_count = 2;
    dataset->column_metrics = column_metrics;
    dataset->column_metric_count = 1;
    dataset->metric_rows = 10;
}

/* Everything that an event can have. */
static void fill_event(assay_lineage_event *event, assay_lineage_dataset *input,
                       assay_lineage_dataset *output)
{
    fill_common(input, "bronze.orders", "/wh/bronze/orders");
    input->input_rows = 10;
    input->input_bytes = 1000;
    input->input_files = 2;
    input->has_scan = true;
    input->scan_snapshot_id = 3776207205136740581;
    input->scan_schema_id = 0;
    input->scan_filter = "true";
    input->scan_fields = scan_fields;
    input->scan_field_count = 1;
    input->scan_metrics = numbers;
    input->scan_metric_count = 1;

    fill_common(output, "silver.orders", "/wh/silver/orders");
    output->lifecycle = "OVERWRITE";
    output->columns = &column_lineage;
    output->output_rows = 7;
    output->output_bytes = 70;
    output->output_files = 1;
    output->has_commit = true;
    output->commit_snapshot_id = 3776207205136740582;
    output->commit_sequence = 4;
    output->commit_operation = "overwrite";
    output->commit_metrics = commit_numbers;
    output->commit_metric_count = 1;

    *event = assay_lineage_event_init();
    event->type = ASSAY_LINEAGE_FAIL;
    event->time_us = 1764000000123456;
    event->run_id = RUN;
    event->job_namespace = "shop";
    event->job_name = "shop.silver.orders";
    event->parent = (assay_lineage_run_ref){PARENT, "shop", "shop"};
    event->has_nominal = true;
    event->nominal_start_us = 1764000000000000;
    event->nominal_end_us = 1764000060000000;
    event->engine_name = "DuckDB";
    event->engine_version = "1.5.5";
    event->error_message = "the gate of 'silver.orders' is shut";
    event->error_number = "E5010";
    event->extraction_error = "no plan";
    event->extraction_task = "silver.orders";
    event->query_id = "01b4-5c2a";
    event->query_source = "snowflake://acme-prod";
    event->run_tags = tags;
    event->run_tag_count = 1;
    event->job_type = "TASK";
    event->sql = "select 1";
    event->documentation = "cleans orders";
    event->source_url = "https://example.org/shop/blob/abc/models/silver/orders.sql";
    event->source_repo = "https://example.org/shop";
    event->source_path = "models/silver/orders.sql";
    event->source_version = "abc";
    event->source_branch = "main";
    event->job_tags = tags;
    event->job_tag_count = 1;
    event->inputs = input;
    event->input_count = 1;
    event->outputs = output;
    event->output_count = 1;
}

static const assay_value *written(const assay_lineage_event *event, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {.code = ASSAY_OK};
    assay_value *value = NULL;

    if (assay_lineage_event_write(event, &buf, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_null(strchr(assay_buf_text(&buf), '\n'));
    assert_int_equal(assay_json_parse(buf.data, buf.size, "event", arena, &value, &err), ASSAY_OK);
    return value;
}

/* The value at a path of keys and indexes: "outputs.0.facets.schema". */
static const assay_value *at(const assay_value *value, const char *path)
{
    char key[64];

    while (value != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        (void)snprintf(key, sizeof key, "%.*s", (int)length, path);
        if (value->kind == ASSAY_VALUE_LIST) {
            size_t index = (size_t)strtoul(key, NULL, 10);
            value = index < value->count ? value->items[index] : NULL;
        } else {
            value = assay_value_find(value, key);
        }
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return value;
}

static const char *text_at(const assay_value *value, const char *path)
{
    const assay_value *found = at(value, path);
    return found != NULL && found->kind == ASSAY_VALUE_TEXT ? found->text : "(none)";
}

static void a_full_event_has_every_facet(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_lineage_event event;
    assay_lineage_dataset input;
    assay_lineage_dataset output;
    fill_event(&event, &input, &output);
    const assay_value *json = written(&event, arena);

    assert_string_equal(text_at(json, "eventType"), "FAIL");
    assert_string_equal(text_at(json, "eventTime"), "2025-11-24T16:00:00.123456Z");
    assert_string_equal(text_at(json, "schemaURL"),
                        "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
    assert_string_equal(text_at(json, "run.facets.parent.root.run.runId"), PARENT);
    assert_string_equal(text_at(json, "run.facets.errorMessage.message"),
                        "E5010 the gate of 'silver.orders' is shut");
    assert_string_equal(text_at(json, "run.facets.externalQuery.externalQueryId"), "01b4-5c2a");
    assert_string_equal(text_at(json, "run.facets.externalQuery.source"), "snowflake://acme-prod");
    assert_string_equal(text_at(json, "job.facets.jobType.integration"), "ASSAY");
    assert_string_equal(text_at(json, "job.facets.sourceCodeLocation.type"), "git");
    assert_string_equal(text_at(json, "inputs.0.facets.schema._schemaURL"),
                        "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/"
                        "SchemaDatasetFacet");
    assert_string_equal(text_at(json, "inputs.0.facets.schema.fields.1.fields.0.name"), "x");
    assert_int_equal(at(json, "inputs.0.inputFacets.icebergScanReport.snapshotId")->integer,
                     3776207205136740581);
    assert_int_equal(at(json, "inputs.0.inputFacets.dataQualityAssertions.assertions")->count, 2);
    assert_non_null(at(json, "inputs.0.inputFacets.dataQualityMetrics"));
    assert_non_null(at(json, "outputs.0.facets.dataQualityAssertions"));
    assert_string_equal(text_at(json, "outputs.0.facets.lifecycleStateChange.lifecycleStateChange"),
                        "OVERWRITE");
    assert_string_equal(text_at(json, "outputs.0.outputFacets.icebergCommitReport.operation"),
                        "overwrite");
    assert_string_equal(text_at(json,
                                "outputs.0.facets.columnLineage.fields.id.inputFields.0.name"),
                        "/wh/bronze/orders");
    assert_string_equal(text_at(json,
                                "outputs.0.facets.columnLineage.fields.id.inputFields.1.namespace"),
                        "file");
    assert_string_equal(text_at(json,
                                "outputs.0.facets.columnLineage.fields.id.transformationType"),
                        "MASKED");
    assert_int_equal(at(json, "outputs.0.facets.columnLineage.fields.one.inputFields")->count, 0);
    assert_string_equal(
        text_at(json, "outputs.0.facets.columnLineage.dataset.0.transformations.0.subtype"),
        "JOIN");
}

/* Leaves the full event where a test that has the schemas looks for it. */
static void the_full_event_can_be_validated_by_others(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const char *path = getenv("ASSAY_LINEAGE_DUMP");
    assay_lineage_event event;
    assay_lineage_dataset input;
    assay_lineage_dataset output;

    if (path == NULL)
        skip();
    fill_event(&event, &input, &output);
    assert_int_equal(assay_lineage_event_write(&event, &buf, NULL), ASSAY_OK);
    assay_buf_append_char(&buf, '\n');
    assert_int_equal(assay_path_write(path, buf.data, buf.size, NULL), ASSAY_OK);
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_lineage_event event = assay_lineage_event_init();
    event.run_id = RUN;
    event.job_namespace = "shop";
    event.job_name = "shop";
    const assay_value *json = written(&event, arena);

    assert_int_equal(at(json, "run.facets")->count, 0);
    assert_int_equal(at(json, "job.facets")->count, 0);
    assert_int_equal(at(json, "inputs")->count, 0);
    assert_int_equal(at(json, "outputs")->count, 0);
}

static void expect_refused(const assay_lineage_event *event, const char *part)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {.code = ASSAY_OK};

    assert_int_equal(assay_lineage_event_write(event, &buf, &err), ASSAY_EINVAL);
    assert_int_equal(err.number, 6020);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' lacks '%s'", err.message, part);
}

static void an_event_that_the_core_schema_would_refuse_is_refused(void **state)
{
    (void)state;
    assay_lineage_event event;
    assay_lineage_dataset input;
    assay_lineage_dataset output;

    fill_event(&event, &input, &output);
    event.run_id = "not-a-uuid";
    expect_refused(&event, "run id");
    fill_event(&event, &input, &output);
    event.job_name = "";
    expect_refused(&event, "the job");
    fill_event(&event, &input, &output);
    event.parent.name = NULL;
    expect_refused(&event, "parent");
    fill_event(&event, &input, &output);
    output.name = NULL;
    expect_refused(&event, "dataset");
    fill_event(&event, &input, &output);
    output.lifecycle = "MERGE";
    expect_refused(&event, "lifecycle");
}

static assay_status write_once(void *user, assay_error *err)
{
    (void)user;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_lineage_event event;
    assay_lineage_dataset input;
    assay_lineage_dataset output;

    fill_event(&event, &input, &output);
    return assay_lineage_event_write(&event, &buf, err);
}

static void writing_survives_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(write_once, NULL);
}

static void fields_come_from_columns_with_their_members(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_column from[] = {{"a", "INTEGER"},
                                 {"s", "STRUCT(x INTEGER, y VARCHAR[])"},
                                 {"u", "UNION(a INTEGER, b VARCHAR)"}};
    assay_lineage_field *made = NULL;
    size_t count = 0;

    assert_int_equal(assay_lineage_fields_of_columns(from, 3, arena, &made, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 3);
    assert_string_equal(made[0].type, "INTEGER");
    assert_int_equal(made[1].field_count, 2);
    assert_string_equal(made[1].fields[1].name, "y");
    assert_int_equal(made[1].fields[1].field_count, 1);
    assert_string_equal(made[2].type, "UNION(a INTEGER, b VARCHAR)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_event_has_every_facet),
        cmocka_unit_test(the_full_event_can_be_validated_by_others),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(an_event_that_the_core_schema_would_refuse_is_refused),
        cmocka_unit_test(writing_survives_every_failed_allocation),
        cmocka_unit_test(fields_come_from_columns_with_their_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
