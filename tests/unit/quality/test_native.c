/* What C judges itself: dates in usual forms, JSON schemas; and the translators of conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "quality/date_text.h"
#include "quality/json_schema.h"
#include "quality/quality.h"
#include "unit/quality/bench.h"

#define PASS ASSAY_CHECK_STATUS_PASS
#define FAIL ASSAY_CHECK_STATUS_FAIL
#define ERROR ASSAY_CHECK_STATUS_ERROR

static void usual_forms_of_dates_are_dates(void **state)
{
    static const char *const dates[] = {"2024-02-29",
                                        "2024/2/9",
                                        "29/02/2024",
                                        "02/29/2024",
                                        "29.02.2024",
                                        "01/01/2011",
                                        "2024-02",
                                        "20240229",
                                        "240229",
                                        "202402291030",
                                        "20240229103000",
                                        "20240229T103000",
                                        "20240229T1030Z",
                                        "2024-02-29T10:30:05",
                                        "2024-02-29 10:30:05.123456",
                                        "2024-02-29T10:30:05Z",
                                        "2024-02-29T10:30:05+02:00",
                                        "2003-09-25T10:49:41.5-03:00",
                                        "Thu Sep 25 10:36:28 2003",
                                        "Thu, 25 Sep 2003 10:49:41 -0300",
                                        "25 September 2003",
                                        "September 25th, 2003",
                                        "Sep 2003",
                                        "25-Sep-03",
                                        "Sept 5, 2020",
                                        "10:30",
                                        "10:30:05",
                                        "10 pm",
                                        "10:30 PM",
                                        "10:30 a.m.",
                                        "Monday",
                                        "2024",
                                        "29",
                                        "1:00 EST",
                                        "10h30m",
                                        "May 5 2020 at 10:30 UTC"};

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
        if (!assay_dq_is_date_text(dates[i]))
            fail_msg("not taken: %s", dates[i]);
}

static void other_texts_are_no_dates(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "cat",
                                        "red",
                                        "2024-13-45",
                                        "2023-02-29",
                                        "32/01/2024 x",
                                        "31/31/2024",
                                        "10:61",
                                        "25:00:00",
                                        "hello 2024",
                                        "2024-02-29 2024-02-29",
                                        "1-2-3-4",
                                        "12345",
                                        "123456789",
                                        "a",
                                        "-",
                                        "2024-02-29T10:30:05+99:00",
                                        "13:00 pm x",
                                        "10:30 10:40",
                                        "Jan Feb 2024",
                                        "Mon Tue",
                                        "99999999999999999999",
                                        "2024-00-10"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (assay_dq_is_date_text(texts[i]))
            fail_msg("taken: %s", texts[i]);
}

static void json_schemas_judge_texts(void **state)
{
    static const struct {
        const char *schema, *text;
        bool fits;
    } cases[] = {
        {"{}", "1", true},
        {"{}", "{", false},
        {"{ type: integer }", "1", true},
        {"{ type: integer }", "1.0", true},
        {"{ type: integer }", "1.5", false},
        {"{ type: [string, 'null'] }", "null", true},
        {"{ type: [string, 'null'] }", "1", false},
        {"{ enum: [1, a] }", "\"a\"", true},
        {"{ enum: [1, a] }", "2", false},
        {"{ const: 3 }", "3.0", true},
        {"{ minimum: 1, maximum: 3 }", "3", true},
        {"{ minimum: 1, maximum: 3 }", "3.01", false},
        {"{ exclusiveMaximum: 3 }", "3", false},
        {"{ exclusiveMinimum: 3 }", "3", false},
        {"{ multipleOf: 0.1 }", "0.3", true},
        {"{ multipleOf: 2 }", "3", false},
        {"{ minLength: 3, maxLength: 3 }", "\"a\\u00f1o\"", true},
        {"{ maxLength: 2 }", "\"abc\"", false},
        {"{ pattern: '^a' }", "\"abc\"", true},
        {"{ pattern: '^b' }", "\"abc\"", false},
        {"{ items: { type: integer }, minItems: 1, maxItems: 2, uniqueItems: true }", "[1, 2]",
         true},
        {"{ items: { type: integer } }", "[1, \"a\"]", false},
        {"{ uniqueItems: true }", "[1, 1.0]", false},
        {"{ minItems: 1 }", "[]", false},
        {"{ required: [a], properties: { a: { type: string } } }", "{\"a\": \"x\", \"b\": 1}",
         true},
        {"{ required: [a] }", "{\"b\": 1}", false},
        {"{ properties: { a: { type: string } } }", "{\"a\": 1}", false},
        {"{ properties: { a: {} }, additionalProperties: false }", "{\"a\": 1, \"b\": 2}", false},
        {"{ properties: { a: {} }, additionalProperties: { type: integer } }",
         "{\"a\": 1, \"b\": 2}", true},
        {"{ minProperties: 1 }", "{}", false},
        {"{ anyOf: [ { type: string }, { minimum: 5 } ] }", "6", true},
        {"{ anyOf: [ { type: string }, { minimum: 5 } ] }", "4", false},
        {"{ oneOf: [ { minimum: 1 }, { minimum: 5 } ] }", "6", false},
        {"{ allOf: [ { minimum: 1 }, { maximum: 5 } ] }", "3", true},
        {"{ not: { type: string } }", "\"a\"", false},
        {"{ title: t, description: d, format: email, $schema: x }", "\"a\"", true},
    };
    bench *b = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf select = ASSAY_BUF_EMPTY;
        assay_buf_append_text(&select, "SELECT ");
        assay_sql_append_text(&select, cases[i].text);
        assay_buf_append_text(&select, " AS s UNION ALL SELECT NULL");
        bench_table(b, assay_buf_text(&select));
        bench_expect(
            b,
            assay_arena_format(
                b->arena,
                "{ type: expect_column_values_to_match_json_schema, column: s, json_schema: %s }",
                cases[i].schema),
            cases[i].fits ? PASS : FAIL);
        assert_int_equal(b->report->results[0].sample_count, cases[i].fits ? 0 : 1);
    }
}

static void a_schema_that_is_not_understood_is_an_error(void **state)
{
    static const char *const schemas[] = {
        "{ $ref: '#/x' }",       "{ patternProperties: {} }",
        "{ type: 5 }",           "5",
        "{ required: a }",       "{ properties: { a: { patern: x } } }",
        "{ pattern: 'a(?=b)' }", "{ minLength: -1 }"};
    bench *b = *state;

    bench_table(b, "SELECT '{}' AS s, 1 AS i");
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
        bench_expect(
            b,
            assay_arena_format(
                b->arena,
                "{ type: expect_column_values_to_match_json_schema, column: s, json_schema: %s }",
                schemas[i]),
            ERROR);
    bench_expect(b,
                 "{ type: expect_column_values_to_match_json_schema, column: i, json_schema: {} }",
                 ERROR);
    bench_expect(b, "{ type: expect_column_values_to_match_json_schema, column: s }", ERROR);
    bench_expect(b, "{ type: expect_column_values_to_be_dateutil_parseable, column: i }", ERROR);
}

/* ---- conditions ---- */

