/* version.json and files.json of a version folder: what assay knows of a Parquet table. */
#ifndef ASSAY_PARQUET_MANIFEST_H
#define ASSAY_PARQUET_MANIFEST_H

#include "parquet/place.h"
#include "table/table.h"

enum { ASSAY_PARQUET_MANIFEST_BYTES_MAX = 1 << 30 };

/* version.json. */
typedef struct assay_parquet_version {
    const char *uuid;
    const char *parent_commit_id; /* of the version before; NULL = none */
    assay_snapshot snapshot;
    assay_schema *schema;
    assay_partition_spec *spec;
    assay_property *properties;
    size_t property_count;
} assay_parquet_version;

ASSAY_NODISCARD assay_status assay_parquet_version_load(const assay_parquet_place *place,
                                                        int64_t number, assay_arena *arena,
                                                        assay_parquet_version **ret_version,
                                                        assay_error *err);
/* Appends the JSON text. */
ASSAY_NODISCARD assay_status assay_parquet_version_write(const assay_parquet_version *version,
                                                         assay_arena *arena, assay_buf *out,
                                                         assay_error *err);

/* files.json of version `number`, paths absolute in its folder. */
ASSAY_NODISCARD assay_status assay_parquet_files_load(const assay_parquet_place *place,
                                                      const assay_parquet_version *version,
                                                      int64_t number, assay_arena *arena,
                                                      assay_data_file **ret_files,
                                                      size_t *ret_count, assay_error *err);
/* Appends the JSON text; of paths only the last part is written. */
ASSAY_NODISCARD assay_status assay_parquet_files_write(const assay_parquet_version *version,
                                                       const assay_data_file *const *files,
                                                       size_t count, assay_arena *arena,
                                                       assay_buf *out, assay_error *err);

#endif
