#include "iceberg/document.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/uuid.h"
#include "iceberg/schema_json.h"

enum { METADATA_LOG_MAX = 100, LAST_PARTITION_ID_NONE = 999 };

static assay_status put_int(assay_value *map, const char *key, int64_t value, assay_arena *arena,
                            assay_error *err)
{
    return assay_value_set(map, key, assay_value_int(arena, value), arena, err);
}

static assay_status put_text(assay_value *map, const char *key, const char *value,
                             assay_arena *arena, assay_error *err)
{
    return assay_value_set(map, key, assay_value_text(arena, value), arena, err);
}

/* The list or map under `key`, made where it is missing. */
static assay_status need_member(assay_value *document, const char *key, assay_value_kind kind,
                                assay_arena *arena, assay_value **ret_member, assay_error *err)
{
    assay_value *member = assay_value_find(document, key);
    if (member == NULL || member->kind != kind) {
        member = kind == ASSAY_VALUE_LIST ? assay_value_list(arena) : assay_value_map(arena);
        ASSAY_TRY(assay_value_set(document, key, member, arena, err));
    }
    *ret_member = member;
    return ASSAY_OK;
}

assay_status assay_iceberg_document_property(assay_value *document, const char *name,
                                             const char *value, assay_arena *arena,
                                             assay_error *err)
{
    assay_value *properties = NULL;
    ASSAY_TRY(need_member(document, "properties", ASSAY_VALUE_MAP, arena, &properties, err));
    if (value != NULL)
        return put_text(properties, name, value, arena, err);
    assay_value_unset(properties, name);
    return ASSAY_OK;
}

/* ---- a new table ---- */

static assay_status add_sort_order(assay_value *document, assay_arena *arena, assay_error *err)
{
    assay_value *orders = assay_value_list(arena);
    assay_value *unsorted = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(orders, err));
    ASSAY_TRY(assay_arena_check(unsorted, err));
    ASSAY_TRY(put_int(unsorted, "order-id", 0, arena, err));
    ASSAY_TRY(assay_value_set(unsorted, "fields", assay_value_list(arena), arena, err));
    ASSAY_TRY(assay_value_append(orders, unsorted, arena, err));
    ASSAY_TRY(assay_value_set(document, "sort-orders", orders, arena, err));
    return put_int(document, "default-sort-order-id", 0, arena, err);
}

/* Ids of a new table begin where the specification says: schema and spec 0, partition fields 1000.
 */
static assay_status add_first_schema(assay_value *document, const assay_change *change,
                                     assay_arena *arena, assay_error *err)
{
    assay_schema schema = *change->schema;
    assay_partition_spec spec = *change->spec;
    assay_value *schemas = assay_value_list(arena), *specs = assay_value_list(arena);
    assay_value *schema_document = NULL, *spec_document = NULL;
    ASSAY_TRY(assay_arena_check(schemas, err));
    ASSAY_TRY(assay_arena_check(specs, err));
    schema.id = 0;
    spec.id = 0;
    spec.fields = assay_arena_take(arena, spec.count + 1, sizeof *spec.fields);
    ASSAY_TRY(assay_arena_check(spec.fields, err));
    for (size_t i = 0; i < spec.count; i++) {
        spec.fields[i] = change->spec->fields[i];
        spec.fields[i].field_id = LAST_PARTITION_ID_NONE + 1 + (int32_t)i;
    }
    ASSAY_TRY(assay_iceberg_schema_format(&schema, NULL, arena, &schema_document, err));
    ASSAY_TRY(assay_iceberg_spec_format(&spec, arena, &spec_document, err));
    ASSAY_TRY(assay_value_append(schemas, schema_document, arena, err));
    ASSAY_TRY(assay_value_append(specs, spec_document, arena, err));
    ASSAY_TRY(put_int(document, "last-column-id", schema.last_field_id, arena, err));
    ASSAY_TRY(put_int(document, "current-schema-id", 0, arena, err));
    ASSAY_TRY(assay_value_set(document, "schemas", schemas, arena, err));
    ASSAY_TRY(put_int(document, "default-spec-id", 0, arena, err));
    ASSAY_TRY(assay_value_set(document, "partition-specs", specs, arena, err));
    return put_int(document, "last-partition-id", LAST_PARTITION_ID_NONE + (int64_t)spec.count,
                   arena, err);
}

