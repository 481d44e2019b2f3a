#include "lib/outside.h"

static assay_status note(const assay_context *context, const char *run_id,
                         const assay_open_step *step, assay_error *err)
{
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;

    ASSAY_TRY(assay_history_open(context->project->state_dir, &context->clock, context->log,
                                 &history, err));
    return step != NULL ? assay_history_begin_work(history, step, err)
                        : assay_history_end_work(history, run_id, err);
}

static void note_or_warn(const assay_context *context, const char *run_id,
                         const assay_open_step *step)
{
    assay_error problem = {.code = ASSAY_OK};

    if (context->steps->lineage != NULL && note(context, run_id, step, &problem) != ASSAY_OK)
        assay_log_write(context->log, ASSAY_LOG_WARNING, "%s is not noted in the history: %s",
                        run_id, problem.message);
}

void assay_outside_begin(const assay_context *context, const char *run_id, const char *step_id,
                         const char *table)
{
    const assay_open_step step = {.run_id = run_id,
                                  .step_id = step_id,
                                  .table = table,
                                  .started_us = context->clock.now_us(context->clock.user)};

    note_or_warn(context, run_id, &step);
}

void assay_outside_end(const assay_context *context, const char *run_id)
{
    note_or_warn(context, run_id, NULL);
}
