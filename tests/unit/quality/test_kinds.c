/* Rules that the public cases do not reach: NaN, decimals, quoting, teeth, evidence, our own kinds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "quality/quality.h"
#include "unit/quality/bench.h"

#define PASS ASSAY_CHECK_STATUS_PASS
#define FAIL ASSAY_CHECK_STATUS_FAIL
#define ERROR ASSAY_CHECK_STATUS_ERROR

/* ---- NaN ---- */

static void nan_is_missing_in_floating_columns_unless_said(void **state)
{
    bench *b = *state;
    const assay_quality_result *result = NULL;

    bench_table(
        b, "SELECT * FROM (VALUES (1.0::DOUBLE, 1.0::FLOAT), ('NaN', 'NaN'), (3.0, 3.0)) v(d, f)");
    result = bench_check(b, "{ type: expect_column_values_to_not_be_null, column: d }");
    assert_int_equal(result->status, FAIL);
    assert_int_equal(result->unexpected_count, 1);
    assert_int_equal(result->samples[0].row, 1);
    bench_expect(b, "{ type: expect_column_values_to_not_be_null, column: d, nan_is_null: false }",
                 PASS);
    result =
        bench_check(b, "{ type: expect_column_values_to_be_between, column: d, max_value: 5 }");
    assert_int_equal(result->status, PASS);
    assert_int_equal(result->judged_count, 2);
    bench_expect(
        b,
        "{ type: expect_column_values_to_be_between, column: d, max_value: 5, nan_is_null: false }",
        FAIL);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: f, max_value: 5 }", PASS);
    bench_expect(b, "{ type: expect_column_max_to_be_between, column: d, max_value: 3 }", PASS);
    bench_expect(
        b, "{ type: expect_column_mean_to_be_between, column: d, min_value: 2, max_value: 2 }",
        PASS);
    bench_expect(b,
                 "{ type: expect_column_sum_to_be_between, column: f, min_value: 4, max_value: 4 }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_unique_value_count_to_be_between, column: d, min_value: 2, "
                 "max_value: 2 }",
                 PASS);
}

static void two_nans_are_no_duplicates(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES ('NaN'::DOUBLE), ('NaN'), (1)) v(d)");
    bench_expect(b, "{ type: expect_column_values_to_be_unique, column: d }", PASS);
    bench_expect(b, "{ type: pk_unique, columns: [d] }", FAIL);
}

static void infinities_are_values(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES ('Infinity'::DOUBLE), ('-Infinity'), (1)) v(d)");
    bench_expect(b, "{ type: expect_column_values_to_not_be_null, column: d }", PASS);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: d, max_value: .inf }",
                 PASS);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: d, max_value: 1.0e+300 }",
                 FAIL);
}

/* ---- decimals and large integers ---- */

static void decimals_are_compared_exactly(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (0.1::DECIMAL(18,2), 0.2::DECIMAL(18,2), "
                   "12345678901234567890.12::DECIMAL(38,2)), "
                   "(0.3, 0.0, 12345678901234567890.13)) v(a, b, big)");
    bench_expect(
        b,
        "{ type: expect_column_values_to_be_between, column: a, min_value: 0.1, max_value: 0.3 }",
        PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_between, column: a, min_value: 0.1, "
                 "max_value: 0.3, strict_max: true }",
                 FAIL);
    bench_expect(
        b, "{ type: expect_column_values_to_be_in_set, column: a, value_set: [0.10, 3.0e-1] }",
        PASS);
    bench_expect(
        b, "{ type: expect_column_values_to_be_in_set, column: a, value_set: [0.1, 0.3000001] }",
        FAIL);
    bench_expect(b,
                 "{ type: expect_multicolumn_sum_to_equal, column_list: [a, b], sum_total: 0.3 }",
                 PASS);
    bench_expect(
        b, "{ type: expect_column_sum_to_be_between, column: a, min_value: 0.4, max_value: 0.4 }",
        PASS);
    /* 20 digits before the point: as doubles these would be equal */
    bench_expect(b,
                 "{ type: expect_column_max_to_be_between, column: big, max_value: "
                 "12345678901234567890.13 }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_max_to_be_between, column: big, max_value: "
                 "12345678901234567890.12 }",
                 FAIL);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_between, column: big, max_value: "
                 "12345678901234567890.12 }",
                 FAIL);
    bench_expect(
        b,
        "{ type: expect_column_median_to_be_between, column: a, min_value: 0.2, max_value: 0.2 }",
        PASS);
}

