#include "delta/layout.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "text/json.h"

const char assay_delta_partition_key[] = "assay.partition";

enum { FIRST_FIELD_ID = 1000 };

static const int64_t us_per_hour = 3600LL * 1000000;
static const int64_t us_per_day = 86400LL * 1000000;

/* ---- spec ---- */

static assay_status read_identity(const char *name, const assay_value *columns,
                                  const assay_schema *schema, assay_arena *arena,
                                  assay_partition_spec **ret_spec, assay_error *err)
{
    assay_partition_spec *spec = assay_arena_take(arena, 1, sizeof(*spec));
    size_t count = columns == NULL || columns->kind != ASSAY_VALUE_LIST ? 0 : columns->count;

    ASSAY_TRY(assay_arena_check(spec, err));
    spec->count = count;
    spec->fields = assay_arena_take(arena, count + 1, sizeof(*spec->fields));
    ASSAY_TRY(assay_arena_check(spec->fields, err));
    for (size_t i = 0; i < count; i++) {
        const char *text =
            columns->items[i]->kind == ASSAY_VALUE_TEXT ? columns->items[i]->text : "?";
        const assay_field *field = assay_schema_find(schema, text);

        if (field == NULL)
            return assay_error_set(err, ASSAY_EDATA, 4206,
                                   "table '%s': the partition column '%s' is not in its schema",
                                   name, text);
        spec->fields[i] = (assay_partition_field){.source_id = field->id,
                                                  .field_id = (int32_t)(FIRST_FIELD_ID + i),
                                                  .name = field->name,
                                                  .transform = ASSAY_TRANSFORM_IDENTITY,
                                                  .transform_text = "identity"};
    }
    *ret_spec = spec;
    return ASSAY_OK;
}

/* JSON text of our own in a property or tag; *ret_value is NULL where it does not parse. */
static assay_status parse_own(const char *text, assay_arena *arena, assay_value **ret_value,
                              assay_error *err)
{
    assay_status status = ASSAY_OK;

    *ret_value = NULL;
    if (text == NULL)
        return ASSAY_OK;
    status = assay_json_parse(text, strlen(text), assay_delta_partition_key, arena, ret_value, err);
    if (status == ASSAY_ENOMEM)
        return status;
    assay_error_clear(err);
    return ASSAY_OK;
}

/* The spec of the property; NULL where it is absent or does not parse. */
static assay_status read_property(const char *text, const assay_schema *schema, assay_arena *arena,
                                  assay_partition_spec **ret_spec, assay_error *err)
{
    assay_value *list = NULL;
    const char **entries = NULL;
    assay_status status = ASSAY_OK;

    ASSAY_TRY(parse_own(text, arena, &list, err));
    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return ASSAY_OK;
    entries = assay_arena_take(arena, list->count + 1, sizeof(*entries));
    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != ASSAY_VALUE_TEXT)
            return ASSAY_OK;
        entries[i] = list->items[i]->text;
    }
    status = assay_partition_parse(entries, list->count, schema, arena, ret_spec, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        *ret_spec = NULL;
    assay_error_clear(err);
    return ASSAY_OK;
}

/* Whether the identity fields of `spec` are just those of `identity`, in order. */
static bool same_columns(const assay_partition_spec *spec, const assay_partition_spec *identity)
{
    size_t found = 0;

    for (size_t i = 0; i < spec->count; i++) {
        if (spec->fields[i].transform != ASSAY_TRANSFORM_IDENTITY)
            continue;
        if (found >= identity->count ||
            identity->fields[found].source_id != spec->fields[i].source_id)
            return false;
        found++;
    }
    return found == identity->count;
}

assay_status assay_delta_layout_read(const char *name, const assay_value *metadata,
                                     const assay_schema *schema, assay_arena *arena,
                                     assay_partition_spec **ret_spec, assay_error *err)
{
    const char *text = assay_value_find_text(assay_value_find(metadata, "configuration"),
                                             assay_delta_partition_key, NULL);
    assay_partition_spec *identity = NULL;
    assay_partition_spec *spec = NULL;

    ASSAY_TRY(read_identity(name, assay_value_find(metadata, "partitionColumns"), schema, arena,
                            &identity, err));
    /* Another writer may have partitioned the table anew: its partition columns win. */
    ASSAY_TRY(read_property(text, schema, arena, &spec, err));
    *ret_spec = spec != NULL && same_columns(spec, identity) ? spec : identity;
    return ASSAY_OK;
}

