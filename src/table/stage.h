/* Writing: rows of a query become fsynced Parquet data files that nothing refers to yet. */
#ifndef ASSAY_TABLE_STAGE_H
#define ASSAY_TABLE_STAGE_H

#include "engine/engine.h"
#include "table/table.h"

typedef struct assay_stage_request {
    const assay_table *table; /* for its format and location; may not exist yet */
    const assay_schema
        *schema; /* with ids; columns of the query are matched by name, missing = NULL */
    const assay_partition_spec *spec; /* count 0 = unpartitioned */
    const char *select;               /* the query */
    const assay_column *columns;      /* what it gives, where that is known; NULL = asked */
    size_t column_count;
    const char *stage_id;       /* unique text, part of file names */
    uint64_t target_file_bytes; /* 0 = 256 MiB */
    /* Rows for which this predicate holds go to files of their own, in the same pass; `select` is
     * called `alias` in it. NULL = none. With it the good rows (of a partition) are one file. */
    const char *bad;
    const char *alias; /* quoted; NULL = none */
} assay_stage_request;

typedef struct assay_stage_result {
    const char *folder;
    assay_data_file *files; /* zero rows = zero files */
    size_t count;
    int64_t rows, bytes;
    assay_data_file *bad_files; /* rows for which request->bad holds: no part of the above */
    size_t bad_count;
    int64_t bad_rows;
} assay_stage_result;

/* Runs the query once and writes its rows with field ids, one pass, statistics typed through the
 * traps of the writer (HUGEINT, unsigned, has_nan by row group, DECIMAL, floor of dates, non-UTC).
 * Values that the format cannot hold (years outside 1..9999, infinity of dates) are EDATA 4030 with
 * the column's name. Everything is fsynced, files and folders, when it returns ASSAY_OK; on failure
 * nothing stays. */
ASSAY_NODISCARD assay_status assay_stage_write(assay_conn *conn, const assay_stage_request *request,
                                               assay_arena *arena, assay_stage_result *ret_result,
                                               assay_error *err);

/* Removes staged files of a commit that will not happen, the bad ones too. */
void assay_stage_discard(const assay_stage_result *result);

/* Removes the files of bad rows alone: they must be gone before the commit. */
void assay_stage_discard_bad(assay_stage_result *result);

/* Removes what a dead process has staged for `table` under `stage_id`. The caller knows that no
 * commit refers to it. */
ASSAY_NODISCARD assay_status assay_stage_discard_left(const assay_table *table,
                                                      const char *stage_id, assay_error *err);

#endif
