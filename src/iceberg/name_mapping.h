/* Files without field ids (spec, "Column Projection"): their columns are found by the table's name
 * mapping. Private to the room. */
#ifndef ASSAY_ICEBERG_NAME_MAPPING_H
#define ASSAY_ICEBERG_NAME_MAPPING_H

#include "iceberg/table_data.h"

/* A scan reads files without ids by the columns' names. That is right without a mapping, and with
 * one that says the same; ASSAY_OK then. Where it says something else and one of `files` has no
 * ids: EUNSUPPORTED 4102. A mapping that is broken: EDATA 4101. */
ASSAY_NODISCARD assay_status assay_iceberg_check_names(const assay_iceberg_metadata *metadata,
                                                       const assay_schema *schema,
                                                       const assay_data_file *files, size_t count,
                                                       assay_error *err);

#endif
