#include "iceberg/schema_json.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct reader {
    assay_arena *arena;
    assay_error *err;
    int32_t last_id;
    int depth;
    const char *column; /* top-level column, for messages */
};

struct primitive {
    const char *name;
    assay_type_kind kind;
};

static const struct primitive PRIMITIVES[] = {
    {"boolean", ASSAY_TYPE_BOOLEAN},
    {"int", ASSAY_TYPE_INT32},
    {"long", ASSAY_TYPE_INT64},
    {"float", ASSAY_TYPE_FLOAT},
    {"double", ASSAY_TYPE_DOUBLE},
    {"date", ASSAY_TYPE_DATE},
    {"time", ASSAY_TYPE_TIME},
    {"timestamp", ASSAY_TYPE_TIMESTAMP},
    {"timestamptz", ASSAY_TYPE_TIMESTAMPTZ},
    {"string", ASSAY_TYPE_STRING},
    {"uuid", ASSAY_TYPE_UUID},
    {"binary", ASSAY_TYPE_BINARY},
};

/* Types of format version 3 that are not built; a table that uses one is refused by its name. */
static const char *const UNSUPPORTED[] = {"timestamp_ns", "timestamptz_ns", "variant",
                                          "unknown",      "geometry",       "geography"};

enum { PRIMITIVE_COUNT = sizeof PRIMITIVES / sizeof PRIMITIVES[0] };

static assay_status read_type(struct reader *reader, const assay_value *document,
                              assay_type *ret_type);

static assay_status broken(const struct reader *reader, const char *what)
{
    if (reader->column == NULL)
        return assay_error_set(reader->err, ASSAY_EDATA, 4101, "schema: %s", what);
    return assay_error_set(reader->err, ASSAY_EDATA, 4101, "schema: column '%.200s': %s",
                           reader->column, what);
}

/* Takes a character, or a number of at most nine digits, with the blanks before it. */
static bool take_char(const char **at, char c)
{
    while (**at == ' ')
        (*at)++;
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_number(const char **at, int *ret_number)
{
    int number = 0, digits = 0;
    while (**at == ' ')
        (*at)++;
    for (; **at >= '0' && **at <= '9' && digits < 9; (*at)++, digits++)
        number = number * 10 + (**at - '0');
    *ret_number = number;
    return digits > 0;
}

/* "decimal(10, 2)" and "fixed[16]" with blanks allowed (spec, appendix C). */
static bool read_decimal(const char *at, assay_type *type)
{
    type->kind = ASSAY_TYPE_DECIMAL;
    if (!take_char(&at, '(') || !take_number(&at, &type->precision) || !take_char(&at, ',') ||
        !take_number(&at, &type->scale) || !take_char(&at, ')') || *at != '\0')
        return false;
    return type->precision >= 1 && type->precision <= 38 && type->scale <= type->precision;
}

static bool read_fixed(const char *at, assay_type *type)
{
    int length = 0;
    type->kind = ASSAY_TYPE_BINARY;
    return take_char(&at, '[') && take_number(&at, &length) && take_char(&at, ']') && *at == '\0' &&
           length > 0;
}

static bool read_parametric(const char *text, assay_type *type)
{
    if (assay_str_starts(text, "decimal"))
        return read_decimal(text + strlen("decimal"), type);
    return assay_str_starts(text, "fixed") && read_fixed(text + strlen("fixed"), type);
}

static assay_status read_primitive(struct reader *reader, const char *text, assay_type *ret_type)
{
    for (size_t i = 0; i < PRIMITIVE_COUNT; i++) {
        if (assay_str_equal(PRIMITIVES[i].name, text)) {
            ret_type->kind = PRIMITIVES[i].kind;
            return ASSAY_OK;
        }
    }
    if (read_parametric(text, ret_type))
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof UNSUPPORTED / sizeof UNSUPPORTED[0]; i++) {
        if (assay_str_starts(text, UNSUPPORTED[i]))
            return assay_error_set(reader->err, ASSAY_EUNSUPPORTED, 4102,
                                   "column '%.200s' has the type '%.60s', which is not supported",
                                   reader->column != NULL ? reader->column : "", text);
    }
    return assay_error_set(reader->err, ASSAY_EDATA, 4101, "schema: unknown type '%.100s'", text);
}

static assay_status read_id(struct reader *reader, const assay_value *document, const char *key,
                            int32_t *ret_id)
{
    int64_t id = assay_value_find_int(document, key, -1);
    if (id < 0 || id > ASSAY_ICEBERG_FIELD_ID_MAX)
        return broken(reader, "a field has no usable id");
    *ret_id = (int32_t)id;
    if (*ret_id > reader->last_id)
        reader->last_id = *ret_id;
    return ASSAY_OK;
}

/* One of the fields of a list or map, whose id and type stand under keys of their own. */
static assay_status read_member(struct reader *reader, const assay_value *document,
                                const char *name, assay_field *field)
{
    char key[32];
    field->name = name;
    (void)snprintf(key, sizeof key, "%s-id", name);
    ASSAY_TRY(read_id(reader, document, key, &field->id));
    (void)snprintf(key, sizeof key, "%s-required", name);
    field->required = assay_value_find_bool(document, key, false);
    return read_type(reader, assay_value_find(document, name), &field->type);
}

