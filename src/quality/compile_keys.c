/* Rules over the distinct values of a key: one grouping pass a key set, shared by all of them. */
#include "quality/plan.h"

#include <string.h>

enum { MODES_MAX = 1000 };

const char *assay_dq_keys_source(assay_dq_run *run, const assay_dq_plan *plan, const char *kept)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&buf, "(SELECT ");
    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, "%s AS \"__dq_k%zu\", ", plan->judged[i]->value, i);
    assay_buf_append_format(&buf, "count(*) AS \"__dq_n\" FROM %s", assay_dq_from(run, plan));
    if (kept != NULL)
        assay_buf_append_format(&buf, " WHERE %s", kept);
    assay_buf_append_text(&buf, " GROUP BY ");
    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, "%s%zu", i == 0 ? "" : ", ", i + 1);
    assay_buf_append_text(&buf, ") AS \"__dq_k\"");
    return assay_dq_keep(run, &buf);
}

/* "the row's key stands more than once" over the judged rows. */
static const char *repeated_predicate(assay_dq_run *run, const assay_dq_plan *plan,
                                      const char *source)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&buf, "EXISTS (SELECT 1 FROM %s WHERE \"__dq_k\".\"__dq_n\" > 1",
                            source);
    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, " AND \"__dq_k\".\"__dq_k%zu\" IS NOT DISTINCT FROM %s", i,
                                plan->judged[i]->value);
    assay_buf_append_char(&buf, ')');
    return assay_dq_keep(run, &buf);
}

/* "c0 IS NULL OR c1 IS NULL" over the names of the key source or over the judged rows. */
static const char *any_null(assay_dq_run *run, const assay_dq_plan *plan, bool of_source)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < plan->judged_count; i++) {
        assay_buf_append_text(&buf, i == 0 ? "(" : " OR ");
        if (of_source)
            assay_buf_append_format(&buf, "\"__dq_k%zu\" IS NULL", i);
        else
            assay_buf_append_format(&buf, "%s IS NULL", plan->judged[i]->value);
    }
    assay_buf_append_char(&buf, ')');
    return assay_dq_keep(run, &buf);
}

/* variant 0: one column, 1: compound, 2: primary key (unique and not null) */
assay_status assay_dq_compile_unique(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *argument = plan->kind->variant == 1 ? "column_list" : "columns";
    const assay_dq_column *column = NULL;
    const char *kept = NULL;
    const char *source = NULL;
    const char *bad = "\"__dq_n\" > 1";

    if (plan->kind->variant == 0) {
        ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
        kept = assay_dq_sql(run, "%s IS NOT NULL", column->value);
    } else {
        ASSAY_TRY(assay_dq_arg_columns(run, plan, argument, 1, err));
        if (plan->kind->variant == 1)
            ASSAY_TRY(assay_dq_kept(run, plan, false, &kept, err));
    }
    source = assay_dq_keys_source(run, plan, kept);
    plan->keyed = true;
    plan->kept = kept;
    plan->unexpected = repeated_predicate(run, plan, source);
    if (kept != NULL)
        plan->unexpected = assay_dq_sql(run, "(%s AND %s)", kept, plan->unexpected);
    if (plan->kind->variant == 2) {
        bad = assay_dq_sql(run, "(\"__dq_n\" > 1 OR %s)", any_null(run, plan, true));
        plan->missing = any_null(run, plan, false);
        plan->unexpected = assay_dq_sql(run, "(%s OR %s)", plan->missing, plan->unexpected);
        plan->result->judges_nulls = true;
    }
    plan->evidence_source = assay_dq_from(run, plan);
    plan->evidence_order = true;
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, "coalesce(sum(\"__dq_n\"), 0)::BIGINT");
    plan->slots[ASSAY_DQ_UNEXPECTED] = assay_dq_metric_of(
        run, ASSAY_DQ_LANE_KEYS, source,
        assay_dq_sql(run, "coalesce(sum(CASE WHEN %s THEN \"__dq_n\" ELSE 0 END), 0)::BIGINT",
                     bad));
    plan->judge = assay_dq_judge_rows;
    return ASSAY_OK;
}

