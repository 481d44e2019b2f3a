/* From metrics to as few queries as possible: one a lane and source (facts: quality.md section 8).
 */
#include "quality/plan.h"

#include <string.h>

enum { FUSED_MAX = 500 }; /* expressions of one query */

/* "SELECT e0 AS "__dq_0", .. FROM source" */
static const char *select_sql(assay_dq_run *run, assay_dq_metric *const *metrics, size_t count)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&buf, "SELECT ");
    for (size_t i = 0; i < count; i++)
        assay_buf_append_format(&buf, "%s%s AS \"__dq_%zu\"", i == 0 ? "" : ", ",
                                metrics[i]->expression, i);
    if (metrics[0]->source != NULL)
        assay_buf_append_format(&buf, " FROM %s", metrics[0]->source);
    return assay_dq_keep(run, &buf);
}

static void set_failure(assay_dq_run *run, assay_dq_metric *metric, const assay_error *failure)
{
    assay_dq_note_failure(run, failure);
    metric->done = true;
    metric->failure = assay_arena_bytes(run->arena, failure, sizeof(*failure));
    if (metric->failure == NULL)
        run->failed = true;
}

/* ---- P0: every metric alone, on no data ---- */

/* Binds without running: an error here belongs to the checks that need this metric, and to no
 * other. */
static void bind_metric(assay_dq_run *run, assay_dq_metric *metric)
{
    assay_error failure = {0};
    assay_column *columns = NULL;
    size_t count = 0;

    if (metric->done || metric->bound)
        return;
    metric->bound = true;
    if (assay_conn_describe(run->request->conn, select_sql(run, &metric, 1), run->arena, &columns,
                            &count, &failure) != ASSAY_OK)
        set_failure(run, metric, &failure);
}

/* The number that a check shows for a failure of the engine. */
static int number_of(const assay_error *failure)
{
    return failure->number >= 5000 && failure->number < 6000 ? failure->number : 5025;
}

assay_status assay_dq_passes_bind(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    assay_error failure = {0};
    assay_rows *rows = NULL;

    for (size_t i = 0; i < ASSAY_DQ_SLOTS; i++) {
        assay_dq_metric *metric = plan->slots[i];
        if (metric == NULL)
            continue;
        bind_metric(run, metric);
        if (metric->failure != NULL) {
            assay_dq_break(run, plan, number_of(metric->failure), "%s",
                           assay_dq_words(run, metric->failure));
            return ASSAY_OK;
        }
    }
    if (plan->probe != NULL &&
        assay_dq_watch_query(run->watch, plan->probe, 1, run->arena, &rows, &failure) != ASSAY_OK) {
        bool stopped = failure.number == 5026 || failure.number == 5027;
        assay_dq_note_failure(run, &failure);
        assay_dq_break(run, plan, stopped ? failure.number : 5024, "%s", failure.message);
    }
    return run->failed ? assay_error_nomem(err) : ASSAY_OK;
}

/* ---- P1 .. P4 ---- */

static void set_values(assay_dq_metric *const *metrics, size_t count, const assay_rows *rows,
                       int64_t duration_us)
{
    for (size_t i = 0; i < count; i++) {
        metrics[i]->done = true;
        metrics[i]->value = rows->cells[0][i];
        metrics[i]->duration_us = duration_us;
    }
}

/* Runs one query; when it dies, halves find the culprit, and only that is in ERROR. */
static void run_group(assay_dq_run *run, assay_dq_metric *const *metrics, size_t count)
{
    assay_clock clock = assay_clock_system();
    assay_error failure = {0};
    assay_rows *rows = NULL;
    int64_t begin = clock.monotonic_us(clock.user);
    assay_status status = assay_dq_watch_query(run->watch, select_sql(run, metrics, count), 2,
                                               run->arena, &rows, &failure);

    if (metrics[0]->source != NULL)
        run->report->sql_passes++;
    if (metrics[0]->lane >= ASSAY_DQ_LANE_SCAN)
        run->scans++;
    if (status == ASSAY_OK && (rows->count != 1 || rows->column_count != count))
        status = assay_error_set(&failure, ASSAY_EINTERNAL, 5025, "the pass gave no single row");
    if (status == ASSAY_OK) {
        set_values(metrics, count, rows, clock.monotonic_us(clock.user) - begin);
        return;
    }
    if (count > 1 && status != ASSAY_ETIMEOUT && status != ASSAY_ECANCELLED) {
        run_group(run, metrics, count / 2);
        run_group(run, metrics + count / 2, count - count / 2);
        return;
    }
    for (size_t i = 0; i < count; i++)
        set_failure(run, metrics[i], &failure);
}