static void the_median_of_decimals_is_not_rounded_to_their_scale(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (1.01::DECIMAL(10,2)), (1.02)) v(a)");
    bench_expect(b,
                 "{ type: expect_column_median_to_be_between, column: a, min_value: 1.0149, "
                 "max_value: 1.0151 }",
                 PASS);
}

static void integers_beyond_2_to_the_53_are_exact(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (9007199254740993, "
                   "170141183460469231731687303715884105727::HUGEINT)) v(i, h)");
    bench_expect(
        b, "{ type: expect_column_values_to_be_in_set, column: i, value_set: [9007199254740992] }",
        FAIL);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: i, value_set: "
                 "[9007199254740993, 0.5, 1.0e+300] }",
                 PASS);
    bench_expect(
        b, "{ type: expect_column_max_to_be_between, column: i, max_value: 9007199254740992 }",
        FAIL);
    bench_expect(b,
                 "{ type: expect_column_sum_to_be_between, column: i, min_value: 9007199254740993, "
                 "max_value: 9007199254740993 }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: h, value_set: "
                 "[170141183460469231731687303715884105727] }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: h, value_set: "
                 "[170141183460469231731687303715884105726] }",
                 FAIL);
}

static void a_float_column_is_compared_with_floats(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 0.1::FLOAT AS f");
    bench_expect(b, "{ type: expect_column_values_to_be_in_set, column: f, value_set: [0.1] }",
                 PASS);
    bench_expect(
        b,
        "{ type: expect_column_values_to_be_between, column: f, min_value: 0.1, max_value: 0.1 }",
        PASS);
}

/* ---- types never cast ---- */

static void values_of_another_kind_are_errors_not_casts(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 1 AS i, '10' AS s, DATE '2024-01-01' AS d, TRUE AS b, [1] AS l");
    bench_expect(
        b, "{ type: expect_column_values_to_be_between, column: s, min_value: 1, max_value: 20 }",
        ERROR);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: i, min_value: '1' }",
                 ERROR);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: d, min_value: 1 }", ERROR);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: d, min_value: soon }",
                 ERROR);
    bench_expect(b, "{ type: expect_column_values_to_be_between, column: l, min_value: 1 }", ERROR);
    bench_expect(b, "{ type: expect_column_values_to_match_regex, column: i, regex: '1' }", ERROR);
    bench_expect(b, "{ type: expect_column_mean_to_be_between, column: s, min_value: 1 }", ERROR);
    bench_expect(b, "{ type: expect_column_pair_values_to_be_equal, column_A: i, column_B: s }",
                 ERROR);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_between, column: d, min_value: '2024-01-01', "
                 "max_value: '2024-01-01 12:00:00' }",
                 PASS);
    bench_expect(
        b,
        "{ type: expect_column_values_to_be_between, column: d, min_value: '2024-01-01 00:00:01' }",
        FAIL);
}

static void arguments_that_cannot_be_are_errors(void **state)
{
    static const char *const checks[] = {
        "{type: expect_column_values_to_be_between, column: i}",
        "{type: expect_column_values_to_be_between, column: i, min_value: 2, max_value: 1}",
        "{type: expect_column_values_to_be_between, column: i, min_value: 1, mostly: 1.5}",
        "{type: expect_column_values_to_be_between, column: i, min_value: 1, mostly: much}",
        "{type: expect_column_values_to_match_regex, column: s, regex: 'a(?=b)'}",
        "{type: expect_column_values_to_match_regex, column: s, regex: '(a)\\1'}",
        "{type: expect_column_values_to_match_regex, column: s}",
        "{type: expect_column_values_to_match_regex_list, column: s, regex_list: [a], match_on: x}",
        "{type: expect_column_values_to_match_strftime_format, column: s, strftime_format: '%D'}",
        "{type: expect_column_value_lengths_to_equal, column: s, value: 1.5}",
        "{type: expect_column_pair_values_to_be_equal, column_A: i, column_B: i, ignore_row_if: x}",
        "{type: expect_compound_columns_to_be_unique, column_list: [i, s], ignore_row_if: neither}",
        "{type: expect_column_values_to_be_of_type, column: i, type_: INTGER}",
        "{type: expect_table_row_count_to_equal, value: many}",
        "{ type: fk_exists, column: i, reference_table: silver.gone }",
        "{ type: fk_exists, column: i, reference_table: silver.t, reference_column: s }",
        "{ type: expression, expression: 'i > 0; drop table silver.t' }",
        "{ type: expression, expression: '1 = 1) OR (1 = 1' }",
        "{ type: unexpected_rows_expectation, unexpected_rows_query: 'select 1; select 2' }",
        "{ type: unexpected_rows_expectation, unexpected_rows_query: 'drop table silver.t' }",
        "{ type: freshness, column: i, max_age: 1 day }",
        "{type: expect_column_values_to_not_be_null, column: i, result_format: LOUD}",
        "{type: expect_column_values_to_be_in_set, column: i, value_set: 1}",
    };
    bench *b = *state;

    bench_table(b, "SELECT 1 AS i, 'a' AS s");
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        bench_expect(b, checks[i], ERROR);
    bench_execute(b, "SELECT * FROM silver.t"); /* it is still there */
}

