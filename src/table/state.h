/* The state file of a commit: `<table>/_assay/state-<n>.json` (SEMANTICS.md 2.2). It is written
 * before the commit that refers to it, and immutable. */
#ifndef ASSAY_TABLE_STATE_H
#define ASSAY_TABLE_STATE_H

#include "table/table.h"

typedef struct assay_consumed_file {
    const char *path; /* as given, relative to the project */
    int64_t size;
    int64_t mtime_ns;
    const char *sha256; /* hex */
    int64_t rows, bad_rows;
} assay_consumed_file;

typedef struct assay_consumed_input {
    const char *table; /* "bronze.orders" */
    const char *uuid;
    int64_t snapshot_id;
    int64_t number;
} assay_consumed_input;

typedef struct assay_state_file {
    int64_t number; /* n: one more than the base's */
    const char *run_id, *step_run_id, *commit_id;
    const char *skip_key; /* hash */
    const char *verdict;  /* as in the snapshot */
    const char *suite_hash;
    assay_value
        *gate; /* verdict details: pass_rate, checks, overrides (who, when, why); may be NULL */
    assay_consumed_file *files; /* all files consumed so far: the chain is resolved by load */
    size_t file_count;
    assay_consumed_input *inputs;
    size_t input_count;
    int64_t rows;           /* rows this commit added */
    assay_value *watermark; /* may be NULL */
    const char *const *pii; /* columns that hold personal data */
    size_t pii_count;
    assay_value *quarantine; /* which rows of its quarantine table count; NULL = none */
} assay_state_file;

/* The path, relative to the table, of the state file of that commit; NULL when memory is short. */
char *assay_state_file_path(int64_t number, const char *commit_id, assay_arena *arena);

/* What a state file hangs on. */
typedef struct assay_state_chain {
    const char *previous_path; /* the state file before it; NULL = none */
    size_t new_files_from;     /* state->files before this index are known to the chain */
} assay_state_chain;

/* Writes `state` as `<location>/_assay/state-<number>-<commit_id>.json`, chained so that only new
 * files are written out. *ret_path is relative to the table. */
ASSAY_NODISCARD assay_status assay_state_file_save(const char *location,
                                                   const assay_state_file *state,
                                                   const assay_state_chain *chain,
                                                   assay_store *store, assay_arena *arena,
                                                   const char **ret_path, assay_error *err);

/* Loads the state that a snapshot refers to, following the chain. */
ASSAY_NODISCARD assay_status assay_state_file_load(const char *location, const char *path,
                                                   assay_store *store, assay_arena *arena,
                                                   assay_state_file **ret_state, assay_error *err);

/* The newest state that the table's history refers to, walking back over foreign commits;
 * *ret_state is NULL where there is none; *ret_foreign counts foreign commits after it. */
ASSAY_NODISCARD assay_status assay_state_file_current(const assay_table *table, assay_store *store,
                                                      assay_arena *arena,
                                                      assay_state_file **ret_state,
                                                      int *ret_foreign, assay_error *err);

#endif
