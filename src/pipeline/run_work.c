/* The worker threads of a run: which step is next, one step's life. */
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "pipeline/run_state.h"
#include "store/lock.h"

#include <stdio.h>

/* ---- events and history ---- */

void assay_run_emit(assay_active_run *run, assay_run_event *event)
{
    event->time_us = run->env->clock->now_us(run->env->clock->user);
    event->run_id = run->result->run_id;
    if (run->options->sink != NULL)
        run->options->sink(run->options->sink_user, event);
}

assay_run_event assay_run_step_event(const assay_active_run *run, const assay_active_step *step,
                                     assay_run_event_kind kind)
{
    return (assay_run_event){
        .kind = kind,
        .table = step->out->model->name,
        .mode = assay_load_mode_name(step->out->model->header.mode),
        .step_id = step->out->step_id,
        .step_index = (size_t)(step - run->steps),
        .step_count = run->count,
        .percent = -1,
        .elapsed_us = step->out->elapsed_us,
    };
}

static void note(assay_active_run *run, const char *message)
{
    assay_run_event event = {.kind = ASSAY_RUN_EVENT_NOTE, .message = message, .percent = -1};

    assay_run_emit(run, &event);
}

/* The history is no part of a step's success: what it cannot keep is said in the log. */
static void keep(assay_active_run *run, assay_status status, const assay_error *failure)
{
    if (status != ASSAY_OK)
        assay_log_write(run->env->log, ASSAY_LOG_WARNING,
                        "the history of the run is incomplete: %s", failure->message);
}

static void record_end(assay_active_run *run, const assay_active_step *step)
{
    const assay_run_step *out = step->out;
    const assay_step_result *result = &out->result;
    char place[ASSAY_ERROR_PATH_SIZE + 32] = "";
    assay_error failure;
    bool failed = out->status != ASSAY_OK;

    if (out->error.path[0] != '\0')
        (void)snprintf(place, sizeof place, "%s:%d:%d", out->error.path, out->error.line,
                       out->error.column);
    assay_step_record record = {
        .run_id = run->result->run_id,
        .step_id = out->step_id,
        .outcome = assay_step_outcome_name(result->outcome),
        .skip_reason =
            result->skip != ASSAY_SKIP_NONE ? assay_skip_reason_name(result->skip) : NULL,
        .reason = result->reason,
        .verdict = result->verdict,
        .started_us = out->started_us,
        .finished_us = run->env->clock->now_us(run->env->clock->user),
        .rows_added = result->rows_added,
        .rows_removed = result->rows_removed,
        .bytes = result->bytes,
        .quarantined = result->quarantined,
        .bad_rows = result->bad_rows,
        .checks_passed = result->checks_passed,
        .checks_total = result->checks_total,
        .snapshot_id = result->snapshot_id,
        .error_number = out->error.number,
        .error_message = failed ? out->error.message : NULL,
        .error_place = place[0] != '\0' ? place : NULL,
        .publications = result->publications,
        .publication_count = result->publication_count,
    };
    assay_error_clear(&failure);
    assay_lock_acquire(run->history_lock);
    keep(run, assay_history_end_step(run->history, &record, &failure), &failure);
    assay_lock_release(run->history_lock);
}

/* ---- the end of a step ---- */

static void announce_end(assay_active_run *run, assay_active_step *step)
{
    assay_run_event event = assay_run_step_event(run, step, ASSAY_RUN_EVENT_STEP_FINISHED);

    event.result = &step->out->result;
    if (step->out->status != ASSAY_OK && step->out->status != ASSAY_ECANCELLED)
        event.error = &step->out->error;
    assay_run_emit(run, &event);
}

/* What is published of the table elsewhere stays as it is. */
static void skip_publications(const assay_active_run *run, assay_active_step *step)
{
    assay_step_result *result = &step->out->result;

    if (result->publication_count > 0)
        return;
    result->publications = assay_publication_skip_all(step->out->model, run->arena);
    result->publication_count =
        result->publications != NULL ? step->out->model->header.publish_count : 0;
}