static void types_answer_to_their_names(void **state)
{
    static const struct {
        const char *column, *type;
        assay_check_status status;
    } cases[] = {{"i", "INTEGER", PASS},
                 {"i", "int", PASS},
                 {"i", "BIGINT", FAIL},
                 {"i", "bigint", FAIL},
                 {"i", "numeric", PASS},
                 {"d", "FLOAT", PASS},
                 {"d", "double", PASS},
                 {"d", "DOUBLE_PRECISION", PASS},
                 {"f", "DOUBLE", FAIL},
                 {"f", "REAL", PASS},
                 {"m", "DECIMAL", PASS},
                 {"m", "'DECIMAL(9,2)'", PASS},
                 {"m", "'DECIMAL(9,3)'", FAIL},
                 {"m", "NUMBER", PASS},
                 {"b", "TINYINT", PASS},
                 {"t8", "TINYINT", PASS},
                 {"t8", "BOOLEAN", FAIL},
                 {"ts", "TIMESTAMP", PASS},
                 {"ts", "TimestampType", PASS},
                 {"tz", "TimestampType", PASS},
                 {"tz", "TIMESTAMP", FAIL},
                 {"tz", "TIMESTAMPTZ", PASS},
                 {"tz", "'TIMESTAMP WITH TIME ZONE'", PASS},
                 {"l", "'INTEGER[]'", PASS},
                 {"l", "'VARCHAR[]'", FAIL},
                 {"i", "INTGER", ERROR},
                 {"i", "object", ERROR}};
    bench *b = *state;

    bench_table(
        b, "SELECT 1 AS i, 1.0::DOUBLE AS d, 1.0::FLOAT AS f, 1.0::DECIMAL(9, 2) AS m, TRUE AS b, "
           "1::TINYINT AS t8,\n"
           "TIMESTAMP '2024-01-01' AS ts, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS tz, [1] AS l");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bench_expect(b,
                     assay_arena_format(
                         b->arena,
                         "{ type: expect_column_values_to_be_of_type, column: %s, type_: %s }",
                         cases[i].column, cases[i].type),
                     cases[i].status);
}

/* ---- names and quoting ---- */

static void columns_with_any_name_can_be_checked(void **state)
{
    static const char *const names[] = {"n",      "count",       "select", "we\"ird",
                                        "a b",    "__dq_u",      "rowid_", "__dq_k0",
                                        "__dq_n", "__dq_before", "it''s"};
    bench *b = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf select = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf yaml = ASSAY_BUF_EMPTY;
        assay_buf_append_text(&select, "SELECT * FROM (VALUES (1), (2), (2)) v(");
        assay_sql_append_name(&select, names[i]);
        assay_buf_append_char(&select, ')');
        bench_table(b, assay_buf_text(&select));
        assay_buf_append_text(&yaml, "silver: { t: { checks: [");
        for (const char *const *kind =
                 (const char *const[]){"expect_column_values_to_be_unique",
                                       "expect_column_values_to_be_increasing",
                                       "expect_column_max_to_be_between",
                                       "expect_column_distinct_values_to_be_in_set",
                                       "expect_column_values_to_not_be_null", NULL};
             *kind != NULL; kind++) {
            assay_buf_append_format(&yaml, "{ type: %s, column: ", *kind);
            assay_sql_append_text(&yaml, names[i]); /* YAML's quotes double alike */
            assay_buf_append_text(&yaml,
                                  strstr(*kind, "_set") != NULL ? ", value_set: [1, 2] }," : " },");
        }
        assay_buf_append_text(&yaml, "] } }");
        bench_run(b, assay_buf_text(&yaml));
        assert_int_equal(b->report->results[0].status, FAIL);
        assert_int_equal(b->report->results[0].unexpected_count, 2);
        assert_int_equal(b->report->results[0].sample_count, 2);
        for (size_t k = 1; k < b->report->count; k++)
            if (b->report->results[k].status != PASS)
                fail_msg("%s: %s: %s", names[i], b->report->results[k].check->name,
                         b->report->results[k].reason);
    }
}

