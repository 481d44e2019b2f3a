/* What checks with action quarantine say about single rows: predicates for the pass that writes,
 * and keys that no two rows may share (facts: quality.md section 9). */
#include "quality/plan.h"

/* A NULL predicate is a row that is not judged, or whose column is missing: it breaks nothing. */
static const char *broken_sql(assay_dq_run *run, const assay_dq_plan *plan)
{
    const char *broken = plan->keyed ? plan->missing : plan->unexpected;

    if (broken == NULL)
        return NULL;
    if (plan->condition != NULL)
        return assay_dq_sql(run, "coalesce((%s) AND %s, FALSE)", plan->condition, broken);
    return assay_dq_sql(run, "coalesce(%s, FALSE)", broken);
}

/* Rows whose key counts: those the check judges, and no part of the key is missing where that
 * breaks the rule already. */
static const char *kept_sql(assay_dq_run *run, const assay_dq_plan *plan)
{
    const char *kept = plan->kept;

    if (plan->missing != NULL)
        kept = assay_dq_sql(run, "NOT %s", plan->missing);
    if (plan->condition == NULL)
        return kept;
    return kept == NULL ? assay_dq_sql(run, "(%s)", plan->condition)
                        : assay_dq_sql(run, "(%s) AND %s", plan->condition, kept);
}

static assay_status add_rule(assay_dq_run *run, const assay_dq_plan *plan, assay_mask_rules *rules,
                             assay_error *err)
{
    assay_mask_rule *rule = &rules->items[rules->count];
    const char **key = assay_arena_take(run->arena, plan->judged_count + 1, sizeof(*key));

    ASSAY_TRY(assay_arena_check(key, err));
    *rule = (assay_mask_rule){.check = plan->check, .broken = broken_sql(run, plan)};
    for (size_t i = 0; plan->keyed && i < plan->judged_count; i++)
        key[i] = plan->judged[i]->value;
    if (plan->keyed) {
        rule->key = key;
        rule->key_count = plan->judged_count;
        rule->kept = kept_sql(run, plan);
    }
    rules->count++;
    return run->failed ? assay_error_nomem(err) : ASSAY_OK;
}

static void note_problem(assay_dq_run *run, const assay_dq_plan *plan, const char *problem,
                         assay_mask_rules *rules)
{
    if (rules->problem != NULL)
        return;
    rules->problem = assay_dq_sql(run, "%s", problem);
    rules->problem_check = plan->check;
}

/* Compiled and bound alone, so that one bad check spoils neither the others nor the write. */
static assay_status take_check(assay_dq_run *run, assay_dq_plan *plan, assay_mask_rules *rules,
                               assay_error *err)
{
    assay_error failure = {0};
    assay_status status = ASSAY_OK;

    if (plan->settled || plan->check->action != ASSAY_CHECK_ACTION_QUARANTINE)
        return ASSAY_OK;
    status = assay_dq_compile_check(run, plan, &failure);
    if (run->failed || (status == ASSAY_ENOMEM && failure.number == 1001))
        return assay_error_nomem(err);
    if (status != ASSAY_OK || !assay_dq_kind_marks_rows(plan->kind)) {
        note_problem(run, plan, failure.message, rules);
        return ASSAY_OK;
    }
    if (!plan->settled)
        ASSAY_TRY(assay_dq_passes_bind(run, plan, err));
    if (!plan->settled)
        return add_rule(run, plan, rules, err);
    if (plan->result->status == ASSAY_CHECK_STATUS_ERROR)
        note_problem(run, plan, plan->result->exception, rules);
    return ASSAY_OK;
}

static assay_status take_checks(assay_dq_run *run, assay_mask_rules *rules, assay_error *err)
{
    ASSAY_TRY(assay_dq_open_shape(run, err));
    for (size_t i = 0; i < run->plan_count; i++)
        ASSAY_TRY(take_check(run, &run->plans[i], rules, err));
    return ASSAY_OK;
}

static bool has_row_checks(const assay_quality_suite *suite)
{
    for (size_t i = 0; i < suite->count; i++)
        if (suite->checks[i].enabled && suite->checks[i].action == ASSAY_CHECK_ACTION_QUARANTINE)
            return true;
    return false;
}

assay_status assay_quality_mask_rules(const assay_quality_request *request, assay_arena *arena,
                                      assay_mask_rules *ret_rules, assay_error *err)
{
    ASSAY_AUTO(assay_dq_run_done) assay_dq_run run = {.request = request, .arena = arena};
    assay_mask_rules rules = {0};

    *ret_rules = rules;
    ASSAY_TRY(assay_dq_check_request(request, err));
    run.metrics = ASSAY_VEC_OF(assay_dq_metric *);
    if (!has_row_checks(request->suite))
        return ASSAY_OK;
    rules.items = assay_arena_take(arena, request->suite->count + 1, sizeof(*rules.items));
    ASSAY_TRY(assay_arena_check(rules.items, err));
    ASSAY_TRY(assay_dq_open_report(&run, err));
    ASSAY_TRY(assay_dq_watch_open(request, &run.watch, err));
    assay_status status = take_checks(&run, &rules, err);
    assay_dq_close_views(&run);
    ASSAY_TRY(status);
    *ret_rules = rules;
    return ASSAY_OK;
}
