/* Work outside of a run is remembered while it goes on: the next run closes what a killed process
 * has left open. */
#ifndef ASSAY_LIB_OUTSIDE_H
#define ASSAY_LIB_OUTSIDE_H

#include "lib/context.h"

/* Before the START of a step, or (`step_id`, `table` NULL) of the run that its steps belong to. A
 * history that cannot be written is a warning in the log. */
void assay_outside_begin(const assay_context *context, const char *run_id, const char *step_id,
                         const char *table);

/* After the last event of the run. */
void assay_outside_end(const assay_context *context, const char *run_id);

#endif
