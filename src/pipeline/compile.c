#include "pipeline/graph.h"

#include "base/map.h"
#include "base/str.h"
#include "engine/catalog.h"
#include "pipeline/contract.h"
#include "pipeline/output.h"
#include "pipeline/privacy.h"
#include "pipeline/shape.h"

#include <string.h>

static const char catalog_name[] = "assay_compile";

/* What is known of one table while compiling. */
struct shadow {
    assay_table_look look;
    bool looked;
    bool made; /* stands in the catalog */
    const assay_column *columns;
    size_t column_count;
};

struct compile {
    assay_project *project;
    const assay_step_env *env;
    assay_conn *conn;
    assay_map *shadows; /* by name */
    assay_error *err;
};

static assay_status bind_model(struct compile *compile, assay_model *model);

static assay_status find_shadow(struct compile *compile, const char *name,
                                struct shadow **ret_shadow)
{
    struct shadow *shadow = assay_map_find(compile->shadows, name);

    if (shadow == NULL) {
        shadow = assay_arena_take(compile->project->arena, 1, sizeof *shadow);
        ASSAY_TRY(assay_arena_check(shadow, compile->err));
        ASSAY_TRY(assay_map_put(compile->shadows, name, shadow, compile->err));
    }
    *ret_shadow = shadow;
    return ASSAY_OK;
}

static assay_status look(struct compile *compile, const char *name, struct shadow *shadow)
{
    if (shadow->looked)
        return ASSAY_OK;
    shadow->look.snapshot_id = -1;
    ASSAY_TRY(compile->env->ops->look(compile->env->ops_user, compile->project, compile->conn, name,
                                      compile->project->arena, &shadow->look, compile->err));
    shadow->looked = true;
    return ASSAY_OK;
}

static assay_status refuse_table(struct compile *compile, const assay_model *model,
                                 const assay_model_input *input)
{
    const char *nearest = assay_project_nearest(compile->project, input->name);

    return assay_error_at(compile->err, ASSAY_ECONFIG, 2105,
                          (assay_place){model->path, input->line, input->column},
                          "there is no table '%s': no model makes it, and the warehouse does not "
                          "have it%s%s%s",
                          input->name, nearest != NULL ? "; did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static assay_status make_table(struct compile *compile, const char *name, struct shadow *shadow)
{
    const char *dot = strchr(name, '.');
    char *schema = assay_arena_text_n(compile->project->arena, name, (size_t)(dot - name));

    ASSAY_TRY(assay_arena_check(schema, compile->err));
    ASSAY_TRY(assay_engine_catalog_table(compile->conn, schema, dot + 1, shadow->columns,
                                         shadow->column_count, compile->err));
    shadow->made = true;
    return ASSAY_OK;
}

/* Columns of an input: of its model where that was bound for this compile, else of what is
 * published, else of its model. */
static assay_status prepare_input(struct compile *compile, assay_model *model,
                                  assay_model_input *input)
{
    struct shadow *shadow = NULL;

    ASSAY_TRY(find_shadow(compile, input->name, &shadow));
    ASSAY_TRY(look(compile, input->name, shadow));
    if (!shadow->made) {
        if (input->model != NULL && (input->model->compiled || !shadow->look.exists)) {
            if (!input->model->compiled)
                ASSAY_TRY(bind_model(compile, input->model));
            shadow->columns = input->model->columns;
            shadow->column_count = input->model->column_count;
        } else if (shadow->look.exists) {
            shadow->columns = shadow->look.columns;
            shadow->column_count = shadow->look.column_count;
        } else {
            return refuse_table(compile, model, input);
        }
        ASSAY_TRY(make_table(compile, input->name, shadow));
    }
    input->published = shadow->look.exists;
    input->snapshot_id = shadow->look.exists ? shadow->look.snapshot_id : -1;
    input->uuid = shadow->look.uuid;
    input->columns = shadow->columns;
    input->column_count = shadow->column_count;
    input->pii = shadow->look.pii;
    input->pii_count = shadow->look.pii_count;
    return ASSAY_OK;
}

static assay_status bind_transform(struct compile *compile, assay_model *model)
{
    const char *sql = NULL;
    assay_error failure;

    for (size_t i = 0; i < model->input_count; i++)
        ASSAY_TRY(prepare_input(compile, model, &model->inputs[i]));
    ASSAY_TRY(assay_model_bind_interval(model, 0, 0, compile->project->arena, &sql, compile->err));
    assay_error_clear(&failure);
    if (assay_conn_describe(compile->conn, sql, compile->project->arena, &model->columns,
                            &model->column_count, &failure) != ASSAY_OK)
        return assay_output_refuse(model, &failure, compile->err);
    ASSAY_TRY(assay_contract_bind(model, compile->project->arena, compile->err));
    ASSAY_TRY(assay_contract_wrap(model, sql, compile->project->arena, &sql, compile->err));
    ASSAY_TRY(
        assay_privacy_inherit(model, sql, compile->conn, compile->project->arena, compile->err));
    return assay_model_apply_shape(model, sql, compile->conn, compile->project->arena,
                                   compile->err);
}

static assay_status bind_extract(struct compile *compile, assay_model *model)
{
    struct shadow *shadow = NULL;

    ASSAY_TRY(find_shadow(compile, model->name, &shadow));
    ASSAY_TRY(look(compile, model->name, shadow));
    assay_columns_request request = {compile->project, compile->conn, model, &shadow->look,
                                     model->rebuilt};
    return compile->env->ops->columns(compile->env->ops_user, &request, compile->project->arena,
                                      &model->columns, &model->column_count, compile->err);
}

/* The graph has no cycles, so the recursion over inputs that are not selected ends. */
static assay_status bind_model(struct compile *compile, assay_model *model)
{
    if (model->compiled)
        return ASSAY_OK;
    if (model->kind == ASSAY_MODEL_TRANSFORM)
        ASSAY_TRY(bind_transform(compile, model));
    else
        ASSAY_TRY(bind_extract(compile, model));
    ASSAY_TRY(assay_output_check(compile->project, model, compile->conn, compile->err));
    model->compiled = true;
    return ASSAY_OK;
}

static assay_status bind_all(struct compile *compile, assay_model *const *selected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        selected[i]->compiled = false;
    for (size_t i = 0; i < count; i++) {
        ASSAY_TRY(assay_cancel_check(compile->env->cancel, compile->err));
        ASSAY_TRY(bind_model(compile, selected[i]));
    }
    return ASSAY_OK;
}

assay_status assay_compile(assay_project *project, assay_model *const *selected, size_t count,
                           const assay_step_env *env, assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *shadows = assay_map_new();
    struct compile compile = {project, env, conn, shadows, err};

    if (shadows == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(assay_engine_catalog_open(conn, catalog_name, err));
    assay_status status = bind_all(&compile, selected, count);
    assay_engine_catalog_close(conn, catalog_name);
    return status;
}
