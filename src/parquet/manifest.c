#include "parquet/manifest.h"

#include <stddef.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "text/json.h"

enum { MANIFEST_FORMAT = 1 };

static assay_status damaged(const char *path, const char *what, assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 4301, "'%s' is damaged: %s", path, what);
}

static assay_status load_json(const char *path, assay_arena *arena, assay_value **ret_value,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_path_read(path, ASSAY_PARQUET_MANIFEST_BYTES_MAX, &text, err));
    status = assay_json_parse(assay_buf_text(&text), text.size, path, arena, ret_value, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        return damaged(path, "not JSON", err);
    if (assay_value_find_int(*ret_value, "format-version", 0) > MANIFEST_FORMAT)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4302,
                               "'%s' was written by a newer version of assay", path);
    return ASSAY_OK;
}

/* ---- schema ---- */

/* Visits the ids of nested members, level after level is not needed: any fixed order does. */
static void take_ids(assay_type *type, const assay_value *ids, size_t *at)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (*at < ids->count)
            type->fields[i].id = (int32_t)ids->items[*at]->integer;
        (*at)++;
        take_ids(&type->fields[i].type, ids, at);
    }
}

static void write_ids(assay_json_writer *writer, const assay_type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        assay_json_int(writer, type->fields[i].id);
        write_ids(writer, &type->fields[i].type);
    }
}

static assay_status read_field(const char *path, const assay_value *node, assay_arena *arena,
                               assay_field *field, assay_error *err)
{
    const assay_value *ids = assay_value_find(node, "member-ids");
    size_t at = 0;

    field->id = (int32_t)assay_value_find_int(node, "id", 0);
    field->name = assay_value_find_text(node, "name", NULL);
    field->required = assay_value_find_bool(node, "required", false);
    field->doc = assay_value_find_text(node, "doc", NULL);
    if (field->name == NULL || field->id < 1)
        return damaged(path, "a column has no name or id", err);
    ASSAY_TRY(assay_type_parse(assay_value_find_text(node, "type", ""), field->name, arena,
                               &field->type, &field->original, err));
    if (ids != NULL && ids->kind == ASSAY_VALUE_LIST)
        take_ids(&field->type, ids, &at);
    return ASSAY_OK;
}

static assay_status read_schema(const char *path, const assay_value *root, assay_arena *arena,
                                assay_schema **ret_schema, assay_error *err)
{
    const assay_value *list = assay_value_find(root, "columns");
    assay_schema *schema = assay_arena_take(arena, 1, sizeof(*schema));

    ASSAY_TRY(assay_arena_check(schema, err));
    if (list == NULL || list->kind != ASSAY_VALUE_LIST || list->count > ASSAY_SCHEMA_COLUMNS_MAX)
        return damaged(path, "it has no list of columns", err);
    schema->id = (int32_t)assay_value_find_int(root, "schema-id", 0);
    schema->last_field_id = (int32_t)assay_value_find_int(root, "last-field-id", 0);
    schema->count = list->count;
    schema->fields = assay_arena_take(arena, list->count + 1, sizeof(*schema->fields));
    ASSAY_TRY(assay_arena_check(schema->fields, err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_field(path, list->items[i], arena, &schema->fields[i], err));
    *ret_schema = schema;
    return ASSAY_OK;
}

static assay_status write_schema(assay_json_writer *writer, const assay_schema *schema,
                                 assay_error *err)
{
    assay_json_key(writer, "schema-id");
    assay_json_int(writer, schema->id);
    assay_json_key(writer, "last-field-id");
    assay_json_int(writer, schema->last_field_id);
    assay_json_key(writer, "columns");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < schema->count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
        const assay_field *field = &schema->fields[i];

        assay_type_format(&type, &field->type);
        ASSAY_TRY(assay_buf_check(&type, err));
        assay_json_begin_map(writer);
        assay_json_key(writer, "id");
        assay_json_int(writer, field->id);
        assay_json_key(writer, "name");
        assay_json_text(writer, field->name);
        assay_json_key(writer, "type");
        assay_json_text(writer, field->original != NULL ? field->original : assay_buf_text(&type));
        assay_json_key(writer, "required");
        assay_json_bool(writer, field->required);
        if (field->doc != NULL) {
            assay_json_key(writer, "doc");
            assay_json_text(writer, field->doc);
        }
        if (field->type.field_count > 0) {
            assay_json_key(writer, "member-ids");
            assay_json_begin_list(writer);
            write_ids(writer, &field->type);
            assay_json_end_list(writer);
        }
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
    return ASSAY_OK;
}

/* ---- partitioning ---- */

static assay_status read_spec(const assay_value *root, const assay_schema *schema,
                              assay_arena *arena, assay_partition_spec **ret_spec, assay_error *err)
{
    const assay_value *list = assay_value_find(root, "partition-by");
    size_t count = list == NULL || list->kind != ASSAY_VALUE_LIST ? 0 : list->count;
    const char **entries = assay_arena_take(arena, count + 1, sizeof(*entries));

    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < count; i++)
        entries[i] = list->items[i]->text == NULL ? "" : list->items[i]->text;
    ASSAY_TRY(assay_partition_parse(entries, count, schema, arena, ret_spec, err));
    (*ret_spec)->id = (int32_t)assay_value_find_int(root, "spec-id", 0);
    return ASSAY_OK;
}

