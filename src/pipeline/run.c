#include "pipeline/run.h"

#include "base/path.h"
#include "base/str.h"
#include "pipeline/run_state.h"

#include <signal.h>
#include <unistd.h>

enum { TICK_MS = 50 };

/* ---- building ---- */

static void active_run_done(assay_active_run *run)
{
    assay_history_close(run->history);
    assay_condition_free(run->changed);
    assay_lock_free(run->lock);
    assay_lock_free(run->history_lock);
}

static int choose_jobs(const assay_active_run *run)
{
    int jobs = run->options->jobs;

    if (jobs == 0)
        jobs = run->project->target_config->jobs;
    if (jobs == 0) {
        jobs = assay_thread_processors();
        jobs = jobs < ASSAY_RUN_JOBS_DEFAULT_MAX ? jobs : ASSAY_RUN_JOBS_DEFAULT_MAX;
    }
    jobs = jobs < ASSAY_RUN_JOBS_MAX ? jobs : ASSAY_RUN_JOBS_MAX;
    if ((size_t)jobs > run->count)
        jobs = (int)run->count;
    return jobs > 0 ? jobs : 1;
}

static assay_status build_steps(assay_active_run *run, const assay_run_choice *choice,
                                assay_error *err)
{
    assay_run_result *result = run->result;

    run->count = choice->count;
    result->count = choice->count;
    run->step_of_model =
        assay_arena_take(run->arena, run->project->model_count + 1, sizeof *run->step_of_model);
    run->steps = assay_arena_take(run->arena, choice->count + 1, sizeof *run->steps);
    result->steps = assay_arena_take(run->arena, choice->count + 1, sizeof *result->steps);
    if (run->step_of_model == NULL || run->steps == NULL || result->steps == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < choice->count; i++) {
        result->steps[i].model = choice->models[i];
        result->steps[i].result.snapshot_id = -1;
        assay_uuid_format(assay_uuid_v7(run->env->clock, run->env->random),
                          result->steps[i].step_id);
        run->steps[i].out = &result->steps[i];
        run->steps[i].full_refresh = choice->refresh[i];
        run->steps[i].published_snapshot = -1;
        atomic_init(&run->steps[i].progress.phase, NULL);
        atomic_init(&run->steps[i].progress.committed, false);
        run->step_of_model[choice->models[i]->index] = i + 1;
    }
    return ASSAY_OK;
}

