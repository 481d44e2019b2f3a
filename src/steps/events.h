/* Lineage of steps and runs: START and exactly one terminal event of each, durable before they are
 * forgotten. Nothing here fails a step: what cannot be emitted is counted and logged. */
#ifndef ASSAY_STEPS_EVENTS_H
#define ASSAY_STEPS_EVENTS_H

#include "steps/inputs.h"
#include "steps/write.h"

/* What the events of one step say. The caller fills it before START; plain data in the step's
 * arena. */
typedef struct assay_step_facts {
    const assay_steps *steps;
    const assay_model *model;
    const char *run_id, *step_id;
    int64_t started_us;
    assay_arena *arena;
    const char *sql; /* NULL = none (extracts) */
    assay_lineage_dataset *inputs;
    size_t input_count;
    const assay_table *target;
    const assay_column_lineage *columns;    /* NULL = not derived */
    const char *column_problem;             /* why not; NULL = derived or not tried */
    const assay_lineage_dataset *published; /* more outputs: tables of outside databases */
    size_t published_count;
    const char *query_id, *query_source; /* of the statement that wrote the first of them */
} assay_step_facts;

/* The facts of a step that begins now and writes to `target`; inputs, SQL and columns are added. */
assay_step_facts assay_facts_init(const assay_steps *steps, const assay_step_context *context,
                                  const assay_table *target);

/* Input datasets of a transform: the pinned snapshots. */
ASSAY_NODISCARD assay_status assay_facts_add_tables(assay_step_facts *facts,
                                                    const assay_bound_inputs *inputs,
                                                    assay_error *err);

/* Derives column lineage of `sql` against empty shadows of the inputs; sets columns or
 * column_problem. */
void assay_facts_derive_columns(assay_step_facts *facts, const assay_step_context *context,
                                const char *sql);

void assay_events_start(const assay_step_facts *facts, const assay_schema *schema);
void assay_events_complete(const assay_step_facts *facts, const assay_write_outcome *outcome);
/* `outcome` may be NULL where it failed before. A shut gate carries its assertions. */
void assay_events_fail(const assay_step_facts *facts, const assay_write_outcome *outcome,
                       const assay_error *error);

/* START and the last event of a job that only carries the rows of `target` to `published`;
 * `step_id` is its run. `error` NULL = COMPLETE. */
void assay_events_carry(const assay_step_facts *facts, const assay_error *error);

/* Bare events for steps that a dead or leaving process left open. */
void assay_events_close_step(const assay_steps *steps, const char *table, const char *run_id,
                             const char *step_id, bool committed, const char *message);

/* The run itself. */
void assay_events_run(const assay_steps *steps, const char *run_id, int64_t time_us,
                      assay_lineage_event_type type, const char *message);

#endif
