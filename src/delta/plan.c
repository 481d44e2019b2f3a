#include "delta/delta.h"

#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "delta/count.h"
#include "delta/layout.h"
#include "delta/loaded.h"
#include "delta/protocol.h"
#include "delta/schema.h"
#include "delta/stats.h"
#include "delta/uri.h"
#include "delta/vector.h"
#include "text/json.h"

struct plan {
    const assay_table *table;
    const assay_delta_loaded *loaded;
    assay_store *store;
    assay_arena *arena;
    assay_schema *schema;
    assay_partition_spec *spec;
};

static assay_status find_version(const assay_table *table, int64_t snapshot_id,
                                 int64_t *ret_version, assay_error *err)
{
    const assay_delta_loaded *loaded = table->format_data;

    *ret_version = snapshot_id < 0 ? loaded->log->version : snapshot_id;
    if (!table->exists || *ret_version > loaded->log->version)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4213, "table '%s' has no version %lld",
                               table->name, (long long)snapshot_id);
    return ASSAY_OK;
}

/* Schema and spec as they were at the state's version. */
static assay_status read_shape(struct plan *plan, const assay_delta_state *state, assay_error *err)
{
    assay_value *tree = NULL;
    const char *name = plan->table->name;

    if (state->version == plan->loaded->state->version) {
        plan->schema = plan->table->schema;
        plan->spec = plan->table->spec;
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_delta_protocol_check_read(name, state->protocol, state->metadata, err));
    ASSAY_TRY(assay_delta_schema_parse(name,
                                       assay_value_find_text(state->metadata, "schemaString", ""),
                                       plan->arena, &tree, err));
    ASSAY_TRY(assay_delta_schema_read(name, tree, plan->arena, &plan->schema, err));
    return assay_delta_layout_read(name, state->metadata, plan->schema, plan->arena, &plan->spec,
                                   err);
}

/* Statistics are text in the log; checkpoints may carry them as a struct instead. Damaged ones
 * count as none. */
static assay_status parse_stats(const assay_value *body, assay_arena *arena,
                                const assay_value **ret_stats, assay_error *err)
{
    const char *text = assay_value_find_text(body, "stats", NULL);
    assay_value *stats = NULL;
    assay_status status = ASSAY_OK;

    *ret_stats = assay_value_find(body, "stats_parsed");
    if (text == NULL)
        return ASSAY_OK;
    status = assay_json_parse(text, strlen(text), "stats", arena, &stats, err);
    if (status == ASSAY_ENOMEM)
        return status;
    *ret_stats = status == ASSAY_OK ? stats : NULL;
    assay_error_clear(err);
    return ASSAY_OK;
}

/* Rows that a deletion vector takes out do not count any more, and what the statistics say of all
 * rows is only a bound for those that are left. */
static assay_status apply_vector(const struct plan *plan, const assay_value *vector,
                                 assay_data_file *file, assay_error *err)
{
    int64_t *rows = NULL;

    ASSAY_TRY(assay_delta_vector_read(plan->loaded->log->location, vector, plan->store, plan->arena,
                                      &rows, &file->deleted_count, err));
    file->deleted_rows = rows;
    if (file->rows >= 0)
        file->rows -= (int64_t)file->deleted_count;
    for (size_t i = 0; i < file->stats_count; i++) {
        file->stats[i].value_count = -1;
        if (file->stats[i].null_count > 0)
            file->stats[i].null_count = -1;
    }
    file->own = false;
    return ASSAY_OK;
}

static assay_status make_file(const struct plan *plan, const assay_delta_file *from,
                              assay_data_file *file, assay_error *err)
{
    const char *own =
        assay_value_find_text(assay_value_find(from->body, "tags"), assay_delta_app_id, NULL);
    const assay_value *vector = assay_value_find(from->body, "deletionVector");
    const assay_value *stats = NULL;

    file->path = from->path;
    file->size = assay_value_find_int(from->body, "size", -1);
    file->format_data = from->body;
    file->spec = plan->spec;
    file->own = own != NULL;
    file->sequence = from->version;
    if (from->version < 0 && own != NULL && !assay_str_to_int64(own, &file->sequence))
        file->sequence = -1;
    file->snapshot_id = file->sequence;
    ASSAY_TRY(parse_stats(from->body, plan->arena, &stats, err));
    ASSAY_TRY(assay_delta_stats_read(stats, plan->schema, plan->arena, file, err));
    if (vector != NULL && vector->kind == ASSAY_VALUE_MAP)
        ASSAY_TRY(apply_vector(plan, vector, file, err));
    return assay_delta_partition_read(from->body, plan->spec, plan->schema, plan->arena, file, err);
}

/* Files that only a checkpoint names: older commits, where they are left, tell who added them. */
static assay_status find_added(const struct plan *plan, int64_t version, assay_map *files,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const assay_delta_log *log = plan->loaded->log;
    assay_delta_line line;
    size_t at = 0;

    ASSAY_TRY(assay_delta_log_read_commit(log, version, plan->store, &text, err));
    while (assay_delta_log_next_line(&text, &at, &line)) {
        const assay_value *body = NULL;
        const char *path = NULL;
        assay_data_file *file = NULL;

        if (!assay_delta_line_is(&line, "add"))
            continue;
        ASSAY_TRY(assay_delta_line_parse(&line, "commit", plan->arena, &body, err));
        path = assay_delta_uri_resolve(plan->arena, log->location,
                                       assay_value_find_text(body, "path", ""));
        ASSAY_TRY(assay_arena_check(path, err));
        file = assay_map_find(files, path);
        if (file != NULL)
            file->sequence = file->snapshot_id = version;
    }
    return ASSAY_OK;
}