static assay_status build(assay_active_run *run, const assay_run_choice *choice, assay_error *err)
{
    run->lock = assay_lock_new();
    run->history_lock = assay_lock_new();
    run->changed = assay_condition_new();
    if (run->lock == NULL || run->history_lock == NULL || run->changed == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(build_steps(run, choice, err));
    run->result->now_us = choice->now_us;
    run->since_us = choice->since_us;
    run->until_us = choice->until_us;
    run->jobs = choose_jobs(run);
    return ASSAY_OK;
}

/* ---- the record of the run ---- */

static assay_status record_begin(assay_active_run *run, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    assay_run_record record = {
        .run_id = run->result->run_id,
        .command = run->options->command,
        .assay_version = run->env->assay_version,
        .pid = (int64_t)getpid(),
        .started_us = run->result->started_us,
        .now_us = run->result->now_us,
    };

    ASSAY_TRY(assay_arena_check(scratch, err));
    assay_step_record *steps = assay_arena_take(scratch, run->count + 1, sizeof *steps);
    ASSAY_TRY(assay_arena_check(steps, err));
    for (size_t i = 0; i < run->count; i++) {
        steps[i].run_id = run->result->run_id;
        steps[i].step_id = run->result->steps[i].step_id;
        steps[i].table = run->result->steps[i].model->name;
        steps[i].mode = assay_load_mode_name(run->result->steps[i].model->header.mode);
    }
    return assay_history_begin_run(run->history, &record, steps, run->count, err);
}

static const char *status_name(const assay_run_result *result)
{
    if (result->status == ASSAY_OK)
        return "ok";
    if (result->status == ASSAY_ECANCELLED)
        return "cancelled";
    return result->status == ASSAY_EGATE ? "gated" : "failed";
}

static void record_end(assay_active_run *run)
{
    assay_error failure;
    assay_run_record record = {
        .run_id = run->result->run_id,
        .status = status_name(run->result),
        .finished_us = run->env->clock->now_us(run->env->clock->user),
        .exit_code = run->result->exit_code,
    };

    assay_error_clear(&failure);
    assay_lock_acquire(run->history_lock);
    if (assay_history_end_run(run->history, &record, &failure) != ASSAY_OK)
        assay_log_write(run->env->log, ASSAY_LOG_WARNING,
                        "the end of the run cannot be recorded: %s", failure.message);
    assay_lock_release(run->history_lock);
}

/* ---- events of the run ---- */

static void announce_begin(assay_active_run *run, const assay_run_choice *choice)
{
    const assay_project *project = run->project;
    assay_run_event event = {
        .kind = ASSAY_RUN_EVENT_RUN_STARTED,
        .project = project->name,
        .target = project->target,
        .format = project->storage->format,
        .warehouse = project->warehouse,
        .assay_version = run->env->assay_version,
        .engine_version = assay_engine_version(),
        .has_interval = run->options->has_from || run->options->has_to,
        .since_us = run->since_us,
        .until_us = run->until_us,
        .now_us = run->result->now_us,
        .jobs = run->jobs,
        .step_count = run->count,
        .percent = -1,
    };

    assay_lock_acquire(run->lock);
    assay_run_emit(run, &event);
    for (size_t i = 0; i < choice->kept_count; i++) {
        assay_run_event note = {.kind = ASSAY_RUN_EVENT_NOTE, .percent = -1};

        note.message = assay_arena_format(run->arena,
                                          "%s is fed from files or keeps history, and was not "
                                          "named: it is not rebuilt by --full-refresh",
                                          choice->kept[i]);
        if (note.message != NULL)
            assay_run_emit(run, &note);
    }
    assay_lock_release(run->lock);
}

static void announce_end(assay_active_run *run)
{
    const assay_run_step *decisive = run->result->decisive;
    assay_run_event event = {
        .kind = ASSAY_RUN_EVENT_RUN_FINISHED,
        .step_count = run->count,
        .percent = -1,
        .elapsed_us = run->result->elapsed_us,
        .run = run->result,
        .error = decisive != NULL ? assay_run_step_failure(decisive) : NULL,
    };

    assay_lock_acquire(run->lock);
    assay_run_emit(run, &event);
    assay_lock_release(run->lock);
}

/* Under the lock. */
static void announce_progress(assay_active_run *run)
{
    int64_t now = run->env->clock->monotonic_us(run->env->clock->user);

    for (size_t i = 0; i < run->count; i++) {
        assay_active_step *step = &run->steps[i];
        uint64_t total = 0;

        if (step->state != ASSAY_STEP_RUNNING || step->conn == NULL)
            continue;
        assay_run_event event = assay_run_step_event(run, step, ASSAY_RUN_EVENT_STEP_PROGRESS);
        assay_conn_progress(step->conn, &event.percent, &event.rows, &total);
        event.phase = atomic_load(&step->progress.phase);
        event.elapsed_us = now - step->started_us;
        assay_run_emit(run, &event);
    }
}

/* ---- the main thread while workers work ---- */

/* SEMANTICS.md 3.5: the engine is interrupted again and again, since a step may just be between two
 * statements; after 1.5 s the process leaves. */
static void stop_steps(assay_active_run *run, int64_t *asked_us, bool *left)
{
    const assay_step_env *env = run->env;
    int64_t now = env->clock->monotonic_us(env->clock->user);

    if (*asked_us == 0)
        *asked_us = now;
    run->stopping = true;
    assay_condition_broadcast(run->changed);
    assay_engine_interrupt(env->engine);
    if (*left || now - *asked_us < (int64_t)ASSAY_RUN_STOP_WAIT_MS * 1000 ||
        run->options->leave == NULL)
        return;
    *left = true;
    for (size_t i = 0; i < run->count && env->ops->abort != NULL; i++)
        if (run->steps[i].context != NULL)
            env->ops->abort(env->ops_user, run->steps[i].context);
    run->options->leave(run->options->leave_user, assay_cancel_signal(env->cancel));
}

static void watch(assay_active_run *run)
{
    int64_t asked_us = 0;
    int64_t shown_us = run->started_us;
    bool left = false;

    assay_lock_acquire(run->lock);
    while (run->ended < run->count && !(run->stopping && run->running == 0)) {
        int64_t now = run->env->clock->monotonic_us(run->env->clock->user);

        if (assay_cancel_requested(run->env->cancel))
            stop_steps(run, &asked_us, &left);
        if (run->options->sink != NULL && now - shown_us >= (int64_t)ASSAY_RUN_PROGRESS_MS * 1000) {
            announce_progress(run);
            shown_us = now;
        }
        (void)assay_condition_wait_ms(run->changed, run->lock, TICK_MS);
    }
    assay_lock_release(run->lock);
}

static assay_status work(assay_active_run *run, assay_error *err)
{
    assay_thread *threads[ASSAY_RUN_JOBS_MAX] = {NULL};
    int started = 0;
    assay_status status = ASSAY_OK;

    if (run->count == 0)
        return ASSAY_OK;
    while (started < run->jobs && status == ASSAY_OK) {
        status = assay_thread_start(assay_run_work, run, &threads[started], err);
        started += status == ASSAY_OK;
    }
    if (started == 0)
        return status;
    watch(run);
    for (int i = 0; i < started; i++)
        assay_thread_join(threads[i]);
    if (run->ended < run->count)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "%zu steps of the run were left over",
                               run->count - run->ended);
    return ASSAY_OK;
}

