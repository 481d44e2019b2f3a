/* The models of a project: ls, render, and the history of runs. */
#include <assay/pipeline.h>

#include "base/clock.h"
#include "lib/context.h"
#include "lib/document.h"

/* ---- ls ---- */

static assay_status add_names(assay_value *map, const char *key, const assay_named *names,
                              size_t count, assay_arena *arena, assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(map, key, list, arena, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_value_append(list, assay_value_text(arena, names[i].text), arena, err));
    return ASSAY_OK;
}

static assay_status add_inputs(assay_value *map, const assay_model *model, assay_arena *arena,
                               assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(map, "inputs", list, arena, err));
    for (size_t i = 0; i < model->input_count; i++)
        ASSAY_TRY(
            assay_value_append(list, assay_value_text(arena, model->inputs[i].name), arena, err));
    for (size_t i = 0; model->extract != NULL && i < model->extract->file_count; i++)
        ASSAY_TRY(assay_value_append(list, assay_value_text(arena, model->extract->files[i].text),
                                     arena, err));
    return ASSAY_OK;
}

static assay_status add_publications(assay_value *map, const assay_model_header *header,
                                     assay_arena *arena, assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    if (header->publish_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_value_set(map, "publish", list, arena, err));
    for (size_t i = 0; i < header->publish_count; i++) {
        const assay_publish_config *publish = &header->publish[i];
        assay_value *item = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, item, arena, err));
        ASSAY_TRY(assay_document_text(item, "to", publish->to.text, arena, err));
        ASSAY_TRY(assay_document_text(item, "table", publish->table.text, arena, err));
        ASSAY_TRY(assay_document_text(item, "mode", assay_publish_config_mode_name(publish->mode),
                                      arena, err));
    }
    return ASSAY_OK;
}

static assay_status describe_model(const assay_project *project, const assay_model *model,
                                   assay_value *list, assay_arena *arena, assay_error *err)
{
    assay_value *map = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(list, map, arena, err));
    ASSAY_TRY(assay_document_text(map, "name", model->name, arena, err));
    ASSAY_TRY(assay_document_text(map, "kind",
                                  model->kind == ASSAY_MODEL_EXTRACT ? "extract" : "transform",
                                  arena, err));
    ASSAY_TRY(
        assay_document_text(map, "mode", assay_load_mode_name(model->header.mode), arena, err));
    ASSAY_TRY(
        assay_document_text(map, "format", assay_project_format(project, model->name), arena, err));
    ASSAY_TRY(assay_document_text(map, "path", model->path, arena, err));
    ASSAY_TRY(assay_document_text(map, "description", model->header.description, arena, err));
    ASSAY_TRY(add_inputs(map, model, arena, err));
    ASSAY_TRY(add_publications(map, &model->header, arena, err));
    return add_names(map, "tags", model->header.tags, model->header.tag_count, arena, err);
}

assay_status assay_models(assay_context *context, const assay_selectors *selectors, char **ret_json,
                          assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_selectors all = {NULL, NULL};
    const assay_selectors *wanted = selectors != NULL ? selectors : &all;
    assay_selection selection;
    assay_model **models = NULL;
    size_t count = 0;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_context_graph(context, err));
    assay_selection_words words = {wanted->select, assay_context_count(wanted->select),
                                   wanted->exclude, assay_context_count(wanted->exclude)};
    ASSAY_TRY(assay_selection_parse(context->project, &words, arena, &selection, err));
    ASSAY_TRY(assay_selection_models(context->project, &selection, arena, &models, &count, err));
    ASSAY_TRY(assay_document_new(arena, "models", &document, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "models", list, arena, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(describe_model(context->project, models[i], list, arena, err));
    return assay_document_take(document, ret_json, err);
}

/* ---- render ---- */

static assay_status add_columns(assay_value *map, const assay_model *model, assay_arena *arena,
                                assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(map, "columns", list, arena, err));
    for (size_t i = 0; i < model->column_count; i++) {
        assay_value *column = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, column, arena, err));
        ASSAY_TRY(assay_document_text(column, "name", model->columns[i].name, arena, err));
        ASSAY_TRY(assay_document_text(column, "type", model->columns[i].type, arena, err));
        if (assay_model_column_is_pii(model, model->columns[i].name))
            ASSAY_TRY(assay_document_bool(column, "pii", true, arena, err));
    }
    return ASSAY_OK;
}

static assay_status compile_one(assay_context *context, assay_model *model, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_model *const selected[] = {model};

    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    return assay_compile(context->project, selected, 1, &context->env, conn, err);
}

assay_status assay_render(assay_context *context, const char *name, char **ret_json,
                          assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_context_graph(context, err));
    const assay_model *model = assay_project_model(context->project, name);
    if (model == NULL)
        return assay_project_model_unknown(context->project, name, err);
    ASSAY_TRY(compile_one(context, context->project->models[model->index], err));
    ASSAY_TRY(assay_document_new(arena, "render", &document, err));
    ASSAY_TRY(assay_document_text(document, "name", model->name, arena, err));
    ASSAY_TRY(assay_document_text(document, "path", model->path, arena, err));
    ASSAY_TRY(assay_document_text(document, "sql", model->sql, arena, err));
    ASSAY_TRY(assay_document_text(document, "canonical_sql", model->canonical_sql, arena, err));
    ASSAY_TRY(add_inputs(document, model, arena, err));
    ASSAY_TRY(add_columns(document, model, arena, err));
    return assay_document_take(document, ret_json, err);
}

