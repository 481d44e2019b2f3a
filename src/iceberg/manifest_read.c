#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "iceberg/bounds.h"
#include "iceberg/manifest.h"
#include "iceberg/schema_json.h"

struct reader {
    const assay_iceberg_manifest *manifest;
    const assay_partition_spec *spec;
    const assay_type **types; /* of the partition fields; NULL where not known */
    assay_arena *arena;       /* of the entries; the Avro values live in one that goes sooner */
    assay_error *err;
};

static assay_status damaged(const struct reader *reader, const char *what)
{
    return assay_error_set(reader->err, ASSAY_EDATA, 4107, "manifest '%.300s' is damaged: %s",
                           reader->manifest->path, what);
}

/* A copy that lives as long as the entries; text and bytes get a NUL behind them. */
static assay_status keep(const struct reader *reader, const assay_avro_value *value,
                         assay_iceberg_bytes *ret_bytes)
{
    *ret_bytes = (assay_iceberg_bytes){NULL, 0};
    if (value == NULL || value->bytes == NULL)
        return ASSAY_OK;
    ret_bytes->bytes = assay_arena_bytes(reader->arena, value->bytes, value->size + 1);
    ret_bytes->size = value->size;
    return assay_arena_check(ret_bytes->bytes, reader->err);
}

static assay_status keep_text(const struct reader *reader, const assay_avro_value *record,
                              int32_t id, const char *name, const char **ret_text)
{
    *ret_text = assay_arena_text(reader->arena, assay_avro_find_text(record, id, name));
    if (*ret_text == NULL && assay_avro_find_text(record, id, name) != NULL)
        return assay_error_nomem(reader->err);
    return ASSAY_OK;
}

