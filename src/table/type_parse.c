#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "table/type.h"

/* Recursive descent over the type text of DuckDB's DESCRIBE; also takes the common aliases, since
 * contracts are written by hand. */

struct type_name {
    const char *name;
    assay_type_kind kind;
    bool own; /* false: the stored type is another one than the name says */
    int precision;
};

static const struct type_name type_names[] = {
    {"BOOLEAN", ASSAY_TYPE_BOOLEAN, true, 0},
    {"BOOL", ASSAY_TYPE_BOOLEAN, true, 0},
    {"LOGICAL", ASSAY_TYPE_BOOLEAN, true, 0},
    {"TINYINT", ASSAY_TYPE_INT8, true, 0},
    {"INT1", ASSAY_TYPE_INT8, true, 0},
    {"SMALLINT", ASSAY_TYPE_INT16, true, 0},
    {"INT2", ASSAY_TYPE_INT16, true, 0},
    {"INT16", ASSAY_TYPE_INT16, true, 0},
    {"SHORT", ASSAY_TYPE_INT16, true, 0},
    {"INTEGER", ASSAY_TYPE_INT32, true, 0},
    {"INT", ASSAY_TYPE_INT32, true, 0},
    {"INT4", ASSAY_TYPE_INT32, true, 0},
    {"INT32", ASSAY_TYPE_INT32, true, 0},
    {"SIGNED", ASSAY_TYPE_INT32, true, 0},
    {"BIGINT", ASSAY_TYPE_INT64, true, 0},
    {"INT8", ASSAY_TYPE_INT64, true, 0},
    {"INT64", ASSAY_TYPE_INT64, true, 0},
    {"LONG", ASSAY_TYPE_INT64, true, 0},
    {"UTINYINT", ASSAY_TYPE_INT16, false, 0},
    {"USMALLINT", ASSAY_TYPE_INT32, false, 0},
    {"UINTEGER", ASSAY_TYPE_INT64, false, 0},
    {"UBIGINT", ASSAY_TYPE_DECIMAL, false, 20},
    {"HUGEINT", ASSAY_TYPE_DECIMAL, false, 38},
    {"UHUGEINT", ASSAY_TYPE_DECIMAL, false, 38},
    {"FLOAT", ASSAY_TYPE_FLOAT, true, 0},
    {"FLOAT4", ASSAY_TYPE_FLOAT, true, 0},
    {"REAL", ASSAY_TYPE_FLOAT, true, 0},
    {"DOUBLE", ASSAY_TYPE_DOUBLE, true, 0},
    {"DOUBLE PRECISION", ASSAY_TYPE_DOUBLE, true, 0},
    {"FLOAT8", ASSAY_TYPE_DOUBLE, true, 0},
    {"DATE", ASSAY_TYPE_DATE, true, 0},
    {"TIME", ASSAY_TYPE_TIME, true, 0},
    {"TIMESTAMP", ASSAY_TYPE_TIMESTAMP, true, 0},
    {"DATETIME", ASSAY_TYPE_TIMESTAMP, true, 0},
    {"TIMESTAMP_US", ASSAY_TYPE_TIMESTAMP, true, 0},
    {"TIMESTAMP WITHOUT TIME ZONE", ASSAY_TYPE_TIMESTAMP, true, 0},
    {"TIMESTAMP_S", ASSAY_TYPE_TIMESTAMP, false, 0},
    {"TIMESTAMP_MS", ASSAY_TYPE_TIMESTAMP, false, 0},
    {"TIMESTAMP WITH TIME ZONE", ASSAY_TYPE_TIMESTAMPTZ, true, 0},
    {"TIMESTAMPTZ", ASSAY_TYPE_TIMESTAMPTZ, true, 0},
    {"VARCHAR", ASSAY_TYPE_STRING, true, 0},
    {"TEXT", ASSAY_TYPE_STRING, true, 0},
    {"STRING", ASSAY_TYPE_STRING, true, 0},
    {"CHAR", ASSAY_TYPE_STRING, true, 0},
    {"BPCHAR", ASSAY_TYPE_STRING, true, 0},
    {"JSON", ASSAY_TYPE_STRING, false, 0},
    {"BLOB", ASSAY_TYPE_BINARY, true, 0},
    {"BYTEA", ASSAY_TYPE_BINARY, true, 0},
    {"BINARY", ASSAY_TYPE_BINARY, true, 0},
    {"VARBINARY", ASSAY_TYPE_BINARY, true, 0},
    {"UUID", ASSAY_TYPE_UUID, true, 0},
    {"GUID", ASSAY_TYPE_UUID, true, 0},
};

