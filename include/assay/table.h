/* Tables: write, read, look at. Names are "layer.table".
 *
 * Thread rule: as the context. Errors: 4xxx with the table's and the column's name. */
#ifndef ASSAY_TABLE_H
#define ASSAY_TABLE_H

#include <assay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arrow C data interface (https://arrow.apache.org/docs/format/CStreamInterface.html). */
struct ArrowArrayStream;

typedef enum assay_write_mode {
    ASSAY_WRITE_FULL,   /* replaces the table atomically */
    ASSAY_WRITE_APPEND, /* adds rows; columns are added and widened, nothing else */
    /* One row a key: rows with a key that the table has replace its row, the others are added.
     * Nothing that changes is no commit. Concurrent merges lose nothing; where that cannot be,
     * ECONFLICT 4040. */
    ASSAY_WRITE_MERGE,
    /* The partitions that rows fall in are replaced as a whole; the table must be partitioned. */
    ASSAY_WRITE_REPLACE_PARTITIONS
} assay_write_mode;

typedef struct assay_write_options {
    assay_write_mode mode;
    /* "month(day)", "country"; NULL-terminated. NULL = as the table is, or as the header of its
     * model says; none for a new table. */
    const char *const *partition_by;
    bool allow_empty; /* full mode may leave zero rows */

    /* Merge. Where `key` is NULL the header of the table's model says all of this. */
    const char *const *key; /* columns that tell rows apart; NULL-terminated */
    const char *version;    /* column whose highest value wins, in the rows and against the table;
                             * NULL = rows replace the table's, and two of one key are refused */
    const char
        *delete_when; /* SQL condition of rows that delete the row of their key; NULL = none */
    bool soft_delete; /* such rows stay in the table, with _is_deleted and _deleted_at */
} assay_write_options;

typedef struct assay_write_result {
    int64_t rows; /* written: in a merge also those of the files that were written again */
    int64_t bytes;
    int64_t files;
    int64_t added, updated, removed; /* rows; updated is -1 where the mode updates none */
    int64_t quarantined;             /* rows that broke a rule and were put aside */
    int64_t snapshot_id;             /* -1 = no commit was needed */
    char verdict[32];                /* "pass", "untested", "override" */
} assay_write_result;

/* Writes the rows of an Arrow stream through the gate of the project's suites and commits them
 * (the write_table of the original system). The stream is consumed and released in any case.
 * EGATE where the gate is shut: then nothing is visible. */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_write(
    assay_context *context, struct ArrowArrayStream *stream, const char *table,
    const assay_write_options *options, assay_write_result *ret_result, assay_error *err);

/* The rows of a table as an Arrow stream, which the caller releases before the context is closed.
 * `at` is a snapshot id or an ISO 8601 moment; NULL = now. */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_read(assay_context *context, const char *table,
                                                        const char *at,
                                                        struct ArrowArrayStream *ret_stream,
                                                        assay_error *err);

/* Loads a CSV, JSON or Parquet file into a table through its gate (`assay load`). */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_load_file(assay_context *context,
                                                             const char *file, const char *table,
                                                             const assay_write_options *options,
                                                             assay_write_result *ret_result,
                                                             assay_error *err);

/* JSON of all tables of the warehouse / of one table (schema, partitioning, snapshot, files,
 * state) / of its snapshots. */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_list(assay_context *context, char **ret_json,
                                                        assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_table_show(assay_context *context, const char *table,
                                                        char **ret_json, assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_table_history(assay_context *context,
                                                           const char *table, char **ret_json,
                                                           assay_error *err);

/* Removes snapshots beyond the `keep` of storage.yaml and the files only they need; `table` NULL =
 * every table. JSON: what was removed. */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_expire(assay_context *context, const char *table,
                                                          char **ret_json, assay_error *err);

/* Makes the rows of an older snapshot the table's again, as a new snapshot. */
ASSAY_API ASSAY_NODISCARD assay_status assay_table_rollback(assay_context *context,
                                                            const char *table, int64_t snapshot_id,
                                                            char **ret_json, assay_error *err);

typedef struct assay_query_options {
    const char
        *at; /* snapshot id (of the one table the query reads) or ISO 8601 moment; NULL = now */
    const char
        *format; /* "json" (document), or with `file`: "csv", "json" (lines), "parquet", "arrow" */
    const char *file; /* where the rows go; NULL = returned as a document */
    int64_t limit;    /* rows in the document; 0 = 1,000 */
    bool hide_pii;    /* values of columns that are pii are shown as *** */
} assay_query_options;

/* Runs one query over the tables of the warehouse. The document: {"columns": [{name, type}],
 * "rows": [[..]], "truncated": bool}, where numbers that JSON has not are the texts "NaN",
 * "Infinity" and "-Infinity"; with `file` only {"rows_written": n}. */
ASSAY_API ASSAY_NODISCARD assay_status assay_query(assay_context *context, const char *sql,
                                                   const assay_query_options *options,
                                                   char **ret_json, assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
