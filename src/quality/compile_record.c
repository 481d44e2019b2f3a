/* Rules over pairs and records of columns (facts: quality.md section 3.5). */
#include "quality/plan.h"

#include <string.h>

/* The words of ignore_row_if and what they keep. */
struct ignore_rule {
    const char *word;
    const char *joint; /* joins "c IS NOT NULL" of the columns; NULL = every row is judged */
};

static const struct ignore_rule pair_rules[] = {
    {"both_values_are_missing", " OR "},
    {"either_value_is_missing", " AND "},
    {"neither", NULL},
};

static const struct ignore_rule record_rules[] = {
    {"all_values_are_missing", " OR "},
    {"any_value_is_missing", " AND "},
    {"never", NULL},
};

assay_status assay_dq_kept(assay_dq_run *run, const assay_dq_plan *plan, bool pair,
                           const char **ret_kept, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const struct ignore_rule *rules = pair ? pair_rules : record_rules;
    const char *word = rules[0].word;
    size_t chosen = 0;

    if (assay_dq_arg(plan, "ignore_row_if") != NULL)
        ASSAY_TRY(assay_dq_arg_text(plan, "ignore_row_if", &word, err));
    while (chosen < 3 && strcmp(rules[chosen].word, word) != 0)
        chosen++;
    if (chosen == 3)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'ignore_row_if' must be %s, %s or %s, not '%s'", rules[0].word,
                               rules[1].word, rules[2].word, word);
    *ret_kept = NULL;
    if (rules[chosen].joint == NULL)
        return ASSAY_OK;
    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, "%s%s IS NOT NULL", i == 0 ? "(" : rules[chosen].joint,
                                plan->judged[i]->value);
    assay_buf_append_char(&buf, ')');
    ASSAY_TRY(assay_buf_check(&buf, err));
    *ret_kept = assay_dq_keep(run, &buf);
    return ASSAY_OK;
}

/* Columns whose values may be compared without a cast of the data. */
static bool is_comparable(const assay_dq_column *a, const assay_dq_column *b)
{
    if (strcmp(a->type, b->type) == 0 ||
        (assay_dq_is_number(a->family) && assay_dq_is_number(b->family)))
        return true;
    if (a->family == ASSAY_DQ_OTHER || b->family == ASSAY_DQ_OTHER)
        return false;
    return a->family == b->family ||
           (assay_dq_is_temporal(a->family) && assay_dq_is_temporal(b->family));
}

static assay_status demand_comparable(const assay_dq_column *const *columns, size_t count,
                                      assay_error *err)
{
    for (size_t i = 1; i < count; i++)
        if (!is_comparable(columns[0], columns[i]))
            return assay_error_set(err, ASSAY_ECONFIG, 5021,
                                   "columns '%s' (%s) and '%s' (%s) cannot be compared",
                                   columns[0]->name, columns[0]->type, columns[i]->name,
                                   columns[i]->type);
    return ASSAY_OK;
}

/* column_A and column_B as the judged columns. */
static assay_status read_pair(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column **pair = assay_arena_take(run->arena, 2, sizeof(*pair));

    ASSAY_TRY(assay_arena_check(pair, err));
    ASSAY_TRY(assay_dq_arg_column(run, plan, "column_A", &pair[0], err));
    ASSAY_TRY(assay_dq_arg_column(run, plan, "column_B", &pair[1], err));
    plan->judged = pair;
    plan->judged_count = 2;
    plan->shape = ASSAY_DQ_PAIR;
    return ASSAY_OK;
}

/* variant 0: A = B, 1: A > B */
assay_status assay_dq_compile_pair(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *kept = NULL;
    const char *expected = NULL;
    const char *a = NULL;
    const char *b = NULL;
    bool or_equal = false;

    ASSAY_TRY(read_pair(run, plan, err));
    ASSAY_TRY(demand_comparable(plan->judged, 2, err));
    ASSAY_TRY(assay_dq_kept(run, plan, true, &kept, err));
    a = plan->judged[0]->value;
    b = plan->judged[1]->value;
    expected = assay_dq_sql(run, "(%s %s %s)", a, plan->kind->variant == 0 ? "=" : ">", b);
    if (plan->kind->variant == 1) {
        ASSAY_TRY(assay_dq_arg_bool(plan, "or_equal", false, &or_equal, err));
        if (or_equal)
            expected =
                assay_dq_sql(run, "coalesce(%s >= %s, %s IS NULL AND %s IS NULL)", a, b, a, b);
    }
    return assay_dq_rows_record(run, plan, kept, expected, err);
}

