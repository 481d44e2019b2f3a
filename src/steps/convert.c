#include "steps/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "catalog/formats.h"
#include "published/published.h"
#include "quality/quality.h"
#include "table/scan.h"

/* Table property: the tables that this one was, newest first, as "<uuid>:<snapshot id>" where the
 * first snapshot holds exactly the rows of that snapshot, "<uuid>:" where rows came after it. */
static const char came_from[] = "assay.converted-from";
enum { ANCESTORS_MAX = 16 };

/* One table on its way. */
struct conversion {
    const assay_step_context *context;
    const assay_table *old;
    const assay_state_file *state;
    const char *workspace; /* hidden folder beside the table: "<layer>/.<table>.convert" */
    const char *place;     /* where the new table is written: "<workspace>/<table>" */
    assay_table *made;     /* loaded through `store`: what the commit says */
    assay_table *staged;   /* the same where it is written */
    assay_store *store;    /* finds the new table where its metadata says that it lies */
    assay_published_rows rows;
    const char *select;
    char stage_id[ASSAY_UUID_TEXT_SIZE]; /* the step stages its own rows under its own id */
    assay_stage_result stage;
    assay_arena *arena;
};

/* ---- where ---- */

/* The hidden folder beside a table in which its successor is written. */
static char *workspace_of(const char *location, assay_arena *arena)
{
    const char *layer = assay_path_dir(arena, location);

    return layer != NULL
               ? assay_arena_format(arena, "%s/.%s.convert", layer, assay_path_base(location))
               : NULL;
}

/* The hidden folder of versions that a Parquet table at `location` has beside it. */
static char *versions_of(const char *location, assay_arena *arena)
{
    const char *folder = assay_path_dir(arena, location);

    return folder != NULL ? assay_arena_format(arena, "%s/.%s", folder, assay_path_base(location))
                          : NULL;
}

/* A Parquet table that a dead process has left in the workspace, before or after the exchange, has
 * its versions beside the table; they are the table's own only where a link stands there. */
static assay_status remove_workspace(const char *location, const char *workspace,
                                     assay_arena *arena, assay_error *err)
{
    const char *place = assay_path_join(arena, workspace, assay_path_base(location));
    const char *versions = versions_of(location, arena);
    assay_path_info left = {0};
    assay_path_info live = {0};

    ASSAY_TRY(assay_arena_check(place, err));
    ASSAY_TRY(assay_arena_check(versions, err));
    ASSAY_TRY(assay_path_stat(place, &left, err));
    ASSAY_TRY(assay_path_stat(location, &live, err));
    if (left.is_link && !live.is_link)
        ASSAY_TRY(assay_path_remove_tree(versions, err));
    return assay_path_remove_tree(workspace, err);
}

assay_status assay_convert_discard_left(const char *location, assay_arena *arena, assay_error *err)
{
    const char *workspace = workspace_of(location, arena);
    assay_path_info info = {0};

    ASSAY_TRY(assay_arena_check(workspace, err));
    ASSAY_TRY(assay_path_stat(workspace, &info, err));
    return info.exists ? remove_workspace(location, workspace, arena, err) : ASSAY_OK;
}

static assay_status find_places(struct conversion *conversion, assay_error *err)
{
    assay_arena *arena = conversion->arena;
    const char *location = conversion->old->location;

    ASSAY_TRY(assay_convert_discard_left(location, arena, err));
    conversion->workspace = workspace_of(location, arena);
    ASSAY_TRY(assay_arena_check(conversion->workspace, err));
    conversion->place = assay_path_join(arena, conversion->workspace, assay_path_base(location));
    ASSAY_TRY(assay_arena_check(conversion->place, err));
    return assay_path_make(conversion->workspace, err);
}

/* ---- the new table ---- */

/* Names and types of the rows as the user sees them, numbered anew, with their comments. */
static assay_status make_schema(struct conversion *conversion, assay_schema **ret_schema,
                                assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;
    assay_schema *schema = NULL;

    ASSAY_TRY(assay_conn_describe(conversion->context->conn, conversion->select, conversion->arena,
                                  &columns, &count, err));
    ASSAY_TRY(assay_schema_from_columns(columns, count, conversion->arena, &schema, err));
    for (size_t i = 0; i < schema->count && i < conversion->rows.schema->count; i++)
        schema->fields[i].doc = conversion->rows.schema->fields[i].doc;
    *ret_schema = schema;
    return ASSAY_OK;
}

