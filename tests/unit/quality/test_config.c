/* config/dq.yaml: dialects A, B and C, their aliases and defaults, and every refusal with its
 * place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "quality/quality.h"
#include "unit/quality/bench.h"

static const assay_quality_suite *suite_of(bench *b, const char *yaml, const char *table)
{
    if (bench_load(b, yaml) != ASSAY_OK)
        fail_msg("%s", b->err.message);
    return assay_quality_suite_find(b->config, table);
}

/* The file is refused with this number and place, and the message holds `part`. */
static void expect_refused(bench *b, const char *yaml, int number, int line, const char *part)
{
    if (bench_load(b, yaml) == ASSAY_OK)
        fail_msg("accepted: %s", yaml);
    if (b->err.number != number || b->err.line != line || strstr(b->err.message, part) == NULL)
        fail_msg("E%d line %d column %d: %s", b->err.number, b->err.line, b->err.column,
                 b->err.message);
    assert_string_equal(b->err.path, "config/dq.yaml");
}

static const char *kwarg(const assay_quality_check *check, const char *key)
{
    return assay_value_find_text(check->kwargs, key, "-");
}

static void dialect_a_reads_types_with_inline_arguments_and_actions(void **state)
{
    bench *b = *state;
    const assay_quality_suite *suite =
        suite_of(b,
                 "gold:\n"
                 "  fact_orders:\n"
                 "    level: critical\n"
                 "    checks:\n"
                 "      - { type: pk_unique, columns: [a, b], action: fail_fast }\n"
                 "      - { type: fk_exists, column: c, reference_table: gold.d, reference_column: "
                 "k, action: warn }\n"
                 "      - { type: columns_exist, columns: [a] }\n"
                 "      - type: min_row_count\n"
                 "        value: 3\n",
                 "gold.fact_orders");
    assert_non_null(suite);
    assert_int_equal(suite->count, 4);
    assert_string_equal(suite->checks[0].name, "pk_unique(a, b)");
    assert_int_equal(suite->checks[0].action, ASSAY_CHECK_ACTION_FAIL_FAST);
    assert_int_equal(suite->checks[1].action, ASSAY_CHECK_ACTION_WARN);
    assert_int_equal(suite->checks[1].severity, ASSAY_CHECK_SEVERITY_WARNING);
    assert_string_equal(kwarg(&suite->checks[1], "reference_table"), "gold.d");
    assert_int_equal(suite->checks[2].action, ASSAY_CHECK_ACTION_FAIL);
    assert_int_equal(suite->checks[3].line, 8);
}

static void a_suite_may_name_its_table(void **state)
{
    bench *b = *state;
    const char *yaml =
        "silver:\n"
        "  orders_suite: { table: orders, checks: [ { type: min_row_count, value: 1 } ] }\n"
        "  other: { table: gold.x, checks: [ { type: min_row_count, value: 1 } ] }\n";

    assert_non_null(suite_of(b, yaml, "silver.orders"));
    assert_non_null(suite_of(b, yaml, "gold.x"));
    assert_null(suite_of(b, yaml, "silver.orders_suite"));
}

static void dialect_b_gives_critical_and_warn_their_actions(void **state)
{
    bench *b = *state;
    const assay_quality_suite *suite =
        suite_of(b,
                 "silver:\n"
                 "  t:\n"
                 "    critical:\n"
                 "      - expect_column_values_to_be_of_type: { column: a, type: INTEGER }\n"
                 "      - expect_compound_columns_to_be_unique: { columns: a }\n"
                 "      - expect_table_columns_to_match_ordered_list: { columns: [a, b] }\n"
                 "    warn:\n"
                 "      - expect_column_values_to_not_be_null: { columns: [a, b], mostly: 0.5 }\n",
                 "silver.t");
    assert_int_equal(suite->count, 5);
    assert_string_equal(kwarg(&suite->checks[0], "type_"), "INTEGER");
    assert_int_equal(assay_value_find(suite->checks[1].kwargs, "column_list")->count, 1);
    assert_int_equal(assay_value_find(suite->checks[2].kwargs, "column_list")->count, 2);
    assert_string_equal(kwarg(&suite->checks[3], "column"), "a");
    assert_string_equal(kwarg(&suite->checks[4], "column"), "b");
    assert_int_equal(suite->checks[4].action, ASSAY_CHECK_ACTION_WARN);
    assert_int_equal(suite->checks[0].action, ASSAY_CHECK_ACTION_FAIL);
}