static void texts_with_quotes_and_backslashes_are_literals(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT 'it''s \\ \"x\"; --' AS s");
    bench_expect(
        b,
        "{ type: expect_column_values_to_be_in_set, column: s, value_set: ['it''s \\ \"x\"; --'] }",
        PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_match_like_pattern, column: s, like_pattern: "
                 "'it''s \\%' }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_match_regex, column: s, regex: '\\\\ \"x\";' }",
                 PASS);
}

/* ---- teeth ---- */

static const struct tooth {
    const char *check;
    assay_check_status status;
} teeth[] = {
    /* mostly is >=, not > */
    {"{ type: expect_column_values_to_be_in_set, column: i, value_set: [1, 2, 3], mostly: 0.75 "
     "}",
     PASS},
    {"{ type: expect_column_values_to_be_in_set, column: i, value_set: [1, 2, 3], mostly: 0.76 "
     "}",
     FAIL},
    /* NULLs are not judged, and not in the denominator */
    {"{ type: expect_column_values_to_be_in_set, column: n, value_set: [1], mostly: 0.5 }", PASS},
    {"{ type: expect_column_values_to_be_in_set, column: n, value_set: [1], mostly: 0.51 }", FAIL},
    /* but for null and not null every row counts */
    {"{ type: expect_column_values_to_not_be_null, column: n, mostly: 0.5 }", PASS},
    {"{ type: expect_column_values_to_not_be_null, column: n, mostly: 0.51 }", FAIL},
    {"{ type: expect_column_values_to_be_null, column: n, mostly: 0.5 }", PASS},
    /* a search, case-sensitive */
    {"{ type: expect_column_values_to_match_regex, column: s, regex: b }", PASS},
    {"{ type: expect_column_values_to_match_regex, column: s, regex: B }", FAIL},
    {"{ type: expect_column_values_to_match_like_pattern, column: s, like_pattern: '%b%' }", PASS},
    {"{ type: expect_column_values_to_match_like_pattern, column: s, like_pattern: '%B%' }", FAIL},
    {"{ type: expect_column_values_to_match_like_pattern, column: s, like_pattern: 'b' }", FAIL},
    /* strict bounds */
    {"{ type: expect_column_values_to_be_between, column: i, min_value: 1, max_value: 4 }", PASS},
    {"{ type: expect_column_values_to_be_between, column: i, min_value: 1, max_value: 4, "
     "strict_min: true }",
     FAIL},
    {"{ type: expect_column_values_to_be_between, column: i, min_value: 1, max_value: 4, "
     "strict_max: true }",
     FAIL},
    {"{ type: expect_column_min_to_be_between, column: i, min_value: 1, strict_min: true }", FAIL},
    {"{ type: expect_column_max_to_be_between, column: i, max_value: 4, strict_max: true }", FAIL},
    /* sample deviation: 1, 2, 3, 4 -> 1.29099 */
    {"{ type: expect_column_stdev_to_be_between, column: i, min_value: 1.29, max_value: 1.292 "
     "}",
     PASS},
    {"{ type: expect_column_median_to_be_between, column: i, min_value: 2.5, max_value: 2.5 }",
     PASS},
    /* all copies of a repeated value: 2 of 4 are unexpected */
    {"{ type: expect_column_values_to_be_unique, column: d, mostly: 0.5 }", PASS},
    {"{ type: expect_column_values_to_be_unique, column: d, mostly: 0.51 }", FAIL},
    {"{ type: expect_column_values_to_be_unique, column: n }", PASS},
    /* a low outlier passes one-sided only */
    {"{ type: expect_column_value_z_scores_to_be_less_than, column: z, threshold: 1.2, "
     "double_sided: false }",
     PASS},
    {"{ type: expect_column_value_z_scores_to_be_less_than, column: z, threshold: 1.2 }", FAIL},
    {"{ type: expect_column_value_z_scores_to_be_less_than, column: c, threshold: 1.2 }", ERROR},
    {"{ type: expect_column_values_to_not_be_outliers, column: i, method: std, multiplier: 1 }",
     FAIL},
    {"{ type: expect_column_values_to_not_be_outliers, column: i }", PASS},
    /* order */
    {"{ type: expect_column_values_to_be_increasing, column: i, strictly: true }", PASS},
    {"{ type: expect_column_values_to_be_decreasing, column: i }", FAIL},
    {"{ type: expect_column_values_to_be_increasing, column: c }", PASS},
    {"{ type: expect_column_values_to_be_increasing, column: c, strictly: true }", FAIL},
    {"{ type: expect_column_values_to_be_increasing, column: n, strictly: true }", PASS},
    /* lengths are code points */
    {"{ type: expect_column_value_lengths_to_equal, column: u, value: 3 }", PASS},
    /* the condition chooses the rows */
    {"{ type: expect_column_values_to_be_between, column: i, max_value: 2, row_condition: 'i < "
     "3' }",
     PASS},
    {"{ type: expect_column_values_to_be_between, column: i, max_value: 2, row_condition: 'i < "
     "4' }",
     FAIL},
    {"{ type: expect_table_row_count_to_equal, value: 2, row_condition: 'i < 3' }", PASS},
    {"{ type: expect_column_max_to_be_between, column: i, max_value: 2, row_condition: 'i < 3' "
     "}",
     PASS},
    {"{ type: expect_column_values_to_be_unique, column: d, row_condition: 'i > 1' }", PASS},
    /* a condition that chooses nothing: vacuous, unless rows are required */
    {"{ type: expect_column_values_to_be_between, column: i, max_value: 2, row_condition: 'i > "
     "9' }",
     PASS},
    {"{ type: expect_column_values_to_be_between, column: i, max_value: 2, row_condition: 'i > "
     "9', require_rows: true }",
     FAIL},
    {"{ type: expect_column_max_to_be_between, column: i, row_condition: 'i > 9' }", FAIL},
    /* sets */
    {"{ type: expect_column_values_to_not_be_in_set, column: i, value_set: [9, null] }", PASS},
    {"{ type: expect_column_values_to_be_in_set, column: i, value_set: [] }", FAIL},
    {"{ type: expect_column_values_to_not_be_in_set, column: i, value_set: [] }", PASS},
    {"{ type: expect_column_values_to_be_in_set, column: i, value_set: ['1', '2', '3', '4'] }",
     PASS},
    {"{ type: expect_column_distinct_values_to_equal_set, column: d, value_set: [1, 2, 3] }", PASS},
    {"{ type: expect_column_distinct_values_to_contain_set, column: d, value_set: [1, x] }", FAIL},
    {"{ type: expect_column_most_common_value_to_be_in_set, column: d, value_set: [1] }", PASS},
    /* pairs */
    {"{ type: expect_column_pair_values_a_to_be_greater_than_b, column_A: i, column_B: d, "
     "or_equal: true }",
     PASS},
    {"{ type: expect_column_pair_values_a_to_be_greater_than_b, column_A: i, column_B: d }", FAIL},
    {"{ type: expect_column_pair_values_to_be_equal, column_A: i, column_B: n }", FAIL},
    {"{ type: expect_column_pair_values_to_be_equal, column_A: n, column_B: n, ignore_row_if: "
     "neither }",
     FAIL},
    {"{ type: expect_column_pair_values_to_be_equal, column_A: n, column_B: n }", PASS},
    {"{ type: expect_column_pair_values_to_be_in_set, column_A: i, column_B: d, "
     "value_pairs_set: [[1, 1], [2, 1], [3, 2], [4, 3]] }",
     PASS},
    {"{ type: expect_select_column_values_to_be_unique_within_record, column_list: [i, d] }", FAIL},
    /* ours */
    {"{ type: pk_unique, columns: [i, d] }", PASS},
    {"{ type: pk_unique, column: d }", FAIL},
    {"{ type: pk_unique, columns: [i, n] }", FAIL},
    {"{ type: columns_exist, columns: [i, s] }", PASS},
    {"{ type: columns_exist, columns: [i, nope] }", FAIL},
    {"{ type: min_row_count, value: 4 }", PASS},
    {"{ type: min_row_count, value: 5 }", FAIL},
    {"{ type: file_present }", PASS},
    {"{ type: file_present, scope: batch, row_condition: \'i > 9\' }", FAIL},
    {"{ type: volume, min_value: 1, max_value: 3 }", FAIL},
    {"{ type: expression, expression: 'i >= d' }", PASS},
    {"{ type: expression, expression: 'i > n' }", FAIL},
    {"{ type: expression, expression: 'i >= d -- said' }", PASS},
    {"{ type: fk_exists, column: d, reference_table: silver.parent, reference_column: k }", FAIL},
    {"{ type: fk_exists, column: d, reference_table: silver.parent, reference_column: k, "
     "mostly: 0.75 }",
     PASS},
    {"{ type: fk_exists, column: n, reference_table: silver.parent, reference_column: k }", PASS},
    {"{ type: fk_exists, columns: [d, n], reference_table: silver.parent, reference_columns: "
     "[k, k] }",
     PASS},
    {"{ type: fk_exists, columns: [d, i], reference_table: silver.parent, reference_columns: "
     "[k, k] }",
     FAIL},
    {"{ type: fk_exists, column: d, reference_table: silver.t, reference_column: i }", PASS},
    {"{ type: freshness, column: t, max_age: 2 days }", PASS},
    {"{ type: freshness, column: t, max_age: 23 hours }", FAIL},
    {"{ type: freshness, column: tz, max_age_hours: 24 }", PASS},
    {"{ type: not_future_date, column: t }", PASS},
    {"{ type: not_future_date, column: f }", FAIL},
    {"{ type: unexpected_rows_expectation, unexpected_rows_query: 'select * from {batch} where "
     "i > 4;' }",
     PASS},
    {"{ type: unexpected_rows_expectation, unexpected_rows_query: 'select b.i from {batch} b "
     "where b.i > 3' }",
     FAIL},
    {"{ type: expect_column_values_to_be_between, column: i, min_value: { $PARAMETER: '2 * (1 "
     "- 1) + 1' } }",
     PASS},
    {"{ type: expect_column_values_to_be_between, column: t, max_value: { $PARAMETER: 'now() - "
     "timedelta(hours=24)' } }",
     PASS},
    {"{ type: expect_column_values_to_be_between, column: t, max_value: { $PARAMETER: 'now() "
     "-' } }",
     ERROR},
};

