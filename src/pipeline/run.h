/* One run: the selected steps in order of the graph on a pool of threads, and its plan. */
#ifndef ASSAY_PIPELINE_RUN_H
#define ASSAY_PIPELINE_RUN_H

#include "pipeline/graph.h"
#include "pipeline/selection.h"
#include "pipeline/step.h"

enum {
    ASSAY_RUN_JOBS_MAX = 64,
    ASSAY_RUN_JOBS_DEFAULT_MAX = 4, /* processors, at most */
    ASSAY_RUN_LOCK_WAIT_MS = 10000, /* SEMANTICS.md 2.6 */
    ASSAY_RUN_STOP_WAIT_MS = 1500,  /* SEMANTICS.md 3.5 */
    ASSAY_RUN_PROGRESS_MS = 100     /* between progress events of a step */
};

typedef enum assay_run_event_kind {
    ASSAY_RUN_EVENT_RUN_STARTED,
    ASSAY_RUN_EVENT_STEP_STARTED,
    ASSAY_RUN_EVENT_STEP_PROGRESS,
    ASSAY_RUN_EVENT_STEP_FINISHED, /* also skipped, gated, failed */
    ASSAY_RUN_EVENT_NOTE,          /* a line for people: `message` */
    ASSAY_RUN_EVENT_RUN_FINISHED
} assay_run_event_kind;

struct assay_run_result;

/* One moment of a run. Pointers are valid during the call only. */
typedef struct assay_run_event {
    assay_run_event_kind kind;
    int64_t time_us;
    const char *run_id;
    const char *message; /* NOTE; else NULL */

    /* RUN_STARTED: what the header shows */
    const char *project, *target, *format, *warehouse;
    const char *assay_version, *engine_version;
    bool has_interval;
    int64_t since_us, until_us, now_us;
    int jobs;
    size_t step_count;

    /* STEP_*: */
    const char *table, *mode, *step_id;
    size_t step_index;               /* position in the order of the run, from 0 */
    double percent;                  /* PROGRESS: -1 = not known */
    uint64_t rows;                   /* PROGRESS: rows read so far */
    const char *phase;               /* PROGRESS: what it is doing, NULL = not said */
    int64_t elapsed_us;              /* of the step; RUN_FINISHED: of the run */
    const assay_step_result *result; /* FINISHED */
    const assay_error *error; /* FINISHED: of a failed or gated step; RUN_FINISHED: the first */

    /* RUN_FINISHED: */
    const struct assay_run_result *run;
} assay_run_event;

/* Called one event at a time, by any thread. Must not call back into the run. */
typedef void assay_run_event_sink(void *user, const assay_run_event *event);

typedef struct assay_run_options {
    const char *const *select;
    size_t select_count;
    const char *const *exclude;
    size_t exclude_count;
    bool full_refresh; /* rebuild the selected tables */
    bool yes;          /* allows full_refresh of file-fed bronze tables that are named */
    bool retry;        /* what did not end well in the last run of this target */
    bool fail_fast;    /* the first failure ends the run, also one that compiling finds */
    int64_t now_us;    /* clock of models; 0 = the start of the run */
    bool has_from, has_to;
    int64_t from_us, to_us;
    int jobs;             /* 0 = the target's, else processors, at most 4 */
    int64_t lock_wait_ms; /* -1 = the target's, else 10 s */
    const struct assay_gate_override *overrides;
    size_t override_count;
    const char *command;        /* for the history: what the user typed; may be NULL */
    assay_run_event_sink *sink; /* may be NULL */
    void *sink_user;
    /* Steps did not stop within 1.5 s of an interrupt, and ABORT is spooled: leaves the process
     * (_exit). NULL, or if it returns: the run waits for them. */
    void (*leave)(void *user, int signal_number);
    void *leave_user;
} assay_run_options;

/* One step of a finished run. */
typedef struct assay_run_step {
    const assay_model *model;
    char step_id[ASSAY_UUID_TEXT_SIZE];
    assay_step_result result;
    assay_status status; /* of ops->run */
    assay_error error;   /* of a failed or gated step */
    int64_t started_us, elapsed_us;
    int attempts;
} assay_run_step;

typedef struct assay_run_result {
    char run_id[ASSAY_UUID_TEXT_SIZE];
    assay_run_step *steps; /* in order of the run */
    size_t count;
    size_t outcomes[ASSAY_STEP_OUTCOME_COUNT];
    size_t unchanged;   /* skipped because nothing was needed */
    size_t unpublished; /* publications that are pending or failed */
    int64_t started_us, elapsed_us;
    int64_t now_us;
    int64_t rows_added, bytes;
    bool nothing_selected; /* the selection was empty, or there was nothing to retry */
    int exit_code;       /* SEMANTICS.md 3.1: first present of 130/143, 5, 2, 3, 1, 4 (6: a lock) */
    assay_status status; /* that belongs to exit_code */
    const assay_run_step *decisive; /* the step that exit_code comes from; NULL = none */
} assay_run_result;

/* Why a step did not end well, or why one that did is not published everywhere; NULL = all well. */
const assay_error *assay_run_step_failure(const assay_run_step *step);

/* Runs. Returns ASSAY_OK when the run took place, however its steps ended: see
 * ret_result->exit_code. An error means that nothing was run: configuration, selection, compile,
 * locked state. The result lives in `arena`. The graph must have been built. */
ASSAY_NODISCARD assay_status assay_pipeline_run(assay_project *project,
                                                const assay_run_options *options,
                                                const assay_step_env *env, assay_arena *arena,
                                                assay_run_result **ret_result, assay_error *err);

typedef struct assay_planned_step {
    const assay_model *model;
    assay_step_plan plan;
    assay_error failure; /* what the step would fail with; ASSAY_OK = none is known */
} assay_planned_step;

/* What a run with these options would do, in its order; compiles, writes nothing. A step that
 * cannot be planned has its `failure`, and those that read it are skipped. */
ASSAY_NODISCARD assay_status assay_pipeline_plan(assay_project *project,
                                                 const assay_run_options *options,
                                                 const assay_step_env *env, assay_arena *arena,
                                                 assay_planned_step **ret_steps, size_t *ret_count,
                                                 assay_error *err);

#endif
