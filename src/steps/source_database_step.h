/* The step of an extract whose source is a database (see steps/extract.h). */
#ifndef ASSAY_STEPS_SOURCE_DATABASE_STEP_H
#define ASSAY_STEPS_SOURCE_DATABASE_STEP_H

#include "steps/steps.h"

ASSAY_NODISCARD assay_status assay_database_extract_run(assay_steps *steps,
                                                        const assay_step_context *context,
                                                        assay_step_result *ret_result,
                                                        assay_error *err);
ASSAY_NODISCARD assay_status assay_database_extract_plan(assay_steps *steps,
                                                         const assay_step_context *context,
                                                         assay_step_plan *ret_plan,
                                                         assay_error *err);
ASSAY_NODISCARD assay_status assay_database_extract_columns(const assay_steps *steps,
                                                            const assay_columns_request *request,
                                                            assay_arena *arena,
                                                            assay_column **ret_columns,
                                                            size_t *ret_count, assay_error *err);

#endif