/* Types that no table can hold, with what to do. */
static const char *const refused_names[][2] = {
    {"TIMESTAMP_NS", "TIMESTAMP"},
    {"TIME WITH TIME ZONE", "TIME"},
    {"TIMETZ", "TIME"},
    {"TIME_NS", "TIME"},
    {"INTERVAL", "VARCHAR, or to a number of seconds by epoch()"},
    {"BIT", "VARCHAR"},
    {"BITSTRING", "VARCHAR"},
    {"UNION", "VARCHAR, or make it a STRUCT"},
    {"BIGNUM", "DECIMAL(38,0) or VARCHAR"},
    {"VARIANT", "JSON"},
    {"GEOMETRY", "BLOB"},
};

struct parser {
    const char *at;
    const char *text;   /* whole */
    const char *column; /* for messages */
    assay_arena *arena;
    int depth;
};

static assay_status parse_type(struct parser *parser, assay_type *type, const char **ret_original,
                               assay_error *err);

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n')
        parser->at++;
}

static bool take_char(struct parser *parser, char c)
{
    skip_blanks(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

static assay_status malformed(const struct parser *parser, assay_error *err)
{
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 4001,
                           "column '%s' has a type that is not understood: '%s'", parser->column,
                           parser->text);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80U) != 0;
}

/* A quoted or bare name. */
static assay_status take_name(struct parser *parser, const char **ret_name, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;

    skip_blanks(parser);
    if (*parser->at == '"') {
        for (parser->at++; *parser->at != '\0' && (*parser->at != '"' || parser->at[1] == '"');
             parser->at++) {
            parser->at += *parser->at == '"' ? 1 : 0;
            assay_buf_append_char(&name, *parser->at);
        }
        if (*parser->at != '"')
            return malformed(parser, err);
        parser->at++;
    } else {
        for (; is_word_char(*parser->at); parser->at++)
            assay_buf_append_char(&name, *parser->at);
        if (name.size == 0 && !name.failed)
            return malformed(parser, err);
    }
    ASSAY_TRY(assay_buf_check(&name, err));
    *ret_name = assay_arena_text(parser->arena, assay_buf_text(&name));
    return assay_arena_check(*ret_name, err);
}

/* Steps over "( .. )" with quoted text in it. */
static bool skip_parentheses(struct parser *parser)
{
    int depth = 0;
    char quote = '\0';

    for (; *parser->at != '\0'; parser->at++) {
        char c = *parser->at;
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            parser->at++;
            return true;
        }
    }
    return false;
}

static assay_status take_number(struct parser *parser, int *ret_number, assay_error *err)
{
    char *end = NULL;

    skip_blanks(parser);
    long value = strtol(parser->at, &end, 10);
    if (end == parser->at || value < 0 || value > 1000000000)
        return malformed(parser, err);
    parser->at = end;
    *ret_number = (int)value;
    return ASSAY_OK;
}