/* Ends a step that did not run. Under the lock. */
static void end_idle(assay_active_run *run, assay_active_step *step, assay_skip_reason skip,
                     const char *reason)
{
    step->out->result.outcome = skip == ASSAY_SKIP_RUN_ENDED && !run->stopped_by_failure
                                    ? ASSAY_STEP_CANCELLED
                                    : ASSAY_STEP_SKIPPED;
    step->out->result.skip = skip;
    step->out->result.reason = reason;
    if (skip == ASSAY_SKIP_UPSTREAM_FAILED)
        skip_publications(run, step);
    step->state = ASSAY_STEP_ENDED;
    run->ended++;
    record_end(run, step);
    announce_end(run, step);
}

static const char *copy_text(assay_arena *arena, const char *text)
{
    return text != NULL ? assay_arena_text(arena, text) : NULL;
}

/* The texts of a result move from the step's arena to the run's. Under the lock. */
static void keep_result(assay_active_run *run, assay_active_step *step,
                        const assay_step_result *result)
{
    assay_step_result *kept = &step->out->result;
    const char **notes = NULL;

    *kept = *result;
    kept->reason = copy_text(run->arena, result->reason);
    kept->verdict = copy_text(run->arena, result->verdict);
    kept->results_path = copy_text(run->arena, result->results_path);
    kept->bad_rows_path = copy_text(run->arena, result->bad_rows_path);
    kept->notes = NULL;
    if (result->note_count > 0)
        notes = assay_arena_take(run->arena, result->note_count, sizeof *notes);
    kept->note_count = notes != NULL ? result->note_count : 0;
    for (size_t i = 0; i < kept->note_count; i++)
        notes[i] = copy_text(run->arena, result->notes[i]);
    kept->notes = notes;
    kept->publications =
        assay_publication_copy(run->arena, result->publications, result->publication_count);
    kept->publication_count = kept->publications != NULL ? result->publication_count : 0;
}

static assay_step_outcome outcome_of(assay_status status, const assay_step_result *result)
{
    if (status == ASSAY_OK)
        return result->outcome == ASSAY_STEP_SKIPPED ? ASSAY_STEP_SKIPPED : ASSAY_STEP_DONE;
    if (status == ASSAY_EGATE)
        return ASSAY_STEP_GATED;
    return status == ASSAY_ECANCELLED ? ASSAY_STEP_CANCELLED : ASSAY_STEP_FAILED;
}

/* ---- running one step ---- */

/* What the worker keeps of a step while it is outside the lock. */
struct attempt {
    assay_active_run *run;
    assay_active_step *step;
    assay_arena *arena;
    assay_conn *conn;
    assay_conn **spare; /* the worker's, for its next step; *spare may be NULL */
    assay_store_lock *lock;
    assay_step_context context;
    assay_step_result result;
    assay_table_look look;
    assay_status status;
    assay_error error;
};

/* A step that was unchanged left nothing in its connection, which the next one may have; unless
 * there was something to publish. */
static bool leaves_connection_clean(const struct attempt *attempt)
{
    return attempt->step->out->model->header.publish_count == 0 && attempt->status == ASSAY_OK &&
           attempt->result.outcome == ASSAY_STEP_SKIPPED &&
           attempt->result.skip == ASSAY_SKIP_UNCHANGED;
}

static void attempt_done(struct attempt *attempt)
{
    assay_store_lock_release(attempt->lock);
    if (leaves_connection_clean(attempt) && *attempt->spare == NULL)
        *attempt->spare = ASSAY_TAKE(&attempt->conn);
    assay_conn_close(attempt->conn);
    assay_arena_free(attempt->arena);
}

static assay_status take_lock(struct attempt *attempt)
{
    const assay_active_run *run = attempt->run;
    const char *table = attempt->step->out->model->name;
    int64_t wait = run->options->lock_wait_ms;

    if (wait < 0)
        wait = run->project->target_config->lock_wait_ms;
    assay_store_lock_request request = {
        .path = assay_arena_format(attempt->arena, "%s/locks/%s", run->project->state_dir, table),
        .what = table,
        .run = run->result->run_id,
        .clock = *run->env->clock,
        .wait_ms = wait >= 0 ? wait : ASSAY_RUN_LOCK_WAIT_MS,
        .cancel = run->env->cancel,
    };
    ASSAY_TRY(assay_arena_check(request.path, &attempt->error));
    return assay_store_lock_acquire(&request, &attempt->lock, &attempt->error);
}

