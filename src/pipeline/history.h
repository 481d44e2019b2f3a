/* .assay/<target>/state.db: history of runs and steps. Deleting it loses history, never
 * correctness. One thread at a time. */
#ifndef ASSAY_PIPELINE_HISTORY_H
#define ASSAY_PIPELINE_HISTORY_H

#include "base/arena.h"
#include "pipeline/step.h"

typedef struct assay_history assay_history;

/* Opens `<state_dir>/state.db`, creating folder and file. A damaged file is set aside as
 * state.db.broken-<time> with a warning in the log, and a new one begun. */
ASSAY_NODISCARD assay_status assay_history_open(const char *state_dir, const assay_clock *clock,
                                                assay_log *log, assay_history **ret_history,
                                                assay_error *err);
void assay_history_close(assay_history *history);
void assay_history_closep(assay_history **history);

/* One recorded run. `status`: "running", "ok", "failed", "gated", "cancelled", "aborted" (a process
 * that died). */
typedef struct assay_run_record {
    const char *run_id;
    const char *command;
    const char *status;
    const char *assay_version;
    int64_t pid;
    int64_t started_us, finished_us; /* 0 = not finished */
    int64_t now_us;
    int exit_code;
    int64_t steps, done, skipped, failed, gated, cancelled;
} assay_run_record;

/* One recorded step. `outcome`: "pending", "running", "aborted" or a name of assay_step_outcome. */
typedef struct assay_step_record {
    const char *run_id, *step_id;
    const char *table, *mode;
    const char *outcome;
    const char *skip_reason; /* NULL = was not skipped */
    const char *reason;
    const char *verdict;
    int64_t started_us, finished_us; /* 0 = not */
    int64_t rows_added, rows_removed, bytes, quarantined, bad_rows;
    int64_t checks_passed, checks_total;
    int64_t snapshot_id;
    int error_number;
    const char *error_message;             /* NULL = none */
    const char *error_place;               /* "models/x.sql:3:4" or NULL */
    const assay_publication *publications; /* written by end_step, read by steps */
    size_t publication_count;
} assay_step_record;

/* Writing. A run is recorded with all its steps (pending) in one transaction before anything runs.
 */
ASSAY_NODISCARD assay_status assay_history_begin_run(assay_history *history,
                                                     const assay_run_record *run,
                                                     const assay_step_record *steps, size_t count,
                                                     assay_error *err);
ASSAY_NODISCARD assay_status assay_history_begin_step(assay_history *history, const char *step_id,
                                                      int64_t started_us, assay_error *err);
/* A step that runs a second time does so under a new id. */
ASSAY_NODISCARD assay_status assay_history_renew_step(assay_history *history, const char *step_id,
                                                      const char *new_step_id, assay_error *err);
ASSAY_NODISCARD assay_status assay_history_end_step(assay_history *history,
                                                    const assay_step_record *step,
                                                    assay_error *err);
ASSAY_NODISCARD assay_status assay_history_end_run(assay_history *history,
                                                   const assay_run_record *run, assay_error *err);

/* Reading: newest first; `limit` 0 = 100. */
ASSAY_NODISCARD assay_status assay_history_runs(assay_history *history, size_t limit,
                                                assay_arena *arena, assay_run_record **ret_runs,
                                                size_t *ret_count, assay_error *err);
/* A run by its id or an unambiguous beginning of it, or "last": ENOTFOUND 2330, ambiguous 2331. */
ASSAY_NODISCARD assay_status assay_history_run(assay_history *history, const char *run_id,
                                               assay_arena *arena, assay_run_record *ret_run,
                                               assay_error *err);
ASSAY_NODISCARD assay_status assay_history_steps(assay_history *history, const char *run_id,
                                                 assay_arena *arena, assay_step_record **ret_steps,
                                                 size_t *ret_count, assay_error *err);

/* The number of the error that the step of a table ended with when it was last begun; 0 = it ended
 * well, or never was. */
ASSAY_NODISCARD assay_status assay_history_last_error(assay_history *history, const char *table,
                                                      int *ret_number, assay_error *err);

/* Runs that are "running" whose process is gone. */
ASSAY_NODISCARD assay_status assay_history_dead_runs(assay_history *history, assay_arena *arena,
                                                     assay_run_record **ret_runs, size_t *ret_count,
                                                     assay_error *err);

/* Work outside of a run (`assay load`, `check`, `quarantine replay`) stands here for as long as it
 * goes on, so that the next run can close what a killed process has left open; it is no run of the
 * history. `step_id` NULL = the run of the steps itself. By this process. */
ASSAY_NODISCARD assay_status assay_history_begin_work(assay_history *history,
                                                      const assay_open_step *step,
                                                      assay_error *err);
/* All steps of `run_id`. */
ASSAY_NODISCARD assay_status assay_history_end_work(assay_history *history, const char *run_id,
                                                    assay_error *err);
/* Work whose process is gone; the steps of a run follow each other. */
ASSAY_NODISCARD assay_status assay_history_dead_work(assay_history *history, assay_arena *arena,
                                                     assay_open_step **ret_steps, size_t *ret_count,
                                                     assay_error *err);

#endif
