/* The way of files into a staging table: a publish set of Parquet files, PUT to the table's own
 * stage, COPY INTO. For stage.c alone. */
#ifndef ASSAY_WAREHOUSE_STAGE_FILES_H
#define ASSAY_WAREHOUSE_STAGE_FILES_H

#include "warehouse/stage.h"

/* As assay_stages_load; the folder stays for the caller to remove. */
ASSAY_NODISCARD assay_status assay_stage_files_load(assay_warehouse_session *session,
                                                    const assay_warehouse_target *target,
                                                    const assay_stage_table *stage,
                                                    const char *select, int64_t *ret_rows,
                                                    assay_error *err);

/* Statements, exact for tests. The stage of a table is written without quotes, which is why names
 * of staging tables are plain. */
void assay_stage_files_put_sql(const assay_dialect *dialect, const char *path, const char *stage,
                               assay_buf *buf);
void assay_stage_files_copy_sql(const assay_dialect *dialect, const assay_warehouse_target *target,
                                const char *stage, const char *const *names, size_t count,
                                assay_buf *buf);

#endif
