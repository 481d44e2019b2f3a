#include <string.h>

#include "avro/codec.h"
#include "base/path.h"
#include "base/str.h"
#include "iceberg/iceberg.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_data.h"

const assay_iceberg_metadata *assay_iceberg_table_metadata(const assay_table *table)
{
    const assay_iceberg_table *data = table->format_data;
    return data->metadata;
}

assay_status assay_iceberg_read_file(assay_store *store, const char *path, size_t limit,
                                     assay_buf *buf, assay_error *err)
{
    bool packed = assay_str_ends(path, ".gz.metadata.json") || assay_str_ends(path, ".json.gz");
    if (!packed)
        return assay_store_get(store, path, limit, buf, err);
    ASSAY_AUTO(assay_buf_done) assay_buf raw = ASSAY_BUF_EMPTY;
    ASSAY_TRY(assay_store_get(store, path, limit, &raw, err));
    assay_status status =
        assay_codec_expand(ASSAY_CODEC_GZIP, assay_buf_text(&raw), raw.size, limit, buf, err);
    if (status != ASSAY_OK)
        (void)assay_error_wrap(err, "metadata file '%s'", path);
    return status;
}

assay_snapshot assay_iceberg_snapshot_of(const assay_iceberg_snapshot *snapshot)
{
    const char *operation = assay_iceberg_snapshot_summary(snapshot, "operation");
    return (assay_snapshot){
        .id = snapshot->id,
        .parent = snapshot->parent,
        .number = snapshot->sequence,
        .timestamp_ms = snapshot->timestamp_ms,
        .operation = operation != NULL ? operation : "append",
        .rows = assay_iceberg_snapshot_total(snapshot, "total-records"),
        .files = assay_iceberg_snapshot_total(snapshot, "total-data-files"),
        .bytes = assay_iceberg_snapshot_total(snapshot, "total-files-size"),
        .added_rows = assay_iceberg_snapshot_total(snapshot, "added-records"),
        .removed_rows = assay_iceberg_snapshot_total(snapshot, "deleted-records"),
        .state_path = assay_iceberg_snapshot_summary(snapshot, "assay.state"),
        .commit_id = assay_iceberg_snapshot_summary(snapshot, "assay.commit-id"),
        .engine = assay_iceberg_snapshot_summary(snapshot, "engine-name"),
        .run_id = assay_iceberg_snapshot_summary(snapshot, "assay.run-id"),
        .verdict = assay_iceberg_snapshot_summary(snapshot, "assay.verdict"),
    };
}

/* The history of a table is the ancestry of branch main: staged snapshots and other branches are
 * not part of it. A parent that was expired ends it. */
static assay_status fill_history(const assay_iceberg_metadata *metadata, assay_table *table,
                                 assay_error *err)
{
    size_t count = 0;
    const assay_iceberg_snapshot *at = metadata->current;
    table->snapshots =
        assay_arena_take(table->arena, metadata->snapshot_count + 1, sizeof *table->snapshots);
    ASSAY_TRY(assay_arena_check(table->snapshots, err));
    /* The count bounds the walk, should parents go in a circle. */
    for (; at != NULL && count < metadata->snapshot_count; count++) {
        table->snapshots[count] = assay_iceberg_snapshot_of(at);
        at = at->parent != -1 ? assay_iceberg_metadata_snapshot(metadata, at->parent) : NULL;
    }
    for (size_t i = 0; i < count / 2; i++) {
        assay_snapshot swap = table->snapshots[i];
        table->snapshots[i] = table->snapshots[count - 1 - i];
        table->snapshots[count - 1 - i] = swap;
    }
    for (size_t i = 0; i < count; i++) {
        if (metadata->format_version == 1)
            table->snapshots[i].number = (int64_t)i + 1;
    }
    table->snapshot_count = count;
    table->current = count > 0 ? &table->snapshots[count - 1] : NULL;
    return ASSAY_OK;
}

/* A table of a catalog with pointers of its own lies where its metadata says. */
static assay_status move_to(assay_iceberg_table *data, assay_table *table, const char *recorded,
                            assay_error *err)
{
    const char *folder = NULL;
    ASSAY_TRY(assay_iceberg_location_absolute(recorded, table->arena, &folder, err));
    table->location = folder;
    data->location.local = folder;
    data->identity.location = folder;
    return ASSAY_OK;
}