static assay_status read_members(struct reader *reader, const assay_value *document,
                                 const char *const *names, size_t count, assay_type *type)
{
    type->fields = assay_arena_take(reader->arena, count, sizeof *type->fields);
    ASSAY_TRY(assay_arena_check(type->fields, reader->err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(read_member(reader, document, names[i], &type->fields[i]));
    type->field_count = count;
    return ASSAY_OK;
}

static assay_status read_field(struct reader *reader, const assay_value *document,
                               assay_field *field)
{
    field->name = assay_value_find_text(document, "name", NULL);
    if (field->name == NULL)
        return broken(reader, "a field has no name");
    if (reader->depth <= 1)
        reader->column = field->name;
    ASSAY_TRY(read_id(reader, document, "id", &field->id));
    field->required = assay_value_find_bool(document, "required", false);
    field->doc = assay_value_find_text(document, "doc", NULL);
    const assay_value *initial = assay_value_find(document, "initial-default");
    if (initial != NULL && initial->kind != ASSAY_VALUE_NULL)
        return assay_error_set(reader->err, ASSAY_EUNSUPPORTED, 4102,
                               "column '%.200s' has an initial-default, which is not supported",
                               reader->column);
    return read_type(reader, assay_value_find(document, "type"), &field->type);
}

static assay_status read_fields(struct reader *reader, const assay_value *list,
                                assay_field **ret_fields, size_t *ret_count)
{
    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return broken(reader, "a struct has no list of fields");
    if (list->count > ASSAY_SCHEMA_COLUMNS_MAX)
        return broken(reader, "a struct has too many fields");
    assay_field *fields = assay_arena_take(reader->arena, list->count + 1, sizeof *fields);
    ASSAY_TRY(assay_arena_check(fields, reader->err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_field(reader, list->items[i], &fields[i]));
    *ret_fields = fields;
    *ret_count = list->count;
    return ASSAY_OK;
}

static assay_status read_nested(struct reader *reader, const assay_value *document,
                                assay_type *ret_type)
{
    static const char *const LIST[] = {"element"};
    static const char *const MAP[] = {"key", "value"};
    const char *kind = assay_value_find_text(document, "type", "");
    if (assay_str_equal(kind, "struct")) {
        ret_type->kind = ASSAY_TYPE_STRUCT;
        return read_fields(reader, assay_value_find(document, "fields"), &ret_type->fields,
                           &ret_type->field_count);
    }
    if (assay_str_equal(kind, "list")) {
        ret_type->kind = ASSAY_TYPE_LIST;
        return read_members(reader, document, LIST, 1, ret_type);
    }
    if (assay_str_equal(kind, "map")) {
        ret_type->kind = ASSAY_TYPE_MAP;
        return read_members(reader, document, MAP, 2, ret_type);
    }
    return broken(reader, "a nested type is neither struct nor list nor map");
}

static assay_status read_type(struct reader *reader, const assay_value *document,
                              assay_type *ret_type)
{
    if (document == NULL)
        return broken(reader, "a type is missing");
    if (reader->depth >= ASSAY_TYPE_DEPTH_MAX)
        return broken(reader, "types are nested too deep");
    reader->depth++;
    assay_status status = ASSAY_OK;
    if (document->kind == ASSAY_VALUE_TEXT)
        status = read_primitive(reader, document->text, ret_type);
    else if (document->kind == ASSAY_VALUE_MAP)
        status = read_nested(reader, document, ret_type);
    else
        status = broken(reader, "a type is neither text nor map");
    reader->depth--;
    return status;
}

assay_status assay_iceberg_schema_parse(const assay_value *document, assay_arena *arena,
                                        assay_schema *ret_schema, assay_error *err)
{
    struct reader reader = {.arena = arena, .err = err};
    assay_schema schema = {0};
    if (!assay_str_equal(assay_value_find_text(document, "type", NULL), "struct"))
        return broken(&reader, "its type is not 'struct'");
    int64_t id = assay_value_find_int(document, "schema-id", 0);
    if (id < 0 || id > INT32_MAX)
        return broken(&reader, "schema-id is out of range");
    schema.id = (int32_t)id;
    reader.depth = 1;
    ASSAY_TRY(
        read_fields(&reader, assay_value_find(document, "fields"), &schema.fields, &schema.count));
    schema.last_field_id = reader.last_id;
    *ret_schema = schema;
    return ASSAY_OK;
}

assay_type assay_iceberg_stored_type(const assay_type *type)
{
    assay_type stored = *type;
    if (type->kind == ASSAY_TYPE_INT8 || type->kind == ASSAY_TYPE_INT16)
        stored.kind = ASSAY_TYPE_INT32;
    return stored;
}

static bool fields_equal(const assay_field *a, const assay_field *b, size_t count);

static bool types_equal(const assay_type *a, const assay_type *b)
{
    assay_type left = assay_iceberg_stored_type(a);
    assay_type right = assay_iceberg_stored_type(b);
    if (left.kind != right.kind || left.field_count != right.field_count)
        return false;
    if (left.kind == ASSAY_TYPE_DECIMAL)
        return left.precision == right.precision && left.scale == right.scale;
    return fields_equal(left.fields, right.fields, left.field_count);
}

static bool fields_equal(const assay_field *a, const assay_field *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].id != b[i].id || a[i].required != b[i].required ||
            !assay_str_equal(a[i].name, b[i].name) || !assay_str_equal(a[i].doc, b[i].doc) ||
            !types_equal(&a[i].type, &b[i].type))
            return false;
    }
    return true;
}

bool assay_iceberg_schema_equal(const assay_schema *a, const assay_schema *b)
{
    return a->count == b->count && fields_equal(a->fields, b->fields, a->count);
}
