#include <math.h>
#include <stdio.h>
#include <string.h>

#include "iceberg/bounds.h"
#include "iceberg/manifest.h"
#include "iceberg/schema_json.h"
#include "text/json.h"

struct writer {
    const assay_iceberg_manifest_head *head;
    assay_avro_writer *avro;
    assay_arena *arena; /* of one entry */
    assay_error *err;
};

enum { ENTRY_FIELDS = 5, FILE_FIELDS = 17 };

static assay_avro_value optional_long(int64_t value)
{
    return value < 0 ? assay_avro_null() : assay_avro_long(value);
}

static assay_avro_value record_of(assay_avro_value *fields, size_t count)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_RECORD, .items = fields, .count = count};
}

/* ---- partition values ---- */

static assay_status decimal_value(const struct writer *writer, const assay_datum *datum,
                                  const assay_type *type, assay_avro_value *ret_value)
{
    size_t size = assay_iceberg_decimal_size(type->precision);
    unsigned char *bytes = assay_arena_take(writer->arena, size, 1);
    ASSAY_TRY(assay_arena_check(bytes, writer->err));
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)((datum->unscaled >> (8 * (size - 1 - i))) & 0xff);
    *ret_value =
        (assay_avro_value){.kind = ASSAY_AVRO_FIXED, .bytes = (const char *)bytes, .size = size};
    return ASSAY_OK;
}

static assay_status partition_value(const struct writer *writer, const assay_datum *datum,
                                    const assay_type *type, assay_avro_value *ret_value)
{
    if (!datum->known)
        return assay_error_set(writer->err, ASSAY_EUNSUPPORTED, 4102,
                               "a partition value could not be read, so that its manifest cannot "
                               "be written again");
    *ret_value = assay_avro_null();
    if (datum->null)
        return ASSAY_OK;
    switch (type->kind) {
    case ASSAY_TYPE_BOOLEAN:
        *ret_value = assay_avro_boolean(datum->integer != 0);
        break;
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_DATE:
        *ret_value = assay_avro_int((int32_t)datum->integer);
        break;
    case ASSAY_TYPE_INT64:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        *ret_value = assay_avro_long(datum->integer);
        break;
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        *ret_value = assay_avro_double(datum->real);
        ret_value->kind = type->kind == ASSAY_TYPE_FLOAT ? ASSAY_AVRO_FLOAT : ASSAY_AVRO_DOUBLE;
        break;
    case ASSAY_TYPE_STRING:
    case ASSAY_TYPE_BINARY:
    case ASSAY_TYPE_UUID:
        *ret_value = (assay_avro_value){.bytes = datum->bytes, .size = datum->size};
        ret_value->kind = ASSAY_AVRO_STRING;
        if (type->kind != ASSAY_TYPE_STRING)
            ret_value->kind = type->kind == ASSAY_TYPE_UUID ? ASSAY_AVRO_FIXED : ASSAY_AVRO_BYTES;
        break;
    case ASSAY_TYPE_DECIMAL:
        return decimal_value(writer, datum, type, ret_value);
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        return assay_error_set(writer->err, ASSAY_EINTERNAL, 9001, "a nested partition value");
    }
    return ASSAY_OK;
}

static assay_status partition_record(const struct writer *writer, const assay_iceberg_entry *entry,
                                     assay_avro_value *ret_value)
{
    const assay_partition_spec *spec = writer->head->spec;
    assay_avro_value *fields = assay_arena_take(writer->arena, spec->count + 1, sizeof *fields);
    ASSAY_TRY(assay_arena_check(fields, writer->err));
    for (size_t i = 0; i < spec->count; i++)
        ASSAY_TRY(partition_value(writer, &entry->partition[i], &writer->head->partition_types[i],
                                  &fields[i]));
    *ret_value = record_of(fields, spec->count);
    return ASSAY_OK;
}

/* ---- metrics ---- */

