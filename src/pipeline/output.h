/* What a model gives: its columns checked, and the engine's refusals told in the user's terms. For
 * this room alone. */
#ifndef ASSAY_PIPELINE_OUTPUT_H
#define ASSAY_PIPELINE_OUTPUT_H

#include "pipeline/project.h"

/* ECONFIG 2216 where another model would share the quarantine table of this one. */
ASSAY_NODISCARD assay_status assay_output_check_quarantine(const assay_project *project,
                                                           const assay_model *model,
                                                           assay_error *err);

/* Checks names, types, partitioning, key and `columns:` of a model against model->columns. */
ASSAY_NODISCARD assay_status assay_output_check(const assay_project *project,
                                                const assay_model *model, assay_conn *conn,
                                                assay_error *err);

/* ECONFIG 2120 with its place and the nearest column where the model does not give that one. */
ASSAY_NODISCARD assay_status assay_output_check_column(const assay_model *model, const char *key,
                                                       const assay_named *named, assay_error *err);

/* Tells `failure` of binding model->sql with the place in the model's file. */
assay_status assay_output_refuse(const assay_model *model, assay_error *failure, assay_error *err);

#endif
