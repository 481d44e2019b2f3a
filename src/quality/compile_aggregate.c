/* Rules over one number of a column (facts: quality.md section 3.3). */
#include "quality/plan.h"

#include <math.h>
#include <string.h>

enum { QUANTILES_MAX = 1000 };

/* What the engine computes. %s is the value. */
struct aggregate {
    const char *sql;
    bool numeric; /* needs numbers, gives a DOUBLE */
    bool exact;   /* numeric, but keeps integers and decimals exact */
    bool extreme; /* min or max: the bound of files says it */
    bool upper;
};

static const struct aggregate aggregates[] = {
    {"min(%s)", false, false, true, false},         {"max(%s)", false, false, true, true},
    {"avg(%s)", true, false, false, false},         {"sum(%s)", true, true, false, false},
    {"stddev_samp(%s)", true, false, false, false}, {"median(%s)", true, false, false, false},
};

/* Puts `value` into the aggregate's text. */
static const char *apply(assay_dq_run *run, const struct aggregate *aggregate, const char *value)
{
    const char *hole = strstr(aggregate->sql, "%s");

    return assay_dq_sql(run, "%.*s%s%s", (int)(hole - aggregate->sql), aggregate->sql, value,
                        hole + 2);
}

/* A column whose type or whose bounds do not fit: no value is no failure of types, so one pass over
 * the column decides between "there is no value" and an error. */
static void judge_misfit(assay_dq_run *run, assay_dq_plan *plan)
{
    plan->result->observed = assay_value_null(run->arena);
    if (assay_dq_slot_int(plan, ASSAY_DQ_JUDGED) == 0)
        assay_dq_miss(run, plan, "there is no value");
    else
        assay_dq_break(run, plan, 5021, "%s", (const char *)plan->extra);
}

static assay_status compile_misfit(assay_dq_run *run, assay_dq_plan *plan,
                                   const assay_dq_column *column, const char *message)
{
    plan->extra = message;
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    plan->judge = judge_misfit;
    return ASSAY_OK;
}

/* Value and bound family of an aggregate over a column. */
static void prepare_value(assay_dq_run *run, const struct aggregate *aggregate,
                          const assay_dq_column *column, const char **ret_value,
                          assay_dq_family *ret_family)
{
    *ret_value = column->value;
    *ret_family = column->family;
    if (column->family == ASSAY_DQ_BOOLEAN) {
        *ret_value = assay_dq_sql(run, "CAST(%s AS INTEGER)", column->value);
        *ret_family = ASSAY_DQ_INTEGER;
    }
    if (aggregate->numeric && !aggregate->exact) {
        *ret_value = assay_dq_sql(run, "CAST(%s AS DOUBLE)", column->value);
        *ret_family = ASSAY_DQ_DOUBLE;
        if (column->family == ASSAY_DQ_BOOLEAN)
            *ret_value = assay_dq_sql(run, "CAST(CAST(%s AS INTEGER) AS DOUBLE)", column->value);
    }
    /* sum() of FLOAT is a DOUBLE */
    if (aggregate->exact && *ret_family == ASSAY_DQ_FLOAT)
        *ret_family = ASSAY_DQ_DOUBLE;
}

assay_status assay_dq_compile_aggregate(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const struct aggregate *aggregate = &aggregates[plan->kind->variant];
    const assay_dq_column *column = NULL;
    const char *value = NULL;
    const char *observed = NULL;
    const char *source = assay_dq_from(run, plan);
    assay_dq_lane lane = aggregate->extreme ? ASSAY_DQ_LANE_FOOTER : ASSAY_DQ_LANE_SCAN;
    assay_dq_family family = ASSAY_DQ_OTHER;
    assay_dq_bounds bounds = {0};
    const char *proof = NULL;

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    plan->hides_observed = column->pii;
    prepare_value(run, aggregate, column, &value, &family);
    if (aggregate->numeric && !assay_dq_is_number(column->family) &&
        column->family != ASSAY_DQ_BOOLEAN)
        return compile_misfit(run, plan, column,
                              assay_dq_sql(run, "column '%s' is %s, not a number", column->name,
                                           column->type));
    if (assay_dq_bounds_read(run, plan, family, &bounds, err) != ASSAY_OK) {
        if (err->number != 5021)
            return err->code;
        return compile_misfit(run, plan, column, assay_dq_sql(run, "%s", err->message));
    }
    observed = apply(run, aggregate, value);
    if (aggregate->extreme && column->family != ASSAY_DQ_BOOLEAN)
        proof = assay_dq_proof_bound(run, plan, column, aggregate->upper);
    if (proof != NULL) {
        lane = ASSAY_DQ_LANE_METADATA;
        source = NULL;
        observed = proof;
    }
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(run, lane, source, observed);
    plan->slots[ASSAY_DQ_OK] =
        assay_dq_metric_of(run, lane, source,
                           assay_dq_sql(run, "(%s IS NOT NULL AND coalesce(%s, FALSE))", observed,
                                        assay_dq_within(run, observed, &bounds)));
    if (plan->result->format == ASSAY_RESULT_FORMAT_COMPLETE || plan->require_rows) {
        plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
        plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    }
    plan->judge = assay_dq_judge_aggregate;
    return ASSAY_OK;
}

