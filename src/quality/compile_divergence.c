/* Kullback-Leibler divergence from an expected partition (facts: quality.md section 3.4). The
 * engine counts, the arithmetic is ours. */
#include "quality/plan.h"

#include <math.h>
#include <string.h>

enum { BINS_MAX = 10000 };

struct partition {
    bool categorical;
    const assay_value *values; /* categorical: LIST */
    double *weights;
    size_t count; /* of weights */
    double *bins; /* continuous: count + 1 */
    bool has_tails;
    double tails[2];
    double tail_holdout, internal_holdout;
    bool has_threshold;
    double threshold;
};

/* Adds p * ln(p / q); an observed share where nothing is expected makes it infinite. */
static void add_term(double *sum, double p, double q)
{
    if (p <= 0)
        return;
    *sum += q > 0 ? p * log(p / q) : (double)INFINITY;
}

/* Divergence of two lists of shares, each divided by its own sum. */
static double divergence(const double *p, const double *q, size_t count)
{
    double p_sum = 0;
    double q_sum = 0;
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        p_sum += p[i];
        q_sum += q[i];
    }
    if (!(p_sum > 0) || !(q_sum > 0))
        return (double)NAN;
    for (size_t i = 0; i < count; i++)
        add_term(&sum, p[i] / p_sum, q[i] / q_sum);
    return sum;
}

static void decide(assay_dq_run *run, assay_dq_plan *plan, double distance)
{
    const struct partition *partition = plan->extra;

    if (isfinite(distance) == 0) {
        plan->result->observed = assay_value_null(run->arena);
        assay_dq_miss(run, plan, "the divergence is infinite or undefined");
        return;
    }
    /* rounding may give -1e-17 for equal shares */
    distance = distance < 0 ? 0 : distance;
    plan->result->observed = assay_value_real(run->arena, distance);
    if (!partition->has_threshold || distance <= partition->threshold)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "divergence %.6g is above %.6g", distance, partition->threshold);
}

/* ---- values ---- */

static const assay_value *find_count(const assay_value *pairs, const assay_value *value)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (assay_dq_value_same(assay_value_find(pairs->items[i], "value"), value))
            return assay_value_find(pairs->items[i], "count");
    return NULL;
}

static bool is_expected(const assay_value *values, const assay_value *value)
{
    for (size_t i = 0; i < values->count; i++)
        if (assay_dq_value_same(values->items[i], value))
            return true;
    return false;
}

/* Shares of the expected values first, then of the others; those share the tail holdout. */
static void judge_values(assay_dq_run *run, assay_dq_plan *plan)
{
    const struct partition *partition = plan->extra;
    const assay_value *pairs = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    size_t most = partition->count + (pairs == NULL ? 0 : pairs->count);
    double *p = assay_arena_take(run->arena, most + 1, sizeof(*p));
    double *q = assay_arena_take(run->arena, most + 1, sizeof(*q));
    size_t count = partition->count;

    if (p == NULL || q == NULL) {
        run->failed = true;
        return;
    }
    if (assay_dq_slot_int(plan, ASSAY_DQ_EXTRA) > ASSAY_QUALITY_LIST_MAX) {
        assay_dq_break(run, plan, 5028, "there are more than %d distinct values",
                       (int)ASSAY_QUALITY_LIST_MAX);
        return;
    }
    if (pairs == NULL || pairs->kind != ASSAY_VALUE_LIST || pairs->count == 0) {
        decide(run, plan, (double)NAN);
        return;
    }
    for (size_t i = 0; i < partition->count; i++) {
        const assay_value *seen = find_count(pairs, partition->values->items[i]);
        p[i] = seen == NULL ? 0 : (double)seen->integer;
        q[i] = partition->weights[i] * (1 - partition->tail_holdout);
    }
    for (size_t i = 0; i < pairs->count; i++)
        if (!is_expected(partition->values, assay_value_find(pairs->items[i], "value")))
            p[count++] = (double)assay_value_find_int(pairs->items[i], "count", 0);
    for (size_t i = partition->count; i < count; i++)
        q[i] = partition->tail_holdout / (double)(count - partition->count);
    if (count == partition->count) /* nothing beside the partition: no holdout to spread */
        for (size_t i = 0; i < count; i++)
            q[i] = partition->weights[i];
    decide(run, plan, divergence(p, q, count));
}

