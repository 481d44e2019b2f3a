/* From what COPY returns of its files to typed statistics; private to this room. */
#ifndef ASSAY_TABLE_STAGE_STATS_H
#define ASSAY_TABLE_STAGE_STATS_H

#include "table/stage_sql.h"

/* Typed data files of what was written, in the order of `written`. EDATA 4030 and 4032 name a
 * column with values that the table cannot hold. */
ASSAY_NODISCARD assay_status assay_stage_stats_read(assay_conn *conn, const assay_stage_plan *plan,
                                                    const assay_written_file *written, size_t count,
                                                    assay_arena *arena,
                                                    assay_stage_result *ret_result,
                                                    assay_error *err);

#endif