assay_status assay_dq_compile_proportion(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *from = assay_dq_from(run, plan);
    const char *values = NULL;
    const char *rows = assay_dq_proof_rows(run, plan);
    const char *share = NULL;
    assay_dq_lane lane = ASSAY_DQ_LANE_SCAN;
    assay_dq_bounds bounds = {0};

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    ASSAY_TRY(assay_dq_bounds_read(run, plan, ASSAY_DQ_DOUBLE, &bounds, err));
    values = assay_dq_proof_values(run, plan, column);
    if (values != NULL && rows != NULL) {
        lane = ASSAY_DQ_LANE_METADATA;
        from = NULL;
    } else {
        values = assay_dq_sql(run, "count(%s)", column->value);
        rows = "count(*)";
    }
    share = assay_dq_sql(run, "coalesce((%s) / nullif(%s, 0), 0)::DOUBLE", values, rows);
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(run, lane, from, share);
    plan->slots[ASSAY_DQ_OK] =
        assay_dq_metric_of(run, lane, from, assay_dq_within(run, share, &bounds));
    plan->judge = assay_dq_judge_aggregate;
    return ASSAY_OK;
}

/* ---- quantiles ---- */

struct quantiles {
    size_t count;
    const assay_value *asked;  /* LIST of numbers */
    const assay_value *ranges; /* LIST of [low, high] */
};

/* One bound: an open one always holds; else within 1e-4 of it, relatively. */
static bool bound_holds(const assay_value *bound, double value, bool upper)
{
    double limit = 0;
    const double tolerance = 1e-4;

    if (!assay_dq_value_real(bound, &limit))
        return true;
    if (upper ? value <= limit : value >= limit)
        return true;
    return fabs(value - limit) <= tolerance * fabs(limit);
}

static void judge_quantiles(assay_dq_run *run, assay_dq_plan *plan)
{
    const struct quantiles *quantiles = plan->extra;
    const assay_value *values = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    assay_value *observed = assay_value_map(run->arena);
    assay_value *listed = assay_value_list(run->arena);
    assay_value *successes = assay_value_list(run->arena);
    bool empty = values == NULL || values->kind != ASSAY_VALUE_LIST;
    size_t bad = 0;

    if (observed == NULL || listed == NULL || successes == NULL) {
        run->failed = true;
        return;
    }
    for (size_t i = 0; i < quantiles->count && !run->failed; i++) {
        assay_value *value =
            empty || i >= values->count ? assay_value_null(run->arena) : values->items[i];
        const assay_value *range = quantiles->ranges->items[i];
        double real = 0;
        bool good = assay_dq_value_real(value, &real) &&
                    bound_holds(range->items[0], real, false) &&
                    bound_holds(range->items[1], real, true);
        bad += good ? 0 : 1;
        if (assay_value_append(listed, value, run->arena, NULL) != ASSAY_OK ||
            assay_value_append(successes, assay_value_bool(run->arena, good), run->arena, NULL) !=
                ASSAY_OK)
            run->failed = true;
    }
    if (run->failed ||
        assay_value_set(observed, "quantiles", assay_value_copy(run->arena, quantiles->asked),
                        run->arena, NULL) != ASSAY_OK ||
        assay_value_set(observed, "values", listed, run->arena, NULL) != ASSAY_OK) {
        run->failed = true;
        return;
    }
    plan->result->observed = observed;
    assay_dq_detail(run, plan, "success_details", successes);
    if (empty)
        assay_dq_miss(run, plan, "there is no value");
    else if (bad > 0)
        assay_dq_miss(run, plan, "%zu of %zu quantiles lie outside their range", bad,
                      quantiles->count);
    else
        assay_dq_pass(plan);
}

static assay_status read_range(const assay_value *range, assay_error *err)
{
    double low = 0;
    double high = 0;
    double *real = NULL;

    if (range->kind != ASSAY_VALUE_LIST || range->count != 2)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "value_ranges must hold pairs [low, high]");
    for (size_t i = 0; i < 2; i++) {
        real = i == 0 ? &low : &high;
        *real = i == 0 ? -(double)INFINITY : (double)INFINITY;
        if (range->items[i]->kind != ASSAY_VALUE_NULL &&
            !assay_dq_value_real(range->items[i], real))
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "value_ranges must hold numbers");
    }
    if (low > high)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "value_ranges must be ordered: %g is greater than %g", low, high);
    return ASSAY_OK;
}

