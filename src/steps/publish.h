/* Publishing: one snapshot of a table, whose gate was open, lands in a table of an outside
 * database. What was published last stands in the ledger of that database; what is kept in
 * .assay/<target>/publications (publish_memory.h) is a cache of it, so that nobody is asked where
 * nothing is to be done. */
#ifndef ASSAY_STEPS_PUBLISH_H
#define ASSAY_STEPS_PUBLISH_H

#include "published/published.h"
#include "steps/steps.h"
#include "warehouse/warehouse.h"

/* Rows that are no snapshot of a table. */
typedef struct assay_publish_rows {
    const char *select;   /* for the connection */
    const char *name;     /* for ledger and messages */
    const char *identity; /* equal = the same publication: a second one does nothing */
    int64_t rows;
} assay_publish_rows;

/* One publication. Plain data of the caller. */
typedef struct assay_publish_job {
    const assay_steps *steps;
    assay_conn *conn;
    assay_arena *arena;
    const assay_table *table;           /* as loaded */
    const assay_snapshot *snapshot;     /* of it */
    const assay_publish_rows *rows;     /* in place of table and snapshot; else NULL */
    const assay_publish_config *config; /* the entry */
    const assay_model *model;           /* where the entry stands; NULL = a program asks */
    const assay_model *owner;           /* knows which columns are pii; NULL = `model` does */
    const char *run_id, *step_id;
    bool judged; /* this run found the gate open: the verdict of then is not asked */
    void (*phase)(void *user, const char *phase); /* may be NULL */
    void *phase_user;
} assay_publish_job;

/* Publishes, and remembers what came of it. Never fails: see ret_publication->error. ret_result is
 * filled where the state is DONE or ALREADY. Errors of its own: ENOTFOUND 2404 (no snapshot), EGATE
 * 2405 (no gate was open for it), EDATA 2406, 2407 (append: the new rows cannot be told). */
void assay_publish_run(const assay_publish_job *publish, assay_publication *ret_publication,
                       assay_warehouse_result *ret_result);

/* A publication that was not tried, and why. It stays open; nothing is remembered. */
assay_publication assay_publish_not_tried(const assay_publish_job *publish, const assay_error *why);

/* Compares the target with the snapshot. */
ASSAY_NODISCARD assay_status assay_publish_verify(const assay_publish_job *publish,
                                                  assay_warehouse_verification *ret_verification,
                                                  assay_error *err);

/* What is remembered of this publication of this snapshot, without asking anybody: *ret_publication
 * is of the state DONE where it took place, else PENDING (with the error of the last try, if there
 * was one). */
ASSAY_NODISCARD assay_status assay_publish_look(const assay_publish_job *publish,
                                                assay_publication *ret_publication,
                                                assay_error *err);

#endif
