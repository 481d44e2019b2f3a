/* What is done for a table after a commit. */
#ifndef ASSAY_STEPS_UPKEEP_H
#define ASSAY_STEPS_UPKEEP_H

#include "steps/steps.h"

/* Expires snapshots that are beyond both limits of `keep` (SEMANTICS.md 2.7), where there are any.
 * It fails nothing: the commit stands, and a later run or `assay table expire` tries again. */
void assay_upkeep_expire(const assay_steps *steps, const assay_step_context *context);

/* The same for the table's quarantine, after rows were put there. */
void assay_upkeep_expire_quarantine(const assay_steps *steps, const assay_step_context *context);

#endif
