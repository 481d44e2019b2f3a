#include "steps/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/catalog.h"
#include "steps/events.h"
#include "steps/judged.h"

static int64_t count_warnings(const assay_quality_report *report)
{
    int64_t count = 0;

    for (size_t i = 0; i < report->count; i++)
        if (report->results[i].status == ASSAY_CHECK_STATUS_FAIL &&
            report->results[i].check->action < ASSAY_CHECK_ACTION_FAIL)
            count++;
    return count;
}

void assay_step_result_fill(const assay_write_outcome *outcome, assay_step_result *result)
{
    if (outcome->snapshot != NULL) {
        result->rows_added = outcome->rows_added >= 0 ? outcome->rows_added : outcome->stage.rows;
        result->rows_updated = outcome->rows_updated;
        result->rows_removed = outcome->rows_removed;
        result->rows = outcome->rows;
        result->bytes = outcome->stage.bytes;
        result->files = (int64_t)outcome->stage.count;
        result->snapshot_id = outcome->snapshot->id;
    }
    if (outcome->split.dropped > 0)
        result->bad_rows = (result->bad_rows > 0 ? result->bad_rows : 0) + outcome->split.dropped;
    result->quarantined = outcome->snapshot != NULL ? outcome->split.quarantined : -1;
    if (outcome->verdict != NULL)
        result->verdict = outcome->verdict->text;
    if (outcome->report != NULL) {
        result->checks_passed = (int64_t)outcome->report->passed;
        result->checks_total = (int64_t)outcome->report->count;
        result->warnings = count_warnings(outcome->report);
    }
    result->results_path = outcome->results_path;
    result->evidence = outcome->evidence;
}

void assay_step_say_phase(void *user, const char *phase)
{
    assay_step_phase(user, phase);
}

assay_status assay_step_write_init(assay_steps *steps, const assay_step_context *context,
                                   assay_table *base, const assay_state_file *previous,
                                   assay_write *ret_write, assay_error *err)
{
    const assay_model_header *header = &context->model->header;
    const char *const *partitions = NULL;
    size_t partition_count = 0;

    ASSAY_TRY(
        assay_model_header_partitions(header, context->arena, &partitions, &partition_count, err));
    *ret_write = (assay_write){.steps = steps,
                               .conn = context->conn,
                               .arena = context->arena,
                               .table = context->model->name,
                               .base = base,
                               .mode = header->mode,
                               .allow_empty = header->allow_empty,
                               .partition_by = partitions,
                               .partition_count = partition_count,
                               .model = context->model,
                               .run_id = context->run_id,
                               .step_id = context->step_id,
                               .now_us = context->now_us,
                               .overrides = context->overrides,
                               .override_count = context->override_count,
                               .previous = previous,
                               .result_format = ASSAY_RESULT_FORMAT_BASIC,
                               .phase = assay_step_say_phase};
    union {
        const assay_step_context *in;
        void *out;
    } user = {.in = context};
    ret_write->phase_user = user.out;
    return assay_row_rules_read(header, context->arena, &ret_write->rules, err);
}

assay_status assay_step_target(const assay_step_context *context, assay_table **ret_table,
                               assay_state_file **ret_state, int *ret_foreign, assay_error *err)
{
    assay_table *table = NULL;

    *ret_state = NULL;
    *ret_foreign = 0;
    ASSAY_TRY(assay_published_load(context->project, context->env, context->conn,
                                   context->model->name, context->arena, &table, err));
    if (table->exists)
        ASSAY_TRY(assay_state_file_current(table, context->env->store, context->arena, ret_state,
                                           ret_foreign, err));
    *ret_table = table;
    return ASSAY_OK;
}

/* ---- pii ---- */

static bool sees_pii(const assay_model *model)
{
    if (assay_model_has_pii(model))
        return true;
    for (size_t i = 0; i < model->input_count; i++)
        if (model->inputs[i].pii_count > 0 ||
            (model->inputs[i].model != NULL && assay_model_has_pii(model->inputs[i].model)))
            return true;
    return false;
}

void assay_step_hide_words(assay_error *err)
{
    assay_engine_hide_values(err);
}

void assay_step_hide_values(const assay_model *model, assay_error *err)
{
    if (sees_pii(model))
        assay_step_hide_words(err);
}

bool assay_step_suite_changed(const assay_steps *steps, const assay_step_context *context,
                              const assay_state_file *state)
{
    const assay_quality_suite *suite =
        steps->quality != NULL ? assay_quality_suite_find(steps->quality, context->model->name)
                               : NULL;
    const char *hash = suite != NULL ? suite->hash : NULL;

    return hash != NULL && !assay_str_equal(hash, state->suite_hash) &&
           !assay_judged_recall(context->project, context->model->name, state, hash);
}

/* So that the next run finds nothing to do. Personal overrides open the gate once only. */
static void remember_passed(const assay_step_context *context, const assay_table *table,
                            const assay_write_outcome *outcome)
{
    assay_state_file *state = NULL;
    int foreign = 0;

    if (outcome->verdict == NULL || !assay_str_equal(outcome->verdict->text, "pass") ||
        assay_state_file_current(table, context->env->store, context->arena, &state, &foreign,
                                 NULL) != ASSAY_OK)
        return;
    assay_judged_remember(context->project, context->model->name, state,
                          outcome->verdict->suite_hash);
}

static assay_status checks_in_catalog(assay_steps *steps, const assay_step_context *context,
                                      assay_table *table, assay_write_outcome *outcome,
                                      assay_error *err)
{
    assay_write write;

    ASSAY_TRY(assay_step_write_init(steps, context, table, NULL, &write, err));
    return assay_write_recheck(&write, outcome, err);
}

assay_status assay_step_checks_only(assay_steps *steps, const assay_step_context *context,
                                    assay_table *table, assay_step_result *ret_result,
                                    assay_error *err)
{
    assay_write_outcome outcome = {0};
    const assay_step_facts facts = assay_facts_init(steps, context, table);
    char name[64];

    (void)snprintf(name, sizeof name, "checks_%zu", context->model->index);
    assay_events_start(&facts, table->schema);
    assay_status status = assay_engine_catalog_open(context->conn, name, err);
    if (status == ASSAY_OK) {
        status = checks_in_catalog(steps, context, table, &outcome, err);
        assay_engine_catalog_close(context->conn, name);
    }
    assay_step_result_fill(&outcome, ret_result);
    ret_result->checks_only = true;
    if (status != ASSAY_OK) {
        assay_events_fail(&facts, &outcome, err);
        return status;
    }
    ret_result->outcome = ASSAY_STEP_DONE;
    ret_result->reason = "only the suite has changed: checked again, nothing rebuilt";
    remember_passed(context, table, &outcome);
    assay_events_complete(&facts, &outcome);
    return ASSAY_OK;
}
