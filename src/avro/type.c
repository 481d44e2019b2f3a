#include "avro/type.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"

/* What one parse carries along: the named types seen so far (Avro 1.11, "Names"). */
struct parser {
    assay_arena *arena;
    assay_map *names;
    size_t count;
    assay_error *err;
};

static const char *const KIND_NAMES[] = {
    [ASSAY_AVRO_NULL] = "null",     [ASSAY_AVRO_BOOLEAN] = "boolean",
    [ASSAY_AVRO_INT] = "int",       [ASSAY_AVRO_LONG] = "long",
    [ASSAY_AVRO_FLOAT] = "float",   [ASSAY_AVRO_DOUBLE] = "double",
    [ASSAY_AVRO_BYTES] = "bytes",   [ASSAY_AVRO_STRING] = "string",
    [ASSAY_AVRO_FIXED] = "fixed",   [ASSAY_AVRO_ENUM] = "enum",
    [ASSAY_AVRO_ARRAY] = "array",   [ASSAY_AVRO_MAP] = "map",
    [ASSAY_AVRO_RECORD] = "record", [ASSAY_AVRO_UNION] = "union",
};

const char *assay_avro_kind_name(assay_avro_kind kind)
{
    return KIND_NAMES[kind];
}

static assay_status parse_type(struct parser *parser, const assay_value *document, int depth,
                               const assay_avro_type **ret_type);

static assay_status bad(struct parser *parser, const char *what)
{
    return assay_error_set(parser->err, ASSAY_EDATA, 4502, "avro schema: %s", what);
}

static bool find_kind(const char *name, assay_avro_kind *ret_kind)
{
    for (size_t i = 0; i <= ASSAY_AVRO_RECORD; i++) {
        if (assay_str_equal(KIND_NAMES[i], name)) {
            *ret_kind = (assay_avro_kind)i;
            return true;
        }
    }
    return false;
}

static assay_status new_type(struct parser *parser, assay_avro_kind kind,
                             assay_avro_type **ret_type)
{
    if (++parser->count > ASSAY_AVRO_TYPE_COUNT_MAX)
        return bad(parser, "too many types");
    assay_avro_type *type = assay_arena_take(parser->arena, 1, sizeof *type);
    ASSAY_TRY(assay_arena_check(type, parser->err));
    type->kind = kind;
    type->element_id = -1;
    *ret_type = type;
    return ASSAY_OK;
}

static const char *short_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* Registers a named type before its members are read, so that they can refer to it. */
static assay_status register_name(struct parser *parser, const assay_value *document,
                                  assay_avro_type *type)
{
    const char *name = assay_value_find_text(document, "name", NULL);
    if (name == NULL || *name == '\0')
        return bad(parser, "a named type has no name");
    type->name = name;
    if (assay_map_has(parser->names, short_name(name)))
        return bad(parser, "a name is defined twice");
    return assay_map_put(parser->names, short_name(name), type, parser->err);
}

static assay_status parse_id(struct parser *parser, const assay_value *document, const char *key,
                             int32_t *ret_id)
{
    const assay_value *id = assay_value_find(document, key);
    *ret_id = -1;
    if (id == NULL)
        return ASSAY_OK;
    if (id->kind != ASSAY_VALUE_INT || id->integer < 0 || id->integer > INT32_MAX)
        return bad(parser, "a field id is no number of 32 bits");
    *ret_id = (int32_t)id->integer;
    return ASSAY_OK;
}

static assay_status parse_record(struct parser *parser, const assay_value *document, int depth,
                                 assay_avro_type *type)
{
    const assay_value *fields = assay_value_find(document, "fields");
    if (fields == NULL || fields->kind != ASSAY_VALUE_LIST)
        return bad(parser, "a record has no list of fields");
    ASSAY_TRY(register_name(parser, document, type));
    type->fields = assay_arena_take(parser->arena, fields->count + 1, sizeof *type->fields);
    ASSAY_TRY(assay_arena_check(type->fields, parser->err));
    for (size_t i = 0; i < fields->count; i++) {
        const assay_value *item = fields->items[i];
        assay_avro_field *field = &type->fields[i];
        field->name = assay_value_find_text(item, "name", NULL);
        if (field->name == NULL)
            return bad(parser, "a field has no name");
        ASSAY_TRY(parse_id(parser, item, "field-id", &field->id));
        ASSAY_TRY(parse_type(parser, assay_value_find(item, "type"), depth + 1, &field->type));
    }
    type->field_count = fields->count;
    return ASSAY_OK;
}

static assay_status parse_fixed(struct parser *parser, const assay_value *document,
                                assay_avro_type *type)
{
    enum { FIXED_SIZE_MAX = 1 << 20 };
    int64_t size = assay_value_find_int(document, "size", -1);
    if (size < 0 || size > FIXED_SIZE_MAX)
        return bad(parser, "a fixed type has no usable size");
    type->size = (size_t)size;
    return register_name(parser, document, type);
}

static assay_status parse_enum(struct parser *parser, const assay_value *document,
                               assay_avro_type *type)
{
    const assay_value *symbols = assay_value_find(document, "symbols");
    if (symbols == NULL || symbols->kind != ASSAY_VALUE_LIST)
        return bad(parser, "an enum has no symbols");
    type->symbols = assay_arena_take(parser->arena, symbols->count + 1, sizeof *type->symbols);
    ASSAY_TRY(assay_arena_check(type->symbols, parser->err));
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->items[i]->kind != ASSAY_VALUE_TEXT)
            return bad(parser, "a symbol of an enum is no text");
        type->symbols[i] = symbols->items[i]->text;
    }
    type->symbol_count = symbols->count;
    return register_name(parser, document, type);
}

