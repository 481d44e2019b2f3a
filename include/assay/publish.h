/* Publishing: tables and streams land in tables of outside databases, exactly once.
 *
 * Thread rule: as the context. Errors: 24xx (what is published), 31xx (the database is not reached
 * or refuses), 70xx (the rows or the table there do not fit), with the place in the model where the
 * publication stands there. An error that is worth another try has `retryable` set. */
#ifndef ASSAY_PUBLISH_H
#define ASSAY_PUBLISH_H

#include <assay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arrow C data interface (https://arrow.apache.org/docs/format/CStreamInterface.html). */
struct ArrowArrayStream;

typedef enum assay_publish_mode {
    ASSAY_PUBLISH_OVERWRITE, /* the table there holds these rows and no others */
    ASSAY_PUBLISH_APPEND,    /* rows are added; of a table: those since the last publication */
    ASSAY_PUBLISH_MERGE      /* by key: new rows are inserted, changed ones updated */
} assay_publish_mode;

/* Where rows go, and how. Lists are NULL-terminated. */
typedef struct assay_publish_target {
    const char *connection; /* of config/connections.yaml: postgres or snowflake */
    const char *table;      /* "[database.][schema.]table" */
    assay_publish_mode mode;
    const char *const *key;     /* MERGE: columns that name a row */
    const char *version;        /* MERGE: rows older than the table's are left out; NULL = none */
    const char *delete_column;  /* MERGE: says what a row is; NULL = no row deletes */
    const char *const *deleted; /* its values that delete; NULL = D, DELETE, delete */
    bool delete_absent; /* MERGE: rows whose keys are not there any more are marked deleted */
    bool preserve_case; /* names as they are, where the database folds them */
    const char *const *columns; /* those that are published; NULL = all */
} assay_publish_target;

/* Exactly one of `table` and `stream`. */
typedef struct assay_publish_source {
    const char *table; /* "gold.orders": its newest snapshot, whose gate must have been open */
    struct ArrowArrayStream *stream; /* read to its end and released in any case */
    const char *suite; /* stream: the suite of this table must pass first; NULL = not judged */
    /* stream: what names this publication. Calls with equal ids (and an equal target) do the work
     * once. NULL: APPEND takes one from the rows themselves, so that equal rows are a retry and are
     * not added twice; the other modes take a new one, since they may be repeated without harm. */
    const char *id;
} assay_publish_source;

typedef struct assay_publish_result {
    char publish_id[32]; /* as in the ledger of the outside database */
    bool already;        /* it had been published before: nothing was done */
    int64_t rows;        /* that were sent; -1 = not known (already) */
    int64_t inserted, updated, deleted;
    int64_t snapshot_id; /* of the table; -1 = a stream */
} assay_publish_result;

/* Publishes one table or stream (the write_df_to_snowflake of the original system). ASSAY_OK: the
 * rows are there and the ledger says so. Else the table there is as it was; after EUNKNOWN_OUTCOME
 * the same call finds out. EGATE where the gate of the table or the suite is shut. */
ASSAY_API ASSAY_NODISCARD assay_status assay_publish(assay_context *context,
                                                     const assay_publish_source *source,
                                                     const assay_publish_target *target,
                                                     assay_publish_result *ret_result,
                                                     assay_error *err);

typedef struct assay_publish_options {
    const char *const *select; /* models; NULL = all that have `publish:` */
    const char *const *exclude;
    const char *connection; /* only to this one; NULL = all */
    bool pending;           /* only what is not known to be there */
    bool verify;            /* compare instead of publishing */
    bool dry_run;           /* only say what would be done */
} assay_publish_options;

/* Publishes the newest snapshots of the selected models as their `publish:` says, or compares them
 * with what is there. JSON: {"publications": [{table, to, target, mode, state, publish_id,
 * snapshot_id, rows, inserted, updated, deleted, error}], "success"}; with `verify` each has
 * "equal", "source_rows", "target_rows", "columns" and "differences". ASSAY_OK where every one went
 * well; else the gravest error, and the document is returned too. EDATA 2408 where two sides
 * differ. */
ASSAY_API ASSAY_NODISCARD assay_status assay_publish_models(assay_context *context,
                                                            const assay_publish_options *options,
                                                            char **ret_json, assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
