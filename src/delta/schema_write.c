#include <string.h>

#include "base/str.h"
#include "delta/schema.h"

static const char type_key[] = "assay.type";
static const char changes_key[] = "delta.typeChanges";

struct writer {
    const assay_value *base;
    const assay_schema *base_schema;
    assay_delta_files files;
    assay_arena *arena;
    assay_error *err;
    assay_delta_schema_change *change;
};

static assay_status set_text(struct writer *writer, assay_value *map, const char *key,
                             const char *text)
{
    return assay_value_set(map, key, assay_value_text(writer->arena, text), writer->arena,
                           writer->err);
}

static assay_status set_bool(struct writer *writer, assay_value *map, const char *key, bool value)
{
    return assay_value_set(map, key, assay_value_bool(writer->arena, value), writer->arena,
                           writer->err);
}

static const char *primitive_name(struct writer *writer, const assay_type *type)
{
    switch (type->kind) {
    case ASSAY_TYPE_BOOLEAN:
        return "boolean";
    case ASSAY_TYPE_INT8:
        return "byte";
    case ASSAY_TYPE_INT16:
        return "short";
    case ASSAY_TYPE_INT32:
        return "integer";
    case ASSAY_TYPE_INT64:
        return "long";
    case ASSAY_TYPE_FLOAT:
        return "float";
    case ASSAY_TYPE_DOUBLE:
        return "double";
    case ASSAY_TYPE_DECIMAL:
        return assay_arena_format(writer->arena, "decimal(%d,%d)", type->precision, type->scale);
    case ASSAY_TYPE_DATE:
        return "date";
    case ASSAY_TYPE_TIMESTAMP:
        writer->change->has_ntz = true;
        return "timestamp_ntz";
    case ASSAY_TYPE_TIMESTAMPTZ:
        return "timestamp";
    case ASSAY_TYPE_BINARY:
        return "binary";
    case ASSAY_TYPE_STRING:
    case ASSAY_TYPE_UUID:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return "string";
}

static assay_status write_type(struct writer *writer, const assay_type *type,
                               assay_value **ret_node);

/* A member of a struct, or a column without what is known of it. */
static assay_status write_plain_field(struct writer *writer, const assay_field *field,
                                      assay_value **ret_node)
{
    assay_value *node = assay_value_map(writer->arena);
    assay_value *metadata = assay_value_map(writer->arena);
    assay_value *type = NULL;

    ASSAY_TRY(assay_arena_check(node, writer->err));
    ASSAY_TRY(assay_arena_check(metadata, writer->err));
    ASSAY_TRY(write_type(writer, &field->type, &type));
    if (field->doc != NULL)
        ASSAY_TRY(set_text(writer, metadata, "comment", field->doc));
    ASSAY_TRY(set_text(writer, node, "name", field->name));
    ASSAY_TRY(assay_value_set(node, "type", type, writer->arena, writer->err));
    ASSAY_TRY(set_bool(writer, node, "nullable", !field->required));
    ASSAY_TRY(assay_value_set(node, "metadata", metadata, writer->arena, writer->err));
    *ret_node = node;
    return ASSAY_OK;
}

static assay_status write_struct(struct writer *writer, const assay_type *type, assay_value *node)
{
    assay_value *list = assay_value_list(writer->arena);

    ASSAY_TRY(assay_arena_check(list, writer->err));
    for (size_t i = 0; i < type->field_count; i++) {
        assay_value *member = NULL;

        ASSAY_TRY(write_plain_field(writer, &type->fields[i], &member));
        ASSAY_TRY(assay_value_append(list, member, writer->arena, writer->err));
    }
    ASSAY_TRY(set_text(writer, node, "type", "struct"));
    return assay_value_set(node, "fields", list, writer->arena, writer->err);
}

static assay_status write_member(struct writer *writer, const assay_field *field, const char *key,
                                 const char *nullable_key, assay_value *node)
{
    assay_value *type = NULL;

    ASSAY_TRY(write_type(writer, &field->type, &type));
    ASSAY_TRY(assay_value_set(node, key, type, writer->arena, writer->err));
    return nullable_key == NULL ? ASSAY_OK : set_bool(writer, node, nullable_key, !field->required);
}

static assay_status write_type(struct writer *writer, const assay_type *type,
                               assay_value **ret_node)
{
    assay_value *node = NULL;

    if (!assay_type_is_nested(type)) {
        const char *name = primitive_name(writer, type);

        *ret_node = name == NULL ? NULL : assay_value_text(writer->arena, name);
        return assay_arena_check(*ret_node, writer->err);
    }
    node = assay_value_map(writer->arena);
    ASSAY_TRY(assay_arena_check(node, writer->err));
    if (type->kind == ASSAY_TYPE_STRUCT) {
        ASSAY_TRY(write_struct(writer, type, node));
    } else if (type->kind == ASSAY_TYPE_LIST) {
        ASSAY_TRY(set_text(writer, node, "type", "array"));
        ASSAY_TRY(write_member(writer, &type->fields[0], "elementType", "containsNull", node));
    } else {
        ASSAY_TRY(set_text(writer, node, "type", "map"));
        ASSAY_TRY(write_member(writer, &type->fields[0], "keyType", NULL, node));
        ASSAY_TRY(write_member(writer, &type->fields[1], "valueType", "valueContainsNull", node));
    }
    *ret_node = node;
    return ASSAY_OK;
}

/* The text that brings the type back, or NULL where the stored type is the type itself. */
static assay_status original_text(struct writer *writer, const assay_field *field,
                                  const char **ret_text)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_type stored = {.kind = ASSAY_TYPE_STRING};

    *ret_text = field->original;
    if (field->original != NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_delta_stored_type(field, writer->arena, &stored, writer->err));
    if (assay_type_equal(&stored, &field->type))
        return ASSAY_OK;
    assay_type_format(&text, &field->type);
    ASSAY_TRY(assay_buf_check(&text, writer->err));
    *ret_text = assay_arena_text(writer->arena, assay_buf_text(&text));
    return assay_arena_check(*ret_text, writer->err);
}

