/* The catalogue: one row a kind of check. A new kind is a new row. */
#include "quality/plan.h"

#include <string.h>

#define BOUNDS "min_value max_value strict_min strict_max"
#define NONE ASSAY_CHECK_CATEGORY_NONE
#define VOLUME ASSAY_CHECK_CATEGORY_VOLUME
#define KEYS ASSAY_CHECK_CATEGORY_NOT_NULL_KEYS
#define REFERENCES ASSAY_CHECK_CATEGORY_REFERENTIAL_INTEGRITY
#define FRESHNESS ASSAY_CHECK_CATEGORY_FRESHNESS

/* name, kwargs, rule of validation_rules, category, only on keys, compile, variant, doc */
static const assay_dq_kind kinds[] = {
    /* columns and types */
    {"columns_exist", "columns", NULL, NONE, false, assay_dq_compile_columns, 2,
     "all of these columns exist"},
    {"expect_column_to_exist", "column column_index", NULL, NONE, false,
     assay_dq_compile_column_exists, 0, "the column exists, at this 0-based position"},
    {"expect_table_column_count_to_be_between", "min_value max_value", NULL, NONE, false,
     assay_dq_compile_column_count, 0, "the number of columns"},
    {"expect_table_column_count_to_equal", "value", NULL, NONE, false,
     assay_dq_compile_column_count, 1, "the number of columns"},
    {"expect_table_columns_to_match_ordered_list", "column_list", NULL, NONE, false,
     assay_dq_compile_columns, 0, "the columns are these, in this order"},
    {"expect_table_columns_to_match_set", "column_set exact_match", NULL, NONE, false,
     assay_dq_compile_columns, 1, "the columns are these"},
    {"expect_column_values_to_be_of_type", "column type_ mostly", NULL, NONE, false,
     assay_dq_compile_type, 0, "the column's type"},
    {"expect_column_values_to_be_in_type_list", "column type_list mostly", NULL, NONE, false,
     assay_dq_compile_type, 1, "the column's type is one of these"},
    /* rows of the table */
    {"expect_table_row_count_to_be_between", "min_value max_value", NULL, VOLUME, false,
     assay_dq_compile_row_count, 0, "the number of rows"},
    {"expect_table_row_count_to_equal", "value", NULL, VOLUME, false, assay_dq_compile_row_count, 1,
     "the number of rows"},
    {"min_row_count", "value", NULL, VOLUME, false, assay_dq_compile_row_count, 2,
     "at least so many rows"},
    {"file_present", "", NULL, NONE, false, assay_dq_compile_row_count, 3,
     "a file was there: the table has rows"},
    {"volume", "min_value max_value", NULL, VOLUME, false, assay_dq_compile_row_count, 0,
     "the number of rows lies between these"},
    {"expect_table_row_count_to_equal_other_table", "other_table_name", NULL, VOLUME, false,
     assay_dq_compile_other_count, 0, "as many rows as another table"},
    /* values of one column */
    {"expect_column_values_to_not_be_null", "column mostly", "not_null", KEYS, true,
     assay_dq_compile_null, 0, "no value is missing"},
    {"expect_column_values_to_be_null", "column mostly", NULL, NONE, false, assay_dq_compile_null,
     1, "every value is missing"},
    {"expect_column_values_to_be_between", "column mostly " BOUNDS, "range", NONE, false,
     assay_dq_compile_between, 0, "values lie within bounds"},
    {"expect_column_value_lengths_to_be_between", "column mostly " BOUNDS, NULL, NONE, false,
     assay_dq_compile_lengths, 0, "lengths of texts, in code points"},
    {"expect_column_value_lengths_to_equal", "column value mostly", NULL, NONE, false,
     assay_dq_compile_lengths, 1, "length of every text, in code points"},
    {"expect_column_values_to_be_in_set", "column value_set mostly", NULL, NONE, false,
     assay_dq_compile_set, 0, "values are members of the set"},
    {"expect_column_values_to_not_be_in_set", "column value_set mostly", NULL, NONE, false,
     assay_dq_compile_set, 1, "values are no members of the set"},
    {"expect_column_values_to_match_regex", "column regex mostly", "regex", NONE, false,
     assay_dq_compile_pattern, 0, "the pattern (RE2) is found in every text"},
    {"expect_column_values_to_not_match_regex", "column regex mostly", "regex", NONE, false,
     assay_dq_compile_pattern, 1, "the pattern (RE2) is found in no text"},
    {"expect_column_values_to_match_regex_list", "column regex_list match_on mostly", "regex", NONE,
     false, assay_dq_compile_pattern, 2, "any or all patterns are found"},
    {"expect_column_values_to_not_match_regex_list", "column regex_list match_on mostly", "regex",
     NONE, false, assay_dq_compile_pattern, 3, "none of the patterns is found"},
    {"expect_column_values_to_match_like_pattern", "column like_pattern mostly", NULL, NONE, false,
     assay_dq_compile_pattern, 4, "texts are LIKE the pattern"},
    {"expect_column_values_to_not_match_like_pattern", "column like_pattern mostly", NULL, NONE,
     false, assay_dq_compile_pattern, 5, "texts are not LIKE the pattern"},
    {"expect_column_values_to_match_like_pattern_list", "column like_pattern_list match_on mostly",
     NULL, NONE, false, assay_dq_compile_pattern, 6, "texts are LIKE any or all patterns"},
    {"expect_column_values_to_not_match_like_pattern_list",
     "column like_pattern_list match_on mostly", NULL, NONE, false, assay_dq_compile_pattern, 7,
     "texts are LIKE none of the patterns"},
    {"expect_column_values_to_match_strftime_format", "column strftime_format mostly", NULL, NONE,
     false, assay_dq_compile_strftime, 0, "texts are moments of this format"},
    {"expect_column_values_to_be_json_parseable", "column mostly", NULL, NONE, false,
     assay_dq_compile_json, 0, "texts are JSON"},
    {"expect_column_values_to_match_json_schema", "column json_schema mostly", NULL, NONE, false,
     assay_dq_compile_native, 0, "texts are JSON that fits a schema"},
    {"expect_column_values_to_be_dateutil_parseable", "column mostly", NULL, NONE, false,
     assay_dq_compile_native, 1, "texts are dates in any usual form"},
    {"expect_column_values_to_be_unique", "column mostly", "unique", NONE, false,
     assay_dq_compile_unique, 0, "no value stands twice"},
    {"expect_column_values_to_be_increasing", "column strictly mostly", NULL, NONE, false,
     assay_dq_compile_order, 0, "values increase in the order of the rows"},
    {"expect_column_values_to_be_decreasing", "column strictly mostly", NULL, NONE, false,
     assay_dq_compile_order, 1, "values decrease in the order of the rows"},
    {"expect_column_value_z_scores_to_be_less_than", "column threshold double_sided mostly", NULL,
     NONE, false, assay_dq_compile_deviation, 0, "no value lies far from the mean"},
    {"expect_column_values_to_not_be_outliers", "column method multiplier mostly", NULL, NONE,
     false, assay_dq_compile_deviation, 1, "no value is an outlier (std or iqr)"},
    {"not_future_date", "column mostly", NULL, NONE, false, assay_dq_compile_not_future, 0,
     "no moment lies after the start of the run"},
    /* pairs and records */
    {"expect_column_pair_values_to_be_equal", "column_A column_B ignore_row_if mostly", NULL, NONE,
     false, assay_dq_compile_pair, 0, "A equals B"},
    {"expect_column_pair_values_a_to_be_greater_than_b",
     "column_A column_B or_equal ignore_row_if mostly", NULL, NONE, false, assay_dq_compile_pair, 1,
     "A is greater than B"},
    {"expect_column_pair_values_to_be_in_set",
     "column_A column_B value_pairs_set ignore_row_if mostly", NULL, NONE, false,
     assay_dq_compile_pair_set, 0, "the pair is a member of the set"},
    {"expect_compound_columns_to_be_unique", "column_list ignore_row_if mostly", "unique", NONE,
     false, assay_dq_compile_unique, 1, "no combination stands twice"},
    {"pk_unique", "columns mostly", "unique", KEYS, false, assay_dq_compile_unique, 2,
     "the key is unique and never missing"},
    {"expect_multicolumn_sum_to_equal", "column_list sum_total ignore_row_if mostly", NULL, NONE,
     false, assay_dq_compile_multicolumn, 0, "the columns sum to this"},
    {"expect_multicolumn_values_to_be_equal", "column_list ignore_row_if mostly", NULL, NONE, false,
     assay_dq_compile_multicolumn, 1, "the columns are equal"},
    {"expect_select_column_values_to_be_unique_within_record", "column_list ignore_row_if mostly",
     NULL, NONE, false, assay_dq_compile_multicolumn, 2, "the columns differ within a row"},
    {"expression", "expression mostly", NULL, NONE, false, assay_dq_compile_expression, 0,
     "a SQL predicate holds for every row"},
    /* one number of a column */
    {"expect_column_min_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 0, "the smallest value"},
    {"expect_column_max_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 1, "the largest value"},
    {"expect_column_mean_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 2, "the mean"},
    {"expect_column_sum_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 3, "the sum"},
    {"expect_column_stdev_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 4, "the sample standard deviation"},
    {"expect_column_median_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_aggregate, 5, "the median"},
    {"expect_column_quantile_values_to_be_between", "column quantile_ranges allow_relative_error",
     NULL, NONE, false, assay_dq_compile_quantile, 0, "discrete quantiles"},
    {"expect_column_proportion_of_non_null_values_to_be_between", "column " BOUNDS, NULL, NONE,
     false, assay_dq_compile_proportion, 0, "the share of values that are there"},
    {"expect_column_unique_value_count_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_distinct, 0, "the number of distinct values"},
    {"expect_column_proportion_of_unique_values_to_be_between", "column " BOUNDS, NULL, NONE, false,
     assay_dq_compile_distinct, 1, "the share of distinct values"},
    {"expect_column_distinct_values_to_be_in_set", "column value_set", NULL, NONE, false,
     assay_dq_compile_distinct_set, 0, "distinct values are members of the set"},
    {"expect_column_distinct_values_to_contain_set", "column value_set", NULL, NONE, false,
     assay_dq_compile_distinct_set, 1, "every member of the set occurs"},
    {"expect_column_distinct_values_to_equal_set", "column value_set", NULL, NONE, false,
     assay_dq_compile_distinct_set, 2, "distinct values are the set"},
    {"expect_column_most_common_value_to_be_in_set", "column value_set ties_okay", NULL, NONE,
     false, assay_dq_compile_most_common, 0, "the most common value is in the set"},
    {"expect_column_kl_divergence_to_be_less_than",
     "column partition_object threshold tail_weight_holdout internal_weight_holdout bucketize_data",
     NULL, NONE, false, assay_dq_compile_divergence, 0, "distance from an expected distribution"},
    {"freshness", "column max_age max_age_hours", NULL, FRESHNESS, false,
     assay_dq_compile_freshness, 0, "the newest moment is not older than this"},
    /* other tables, queries */
    {"fk_exists", "column reference_table reference_column mostly", "referential_integrity",
     REFERENCES, false, assay_dq_compile_reference, 0, "every value stands in the other table"},
    {"unexpected_rows_expectation", "unexpected_rows_query", NULL, NONE, false,
     assay_dq_compile_unexpected_rows, 0, "the query gives no row"},
    {"expect_query_results_to_match_comparison", "base_query comparison_query mostly", NULL, NONE,
     false, assay_dq_compile_comparison, 0, "two queries give the same rows"},
    /* known, refused by name */
    {"drift", "column", NULL, NONE, false, NULL, 0, "no drift against the history"},
    {"reconcile", "reference_table", NULL, NONE, false, NULL, 0, "agrees with another table"},
    {"expect_column_bootstrapped_ks_test_p_value_to_be_greater_than", "column", NULL, NONE, false,
     NULL, 0, "legacy; no SQL engine has it"},
    {"expect_column_chisquare_test_p_value_to_be_greater_than", "column", NULL, NONE, false, NULL,
     0, "legacy; no SQL engine has it"},
    {"expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than", "column", NULL,
     NONE, false, NULL, 0, "legacy; no SQL engine has it"},
    {"expect_column_pair_cramers_phi_value_to_be_less_than", "column_A column_B", NULL, NONE, false,
     NULL, 0, "legacy; no SQL engine has it"},
    {"expect_multicolumn_values_to_be_unique", "column_list", NULL, NONE, false, NULL, 0,
     "legacy; use expect_compound_columns_to_be_unique"},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]), KWARGS_MAX = 32 };

static const char common_kwargs[] =
    "row_condition condition_parser result_format meta notes severity description id "
    "catch_exceptions include_config batch_id require_rows nan_is_null include_unexpected_rows "
    "unexpected_index_column_names";

const assay_dq_kind *assay_dq_kind_find(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool assay_dq_kind_marks_rows(const assay_dq_kind *kind)
{
    static assay_dq_compile *const families[] = {
        assay_dq_compile_null,       assay_dq_compile_between,    assay_dq_compile_lengths,
        assay_dq_compile_set,        assay_dq_compile_pattern,    assay_dq_compile_strftime,
        assay_dq_compile_json,       assay_dq_compile_not_future, assay_dq_compile_pair,
        assay_dq_compile_pair_set,   assay_dq_compile_unique,     assay_dq_compile_multicolumn,
        assay_dq_compile_expression, assay_dq_compile_reference,
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (kind->compile == families[i])
            return true;
    return false;
}

const char *assay_dq_kind_nearest(const char *name)
{
    const char *names[KIND_COUNT];

    for (size_t i = 0; i < KIND_COUNT; i++)
        names[i] = kinds[i].name;
    return assay_str_nearest(name, names, KIND_COUNT);
}

/* Whether `word` stands in the blank-separated list. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (length == size && strncmp(at, word, size) == 0)
            return true;
        at += length;
        at += strspn(at, " ");
    }
    return false;
}

bool assay_dq_kind_names(const assay_dq_kind *kind, const char *kwarg)
{
    return has_word(kind->kwargs, kwarg);
}

bool assay_dq_kind_takes(const assay_dq_kind *kind, const char *kwarg)
{
    return has_word(kind->kwargs, kwarg) || has_word(common_kwargs, kwarg);
}

const char *assay_dq_kind_nearest_kwarg(const assay_dq_kind *kind, const char *kwarg,
                                        assay_arena *arena)
{
    const char *lists[] = {kind == NULL ? "" : kind->kwargs, common_kwargs,
                           "action name enabled scope"};
    const char *names[KWARGS_MAX];
    size_t count = 0;

    if (kind == NULL)
        return NULL;
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        for (const char *at = lists[l]; *at != '\0' && count < KWARGS_MAX;) {
            size_t length = strcspn(at, " ");
            names[count] = assay_arena_text_n(arena, at, length);
            if (names[count] == NULL)
                return NULL;
            count++;
            at += length;
            at += strspn(at, " ");
        }
    }
    return assay_str_nearest(kwarg, names, count);
}

size_t assay_quality_kind_count(void)
{
    return KIND_COUNT;
}

assay_quality_kind_info assay_quality_kind_at(size_t index)
{
    const assay_dq_kind *kind = &kinds[index < KIND_COUNT ? index : 0];

    return (assay_quality_kind_info){kind->name, kind->kwargs, kind->doc, kind->compile != NULL,
                                     assay_dq_kind_marks_rows(kind)};
}