/* The arrays of one metrics map under construction. */
struct metric_map {
    assay_avro_value *items;  /* pairs */
    assay_avro_value *fields; /* two a pair */
    size_t count;
};

static assay_status begin_map(const struct writer *writer, size_t capacity, struct metric_map *map)
{
    map->items = assay_arena_take(writer->arena, capacity + 1, sizeof *map->items);
    map->fields = assay_arena_take(writer->arena, 2 * capacity + 1, sizeof *map->fields);
    map->count = 0;
    ASSAY_TRY(assay_arena_check(map->items, writer->err));
    return assay_arena_check(map->fields, writer->err);
}

static void add_pair(struct metric_map *map, int32_t id, assay_avro_value value)
{
    if (value.kind == ASSAY_AVRO_NULL)
        return;
    assay_avro_value *fields = &map->fields[2 * map->count];
    fields[0] = assay_avro_int(id);
    fields[1] = value;
    map->items[map->count++] = record_of(fields, 2);
}

static assay_avro_value end_map(const struct metric_map *map)
{
    if (map->count == 0)
        return assay_avro_null();
    return (assay_avro_value){.kind = ASSAY_AVRO_ARRAY, .items = map->items, .count = map->count};
}

static assay_status metric_values(const struct writer *writer, const assay_iceberg_entry *entry,
                                  assay_avro_value *ret_values)
{
    enum { MAPS = 6 };
    struct metric_map maps[MAPS];
    for (size_t i = 0; i < MAPS; i++)
        ASSAY_TRY(begin_map(writer, entry->metric_count, &maps[i]));
    for (size_t i = 0; i < entry->metric_count; i++) {
        const assay_iceberg_metric *metric = &entry->metrics[i];
        int32_t id = metric->field_id;
        add_pair(&maps[0], id, optional_long(metric->column_size));
        add_pair(&maps[1], id, optional_long(metric->value_count));
        add_pair(&maps[2], id, optional_long(metric->null_count));
        add_pair(&maps[3], id, optional_long(metric->nan_count));
        add_pair(&maps[4], id, assay_avro_bytes(metric->lower.bytes, metric->lower.size));
        add_pair(&maps[5], id, assay_avro_bytes(metric->upper.bytes, metric->upper.size));
    }
    for (size_t i = 0; i < MAPS; i++)
        ret_values[i] = end_map(&maps[i]);
    return ASSAY_OK;
}

/* ---- entries ---- */

static assay_status split_value(const struct writer *writer, const assay_iceberg_entry *entry,
                                assay_avro_value *ret_value)
{
    *ret_value = assay_avro_null();
    if (entry->split_count == 0)
        return ASSAY_OK;
    assay_avro_value *items = assay_arena_take(writer->arena, entry->split_count, sizeof *items);
    ASSAY_TRY(assay_arena_check(items, writer->err));
    for (size_t i = 0; i < entry->split_count; i++)
        items[i] = assay_avro_long(entry->split_offsets[i]);
    *ret_value =
        (assay_avro_value){.kind = ASSAY_AVRO_ARRAY, .items = items, .count = entry->split_count};
    return ASSAY_OK;
}

static assay_status equality_value(const struct writer *writer, const assay_iceberg_entry *entry,
                                   assay_avro_value *ret_value)
{
    *ret_value = assay_avro_null();
    if (entry->equality_count == 0)
        return ASSAY_OK;
    assay_avro_value *items = assay_arena_take(writer->arena, entry->equality_count, sizeof *items);
    ASSAY_TRY(assay_arena_check(items, writer->err));
    for (size_t i = 0; i < entry->equality_count; i++)
        items[i] = assay_avro_int(entry->equality_ids[i]);
    *ret_value = (assay_avro_value){.kind = ASSAY_AVRO_ARRAY,
                                    .items = items,
                                    .count = entry->equality_count};
    return ASSAY_OK;
}

