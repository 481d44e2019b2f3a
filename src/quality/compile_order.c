/* Rules that look at other rows: order, and distance from the mean. */
#include "quality/plan.h"

#include <string.h>

/* Element and judged counts from the fused scan, the unexpected ones from a pass of their own. */
static void set_counts(assay_dq_run *run, assay_dq_plan *plan, const assay_dq_column *column)
{
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_QUERY, plan->evidence_source,
                           assay_dq_sql(run, "count_if(%s)::BIGINT", plan->unexpected));
}

/* variant 0: increasing, 1: decreasing */
assay_status assay_dq_compile_order(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *order = assay_dq_order(run);
    const char *before = assay_dq_fresh_name(run, "__dq_before");
    bool strictly = false;

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    ASSAY_TRY(assay_dq_arg_bool(plan, "strictly", false, &strictly, err));
    if (column->family == ASSAY_DQ_OTHER)
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "columns of type %s have no order",
                               column->type);
    /* NULLs leave first, then each value meets its predecessor */
    plan->evidence_source = assay_dq_sql(
        run,
        "(SELECT *, lag(%s) OVER (%s%s) AS %s FROM %s WHERE %s IS NOT NULL) AS " ASSAY_DQ_ALIAS,
        column->value, order == NULL ? "" : "ORDER BY ", order == NULL ? "" : order, before,
        assay_dq_from(run, plan), column->value);
    plan->unexpected =
        assay_dq_sql(run, "(%s IS NOT NULL AND NOT (%s %s%s %s))", before, column->value,
                     plan->kind->variant == 0 ? ">" : "<", strictly ? "" : "=", before);
    plan->evidence_order = true;
    set_counts(run, plan, column);
    plan->judge = assay_dq_judge_rows;
    return ASSAY_OK;
}

static void judge_deviation(assay_dq_run *run, assay_dq_plan *plan)
{
    const assay_value *spread = assay_dq_slot_value(plan, ASSAY_DQ_EXTRA);
    int64_t judged = assay_dq_slot_int(plan, ASSAY_DQ_JUDGED);
    double real = 0;

    if (judged > 0 && (!assay_dq_value_real(spread, &real) || !(real > 0))) {
        assay_dq_break(run, plan, 5030,
                       "the values have no deviation (one value, or all are equal)");
        return;
    }
    assay_dq_judge_rows(run, plan);
}

/* The value and what it is measured by, as SQL. */
struct measure {
    const char *value, *mean, *spread;
};

/* z-score: |c - mean| / stddev below a threshold */
static assay_status score_predicate(assay_dq_run *run, const assay_dq_plan *plan,
                                    const struct measure *m, const char **ret_sql, assay_error *err)
{
    const assay_value *threshold = assay_dq_arg(plan, "threshold");
    const char *literal = NULL;
    const char *score = assay_dq_sql(run, "((%s - %s) / %s)", m->value, m->mean, m->spread);
    bool double_sided = true;

    if (threshold == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'threshold' is missing");
    ASSAY_TRY(assay_dq_literal(run, threshold, ASSAY_DQ_DOUBLE, &literal, err));
    ASSAY_TRY(assay_dq_arg_bool(plan, "double_sided", true, &double_sided, err));
    *ret_sql = double_sided ? assay_dq_sql(run, "(abs(%s) < abs(%s))", score, literal)
                            : assay_dq_sql(run, "(%s < %s)", score, literal);
    return ASSAY_OK;
}

/* outliers: std keeps |c - mean| <= k * stddev; iqr keeps [q1 - k * iqr, q3 + k * iqr] */
static assay_status outlier_predicate(assay_dq_run *run, const assay_dq_plan *plan,
                                      const struct measure *m, const char **ret_sql,
                                      assay_error *err)
{
    const char *method = "iqr";
    const char *literal = NULL;
    const char *from = assay_dq_from(run, plan);
    const char *low = NULL;
    const char *high = NULL;

    if (assay_dq_arg(plan, "method") != NULL)
        ASSAY_TRY(assay_dq_arg_text(plan, "method", &method, err));
    if (strcmp(method, "std") != 0 && strcmp(method, "iqr") != 0)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'method' must be std or iqr, not '%s'",
                               method);
    literal = strcmp(method, "std") == 0 ? "3.0::DOUBLE" : "1.5::DOUBLE";
    if (assay_dq_arg(plan, "multiplier") != NULL)
        ASSAY_TRY(assay_dq_literal(run, assay_dq_arg(plan, "multiplier"), ASSAY_DQ_DOUBLE, &literal,
                                   err));
    if (strcmp(method, "std") == 0) {
        *ret_sql =
            assay_dq_sql(run, "(abs(%s - %s) <= %s * %s)", m->value, m->mean, literal, m->spread);
        return ASSAY_OK;
    }
    low = assay_dq_sql(run, "(SELECT quantile_cont(%s, 0.25) FROM %s)", m->value, from);
    high = assay_dq_sql(run, "(SELECT quantile_cont(%s, 0.75) FROM %s)", m->value, from);
    *ret_sql = assay_dq_sql(run, "(%s BETWEEN %s - %s * (%s - %s) AND %s + %s * (%s - %s))",
                            m->value, low, literal, high, low, high, literal, high, low);
    return ASSAY_OK;
}

/* variant 0: z-scores, 1: outliers */
assay_status assay_dq_compile_deviation(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *from = assay_dq_from(run, plan);
    struct measure m = {0};
    const char *expected = NULL;

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    if (!assay_dq_is_number(column->family))
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not a number",
                               column->name, column->type);
    m.value = assay_dq_sql(run, "CAST(%s AS DOUBLE)", column->value);
    m.mean = assay_dq_sql(run, "(SELECT avg(%s) FROM %s)", m.value, from);
    m.spread = assay_dq_sql(run, "(SELECT stddev_samp(%s) FROM %s)", m.value, from);
    if (plan->kind->variant == 0)
        ASSAY_TRY(score_predicate(run, plan, &m, &expected, err));
    else
        ASSAY_TRY(outlier_predicate(run, plan, &m, &expected, err));
    plan->evidence_source = from;
    plan->unexpected =
        assay_dq_sql(run, "(%s IS NOT NULL AND NOT coalesce(%s, FALSE))", column->value, expected);
    set_counts(run, plan, column);
    plan->judge = assay_dq_judge_rows;
    if (plan->kind->variant == 0) {
        plan->slots[ASSAY_DQ_EXTRA] =
            assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                               assay_dq_sql(run, "stddev_samp(%s)", m.value));
        plan->judge = judge_deviation;
    }
    return ASSAY_OK;
}
