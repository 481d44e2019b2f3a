#include "source/database.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* What the engine's postgres extension (1.5.5) does by itself and must not: numeric without
 * precision and numeric(p > 38) become DOUBLE, numeric with a negative scale nonsense, NaN in a
 * numeric becomes 0, a domain a text. Such columns are cast by the database. */

enum {
    TYPMOD_HEADER = 4, /* VARHDRSZ, which a numeric's modifier has added */
    SCALE_BITS = 11,   /* of the modifier since PostgreSQL 15, sign included */
    SCALE_SIGN = 1 << (SCALE_BITS - 1),
    SCALE_MASK = (1 << SCALE_BITS) - 1,
    PRECISION_SHIFT = 16,
    PRECISION_MASK = 0xffff,
    DECIMAL_MAX = 38
};

struct scalar {
    const char *name;
    const char *type;
    bool parallel; /* a scan gives what a query gives */
    bool local;    /* to be cast by the engine */
    bool in_list;  /* its arrays come as lists */
    const char *guard;
};

static const struct scalar scalars[] = {
    {"bool", "BOOLEAN", true, false, true, NULL},
    {"int2", "SMALLINT", true, false, true, NULL},
    {"int4", "INTEGER", true, false, true, NULL},
    {"int8", "BIGINT", true, false, true, NULL},
    {"float4", "FLOAT", true, false, true, NULL},
    {"float8", "DOUBLE", true, false, true, NULL},
    {"text", "VARCHAR", true, false, true, NULL},
    {"varchar", "VARCHAR", true, false, true, NULL},
    {"bpchar", "VARCHAR", true, false, false, NULL},
    {"name", "VARCHAR", true, false, false, NULL},
    {"json", "VARCHAR", true, false, false, NULL},
    {"jsonb", "VARCHAR", true, false, false, NULL},
    {"bytea", "BLOB", true, false, true, NULL}, /* but its arrays come as text, unless scanned */
    {"uuid", "UUID", true, false, true, NULL},
    {"date", "DATE", true, false, true, NULL},
    {"time", "TIME", true, false, false, "24:00:00"},
    {"timestamp", "TIMESTAMP", true, false, true, NULL},
    {"timestamptz", "TIMESTAMP WITH TIME ZONE", true, false, true, NULL},
    {"interval", "VARCHAR", true, true, false, NULL},
    {"oid", "BIGINT", true, true, false, NULL},
};

static const struct scalar *find_scalar(const char *name)
{
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++)
        if (assay_str_equal(scalars[i].name, name))
            return &scalars[i];
    return NULL;
}

bool assay_database_two_numbers(const char *text, const char *prefix, int *ret_first,
                                int *ret_second)
{
    char *end = NULL;

    if (!assay_str_starts(text, prefix))
        return false;
    long first = strtol(text + strlen(prefix), &end, 10);
    if (*end != ',')
        return false;
    long second = strtol(end + 1, &end, 10);
    if (labs(first) > SCALE_MASK || labs(second) > SCALE_MASK)
        return false;
    *ret_first = (int)first;
    *ret_second = (int)second;
    return true;
}

static void as_text(assay_database_column *column)
{
    column->type = "VARCHAR";
    column->remote = ASSAY_REMOTE_TEXT;
}

/* Precision and scale of a modifier; false where there is none. */
static bool read_modifier(int modifier, int *ret_precision, int *ret_scale)
{
    if (modifier < TYPMOD_HEADER)
        return false;
    unsigned int bits = (unsigned int)(modifier - TYPMOD_HEADER);
    int scale = (int)(bits & SCALE_MASK);
    *ret_precision = (int)(bits >> PRECISION_SHIFT & PRECISION_MASK);
    *ret_scale = (scale ^ SCALE_SIGN) - SCALE_SIGN;
    return true;
}

/* The DECIMAL that holds every numeric(precision, scale); false where there is none. */
static bool fit_decimal(int modifier, int *ret_precision, int *ret_scale)
{
    int precision = 0;
    int scale = 0;

    if (!read_modifier(modifier, &precision, &scale))
        return false;
    if (scale < 0) { /* numeric(5,-2): whole hundreds */
        precision -= scale;
        scale = 0;
    } else if (scale > precision) { /* numeric(3,5): 0.00999 at most */
        precision = scale;
    }
    *ret_precision = precision;
    *ret_scale = scale;
    return precision <= DECIMAL_MAX;
}