static assay_status open_attempt(struct attempt *attempt)
{
    const assay_active_run *run = attempt->run;
    const assay_model *model = attempt->step->out->model;
    assay_step_input *inputs = NULL;

    attempt->arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(attempt->arena, &attempt->error));
    ASSAY_TRY(assay_run_inputs(run, model, attempt->arena, &inputs, &attempt->error));
    ASSAY_TRY(take_lock(attempt));
    attempt->conn = ASSAY_TAKE(attempt->spare);
    if (attempt->conn == NULL)
        ASSAY_TRY(assay_conn_open(run->env->engine, &attempt->conn, &attempt->error));
    attempt->context = (assay_step_context){
        .project = run->project,
        .model = model,
        .env = run->env,
        .conn = attempt->conn,
        .arena = attempt->arena,
        .run_id = run->result->run_id,
        .step_id = attempt->step->out->step_id,
        .now_us = run->result->now_us,
        .has_interval = run->options->has_from || run->options->has_to,
        .since_us = run->since_us,
        .until_us = run->until_us,
        .full_refresh = attempt->step->full_refresh,
        .overrides = run->options->overrides,
        .override_count = run->options->override_count,
        .inputs = inputs,
        .input_count = model->input_count,
        .progress = &attempt->step->progress,
        .jobs = run->jobs,
    };
    return ASSAY_OK;
}

/* The main thread reads progress from the connection while it is known. */
static void show_attempt(struct attempt *attempt, bool visible)
{
    assay_lock_acquire(attempt->run->lock);
    attempt->step->conn = visible ? attempt->conn : NULL;
    attempt->step->context = visible ? &attempt->context : NULL;
    assay_lock_release(attempt->run->lock);
}

static void run_attempt(struct attempt *attempt)
{
    const assay_step_env *env = attempt->run->env;
    assay_error failure;

    attempt->result = (assay_step_result){
        .rows_added = -1,
        .rows_updated = -1,
        .rows_removed = -1,
        .rows = -1,
        .bytes = -1,
        .files = -1,
        .quarantined = -1,
        .bad_rows = -1,
        .checks_passed = -1,
        .checks_total = -1,
        .warnings = -1,
        .snapshot_id = -1,
    };
    attempt->look.snapshot_id = -1;
    attempt->status = open_attempt(attempt);
    if (attempt->status != ASSAY_OK)
        return;
    show_attempt(attempt, true);
    attempt->status =
        env->ops->run(env->ops_user, &attempt->context, &attempt->result, &attempt->error);
    show_attempt(attempt, false);
    if (attempt->status != ASSAY_OK || attempt->step->out->model->reader_count == 0)
        return;

    /* What the readers of this table will read, seen while the lock still keeps others away. */
    assay_error_clear(&failure);
    assay_status status =
        env->ops->look(env->ops_user, attempt->run->project, attempt->conn,
                       attempt->context.model->name, attempt->arena, &attempt->look, &failure);
    if (status != ASSAY_OK)
        attempt->status = assay_error_copy(&attempt->error, &failure);
}

/* ---- choosing ---- */

/* The step that this one waits for or fails with. Under the lock. */
static const assay_active_step *find_upstream(const assay_active_run *run, const assay_model *model,
                                              size_t index)
{
    const assay_model *input = model->inputs[index].model;

    if (input == NULL || run->step_of_model[input->index] == 0)
        return NULL;
    return &run->steps[run->step_of_model[input->index] - 1];
}

static bool has_failed(const assay_active_step *step)
{
    const assay_step_result *result = &step->out->result;

    return step->out->status != ASSAY_OK || result->skip == ASSAY_SKIP_UPSTREAM_FAILED ||
           result->skip == ASSAY_SKIP_RUN_ENDED;
}

/* True where `model` reads `other`, at any distance. Every model is visited once: `seen` has a
 * place for each, all false at first. */
