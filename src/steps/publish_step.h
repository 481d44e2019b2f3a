/* The publications of a step of a run: after its commit, or what earlier runs left open. */
#ifndef ASSAY_STEPS_PUBLISH_STEP_H
#define ASSAY_STEPS_PUBLISH_STEP_H

#include "steps/publish_events.h"

/* Publishes the snapshot that the step has just committed; fills result->publications, and the
 * outputs of `facts`. A failure is told in the result: the step has done its work. */
void assay_publish_committed(assay_step_facts *facts, const assay_step_context *context,
                             const assay_write_outcome *outcome, assay_step_result *result);

/* The same for what is published of the table already, where it is not known to be there; for a
 * step that has committed nothing. */
void assay_publish_left(const assay_steps *steps, const assay_step_context *context,
                        assay_step_result *result);

/* The end of a step that has sent START: publishes what it has committed, then sends the last
 * event. `failure` says why where `status` is not ASSAY_OK. */
void assay_publish_finish(assay_step_facts *facts, const assay_step_context *context,
                          const assay_write_outcome *outcome, assay_step_result *result,
                          assay_status status, const assay_error *failure);

/* Whether the step would publish something. */
ASSAY_NODISCARD assay_status assay_publish_plan(const assay_steps *steps,
                                                const assay_step_context *context, bool will_run,
                                                bool *ret_will_publish, assay_error *err);

/* START and the last event of one publication as a job of its own; its run id is made here. */
void assay_publish_tell(const assay_publish_job *publish, const assay_publication *publication,
                        const assay_warehouse_result *result, int64_t started_us);

#endif