static assay_status write_spec(assay_json_writer *writer, const assay_parquet_version *version,
                               assay_arena *arena, assay_error *err)
{
    assay_json_key(writer, "spec-id");
    assay_json_int(writer, version->spec->id);
    assay_json_key(writer, "partition-by");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < version->spec->count; i++) {
        const assay_partition_field *field = &version->spec->fields[i];
        const assay_field *column = assay_schema_find_id(version->schema, field->source_id);
        const char *transform = assay_partition_transform_name(field->transform);
        char *entry = NULL;

        if (column == NULL || (transform == NULL && field->transform != ASSAY_TRANSFORM_IDENTITY))
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4306,
                                   "a Parquet table cannot be partitioned by '%s'", field->name);
        entry = transform == NULL ? assay_arena_text(arena, column->name)
                                  : assay_arena_format(arena, "%s(%s)", transform, column->name);
        ASSAY_TRY(assay_arena_check(entry, err));
        assay_json_text(writer, entry);
    }
    assay_json_end_list(writer);
    return ASSAY_OK;
}

/* ---- version.json ---- */

struct number_member {
    const char *key;
    size_t offset;
};

static const struct number_member numbers[] = {
    {"version", offsetof(assay_snapshot, id)},
    {"parent", offsetof(assay_snapshot, parent)},
    {"number", offsetof(assay_snapshot, number)},
    {"timestamp-ms", offsetof(assay_snapshot, timestamp_ms)},
    {"rows", offsetof(assay_snapshot, rows)},
    {"files", offsetof(assay_snapshot, files)},
    {"bytes", offsetof(assay_snapshot, bytes)},
    {"added-rows", offsetof(assay_snapshot, added_rows)},
    {"removed-rows", offsetof(assay_snapshot, removed_rows)},
};

static const struct number_member texts[] = {
    {"operation", offsetof(assay_snapshot, operation)},
    {"state", offsetof(assay_snapshot, state_path)},
    {"engine", offsetof(assay_snapshot, engine)},
    {"run-id", offsetof(assay_snapshot, run_id)},
    {"verdict", offsetof(assay_snapshot, verdict)},
    {"commit-id", offsetof(assay_snapshot, commit_id)},
};

static void read_snapshot(const assay_value *root, assay_snapshot *snapshot)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t value = assay_value_find_int(root, numbers[i].key, -1);

        memcpy((char *)snapshot + numbers[i].offset, &value, sizeof(value));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = assay_value_find_text(root, texts[i].key, NULL);

        memcpy((char *)snapshot + texts[i].offset, &text, sizeof(text));
    }
    if (snapshot->operation == NULL)
        snapshot->operation = "overwrite";
}

static void write_snapshot(assay_json_writer *writer, const assay_snapshot *snapshot)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t value = 0;

        memcpy(&value, (const char *)snapshot + numbers[i].offset, sizeof(value));
        assay_json_key(writer, numbers[i].key);
        assay_json_int(writer, value);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = NULL;

        memcpy(&text, (const char *)snapshot + texts[i].offset, sizeof(text));
        assay_json_key(writer, texts[i].key);
        assay_json_text(writer, text);
    }
}

static assay_status read_properties(const assay_value *root, assay_arena *arena,
                                    assay_parquet_version *version, assay_error *err)
{
    const assay_value *map = assay_value_find(root, "properties");
    size_t count = map == NULL || map->kind != ASSAY_VALUE_MAP ? 0 : map->count;

    version->properties = assay_arena_take(arena, count + 1, sizeof(*version->properties));
    ASSAY_TRY(assay_arena_check(version->properties, err));
    for (size_t i = 0; i < count; i++) {
        if (map->items[i]->kind == ASSAY_VALUE_TEXT)
            version->properties[version->property_count++] =
                (assay_property){map->keys[i], map->items[i]->text};
    }
    return ASSAY_OK;
}

assay_status assay_parquet_version_load(const assay_parquet_place *place, int64_t number,
                                        assay_arena *arena, assay_parquet_version **ret_version,
                                        assay_error *err)
{
    assay_parquet_version *version = assay_arena_take(arena, 1, sizeof(*version));
    char *path =
        assay_arena_format(arena, "%s/v%lld/_assay/version.json", place->folder, (long long)number);
    assay_value *root = NULL;

    ASSAY_TRY(assay_arena_check(version, err));
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(load_json(path, arena, &root, err));
    version->uuid = assay_value_find_text(root, "uuid", NULL);
    version->parent_commit_id = assay_value_find_text(root, "parent-commit-id", NULL);
    read_snapshot(root, &version->snapshot);
    if (version->uuid == NULL || version->snapshot.id != number)
        return damaged(path, "it is not the description of this version", err);
    ASSAY_TRY(read_schema(path, root, arena, &version->schema, err));
    ASSAY_TRY(read_spec(root, version->schema, arena, &version->spec, err));
    ASSAY_TRY(read_properties(root, arena, version, err));
    *ret_version = version;
    return ASSAY_OK;
}

assay_status assay_parquet_version_write(const assay_parquet_version *version, assay_arena *arena,
                                         assay_buf *out, assay_error *err)
{
    assay_json_writer writer = assay_json_writer_init(out);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "format-version");
    assay_json_int(&writer, MANIFEST_FORMAT);
    assay_json_key(&writer, "uuid");
    assay_json_text(&writer, version->uuid);
    assay_json_key(&writer, "parent-commit-id");
    assay_json_text(&writer, version->parent_commit_id);
    write_snapshot(&writer, &version->snapshot);
    ASSAY_TRY(write_schema(&writer, version->schema, err));
    ASSAY_TRY(write_spec(&writer, version, arena, err));
    assay_json_key(&writer, "properties");
    assay_json_begin_map(&writer);
    for (size_t i = 0; i < version->property_count; i++) {
        assay_json_key(&writer, version->properties[i].name);
        assay_json_text(&writer, version->properties[i].value);
    }
    assay_json_end_map(&writer);
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
    return assay_buf_check(out, err);
}
