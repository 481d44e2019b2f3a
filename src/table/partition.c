#include "table/partition.h"

#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/engine.h"

enum { FIRST_FIELD_ID = 1000 };

struct transform_row {
    const char *name, *plural; /* as the header writes it */
    assay_transform transform;
    bool date, timestamp; /* what it can be taken of */
};

/* Iceberg spec, "Partition Transforms". */
static const struct transform_row transforms[] = {
    {"identity", "identity", ASSAY_TRANSFORM_IDENTITY, true, true},
    {"year", "years", ASSAY_TRANSFORM_YEAR, true, true},
    {"month", "months", ASSAY_TRANSFORM_MONTH, true, true},
    {"day", "days", ASSAY_TRANSFORM_DAY, true, true},
    {"hour", "hours", ASSAY_TRANSFORM_HOUR, false, true},
};

static const struct transform_row *find_transform(const char *name)
{
    for (size_t i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (assay_str_equal_ci(transforms[i].name, name) ||
            assay_str_equal_ci(transforms[i].plural, name))
            return &transforms[i];
    return NULL;
}

const char *assay_partition_transform_name(assay_transform transform)
{
    for (size_t i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (transforms[i].transform == transform && transform != ASSAY_TRANSFORM_IDENTITY)
            return transforms[i].name;
    return NULL;
}

static bool is_timestamp(const assay_type *type)
{
    return type->kind == ASSAY_TYPE_TIMESTAMP || type->kind == ASSAY_TYPE_TIMESTAMPTZ;
}

static bool fits(const struct transform_row *row, const assay_type *type)
{
    if (row->transform != ASSAY_TRANSFORM_IDENTITY)
        return (row->date && type->kind == ASSAY_TYPE_DATE) ||
               (row->timestamp && is_timestamp(type));
    /* NaN and -0.0 have no single text, nested values no order. */
    return !assay_type_is_nested(type) && type->kind != ASSAY_TYPE_FLOAT &&
           type->kind != ASSAY_TYPE_DOUBLE;
}

struct entry {
    const char *transform, *column; /* trimmed */
};

static const char *trim(assay_arena *arena, const char *start, const char *end)
{
    while (start < end && *start == ' ')
        start++;
    while (end > start && end[-1] == ' ')
        end--;
    return assay_arena_text_n(arena, start, (size_t)(end - start));
}

/* "month(order_date)" or "country". A column may be quoted as in SQL. */
static assay_status split_entry(const char *text, assay_arena *arena, struct entry *ret_entry,
                                assay_error *err)
{
    size_t length = strlen(text);
    const char *end = text + length;
    const char *open = strchr(text, '(');

    ret_entry->transform = "identity";
    if (open != NULL && text[0] != '"') {
        while (end > open && end[-1] == ' ')
            end--;
        if (end[-1] != ')')
            return assay_error_set(err, ASSAY_ECONFIG, 4021,
                                   "partition '%s' is neither a column nor a transform of one",
                                   text);
        ret_entry->transform = trim(arena, text, open);
        ret_entry->column = trim(arena, open + 1, end - 1);
    } else {
        ret_entry->column = trim(arena, text, end);
    }
    if (ret_entry->transform == NULL || ret_entry->column == NULL)
        return assay_error_nomem(err);
    length = strlen(ret_entry->column);
    if (length >= 2 && ret_entry->column[0] == '"' && ret_entry->column[length - 1] == '"')
        ret_entry->column = assay_arena_text_n(arena, ret_entry->column + 1, length - 2);
    return assay_arena_check(ret_entry->column, err);
}

static assay_status name_field(const struct transform_row *row, const assay_field *column,
                               const assay_schema *schema, assay_arena *arena,
                               assay_partition_field *field, assay_error *err)
{
    field->name = row->transform == ASSAY_TRANSFORM_IDENTITY
                      ? assay_arena_text(arena, column->name)
                      : assay_arena_format(arena, "%s_%s", column->name, row->name);
    field->transform_text = assay_arena_text(arena, row->name);
    if (field->name == NULL || field->transform_text == NULL)
        return assay_error_nomem(err);
    if (row->transform != ASSAY_TRANSFORM_IDENTITY &&
        assay_schema_find(schema, field->name) != NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 4022,
                               "partition %s(%s) needs the name '%s', which is a column", row->name,
                               column->name, field->name);
    return ASSAY_OK;
}

static assay_status parse_entry(const char *text, const assay_schema *schema, assay_arena *arena,
                                assay_partition_field *field, assay_error *err)
{
    struct entry entry = {NULL, NULL};
    ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;

    ASSAY_TRY(split_entry(text, arena, &entry, err));
    const struct transform_row *row = find_transform(entry.transform);
    if (row == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 4021,
                               "partition '%s' has a transform that is not built: use a column "
                               "alone, or year, month, day or hour of one",
                               text);
    const assay_field *column = assay_schema_find(schema, entry.column);
    if (column == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 4020,
                               "partition '%s' names the column '%s', which does not exist", text,
                               entry.column);
    assay_type_format(&type, &column->type);
    ASSAY_TRY(assay_buf_check(&type, err));
    if (!fits(row, &column->type))
        return assay_error_set(err, ASSAY_ECONFIG, 4021,
                               "partition '%s' does not fit column '%s' of type %s", text,
                               column->name, assay_buf_text(&type));
    field->source_id = column->id;
    field->transform = row->transform;
    return name_field(row, column, schema, arena, field, err);
}

assay_status assay_partition_parse(const char *const *entries, size_t count,
                                   const assay_schema *schema, assay_arena *arena,
                                   assay_partition_spec **ret_spec, assay_error *err)
{
    assay_partition_spec *spec = assay_arena_take(arena, 1, sizeof *spec);

    ASSAY_TRY(assay_arena_check(spec, err));
    spec->fields = assay_arena_take(arena, count + 1, sizeof *spec->fields);
    ASSAY_TRY(assay_arena_check(spec->fields, err));
    spec->count = count;
    for (size_t i = 0; i < count; i++) {
        spec->fields[i].field_id = FIRST_FIELD_ID + (int32_t)i;
        ASSAY_TRY(parse_entry(entries[i], schema, arena, &spec->fields[i], err));
        for (size_t k = 0; k < i; k++)
            if (assay_str_equal_ci(spec->fields[i].name, spec->fields[k].name))
                return assay_error_set(err, ASSAY_ECONFIG, 4022, "partition '%s' is there twice",
                                       entries[i]);
    }
    *ret_spec = spec;
    return ASSAY_OK;
}

/* The column as a naive value in UTC: dates of an instant are dates in UTC. */
static void append_source(assay_buf *buf, const assay_field *column)
{
    if (column->type.kind != ASSAY_TYPE_TIMESTAMPTZ) {
        assay_sql_append_name(buf, column->name);
        return;
    }
    assay_buf_append_char(buf, '(');
    assay_sql_append_name(buf, column->name);
    assay_buf_append_text(buf, " AT TIME ZONE 'UTC')");
}

static void append_part(assay_buf *buf, const char *part, const assay_field *column)
{
    assay_buf_append_format(buf, "date_part('%s', ", part);
    append_source(buf, column);
    assay_buf_append_char(buf, ')');
}

/* The engine's // cuts toward zero; Iceberg wants the floor. */
static void append_hours(assay_buf *buf, const assay_field *column)
{
    assay_buf_append_text(buf, "CAST((epoch_us(");
    append_source(buf, column);
    assay_buf_append_text(buf, ") - ((epoch_us(");
    append_source(buf, column);
    assay_buf_append_text(buf, ") % 3600000000) + 3600000000) % 3600000000) // 3600000000 "
                               "AS INTEGER)");
}

void assay_partition_append_sql(assay_buf *buf, const assay_partition_field *field,
                                const assay_field *column)
{
    switch (field->transform) {
    case ASSAY_TRANSFORM_IDENTITY:
        assay_sql_append_name(buf, column->name);
        break;
    case ASSAY_TRANSFORM_YEAR:
        assay_buf_append_text(buf, "CAST(");
        append_part(buf, "year", column);
        assay_buf_append_text(buf, " - 1970 AS INTEGER)");
        break;
    case ASSAY_TRANSFORM_MONTH:
        assay_buf_append_text(buf, "CAST((");
        append_part(buf, "year", column);
        assay_buf_append_text(buf, " - 1970) * 12 + ");
        append_part(buf, "month", column);
        assay_buf_append_text(buf, " - 1 AS INTEGER)");
        break;
    case ASSAY_TRANSFORM_DAY:
        assay_buf_append_text(buf, "CAST(");
        append_source(buf, column);
        assay_buf_append_text(buf, " AS DATE)");
        break;
    case ASSAY_TRANSFORM_HOUR:
        append_hours(buf, column);
        break;
    case ASSAY_TRANSFORM_VOID:
    case ASSAY_TRANSFORM_OTHER:
        assay_buf_append_text(buf, "NULL");
        break;
    }
}

assay_type assay_partition_result_type(assay_transform transform, const assay_type *column)
{
    switch (transform) {
    case ASSAY_TRANSFORM_DAY:
        return (assay_type){.kind = ASSAY_TYPE_DATE};
    case ASSAY_TRANSFORM_YEAR:
    case ASSAY_TRANSFORM_MONTH:
    case ASSAY_TRANSFORM_HOUR:
        return (assay_type){.kind = ASSAY_TYPE_INT32};
    case ASSAY_TRANSFORM_IDENTITY:
    case ASSAY_TRANSFORM_VOID:
    case ASSAY_TRANSFORM_OTHER:
        break;
    }
    return *column;
}

bool assay_partition_spec_equal(const assay_partition_spec *a, const assay_partition_spec *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const assay_partition_field *x = &a->fields[i];
        const assay_partition_field *y = &b->fields[i];
        if (x->source_id != y->source_id || x->transform != y->transform)
            return false;
        if (x->transform == ASSAY_TRANSFORM_OTHER &&
            !assay_str_equal(x->transform_text, y->transform_text))
            return false;
    }
    return true;
}
