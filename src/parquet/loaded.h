/* What a loaded Parquet table keeps beside the neutral assay_table, and the parts of the format. */
#ifndef ASSAY_PARQUET_LOADED_H
#define ASSAY_PARQUET_LOADED_H

#include "engine/engine.h"
#include "parquet/manifest.h"

typedef struct assay_parquet_loaded {
    assay_parquet_place place;
    assay_parquet_version **versions; /* ascending; none for a folder of others */
    size_t version_count;
    bool foreign;           /* a folder that assay did not make */
    assay_data_file *files; /* of a foreign folder */
    size_t file_count;
} assay_parquet_loaded;

/* The version of that id (-1 = newest), or NULL. */
const assay_parquet_version *assay_parquet_find_version(const assay_parquet_loaded *loaded,
                                                        int64_t id);

/* Reads a folder of Parquet files that assay did not make; leaves table->exists false where there
 * are none. */
ASSAY_NODISCARD assay_status assay_parquet_load_foreign(assay_parquet_loaded *loaded,
                                                        assay_conn *conn, assay_table *table,
                                                        assay_error *err);

ASSAY_NODISCARD assay_status assay_parquet_plan_files(const assay_table *table, int64_t snapshot_id,
                                                      assay_store *store, assay_arena *arena,
                                                      assay_data_file **ret_files,
                                                      size_t *ret_count, assay_error *err);
ASSAY_NODISCARD assay_status assay_parquet_commit(
    const assay_table *base, const assay_change *change, const assay_commit_env *env,
    assay_store *store, assay_conn *conn, const assay_snapshot **ret_snapshot, assay_error *err);
ASSAY_NODISCARD assay_status assay_parquet_expire(const assay_table *base,
                                                  const assay_expiry *expiry,
                                                  const assay_commit_env *env, assay_store *store,
                                                  assay_conn *conn, assay_expired *ret_expired,
                                                  assay_error *err);

#endif
