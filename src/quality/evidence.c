/* The rows that broke a rule: a query of its own, only where there are any (facts: quality.md 8.1,
 * P5). */
#include "quality/plan.h"

#include <string.h>

static bool is_listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i], name))
            return true;
    return false;
}

/* "***" for values of pii columns. */
static assay_value *shown(assay_dq_run *run, assay_value *value, bool secret)
{
    assay_value *text = NULL;

    if (!secret || value->kind == ASSAY_VALUE_NULL)
        return value;
    text = assay_value_text(run->arena, "***");
    if (text == NULL)
        run->failed = true;
    return text;
}

static void set_key(assay_dq_run *run, assay_value *map, const char *key, assay_value *value)
{
    if (map == NULL || assay_value_set(map, key, value, run->arena, NULL) != ASSAY_OK)
        run->failed = true;
}

/* ---- rows of the table ---- */

static size_t index_count(const assay_dq_run *run, const assay_dq_plan *plan)
{
    return plan->index_columns != NULL ? plan->index_columns->count : run->index_count;
}

static const char *index_name(const assay_dq_run *run, const assay_dq_plan *plan, size_t i)
{
    return plan->index_columns != NULL ? plan->index_columns->items[i]->text
                                       : run->index_columns[i];
}

static const char *evidence_sql(assay_dq_run *run, const assay_dq_plan *plan, size_t limit)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const char *order = plan->evidence_order ? assay_dq_order(run) : NULL;

    assay_buf_append_text(&buf, "SELECT ");
    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, "%s AS \"__dq_v%zu\", ", plan->judged[i]->sql, i);
    for (size_t i = 0; i < index_count(run, plan); i++) {
        assay_sql_append_name(&buf, index_name(run, plan, i));
        assay_buf_append_format(&buf, " AS \"__dq_i%zu\", ", i);
    }
    assay_buf_append_text(&buf,
                          run->positioned ? "\"__assay_file\", \"__assay_row\"" : "NULL, NULL");
    assay_buf_append_format(&buf, " FROM %s WHERE %s", plan->evidence_source, plan->unexpected);
    if (order != NULL)
        assay_buf_append_format(&buf, " ORDER BY %s", order);
    assay_buf_append_format(&buf, " LIMIT %zu", limit);
    return assay_dq_keep(run, &buf);
}

static const assay_value *sample_value(assay_dq_run *run, const assay_dq_plan *plan,
                                       assay_value **cells)
{
    assay_value *value = NULL;
    bool hidden = plan->exclude_values;

    if (plan->shape == ASSAY_DQ_SINGLE)
        return shown(run, cells[0], plan->judged[0]->pii || hidden);
    value =
        plan->shape == ASSAY_DQ_PAIR ? assay_value_list(run->arena) : assay_value_map(run->arena);
    if (value == NULL)
        run->failed = true;
    for (size_t i = 0; i < plan->judged_count && !run->failed; i++) {
        assay_value *cell = shown(run, cells[i], plan->judged[i]->pii || hidden);
        if (plan->shape == ASSAY_DQ_RECORD)
            set_key(run, value, plan->judged[i]->name, cell);
        else if (assay_value_append(value, cell, run->arena, NULL) != ASSAY_OK)
            run->failed = true;
    }
    return value;
}

/* {index columns, judged columns}; NULL where no index column was named. */
static const assay_value *sample_index(assay_dq_run *run, const assay_dq_plan *plan,
                                       assay_value **cells)
{
    assay_value *map = NULL;
    size_t count = index_count(run, plan);

    if (count == 0)
        return NULL;
    map = assay_value_map(run->arena);
    for (size_t i = 0; i < plan->judged_count && !plan->exclude_values; i++)
        set_key(run, map, plan->judged[i]->name, shown(run, cells[i], plan->judged[i]->pii));
    for (size_t i = 0; i < count; i++) {
        const char *name = index_name(run, plan, i);
        bool secret = is_listed(run->request->pii_columns, run->request->pii_count, name);
        set_key(run, map, name, shown(run, cells[plan->judged_count + i], secret));
    }
    return map;
}

