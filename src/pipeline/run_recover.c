/* What a dead process left open is closed before the next run begins (SEMANTICS.md 3.3). */
#include "pipeline/run_state.h"

#include "base/path.h"
#include "base/str.h"
#include "store/lock.h"

/* What dead processes left open: runs, and steps outside of runs. */
struct left {
    assay_run_record *runs;
    assay_open_step *steps;
    size_t run_count, step_count;
};

static assay_status recover_step(const assay_project *project, const assay_step_env *env,
                                 assay_history *history, assay_conn *conn,
                                 const assay_step_record *step, assay_error *err)
{
    bool committed = false;
    bool open = assay_str_equal(step->outcome, "running");
    assay_open_step left = {step->run_id, step->step_id, step->table, step->started_us};
    assay_step_record ended = *step;

    if (!open && !assay_str_equal(step->outcome, "pending"))
        return ASSAY_OK;
    if (open && env->ops->recover != NULL)
        ASSAY_TRY(env->ops->recover(env->ops_user, project, conn, &left, &committed, err));
    ended.outcome = committed ? "done" : open ? "aborted" : "cancelled";
    ended.reason = committed ? "the process ended after the commit" : "the process ended";
    ended.finished_us = env->clock->now_us(env->clock->user);
    return assay_history_end_step(history, &ended, err);
}

/* A step that cannot be looked at (its table is damaged, say) stays open for the next time. */
static assay_status recover_run(const assay_project *project, const assay_step_env *env,
                                assay_history *history, const assay_run_record *run,
                                assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_step_record *steps = NULL;
    size_t count = 0;
    bool complete = true;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(env->engine, &conn, err));
    ASSAY_TRY(assay_history_steps(history, run->run_id, arena, &steps, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_error failure;

        assay_error_clear(&failure);
        if (recover_step(project, env, history, conn, &steps[i], &failure) == ASSAY_OK)
            continue;
        complete = false;
        assay_log_write(env->log, ASSAY_LOG_WARNING,
                        "what run %s left open on '%s' cannot be closed: %s", run->run_id,
                        steps[i].table, failure.message);
    }
    if (!complete)
        return ASSAY_OK;
    if (env->ops->recover_run != NULL)
        env->ops->recover_run(env->ops_user, project, run->run_id, run->started_us);

    assay_run_record ended = *run;
    ended.status = "aborted";
    ended.exit_code = -1;
    ended.finished_us = env->clock->now_us(env->clock->user);
    assay_log_write(env->log, ASSAY_LOG_INFO, "run %s was closed: its process ended early",
                    run->run_id);
    return assay_history_end_run(history, &ended, err);
}

/* The steps of one run of work outside of a run. */
static assay_status recover_work(const assay_project *project, const assay_step_env *env,
                                 assay_history *history, const assay_open_step *steps, size_t count,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;

    ASSAY_TRY(assay_conn_open(env->engine, &conn, err));
    for (size_t i = 0; i < count; i++) {
        assay_error failure = {.code = ASSAY_OK};
        bool committed = false;

        if (steps[i].step_id == NULL || env->ops->recover == NULL ||
            env->ops->recover(env->ops_user, project, conn, &steps[i], &committed, &failure) ==
                ASSAY_OK)
            continue;
        assay_log_write(env->log, ASSAY_LOG_WARNING,
                        "what a process that ended left open on '%s' cannot be closed: %s",
                        steps[i].table, failure.message);
        return ASSAY_OK; /* for the next time */
    }
    if (env->ops->recover_run != NULL)
        env->ops->recover_run(env->ops_user, project, steps[0].run_id, steps[0].started_us);
    return assay_history_end_work(history, steps[0].run_id, err);
}

static assay_status recover_all(const assay_project *project, const assay_step_env *env,
                                assay_history *history, const struct left *left, assay_error *err)
{
    for (size_t i = 0; i < left->run_count; i++)
        ASSAY_TRY(recover_run(project, env, history, &left->runs[i], err));
    for (size_t i = 0, next = 0; i < left->step_count; i = next) {
        while (next < left->step_count &&
               assay_str_equal(left->steps[next].run_id, left->steps[i].run_id))
            next++;
        ASSAY_TRY(recover_work(project, env, history, &left->steps[i], next - i, err));
    }
    return ASSAY_OK;
}

static assay_status find_left(assay_history *history, assay_arena *arena, struct left *left,
                              assay_error *err)
{
    ASSAY_TRY(assay_history_dead_runs(history, arena, &left->runs, &left->run_count, err));
    return assay_history_dead_work(history, arena, &left->steps, &left->step_count, err);
}

assay_status assay_run_recover(const assay_project *project, const assay_step_env *env,
                               assay_history *history, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_store_lock_releasep) assay_store_lock *lock = NULL;
    struct left left;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_left(history, arena, &left, err));
    if (left.run_count == 0 && left.step_count == 0)
        return ASSAY_OK;
    assay_store_lock_request request = {
        .path = assay_path_join(arena, project->state_dir, "locks/recover"),
        .what = "recovery",
        .run = "",
        .clock = *env->clock,
    };
    ASSAY_TRY(assay_arena_check(request.path, err));
    assay_status status = assay_store_lock_acquire(&request, &lock, err);
    if (status == ASSAY_ELOCKED)
        return ASSAY_OK; /* another process is at it */
    ASSAY_TRY(status);
    /* asked again: another process may have closed them before this one had the lock */
    ASSAY_TRY(find_left(history, arena, &left, err));
    return recover_all(project, env, history, &left, err);
}