/* DECIMAL alone is DECIMAL(18,3), as in the engine. */
static assay_status parse_decimal(struct parser *parser, assay_type *type, assay_error *err)
{
    *type = (assay_type){.kind = ASSAY_TYPE_DECIMAL, .precision = 18, .scale = 3};
    if (!take_char(parser, '('))
        return ASSAY_OK;
    type->scale = 0;
    ASSAY_TRY(take_number(parser, &type->precision, err));
    if (take_char(parser, ','))
        ASSAY_TRY(take_number(parser, &type->scale, err));
    if (!take_char(parser, ')') || type->precision < 1 || type->precision > 38 ||
        type->scale > type->precision)
        return malformed(parser, err);
    return ASSAY_OK;
}

static assay_status parse_struct(struct parser *parser, assay_type *type, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec fields = ASSAY_VEC_OF(assay_field);

    if (!take_char(parser, '('))
        return malformed(parser, err);
    do {
        assay_field field = {0};
        ASSAY_TRY(take_name(parser, &field.name, err));
        ASSAY_TRY(parse_type(parser, &field.type, &field.original, err));
        ASSAY_TRY(assay_vec_push(&fields, &field, err));
    } while (take_char(parser, ','));
    if (!take_char(parser, ')'))
        return malformed(parser, err);
    type->kind = ASSAY_TYPE_STRUCT;
    return assay_vec_to_arena(&fields, parser->arena, &type->fields, &type->field_count, err);
}

static assay_status parse_map(struct parser *parser, assay_type *type, assay_error *err)
{
    assay_field *fields = assay_arena_take(parser->arena, 2, sizeof *fields);

    ASSAY_TRY(assay_arena_check(fields, err));
    fields[0].name = "key";
    fields[0].required = true;
    fields[1].name = "value";
    if (!take_char(parser, '('))
        return malformed(parser, err);
    ASSAY_TRY(parse_type(parser, &fields[0].type, &fields[0].original, err));
    if (!take_char(parser, ','))
        return malformed(parser, err);
    ASSAY_TRY(parse_type(parser, &fields[1].type, &fields[1].original, err));
    if (!take_char(parser, ')'))
        return malformed(parser, err);
    *type = (assay_type){.kind = ASSAY_TYPE_MAP, .fields = fields, .field_count = 2};
    return ASSAY_OK;
}

static assay_status refuse(const struct parser *parser, const char *name, const char *instead,
                           assay_error *err)
{
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 4001,
                           "column '%s' has type '%s', which no table can hold; cast it to %s",
                           parser->column, name, instead);
}

static assay_status parse_named(struct parser *parser, const char *name, assay_type *type,
                                bool *ret_own, assay_error *err)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (!assay_str_equal_ci(type_names[i].name, name))
            continue;
        *type = (assay_type){.kind = type_names[i].kind, .precision = type_names[i].precision};
        *ret_own = type_names[i].own;
        /* VARCHAR(20): the engine ignores the length as well. */
        skip_blanks(parser);
        if (*parser->at == '(' && type->kind == ASSAY_TYPE_STRING && !skip_parentheses(parser))
            return malformed(parser, err);
        return ASSAY_OK;
    }
    for (size_t i = 0; i < sizeof refused_names / sizeof refused_names[0]; i++)
        if (assay_str_equal_ci(refused_names[i][0], name))
            return refuse(parser, refused_names[i][0], refused_names[i][1], err);
    if (assay_str_equal_ci(name, "NULL"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4002,
                               "column '%s' has no type, since it is NULL everywhere; cast it",
                               parser->column);
    return malformed(parser, err);
}

/* Words after the first one that belong to the name. */
static bool continues_name(struct parser *parser, const char *more)
{
    const char *at = parser->at;

    skip_blanks(parser);
    size_t length = strlen(more);
    if (strncmp(parser->at, more, length) == 0 && !is_word_char(parser->at[length])) {
        parser->at += length;
        return true;
    }
    parser->at = at;
    return false;
}

