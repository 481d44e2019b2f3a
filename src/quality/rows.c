/* Rules that judge rows, and how a judge says its verdict. */
#include "quality/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

assay_dq_metric *assay_dq_metric_rows(assay_dq_run *run, const assay_dq_plan *plan)
{
    const char *proof = assay_dq_proof_rows(run, plan);

    if (proof != NULL)
        return assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL, proof);
    return assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, assay_dq_from(run, plan), "count(*)");
}

assay_dq_metric *assay_dq_metric_values(assay_dq_run *run, const assay_dq_plan *plan,
                                        const assay_dq_column *column)
{
    const char *proof = assay_dq_proof_values(run, plan, column);

    if (proof != NULL)
        return assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL, proof);
    return assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, assay_dq_from(run, plan),
                              assay_dq_sql(run, "count(%s)", column->value));
}

/* The list of judged columns with one member. */
static assay_status judge_column(assay_dq_run *run, assay_dq_plan *plan,
                                 const assay_dq_column *column, assay_error *err)
{
    const assay_dq_column **judged = assay_arena_take(run->arena, 1, sizeof(*judged));

    ASSAY_TRY(assay_arena_check(judged, err));
    judged[0] = column;
    plan->judged = judged;
    plan->judged_count = 1;
    plan->shape = ASSAY_DQ_SINGLE;
    return ASSAY_OK;
}

assay_status assay_dq_rows_column(assay_dq_run *run, assay_dq_plan *plan,
                                  const assay_dq_column *column, const char *expected,
                                  assay_error *err)
{
    const char *from = assay_dq_from(run, plan);

    ASSAY_TRY(judge_column(run, plan, column, err));
    plan->unexpected =
        assay_dq_sql(run, "(%s IS NOT NULL AND NOT coalesce(%s, FALSE))", column->value, expected);
    plan->evidence_source = from;
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                           assay_dq_sql(run, "count_if(%s)::BIGINT", plan->unexpected));
    plan->judge = assay_dq_judge_rows;
    return ASSAY_OK;
}

assay_status assay_dq_rows_record(assay_dq_run *run, assay_dq_plan *plan, const char *kept,
                                  const char *expected, assay_error *err)
{
    const char *from = assay_dq_from(run, plan);

    plan->unexpected = assay_dq_sql(run, "(%s AND NOT coalesce(%s, FALSE))",
                                    kept == NULL ? "TRUE" : kept, expected);
    plan->evidence_source = from;
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] =
        kept == NULL ? plan->slots[ASSAY_DQ_ELEMENT]
                     : assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                                          assay_dq_sql(run, "count_if(%s)::BIGINT", kept));
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                           assay_dq_sql(run, "count_if(%s)::BIGINT", plan->unexpected));
    plan->judge = assay_dq_judge_rows;
    (void)err;
    return ASSAY_OK;
}

const assay_value *assay_dq_slot_value(const assay_dq_plan *plan, int slot)
{
    const assay_dq_metric *metric = plan->slots[slot];

    return metric == NULL || !metric->done || metric->failure != NULL ? NULL : metric->value;
}

int64_t assay_dq_slot_int(const assay_dq_plan *plan, int slot)
{
    const assay_value *value = assay_dq_slot_value(plan, slot);

    if (value == NULL)
        return -1;
    if (value->kind == ASSAY_VALUE_NULL) /* sum() over no group */
        return 0;
    return value->kind == ASSAY_VALUE_INT ? value->integer : -1;
}

bool assay_dq_slot_bool(const assay_dq_plan *plan, int slot)
{
    const assay_value *value = assay_dq_slot_value(plan, slot);

    return value != NULL && value->kind == ASSAY_VALUE_BOOL && value->boolean;
}

void assay_dq_pass(assay_dq_plan *plan)
{
    plan->settled = true;
    plan->result->status = ASSAY_CHECK_STATUS_PASS;
    plan->result->reason = NULL;
}

void assay_dq_miss(assay_dq_run *run, assay_dq_plan *plan, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    plan->settled = true;
    plan->result->status = ASSAY_CHECK_STATUS_FAIL;
    plan->result->reason = assay_dq_sql(run, "%s", text);
}