/* One pair of the set as a NULL-safe predicate. */
static assay_status append_pair(assay_dq_run *run, const assay_dq_plan *plan,
                                const assay_value *pair, assay_buf *buf, assay_error *err)
{
    if (pair->kind != ASSAY_VALUE_LIST || pair->count != 2)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'value_pairs_set' must hold pairs [a, b]");
    assay_buf_append_text(buf, buf->size == 0 ? "(" : " OR (");
    for (size_t i = 0; i < 2; i++) {
        const char *member = NULL;
        bool null = pair->items[i]->kind == ASSAY_VALUE_NULL;
        ASSAY_TRY(assay_dq_member(run, pair->items[i], plan->judged[i], &member, err));
        assay_buf_append_text(buf, i == 0 ? "" : " AND ");
        if (null)
            assay_buf_append_format(buf, "%s IS NULL", plan->judged[i]->value);
        else
            assay_buf_append_format(buf, "coalesce(%s = %s, FALSE)", plan->judged[i]->value,
                                    member == NULL ? "NULL" : member);
    }
    assay_buf_append_char(buf, ')');
    return ASSAY_OK;
}

assay_status assay_dq_compile_pair_set(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_value *set = assay_dq_arg(plan, "value_pairs_set");
    const char *kept = NULL;

    ASSAY_TRY(read_pair(run, plan, err));
    ASSAY_TRY(assay_dq_kept(run, plan, true, &kept, err));
    if (set == NULL)
        return assay_dq_rows_record(run, plan, kept, "TRUE", err);
    if (set->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'value_pairs_set' must be a list");
    for (size_t i = 0; i < set->count; i++)
        ASSAY_TRY(append_pair(run, plan, set->items[i], &buf, err));
    if (set->count == 0)
        assay_buf_append_text(&buf, "FALSE");
    ASSAY_TRY(assay_buf_check(&buf, err));
    return assay_dq_rows_record(run, plan, kept,
                                assay_dq_sql(run, "(%s)", assay_dq_keep(run, &buf)), err);
}

/* a + b + .. = total, where no floating column rounds what decimals hold exactly */
static assay_status sum_predicate(assay_dq_run *run, const assay_dq_plan *plan,
                                  const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_value *total = assay_dq_arg(plan, "sum_total");
    assay_dq_family family = ASSAY_DQ_DECIMAL;
    const char *literal = NULL;

    if (total == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'sum_total' is missing");
    for (size_t i = 0; i < plan->judged_count; i++) {
        const assay_dq_column *column = plan->judged[i];
        bool boolean = column->family == ASSAY_DQ_BOOLEAN;
        if (!assay_dq_is_number(column->family) && !boolean)
            return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not a number",
                                   column->name, column->type);
        if (column->family == ASSAY_DQ_FLOAT || column->family == ASSAY_DQ_DOUBLE)
            family = ASSAY_DQ_DOUBLE;
        assay_buf_append_text(&buf, i == 0 ? "" : " + ");
        if (column->family == ASSAY_DQ_INTEGER || boolean)
            assay_buf_append_format(&buf, "CAST(%s AS HUGEINT)", column->value); /* no overflow */
        else
            assay_buf_append_text(&buf, column->value);
    }
    ASSAY_TRY(assay_buf_check(&buf, err));
    ASSAY_TRY(assay_dq_literal(run, total, family, &literal, err));
    *ret_sql = assay_dq_sql(run, "(%s = %s)", assay_dq_keep(run, &buf), literal);
    return ASSAY_OK;
}

/* Every pair of columns joined: all NULL-safe equal, or all distinct. */
static assay_status pairs_predicate(assay_dq_run *run, const assay_dq_plan *plan, bool equal,
                                    const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    ASSAY_TRY(demand_comparable(plan->judged, plan->judged_count, err));
    for (size_t i = 0; i < plan->judged_count; i++)
        for (size_t j = i + 1; j < plan->judged_count; j++)
            assay_buf_append_format(&buf, "%s%s %s %s", buf.size == 0 ? "(" : " AND ",
                                    plan->judged[i]->value,
                                    equal ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM",
                                    plan->judged[j]->value);
    assay_buf_append_char(&buf, ')');
    ASSAY_TRY(assay_buf_check(&buf, err));
    *ret_sql = assay_dq_keep(run, &buf);
    return ASSAY_OK;
}

/* variant 0: sum, 1: all equal, 2: all distinct within the record */
assay_status assay_dq_compile_multicolumn(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *kept = NULL;
    const char *expected = NULL;

    ASSAY_TRY(
        assay_dq_arg_columns(run, plan, "column_list", plan->kind->variant == 0 ? 1 : 2, err));
    ASSAY_TRY(assay_dq_kept(run, plan, false, &kept, err));
    if (plan->kind->variant == 0)
        ASSAY_TRY(sum_predicate(run, plan, &expected, err));
    else
        ASSAY_TRY(pairs_predicate(run, plan, plan->kind->variant == 1, &expected, err));
    return assay_dq_rows_record(run, plan, kept, expected, err);
}
