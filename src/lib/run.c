/* Runs: the public functions over src/pipeline. */
#include <assay/pipeline.h>

#include <stdio.h>

#include "base/path.h"
#include "base/str.h"
#include "base/sysinfo.h"
#include "lib/context.h"
#include "lib/document.h"
#include "lib/places.h"

/* The listener of one run and what its updates repeat. */
struct listening {
    const assay_context *context;
    assay_run_listener *listener;
    void *user;
    const char *lineage;
    const char *results;
};

/* How an outcome is called outside. */
static const char *state_name(const assay_step_result *result)
{
    switch (result->outcome) {
    case ASSAY_STEP_DONE:
        return "done";
    case ASSAY_STEP_SKIPPED:
        return "skipped";
    case ASSAY_STEP_GATED:
        return "blocked";
    case ASSAY_STEP_FAILED:
        return "failed";
    case ASSAY_STEP_CANCELLED:
        return "cancelled";
    case ASSAY_STEP_OUTCOME_COUNT:
        break;
    }
    return "failed";
}

static assay_run_update update_of(const assay_run_event *event)
{
    return (assay_run_update){.time_us = event->time_us,
                              .run_id = event->run_id,
                              .message = event->message,
                              .step = event->table,
                              .step_id = event->step_id,
                              .mode = event->mode,
                              .rows_added = -1,
                              .rows_updated = -1,
                              .rows_removed = -1,
                              .rows_quarantined = -1,
                              .bytes = -1,
                              .bad_rows = -1,
                              .duration_us = event->elapsed_us,
                              .checks_passed = -1,
                              .checks_total = -1,
                              .snapshot_id = -1,
                              .percent = -1};
}

static void fill_finished(const struct listening *listening, const assay_run_event *event,
                          assay_run_update *update)
{
    const assay_step_result *result = event->result;
    const assay_model *model = assay_project_model(listening->context->project, event->table);

    if (model != NULL)
        update->step_kind = model->kind == ASSAY_MODEL_EXTRACT ? "extract" : "transform";
    update->error = event->error;
    if (result == NULL)
        return;
    update->state = state_name(result);
    update->reason = result->reason;
    update->rows_added = result->rows_added;
    update->rows_updated = result->rows_updated;
    update->rows_removed = result->rows_removed;
    update->rows_quarantined = result->quarantined;
    update->bytes = result->bytes;
    update->bad_rows = result->bad_rows;
    update->checks_passed = result->checks_passed;
    update->checks_total = result->checks_total;
    update->verdict = result->verdict;
    update->snapshot_id = result->snapshot_id;
    update->evidence = result->evidence;
}

static void tell(const struct listening *listening, assay_run_update *update,
                 assay_run_update_kind kind)
{
    update->kind = kind;
    listening->listener(listening->user, update);
}

static void tell_notes(const struct listening *listening, const assay_run_event *event)
{
    for (size_t i = 0; event->result != NULL && i < event->result->note_count; i++) {
        assay_run_update note = update_of(event);
        note.message = event->result->notes[i];
        tell(listening, &note, ASSAY_RUN_NOTICE);
    }
}

static assay_run_publication publication_of(const assay_publication *publication)
{
    return (assay_run_publication){.connection = publication->to,
                                   .table = publication->table,
                                   .mode = publication->mode,
                                   .state = assay_publication_state_name(publication->state),
                                   .publish_id = publication->publish_id,
                                   .rows = publication->rows,
                                   .inserted = publication->inserted,
                                   .updated = publication->updated,
                                   .deleted = publication->deleted,
                                   .duration_us = publication->elapsed_us,
                                   .error = publication->error.code != ASSAY_OK
                                                ? &publication->error
                                                : NULL};
}

static void tell_finished(const struct listening *listening, const assay_step_result *result,
                          assay_run_update *update)
{
    assay_run_publication publications[ASSAY_PUBLICATIONS_MAX];
    size_t count = result != NULL ? result->publication_count : 0;

    for (size_t i = 0; i < count && i < ASSAY_PUBLICATIONS_MAX; i++)
        publications[i] = publication_of(&result->publications[i]);
    update->publications = count > 0 ? publications : NULL;
    update->publication_count = count;
    tell(listening, update, ASSAY_RUN_STEP_FINISHED);
}