static void conditions_of_every_grammar_choose_their_rows(void **state)
{
    static const struct {
        const char *parser, *condition;
        int rows;
    } cases[] = {
        {"great_expectations", "col(\"i\") >= 3", 2},
        {"great_expectations", "col(\"i\") != 3", 3},
        {"great_expectations__experimental__", "col(\"s\") == \"b\"", 1},
        {"great_expectations", "col(\"s\").notNull()", 3},
        {"great_expectations", "col(\"d\") < date(\"2024-01-02\")", 1},
        {"great_expectations", "col(\"a \\\"b\\\"\") == 1", 4},
        {"sql", "i BETWEEN 2 AND 3", 2},
        {"sql", "i > 2 -- said", 2},
        {"sql", "s = 'b' OR s IS NULL", 2},
        {"spark", "i = 1 OR i = 2", 2},
        {"pandas", "i == 1", 1},
        {"pandas", "i == 1 | s == \"b\"", 2},
        {"pandas", "(i > 1) & (s == 'b')", 1},
        {"pandas", "s.notnull() & i < 4", 3},
        {"pandas", "s.isnull() or ~(i < 4)", 1},
        {"pandas", "i > -1 and not (i == 2)", 3},
        {"pandas", "`a \"b\"` == 1", 4},
    };
    bench *b = *state;

    bench_table(b, "SELECT *, 1 AS \"a \"\"b\"\"\" FROM (VALUES (1, 'a', DATE '2024-01-01'), (2, "
                   "'b', DATE '2024-01-02'),\n"
                   "(3, 'c', DATE '2024-01-03'), (4, NULL, DATE '2024-01-04')) v(i, s, d)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf yaml = ASSAY_BUF_EMPTY;
        assay_buf_append_format(&yaml,
                                "{ type: expect_table_row_count_to_equal, value: %d, "
                                "condition_parser: %s, row_condition: ",
                                cases[i].rows, cases[i].parser);
        assay_sql_append_text(&yaml, cases[i].condition);
        assay_buf_append_text(&yaml, " }");
        bench_expect(b, assay_buf_text(&yaml), PASS);
    }
}

/* ---- results ---- */