static void every_rule_has_teeth(void **state)
{
    bench *b = *state;

    bench_table(
        b,
        "SELECT *, TIMESTAMP '2025-12-31 00:00:00' AS t, TIMESTAMPTZ '2025-12-31 00:00:00+00' AS "
        "tz, "
        "TIMESTAMP '2026-01-01 00:00:01' AS f FROM (VALUES\n"
        "(1, 1, 1, 'abc', -9.0, 5, 'a\u00f1\u00f6'), (2, NULL, 1, 'xbz', 1.0, 5, 'abc'),\n"
        "(3, 2, 2, 'b', 1.1, 5, 'abc'), (4, NULL, 3, 'bb', 1.2, 5, 'abc')) v(i, n, d, s, z, c, u)");
    bench_execute(
        b, "CREATE OR REPLACE TABLE silver.parent AS SELECT * FROM (VALUES (1), (2), (NULL)) v(k)");
    for (size_t i = 0; i < sizeof(teeth) / sizeof(teeth[0]); i++)
        bench_expect(b, teeth[i].check, teeth[i].status);
}

static void sets_of_any_size_mean_the_same(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT range % 10 AS i, 'v' || range % 10 AS s, (range % 10)::DECIMAL(9,2) AS "
                   "m FROM range(100)");
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: i, value_set: [0, 1, 2, 3, 4, "
                 "5, 6, 7, 8, 9, null] }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: s, value_set: [v0, v1, v2, "
                 "v3, v4, v5, v6, v7, v8] }",
                 FAIL);
    assert_int_equal(b->report->results[0].unexpected_count, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(b->report->results[0].samples[i].row, (int64_t)i * 10 + 9);
    bench_expect(b,
                 "{ type: expect_column_values_to_not_be_in_set, column: i, value_set: [10, 11, "
                 "12, 13, 14, 15, 1.5] }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: m, value_set: [0, 1.0, 2.00, "
                 "3, 4, 5, 6, 7, 8, 9.000] }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_values_to_be_in_set, column: m, value_set: [0, 1.0, 2.00, "
                 "3, 4, 5, 6, 7, 8, 9.001] }",
                 FAIL);
    bench_expect(b,
                 "{ type: expect_column_distinct_values_to_equal_set, column: i, value_set: [0, 1, "
                 "2, 3, 4, 5, 6, 7, 8, 9] }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_distinct_values_to_contain_set, column: i, value_set: [0, "
                 "1, 2, 3, 4, 5, 6, 7, 8, 10] }",
                 FAIL);
    bench_expect(b,
                 "{ type: expect_column_most_common_value_to_be_in_set, column: s, value_set: [a, "
                 "b, c, d, e, v3], ties_okay: true }",
                 PASS);
    bench_expect(b,
                 "{ type: expect_column_most_common_value_to_be_in_set, column: s, value_set: [a, "
                 "b, c, d, e, f], ties_okay: true }",
                 FAIL);
}

