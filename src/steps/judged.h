/* What is remembered of checks that ran again on a published table because only its suite had
 * changed: .assay/<target>/judged/<table>. A cache: without it they run once more. */
#ifndef ASSAY_STEPS_JUDGED_H
#define ASSAY_STEPS_JUDGED_H

#include "pipeline/project.h"
#include "table/state.h"

/* Whether the rows of this commit are known to have passed the suite of that hash. */
bool assay_judged_recall(const assay_project *project, const char *table,
                         const assay_state_file *state, const char *suite_hash);

/* Remembers it; where that fails the checks only run again. */
void assay_judged_remember(const assay_project *project, const char *table,
                           const assay_state_file *state, const char *suite_hash);

#endif