static assay_status date_files(const struct plan *plan, int64_t version, assay_data_file *files,
                               size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *unknown = assay_map_new();
    const assay_delta_log *log = plan->loaded->log;
    const assay_delta_checkpoint *start = NULL;

    ASSAY_TRY(assay_arena_check(unknown, err));
    ASSAY_TRY(assay_delta_log_start(log, version, &start, err));
    for (size_t i = 0; i < count; i++) {
        if (files[i].sequence >= 0)
            continue;
        ASSAY_TRY(assay_map_put(unknown, files[i].path, &files[i], err));
        /* Not later than the oldest commit that is left, or than the checkpoint. */
        files[i].sequence = log->commit_count > 0 && log->commits[0] <= start->version
                                ? log->commits[0] - 1
                                : start->version;
        if (files[i].sequence < 0)
            files[i].sequence = 0;
        files[i].snapshot_id = files[i].sequence;
    }
    for (size_t i = 0;
         assay_map_count(unknown) > 0 && i < log->commit_count && log->commits[i] <= start->version;
         i++)
        ASSAY_TRY(find_added(plan, log->commits[i], unknown, err));
    return ASSAY_OK;
}

static assay_status read_state(const struct plan *plan, int64_t version,
                               const assay_delta_state **ret_state, assay_error *err)
{
    const assay_delta_loaded *loaded = plan->loaded;
    assay_delta_replay_options options = {.store = plan->store, .conn = NULL, .with_files = true};
    assay_delta_state *state = NULL;

    *ret_state = loaded->state;
    if (loaded->has_files && version == loaded->state->version)
        return ASSAY_OK;
    ASSAY_TRY(assay_delta_replay(loaded->log, version, &options, plan->arena, &state, err));
    *ret_state = state;
    return ASSAY_OK;
}

assay_status assay_delta_plan_files(const assay_table *table, int64_t snapshot_id,
                                    assay_store *store, assay_arena *arena,
                                    assay_data_file **ret_files, size_t *ret_count,
                                    assay_error *err)
{
    struct plan plan = {table, table->format_data, store, arena, NULL, NULL};
    const assay_delta_state *state = NULL;
    assay_data_file *files = NULL;
    int64_t version = 0;

    if (!table->exists && snapshot_id < 0) {
        *ret_files = NULL;
        *ret_count = 0;
        return ASSAY_OK;
    }
    ASSAY_TRY(find_version(table, snapshot_id, &version, err));
    ASSAY_TRY(read_state(&plan, version, &state, err));
    ASSAY_TRY(read_shape(&plan, state, err));
    files = assay_arena_take(arena, state->file_count + 1, sizeof(*files));
    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < state->file_count; i++)
        ASSAY_TRY(make_file(&plan, &state->files[i], &files[i], err));
    ASSAY_TRY(date_files(&plan, version, files, state->file_count, err));
    ASSAY_TRY(assay_delta_count_rows(files, state->file_count, err));
    *ret_files = files;
    *ret_count = state->file_count;
    return ASSAY_OK;
}

static assay_status snapshot_schema(const assay_table *table, int64_t snapshot_id,
                                    assay_arena *arena, assay_schema **ret_schema, assay_error *err)
{
    const assay_delta_loaded *loaded = table->format_data;
    struct plan plan = {table, loaded, loaded->store, arena, NULL, NULL};
    assay_delta_replay_options options = {.store = loaded->store,
                                          .conn = NULL,
                                          .with_files = false};
    assay_delta_state *state = NULL;
    int64_t version = 0;

    ASSAY_TRY(find_version(table, snapshot_id, &version, err));
    if (version == loaded->state->version) {
        *ret_schema = table->schema;
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_delta_replay(loaded->log, version, &options, arena, &state, err));
    ASSAY_TRY(read_shape(&plan, state, err));
    *ret_schema = plan.schema;
    return ASSAY_OK;
}

static assay_status stage_folder(const assay_table *table, const char *stage_id, assay_arena *arena,
                                 const char **ret_folder, assay_error *err)
{
    (void)stage_id; /* names of staged files carry it */
    ASSAY_TRY(assay_delta_check_place(table, arena, err));
    /* The log's folder comes first: files without one would be a Parquet folder of somebody else.
     */
    const char *log = assay_path_join(arena, table->location, "_delta_log");

    ASSAY_TRY(assay_arena_check(log, err));
    ASSAY_TRY(assay_path_make(log, err));
    *ret_folder = assay_arena_text(arena, table->location);
    return assay_arena_check(*ret_folder, err);
}

const assay_table_format assay_delta_format = {
    .name = "delta",
    .load = assay_delta_load,
    .plan_files = assay_delta_plan_files,
    .snapshot_schema = snapshot_schema,
    .stage_folder = stage_folder,
    .stored_type = assay_delta_stored_type,
    .commit = assay_delta_commit,
    .expire = assay_delta_expire,
    .field_ids = false,
};
