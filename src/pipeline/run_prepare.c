/* From the options of a run to the models it runs. */
#include "pipeline/run_state.h"

#include "base/str.h"

#include <string.h>

/* 0001-01-01T00:00:00Z: the beginning of time for --full-refresh. */
#define BEGINNING_US (-62135596800000000LL)

static assay_status choose_interval(const assay_run_options *options, int64_t now_us,
                                    assay_run_choice *choice, assay_error *err)
{
    choice->now_us = options->now_us != 0 ? options->now_us : now_us;
    choice->until_us = options->has_to ? options->to_us : choice->now_us;
    choice->since_us = options->has_from ? options->from_us : BEGINNING_US;
    if (options->has_from && choice->since_us >= choice->until_us)
        return assay_error_set(err, ASSAY_EINVAL, 2302,
                               "--from must lie before --to (by default the clock of the run)");
    return ASSAY_OK;
}

/* True where the last run left a step, or a publication, that another attempt may finish. */
static bool is_unfinished(const assay_step_record *step)
{
    for (size_t i = 0; i < step->publication_count; i++)
        if (step->publications[i].error.code != ASSAY_OK)
            return true;
    return !assay_str_equal(step->outcome, "done") &&
           (!assay_str_equal(step->outcome, "skipped") ||
            assay_str_equal(step->skip_reason, "upstream_failed") ||
            assay_str_equal(step->skip_reason, "run_ended"));
}

/* --retry: the selection is what did not end well in the last run. */
static assay_status select_unfinished(assay_project *project, assay_history *history,
                                      assay_arena *arena, assay_selection *selection,
                                      assay_error *err)
{
    assay_run_record last;
    assay_step_record *steps = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_history_run(history, "last", arena, &last, err));
    ASSAY_TRY(assay_history_steps(history, last.run_id, arena, &steps, &count, err));
    bool *wanted = assay_arena_take(arena, project->model_count + 1, sizeof *wanted);
    ASSAY_TRY(assay_arena_check(wanted, err));
    for (size_t i = 0; i < count; i++) {
        const assay_model *model = assay_project_model(project, steps[i].table);

        if (model != NULL && is_unfinished(&steps[i]))
            wanted[model->index] = true;
    }
    selection->count = 0;
    for (size_t i = 0; i < project->model_count; i++) {
        selection->selected[i] = selection->selected[i] && wanted[i];
        selection->count += selection->selected[i];
    }
    return ASSAY_OK;
}

static bool is_file_fed(const assay_model *model)
{
    return model->kind == ASSAY_MODEL_EXTRACT && model->header.mode == ASSAY_LOAD_APPEND;
}

/* What the inputs no longer say is lost when it is rebuilt. */
static bool holds_the_past(const assay_model *model)
{
    return is_file_fed(model) || model->header.mode == ASSAY_LOAD_SCD2;
}

/* SEMANTICS.md 1.5: what was loaded from files, and history, is rebuilt only where it is named and
 * --yes is given. */
static assay_status choose_refresh(const assay_run_options *options,
                                   const assay_selection *selection, assay_arena *arena,
                                   assay_run_choice *choice, assay_error *err)
{
    choice->refresh = assay_arena_take(arena, choice->count + 1, sizeof *choice->refresh);
    choice->kept = assay_arena_take(arena, choice->count + 1, sizeof *choice->kept);
    ASSAY_TRY(assay_arena_check(choice->refresh, err));
    ASSAY_TRY(assay_arena_check(choice->kept, err));
    if (!options->full_refresh)
        return ASSAY_OK;
    for (size_t i = 0; i < choice->count; i++) {
        const assay_model *model = choice->models[i];

        choice->refresh[i] = !holds_the_past(model) || selection->named[model->index];
        if (!choice->refresh[i])
            choice->kept[choice->kept_count++] = model->name;
        else if (holds_the_past(model) && !options->yes)
            return assay_error_set(err, ASSAY_EINVAL, 2301,
                                   "--full-refresh of '%s' %s: add --yes where that is meant",
                                   model->name,
                                   is_file_fed(model)
                                       ? "loads only the files that are still there"
                                       : "keeps only the history that its inputs still tell");
    }
    return ASSAY_OK;
}

static assay_status check_since(const assay_run_options *options, const assay_run_choice *choice,
                                assay_error *err)
{
    for (size_t i = 0; i < choice->count; i++) {
        const assay_model *model = choice->models[i];

        if (model->uses_since && !options->has_from && !choice->refresh[i])
            return assay_error_set(
                err, ASSAY_EINVAL, 2113,
                "'%s' reads from $since on: give --from TIME (or --full-refresh)", model->name);
    }
    return ASSAY_OK;
}

static bool is_chosen(const assay_run_choice *choice, const assay_model *model)
{
    for (size_t i = 0; i < choice->count; i++)
        if (choice->models[i] == model)
            return true;
    return false;
}

/* An input whose model is not selected must lie in the warehouse already. */
static const assay_model_input *find_lacking(const assay_run_choice *choice,
                                             const assay_model *model)
{
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model_input *input = &model->inputs[i];

        if (!input->published && (input->model == NULL || !is_chosen(choice, input->model)))
            return input;
    }
    return NULL;
}

static assay_status refuse_input(const assay_model *model, const assay_model_input *input,
                                 assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 2119,
                          (assay_place){model->path, input->line, input->column},
                          "'%s' reads '%s', which is not selected and was never published: "
                          "select +%s",
                          model->name, input->name, model->name);
}

