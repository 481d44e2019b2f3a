/* Iceberg tables (format version 2; 1 and 3 are read): the functions of assay_table_format over a
 * catalog. src/catalog binds them to a catalog and so makes the format that the other rooms use. */
#ifndef ASSAY_ICEBERG_ICEBERG_H
#define ASSAY_ICEBERG_ICEBERG_H

#include "iceberg/catalog.h"
#include "iceberg/metadata.h"

/* Loads a table through `catalog`; `format` is what table->format becomes. */
ASSAY_NODISCARD assay_status assay_iceberg_load(const assay_iceberg_catalog *catalog,
                                                const assay_table_format *format,
                                                const assay_iceberg_identity *identity,
                                                assay_store *store, assay_arena *arena,
                                                assay_table **ret_table, assay_error *err);

/* The functions of the same name in assay_table_format (src/table/table.h). A table loaded by
 * assay_iceberg_load remembers its catalog. */
assay_status assay_iceberg_plan_files(const assay_table *table, int64_t snapshot_id,
                                      assay_store *store, assay_arena *arena,
                                      assay_data_file **ret_files, size_t *ret_count,
                                      assay_error *err);
assay_status assay_iceberg_snapshot_schema(const assay_table *table, int64_t snapshot_id,
                                           assay_arena *arena, assay_schema **ret_schema,
                                           assay_error *err);
assay_status assay_iceberg_stage_folder(const assay_table *table, const char *stage_id,
                                        assay_arena *arena, const char **ret_folder,
                                        assay_error *err);
assay_status assay_iceberg_stored_type_of(const assay_field *field, assay_arena *arena,
                                          assay_type *ret_stored, assay_error *err);
assay_status assay_iceberg_commit(const assay_table *base, const assay_change *change,
                                  const assay_commit_env *env, assay_store *store,
                                  struct assay_conn *conn, const assay_snapshot **ret_snapshot,
                                  assay_error *err);
assay_status assay_iceberg_expire(const assay_table *base, const assay_expiry *expiry,
                                  const assay_commit_env *env, assay_store *store,
                                  struct assay_conn *conn, assay_expired *ret_expired,
                                  assay_error *err);

assay_status assay_iceberg_reload(const assay_table *base, assay_store *store,
                                  struct assay_conn *conn, assay_arena *arena,
                                  assay_table **ret_table, assay_error *err);

/* Metadata of a loaded table; NULL where it does not exist. */
const assay_iceberg_metadata *assay_iceberg_table_metadata(const assay_table *table);

#endif