static assay_status begin_ops(const assay_active_run *run, assay_run_moment *moment,
                              assay_error *err)
{
    if (run->env->ops->begin == NULL)
        return ASSAY_OK;
    return run->env->ops->begin(run->env->ops_user, moment, err);
}

static void end_ops(const assay_active_run *run, assay_run_moment *moment, assay_status status,
                    const assay_error *err)
{
    const assay_run_step *decisive = run->result->decisive;

    moment->status = status != ASSAY_OK ? status : run->result->status;
    if (status != ASSAY_OK)
        moment->message = err != NULL ? err->message : NULL;
    else if (decisive != NULL)
        moment->message = assay_run_step_failure(decisive)->message;
    if (run->env->ops->end != NULL)
        run->env->ops->end(run->env->ops_user, moment);
}

/* 0 = the run was not interrupted, or only after its last step. */
static int interrupt_signal(const assay_active_run *run)
{
    bool cut = false;

    for (size_t i = 0; i < run->result->count; i++)
        cut = cut || run->result->steps[i].result.outcome == ASSAY_STEP_CANCELLED;
    if (!cut || !assay_cancel_requested(run->env->cancel))
        return 0;
    int signal_number = assay_cancel_signal(run->env->cancel);
    return signal_number != 0 ? signal_number : SIGINT;
}

static assay_status run_all(assay_active_run *run, const assay_run_choice *choice, assay_error *err)
{
    assay_run_moment moment = {
        .project = run->project,
        .run_id = run->result->run_id,
        .started_us = run->result->started_us,
        .models = choice->models,
        .model_count = choice->count,
    };

    ASSAY_TRY(record_begin(run, err));
    assay_status status = begin_ops(run, &moment, err);
    if (status == ASSAY_OK) {
        announce_begin(run, choice);
        status = work(run, err);
        assay_run_conclude(run, interrupt_signal(run));
    }
    if (status != ASSAY_OK) {
        run->result->status = status;
        run->result->exit_code = assay_status_exit_code(status);
    }
    end_ops(run, &moment, status, err);
    record_end(run);
    if (status == ASSAY_OK)
        announce_end(run);
    return status;
}

assay_status assay_pipeline_run(assay_project *project, const assay_run_options *options,
                                const assay_step_env *env, assay_arena *arena,
                                assay_run_result **ret_result, assay_error *err)
{
    ASSAY_AUTO(active_run_done)
    assay_active_run run = {
        .project = project,
        .options = options,
        .env = env,
        .arena = arena,
    };
    assay_run_choice choice;

    run.result = assay_arena_take(arena, 1, sizeof *run.result);
    ASSAY_TRY(assay_arena_check(run.result, err));
    run.result->started_us = env->clock->now_us(env->clock->user);
    run.started_us = env->clock->monotonic_us(env->clock->user);
    assay_uuid_format(assay_uuid_v7(env->clock, env->random), run.result->run_id);
    ASSAY_TRY(assay_history_open(project->state_dir, env->clock, env->log, &run.history, err));
    ASSAY_TRY(assay_run_recover(project, env, run.history, err));
    ASSAY_TRY(assay_run_prepare(project, options, env, run.history, arena, &choice, err));
    run.result->nothing_selected = choice.count == 0;
    ASSAY_TRY(build(&run, &choice, err));
    ASSAY_TRY(run_all(&run, &choice, err));
    *ret_result = run.result;
    return ASSAY_OK;
}
