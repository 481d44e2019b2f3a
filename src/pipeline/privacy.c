#include "pipeline/privacy.h"

#include "base/str.h"
#include "base/vec.h"

static const assay_column_note *find_note(const assay_model *model, const char *column)
{
    for (size_t i = 0; i < model->header.column_count; i++)
        if (assay_str_equal_ci(model->header.columns[i].name, column))
            return &model->header.columns[i];
    return NULL;
}

/* ---- inputs ---- */

static bool input_has_pii(const assay_model_input *input)
{
    return (input->model != NULL && assay_model_has_pii(input->model)) || input->pii_count > 0;
}

static bool input_column_is_pii(const assay_model_input *input, const char *column)
{
    if (input->model != NULL && assay_model_column_is_pii(input->model, column))
        return true;
    for (size_t i = 0; i < input->pii_count; i++)
        if (assay_str_equal_ci(input->pii[i], column))
            return true;
    return false;
}

static bool any_input_has_pii(const assay_model *model)
{
    for (size_t i = 0; i < model->input_count; i++)
        if (input_has_pii(&model->inputs[i]))
            return true;
    return false;
}

static const assay_model_input *find_input(const assay_model *model, const char *table)
{
    for (size_t i = 0; i < model->input_count; i++)
        if (assay_str_equal_ci(model->inputs[i].name, table))
            return &model->inputs[i];
    return NULL;
}

/* ---- columns ---- */

static const char *type_of(const assay_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return columns[i].type;
    return "";
}

/* An aggregate of another type than its source is a number about values, such as a count. */
bool assay_privacy_shows(const assay_lineage_column_input *source, const char *type,
                         const char *source_type)
{
    for (size_t i = 0; i < source->transformation_count; i++) {
        assay_lineage_subtype subtype = source->transformations[i].subtype;
        if (subtype == ASSAY_LINEAGE_IDENTITY || subtype == ASSAY_LINEAGE_TRANSFORMATION)
            return true;
        if (subtype == ASSAY_LINEAGE_AGGREGATION &&
            (assay_str_equal(type, source_type) || assay_str_contains(type, "VARCHAR")))
            return true;
    }
    return false;
}

static bool comes_from_pii(const assay_model *model, const assay_lineage_column *column)
{
    for (size_t i = 0; i < column->input_count; i++) {
        const assay_lineage_column_input *source = &column->inputs[i];
        const assay_model_input *input = find_input(model, source->table);
        if (input != NULL && input_column_is_pii(input, source->column) &&
            assay_privacy_shows(source, type_of(model->columns, model->column_count, column->name),
                                type_of(input->columns, input->column_count, source->column)))
            return true;
    }
    return false;
}

static assay_status add(const assay_model *model, const char *name, bool inherited,
                        assay_vec *names, assay_error *err)
{
    const assay_column_note *note = find_note(model, name);

    if (note != NULL ? note->pii || (inherited && !note->says_pii) : inherited)
        return assay_vec_push(names, &name, err);
    return ASSAY_OK;
}

static bool inherits(const assay_model *model, const assay_column_lineage *lineage,
                     const char *name)
{
    if (lineage == NULL)
        return true;
    for (size_t i = 0; i < lineage->column_count; i++)
        if (assay_str_equal_ci(lineage->columns[i].name, name))
            return comes_from_pii(model, &lineage->columns[i]);
    return false;
}

assay_status assay_privacy_inherit(assay_model *model, const char *sql, assay_conn *conn,
                                   assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(const char *);
    assay_column_lineage *lineage = NULL;
    assay_error refused = {0};
    bool some = any_input_has_pii(model);

    model->pii = NULL;
    model->pii_count = 0;
    if (some && assay_lineage_columns(conn, sql, arena, &lineage, &refused) != ASSAY_OK) {
        if (refused.code == ASSAY_ENOMEM && refused.number == 1001)
            return assay_error_nomem(err);
        lineage = NULL;
    }
    for (size_t i = 0; i < model->column_count; i++)
        ASSAY_TRY(add(model, model->columns[i].name,
                      some && inherits(model, lineage, model->columns[i].name), &names, err));
    return assay_vec_to_arena(&names, arena, &model->pii, &model->pii_count, err);
}

assay_status assay_privacy_learn(assay_model *model, const char *const *names, size_t count,
                                 assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec learned = ASSAY_VEC_OF(const char *);

    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(add(model, names[i], true, &learned, err));
    return assay_vec_to_arena(&learned, arena, &model->pii, &model->pii_count, err);
}