/* Partition values are Avro values of the partition's type (spec, "Partition data types"). */
static assay_datum partition_datum(const assay_avro_value *value, const assay_type *type,
                                   assay_arena *arena)
{
    assay_datum datum = {.kind = type->kind};
    if (value == NULL) {
        datum.known = true;
        datum.null = true;
        return datum;
    }
    switch (type->kind) {
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        datum.known = value->kind == ASSAY_AVRO_FLOAT || value->kind == ASSAY_AVRO_DOUBLE;
        datum.real = value->real;
        return datum;
    case ASSAY_TYPE_DECIMAL:
        if (value->bytes != NULL)
            return assay_iceberg_bound_decode(value->bytes, value->size, type, arena);
        return datum;
    case ASSAY_TYPE_STRING:
    case ASSAY_TYPE_BINARY:
    case ASSAY_TYPE_UUID:
        datum.known = value->bytes != NULL;
        datum.bytes = value->bytes;
        datum.size = value->size;
        return datum;
    case ASSAY_TYPE_BOOLEAN:
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_INT64:
    case ASSAY_TYPE_DATE:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        datum.known = value->kind == ASSAY_AVRO_INT || value->kind == ASSAY_AVRO_LONG ||
                      value->kind == ASSAY_AVRO_BOOLEAN;
        datum.integer = value->integer;
        return datum;
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return datum;
}

static assay_status read_partition_value(const struct reader *reader, const assay_avro_value *value,
                                         const assay_type *type, assay_datum *ret_datum)
{
    assay_datum datum = partition_datum(value, type, reader->arena);
    if (datum.bytes != NULL) {
        datum.bytes = assay_arena_text_n(reader->arena, "", 0);
        if (datum.size > 0) {
            assay_iceberg_bytes copy = {NULL, 0};
            ASSAY_TRY(keep(reader, value, &copy));
            datum.bytes = copy.bytes;
        }
    }
    *ret_datum = datum;
    return ASSAY_OK;
}

static assay_status read_partition(const struct reader *reader, const assay_avro_value *file,
                                   assay_iceberg_entry *entry)
{
    const assay_avro_value *record = assay_avro_find(file, 102, "partition");
    const assay_partition_spec *spec = reader->spec;
    entry->partition = assay_arena_take(reader->arena, spec->count + 1, sizeof *entry->partition);
    ASSAY_TRY(assay_arena_check(entry->partition, reader->err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        if (reader->types[i] == NULL)
            continue;
        ASSAY_TRY(read_partition_value(reader,
                                       assay_avro_find(record, field->field_id, field->name),
                                       reader->types[i], &entry->partition[i]));
    }
    return ASSAY_OK;
}

/* ---- metrics: six maps become one list of columns ---- */

enum metric_part { COLUMN_SIZE, VALUE_COUNT, NULL_COUNT, NAN_COUNT, LOWER, UPPER, PART_COUNT };

struct metric_map {
    int32_t id;
    const char *name;
};

static const struct metric_map METRIC_MAPS[PART_COUNT] = {
    [COLUMN_SIZE] = {108, "column_sizes"},     [VALUE_COUNT] = {109, "value_counts"},
    [NULL_COUNT] = {110, "null_value_counts"}, [NAN_COUNT] = {137, "nan_value_counts"},
    [LOWER] = {125, "lower_bounds"},           [UPPER] = {128, "upper_bounds"},
};

static int compare_metrics(const void *a, const void *b)
{
    const assay_iceberg_metric *left = a, *right = b;
    return (left->field_id > right->field_id) - (left->field_id < right->field_id);
}

static assay_iceberg_metric *find_metric(assay_iceberg_metric *metrics, size_t count,
                                         int32_t field_id)
{
    const assay_iceberg_metric key = {.field_id = field_id};
    return count == 0 ? NULL : bsearch(&key, metrics, count, sizeof key, compare_metrics);
}

static assay_status set_part(const struct reader *reader, assay_iceberg_metric *metric,
                             enum metric_part part, const assay_avro_value *value)
{
    switch (part) {
    case COLUMN_SIZE:
        metric->column_size = value->integer;
        break;
    case VALUE_COUNT:
        metric->value_count = value->integer;
        break;
    case NULL_COUNT:
        metric->null_count = value->integer;
        break;
    case NAN_COUNT:
        metric->nan_count = value->integer;
        break;
    case LOWER:
        return keep(reader, value, &metric->lower);
    case UPPER:
        return keep(reader, value, &metric->upper);
    case PART_COUNT:
        break;
    }
    return ASSAY_OK;
}

/* Key and value of one pair: a record in Iceberg's int-keyed maps. */
static bool pair_of(const assay_avro_value *item, int32_t *ret_id,
                    const assay_avro_value **ret_value)
{
    if (item->kind != ASSAY_AVRO_RECORD || item->count != 2 ||
        item->items[0].kind != ASSAY_AVRO_INT)
        return false;
    *ret_id = (int32_t)item->items[0].integer;
    *ret_value = &item->items[1];
    return true;
}

/* All field ids that any of the maps names, ascending and once. */
static assay_status collect_ids(const struct reader *reader, const assay_avro_value *const *maps,
                                assay_arena *scratch, assay_iceberg_entry *entry)
{
    size_t total = 0, count = 0, unique = 0;
    for (size_t part = 0; part < PART_COUNT; part++)
        total += maps[part] != NULL ? maps[part]->count : 0;
    assay_iceberg_metric *metrics = assay_arena_take(scratch, total + 1, sizeof *metrics);
    ASSAY_TRY(assay_arena_check(metrics, reader->err));
    for (size_t part = 0; part < PART_COUNT; part++) {
        for (size_t i = 0; maps[part] != NULL && i < maps[part]->count; i++) {
            int32_t id = 0;
            const assay_avro_value *value = NULL;
            if (pair_of(&maps[part]->items[i], &id, &value) &&
                (count == 0 || metrics[count - 1].field_id != id))
                metrics[count++] = (assay_iceberg_metric){id, -1, -1, -1, -1, {NULL, 0}, {NULL, 0}};
        }
    }
    if (count > 0)
        qsort(metrics, count, sizeof *metrics, compare_metrics);
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || metrics[unique - 1].field_id != metrics[i].field_id)
            metrics[unique++] = metrics[i];
    }
    entry->metrics = assay_arena_bytes(reader->arena, metrics, (unique + 1) * sizeof *metrics);
    entry->metric_count = unique;
    return assay_arena_check(entry->metrics, reader->err);
}

