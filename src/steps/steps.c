#include "steps/steps.h"

#include <string.h>

#include "base/str.h"
#include "published/published.h"
#include "steps/convert.h"
#include "steps/events.h"
#include "steps/extract.h"
#include "steps/outcome.h"
#include "steps/publish_step.h"
#include "steps/transform.h"
#include "steps/upkeep.h"
#include "steps/write.h"
#include "table/stage.h"
#include "text/json.h"

/* ---- opening ---- */

/* What the checks of a suite may mention, for judged_against. */
static assay_status write_suites(assay_steps *steps, assay_error *err)
{
    size_t count = steps->quality->suite_count;

    steps->suite_texts = assay_arena_take(steps->arena, count + 1, sizeof *steps->suite_texts);
    ASSAY_TRY(assay_arena_check(steps->suite_texts, err));
    for (size_t i = 0; i < count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        for (size_t k = 0; k < steps->quality->suites[i].count; k++)
            assay_json_write(&text, steps->quality->suites[i].checks[k].kwargs, 0);
        ASSAY_TRY(assay_buf_check(&text, err));
        steps->suite_texts[i] = assay_arena_text(steps->arena, assay_buf_text(&text));
        ASSAY_TRY(assay_arena_check(steps->suite_texts[i], err));
    }
    return ASSAY_OK;
}

const char *assay_steps_suite_text(const assay_steps *steps, const assay_quality_suite *suite)
{
    return steps->suite_texts[suite - steps->quality->suites];
}

static assay_status open_quality(assay_steps *steps, assay_error *err)
{
    const assay_project *project = steps->project;
    assay_quality_config *config = NULL;

    if (project->quality_tree == NULL)
        return ASSAY_OK;
    const assay_quality_source source = {project->quality_tree, project->quality_path,
                                         project->layers, project->layer_count};
    ASSAY_TRY(assay_quality_config_load(&source, steps->arena, &config, err));
    steps->quality = config;
    return write_suites(steps, err);
}

static assay_status open_lineage(assay_steps *steps, assay_error *err)
{
    const assay_project *project = steps->project;
    const assay_lineage_source source = {.tree = project->lineage_tree,
                                         .path = project->lineage_path,
                                         .root = project->root,
                                         .project = project->name,
                                         .environment = assay_template_environment};
    assay_lineage_config *config = NULL;

    ASSAY_TRY(assay_lineage_config_load(&source, steps->arena, &config, err));
    steps->lineage_config = config;
    if (!config->enabled)
        return ASSAY_OK;
    steps->ended = assay_map_new();
    ASSAY_TRY(assay_arena_check(steps->ended, err));
    ASSAY_TRY(assay_lineage_spool_ended(project->spool_dir, steps->ended, err));
    const assay_lineage_emitter_options options = {.config = config,
                                                   .folder = project->spool_dir,
                                                   .clock = *steps->env->clock,
                                                   .random = *steps->env->random,
                                                   .log = steps->env->log};
    return assay_lineage_open(&options, &steps->lineage, err);
}

assay_status assay_steps_open(const assay_project *project, const assay_step_env *env,
                              assay_arena *arena, assay_steps **ret_steps, assay_error *err)
{
    assay_steps *steps = assay_arena_take(arena, 1, sizeof *steps);

    ASSAY_TRY(assay_arena_check(steps, err));
    steps->project = project;
    steps->env = env;
    steps->arena = arena;
    ASSAY_TRY(open_quality(steps, err));
    steps->outages = assay_outages_new();
    steps->looks = assay_source_looks_new();
    assay_status status = steps->outages == NULL || steps->looks == NULL ? assay_error_nomem(err)
                                                                         : open_lineage(steps, err);
    if (status == ASSAY_OK)
        *ret_steps = steps;
    else
        assay_steps_close(steps);
    return status;
}

void assay_steps_close(assay_steps *steps)
{
    if (steps == NULL)
        return;
    assay_lineage_close(steps->lineage, ASSAY_LINEAGE_CLOSE_MS);
    steps->lineage = NULL;
    assay_map_freep(&steps->ended);
    assay_outages_freep(&steps->outages);
    assay_source_looks_freep(&steps->looks);
}

/* ---- the interface ---- */