static void set_samples(assay_dq_run *run, assay_dq_plan *plan, const assay_rows *rows)
{
    size_t fixed = plan->judged_count + index_count(run, plan);
    assay_quality_sample *samples = assay_arena_take(run->arena, rows->count + 1, sizeof(*samples));

    if (samples == NULL) {
        run->failed = true;
        return;
    }
    for (size_t i = 0; i < rows->count && !run->failed; i++) {
        assay_value **cells = rows->cells[i];
        samples[i].value = sample_value(run, plan, cells);
        samples[i].index = sample_index(run, plan, cells);
        samples[i].file = cells[fixed]->kind == ASSAY_VALUE_TEXT ? cells[fixed]->text : NULL;
        samples[i].row = cells[fixed + 1]->kind == ASSAY_VALUE_INT ? cells[fixed + 1]->integer : -1;
    }
    plan->result->samples = samples;
    plan->result->sample_count = rows->count;
}

/* ---- how often values stand among the unexpected ones ---- */

static bool hides_values(const assay_dq_plan *plan)
{
    bool hides = plan->exclude_values;

    for (size_t i = 0; i < plan->judged_count; i++)
        hides = hides || plan->judged[i]->pii;
    return hides;
}

/* "SELECT c0 AS .., count(*) .. GROUP BY .. ORDER BY count DESC, values" */
static const char *counts_sql(assay_dq_run *run, const assay_dq_plan *plan)
{
    ASSAY_AUTO(assay_buf_done) assay_buf columns = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf places = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < plan->judged_count; i++) {
        assay_buf_append_format(&columns, "%s AS \"__dq_v%zu\", ", plan->judged[i]->sql, i);
        assay_buf_append_format(&places, "%s%zu", i == 0 ? "" : ", ", i + 1);
    }
    return assay_dq_sql(
        run, "SELECT %scount(*) FROM %s WHERE %s GROUP BY %s ORDER BY %zu DESC, %s LIMIT %zu",
        assay_dq_keep(run, &columns), plan->evidence_source, plan->unexpected,
        assay_dq_keep(run, &places), plan->judged_count + 1, assay_dq_keep(run, &places),
        plan->result->partial_count);
}

/* The samples are only the first ones: the counts are asked for. A failure leaves the counts of the
 * samples. */
static void collect_counts(assay_dq_run *run, assay_dq_plan *plan)
{
    assay_error failure = {0};
    assay_rows *rows = NULL;
    assay_value *list = assay_value_list(run->arena);

    if (hides_values(plan) || plan->judged_count == 0)
        return;
    run->report->sql_passes++;
    run->scans++;
    if (assay_dq_watch_query(run->watch, counts_sql(run, plan), plan->result->partial_count,
                             run->arena, &rows, &failure) != ASSAY_OK) {
        assay_dq_note_failure(run, &failure);
        return;
    }
    for (size_t i = 0; i < rows->count && !run->failed; i++) {
        assay_value *entry = assay_value_map(run->arena);
        const assay_value *value = sample_value(run, plan, rows->cells[i]);
        set_key(run, entry, "value", assay_value_copy(run->arena, value));
        set_key(run, entry, "count", rows->cells[i][plan->judged_count]);
        if (list == NULL || assay_value_append(list, entry, run->arena, NULL) != ASSAY_OK)
            run->failed = true;
    }
    plan->result->value_counts = list;
}

/* ---- rows of a query of the user ---- */

static bool is_column(const assay_dq_run *run, const char *name)
{
    for (size_t i = 0; i < run->column_count; i++)
        if (assay_str_equal_ci(run->columns[i].name, name))
            return true;
    return false;
}

static bool mentions_pii(const assay_dq_run *run, const assay_dq_plan *plan)
{
    for (size_t i = 0; i < run->request->pii_count; i++)
        if (assay_str_contains(plan->rows_query, run->request->pii_columns[i]))
            return true;
    return strchr(plan->rows_query, '*') != NULL;
}

/* By column: the rows of a query hold personal data as far as is known where each value comes from.
 */