/* ---- evidence ---- */

static void samples_come_in_row_order_and_say_where_they_lie(void **state)
{
    bench *b = *state;
    const assay_quality_result *result = NULL;
    assay_value *json = NULL;

    bench_table(b, "SELECT range AS i, CASE WHEN range % 10 = 3 THEN NULL ELSE range END AS v FROM "
                   "range(1000)");
    b->request.result_format = ASSAY_RESULT_FORMAT_BASIC;
    result = bench_check(b, "{ type: expect_column_values_to_not_be_null, column: v }");
    assert_int_equal(result->unexpected_count, 100);
    assert_int_equal(result->sample_count, 20);
    assert_true(result->truncated);
    for (size_t i = 0; i < result->sample_count; i++) {
        assert_int_equal(result->samples[i].row, (int64_t)i * 10 + 3);
        assert_string_equal(result->samples[i].file, "part.parquet");
    }
    assert_int_equal(assay_quality_result_json(result, b->arena, &json, &b->err), ASSAY_OK);
    assert_true(assay_value_find_bool(json, "truncated", false));
    assert_null(assay_value_find(json, "unexpected_list"));
    assert_null(assay_value_find(json, "missing_count"));
    assert_non_null(strstr(result->sql, "\"silver\".\"t\""));
    assert_null(strstr(result->sql, "__dq_rows"));
}

