/* Judging a table as it will be: the suite over base and staged files, the verdict, the results. */
#ifndef ASSAY_STEPS_GATE_H
#define ASSAY_STEPS_GATE_H

#include "steps/write.h"

/* What is judged. */
typedef struct assay_gate_subject {
    const assay_table *table;
    const assay_schema *schema;
    const assay_data_file *files; /* the table as it will be: staged files last */
    size_t count;
    size_t staged_from; /* files[staged_from ..] are what the commit adds */
} assay_gate_subject;

/* Makes the tables that `text` mentions readable in the connection, but for the write's own and its
 * inputs, which are. */
ASSAY_NODISCARD assay_status assay_gate_open_references(const assay_write *write, const char *text,
                                                        assay_error *err);

/* Runs the suite (none: untested) and fills report, verdict, results_path and evidence. A shut gate
 * is not an error here: look at verdict->open. */
ASSAY_NODISCARD assay_status assay_gate_judge(const assay_write *write,
                                              const assay_gate_subject *subject,
                                              assay_write_outcome *outcome, assay_error *err);

#endif
