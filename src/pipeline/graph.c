#include "pipeline/graph.h"

#include "base/str.h"
#include "pipeline/token.h"
#include "pipeline/tree.h"
#include "text/excerpt.h"

#include <stdlib.h>
#include <string.h>

static assay_place place_in_sql(const assay_model *model, int64_t offset)
{
    assay_place place = {model->path, model->sql_line, model->sql_column};

    if (offset < 0 || (size_t)offset > strlen(model->sql))
        return place;
    assay_excerpt_position(model->sql, (size_t)offset, &place.line, &place.column);
    if (place.line == 1)
        place.column += model->sql_column - 1;
    place.line += model->sql_line - 1;
    return place;
}

/* ---- one model's syntax ---- */

/* Statements that are no SELECT for the parser, among them a PIVOT that looks into its data for
 * its columns. */
static assay_status refuse_statement(const assay_model *model, assay_error *err)
{
    size_t size = strlen(model->sql);
    assay_token first = assay_token_next(model->sql, size, 0);

    for (assay_token token = first; token.kind != ASSAY_TOKEN_END;
         token = assay_token_next(model->sql, size, token.at + token.size))
        if (assay_token_is(model->sql, token, "pivot") ||
            assay_token_is(model->sql, token, "pivot_wider"))
            return assay_error_at(
                err, ASSAY_ECONFIG, 2103, place_in_sql(model, (int64_t)token.at),
                "PIVOT needs `ON .. IN (..)`: without it the columns would depend "
                "on the data");
    return assay_error_at(err, ASSAY_ECONFIG, 2102, place_in_sql(model, (int64_t)first.at),
                          "a model is one SELECT, not '%.*s'", (int)first.size,
                          model->sql + first.at);
}

static assay_status parse(const assay_model *model, assay_conn *conn, assay_arena *arena,
                          assay_value **ret_tree, assay_error *err)
{
    assay_error failure;
    assay_error_clear(&failure);
    assay_status status = assay_conn_parse(conn, model->sql, arena, ret_tree, &failure);

    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (failure.number == 3010)
        return refuse_statement(model, err);
    if (status == ASSAY_ECONFIG) {
        assay_model_place_error(model, &failure);
        failure.number = 2104;
    }
    return assay_error_copy(err, &failure);
}