/* ---- runs ---- */

static assay_status add_time(assay_value *map, const char *key, int64_t us, assay_arena *arena,
                             assay_error *err)
{
    char text[ASSAY_TIME_TEXT_SIZE];

    if (us == 0)
        return assay_document_text(map, key, NULL, arena, err);
    assay_time_format(us, text);
    return assay_document_text(map, key, text, arena, err);
}

static assay_status describe_run(const assay_run_record *run, assay_value *map, assay_arena *arena,
                                 assay_error *err)
{
    ASSAY_TRY(assay_document_text(map, "run_id", run->run_id, arena, err));
    ASSAY_TRY(assay_document_text(map, "status", run->status, arena, err));
    ASSAY_TRY(add_time(map, "started", run->started_us, arena, err));
    ASSAY_TRY(add_time(map, "finished", run->finished_us, arena, err));
    ASSAY_TRY(assay_document_int(map, "steps", run->steps, arena, err));
    ASSAY_TRY(assay_document_int(map, "done", run->done, arena, err));
    ASSAY_TRY(assay_document_int(map, "skipped", run->skipped, arena, err));
    ASSAY_TRY(assay_document_int(map, "failed", run->failed, arena, err));
    ASSAY_TRY(assay_document_int(map, "blocked", run->gated, arena, err));
    return assay_document_int(map, "exit_code", run->exit_code, arena, err);
}

static assay_status add_published(const assay_step_record *step, assay_value *map,
                                  assay_arena *arena, assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    if (step->publication_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_value_set(map, "publications", list, arena, err));
    for (size_t i = 0; i < step->publication_count; i++) {
        const assay_publication *publication = &step->publications[i];
        bool failed = publication->error.code != ASSAY_OK;
        assay_value *item = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, item, arena, err));
        ASSAY_TRY(assay_document_text(item, "to", publication->to, arena, err));
        ASSAY_TRY(assay_document_text(item, "table", publication->table, arena, err));
        ASSAY_TRY(assay_document_text(item, "mode", publication->mode, arena, err));
        ASSAY_TRY(assay_document_text(item, "state",
                                      assay_publication_state_name(publication->state), arena,
                                      err));
        ASSAY_TRY(assay_document_text(item, "publish_id", publication->publish_id, arena, err));
        ASSAY_TRY(assay_document_int(item, "rows", publication->rows, arena, err));
        ASSAY_TRY(assay_document_text(item, "error", failed ? publication->error.message : NULL,
                                      arena, err));
    }
    return ASSAY_OK;
}

static assay_status describe_step(const assay_step_record *step, assay_value *list,
                                  assay_arena *arena, assay_error *err)
{
    assay_value *map = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(list, map, arena, err));
    ASSAY_TRY(assay_document_text(map, "step", step->table, arena, err));
    ASSAY_TRY(assay_document_text(map, "step_id", step->step_id, arena, err));
    ASSAY_TRY(assay_document_text(map, "state", step->outcome, arena, err));
    ASSAY_TRY(assay_document_text(map, "reason", step->reason, arena, err));
    ASSAY_TRY(assay_document_text(map, "verdict", step->verdict, arena, err));
    ASSAY_TRY(add_time(map, "started", step->started_us, arena, err));
    ASSAY_TRY(add_time(map, "finished", step->finished_us, arena, err));
    ASSAY_TRY(assay_document_int(map, "rows_added", step->rows_added, arena, err));
    ASSAY_TRY(assay_document_int(map, "snapshot_id", step->snapshot_id, arena, err));
    ASSAY_TRY(add_published(step, map, arena, err));
    return assay_document_text(map, "error", step->error_message, arena, err);
}

static assay_status open_history(assay_context *context, assay_history **ret_history,
                                 assay_error *err)
{
    return assay_history_open(context->project->state_dir, &context->clock, context->log,
                              ret_history, err);
}

assay_status assay_runs_list(assay_context *context, int64_t limit, char **ret_json,
                             assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assay_run_record *runs = NULL;
    size_t count = 0;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(open_history(context, &history, err));
    ASSAY_TRY(
        assay_history_runs(history, limit > 0 ? (size_t)limit : 20, arena, &runs, &count, err));
    ASSAY_TRY(assay_document_new(arena, "runs", &document, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "runs", list, arena, err));
    for (size_t i = 0; i < count; i++) {
        assay_value *map = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, map, arena, err));
        ASSAY_TRY(describe_run(&runs[i], map, arena, err));
    }
    return assay_document_take(document, ret_json, err);
}

assay_status assay_runs_show(assay_context *context, const char *run_id, char **ret_json,
                             assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assay_run_record run;
    assay_step_record *steps = NULL;
    size_t count = 0;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(open_history(context, &history, err));
    ASSAY_TRY(assay_history_run(history, run_id, arena, &run, err));
    ASSAY_TRY(assay_history_steps(history, run.run_id, arena, &steps, &count, err));
    ASSAY_TRY(assay_document_new(arena, "run", &document, err));
    ASSAY_TRY(describe_run(&run, document, arena, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "step_list", list, arena, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(describe_step(&steps[i], list, arena, err));
    return assay_document_take(document, ret_json, err);
}
