/* The step interface: what a run asks of the room that knows how to do the work (src/steps).
 *
 * Order within a run: begin, recover for every open step of a dead run, look/columns while
 * compiling, then run for each step on a worker thread (never before all steps that it reads
 * have ended well), end. */
#ifndef ASSAY_PIPELINE_STEP_H
#define ASSAY_PIPELINE_STEP_H

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "pipeline/publication.h"
#include "store/secrets.h"
#include "store/store.h"
#include "table/state.h"

struct assay_gate_override;
struct assay_step_env;

/* How a step ended. */
typedef enum assay_step_outcome {
    ASSAY_STEP_DONE,    /* committed */
    ASSAY_STEP_SKIPPED, /* nothing was needed, or nothing could be done: see reason */
    ASSAY_STEP_GATED,   /* the gate was shut; nothing is visible */
    ASSAY_STEP_FAILED,
    ASSAY_STEP_CANCELLED, /* interrupted, or not begun because the run ended early */
    ASSAY_STEP_OUTCOME_COUNT
} assay_step_outcome;

const char *assay_step_outcome_name(assay_step_outcome outcome); /* "done", "skipped" .. */

typedef enum assay_skip_reason {
    ASSAY_SKIP_NONE,
    ASSAY_SKIP_UNCHANGED,       /* skip key is the one of the published snapshot */
    ASSAY_SKIP_NO_NEW_DATA,     /* zero new rows or files */
    ASSAY_SKIP_NO_FILES,        /* no file matches and the table exists */
    ASSAY_SKIP_UPSTREAM_FAILED, /* set by the run */
    ASSAY_SKIP_RUN_ENDED        /* --fail-fast or interrupt before it began; set by the run */
} assay_skip_reason;

const char *assay_skip_reason_name(assay_skip_reason reason); /* "unchanged" .. */

/* What came of one step. Filled by ops->run in the step's arena; numbers are -1 where unknown. */
typedef struct assay_step_result {
    assay_step_outcome outcome; /* set by ops->run to DONE or SKIPPED; else the run sets it */
    assay_skip_reason skip;
    const char *reason; /* one line for people: why it was skipped or gated; NULL = none */
    int64_t rows_added, rows_updated, rows_removed;
    int64_t rows; /* of the table afterwards */
    int64_t bytes, files;
    int64_t quarantined, bad_rows; /* bad_rows: dropped by the contract */
    int64_t checks_passed, checks_total;
    int64_t warnings;          /* checks that failed without shutting the gate */
    const char *verdict;       /* "pass", "untested", "override", "fail"; NULL = not judged */
    int64_t snapshot_id;       /* the commit; -1 = none */
    const char *results_path;  /* file with the checks' results; NULL = none */
    const char *bad_rows_path; /* file with the dropped records; NULL = none */
    const char *evidence;      /* lines for people: failed checks with samples; NULL = none */
    bool checks_only;          /* only the suite ran again on the published table */
    const char *const *notes;  /* lines to show (warnings), newest last */
    size_t note_count;
    /* what was tried for `publish:`; a failure there is none of the step, its table is right */
    const assay_publication *publications;
    size_t publication_count;
} assay_step_result;

/* One input of a step, with the snapshot that the run decided on. */
typedef struct assay_step_input {
    const char *name;         /* "bronze.orders" */
    const assay_model *model; /* NULL = outside */
    bool new_rows;
    bool written_by_run;         /* its step belongs to this run and has ended well */
    int64_t snapshot_id;         /* pinned snapshot; -1 = the table has none */
    const char *uuid;            /* of the table, NULL = not known */
    const assay_column *columns; /* as the model was bound against, for shadow catalogs */
    size_t column_count;
} assay_step_input;

/* What is published under a name. */
typedef struct assay_table_look {
    bool exists;         /* a table with a snapshot or at least a schema lies there */
    int64_t snapshot_id; /* -1 = none */
    const char *uuid;
    assay_column *columns; /* names and DuckDB types as the user sees them */
    size_t column_count;
    const char *const *pii; /* columns that its last commit called pii */
    size_t pii_count;
} assay_table_look;

typedef struct assay_step_progress assay_step_progress;

/* Everything a step may use. */
typedef struct assay_step_context {
    const assay_project *project;
    const assay_model *model;
    const struct assay_step_env *env;
    assay_conn *conn;    /* the step's own, nothing attached */
    assay_arena *arena;  /* the step's own; the run copies what the result points to */
    const char *run_id;  /* UUIDv7 text */
    const char *step_id; /* UUIDv7 text: the OpenLineage run of the step, run_id of the commit */
    int64_t now_us;      /* clock of models */
    bool has_interval;   /* --from/--to were given */
    int64_t since_us, until_us; /* for assay_model_bind_interval */
    bool full_refresh;          /* rebuild this table from all of its input */
    const struct assay_gate_override *overrides;
    size_t override_count;
    const assay_step_input *inputs; /* as model->inputs */
    size_t input_count;
    assay_step_progress *progress;
    int jobs; /* steps that may run beside this one, at least 1 */
} assay_step_context;

/* Says what the step is doing now ("reading", "checks", "commit"): static text. Any thread. */
void assay_step_phase(const assay_step_context *context, const char *phase);

