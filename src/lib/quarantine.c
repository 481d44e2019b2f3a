/* Rows that broke a rule: count them, look at them, send them through again. */
#include <assay/quality.h>

#include "base/path.h"
#include "base/str.h"
#include "engine/catalog.h"
#include "lib/context.h"
#include "lib/document.h"
#include "lib/outside.h"
#include "lib/privacy.h"
#include "steps/events.h"
#include "steps/outcome.h"
#include "steps/replay.h"
#include "store/lock.h"

enum { DEFAULT_LIMIT = 100 };

static const char CATALOG[] = "quarantine";

/* One call. */
struct looking {
    assay_context *context;
    assay_arena *arena;
    assay_conn *conn;
    const char *run;
    assay_replay_request request;
};

/* The rows of `table` that count; no entries where there are none. */
static assay_status find_rows(struct looking *looking, const char *table,
                              assay_replay_rows *ret_rows, assay_error *err)
{
    assay_context *context = looking->context;
    const char *name = assay_quarantine_name(table, looking->arena);
    assay_table *base = NULL;
    assay_state_file *state = NULL;
    assay_quarantine_entry *entries = NULL;
    size_t count = 0;
    int foreign = 0;

    looking->request = (assay_replay_request){.steps = context->steps,
                                              .conn = looking->conn,
                                              .arena = looking->arena,
                                              .table = table};
    *ret_rows = (assay_replay_rows){.request = &looking->request};
    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(assay_published_load(context->project, &context->env, looking->conn, table,
                                   looking->arena, &base, err));
    if (!base->exists)
        return ASSAY_OK;
    ASSAY_TRY(assay_privacy_of_table(context, base, err));
    ASSAY_TRY(
        assay_state_file_current(base, context->store, looking->arena, &state, &foreign, err));
    ASSAY_TRY(assay_quarantine_entries(state, looking->arena, &entries, &count, err));
    for (size_t i = 0; i < count; i++)
        if (looking->run == NULL || assay_str_starts(entries[i].run, looking->run))
            entries[ret_rows->entry_count++] = entries[i];
    ret_rows->entries = entries;
    ret_rows->base = base;
    if (ret_rows->entry_count == 0)
        return ASSAY_OK;
    return assay_published_load(context->project, &context->env, looking->conn, name,
                                looking->arena, &ret_rows->quarantine, err);
}

/* ---- list ---- */

static assay_status add_rules(struct looking *looking, const assay_replay_rows *rows,
                              assay_value *map, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf open = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_value *rules = assay_value_map(looking->arena);
    assay_rows *counts = NULL;

    ASSAY_TRY(assay_value_set(map, "rules", rules, looking->arena, err));
    ASSAY_TRY(assay_replay_append_open(&open, rows, err));
    assay_buf_append_format(&sql,
                            "SELECT rule, count(*) FROM (SELECT unnest(" ASSAY_QUARANTINE_RULES
                            ") AS rule FROM (%s)) GROUP BY rule ORDER BY 2 DESC, 1",
                            open.data);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(looking->conn, sql.data, 0, looking->arena, &counts, err));
    for (size_t i = 0; i < counts->count; i++)
        ASSAY_TRY(assay_value_set(rules, counts->cells[i][0]->text, counts->cells[i][1],
                                  looking->arena, err));
    return ASSAY_OK;
}

static assay_status add_runs(const struct looking *looking, const assay_replay_rows *rows,
                             assay_value *map, assay_error *err)
{
    assay_value *list = assay_value_list(looking->arena);
    int64_t open = 0;

    ASSAY_TRY(assay_value_set(map, "runs", list, looking->arena, err));
    for (size_t i = 0; i < rows->entry_count; i++) {
        const assay_quarantine_entry *entry = &rows->entries[i];
        assay_value *run = assay_value_map(looking->arena);
        ASSAY_TRY(assay_value_append(list, run, looking->arena, err));
        ASSAY_TRY(assay_document_text(run, "run_id", entry->run, looking->arena, err));
        ASSAY_TRY(assay_document_text(run, "step_run_id", entry->step, looking->arena, err));
        ASSAY_TRY(assay_document_int(run, "rows", entry->rows, looking->arena, err));
        ASSAY_TRY(assay_document_int(run, "left", entry->open, looking->arena, err));
        open += entry->open;
    }
    return assay_document_int(map, "rows", open, looking->arena, err);
}

static assay_status list_table(struct looking *looking, const char *table, assay_value *list,
                               assay_error *err)
{
    assay_replay_rows rows;

    ASSAY_TRY(find_rows(looking, table, &rows, err));
    if (rows.entry_count == 0)
        return ASSAY_OK;
    assay_value *map = assay_value_map(looking->arena);
    ASSAY_TRY(assay_value_append(list, map, looking->arena, err));
    ASSAY_TRY(assay_document_text(map, "name", table, looking->arena, err));
    ASSAY_TRY(assay_document_text(map, "quarantine", rows.quarantine->name, looking->arena, err));
    ASSAY_TRY(add_runs(looking, &rows, map, err));
    return add_rules(looking, &rows, map, err);
}