/* ---- bins ---- */

static assay_value *real_list(assay_dq_run *run, const double *reals, size_t count)
{
    assay_value *list = assay_value_list(run->arena);

    for (size_t i = 0; list != NULL && i < count; i++)
        if (assay_value_append(list, assay_value_real(run->arena, reals[i]), run->arena, NULL) !=
            ASSAY_OK)
            list = NULL;
    if (list == NULL)
        run->failed = true;
    return list;
}

/* Bins with what lies in them and beside them. */
struct shares {
    const double *bins;
    const double *weights;
    size_t count;
    const double *tails;
};

static void show_partition(assay_dq_run *run, assay_dq_plan *plan, const char *name,
                           struct shares shares)
{
    assay_value *map = assay_value_map(run->arena);

    if (map == NULL ||
        assay_value_set(map, "bins", real_list(run, shares.bins, shares.count + 1), run->arena,
                        NULL) != ASSAY_OK ||
        assay_value_set(map, "weights", real_list(run, shares.weights, shares.count), run->arena,
                        NULL) != ASSAY_OK ||
        assay_value_set(map, "tail_weights", real_list(run, shares.tails, 2), run->arena, NULL) !=
            ASSAY_OK) {
        run->failed = true;
        return;
    }
    assay_dq_detail(run, plan, name, map);
}

/* Expected shares of all bins after both holdouts. */
static void spread_expected(const struct partition *partition, double *q)
{
    double scale = 1 - partition->tail_holdout - partition->internal_holdout;
    size_t empty = 0;

    for (size_t i = 0; i < partition->count; i++) {
        q[i] = partition->weights[i] * scale;
        empty += partition->weights[i] > 0 ? 0 : 1;
    }
    for (size_t i = 0; i < partition->count && partition->internal_holdout > 0 && empty > 0; i++)
        if (!(partition->weights[i] > 0))
            q[i] = partition->internal_holdout / (double)empty;
}

/* Layout of the shares handed to divergence(): lower tail, inner bins, upper tail. */
static void judge_bins(assay_dq_run *run, assay_dq_plan *plan)
{
    const struct partition *partition = plan->extra;
    const assay_value *counts = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    double total = (double)assay_dq_slot_int(plan, ASSAY_DQ_JUDGED);
    size_t n = partition->count;
    double *p = assay_arena_take(run->arena, n + 2, sizeof(*p));
    double *q = assay_arena_take(run->arena, n + 2, sizeof(*q));
    bool low = isinf(partition->bins[0]) != 0;
    bool high = isinf(partition->bins[n]) != 0;
    size_t first = low ? 1 : 0;
    size_t inner = n - first - (high ? 1 : 0);
    double observed_tails[2];
    double expected_tails[2];

    if (p == NULL || q == NULL) {
        run->failed = true;
        return;
    }
    if (counts == NULL || counts->kind != ASSAY_VALUE_LIST || counts->count != n + 2 ||
        !(total > 0)) {
        decide(run, plan, (double)NAN);
        return;
    }
    for (size_t i = 0; i < n + 2; i++)
        p[i] = (double)counts->items[i]->integer / total;
    spread_expected(partition, q + 1);
    q[0] = partition->has_tails ? partition->tails[0] : partition->tail_holdout / 2;
    q[n + 1] = partition->has_tails ? partition->tails[1] : partition->tail_holdout / 2;
    observed_tails[0] = low ? p[1] : p[0];
    observed_tails[1] = high ? p[n] : p[n + 1];
    expected_tails[0] = low ? q[1] : high ? partition->tail_holdout : q[0];
    expected_tails[1] = high ? q[n] : low ? partition->tail_holdout : q[n + 1];
    show_partition(run, plan, "observed_partition",
                   (struct shares){partition->bins + first, p + 1 + first, inner, observed_tails});
    show_partition(run, plan, "expected_partition",
                   (struct shares){partition->bins + first, q + 1 + first, inner, expected_tails});
    p[first] = observed_tails[0];
    q[first] = expected_tails[0];
    p[first + inner + 1] = observed_tails[1];
    q[first + inner + 1] = expected_tails[1];
    decide(run, plan, divergence(p + first, q + first, inner + 2));
}

