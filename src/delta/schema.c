#include "delta/schema.h"

#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "text/json.h"

static const char type_key[] = "assay.type";

struct primitive {
    const char *delta;
    assay_type_kind kind;
};

static const struct primitive primitives[] = {
    {"boolean", ASSAY_TYPE_BOOLEAN},
    {"byte", ASSAY_TYPE_INT8},
    {"short", ASSAY_TYPE_INT16},
    {"integer", ASSAY_TYPE_INT32},
    {"long", ASSAY_TYPE_INT64},
    {"float", ASSAY_TYPE_FLOAT},
    {"double", ASSAY_TYPE_DOUBLE},
    {"date", ASSAY_TYPE_DATE},
    {"timestamp", ASSAY_TYPE_TIMESTAMPTZ},
    {"timestamp_ntz", ASSAY_TYPE_TIMESTAMP},
    {"string", ASSAY_TYPE_STRING},
    {"binary", ASSAY_TYPE_BINARY},
    {"void", ASSAY_TYPE_INT32}, /* only NULL, in no file; never written */
};

/* ---- reading ---- */

struct reader {
    const char *table;
    const char *column;
    assay_arena *arena;
    assay_error *err;
    int depth;
};

static assay_status read_type(struct reader *reader, const assay_value *node, assay_type *ret_type);

static assay_status bad_schema(const struct reader *reader, const char *what)
{
    return assay_error_set(reader->err, ASSAY_EDATA, 4206, "schema of table '%s', column '%s': %s",
                           reader->table, reader->column, what);
}

/* Passes over blanks, up to two digits, blanks and `end`. */
static bool take_digits(const char **at, char end, int *ret_value)
{
    int digits = 0;

    *ret_value = 0;
    while (**at == ' ')
        (*at)++;
    for (; **at >= '0' && **at <= '9' && digits < 3; (*at)++, digits++)
        *ret_value = *ret_value * 10 + (**at - '0');
    while (**at == ' ')
        (*at)++;
    if (digits == 0 || **at != end)
        return false;
    (*at)++;
    return true;
}

static bool parse_decimal(const char *text, assay_type *ret_type)
{
    const char *at = text + strlen("decimal");
    int precision = 0, scale = 0;

    if (!assay_str_starts(text, "decimal("))
        return false;
    at++;
    if (!take_digits(&at, ',', &precision) || !take_digits(&at, ')', &scale) || *at != '\0' ||
        precision < 1 || precision > 38 || scale > precision)
        return false;
    *ret_type = (assay_type){.kind = ASSAY_TYPE_DECIMAL, .precision = precision, .scale = scale};
    return true;
}

static assay_status read_primitive(struct reader *reader, const char *text, assay_type *ret_type)
{
    for (size_t i = 0; i < sizeof(primitives) / sizeof(primitives[0]); i++) {
        if (strcmp(primitives[i].delta, text) == 0) {
            *ret_type = (assay_type){.kind = primitives[i].kind};
            return ASSAY_OK;
        }
    }
    if (strcmp(text, "decimal") == 0) {
        *ret_type = (assay_type){.kind = ASSAY_TYPE_DECIMAL, .precision = 10, .scale = 0};
        return ASSAY_OK;
    }
    if (parse_decimal(text, ret_type))
        return ASSAY_OK;
    return assay_error_set(reader->err, ASSAY_EUNSUPPORTED, 4207,
                           "table '%s', column '%s': the type '%s' is not supported", reader->table,
                           reader->column, text);
}

static assay_status read_field(struct reader *reader, const assay_value *node,
                               assay_field *ret_field)
{
    const char *name = assay_value_find_text(node, "name", NULL);
    const char *comment =
        assay_value_find_text(assay_value_find(node, "metadata"), "comment", NULL);

    if (name == NULL)
        return bad_schema(reader, "a field has no name");
    ret_field->name = name;
    ret_field->doc = comment;
    ret_field->required = !assay_value_find_bool(node, "nullable", true);
    return read_type(reader, assay_value_find(node, "type"), &ret_field->type);
}

