/* What a run came to. */
#include "pipeline/run_state.h"

#include <signal.h>

const assay_error *assay_run_step_failure(const assay_run_step *step)
{
    const assay_step_result *result = &step->result;

    if (step->status != ASSAY_OK)
        return &step->error;
    const assay_publication *publication =
        assay_publication_decisive(result->publications, result->publication_count);
    return publication != NULL ? &publication->error : NULL;
}

int assay_run_step_exit_code(const assay_run_step *step)
{
    const assay_error *failure = assay_run_step_failure(step);

    if (step->status != ASSAY_OK && failure->code != step->status)
        return assay_status_exit_code(step->status);
    return assay_error_exit_code(failure);
}

static void decide(assay_run_result *result, int signal_number)
{
    int lowest = assay_exit_code_rank(0);

    if (signal_number != 0) {
        result->exit_code = signal_number == SIGTERM ? 143 : 130;
        result->status = ASSAY_ECANCELLED;
        return;
    }
    for (size_t i = 0; i < result->count; i++) {
        const assay_run_step *step = &result->steps[i];
        int code = assay_run_step_exit_code(step);

        if (assay_exit_code_rank(code) >= lowest)
            continue;
        lowest = assay_exit_code_rank(code);
        result->exit_code = code;
        result->status =
            step->status != ASSAY_OK ? step->status : assay_run_step_failure(step)->code;
        result->decisive = step;
    }
}

static bool is_needless(const assay_step_result *result)
{
    return result->outcome == ASSAY_STEP_SKIPPED && result->skip != ASSAY_SKIP_UPSTREAM_FAILED &&
           result->skip != ASSAY_SKIP_RUN_ENDED;
}

void assay_run_conclude(assay_active_run *run, int signal_number)
{
    assay_run_result *result = run->result;

    for (size_t i = 0; i < result->count; i++) {
        const assay_step_result *step = &result->steps[i].result;

        result->outcomes[step->outcome]++;
        result->unchanged += is_needless(step);
        for (size_t k = 0; k < step->publication_count; k++)
            result->unpublished += step->publications[k].error.code != ASSAY_OK;
        if (step->outcome == ASSAY_STEP_DONE) {
            result->rows_added += step->rows_added > 0 ? step->rows_added : 0;
            result->bytes += step->bytes > 0 ? step->bytes : 0;
        }
    }
    result->exit_code = 0;
    result->status = ASSAY_OK;
    decide(result, signal_number);
    result->elapsed_us = run->env->clock->monotonic_us(run->env->clock->user) - run->started_us;
}