assay_status assay_iceberg_document_new(const char *location, const assay_change *change,
                                        const assay_random *random, assay_arena *arena,
                                        assay_value **ret_document, assay_error *err)
{
    char uuid[ASSAY_UUID_TEXT_SIZE];
    assay_uuid_format(assay_uuid_v4(random), uuid);
    assay_value *document = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(document, err));
    ASSAY_TRY(put_int(document, "format-version", ASSAY_ICEBERG_FORMAT_VERSION, arena, err));
    ASSAY_TRY(put_text(document, "table-uuid", uuid, arena, err));
    ASSAY_TRY(put_text(document, "location", location, arena, err));
    ASSAY_TRY(put_int(document, "last-sequence-number", 0, arena, err));
    ASSAY_TRY(put_int(document, "last-updated-ms", 0, arena, err));
    ASSAY_TRY(add_first_schema(document, change, arena, err));
    ASSAY_TRY(add_sort_order(document, arena, err));
    ASSAY_TRY(assay_iceberg_document_property(document, "write.parquet.compression-codec", "zstd",
                                              arena, err));
    for (size_t i = 0; i < change->property_count; i++)
        ASSAY_TRY(assay_iceberg_document_property(document, change->properties[i].name,
                                                  change->properties[i].value, arena, err));
    *ret_document = document;
    return ASSAY_OK;
}

/* ---- schema and spec ---- */

/* The document of the current schema, for what a new one keeps of it. */
static const assay_value *current_schema(const assay_value *document)
{
    const assay_value *schemas = assay_value_find(document, "schemas");
    int64_t current = assay_value_find_int(document, "current-schema-id", -1);
    for (size_t i = 0; schemas != NULL && i < schemas->count; i++) {
        if (assay_value_find_int(schemas->items[i], "schema-id", -1) == current)
            return schemas->items[i];
    }
    return NULL;
}

/* Identifier fields stay as long as all of them do. */
static assay_status keep_identifiers(const assay_value *older, const assay_schema *schema,
                                     assay_value *document, assay_arena *arena, assay_error *err)
{
    const assay_value *ids = assay_value_find(older, "identifier-field-ids");
    for (size_t i = 0; ids != NULL && i < ids->count; i++) {
        const assay_field *field = assay_schema_find_id(schema, (int32_t)ids->items[i]->integer);
        if (field == NULL || !field->required)
            return ASSAY_OK;
    }
    if (ids == NULL || ids->count == 0)
        return ASSAY_OK;
    return assay_value_set(document, "identifier-field-ids", assay_value_copy(arena, ids), arena,
                           err);
}

static int32_t highest_id(const assay_field *fields, size_t count)
{
    int32_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t below = highest_id(fields[i].type.fields, fields[i].type.field_count);
        int32_t own = fields[i].id > below ? fields[i].id : below;
        highest = own > highest ? own : highest;
    }
    return highest;
}

/* True where a column of `before` is int and long in `fields`. */
static bool widens_int(const assay_schema *before, const assay_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const assay_field *old = assay_schema_find_id(before, fields[i].id);
        if (old != NULL && fields[i].type.kind == ASSAY_TYPE_INT64 &&
            assay_iceberg_stored_type(&old->type).kind == ASSAY_TYPE_INT32)
            return true;
        if (widens_int(before, fields[i].type.fields, fields[i].type.field_count))
            return true;
    }
    return false;
}

/* Spark's vectorised reader (Iceberg 1.11) fails on an INT32 column that carries the annotation
 * INT(32), as DuckDB writes it, once the table's column is long: then Spark must read row by row.
 */
