#include "table/type.h"

#include "base/str.h"
#include "engine/engine.h"

struct kind_row {
    const char *text;   /* NULL: has parts */
    int integer_digits; /* of the widest value of an integer, 0 = none */
};

static const struct kind_row kinds[] = {
    [ASSAY_TYPE_BOOLEAN] = {"BOOLEAN", 0},
    [ASSAY_TYPE_INT8] = {"TINYINT", 3},
    [ASSAY_TYPE_INT16] = {"SMALLINT", 5},
    [ASSAY_TYPE_INT32] = {"INTEGER", 10},
    [ASSAY_TYPE_INT64] = {"BIGINT", 19},
    [ASSAY_TYPE_FLOAT] = {"FLOAT", 0},
    [ASSAY_TYPE_DOUBLE] = {"DOUBLE", 0},
    [ASSAY_TYPE_DECIMAL] = {NULL, 0},
    [ASSAY_TYPE_DATE] = {"DATE", 0},
    [ASSAY_TYPE_TIME] = {"TIME", 0},
    [ASSAY_TYPE_TIMESTAMP] = {"TIMESTAMP", 0},
    [ASSAY_TYPE_TIMESTAMPTZ] = {"TIMESTAMP WITH TIME ZONE", 0},
    [ASSAY_TYPE_STRING] = {"VARCHAR", 0},
    [ASSAY_TYPE_BINARY] = {"BLOB", 0},
    [ASSAY_TYPE_UUID] = {"UUID", 0},
    [ASSAY_TYPE_LIST] = {NULL, 0},
    [ASSAY_TYPE_STRUCT] = {NULL, 0},
    [ASSAY_TYPE_MAP] = {NULL, 0},
};

static void format_type(assay_buf *buf, const assay_type *type, bool original);

static void format_field(assay_buf *buf, const assay_field *field, bool original)
{
    if (original && field->original != NULL)
        assay_buf_append_text(buf, field->original);
    else
        format_type(buf, &field->type, original);
}

static void format_struct(assay_buf *buf, const assay_type *type, bool original)
{
    assay_buf_append_text(buf, "STRUCT(");
    for (size_t i = 0; i < type->field_count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        assay_sql_append_name(buf, type->fields[i].name);
        assay_buf_append_char(buf, ' ');
        format_field(buf, &type->fields[i], original);
    }
    assay_buf_append_char(buf, ')');
}

static void format_type(assay_buf *buf, const assay_type *type, bool original)
{
    if (kinds[type->kind].text != NULL) {
        assay_buf_append_text(buf, kinds[type->kind].text);
    } else if (type->kind == ASSAY_TYPE_DECIMAL) {
        assay_buf_append_format(buf, "DECIMAL(%d,%d)", type->precision, type->scale);
    } else if (type->kind == ASSAY_TYPE_LIST) {
        format_field(buf, &type->fields[0], original);
        assay_buf_append_text(buf, "[]");
    } else if (type->kind == ASSAY_TYPE_MAP) {
        assay_buf_append_text(buf, "MAP(");
        format_field(buf, &type->fields[0], original);
        assay_buf_append_text(buf, ", ");
        format_field(buf, &type->fields[1], original);
        assay_buf_append_char(buf, ')');
    } else {
        format_struct(buf, type, original);
    }
}

void assay_type_format(assay_buf *buf, const assay_type *type)
{
    format_type(buf, type, false);
}

void assay_field_format_type(assay_buf *buf, const assay_field *field)
{
    format_field(buf, field, true);
}

bool assay_field_has_original(const assay_field *field)
{
    if (field->original != NULL)
        return true;
    for (size_t i = 0; i < field->type.field_count; i++)
        if (assay_field_has_original(&field->type.fields[i]))
            return true;
    return false;
}

bool assay_type_is_nested(const assay_type *type)
{
    return type->kind == ASSAY_TYPE_LIST || type->kind == ASSAY_TYPE_STRUCT ||
           type->kind == ASSAY_TYPE_MAP;
}

/* Names of list elements, keys and values are not the user's. */
static bool names_matter(const assay_type *type)
{
    return type->kind == ASSAY_TYPE_STRUCT;
}

bool assay_type_equal(const assay_type *a, const assay_type *b)
{
    if (a->kind != b->kind || a->field_count != b->field_count)
        return false;
    if (a->kind == ASSAY_TYPE_DECIMAL && (a->precision != b->precision || a->scale != b->scale))
        return false;
    for (size_t i = 0; i < a->field_count; i++) {
        if (names_matter(a) && !assay_str_equal_ci(a->fields[i].name, b->fields[i].name))
            return false;
        if (!assay_type_equal(&a->fields[i].type, &b->fields[i].type))
            return false;
    }
    return true;
}

bool assay_type_can_widen(const assay_type *from, const assay_type *to)
{
    if (assay_type_equal(from, to))
        return true;
    if (kinds[from->kind].integer_digits > 0 && kinds[to->kind].integer_digits > 0)
        return kinds[from->kind].integer_digits <= kinds[to->kind].integer_digits;
    if (from->kind == ASSAY_TYPE_FLOAT && to->kind == ASSAY_TYPE_DOUBLE)
        return true;
    return from->kind == ASSAY_TYPE_DECIMAL && to->kind == ASSAY_TYPE_DECIMAL &&
           from->scale == to->scale && from->precision <= to->precision;
}

bool assay_type_accepts(const assay_type *column, const assay_type *incoming)
{
    if (assay_type_can_widen(incoming, column))
        return true;
    int digits = kinds[incoming->kind].integer_digits;
    if (column->kind == ASSAY_TYPE_DECIMAL) {
        if (incoming->kind == ASSAY_TYPE_DECIMAL)
            return column->scale >= incoming->scale &&
                   column->precision - column->scale >= incoming->precision - incoming->scale;
        return digits > 0 && column->precision - column->scale >= digits;
    }
    return column->kind == ASSAY_TYPE_DOUBLE && digits > 0 && digits <= 10;
}
