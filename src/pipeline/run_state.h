/* One run while it runs. For this room alone. */
#ifndef ASSAY_PIPELINE_RUN_STATE_H
#define ASSAY_PIPELINE_RUN_STATE_H

#include "base/thread.h"
#include "pipeline/history.h"
#include "pipeline/run.h"

#include <stdatomic.h>

struct assay_step_progress {
    _Atomic(const char *) phase; /* static text */
    atomic_bool committed;       /* what is left to do is outside of the table */
};

typedef enum assay_step_state {
    ASSAY_STEP_WAITING,
    ASSAY_STEP_RUNNING,
    ASSAY_STEP_AGAIN, /* ran out of memory beside others: runs again, alone */
    ASSAY_STEP_ENDED
} assay_step_state;

/* One step of the run; guarded by run->lock but for what the worker alone uses. */
typedef struct assay_active_step {
    assay_run_step *out; /* in the result */
    assay_step_state state;
    bool full_refresh;
    bool beside;                       /* another step ran at the same time */
    int64_t started_us;                /* monotonic */
    assay_conn *conn;                  /* while it runs */
    const assay_step_context *context; /* while it runs */
    assay_step_progress progress;
    int64_t published_snapshot; /* after a good end: what its readers read */
    const char *published_uuid;
} assay_active_step;

typedef struct assay_active_run {
    assay_project *project;
    const assay_run_options *options;
    const assay_step_env *env;
    assay_arena *arena; /* of the result: under the lock */
    assay_run_result *result;
    assay_history *history;
    assay_lock *history_lock;

    assay_lock *lock;
    assay_condition *changed;
    assay_active_step *steps;
    size_t count;
    size_t *step_of_model; /* by model index: position in `steps` + 1, 0 = not selected */
    size_t running, ended;
    int jobs;
    bool stopping;           /* nothing more begins */
    bool stopped_by_failure; /* --fail-fast */
    bool alone;              /* the running step wants to be the only one */
    int64_t started_us;      /* monotonic */
    int64_t since_us, until_us;
} assay_active_run;

/* What select, exclude, retry, full_refresh and the interval come to. */
typedef struct assay_run_choice {
    assay_model **models; /* in order of the run */
    size_t count;
    bool *refresh;     /* by position: rebuild from all input */
    const char **kept; /* names of tables that --full-refresh leaves alone */
    size_t kept_count;
    int64_t now_us, since_us, until_us;
} assay_run_choice;

/* Selects, checks the options, and compiles. `history` may be NULL where nothing was run before. */
ASSAY_NODISCARD assay_status assay_run_prepare(assay_project *project,
                                               const assay_run_options *options,
                                               const assay_step_env *env, assay_history *history,
                                               assay_arena *arena, assay_run_choice *ret_choice,
                                               assay_error *err);

/* Closes what dead processes left open in the history. */
ASSAY_NODISCARD assay_status assay_run_recover(const assay_project *project,
                                               const assay_step_env *env, assay_history *history,
                                               assay_error *err);

/* Fills the inputs of a step from the pins of the compile and the steps that have ended. */
ASSAY_NODISCARD assay_status assay_run_inputs(const assay_active_run *run, const assay_model *model,
                                              assay_arena *arena, assay_step_input **ret_inputs,
                                              assay_error *err);

/* Runs steps until none is left: the body of a worker thread (argument = the run). */
void assay_run_work(void *argument);

/* Hands an event to the sink; the caller holds run->lock. */
void assay_run_emit(assay_active_run *run, assay_run_event *event);

/* The event of a step, without its kind's own members. */
assay_run_event assay_run_step_event(const assay_active_run *run, const assay_active_step *step,
                                     assay_run_event_kind kind);

/* Exit code and totals of a finished run. `signal_number` 0 = not interrupted. */
void assay_run_conclude(assay_active_run *run, int signal_number);

/* Exit status of one step's status (PRODUCT.md), 0 where it ended well. */
int assay_run_step_exit_code(const assay_run_step *step);

#endif