static void dialect_c_reads_expectation_types_with_kwargs(void **state)
{
    bench *b = *state;
    const assay_quality_suite *suite =
        suite_of(b,
                 "dq: { on_failure: { action: alert } }\n"
                 "expectations:\n"
                 "  silver:\n"
                 "    t:\n"
                 "      - expectation_type: expect_column_to_exist\n"
                 "        kwargs: { column: a }\n"
                 "        meta: { note: x }\n"
                 "      - type: expect_column_values_to_be_unique\n"
                 "        kwargs: { column: a, severity: critical }\n",
                 "silver.t");
    assert_int_equal(suite->count, 2);
    assert_int_equal(suite->checks[0].action, ASSAY_CHECK_ACTION_ALERT);
    assert_int_equal(suite->checks[1].action, ASSAY_CHECK_ACTION_FAIL);
}

static void sections_of_one_table_become_one_suite_with_unique_names(void **state)
{
    bench *b = *state;
    const assay_quality_suite *suite =
        suite_of(b,
                 "expectations: { silver: { t: [ { type: expect_column_to_exist, kwargs: { column: "
                 "a } } ] } }\n"
                 "silver: { t: { critical: [ expect_column_to_exist: { column: a } ] } }\n",
                 "silver.t");
    assert_int_equal(suite->count, 2);
    assert_string_equal(suite->checks[0].name, "expect_column_to_exist(a)");
    assert_string_equal(suite->checks[1].name, "expect_column_to_exist(a) #2");
}

static void validation_rules_switch_off_and_soften_their_kinds(void **state)
{
    bench *b = *state;
    const assay_quality_suite *suite =
        suite_of(b,
                 "validation_rules:\n"
                 "  - { name: unique, enabled: false }\n"
                 "  - { name: range, severity: warning }\n"
                 "silver: { t: { checks: [\n"
                 "  { type: expect_column_values_to_be_unique, column: a },\n"
                 "  { type: expect_column_values_to_be_between, column: a, min_value: 1 },\n"
                 "  { type: expect_column_values_to_be_between, column: b, min_value: 1, action: "
                 "fail } ] } }\n",
                 "silver.t");
    assert_false(suite->checks[0].enabled);
    assert_int_equal(suite->checks[1].action, ASSAY_CHECK_ACTION_WARN);
    assert_int_equal(suite->checks[2].action, ASSAY_CHECK_ACTION_FAIL);
}

