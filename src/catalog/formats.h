/* Table formats by name and by what lies in a folder. */
#ifndef ASSAY_CATALOG_FORMATS_H
#define ASSAY_CATALOG_FORMATS_H

#include "iceberg/catalog.h"
#include "table/table.h"

/* "iceberg" (in the folder catalog), "delta", "parquet"; NULL for any other name. */
const assay_table_format *assay_format_find(const char *name);

/* Names of all formats, in the order of the guide; *ret_count of them. */
const char *const *assay_format_names(size_t *ret_count);

/* The format of the table that lies in `location` (a folder, or an Iceberg metadata file);
 * *ret_format is NULL where there is none. A folder with both Iceberg and Delta metadata is EDATA
 * 4403: nobody may guess. */
ASSAY_NODISCARD assay_status assay_format_detect(const char *location, assay_store *store,
                                                 const assay_table_format **ret_format,
                                                 assay_error *err);

/* A table by its name. */
typedef struct assay_format_place {
    const char *name;                     /* "silver.orders" */
    const char *location;                 /* absolute folder, where the catalog says no other */
    const char *format;                   /* what it becomes where nothing is there yet */
    const assay_iceberg_catalog *catalog; /* of Iceberg tables; NULL = the folder catalog */
} assay_format_place;

/* Loads the table that is there, in the format it has; where there is none: exists = false, in the
 * format that `place` says. An Iceberg table in the place that `catalog` does not know is
 * EUNSUPPORTED 4404, unless it is only what a dropped table of a database left. */
ASSAY_NODISCARD assay_status assay_format_load(const assay_format_place *place, assay_store *store,
                                               struct assay_conn *conn, assay_arena *arena,
                                               assay_table **ret_table, assay_error *err);

/* Names "layer.table" of what lies two folders below `warehouse` in any format, and of the tables
 * of `catalog` (NULL = the folder catalog); sorted. */
ASSAY_NODISCARD assay_status assay_format_tables(const char *warehouse,
                                                 const assay_iceberg_catalog *catalog,
                                                 assay_store *store, assay_arena *arena,
                                                 const char ***ret_names, size_t *ret_count,
                                                 assay_error *err);

#endif
