#include "iceberg/metadata.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "iceberg/schema_json.h"
#include "text/json.h"

struct reader {
    const assay_value *document;
    assay_arena *arena;
    assay_error *err;
    assay_iceberg_metadata *metadata;
};

static assay_status broken(const struct reader *reader, const char *what, const char *key)
{
    return assay_error_set(reader->err, ASSAY_EDATA, 4101, "%s '%s'", what, key);
}

/* A number that every table has. */
static assay_status need_int(const struct reader *reader, const char *key, int64_t max,
                             int64_t *ret_value)
{
    const assay_value *value = assay_value_find(reader->document, key);
    if (value == NULL)
        return broken(reader, "a required key is missing:", key);
    if (value->kind != ASSAY_VALUE_INT || value->integer < 0 || value->integer > max)
        return broken(reader, "no usable number:", key);
    *ret_value = value->integer;
    return ASSAY_OK;
}

static assay_status need_text(const struct reader *reader, const char *key, const char **ret_text)
{
    *ret_text = assay_value_find_text(reader->document, key, NULL);
    return *ret_text != NULL ? ASSAY_OK : broken(reader, "a required key is missing:", key);
}

static assay_status read_version(const struct reader *reader)
{
    int64_t version = 0;
    if (assay_value_find(reader->document, "view-uuid") != NULL)
        return assay_error_set(reader->err, ASSAY_EDATA, 4101, "it is the metadata of a view");
    ASSAY_TRY(need_int(reader, "format-version", INT32_MAX, &version));
    if (version < 1 || version > ASSAY_ICEBERG_FORMAT_VERSION_MAX)
        return assay_error_set(reader->err, ASSAY_EUNSUPPORTED, 4103,
                               "Iceberg format version %d is not supported (1 to %d are)",
                               (int)version, ASSAY_ICEBERG_FORMAT_VERSION_MAX);
    reader->metadata->format_version = (int)version;
    return ASSAY_OK;
}

/* Keys that a later version of the format gives a meaning that a reader must not ignore. */
static assay_status refuse_features(const struct reader *reader)
{
    const assay_value *keys = assay_value_find(reader->document, "encryption-keys");
    if (keys != NULL && keys->count > 0)
        return assay_error_set(reader->err, ASSAY_EUNSUPPORTED, 4102,
                               "the table uses encryption-keys, which is not supported");
    return ASSAY_OK;
}

static char *without_slash(assay_arena *arena, const char *location)
{
    size_t length = strlen(location);
    while (length > 1 && location[length - 1] == '/')
        length--;
    return assay_arena_text_n(arena, location, length);
}

static assay_status read_head(const struct reader *reader)
{
    assay_iceberg_metadata *metadata = reader->metadata;
    const char *location = NULL;
    int64_t last_column_id = 0;
    ASSAY_TRY(need_text(reader, "location", &location));
    metadata->location = without_slash(reader->arena, location);
    ASSAY_TRY(assay_arena_check(metadata->location, reader->err));
    metadata->uuid = assay_value_find_text(reader->document, "table-uuid", NULL);
    if (metadata->uuid == NULL && metadata->format_version > 1)
        return broken(reader, "a required key is missing:", "table-uuid");
    ASSAY_TRY(need_int(reader, "last-updated-ms", INT64_MAX, &metadata->last_updated_ms));
    ASSAY_TRY(need_int(reader, "last-column-id", INT32_MAX, &last_column_id));
    metadata->last_column_id = (int32_t)last_column_id;
    if (metadata->format_version > 1)
        ASSAY_TRY(need_int(reader, "last-sequence-number", INT64_MAX, &metadata->last_sequence));
    return ASSAY_OK;
}