/* ---- reading ---- */

static assay_status bad_partition(const char *why, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFIG, 5022, "'partition_object' is not valid: %s", why);
}

static assay_status read_reals(assay_dq_run *run, const assay_value *list, const char *what,
                               double **ret_reals, assay_error *err)
{
    double *reals = NULL;

    if (list == NULL || list->kind != ASSAY_VALUE_LIST || list->count == 0 ||
        list->count > BINS_MAX)
        return bad_partition(what, err);
    reals = assay_arena_take(run->arena, list->count, sizeof(*reals));
    ASSAY_TRY(assay_arena_check(reals, err));
    for (size_t i = 0; i < list->count; i++)
        if (!assay_dq_value_real(list->items[i], &reals[i]) || isnan(reals[i]) != 0)
            return bad_partition(what, err);
    *ret_reals = reals;
    return ASSAY_OK;
}

static assay_status read_holdouts(assay_dq_plan *plan, struct partition *partition,
                                  assay_error *err)
{
    bool given = false;

    ASSAY_TRY(
        assay_dq_arg_real(plan, "tail_weight_holdout", &given, &partition->tail_holdout, err));
    ASSAY_TRY(assay_dq_arg_real(plan, "internal_weight_holdout", &given,
                                &partition->internal_holdout, err));
    ASSAY_TRY(assay_dq_arg_real(plan, "threshold", &partition->has_threshold, &partition->threshold,
                                err));
    if (!(partition->tail_holdout >= 0 && partition->tail_holdout <= 1) ||
        !(partition->internal_holdout >= 0 && partition->internal_holdout <= 1))
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "holdouts must lie between 0 and 1");
    if (partition->has_threshold && partition->threshold < 0)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'threshold' must not be negative");
    return ASSAY_OK;
}

static assay_status check_weights(const struct partition *partition, assay_error *err)
{
    double sum = partition->has_tails ? partition->tails[0] + partition->tails[1] : 0;

    for (size_t i = 0; i < partition->count; i++) {
        if (!(partition->weights[i] >= 0))
            return bad_partition("weights must not be negative", err);
        sum += partition->weights[i];
    }
    if (!(fabs(sum - 1) <= 1e-5))
        return bad_partition("weights must sum to 1", err);
    return ASSAY_OK;
}

static assay_status read_bins(assay_dq_run *run, const assay_value *object,
                              struct partition *partition, assay_error *err)
{
    const assay_value *bins = assay_value_find(object, "bins");
    const assay_value *tails = assay_value_find(object, "tail_weights");
    double *pair = NULL;
    bool low = false;
    bool high = false;

    ASSAY_TRY(read_reals(run, bins, "bins must be numbers", &partition->bins, err));
    if (bins->count != partition->count + 1)
        return bad_partition("there must be one bin bound more than weights", err);
    for (size_t i = 0; i < partition->count; i++)
        if (!(partition->bins[i] < partition->bins[i + 1]))
            return bad_partition("bins must increase", err);
    low = isinf(partition->bins[0]) != 0;
    high = isinf(partition->bins[partition->count]) != 0;
    if (low && high && partition->count < 2)
        return bad_partition("one bin cannot be both tails", err);
    if (tails != NULL && tails->kind != ASSAY_VALUE_NULL) {
        ASSAY_TRY(read_reals(run, tails, "tail_weights must be two numbers", &pair, err));
        if (tails->count != 2 || !(pair[0] >= 0) || !(pair[1] >= 0))
            return bad_partition("tail_weights must be two numbers", err);
        if (partition->tail_holdout > 0)
            return bad_partition("tail_weights beside a tail_weight_holdout", err);
        if (low || high)
            return bad_partition("tail_weights beside an infinite bin", err);
        partition->has_tails = true;
        memcpy(partition->tails, pair, sizeof(partition->tails));
    }
    if (low && high && partition->tail_holdout > 0)
        return bad_partition("a tail_weight_holdout where both bins are infinite", err);
    return ASSAY_OK;
}

