/* assay_publish and assay_publish_models without an outside database: what is refused before one is
 * asked, and what is left open where none answers. */
#include <assay/assay.h>

#include "../../support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/arrow.h"

static const char DQ[] =
    "gold:\n"
    "  strict:\n"
    "    critical:\n"
    "      - expect_column_values_to_be_between: { column: a, max_value: 1 }\n";

/* Nothing listens on port 1. */
static const char CONNECTIONS[] =
    "nobody: { type: postgres, host: 127.0.0.1, port: 1, database: d, user: u,"
    " login_timeout: 2s }\n";

static int setup(void **state)
{
    if (test_folder_setup(state) != 0)
        return 1;
    const test_folder *folder = *state;
    test_folder_write(folder, "assay.yaml", "name: shop\n");
    test_folder_write(folder, "config/dq.yaml", DQ);
    test_folder_write(folder, "config/connections.yaml", CONNECTIONS);
    test_folder_write(folder, "models/gold/plain.sql", "select 1 as a");
    test_folder_write(folder, "models/gold/sent.sql",
                      "/* ---\npublish: [{ to: nobody, table: s.t }]\n--- */\nselect 2 as a");
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

/* The project with its tables built. */
static assay_context *built(const test_folder *folder, assay_run_summary *ret_summary)
{
    const assay_run_settings settings = {.lock_wait_ms = -1};
    assay_context *context = open_context(folder);
    assay_error err = {0};
    assay_status status = assay_run(context, NULL, &settings, NULL, NULL, ret_summary, &err);

    assert_int_not_equal(status, ASSAY_OK);
    return context;
}

static void expect_refusal(assay_context *context, const assay_publish_source *source,
                           const assay_publish_target *target, assay_status status, int number,
                           const char *part)
{
    assay_publish_result result;
    assay_error err = {0};

    assert_int_equal(assay_publish(context, source, target, &result, &err), status);
    assert_int_equal(err.number, number);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, err.message);
}

static void a_call_that_makes_no_sense_is_refused(void **state)
{
    static const char *const keys[] = {"a", NULL};
    assay_context *context = open_context(*state);
    struct ArrowArrayStream stream = {0};
    const assay_publish_source table = {.table = "gold.plain"};
    const assay_publish_source both = {.table = "gold.plain", .stream = &stream};
    const assay_publish_source neither = {0};
    const assay_publish_source no_table = {.table = "gold.none"};
    const assay_publish_source no_name = {.table = "none"};
    const assay_publish_target good = {.connection = "nobody", .table = "t"};
    const assay_publish_target no_key = {"nobody", "t", .mode = ASSAY_PUBLISH_MERGE};
    const assay_publish_target key = {"nobody", "t", .mode = ASSAY_PUBLISH_APPEND, .key = keys};
    const assay_publish_target version = {.connection = "nobody", .table = "t", .version = "a"};
    const assay_publish_target no_place = {.table = "t"};
    const assay_publish_target no_mode = {"nobody", "t", .mode = (assay_publish_mode)3};
    const assay_publish_source released = {.stream = &stream};

    expect_refusal(context, &both, &good, ASSAY_EINVAL, 1003, "either a table or a stream");
    expect_refusal(context, &neither, &good, ASSAY_EINVAL, 1003, "either a table or a stream");
    expect_refusal(context, &table, &no_place, ASSAY_EINVAL, 1003, "a connection and a table");
    expect_refusal(context, &table, &no_key, ASSAY_EINVAL, 1003, "has a key");
    expect_refusal(context, &table, &key, ASSAY_EINVAL, 1003, "has a key");
    expect_refusal(context, &table, &version, ASSAY_EINVAL, 1003, "only mode merge");
    expect_refusal(context, &table, &no_mode, ASSAY_EINVAL, 1003, "3 is no mode");
    expect_refusal(context, &released, &good, ASSAY_EDATA, 3019, "released already");
    expect_refusal(context, &no_table, &good, ASSAY_ENOTFOUND, 4062, "gold.none");
    expect_refusal(context, &no_name, &good, ASSAY_EINVAL, 1003, "no table name");
    assay_context_close(context);
}

