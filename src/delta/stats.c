#include "delta/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "text/json.h"

enum { TEXT_CODE_POINTS = 32, US_PER_MS = 1000 };

struct writer {
    const assay_data_file *file;
    const assay_delta_stats_options *options;
    assay_arena *arena;
    assay_error *err;
    int64_t leaves;
};

/* The three parallel objects of one level. */
struct level {
    assay_value *min, *max, *nulls;
};

static assay_status make_level(struct writer *writer, struct level *ret_level)
{
    ret_level->min = assay_value_map(writer->arena);
    ret_level->max = assay_value_map(writer->arena);
    ret_level->nulls = assay_value_map(writer->arena);
    ASSAY_TRY(assay_arena_check(ret_level->min, writer->err));
    ASSAY_TRY(assay_arena_check(ret_level->max, writer->err));
    return assay_arena_check(ret_level->nulls, writer->err);
}

static int64_t round_to_ms(int64_t us, bool up)
{
    int64_t ms = us / US_PER_MS;

    if (us % US_PER_MS != 0) {
        if (us < 0 && !up)
            ms--;
        if (us > 0 && up)
            ms++;
    }
    return ms;
}

/* "2024-01-01T00:00:00.124Z"; NULL text where the year has not four digits. */
static assay_value *timestamp_value(assay_arena *arena, int64_t us, bool up, const char *zone)
{
    char text[ASSAY_TIME_TEXT_SIZE];
    int64_t ms = round_to_ms(us, up);

    assay_time_format(ms * US_PER_MS, text);
    if (strlen(text) != strlen("2026-11-25T03:04:05.678901Z") || text[0] < '0' || text[0] > '9')
        return assay_value_null(arena);
    return assay_value_text(arena, assay_arena_format(arena, "%.23s%s", text, zone));
}

/* A number of plain digits keeps them in `text`, so that nothing is rounded. */
static assay_value *digits_value(assay_arena *arena, const char *digits)
{
    assay_value *value = assay_value_real(arena, 0);

    if (value == NULL)
        return NULL;
    if (!assay_str_to_double(digits, &value->real))
        value->real = 0;
    value->text = assay_arena_text(arena, digits);
    return value->text == NULL ? NULL : value;
}

static assay_value *formatted_value(assay_arena *arena, const assay_datum *datum,
                                    const assay_type *type, bool is_number)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_datum_format(&text, datum, type);
    if (text.failed)
        return NULL;
    return is_number ? digits_value(arena, assay_buf_text(&text))
                     : assay_value_text(arena, assay_buf_text(&text));
}

static assay_value *date_value(assay_arena *arena, const assay_datum *datum, const assay_type *type)
{
    assay_value *value = formatted_value(arena, datum, type, false);

    if (value != NULL && strlen(value->text) != strlen("2026-11-25"))
        return assay_value_null(arena);
    return value;
}

static assay_value *text_value(assay_arena *arena, const assay_datum *datum, bool upper)
{
    bool exact = false;
    assay_datum cut = assay_datum_truncate(datum, TEXT_CODE_POINTS, upper, arena, &exact);
    char *text = NULL;

    if (!cut.known || memchr(cut.bytes, '\0', cut.size) != NULL)
        return assay_value_null(arena);
    text = assay_arena_text_n(arena, cut.bytes, cut.size);
    return text == NULL ? NULL : assay_value_text(arena, text);
}

