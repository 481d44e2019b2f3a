/* Quarantine as users of the library call it. */
#include <assay/assay.h>

#include "../../support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void write_suite(const test_folder *folder, const char *least)
{
    char text[512];

    (void)snprintf(text, sizeof text,
                   "quality_gates: { max_quarantine_rate: 0.9 }\n"
                   "silver: { orders: { checks: [ { type: expect_column_values_to_be_between, "
                   "column: amount, min_value: %s, action: quarantine } ] } }\n",
                   least);
    test_folder_write(folder, "config/dq.yaml", text);
}

static int setup(void **state)
{
    if (test_folder_setup(state) != 0)
        return 1;
    const test_folder *folder = *state;
    test_folder_write(folder, "assay.yaml", "name: shop\n");
    write_suite(folder, "15");
    test_folder_write(folder, "models/silver/orders.sql",
                      "/* ---\ncolumns: { mail: { pii: true } }\n--- */\n"
                      "select * from (values (1, 10, 'm1'), (2, 20, 'm2'), (3, 5, 'm3')) "
                      "v(id, amount, mail)");
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
}

/* `part` stands in the document, which is freed. */
static void expect(char *json, const char *part, bool there)
{
    if ((strstr(json, part) != NULL) != there)
        fail_msg("'%s' is%s in %s", part, there ? " not" : "", json);
    assay_text_free(json);
}

static char *listed(assay_context *context, const char *table)
{
    char *json = NULL;
    assay_error err = {0};

    if (assay_quarantine_list(context, table, &json, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return json;
}

static char *replayed(assay_context *context)
{
    const assay_quarantine_options options = {0};
    char *json = NULL;
    assay_error err = {0};

    if (assay_quarantine_replay(context, "silver.orders", &options, &json, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return json;
}

static void rows_are_listed_shown_without_pii_and_replayed_once(void **state)
{
    const test_folder *folder = *state;
    const assay_quarantine_options options = {.limit = 10};
    assay_context *context = open_context(folder);
    char *json = NULL;
    assay_error err = {0};

    run_all(context);
    expect(listed(context, NULL), "\"rows\": 2", true);
    expect(listed(context, "silver.orders"), "expect_column_values_to_be_between(amount)", true);
    assert_int_equal(assay_quarantine_show(context, "silver.orders", &options, &json, &err),
                     ASSAY_OK);
    expect(json, "m1", false);
    assert_int_equal(assay_quarantine_show(context, "silver.orders", &options, &json, &err),
                     ASSAY_OK);
    expect(json, "***", true);
    expect(replayed(context), "\"replayed\": 0", true);
    assay_context_close(context);

    write_suite(folder, "7");
    context = open_context(folder);
    expect(replayed(context), "\"replayed\": 1", true);
    expect(replayed(context), "\"replayed\": 0", true);
    expect(listed(context, NULL), "\"rows\": 1", true);
    assay_context_close(context);

    write_suite(folder, "0");
    context = open_context(folder);
    expect(replayed(context), "\"left\": 0", true);
    assert_int_equal(assay_quarantine_replay(context, "silver.orders", &options, &json, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 5040);
    expect(listed(context, NULL), "silver.orders", false);
    assay_context_close(context);
}

static void a_table_or_run_without_rows_is_said(void **state)
{
    const assay_quarantine_options none = {0};
    const assay_quarantine_options other = {.run = "no-such-run"};
    assay_context *context = open_context(*state);
    char *json = NULL;
    assay_error err = {0};

    assert_int_equal(assay_quarantine_show(context, "silver.orders", &none, &json, &err),
                     ASSAY_ENOTFOUND);
    run_all(context);
    assert_int_equal(assay_quarantine_show(context, "silver.orders", &other, &json, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 5040);
    assert_non_null(strstr(err.message, "no-such-run"));
    assert_null(json);
    assay_context_close(context);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_listed_shown_without_pii_and_replayed_once),
        TEST(a_table_or_run_without_rows_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
