#include "pipeline/graph.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/catalog.h"
#include "pipeline/contract.h"
#include "pipeline/output.h"
#include "pipeline/privacy.h"
#include "pipeline/publication.h"
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
    int64_t begun_us;   /* monotonic */
    bool each;          /* a model that its source breaks is kept with its failure */
};

static assay_status bind_model(struct compile *compile, assay_model *model, assay_error *err);

static assay_status find_shadow(struct compile *compile, const char *name,
                                struct shadow **ret_shadow, assay_error *err)
{
    struct shadow *shadow = assay_map_find(compile->shadows, name);

    if (shadow == NULL) {
        shadow = assay_arena_take(compile->project->arena, 1, sizeof *shadow);
        ASSAY_TRY(assay_arena_check(shadow, err));
        ASSAY_TRY(assay_map_put(compile->shadows, name, shadow, err));
    }
    *ret_shadow = shadow;
    return ASSAY_OK;
}

static assay_status look(struct compile *compile, const char *name, struct shadow *shadow,
                         assay_error *err)
{
    if (shadow->looked)
        return ASSAY_OK;
    shadow->look.snapshot_id = -1;
    ASSAY_TRY(compile->env->ops->look(compile->env->ops_user, compile->project, compile->conn, name,
                                      compile->project->arena, &shadow->look, err));
    shadow->looked = true;
    return ASSAY_OK;
}

/* ---- inputs ---- */

static assay_status refuse_table(const struct compile *compile, const assay_model *model,
                                 const assay_model_input *input, assay_error *err)
{
    const char *nearest = assay_project_nearest(compile->project, input->name);

    return assay_error_at(err, ASSAY_ECONFIG, 2105,
                          (assay_place){model->path, input->line, input->column},
                          "there is no table '%s': no model makes it, and the warehouse does not "
                          "have it%s%s%s",
                          input->name, nearest != NULL ? "; did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static assay_status make_table(const struct compile *compile, const char *name,
                               struct shadow *shadow, assay_error *err)
{
    const char *dot = strchr(name, '.');
    char *schema = assay_arena_text_n(compile->project->arena, name, (size_t)(dot - name));

    ASSAY_TRY(assay_arena_check(schema, err));
    ASSAY_TRY(assay_engine_catalog_table(compile->conn, schema, dot + 1, shadow->columns,
                                         shadow->column_count, err));
    shadow->made = true;
    return ASSAY_OK;
}

static bool has_column(const assay_column *columns, size_t count, const assay_column *column)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, column->name))
            return assay_str_equal(columns[i].type, column->type);
    return false;
}

/* Whether an extract is about to have other columns than its table has. */
static bool has_moved(const assay_model *model, const assay_table_look *look)
{
    if (model->kind == ASSAY_MODEL_TRANSFORM || !look->exists)
        return false;
    for (size_t i = 0; i < model->column_count; i++)
        if (!has_column(look->columns, look->column_count, &model->columns[i]))
            return true;
    return model->column_count != look->column_count;
}

/* Columns of an input: of its model where that was bound for this compile, else of what is
 * published, else of its model. */
static assay_status find_columns(const struct compile *compile, const assay_model *model,
                                 const assay_model_input *input, struct shadow *shadow,
                                 assay_error *err)
{
    if (input->model != NULL && input->model->compiled) {
        shadow->columns = input->model->columns;
        shadow->column_count = input->model->column_count;
    } else if (shadow->look.exists) {
        shadow->columns = shadow->look.columns;
        shadow->column_count = shadow->look.column_count;
    } else {
        return refuse_table(compile, model, input, err);
    }
    return make_table(compile, input->name, shadow, err);
}

static bool is_broken(const assay_model *model)
{
    return model != NULL && (model->failure != NULL || model->unbound);
}

static void forget_input(assay_model_input *input)
{
    input->published = false;
    input->snapshot_id = -1;
    input->uuid = NULL;
    input->columns = NULL;
    input->column_count = 0;
    input->pii = NULL;
    input->pii_count = 0;
}

/* An input that is broken leaves the model unbound: what is published of it is not what the model
 * would read. */