static assay_status write_entry(const struct writer *writer, const assay_iceberg_entry *entry)
{
    assay_avro_value file[FILE_FIELDS] = {
        [0] = assay_avro_int((int32_t)entry->content),
        [1] = assay_avro_text(entry->path),
        [2] = assay_avro_text(entry->file_format),
        [4] = assay_avro_long(entry->rows),
        [5] = assay_avro_long(entry->size),
        [12] = assay_avro_bytes(entry->key_metadata.bytes, entry->key_metadata.size),
        [15] = entry->sort_order_id < 0 ? assay_avro_null() : assay_avro_int(entry->sort_order_id),
        [16] = assay_avro_text(entry->referenced_data_file),
    };
    ASSAY_TRY(partition_record(writer, entry, &file[3]));
    ASSAY_TRY(metric_values(writer, entry, &file[6]));
    ASSAY_TRY(split_value(writer, entry, &file[13]));
    ASSAY_TRY(equality_value(writer, entry, &file[14]));
    assay_avro_value fields[ENTRY_FIELDS] = {
        assay_avro_int((int32_t)entry->status), optional_long(entry->snapshot_id),
        optional_long(entry->sequence),         optional_long(entry->file_sequence),
        record_of(file, FILE_FIELDS),
    };
    const assay_avro_value record = record_of(fields, ENTRY_FIELDS);
    return assay_avro_writer_append(writer->avro, &record, writer->err);
}

/* ---- summary of the whole ---- */

static void count_entry(const assay_iceberg_entry *entry, assay_iceberg_manifest *manifest)
{
    switch (entry->status) {
    case ASSAY_ICEBERG_ADDED:
        manifest->added_files++;
        manifest->added_rows += entry->rows;
        break;
    case ASSAY_ICEBERG_EXISTING:
        manifest->existing_files++;
        manifest->existing_rows += entry->rows;
        break;
    case ASSAY_ICEBERG_DELETED:
        manifest->deleted_files++;
        manifest->deleted_rows += entry->rows;
        break;
    }
}

static bool is_nan(const assay_datum *datum)
{
    return (datum->kind == ASSAY_TYPE_FLOAT || datum->kind == ASSAY_TYPE_DOUBLE) &&
           isnan(datum->real);
}

static assay_status keep_bytes(const assay_datum *datum, assay_arena *arena,
                               assay_iceberg_bytes *ret_bytes, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    if (datum == NULL || !assay_iceberg_bound_encode(datum, &buf))
        return ASSAY_OK;
    ASSAY_TRY(assay_buf_check(&buf, err));
    ret_bytes->bytes = assay_arena_bytes(arena, assay_buf_text(&buf), buf.size + 1);
    ret_bytes->size = buf.size;
    return assay_arena_check(ret_bytes->bytes, err);
}

static assay_status summarise(const assay_iceberg_entry *entries, size_t count, size_t field,
                              assay_arena *arena, assay_iceberg_summary *ret_summary,
                              assay_error *err)
{
    const assay_datum *lower = NULL, *upper = NULL;
    assay_iceberg_summary summary = {.contains_nan = 0};
    for (size_t i = 0; i < count; i++) {
        const assay_datum *value = &entries[i].partition[field];
        if (value->null) {
            summary.contains_null = true;
        } else if (is_nan(value)) {
            summary.contains_nan = 1;
        } else {
            if (lower == NULL || assay_datum_compare(value, lower) < 0)
                lower = value;
            if (upper == NULL || assay_datum_compare(value, upper) > 0)
                upper = value;
        }
    }
    ASSAY_TRY(keep_bytes(lower, arena, &summary.lower, err));
    ASSAY_TRY(keep_bytes(upper, arena, &summary.upper, err));
    *ret_summary = summary;
    return ASSAY_OK;
}