static assay_status read_metrics(const struct reader *reader, const assay_avro_value *file,
                                 assay_arena *scratch, assay_iceberg_entry *entry)
{
    const assay_avro_value *maps[PART_COUNT];
    for (size_t part = 0; part < PART_COUNT; part++) {
        maps[part] = assay_avro_find(file, METRIC_MAPS[part].id, METRIC_MAPS[part].name);
        if (maps[part] != NULL && maps[part]->kind != ASSAY_AVRO_ARRAY)
            maps[part] = NULL;
    }
    ASSAY_TRY(collect_ids(reader, maps, scratch, entry));
    for (size_t part = 0; part < PART_COUNT; part++) {
        for (size_t i = 0; maps[part] != NULL && i < maps[part]->count; i++) {
            int32_t id = 0;
            const assay_avro_value *value = NULL;
            if (!pair_of(&maps[part]->items[i], &id, &value))
                continue;
            assay_iceberg_metric *metric = find_metric(entry->metrics, entry->metric_count, id);
            if (metric != NULL)
                ASSAY_TRY(set_part(reader, metric, (enum metric_part)part, value));
        }
    }
    return ASSAY_OK;
}

/* ---- entries ---- */

static assay_status read_lists(const struct reader *reader, const assay_avro_value *file,
                               assay_iceberg_entry *entry)
{
    const assay_avro_value *offsets = assay_avro_find(file, 132, "split_offsets");
    const assay_avro_value *ids = assay_avro_find(file, 135, "equality_ids");
    size_t offset_count = offsets != NULL ? offsets->count : 0;
    size_t id_count = ids != NULL ? ids->count : 0;
    entry->split_offsets =
        assay_arena_take(reader->arena, offset_count + 1, sizeof *entry->split_offsets);
    entry->equality_ids =
        assay_arena_take(reader->arena, id_count + 1, sizeof *entry->equality_ids);
    ASSAY_TRY(assay_arena_check(entry->split_offsets, reader->err));
    ASSAY_TRY(assay_arena_check(entry->equality_ids, reader->err));
    for (size_t i = 0; i < offset_count; i++)
        entry->split_offsets[i] = offsets->items[i].integer;
    for (size_t i = 0; i < id_count; i++)
        entry->equality_ids[i] = (int32_t)ids->items[i].integer;
    entry->split_count = offset_count;
    entry->equality_count = id_count;
    return ASSAY_OK;
}

static assay_status read_file(const struct reader *reader, const assay_avro_value *file,
                              assay_arena *scratch, assay_iceberg_entry *entry)
{
    int64_t content = assay_avro_find_int(file, 134, "content", 0);
    if (content < ASSAY_ICEBERG_DATA || content > ASSAY_ICEBERG_EQUALITY_DELETES)
        return damaged(reader, "an entry has an unknown content");
    entry->content = (assay_iceberg_content)content;
    ASSAY_TRY(keep_text(reader, file, 100, "file_path", &entry->path));
    ASSAY_TRY(keep_text(reader, file, 101, "file_format", &entry->file_format));
    entry->rows = assay_avro_find_int(file, 103, "record_count", -1);
    entry->size = assay_avro_find_int(file, 104, "file_size_in_bytes", -1);
    if (entry->path == NULL || entry->file_format == NULL || entry->rows < 0)
        return damaged(reader, "an entry lacks path, format or count");
    ASSAY_TRY(keep(reader, assay_avro_find(file, 131, "key_metadata"), &entry->key_metadata));
    entry->sort_order_id = (int32_t)assay_avro_find_int(file, 140, "sort_order_id", -1);
    ASSAY_TRY(keep_text(reader, file, 143, "referenced_data_file", &entry->referenced_data_file));
    ASSAY_TRY(read_partition(reader, file, entry));
    ASSAY_TRY(read_metrics(reader, file, scratch, entry));
    return read_lists(reader, file, entry);
}