/* A required list, or in v1 the single object under its old key. */
static assay_status find_list(const struct reader *reader, const char *key, const char *v1_key,
                              const assay_value **ret_list, const assay_value **ret_single)
{
    const assay_value *list = assay_value_find(reader->document, key);
    *ret_single = NULL;
    if (list == NULL && reader->metadata->format_version == 1) {
        *ret_single = assay_value_find(reader->document, v1_key);
        if (*ret_single != NULL)
            return ASSAY_OK;
    }
    if (list == NULL)
        return broken(reader, "a required key is missing:", key);
    if (list->kind != ASSAY_VALUE_LIST || list->count == 0)
        return broken(reader, "no usable list:", key);
    *ret_list = list;
    return ASSAY_OK;
}

/* The user's type of a column that Iceberg stores wider: property assay.type.<field-id>. A list
 * keeps its element, which has a property of its own. */
static void restore_type(const struct reader *reader, assay_field *field)
{
    char key[48];
    assay_type type = {0};
    const char *original = NULL;
    for (size_t i = 0; i < field->type.field_count; i++)
        restore_type(reader, &field->type.fields[i]);
    (void)snprintf(key, sizeof key, "assay.type.%d", (int)field->id);
    const char *text = assay_iceberg_metadata_property(reader->metadata, key);
    if (text == NULL ||
        assay_type_parse(text, field->name, reader->arena, &type, &original, NULL) != ASSAY_OK)
        return;
    bool nested = assay_type_is_nested(&field->type);
    assay_type stored = nested ? type : assay_iceberg_stored_type(&type);
    /* Another engine may have widened the column since: then the property is history. */
    if (!assay_type_equal(&stored, &field->type))
        return;
    if (!nested)
        field->type = type;
    field->original = original;
}

static assay_status read_schemas(const struct reader *reader)
{
    assay_iceberg_metadata *metadata = reader->metadata;
    const assay_value *list = NULL, *single = NULL;
    ASSAY_TRY(find_list(reader, "schemas", "schema", &list, &single));
    size_t count = single != NULL ? 1 : list->count;
    metadata->schemas = assay_arena_take(reader->arena, count, sizeof *metadata->schemas);
    ASSAY_TRY(assay_arena_check(metadata->schemas, reader->err));
    for (size_t i = 0; i < count; i++) {
        assay_schema *schema = &metadata->schemas[i];
        ASSAY_TRY(assay_iceberg_schema_parse(single != NULL ? single : list->items[i],
                                             reader->arena, schema, reader->err));
        for (size_t j = 0; j < schema->count; j++)
            restore_type(reader, &schema->fields[j]);
        if (schema->last_field_id < metadata->last_column_id)
            schema->last_field_id = metadata->last_column_id;
    }
    metadata->schema_count = count;
    int64_t current = single != NULL ? metadata->schemas[0].id : -1;
    if (single == NULL)
        ASSAY_TRY(need_int(reader, "current-schema-id", INT32_MAX, &current));
    for (size_t i = 0; i < count; i++) {
        if (metadata->schemas[i].id == current)
            metadata->schema = &metadata->schemas[i];
    }
    return metadata->schema != NULL
               ? ASSAY_OK
               : broken(reader, "no schema has the id of", "current-schema-id");
}

static int32_t highest_partition_id(const assay_iceberg_metadata *metadata)
{
    int32_t highest = 999;
    for (size_t i = 0; i < metadata->spec_count; i++) {
        for (size_t j = 0; j < metadata->specs[i].count; j++) {
            if (metadata->specs[i].fields[j].field_id > highest)
                highest = metadata->specs[i].fields[j].field_id;
        }
    }
    return highest;
}