static void unknown_keys_are_refused_with_place_and_nearest(void **state)
{
    bench *b = *state;

    expect_refused(b, "a: 1", 5001, 1, "unknown key 'a'");
    expect_refused(b, "\nquality_gate: {}", 5001, 2, "did you mean 'quality_gates'");
    expect_refused(b, "dq:\n  strict_mod: true", 5001, 2, "did you mean 'strict_mode'");
    expect_refused(b, "dq:\n  on_failure:\n    acton: fail", 5001, 3, "did you mean 'action'");
    expect_refused(b, "quality_gates:\n  min_passrate: 1", 5001, 2, "did you mean 'min_pass_rate'");
    expect_refused(b, "quality_gates:\n  thresholds:\n    a.b:\n      critical_check: []", 5001, 4,
                   "did you mean 'critical_checks'");
    expect_refused(b, "reporting:\n  output: x", 5001, 2, "unknown key");
    expect_refused(b, "silver:\n  t:\n    criticl: []", 5001, 3, "did you mean 'critical'");
    expect_refused(b, "silver:\n  t:\n    checks: []\n    levl: x", 5001, 4,
                   "did you mean 'level'");
    expect_refused(b, "silver:\n  t:\n    warn: []\n    crtical: []", 5001, 4,
                   "did you mean 'critical'");
    expect_refused(b, "expectations:\n  silvr: {}", 5001, 2, "did you mean 'silver'");
    expect_refused(b,
                   "silver:\n  t:\n    critical:\n"
                   "      - expect_column_values_to_not_be_null: { colum: a }",
                   5001, 4, "did you mean 'column'");
    expect_refused(b,
                   "silver:\n  t:\n    checks:\n      - type: expect_column_to_exist\n"
                   "        column: a\n        acton: warn",
                   5001, 6, "did you mean 'action'");
    expect_refused(b,
                   "silver:\n  t:\n    critical:\n"
                   "      - expect_column_max_to_be_between: { column: a, mostly: 0.5 }",
                   5001, 4, "does not know 'mostly'");
}

static void wrong_values_are_refused_with_their_place(void **state)
{
    bench *b = *state;

    expect_refused(b, "[1]", 5002, 1, "must be a map");
    expect_refused(b, "dq: { enabled: maybe }", 5002, 1, "true or false");
    expect_refused(b, "quality_gates: { min_pass_rate: 95 }", 5002, 1, "between 0 and 1");
    expect_refused(b, "quality_gates: { critical_checks: [not_null_key] }", 5002, 1,
                   "did you mean 'not_null_keys'");
    expect_refused(b, "quality_gates: { thresholds: { orders: {} } }", 5002, 1, "layer.table");
    expect_refused(b, "validation_rules: [ { name: nope } ]", 5002, 1, "unknown validation rule");
    expect_refused(b, "silver: { t: { checks: [ { column: a } ] } }", 5002, 1, "needs a type");
    expect_refused(b, "silver: { t: { critical: [ { a: {}, b: {} } ] } }", 5002, 1,
                   "one expectation");
    expect_refused(
        b,
        "silver: { t: { checks: [ { type: expect_column_to_exist, column: a, action: stop } ] } }",
        5002, 1, "unknown action 'stop'");
    expect_refused(
        b,
        "silver: { t: { checks: [ { type: expect_column_to_exist, column: a, scope: half } ] } }",
        5002, 1, "'scope' must be");
    expect_refused(b, "silver: { t: { critical: [ expect_column_to_exist: 5 ] } }", 5002, 1, "map");
}

static void other_dialects_are_refused_by_name(void **state)
{
    bench *b = *state;

    expect_refused(b, "tables: { silver.t: { critical: ['NOT_NULL: [a]'] } }", 5003, 1,
                   "dialects D and G");
    expect_refused(b, "silver: { t: { critical: ['NOT_NULL: [a]'] } }", 5003, 1, "dialect D");
    expect_refused(b, "dataset_name: silver.t", 5003, 1, "dialect E");
    expect_refused(b, "dq: { rules: [] }", 5003, 1, "dialect F");
    expect_refused(b, "silver: { t: { primary_key: [a] } }", 5003, 1, "dialect G");
    expect_refused(b, "global_thresholds: {}", 5003, 1, "dialect H");
    expect_refused(b, "dq: { sampling: { enabled: true } }", 5003, 1, "dialect I");
    assert_int_equal(b->err.code, ASSAY_EUNSUPPORTED);
}

