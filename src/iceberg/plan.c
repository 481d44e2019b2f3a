#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "iceberg/bounds.h"
#include "iceberg/deletes.h"
#include "iceberg/iceberg.h"
#include "iceberg/name_mapping.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_data.h"

static assay_status read_avro(const assay_iceberg_location *location, const char *recorded,
                              assay_store *store, assay_arena *arena, assay_buf *buf,
                              assay_error *err)
{
    const char *path = NULL;
    ASSAY_TRY(assay_iceberg_location_local(location, recorded, arena, &path, err));
    return assay_iceberg_read_file(store, path, ASSAY_ICEBERG_MANIFEST_SIZE_MAX, buf, err);
}

/* v1 snapshots may list their manifests in the metadata itself (spec, appendix "v1"). */
static assay_status inline_manifests(const assay_iceberg_snapshot *snapshot, assay_arena *arena,
                                     assay_iceberg_manifest **ret_list, size_t *ret_count,
                                     assay_error *err)
{
    const assay_value *paths = snapshot->manifests;
    if (paths->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_EDATA, 4101, "'manifests' of a snapshot is no list");
    assay_iceberg_manifest *list = assay_arena_take(arena, paths->count + 1, sizeof *list);
    ASSAY_TRY(assay_arena_check(list, err));
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->items[i]->kind != ASSAY_VALUE_TEXT)
            return assay_error_set(err, ASSAY_EDATA, 4101, "a manifest of a snapshot is no path");
        list[i] = (assay_iceberg_manifest){.path = paths->items[i]->text,
                                           .length = -1,
                                           .spec_id = -1,
                                           .added_snapshot_id = snapshot->id,
                                           .added_files = -1,
                                           .existing_files = -1,
                                           .deleted_files = -1,
                                           .added_rows = -1,
                                           .existing_rows = -1,
                                           .deleted_rows = -1};
    }
    *ret_list = list;
    *ret_count = paths->count;
    return ASSAY_OK;
}

assay_status assay_iceberg_manifests_of(const assay_iceberg_location *location,
                                        const assay_iceberg_snapshot *snapshot, assay_store *store,
                                        assay_arena *arena, assay_iceberg_manifest **ret_list,
                                        size_t *ret_count, assay_error *err)
{
    if (snapshot->manifest_list == NULL)
        return inline_manifests(snapshot, arena, ret_list, ret_count, err);
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    ASSAY_TRY(read_avro(location, snapshot->manifest_list, store, arena, &file, err));
    return assay_iceberg_manifest_list_read(&file, snapshot->manifest_list, arena, ret_list,
                                            ret_count, err);
}

assay_status assay_iceberg_entries_of(const assay_iceberg_location *location,
                                      const assay_iceberg_manifest *manifest, assay_store *store,
                                      assay_arena *arena, assay_iceberg_entry **ret_entries,
                                      size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    ASSAY_TRY(read_avro(location, manifest->path, store, arena, &file, err));
    return assay_iceberg_manifest_read(&file, manifest, location->metadata, arena, ret_entries,
                                       ret_count, err);
}

bool assay_iceberg_manifest_is_live(const assay_iceberg_manifest *manifest)
{
    return manifest->added_files != 0 || manifest->existing_files != 0;
}

/* Where live entries go. */
struct collector {
    assay_vec *live, *deletes; /* deletes may be NULL */
    assay_error *err;
};

static const char *delete_kind(const assay_iceberg_entry *entry)
{
    if (assay_str_equal_ci(entry->file_format, "puffin"))
        return "deletion vectors";
    return entry->content == ASSAY_ICEBERG_EQUALITY_DELETES ? "equality deletes"
                                                            : "position deletes";
}

static assay_status take_entry(const struct collector *collector, const assay_iceberg_entry *entry,
                               int32_t spec_id)
{
    const assay_iceberg_live_entry live = {.entry = *entry, .spec_id = spec_id};
    bool data = entry->content == ASSAY_ICEBERG_DATA;
    bool parquet = assay_str_equal_ci(entry->file_format, "parquet");
    if (entry->status == ASSAY_ICEBERG_DELETED)
        return ASSAY_OK;
    if (!data && (!parquet || collector->deletes == NULL))
        return assay_error_set(collector->err, ASSAY_EUNSUPPORTED, 4108,
                               "the snapshot has %s (file '%.300s'), which are not supported%s",
                               delete_kind(entry), entry->path, parquet ? " here" : "");
    if (!parquet)
        return assay_error_set(collector->err, ASSAY_EUNSUPPORTED, 4102,
                               "data file '%.300s' has the format '%.20s', which is not supported",
                               entry->path, entry->file_format);
    return assay_vec_push(data ? collector->live : collector->deletes, &live, collector->err);
}

/* Manifests with a spec of -1 (v1) took the table's; an entry needs the real one. */
static int32_t spec_of(const assay_iceberg_location *location,
                       const assay_iceberg_manifest *manifest)
{
    return manifest->spec_id >= 0 ? manifest->spec_id : location->metadata->spec->id;
}