static assay_status read_struct(struct reader *reader, const assay_value *node,
                                assay_type *ret_type)
{
    const assay_value *list = assay_value_find(node, "fields");

    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return bad_schema(reader, "a struct has no fields");
    ret_type->kind = ASSAY_TYPE_STRUCT;
    ret_type->field_count = list->count;
    ret_type->fields = assay_arena_take(reader->arena, list->count + 1, sizeof(assay_field));
    ASSAY_TRY(assay_arena_check(ret_type->fields, reader->err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_field(reader, list->items[i], &ret_type->fields[i]));
    return ASSAY_OK;
}

static assay_status read_member(struct reader *reader, const assay_value *node, const char *type,
                                const char *nullable, assay_field *ret_field)
{
    ret_field->required = nullable == NULL || !assay_value_find_bool(node, nullable, true);
    return read_type(reader, assay_value_find(node, type), &ret_field->type);
}

static assay_status read_container(struct reader *reader, const assay_value *node, bool is_map,
                                   assay_type *ret_type)
{
    ret_type->kind = is_map ? ASSAY_TYPE_MAP : ASSAY_TYPE_LIST;
    ret_type->field_count = is_map ? 2 : 1;
    ret_type->fields = assay_arena_take(reader->arena, 2, sizeof(assay_field));
    ASSAY_TRY(assay_arena_check(ret_type->fields, reader->err));
    if (!is_map) {
        ret_type->fields[0].name = "element";
        return read_member(reader, node, "elementType", "containsNull", &ret_type->fields[0]);
    }
    ret_type->fields[0].name = "key";
    ret_type->fields[1].name = "value";
    ASSAY_TRY(read_member(reader, node, "keyType", NULL, &ret_type->fields[0]));
    return read_member(reader, node, "valueType", "valueContainsNull", &ret_type->fields[1]);
}

static assay_status read_type(struct reader *reader, const assay_value *node, assay_type *ret_type)
{
    const char *kind = assay_value_find_text(node, "type", "");
    assay_status status = ASSAY_OK;

    if (node != NULL && node->kind == ASSAY_VALUE_TEXT)
        return read_primitive(reader, node->text, ret_type);
    if (reader->depth >= ASSAY_TYPE_DEPTH_MAX)
        return bad_schema(reader, "it is nested too deeply");
    reader->depth++;
    if (strcmp(kind, "struct") == 0)
        status = read_struct(reader, node, ret_type);
    else if (strcmp(kind, "array") == 0 || strcmp(kind, "map") == 0)
        status = read_container(reader, node, kind[0] == 'm', ret_type);
    else
        status = bad_schema(reader, "a type is neither text nor struct, array or map");
    reader->depth--;
    return status;
}

/* A column that assay stored as another type gets its own back, as long as nobody changed it. */
static assay_status restore_original(const assay_value *node, assay_field *field,
                                     assay_arena *arena, assay_error *err)
{
    const char *text = assay_value_find_text(assay_value_find(node, "metadata"), type_key, NULL);
    assay_field restored = *field;
    assay_type stored = {.kind = ASSAY_TYPE_STRING};
    assay_status status = ASSAY_OK;

    if (text == NULL)
        return ASSAY_OK;
    status = assay_type_parse(text, field->name, arena, &restored.type, &restored.original, err);
    if (status == ASSAY_OK)
        status = assay_delta_stored_type(&restored, arena, &stored, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status == ASSAY_OK && assay_type_equal(&stored, &field->type))
        *field = restored;
    assay_error_clear(err);
    return ASSAY_OK;
}

/* Ids in the order of Iceberg: all columns, then their members, level by level. */
static assay_status assign_ids(assay_schema *schema, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec queue = ASSAY_VEC_OF(assay_field *);

    for (size_t i = 0; i < schema->count; i++) {
        assay_field *field = &schema->fields[i];
        ASSAY_TRY(assay_vec_push(&queue, &field, err));
    }
    for (size_t i = 0; i < queue.count; i++) {
        assay_field *field = *(assay_field **)assay_vec_at(&queue, i);

        field->id = (int32_t)(i + 1);
        for (size_t k = 0; k < field->type.field_count; k++) {
            assay_field *member = &field->type.fields[k];
            ASSAY_TRY(assay_vec_push(&queue, &member, err));
        }
    }
    schema->last_field_id = (int32_t)queue.count;
    return ASSAY_OK;
}

assay_status assay_delta_schema_parse(const char *name, const char *text, assay_arena *arena,
                                      assay_value **ret_tree, assay_error *err)
{
    if (assay_json_parse(text, strlen(text), "schemaString", arena, ret_tree, err) != ASSAY_OK)
        return assay_error_wrap(err, "table '%s'", name);
    return ASSAY_OK;
}

assay_status assay_delta_schema_read(const char *name, const assay_value *tree, assay_arena *arena,
                                     assay_schema **ret_schema, assay_error *err)
{
    struct reader reader = {name, "", arena, err, 0};
    const assay_value *list = assay_value_find(tree, "fields");
    assay_schema *schema = assay_arena_take(arena, 1, sizeof(*schema));

    ASSAY_TRY(assay_arena_check(schema, err));
    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return bad_schema(&reader, "the schema has no fields");
    if (list->count > ASSAY_SCHEMA_COLUMNS_MAX)
        return bad_schema(&reader, "the schema has too many columns");
    schema->count = list->count;
    schema->fields = assay_arena_take(arena, list->count + 1, sizeof(assay_field));
    ASSAY_TRY(assay_arena_check(schema->fields, err));
    for (size_t i = 0; i < list->count; i++) {
        reader.column = assay_value_find_text(list->items[i], "name", "");
        ASSAY_TRY(read_field(&reader, list->items[i], &schema->fields[i]));
        ASSAY_TRY(restore_original(list->items[i], &schema->fields[i], arena, err));
    }
    ASSAY_TRY(assign_ids(schema, err));
    *ret_schema = schema;
    return ASSAY_OK;
}

/* ---- stored types ---- */

static assay_status check_name(const char *name, assay_error *err)
{
    /* PROTOCOL.md: without column mapping these characters are not allowed in names. */
    if (strpbrk(name, " ,;{}()\n\t=") != NULL)
        return assay_error_set(
            err, ASSAY_EUNSUPPORTED, 4208,
            "column '%s': a Delta column name holds no blank, tab, line break or "
            ",;{}()=; give it another name with AS",
            name);
    return ASSAY_OK;
}

static assay_status store_type(const assay_type *type, assay_arena *arena, assay_type *ret_stored,
                               assay_error *err)
{
    *ret_stored = *type;
    if (type->kind == ASSAY_TYPE_UUID || type->kind == ASSAY_TYPE_TIME)
        ret_stored->kind = ASSAY_TYPE_STRING;
    if (type->field_count == 0)
        return ASSAY_OK;
    ret_stored->fields = assay_arena_take(arena, type->field_count, sizeof(assay_field));
    ASSAY_TRY(assay_arena_check(ret_stored->fields, err));
    for (size_t i = 0; i < type->field_count; i++) {
        ret_stored->fields[i] = type->fields[i];
        if (type->kind == ASSAY_TYPE_STRUCT)
            ASSAY_TRY(check_name(type->fields[i].name, err));
        ASSAY_TRY(store_type(&type->fields[i].type, arena, &ret_stored->fields[i].type, err));
    }
    return ASSAY_OK;
}

assay_status assay_delta_stored_type(const assay_field *field, assay_arena *arena,
                                     assay_type *ret_stored, assay_error *err)
{
    ASSAY_TRY(check_name(field->name, err));
    return store_type(&field->type, arena, ret_stored, err);
}
