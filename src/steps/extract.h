/* The step of an extract: new files become rows of a bronze table. */
#ifndef ASSAY_STEPS_EXTRACT_H
#define ASSAY_STEPS_EXTRACT_H

#include "steps/steps.h"

ASSAY_NODISCARD assay_status assay_extract_run(assay_steps *steps,
                                               const assay_step_context *context,
                                               assay_step_result *ret_result, assay_error *err);

ASSAY_NODISCARD assay_status assay_extract_plan(assay_steps *steps,
                                                const assay_step_context *context,
                                                assay_step_plan *ret_plan, assay_error *err);

/* What is wrong in its text (assay_step_ops.check). */
ASSAY_NODISCARD assay_status assay_extract_check(const assay_project *project,
                                                 const assay_model *model, assay_error *err);

/* The columns that the table of an extract will have (assay_step_ops.columns). */
ASSAY_NODISCARD assay_status assay_extract_columns(const assay_steps *steps,
                                                   const assay_columns_request *request,
                                                   assay_arena *arena, assay_column **ret_columns,
                                                   size_t *ret_count, assay_error *err);

#endif