static assay_status spare_spark(assay_value *document, const assay_iceberg_metadata *metadata,
                                const assay_change *change, assay_arena *arena, assay_error *err)
{
    static const char NAME[] = "read.parquet.vectorization.enabled";
    if (change->kind == ASSAY_CHANGE_REPLACE || metadata->current == NULL ||
        !widens_int(metadata->schema, change->schema->fields, change->schema->count))
        return ASSAY_OK;
    return assay_iceberg_document_property(document, NAME, "false", arena, err);
}

static assay_status evolve_schema(assay_value *document, const assay_iceberg_metadata *metadata,
                                  const assay_schema *wanted, assay_arena *arena, assay_error *err)
{
    int32_t next = 0;
    for (size_t i = metadata->schema_count; i > 0; i--) {
        const assay_schema *known = &metadata->schemas[i - 1];
        if (assay_iceberg_schema_equal(known, wanted))
            return put_int(document, "current-schema-id", known->id, arena, err);
        next = known->id >= next ? known->id + 1 : next;
    }
    assay_schema schema = *wanted;
    assay_value *added = NULL, *schemas = NULL;
    const assay_value *older = current_schema(document);
    schema.id = next;
    ASSAY_TRY(assay_iceberg_schema_format(&schema, older, arena, &added, err));
    ASSAY_TRY(keep_identifiers(older, &schema, added, arena, err));
    ASSAY_TRY(need_member(document, "schemas", ASSAY_VALUE_LIST, arena, &schemas, err));
    ASSAY_TRY(assay_value_append(schemas, added, arena, err));
    ASSAY_TRY(put_int(document, "current-schema-id", next, arena, err));
    int32_t highest = highest_id(schema.fields, schema.count);
    if (schema.last_field_id > highest)
        highest = schema.last_field_id;
    if (metadata->last_column_id > highest)
        highest = metadata->last_column_id;
    return put_int(document, "last-column-id", highest, arena, err);
}

static bool same_transform(const assay_partition_field *a, const assay_partition_field *b)
{
    return a->source_id == b->source_id &&
           assay_str_equal(assay_iceberg_transform_text(a), assay_iceberg_transform_text(b));
}

static bool same_spec(const assay_partition_spec *a, const assay_partition_spec *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_transform(&a->fields[i], &b->fields[i]) ||
            !assay_str_equal(a->fields[i].name, b->fields[i].name))
            return false;
    }
    return true;
}

/* A (source, transform) that existed keeps its field id (spec, "Partition Evolution"). */
static int32_t partition_field_id(const assay_iceberg_metadata *metadata,
                                  const assay_partition_field *field, int32_t *last_id)
{
    for (size_t i = 0; i < metadata->spec_count; i++) {
        const assay_partition_spec *spec = &metadata->specs[i];
        for (size_t j = 0; j < spec->count; j++) {
            if (same_transform(&spec->fields[j], field))
                return spec->fields[j].field_id;
        }
    }
    return ++*last_id;
}

static assay_status evolve_spec(assay_value *document, const assay_iceberg_metadata *metadata,
                                const assay_partition_spec *wanted, assay_arena *arena,
                                assay_error *err)
{
    int32_t next = 0, last_id = metadata->last_partition_id;
    if (same_spec(metadata->spec, wanted))
        return ASSAY_OK;
    for (size_t i = 0; i < metadata->spec_count; i++) {
        if (same_spec(&metadata->specs[i], wanted))
            return put_int(document, "default-spec-id", metadata->specs[i].id, arena, err);
        next = metadata->specs[i].id >= next ? metadata->specs[i].id + 1 : next;
    }
    assay_partition_spec spec = {.id = next, .count = wanted->count};
    spec.fields = assay_arena_take(arena, wanted->count + 1, sizeof *spec.fields);
    ASSAY_TRY(assay_arena_check(spec.fields, err));
    for (size_t i = 0; i < wanted->count; i++) {
        spec.fields[i] = wanted->fields[i];
        spec.fields[i].field_id = partition_field_id(metadata, &wanted->fields[i], &last_id);
    }
    assay_value *added = NULL, *specs = NULL;
    ASSAY_TRY(assay_iceberg_spec_format(&spec, arena, &added, err));
    ASSAY_TRY(need_member(document, "partition-specs", ASSAY_VALUE_LIST, arena, &specs, err));
    ASSAY_TRY(assay_value_append(specs, added, arena, err));
    ASSAY_TRY(put_int(document, "default-spec-id", next, arena, err));
    return put_int(document, "last-partition-id", last_id, arena, err);
}

