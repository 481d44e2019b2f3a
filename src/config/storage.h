/* config/storage.yaml: format by project and layer, warehouse, catalog, what is kept. */
#ifndef ASSAY_CONFIG_STORAGE_H
#define ASSAY_CONFIG_STORAGE_H

#include "config/file.h"

typedef struct assay_keep_config {
    int snapshots; /* default 10 */
    int days;      /* default 7 */
} assay_keep_config;

typedef struct assay_layer_storage {
    const char *layer;
    const char *format; /* NULL = the project's */
    bool has_keep;
    assay_keep_config keep;
    int line, column;
} assay_layer_storage;

typedef struct assay_storage_config {
    const char *path;      /* "config/storage.yaml" */
    const char *format;    /* "iceberg" (default), "delta", "parquet" */
    const char *warehouse; /* as written; NULL = not said */
    assay_place warehouse_place;
    const char *catalog;      /* of Iceberg tables: "folder" or "sqlite" */
    const char *catalog_path; /* sqlite: its database as written, without jdbc:sqlite: and the
                               * like; NULL = catalog.db in the warehouse */
    const char *catalog_name; /* sqlite: as other programs call the catalog; default "assay" */
    assay_keep_config keep;
    assay_layer_storage *layers;
    size_t layer_count;
    assay_value *iceberg, *delta, *parquet; /* the sections as written, or NULL */
    uint64_t target_file_bytes;             /* 0 = default */
} assay_storage_config;

/* Loads `<root>/config/storage.yaml` (absent = all defaults). `format` (may be NULL) is the
 * target's: it goes before what the file says for any layer. Catalogs and stores that are not built
 * (glue, rest, jdbc to PostgreSQL, s3 ..) are EUNSUPPORTED 1230 with their place, where a layer is
 * Iceberg; a uri that names no database is ECONFIG 1235. */
ASSAY_NODISCARD assay_status assay_storage_config_load(const char *root, const char *format,
                                                       assay_variables *variables,
                                                       assay_arena *arena,
                                                       assay_storage_config **ret_config,
                                                       assay_error *err);

/* The folder that `warehouse` names: as it is, or what follows file:// ; an object store (s3://,
 * gs:// ..) is EUNSUPPORTED 1232. */
ASSAY_NODISCARD assay_status assay_storage_local_path(const char *warehouse, assay_place place,
                                                      const char **ret_path, assay_error *err);

/* Format and keep of a layer. */
const char *assay_storage_format(const assay_storage_config *config, const char *layer);
assay_keep_config assay_storage_keep(const assay_storage_config *config, const char *layer);

/* The options of a format ("iceberg" ..): its section or NULL. */
assay_value *assay_storage_options(const assay_storage_config *config, const char *format);

#endif
