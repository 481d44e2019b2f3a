/* Private catalogs: every step and every compile sees its tables in an attached in-memory catalog
 * of its own, so that `bronze.orders` means the pinned snapshot of that step and nothing else. */
#ifndef ASSAY_ENGINE_CATALOG_H
#define ASSAY_ENGINE_CATALOG_H

#include "engine/engine.h"

/* Attaches an in-memory catalog `name` on `conn` and makes it the default (USE). */
ASSAY_NODISCARD assay_status assay_engine_catalog_open(assay_conn *conn, const char *name,
                                                       assay_error *err);
/* Leaves and detaches it. */
void assay_engine_catalog_close(assay_conn *conn, const char *name);

/* CREATE OR REPLACE VIEW <schema>.<name> AS <select> in the current catalog; the schema is made. */
ASSAY_NODISCARD assay_status assay_engine_catalog_view(assay_conn *conn, const char *schema,
                                                       const char *name, const char *select,
                                                       assay_error *err);

/* CREATE OR REPLACE TABLE <schema>.<name> (empty) with these columns (the shadow of a table). */
ASSAY_NODISCARD assay_status assay_engine_catalog_table(assay_conn *conn, const char *schema,
                                                        const char *name,
                                                        const assay_column *columns, size_t count,
                                                        assay_error *err);

/* Fixes now(), current_timestamp, current_date, today(), current_localtimestamp .. of this
 * connection's statements to `now_us` (SEMANTICS.md 1.10). */
ASSAY_NODISCARD assay_status assay_engine_catalog_clock(assay_conn *conn, int64_t now_us,
                                                        assay_error *err);

#endif
