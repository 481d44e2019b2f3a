/* From what a write did to what the run reports of the step. */
#ifndef ASSAY_STEPS_OUTCOME_H
#define ASSAY_STEPS_OUTCOME_H

#include "steps/write.h"

/* Fills the result from a write that ended well, or that a gate stopped. */
void assay_step_result_fill(const assay_write_outcome *outcome, assay_step_result *result);

/* Phases of a write go to the step's progress: write.phase = assay_step_say_phase, user = context.
 */
void assay_step_say_phase(void *user, const char *phase);

/* The parts of a write that come from the step: model, ids, overrides, partitions, clock. */
ASSAY_NODISCARD assay_status assay_step_write_init(assay_steps *steps,
                                                   const assay_step_context *context,
                                                   assay_table *base,
                                                   const assay_state_file *previous,
                                                   assay_write *ret_write, assay_error *err);

/* The target as it is now, with its newest state file (NULL = none); *ret_foreign counts commits of
 * others after that. */
ASSAY_NODISCARD assay_status assay_step_target(const assay_step_context *context,
                                               assay_table **ret_table,
                                               assay_state_file **ret_state, int *ret_foreign,
                                               assay_error *err);

/* Values of pii columns never appear (SEMANTICS.md 4.5): where the model, or one that it reads, has
 * such columns, what the engine quotes from the data is taken out of the error. */
void assay_step_hide_values(const assay_model *model, assay_error *err);

/* The same whatever the model. */
void assay_step_hide_words(assay_error *err);

/* True where the suite that the published verdict came from is not the one of today. */
bool assay_step_suite_changed(const assay_steps *steps, const assay_step_context *context,
                              const assay_state_file *state);

/* Runs only the checks again on what is published. */
ASSAY_NODISCARD assay_status assay_step_checks_only(assay_steps *steps,
                                                    const assay_step_context *context,
                                                    assay_table *table,
                                                    assay_step_result *ret_result,
                                                    assay_error *err);

#endif