static void tell_end(const struct listening *listening, const assay_run_event *event,
                     assay_run_update *update)
{
    const struct assay_run_result *run = event->run;
    const assay_project *project = listening->context->project;

    if (run != NULL) {
        update->steps_total = run->count;
        update->steps_done = run->outcomes[ASSAY_STEP_DONE];
        update->steps_failed = run->outcomes[ASSAY_STEP_FAILED] + run->outcomes[ASSAY_STEP_GATED] +
                               run->outcomes[ASSAY_STEP_CANCELLED];
        update->steps_skipped = run->outcomes[ASSAY_STEP_SKIPPED];
        update->unpublished = run->unpublished;
    }
    update->target = project->target;
    update->format = project->storage->format;
    update->warehouse = project->warehouse;
    update->lineage = listening->lineage;
    update->message = listening->results;
    tell(listening, update, ASSAY_RUN_FINISHED);
}

static void listen(void *user, const assay_run_event *event)
{
    const struct listening *listening = user;
    assay_run_update update = update_of(event);

    switch (event->kind) {
    case ASSAY_RUN_EVENT_RUN_STARTED:
        update.steps_total = event->step_count;
        update.target = event->target;
        update.format = event->format;
        update.warehouse = event->warehouse;
        tell(listening, &update, ASSAY_RUN_STARTED);
        break;
    case ASSAY_RUN_EVENT_STEP_STARTED:
        tell(listening, &update, ASSAY_RUN_STEP_STARTED);
        break;
    case ASSAY_RUN_EVENT_STEP_PROGRESS:
        update.percent = event->percent;
        update.rows_added = (int64_t)event->rows;
        tell(listening, &update, ASSAY_RUN_STEP_PROGRESS);
        break;
    case ASSAY_RUN_EVENT_STEP_FINISHED:
        fill_finished(listening, event, &update);
        tell_notes(listening, event);
        tell_finished(listening, event->result, &update);
        break;
    case ASSAY_RUN_EVENT_NOTE:
        tell(listening, &update, ASSAY_RUN_NOTICE);
        break;
    case ASSAY_RUN_EVENT_RUN_FINISHED:
        tell_end(listening, event, &update);
        break;
    }
}

/* ---- options ---- */

static assay_status parse_moment(const char *text, const char *option, bool *ret_has,
                                 int64_t *ret_us, assay_error *err)
{
    if (text == NULL)
        return ASSAY_OK;
    if (!assay_time_parse(text, ret_us))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "%s '%s' is no ISO 8601 time", option,
                               text);
    *ret_has = true;
    return ASSAY_OK;
}

static assay_status make_overrides(const assay_context *context, const assay_run_settings *settings,
                                   assay_arena *arena, assay_run_options *options, assay_error *err)
{
    char user[ASSAY_SYSINFO_NAME_SIZE];
    assay_gate_override *overrides =
        assay_arena_take(arena, settings->override_count + 1, sizeof *overrides);

    ASSAY_TRY(assay_arena_check(overrides, err));
    assay_sysinfo_user(user);
    const char *who = assay_arena_text(arena, user);
    ASSAY_TRY(assay_arena_check(who, err));
    for (size_t i = 0; i < settings->override_count; i++) {
        if (assay_str_is_blank(settings->overrides[i].reason))
            return assay_error_set(err, ASSAY_EINVAL, 1003, "--override-gate needs --reason TEXT");
        overrides[i] = (assay_gate_override){.check = settings->overrides[i].check,
                                             .reason = settings->overrides[i].reason,
                                             .who = who,
                                             .when_us = context->clock.now_us(context->clock.user)};
    }
    options->overrides = overrides;
    options->override_count = settings->override_count;
    return ASSAY_OK;
}

static assay_status make_options(const assay_context *context, const assay_selectors *selectors,
                                 const assay_run_settings *settings, assay_arena *arena,
                                 assay_run_options *ret_options, assay_error *err)
{
    assay_run_options options = {.now_us = context->now_us,
                                 .full_refresh = settings->full_refresh,
                                 .yes = settings->yes,
                                 .retry = settings->retry,
                                 .fail_fast = settings->fail_fast,
                                 .jobs = settings->jobs,
                                 .lock_wait_ms = settings->lock_wait_ms};

    if (selectors != NULL) {
        options.select = selectors->select;
        options.select_count = assay_context_count(selectors->select);
        options.exclude = selectors->exclude;
        options.exclude_count = assay_context_count(selectors->exclude);
    }
    ASSAY_TRY(parse_moment(settings->from, "--from", &options.has_from, &options.from_us, err));
    ASSAY_TRY(parse_moment(settings->to, "--to", &options.has_to, &options.to_us, err));
    ASSAY_TRY(make_overrides(context, settings, arena, &options, err));
    *ret_options = options;
    return ASSAY_OK;
}

