#include "fake_format.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "text/json.h"

fake_orders fake_next;

enum { OBJECT_MAX = 1 << 20 };

static const char *head_key(const char *location, assay_arena *arena)
{
    return assay_arena_format(arena, "%s/log.json", location);
}

static assay_status read_snapshot(const assay_value *item, assay_snapshot *snapshot)
{
    *snapshot = (assay_snapshot){.id = assay_value_find_int(item, "id", 0),
                                 .parent = assay_value_find_int(item, "id", 0) - 1,
                                 .number = assay_value_find_int(item, "id", 0),
                                 .timestamp_ms = assay_value_find_int(item, "id", 0) * 1000,
                                 .operation = "append",
                                 .state_path = assay_value_find_text(item, "state", NULL),
                                 .verdict = assay_value_find_text(item, "verdict", NULL),
                                 .run_id = assay_value_find_text(item, "run", NULL),
                                 .commit_id = assay_value_find_text(item, "commit", NULL)};
    return ASSAY_OK;
}

static assay_status load(const char *name, const char *location, assay_store *store,
                         struct assay_conn *conn, assay_arena *arena, assay_table **ret_table,
                         assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_table *table = assay_arena_take(arena, 1, sizeof *table);
    assay_value *log = NULL;

    (void)conn;
    if (fake_next.load_fails && fake_next.commits > 0)
        return assay_error_set(err, ASSAY_EIO, 0, "the store does not answer");
    table->format = &fake_by_id;
    table->name = name;
    table->location = location;
    table->arena = arena;
    *ret_table = table;
    assay_status status = assay_store_get(store, head_key(location, arena), OBJECT_MAX, &text, err);
    if (status == ASSAY_ENOTFOUND)
        return ASSAY_OK;
    ASSAY_TRY(status);
    ASSAY_TRY(assay_json_parse(text.data, text.size, "log", arena, &log, err));
    table->exists = true;
    table->schema = assay_arena_take(arena, 1, sizeof *table->schema);
    table->spec = assay_arena_take(arena, 1, sizeof *table->spec);
    table->uuid = "u";
    table->snapshots = assay_arena_take(arena, log->count + 1, sizeof *table->snapshots);
    for (size_t i = 0; i < log->count; i++)
        (void)read_snapshot(log->items[i], &table->snapshots[i]);
    table->snapshot_count = log->count;
    table->current = log->count > 0 ? &table->snapshots[log->count - 1] : NULL;
    return ASSAY_OK;
}

static assay_status append_entry(const assay_table *base, const assay_change *change,
                                 assay_store *store, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_arena *arena = base->arena;
    assay_value *log = assay_value_list(arena);
    const char *key = head_key(base->location, arena);

    if (assay_store_get(store, key, OBJECT_MAX, &text, NULL) == ASSAY_OK)
        ASSAY_TRY(assay_json_parse(text.data, text.size, "log", arena, &log, err));
    assay_value *entry = assay_value_map(arena);
    ASSAY_TRY(
        assay_value_set(entry, "id", assay_value_int(arena, (int64_t)log->count + 1), arena, err));
    if (change != NULL) {
        ASSAY_TRY(assay_value_set(entry, "commit", assay_value_text(arena, change->commit_id),
                                  arena, err));
        ASSAY_TRY(assay_value_set(entry, "verdict", assay_value_text(arena, change->verdict), arena,
                                  err));
        ASSAY_TRY(assay_value_set(entry, "state", assay_value_text(arena, change->state_path),
                                  arena, err));
    }
    ASSAY_TRY(assay_value_append(log, entry, arena, err));
    assay_buf_clear(&text);
    assay_json_write(&text, log, 0);
    return assay_store_put(store, key, text.data, text.size, err);
}

static assay_status commit(const assay_table *base, const assay_change *change,
                           const assay_commit_env *env, assay_store *store, struct assay_conn *conn,
                           const assay_snapshot **ret_snapshot, assay_error *err)
{
    assay_table *now = NULL;

    (void)env;
    fake_next.commits++;
    if (fake_next.lose > 0) {
        fake_next.lose--;
        ASSAY_TRY(append_entry(base, NULL, store, err));
    }
    bool fails = fake_next.load_fails;
    fake_next.load_fails = false;
    ASSAY_TRY(load(base->name, base->location, store, conn, base->arena, &now, err));
    fake_next.load_fails = fails;
    if (now->snapshot_count != base->snapshot_count)
        return assay_error_set(err, ASSAY_ECONFLICT, 0, "lost the race");
    if (fake_next.unknown_absent > 0) {
        fake_next.unknown_absent--;
        return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 0, "no answer");
    }
    ASSAY_TRY(append_entry(base, change, store, err));
    if (fake_next.unknown_done > 0) {
        fake_next.unknown_done--;
        return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 0, "no answer");
    }
    fake_next.load_fails = false;
    ASSAY_TRY(load(base->name, base->location, store, conn, base->arena, &now, err));
    fake_next.load_fails = fails;
    *ret_snapshot = now->current;
    return ASSAY_OK;
}

static assay_status stage_folder(const assay_table *table, const char *stage_id, assay_arena *arena,
                                 const char **ret_folder, assay_error *err)
{
    const char *folder = assay_arena_format(arena, "%s/data", table->location);

    (void)stage_id;
    ASSAY_TRY(assay_path_make(folder, err));
    *ret_folder = folder;
    return ASSAY_OK;
}

static assay_status store_type(const assay_type *type, bool by_name, assay_arena *arena,
                               assay_type *ret_type, assay_error *err)
{
    *ret_type = *type;
    if (!by_name && (type->kind == ASSAY_TYPE_INT8 || type->kind == ASSAY_TYPE_INT16))
        ret_type->kind = ASSAY_TYPE_INT32;
    if (by_name && (type->kind == ASSAY_TYPE_UUID || type->kind == ASSAY_TYPE_TIME))
        ret_type->kind = ASSAY_TYPE_STRING;
    if (type->field_count == 0)
        return ASSAY_OK;
    ret_type->fields = assay_arena_take(arena, type->field_count, sizeof *type->fields);
    for (size_t i = 0; i < type->field_count; i++) {
        ret_type->fields[i] = type->fields[i];
        ASSAY_TRY(
            store_type(&type->fields[i].type, by_name, arena, &ret_type->fields[i].type, err));
    }
    return ASSAY_OK;
}

static assay_status stored_by_id(const assay_field *field, assay_arena *arena,
                                 assay_type *ret_stored, assay_error *err)
{
    return store_type(&field->type, false, arena, ret_stored, err);
}

static assay_status stored_by_name(const assay_field *field, assay_arena *arena,
                                   assay_type *ret_stored, assay_error *err)
{
    return store_type(&field->type, true, arena, ret_stored, err);
}

const assay_table_format fake_by_id = {.name = "fake",
                                       .load = load,
                                       .stage_folder = stage_folder,
                                       .stored_type = stored_by_id,
                                       .commit = commit,
                                       .field_ids = true};
const assay_table_format fake_by_name = {.name = "fake",
                                         .load = load,
                                         .stage_folder = stage_folder,
                                         .stored_type = stored_by_name,
                                         .commit = commit,
                                         .field_ids = false};