static assay_status fill_summaries(const assay_iceberg_entry *entries, size_t count,
                                   size_t field_count, assay_arena *arena,
                                   assay_iceberg_manifest *manifest, assay_error *err)
{
    manifest->partitions = assay_arena_take(arena, field_count + 1, sizeof *manifest->partitions);
    ASSAY_TRY(assay_arena_check(manifest->partitions, err));
    for (size_t i = 0; i < field_count; i++)
        ASSAY_TRY(summarise(entries, count, i, arena, &manifest->partitions[i], err));
    manifest->partition_count = field_count;
    return ASSAY_OK;
}

/* ---- the file ---- */

static assay_status open_file(struct writer *writer, assay_arena *arena, assay_error *err)
{
    const assay_iceberg_manifest_head *head = writer->head;
    ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf spec = ASSAY_BUF_EMPTY;
    assay_value *fields = NULL, *document = NULL;
    char schema_id[16], spec_id[16];
    assay_json_write(&schema, head->schema, 0);
    ASSAY_TRY(assay_iceberg_spec_format_fields(head->spec, arena, &fields, err));
    assay_json_write(&spec, fields, 0);
    ASSAY_TRY(assay_buf_check(&schema, err));
    ASSAY_TRY(assay_buf_check(&spec, err));
    (void)snprintf(schema_id, sizeof schema_id, "%d",
                   (int)assay_value_find_int(head->schema, "schema-id", 0));
    (void)snprintf(spec_id, sizeof spec_id, "%d", (int)head->spec->id);
    const assay_avro_pair metadata[] = {
        {"schema", assay_buf_text(&schema)},
        {"schema-id", schema_id},
        {"partition-spec", assay_buf_text(&spec)},
        {"partition-spec-id", spec_id},
        {"format-version", "2"},
        {"content", head->content == 0 ? "data" : "deletes"},
    };
    ASSAY_TRY(assay_iceberg_entry_schema(head->spec, head->partition_types, arena, &document, err));
    assay_avro_writer_options options = {.schema = document,
                                         .codec = ASSAY_CODEC_DEFLATE,
                                         .metadata = metadata,
                                         .metadata_count = sizeof metadata / sizeof metadata[0]};
    head->random->fill(head->random->user, options.sync, sizeof options.sync);
    return assay_avro_writer_new(&options, arena, &writer->avro, err);
}

static assay_status write_entries(struct writer *writer, const assay_iceberg_entry *entries,
                                  size_t count, assay_iceberg_manifest *manifest)
{
    for (size_t i = 0; i < count; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        ASSAY_TRY(assay_arena_check(arena, writer->err));
        writer->arena = arena;
        ASSAY_TRY(write_entry(writer, &entries[i]));
        count_entry(&entries[i], manifest);
    }
    return ASSAY_OK;
}

assay_status assay_iceberg_manifest_write(const assay_iceberg_manifest_head *head,
                                          const assay_iceberg_entry *entries, size_t count,
                                          assay_arena *arena, assay_buf *ret_file,
                                          assay_iceberg_manifest *manifest, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *schemas = assay_arena_new();
    ASSAY_TRY(assay_arena_check(schemas, err));
    struct writer writer = {.head = head, .err = err};
    const assay_buf *file = NULL;
    ASSAY_TRY(open_file(&writer, schemas, err));
    ASSAY_AUTO(assay_avro_writer_freep) assay_avro_writer *owned = writer.avro;
    manifest->added_files = manifest->existing_files = manifest->deleted_files = 0;
    manifest->added_rows = manifest->existing_rows = manifest->deleted_rows = 0;
    ASSAY_TRY(write_entries(&writer, entries, count, manifest));
    ASSAY_TRY(fill_summaries(entries, count, head->spec->count, arena, manifest, err));
    ASSAY_TRY(assay_avro_writer_finish(owned, &file, err));
    assay_buf_append(ret_file, file->data, file->size);
    manifest->length = (int64_t)file->size;
    manifest->spec_id = head->spec->id;
    manifest->content = head->content;
    return assay_buf_check(ret_file, err);
}