static assay_status look(void *user, const assay_project *project, assay_conn *conn,
                         const char *table, assay_arena *arena, assay_table_look *ret_look,
                         assay_error *err)
{
    const assay_steps *steps = user;
    assay_table *loaded = NULL;
    assay_state_file *state = NULL;
    int foreign = 0;

    *ret_look = (assay_table_look){.snapshot_id = -1};
    ASSAY_TRY(assay_published_load(project, steps->env, conn, table, arena, &loaded, err));
    if (!loaded->exists || loaded->schema == NULL)
        return ASSAY_OK;
    ret_look->exists = true;
    ret_look->snapshot_id = loaded->current != NULL ? loaded->current->id : -1;
    ret_look->uuid = loaded->uuid;
    /* a damaged one is said where the table is written */
    if (assay_state_file_current(loaded, steps->env->store, arena, &state, &foreign, NULL) ==
            ASSAY_OK &&
        state != NULL) {
        ret_look->pii = state->pii;
        ret_look->pii_count = state->pii_count;
    }
    return assay_published_columns(loaded->schema, arena, &ret_look->columns,
                                   &ret_look->column_count, err);
}

static assay_status check(void *user, const assay_project *project, const assay_model *model,
                          assay_error *err)
{
    (void)user;
    return assay_extract_check(project, model, err);
}

static assay_status columns(void *user, const assay_columns_request *request, assay_arena *arena,
                            assay_column **ret_columns, size_t *ret_count, assay_error *err)
{
    assay_status status = assay_extract_columns(user, request, arena, ret_columns, ret_count, err);

    if (status != ASSAY_OK)
        assay_step_hide_values(request->model, err);
    return status;
}

static assay_status begin(void *user, const assay_run_moment *moment, assay_error *err)
{
    (void)err;
    assay_events_run(user, moment->run_id, moment->started_us, ASSAY_LINEAGE_START, NULL);
    return ASSAY_OK;
}

static void end(void *user, const assay_run_moment *moment)
{
    const assay_steps *steps = user;
    assay_lineage_event_type type = ASSAY_LINEAGE_COMPLETE;
    int64_t now_us = steps->env->clock->now_us(steps->env->clock->user);

    if (moment->status == ASSAY_ECANCELLED)
        type = ASSAY_LINEAGE_ABORT;
    else if (moment->status != ASSAY_OK)
        type = ASSAY_LINEAGE_FAIL;
    assay_events_run(steps, moment->run_id, now_us, type, moment->message);
}

/* A mention too many costs a little waiting, one too few an error of the check: names are enough.
 */
static bool judged_against(void *user, const assay_model *model, const char *other)
{
    const assay_steps *steps = user;
    const assay_quality_suite *suite =
        steps->quality != NULL ? assay_quality_suite_find(steps->quality, model->name) : NULL;
    const char *table = strchr(other, '.');

    for (size_t i = 0; i < model->header.contract.column_count; i++) {
        const char *reference = model->header.contract.columns[i].reference_table;
        if (reference != NULL && assay_str_equal_ci(reference, other))
            return true;
    }
    return suite != NULL && table != NULL &&
           assay_str_contains_ci(assay_steps_suite_text(steps, suite), table + 1);
}

static assay_status plan(void *user, const assay_step_context *context, assay_step_plan *ret_plan,
                         assay_error *err)
{
    assay_status status = context->model->kind == ASSAY_MODEL_EXTRACT
                              ? assay_extract_plan(user, context, ret_plan, err)
                              : assay_transform_plan(user, context, ret_plan, err);

    if (status == ASSAY_OK)
        status =
            assay_publish_plan(user, context, ret_plan->will_run, &ret_plan->will_publish, err);
    return status;
}

/* The step has done something, even where nothing was to be computed. */
static assay_status tell_moved(const assay_step_context *context, const char *note,
                               assay_step_result *result, assay_error *err)
{
    const char **notes = assay_arena_take(context->arena, result->note_count + 1, sizeof *notes);

    ASSAY_TRY(assay_arena_check(notes, err));
    for (size_t i = 0; i < result->note_count; i++)
        notes[i] = result->notes[i];
    notes[result->note_count++] = note;
    result->notes = notes;
    if (result->outcome == ASSAY_STEP_SKIPPED)
        result->outcome = ASSAY_STEP_DONE;
    return ASSAY_OK;
}