/* PROTOCOL.md, "Type Change Metadata". */
static assay_status add_type_change(struct writer *writer, const assay_value *from,
                                    const assay_value *to, assay_value *metadata)
{
    assay_value *list = assay_value_find(metadata, changes_key);
    assay_value *entry = assay_value_map(writer->arena);

    ASSAY_TRY(assay_arena_check(entry, writer->err));
    if (list == NULL || list->kind != ASSAY_VALUE_LIST) {
        list = assay_value_list(writer->arena);
        ASSAY_TRY(assay_value_set(metadata, changes_key, list, writer->arena, writer->err));
    }
    ASSAY_TRY(set_text(writer, entry, "fromType", from->text));
    ASSAY_TRY(set_text(writer, entry, "toType", to->text));
    writer->change->has_widened = true;
    return assay_value_append(list, entry, writer->arena, writer->err);
}

static const assay_value *find_base(const struct writer *writer, const char *name)
{
    const assay_value *list = assay_value_find(writer->base, "fields");

    for (size_t i = 0; list != NULL && list->kind == ASSAY_VALUE_LIST && i < list->count; i++) {
        if (assay_str_equal_ci(assay_value_find_text(list->items[i], "name", ""), name))
            return list->items[i];
    }
    return NULL;
}

/* Takes over keys of the old metadata that the new one does not set. */
static assay_status keep_metadata(struct writer *writer, const assay_value *old,
                                  assay_value *metadata)
{
    const assay_value *kept = assay_value_find(old, "metadata");

    for (size_t i = 0; kept != NULL && kept->kind == ASSAY_VALUE_MAP && i < kept->count; i++) {
        if (assay_value_find(metadata, kept->keys[i]) == NULL)
            ASSAY_TRY(assay_value_set(metadata, kept->keys[i],
                                      assay_value_copy(writer->arena, kept->items[i]),
                                      writer->arena, writer->err));
    }
    return ASSAY_OK;
}

/* What became of the type of a column that the base has too: the same type keeps its node, with
 * whatever the node says of members; another one is a type change where files stay. */
static assay_status settle_type(struct writer *writer, const assay_field *field,
                                const assay_value *old, assay_value *node)
{
    const assay_field *before =
        writer->base_schema == NULL ? NULL : assay_schema_find(writer->base_schema, field->name);
    const assay_value *old_type = assay_value_find(old, "type");
    const assay_value *type = assay_value_find(node, "type");
    assay_value *metadata = assay_value_find(node, "metadata");

    if (before != NULL && assay_type_equal(&before->type, &field->type))
        return assay_value_set(node, "type", assay_value_copy(writer->arena, old_type),
                               writer->arena, writer->err);
    if (writer->files == ASSAY_DELTA_FILES_GO) {
        assay_value_unset(metadata, changes_key);
        return ASSAY_OK;
    }
    if (old_type == NULL || assay_value_equal(old_type, type))
        return ASSAY_OK;
    if (old_type->kind != ASSAY_VALUE_TEXT || type->kind != ASSAY_VALUE_TEXT)
        return assay_error_set(writer->err, ASSAY_EUNSUPPORTED, 4209,
                               "column '%s': a nested type changes only when the table is written "
                               "anew (--full-refresh)",
                               field->name);
    return writer->files == ASSAY_DELTA_FILES_STAY
               ? ASSAY_OK
               : add_type_change(writer, old_type, type, metadata);
}

static assay_status write_column(struct writer *writer, const assay_field *field,
                                 assay_value **ret_node)
{
    const assay_value *old = find_base(writer, field->name);
    assay_value *metadata = NULL;
    const char *original = NULL;

    ASSAY_TRY(original_text(writer, field, &original));
    ASSAY_TRY(write_plain_field(writer, field, ret_node));
    metadata = assay_value_find(*ret_node, "metadata");
    ASSAY_TRY(keep_metadata(writer, old, metadata));
    assay_value_unset(metadata, type_key);
    if (original != NULL)
        ASSAY_TRY(set_text(writer, metadata, type_key, original));
    return old == NULL ? ASSAY_OK : settle_type(writer, field, old, *ret_node);
}

assay_status assay_delta_schema_write(const assay_schema *schema, const assay_value *base,
                                      assay_delta_files files, assay_arena *arena,
                                      assay_delta_schema_change *ret_change, assay_error *err)
{
    struct writer writer = {base, NULL, files, arena, err, ret_change};
    assay_schema *base_schema = NULL;
    assay_value *tree = assay_value_map(arena);
    assay_value *list = assay_value_list(arena);

    ret_change->has_ntz = false;
    ret_change->has_widened = false;
    ASSAY_TRY(assay_arena_check(tree, err));
    ASSAY_TRY(assay_arena_check(list, err));
    if (base != NULL)
        ASSAY_TRY(assay_delta_schema_read("", base, arena, &base_schema, err));
    writer.base_schema = base_schema;
    for (size_t i = 0; i < schema->count; i++) {
        assay_value *node = NULL;

        ASSAY_TRY(write_column(&writer, &schema->fields[i], &node));
        ASSAY_TRY(assay_value_append(list, node, arena, err));
    }
    ASSAY_TRY(set_text(&writer, tree, "type", "struct"));
    ASSAY_TRY(assay_value_set(tree, "fields", list, arena, err));
    ret_change->tree = tree;
    return ASSAY_OK;
}