/* The column of a rule over distinct values, and its source. */
static assay_status read_values(assay_dq_run *run, assay_dq_plan *plan, const char **ret_source,
                                assay_error *err)
{
    const assay_dq_column *column = NULL;

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    *ret_source =
        assay_dq_keys_source(run, plan, assay_dq_sql(run, "%s IS NOT NULL", column->value));
    return ASSAY_OK;
}

/* variant 0: count of distinct values, 1: their share */
assay_status assay_dq_compile_distinct(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *source = NULL;
    const char *value = "count(*)";
    assay_dq_bounds bounds = {0};

    ASSAY_TRY(read_values(run, plan, &source, err));
    ASSAY_TRY(assay_dq_bounds_read(run, plan,
                                   plan->kind->variant == 0 ? ASSAY_DQ_INTEGER : ASSAY_DQ_DOUBLE,
                                   &bounds, err));
    if (plan->kind->variant == 1)
        value = "coalesce(count(*) / nullif(sum(\"__dq_n\"), 0), 0)::DOUBLE";
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, value);
    plan->slots[ASSAY_DQ_OK] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, assay_dq_within(run, value, &bounds));
    plan->judge = assay_dq_judge_aggregate;
    return ASSAY_OK;
}

/* ---- sets of distinct values ---- */

enum set_rule { SET_IN, SET_CONTAIN, SET_EQUAL };

struct set_rule_data {
    bool null;      /* no set: everything is as it should be */
    bool unmatched; /* a member that no value of this type can be */
};

static void show_distinct(assay_dq_run *run, assay_dq_plan *plan, const assay_value *pairs)
{
    assay_value *values = assay_value_list(run->arena);
    assay_value *counts = assay_value_list(run->arena);
    bool listed = pairs != NULL && pairs->kind == ASSAY_VALUE_LIST;

    if (values == NULL || counts == NULL) {
        run->failed = true;
        return;
    }
    for (size_t i = 0; listed && i < pairs->count && !run->failed; i++) {
        assay_value *value = assay_value_find(pairs->items[i], "value");
        if (plan->judged[0]->pii)
            value = assay_value_text(run->arena, "***");
        if (value == NULL || assay_value_append(values, value, run->arena, NULL) != ASSAY_OK ||
            assay_value_set(pairs->items[i], "value", value, run->arena, NULL) != ASSAY_OK ||
            assay_value_append(counts, pairs->items[i], run->arena, NULL) != ASSAY_OK)
            run->failed = true;
    }
    plan->result->observed = values;
    assay_dq_detail(run, plan, "value_counts", counts);
}

static void judge_distinct_set(assay_dq_run *run, assay_dq_plan *plan)
{
    const struct set_rule_data *data = plan->extra;
    int64_t distinct = assay_dq_slot_int(plan, ASSAY_DQ_JUDGED);
    int64_t hits = assay_dq_slot_int(plan, ASSAY_DQ_UNEXPECTED);
    int64_t members = assay_dq_slot_int(plan, ASSAY_DQ_EXTRA);
    bool within = data->null || hits == distinct;
    bool covered = data->null || (hits == members && !data->unmatched);

    show_distinct(run, plan, assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED));
    plan->result->truncated = distinct > ASSAY_QUALITY_LIST_MAX;
    if ((plan->kind->variant == SET_CONTAIN || within) &&
        (plan->kind->variant == SET_IN || covered)) {
        assay_dq_pass(plan);
        return;
    }
    if (plan->kind->variant != SET_CONTAIN && !within)
        assay_dq_miss(run, plan, "%lld of %lld distinct values are not in the set",
                      (long long)(distinct - hits), (long long)distinct);
    else
        assay_dq_miss(run, plan, "values of the set do not occur");
}

