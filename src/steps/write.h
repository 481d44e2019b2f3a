/* The one way a table is written: stage, test, commit. Extracts, transforms, `assay load` and
 * assay_table_write all come through here, so none of them can pass the gate by. */
#ifndef ASSAY_STEPS_WRITE_H
#define ASSAY_STEPS_WRITE_H

#include "pipeline/shape.h"
#include "published/published.h"
#include "steps/quarantine.h"
#include "steps/split.h"
#include "steps/steps.h"

/* What the stage of a step's second write has behind the step's id. */
#define ASSAY_WRITE_AGAIN "-again"
/* The same where rows were written once more without copies of keys. */
#define ASSAY_WRITE_KEPT "-kept"

/* The columns of a query that was asked once: to bind one takes time. */
typedef struct assay_write_known {
    const char *select; /* by its address; NULL = none was asked yet */
    assay_column *columns;
    size_t count;
} assay_write_known;

typedef struct assay_write {
    const assay_steps *steps;
    assay_conn *conn; /* in a private catalog where `select` makes sense */
    assay_arena *arena;
    const char *table;     /* "silver.orders" */
    assay_table *base;     /* as loaded; may not exist yet */
    assay_load_mode mode;  /* FULL where a table of another mode is rebuilt as a whole */
    assay_row_rules rules; /* of merge and scd2, where it is rebuilt too; else without a key */
    bool allow_empty;
    const char *select;
    assay_write_known known;
    /* Records that could not be read, for the quarantine: a SELECT of columns of the table with
     * __assay_record, __assay_record_format and __assay_reason (all VARCHAR). NULL = none. */
    const char *broken;
    const assay_quarantine_closing *closings; /* rows that leave quarantine with this commit */
    size_t closing_count;
    assay_split split; /* made by assay_write_run */
    const char *const *partition_by;
    size_t partition_count;
    const assay_data_file *removed; /* files that leave; `select` has their rows that stay */
    size_t removed_count;
    /* Asked after a lost race where files leave: ASSAY_OK = what was staged still holds on `now`.
     * NULL: it does not, ECONFLICT. */
    assay_status (*holds)(void *user, const assay_table *now, assay_error *err);
    void *holds_user;
    bool keeps_state; /* what was consumed is committed even where no row changes */
    /* " SEMI JOIN .." of t, a staged row, that leaves those which were not there before, for checks
     * of the batch alone; NULL = all of them. */
    const char *batch_join;
    const assay_model *model; /* keys, docs, pii; may be NULL */
    bool inputs_bound;        /* the model's inputs are views of the connection */
    const char *run_id, *step_id;
    int64_t now_us;
    const assay_gate_override *overrides;
    size_t override_count;
    assay_state_file state; /* what was consumed and the skip key; the rest is filled here */
    const assay_state_file *previous;  /* may be NULL */
    assay_result_format result_format; /* of checks that name none */
    const char *const *index_columns;
    size_t index_count;
    bool no_results; /* write no result file */
    bool again;      /* the step's second write, after one that failed */
    /* Asked after the rows are staged: not ASSAY_OK = nothing is committed. May be NULL. */
    assay_status (*before_commit)(void *user, assay_error *err);
    void *before_commit_user;
    void (*phase)(void *user, const char *phase); /* may be NULL */
    void *phase_user;
} assay_write;

typedef struct assay_write_outcome {
    assay_split split;
    const assay_table *quarantine;  /* where bad rows were put; NULL = none were */
    const assay_snapshot *snapshot; /* NULL = no commit (zero new rows) */
    const assay_schema *schema;
    assay_stage_result stage;
    int64_t rows_added, rows_updated; /* -1: as many as were staged, not known */
    int64_t rows_removed;
    int64_t rows;                       /* of the table after the commit */
    const assay_quality_report *report; /* NULL = untested */
    const assay_gate_verdict *verdict;  /* NULL = no rows, not judged */
    const char *results_path;           /* relative to the project; NULL = none */
    const char *evidence; /* lines for people: failed checks with samples; NULL = none */
    bool schema_changed, created;
} assay_write_outcome;

#define ASSAY_WRITE_OUTCOME_EMPTY \
    ((assay_write_outcome){.rows_added = -1, .rows_updated = -1, .rows = -1})

/* Stages, tests and commits. EGATE where the gate is shut (ret_outcome is filled then too, and what
 * was staged is gone); nothing is visible unless ASSAY_OK. */
ASSAY_NODISCARD assay_status assay_write_run(assay_write *write, assay_write_outcome *ret_outcome,
                                             assay_error *err);

/* The columns of write->select, which is bound where that was not done yet. */
ASSAY_NODISCARD assay_status assay_write_describe(assay_write *write,
                                                  const assay_column **ret_columns,
                                                  size_t *ret_count, assay_error *err);

/* The same for rows that are what the table gets: `rules` are not looked at. */
ASSAY_NODISCARD assay_status assay_write_rows(assay_write *write, assay_write_outcome *ret_outcome,
                                              assay_error *err);

/* Runs the suite of a published table again without writing (`assay check`, or only the suite has
 * changed). *ret_outcome: report, verdict, results. EGATE as above. */
ASSAY_NODISCARD assay_status assay_write_recheck(assay_write *write,
                                                 assay_write_outcome *ret_outcome,
                                                 assay_error *err);

#endif
