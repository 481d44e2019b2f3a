#include "base/map.h"
#include "base/str.h"
#include "engine/engine.h"
#include "table/type.h"

const assay_field *assay_schema_find(const assay_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (assay_str_equal_ci(schema->fields[i].name, name))
            return &schema->fields[i];
    return NULL;
}

static const assay_field *find_id(const assay_field *fields, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].id == id)
            return &fields[i];
        const assay_field *inside = find_id(fields[i].type.fields, fields[i].type.field_count, id);
        if (inside != NULL)
            return inside;
    }
    return NULL;
}

const assay_field *assay_schema_find_id(const assay_schema *schema, int32_t id)
{
    return find_id(schema->fields, schema->count, id);
}

static assay_status copy_text(const char *text, assay_arena *arena, const char **ret_text,
                              assay_error *err)
{
    *ret_text = assay_arena_text(arena, text);
    return text != NULL ? assay_arena_check(*ret_text, err) : ASSAY_OK;
}

static assay_status copy_fields(const assay_field *fields, size_t count, assay_arena *arena,
                                assay_field **ret_fields, assay_error *err)
{
    assay_field *copy = assay_arena_take(arena, count + 1, sizeof *copy);

    ASSAY_TRY(assay_arena_check(copy, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_field_copy(&fields[i], arena, &copy[i], err));
    *ret_fields = copy;
    return ASSAY_OK;
}

assay_status assay_field_copy(const assay_field *field, assay_arena *arena, assay_field *ret_field,
                              assay_error *err)
{
    assay_field copy = *field;

    ASSAY_TRY(copy_text(field->name, arena, &copy.name, err));
    ASSAY_TRY(copy_text(field->doc, arena, &copy.doc, err));
    ASSAY_TRY(copy_text(field->original, arena, &copy.original, err));
    if (field->type.field_count > 0)
        ASSAY_TRY(copy_fields(field->type.fields, field->type.field_count, arena, &copy.type.fields,
                              err));
    *ret_field = copy;
    return ASSAY_OK;
}

assay_status assay_schema_copy(const assay_schema *schema, assay_arena *arena,
                               assay_schema **ret_schema, assay_error *err)
{
    assay_schema *copy = assay_arena_take(arena, 1, sizeof *copy);

    ASSAY_TRY(assay_arena_check(copy, err));
    *copy = *schema;
    ASSAY_TRY(copy_fields(schema->fields, schema->count, arena, &copy->fields, err));
    *ret_schema = copy;
    return ASSAY_OK;
}

/* Iceberg's order (AssignFreshIds): the fields of one level first, then the inside of each. */
void assay_schema_assign_ids(assay_field *fields, size_t count, int32_t *last_id)
{
    for (size_t i = 0; i < count; i++)
        fields[i].id = ++*last_id;
    for (size_t i = 0; i < count; i++)
        assay_schema_assign_ids(fields[i].type.fields, fields[i].type.field_count, last_id);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Refuses names that are equal without case; `where` says in what. */
static assay_status check_names(const assay_field *fields, size_t count, const char *where,
                                assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *seen = assay_map_new();

    if (seen == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        char *key = assay_arena_text(arena, fields[i].name);
        ASSAY_TRY(assay_arena_check(key, err));
        for (char *at = key; *at != '\0'; at++)
            *at = lower(*at);
        if (key[0] == '\0')
            return assay_error_set(err, ASSAY_ECONFIG, 4003, "a column of %s has no name", where);
        if (assay_map_has(seen, key))
            return assay_error_set(err, ASSAY_ECONFIG, 4003,
                                   "%s has more than one column '%s' (names compare without case)",
                                   where, fields[i].name);
        ASSAY_TRY(assay_map_put(seen, key, key, err));
        const assay_type *type = &fields[i].type;
        ASSAY_TRY(check_names(type->fields, type->field_count, fields[i].name, arena, err));
    }
    return ASSAY_OK;
}

assay_status assay_schema_from_columns(const struct assay_column *columns, size_t count,
                                       assay_arena *arena, assay_schema **ret_schema,
                                       assay_error *err)
{
    assay_schema *schema = assay_arena_take(arena, 1, sizeof *schema);

    if (count > ASSAY_SCHEMA_COLUMNS_MAX)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4004,
                               "%zu columns are more than a table may have (%d)", count,
                               ASSAY_SCHEMA_COLUMNS_MAX);
    ASSAY_TRY(assay_arena_check(schema, err));
    schema->fields = assay_arena_take(arena, count + 1, sizeof *schema->fields);
    ASSAY_TRY(assay_arena_check(schema->fields, err));
    schema->count = count;
    for (size_t i = 0; i < count; i++) {
        assay_field *field = &schema->fields[i];
        ASSAY_TRY(copy_text(columns[i].name, arena, &field->name, err));
        ASSAY_TRY(assay_type_parse(columns[i].type, columns[i].name, arena, &field->type,
                                   &field->original, err));
    }
    ASSAY_TRY(check_names(schema->fields, count, "the table", arena, err));
    assay_schema_assign_ids(schema->fields, count, &schema->last_field_id);
    *ret_schema = schema;
    return ASSAY_OK;
}
