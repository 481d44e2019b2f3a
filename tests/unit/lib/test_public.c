/* The library as its users call it: everything over one context, rows over Arrow streams. */
#include <assay/assay.h>

#include "../../support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/arrow.h"

static const char DQ[] = "silver:\n"
                         "  orders:\n"
                         "    critical:\n"
                         "      - expect_column_values_to_be_unique: { column: id }\n";
static const char LINEAGE[] = "enabled: true\nbackend: file\npath: events.jsonl\nnamespace: shop\n";

static int setup(void **state)
{
    if (test_folder_setup(state) != 0)
        return 1;
    const test_folder *folder = *state;
    test_folder_write(folder, "assay.yaml", "name: shop\n");
    test_folder_write(folder, "config/dq.yaml", DQ);
    test_folder_write(folder, "config/lineage.yaml", LINEAGE);
    test_folder_write(folder, "data/a.csv", "id,amount\n1,10\n2,20\n");
    test_folder_write(folder, "models/bronze/orders.yaml",
                      "source: { files: \"data/*.csv\", format: csv }\n");
    test_folder_write(folder, "models/silver/orders.sql", "select id, amount from bronze.orders");
    return 0;
}

static assay_context *open_context(const test_folder *folder)
{
    const assay_context_options options = {.project = folder->path, .threads = 2};
    assay_context *context = NULL;
    assay_error err = {0};

    if (assay_context_open(&options, &context, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return context;
}

static void run_all(assay_context *context)
{
    const assay_run_settings settings = {.lock_wait_ms = -1};
    assay_run_summary summary;
    assay_error err = {0};

    if (assay_run(context, NULL, &settings, NULL, NULL, &summary, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(summary.steps, 2);
    assert_int_equal(summary.done, 2);
}

/* The document of a query, which the caller frees. */
static char *query(assay_context *context, const char *sql)
{
    const assay_query_options options = {0};
    char *json = NULL;
    assay_error err = {0};

    if (assay_query(context, sql, &options, &json, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return json;
}

static void expect_in_query(assay_context *context, const char *sql, const char *part)
{
    char *json = query(context, sql);

    if (strstr(json, part) == NULL)
        fail_msg("'%s' is not in %s", part, json);
    assay_text_free(json);
}

static void rows_of_a_stream_are_written_through_the_gate(void **state)
{
    const assay_write_options append = {.mode = ASSAY_WRITE_APPEND};
    assay_context *context = open_context(*state);
    struct ArrowArrayStream stream;
    assay_write_result result;
    assay_error err = {0};

    run_all(context);
    assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
    assert_int_equal(assay_table_write(context, &stream, "gold.copy", &append, &result, &err),
                     ASSAY_OK);
    assert_null(stream.release);
    assert_int_equal(result.rows, 2);
    assert_string_equal(result.verdict, "untested");
    expect_in_query(context, "select sum(amount)::integer as s from gold.copy", "30");

    /* the same rows again break the uniqueness of silver.orders: nothing becomes visible */
    assert_int_equal(assay_table_read(context, "gold.copy", NULL, &stream, &err), ASSAY_OK);
    assert_int_equal(assay_table_write(context, &stream, "silver.orders", &append, &result, &err),
                     ASSAY_EGATE);
    assert_null(stream.release);
    expect_in_query(context, "select 'n' || count(*) as n from silver.orders", "n2");
    assay_context_close(context);
}

static void rows_of_a_stream_get_what_the_contract_says(void **state)
{
    static const char model[] =
        "/* ---\ncontract: { columns: { id: INTEGER }, new_column: freeze, type_change: freeze }\n"
        "--- */\nselect 1 as id";
    static const char narrow[] =
        "/* ---\ncontract: { columns: { id: { type: VARCHAR } } }\n--- */\nselect 'a' as id";
    const assay_write_options append = {.mode = ASSAY_WRITE_APPEND};
    struct ArrowArrayStream stream;
    assay_write_result result;
    assay_error err = {0};

    assay_context *context = open_context(*state);
    run_all(context);
    assay_context_close(context);
    test_folder_write(*state, "models/gold/part.sql", model);
    test_folder_write(*state, "models/gold/texts.sql", narrow);
    context = open_context(*state);
    assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
    if (assay_table_write(context, &stream, "gold.part", &append, &result, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    expect_in_query(context,
                    "select sum(id)::varchar || typeof(any_value(w)) as s from gold.part w",
                    "3STRUCT(id INTEGER)");
    assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
    assert_int_equal(assay_table_write(context, &stream, "gold.texts", &append, &result, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 2205);
    assert_null(stream.release);
    assay_context_close(context);
}

static void rows_of_a_stream_are_merged_by_their_key(void **state)
{
    static const char *const key[] = {"id", NULL};
    const assay_write_options merge = {.mode = ASSAY_WRITE_MERGE, .key = key};
    const assay_write_options no_key = {.mode = ASSAY_WRITE_MERGE};
    assay_context *context = open_context(*state);
    struct ArrowArrayStream stream;
    assay_write_result result;
    assay_error err = {0};

    run_all(context);
    assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
    assert_int_equal(assay_table_write(context, &stream, "gold.copy", &no_key, &result, &err),
                     ASSAY_EINVAL);
    assert_null(stream.release);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
        if (assay_table_write(context, &stream, "gold.copy", &merge, &result, &err) != ASSAY_OK)
            fail_msg("%s", err.message);
        assert_null(stream.release);
        /* the same rows again are no change */
        assert_int_equal(result.added, i == 0 ? 2 : 0);
        assert_true(i == 0 ? result.snapshot_id >= 0 : result.snapshot_id == -1);
    }
    expect_in_query(context, "select 'n' || count(*) as n from gold.copy", "n2");
    assay_context_close(context);
}

static void a_suite_judges_a_stream_without_writing(void **state)
{
    assay_context *context = open_context(*state);
    struct ArrowArrayStream stream;
    char *json = NULL;
    assay_error err = {0};

    run_all(context);
    assert_int_equal(assay_table_read(context, "silver.orders", NULL, &stream, &err), ASSAY_OK);
    assert_int_equal(assay_quality_run_stream(context, &stream, "silver.orders", &json, &err),
                     ASSAY_OK);
    assert_non_null(strstr(json, "expect_column_values_to_be_unique"));
    assay_text_free(json);
    assay_context_close(context);
}

static assay_status failing_work(void *argument, assay_error *err)
{
    int *calls = argument;

    (*calls)++;
    (void)err;
    return ASSAY_EDATA;
}

static void a_foreign_job_says_start_and_fail(void **state)
{
    assay_context *context = open_context(*state);
    assay_job *job = NULL;
    assay_error err = {0};
    int calls = 0;

    assert_int_equal(assay_job_begin(context, "nightly_export", &job, &err), ASSAY_OK);
    assert_int_equal(assay_job_add_input(job, "silver.orders", &err), ASSAY_OK);
    assert_int_equal(assay_job_add_output(job, "s3://bucket/export", &err), ASSAY_OK);
    assert_int_equal(assay_job_run(job, failing_work, &calls, &err), ASSAY_EDATA);
    assert_int_equal(calls, 1);
    assay_context_close(context);

    const test_folder *folder = *state;
    char *sql = assay_arena_format(folder->arena,
                                   "select string_agg(eventType, ' ' order by eventTime) as types "
                                   "from '%s/events.jsonl'",
                                   folder->path);
    assert_non_null(sql);
    context = open_context(folder);
    expect_in_query(context, sql, "START FAIL");
    assay_context_close(context);
}

static void documents_list_tables_models_runs_and_findings(void **state)
{
    assay_context *context = open_context(*state);
    const assay_run_settings settings = {.lock_wait_ms = -1};
    char *json = NULL;
    assay_error err = {0};

    run_all(context);
    assert_int_equal(assay_table_list(context, &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "silver.orders"));
    assay_text_free(json);
    assert_int_equal(assay_table_show(context, "silver.orders", &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "\"verdict\": \"pass\""));
    assay_text_free(json);
    assert_int_equal(assay_plan(context, NULL, &settings, &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "unchanged"));
    assay_text_free(json);
    assert_int_equal(assay_models(context, NULL, &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "models/silver/orders.sql"));
    assay_text_free(json);
    assert_int_equal(assay_render(context, "silver.orders", &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "\"amount\""));
    assay_text_free(json);
    assert_int_equal(assay_runs_list(context, 0, &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "\"ok\""));
    assay_text_free(json);
    assert_int_equal(assay_doctor(context, &json, &err), ASSAY_OK);
    assert_non_null(strstr(json, "\"ok\": true"));
    assay_text_free(json);
    assay_context_close(context);
}

static void errors_name_what_is_wrong_and_where(void **state)
{
    const test_folder *folder = *state;
    const assay_context_options options = {.project = folder->path};
    assay_context *context = NULL;
    assay_error err = {0};
    char *json = NULL;

    context = open_context(folder);
    assert_int_equal(assay_table_show(context, "silver.nothing", &json, &err), ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 4062);
    assert_int_equal(assay_render(context, "silver.order", &json, &err), ASSAY_ECONFIG);
    assert_non_null(strstr(err.message, "silver.orders"));
    assay_context_close(context);

    test_folder_write(folder, "config/storage.yaml", "formt: iceberg\n");
    assert_int_equal(assay_context_open(&options, &context, &err), ASSAY_ECONFIG);
    assert_string_equal(err.path, "config/storage.yaml");
    assert_int_equal(err.line, 1);
    assert_non_null(strstr(err.message, "format"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_of_a_stream_are_written_through_the_gate),
        TEST(rows_of_a_stream_get_what_the_contract_says),
        TEST(rows_of_a_stream_are_merged_by_their_key),
        TEST(a_suite_judges_a_stream_without_writing),
        TEST(a_foreign_job_says_start_and_fail),
        TEST(documents_list_tables_models_runs_and_findings),
        TEST(errors_name_what_is_wrong_and_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
