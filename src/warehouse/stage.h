/* Staging: a table of its own for each attempt, filled with the rows that are published. */
#ifndef ASSAY_WAREHOUSE_STAGE_H
#define ASSAY_WAREHOUSE_STAGE_H

#include "warehouse/ledger.h"

/* A staging table, and on Snowflake the folder of the files on their way to its own stage, which
 * goes with it. */
typedef struct assay_stage_table {
    const char *name;
    const char *folder; /* NULL where nothing is written to disk */
} assay_stage_table;

/* Drops what publishers left that are gone: tables and, below request->temp_dir, folders. What
 * cannot be dropped stays. */
void assay_stages_clean(assay_warehouse_session *session, const assay_warehouse_target *target,
                        const assay_server_state *state);

void assay_stages_create_sql(const assay_mapping *mapping, const assay_warehouse_target *target,
                             const char *name, assay_buf *buf);

ASSAY_NODISCARD assay_status assay_stages_create(assay_warehouse_session *session,
                                                 const assay_warehouse_target *target,
                                                 const assay_mapping *mapping,
                                                 assay_stage_table *ret_stage, assay_error *err);

/* Fills it with the rows of `select` in the engine. EDATA 7023 where not every row arrived. */
ASSAY_NODISCARD assay_status assay_stages_load(assay_warehouse_session *session,
                                               const assay_warehouse_target *target,
                                               const assay_stage_table *stage, const char *select,
                                               int64_t *ret_rows, assay_error *err);

/* Drops it; a failure is nobody's harm, the next publisher finds the table. */
void assay_stages_drop(assay_warehouse_session *session, const assay_warehouse_target *target,
                       const assay_stage_table *stage);

#endif
