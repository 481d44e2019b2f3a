/* A catalog whose pointers are in memory, for tests: the metadata files are in the store. */
#ifndef ASSAY_CATALOG_MEMORY_H
#define ASSAY_CATALOG_MEMORY_H

#include "iceberg/catalog.h"

/* A new catalog without tables; any thread may use it. */
ASSAY_NODISCARD assay_status assay_memory_catalog_new(assay_iceberg_catalog **ret_catalog,
                                                      assay_error *err);
void assay_memory_catalog_free(assay_iceberg_catalog *catalog);
void assay_memory_catalog_freep(assay_iceberg_catalog **catalog);

#endif