static assay_status prepare_input(struct compile *compile, assay_model *model,
                                  assay_model_input *input, assay_error *err)
{
    struct shadow *shadow = NULL;

    forget_input(input);
    model->unbound = model->unbound || is_broken(input->model);
    if (is_broken(input->model))
        return ASSAY_OK;
    ASSAY_TRY(find_shadow(compile, input->name, &shadow, err));
    ASSAY_TRY(look(compile, input->name, shadow, err));
    if (input->model != NULL && !shadow->look.exists)
        ASSAY_TRY(bind_model(compile, input->model, err));
    model->unbound = model->unbound || is_broken(input->model);
    if (is_broken(input->model))
        return ASSAY_OK;
    if (!shadow->made)
        ASSAY_TRY(find_columns(compile, model, input, shadow, err));
    if (input->model != NULL && input->model->compiled)
        model->moved = model->moved || input->model->moved;
    input->published = shadow->look.exists;
    input->snapshot_id = shadow->look.exists ? shadow->look.snapshot_id : -1;
    input->uuid = shadow->look.uuid;
    input->columns = shadow->columns;
    input->column_count = shadow->column_count;
    input->pii = shadow->look.pii;
    input->pii_count = shadow->look.pii_count;
    return ASSAY_OK;
}

/* All of them, since a table that is not there is a mistake of the model itself. */
static assay_status prepare_inputs(struct compile *compile, assay_model *model, assay_error *err)
{
    for (size_t i = 0; i < model->input_count; i++)
        ASSAY_TRY(prepare_input(compile, model, &model->inputs[i], err));
    return ASSAY_OK;
}

/* ---- models ---- */

static assay_status bind_transform(const struct compile *compile, assay_model *model,
                                   assay_error *err)
{
    assay_arena *arena = compile->project->arena;
    const char *sql = NULL;
    assay_error failure;

    ASSAY_TRY(assay_model_bind_interval(model, 0, 0, arena, &sql, err));
    assay_error_clear(&failure);
    if (assay_conn_describe(compile->conn, sql, arena, &model->columns, &model->column_count,
                            &failure) != ASSAY_OK)
        return assay_output_refuse(model, &failure, err);
    ASSAY_TRY(assay_contract_bind(model, arena, err));
    ASSAY_TRY(assay_contract_wrap(model, sql, arena, &sql, err));
    ASSAY_TRY(assay_privacy_inherit(model, sql, compile->conn, arena, err));
    return assay_model_apply_shape(model, sql, compile->conn, arena, err);
}

static assay_status copy_error(const struct compile *compile, const assay_error *error,
                               const assay_error **ret_copy, assay_error *err)
{
    assay_error *copy = assay_arena_take(compile->project->arena, 1, sizeof *copy);

    ASSAY_TRY(assay_arena_check(copy, err));
    *copy = *error;
    *ret_copy = copy;
    return ASSAY_OK;
}

static assay_status bind_extract(struct compile *compile, assay_model *model, assay_error *err)
{
    struct shadow *shadow = NULL;
    assay_error unreached = {0};

    ASSAY_TRY(find_shadow(compile, model->name, &shadow, err));
    ASSAY_TRY(look(compile, model->name, shadow, err));
    const assay_columns_request request = {.project = compile->project,
                                           .conn = compile->conn,
                                           .model = model,
                                           .published = &shadow->look,
                                           .rebuilt = model->rebuilt,
                                           .begun_us = compile->begun_us,
                                           .unreached = &unreached};
    ASSAY_TRY(compile->env->ops->columns(compile->env->ops_user, &request, compile->project->arena,
                                         &model->columns, &model->column_count, err));
    model->moved = has_moved(model, &shadow->look);
    return unreached.code == ASSAY_OK ? ASSAY_OK
                                      : copy_error(compile, &unreached, &model->unreached, err);
}

static assay_status bind_alone(struct compile *compile, assay_model *model, assay_error *err)
{
    if (model->kind == ASSAY_MODEL_TRANSFORM)
        ASSAY_TRY(bind_transform(compile, model, err));
    else
        ASSAY_TRY(bind_extract(compile, model, err));
    return assay_output_check(compile->project, model, compile->conn, err);
}

/* Whether rows of an extract, or of a table that no model makes, reach the model. Every model is
 * visited once: `seen` has a place for each, all false at first. */
static bool has_source(const assay_model *model, bool *seen)
{
    seen[model->index] = true;
    if (model->kind == ASSAY_MODEL_EXTRACT)
        return true;
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model *input = model->inputs[i].model;

        if (input == NULL || (!seen[input->index] && has_source(input, seen)))
            return true;
    }
    return false;
}