static bool *find_hidden(assay_dq_run *run, const assay_dq_plan *plan, const assay_rows *rows)
{
    const assay_quality_request *request = run->request;
    bool *hidden = assay_arena_take(run->arena, rows->column_count + 1, sizeof *hidden);
    const char *sql = assay_dq_sql(run, "SELECT * FROM %s AS \"__dq_q\"", plan->named_query);

    run->failed = run->failed || hidden == NULL;
    if (!run->failed && request->hides != NULL)
        request->hides(request->hides_user, sql, rows->names, rows->column_count, hidden);
    return hidden;
}

/* A query may give pii under another name, by position or as a whole row: where the table has such
 * columns, only what bears the name of another column is shown, and of that only numbers where the
 * query mentions pii. */
static bool hides_cell(const assay_dq_run *run, const assay_dq_plan *plan, const char *name,
                       const assay_value *cell)
{
    bool number = cell->kind == ASSAY_VALUE_INT || cell->kind == ASSAY_VALUE_REAL ||
                  cell->kind == ASSAY_VALUE_BOOL;

    if (run->request->pii_count == 0)
        return false;
    return is_listed(run->request->pii_columns, run->request->pii_count, name) ||
           !is_column(run, name) || (!number && mentions_pii(run, plan));
}

static void set_query_samples(assay_dq_run *run, assay_dq_plan *plan, const assay_rows *rows)
{
    assay_quality_sample *samples = assay_arena_take(run->arena, rows->count + 1, sizeof(*samples));
    const bool *hidden = find_hidden(run, plan, rows);

    run->failed = run->failed || samples == NULL;
    for (size_t i = 0; i < rows->count && !run->failed; i++) {
        assay_value *map = assay_value_map(run->arena);
        for (size_t c = 0; c < rows->column_count && !run->failed; c++) {
            assay_value *cell = rows->cells[i][c];
            bool secret = hidden[c] || hides_cell(run, plan, rows->names[c], cell);
            set_key(run, map, rows->names[c], shown(run, cell, secret));
        }
        samples[i].value = map;
        samples[i].row = -1;
    }
    plan->result->samples = samples;
    plan->result->sample_count = rows->count;
}

assay_status assay_dq_evidence_collect(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    assay_quality_result *result = plan->result;
    size_t limit = result->format == ASSAY_RESULT_FORMAT_COMPLETE ? ASSAY_QUALITY_LIST_MAX
                                                                  : result->partial_count;
    assay_error failure = {0};
    assay_rows *rows = NULL;
    const char *sql = NULL;

    if (result->unexpected_count <= 0 || result->status == ASSAY_CHECK_STATUS_ERROR ||
        result->format == ASSAY_RESULT_FORMAT_BOOLEAN_ONLY || limit == 0 ||
        (plan->unexpected == NULL && plan->rows_query == NULL))
        return ASSAY_OK;
    if (plan->rows_query != NULL)
        sql = assay_dq_sql(run, "SELECT * FROM %s LIMIT %zu", plan->rows_query, limit);
    else
        sql = evidence_sql(run, plan, limit);
    if (run->failed)
        return assay_error_nomem(err);
    run->report->sql_passes++;
    run->scans++;
    if (assay_dq_watch_query(run->watch, sql, limit, run->arena, &rows, &failure) != ASSAY_OK) {
        assay_dq_note_failure(run, &failure);
        /* the verdict stands; that there are no samples is said */
        plan->result->reason = assay_dq_sql(run, "%s (no samples: %s)",
                                            result->reason == NULL ? "passed" : result->reason,
                                            assay_dq_words(run, &failure));
        return run->failed ? assay_error_nomem(err) : ASSAY_OK;
    }
    if (plan->rows_query != NULL)
        set_query_samples(run, plan, rows);
    else
        set_samples(run, plan, rows);
    result->truncated = (int64_t)result->sample_count < result->unexpected_count;
    if (result->truncated && result->format >= ASSAY_RESULT_FORMAT_SUMMARY &&
        plan->rows_query == NULL)
        collect_counts(run, plan);
    return run->failed ? assay_error_nomem(err) : ASSAY_OK;
}