static bool depends_on(const assay_model *model, const assay_model *other, bool *seen)
{
    seen[model->index] = true;
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_model *input = model->inputs[i].model;

        if (input == other)
            return true;
        if (input != NULL && !seen[input->index] && input->depth > other->depth &&
            depends_on(input, other, seen))
            return true;
    }
    return false;
}

/* Short memory counts as depending: then nobody waits for it. */
static bool comes_from(const assay_active_run *run, const assay_model *model,
                       const assay_model *other)
{
    ASSAY_AUTO(assay_mem_freep)
    bool *seen = assay_mem_new(run->project->model_count, sizeof *seen);

    return seen == NULL || depends_on(model, other, seen);
}

/* The gate of a step may look at tables that its SQL does not read: they come first, unless they
 * are made from this one. */
static bool waits_for_judgement(const assay_active_run *run, const assay_active_step *step)
{
    const assay_step_ops *ops = run->env->ops;
    const assay_model *model = step->out->model;

    for (size_t i = 0; ops->judged_against != NULL && i < run->count; i++) {
        const assay_model *other = run->steps[i].out->model;
        if (other != model && run->steps[i].state != ASSAY_STEP_ENDED &&
            ops->judged_against(run->env->ops_user, model, other->name) &&
            !comes_from(run, other, model))
            return true;
    }
    return false;
}

/* Ends the step where an input has failed; says whether it is ready to run. */
static bool is_ready(assay_active_run *run, assay_active_step *step)
{
    const assay_model *model = step->out->model;

    if (step->state != ASSAY_STEP_WAITING)
        return false;
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_active_step *upstream = find_upstream(run, model, i);

        if (upstream == NULL)
            continue;
        if (upstream->state != ASSAY_STEP_ENDED)
            return false;
    }
    for (size_t i = 0; i < model->input_count; i++) {
        const assay_active_step *upstream = find_upstream(run, model, i);

        if (upstream == NULL || !has_failed(upstream))
            continue;
        end_idle(run, step, ASSAY_SKIP_UPSTREAM_FAILED,
                 assay_arena_format(run->arena, "upstream failed: %s", upstream->out->model->name));
        return false;
    }
    return true;
}

/* The next step to run, or NULL. A step that runs again alone comes when nothing else can, but
 * before those whose gates look at tables that are still to come. */
static assay_active_step *choose(assay_active_run *run)
{
    if (run->alone)
        return NULL;
    assay_active_step *unjudged = NULL; /* ready, but for a table that its gate looks at */
    for (size_t i = 0; i < run->count; i++) {
        if (!is_ready(run, &run->steps[i]))
            continue;
        if (!waits_for_judgement(run, &run->steps[i]))
            return &run->steps[i];
        unjudged = unjudged != NULL ? unjudged : &run->steps[i];
    }
    for (size_t i = 0; run->running == 0 && i < run->count; i++)
        if (run->steps[i].state == ASSAY_STEP_AGAIN) {
            run->alone = true;
            return &run->steps[i];
        }
    /* gates that look at one another: what is published decides */
    return run->running == 0 ? unjudged : NULL;
}

static void stop_waiting(assay_active_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->steps[i].state == ASSAY_STEP_WAITING || run->steps[i].state == ASSAY_STEP_AGAIN)
            end_idle(run, &run->steps[i], ASSAY_SKIP_RUN_ENDED,
                     run->stopped_by_failure ? "the run ended at the first failure"
                                             : "the run was interrupted");
}

/* ---- the life of a step ---- */

/* Under the lock. */
static void begin(assay_active_run *run, assay_active_step *step)
{
    assay_run_event event;

    step->state = ASSAY_STEP_RUNNING;
    step->beside = run->running > 0;
    for (size_t i = 0; i < run->count && run->running > 0; i++)
        if (run->steps[i].state == ASSAY_STEP_RUNNING)
            run->steps[i].beside = true;
    run->running++;
    step->out->attempts++;
    step->out->started_us = run->env->clock->now_us(run->env->clock->user);
    step->started_us = run->env->clock->monotonic_us(run->env->clock->user);
    event = assay_run_step_event(run, step, ASSAY_RUN_EVENT_STEP_STARTED);
    if (step->out->attempts == 1)
        assay_run_emit(run, &event);
}

