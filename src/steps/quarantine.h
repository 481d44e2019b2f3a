/* The quarantine table of a table: `quarantine.<layer>_<table>`, written before the table's own
 * commit. Which of its rows count stands in the table's state file, so that rows of a commit that
 * never came count for nothing, and replayed rows are out in the very commit that brings them in
 * (SEMANTICS.md 4.4).
 *
 * State: a list of {step, run, rows, closed}: the commit of step `step` put `rows` rows aside, of
 * which those numbered in `closed` ("0-3,7") are replayed or superseded. */
#ifndef ASSAY_STEPS_QUARANTINE_H
#define ASSAY_STEPS_QUARANTINE_H

#include "base/vec.h"
#include "published/published.h"
#include "steps/split.h"
#include "table/state.h"

struct assay_write;

/* Columns behind those of the table. */
#define ASSAY_QUARANTINE_RULES "_error_rules"
#define ASSAY_QUARANTINE_REASON "_error_reason"
#define ASSAY_QUARANTINE_RUN "_error_run_id"
#define ASSAY_QUARANTINE_STEP "_error_step_id"
#define ASSAY_QUARANTINE_ROW "_error_row"
#define ASSAY_QUARANTINE_TIME "_error_timestamp"
#define ASSAY_QUARANTINE_PATH "_error_lane_path"
#define ASSAY_QUARANTINE_INPUT "_error_input"
#define ASSAY_QUARANTINE_RECORD "_error_record"
#define ASSAY_QUARANTINE_FORMAT "_error_record_format"

/* Is it one of them? */
bool assay_quarantine_is_column(const char *name);

/* "quarantine.silver_orders" of "silver.orders"; NULL when memory is short. */
char *assay_quarantine_name(const char *table, assay_arena *arena);

/* Commits ASSAY_SPLIT_ROWS to the quarantine table of the write, under the step's id. Files of
 * steps that count in no snapshot of the table any more leave in the same commit. EDATA 2215 where
 * the table itself has a column of one of these names. *ret_table is it as it was loaded before. */
ASSAY_NODISCARD assay_status assay_quarantine_commit(const struct assay_write *write,
                                                     const assay_split *split,
                                                     const assay_table **ret_table,
                                                     assay_error *err);

/* Removes what a dead process has staged for it under the step's id. */
ASSAY_NODISCARD assay_status assay_quarantine_discard_left(const assay_project *project,
                                                           const assay_step_env *env,
                                                           assay_conn *conn, const char *table,
                                                           const char *step_id, assay_arena *arena,
                                                           assay_error *err);

/* ---- quarantine_state.c ---- */

typedef struct assay_quarantine_entry {
    const char *step, *run;
    int64_t rows;
    const char *closed; /* "0-3,7"; "" = none */
    int64_t open;       /* rows that still count */
} assay_quarantine_entry;

/* Rows that a commit takes out of quarantine. */
typedef struct assay_quarantine_closing {
    const char *step;
    const char *rows; /* "0-3,7" */
} assay_quarantine_closing;

/* What is new. */
typedef struct assay_quarantine_news {
    const char *step, *run;
    int64_t rows; /* put aside by this commit */
    const assay_quarantine_closing *closings;
    size_t closing_count;
} assay_quarantine_news;

/* The entries of a state (NULL = none). Damage is EDATA 4050. */
ASSAY_NODISCARD assay_status assay_quarantine_entries(const assay_state_file *state,
                                                      assay_arena *arena,
                                                      assay_quarantine_entry **ret_entries,
                                                      size_t *ret_count, assay_error *err);

/* The list after a commit on top of `previous` (NULL = nothing of before counts any more); NULL for
 * an empty one. Closing rows that do not count (any more) is ECONFLICT 4040. */
ASSAY_NODISCARD assay_status assay_quarantine_next(const assay_state_file *previous,
                                                   const assay_quarantine_news *news,
                                                   assay_arena *arena, assay_value **ret_list,
                                                   assay_error *err);

/* Sorted row numbers as ranges; NULL when memory is short. */
char *assay_quarantine_ranges(const int64_t *rows, size_t count, assay_arena *arena);

/* " AND (_error_row NOT BETWEEN .. )": the predicate of rows that `closed` does not name. */
ASSAY_NODISCARD assay_status assay_quarantine_append_open(assay_buf *buf,
                                                          const assay_quarantine_entry *entry,
                                                          assay_error *err);

#endif