static assay_status refuse_name(const assay_project *project, const assay_model *model,
                                const assay_tree_reference *reference, assay_error *err)
{
    const char *nearest = assay_project_nearest(project, reference->table);

    return assay_error_at(err, ASSAY_ECONFIG, 2115, place_in_sql(model, reference->offset),
                          "the table '%s%s%s%s%s' must be named as layer.table%s%s%s",
                          reference->catalog, reference->catalog[0] != '\0' ? "." : "",
                          reference->schema, reference->schema[0] != '\0' ? "." : "",
                          reference->table, nearest != NULL ? ": did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static assay_model_input *find_input(const assay_model *model, const char *name)
{
    for (size_t i = 0; i < model->input_count; i++)
        if (assay_str_equal_ci(model->inputs[i].name, name))
            return &model->inputs[i];
    return NULL;
}

static assay_status add_input(assay_project *project, assay_model *model,
                              const assay_tree_reference *reference, assay_error *err)
{
    if (reference->schema[0] == '\0' || reference->catalog[0] != '\0')
        return refuse_name(project, model, reference, err);

    const char *name =
        assay_arena_format(project->arena, "%s.%s", reference->schema, reference->table);
    ASSAY_TRY(assay_arena_check(name, err));
    if (find_input(model, name) != NULL)
        return ASSAY_OK;
    if (model->input_count >= ASSAY_MODEL_INPUTS_MAX)
        return assay_error_at(err, ASSAY_ECONFIG, 2118, (assay_place){model->path, 0, 0},
                              "the model reads more than %d tables", ASSAY_MODEL_INPUTS_MAX);
    const assay_model *known = assay_project_model(project, name);
    assay_place place = place_in_sql(model, reference->offset);
    model->inputs[model->input_count++] = (assay_model_input){
        .name = known != NULL ? known->name : name,
        .model = known != NULL ? project->models[known->index] : NULL,
        .line = place.line,
        .column = place.column,
    };
    return ASSAY_OK;
}

/* new_rows_of names inputs that the SQL reads. */
static assay_status mark_new_rows(assay_model *model, assay_error *err)
{
    for (size_t i = 0; i < model->header.new_rows_count; i++) {
        assay_named named = model->header.new_rows_of[i];
        assay_place place = {model->path, named.line, named.column};
        assay_model_input *input = find_input(model, named.text);

        if (input == NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 2112, place,
                                  "new_rows_of names '%s', which the query does not read",
                                  named.text);
        input->new_rows = true;
    }
    if (model->header.mode == ASSAY_LOAD_APPEND && model->header.new_rows_count == 0 &&
        !model->uses_since)
        return assay_error_at(
            err, ASSAY_ECONFIG, 2111, assay_model_place(model, "mode"),
            "mode 'append' needs new_rows_of (or $since in the query): without it "
            "every run would add all rows again");
    return ASSAY_OK;
}

static assay_status read_transform(assay_project *project, assay_model *model, assay_conn *conn,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    ASSAY_AUTO(assay_tree_facts_done) assay_tree_facts facts = ASSAY_TREE_FACTS_EMPTY;
    assay_value *tree = NULL;

    ASSAY_TRY(assay_arena_check(scratch, err));
    ASSAY_TRY(parse(model, conn, scratch, &tree, err));
    ASSAY_TRY(assay_tree_read(tree, &facts, err));
    if (facts.forbidden != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2102, place_in_sql(model, facts.forbidden_offset),
                              "the model %s", facts.forbidden);
    model->is_volatile = facts.reads_outside || assay_engine_tree_is_volatile(tree, NULL);
    ASSAY_TRY(assay_conn_unparse(conn, tree, project->arena, &model->canonical_sql, err));

    size_t most = facts.references.count < ASSAY_MODEL_INPUTS_MAX ? facts.references.count
                                                                  : ASSAY_MODEL_INPUTS_MAX;
    if (most > 0) {
        model->inputs = assay_arena_take(project->arena, most, sizeof *model->inputs);
        ASSAY_TRY(assay_arena_check(model->inputs, err));
    }
    for (size_t i = 0; i < facts.references.count; i++)
        ASSAY_TRY(add_input(project, model, assay_vec_at(&facts.references, i), err));
    return mark_new_rows(model, err);
}

/* ---- the graph ---- */

static assay_status link_readers(assay_project *project, assay_error *err)
{
    for (size_t i = 0; i < project->model_count; i++)
        for (size_t j = 0; j < project->models[i]->input_count; j++)
            if (project->models[i]->inputs[j].model != NULL)
                project->models[i]->inputs[j].model->reader_count++;
    for (size_t i = 0; i < project->model_count; i++) {
        assay_model *model = project->models[i];

        if (model->reader_count == 0)
            continue;
        model->readers =
            assay_arena_take(project->arena, model->reader_count, sizeof *model->readers);
        ASSAY_TRY(assay_arena_check(model->readers, err));
        model->reader_count = 0;
    }
    for (size_t i = 0; i < project->model_count; i++)
        for (size_t j = 0; j < project->models[i]->input_count; j++) {
            assay_model *input = project->models[i]->inputs[j].model;

            if (input != NULL)
                input->readers[input->reader_count++] = project->models[i];
        }
    return ASSAY_OK;
}

/* Kahn's algorithm; what stays behind lies on a cycle or reads from one. */
static assay_status number_depths(assay_project *project, size_t *waiting, size_t *ret_done,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec ready = ASSAY_VEC_OF(assay_model *);

    for (size_t i = 0; i < project->model_count; i++) {
        const assay_model *model = project->models[i];

        for (size_t j = 0; j < model->input_count; j++)
            waiting[i] += model->inputs[j].model != NULL;
        if (waiting[i] == 0)
            ASSAY_TRY(assay_vec_push(&ready, &project->models[i], err));
    }
    for (size_t at = 0; at < ready.count; at++) {
        const assay_model *model = *(assay_model **)assay_vec_at(&ready, at);

        for (size_t j = 0; j < model->reader_count; j++) {
            assay_model *reader = model->readers[j];

            if (reader->depth <= model->depth)
                reader->depth = model->depth + 1;
            if (--waiting[reader->index] == 0)
                ASSAY_TRY(assay_vec_push(&ready, &reader, err));
        }
    }
    *ret_done = ready.count;
    return ASSAY_OK;
}

static assay_model_input *waiting_input(const assay_model *model, const size_t *waiting)
{
    for (size_t i = 0; i < model->input_count; i++)
        if (model->inputs[i].model != NULL && waiting[model->inputs[i].model->index] > 0)
            return &model->inputs[i];
    return NULL;
}

/* Walks from any model that waits to one of its inputs that waits, until one comes twice. */
static assay_status refuse_cycle(const assay_project *project, size_t *waiting, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    const assay_model *at = NULL;
    const assay_model *first = NULL;

    for (size_t i = 0; i < project->model_count && at == NULL; i++)
        if (waiting[i] > 0)
            at = project->models[i];
    for (size_t i = 0; at != NULL && i < project->model_count; i++)
        at = waiting_input(at, waiting)->model;
    first = at;
    if (first == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "a cycle without models");

    assay_model_input *input = waiting_input(first, waiting);
    assay_place place = {first->path, input->line, input->column};
    do {
        assay_buf_append_format(&path, "%s reads ", at->name);
        at = waiting_input(at, waiting)->model;
    } while (at != first);
    assay_buf_append_text(&path, first->name);
    return assay_error_at(err, ASSAY_ECONFIG, 2110, place, "the models form a cycle: %s",
                          assay_buf_text(&path));
}

assay_status assay_graph_build(assay_project *project, assay_conn *conn, assay_error *err)
{
    size_t done = 0;

    if (project->linked)
        return ASSAY_OK;
    for (size_t i = 0; i < project->model_count; i++)
        if (project->models[i]->kind == ASSAY_MODEL_TRANSFORM)
            ASSAY_TRY(read_transform(project, project->models[i], conn, err));
    ASSAY_TRY(link_readers(project, err));
    if (project->model_count > 0) {
        size_t *waiting = assay_arena_take(project->arena, project->model_count, sizeof *waiting);

        ASSAY_TRY(assay_arena_check(waiting, err));
        ASSAY_TRY(number_depths(project, waiting, &done, err));
        if (done < project->model_count)
            return refuse_cycle(project, waiting, err);
    }
    project->linked = true;
    return ASSAY_OK;
}

static int compare_depth(const void *a, const void *b)
{
    const assay_model *const *left = a;
    const assay_model *const *right = b;

    if ((*left)->depth != (*right)->depth)
        return (*left)->depth < (*right)->depth ? -1 : 1;
    if ((*left)->index != (*right)->index)
        return (*left)->index < (*right)->index ? -1 : 1;
    return 0;
}

assay_status assay_graph_order(const assay_project *project, assay_arena *arena,
                               assay_model ***ret_models, size_t *ret_count, assay_error *err)
{
    size_t count = project->model_count;
    assay_model **models = NULL;

    if (count > 0) {
        models = assay_arena_take(arena, count, sizeof *models);
        ASSAY_TRY(assay_arena_check(models, err));
        memcpy(models, project->models, count * sizeof *models);
        qsort(models, count, sizeof *models, compare_depth);
    }
    *ret_models = models;
    *ret_count = count;
    return ASSAY_OK;
}
