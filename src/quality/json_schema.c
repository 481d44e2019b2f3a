/* JSON Schema, draft 2020-12, the keywords of validation and the applicators without references. */
#include "quality/json_schema.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

enum { SCHEMA_DEPTH_MAX = 64 };

struct schema_context {
    assay_json_schema_match *match;
    void *user;
};

typedef bool keyword_fits(const struct schema_context *context, const assay_value *schema,
                          const assay_value *argument, const assay_value *value);

static bool fits(const struct schema_context *context, const assay_value *schema,
                 const assay_value *value);

static bool read_real(const assay_value *value, double *ret_real)
{
    if (value->kind != ASSAY_VALUE_INT && value->kind != ASSAY_VALUE_REAL)
        return false;
    *ret_real = value->kind == ASSAY_VALUE_INT ? (double)value->integer : value->real;
    return true;
}

/* -1, 0, 1; integers exactly. */
static int compare(const assay_value *a, const assay_value *b)
{
    double x = 0;
    double y = 0;

    if (a->kind == ASSAY_VALUE_INT && b->kind == ASSAY_VALUE_INT)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    (void)read_real(a, &x);
    (void)read_real(b, &y);
    return x < y ? -1 : x > y;
}

static bool is_number(const assay_value *value)
{
    return value->kind == ASSAY_VALUE_INT || value->kind == ASSAY_VALUE_REAL;
}

/* ---- types ---- */

static bool is_of_type(const char *type, const assay_value *value)
{
    switch (value->kind) {
    case ASSAY_VALUE_NULL:
        return strcmp(type, "null") == 0;
    case ASSAY_VALUE_BOOL:
        return strcmp(type, "boolean") == 0;
    case ASSAY_VALUE_INT:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case ASSAY_VALUE_REAL: /* 1.0 is an integer */
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && floor(value->real) == value->real);
    case ASSAY_VALUE_TEXT:
        return strcmp(type, "string") == 0;
    case ASSAY_VALUE_LIST:
        return strcmp(type, "array") == 0;
    case ASSAY_VALUE_MAP:
        return strcmp(type, "object") == 0;
    }
    return false;
}

static bool fits_type(const struct schema_context *context, const assay_value *schema,
                      const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    if (argument->kind == ASSAY_VALUE_TEXT)
        return is_of_type(argument->text, value);
    for (size_t i = 0; i < argument->count; i++)
        if (argument->items[i]->kind == ASSAY_VALUE_TEXT &&
            is_of_type(argument->items[i]->text, value))
            return true;
    return false;
}

static bool fits_enum(const struct schema_context *context, const assay_value *schema,
                      const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    for (size_t i = 0; i < argument->count; i++)
        if (assay_value_equal(argument->items[i], value))
            return true;
    return false;
}

static bool fits_const(const struct schema_context *context, const assay_value *schema,
                       const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    return assay_value_equal(argument, value);
}

/* ---- numbers and lengths ---- */

static bool fits_minimum(const struct schema_context *context, const assay_value *schema,
                         const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    return !is_number(value) || compare(value, argument) >= 0;
}

static bool fits_maximum(const struct schema_context *context, const assay_value *schema,
                         const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    return !is_number(value) || compare(value, argument) <= 0;
}

static bool fits_above(const struct schema_context *context, const assay_value *schema,
                       const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    return !is_number(value) || compare(value, argument) > 0;
}

static bool fits_below(const struct schema_context *context, const assay_value *schema,
                       const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    return !is_number(value) || compare(value, argument) < 0;
}

static bool fits_multiple(const struct schema_context *context, const assay_value *schema,
                          const assay_value *argument, const assay_value *value)
{
    double number = 0;
    double step = 0;

    (void)context;
    (void)schema;
    if (!read_real(value, &number) || !read_real(argument, &step) || step <= 0)
        return true;
    return fabs(number / step - round(number / step)) < 1e-9;
}

/* Members of lists and maps, code points of texts; -1 where the keyword does not look at this kind.
 */
static int64_t size_of(const assay_value *value, assay_value_kind kind)
{
    if (value->kind != kind)
        return -1;
    return value->kind == ASSAY_VALUE_TEXT ? (int64_t)assay_str_code_points(value->text)
                                           : (int64_t)value->count;
}

static bool at_least(const assay_value *argument, int64_t size)
{
    return size < 0 || (argument->kind == ASSAY_VALUE_INT && size >= argument->integer);
}

static bool at_most(const assay_value *argument, int64_t size)
{
    return size < 0 || (argument->kind == ASSAY_VALUE_INT && size <= argument->integer);
}

#define SIZE_KEYWORD(name, bound, kind)                                               \
    static bool name(const struct schema_context *context, const assay_value *schema, \
                     const assay_value *argument, const assay_value *value)           \
    {                                                                                 \
        (void)context;                                                                \
        (void)schema;                                                                 \
        return bound(argument, size_of(value, kind));                                 \
    }