static void gate_keys_are_read(void **state)
{
    bench *b = *state;
    const char *yaml = "dq: { enabled: true, strict_mode: true, on_failure: { action: log } }\n"
                       "quality_gates:\n"
                       "  min_pass_rate: 0.95\n"
                       "  critical_checks: [freshness]\n"
                       "  thresholds:\n"
                       "    silver.t: { min_pass_rate: 1, critical_checks: [volume] }\n"
                       "require_suite: [gold]\n"
                       "reporting: { output_path: results/dq }\n"
                       "alerts: { slack: x }\n";

    assert_int_equal(bench_load(b, yaml), ASSAY_OK);
    assert_true(b->config->strict_mode);
    assert_true(b->config->global.min_pass_rate > 0.94);
    assert_true(b->config->global.critical[ASSAY_CHECK_CATEGORY_FRESHNESS]);
    assert_int_equal(b->config->threshold_count, 1);
    assert_true(b->config->thresholds[0].critical[ASSAY_CHECK_CATEGORY_VOLUME]);
    assert_string_equal(b->config->require_suite[0], "gold");
    assert_string_equal(b->config->output_path, "results/dq");
    assert_int_equal(b->config->note_count, 1); /* alerts are named, not swallowed */
}

static void no_file_is_a_config_without_suites(void **state)
{
    bench *b = *state;

    assert_int_equal(bench_load(b, ""), ASSAY_OK);
    assert_int_equal(b->config->suite_count, 0);
    assert_null(assay_quality_suite_find(b->config, "silver.t"));
    assert_null(assay_quality_suite_find(NULL, "silver.t"));
}

static void the_hash_changes_with_the_meaning_and_with_nothing_else(void **state)
{
    bench *b = *state;
    const char *one =
        suite_of(b, "silver: { t: { critical: [ min_row_count: { value: 1 } ] } }", "silver.t")
            ->hash;
    const char *same =
        suite_of(b, "# said\nsilver:\n  t:\n    checks:\n      - { type: min_row_count, value: 1 }",
                 "silver.t")
            ->hash;
    const char *value =
        suite_of(b, "silver: { t: { critical: [ min_row_count: { value: 2 } ] } }", "silver.t")
            ->hash;
    const char *action =
        suite_of(b, "silver: { t: { warn: [ min_row_count: { value: 1 } ] } }", "silver.t")->hash;

    assert_string_equal(one, same);
    assert_string_not_equal(one, value);
    assert_string_not_equal(one, action);
}

static void every_kind_has_a_doc_and_names_no_argument_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < assay_quality_kind_count(); i++) {
        assay_quality_kind_info kind = assay_quality_kind_at(i);
        assert_true(strlen(kind.doc) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(kind.name, assay_quality_kind_at(j).name);
    }
}

static void the_guide_lists_every_kind(void **state)
{
    bench *b = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf guide = ASSAY_BUF_EMPTY;

    assert_int_equal(assay_path_read(ASSAY_TEST_SOURCE_DIR "/docs/guide/checks.md", 1 << 20, &guide,
                                     &b->err),
                     ASSAY_OK);
    for (size_t i = 0; i < assay_quality_kind_count(); i++) {
        const char *name = assay_arena_format(b->arena, "`%s`", assay_quality_kind_at(i).name);
        if (strstr(assay_buf_text(&guide), name) == NULL)
            fail_msg("docs/guide/checks.md does not name %s", name);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(dialect_a_reads_types_with_inline_arguments_and_actions),
        TEST(a_suite_may_name_its_table),
        TEST(dialect_b_gives_critical_and_warn_their_actions),
        TEST(dialect_c_reads_expectation_types_with_kwargs),
        TEST(sections_of_one_table_become_one_suite_with_unique_names),
        TEST(validation_rules_switch_off_and_soften_their_kinds),
        TEST(unknown_keys_are_refused_with_place_and_nearest),
        TEST(wrong_values_are_refused_with_their_place),
        TEST(other_dialects_are_refused_by_name),
        TEST(gate_keys_are_read),
        TEST(no_file_is_a_config_without_suites),
        TEST(the_hash_changes_with_the_meaning_and_with_nothing_else),
        TEST(every_kind_has_a_doc_and_names_no_argument_twice),
        TEST(the_guide_lists_every_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
