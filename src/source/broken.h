/* Records of files that could not be read: what the contract's bad_row makes of them. They stand in
 * the temporary tables of assay_source_find_bad. */
#ifndef ASSAY_SOURCE_BROKEN_H
#define ASSAY_SOURCE_BROKEN_H

#include "source/source.h"

/* EDATA 2210 that counts them and shows the first; no text of records that may hold pii. */
ASSAY_NODISCARD assay_status assay_broken_refuse(const assay_step_context *context, int64_t count,
                                                 assay_error *err);

/* Writes them to the results of the run and counts them in *result (bad_row: drop). */
ASSAY_NODISCARD assay_status assay_broken_save(const assay_step_context *context, int64_t count,
                                               assay_step_result *result, assay_error *err);

/* The SELECT that brings them into quarantine (assay_write.broken). */
ASSAY_NODISCARD assay_status assay_broken_select(const assay_source *source,
                                                 const char **ret_select, assay_error *err);

#endif