static assay_status take_type_name(struct parser *parser, const char **ret_name, assay_error *err)
{
    static const char *const more[] = {"WITH TIME ZONE", "WITHOUT TIME ZONE", "PRECISION"};

    ASSAY_TRY(take_name(parser, ret_name, err));
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (continues_name(parser, more[i])) {
            *ret_name = assay_arena_format(parser->arena, "%s %s", *ret_name, more[i]);
            return assay_arena_check(*ret_name, err);
        }
    }
    return ASSAY_OK;
}

static assay_status parse_base(struct parser *parser, assay_type *type, bool *ret_own,
                               assay_error *err)
{
    const char *name = NULL;

    *ret_own = true;
    ASSAY_TRY(take_type_name(parser, &name, err));
    if (assay_str_equal_ci(name, "STRUCT") || assay_str_equal_ci(name, "ROW"))
        return parse_struct(parser, type, err);
    if (assay_str_equal_ci(name, "MAP"))
        return parse_map(parser, type, err);
    if (assay_str_equal_ci(name, "DECIMAL") || assay_str_equal_ci(name, "NUMERIC") ||
        assay_str_equal_ci(name, "DEC"))
        return parse_decimal(parser, type, err);
    if (!assay_str_equal_ci(name, "ENUM"))
        return parse_named(parser, name, type, ret_own, err);
    *type = (assay_type){.kind = ASSAY_TYPE_STRING};
    *ret_own = false;
    skip_blanks(parser);
    return skip_parentheses(parser) ? ASSAY_OK : malformed(parser, err);
}

static assay_status make_list(struct parser *parser, assay_type *type, const char *original,
                              assay_error *err)
{
    assay_field *element = assay_arena_take(parser->arena, 1, sizeof *element);

    ASSAY_TRY(assay_arena_check(element, err));
    element->name = "element";
    element->type = *type;
    element->original = original;
    *type = (assay_type){.kind = ASSAY_TYPE_LIST, .fields = element, .field_count = 1};
    return ASSAY_OK;
}

/* The text since `start` where the type is not its own. */
static assay_status keep_original(struct parser *parser, const char *start, bool own,
                                  const char **ret_original, assay_error *err)
{
    *ret_original = NULL;
    if (own)
        return ASSAY_OK;
    *ret_original = assay_arena_text_n(parser->arena, start, (size_t)(parser->at - start));
    return assay_arena_check(*ret_original, err);
}

static assay_status parse_type(struct parser *parser, assay_type *type, const char **ret_original,
                               assay_error *err)
{
    bool own = true;
    int size = 0;

    if (++parser->depth > ASSAY_TYPE_DEPTH_MAX)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4001,
                               "column '%s' has a type that is nested deeper than %d levels",
                               parser->column, ASSAY_TYPE_DEPTH_MAX);
    skip_blanks(parser);
    const char *start = parser->at;
    ASSAY_TRY(parse_base(parser, type, &own, err));
    ASSAY_TRY(keep_original(parser, start, own, ret_original, err));
    while (take_char(parser, '[')) {
        ASSAY_TRY(make_list(parser, type, *ret_original, err));
        own = *parser->at == ']';
        if (!own)
            ASSAY_TRY(take_number(parser, &size, err));
        if (!take_char(parser, ']'))
            return malformed(parser, err);
        ASSAY_TRY(keep_original(parser, start, own, ret_original, err));
    }
    parser->depth--;
    return ASSAY_OK;
}

assay_status assay_type_parse(const char *text, const char *column, assay_arena *arena,
                              assay_type *ret_type, const char **ret_original, assay_error *err)
{
    struct parser parser = {text, text, column, arena, 0};
    assay_type type = {0};
    const char *original = NULL;

    ASSAY_TRY(parse_type(&parser, &type, &original, err));
    skip_blanks(&parser);
    if (*parser.at != '\0')
        return malformed(&parser, err);
    *ret_type = type;
    if (ret_original != NULL)
        *ret_original = original;
    return ASSAY_OK;
}
