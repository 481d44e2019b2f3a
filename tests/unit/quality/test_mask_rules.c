/* What checks with action quarantine say about single rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "quality/quality.h"
#include "unit/quality/bench.h"

/* The rules of the suite of silver.t over the bench's table. */
static assay_mask_rules rules_of(bench *b, const char *yaml)
{
    assay_mask_rules rules;

    assert_int_equal(bench_load(b, yaml), ASSAY_OK);
    b->request.suite = assay_quality_suite_find(b->config, "silver.t");
    assert_non_null(b->request.suite);
    if (assay_quality_mask_rules(&b->request, b->arena, &rules, &b->err) != ASSAY_OK)
        fail_msg("no rules: %s", b->err.message);
    return rules;
}

/* Ids of the rows for which `predicate` holds, as "1,2". */
static const char *rows_with(bench *b, const char *predicate)
{
    const char *text = NULL;
    const char *sql =
        assay_arena_format(b->arena,
                           "SELECT coalesce(string_agg(id::VARCHAR, ',' ORDER BY id), '') FROM "
                           "(%s) AS " ASSAY_MASK_ALIAS " WHERE %s",
                           b->request.relation, predicate);

    assert_non_null(sql);
    if (assay_conn_query_text(b->conn, sql, b->arena, &text, &b->err) != ASSAY_OK)
        fail_msg("%s: %s", sql, b->err.message);
    return text;
}

static void every_kind_that_judges_rows_finds_the_same_rows_as_its_check(void **state)
{
    static const struct {
        const char *check, *rows;
    } cases[] = {
        {"type: expect_column_values_to_not_be_null, column: n", "3"},
        {"type: expect_column_values_to_be_null, column: n", "1,2,4,5"},
        {"type: expect_column_values_to_be_between, column: n, min_value: 0, max_value: 10", "2,4"},
        {"type: expect_column_values_to_be_in_set, column: s, value_set: [a, b, c, d, e, f]",
         "2,5"},
        {"type: expect_column_values_to_not_be_in_set, column: s, value_set: [a, bb]", "1,2"},
        {"type: expect_column_values_to_match_regex, column: s, regex: '^[a-c]+$'", "5"},
        {"type: expect_column_values_to_not_match_like_pattern, column: s, like_pattern: 'b%'",
         "2"},
        {"type: expect_column_value_lengths_to_equal, column: s, value: 1", "2,5"},
        {"type: expect_column_pair_values_a_to_be_greater_than_b, column_A: n, column_B: id",
         "2,3"},
        {"type: expect_multicolumn_sum_to_equal, column_list: [id, n], sum_total: 6", "2,3,4,5"},
        {"type: expression, expression: 'n <> 5'", "1,3"},
        {"type: expect_column_values_to_not_be_null, column: n, row_condition: 'id > 3', "
         "condition_parser: sql",
         ""},
        {"type: expect_column_values_to_be_between, column: n, max_value: 3, row_condition: 'n > "
         "10', condition_parser: sql",
         "4"},
        {"type: fk_exists, column: s, reference_table: other.parent, reference_column: p", "2,5"},
    };
    bench *b = *state;

    bench_table(b,
                "SELECT * FROM (VALUES (1, 5, 'a'), (2, -1, 'bb'), (3, NULL, 'c'), (4, 11, NULL), "
                "(5, 10, 'zq')) v(id, n, s)");
    bench_execute(b, "CREATE SCHEMA IF NOT EXISTS other");
    bench_execute(b, "CREATE OR REPLACE TABLE other.parent AS SELECT * FROM (VALUES ('a'), ('c')) "
                     "v(p)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *yaml =
            assay_arena_format(b->arena,
                               "silver: { t: { checks: [ { %s, action: quarantine } ] } }",
                               cases[i].check);
        assay_mask_rules rules = rules_of(b, yaml);
        if (rules.count != 1)
            fail_msg("%s: %s", cases[i].check, rules.problem);
        assert_int_equal(rules.items[0].key_count, 0);
        const char *rows = rows_with(b, rules.items[0].broken);
        if (strcmp(rows, cases[i].rows) != 0)
            fail_msg("%s: %s instead of %s", cases[i].check, rows, cases[i].rows);
    }
}

static void keys_come_as_expressions_and_missing_parts_as_a_rule_over_rows(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (1, 5, 'a'), (2, NULL, 'a')) v(id, n, s)");
    assay_mask_rules rules =
        rules_of(b, "silver: { t: { checks: [ { type: pk_unique, columns: [n, s], action: "
                    "quarantine }, { type: expect_column_values_to_be_unique, column: s, action: "
                    "quarantine } ] } }");
    assert_int_equal(rules.count, 2);
    assert_int_equal(rules.items[0].key_count, 2);
    assert_string_equal(rows_with(b, rules.items[0].broken), "2");
    assert_string_equal(rows_with(b, rules.items[0].kept), "1");
    assert_int_equal(rules.items[1].key_count, 1);
    assert_null(rules.items[1].broken);
    assert_string_equal(rows_with(b, rules.items[1].kept), "1,2");
}