static bool reads_lost(const assay_model *model)
{
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model *input = model->inputs[i].model;

        if (input != NULL && (input->failure != NULL || input->unbound))
            return true;
    }
    return false;
}

/* A model without its input fails alone, unless nothing else is selected that could run: then the
 * selection is wrong. */
static assay_status check_inputs(const assay_run_choice *choice, bool fail_fast, assay_arena *arena,
                                 assay_error *err)
{
    const assay_error *first = NULL;
    size_t sound = 0;

    for (size_t i = 0; i < choice->count; i++) {
        assay_model *model = choice->models[i];
        const assay_model_input *lacking = find_lacking(choice, model);

        if (lacking != NULL && fail_fast)
            return refuse_input(model, lacking, err);
        if (lacking != NULL) {
            assay_error *failure = assay_arena_take(arena, 1, sizeof *failure);
            ASSAY_TRY(assay_arena_check(failure, err));
            (void)refuse_input(model, lacking, failure);
            model->failure = failure;
            model->unbound = false;
            first = first != NULL ? first : failure;
            continue;
        }
        model->unbound = model->unbound || reads_lost(model);
        sound += model->failure == NULL && !model->unbound;
    }
    return first != NULL && sound == 0 ? assay_error_copy(err, first) : ASSAY_OK;
}

static assay_status recall_failures(const assay_run_choice *choice, assay_history *history,
                                    assay_error *err)
{
    for (size_t i = 0; i < choice->count; i++) {
        assay_model *model = choice->models[i];

        model->failed_before = 0;
        if (history != NULL && model->kind == ASSAY_MODEL_TRANSFORM)
            ASSAY_TRY(assay_history_last_error(history, model->name, &model->failed_before, err));
    }
    return ASSAY_OK;
}

/* With --fail-fast a model that a source breaks ends the run before it begins. */
static assay_status compile(assay_project *project, const assay_run_choice *choice, bool fail_fast,
                            const assay_step_env *env, assay_conn *conn, assay_error *err)
{
    for (size_t i = 0; i < choice->count; i++)
        choice->models[i]->rebuilt = choice->refresh[i];
    assay_status status =
        fail_fast ? assay_compile(project, choice->models, choice->count, env, conn, err)
                  : assay_compile_each(project, choice->models, choice->count, env, conn, err);
    for (size_t i = 0; i < choice->count; i++)
        choice->models[i]->rebuilt = false;
    return status;
}

assay_status assay_run_prepare(assay_project *project, const assay_run_options *options,
                               const assay_step_env *env, assay_history *history,
                               assay_arena *arena, assay_run_choice *ret_choice, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_selection selection;
    assay_run_choice choice = {0};
    assay_selection_words words = {options->select, options->select_count, options->exclude,
                                   options->exclude_count};

    if (options->jobs < 0 || options->jobs > ASSAY_RUN_JOBS_MAX)
        return assay_error_set(err, ASSAY_EINVAL, 2303, "--jobs must lie between 1 and %d",
                               ASSAY_RUN_JOBS_MAX);
    ASSAY_TRY(choose_interval(options, env->clock->now_us(env->clock->user), &choice, err));
    ASSAY_TRY(assay_conn_open(env->engine, &conn, err));
    ASSAY_TRY(assay_graph_build(project, conn, err));
    ASSAY_TRY(assay_selection_parse(project, &words, arena, &selection, err));
    if (options->retry && history != NULL)
        ASSAY_TRY(select_unfinished(project, history, arena, &selection, err));
    ASSAY_TRY(
        assay_selection_models(project, &selection, arena, &choice.models, &choice.count, err));
    ASSAY_TRY(choose_refresh(options, &selection, arena, &choice, err));
    ASSAY_TRY(check_since(options, &choice, err));
    ASSAY_TRY(recall_failures(&choice, history, err));
    ASSAY_TRY(compile(project, &choice, options->fail_fast, env, conn, err));
    ASSAY_TRY(check_inputs(&choice, options->fail_fast, project->arena, err));
    *ret_choice = choice;
    return ASSAY_OK;
}

assay_status assay_run_inputs(const assay_active_run *run, const assay_model *model,
                              assay_arena *arena, assay_step_input **ret_inputs, assay_error *err)
{
    assay_step_input *inputs = NULL;

    if (model->input_count > 0) {
        inputs = assay_arena_take(arena, model->input_count, sizeof *inputs);
        ASSAY_TRY(assay_arena_check(inputs, err));
    }
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model_input *input = &model->inputs[i];
        const assay_active_step *step = NULL;

        if (run != NULL && input->model != NULL && run->step_of_model[input->model->index] > 0)
            step = &run->steps[run->step_of_model[input->model->index] - 1];
        inputs[i] = (assay_step_input){
            .name = input->name,
            .model = input->model,
            .new_rows = input->new_rows,
            .written_by_run = step != NULL && step->out->result.outcome == ASSAY_STEP_DONE,
            .snapshot_id = step != NULL ? step->published_snapshot : input->snapshot_id,
            .uuid = step != NULL ? step->published_uuid : input->uuid,
            .columns = input->columns,
            .column_count = input->column_count,
        };
    }
    *ret_inputs = inputs;
    return ASSAY_OK;
}
