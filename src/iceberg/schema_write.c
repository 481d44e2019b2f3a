#include <string.h>

#include "base/str.h"
#include "iceberg/schema_json.h"

struct writer {
    assay_arena *arena;
    assay_error *err;
    const assay_value *older; /* schema document, may be NULL */
};

static assay_status write_fields(const struct writer *writer, const assay_field *fields,
                                 size_t count, assay_value **ret_list);

/* Sets a key of a map under construction. */
static assay_status put(const struct writer *writer, assay_value *map, const char *key,
                        assay_value *item)
{
    return assay_value_set(map, key, item, writer->arena, writer->err);
}

static const assay_value *find_type(const assay_value *type, int32_t id);

/* The type of a member whose id stands under `id_key`, or a type of that id below it. */
static const assay_value *find_member(const assay_value *document, const char *id_key,
                                      const char *type_key, int32_t id)
{
    const assay_value *type = assay_value_find(document, type_key);
    if (type == NULL || assay_value_find_int(document, id_key, -1) == id)
        return type;
    return find_type(type, id);
}

/* The type document of the field of that id below a struct, list or map; NULL if none. */
static const assay_value *find_type(const assay_value *type, int32_t id)
{
    const assay_value *fields = assay_value_find(type, "fields");
    const assay_value *found = NULL;
    for (size_t i = 0; fields != NULL && i < fields->count && found == NULL; i++)
        found = find_member(fields->items[i], "id", "type", id);
    if (found == NULL)
        found = find_member(type, "element-id", "element", id);
    if (found == NULL)
        found = find_member(type, "key-id", "key", id);
    if (found == NULL)
        found = find_member(type, "value-id", "value", id);
    return found;
}

static const char *primitive_name(assay_type_kind kind)
{
    switch (kind) {
    case ASSAY_TYPE_BOOLEAN:
        return "boolean";
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
        return "int";
    case ASSAY_TYPE_INT64:
        return "long";
    case ASSAY_TYPE_FLOAT:
        return "float";
    case ASSAY_TYPE_DOUBLE:
        return "double";
    case ASSAY_TYPE_DATE:
        return "date";
    case ASSAY_TYPE_TIME:
        return "time";
    case ASSAY_TYPE_TIMESTAMP:
        return "timestamp";
    case ASSAY_TYPE_TIMESTAMPTZ:
        return "timestamptz";
    case ASSAY_TYPE_STRING:
        return "string";
    case ASSAY_TYPE_BINARY:
        return "binary";
    case ASSAY_TYPE_UUID:
        return "uuid";
    case ASSAY_TYPE_DECIMAL:
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return NULL;
}

static assay_status write_primitive(const struct writer *writer, const assay_type *type, int32_t id,
                                    assay_value **ret_document)
{
    const assay_value *older = find_type(writer->older, id);
    const char *written = older != NULL && older->kind == ASSAY_VALUE_TEXT ? older->text : NULL;
    if (type->kind == ASSAY_TYPE_BINARY && written != NULL && assay_str_starts(written, "fixed")) {
        *ret_document = assay_value_text(writer->arena, written);
    } else if (type->kind == ASSAY_TYPE_DECIMAL) {
        char *text =
            assay_arena_format(writer->arena, "decimal(%d, %d)", type->precision, type->scale);
        ASSAY_TRY(assay_arena_check(text, writer->err));
        *ret_document = assay_value_text(writer->arena, text);
    } else {
        *ret_document = assay_value_text(writer->arena, primitive_name(type->kind));
    }
    return assay_arena_check(*ret_document, writer->err);
}

static assay_status write_type(const struct writer *writer, const assay_type *type, int32_t id,
                               assay_value **ret_document);

/* The members of a list or map stand under keys of their own (spec, appendix C). */
static assay_status write_member(const struct writer *writer, const assay_field *field,
                                 const char *name, assay_value *document)
{
    assay_arena *arena = writer->arena;
    assay_value *type = NULL;
    char *id_key = assay_arena_format(arena, "%s-id", name);
    char *required_key = assay_arena_format(arena, "%s-required", name);
    ASSAY_TRY(assay_arena_check(id_key, writer->err));
    ASSAY_TRY(assay_arena_check(required_key, writer->err));
    ASSAY_TRY(put(writer, document, id_key, assay_value_int(arena, field->id)));
    ASSAY_TRY(write_type(writer, &field->type, field->id, &type));
    ASSAY_TRY(put(writer, document, name, type));
    /* A map's key is always required; the specification has no key for it. */
    if (assay_str_equal(name, "key"))
        return ASSAY_OK;
    return put(writer, document, required_key, assay_value_bool(arena, field->required));
}

static assay_status write_nested(const struct writer *writer, const assay_type *type,
                                 assay_value **ret_document)
{
    assay_arena *arena = writer->arena;
    assay_value *document = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(document, writer->err));
    const char *kind = "struct";
    if (type->kind != ASSAY_TYPE_STRUCT)
        kind = type->kind == ASSAY_TYPE_LIST ? "list" : "map";
    ASSAY_TRY(put(writer, document, "type", assay_value_text(arena, kind)));
    if (type->kind == ASSAY_TYPE_STRUCT) {
        assay_value *fields = NULL;
        ASSAY_TRY(write_fields(writer, type->fields, type->field_count, &fields));
        ASSAY_TRY(put(writer, document, "fields", fields));
    } else if (type->kind == ASSAY_TYPE_LIST) {
        ASSAY_TRY(write_member(writer, &type->fields[0], "element", document));
    } else {
        ASSAY_TRY(write_member(writer, &type->fields[0], "key", document));
        ASSAY_TRY(write_member(writer, &type->fields[1], "value", document));
    }
    *ret_document = document;
    return ASSAY_OK;
}

