/* The verdict: what shuts a gate, what opens it, and that nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "quality/quality.h"
#include "unit/quality/bench.h"

static const char *const three_rows =
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'c')) v(id, s)";

/* The gate is shut and `part` stands in one of the reasons. */
static void expect_shut(const bench *b, const char *part)
{
    bool found = false;

    assert_false(b->verdict->open);
    assert_string_equal(b->verdict->text, "fail");
    assert_true(b->verdict->reason_count > 0);
    for (size_t i = 0; i < b->verdict->reason_count; i++)
        found = found || strstr(b->verdict->reasons[i], part) != NULL;
    if (!found)
        fail_msg("no reason says '%s'; the first is: %s", part, b->verdict->reasons[0]);
    assert_null(assay_gate_open(b->verdict, "silver.t", "stage-1", b->arena));
}

static void expect_open(const bench *b, const char *text)
{
    if (!b->verdict->open)
        fail_msg("shut: %s", b->verdict->reasons[0]);
    assert_string_equal(b->verdict->text, text);
}

/* ---- open ---- */

static void a_suite_that_passes_opens_the_gate_with_a_token(void **state)
{
    bench *b = *state;
    assay_gate_token *token = NULL;

    bench_table(b, three_rows);
    bench_run(
        b, "silver: { t: { critical: [ expect_column_values_to_not_be_null: { column: s } ] } }");
    expect_open(b, "pass");
    token = assay_gate_open(b->verdict, "silver.t", "stage-1", b->arena);
    assert_non_null(token);
    assert_string_equal(assay_gate_token_verdict(token), "pass");
}

static void a_table_without_a_suite_is_untested_and_open(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { other: { critical: [ expect_column_to_exist: { column: s } ] } }");
    assert_null(b->report);
    expect_open(b, "untested");
}

static void require_suite_shuts_an_untested_table_of_its_layer(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "require_suite: [silver]");
    expect_shut(b, "require_suite");
    bench_run(b, "quality_gates: { require_suite: [silver.t] }");
    expect_shut(b, "require_suite");
    bench_run(b, "require_suite: [gold]");
    expect_open(b, "untested");
}

static void dq_that_is_not_enabled_leaves_tables_untested(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "dq: { enabled: false }\n"
                 "quality_gates: { thresholds: { silver.t: { min_pass_rate: 1 } } }\n"
                 "silver: { t: { critical: [ expect_column_to_exist: { column: nope } ] } }");
    expect_open(b, "untested");
    assert_int_equal(b->verdict->warning_count, 1);
    bench_run(b, "dq: { enabled: false }\nrequire_suite: [silver]");
    expect_shut(b, "require_suite");
}

static void warn_alert_and_log_report_and_do_not_block(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { t: { checks: [\n"
                 "  { type: expect_column_values_to_not_be_null, column: id, action: warn },\n"
                 "  { type: expect_column_values_to_be_unique, column: s, action: fail },\n"
                 "  { type: expect_column_to_exist, column: x, action: alert },\n"
                 "  { type: min_row_count, value: 99, action: log } ] } }");
    expect_open(b, "pass");
    assert_int_equal(b->verdict->warning_count, 3);
    assert_int_equal(b->verdict->check_warning_count, 3);
    assert_int_equal(b->report->failed, 3);
}

/* ---- shut ---- */

static void a_failing_check_with_action_fail_shuts(void **state)
{
    bench *b = *state;
    assay_error err = {0};

    bench_table(b, three_rows);
    bench_run(
        b, "silver: { t: { critical: [ expect_column_values_to_not_be_null: { column: id } ] } }");
    expect_shut(b, "1 of 3 unexpected");
    assert_int_equal(assay_gate_refuse(b->verdict, "silver.t", &err), ASSAY_EGATE);
    assert_int_equal(err.number, 5010);
}

static void an_error_shuts_whatever_the_action(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b,
              "silver: { t: { warn: [ expect_column_values_to_not_be_null: { column: nope } ] } }");
    expect_shut(b, "column 'nope' not found");
    assert_int_equal(b->report->results[0].severity, ASSAY_CHECK_SEVERITY_CRITICAL);
}

static void an_empty_suite_shuts_in_every_dialect(void **state)
{
    static const char *const suites[] = {
        "silver: { t: }",
        "silver: { t: {} }",
        "silver: { t: { checks: [] } }",
        "silver: { t: { level: critical } }",
        "silver: { t: { critical: [], warn: [] } }",
        "expectations: { silver: { t: [] } }",
    };
    bench *b = *state;

    bench_table(b, three_rows);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        bench_run(b, suites[i]);
        expect_shut(b, "the suite has no check");
    }
}