static void the_suite_result_has_the_shape_of_great_expectations(void **state)
{
    bench *b = *state;
    const assay_quality_context context = {.run_id = "run-1", .snapshot = "7"};
    assay_value *json = NULL;
    const assay_value *check = NULL;
    const assay_value *result = NULL;

    bench_table(b, "SELECT * FROM (VALUES (1), (1), (3), (NULL), (5)) v(i)");
    bench_run(b, "silver: { t: { checks: [\n"
                 "  { type: expect_column_values_to_be_in_set, column: i, value_set: [3], "
                 "result_format: SUMMARY, action: warn },\n"
                 "  { type: expect_column_to_exist, column: i, result_format: BOOLEAN_ONLY },\n"
                 "  { type: expect_column_values_to_be_unique, column: gone } ] } }");
    assert_int_equal(assay_quality_report_json(b->report, &context, b->arena, &json, &b->err),
                     ASSAY_OK);
    assert_false(assay_value_find_bool(json, "success", true));
    assert_string_equal(assay_value_find_text(json, "suite_name", ""), "t");
    assert_string_equal(assay_value_find_text(json, "layer", ""), "silver");
    assert_string_equal(assay_value_find_text(json, "execution_date", ""), "2026-01-01");
    assert_int_equal(assay_value_find_int(json, "critical_failures", -1), 1);
    assert_int_equal(assay_value_find_int(json, "warning_failures", -1), 1);
    result = assay_value_find(json, "statistics");
    assert_int_equal(assay_value_find_int(result, "evaluated_expectations", -1), 3);
    assert_int_equal(assay_value_find_int(result, "successful_expectations", -1), 1);

    check = assay_value_find(json, "results")->items[0];
    result = assay_value_find(check, "result");
    assert_int_equal(assay_value_find_int(result, "element_count", -1), 5);
    assert_int_equal(assay_value_find_int(result, "missing_count", -1), 1);
    assert_int_equal(assay_value_find_int(result, "unexpected_count", -1), 3);
    assert_true(assay_value_find(result, "unexpected_percent")->real > 74.9);
    assert_true(assay_value_find(result, "unexpected_percent_total")->real < 60.1);
    result = assay_value_find(result, "partial_unexpected_counts");
    assert_int_equal(result->count, 2);
    assert_int_equal(assay_value_find_int(result->items[0], "count", -1), 2);
    assert_string_equal(assay_value_find_text(check, "action", ""), "warn");

    check = assay_value_find(json, "results")->items[1];
    assert_int_equal(assay_value_find(check, "result")->count, 0);
    check = assay_value_find(json, "results")->items[2];
    assert_string_equal(assay_value_find_text(check, "status", ""), "error");
    assert_true(assay_value_find_bool(assay_value_find(check, "exception_info"), "raised_exception",
                                      false));
    assert_string_equal(assay_value_find_text(assay_value_find(check, "exception_info"), "code",
                                              ""),
                        "E5020");
}

static void index_columns_say_which_rows(void **state)
{
    static const char *const asked[] = {"nope", "n"};
    static const char *const checks[] = {
        "{ type: expect_column_values_to_be_in_set, column: i, value_set: [1], result_format: "
        "COMPLETE }",
        "{ type: expect_column_values_to_be_in_set, column: i, value_set: [1], "
        "unexpected_index_column_names: [n] }",
        "{ type: expect_column_values_to_be_in_set, column: i, value_set: [1],\n"
        "  result_format: { result_format: COMPLETE, unexpected_index_column_names: [n] } }"};
    bench *b = *state;

    bench_table(b, "SELECT range % 2 AS i, range AS n FROM range(5)");
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        assay_value *json = NULL;
        b->request.index_columns = asked;
        b->request.index_count = i == 0 ? 2 : 0;
        (void)bench_check(b, checks[i]);
        assert_int_equal(assay_quality_result_json(&b->report->results[0], b->arena, &json,
                                                   &b->err),
                         ASSAY_OK);
        const assay_value *list = assay_value_find(json, "unexpected_index_list");
        assert_int_equal(list->count, 3);
        assert_int_equal(assay_value_find_int(list->items[2], "n", -1), 4);
        assert_int_equal(assay_value_find_int(list->items[2], "i", -1), 0);
    }
    bench_expect(b, "{ type: expect_column_to_exist, column: i, result_format: { format: BASIC } }",
                 ERROR);
    bench_expect(
        b, "{ type: expect_column_to_exist, column: i, unexpected_index_column_names: [gone] }",
        ERROR);
}

static void counts_of_unexpected_values_cover_more_than_the_samples(void **state)
{
    bench *b = *state;
    assay_value *json = NULL;
    const assay_value *counts = NULL;

    bench_table(
        b,
        "SELECT CASE WHEN range < 30 THEN 'rare' || range ELSE 'often' END AS s FROM range(1000)");
    b->request.result_format = ASSAY_RESULT_FORMAT_SUMMARY;
    (void)bench_check(b, "{ type: expect_column_values_to_be_in_set, column: s, value_set: [x] }");
    assert_int_equal(assay_quality_result_json(&b->report->results[0], b->arena, &json, &b->err),
                     ASSAY_OK);
    counts = assay_value_find(json, "partial_unexpected_counts");
    assert_int_equal(counts->count, 20);
    assert_string_equal(assay_value_find_text(counts->items[0], "value", ""), "often");
    assert_int_equal(assay_value_find_int(counts->items[0], "count", 0), 970);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(usual_forms_of_dates_are_dates),
        TEST(other_texts_are_no_dates),
        TEST(json_schemas_judge_texts),
        TEST(a_schema_that_is_not_understood_is_an_error),
        TEST(conditions_of_every_grammar_choose_their_rows),
        TEST(index_columns_say_which_rows),
        TEST(counts_of_unexpected_values_cover_more_than_the_samples),
        TEST(the_suite_result_has_the_shape_of_great_expectations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
