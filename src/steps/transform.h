/* The step of a SQL model. */
#ifndef ASSAY_STEPS_TRANSFORM_H
#define ASSAY_STEPS_TRANSFORM_H

#include "steps/steps.h"

ASSAY_NODISCARD assay_status assay_transform_run(assay_steps *steps,
                                                 const assay_step_context *context,
                                                 assay_step_result *ret_result, assay_error *err);

/* Would it run? Writes nothing. */
ASSAY_NODISCARD assay_status assay_transform_plan(assay_steps *steps,
                                                  const assay_step_context *context,
                                                  assay_step_plan *ret_plan, assay_error *err);

#endif
