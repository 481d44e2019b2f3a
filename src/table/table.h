/* What a table is in any format: the loaded state, snapshots, pending change, and the interface
 * that iceberg, delta and parquet implement.
 *
 * Thread rule: a loaded table is plain data in an arena; different threads load their own. */
#ifndef ASSAY_TABLE_TABLE_H
#define ASSAY_TABLE_TABLE_H

#include "base/cancel.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "store/store.h"
#include "table/file.h"
#include "table/partition.h"
#include "text/value.h"

typedef struct assay_snapshot {
    int64_t id;     /* Iceberg snapshot id; Delta and Parquet: version */
    int64_t parent; /* -1 = none */
    int64_t number; /* commit sequence n of the table: Iceberg sequence number, else version + 1 */
    int64_t timestamp_ms;
    const char *operation;            /* "append", "overwrite", "delete", "replace" */
    int64_t rows, files, bytes;       /* totals after it, -1 unknown */
    int64_t added_rows, removed_rows; /* -1 unknown */
    const char
        *state_path;     /* the state file it refers to (SEMANTICS.md 2.2); NULL = foreign commit */
    const char *engine;  /* name of the program that wrote it: "assay"; NULL unknown */
    const char *run_id;  /* assay's step run id, NULL = foreign */
    const char *verdict; /* "pass", "untested", "override" ..; NULL = foreign */
    const char *commit_id; /* uuid text of the change that made it, NULL = foreign */
} assay_snapshot;

typedef struct assay_property {
    const char *name, *value;
} assay_property;

struct assay_table_format;

/* A table as one load saw it. */
typedef struct assay_table {
    const struct assay_table_format *format;
    const char *name;     /* "silver.orders" */
    const char *location; /* absolute folder */
    bool exists;
    const char *uuid;
    assay_schema *schema;       /* current */
    assay_partition_spec *spec; /* current; count 0 = unpartitioned */
    assay_snapshot *snapshots;  /* ascending in time, those still readable */
    size_t snapshot_count;
    const assay_snapshot *current; /* NULL = no snapshot yet */
    assay_property *properties;
    size_t property_count;
    assay_arena *arena; /* everything above lives here */
    void *format_data;  /* private to the format */
} assay_table;

/* What a commit does. The caller fills it; the format turns it into one atomic commit. */
typedef enum assay_change_kind {
    ASSAY_CHANGE_APPEND,    /* adds files */
    ASSAY_CHANGE_REPLACE,   /* all files of the base leave, added ones come (mode full) */
    ASSAY_CHANGE_OVERWRITE, /* `removed` leave, `added` come */
    ASSAY_CHANGE_ROLLBACK   /* the files of snapshot `rollback_to` are the table again */
} assay_change_kind;

typedef struct assay_change {
    assay_change_kind kind;
    const assay_schema *schema;       /* schema after the commit, ids assigned; never NULL */
    const assay_partition_spec *spec; /* spec after the commit; never NULL */
    assay_data_file *added;
    size_t added_count;
    const assay_data_file *removed; /* as plan_files gave them */
    size_t removed_count;
    int64_t rollback_to;
    const char *state_path; /* relative to the table: "_assay/state-7.json" */
    const char
        *commit_id; /* uuid text, stands in the commit so that an unknown outcome is decidable */
    const char *run_id; /* step run id */
    const char *verdict;
    const assay_property *summary; /* more facts for summary / commitInfo */
    size_t summary_count;
    const assay_property *properties; /* table properties to set at creation */
    size_t property_count;
} assay_change;

typedef struct assay_commit_env {
    const assay_clock *clock;
    const assay_random *random;
    const char *assay_version;   /* for engine-name/-version, engineInfo */
    assay_value *format_options; /* section `iceberg:` / `delta:` of storage.yaml; may be NULL */
    const assay_cancel *cancel;
} assay_commit_env;

/* What expire keeps, and what it removed. */
typedef struct assay_expiry {
    int64_t older_than_ms;
    int keep;
} assay_expiry;

typedef struct assay_expired {
    size_t snapshots, files;
} assay_expired;

struct assay_conn;

/* The interface of a format. Contract:
 * - load never writes; a location without a table gives exists = false. A table with a feature that
 * is not understood is EUNSUPPORTED that names the feature; damaged metadata is EDATA; never
 * misread.
 * - plan_files lists the live files of a snapshot (-1 = current), with their statistics.
 * - commit publishes `change` on top of exactly the state `base` that was loaded:
 *     ASSAY_OK               it is visible and durable; *ret_snapshot is it
 *     ASSAY_ECONFLICT        somebody else committed first; nothing of ours is visible; the caller
 *                            reloads, decides whether the change still holds, and commits again
 *     ASSAY_EUNKNOWN_OUTCOME it may be visible; data files must stay
 *     else                   nothing of ours is visible
 *   All data files in `added` were fsynced by the caller. Readers see the old or the new state.
 * - Any number of processes may call commit at once; at most one wins each state. */
typedef struct assay_table_format {
    const char *name; /* "iceberg", "delta", "parquet" */

    assay_status (*load)(const char *name, const char *location, assay_store *store,
                         struct assay_conn *conn, assay_arena *arena, assay_table **ret_table,
                         assay_error *err);
    assay_status (*plan_files)(const assay_table *table, int64_t snapshot_id, assay_store *store,
                               assay_arena *arena, assay_data_file **ret_files, size_t *ret_count,
                               assay_error *err);
    /* Schema of an older snapshot (-1 = current). */
    assay_status (*snapshot_schema)(const assay_table *table, int64_t snapshot_id,
                                    assay_arena *arena, assay_schema **ret_schema,
                                    assay_error *err);
    /* Folder for new data files of a commit; made by the callee; files in it are not visible to any
     * reader until a commit refers to them. `stage_id` is unique. */
    assay_status (*stage_folder)(const assay_table *table, const char *stage_id, assay_arena *arena,
                                 const char **ret_folder, assay_error *err);
    /* Says whether a column's type can be held, and how: *ret_stored is the type in the file,
     * EUNSUPPORTED 4001 with the column's name where it cannot. */
    assay_status (*stored_type)(const assay_field *field, assay_arena *arena,
                                assay_type *ret_stored, assay_error *err);
    assay_status (*commit)(const assay_table *base, const assay_change *change,
                           const assay_commit_env *env, assay_store *store, struct assay_conn *conn,
                           const assay_snapshot **ret_snapshot, assay_error *err);
    /* Drops snapshots older than `older_than_ms` but the newest `keep` ones, then deletes files
     * that no remaining snapshot needs. */
    assay_status (*expire)(const assay_table *base, const assay_expiry *expiry,
                           const assay_commit_env *env, assay_store *store, struct assay_conn *conn,
                           assay_expired *ret_expired, assay_error *err);
    /* Loads `base` again, as it is now, from wherever it was loaded. NULL: `load` by its location
     * is the same. */
    assay_status (*reload)(const assay_table *base, assay_store *store, struct assay_conn *conn,
                           assay_arena *arena, assay_table **ret_table, assay_error *err);
    bool field_ids;      /* data files carry field ids and are read by them; else by name */
    bool absolute_paths; /* metadata names the table's place and its files absolutely */
} assay_table_format;

/* ---- what table adds over the formats (all formats alike) ---- */

/* The snapshot of that id, or the newest not after time_us; NULL if none. */
const assay_snapshot *assay_table_snapshot(const assay_table *table, int64_t id);
const assay_snapshot *assay_table_snapshot_at(const assay_table *table, int64_t time_us);

/* Property value or NULL. */
const char *assay_table_property(const assay_table *table, const char *name);

#endif