/* Null means inherited from the line in the list (spec, "Sequence Number Inheritance"). */
static assay_status read_entry(const struct reader *reader, const assay_avro_value *record,
                               assay_arena *scratch, assay_iceberg_entry *entry)
{
    const assay_iceberg_manifest *manifest = reader->manifest;
    int64_t status = assay_avro_find_int(record, 0, "status", -1);
    if (status < ASSAY_ICEBERG_EXISTING || status > ASSAY_ICEBERG_DELETED)
        return damaged(reader, "an entry has an unknown status");
    *entry = (assay_iceberg_entry){
        .status = (assay_iceberg_entry_status)status,
        .snapshot_id = assay_avro_find_int(record, 1, "snapshot_id", manifest->added_snapshot_id),
        .sequence = assay_avro_find_int(record, 3, "sequence_number", manifest->sequence),
        .file_sequence = assay_avro_find_int(record, 4, "file_sequence_number", manifest->sequence),
    };
    const assay_avro_value *file = assay_avro_find(record, 2, "data_file");
    if (file == NULL || file->kind != ASSAY_AVRO_RECORD)
        return damaged(reader, "an entry has no data_file");
    return read_file(reader, file, scratch, entry);
}

/* v1 lists of manifests say no spec: then the manifest's own header does. */
static assay_status find_spec(struct reader *reader, const assay_avro_reader *file,
                              const assay_iceberg_metadata *metadata)
{
    int64_t id = reader->manifest->spec_id;
    const char *text = assay_avro_reader_metadata(file, "partition-spec-id");
    if (id < 0 && (text == NULL || !assay_str_to_int64(text, &id)))
        id = metadata->spec->id;
    reader->spec = id <= INT32_MAX ? assay_iceberg_metadata_spec(metadata, (int32_t)id) : NULL;
    if (reader->spec == NULL)
        return damaged(reader, "its partition spec is not in the metadata");
    reader->types = assay_arena_take(reader->arena, reader->spec->count + 1, sizeof *reader->types);
    ASSAY_TRY(assay_arena_check(reader->types, reader->err));
    for (size_t i = 0; i < reader->spec->count; i++) {
        const assay_partition_field *field = &reader->spec->fields[i];
        const assay_field *source = assay_iceberg_metadata_field(metadata, field->source_id);
        assay_type *type = assay_arena_take(reader->arena, 1, sizeof *type);
        ASSAY_TRY(assay_arena_check(type, reader->err));
        if (assay_iceberg_partition_type(field, source != NULL ? &source->type : NULL, type))
            reader->types[i] = type;
    }
    return ASSAY_OK;
}

/* Reads the next entries; their Avro values, ten times as large, go at once. */
static assay_status read_some(const struct reader *reader, assay_avro_reader *avro,
                              assay_vec *entries, bool *ret_more)
{
    enum { ENTRIES_AT_ONCE = 64 };
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    ASSAY_TRY(assay_arena_check(scratch, reader->err));
    for (int i = 0; i < ENTRIES_AT_ONCE; i++) {
        assay_avro_value *record = NULL;
        assay_iceberg_entry entry;
        ASSAY_TRY(assay_avro_reader_next(avro, scratch, &record, reader->err));
        if (record == NULL) {
            *ret_more = false;
            return ASSAY_OK;
        }
        if (entries->count >= ASSAY_ICEBERG_ENTRIES_MAX)
            return damaged(reader, "it has too many entries");
        ASSAY_TRY(read_entry(reader, record, scratch, &entry));
        ASSAY_TRY(assay_vec_push(entries, &entry, reader->err));
    }
    return ASSAY_OK;
}

assay_status assay_iceberg_manifest_read(const assay_buf *file,
                                         const assay_iceberg_manifest *manifest,
                                         const assay_iceberg_metadata *metadata, assay_arena *arena,
                                         assay_iceberg_entry **ret_entries, size_t *ret_count,
                                         assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec entries = ASSAY_VEC_OF(assay_iceberg_entry);
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *avro = NULL;
    struct reader reader = {.manifest = manifest, .arena = arena, .err = err};
    ASSAY_TRY(assay_avro_reader_open(assay_buf_text(file), file->size, manifest->path, arena, &avro,
                                     err));
    ASSAY_TRY(find_spec(&reader, avro, metadata));
    for (bool more = true; more;)
        ASSAY_TRY(read_some(&reader, avro, &entries, &more));
    return assay_vec_to_arena(&entries, arena, ret_entries, ret_count, err);
}
