/* The steps of a run: extract, transform, load and check bound to tables, gates and lineage.
 *
 * Thread rule: an assay_steps is shared by the worker threads of a run; a write belongs to one. */
#ifndef ASSAY_STEPS_STEPS_H
#define ASSAY_STEPS_STEPS_H

#include "lineage/emitter.h"
#include "pipeline/run.h"
#include "quality/quality.h"
#include "source/looks.h"
#include "steps/outage.h"

/* What all steps of a project share: suites, the lineage emitter, what was not reached. */
typedef struct assay_steps {
    const assay_project *project;
    const assay_step_env *env;
    const assay_quality_config *quality;        /* NULL = no dq.yaml */
    const char **suite_texts;                   /* arguments of each suite's checks as one text */
    const assay_lineage_config *lineage_config; /* never NULL */
    assay_lineage_emitter *lineage;             /* NULL = switched off */
    assay_map *ended; /* ids of runs and steps whose last event was in the spool at the opening */
    assay_outages *outages; /* by run and connection */
    assay_source_looks *looks;
    assay_arena *arena;
} assay_steps;

/* Loads the suites and opens the emitter. `env` must outlive it; its ops_user is set by the caller.
 */
ASSAY_NODISCARD assay_status assay_steps_open(const assay_project *project,
                                              const assay_step_env *env, assay_arena *arena,
                                              assay_steps **ret_steps, assay_error *err);
/* The arguments of all checks of a suite of `steps` as one text: what they may mention. */
const char *assay_steps_suite_text(const assay_steps *steps, const assay_quality_suite *suite);

/* Drains the spool for up to 250 ms; NULL is allowed. */
void assay_steps_close(assay_steps *steps);

/* The interface for src/pipeline; its `user` is the assay_steps. */
const assay_step_ops *assay_steps_ops(void);

#endif