/* The metrics of `lane` that are wanted and have the source of `first`; they are marked taken. */
static size_t take_group(const assay_dq_run *run, size_t first, assay_dq_metric **group)
{
    const assay_dq_metric *head = *(assay_dq_metric **)assay_vec_at(&run->metrics, first);
    size_t count = 0;

    for (size_t i = first; i < run->metrics.count && count < FUSED_MAX; i++) {
        assay_dq_metric *metric = *(assay_dq_metric **)assay_vec_at(&run->metrics, i);
        if (metric->wanted && !metric->done && metric->lane == head->lane &&
            assay_str_equal(metric->source, head->source))
            group[count++] = metric;
    }
    return count;
}

static void run_lane(assay_dq_run *run, assay_dq_lane lane, assay_dq_metric **group)
{
    for (size_t i = 0; i < run->metrics.count; i++) {
        const assay_dq_metric *metric = *(assay_dq_metric **)assay_vec_at(&run->metrics, i);
        if (metric->lane == lane && metric->wanted && !metric->done)
            run_group(run, group, take_group(run, i, group));
    }
}

/* Statistics that show the rule holds settle its count as 0. */
static void use_shortcuts(assay_dq_run *run)
{
    for (size_t i = 0; i < run->metrics.count; i++) {
        assay_dq_metric *metric = *(assay_dq_metric **)assay_vec_at(&run->metrics, i);
        const assay_dq_metric *proof = metric->shortcut;
        if (metric->done || proof == NULL || !proof->done || proof->failure != NULL ||
            proof->value->kind != ASSAY_VALUE_BOOL || !proof->value->boolean)
            continue;
        metric->value = assay_value_int(run->arena, 0);
        if (metric->value == NULL)
            run->failed = true;
        metric->done = true;
        metric->by_shortcut = true;
    }
}

assay_status assay_dq_passes_run(assay_dq_run *run, assay_error *err)
{
    assay_dq_metric **group = NULL;

    for (size_t i = 0; i < run->plan_count; i++) {
        for (size_t slot = 0; slot < ASSAY_DQ_SLOTS && !run->plans[i].settled; slot++) {
            assay_dq_metric *metric = run->plans[i].slots[slot];
            if (metric == NULL || run->plans[i].waiting)
                continue;
            metric->wanted = true;
            if (metric->shortcut != NULL)
                metric->shortcut->wanted = true;
        }
    }
    group = assay_arena_take(run->arena, FUSED_MAX, sizeof(*group));
    ASSAY_TRY(assay_arena_check(group, err));
    run_lane(run, ASSAY_DQ_LANE_METADATA, group);
    use_shortcuts(run);
    for (int lane = ASSAY_DQ_LANE_FOOTER; lane < ASSAY_DQ_LANE_COUNT; lane++)
        run_lane(run, (assay_dq_lane)lane, group);
    return run->failed ? assay_error_nomem(err) : ASSAY_OK;
}

const char *assay_dq_shown_sql(assay_dq_run *run, const char *sql)
{
    static const char *const views[] = {ASSAY_DQ_ADDED_BATCH, ASSAY_DQ_ADDED, ASSAY_DQ_BATCH,
                                        ASSAY_DQ_ROWS};
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    while (*sql != '\0') {
        size_t view = 0;
        while (view < sizeof(views) / sizeof(views[0]) && !assay_str_starts(sql, views[view]))
            view++;
        if (view < sizeof(views) / sizeof(views[0])) {
            assay_buf_append_text(&buf, run->shown_table);
            sql += strlen(views[view]);
        } else {
            assay_buf_append_char(&buf, *sql++);
        }
    }
    return assay_dq_keep(run, &buf);
}