SIZE_KEYWORD(fits_min_length, at_least, ASSAY_VALUE_TEXT)
SIZE_KEYWORD(fits_max_length, at_most, ASSAY_VALUE_TEXT)
SIZE_KEYWORD(fits_min_items, at_least, ASSAY_VALUE_LIST)
SIZE_KEYWORD(fits_max_items, at_most, ASSAY_VALUE_LIST)
SIZE_KEYWORD(fits_min_properties, at_least, ASSAY_VALUE_MAP)
SIZE_KEYWORD(fits_max_properties, at_most, ASSAY_VALUE_MAP)

static bool fits_pattern(const struct schema_context *context, const assay_value *schema,
                         const assay_value *argument, const assay_value *value)
{
    (void)schema;
    return value->kind != ASSAY_VALUE_TEXT ||
           context->match(context->user, value->text, argument->text);
}

/* ---- members ---- */

static bool fits_required(const struct schema_context *context, const assay_value *schema,
                          const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    for (size_t i = 0; value->kind == ASSAY_VALUE_MAP && i < argument->count; i++)
        if (assay_value_find(value, argument->items[i]->text) == NULL)
            return false;
    return true;
}

static bool fits_properties(const struct schema_context *context, const assay_value *schema,
                            const assay_value *argument, const assay_value *value)
{
    (void)schema;
    for (size_t i = 0; i < argument->count; i++) {
        const assay_value *member = assay_value_find(value, argument->keys[i]);
        if (member != NULL && !fits(context, argument->items[i], member))
            return false;
    }
    return true;
}

static bool fits_additional(const struct schema_context *context, const assay_value *schema,
                            const assay_value *argument, const assay_value *value)
{
    const assay_value *known = assay_value_find(schema, "properties");

    for (size_t i = 0; value->kind == ASSAY_VALUE_MAP && i < value->count; i++)
        if (assay_value_find(known, value->keys[i]) == NULL &&
            !fits(context, argument, value->items[i]))
            return false;
    return true;
}

static bool fits_items(const struct schema_context *context, const assay_value *schema,
                       const assay_value *argument, const assay_value *value)
{
    (void)schema;
    for (size_t i = 0; value->kind == ASSAY_VALUE_LIST && i < value->count; i++)
        if (!fits(context, argument, value->items[i]))
            return false;
    return true;
}

static bool fits_unique(const struct schema_context *context, const assay_value *schema,
                        const assay_value *argument, const assay_value *value)
{
    (void)context;
    (void)schema;
    for (size_t i = 0; argument->boolean && value->kind == ASSAY_VALUE_LIST && i < value->count;
         i++)
        for (size_t j = 0; j < i; j++)
            if (assay_value_equal(value->items[i], value->items[j]))
                return false;
    return true;
}

/* ---- several schemas ---- */

static size_t count_fitting(const struct schema_context *context, const assay_value *schemas,
                            const assay_value *value)
{
    size_t count = 0;

    for (size_t i = 0; i < schemas->count; i++)
        count += fits(context, schemas->items[i], value) ? 1 : 0;
    return count;
}

static bool fits_all_of(const struct schema_context *context, const assay_value *schema,
                        const assay_value *argument, const assay_value *value)
{
    (void)schema;
    return count_fitting(context, argument, value) == argument->count;
}

static bool fits_any_of(const struct schema_context *context, const assay_value *schema,
                        const assay_value *argument, const assay_value *value)
{
    (void)schema;
    return count_fitting(context, argument, value) > 0;
}

static bool fits_one_of(const struct schema_context *context, const assay_value *schema,
                        const assay_value *argument, const assay_value *value)
{
    (void)schema;
    return count_fitting(context, argument, value) == 1;
}

static bool fits_not(const struct schema_context *context, const assay_value *schema,
                     const assay_value *argument, const assay_value *value)
{
    (void)schema;
    return !fits(context, argument, value);
}

/* ---- the table ---- */

/* What an argument must be. */
enum argument {
    ANY,
    NUMBER,
    WHOLE,
    TEXT,
    FLAG,
    LIST,
    TEXTS,
    TYPES,
    SCHEMA,
    SCHEMAS,
    MAP_OF_SCHEMAS
};

struct keyword {
    const char *name;
    enum argument argument;
    keyword_fits *fits; /* NULL = says nothing about a value */
};

