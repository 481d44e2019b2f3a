#include <string.h>

#include "base/path.h"
#include "delta/delta.h"
#include "delta/layout.h"
#include "delta/loaded.h"
#include "delta/protocol.h"
#include "delta/schema.h"

static assay_status read_properties(const assay_value *metadata, assay_arena *arena,
                                    assay_table *table, assay_error *err)
{
    const assay_value *map = assay_value_find(metadata, "configuration");
    size_t count = map != NULL && map->kind == ASSAY_VALUE_MAP ? map->count : 0;

    table->properties = assay_arena_take(arena, count + 1, sizeof(*table->properties));
    ASSAY_TRY(assay_arena_check(table->properties, err));
    for (size_t i = 0; i < count; i++) {
        if (map->items[i]->kind == ASSAY_VALUE_TEXT)
            table->properties[table->property_count++] =
                (assay_property){map->keys[i], map->items[i]->text};
    }
    return ASSAY_OK;
}

/* Files of a checkpoint up to this size are read along with the rest, so that planning needs no
 * engine again. */
enum { CHECKPOINT_BYTES_AT_ONCE = 8 << 20 };

static assay_status is_small(const assay_delta_log *log, bool *ret_small, assay_error *err)
{
    const assay_delta_checkpoint *start = NULL;
    int64_t bytes = 0;

    *ret_small = false;
    ASSAY_TRY(assay_delta_log_start(log, log->version, &start, err));
    if (start == NULL)
        return ASSAY_OK;
    for (size_t i = 0; i < start->path_count; i++) {
        assay_path_info info = {.exists = false};

        ASSAY_TRY(assay_path_stat(start->paths[i], &info, err));
        bytes += info.size;
    }
    *ret_small = bytes <= CHECKPOINT_BYTES_AT_ONCE;
    return ASSAY_OK;
}

static assay_status read_table(assay_table *table, assay_delta_loaded *loaded, assay_store *store,
                               assay_conn *conn, assay_error *err)
{
    assay_delta_replay_options options = {.store = store, .conn = conn, .with_files = false};
    assay_delta_state *state = NULL;
    assay_value *tree = NULL;

    if (conn != NULL)
        ASSAY_TRY(is_small(loaded->log, &options.with_files, err));
    loaded->has_files = options.with_files;
    ASSAY_TRY(
        assay_delta_replay(loaded->log, loaded->log->version, &options, table->arena, &state, err));
    loaded->state = state;
    ASSAY_TRY(assay_delta_protocol_check_read(table->name, state->protocol, state->metadata, err));
    ASSAY_TRY(assay_delta_schema_parse(table->name,
                                       assay_value_find_text(state->metadata, "schemaString", ""),
                                       table->arena, &tree, err));
    loaded->schema_tree = tree;
    ASSAY_TRY(assay_delta_schema_read(table->name, tree, table->arena, &table->schema, err));
    ASSAY_TRY(assay_delta_layout_read(table->name, state->metadata, table->schema, table->arena,
                                      &table->spec, err));
    ASSAY_TRY(read_properties(state->metadata, table->arena, table, err));
    ASSAY_TRY(assay_delta_history(loaded, store, table->arena, &table->snapshots,
                                  &table->snapshot_count, err));
    table->uuid = assay_value_find_text(state->metadata, "id", NULL);
    if (table->snapshot_count > 0)
        table->current = &table->snapshots[table->snapshot_count - 1];
    table->exists = true;
    return ASSAY_OK;
}

assay_status assay_delta_check_place(const assay_table *table, assay_arena *arena, assay_error *err)
{
    char *mark = assay_path_join(arena, table->location, "_assay/version.json");
    assay_path_info info = {.exists = false};

    ASSAY_TRY(assay_arena_check(mark, err));
    ASSAY_TRY(assay_path_stat(mark, &info, err));
    if (!table->exists && info.exists)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4220,
                               "'%s' is a table of the format parquet", table->location);
    return ASSAY_OK;
}

assay_status assay_delta_load(const char *name, const char *location, assay_store *store,
                              assay_conn *conn, assay_arena *arena, assay_table **ret_table,
                              assay_error *err)
{
    assay_table *table = assay_arena_take(arena, 1, sizeof(*table));
    assay_delta_loaded *loaded = assay_arena_take(arena, 1, sizeof(*loaded));

    ASSAY_TRY(assay_arena_check(table, err));
    ASSAY_TRY(assay_arena_check(loaded, err));
    table->format = &assay_delta_format;
    table->name = assay_arena_text(arena, name);
    table->location = assay_arena_text(arena, location);
    table->spec = assay_arena_take(arena, 1, sizeof(*table->spec));
    table->arena = arena;
    table->format_data = loaded;
    loaded->store = store;
    ASSAY_TRY(assay_arena_check(table->name, err));
    ASSAY_TRY(assay_arena_check(table->location, err));
    ASSAY_TRY(assay_arena_check(table->spec, err));
    ASSAY_TRY(assay_delta_log_list(location, store, arena, &loaded->log, err));
    if (loaded->log->version >= 0)
        ASSAY_TRY(read_table(table, loaded, store, conn, err));
    *ret_table = table;
    return ASSAY_OK;
}