static void known_columns_give_the_same_rules_without_the_relation(void **state)
{
    static const char yaml[] =
        "silver: { t: { checks: [ { type: expect_column_values_to_be_between, column: n, "
        "min_value: 0, action: quarantine } ] } }";
    static const assay_column known[] = {{"id", "INTEGER"}, {"n", "DECIMAL(9,2)"}};
    static const assay_column doubled[] = {{"n", "INTEGER"}, {"n", "INTEGER"}};
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (1, 5.5::DECIMAL(9, 2)), (2, -1)) v(id, n)");
    const char *relation = b->request.relation;
    assay_mask_rules asked = rules_of(b, yaml);
    b->request.relation = "SELECT * FROM not_there";
    b->request.columns = known;
    b->request.column_count = 2;
    assay_mask_rules told = rules_of(b, yaml);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.items[0].broken, asked.items[0].broken);
    b->request.relation = relation;
    assert_string_equal(rows_with(b, told.items[0].broken), "2");

    /* no table has these: the relation itself is asked */
    b->request.columns = doubled;
    assay_mask_rules again = rules_of(b, yaml);
    assert_int_equal(again.count, 1);
    assert_string_equal(again.items[0].broken, asked.items[0].broken);
}

static void only_checks_that_quarantine_give_rules(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 1 AS id, 'a' AS s");
    assay_mask_rules rules = rules_of(
        b, "silver: { t: { checks: [ { type: expect_column_values_to_not_be_null, column: id, "
           "action: fail }, { type: expect_column_values_to_not_be_null, column: s, action: "
           "quarantine, enabled: false } ] } }");
    assert_int_equal(rules.count, 0);
    assert_null(rules.problem);
}

static void a_check_that_cannot_run_gives_no_rule_and_says_why(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 1 AS id, 'a' AS s");
    assay_mask_rules rules =
        rules_of(b, "silver: { t: { checks: [ { type: expect_column_values_to_not_be_null, column: "
                    "nope, action: quarantine }, { type: expect_column_values_to_match_regex, "
                    "column: s, regex: '(', action: quarantine }, { type: "
                    "expect_column_values_to_not_be_null, column: s, action: quarantine } ] } }");
    assert_int_equal(rules.count, 1);
    assert_non_null(rules.problem);
    assert_true(assay_str_contains(rules.problem, "nope"));
    assert_ptr_equal(rules.problem_check, &b->request.suite->checks[0]);
}

static void the_default_action_quarantine_is_for_rows_alone(void **state)
{
    bench *b = *state;

    assert_int_equal(
        bench_load(b,
                   "dq: { on_failure: { action: quarantine } }\n"
                   "silver: { t: { checks: [ { type: expect_column_values_to_not_be_null, "
                   "column: a }, { type: expect_column_mean_to_be_between, column: a, max_value: "
                   "1 } ] } }"),
        ASSAY_OK);
    const assay_quality_suite *suite = assay_quality_suite_find(b->config, "silver.t");
    assert_int_equal(suite->checks[0].action, ASSAY_CHECK_ACTION_QUARANTINE);
    assert_int_equal(suite->checks[1].action, ASSAY_CHECK_ACTION_FAIL);
}

static void what_tells_no_rows_is_refused_with_its_place(void **state)
{
    static const char *const checks[] = {
        "type: expect_column_mean_to_be_between, column: a, max_value: 1",
        "type: expect_column_values_to_be_increasing, column: a",
        "type: expect_column_values_to_be_dateutil_parseable, column: a",
        "type: unexpected_rows_expectation, unexpected_rows_query: 'select 1'",
        "type: expect_column_values_to_not_be_null, column: a, mostly: 0.5",
        "type: fk_exists, column: a, reference_table: silver.t, reference_column: a",
    };
    bench *b = *state;

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const char *yaml =
            assay_arena_format(b->arena,
                               "silver: { t: { checks: [ { %s, action: quarantine } ] } }",
                               checks[i]);
        if (bench_load(b, yaml) != ASSAY_ECONFIG)
            fail_msg("taken: %s", checks[i]);
        assert_int_equal(b->err.number, 5004);
        assert_int_equal(b->err.line, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_that_judges_rows_finds_the_same_rows_as_its_check),
        TEST(keys_come_as_expressions_and_missing_parts_as_a_rule_over_rows),
        TEST(known_columns_give_the_same_rules_without_the_relation),
        TEST(only_checks_that_quarantine_give_rules),
        TEST(a_check_that_cannot_run_gives_no_rule_and_says_why),
        TEST(the_default_action_quarantine_is_for_rows_alone),
        TEST(what_tells_no_rows_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
