/* What a loaded Delta table keeps beside the neutral assay_table. */
#ifndef ASSAY_DELTA_LOADED_H
#define ASSAY_DELTA_LOADED_H

#include "delta/replay.h"
#include "table/table.h"

typedef struct assay_delta_loaded {
    assay_delta_log *log;
    const assay_delta_state *state; /* at the newest version */
    bool has_files;                 /* `state` has its files too */
    const assay_value *schema_tree;
    assay_store *store; /* of the load; snapshot_schema reads older versions through it */
} assay_delta_loaded;

/* appId of the commits of assay; its version is the number of the state file. */
extern const char assay_delta_app_id[]; /* "assay" */
/* A second one, whose version is the begin of the commit id: together they name the state file
 * where no commitInfo is left. */
extern const char assay_delta_app_commit[]; /* "assay.commit" */

/* 60 bits of a uuid's text as a number, -1 where it is none. */
int64_t assay_delta_commit_number(const char *commit_id);

/* The snapshots that can still be read, ascending. */
ASSAY_NODISCARD assay_status assay_delta_history(const assay_delta_loaded *loaded,
                                                 assay_store *store, assay_arena *arena,
                                                 assay_snapshot **ret_snapshots, size_t *ret_count,
                                                 assay_error *err);

/* Refuses (4220) to make a table where one of the format "parquet" lies: its link leads into a
 * version of it. */
ASSAY_NODISCARD assay_status assay_delta_check_place(const assay_table *table, assay_arena *arena,
                                                     assay_error *err);

/* The parts of the format's interface. */
ASSAY_NODISCARD assay_status assay_delta_load(const char *name, const char *location,
                                              assay_store *store, assay_conn *conn,
                                              assay_arena *arena, assay_table **ret_table,
                                              assay_error *err);
ASSAY_NODISCARD assay_status assay_delta_plan_files(const assay_table *table, int64_t snapshot_id,
                                                    assay_store *store, assay_arena *arena,
                                                    assay_data_file **ret_files, size_t *ret_count,
                                                    assay_error *err);
ASSAY_NODISCARD assay_status assay_delta_commit(const assay_table *base, const assay_change *change,
                                                const assay_commit_env *env, assay_store *store,
                                                assay_conn *conn,
                                                const assay_snapshot **ret_snapshot,
                                                assay_error *err);
ASSAY_NODISCARD assay_status assay_delta_expire(const assay_table *base, const assay_expiry *expiry,
                                                const assay_commit_env *env, assay_store *store,
                                                assay_conn *conn, assay_expired *ret_expired,
                                                assay_error *err);

#endif