static assay_status make_spec(const struct conversion *conversion, const assay_schema *schema,
                              assay_partition_spec **ret_spec, assay_error *err)
{
    const char *const *entries = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_model_header_partitions(&conversion->context->model->header, conversion->arena,
                                            &entries, &count, err));
    return assay_partition_parse(entries, count, schema, conversion->arena, ret_spec, err);
}

static assay_status append_rows(struct conversion *conversion, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_scan_options options = {.conn = conversion->context->conn};
    const assay_published_rows *rows = &conversion->rows;

    ASSAY_TRY(assay_scan_append_sql(&sql, conversion->old, rows->schema, rows->files, rows->count,
                                    &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    conversion->select = assay_arena_text(conversion->arena, sql.data);
    return assay_arena_check(conversion->select, err);
}

/* Metadata that names absolute paths says where the table will lie. */
static assay_status rename_files(struct conversion *conversion, assay_error *err)
{
    for (size_t i = 0; i < conversion->stage.count; i++) {
        assay_data_file *file = &conversion->stage.files[i];
        const char *below = assay_path_relative(conversion->place, file->path);

        file->path = assay_path_join(conversion->arena, conversion->made->location, below);
        ASSAY_TRY(assay_arena_check(file->path, err));
    }
    return ASSAY_OK;
}

/* The ancestors of the old table are those of the new one. Where rows were added since the old one
 * was moved itself, no snapshot of an ancestor is the whole any more. */
static void append_ancestors(const struct conversion *conversion, assay_buf *text)
{
    const char *entry = assay_table_property(conversion->old, came_from);
    const assay_snapshot *snapshot = conversion->rows.snapshot;
    bool same = snapshot != NULL && snapshot->number == 1;

    for (int i = 1; entry != NULL && *entry != '\0' && i < ANCESTORS_MAX; i++) {
        size_t size = strcspn(entry, ",");
        size_t uuid = strcspn(entry, ":,");
        assay_buf_append_char(text, ',');
        assay_buf_append(text, entry, same ? size : uuid);
        if (!same)
            assay_buf_append_char(text, ':');
        entry += entry[size] == ',' ? size + 1 : size;
    }
}

static assay_status list_properties(const struct conversion *conversion, assay_change *change,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_property *property = assay_arena_take(conversion->arena, 1, sizeof *property);
    const assay_snapshot *snapshot = conversion->rows.snapshot;
    const char *uuid = conversion->old->uuid;

    ASSAY_TRY(assay_arena_check(property, err));
    assay_buf_append_format(&text, "%s:%" PRId64, uuid != NULL ? uuid : "",
                            snapshot != NULL ? snapshot->id : -1);
    append_ancestors(conversion, &text);
    ASSAY_TRY(assay_buf_check(&text, err));
    property->name = came_from;
    property->value = assay_arena_text(conversion->arena, assay_buf_text(&text));
    change->properties = property;
    change->property_count = 1;
    return assay_arena_check(property->value, err);
}

static assay_status commit(struct conversion *conversion, assay_schema *schema,
                           assay_partition_spec *spec, assay_error *err)
{
    const assay_step_context *context = conversion->context;
    const assay_snapshot *snapshot = conversion->rows.snapshot;
    assay_commit_request request = {.base = conversion->made,
                                    .change = {.kind = ASSAY_CHANGE_APPEND,
                                               .schema = schema,
                                               .spec = spec,
                                               .added = conversion->stage.files,
                                               .added_count = conversion->stage.count,
                                               .run_id =
                                                   snapshot != NULL ? snapshot->run_id : NULL},
                                    .stage_id = conversion->stage_id,
                                    .store = conversion->store,
                                    .conn = context->conn};
    const assay_commit_env env =
        assay_published_commit_env(context->project, context->env, conversion->made);
    const char *suite = conversion->state != NULL ? conversion->state->suite_hash : NULL;
    const assay_snapshot *committed = NULL;

    if (conversion->state != NULL)
        request.state = *conversion->state;
    ASSAY_TRY(list_properties(conversion, &request.change, err));
    const assay_gate_token *token =
        assay_gate_carry(snapshot != NULL ? snapshot->verdict : NULL, suite,
                         &(assay_gate_carried){conversion->made->name, conversion->stage_id},
                         conversion->arena);
    ASSAY_TRY(assay_arena_check(token, err));
    return assay_table_commit(&request, token, &env, conversion->arena, &committed, err);
}

static assay_status write_new(struct conversion *conversion, assay_error *err)
{
    const assay_step_context *context = conversion->context;
    assay_schema *schema = NULL;
    assay_partition_spec *spec = NULL;

    ASSAY_TRY(append_rows(conversion, err));
    ASSAY_TRY(make_schema(conversion, &schema, err));
    ASSAY_TRY(make_spec(conversion, schema, &spec, err));
    const assay_stage_request request = {.table = conversion->staged,
                                         .schema = schema,
                                         .spec = spec,
                                         .select = conversion->select,
                                         .stage_id = conversion->stage_id,
                                         .target_file_bytes =
                                             context->project->storage->target_file_bytes};
    ASSAY_TRY(
        assay_stage_write(context->conn, &request, conversion->arena, &conversion->stage, err));
    ASSAY_TRY(rename_files(conversion, err));
    return commit(conversion, schema, spec, err);
}

/* Opens the new table, which does not exist yet, at its places. */
static assay_status open_new(struct conversion *conversion, const assay_table_format *format,
                             assay_error *err)
{
    const assay_step_context *context = conversion->context;
    const char *name = conversion->old->name;

    ASSAY_TRY(format->load(name, conversion->place, context->env->store, context->conn,
                           conversion->arena, &conversion->staged, err));
    if (!format->absolute_paths) {
        conversion->store = context->env->store;
        conversion->made = conversion->staged;
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_store_open_moved(context->env->store, conversion->old->location,
                                     conversion->place, &conversion->store, err));
    return format->load(name, conversion->old->location, conversion->store, context->conn,
                        conversion->arena, &conversion->made, err);
}

/* ---- trading places ---- */

static bool is_parquet(const assay_table *table)
{
    return table->format == assay_format_find("parquet");
}

static bool is_as_read(const struct conversion *conversion, const assay_table *now)
{
    const assay_snapshot *then = conversion->rows.snapshot;

    return now->exists &&
           (now->current != NULL ? now->current->id : -1) == (then != NULL ? then->id : -1);
}

/* Somebody who committed to the old table at the last moment must find his commit in the table:
 * then the places are changed back. Nobody but assay commits to Parquet versions, under the lock.
 */
static assay_status check_left(const struct conversion *conversion, assay_error *err)
{
    const assay_step_context *context = conversion->context;
    const assay_table *old = conversion->old;
    assay_table *left = NULL;

    if (is_parquet(old))
        return ASSAY_OK;
    ASSAY_TRY(old->format->load(old->name, conversion->place, context->env->store, context->conn,
                                conversion->arena, &left, err));
    if (is_as_read(conversion, left))
        return ASSAY_OK;
    ASSAY_TRY(assay_path_exchange(old->location, conversion->place, err));
    return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                           "table '%s' was changed by somebody else while it was moved into the "
                           "format %s",
                           old->name, conversion->made->format->name);
}

/* The versions of a Parquet table lie in a hidden folder beside the link, which names them
 * relatively: they go first, so that the link is right the moment it is there. */
static assay_status move_versions(const struct conversion *conversion, const char *versions,
                                  assay_error *err)
{
    const char *made = versions_of(conversion->place, conversion->arena);

    ASSAY_TRY(assay_arena_check(made, err));
    ASSAY_TRY(assay_path_remove_tree(versions, err));
    ASSAY_TRY(assay_path_make(versions, err));
    return assay_path_exchange(made, versions, err);
}

static assay_status trade_places(struct conversion *conversion, assay_error *err)
{
    const char *location = conversion->old->location;
    const char *versions = versions_of(location, conversion->arena);

    ASSAY_TRY(assay_arena_check(versions, err));
    if (is_parquet(conversion->made))
        ASSAY_TRY(move_versions(conversion, versions, err));
    ASSAY_TRY(assay_path_exchange(location, conversion->place, err));
    ASSAY_TRY(check_left(conversion, err));
    if (is_parquet(conversion->old))
        ASSAY_TRY(assay_path_remove_tree(versions, err));
    return assay_path_remove_tree(conversion->workspace, err);
}

/* ---- the whole ---- */

static assay_status convert(struct conversion *conversion, assay_error *err)
{
    const assay_step_context *context = conversion->context;
    const char *wanted = assay_project_format(context->project, conversion->old->name);
    const assay_table_format *format = assay_format_find(wanted);

    if (format == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "no format '%s'", wanted);
    assay_step_phase(context, "converting");
    ASSAY_TRY(find_places(conversion, err));
    ASSAY_TRY(assay_published_at(conversion->old, -1, context->env, conversion->arena,
                                 &conversion->rows, err));
    assay_uuid_format(assay_uuid_v4(context->env->random), conversion->stage_id);
    ASSAY_TRY(open_new(conversion, format, err));
    assay_status status = write_new(conversion, err);
    if (conversion->store != context->env->store)
        assay_store_close(conversion->store);
    ASSAY_TRY(status);
    return trade_places(conversion, err);
}

static assay_status convert_table(const assay_step_context *context, const assay_table *table,
                                  assay_error *err)
{
    struct conversion conversion = {.context = context, .old = table, .arena = context->arena};
    assay_state_file *state = NULL;
    int foreign = 0;

    ASSAY_TRY(assay_state_file_current(table, context->env->store, context->arena, &state, &foreign,
                                       err));
    conversion.state = state;
    assay_status status = convert(&conversion, err);
    if (status != ASSAY_OK && conversion.workspace != NULL &&
        assay_convert_discard_left(table->location, context->arena, NULL) != ASSAY_OK)
        assay_log_write(context->env->log, ASSAY_LOG_WARNING, "'%s' stays behind",
                        conversion.workspace);
    if (status != ASSAY_OK)
        return assay_error_wrap(err, "moving '%s' from format %s", table->name,
                                table->format->name);
    return ASSAY_OK;
}

assay_status assay_convert_if_switched(const assay_step_context *context, const char **ret_note,
                                       assay_error *err)
{
    const char *name = context->model->name;
    const char *wanted = assay_project_format(context->project, name);
    const char *location = assay_project_location(context->project, name, context->arena);
    const assay_table_format *format = NULL;
    assay_table *table = NULL;

    *ret_note = NULL;
    ASSAY_TRY(assay_arena_check(location, err));
    ASSAY_TRY(assay_format_detect(location, context->env->store, &format, err));
    if (format == NULL || assay_str_equal(format->name, wanted))
        return ASSAY_OK;
    ASSAY_TRY(assay_published_load(context->project, context->env, context->conn, name,
                                   context->arena, &table, err));
    if (!table->exists)
        return ASSAY_OK;
    if (context->project->catalog != NULL &&
        (assay_str_equal(table->format->name, "iceberg") || assay_str_equal(wanted, "iceberg")))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4410,
                               "table '%s' of format %s is not moved into %s: the %s catalog holds "
                               "its pointer",
                               name, table->format->name, wanted, context->project->catalog->name);
    const char *note =
        assay_arena_format(context->arena,
                           "moved from format %s to %s; its older snapshots are gone",
                           table->format->name, wanted);
    ASSAY_TRY(assay_arena_check(note, err));
    ASSAY_TRY(convert_table(context, table, err));
    *ret_note = note;
    return ASSAY_OK;
}

bool assay_convert_came_from(const assay_table *table, const assay_consumed_input *consumed,
                             bool *ret_same)
{
    const char *entry = assay_table_property(table, came_from);
    size_t length = consumed->uuid != NULL ? strlen(consumed->uuid) : 0;
    char id[24];

    while (entry != NULL && length > 0) {
        size_t size = strcspn(entry, ",");
        if (size > length && strncmp(entry, consumed->uuid, length) == 0 && entry[length] == ':') {
            int digits = snprintf(id, sizeof id, "%" PRId64, consumed->snapshot_id);
            *ret_same = digits > 0 && (size_t)digits == size - length - 1 &&
                        strncmp(entry + length + 1, id, (size_t)digits) == 0;
            return true;
        }
        entry = entry[size] == ',' ? entry + size + 1 : NULL;
    }
    return false;
}
