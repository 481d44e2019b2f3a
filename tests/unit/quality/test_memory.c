/* The allocation-failure loop: every allocation fails once; each run says ENOMEM and leaks nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "quality/quality.h"
#include "support/exhaust.h"
#include "unit/quality/bench.h"

static const char *const config_text =
    "dq: { enabled: true, on_failure: { action: warn } }\n"
    "quality_gates: { min_pass_rate: 0.5, critical_checks: [volume], thresholds: { silver.t: { "
    "min_pass_rate: 0.1 } } }\n"
    "validation_rules: [ { name: unique, severity: warning } ]\n"
    "require_suite: [gold]\n"
    "alerts: { a: b }\n"
    "expectations: { silver: { t: [ { type: expect_column_to_exist, kwargs: { column: i } } ] } }\n"
    "silver: { t: { critical: [\n"
    "  expect_column_values_to_not_be_null: { columns: [i, s] },\n"
    "  expect_column_values_to_be_in_set: { column: i, value_set: [1, 2, 3, 4, 5] },\n"
    "  expect_column_values_to_match_regex: { column: s, regex: a, row_condition: 'i > 0' },\n"
    "  expect_column_values_to_be_unique: { column: s },\n"
    "  expect_column_mean_to_be_between: { column: i, min_value: { $PARAMETER: '1 + 1' } },\n"
    "  expect_column_values_to_match_json_schema: { column: s, json_schema: { type: string, "
    "pattern: a } },\n"
    "  expect_column_values_to_be_uniqe: { column: s } ] } }\n";

static assay_status load(void *user, assay_error *err)
{
    const bench *b = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_quality_source source = {.tree = b->config_tree, .path = "config/dq.yaml"};
    assay_quality_config *config = NULL;

    if (arena == NULL)
        return assay_error_nomem(err);
    return assay_quality_config_load(&source, arena, &config, err);
}

/* One run to its verdict; *ret_open is set where there is one. */
static assay_status run(const bench *b, bool *ret_open, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_quality_context context = {.run_id = "r"};
    assay_quality_report *report = NULL;
    assay_gate_verdict *verdict = NULL;
    assay_value *json = NULL;

    if (arena == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(assay_quality_run(&b->request, arena, &report, err));
    const assay_gate_question question = {.config = b->config,
                                          .report = report,
                                          .table = "silver.t"};
    ASSAY_TRY(assay_gate_evaluate(&question, arena, &verdict, err));
    *ret_open = verdict->open;
    return assay_quality_report_json(report, &context, arena, &json, err);
}

/* What the engine's room tolerates may end well; a gate that is shut must never come out open. */
static void no_failed_allocation_opens_a_gate(void **state)
{
    bench *b = *state;
    bool failed = true;

    bench_table(b, "SELECT * FROM (VALUES (1, 'a'), (7, 'b'), (NULL, '\"a\"')) v(i, s)");
    bench_run(b, config_text);
    assert_false(b->verdict->open);
    for (size_t nth = 1; failed; nth++) {
        assay_error err = {0};
        bool open = false;
        size_t before = assay_mem_count();
        assay_mem_fail_at(nth);
        assay_status status = run(b, &open, &err);
        assay_mem_fail_at(0);
        failed = assay_mem_count() - before >= nth;
        if (open || (status != ASSAY_OK && status != ASSAY_ENOMEM))
            fail_msg("allocation %zu: %s, %s", nth, open ? "open" : assay_status_name(status),
                     err.message);
    }
}

static void reading_the_config_survives_every_failed_allocation(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 1 AS i, 'a' AS s");
    bench_run(b, config_text);
    exhaust_allocations(load, b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(reading_the_config_survives_every_failed_allocation),
        TEST(no_failed_allocation_opens_a_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