static assay_status read_quantiles(const assay_dq_plan *plan, struct quantiles *quantiles,
                                   assay_buf *list, assay_error *err)
{
    const assay_value *ranges = assay_dq_arg(plan, "quantile_ranges");

    quantiles->asked = assay_value_find(ranges, "quantiles");
    quantiles->ranges = assay_value_find(ranges, "value_ranges");
    if (quantiles->asked == NULL || quantiles->ranges == NULL ||
        quantiles->asked->kind != ASSAY_VALUE_LIST || quantiles->ranges->kind != ASSAY_VALUE_LIST ||
        quantiles->asked->count != quantiles->ranges->count || quantiles->asked->count == 0 ||
        quantiles->asked->count > QUANTILES_MAX)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'quantile_ranges' needs quantiles and as many value_ranges");
    quantiles->count = quantiles->asked->count;
    for (size_t i = 0; i < quantiles->count; i++) {
        double q = 0;
        if (!assay_dq_value_real(quantiles->asked->items[i], &q) || !(q >= 0.0 && q <= 1.0))
            return assay_error_set(err, ASSAY_ECONFIG, 5022,
                                   "quantiles must be numbers between 0 and 1");
        ASSAY_TRY(read_range(quantiles->ranges->items[i], err));
        assay_buf_append_format(list, "%s%.17g", i == 0 ? "" : ", ", q);
    }
    return assay_buf_check(list, err);
}

assay_status assay_dq_compile_quantile(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf list = ASSAY_BUF_EMPTY;
    struct quantiles *quantiles = assay_arena_take(run->arena, 1, sizeof(*quantiles));
    const assay_dq_column *column = NULL;

    ASSAY_TRY(assay_arena_check(quantiles, err));
    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    plan->hides_observed = column->pii;
    ASSAY_TRY(read_quantiles(plan, quantiles, &list, err));
    if (!assay_dq_is_number(column->family))
        return compile_misfit(run, plan, column,
                              assay_dq_sql(run, "column '%s' is %s, not a number", column->name,
                                           column->type));
    plan->extra = quantiles;
    plan->slots[ASSAY_DQ_OBSERVED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, assay_dq_from(run, plan),
                           assay_dq_sql(run, "quantile_disc(%s, [%s])", column->value,
                                        assay_buf_text(&list)));
    plan->judge = judge_quantiles;
    return ASSAY_OK;
}

/* ---- freshness ---- */

static void judge_freshness(assay_dq_run *run, assay_dq_plan *plan)
{
    const assay_value *newest = assay_dq_slot_value(plan, ASSAY_DQ_EXTRA);
    int64_t limit_us = *(const int64_t *)plan->extra;
    int64_t age_us = 0;

    plan->result->observed = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    if (newest == NULL || newest->kind != ASSAY_VALUE_INT) {
        assay_dq_miss(run, plan, "there is no moment to be fresh");
        return;
    }
    age_us = run->request->now_us - newest->integer;
    assay_dq_detail(run, plan, "age_hours", assay_value_real(run->arena, (double)age_us / 3.6e9));
    if (age_us <= limit_us)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "the newest is %.1f hours old, at most %.1f allowed",
                      (double)age_us / 3.6e9, (double)limit_us / 3.6e9);
}

/* max_age: "2 hours", or max_age_hours: 2 */
static assay_status read_age(const assay_dq_plan *plan, int64_t *ret_us, assay_error *err)
{
    const char *text = NULL;
    bool given = false;
    double hours = 0;
    int64_t ms = 0;

    ASSAY_TRY(assay_dq_arg_real(plan, "max_age_hours", &given, &hours, err));
    if (given && (hours < 0 || hours > 1e7))
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'max_age_hours' must lie between 0 and 1e7");
    if (given) {
        *ret_us = (int64_t)(hours * 3.6e9);
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_dq_arg_text(plan, "max_age", &text, err));
    if (!assay_str_to_duration_ms(text, &ms) || ms < 0 || ms > INT64_MAX / 1000)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'max_age' is no duration: '%s'", text);
    *ret_us = ms * 1000;
    return ASSAY_OK;
}

assay_status assay_dq_compile_freshness(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    int64_t *limit_us = assay_arena_take(run->arena, 1, sizeof(*limit_us));
    const assay_dq_column *column = NULL;
    const char *source = assay_dq_from(run, plan);
    assay_dq_lane lane = ASSAY_DQ_LANE_FOOTER;
    const char *newest = NULL;

    ASSAY_TRY(assay_arena_check(limit_us, err));
    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    plan->hides_observed = column->pii;
    ASSAY_TRY(read_age(plan, limit_us, err));
    if (!assay_dq_is_temporal(column->family))
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not a date or time",
                               column->name, column->type);
    newest = assay_dq_proof_bound(run, plan, column, true);
    if (newest != NULL) {
        lane = ASSAY_DQ_LANE_METADATA;
        source = NULL;
    } else {
        newest = assay_dq_sql(run, "max(%s)", column->value);
    }
    plan->extra = limit_us;
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(run, lane, source, newest);
    plan->slots[ASSAY_DQ_EXTRA] =
        assay_dq_metric_of(run, lane, source,
                           column->family == ASSAY_DQ_TIMESTAMPTZ
                               ? assay_dq_sql(run, "epoch_us(%s)", newest)
                               : assay_dq_sql(run, "epoch_us(CAST(%s AS TIMESTAMP))", newest));
    plan->judge = judge_freshness;
    return ASSAY_OK;
}