static assay_status map_numeric(const assay_postgres_type *type, assay_arena *arena,
                                assay_database_column *column, assay_error *err)
{
    bool in_array = type->element != NULL;
    const char *list = in_array ? "[]" : "";
    int precision = 0, scale = 0, said_precision = 0, said_scale = 0;

    if (!fit_decimal(type->modifier, &precision, &scale)) {
        column->type = in_array ? "VARCHAR[]" : "VARCHAR";
        column->remote = in_array ? ASSAY_REMOTE_CAST : ASSAY_REMOTE_TEXT;
        column->remote_type = in_array ? "text[]" : NULL;
        column->digits = !in_array;
        return ASSAY_OK;
    }
    bool same = read_modifier(type->modifier, &said_precision, &said_scale) &&
                said_precision == precision && said_scale == scale;
    column->type = assay_arena_format(arena, "DECIMAL(%d,%d)%s", precision, scale, list);
    column->remote_type = assay_arena_format(arena, "numeric(%d,%d)%s", precision, scale, list);
    column->remote = ASSAY_REMOTE_CAST; /* also of its own type: the guard loses the modifier */
    column->guard = "NaN";
    column->guard_element = in_array;
    column->parallel = same;
    ASSAY_TRY(assay_arena_check(column->type, err));
    return assay_arena_check(column->remote_type, err);
}

static assay_status map_array(const assay_postgres_type *type, assay_arena *arena,
                              assay_database_column *column, assay_error *err)
{
    if (type->dimensions > 1) {
        column->type = "VARCHAR";
        column->remote = ASSAY_REMOTE_JSON;
        return ASSAY_OK;
    }
    if (type->builtin && assay_str_equal(type->element, "numeric"))
        return map_numeric(type, arena, column, err);
    const struct scalar *scalar = type->builtin ? find_scalar(type->element) : NULL;
    if (scalar != NULL && scalar->in_list) {
        column->type = assay_arena_format(arena, "%s[]", scalar->type);
        column->parallel = true;
        column->hex = assay_str_equal(scalar->type, "BLOB");
        if (column->hex) {
            column->remote = ASSAY_REMOTE_CAST;
            column->remote_type = "text[]";
        }
        return assay_arena_check(column->type, err);
    }
    column->type = "VARCHAR[]";
    column->remote = ASSAY_REMOTE_CAST;
    column->remote_type = "text[]";
    return ASSAY_OK;
}

assay_status assay_postgres_map(const assay_postgres_type *type, assay_arena *arena,
                                assay_database_column *column, assay_error *err)
{
    if (type->element != NULL)
        return map_array(type, arena, column, err);
    if (type->is_enum) {
        column->type = "VARCHAR";
        column->local_cast = true;
        column->parallel = true;
        return ASSAY_OK;
    }
    if (type->builtin && assay_str_equal(type->name, "numeric"))
        return map_numeric(type, arena, column, err);
    if (type->builtin && assay_str_equal(type->name, "money")) {
        as_text(column);
        column->remote_type = "numeric"; /* its own text depends on the server's locale */
        column->digits = true;
        return ASSAY_OK;
    }
    const struct scalar *scalar = type->builtin ? find_scalar(type->name) : NULL;
    if (scalar == NULL) {
        as_text(column);
        return ASSAY_OK;
    }
    column->type = scalar->type;
    column->local_cast = scalar->local;
    column->guard = scalar->guard;
    column->parallel = scalar->parallel;
    return ASSAY_OK;
}

void assay_database_append_plain(const assay_database_column *column, assay_buf *buf)
{
    assay_buf_append_text(buf, "q.");
    assay_sql_append_name(buf, column->name);
}

void assay_database_append_cast(const assay_database_column *column, const char *type,
                                assay_buf *buf)
{
    assay_buf_append_text(buf, "CAST(");
    assay_database_append_plain(column, buf);
    assay_buf_append_format(buf, " AS %s)", type);
}