/* The step's table is committed, and the step goes on outside of it. Any thread. */
void assay_step_say_committed(const assay_step_context *context);
bool assay_step_has_committed(const assay_step_context *context);

/* A step that an earlier process left open, of a run or outside of one. */
typedef struct assay_open_step {
    const char *run_id, *step_id;
    const char *table;
    int64_t started_us;
} assay_open_step;

/* What a plan says of a step, without writing anything. */
typedef struct assay_step_plan {
    bool will_run;
    assay_skip_reason skip; /* where not */
    const char *reason;     /* one line */
    int64_t new_files;      /* extracts: files to load; -1 = does not apply */
    bool will_publish;      /* what is published of it elsewhere is behind, or will be */
} assay_step_plan;

/* An extract whose columns are asked for. */
typedef struct assay_columns_request {
    const assay_project *project;
    assay_conn *conn;
    const assay_model *model;
    const assay_table_look *published;
    bool rebuilt;     /* the columns of `published` do not bind */
    int64_t begun_us; /* monotonic: of the compile, which waits once for a source that is down */
    assay_error *unreached; /* filled where the columns are the published ones, since the source is
                               not reached */
} assay_columns_request;

/* Whatever is asked for one of a run's moments without a step of its own. */
typedef struct assay_run_moment {
    const assay_project *project;
    const char *run_id;
    int64_t started_us;
    assay_model *const *models; /* the selected ones, in order */
    size_t model_count;
    assay_status status; /* end: how the run ended */
    const char *message; /* end: of the first failure; NULL = none */
} assay_run_moment;

/* The interface. `user` is env->ops_user. `look`, `columns` and `run` are never NULL, the others
 * may be. */
typedef struct assay_step_ops {
    /* What is published as `table` ("layer.table"). Any thread. */
    assay_status (*look)(void *user, const assay_project *project, assay_conn *conn,
                         const char *table, assay_arena *arena, assay_table_look *ret_look,
                         assay_error *err);

    /* What is wrong in the text of an extract itself: nothing is asked of its source. */
    assay_status (*check)(void *user, const assay_project *project, const assay_model *model,
                          assay_error *err);

    /* The columns that the table of an extract will have (bronze columns included): from the
     * contract, else from what is published, else by sniffing. */
    assay_status (*columns)(void *user, const assay_columns_request *request, assay_arena *arena,
                            assay_column **ret_columns, size_t *ret_count, assay_error *err);

    /* Before the first and after the last step (lineage of the run itself). */
    assay_status (*begin)(void *user, const assay_run_moment *moment, assay_error *err);
    void (*end)(void *user, const assay_run_moment *moment);

    /* Whether the gate of `model` looks at the table `other` too (foreign keys, queries), so that
     * it should be judged after `other` is published. Pure; any thread. May be NULL. */
    bool (*judged_against)(void *user, const assay_model *model, const char *other);

    /* Whether the step would do something (*ret_plan comes with will_run false); writes nothing.
     * Inputs that this plan would write are not asked for: the caller knows that the step will run.
     */
    assay_status (*plan)(void *user, const assay_step_context *context, assay_step_plan *ret_plan,
                         assay_error *err);

    /* Does the work of one step; *ret_result comes with every number -1 and all else empty. It
     * decides whether it is needed (skip key in the table's state file), stages, checks, commits,
     * sends its lineage. Called by a worker thread with the table's lock held. A model with a
     * `failure` does nothing but that, and returns the failure. Returns ASSAY_OK for DONE and
     * SKIPPED, EGATE for a shut gate (with the result filled), ECANCELLED, ENOMEM (the run tries
     * again alone), else the step has failed. */
    assay_status (*run)(void *user, const assay_step_context *context,
                        assay_step_result *ret_result, assay_error *err);

    /* A step that a dead process left open: *ret_committed says whether its commit is there. Closes
     * its lineage (COMPLETE or ABORT) and removes what it left behind. */
    assay_status (*recover)(void *user, const assay_project *project, assay_conn *conn,
                            const assay_open_step *step, bool *ret_committed, assay_error *err);
    /* The same for the run that the open steps belonged to, after them. */
    void (*recover_run)(void *user, const assay_project *project, const char *run_id,
                        int64_t started_us);

    /* The process is about to leave while this step is still running: spool ABORT. Called by
     * another thread than the one in `run`; must not wait for it. */
    void (*abort)(void *user, const assay_step_context *context);
} assay_step_ops;

/* What a run, a plan and a compile work with. */
typedef struct assay_step_env {
    const assay_step_ops *ops;
    void *ops_user;
    assay_engine *engine;
    assay_store *store;
    const assay_clock *clock;
    const assay_random *random;
    assay_log *log;             /* may be NULL */
    const assay_cancel *cancel; /* may be NULL */
    assay_secrets *secrets;     /* of connections; NULL in tests that use none */
    const char *assay_version;
} assay_step_env;

/* The skip key (SEMANTICS.md 3.2): hex SHA-256 of input snapshots, canonical SQL, header, storage
 * options, interval and engine version; `extra` (may be NULL) is what else the caller's work
 * depends on. Empty text where the model is volatile: it is never skipped. */
ASSAY_NODISCARD assay_status assay_step_skip_key(const assay_step_context *context,
                                                 const char *extra, char ret_key[65],
                                                 assay_error *err);

#endif
