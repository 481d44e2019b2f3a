/* Rules that SQL cannot say: C judges each distinct text once, the engine counts. */
#include "quality/date_text.h"
#include "quality/json_schema.h"
#include "quality/plan.h"
#include "text/json.h"

#include <string.h>

enum { BAD_LISTED_MAX = 1000 }; /* values that the query for samples names */

/* Whether one text is as expected. */
typedef bool text_rule(assay_dq_run *run, const assay_dq_plan *plan, const char *text);

static bool find_pattern(void *user, const char *text, const char *pattern)
{
    assay_dq_run *run = user;
    assay_error failure = {0};
    assay_rows *rows = NULL;
    const char *sql =
        assay_dq_sql(run, "SELECT regexp_matches(%s, %s)", assay_dq_quote_text(run, text),
                     assay_dq_quote_text(run, pattern));

    if (assay_dq_watch_query(run->watch, sql, 1, run->arena, &rows, &failure) != ASSAY_OK) {
        assay_dq_note_failure(run, &failure);
        return false;
    }
    return rows->count == 1 && rows->cells[0][0]->kind == ASSAY_VALUE_BOOL &&
           rows->cells[0][0]->boolean;
}

/* A text that is no JSON does not fit. */
static bool fits_schema(assay_dq_run *run, const assay_dq_plan *plan, const char *text)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_error failure = {0};
    assay_value *value = NULL;

    if (arena == NULL) {
        run->failed = true;
        return false;
    }
    if (assay_json_parse(text, strlen(text), "value", arena, &value, &failure) != ASSAY_OK) {
        assay_dq_note_failure(run, &failure);
        return false;
    }
    return assay_json_schema_fits(plan->extra, value, find_pattern, run);
}

static bool is_date(assay_dq_run *run, const assay_dq_plan *plan, const char *text)
{
    (void)run;
    (void)plan;
    return assay_dq_is_date_text(text);
}

static text_rule *const rules[] = {fits_schema, is_date};

/* A metric that has its value already. */
static assay_dq_metric *known_count(assay_dq_run *run, int64_t count)
{
    assay_dq_metric *metric = assay_arena_take(run->arena, 1, sizeof(*metric));

    if (metric == NULL) {
        run->failed = true;
        return NULL;
    }
    metric->lane = ASSAY_DQ_LANE_KEYS;
    metric->done = true;
    metric->value = assay_value_int(run->arena, count);
    run->failed = run->failed || metric->value == NULL;
    return metric;
}

static void judge_texts(assay_dq_run *run, assay_dq_plan *plan)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bad = ASSAY_BUF_EMPTY;
    const assay_value *pairs = assay_dq_slot_value(plan, ASSAY_DQ_OBSERVED);
    int64_t unexpected = 0;
    size_t listed = 0;

    if (assay_dq_slot_int(plan, ASSAY_DQ_EXTRA) > ASSAY_QUALITY_DISTINCT_MAX) {
        assay_dq_break(run, plan, 5028, "there are more than %d distinct values",
                       (int)ASSAY_QUALITY_DISTINCT_MAX);
        return;
    }
    for (size_t i = 0; pairs != NULL && pairs->kind == ASSAY_VALUE_LIST && i < pairs->count; i++) {
        const char *text = assay_value_find_text(pairs->items[i], "value", "");
        if (rules[plan->kind->variant](run, plan, text))
            continue;
        unexpected += assay_value_find_int(pairs->items[i], "count", 0);
        if (listed == BAD_LISTED_MAX)
            continue;
        assay_buf_append_text(&bad, listed++ == 0 ? "" : ", ");
        assay_sql_append_text(&bad, text);
    }
    if (bad.failed)
        run->failed = true;
    if (listed > 0)
        plan->unexpected =
            assay_dq_sql(run, "%s IN (%s)", plan->judged[0]->value, assay_dq_keep(run, &bad));
    plan->slots[ASSAY_DQ_UNEXPECTED] = known_count(run, unexpected);
    assay_dq_judge_rows(run, plan);
}

/* Every `pattern` of the schema alone on an empty text, so that one the engine refuses is an error.
 */
static void append_probes(assay_buf *buf, const assay_value *schema)
{
    const assay_value *pattern = assay_value_find(schema, "pattern");

    if (pattern != NULL && pattern->kind == ASSAY_VALUE_TEXT) {
        assay_buf_append_text(buf, ", regexp_matches('', ");
        assay_sql_append_text(buf, pattern->text);
        assay_buf_append_char(buf, ')');
    }
    for (size_t i = 0;
         (schema->kind == ASSAY_VALUE_MAP || schema->kind == ASSAY_VALUE_LIST) && i < schema->count;
         i++)
        append_probes(buf, schema->items[i]);
}

static assay_status check_schema(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf probe = ASSAY_BUF_EMPTY;
    const assay_value *schema = assay_dq_arg(plan, "json_schema");

    if (schema == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'json_schema' is missing");
    ASSAY_TRY(assay_json_schema_check(schema, err));
    assay_buf_append_text(&probe, "SELECT TRUE");
    append_probes(&probe, schema);
    ASSAY_TRY(assay_buf_check(&probe, err));
    plan->probe = assay_dq_keep(run, &probe);
    plan->extra = schema;
    return ASSAY_OK;
}

/* variant 0: JSON schema, 1: dates */
assay_status assay_dq_compile_native(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *source = NULL;

    ASSAY_TRY(assay_dq_arg_judged(run, plan, &column, err));
    if (column->family != ASSAY_DQ_TEXT)
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not text",
                               column->name, column->type);
    if (plan->kind->variant == 0)
        ASSAY_TRY(check_schema(run, plan, err));
    source = assay_dq_keys_source(run, plan, assay_dq_sql(run, "%s IS NOT NULL", column->value));
    plan->evidence_source = assay_dq_from(run, plan);
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] = assay_dq_metric_values(run, plan, column);
    plan->slots[ASSAY_DQ_EXTRA] = assay_dq_metric_of(run, ASSAY_DQ_LANE_KEYS, source, "count(*)");
    plan->slots[ASSAY_DQ_OBSERVED] = assay_dq_metric_of(
        run, ASSAY_DQ_LANE_KEYS, source,
        assay_dq_sql(run, "arg_min({'value': \"__dq_k0\", 'count': \"__dq_n\"}, \"__dq_k0\", %d)",
                     (int)ASSAY_QUALITY_DISTINCT_MAX));
    plan->judge = judge_texts;
    return ASSAY_OK;
}