static const struct keyword keywords[] = {
    {"type", TYPES, fits_type},
    {"enum", LIST, fits_enum},
    {"const", ANY, fits_const},
    {"minimum", NUMBER, fits_minimum},
    {"maximum", NUMBER, fits_maximum},
    {"exclusiveMinimum", NUMBER, fits_above},
    {"exclusiveMaximum", NUMBER, fits_below},
    {"multipleOf", NUMBER, fits_multiple},
    {"minLength", WHOLE, fits_min_length},
    {"maxLength", WHOLE, fits_max_length},
    {"pattern", TEXT, fits_pattern},
    {"minItems", WHOLE, fits_min_items},
    {"maxItems", WHOLE, fits_max_items},
    {"uniqueItems", FLAG, fits_unique},
    {"items", SCHEMA, fits_items},
    {"minProperties", WHOLE, fits_min_properties},
    {"maxProperties", WHOLE, fits_max_properties},
    {"required", TEXTS, fits_required},
    {"properties", MAP_OF_SCHEMAS, fits_properties},
    {"additionalProperties", SCHEMA, fits_additional},
    {"allOf", SCHEMAS, fits_all_of},
    {"anyOf", SCHEMAS, fits_any_of},
    {"oneOf", SCHEMAS, fits_one_of},
    {"not", SCHEMA, fits_not},
    {"$schema", ANY, NULL},
    {"$id", ANY, NULL},
    {"$comment", ANY, NULL},
    {"title", ANY, NULL},
    {"description", ANY, NULL},
    {"default", ANY, NULL},
    {"examples", ANY, NULL},
    {"format", ANY, NULL}, /* an annotation, as validators take it by default */
};

static const struct keyword *find_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strcmp(keywords[i].name, name) == 0)
            return &keywords[i];
    return NULL;
}

static bool fits(const struct schema_context *context, const assay_value *schema,
                 const assay_value *value)
{
    if (schema->kind == ASSAY_VALUE_BOOL)
        return schema->boolean;
    for (size_t i = 0; i < schema->count; i++) {
        const struct keyword *keyword = find_keyword(schema->keys[i]);
        if (keyword != NULL && keyword->fits != NULL &&
            !keyword->fits(context, schema, schema->items[i], value))
            return false;
    }
    return true;
}

bool assay_json_schema_fits(const assay_value *schema, const assay_value *value,
                            assay_json_schema_match *match, void *user)
{
    const struct schema_context context = {match, user};

    return fits(&context, schema, value);
}

/* ---- checking the schema itself ---- */

static bool are_texts(const assay_value *value)
{
    for (size_t i = 0; i < value->count; i++)
        if (value->items[i]->kind != ASSAY_VALUE_TEXT)
            return false;
    return value->kind == ASSAY_VALUE_LIST;
}

static bool is_argument(const assay_value *value, enum argument argument)
{
    switch (argument) {
    case ANY:
        return true;
    case NUMBER:
        return is_number(value);
    case WHOLE:
        return value->kind == ASSAY_VALUE_INT && value->integer >= 0;
    case TEXT:
        return value->kind == ASSAY_VALUE_TEXT;
    case FLAG:
        return value->kind == ASSAY_VALUE_BOOL;
    case LIST:
    case SCHEMAS:
        return value->kind == ASSAY_VALUE_LIST;
    case TEXTS:
        return are_texts(value);
    case TYPES:
        return value->kind == ASSAY_VALUE_TEXT || are_texts(value);
    case SCHEMA:
        return value->kind == ASSAY_VALUE_MAP || value->kind == ASSAY_VALUE_BOOL;
    case MAP_OF_SCHEMAS:
        return value->kind == ASSAY_VALUE_MAP;
    }
    return false;
}

static assay_status check(const assay_value *schema, int depth, assay_error *err)
{
    if (schema->kind == ASSAY_VALUE_BOOL)
        return ASSAY_OK;
    if (schema->kind != ASSAY_VALUE_MAP || depth > SCHEMA_DEPTH_MAX)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'json_schema' must hold maps, at most %d deep", SCHEMA_DEPTH_MAX);
    for (size_t i = 0; i < schema->count; i++) {
        const struct keyword *keyword = find_keyword(schema->keys[i]);
        const assay_value *value = schema->items[i];
        if (keyword == NULL)
            return assay_error_set(err, ASSAY_ECONFIG, 5022,
                                   "keyword '%s' of json_schema is not supported", schema->keys[i]);
        if (!is_argument(value, keyword->argument))
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' of json_schema cannot be a %s",
                                   schema->keys[i], assay_value_kind_name(value->kind));
        if (keyword->argument == SCHEMA)
            ASSAY_TRY(check(value, depth + 1, err));
        for (size_t m = 0; (keyword->argument == SCHEMAS || keyword->argument == MAP_OF_SCHEMAS) &&
                           m < value->count;
             m++)
            ASSAY_TRY(check(value->items[m], depth + 1, err));
    }
    return ASSAY_OK;
}

assay_status assay_json_schema_check(const assay_value *schema, assay_error *err)
{
    return check(schema, 0, err);
}
