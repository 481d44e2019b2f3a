/* Rows of a quarantine table go through the rules again after a fix (facts: quality.md section 9).
 * The rows that pass enter the table in one commit that also takes them out of quarantine, so that
 * they are in one of both at any moment, whatever dies when; the others stay as they are. */
#ifndef ASSAY_STEPS_REPLAY_H
#define ASSAY_STEPS_REPLAY_H

#include "steps/write.h"

typedef struct assay_replay_request {
    const assay_steps *steps;
    assay_conn *conn; /* in a private catalog */
    assay_arena *arena;
    const char *table;        /* "silver.orders" */
    const assay_model *model; /* NULL = the table has none */
    const char *only_run;     /* rows of this run alone, by the beginning of its id; NULL = all */
    const char *run_id, *step_id;
    int64_t now_us;
} assay_replay_request;

typedef struct assay_replay_result {
    assay_table *base;
    int64_t rows;                /* that count and were tried */
    int64_t passed;              /* in the table now */
    assay_write_outcome outcome; /* without a snapshot where none passed */
} assay_replay_result;

/* ENOTFOUND 5040 where nothing is in quarantine for this table or run; EGATE where the gate is
 * shut. */
ASSAY_NODISCARD assay_status assay_replay_run(const assay_replay_request *request,
                                              assay_replay_result *ret_result, assay_error *err);

/* ---- replay_rows.c: the candidates ---- */

/* The temporary table of candidates: the table's columns, and which row of quarantine each is:
 * __assay_file (the step's id) and __assay_row. */
#define ASSAY_REPLAY_ROWS "\"temp\".\"main\".\"__assay_replay\""

/* Those that must stay: (file VARCHAR, row BIGINT). */
#define ASSAY_REPLAY_BAD "\"temp\".\"main\".\"__assay_replay_bad\""

typedef struct assay_replay_rows {
    const assay_replay_request *request;
    const assay_table *base;
    assay_table *quarantine;
    const assay_quarantine_entry *entries; /* those whose rows count */
    size_t entry_count;
} assay_replay_rows;

/* Fills both tables: rows as they were kept, records parsed again from their text. */
ASSAY_NODISCARD assay_status assay_replay_collect(const assay_replay_rows *rows, assay_error *err);

/* "SELECT .. FROM (scan) WHERE <counts>" of the quarantine table: all its columns. Used by show and
 * list too. */
ASSAY_NODISCARD assay_status assay_replay_append_open(assay_buf *buf, const assay_replay_rows *rows,
                                                      assay_error *err);

/* The columns of the table, with the types that rows get now: the contract's where the table's can
 * widen to it. */
ASSAY_NODISCARD assay_status assay_replay_columns(const assay_replay_rows *rows,
                                                  assay_column **ret_columns, size_t *ret_count,
                                                  assay_error *err);

/* Rows that `sql` gives as (step, row) leave quarantine with `write`; *ret_rows = how many. */
ASSAY_NODISCARD assay_status assay_replay_closings(const assay_replay_request *request,
                                                   const char *sql, assay_write *write,
                                                   int64_t *ret_rows, assay_error *err);

/* Files of an extract that are loaded again (changed_file: replace): what was put aside of them
 * before leaves quarantine with `write`. */
ASSAY_NODISCARD assay_status assay_replay_supersede(assay_write *write, const char *const *files,
                                                    size_t count, assay_error *err);

/* ---- replay_records.c ---- */

/* Records that could not be read are tried again with the extract as it is now; what still breaks
 * joins ASSAY_REPLAY_BAD. `open` is the SELECT above. */
ASSAY_NODISCARD assay_status assay_replay_records(const assay_replay_rows *rows, const char *open,
                                                  assay_error *err);

#endif