static void pii_is_never_shown(void **state)
{
    static const char *const pii[] = {"email"};
    static const char *const index[] = {"id"};
    static const char *const checks[] = {
        "{ type: expect_column_values_to_match_regex, column: email, regex: '@' }",
        "{ type: expect_column_values_to_be_unique, column: email }",
        "{ type: expect_column_max_to_be_between, column: email, max_value: a }",
        "{ type: expect_column_min_to_be_between, column: email }",
        "{ type: expect_column_distinct_values_to_be_in_set, column: email, value_set: [a] }",
        "{ type: expect_column_most_common_value_to_be_in_set, column: email, value_set: [a] }",
        "{ type: expect_compound_columns_to_be_unique, column_list: [email, one] }",
        "{ type: expect_column_pair_values_to_be_equal, column_A: email, column_B: name }",
        "{ type: expression, expression: 'id > 5' }",
        "{type: unexpected_rows_expectation, unexpected_rows_query: 'select email e from {batch}'}",
        "{ type: unexpected_rows_expectation, unexpected_rows_query: 'select * from {batch}' }",
        "{type: unexpected_rows_expectation, unexpected_rows_query: 'select EMAIL e from {batch}'}",
        "{ type: unexpected_rows_expectation, unexpected_rows_query: 'select t e from {batch} t' }",
        ("{ type: unexpected_rows_expectation, "
         "unexpected_rows_query: 'select b from {batch} t(a, b)' }"),
        ("{ type: unexpected_rows_expectation, "
         "unexpected_rows_query: 'select email::int from {batch}' }"),
        "{ type: expression, expression: 'email::int > 5' }",
        "{ type: expression, expression: 'error(email) > 5' }",
    };
    bench *b = *state;

    bench_table(b, "SELECT * FROM (VALUES (1, 'secret', 'x', 1), (2, 'secret', 'y', 1)) v(id, "
                   "email, name, one)");
    b->request.pii_columns = pii;
    b->request.pii_count = 1;
    b->request.index_columns = index;
    b->request.index_count = 1;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        const assay_quality_context context = {.run_id = "r"};
        assay_value *json = NULL;
        (void)bench_check(b, checks[i]);
        assert_int_equal(assay_quality_report_json(b->report, &context, b->arena, &json, &b->err),
                         ASSAY_OK);
        assay_quality_value_text(&text, json, 100000);
        if (strstr(assay_buf_text(&text), "secret") != NULL)
            fail_msg("%s shows the value: %s", checks[i], assay_buf_text(&text));
    }
}