static void an_unknown_connection_is_refused_with_the_nearest(void **state)
{
    assay_run_summary summary;
    assay_context *context = built(*state, &summary);
    const assay_publish_source source = {.table = "gold.plain"};
    const assay_publish_target target = {.connection = "nobdy", .table = "t"};

    expect_refusal(context, &source, &target, ASSAY_ECONFIG, 1241, "'nobody'");
    assay_context_close(context);
}

static void a_stream_that_its_suite_refuses_is_not_sent_and_is_released(void **state)
{
    assay_run_summary summary;
    assay_context *context = built(*state, &summary);
    struct ArrowArrayStream stream;
    const assay_publish_source source = {.stream = &stream, .suite = "gold.strict"};
    const assay_publish_target target = {.connection = "nobody", .table = "t"};
    assay_error err = {0};

    assert_int_equal(assay_table_read(context, "gold.sent", NULL, &stream, &err), ASSAY_OK);
    expect_refusal(context, &source, &target, ASSAY_EGATE, 5010, "gold.strict");
    assert_null(stream.release);
    assay_context_close(context);
}

/* Reads the document of assay_publish_models, which the test owns then. */
static char *publish(assay_context *context, assay_publish_options options, assay_status expected)
{
    char *json = NULL;
    assay_error err = {0};
    assay_status status = assay_publish_models(context, &options, &json, &err);

    if (status != expected)
        fail_msg("status %d: E%d %s", status, err.number, err.message);
    return json;
}

static void what_cannot_be_sent_stays_open_and_the_table_is_right(void **state)
{
    assay_run_summary summary;
    assay_context *context = built(*state, &summary);
    const assay_query_options query = {0};
    char *json = NULL;
    assay_error err = {0};

    assert_int_equal(summary.done, 2);
    assert_int_equal(summary.failed, 0);
    assert_int_not_equal(summary.exit_code, 0);
    assert_int_equal(assay_query(context, "select a from gold.sent", &query, &json, &err),
                     ASSAY_OK);
    assert_non_null(strstr(json, "2"));
    assay_text_free(json);

    json = publish(context, (assay_publish_options){.dry_run = true}, ASSAY_OK);
    assert_non_null(strstr(json, "\"gold.sent\""));
    assert_null(strstr(json, "\"published\""));
    assay_text_free(json);
    assay_context_close(context);
}

static void a_selection_without_publications_is_an_error(void **state)
{
    static const char *const plain[] = {"gold.plain", NULL};
    static const char *const unknown[] = {"gold.snet", NULL};
    assay_context *context = open_context(*state);
    char *json = NULL;
    assay_error err = {0};

    assert_int_equal(assay_publish_models(context, &(assay_publish_options){.select = plain}, &json,
                                          &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 2409);
    assert_int_equal(assay_publish_models(context, &(assay_publish_options){.select = unknown},
                                          &json, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 2020);
    assert_int_equal(assay_publish_models(context, &(assay_publish_options){.connection = "nobdy"},
                                          &json, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 1241);
    assay_context_close(context);
}

static void a_table_that_was_never_built_is_not_published(void **state)
{
    assay_context *context = open_context(*state);
    char *json = publish(context, (assay_publish_options){0}, ASSAY_ENOTFOUND);

    assert_non_null(strstr(json, "2404"));
    assay_text_free(json);
    assay_context_close(context);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_makes_no_sense_is_refused),
        TEST(an_unknown_connection_is_refused_with_the_nearest),
        TEST(a_stream_that_its_suite_refuses_is_not_sent_and_is_released),
        TEST(what_cannot_be_sent_stays_open_and_the_table_is_right),
        TEST(a_selection_without_publications_is_an_error),
        TEST(a_table_that_was_never_built_is_not_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
