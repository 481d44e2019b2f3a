/* What iceberg keeps behind assay_table.format_data, and how its files are read. Private to the
 * room. */
#ifndef ASSAY_ICEBERG_TABLE_DATA_H
#define ASSAY_ICEBERG_TABLE_DATA_H

#include "base/vec.h"
#include "iceberg/catalog.h"
#include "iceberg/location.h"
#include "iceberg/manifest.h"

typedef struct assay_iceberg_table {
    const assay_iceberg_catalog *catalog;
    assay_iceberg_identity identity;
    assay_iceberg_pointer pointer;
    assay_iceberg_metadata *metadata; /* NULL where the table does not exist */
    assay_iceberg_location location;
} assay_iceberg_table;

/* Refuses a table that can only be read (other catalog, other version, moved), by name. */
ASSAY_NODISCARD assay_status assay_iceberg_check_writable(const assay_table *base,
                                                          assay_error *err);

/* The loaded metadata file as the log of metadata files names it; NULL when memory is short. */
const char *assay_iceberg_pointer_recorded(const assay_iceberg_table *data, assay_arena *arena);

/* The snapshot as all formats know it. */
assay_snapshot assay_iceberg_snapshot_of(const assay_iceberg_snapshot *snapshot);

/* Reads a whole metadata file (also gzip) or Avro file into `buf`. */
ASSAY_NODISCARD assay_status assay_iceberg_read_file(assay_store *store, const char *path,
                                                     size_t limit, assay_buf *buf,
                                                     assay_error *err);

/* The manifests of a snapshot, in order; v1's inline lists too. */
ASSAY_NODISCARD assay_status assay_iceberg_manifests_of(const assay_iceberg_location *location,
                                                        const assay_iceberg_snapshot *snapshot,
                                                        assay_store *store, assay_arena *arena,
                                                        assay_iceberg_manifest **ret_list,
                                                        size_t *ret_count, assay_error *err);

/* The entries of one manifest. */
ASSAY_NODISCARD assay_status assay_iceberg_entries_of(const assay_iceberg_location *location,
                                                      const assay_iceberg_manifest *manifest,
                                                      assay_store *store, assay_arena *arena,
                                                      assay_iceberg_entry **ret_entries,
                                                      size_t *ret_count, assay_error *err);

/* False where the counts of the line in the list say that the manifest has no live entry. */
bool assay_iceberg_manifest_is_live(const assay_iceberg_manifest *manifest);

/* Live entries of a snapshot: data files, and delete files in a list of their own. Deletion vectors
 * are EUNSUPPORTED 4108, and so are all delete files where `ret_deletes` is NULL. */
ASSAY_NODISCARD assay_status assay_iceberg_live_entries(const assay_iceberg_location *location,
                                                        const assay_iceberg_snapshot *snapshot,
                                                        assay_store *store, assay_arena *arena,
                                                        assay_vec *ret_live, assay_vec *ret_deletes,
                                                        assay_error *err);

/* One live entry with the spec of its manifest. */
typedef struct assay_iceberg_live_entry {
    assay_iceberg_entry entry;
    int32_t spec_id;
} assay_iceberg_live_entry;

/* A new data file as an ADDED entry, bounds cut and encoded; only members of structs
 * get metrics, and the first 100 leaf columns bounds. */
ASSAY_NODISCARD assay_status assay_iceberg_entry_new(
    const assay_data_file *file, const assay_schema *schema, const assay_iceberg_location *location,
    assay_arena *arena, assay_iceberg_entry *ret_entry, assay_error *err);

#endif