/* Whether the reason lies in what the sources hold now, so that it is none of the project as it is
 * written: an extract's own text is checked before. What a run has told as the failure of a step
 * stays that, also when the source's new columns are those of its table by now. */
static bool is_of_source(const assay_model *model, const assay_error *why, bool *seen)
{
    enum { CONTRACT_FIRST = 2121, CONTRACT_LAST = 2123 };

    if (why->code == ASSAY_ENOMEM || why->code == ASSAY_ECANCELLED)
        return false;
    if (model->moved || (why->number != 0 && why->number == model->failed_before))
        return true;
    bool contract = why->number >= CONTRACT_FIRST && why->number <= CONTRACT_LAST;
    return (contract || model->kind == ASSAY_MODEL_EXTRACT) && has_source(model, seen);
}

static assay_status keep_failure(const struct compile *compile, assay_model *model,
                                 const assay_error *why, assay_error *err)
{
    ASSAY_AUTO(assay_mem_freep)
    bool *seen = assay_mem_new(compile->project->model_count, sizeof *seen);
    assay_error kept = *why;

    ASSAY_TRY(assay_arena_check(seen, err));
    if (!is_of_source(model, why, seen))
        return assay_error_copy(err, why);
    if (kept.path[0] == '\0')
        assay_error_place(&kept, (assay_place){model->path, 0, 0});
    return copy_error(compile, &kept, &model->failure, err);
}

/* The graph has no cycles, so the recursion over inputs that are not selected ends. */
static assay_status bind_model(struct compile *compile, assay_model *model, assay_error *err)
{
    assay_error why;

    if (model->compiled || is_broken(model))
        return ASSAY_OK;
    ASSAY_TRY(prepare_inputs(compile, model, err));
    if (model->unbound)
        return ASSAY_OK;
    assay_error_clear(&why);
    if (bind_alone(compile, model, &why) == ASSAY_OK) {
        model->compiled = true;
        return ASSAY_OK;
    }
    return compile->each ? keep_failure(compile, model, &why, err) : assay_error_copy(err, &why);
}

/* ---- all ---- */

static void forget(assay_model *model)
{
    model->compiled = false;
    model->failure = NULL;
    model->unreached = NULL;
    model->unbound = false;
    model->moved = false;
    model->projection = NULL;
}

/* What is wrong whatever the sources hold. */
static assay_status check_text(const struct compile *compile, const assay_model *model,
                               assay_error *err)
{
    const assay_step_ops *ops = compile->env->ops;

    if (model->kind == ASSAY_MODEL_EXTRACT && ops->check != NULL)
        ASSAY_TRY(ops->check(compile->env->ops_user, compile->project, model, err));
    ASSAY_TRY(assay_contract_check(model, compile->conn, err));
    ASSAY_TRY(assay_output_check_quarantine(compile->project, model, err));
    return assay_publication_check_targets(compile->project, model, err);
}

static assay_status bind_all(struct compile *compile, assay_model *const *selected, size_t count,
                             assay_error *err)
{
    for (size_t i = 0; i < compile->project->model_count; i++)
        forget(compile->project->models[i]);
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(check_text(compile, selected[i], err));
    for (size_t i = 0; i < count; i++) {
        ASSAY_TRY(assay_cancel_check(compile->env->cancel, err));
        ASSAY_TRY(bind_model(compile, selected[i], err));
    }
    return ASSAY_OK;
}

static assay_status compile_all(struct compile *compile, assay_model *const *selected, size_t count,
                                assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *shadows = assay_map_new();

    if (shadows == NULL)
        return assay_error_nomem(err);
    compile->shadows = shadows;
    compile->begun_us = compile->env->clock->monotonic_us(compile->env->clock->user);
    ASSAY_TRY(assay_engine_catalog_open(compile->conn, catalog_name, err));
    assay_status status = bind_all(compile, selected, count, err);
    assay_engine_catalog_close(compile->conn, catalog_name);
    return status;
}

assay_status assay_compile(assay_project *project, assay_model *const *selected, size_t count,
                           const assay_step_env *env, assay_conn *conn, assay_error *err)
{
    struct compile compile = {.project = project, .env = env, .conn = conn};

    return compile_all(&compile, selected, count, err);
}

assay_status assay_compile_each(assay_project *project, assay_model *const *selected, size_t count,
                                const assay_step_env *env, assay_conn *conn, assay_error *err)
{
    struct compile compile = {.project = project, .env = env, .conn = conn, .each = true};

    return compile_all(&compile, selected, count, err);
}