static assay_status read_specs(const struct reader *reader)
{
    assay_iceberg_metadata *metadata = reader->metadata;
    const assay_value *list = NULL, *single = NULL;
    ASSAY_TRY(find_list(reader, "partition-specs", "partition-spec", &list, &single));
    size_t count = single != NULL ? 1 : list->count;
    metadata->specs = assay_arena_take(reader->arena, count, sizeof *metadata->specs);
    ASSAY_TRY(assay_arena_check(metadata->specs, reader->err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_iceberg_spec_parse(single != NULL ? single : list->items[i], reader->arena,
                                           &metadata->specs[i], reader->err));
    metadata->spec_count = count;
    int64_t current = 0, last = highest_partition_id(metadata);
    if (single == NULL)
        ASSAY_TRY(need_int(reader, "default-spec-id", INT32_MAX, &current));
    if (metadata->format_version > 1)
        ASSAY_TRY(need_int(reader, "last-partition-id", INT32_MAX, &last));
    metadata->last_partition_id = (int32_t)last;
    for (size_t i = 0; i < count; i++) {
        if (metadata->specs[i].id == current)
            metadata->spec = &metadata->specs[i];
    }
    return metadata->spec != NULL ? ASSAY_OK
                                  : broken(reader, "no spec has the id of", "default-spec-id");
}

static assay_status read_snapshot(const struct reader *reader, const assay_value *document,
                                  assay_iceberg_snapshot *snapshot)
{
    const assay_value *id = assay_value_find(document, "snapshot-id");
    if (id == NULL || id->kind != ASSAY_VALUE_INT)
        return broken(reader, "a snapshot has no usable number:", "snapshot-id");
    snapshot->id = id->integer;
    snapshot->parent = assay_value_find_int(document, "parent-snapshot-id", -1);
    snapshot->sequence = assay_value_find_int(document, "sequence-number", 0);
    snapshot->timestamp_ms = assay_value_find_int(document, "timestamp-ms", -1);
    snapshot->manifest_list = assay_value_find_text(document, "manifest-list", NULL);
    snapshot->manifests = assay_value_find(document, "manifests");
    snapshot->summary = assay_value_find(document, "summary");
    int64_t schema_id = assay_value_find_int(document, "schema-id", -1);
    snapshot->schema_id = schema_id >= 0 && schema_id <= INT32_MAX ? (int32_t)schema_id : -1;
    if (snapshot->timestamp_ms < 0)
        return broken(reader, "a snapshot has no usable number:", "timestamp-ms");
    if (snapshot->manifest_list == NULL &&
        (snapshot->manifests == NULL || reader->metadata->format_version > 1))
        return broken(reader, "a snapshot lacks its", "manifest-list");
    return ASSAY_OK;
}

/* The snapshot of branch main; Java wrote -1 for none in v1 and v2. */
static int64_t current_snapshot_id(const struct reader *reader)
{
    const assay_value *refs = assay_value_find(reader->document, "refs");
    int64_t current = assay_value_find_int(reader->document, "current-snapshot-id", -1);
    return assay_value_find_int(assay_value_find(refs, "main"), "snapshot-id", current);
}

static assay_status read_snapshots(const struct reader *reader)
{
    assay_iceberg_metadata *metadata = reader->metadata;
    const assay_value *list = assay_value_find(reader->document, "snapshots");
    size_t count = list != NULL ? list->count : 0;
    if (list != NULL && list->kind != ASSAY_VALUE_LIST && list->kind != ASSAY_VALUE_NULL)
        return broken(reader, "no usable list:", "snapshots");
    metadata->snapshots = assay_arena_take(reader->arena, count + 1, sizeof *metadata->snapshots);
    ASSAY_TRY(assay_arena_check(metadata->snapshots, reader->err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(read_snapshot(reader, list->items[i], &metadata->snapshots[i]));
    metadata->snapshot_count = count;
    int64_t current = current_snapshot_id(reader);
    metadata->current = assay_iceberg_metadata_snapshot(metadata, current);
    if (metadata->current == NULL && current != -1)
        return broken(reader, "no snapshot has the id of", "current-snapshot-id");
    return ASSAY_OK;
}

static assay_status read_properties(const struct reader *reader)
{
    const assay_value *map = assay_value_find(reader->document, "properties");
    assay_iceberg_metadata *metadata = reader->metadata;
    if (map == NULL || map->kind != ASSAY_VALUE_MAP)
        return ASSAY_OK;
    metadata->properties =
        assay_arena_take(reader->arena, map->count + 1, sizeof *metadata->properties);
    ASSAY_TRY(assay_arena_check(metadata->properties, reader->err));
    for (size_t i = 0; i < map->count; i++) {
        if (map->items[i]->kind != ASSAY_VALUE_TEXT)
            continue;
        metadata->properties[metadata->property_count++] =
            (assay_property){.name = map->keys[i], .value = map->items[i]->text};
    }
    return ASSAY_OK;
}

static assay_status read_all(const struct reader *reader)
{
    ASSAY_TRY(read_version(reader));
    ASSAY_TRY(read_head(reader));
    ASSAY_TRY(refuse_features(reader));
    ASSAY_TRY(read_properties(reader));
    ASSAY_TRY(read_schemas(reader));
    ASSAY_TRY(read_specs(reader));
    return read_snapshots(reader);
}

assay_status assay_iceberg_metadata_read(const assay_value *document, assay_arena *arena,
                                         assay_iceberg_metadata **ret_metadata, assay_error *err)
{
    if (document->kind != ASSAY_VALUE_MAP)
        return assay_error_set(err, ASSAY_EDATA, 4101, "it is no JSON object");
    assay_iceberg_metadata *metadata = assay_arena_take(arena, 1, sizeof *metadata);
    ASSAY_TRY(assay_arena_check(metadata, err));
    metadata->document = document;
    const struct reader reader = {.document = document,
                                  .arena = arena,
                                  .err = err,
                                  .metadata = metadata};
    ASSAY_TRY(read_all(&reader));
    *ret_metadata = metadata;
    return ASSAY_OK;
}

assay_status assay_iceberg_metadata_parse(const char *bytes, size_t size, const char *path,
                                          assay_arena *arena, assay_iceberg_metadata **ret_metadata,
                                          assay_error *err)
{
    assay_value *document = NULL;
    assay_status status = assay_json_parse(bytes, size, path, arena, &document, err);
    if (status == ASSAY_OK)
        status = assay_iceberg_metadata_read(document, arena, ret_metadata, err);
    if (status != ASSAY_OK)
        (void)assay_error_wrap(err, "metadata file '%s'", path);
    return status;
}

const assay_iceberg_snapshot *assay_iceberg_metadata_snapshot(
    const assay_iceberg_metadata *metadata, int64_t id)
{
    for (size_t i = 0; i < metadata->snapshot_count; i++) {
        if (metadata->snapshots[i].id == id)
            return &metadata->snapshots[i];
    }
    return NULL;
}

const assay_schema *assay_iceberg_metadata_schema(const assay_iceberg_metadata *metadata,
                                                  int32_t id)
{
    for (size_t i = 0; i < metadata->schema_count; i++) {
        if (metadata->schemas[i].id == id)
            return &metadata->schemas[i];
    }
    return NULL;
}

const assay_partition_spec *assay_iceberg_metadata_spec(const assay_iceberg_metadata *metadata,
                                                        int32_t id)
{
    for (size_t i = 0; i < metadata->spec_count; i++) {
        if (metadata->specs[i].id == id)
            return &metadata->specs[i];
    }
    return NULL;
}

const assay_field *assay_iceberg_metadata_field(const assay_iceberg_metadata *metadata, int32_t id)
{
    const assay_field *field = assay_schema_find_id(metadata->schema, id);
    for (size_t i = metadata->schema_count; i > 0 && field == NULL; i--)
        field = assay_schema_find_id(&metadata->schemas[i - 1], id);
    return field;
}

const char *assay_iceberg_metadata_property(const assay_iceberg_metadata *metadata,
                                            const char *name)
{
    for (size_t i = 0; i < metadata->property_count; i++) {
        if (assay_str_equal(metadata->properties[i].name, name))
            return metadata->properties[i].value;
    }
    return NULL;
}

const char *assay_iceberg_snapshot_summary(const assay_iceberg_snapshot *snapshot, const char *key)
{
    return assay_value_find_text(snapshot->summary, key, NULL);
}

int64_t assay_iceberg_snapshot_total(const assay_iceberg_snapshot *snapshot, const char *key)
{
    int64_t number = -1;
    const char *text = assay_iceberg_snapshot_summary(snapshot, key);
    return text != NULL && assay_str_to_int64(text, &number) && number >= 0 ? number : -1;
}
