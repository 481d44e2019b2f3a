#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "iceberg/manifest.h"

static assay_status damaged(assay_error *err, const char *path, const char *what)
{
    return assay_error_set(err, ASSAY_EDATA, 4107, "manifest list '%.300s' is damaged: %s", path,
                           what);
}

static assay_iceberg_bytes find_bytes(const assay_avro_value *record, int32_t id, const char *name)
{
    const assay_avro_value *value = assay_avro_find(record, id, name);
    if (value == NULL || value->bytes == NULL)
        return (assay_iceberg_bytes){NULL, 0};
    return (assay_iceberg_bytes){value->bytes, value->size};
}

static assay_status read_partitions(const assay_avro_value *record, assay_arena *arena,
                                    assay_iceberg_manifest *manifest, assay_error *err)
{
    const assay_avro_value *list = assay_avro_find(record, 507, "partitions");
    if (list == NULL || list->kind != ASSAY_AVRO_ARRAY)
        return ASSAY_OK;
    manifest->partitions = assay_arena_take(arena, list->count + 1, sizeof *manifest->partitions);
    ASSAY_TRY(assay_arena_check(manifest->partitions, err));
    for (size_t i = 0; i < list->count; i++) {
        const assay_avro_value *item = &list->items[i];
        manifest->partitions[i] = (assay_iceberg_summary){
            .contains_null = assay_avro_find_int(item, 509, "contains_null", 1) != 0,
            .contains_nan = (int)assay_avro_find_int(item, 518, "contains_nan", -1),
            .lower = find_bytes(item, 510, "lower_bound"),
            .upper = find_bytes(item, 511, "upper_bound"),
        };
    }
    manifest->partition_count = list->count;
    return ASSAY_OK;
}

static assay_status read_line(const assay_avro_value *record, const char *path, assay_arena *arena,
                              assay_iceberg_manifest *manifest, assay_error *err)
{
    int64_t spec_id = assay_avro_find_int(record, 502, "partition_spec_id", 0);
    *manifest = (assay_iceberg_manifest){
        .path = assay_avro_find_text(record, 500, "manifest_path"),
        .length = assay_avro_find_int(record, 501, "manifest_length", -1),
        .content = (int)assay_avro_find_int(record, 517, "content", 0),
        .sequence = assay_avro_find_int(record, 515, "sequence_number", 0),
        .min_sequence = assay_avro_find_int(record, 516, "min_sequence_number", 0),
        .added_snapshot_id = assay_avro_find_int(record, 503, "added_snapshot_id", -1),
        .added_files = assay_avro_find_int(record, 504, "added_files_count", -1),
        .existing_files = assay_avro_find_int(record, 505, "existing_files_count", -1),
        .deleted_files = assay_avro_find_int(record, 506, "deleted_files_count", -1),
        .added_rows = assay_avro_find_int(record, 512, "added_rows_count", -1),
        .existing_rows = assay_avro_find_int(record, 513, "existing_rows_count", -1),
        .deleted_rows = assay_avro_find_int(record, 514, "deleted_rows_count", -1),
        .key_metadata = find_bytes(record, 519, "key_metadata"),
    };
    if (manifest->path == NULL)
        return damaged(err, path, "a line has no manifest_path");
    if (spec_id < 0 || spec_id > INT32_MAX)
        return damaged(err, path, "a partition_spec_id is out of range");
    if (manifest->content != 0 && manifest->content != 1)
        return damaged(err, path, "a manifest holds neither data nor deletes");
    manifest->spec_id = (int32_t)spec_id;
    return read_partitions(record, arena, manifest, err);
}

assay_status assay_iceberg_manifest_list_read(const assay_buf *file, const char *path,
                                              assay_arena *arena, assay_iceberg_manifest **ret_list,
                                              size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec list = ASSAY_VEC_OF(assay_iceberg_manifest);
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
    ASSAY_TRY(assay_avro_reader_open(assay_buf_text(file), file->size, path, arena, &reader, err));
    for (;;) {
        assay_avro_value *record = NULL;
        assay_iceberg_manifest manifest;
        ASSAY_TRY(assay_avro_reader_next(reader, arena, &record, err));
        if (record == NULL)
            break;
        if (list.count >= ASSAY_ICEBERG_MANIFESTS_MAX)
            return damaged(err, path, "it has too many manifests");
        ASSAY_TRY(read_line(record, path, arena, &manifest, err));
        ASSAY_TRY(assay_vec_push(&list, &manifest, err));
    }
    return assay_vec_to_arena(&list, arena, ret_list, ret_count, err);
}

/* ---- writing ---- */

static assay_avro_value bytes_value(assay_iceberg_bytes bytes)
{
    return assay_avro_bytes(bytes.bytes, bytes.size);
}

