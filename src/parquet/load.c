#include "parquet/parquet.h"

#include <string.h>

#include "base/path.h"
#include "parquet/loaded.h"

const assay_parquet_version *assay_parquet_find_version(const assay_parquet_loaded *loaded,
                                                        int64_t id)
{
    if (loaded->version_count == 0)
        return NULL;
    if (id < 0)
        return loaded->versions[loaded->version_count - 1];
    for (size_t i = 0; i < loaded->version_count; i++) {
        if (loaded->versions[i]->snapshot.id == id)
            return loaded->versions[i];
    }
    return NULL;
}

/* A version can be expired while it is read: it then does not count. The newest one always stays,
 * so a failure there is real. */
static assay_status read_versions(assay_parquet_loaded *loaded, const int64_t *numbers,
                                  size_t count, assay_arena *arena, assay_error *err)
{
    loaded->versions = assay_arena_take(arena, count + 1, sizeof(*loaded->versions));
    ASSAY_TRY(assay_arena_check(loaded->versions, err));
    for (size_t i = 0; i < count; i++) {
        assay_parquet_version *version = NULL;
        assay_status status =
            assay_parquet_version_load(&loaded->place, numbers[i], arena, &version, err);

        if (status == ASSAY_ENOTFOUND && i + 1 < count)
            continue;
        if (status != ASSAY_OK)
            return status;
        loaded->versions[loaded->version_count++] = version;
    }
    assay_error_clear(err);
    return ASSAY_OK;
}

static assay_status fill_table(const assay_parquet_loaded *loaded, assay_table *table,
                               assay_error *err)
{
    const assay_parquet_version *newest = assay_parquet_find_version(loaded, -1);

    table->snapshots =
        assay_arena_take(table->arena, loaded->version_count + 1, sizeof(*table->snapshots));
    ASSAY_TRY(assay_arena_check(table->snapshots, err));
    for (size_t i = 0; i < loaded->version_count; i++)
        table->snapshots[i] = loaded->versions[i]->snapshot;
    table->snapshot_count = loaded->version_count;
    table->current = &table->snapshots[table->snapshot_count - 1];
    table->uuid = newest->uuid;
    table->schema = newest->schema;
    table->spec = newest->spec;
    table->properties = newest->properties;
    table->property_count = newest->property_count;
    table->exists = true;
    return ASSAY_OK;
}

static assay_status load_own(assay_parquet_loaded *loaded, const int64_t *numbers, size_t count,
                             assay_table *table, assay_error *err)
{
    assay_parquet_kind kind = ASSAY_PARQUET_ABSENT;
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_parquet_look(&loaded->place, table->arena, &kind, err));
    if (kind == ASSAY_PARQUET_FOLDER)
        return assay_error_set(err, ASSAY_EDATA, 4304,
                               "'%s' is a folder of its own, but versions of the table lie in '%s'",
                               loaded->place.location, loaded->place.folder);
    ASSAY_TRY(read_versions(loaded, numbers, count, table->arena, err));
    /* A writer may have died between its commit and the swap of the link. Who may not write here
     * still reads right, so this failing is no failure. */
    if (!assay_parquet_link_is(&loaded->place, numbers[count - 1], table->arena))
        status = assay_parquet_publish(&loaded->place, table->arena, NULL);
    (void)status;
    return fill_table(loaded, table, err);
}

static assay_status load(const char *name, const char *location, assay_store *store,
                         assay_conn *conn, assay_arena *arena, assay_table **ret_table,
                         assay_error *err)
{
    assay_table *table = assay_arena_take(arena, 1, sizeof(*table));
    assay_parquet_loaded *loaded = assay_arena_take(arena, 1, sizeof(*loaded));
    int64_t *numbers = NULL;
    size_t count = 0;

    (void)store; /* folders, links and renames are the local file system's own */
    ASSAY_TRY(assay_arena_check(table, err));
    ASSAY_TRY(assay_arena_check(loaded, err));
    ASSAY_TRY(assay_parquet_place_make(location, arena, &loaded->place, err));
    table->format = &assay_parquet_format;
    table->name = assay_arena_text(arena, name);
    table->location = loaded->place.location;
    table->arena = arena;
    table->format_data = loaded;
    table->spec = assay_arena_take(arena, 1, sizeof(*table->spec));
    ASSAY_TRY(assay_arena_check(table->name, err));
    ASSAY_TRY(assay_arena_check(table->spec, err));
    ASSAY_TRY(assay_parquet_versions(&loaded->place, arena, &numbers, &count, err));
    if (count > 0)
        ASSAY_TRY(load_own(loaded, numbers, count, table, err));
    else
        ASSAY_TRY(assay_parquet_load_foreign(loaded, conn, table, err));
    *ret_table = table;
    return ASSAY_OK;
}

assay_status assay_parquet_plan_files(const assay_table *table, int64_t snapshot_id,
                                      assay_store *store, assay_arena *arena,
                                      assay_data_file **ret_files, size_t *ret_count,
                                      assay_error *err)
{
    const assay_parquet_loaded *loaded = table->format_data;
    const assay_parquet_version *version = NULL;

    (void)store;
    *ret_files = loaded->files;
    *ret_count = loaded->file_count;
    if (!table->exists ||
        (loaded->foreign && (snapshot_id < 0 || snapshot_id == table->current->id)))
        return ASSAY_OK;
    version = assay_parquet_find_version(loaded, snapshot_id);
    if (version == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4307, "table '%s' has no version %lld",
                               table->name, (long long)snapshot_id);
    return assay_parquet_files_load(&loaded->place, version, version->snapshot.id, arena, ret_files,
                                    ret_count, err);
}

static assay_status snapshot_schema(const assay_table *table, int64_t snapshot_id,
                                    assay_arena *arena, assay_schema **ret_schema, assay_error *err)
{
    const assay_parquet_loaded *loaded = table->format_data;
    const assay_parquet_version *version = assay_parquet_find_version(loaded, snapshot_id);

    (void)arena;
    if (version == NULL && !(loaded->foreign && table->exists &&
                             (snapshot_id < 0 || snapshot_id == table->current->id)))
        return assay_error_set(err, ASSAY_ENOTFOUND, 4307, "table '%s' has no version %lld",
                               table->name, (long long)snapshot_id);
    *ret_schema = version == NULL ? table->schema : version->schema;
    return ASSAY_OK;
}

static assay_status stage_folder(const assay_table *table, const char *stage_id, assay_arena *arena,
                                 const char **ret_folder, assay_error *err)
{
    const assay_parquet_loaded *loaded = table->format_data;
    char *folder = assay_arena_format(arena, "%s/stage-%s", loaded->place.folder, stage_id);

    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    *ret_folder = folder;
    return ASSAY_OK;
}

/* Parquet holds every type of the matrix; the schema with its originals stands in version.json. */
static assay_status stored_type(const assay_field *field, assay_arena *arena,
                                assay_type *ret_stored, assay_error *err)
{
    (void)arena;
    (void)err;
    *ret_stored = field->type;
    return ASSAY_OK;
}

const assay_table_format assay_parquet_format = {
    .name = "parquet",
    .load = load,
    .plan_files = assay_parquet_plan_files,
    .snapshot_schema = snapshot_schema,
    .stage_folder = stage_folder,
    .stored_type = stored_type,
    .commit = assay_parquet_commit,
    .expire = assay_parquet_expire,
    .field_ids = false,
};