static void a_suite_whose_checks_are_all_switched_off_shuts(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b,
              "silver: { t: { checks: [ { type: min_row_count, value: 1, enabled: false } ] } }");
    assert_int_equal(b->report->results[0].status, ASSAY_CHECK_STATUS_SKIPPED);
    expect_shut(b, "no check of suite");
}

static void a_table_that_thresholds_name_and_no_suite_does_is_shut(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "quality_gates: { thresholds: { silver.t: { min_pass_rate: 1.0 } } }");
    expect_shut(b, "no suite does");
}

static void a_pass_rate_below_the_minimum_shuts(void **state)
{
    bench *b = *state;
    const char *suite = "silver: { t: { warn: [\n"
                        "  expect_column_values_to_not_be_null: { column: id },\n"
                        "  expect_column_values_to_not_be_null: { column: s } ] } }\n";

    bench_table(b, three_rows);
    bench_run(b, assay_arena_format(b->arena, "%squality_gates: { min_pass_rate: 0.6 }", suite));
    expect_shut(b, "pass rate 0.5 is below 0.6");
    bench_run(b, assay_arena_format(b->arena, "%squality_gates: { min_pass_rate: 0.5 }", suite));
    expect_open(b, "pass");
    /* the table's own rate wins */
    bench_run(b,
              assay_arena_format(b->arena,
                                 "%squality_gates: { min_pass_rate: 0.9, thresholds: { silver.t: "
                                 "{ min_pass_rate: 0.5 } } }",
                                 suite));
    expect_open(b, "pass");
}

static void a_failure_in_a_critical_category_shuts_though_it_only_warns(void **state)
{
    static const char *const keys[] = {"id"};
    bench *b = *state;

    bench_table(b, three_rows);
    b->request.key_columns = keys;
    b->request.key_count = 1;
    bench_run(b,
              "silver: { t: { warn: [ expect_column_values_to_not_be_null: { column: id } ] } }\n"
              "quality_gates: { critical_checks: [not_null_keys] }");
    expect_shut(b, "1 of 3 unexpected");
    assert_int_equal(b->report->results[0].category, ASSAY_CHECK_CATEGORY_NOT_NULL_KEYS);
}

static void not_null_beside_the_key_is_no_critical_category(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b,
              "silver: { t: { warn: [ expect_column_values_to_not_be_null: { column: id } ] } }\n"
              "quality_gates: { critical_checks: [not_null_keys] }");
    expect_open(b, "pass");
    assert_int_equal(b->report->results[0].category, ASSAY_CHECK_CATEGORY_NONE);
}

static void an_uncovered_category_warns_globally_and_shuts_for_its_table_or_in_strict_mode(
    void **state)
{
    bench *b = *state;
    const char *suite = "silver: { t: { critical: [ expect_column_to_exist: { column: s } ] } }\n";

    bench_table(b, three_rows);
    bench_run(b, assay_arena_format(b->arena, "%squality_gates: { critical_checks: [volume] }",
                                    suite));
    expect_open(b, "pass");
    assert_int_equal(b->verdict->warning_count, 1);
    bench_run(b, assay_arena_format(b->arena,
                                    "%sdq: { strict_mode: true }\n"
                                    "quality_gates: { critical_checks: [volume] }",
                                    suite));
    expect_shut(b, "category 'volume'");
    bench_run(b, assay_arena_format(b->arena,
                                    "%squality_gates: { thresholds: { silver.t: { critical_checks: "
                                    "[freshness] } } }",
                                    suite));
    expect_shut(b, "category 'freshness'");
}