static assay_status open_looking(struct looking *looking, assay_error *err)
{
    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(looking->arena, err));
    return assay_conn_open(looking->context->engine, &looking->conn, err);
}

static assay_status list_all(struct looking *looking, const char *table, char **ret_json,
                             assay_error *err)
{
    assay_context *context = looking->context;
    const char *one[] = {table};
    const char **names = one;
    size_t count = 1;
    assay_value *document = NULL;

    if (table == NULL)
        ASSAY_TRY(assay_published_names(context->project, &context->env, looking->arena, &names,
                                        &count, err));
    ASSAY_TRY(assay_document_new(looking->arena, "quarantine", &document, err));
    assay_value *list = assay_value_list(looking->arena);
    ASSAY_TRY(assay_value_set(document, "tables", list, looking->arena, err));
    for (size_t i = 0; i < count; i++)
        if (!assay_str_starts(names[i], "quarantine."))
            ASSAY_TRY(list_table(looking, names[i], list, err));
    return assay_document_take(document, ret_json, err);
}

assay_status assay_quarantine_list(assay_context *context, const char *table, char **ret_json,
                                   assay_error *err)
{
    struct looking looking = {.context = context, .arena = assay_arena_new()};
    assay_status status = open_looking(&looking, err);

    if (status == ASSAY_OK)
        status = list_all(&looking, table, ret_json, err);
    assay_conn_close(looking.conn);
    assay_arena_free(looking.arena);
    return status;
}

/* ---- show ---- */

static assay_status nothing(const char *table, const char *run, assay_error *err)
{
    return assay_error_set(err, ASSAY_ENOTFOUND, 5040, "nothing of '%s' is in quarantine%s%s%s",
                           table, run != NULL ? " from run '" : "", run != NULL ? run : "",
                           run != NULL ? "'" : "");
}

/* Columns as they may be seen: values of pii columns and whole records that may hold some are not.
 */
static void append_shown(assay_buf *sql, const assay_schema *schema, const assay_model *model)
{
    for (size_t i = 0; i < schema->count; i++) {
        const char *name = schema->fields[i].name;
        bool hidden =
            model != NULL &&
            (assay_model_column_is_pii(model, name) ||
             (assay_str_equal(name, ASSAY_QUARANTINE_RECORD) && assay_model_has_pii(model)));
        assay_buf_append_text(sql, i > 0 ? ", " : "");
        if (hidden)
            assay_buf_append_text(sql, "CASE WHEN ");
        assay_sql_append_name(sql, name);
        if (hidden) {
            assay_buf_append_text(sql, " IS NOT NULL THEN '***' END AS ");
            assay_sql_append_name(sql, name);
        }
    }
}

static assay_status show_rows(struct looking *looking, const char *table, int64_t limit,
                              char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf open = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_model *model = assay_project_model(looking->context->project, table);
    assay_replay_rows rows;
    assay_rows *found = NULL;

    ASSAY_TRY(find_rows(looking, table, &rows, err));
    if (rows.entry_count == 0)
        return nothing(table, looking->run, err);
    ASSAY_TRY(assay_replay_append_open(&open, &rows, err));
    assay_buf_append_text(&sql, "SELECT ");
    append_shown(&sql, rows.quarantine->schema, model);
    assay_buf_append_format(&sql,
                            " FROM (%s) ORDER BY " ASSAY_QUARANTINE_TIME ", " ASSAY_QUARANTINE_STEP
                            ", " ASSAY_QUARANTINE_ROW,
                            open.data);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(looking->conn, sql.data,
                               limit > 0 ? (size_t)limit : (size_t)DEFAULT_LIMIT, looking->arena,
                               &found, err));
    return assay_document_rows(found, looking->arena, ret_json, err);
}

assay_status assay_quarantine_show(assay_context *context, const char *table,
                                   const assay_quarantine_options *options, char **ret_json,
                                   assay_error *err)
{
    struct looking looking = {.context = context, .arena = assay_arena_new(), .run = options->run};
    assay_status status = open_looking(&looking, err);

    if (status == ASSAY_OK)
        status = show_rows(&looking, table, options->limit, ret_json, err);
    assay_conn_close(looking.conn);
    assay_arena_free(looking.arena);
    return status;
}

/* ---- replay ---- */

static assay_status take_lock(const struct looking *looking, const char *table, const char *run_id,
                              assay_store_lock **ret_lock, assay_error *err)
{
    const assay_context *context = looking->context;
    int64_t wait = context->project->target_config->lock_wait_ms;
    const assay_store_lock_request request = {.path =
                                                  assay_arena_format(looking->arena, "%s/locks/%s",
                                                                     context->project->state_dir,
                                                                     table),
                                              .what = table,
                                              .run = run_id,
                                              .clock = context->clock,
                                              .wait_ms = wait >= 0 ? wait : ASSAY_RUN_LOCK_WAIT_MS,
                                              .cancel = context->cancel};

    ASSAY_TRY(assay_arena_check(request.path, err));
    return assay_store_lock_acquire(&request, ret_lock, err);
}