/* A second attempt is another step for the lineage, so it has another id. Under the lock. */
static void begin_again_later(assay_active_run *run, struct attempt *attempt)
{
    char old[ASSAY_UUID_TEXT_SIZE];
    assay_run_step *out = attempt->step->out;
    assay_error failure;
    const char *message =
        assay_arena_format(run->arena,
                           "%s ran out of memory beside other steps: it runs again, alone",
                           out->model->name);

    (void)snprintf(old, sizeof old, "%s", out->step_id);
    assay_uuid_format(assay_uuid_v7(run->env->clock, run->env->random), out->step_id);
    assay_error_clear(&failure);
    assay_lock_acquire(run->history_lock);
    keep(run, assay_history_renew_step(run->history, old, out->step_id, &failure), &failure);
    assay_lock_release(run->history_lock);
    attempt->step->state = ASSAY_STEP_AGAIN;
    note(run, message != NULL ? message : "a step runs again, alone");
}

/* Under the lock. */
static void settle(assay_active_run *run, struct attempt *attempt)
{
    assay_active_step *step = attempt->step;
    assay_run_step *out = step->out;

    run->running--;
    run->alone = false;
    if (attempt->status == ASSAY_ENOMEM && step->beside && out->attempts == 1 && !run->stopping) {
        begin_again_later(run, attempt);
        return;
    }
    keep_result(run, step, &attempt->result);
    out->status = attempt->status;
    out->error = attempt->error;
    out->result.outcome = outcome_of(attempt->status, &attempt->result);
    if (attempt->status != ASSAY_OK && attempt->status != ASSAY_ECANCELLED)
        skip_publications(run, step);
    out->elapsed_us = run->env->clock->monotonic_us(run->env->clock->user) - step->started_us;
    step->published_snapshot = attempt->look.exists ? attempt->look.snapshot_id : -1;
    step->published_uuid = copy_text(run->arena, attempt->look.uuid);
    step->state = ASSAY_STEP_ENDED;
    run->ended++;
    record_end(run, step);
    announce_end(run, step);
    if (attempt->status != ASSAY_OK && run->options->fail_fast && !run->stopping) {
        run->stopping = true;
        run->stopped_by_failure = true;
    }
}

static void run_step(assay_active_run *run, assay_active_step *step, assay_conn **spare)
{
    ASSAY_AUTO(attempt_done) struct attempt attempt = {.run = run, .step = step, .spare = spare};
    assay_error failure;

    assay_error_clear(&failure);
    assay_error_clear(&attempt.error);
    assay_lock_acquire(run->history_lock);
    keep(run,
         assay_history_begin_step(run->history, step->out->step_id, step->out->started_us,
                                  &failure),
         &failure);
    assay_lock_release(run->history_lock);
    run_attempt(&attempt);
    assay_lock_acquire(run->lock);
    settle(run, &attempt);
    assay_condition_broadcast(run->changed);
    assay_lock_release(run->lock);
}

void assay_run_work(void *argument)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *spare = NULL;
    assay_active_run *run = argument;

    assay_lock_acquire(run->lock);
    while (run->ended < run->count) {
        /* The main thread looks at the cancel flag only now and then: nothing begins meanwhile, and
         * what a cancelled step leaves behind is not taken for its readers' failed input. */
        run->stopping = run->stopping || assay_cancel_requested(run->env->cancel);
        if (run->stopping)
            stop_waiting(run);
        size_t before = run->ended;
        assay_active_step *step = run->ended < run->count && !run->stopping ? choose(run) : NULL;

        if (step == NULL) {
            if (run->running > 0)
                assay_condition_wait(run->changed, run->lock);
            else if (run->ended == before)
                break; /* nothing runs and nothing can: the caller notices what is left */
            continue;
        }
        begin(run, step);
        assay_lock_release(run->lock);
        run_step(run, step, &spare);
        assay_lock_acquire(run->lock);
    }
    assay_condition_broadcast(run->changed);
    assay_lock_release(run->lock);
}