static assay_status fill_table(assay_iceberg_table *data, assay_store *store, assay_table *table,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    ASSAY_TRY(assay_iceberg_read_file(store, data->pointer.path, ASSAY_ICEBERG_METADATA_SIZE_MAX,
                                      &file, err));
    ASSAY_TRY(assay_iceberg_metadata_parse(assay_buf_text(&file), file.size, data->pointer.path,
                                           table->arena, &data->metadata, err));
    const assay_iceberg_metadata *metadata = data->metadata;
    data->location.metadata = metadata;
    data->location.recorded = metadata->location;
    if (data->pointer.recorded != NULL)
        ASSAY_TRY(move_to(data, table, metadata->location, err));
    table->exists = true;
    table->uuid = metadata->uuid;
    table->schema = metadata->schema;
    table->spec = metadata->spec;
    table->properties = metadata->properties;
    table->property_count = metadata->property_count;
    return fill_history(metadata, table, err);
}

assay_status assay_iceberg_load(const assay_iceberg_catalog *catalog,
                                const assay_table_format *format,
                                const assay_iceberg_identity *identity, assay_store *store,
                                assay_arena *arena, assay_table **ret_table, assay_error *err)
{
    assay_table *table = assay_arena_take(arena, 1, sizeof *table);
    assay_iceberg_table *data = assay_arena_take(arena, 1, sizeof *data);
    ASSAY_TRY(assay_arena_check(table, err));
    ASSAY_TRY(assay_arena_check(data, err));
    table->format = format;
    table->arena = arena;
    table->format_data = data;
    table->name = assay_arena_text(arena, identity->name);
    table->location = assay_path_normal(arena, "/", identity->location);
    ASSAY_TRY(assay_arena_check(table->location, err));
    data->catalog = catalog;
    data->identity = (assay_iceberg_identity){.name = table->name, .location = table->location};
    data->location.local = table->location;
    ASSAY_TRY(catalog->load(catalog, &data->identity, store, arena, &data->pointer, err));
    if (data->pointer.folder != NULL) {
        table->location = data->pointer.folder;
        data->location.local = data->pointer.folder;
        data->identity.location = data->pointer.folder;
    }
    if (data->pointer.exists)
        ASSAY_TRY(fill_table(data, store, table, err));
    *ret_table = table;
    return ASSAY_OK;
}

assay_status assay_iceberg_reload(const assay_table *base, assay_store *store,
                                  struct assay_conn *conn, assay_arena *arena,
                                  assay_table **ret_table, assay_error *err)
{
    (void)conn;
    const assay_iceberg_table *data = base->format_data;
    return assay_iceberg_load(data->catalog, base->format, &data->identity, store, arena, ret_table,
                              err);
}

const char *assay_iceberg_pointer_recorded(const assay_iceberg_table *data, assay_arena *arena)
{
    if (data->pointer.recorded != NULL)
        return data->pointer.recorded;
    return assay_iceberg_location_recorded(&data->location, data->pointer.path, arena);
}

assay_status assay_iceberg_snapshot_schema(const assay_table *table, int64_t snapshot_id,
                                           assay_arena *arena, assay_schema **ret_schema,
                                           assay_error *err)
{
    const assay_iceberg_metadata *metadata = assay_iceberg_table_metadata(table);
    const assay_schema *schema = table->schema;
    if (snapshot_id != -1 && metadata != NULL) {
        const assay_iceberg_snapshot *snapshot =
            assay_iceberg_metadata_snapshot(metadata, snapshot_id);
        if (snapshot == NULL)
            return assay_error_set(err, ASSAY_ENOTFOUND, 4109, "table '%s' has no snapshot %lld",
                                   table->name, (long long)snapshot_id);
        const assay_schema *own = assay_iceberg_metadata_schema(metadata, snapshot->schema_id);
        schema = own != NULL ? own : schema;
    }
    if (schema == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4109, "table '%s' does not exist",
                               table->name);
    return assay_schema_copy(schema, arena, ret_schema, err);
}

assay_status assay_iceberg_stage_folder(const assay_table *table, const char *stage_id,
                                        assay_arena *arena, const char **ret_folder,
                                        assay_error *err)
{
    (void)stage_id; /* file names carry it; the folder is shared, nothing reads it but by name */
    char *folder = assay_path_join(arena, table->location, "data/assay");
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    *ret_folder = folder;
    return ASSAY_OK;
}

assay_status assay_iceberg_stored_type_of(const assay_field *field, assay_arena *arena,
                                          assay_type *ret_stored, assay_error *err)
{
    assay_type stored = assay_iceberg_stored_type(&field->type);
    if (stored.field_count > 0) {
        stored.fields = assay_arena_take(arena, stored.field_count, sizeof *stored.fields);
        ASSAY_TRY(assay_arena_check(stored.fields, err));
        for (size_t i = 0; i < stored.field_count; i++) {
            stored.fields[i] = field->type.fields[i];
            ASSAY_TRY(assay_iceberg_stored_type_of(&field->type.fields[i], arena,
                                                   &stored.fields[i].type, err));
        }
    }
    *ret_stored = stored;
    return ASSAY_OK;
}
