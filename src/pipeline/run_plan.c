/* What a run would do. */
#include "base/path.h"
#include "pipeline/run_state.h"

struct planning {
    assay_project *project;
    const assay_run_options *options;
    const assay_step_env *env;
    const assay_run_choice *choice;
    assay_conn *conn;
    assay_arena *arena;
    const assay_planned_step **of_model; /* by index of the model; NULL = not planned (yet) */
};

static assay_status plan_step(const struct planning *planning, size_t index,
                              assay_step_plan *ret_plan, assay_error *err)
{
    const assay_run_choice *choice = planning->choice;
    const assay_run_options *options = planning->options;
    const assay_step_env *env = planning->env;
    const assay_model *model = choice->models[index];
    assay_step_input *inputs = NULL;

    ASSAY_TRY(assay_run_inputs(NULL, model, planning->arena, &inputs, err));
    assay_step_context context = {
        .project = planning->project,
        .model = model,
        .env = env,
        .conn = planning->conn,
        .arena = planning->arena,
        .run_id = "",
        .step_id = "",
        .now_us = choice->now_us,
        .has_interval = options->has_from || options->has_to,
        .since_us = choice->since_us,
        .until_us = choice->until_us,
        .full_refresh = choice->refresh[index],
        .overrides = options->overrides,
        .override_count = options->override_count,
        .inputs = inputs,
        .input_count = model->input_count,
        .jobs = 1,
    };
    *ret_plan = (assay_step_plan){.will_run = env->ops->plan == NULL, .new_files = -1};
    if (env->ops->plan == NULL)
        return ASSAY_OK;
    return env->ops->plan(env->ops_user, &context, ret_plan, err);
}

/* The first input whose step, planned before, `test` is true of; NULL = none. */
static const char *find_input(const struct planning *planning, const assay_model *model,
                              bool (*test)(const assay_planned_step *))
{
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model *input = model->inputs[i].model;
        const assay_planned_step *step = input != NULL ? planning->of_model[input->index] : NULL;

        if (step != NULL && test(step))
            return input->name;
    }
    return NULL;
}

static bool is_written(const assay_planned_step *step)
{
    return step->plan.will_run;
}

static bool is_lost(const assay_planned_step *step)
{
    return step->failure.code != ASSAY_OK || step->plan.skip == ASSAY_SKIP_UPSTREAM_FAILED;
}

static assay_status give_reason(const struct planning *planning, const char *words,
                                const char *table, assay_step_plan *plan, assay_error *err)
{
    plan->new_files = -1;
    plan->reason = assay_arena_format(planning->arena, "%s%s", words, table);
    return assay_arena_check(plan->reason, err);
}

/* What is wrong with one step is told of that step. */
static assay_status plan_alone(const struct planning *planning, size_t index,
                               assay_planned_step *step, assay_error *err)
{
    assay_error_clear(&step->failure);
    if (step->model->failure != NULL)
        step->failure = *step->model->failure;
    else if (step->model->unreached != NULL)
        step->failure = *step->model->unreached;
    else if (plan_step(planning, index, &step->plan, &step->failure) == ASSAY_OK)
        return ASSAY_OK;
    if (step->failure.code == ASSAY_ENOMEM || step->failure.code == ASSAY_ECANCELLED)
        return assay_error_copy(err, &step->failure);
    step->plan = (assay_step_plan){.will_run = false};
    return give_reason(planning, "it fails", "", &step->plan, err);
}

static assay_status plan_one(const struct planning *planning, size_t index,
                             assay_planned_step *step, assay_error *err)
{
    const char *lost = find_input(planning, step->model, is_lost);
    const char *changed = find_input(planning, step->model, is_written);

    if (lost != NULL) {
        step->plan.skip = ASSAY_SKIP_UPSTREAM_FAILED;
        return give_reason(planning, "upstream fails: ", lost, &step->plan, err);
    }
    if (changed == NULL || step->model->failure != NULL) /* extracts have no inputs */
        return plan_alone(planning, index, step, err);
    step->plan.will_run = true;
    step->plan.will_publish = step->model->header.publish_count > 0;
    return give_reason(planning, "after ", changed, &step->plan, err);
}

/* A project that was never run stays without one. */
static assay_status open_history(const assay_project *project, const assay_run_options *options,
                                 const assay_step_env *env, assay_history **ret_history,
                                 assay_error *err)
{
    assay_path_info info;

    ASSAY_TRY(assay_path_stat(project->state_dir, &info, err));
    if (!options->retry && !info.exists)
        return ASSAY_OK;
    return assay_history_open(project->state_dir, env->clock, env->log, ret_history, err);
}

assay_status assay_pipeline_plan(assay_project *project, const assay_run_options *options,
                                 const assay_step_env *env, assay_arena *arena,
                                 assay_planned_step **ret_steps, size_t *ret_count,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assay_run_choice choice;
    assay_planned_step *steps = NULL;

    ASSAY_TRY(open_history(project, options, env, &history, err));
    ASSAY_TRY(assay_run_prepare(project, options, env, history, arena, &choice, err));
    ASSAY_TRY(assay_conn_open(env->engine, &conn, err));
    steps = assay_arena_take(arena, choice.count + 1, sizeof *steps);
    ASSAY_TRY(assay_arena_check(steps, err));
    struct planning planning = {project, options, env, &choice, conn, arena, NULL};
    planning.of_model =
        assay_arena_take(arena, project->model_count + 1, sizeof(assay_planned_step *));
    ASSAY_TRY(assay_arena_check(planning.of_model, err));
    for (size_t i = 0; i < choice.count; i++) {
        steps[i].model = choice.models[i];
        ASSAY_TRY(plan_one(&planning, i, &steps[i], err));
        planning.of_model[choice.models[i]->index] = &steps[i];
    }
    *ret_steps = steps;
    *ret_count = choice.count;
    return ASSAY_OK;
}
