/* Upkeep of tables: expire old snapshots, go back to one. */
#include <assay/table.h>

#include "base/path.h"
#include "base/str.h"
#include "lib/context.h"
#include "lib/document.h"
#include "published/published.h"
#include "table/commit.h"

/* A catalog may know tables elsewhere, of other owners: they are expired by name alone. */
static bool is_in_warehouse(const assay_project *project, const assay_table *table)
{
    return assay_path_relative(project->warehouse, table->location) != table->location;
}

static assay_status expire_one(assay_context *context, assay_conn *conn, const char *name,
                               bool named, assay_value *list, assay_arena *arena, assay_error *err)
{
    assay_table *table = NULL;
    const char *layer = NULL;
    const char *short_name = NULL;
    assay_expired expired = {0, 0};

    if (!assay_published_split(name, arena, &layer, &short_name))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               name);
    ASSAY_TRY(
        assay_published_load(context->project, &context->env, conn, name, arena, &table, err));
    if (!table->exists)
        return assay_published_missing(context->project, &context->env, name, arena, err);
    if (!named && !is_in_warehouse(context->project, table))
        return ASSAY_OK;
    const assay_commit_env env = assay_published_commit_env(context->project, &context->env, table);
    const assay_expiry expiry = assay_published_expiry(context->project, &context->env, layer);
    ASSAY_TRY(table->format->expire(table, &expiry, &env, context->store, conn, &expired, err));
    assay_value *map = assay_value_map(arena);
    ASSAY_TRY(assay_value_append(list, map, arena, err));
    ASSAY_TRY(assay_document_text(map, "name", name, arena, err));
    ASSAY_TRY(assay_document_int(map, "snapshots_removed", (int64_t)expired.snapshots, arena, err));
    return assay_document_int(map, "files_removed", (int64_t)expired.files, arena, err);
}

assay_status assay_table_expire(assay_context *context, const char *table, char **ret_json,
                                assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    const char *one[] = {table};
    const char **names = one;
    size_t count = 1;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    if (table == NULL)
        ASSAY_TRY(
            assay_published_names(context->project, &context->env, arena, &names, &count, err));
    ASSAY_TRY(assay_document_new(arena, "expire", &document, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "tables", list, arena, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(expire_one(context, conn, names[i], table != NULL, list, arena, err));
    return assay_document_take(document, ret_json, err);
}

/* ---- rollback ---- */

/* A snapshot that was published went through its gate then: its verdict opens the gate again. */
static assay_status open_gate(const assay_snapshot *snapshot, const char *table,
                              const char *stage_id, assay_arena *arena,
                              assay_gate_token **ret_token, assay_error *err)
{
    const assay_gate_verdict verdict = {.open = true,
                                        .text = snapshot->verdict != NULL ? snapshot->verdict
                                                                          : "untested"};

    *ret_token = assay_gate_open(&verdict, table, stage_id, arena);
    return assay_arena_check(*ret_token, err);
}

static assay_status commit_rollback(assay_context *context, assay_conn *conn, assay_table *table,
                                    const assay_snapshot *target, assay_arena *arena,
                                    const assay_snapshot **ret_snapshot, assay_error *err)
{
    const assay_commit_env env = assay_published_commit_env(context->project, &context->env, table);
    assay_schema *schema = NULL;
    assay_state_file *previous = NULL;
    assay_gate_token *token = NULL;
    char id[ASSAY_UUID_TEXT_SIZE];
    assay_commit_request request = {.base = table, .store = context->store, .conn = conn};

    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), id);
    ASSAY_TRY(table->format->snapshot_schema(table, target->id, arena, &schema, err));
    request.change = (assay_change){.kind = ASSAY_CHANGE_ROLLBACK,
                                    .schema = schema,
                                    .spec = table->spec,
                                    .rollback_to = target->id,
                                    .run_id = id};
    request.stage_id = id;
    request.state.run_id = id;
    request.state.step_run_id = id;
    /* the rows of then were made from what was consumed then */
    if (target->state_path != NULL) {
        ASSAY_TRY(assay_state_file_load(table->location, target->state_path, context->store, arena,
                                        &previous, err));
        request.previous = previous;
        request.state.files = previous->files;
        request.state.file_count = previous->file_count;
        request.state.inputs = previous->inputs;
        request.state.input_count = previous->input_count;
        request.state.suite_hash = previous->suite_hash;
        request.state.watermark = previous->watermark;
        request.state.quarantine = previous->quarantine;
        request.state.pii = previous->pii;
        request.state.pii_count = previous->pii_count;
    }
    ASSAY_TRY(open_gate(target, table->name, id, arena, &token, err));
    return assay_table_commit(&request, token, &env, arena, ret_snapshot, err);
}

assay_status assay_table_rollback(assay_context *context, const char *name, int64_t snapshot_id,
                                  char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_table *table = NULL;
    const assay_snapshot *snapshot = NULL;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(
        assay_published_load(context->project, &context->env, conn, name, arena, &table, err));
    if (!table->exists)
        return assay_published_missing(context->project, &context->env, name, arena, err);
    const assay_snapshot *target = assay_table_snapshot(table, snapshot_id);
    if (target == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4060, "table '%s' has no snapshot %lld", name,
                               (long long)snapshot_id);
    ASSAY_TRY(commit_rollback(context, conn, table, target, arena, &snapshot, err));
    ASSAY_TRY(assay_document_new(arena, "rollback", &document, err));
    ASSAY_TRY(assay_document_text(document, "name", name, arena, err));
    ASSAY_TRY(assay_document_int(document, "snapshot_id", snapshot->id, arena, err));
    ASSAY_TRY(assay_document_int(document, "rows_of", snapshot_id, arena, err));
    return assay_document_take(document, ret_json, err);
}
