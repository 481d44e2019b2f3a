#include "published/published.h"

#include <string.h>

#include "base/str.h"
#include "catalog/formats.h"
#include "engine/catalog.h"
#include "table/scan.h"

static const int64_t DAY_MS = 86400000;

bool assay_published_split(const char *name, assay_arena *arena, const char **ret_layer,
                           const char **ret_table)
{
    const char *dot = strchr(name, '.');

    if (dot == NULL || dot == name || dot[1] == '\0' || strchr(dot + 1, '.') != NULL)
        return false;
    *ret_layer = assay_arena_text_n(arena, name, (size_t)(dot - name));
    *ret_table = assay_arena_text(arena, dot + 1);
    return *ret_layer != NULL && *ret_table != NULL;
}

assay_status assay_published_load(const assay_project *project, const assay_step_env *env,
                                  assay_conn *conn, const char *name, assay_arena *arena,
                                  assay_table **ret_table, assay_error *err)
{
    const assay_format_place place = {.name = name,
                                      .location = assay_project_location(project, name, arena),
                                      .format = assay_project_format(project, name),
                                      .catalog = project->catalog};

    ASSAY_TRY(assay_arena_check(place.location, err));
    if (assay_format_load(&place, env->store, conn, arena, ret_table, err) != ASSAY_OK)
        return assay_error_wrap(err, "loading table '%s'", name);
    return ASSAY_OK;
}

assay_status assay_published_at(const assay_table *table, int64_t snapshot_id,
                                const assay_step_env *env, assay_arena *arena,
                                assay_published_rows *ret_rows, assay_error *err)
{
    assay_published_rows rows = {.table = table, .schema = table->schema};
    assay_schema *schema = NULL;

    rows.snapshot = snapshot_id < 0 ? table->current : assay_table_snapshot(table, snapshot_id);
    if (snapshot_id >= 0 && rows.snapshot == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4060,
                               "table '%s' has no snapshot %lld any more", table->name,
                               (long long)snapshot_id);
    if (rows.snapshot != NULL) {
        int64_t id = rows.snapshot->id;
        ASSAY_TRY(
            table->format->plan_files(table, id, env->store, arena, &rows.files, &rows.count, err));
        ASSAY_TRY(table->format->snapshot_schema(table, id, arena, &schema, err));
        rows.schema = schema;
    }
    *ret_rows = rows;
    return ASSAY_OK;
}

assay_status assay_published_view_of(assay_conn *conn, const char *name, const char *select,
                                     assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    const char *layer = NULL;
    const char *table = NULL;

    ASSAY_TRY(assay_arena_check(scratch, err));
    if (!assay_published_split(name, scratch, &layer, &table))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               name);
    return assay_engine_catalog_view(conn, layer, table, select, err);
}

assay_status assay_published_view(assay_conn *conn, const char *name,
                                  const assay_published_rows *rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_scan_options options = {.conn = conn};

    ASSAY_TRY(assay_scan_append_sql(&sql, rows->table, rows->schema, rows->files, rows->count,
                                    &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_published_view_of(conn, name, sql.data, err);
}

/* ---- names ---- */

assay_status assay_published_names(const assay_project *project, const assay_step_env *env,
                                   assay_arena *arena, const char ***ret_names, size_t *ret_count,
                                   assay_error *err)
{
    return assay_format_tables(project->warehouse, project->catalog, env->store, arena, ret_names,
                               ret_count, err);
}

assay_status assay_published_missing(const assay_project *project, const assay_step_env *env,
                                     const char *name, assay_arena *arena, assay_error *err)
{
    const char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_published_names(project, env, arena, &names, &count, err));
    const char *nearest = assay_str_nearest(name, names, count);
    return assay_error_set(err, ASSAY_ENOTFOUND, 4062, "there is no table '%s'%s%s%s", name,
                           nearest != NULL ? "; did you mean '" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

bool assay_published_mentions(const char *text, const char *layer, const char *table)
{
    return assay_str_contains_ci(text, table) && assay_str_contains_ci(text, layer);
}

/* True where the table is wanted: mentioned in the text, and not known already. */
static bool is_wanted(const assay_published_wanted *wanted, const char *name, const char *layer,
                      const char *table)
{
    for (size_t i = 0; i < wanted->known_count; i++)
        if (assay_str_equal_ci(wanted->known[i], name))
            return false;
    return wanted->text == NULL || assay_published_mentions(wanted->text, layer, table);
}

static assay_status view_at(const assay_project *project, const assay_step_env *env,
                            assay_conn *conn, const char *name, int64_t at_us, assay_arena *arena,
                            assay_error *err)
{
    assay_table *table = NULL;
    assay_published_rows rows;
    int64_t snapshot_id = -1;

    ASSAY_TRY(assay_published_load(project, env, conn, name, arena, &table, err));
    if (!table->exists || table->schema == NULL)
        return ASSAY_OK;
    if (at_us != INT64_MAX) {
        const assay_snapshot *snapshot = assay_table_snapshot_at(table, at_us);
        if (snapshot == NULL)
            return ASSAY_OK; /* it did not exist then: a query that reads it says so */
        snapshot_id = snapshot->id;
    }
    ASSAY_TRY(assay_published_at(table, snapshot_id, env, arena, &rows, err));
    return assay_published_view(conn, name, &rows, err);
}

assay_status assay_published_views(const assay_project *project, const assay_step_env *env,
                                   assay_conn *conn, const assay_published_wanted *wanted,
                                   assay_arena *arena, assay_error *err)
{
    const char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_published_names(project, env, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *layer = NULL;
        const char *table = NULL;
        if (assay_published_split(names[i], arena, &layer, &table) &&
            is_wanted(wanted, names[i], layer, table))
            ASSAY_TRY(view_at(project, env, conn, names[i], wanted->at_us, arena, err));
    }
    return ASSAY_OK;
}

assay_status assay_published_columns(const assay_schema *schema, assay_arena *arena,
                                     assay_column **ret_columns, size_t *ret_count,
                                     assay_error *err)
{
    assay_column *columns = assay_arena_take(arena, schema->count, sizeof *columns);

    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < schema->count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
        const assay_field *field = &schema->fields[i];
        if (field->original != NULL)
            assay_buf_append_text(&type, field->original);
        else
            assay_type_format(&type, &field->type);
        ASSAY_TRY(assay_buf_check(&type, err));
        columns[i].name = field->name;
        columns[i].type = assay_arena_text(arena, type.data);
        ASSAY_TRY(assay_arena_check(columns[i].type, err));
    }
    *ret_columns = columns;
    *ret_count = schema->count;
    return ASSAY_OK;
}

assay_commit_env assay_published_commit_env(const assay_project *project, const assay_step_env *env,
                                            const assay_table *table)
{
    return (assay_commit_env){.clock = env->clock,
                              .random = env->random,
                              .assay_version = env->assay_version,
                              .format_options =
                                  assay_storage_options(project->storage, table->format->name),
                              .cancel = env->cancel};
}

assay_expiry assay_published_expiry(const assay_project *project, const assay_step_env *env,
                                    const char *layer)
{
    assay_keep_config keep = assay_storage_keep(project->storage, layer);
    int64_t now_ms = env->clock->now_us(env->clock->user) / 1000;

    return (assay_expiry){.older_than_ms = now_ms - keep.days * DAY_MS, .keep = keep.snapshots};
}
