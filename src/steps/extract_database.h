/* The step of an extract whose source is a database (see steps/extract.h). */
#ifndef ASSAY_STEPS_EXTRACT_DATABASE_H
#define ASSAY_STEPS_EXTRACT_DATABASE_H

#include "steps/steps.h"

/* SELECT of the rows that earlier runs have brought: those of the table and those that count in its
 * quarantine. NULL = there are none. */
typedef struct assay_database_there {
    const assay_steps *steps;
    const assay_step_context *context;
    const assay_table *table; /* exists */
    const assay_state_file *state;
} assay_database_there;

ASSAY_NODISCARD assay_status assay_database_there_select(const assay_database_there *there,
                                                         const char **ret_select, assay_error *err);

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
