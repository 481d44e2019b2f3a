/* Dependencies from the SQL itself, and binding of the selected models. */
#ifndef ASSAY_PIPELINE_GRAPH_H
#define ASSAY_PIPELINE_GRAPH_H

#include "pipeline/project.h"
#include "pipeline/step.h"

/* Parses all models and links them. Errors with file:line:column: not a query or more than one
 * statement 2101/2102, PIVOT .. ON without IN 2103, syntax 2104, cycle 2110 (shows the path),
 * append without new_rows_of or $since 2111, new_rows_of that the SQL does not read 2112. Tables
 * that no model makes become outside inputs; assay_compile and assay_run ask whether they exist. */
ASSAY_NODISCARD assay_status assay_graph_build(assay_project *project, assay_conn *conn,
                                               assay_error *err);

/* All models, inputs before their readers; equal depth in order of name. */
ASSAY_NODISCARD assay_status assay_graph_order(const assay_project *project, assay_arena *arena,
                                               assay_model ***ret_models, size_t *ret_count,
                                               assay_error *err);

/* Binds `selected` (in order of the graph) against a shadow catalog of empty tables, so that every
 * one gets its columns and every input what is published of it now. Inputs that are not selected
 * take their columns from what is published, else from their own model. Errors with their place:
 * unknown table 2105 (nearest match), binder 2106, unknown column 2107, duplicate output names
 * 2108, a column named in the header that is no output 2120; types and partitions as src/table
 * says. `ops->look`, `ops->check` and `ops->columns` are asked; `conn` gets a private catalog for
 * the time of the call. */
ASSAY_NODISCARD assay_status assay_compile(assay_project *project, assay_model *const *selected,
                                           size_t count, const struct assay_step_env *env,
                                           assay_conn *conn, assay_error *err);

/* The same, but a model that only its sources break is kept with `failure`, and what reads it with
 * `unbound`; the others are bound (SEMANTICS.md 3.1). That is what `ops->look` and `ops->columns`
 * say of an extract, its output, a contract that the columns of a query over sources do not keep
 * (2121 to 2123), and a query that no longer fits where an extract behind it is about to have other
 * columns than its table, or where its step failed with that number before (`failed_before`). What
 * is wrong in the text of the project is an error still. */
ASSAY_NODISCARD assay_status assay_compile_each(assay_project *project,
                                                assay_model *const *selected, size_t count,
                                                const struct assay_step_env *env, assay_conn *conn,
                                                assay_error *err);

#endif