static assay_status partitions_value(const assay_iceberg_manifest *manifest, assay_arena *arena,
                                     assay_avro_value *ret_value, assay_error *err)
{
    enum { SUMMARY_FIELDS = 4 };
    size_t count = manifest->partition_count;
    assay_avro_value *items = assay_arena_take(arena, count + 1, sizeof *items);
    assay_avro_value *fields = assay_arena_take(arena, count * SUMMARY_FIELDS + 1, sizeof *fields);
    ASSAY_TRY(assay_arena_check(items, err));
    ASSAY_TRY(assay_arena_check(fields, err));
    for (size_t i = 0; i < count; i++) {
        const assay_iceberg_summary *summary = &manifest->partitions[i];
        assay_avro_value *field = &fields[i * SUMMARY_FIELDS];
        field[0] = assay_avro_boolean(summary->contains_null);
        field[1] = summary->contains_nan < 0 ? assay_avro_null()
                                             : assay_avro_boolean(summary->contains_nan != 0);
        field[2] = bytes_value(summary->lower);
        field[3] = bytes_value(summary->upper);
        items[i] =
            (assay_avro_value){.kind = ASSAY_AVRO_RECORD, .items = field, .count = SUMMARY_FIELDS};
    }
    *ret_value = (assay_avro_value){.kind = ASSAY_AVRO_ARRAY, .items = items, .count = count};
    return ASSAY_OK;
}

/* Counts of v1 lists may be missing: a line that is copied says 0 then, since v2 requires them. */
static assay_avro_value count_value(int64_t count)
{
    return assay_avro_int(count < 0 ? 0 : (int32_t)(count > INT32_MAX ? INT32_MAX : count));
}

static assay_avro_value rows_value(int64_t rows)
{
    return assay_avro_long(rows < 0 ? 0 : rows);
}

static assay_status write_line(assay_avro_writer *writer, const assay_iceberg_manifest *manifest,
                               assay_arena *arena, assay_error *err)
{
    assay_avro_value partitions = {0};
    ASSAY_TRY(partitions_value(manifest, arena, &partitions, err));
    assay_avro_value fields[] = {
        assay_avro_text(manifest->path),
        assay_avro_long(manifest->length),
        assay_avro_int(manifest->spec_id),
        assay_avro_int(manifest->content),
        assay_avro_long(manifest->sequence),
        assay_avro_long(manifest->min_sequence),
        assay_avro_long(manifest->added_snapshot_id),
        count_value(manifest->added_files),
        count_value(manifest->existing_files),
        count_value(manifest->deleted_files),
        rows_value(manifest->added_rows),
        rows_value(manifest->existing_rows),
        rows_value(manifest->deleted_rows),
        partitions,
        bytes_value(manifest->key_metadata),
    };
    const assay_avro_value record = {.kind = ASSAY_AVRO_RECORD,
                                     .items = fields,
                                     .count = sizeof fields / sizeof fields[0]};
    return assay_avro_writer_append(writer, &record, err);
}

assay_status assay_iceberg_manifest_list_write(const assay_iceberg_list_head *head,
                                               const assay_iceberg_manifest *list, size_t count,
                                               assay_buf *ret_file, assay_error *err)
{
    enum { NUMBER_SIZE = 24 };
    char snapshot[NUMBER_SIZE], parent[NUMBER_SIZE], sequence[NUMBER_SIZE];
    (void)snprintf(snapshot, sizeof snapshot, "%lld", (long long)head->snapshot_id);
    (void)snprintf(parent, sizeof parent, "%lld", (long long)head->parent);
    (void)snprintf(sequence, sizeof sequence, "%lld", (long long)head->sequence);
    const assay_avro_pair metadata[] = {
        {"snapshot-id", snapshot},
        {"parent-snapshot-id", head->parent < 0 ? "null" : parent},
        {"sequence-number", sequence},
        {"format-version", "2"},
    };
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_AUTO(assay_avro_writer_freep) assay_avro_writer *writer = NULL;
    const assay_buf *file = NULL;
    assay_value *schema = NULL;
    ASSAY_TRY(assay_iceberg_list_schema(arena, &schema, err));
    assay_avro_writer_options options = {.schema = schema,
                                         .codec = ASSAY_CODEC_DEFLATE,
                                         .metadata = metadata,
                                         .metadata_count = sizeof metadata / sizeof metadata[0]};
    head->random->fill(head->random->user, options.sync, sizeof options.sync);
    ASSAY_TRY(assay_avro_writer_new(&options, arena, &writer, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(write_line(writer, &list[i], arena, err));
    ASSAY_TRY(assay_avro_writer_finish(writer, &file, err));
    assay_buf_append(ret_file, file->data, file->size);
    return assay_buf_check(ret_file, err);
}