assay_status assay_iceberg_live_entries(const assay_iceberg_location *location,
                                        const assay_iceberg_snapshot *snapshot, assay_store *store,
                                        assay_arena *arena, assay_vec *ret_live,
                                        assay_vec *ret_deletes, assay_error *err)
{
    const struct collector collector = {.live = ret_live, .deletes = ret_deletes, .err = err};
    assay_iceberg_manifest *list = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_iceberg_manifests_of(location, snapshot, store, arena, &list, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_iceberg_entry *entries = NULL;
        size_t entry_count = 0;
        if (!assay_iceberg_manifest_is_live(&list[i]))
            continue;
        ASSAY_TRY(assay_iceberg_entries_of(location, &list[i], store, arena, &entries, &entry_count,
                                           err));
        for (size_t j = 0; j < entry_count; j++)
            ASSAY_TRY(take_entry(&collector, &entries[j], spec_of(location, &list[i])));
    }
    return ASSAY_OK;
}

/* ---- entries as data files ---- */

/* The partition spec of the files of one plan. Files of several specs get one that has the identity
 * fields of all of them, since a scan reads partition values by one spec; a file has values for the
 * fields of its own spec only. */
struct plan_spec {
    const assay_partition_spec *spec;
    bool mixed;
};

enum { MIXED_SPEC_ID = INT32_MAX };

static assay_status add_identity_fields(const assay_partition_spec *spec, assay_vec *fields,
                                        assay_error *err)
{
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        bool known = field->transform != ASSAY_TRANSFORM_IDENTITY;
        for (size_t j = 0; j < fields->count && !known; j++) {
            const assay_partition_field *other = assay_vec_at(fields, j);
            known = other->source_id == field->source_id;
        }
        if (!known)
            ASSAY_TRY(assay_vec_push(fields, field, err));
    }
    return ASSAY_OK;
}

static assay_status mix_specs(const assay_iceberg_metadata *metadata, assay_arena *arena,
                              struct plan_spec *ret_plan, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec fields = ASSAY_VEC_OF(assay_partition_field);
    assay_partition_spec *spec = assay_arena_take(arena, 1, sizeof *spec);
    ASSAY_TRY(assay_arena_check(spec, err));
    for (size_t i = 0; i < metadata->spec_count; i++)
        ASSAY_TRY(add_identity_fields(&metadata->specs[i], &fields, err));
    spec->id = MIXED_SPEC_ID;
    ASSAY_TRY(assay_vec_to_arena(&fields, arena, &spec->fields, &spec->count, err));
    *ret_plan = (struct plan_spec){.spec = spec, .mixed = true};
    return ASSAY_OK;
}

static assay_status choose_spec(const assay_iceberg_metadata *metadata, const assay_vec *live,
                                assay_arena *arena, struct plan_spec *ret_plan, assay_error *err)
{
    const assay_iceberg_live_entry *first = live->count > 0 ? assay_vec_at(live, 0) : NULL;
    *ret_plan = (struct plan_spec){.spec = metadata->spec};
    for (size_t i = 1; i < live->count; i++) {
        const assay_iceberg_live_entry *item = assay_vec_at(live, i);
        if (item->spec_id != first->spec_id)
            return mix_specs(metadata, arena, ret_plan, err);
    }
    if (first != NULL)
        ret_plan->spec = assay_iceberg_metadata_spec(metadata, first->spec_id);
    if (ret_plan->spec == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4107, "a file has an unknown partition spec");
    return ASSAY_OK;
}

/* TINYINT and SMALLINT columns have int values in the manifest. */
static assay_datum value_of(const assay_iceberg_metadata *metadata,
                            const assay_partition_field *field, assay_datum value)
{
    const assay_field *source = assay_iceberg_metadata_field(metadata, field->source_id);
    if (field->transform == ASSAY_TRANSFORM_IDENTITY && source != NULL)
        value.kind = source->type.kind;
    return value;
}

/* Value of a field of the mixed spec in an entry of another; unknown where it has none. */
static assay_datum mixed_value(const assay_iceberg_metadata *metadata,
                               const assay_iceberg_live_entry *live,
                               const assay_partition_field *field)
{
    const assay_partition_spec *own = assay_iceberg_metadata_spec(metadata, live->spec_id);
    assay_datum value = {.kind = ASSAY_TYPE_STRING};
    for (size_t i = 0; own != NULL && i < own->count; i++) {
        if (own->fields[i].source_id == field->source_id &&
            own->fields[i].transform == ASSAY_TRANSFORM_IDENTITY)
            value = live->entry.partition[i];
    }
    return value_of(metadata, field, value);
}

static assay_status fill_partition(const assay_iceberg_metadata *metadata,
                                   const assay_iceberg_live_entry *live,
                                   const struct plan_spec *plan, assay_arena *arena,
                                   assay_data_file *file, assay_error *err)
{
    const assay_partition_spec *spec = plan->spec;
    file->partition = assay_arena_take(arena, spec->count + 1, sizeof *file->partition);
    ASSAY_TRY(assay_arena_check(file->partition, err));
    for (size_t i = 0; i < spec->count; i++)
        file->partition[i] = plan->mixed
                                 ? mixed_value(metadata, live, &spec->fields[i])
                                 : value_of(metadata, &spec->fields[i], live->entry.partition[i]);
    file->partition_count = spec->count;
    file->spec_id = spec->id;
    file->spec = spec == metadata->spec ? NULL : spec;
    return ASSAY_OK;
}

