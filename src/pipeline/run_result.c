/* What a run came to. */
#include "pipeline/run_state.h"

#include <signal.h>

int assay_run_step_exit_code(const assay_run_step *step)
{
    if (step->status == ASSAY_OK)
        return 0;
    if (step->error.retryable && (step->status == ASSAY_EIO || step->status == ASSAY_ETIMEOUT))
        return 4;
    return assay_status_exit_code(step->status);
}

/* The first that is present decides (SEMANTICS.md 3.1); a lock comes last. */
static const int order_of_codes[] = {130, 143, 5, 2, 3, 1, 4, 6};

static void decide(assay_run_result *result, int signal_number)
{
    if (signal_number != 0) {
        result->exit_code = signal_number == SIGTERM ? 143 : 130;
        result->status = ASSAY_ECANCELLED;
        return;
    }
    for (size_t i = 0; i < sizeof order_of_codes / sizeof order_of_codes[0]; i++)
        for (size_t j = 0; j < result->count; j++) {
            const assay_run_step *step = &result->steps[j];

            if (assay_run_step_exit_code(step) != order_of_codes[i])
                continue;
            result->exit_code = order_of_codes[i];
            result->status = step->status;
            result->decisive = step;
            return;
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