/* Properties assay.type.<field-id>: types that Iceberg stores wider than the user wrote them. */
static assay_status note_types(assay_value *document, const assay_field *fields, size_t count,
                               assay_arena *arena, assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const assay_field *field = &fields[i];
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        char key[48];
        (void)snprintf(key, sizeof key, "assay.type.%d", (int)field->id);
        assay_type stored = assay_iceberg_stored_type(&field->type);
        if (field->original != NULL)
            assay_buf_append_text(&text, field->original);
        else if (stored.kind != field->type.kind)
            assay_type_format(&text, &field->type);
        ASSAY_TRY(assay_buf_check(&text, err));
        ASSAY_TRY(assay_iceberg_document_property(document, key,
                                                  text.size > 0 ? assay_buf_text(&text) : NULL,
                                                  arena, err));
        ASSAY_TRY(note_types(document, field->type.fields, field->type.field_count, arena, err));
    }
    return ASSAY_OK;
}

assay_status assay_iceberg_document_evolve(assay_value *document,
                                           const assay_iceberg_metadata *metadata,
                                           const assay_change *change, assay_arena *arena,
                                           assay_error *err)
{
    ASSAY_TRY(evolve_schema(document, metadata, change->schema, arena, err));
    ASSAY_TRY(spare_spark(document, metadata, change, arena, err));
    ASSAY_TRY(evolve_spec(document, metadata, change->spec, arena, err));
    return note_types(document, change->schema->fields, change->schema->count, arena, err);
}

/* ---- snapshots ---- */

static assay_status snapshot_value(const assay_iceberg_new_snapshot *snapshot, assay_arena *arena,
                                   assay_value **ret_value, assay_error *err)
{
    assay_value *value = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(value, err));
    ASSAY_TRY(put_int(value, "sequence-number", snapshot->sequence, arena, err));
    ASSAY_TRY(put_int(value, "snapshot-id", snapshot->id, arena, err));
    if (snapshot->parent >= 0)
        ASSAY_TRY(put_int(value, "parent-snapshot-id", snapshot->parent, arena, err));
    ASSAY_TRY(put_int(value, "timestamp-ms", snapshot->timestamp_ms, arena, err));
    ASSAY_TRY(assay_value_set(value, "summary", snapshot->summary, arena, err));
    ASSAY_TRY(put_text(value, "manifest-list", snapshot->manifest_list, arena, err));
    ASSAY_TRY(put_int(value, "schema-id", snapshot->schema_id, arena, err));
    *ret_value = value;
    return ASSAY_OK;
}

static assay_status point_main(assay_value *document, int64_t snapshot_id, assay_arena *arena,
                               assay_error *err)
{
    assay_value *refs = NULL, *branch = NULL;
    ASSAY_TRY(need_member(document, "refs", ASSAY_VALUE_MAP, arena, &refs, err));
    ASSAY_TRY(need_member(refs, "main", ASSAY_VALUE_MAP, arena, &branch, err));
    ASSAY_TRY(put_int(branch, "snapshot-id", snapshot_id, arena, err));
    ASSAY_TRY(put_text(branch, "type", "branch", arena, err));
    return put_int(document, "current-snapshot-id", snapshot_id, arena, err);
}