static void scope_batch_judges_what_the_commit_adds(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT range AS i FROM range(10)");
    b->request.batch_relation =
        "SELECT *, 'new.parquet' AS __assay_file, rowid AS __assay_row FROM silver.t WHERE i >= 8";
    bench_expect(b, "{ type: expect_table_row_count_to_equal, value: 10 }", PASS);
    bench_expect(b, "{ type: expect_table_row_count_to_equal, value: 2, scope: batch }", PASS);
    bench_expect(
        b, "{ type: expect_column_values_to_be_between, column: i, min_value: 8, scope: batch }",
        PASS);
    bench_expect(
        b, "{ type: expect_column_values_to_be_between, column: i, min_value: 8, scope: table }",
        FAIL);
    bench_expect(b,
                 "{ type: unexpected_rows_expectation, unexpected_rows_query: 'select * from "
                 "{batch} where i < 8', scope: batch }",
                 PASS);
}

/* ---- few passes ---- */

static void a_suite_is_one_scan_and_one_pass_a_key_set(void **state)
{
    bench *b = *state;

    bench_table(b, "SELECT range AS i, range % 7 AS g, 'x' AS s FROM range(1000)");
    bench_run(
        b,
        "silver: { t: { checks: [\n"
        "  { type: expect_column_values_to_not_be_null, columns: [i, g, s] },\n"
        "  { type: expect_column_values_to_be_between, column: g, min_value: 0, max_value: 6 },\n"
        "  { type: expect_column_values_to_match_regex, column: s, regex: x },\n"
        "  { type: expect_column_mean_to_be_between, column: g, min_value: 0 },\n"
        "  { type: expect_column_sum_to_be_between, column: i, min_value: 0 },\n"
        "  { type: expect_column_values_to_be_unique, column: i },\n"
        "  { type: expect_column_unique_value_count_to_be_between, column: i, min_value: 1000 },\n"
        "  { type: expect_column_proportion_of_unique_values_to_be_between, column: i, min_value: "
        "1 } ] } }");
    assert_int_equal(b->report->passed, b->report->count);
    assert_int_equal(b->report->sql_passes, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nan_is_missing_in_floating_columns_unless_said),
        TEST(two_nans_are_no_duplicates),
        TEST(infinities_are_values),
        TEST(decimals_are_compared_exactly),
        TEST(the_median_of_decimals_is_not_rounded_to_their_scale),
        TEST(integers_beyond_2_to_the_53_are_exact),
        TEST(a_float_column_is_compared_with_floats),
        TEST(values_of_another_kind_are_errors_not_casts),
        TEST(arguments_that_cannot_be_are_errors),
        TEST(types_answer_to_their_names),
        TEST(columns_with_any_name_can_be_checked),
        TEST(texts_with_quotes_and_backslashes_are_literals),
        TEST(every_rule_has_teeth),
        TEST(sets_of_any_size_mean_the_same),
        TEST(samples_come_in_row_order_and_say_where_they_lie),
        TEST(pii_is_never_shown),
        TEST(scope_batch_judges_what_the_commit_adds),
        TEST(a_suite_is_one_scan_and_one_pass_a_key_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
