/* A catalog in a SQLite database, with the tables of Iceberg's JDBC catalog (schema version 1; 0 is
 * used as it is), so that PyIceberg's SqlCatalog and Spark's jdbc catalog share its tables: any
 * number of programs may write. */
#ifndef ASSAY_CATALOG_SQLITE_H
#define ASSAY_CATALOG_SQLITE_H

#include "iceberg/catalog.h"

typedef struct assay_sqlite_catalog_options {
    const char *path; /* the database; made with the first table */
    const char *name; /* catalog_name in its rows: other programs must use the same */
    int busy_ms;      /* how long a lock of others is waited for; 0 = 10 s */
} assay_sqlite_catalog_options;

/* The catalog, in `arena`. It holds no connection: each call opens its own, so any thread may use
 * it. Table "silver.orders" is table orders of namespace silver; deeper namespaces are not seen.
 * Numbers: a lost race is ECONFLICT 4401, a database that stays locked ELOCKED 4405, one that is
 * damaged or none EDATA 4406, else EIO 4407; a view of the name EUNSUPPORTED 4408, a commit that
 * may have happened EUNKNOWN_OUTCOME 4409. */
ASSAY_NODISCARD assay_status assay_sqlite_catalog_new(const assay_sqlite_catalog_options *options,
                                                      assay_arena *arena,
                                                      const assay_iceberg_catalog **ret_catalog,
                                                      assay_error *err);

#endif
