/* What a run would do. */
#include "pipeline/run_state.h"

struct planning {
    assay_project *project;
    const assay_run_options *options;
    const assay_step_env *env;
    const assay_run_choice *choice;
    assay_conn *conn;
    assay_arena *arena;
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

/* The first input that this plan writes before, or NULL. */
static const char *changed_input(const assay_planned_step *steps, size_t count,
                                 const assay_model *model)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; steps[i].plan.will_run && j < model->input_count; j++)
            if (model->inputs[j].model == steps[i].model)
                return steps[i].model->name;
    return NULL;
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

    if (options->retry)
        ASSAY_TRY(assay_history_open(project->state_dir, env->clock, env->log, &history, err));
    ASSAY_TRY(assay_run_prepare(project, options, env, history, arena, &choice, err));
    ASSAY_TRY(assay_conn_open(env->engine, &conn, err));
    if (choice.count > 0) {
        steps = assay_arena_take(arena, choice.count, sizeof *steps);
        ASSAY_TRY(assay_arena_check(steps, err));
    }
    struct planning planning = {project, options, env, &choice, conn, arena};
    for (size_t i = 0; i < choice.count; i++) {
        const char *changed = changed_input(steps, i, choice.models[i]);

        steps[i].model = choice.models[i];
        if (changed != NULL) {
            steps[i].plan =
                (assay_step_plan){.will_run = true,
                                  .new_files = -1,
                                  .will_publish = choice.models[i]->header.publish_count > 0};
            steps[i].plan.reason = assay_arena_format(arena, "after %s", changed);
            ASSAY_TRY(assay_arena_check(steps[i].plan.reason, err));
            continue;
        }
        ASSAY_TRY(plan_step(&planning, i, &steps[i].plan, err));
    }
    *ret_steps = steps;
    *ret_count = choice.count;
    return ASSAY_OK;
}