static assay_status replay_with_events(struct looking *looking, assay_replay_result *result,
                                       assay_error *err)
{
    assay_context *context = looking->context;
    const assay_replay_request *request = &looking->request;
    assay_step_facts facts = {.steps = context->steps,
                              .model = request->model,
                              .run_id = request->run_id,
                              .step_id = request->step_id,
                              .started_us = context->clock.now_us(context->clock.user),
                              .arena = looking->arena};
    assay_table *target = NULL;

    ASSAY_TRY(assay_published_load(context->project, &context->env, looking->conn, request->table,
                                   looking->arena, &target, err));
    facts.target = target;
    ASSAY_TRY(assay_privacy_of_table(context, target, err));
    assay_outside_begin(context, request->run_id, request->step_id, request->table);
    assay_events_run(context->steps, request->run_id, facts.started_us, ASSAY_LINEAGE_START, NULL);
    assay_events_start(&facts, target->schema);
    assay_status status = assay_replay_run(request, result, err);
    if (status != ASSAY_OK && request->model != NULL)
        assay_step_hide_values(request->model, err);
    if (status == ASSAY_OK)
        assay_events_complete(&facts, &result->outcome);
    else
        assay_events_fail(&facts, &result->outcome, err);
    assay_events_run(context->steps, request->run_id, context->clock.now_us(context->clock.user),
                     status == ASSAY_OK ? ASSAY_LINEAGE_COMPLETE : ASSAY_LINEAGE_FAIL,
                     status == ASSAY_OK || err == NULL ? NULL : err->message);
    assay_outside_end(context, request->run_id);
    return status;
}

static assay_status replay_document(const struct looking *looking,
                                    const assay_replay_result *result, char **ret_json,
                                    assay_error *err)
{
    const assay_replay_request *request = &looking->request;
    const assay_snapshot *snapshot = result->outcome.snapshot;
    assay_arena *arena = looking->arena;
    assay_value *document = NULL;

    ASSAY_TRY(assay_document_new(arena, "replay", &document, err));
    ASSAY_TRY(assay_document_text(document, "name", request->table, arena, err));
    ASSAY_TRY(assay_document_text(document, "run_id", request->run_id, arena, err));
    ASSAY_TRY(assay_document_int(document, "rows", result->rows, arena, err));
    ASSAY_TRY(assay_document_int(document, "replayed", result->passed, arena, err));
    ASSAY_TRY(assay_document_int(document, "left", result->rows - result->passed, arena, err));
    ASSAY_TRY(assay_document_int(document, "snapshot_id", snapshot != NULL ? snapshot->id : -1,
                                 arena, err));
    return assay_document_take(document, ret_json, err);
}

static assay_status replay(struct looking *looking, const char *table, char **ret_json,
                           assay_error *err)
{
    ASSAY_AUTO(assay_store_lock_releasep) assay_store_lock *lock = NULL;
    assay_context *context = looking->context;
    char run_id[ASSAY_UUID_TEXT_SIZE];
    char step_id[ASSAY_UUID_TEXT_SIZE];
    assay_replay_result result = {.outcome = ASSAY_WRITE_OUTCOME_EMPTY};

    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), run_id);
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), step_id);
    ASSAY_TRY(take_lock(looking, table, run_id, &lock, err));
    looking->request = (assay_replay_request){.steps = context->steps,
                                              .conn = looking->conn,
                                              .arena = looking->arena,
                                              .table = table,
                                              .model = assay_project_model(context->project, table),
                                              .only_run = looking->run,
                                              .run_id = run_id,
                                              .step_id = step_id,
                                              .now_us = assay_context_now(context)};
    ASSAY_TRY(assay_context_graph(context, err));
    ASSAY_TRY(assay_engine_catalog_open(looking->conn, CATALOG, err));
    assay_status status = replay_with_events(looking, &result, err);
    assay_engine_catalog_close(looking->conn, CATALOG);
    if (status == ASSAY_EGATE && result.outcome.evidence != NULL)
        assay_log_write(context->log, ASSAY_LOG_WARNING, "%s", result.outcome.evidence);
    ASSAY_TRY(status);
    return replay_document(looking, &result, ret_json, err);
}

assay_status assay_quarantine_replay(assay_context *context, const char *table,
                                     const assay_quarantine_options *options, char **ret_json,
                                     assay_error *err)
{
    struct looking looking = {.context = context, .arena = assay_arena_new(), .run = options->run};
    assay_status status = open_looking(&looking, err);

    if (status == ASSAY_OK)
        status = replay(&looking, table, ret_json, err);
    assay_conn_close(looking.conn);
    assay_arena_free(looking.arena);
    return status;
}
