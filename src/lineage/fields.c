#include "lineage/event.h"

static assay_status make_fields(const assay_field *from, size_t count, int depth,
                                assay_arena *arena, assay_lineage_field **ret_fields,
                                assay_error *err);

/* Members of nested types as the facet's schema shows them: of a struct its members, of a list
 * "element", of a map "key" and "value". */
static assay_status make_field(const assay_field *from, int depth, assay_arena *arena,
                               assay_lineage_field *field, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
    assay_lineage_field *members = NULL;

    if (from->original != NULL)
        assay_buf_append_text(&type, from->original);
    else
        assay_type_format(&type, &from->type);
    ASSAY_TRY(assay_buf_check(&type, err));
    field->name = assay_arena_text(arena, from->name);
    ASSAY_TRY(assay_arena_check(field->name, err));
    field->type = assay_arena_text(arena, assay_buf_text(&type));
    ASSAY_TRY(assay_arena_check(field->type, err));
    field->description = from->doc;
    if (from->type.field_count == 0 || depth >= ASSAY_TYPE_DEPTH_MAX)
        return ASSAY_OK;
    ASSAY_TRY(
        make_fields(from->type.fields, from->type.field_count, depth + 1, arena, &members, err));
    field->fields = members;
    field->field_count = from->type.field_count;
    return ASSAY_OK;
}

static assay_status make_fields(const assay_field *from, size_t count, int depth,
                                assay_arena *arena, assay_lineage_field **ret_fields,
                                assay_error *err)
{
    assay_lineage_field *fields = NULL;

    if (count > 0) {
        fields = assay_arena_take(arena, count, sizeof *fields);
        ASSAY_TRY(assay_arena_check(fields, err));
    }
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(make_field(&from[i], depth, arena, &fields[i], err));
    *ret_fields = fields;
    return ASSAY_OK;
}

assay_status assay_lineage_fields_of_schema(const assay_schema *schema, assay_arena *arena,
                                            assay_lineage_field **ret_fields, size_t *ret_count,
                                            assay_error *err)
{
    ASSAY_TRY(make_fields(schema->fields, schema->count, 0, arena, ret_fields, err));
    *ret_count = schema->count;
    return ASSAY_OK;
}

assay_status assay_lineage_fields_of_columns(const assay_column *columns, size_t count,
                                             assay_arena *arena, assay_lineage_field **ret_fields,
                                             size_t *ret_count, assay_error *err)
{
    assay_lineage_field *fields = assay_arena_take(arena, count > 0 ? count : 1, sizeof *fields);
    ASSAY_TRY(assay_arena_check(fields, err));

    for (size_t i = 0; i < count; i++) {
        assay_field parsed = {.name = columns[i].name};
        /* A type that tables cannot store (a UNION of a file) is still a type to show. */
        if (assay_type_parse(columns[i].type, columns[i].name, arena, &parsed.type,
                             &parsed.original, NULL) == ASSAY_OK) {
            parsed.original = columns[i].type;
            ASSAY_TRY(make_field(&parsed, 0, arena, &fields[i], err));
            continue;
        }
        fields[i].name = assay_arena_text(arena, columns[i].name);
        fields[i].type = assay_arena_text(arena, columns[i].type);
        ASSAY_TRY(assay_arena_check(fields[i].name, err));
        ASSAY_TRY(assay_arena_check(fields[i].type, err));
    }
    *ret_fields = fields;
    *ret_count = count;
    return ASSAY_OK;
}