/* variant: enum set_rule */
assay_status assay_dq_compile_distinct_set(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    struct set_rule_data *data = assay_arena_take(run->arena, 1, sizeof(*data));
    const char *source = NULL;
    assay_dq_set set = {0};

    ASSAY_TRY(assay_arena_check(data, err));
    ASSAY_TRY(read_values(run, plan, &source, err));
    ASSAY_TRY(assay_dq_members(run, plan, plan->judged[0], "value_set", &set, err));
    data->null = set.null;
    data->unmatched = set.dropped > 0;
    /* for be_in_set an empty set is no set */
    if (plan->kind->variant == SET_IN && set.count == 0 && set.dropped == 0)
        data->null = true;
    plan->extra = data;
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, "count(*)");
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source,
                           assay_dq_sql(run, "count_if(%s)::BIGINT",
                                        assay_dq_is_member(run, "\"__dq_k0\"", &set)));
    plan->slots[ASSAY_DQ_EXTRA] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL,
                           set.count == 0
                               ? "0::BIGINT"
                               : assay_dq_sql(run, "list_unique([%s])::BIGINT", set.list));
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(
        run, ASSAY_DQ_LANE_KEYS, source,
        assay_dq_sql(run, "arg_min({'value': \"__dq_k0\", 'count': \"__dq_n\"}, \"__dq_k0\", %d)",
                     (int)ASSAY_QUALITY_LIST_MAX));
    plan->judge = judge_distinct_set;
    return ASSAY_OK;
}

/* ---- most common values ---- */

static void judge_most_common(assay_dq_run *run, assay_dq_plan *plan)
{
    const assay_value *top = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    int64_t best = assay_dq_slot_int(plan, ASSAY_DQ_EXTRA);
    assay_value *modes = assay_value_list(run->arena);
    bool ties_okay = assay_value_find_bool(plan->check->kwargs, "ties_okay", false);
    size_t hits = 0;

    if (modes == NULL)
        run->failed = true;
    for (size_t i = 0;
         !run->failed && top != NULL && top->kind == ASSAY_VALUE_LIST && i < top->count; i++) {
        const assay_value *entry = top->items[i];
        assay_value *value = assay_value_find(entry, "value");
        if (assay_value_find_int(entry, "count", -1) != best)
            continue;
        hits += assay_value_find_bool(entry, "hit", false) ? 1 : 0;
        if (plan->judged[0]->pii)
            value = assay_value_text(run->arena, "***");
        if (assay_value_append(modes, value, run->arena, NULL) != ASSAY_OK)
            run->failed = true;
    }
    if (run->failed)
        return;
    plan->result->observed = modes;
    if (modes->count > MODES_MAX)
        assay_dq_break(run, plan, 5028, "more than %d values are equally common", MODES_MAX);
    else if (modes->count > 0 && (ties_okay ? hits > 0 : modes->count == 1 && hits == 1))
        assay_dq_pass(plan);
    else if (modes->count > 1 && !ties_okay)
        assay_dq_miss(run, plan, "%zu values are equally common", modes->count);
    else
        assay_dq_miss(run, plan, "the most common value is not in the set");
}

assay_status assay_dq_compile_most_common(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *source = NULL;
    assay_dq_set set = {0};
    bool ties_okay = false;

    ASSAY_TRY(read_values(run, plan, &source, err));
    ASSAY_TRY(assay_dq_arg_bool(plan, "ties_okay", false, &ties_okay, err));
    ASSAY_TRY(assay_dq_members(run, plan, plan->judged[0], "value_set", &set, err));
    if (set.null)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'value_set' is missing");
    plan->slots[ASSAY_DQ_EXTRA] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, "coalesce(max(\"__dq_n\"), 0)");
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(
        run, ASSAY_DQ_LANE_KEYS, source,
        assay_dq_sql(run,
                     "list_sort(arg_max({'value': \"__dq_k0\", 'count': \"__dq_n\", 'hit': %s}, "
                     "\"__dq_n\", %d))",
                     assay_dq_is_member(run, "\"__dq_k0\"", &set), MODES_MAX + 1));
    plan->judge = judge_most_common;
    return ASSAY_OK;
}