static void parse_attributes(const assay_value *document, assay_avro_type *type)
{
    type->logical = assay_value_find_text(document, "logicalType", NULL);
    type->adjust_to_utc = assay_value_find_bool(document, "adjust-to-utc", false);
    int64_t precision = assay_value_find_int(document, "precision", 0);
    int64_t scale = assay_value_find_int(document, "scale", 0);
    type->precision = precision > 0 && precision <= 38 ? (int)precision : 0;
    type->scale = scale > 0 && scale <= 38 ? (int)scale : 0;
}

static assay_status parse_members(struct parser *parser, const assay_value *document, int depth,
                                  assay_avro_type *type)
{
    switch (type->kind) {
    case ASSAY_AVRO_RECORD:
        return parse_record(parser, document, depth, type);
    case ASSAY_AVRO_FIXED:
        return parse_fixed(parser, document, type);
    case ASSAY_AVRO_ENUM:
        return parse_enum(parser, document, type);
    case ASSAY_AVRO_ARRAY:
        ASSAY_TRY(parse_id(parser, document, "element-id", &type->element_id));
        return parse_type(parser, assay_value_find(document, "items"), depth + 1, &type->items);
    case ASSAY_AVRO_MAP:
        return parse_type(parser, assay_value_find(document, "values"), depth + 1, &type->items);
    case ASSAY_AVRO_NULL:
    case ASSAY_AVRO_BOOLEAN:
    case ASSAY_AVRO_INT:
    case ASSAY_AVRO_LONG:
    case ASSAY_AVRO_FLOAT:
    case ASSAY_AVRO_DOUBLE:
    case ASSAY_AVRO_BYTES:
    case ASSAY_AVRO_STRING:
    case ASSAY_AVRO_UNION:
        return ASSAY_OK;
    }
    return ASSAY_OK;
}

static assay_status parse_named(struct parser *parser, const char *name,
                                const assay_avro_type **ret_type)
{
    assay_avro_kind kind;
    if (find_kind(name, &kind) && kind <= ASSAY_AVRO_STRING) {
        assay_avro_type *type = NULL;
        ASSAY_TRY(new_type(parser, kind, &type));
        *ret_type = type;
        return ASSAY_OK;
    }
    const assay_avro_type *known = assay_map_find(parser->names, short_name(name));
    if (known == NULL)
        return assay_error_set(parser->err, ASSAY_EDATA, 4502, "avro schema: unknown type '%.100s'",
                               name);
    *ret_type = known;
    return ASSAY_OK;
}

static assay_status parse_union(struct parser *parser, const assay_value *document, int depth,
                                const assay_avro_type **ret_type)
{
    assay_avro_type *type = NULL;
    ASSAY_TRY(new_type(parser, ASSAY_AVRO_UNION, &type));
    if (document->count == 0)
        return bad(parser, "a union is empty");
    type->branches = assay_arena_take(parser->arena, document->count, sizeof *type->branches);
    ASSAY_TRY(assay_arena_check(type->branches, parser->err));
    for (size_t i = 0; i < document->count; i++) {
        ASSAY_TRY(parse_type(parser, document->items[i], depth + 1, &type->branches[i]));
        if (type->branches[i]->kind == ASSAY_AVRO_UNION)
            return bad(parser, "a union holds a union");
    }
    type->branch_count = document->count;
    *ret_type = type;
    return ASSAY_OK;
}

static assay_status parse_object(struct parser *parser, const assay_value *document, int depth,
                                 const assay_avro_type **ret_type)
{
    const assay_value *inner = assay_value_find(document, "type");
    if (inner == NULL)
        return bad(parser, "a type is missing");
    if (inner->kind != ASSAY_VALUE_TEXT)
        return parse_type(parser, inner, depth + 1, ret_type);
    assay_avro_kind kind;
    if (!find_kind(inner->text, &kind))
        return parse_named(parser, inner->text, ret_type);
    assay_avro_type *type = NULL;
    ASSAY_TRY(new_type(parser, kind, &type));
    parse_attributes(document, type);
    ASSAY_TRY(parse_members(parser, document, depth, type));
    *ret_type = type;
    return ASSAY_OK;
}

static assay_status parse_type(struct parser *parser, const assay_value *document, int depth,
                               const assay_avro_type **ret_type)
{
    if (depth > ASSAY_AVRO_TYPE_DEPTH_MAX)
        return bad(parser, "types are nested too deep");
    if (document == NULL)
        return bad(parser, "a type is missing");
    if (document->kind == ASSAY_VALUE_TEXT)
        return parse_named(parser, document->text, ret_type);
    if (document->kind == ASSAY_VALUE_LIST)
        return parse_union(parser, document, depth, ret_type);
    if (document->kind == ASSAY_VALUE_MAP)
        return parse_object(parser, document, depth, ret_type);
    return bad(parser, "a type is neither text nor list nor map");
}

assay_status assay_avro_type_parse(const assay_value *document, assay_arena *arena,
                                   const assay_avro_type **ret_type, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *names = assay_map_new();
    ASSAY_TRY(assay_arena_check(names, err));
    struct parser parser = {.arena = arena, .names = names, .count = 0, .err = err};
    const assay_avro_type *type = NULL;
    ASSAY_TRY(parse_type(&parser, document, 0, &type));
    *ret_type = type;
    return ASSAY_OK;
}