static assay_status fill_stats(const assay_iceberg_metadata *metadata,
                               const assay_iceberg_entry *entry, assay_arena *arena,
                               assay_data_file *file, assay_error *err)
{
    file->stats = assay_arena_take(arena, entry->metric_count + 1, sizeof *file->stats);
    ASSAY_TRY(assay_arena_check(file->stats, err));
    for (size_t i = 0; i < entry->metric_count; i++) {
        const assay_iceberg_metric *metric = &entry->metrics[i];
        const assay_field *field = assay_iceberg_metadata_field(metadata, metric->field_id);
        if (field == NULL)
            continue;
        file->stats[file->stats_count++] = (assay_column_stats){
            .field_id = metric->field_id,
            .column_size = metric->column_size,
            .value_count = metric->value_count,
            .null_count = metric->null_count,
            .nan_count = metric->nan_count,
            .lower = assay_iceberg_bound_decode(metric->lower.bytes, metric->lower.size,
                                                &field->type, arena),
            .upper = assay_iceberg_bound_decode(metric->upper.bytes, metric->upper.size,
                                                &field->type, arena),
        };
    }
    return ASSAY_OK;
}

static assay_status fill_file(const assay_iceberg_table *data, const assay_iceberg_live_entry *live,
                              const struct plan_spec *plan, assay_arena *arena,
                              assay_data_file *file, assay_error *err)
{
    const assay_iceberg_entry *entry = &live->entry;
    ASSAY_TRY(assay_iceberg_location_local(&data->location, entry->path, arena, &file->path, err));
    file->rows = entry->rows;
    file->size = entry->size;
    file->split_offsets = entry->split_offsets;
    file->split_count = entry->split_count;
    file->sequence = entry->sequence;
    file->snapshot_id = entry->snapshot_id;
    /* Only assay writes below data/assay, and nobody else's files are moved there. */
    const char *folder = assay_path_join(arena, data->location.local, "data/assay/");
    ASSAY_TRY(assay_arena_check(folder, err));
    file->own = assay_str_starts(file->path, folder);
    ASSAY_TRY(fill_partition(data->metadata, live, plan, arena, file, err));
    return fill_stats(data->metadata, entry, arena, file, err);
}

static const assay_schema *schema_of(const assay_iceberg_metadata *metadata,
                                     const assay_iceberg_snapshot *snapshot)
{
    const assay_schema *own = assay_iceberg_metadata_schema(metadata, snapshot->schema_id);
    return own != NULL ? own : metadata->schema;
}

assay_status assay_iceberg_plan_files(const assay_table *table, int64_t snapshot_id,
                                      assay_store *store, assay_arena *arena,
                                      assay_data_file **ret_files, size_t *ret_count,
                                      assay_error *err)
{
    const assay_iceberg_table *data = table->format_data;
    const assay_iceberg_metadata *metadata = data->metadata;
    const assay_iceberg_snapshot *snapshot = metadata != NULL ? metadata->current : NULL;
    if (snapshot_id != -1) {
        snapshot = metadata != NULL ? assay_iceberg_metadata_snapshot(metadata, snapshot_id) : NULL;
        if (snapshot == NULL)
            return assay_error_set(err, ASSAY_ENOTFOUND, 4109, "table '%s' has no snapshot %lld",
                                   table->name, (long long)snapshot_id);
    }
    ASSAY_AUTO(assay_vec_done) assay_vec live = ASSAY_VEC_OF(assay_iceberg_live_entry);
    ASSAY_AUTO(assay_vec_done) assay_vec deletes = ASSAY_VEC_OF(assay_iceberg_live_entry);
    if (snapshot != NULL)
        ASSAY_TRY(assay_iceberg_live_entries(&data->location, snapshot, store, arena, &live,
                                             &deletes, err));
    assay_data_file *files = assay_arena_take(arena, live.count + 1, sizeof *files);
    ASSAY_TRY(assay_arena_check(files, err));
    struct plan_spec plan = {0};
    if (metadata != NULL)
        ASSAY_TRY(choose_spec(metadata, &live, arena, &plan, err));
    for (size_t i = 0; i < live.count; i++)
        ASSAY_TRY(fill_file(data, assay_vec_at(&live, i), &plan, arena, &files[i], err));
    if (snapshot != NULL)
        ASSAY_TRY(assay_iceberg_check_names(metadata, schema_of(metadata, snapshot), files,
                                            live.count, err));
    ASSAY_TRY(assay_iceberg_apply_deletes(&data->location, &live, &deletes, files, arena, err));
    *ret_files = files;
    *ret_count = live.count;
    return ASSAY_OK;
}