static assay_status write_type(const struct writer *writer, const assay_type *type, int32_t id,
                               assay_value **ret_document)
{
    if (assay_type_is_nested(type))
        return write_nested(writer, type, ret_document);
    return write_primitive(writer, type, id, ret_document);
}

static assay_status write_field(const struct writer *writer, const assay_field *field,
                                assay_value **ret_document)
{
    assay_arena *arena = writer->arena;
    assay_value *type = NULL;
    assay_value *document = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(document, writer->err));
    ASSAY_TRY(put(writer, document, "id", assay_value_int(arena, field->id)));
    ASSAY_TRY(put(writer, document, "name", assay_value_text(arena, field->name)));
    ASSAY_TRY(put(writer, document, "required", assay_value_bool(arena, field->required)));
    ASSAY_TRY(write_type(writer, &field->type, field->id, &type));
    ASSAY_TRY(put(writer, document, "type", type));
    if (field->doc != NULL)
        ASSAY_TRY(put(writer, document, "doc", assay_value_text(arena, field->doc)));
    *ret_document = document;
    return ASSAY_OK;
}

static assay_status write_fields(const struct writer *writer, const assay_field *fields,
                                 size_t count, assay_value **ret_list)
{
    assay_value *list = assay_value_list(writer->arena);
    ASSAY_TRY(assay_arena_check(list, writer->err));
    for (size_t i = 0; i < count; i++) {
        assay_value *field = NULL;
        ASSAY_TRY(write_field(writer, &fields[i], &field));
        ASSAY_TRY(assay_value_append(list, field, writer->arena, writer->err));
    }
    *ret_list = list;
    return ASSAY_OK;
}

assay_status assay_iceberg_schema_format(const assay_schema *schema, const assay_value *older,
                                         assay_arena *arena, assay_value **ret_document,
                                         assay_error *err)
{
    const struct writer writer = {.arena = arena, .err = err, .older = older};
    assay_value *fields = NULL;
    assay_value *document = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(document, err));
    ASSAY_TRY(put(&writer, document, "type", assay_value_text(arena, "struct")));
    ASSAY_TRY(put(&writer, document, "schema-id", assay_value_int(arena, schema->id)));
    ASSAY_TRY(write_fields(&writer, schema->fields, schema->count, &fields));
    ASSAY_TRY(put(&writer, document, "fields", fields));
    *ret_document = document;
    return ASSAY_OK;
}