static void a_fail_fast_check_ends_the_suite(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { t: { checks: [\n"
                 "  { type: expect_column_values_to_be_unique, column: s },\n"
                 "  { type: min_row_count, value: 10, action: fail_fast } ] } }");
    assert_int_equal(b->report->results[0].status, ASSAY_CHECK_STATUS_SKIPPED);
    assert_int_equal(b->report->results[1].status, ASSAY_CHECK_STATUS_FAIL);
    expect_shut(b, "3 rows, expected at least 10");
}

static void an_unknown_type_shuts_and_names_the_nearest(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { t: { warn: [ expect_column_values_to_be_uniqe: { column: s } ] } }");
    expect_shut(b, "did you mean 'expect_column_values_to_be_unique'");
    assert_int_equal(b->report->results[0].exception_number, 5006);
}

static void a_kind_that_is_not_built_shuts_by_name(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { t: { warn: [ drift: { column: s } ] } }");
    expect_shut(b, "'drift' is not built yet");
    bench_run(b, "silver: { t: { warn: [ expect_column_chisquare_test_p_value_to_be_greater_than: "
                 "{ column: s } ] } }");
    expect_shut(b, "not built yet");
}

static void rows_that_break_a_quarantine_rule_and_are_there_already_only_warn(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_run(b, "silver: { t: { checks: [ { type: expect_column_values_to_not_be_null, column: "
                 "id, action: quarantine } ] } }");
    expect_open(b, "pass");
    assert_int_equal(b->verdict->warning_count, 1);
}

static void a_condition_that_cannot_be_parsed_shuts(void **state)
{
    static const char *const conditions[] = {
        "{ column: s, row_condition: 'id >', condition_parser: sql }",
        "{ column: s, row_condition: 'nope > 1', condition_parser: sql }",
        "{ column: s, row_condition: 'col(\"id\") >> 1', condition_parser: great_expectations }",
        "{ column: s, row_condition: 'id > 1', condition_parser: prolog }",
        "{ column: s, row_condition: '1 = 1) OR (1 = 1', condition_parser: sql }",
        "{ column: s, row_condition: 'id == 1 ?', condition_parser: pandas }",
    };
    bench *b = *state;

    bench_table(b, three_rows);
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        bench_run(b, assay_arena_format(
                         b->arena,
                         "silver: { t: { warn: [ expect_column_values_to_not_be_null: %s ] } }",
                         conditions[i]));
        assert_int_equal(b->report->results[0].status, ASSAY_CHECK_STATUS_ERROR);
        expect_shut(b, "cannot be judged");
    }
}

static void a_relation_that_cannot_be_read_puts_every_check_in_error(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    b->request.relation = "SELECT * FROM silver.gone";
    bench_run(b, "silver: { t: { warn: [ min_row_count: { value: 1 },\n"
                 "                       expect_column_to_exist: { column: s } ] } }");
    assert_int_equal(b->report->errors, 2);
    expect_shut(b, "gone");
}

static void a_pass_that_takes_too_long_is_an_error(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    b->request.timeout_ms = 50;
    bench_run(
        b, "silver: { t: { warn: [ unexpected_rows_expectation: { unexpected_rows_query: \n"
           "  'select count(*) c from range(10000000) a, range(10000000) b having c = 0' } ] } }");
    expect_shut(b, "no answer within 50 ms");
    assert_int_equal(b->report->results[0].exception_number, 5026);
}

static void a_run_that_is_cancelled_passes_nothing(void **state)
{
    bench *b = *state;
    assay_cancel *cancel = assay_cancel_new();

    bench_table(b, three_rows);
    assay_cancel_request(cancel, 2);
    b->request.cancel = cancel;
    bench_run(b, "silver: { t: { warn: [ min_row_count: { value: 1 },\n"
                 "  expect_column_values_to_not_be_null: { column: s } ] } }");
    assay_cancel_free(cancel);
    assert_int_equal(b->report->errors, 2);
    assert_int_equal(b->report->results[0].exception_number, 5027);
    expect_shut(b, "cancelled");
}

static void a_check_that_runs_out_of_memory_is_an_error(void **state)
{
    bench *b = *state;

    bench_table(b, three_rows);
    bench_execute(b, "SET memory_limit = '20MB'");
    bench_run(
        b, "silver: { t: { warn: [ unexpected_rows_expectation: { unexpected_rows_query: \n"
           "  'select list(a.range) from range(20000000) a group by a.range % 10000000' } ] } }");
    assert_int_equal(b->report->results[0].status, ASSAY_CHECK_STATUS_ERROR);
    expect_shut(b, "cannot be judged");
}

/* ---- a fused pass that dies ---- */

static void a_check_that_throws_on_data_leaves_its_neighbours_alone(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(id, s)");
    bench_run(b, "silver: { t: { checks: [\n"
                 "  { type: expression, expression: 'id > 0' },\n"
                 "  { type: expression, expression: 'CAST(s AS INTEGER) > 0', name: thrower },\n"
                 "  { type: expression, expression: 'id < 3' },\n"
                 "  { type: expect_column_values_to_not_be_null, column: s },\n"
                 "  { type: expect_column_sum_to_be_between, column: id, max_value: 3 } ] } }");
    for (size_t i = 0; i < b->report->count; i++)
        assert_int_equal(b->report->results[i].status,
                         i == 1 ? ASSAY_CHECK_STATUS_ERROR : ASSAY_CHECK_STATUS_PASS);
    expect_shut(b, "thrower cannot be judged");
}

static void a_sum_that_overflows_leaves_its_neighbours_alone(void **state)
{
    bench *b = *state;

    bench_table(
        b, "SELECT 170141183460469231731687303715884105727::HUGEINT AS h, 1 AS i FROM range(3)");
    bench_run(
        b, "silver: { t: { checks: [\n"
           "  { type: expect_column_sum_to_be_between, column: h, min_value: 0 },\n"
           "  { type: expect_column_sum_to_be_between, column: i, min_value: 3, max_value: 3 },\n"
           "  { type: expect_column_mean_to_be_between, column: i, min_value: 1, max_value: 1 } ] "
           "} }");
    assert_int_equal(b->report->results[0].status, ASSAY_CHECK_STATUS_ERROR);
    assert_int_equal(b->report->results[1].status, ASSAY_CHECK_STATUS_PASS);
    assert_int_equal(b->report->results[2].status, ASSAY_CHECK_STATUS_PASS);
}

/* ---- overrides ---- */

static void an_override_opens_one_check_and_says_who_and_why(void **state)
{
    bench *b = *state;
    const assay_gate_override override = {"expect_column_values_to_not_be_null(id)", "known gap",
                                          "ann", BENCH_NOW_US};
    assay_gate_question question = {.table = "silver.t",
                                    .overrides = &override,
                                    .override_count = 1};

    bench_table(b, three_rows);
    bench_run(
        b, "silver: { t: { critical: [ expect_column_values_to_not_be_null: { column: id } ] } }");
    question.config = b->config;
    question.report = b->report;
    assert_int_equal(assay_gate_evaluate(&question, b->arena, &b->verdict, &b->err), ASSAY_OK);
    expect_open(b, "override");
    const assay_value *list = assay_value_find(b->verdict->details, "overrides");
    assert_int_equal(list->count, 1);
    assert_string_equal(assay_value_find_text(list->items[0], "who", ""), "ann");
    assert_string_equal(assay_value_find_text(list->items[0], "reason", ""), "known gap");
}

static void an_override_of_another_check_or_without_a_reason_opens_nothing(void **state)
{
    bench *b = *state;
    const assay_gate_override overrides[] = {{"expect_column_values_to_not_be_null(s)", "other",
                                              "ann", BENCH_NOW_US},
                                             {"expect_column_values_to_not_be_null(id)", "  ",
                                              "ann", BENCH_NOW_US}};
    assay_gate_question question = {.table = "silver.t",
                                    .overrides = overrides,
                                    .override_count = 2};

    bench_table(b, three_rows);
    bench_run(
        b, "silver: { t: { critical: [ expect_column_values_to_not_be_null: { column: id } ] } }");
    question.config = b->config;
    question.report = b->report;
    assert_int_equal(assay_gate_evaluate(&question, b->arena, &b->verdict, &b->err), ASSAY_OK);
    expect_shut(b, "1 of 3 unexpected");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_suite_that_passes_opens_the_gate_with_a_token),
        TEST(a_table_without_a_suite_is_untested_and_open),
        TEST(require_suite_shuts_an_untested_table_of_its_layer),
        TEST(dq_that_is_not_enabled_leaves_tables_untested),
        TEST(warn_alert_and_log_report_and_do_not_block),
        TEST(a_failing_check_with_action_fail_shuts),
        TEST(an_error_shuts_whatever_the_action),
        TEST(an_empty_suite_shuts_in_every_dialect),
        TEST(a_suite_whose_checks_are_all_switched_off_shuts),
        TEST(a_table_that_thresholds_name_and_no_suite_does_is_shut),
        TEST(a_pass_rate_below_the_minimum_shuts),
        TEST(a_failure_in_a_critical_category_shuts_though_it_only_warns),
        TEST(not_null_beside_the_key_is_no_critical_category),
        TEST(an_uncovered_category_warns_globally_and_shuts_for_its_table_or_in_strict_mode),
        TEST(a_fail_fast_check_ends_the_suite),
        TEST(an_unknown_type_shuts_and_names_the_nearest),
        TEST(a_kind_that_is_not_built_shuts_by_name),
        TEST(rows_that_break_a_quarantine_rule_and_are_there_already_only_warn),
        TEST(a_condition_that_cannot_be_parsed_shuts),
        TEST(a_relation_that_cannot_be_read_puts_every_check_in_error),
        TEST(a_pass_that_takes_too_long_is_an_error),
        TEST(a_run_that_is_cancelled_passes_nothing),
        TEST(a_check_that_runs_out_of_memory_is_an_error),
        TEST(a_check_that_throws_on_data_leaves_its_neighbours_alone),
        TEST(a_sum_that_overflows_leaves_its_neighbours_alone),
        TEST(an_override_opens_one_check_and_says_who_and_why),
        TEST(an_override_of_another_check_or_without_a_reason_opens_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