static assay_status write_entry(const assay_partition_field *field, const assay_field *column,
                                assay_value *entries, assay_value *columns, assay_arena *arena,
                                assay_error *err)
{
    const char *transform = assay_partition_transform_name(field->transform);
    const char *entry = column->name;

    if (field->transform == ASSAY_TRANSFORM_IDENTITY)
        ASSAY_TRY(assay_value_append(columns, assay_value_text(arena, column->name), arena, err));
    else if (transform == NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4211,
                               "a Delta table cannot be partitioned by '%s'",
                               field->transform_text);
    else
        entry = assay_arena_format(arena, "%s(%s)", transform, column->name);
    ASSAY_TRY(assay_arena_check(entry, err));
    return assay_value_append(entries, assay_value_text(arena, entry), arena, err);
}

assay_status assay_delta_layout_write(const assay_partition_spec *spec, const assay_schema *schema,
                                      assay_arena *arena, assay_value **ret_columns,
                                      const char **ret_property, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *columns = assay_value_list(arena);
    assay_value *entries = assay_value_list(arena);

    ASSAY_TRY(assay_arena_check(columns, err));
    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_field *column = assay_schema_find_id(schema, spec->fields[i].source_id);

        if (column == NULL)
            return assay_error_set(err, ASSAY_EINTERNAL, 9001, "partition field '%s' has no column",
                                   spec->fields[i].name);
        ASSAY_TRY(write_entry(&spec->fields[i], column, entries, columns, arena, err));
    }
    *ret_columns = columns;
    *ret_property = NULL;
    if (columns->count == entries->count)
        return ASSAY_OK;
    assay_json_write(&text, entries, 0);
    ASSAY_TRY(assay_buf_check(&text, err));
    *ret_property = assay_arena_text(arena, assay_buf_text(&text));
    return assay_arena_check(*ret_property, err);
}

assay_status assay_delta_layout_columns(const assay_partition_spec *spec, assay_arena *arena,
                                        const char ***ret_names, size_t *ret_count,
                                        assay_error *err)
{
    const char **names = assay_arena_take(arena, spec->count + 1, sizeof(*names));
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->fields[i].transform == ASSAY_TRANSFORM_IDENTITY)
            names[count++] = spec->fields[i].name;
    }
    *ret_names = names;
    *ret_count = count;
    return ASSAY_OK;
}

/* ---- values ---- */