assay_status assay_iceberg_document_add_snapshot(assay_value *document,
                                                 const assay_iceberg_new_snapshot *snapshot,
                                                 assay_arena *arena, assay_error *err)
{
    assay_value *value = NULL, *snapshots = NULL, *log = NULL;
    assay_value *line = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(line, err));
    ASSAY_TRY(snapshot_value(snapshot, arena, &value, err));
    ASSAY_TRY(need_member(document, "snapshots", ASSAY_VALUE_LIST, arena, &snapshots, err));
    ASSAY_TRY(assay_value_append(snapshots, value, arena, err));
    ASSAY_TRY(put_int(document, "last-sequence-number", snapshot->sequence, arena, err));
    ASSAY_TRY(point_main(document, snapshot->id, arena, err));
    ASSAY_TRY(put_int(line, "timestamp-ms", snapshot->timestamp_ms, arena, err));
    ASSAY_TRY(put_int(line, "snapshot-id", snapshot->id, arena, err));
    ASSAY_TRY(need_member(document, "snapshot-log", ASSAY_VALUE_LIST, arena, &log, err));
    return assay_value_append(log, line, arena, err);
}

/* Drops the first items of a list. */
static void drop_first(assay_value *list, size_t count)
{
    for (size_t i = count; i < list->count; i++)
        list->items[i - count] = list->items[i];
    list->count -= count;
}

static size_t log_limit(const assay_value *document)
{
    int64_t limit = METADATA_LOG_MAX;
    const char *text = assay_value_find_text(assay_value_find(document, "properties"),
                                             "write.metadata.previous-versions-max", NULL);
    if (text != NULL && (!assay_str_to_int64(text, &limit) || limit < 1))
        limit = METADATA_LOG_MAX;
    return (size_t)limit;
}

assay_status assay_iceberg_document_supersede(assay_value *document, const char *previous_file,
                                              int64_t now_ms, assay_arena *arena, assay_error *err)
{
    int64_t before_ms = assay_value_find_int(document, "last-updated-ms", 0);
    assay_value *log = NULL;
    ASSAY_TRY(need_member(document, "metadata-log", ASSAY_VALUE_LIST, arena, &log, err));
    if (previous_file != NULL) {
        assay_value *line = assay_value_map(arena);
        ASSAY_TRY(assay_arena_check(line, err));
        ASSAY_TRY(put_int(line, "timestamp-ms", before_ms, arena, err));
        ASSAY_TRY(put_text(line, "metadata-file", previous_file, arena, err));
        ASSAY_TRY(assay_value_append(log, line, arena, err));
        size_t limit = log_limit(document);
        if (log->count > limit)
            drop_first(log, log->count - limit);
    }
    return put_int(document, "last-updated-ms", now_ms, arena, err);
}

/* ---- expiry ---- */

static bool is_expired(const assay_value *item, const int64_t *ids, size_t count)
{
    int64_t id = assay_value_find_int(item, "snapshot-id", -1);
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

static void drop_expired(assay_value *list, const int64_t *ids, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!is_expired(list->items[i], ids, count))
            list->items[kept++] = list->items[i];
    }
    if (list != NULL)
        list->count = kept;
}

assay_status assay_iceberg_document_expire(assay_value *document, const int64_t *ids, size_t count,
                                           assay_arena *arena, assay_error *err)
{
    (void)arena;
    assay_value *snapshots = assay_value_find(document, "snapshots");
    if (snapshots == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "a table without snapshots expires");
    drop_expired(snapshots, ids, count);
    drop_expired(assay_value_find(document, "statistics"), ids, count);
    drop_expired(assay_value_find(document, "partition-statistics"), ids, count);
    /* An entry before an expired one would tell a wrong history (spec, "snapshot-log"). */
    assay_value *log = assay_value_find(document, "snapshot-log");
    size_t drop = 0;
    for (size_t i = 0; log != NULL && i < log->count; i++) {
        if (is_expired(log->items[i], ids, count))
            drop = i + 1;
    }
    if (log != NULL)
        drop_first(log, drop);
    return ASSAY_OK;
}