static assay_status run_kind(void *user, const assay_step_context *context,
                             assay_step_result *ret_result, assay_error *err)
{
    const char *moved = NULL;

    if (context->model->failure == NULL)
        ASSAY_TRY(assay_convert_if_switched(context, &moved, err));
    assay_status status = context->model->kind == ASSAY_MODEL_EXTRACT
                              ? assay_extract_run(user, context, ret_result, err)
                              : assay_transform_run(user, context, ret_result, err);
    if (status == ASSAY_OK && moved != NULL)
        return tell_moved(context, moved, ret_result, err);
    return status;
}

static assay_status run(void *user, const assay_step_context *context,
                        assay_step_result *ret_result, assay_error *err)
{
    assay_status status = run_kind(user, context, ret_result, err);

    if (status == ASSAY_OK && ret_result->snapshot_id >= 0)
        assay_upkeep_expire(user, context);
    if (status == ASSAY_OK && ret_result->quarantined > 0)
        assay_upkeep_expire_quarantine(user, context);
    if (status == ASSAY_OK)
        assay_publish_left(user, context, ret_result);
    if (status != ASSAY_OK && err != NULL && err->path[0] == '\0')
        assay_error_place(err, (assay_place){context->model->path, 0, 0});
    return status;
}

/* Can it be told from the list of snapshots whether the step has committed? Not where those of its
 * time may be expired. */
static bool remembers(const assay_table *table, int64_t started_us)
{
    return table->snapshot_count == 0 || table->snapshots[0].timestamp_ms < started_us / 1000;
}

static assay_status remove_left(const assay_table *table, const char *step_id, assay_arena *arena,
                                assay_error *err)
{
    static const char *const endings[] = {"", ASSAY_WRITE_AGAIN, ASSAY_WRITE_KEPT,
                                          ASSAY_WRITE_AGAIN ASSAY_WRITE_KEPT};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const char *id = assay_arena_format(arena, "%s%s", step_id, endings[i]);
        ASSAY_TRY(assay_arena_check(id, err));
        ASSAY_TRY(assay_stage_discard_left(table, id, err));
    }
    return ASSAY_OK;
}

/* The process died between the event and the history. */
static bool has_ended(const assay_steps *steps, const char *id)
{
    return steps->ended != NULL && assay_map_has(steps->ended, id);
}

static assay_status recover(void *user, const assay_project *project, assay_conn *conn,
                            const assay_open_step *step, bool *ret_committed, assay_error *err)
{
    const assay_steps *steps = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_table *table = NULL;

    *ret_committed = false;
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_published_load(project, steps->env, conn, step->table, arena, &table, err));
    for (size_t i = 0; i < table->snapshot_count; i++)
        if (assay_str_equal(table->snapshots[i].run_id, step->step_id))
            *ret_committed = true;
    if (!*ret_committed && remembers(table, step->started_us))
        ASSAY_TRY(remove_left(table, step->step_id, arena, err));
    ASSAY_TRY(assay_convert_discard_left(table->location, arena, err));
    ASSAY_TRY(assay_quarantine_discard_left(project, steps->env, conn, step->table, step->step_id,
                                            arena, err));
    if (!has_ended(steps, step->step_id))
        assay_events_close_step(steps, step->table, step->run_id, step->step_id, *ret_committed,
                                "the process ended before the step did");
    return ASSAY_OK;
}

static void recover_run(void *user, const assay_project *project, const char *run_id,
                        int64_t started_us)
{
    const assay_steps *steps = user;

    (void)project;
    (void)started_us;
    if (!has_ended(steps, run_id))
        assay_events_run(steps, run_id, steps->env->clock->now_us(steps->env->clock->user),
                         ASSAY_LINEAGE_ABORT, "the process ended before the run did");
}

static void abort_step(void *user, const assay_step_context *context)
{
    assay_events_close_step(user, context->model->name, context->run_id, context->step_id,
                            assay_step_has_committed(context), "interrupted");
}

const assay_step_ops *assay_steps_ops(void)
{
    static const assay_step_ops OPS = {.look = look,
                                       .check = check,
                                       .columns = columns,
                                       .begin = begin,
                                       .end = end,
                                       .judged_against = judged_against,
                                       .plan = plan,
                                       .run = run,
                                       .recover = recover,
                                       .recover_run = recover_run,
                                       .abort = abort_step};

    return &OPS;
}