/* ---- run ---- */

static void summarise(const assay_run_result *result, assay_run_summary *summary)
{
    (void)snprintf(summary->run_id, sizeof summary->run_id, "%s", result->run_id);
    summary->steps = result->count;
    summary->done = result->outcomes[ASSAY_STEP_DONE];
    summary->skipped = result->outcomes[ASSAY_STEP_SKIPPED];
    summary->blocked = result->outcomes[ASSAY_STEP_GATED];
    summary->failed = result->outcomes[ASSAY_STEP_FAILED] + result->outcomes[ASSAY_STEP_CANCELLED];
    summary->unpublished = result->unpublished;
    summary->duration_us = result->elapsed_us;
    summary->exit_code = result->exit_code;
}

assay_status assay_run(assay_context *context, const assay_selectors *selectors,
                       const assay_run_settings *settings, assay_run_listener *listener, void *user,
                       assay_run_summary *ret_result, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct listening listening = {.context = context, .listener = listener, .user = user};
    assay_run_options options;
    assay_run_result *result = NULL;

    assay_error_clear(err);
    *ret_result = (assay_run_summary){.steps = 0};
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_context_graph(context, err));
    ASSAY_TRY(make_options(context, selectors, settings, arena, &options, err));
    listening.lineage = assay_places_lineage(context, arena);
    listening.results = assay_path_relative(context->project->root, context->project->results_dir);
    if (listener != NULL) {
        options.sink = listen;
        options.sink_user = &listening;
    }
    ASSAY_TRY(assay_pipeline_run(context->project, &options, &context->env, arena, &result, err));
    summarise(result, ret_result);
    if (result->status != ASSAY_OK && result->decisive != NULL)
        (void)assay_error_copy(err, assay_run_step_failure(result->decisive));
    return result->status;
}

/* ---- plan ---- */

static assay_status plan_step(const assay_planned_step *step, assay_value *steps,
                              assay_arena *arena, assay_error *err)
{
    assay_value *item = assay_value_map(arena);
    const assay_model *model = step->model;

    ASSAY_TRY(assay_value_append(steps, item, arena, err));
    ASSAY_TRY(assay_document_text(item, "step", model->name, arena, err));
    ASSAY_TRY(assay_document_text(item, "kind",
                                  model->kind == ASSAY_MODEL_EXTRACT ? "extract" : "transform",
                                  arena, err));
    ASSAY_TRY(
        assay_document_text(item, "mode", assay_load_mode_name(model->header.mode), arena, err));
    ASSAY_TRY(assay_document_bool(item, "will_run", step->plan.will_run, arena, err));
    ASSAY_TRY(assay_document_text(item, "reason", step->plan.reason, arena, err));
    if (model->header.publish_count > 0)
        ASSAY_TRY(assay_document_bool(item, "will_publish", step->plan.will_publish, arena, err));
    if (step->plan.new_files >= 0 && model->kind == ASSAY_MODEL_EXTRACT)
        ASSAY_TRY(assay_document_int(item, "new_files", step->plan.new_files, arena, err));
    return assay_document_error(item, &step->failure, arena, err);
}

/* The failure that decides the exit code, as that of a run; NULL = none. */
static const assay_error *gravest(const assay_planned_step *steps, size_t count)
{
    const assay_error *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (found == NULL ? steps[i].failure.code != ASSAY_OK
                          : assay_error_is_graver(&steps[i].failure, found))
            found = &steps[i].failure;
    }
    return found;
}

assay_status assay_plan(assay_context *context, const assay_selectors *selectors,
                        const assay_run_settings *settings, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_run_options options;
    assay_planned_step *steps = NULL;
    size_t count = 0;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_context_graph(context, err));
    ASSAY_TRY(make_options(context, selectors, settings, arena, &options, err));
    ASSAY_TRY(
        assay_pipeline_plan(context->project, &options, &context->env, arena, &steps, &count, err));
    ASSAY_TRY(assay_document_new(arena, "plan", &document, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "steps", list, arena, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(plan_step(&steps[i], list, arena, err));
    ASSAY_TRY(assay_document_take(document, ret_json, err));
    const assay_error *failure = gravest(steps, count);
    return failure != NULL ? assay_error_copy(err, failure) : ASSAY_OK;
}