/* PROTOCOL.md, "Partition Value Serialization": the empty string is NULL. */
static assay_datum read_identity_value(const assay_value *add, const char *name,
                                       const assay_type *type, assay_arena *arena)
{
    const assay_value *values = assay_value_find(add, "partitionValues");
    assay_datum datum = {.known = true, .null = true, .kind = type->kind};
    const char *text = NULL;

    for (size_t i = 0; values != NULL && values->kind == ASSAY_VALUE_MAP && i < values->count;
         i++) {
        if (assay_str_equal_ci(values->keys[i], name) && values->items[i]->kind == ASSAY_VALUE_TEXT)
            text = values->items[i]->text;
    }
    if (text == NULL || text[0] == '\0')
        return datum;
    if (type->kind == ASSAY_TYPE_TIMESTAMP || type->kind == ASSAY_TYPE_TIMESTAMPTZ) {
        datum.null = false;
        datum.known = assay_time_parse(text, &datum.integer);
        return datum;
    }
    if (type->kind == ASSAY_TYPE_STRING || type->kind == ASSAY_TYPE_BINARY) {
        datum.null = false;
        datum.bytes = text;
        datum.size = strlen(text);
        return datum;
    }
    return assay_datum_parse(text, type, arena);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* The date part of a value, counted from 1970 (Iceberg spec, "Partition Transforms"). */
static int64_t transform_value(assay_transform transform, const assay_datum *datum)
{
    bool is_date = datum->kind == ASSAY_TYPE_DATE;
    int64_t days = is_date ? datum->integer : floor_div(datum->integer, us_per_day);
    int64_t year = 0;
    int month = 0, day = 0;

    if (transform == ASSAY_TRANSFORM_HOUR)
        return is_date ? days * 24 : floor_div(datum->integer, us_per_hour);
    if (transform == ASSAY_TRANSFORM_DAY)
        return days;
    assay_time_civil_from_days(days, &year, &month, &day);
    return transform == ASSAY_TRANSFORM_YEAR ? year - 1970 : (year - 1970) * 12 + month - 1;
}

static bool has_date_parts(assay_type_kind kind)
{
    return kind == ASSAY_TYPE_DATE || kind == ASSAY_TYPE_TIMESTAMP ||
           kind == ASSAY_TYPE_TIMESTAMPTZ;
}

/* A file whose tag another writer dropped: the statistics may still tell. */
static assay_datum derive_part(const assay_data_file *file, const assay_partition_field *field)
{
    const assay_column_stats *stats = assay_data_file_stats(file, field->source_id);
    assay_datum datum = {.known = false, .kind = ASSAY_TYPE_INT32};
    int64_t low = 0;

    if (stats == NULL || stats->null_count != 0 || !stats->lower.known || !stats->upper.known ||
        !has_date_parts(stats->lower.kind))
        return datum;
    low = transform_value(field->transform, &stats->lower);
    datum.known = low == transform_value(field->transform, &stats->upper);
    datum.integer = low;
    return datum;
}

static assay_datum read_part(const assay_value *tag, const assay_partition_field *field,
                             const assay_field *column, const assay_data_file *file)
{
    const assay_value *value = assay_value_find(tag, field->name);
    assay_datum datum = {.known = true,
                         .kind = assay_partition_result_type(field->transform, &column->type).kind};

    if (value == NULL) {
        assay_datum derived = derive_part(file, field);

        derived.kind = datum.kind;
        return derived;
    }
    datum.null = value->kind == ASSAY_VALUE_NULL;
    datum.known = datum.null || value->kind == ASSAY_VALUE_INT;
    datum.integer = value->integer;
    return datum;
}

assay_status assay_delta_partition_read(const assay_value *add, const assay_partition_spec *spec,
                                        const assay_schema *schema, assay_arena *arena,
                                        assay_data_file *file, assay_error *err)
{
    const char *text =
        assay_value_find_text(assay_value_find(add, "tags"), assay_delta_partition_key, NULL);
    assay_value *tag = NULL;

    ASSAY_TRY(parse_own(text, arena, &tag, err));
    file->partition_count = spec->count;
    file->partition = assay_arena_take(arena, spec->count + 1, sizeof(assay_datum));
    ASSAY_TRY(assay_arena_check(file->partition, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        const assay_field *column = assay_schema_find_id(schema, field->source_id);

        if (column == NULL)
            continue;
        file->partition[i] = field->transform == ASSAY_TRANSFORM_IDENTITY
                                 ? read_identity_value(add, column->name, &column->type, arena)
                                 : read_part(tag, field, column, file);
    }
    return ASSAY_OK;
}

static assay_status identity_text(const assay_datum *datum, const assay_field *column,
                                  assay_arena *arena, assay_value **ret_value, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char time[ASSAY_TIME_TEXT_SIZE];

    if (datum->null) {
        *ret_value = assay_value_null(arena);
        return assay_arena_check(*ret_value, err);
    }
    if (column->type.kind == ASSAY_TYPE_TIMESTAMPTZ) {
        assay_time_format(datum->integer, time);
        assay_buf_append_text(&text, time);
    } else {
        assay_datum_format(&text, datum, &column->type);
    }
    ASSAY_TRY(assay_buf_check(&text, err));
    if (text.size == 0)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4210,
                               "column '%s': Delta reads an empty partition value as NULL; replace "
                               "'' or do not partition by this column",
                               column->name);
    *ret_value = assay_value_text(arena, assay_buf_text(&text));
    return assay_arena_check(*ret_value, err);
}

static assay_status write_part(const assay_datum *datum, const assay_partition_field *field,
                               assay_arena *arena, assay_value *tag, assay_error *err)
{
    return assay_value_set(tag, field->name,
                           datum->null ? assay_value_null(arena)
                                       : assay_value_int(arena, datum->integer),
                           arena, err);
}

assay_status assay_delta_partition_write(const assay_data_file *file,
                                         const assay_partition_spec *spec,
                                         const assay_schema *schema, assay_arena *arena,
                                         assay_value **ret_values, const char **ret_tag,
                                         assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *values = assay_value_map(arena);
    assay_value *tag = assay_value_map(arena);

    ASSAY_TRY(assay_arena_check(values, err));
    ASSAY_TRY(assay_arena_check(tag, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        const assay_field *column = assay_schema_find_id(schema, field->source_id);
        const assay_datum *datum = i < file->partition_count ? &file->partition[i] : NULL;
        assay_value *value = NULL;

        if (column == NULL || datum == NULL || !datum->known)
            return assay_error_set(err, ASSAY_EINTERNAL, 9001, "file '%s' lacks its value of '%s'",
                                   file->path, field->name);
        if (field->transform != ASSAY_TRANSFORM_IDENTITY) {
            ASSAY_TRY(write_part(datum, field, arena, tag, err));
            continue;
        }
        ASSAY_TRY(identity_text(datum, column, arena, &value, err));
        ASSAY_TRY(assay_value_set(values, column->name, value, arena, err));
    }
    *ret_values = values;
    *ret_tag = NULL;
    if (tag->count == 0)
        return ASSAY_OK;
    assay_json_write(&text, tag, 0);
    ASSAY_TRY(assay_buf_check(&text, err));
    *ret_tag = assay_arena_text(arena, assay_buf_text(&text));
    return assay_arena_check(*ret_tag, err);
}