/* The JSON value of a bound; the NULL kind where the bound must be left out. NULL = no memory. */
static assay_value *bound_value(assay_arena *arena, const assay_datum *datum,
                                const assay_type *type, bool upper)
{
    if (!datum->known || datum->null || datum->kind != type->kind)
        return assay_value_null(arena);
    switch (type->kind) {
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_INT64:
        return assay_value_int(arena, datum->integer);
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        return isfinite(datum->real) ? assay_value_real(arena, datum->real)
                                     : assay_value_null(arena);
    case ASSAY_TYPE_DECIMAL:
        return formatted_value(arena, datum, type, true);
    case ASSAY_TYPE_DATE:
        return date_value(arena, datum, type);
    case ASSAY_TYPE_TIMESTAMP:
        return timestamp_value(arena, datum->integer, upper, "");
    case ASSAY_TYPE_TIMESTAMPTZ:
        return timestamp_value(arena, datum->integer, upper, "Z");
    case ASSAY_TYPE_STRING:
        return text_value(arena, datum, upper);
    case ASSAY_TYPE_UUID:
    case ASSAY_TYPE_TIME:
        return formatted_value(arena, datum, type, false);
    case ASSAY_TYPE_BOOLEAN:
        /* Spark has no bounds of booleans; delta-rs has, and misses rows where they are missing. */
        return assay_value_bool(arena, datum->integer != 0);
    case ASSAY_TYPE_BINARY:
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return assay_value_null(arena);
}

static assay_status set_known(struct writer *writer, assay_value *map, const char *key,
                              assay_value *value)
{
    if (value != NULL && value->kind == ASSAY_VALUE_NULL)
        return ASSAY_OK;
    return assay_value_set(map, key, value, writer->arena, writer->err);
}

/* Spark orders NaN above everything: bounds are only safe where there is none for sure. */
static bool bounds_are_safe(const assay_field *field, const assay_column_stats *stats)
{
    bool is_float = field->type.kind == ASSAY_TYPE_FLOAT || field->type.kind == ASSAY_TYPE_DOUBLE;

    if (!is_float)
        return true;
    return stats->nan_count == 0 && isfinite(stats->lower.real) && isfinite(stats->upper.real);
}

static assay_status write_leaf(struct writer *writer, const assay_field *field,
                               const struct level *level)
{
    const assay_column_stats *stats = assay_data_file_stats(writer->file, field->id);

    writer->leaves++;
    if (writer->options->leaf_limit >= 0 && writer->leaves > writer->options->leaf_limit)
        return ASSAY_OK;
    if (stats == NULL)
        return ASSAY_OK;
    if (stats->null_count >= 0)
        ASSAY_TRY(assay_value_set(level->nulls, field->name,
                                  assay_value_int(writer->arena, stats->null_count), writer->arena,
                                  writer->err));
    if (!bounds_are_safe(field, stats))
        return ASSAY_OK;
    ASSAY_TRY(set_known(writer, level->min, field->name,
                        bound_value(writer->arena, &stats->lower, &field->type, false)));
    return set_known(writer, level->max, field->name,
                     bound_value(writer->arena, &stats->upper, &field->type, true));
}

static bool is_partition_column(const struct writer *writer, const char *name)
{
    for (size_t i = 0; i < writer->options->partition_count; i++) {
        if (assay_str_equal_ci(writer->options->partition_columns[i], name))
            return true;
    }
    return false;
}

static assay_status write_fields(struct writer *writer, const assay_field *fields, size_t count,
                                 const struct level *level, bool top);

static assay_status write_members(struct writer *writer, const assay_field *field,
                                  const struct level *level)
{
    struct level inner = {NULL, NULL, NULL};

    ASSAY_TRY(make_level(writer, &inner));
    ASSAY_TRY(write_fields(writer, field->type.fields, field->type.field_count, &inner, false));
    if (inner.min->count > 0)
        ASSAY_TRY(assay_value_set(level->min, field->name, inner.min, writer->arena, writer->err));
    if (inner.max->count > 0)
        ASSAY_TRY(assay_value_set(level->max, field->name, inner.max, writer->arena, writer->err));
    if (inner.nulls->count > 0)
        ASSAY_TRY(
            assay_value_set(level->nulls, field->name, inner.nulls, writer->arena, writer->err));
    return ASSAY_OK;
}

static assay_status write_fields(struct writer *writer, const assay_field *fields, size_t count,
                                 const struct level *level, bool top)
{
    for (size_t i = 0; i < count; i++) {
        if (top && is_partition_column(writer, fields[i].name))
            continue;
        if (fields[i].type.kind == ASSAY_TYPE_STRUCT)
            ASSAY_TRY(write_members(writer, &fields[i], level));
        else
            ASSAY_TRY(write_leaf(writer, &fields[i], level));
    }
    return ASSAY_OK;
}

assay_status assay_delta_stats_write(const assay_data_file *file, const assay_schema *schema,
                                     const assay_delta_stats_options *options, assay_arena *arena,
                                     const char **ret_text, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    struct writer writer = {file, options, arena, err, 0};
    struct level level = {NULL, NULL, NULL};
    assay_value *root = assay_value_map(arena);

    ASSAY_TRY(assay_arena_check(root, err));
    ASSAY_TRY(make_level(&writer, &level));
    ASSAY_TRY(write_fields(&writer, schema->fields, schema->count, &level, true));
    ASSAY_TRY(assay_value_set(root, "numRecords", assay_value_int(arena, file->rows), arena, err));
    ASSAY_TRY(assay_value_set(root, "minValues", level.min, arena, err));
    ASSAY_TRY(assay_value_set(root, "maxValues", level.max, arena, err));
    ASSAY_TRY(assay_value_set(root, "nullCount", level.nulls, arena, err));
    assay_json_write(&text, root, 0);
    ASSAY_TRY(assay_buf_check(&text, err));
    *ret_text = assay_arena_text(arena, assay_buf_text(&text));
    return assay_arena_check(*ret_text, err);
}

/* ---- reading ---- */

/* The three parallel objects of one level, as parsed. */
struct bounds {
    const assay_value *min, *max, *nulls;
};

struct reader {
    const assay_data_file *file;
    assay_vec *stats;
    assay_arena *arena;
    assay_error *err;
};

static const char *scalar_text(const assay_value *value, assay_arena *arena)
{
    switch (value->kind) {
    case ASSAY_VALUE_INT:
        return assay_arena_format(arena, "%lld", (long long)value->integer);
    case ASSAY_VALUE_REAL:
        return value->text != NULL ? value->text : assay_arena_format(arena, "%.17g", value->real);
    case ASSAY_VALUE_TEXT:
        return value->text;
    case ASSAY_VALUE_BOOL:
        return value->boolean ? "true" : "false";
    case ASSAY_VALUE_NULL:
    case ASSAY_VALUE_LIST:
    case ASSAY_VALUE_MAP:
        break;
    }
    return NULL;
}

static assay_datum read_bound(const struct reader *reader, const assay_value *value,
                              const assay_type *type, bool upper)
{
    assay_datum datum = {.known = false, .kind = type->kind};
    const char *text = value == NULL ? NULL : scalar_text(value, reader->arena);

    if (text == NULL)
        return datum;
    if (type->kind == ASSAY_TYPE_TIMESTAMP || type->kind == ASSAY_TYPE_TIMESTAMPTZ) {
        datum.known = assay_time_parse(text, &datum.integer);
        if (datum.known && upper && !reader->file->own && datum.integer < INT64_MAX - US_PER_MS)
            datum.integer += US_PER_MS - 1;
        return datum;
    }
    datum = assay_datum_parse(text, type, reader->arena);
    if (datum.known && (type->kind == ASSAY_TYPE_FLOAT || type->kind == ASSAY_TYPE_DOUBLE) &&
        !isfinite(datum.real))
        datum.known = false;
    return datum;
}

static assay_status read_fields(const struct reader *reader, const assay_field *fields,
                                size_t count, const struct bounds *level)
{
    for (size_t i = 0; i < count; i++) {
        const assay_field *field = &fields[i];
        const assay_value *min = assay_value_find(level->min, field->name);
        const assay_value *max = assay_value_find(level->max, field->name);
        const assay_value *nulls = assay_value_find(level->nulls, field->name);
        assay_column_stats stats = {.field_id = field->id,
                                    .column_size = -1,
                                    .value_count = reader->file->rows,
                                    .null_count = -1,
                                    .nan_count = -1};
        bool is_float =
            field->type.kind == ASSAY_TYPE_FLOAT || field->type.kind == ASSAY_TYPE_DOUBLE;

        if (field->type.kind == ASSAY_TYPE_STRUCT) {
            struct bounds inner = {min, max, nulls};
            ASSAY_TRY(read_fields(reader, field->type.fields, field->type.field_count, &inner));
            continue;
        }
        if (min == NULL && max == NULL && nulls == NULL)
            continue;
        if (nulls != NULL && nulls->kind == ASSAY_VALUE_INT)
            stats.null_count = nulls->integer;
        stats.lower = read_bound(reader, min, &field->type, false);
        stats.upper = read_bound(reader, max, &field->type, true);
        if (!is_float || (reader->file->own && stats.lower.known && stats.upper.known))
            stats.nan_count = 0;
        ASSAY_TRY(assay_vec_push(reader->stats, &stats, reader->err));
    }
    return ASSAY_OK;
}

assay_status assay_delta_stats_read(const assay_value *stats, const assay_schema *schema,
                                    assay_arena *arena, assay_data_file *file, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec list = ASSAY_VEC_OF(assay_column_stats);
    struct reader reader = {file, &list, arena, err};
    struct bounds level = {assay_value_find(stats, "minValues"),
                           assay_value_find(stats, "maxValues"),
                           assay_value_find(stats, "nullCount")};
    const assay_value *rows = assay_value_find(stats, "numRecords");

    file->rows = rows != NULL && rows->kind == ASSAY_VALUE_INT ? rows->integer : -1;
    ASSAY_TRY(read_fields(&reader, schema->fields, schema->count, &level));
    return assay_vec_to_arena(&list, arena, &file->stats, &file->stats_count, err);
}
