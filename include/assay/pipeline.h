/* Projects and runs.
 *
 * Thread rule: as the context; listeners are called by any thread, one at a time. */
#ifndef ASSAY_PIPELINE_H
#define ASSAY_PIPELINE_H

#include <assay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_init_options {
    const char *directory; /* made where it does not exist */
    const char *example;   /* NULL = a small empty project, else "retail" */
    double scale;          /* of an example: 1 = 100,000 orders */
    int64_t seed;
    const char *asof; /* day of the export, "2026-11-22" */
    bool faults; /* of an example: with faulty files and faults.json, which says where they are */
} assay_init_options;

/* Makes a project. Needs no context. Equal arguments give equal bytes. EEXISTS 1004 where there is
 * one already. JSON: the folder and the files made. */
ASSAY_API ASSAY_NODISCARD assay_status assay_init(const assay_init_options *options,
                                                  char **ret_json, assay_error *err);

/* Which steps; both lists NULL-terminated and NULL = all / none. Grammar: docs/guide/selection.md.
 */
typedef struct assay_selectors {
    const char *const *select;
    const char *const *exclude;
} assay_selectors;

typedef struct assay_override {
    const char *check;  /* name or expectation of the check to open once */
    const char *reason; /* stands in the snapshot, the state file and the event */
} assay_override;

typedef struct assay_run_settings {
    bool full_refresh;
    bool yes;       /* allows full_refresh of tables whose rows exist nowhere else */
    bool fail_fast; /* the first failed step ends the run; default: keep going */
    bool retry;     /* only what failed or was skipped in the last run, and what depends on it */
    const char *from, *to; /* bound to $since and $until; NULL = open */
    int jobs;              /* steps at once; 0 = chosen by the processors */
    int64_t lock_wait_ms;  /* -1 = 10,000 */
    const assay_override *overrides;
    size_t override_count;
} assay_run_settings;

typedef enum assay_run_update_kind {
    ASSAY_RUN_STARTED,
    ASSAY_RUN_STEP_STARTED,
    ASSAY_RUN_STEP_PROGRESS,
    ASSAY_RUN_STEP_FINISHED,
    ASSAY_RUN_NOTICE, /* a warning for people: `message` */
    ASSAY_RUN_FINISHED
} assay_run_update_kind;

/* One table of an outside database that a step has published to, or tried to. */
typedef struct assay_run_publication {
    const char *connection, *table, *mode;
    const char *state;      /* "published", "already", "pending", "failed"; "skipped" where the
                               step has not ended well, so that nothing was tried */
    const char *publish_id; /* as in the ledger there; NULL = not known */
    int64_t rows, inserted, updated, deleted, duration_us;
    const assay_error *error; /* pending, failed: why; else NULL */
} assay_run_publication;

/* What a listener hears. Pointers are valid during the call; -1 = not known. */
typedef struct assay_run_update {
    assay_run_update_kind kind;
    int64_t time_us;
    const char *run_id;
    /* steps */
    const char *step; /* "silver.orders" */
    const char *step_id;
    const char *step_kind; /* "extract", "transform" */
    const char *mode;      /* "full", "append" */
    const char
        *state; /* finished: "done", "failed", "skipped", "blocked" (gate shut), "cancelled" */
    const char *reason; /* skipped: why; done: NULL or a remark */
    int64_t rows_added, rows_updated, rows_removed, rows_quarantined, bytes, bad_rows;
    int64_t duration_us;
    int64_t checks_passed, checks_total; /* -1 = untested */
    const char *verdict;
    int64_t snapshot_id;
    double percent;           /* progress: 0..100 */
    const assay_error *error; /* failed: what and where; else NULL */
    const char *evidence; /* gate shut: the failed checks with samples, lines of text; else NULL */
    const assay_run_publication *publications; /* finished: what was published, or tried */
    size_t publication_count;
    /* run */
    size_t steps_total, steps_done, steps_failed, steps_skipped;
    size_t unpublished; /* finished: publications that are pending or failed, of all steps */
    const char *target, *format, *warehouse, *lineage; /* started, finished: where things go */
    const char *message;
} assay_run_update;

typedef void assay_run_listener(void *user, const assay_run_update *event);

typedef struct assay_run_summary {
    char run_id[40];
    size_t steps, done, failed, skipped, blocked;
    size_t unpublished; /* publications that are pending or failed; their steps count as done */
    int64_t duration_us;
    int exit_code; /* of the command line: the first present of 130/143, 5, 2, 3, 1, 4, 6 */
} assay_run_summary;

/* Runs the selected steps. ASSAY_OK when every step is done or had nothing to do, else the status
 * that decides the exit code (SEMANTICS.md 3.1): EGATE, ECONFIG, EIO, ECANCELLED .. with the first
 * such error in `err`. *ret_result is filled whenever the run began. */
ASSAY_API ASSAY_NODISCARD assay_status assay_run(assay_context *context,
                                                 const assay_selectors *selection,
                                                 const assay_run_settings *options,
                                                 assay_run_listener *listener, void *user,
                                                 assay_run_summary *ret_result, assay_error *err);

/* JSON: every selected step with what a run would do and why. Nothing is written. Where a source
 * does not let a step be planned, the step has an "error" in the document, those that read it say
 * so, and the status is that of the gravest one; the document is returned then too. */
ASSAY_API ASSAY_NODISCARD assay_status assay_plan(assay_context *context,
                                                  const assay_selectors *selection,
                                                  const assay_run_settings *options,
                                                  char **ret_json, assay_error *err);

/* JSON: the selected models with kind, mode, dependencies, columns, tags, place (`assay ls`). */
ASSAY_API ASSAY_NODISCARD assay_status assay_models(assay_context *context,
                                                    const assay_selectors *selection,
                                                    char **ret_json, assay_error *err);

/* JSON: the SQL of one model as the engine gets it, its inputs and its output columns. */
ASSAY_API ASSAY_NODISCARD assay_status assay_render(assay_context *context, const char *model,
                                                    char **ret_json, assay_error *err);

/* JSON: recent runs / the steps of one run. `limit` 0 = 20. */
ASSAY_API ASSAY_NODISCARD assay_status assay_runs_list(assay_context *context, int64_t limit,
                                                       char **ret_json, assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_runs_show(assay_context *context, const char *run_id,
                                                       char **ret_json, assay_error *err);

/* JSON: what was looked at (versions, folders, disk, config, lineage backend) with "ok" or the fix.
 * ECONFIG 1010 where something is wrong; the document is returned then too. */
ASSAY_API ASSAY_NODISCARD assay_status assay_doctor(assay_context *context, char **ret_json,
                                                    assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