void assay_dq_break(assay_dq_run *run, assay_dq_plan *plan, int number, const char *format, ...)
{
    char text[ASSAY_ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    plan->settled = true;
    plan->result->status = ASSAY_CHECK_STATUS_ERROR;
    plan->result->severity = ASSAY_CHECK_SEVERITY_CRITICAL;
    plan->result->exception = assay_dq_sql(run, "%s", text);
    plan->result->exception_number = number;
    plan->result->reason = plan->result->exception;
}

void assay_dq_note_failure(assay_dq_run *run, const assay_error *failure)
{
    if (failure->code == ASSAY_ENOMEM && failure->number == 1001)
        run->failed = true;
}

const char *assay_dq_words(assay_dq_run *run, const assay_error *failure)
{
    assay_error shown = *failure;

    if (run->request->pii_count > 0)
        assay_engine_hide_values(&shown);
    return assay_dq_sql(run, "%s", shown.message);
}

const char *assay_dq_say(assay_dq_run *run, const assay_value *value)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_quality_value_text(&buf, value, 80);
    return assay_dq_keep(run, &buf);
}

void assay_dq_detail(assay_dq_run *run, assay_dq_plan *plan, const char *key, assay_value *value)
{
    if (plan->details == NULL)
        plan->details = assay_value_map(run->arena);
    if (plan->details == NULL ||
        assay_value_set(plan->details, key, value, run->arena, NULL) != ASSAY_OK)
        run->failed = true;
    plan->result->details = plan->details;
}

bool assay_dq_value_same(const assay_value *a, const assay_value *b)
{
    return assay_value_equal(a, b);
}

void assay_dq_judge_rows(assay_dq_run *run, assay_dq_plan *plan)
{
    assay_quality_result *result = plan->result;
    int64_t judged = assay_dq_slot_int(plan, ASSAY_DQ_JUDGED);
    int64_t unexpected = assay_dq_slot_int(plan, ASSAY_DQ_UNEXPECTED);

    result->element_count = assay_dq_slot_int(plan, ASSAY_DQ_ELEMENT);
    result->judged_count = judged;
    result->unexpected_count = unexpected;
    if (judged < 0 || unexpected < 0 || unexpected > judged || result->element_count < judged) {
        assay_dq_break(run, plan, 5025,
                       "the pass gave counts that cannot be: %" PRId64 " of %" PRId64, unexpected,
                       judged);
        return;
    }
    if (plan->require_rows && result->element_count == 0) {
        assay_dq_miss(run, plan, "no row to judge, and rows are required");
        return;
    }
    if (judged == 0 || (double)(judged - unexpected) / (double)judged >= plan->mostly) {
        assay_dq_pass(plan);
        return;
    }
    if (plan->mostly < 1.0)
        assay_dq_miss(run, plan,
                      "%" PRId64 " of %" PRId64 " unexpected (%.4g %%), at most %.4g %% allowed",
                      unexpected, judged, 100.0 * (double)unexpected / (double)judged,
                      100.0 * (1.0 - plan->mostly));
    else
        assay_dq_miss(run, plan, "%" PRId64 " of %" PRId64 " unexpected", unexpected, judged);
}

/* The bounds of an aggregate for people: "between 1 and 10", "at least 1". */
static const char *bounds_text(assay_dq_run *run, const assay_dq_plan *plan)
{
    const assay_value *min = assay_dq_arg(plan, "min_value");
    const assay_value *max = assay_dq_arg(plan, "max_value");

    if (min != NULL && max != NULL)
        return assay_dq_sql(run, "between %s and %s", assay_dq_say(run, min),
                            assay_dq_say(run, max));
    if (min != NULL)
        return assay_dq_sql(run, "at least %s", assay_dq_say(run, min));
    if (max != NULL)
        return assay_dq_sql(run, "at most %s", assay_dq_say(run, max));
    return "a value";
}

void assay_dq_judge_aggregate(assay_dq_run *run, assay_dq_plan *plan)
{
    const assay_value *observed = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);

    if (plan->slots[ASSAY_DQ_ELEMENT] != NULL)
        plan->result->element_count = assay_dq_slot_int(plan, ASSAY_DQ_ELEMENT);
    if (plan->slots[ASSAY_DQ_JUDGED] != NULL)
        plan->result->judged_count = assay_dq_slot_int(plan, ASSAY_DQ_JUDGED);
    plan->result->observed = observed;
    if (plan->require_rows && plan->result->element_count == 0)
        assay_dq_miss(run, plan, "no row to judge, and rows are required");
    else if (assay_dq_slot_bool(plan, ASSAY_DQ_OK))
        assay_dq_pass(plan);
    else if (observed == NULL || observed->kind == ASSAY_VALUE_NULL)
        assay_dq_miss(run, plan, "there is no value, expected %s", bounds_text(run, plan));
    else if (plan->hides_observed)
        assay_dq_miss(run, plan, "observed ***, expected %s", bounds_text(run, plan));
    else
        assay_dq_miss(run, plan, "observed %s, expected %s", assay_dq_say(run, observed),
                      bounds_text(run, plan));
}
