#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "iceberg/schema_json.h"

struct transform_name {
    const char *text;
    assay_transform transform;
};

static const struct transform_name TRANSFORMS[] = {
    {"identity", ASSAY_TRANSFORM_IDENTITY}, {"year", ASSAY_TRANSFORM_YEAR},
    {"month", ASSAY_TRANSFORM_MONTH},       {"day", ASSAY_TRANSFORM_DAY},
    {"hour", ASSAY_TRANSFORM_HOUR},         {"void", ASSAY_TRANSFORM_VOID},
};

enum { TRANSFORM_COUNT = sizeof TRANSFORMS / sizeof TRANSFORMS[0], SPEC_FIELDS_MAX = 1000 };

static assay_transform transform_of(const char *text)
{
    for (size_t i = 0; i < TRANSFORM_COUNT; i++) {
        if (assay_str_equal(TRANSFORMS[i].text, text))
            return TRANSFORMS[i].transform;
    }
    return ASSAY_TRANSFORM_OTHER;
}

const char *assay_iceberg_transform_text(const assay_partition_field *field)
{
    for (size_t i = 0; i < TRANSFORM_COUNT; i++) {
        if (TRANSFORMS[i].transform == field->transform)
            return TRANSFORMS[i].text;
    }
    return field->transform_text;
}

static assay_status broken(assay_error *err, const char *what)
{
    return assay_error_set(err, ASSAY_EDATA, 4101, "partition spec: %s", what);
}

static assay_status read_field(const assay_value *document, size_t index,
                               assay_partition_field *field, assay_error *err)
{
    /* v1 files may lack field ids: they count from 1000 (spec, "Partitioning"). */
    int64_t field_id = assay_value_find_int(document, "field-id", 1000 + (int64_t)index);
    int64_t source_id = assay_value_find_int(document, "source-id", -1);
    field->name = assay_value_find_text(document, "name", NULL);
    field->transform_text = assay_value_find_text(document, "transform", NULL);
    if (source_id < 0 && assay_value_find(document, "source-ids") != NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4102,
                               "a partition transform of several columns (source-ids) is not "
                               "supported");
    if (field->name == NULL || field->transform_text == NULL || source_id < 0 ||
        source_id > INT32_MAX || field_id < 0 || field_id > INT32_MAX)
        return broken(err, "a field lacks name, transform or ids");
    field->source_id = (int32_t)source_id;
    field->field_id = (int32_t)field_id;
    field->transform = transform_of(field->transform_text);
    return ASSAY_OK;
}

assay_status assay_iceberg_spec_parse(const assay_value *document, assay_arena *arena,
                                      assay_partition_spec *ret_spec, assay_error *err)
{
    assay_partition_spec spec = {0};
    const assay_value *fields = document;
    if (document != NULL && document->kind == ASSAY_VALUE_MAP) {
        int64_t id = assay_value_find_int(document, "spec-id", -1);
        if (id < 0 || id > INT32_MAX)
            return broken(err, "spec-id is missing");
        spec.id = (int32_t)id;
        fields = assay_value_find(document, "fields");
    }
    if (fields == NULL || fields->kind != ASSAY_VALUE_LIST || fields->count > SPEC_FIELDS_MAX)
        return broken(err, "it has no usable list of fields");
    spec.fields = assay_arena_take(arena, fields->count + 1, sizeof *spec.fields);
    ASSAY_TRY(assay_arena_check(spec.fields, err));
    for (size_t i = 0; i < fields->count; i++)
        ASSAY_TRY(read_field(fields->items[i], i, &spec.fields[i], err));
    spec.count = fields->count;
    *ret_spec = spec;
    return ASSAY_OK;
}

assay_status assay_iceberg_spec_format_fields(const assay_partition_spec *spec, assay_arena *arena,
                                              assay_value **ret_fields, assay_error *err)
{
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_arena_check(list, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        assay_value *item = assay_value_map(arena);
        ASSAY_TRY(assay_arena_check(item, err));
        ASSAY_TRY(assay_value_set(item, "source-id", assay_value_int(arena, field->source_id),
                                  arena, err));
        ASSAY_TRY(
            assay_value_set(item, "field-id", assay_value_int(arena, field->field_id), arena, err));
        ASSAY_TRY(assay_value_set(item, "name", assay_value_text(arena, field->name), arena, err));
        ASSAY_TRY(assay_value_set(item, "transform",
                                  assay_value_text(arena, assay_iceberg_transform_text(field)),
                                  arena, err));
        ASSAY_TRY(assay_value_append(list, item, arena, err));
    }
    *ret_fields = list;
    return ASSAY_OK;
}

assay_status assay_iceberg_spec_format(const assay_partition_spec *spec, assay_arena *arena,
                                       assay_value **ret_document, assay_error *err)
{
    assay_value *fields = NULL;
    assay_value *document = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(document, err));
    ASSAY_TRY(assay_value_set(document, "spec-id", assay_value_int(arena, spec->id), arena, err));
    ASSAY_TRY(assay_iceberg_spec_format_fields(spec, arena, &fields, err));
    ASSAY_TRY(assay_value_set(document, "fields", fields, arena, err));
    *ret_document = document;
    return ASSAY_OK;
}

bool assay_iceberg_partition_type(const assay_partition_field *field, const assay_type *source,
                                  assay_type *ret_type)
{
    assay_type type = {.kind = ASSAY_TYPE_INT32};
    switch (field->transform) {
    case ASSAY_TRANSFORM_IDENTITY:
        if (source == NULL)
            return false;
        type = assay_iceberg_stored_type(source);
        break;
    case ASSAY_TRANSFORM_DAY:
        type.kind = ASSAY_TYPE_DATE;
        break;
    case ASSAY_TRANSFORM_YEAR:
    case ASSAY_TRANSFORM_MONTH:
    case ASSAY_TRANSFORM_HOUR:
        break;
    case ASSAY_TRANSFORM_VOID:
        if (source != NULL)
            type = assay_iceberg_stored_type(source);
        break;
    case ASSAY_TRANSFORM_OTHER:
        if (assay_str_starts(field->transform_text, "bucket["))
            break;
        if (source == NULL || !assay_str_starts(field->transform_text, "truncate["))
            return false;
        type = assay_iceberg_stored_type(source);
        break;
    }
    *ret_type = type;
    return true;
}