static assay_status read_partition(assay_dq_run *run, assay_dq_plan *plan,
                                   struct partition *partition, assay_error *err)
{
    const assay_value *object = assay_dq_arg(plan, "partition_object");
    const assay_value *weights = assay_value_find(object, "weights");

    if (object == NULL || object->kind != ASSAY_VALUE_MAP)
        return bad_partition("it is missing", err);
    for (size_t i = 0; i < object->count; i++)
        if (strcmp(object->keys[i], "values") != 0 && strcmp(object->keys[i], "weights") != 0 &&
            strcmp(object->keys[i], "bins") != 0 && strcmp(object->keys[i], "tail_weights") != 0)
            return bad_partition("unknown key", err);
    ASSAY_TRY(read_holdouts(plan, partition, err));
    ASSAY_TRY(read_reals(run, weights, "weights must be numbers", &partition->weights, err));
    partition->count = weights->count;
    partition->values = assay_value_find(object, "values");
    partition->categorical = partition->values != NULL;
    if (!partition->categorical) {
        ASSAY_TRY(read_bins(run, object, partition, err));
    } else {
        if (partition->values->kind != ASSAY_VALUE_LIST ||
            partition->values->count != partition->count ||
            assay_value_find(object, "bins") != NULL)
            return bad_partition("there must be as many values as weights", err);
        if (partition->internal_holdout > 0)
            return bad_partition("an internal_weight_holdout beside values", err);
    }
    return check_weights(partition, err);
}

/* [below, in bin 0, .., above]: the last bin is closed. */
static const char *bins_sql(assay_dq_run *run, const struct partition *partition, const char *value)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    size_t n = partition->count;

    for (size_t i = 0; i <= n + 1; i++) {
        assay_buf_append_text(&buf, i == 0 ? "[" : ", ");
        if (i == 0)
            assay_buf_append_format(&buf, "count_if(%s < '%.17g'::DOUBLE)", value,
                                    partition->bins[0]);
        else if (i == n + 1)
            assay_buf_append_format(&buf, "count_if(%s > '%.17g'::DOUBLE)", value,
                                    partition->bins[n]);
        else
            assay_buf_append_format(&buf,
                                    "count_if(%s >= '%.17g'::DOUBLE AND %s %s '%.17g'::DOUBLE)",
                                    value, partition->bins[i - 1], value, i == n ? "<=" : "<",
                                    partition->bins[i]);
    }
    assay_buf_append_text(&buf, "]::BIGINT[]");
    return assay_dq_keep(run, &buf);
}

assay_status assay_dq_compile_divergence(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    struct partition *partition = assay_arena_take(run->arena, 1, sizeof(*partition));
    const assay_dq_column *column = NULL;
    const char *source = NULL;

    ASSAY_TRY(assay_arena_check(partition, err));
    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    ASSAY_TRY(read_partition(run, plan, partition, err));
    plan->extra = partition;
    if (partition->categorical) {
        source =
            assay_dq_keys_source(run, plan, assay_dq_sql(run, "%s IS NOT NULL", column->value));
        plan->slots[ASSAY_DQ_EXTRA] =
            assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, "count(*)");
        plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(
            run, ASSAY_DQ_LANE_KEYS, source,
            assay_dq_sql(run,
                         "arg_min({'value': \"__dq_k0\", 'count': \"__dq_n\"}, \"__dq_k0\", %d)",
                         (int)ASSAY_QUALITY_LIST_MAX));
        plan->judge = judge_values;
        return ASSAY_OK;
    }
    if (!assay_dq_is_number(column->family))
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not a number",
                               column->name, column->type);
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    plan->slots[ASSAY_DQ_OBSERVED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, assay_dq_from(run, plan),
                           bins_sql(run, partition, column->value));
    plan->judge = judge_bins;
    return ASSAY_OK;
}
