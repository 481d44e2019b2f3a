#include "lib/write_options.h"

#include "pipeline/contract.h"
#include "published/published.h"

static assay_load_mode mode_of(assay_write_mode mode)
{
    switch (mode) {
    case ASSAY_WRITE_FULL:
        return ASSAY_LOAD_FULL;
    case ASSAY_WRITE_APPEND:
        return ASSAY_LOAD_APPEND;
    case ASSAY_WRITE_MERGE:
        return ASSAY_LOAD_MERGE;
    case ASSAY_WRITE_REPLACE_PARTITIONS:
        return ASSAY_LOAD_REPLACE_PARTITIONS;
    }
    return ASSAY_LOAD_APPEND;
}

static assay_status refuse(const char *table, const char *why, assay_error *err)
{
    return assay_error_set(err, ASSAY_EINVAL, 1003, "cannot write to '%s': %s", table, why);
}

/* ---- rules ---- */

static assay_status read_rules(const assay_write_options *options, const char *table,
                               const assay_model *model, assay_arena *arena,
                               assay_row_rules *ret_rules, assay_error *err)
{
    bool said = options->key != NULL || options->version != NULL || options->delete_when != NULL ||
                options->soft_delete;

    *ret_rules = (assay_row_rules){0};
    if (options->mode != ASSAY_WRITE_MERGE)
        return said ? refuse(table, "key, version, delete_when and soft_delete are of merge alone",
                             err)
                    : ASSAY_OK;
    if (options->key == NULL) {
        if (said || model == NULL || model->header.mode != ASSAY_LOAD_MERGE)
            return refuse(table, "merge needs a key, or a model in mode merge", err);
        return assay_row_rules_read(&model->header, arena, ret_rules, err);
    }
    if (options->key[0] == NULL)
        return refuse(table, "the key has no columns", err);
    if (options->soft_delete && options->delete_when == NULL)
        return refuse(table, "soft_delete needs delete_when", err);
    *ret_rules = (assay_row_rules){.key = options->key,
                                   .key_count = assay_context_count(options->key),
                                   .version = options->version,
                                   .delete_when = options->delete_when,
                                   .soft_delete = options->soft_delete};
    return ASSAY_OK;
}

/* ---- partitions ---- */

/* The entry that a header would have for this field: "month(day)". */
static assay_status of_field(const assay_table *base, const assay_partition_field *field,
                             assay_arena *arena, const char **ret_entry, assay_error *err)
{
    const assay_field *column = assay_schema_find_id(base->schema, field->source_id);
    const char *transform = assay_partition_transform_name(field->transform);

    if (column == NULL || (transform == NULL && field->transform != ASSAY_TRANSFORM_IDENTITY))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4033,
                               "the table is partitioned by '%s' of '%s', which is not written",
                               field->transform_text != NULL ? field->transform_text : "?",
                               field->name);
    *ret_entry = transform == NULL ? column->name
                                   : assay_arena_format(arena, "%s(%s)", transform, column->name);
    return assay_arena_check(*ret_entry, err);
}

static assay_status of_table(const assay_table *base, assay_arena *arena, assay_write_shape *shape,
                             assay_error *err)
{
    const assay_partition_spec *spec = base->spec;
    const char **entries = assay_arena_take(arena, spec->count + 1, sizeof *entries);

    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < spec->count; i++) {
        if (spec->fields[i].transform == ASSAY_TRANSFORM_VOID)
            continue;
        ASSAY_TRY(of_field(base, &spec->fields[i], arena, &entries[shape->partition_count], err));
        shape->partition_count++;
    }
    shape->partition_by = entries;
    return ASSAY_OK;
}

static assay_status read_partitions(const assay_write_options *options, const assay_model *model,
                                    const assay_table *base, assay_arena *arena,
                                    assay_write_shape *shape, assay_error *err)
{
    if (options->partition_by != NULL) {
        shape->partition_by = options->partition_by;
        shape->partition_count = assay_context_count(options->partition_by);
        return ASSAY_OK;
    }
    if (model != NULL)
        return assay_model_header_partitions(&model->header, arena, &shape->partition_by,
                                             &shape->partition_count, err);
    return base->exists && base->spec != NULL ? of_table(base, arena, shape, err) : ASSAY_OK;
}

assay_status assay_write_options_read(const assay_context *context,
                                      const assay_write_options *options, const char *table,
                                      const assay_table *base, assay_arena *arena,
                                      assay_write_shape *ret_shape, assay_error *err)
{
    const assay_model *model = assay_project_model(context->project, table);
    assay_write_shape shape = {.mode = mode_of(options->mode)};

    ASSAY_TRY(read_rules(options, table, model, arena, &shape.rules, err));
    ASSAY_TRY(read_partitions(options, model, base, arena, &shape, err));
    if (shape.mode == ASSAY_LOAD_REPLACE_PARTITIONS && shape.partition_count == 0)
        return refuse(table, "replacing partitions needs partition_by", err);
    *ret_shape = shape;
    return ASSAY_OK;
}

/* ---- contract ---- */

assay_status assay_write_contract(const assay_model *model, const assay_table *base,
                                  assay_conn *conn, assay_arena *arena, const char **select,
                                  assay_error *err)
{
    assay_contract_rows rows = {.is_load = true};
    assay_contract_projection projection;
    assay_column *known = NULL;

    if (model == NULL || model->header.contract.column_count == 0)
        return ASSAY_OK;
    rows.contract = &model->header.contract;
    rows.path = model->path;
    rows.what = assay_arena_format(arena, "the load into '%s'", model->name);
    ASSAY_TRY(assay_arena_check(rows.what, err));
    ASSAY_TRY(assay_conn_describe(conn, *select, arena, &rows.columns, &rows.count, err));
    if (base != NULL && base->exists && base->schema != NULL)
        ASSAY_TRY(assay_published_columns(base->schema, arena, &known, &rows.known_count, err));
    rows.known = known;
    ASSAY_TRY(assay_contract_project(&rows, arena, &projection, err));
    if (projection.list == NULL)
        return ASSAY_OK;
    *select = assay_arena_format(arena, "SELECT %s FROM (%s)", projection.list, *select);
    return assay_arena_check(*select, err);
}
