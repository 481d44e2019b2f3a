/* Table formats by name and by what lies in a folder. */
#ifndef ASSAY_CATALOG_FORMATS_H
#define ASSAY_CATALOG_FORMATS_H

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

#endif
