/* Lineage of jobs that assay does not run itself (the @lineage_job of the original system): START
 * and one of COMPLETE or FAIL in OpenLineage, through the project's transports and spool.
 *
 * Thread rule: a job belongs to one thread at a time. */
#ifndef ASSAY_LINEAGE_H
#define ASSAY_LINEAGE_H

#include <assay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_job assay_job;

/* Begins a job: the START event is sent by the first of complete and fail together with it, or at
 * once by assay_job_start. `name` is copied. The job belongs to the caller; complete and fail free
 * it. */
ASSAY_API ASSAY_NODISCARD assay_status assay_job_begin(assay_context *context, const char *name,
                                                       assay_job **ret_job, assay_error *err);

/* Adds a dataset: a name of the registry in lineage.yaml, a table "layer.table", or a URI. */
ASSAY_API ASSAY_NODISCARD assay_status assay_job_add_input(assay_job *job, const char *dataset,
                                                           assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_job_add_output(assay_job *job, const char *dataset,
                                                            assay_error *err);

/* Sends START with what was added so far. */
ASSAY_API ASSAY_NODISCARD assay_status assay_job_start(assay_job *job, assay_error *err);

/* Ends the job and frees it, also when an error is returned. */
ASSAY_API ASSAY_NODISCARD assay_status assay_job_complete(assay_job *job, assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_job_fail(assay_job *job, const char *message,
                                                      assay_error *err);

/* Runs `work` between START and COMPLETE, or FAIL with its error; takes the job in any case.
 * Returns what `work` returned. */
typedef assay_status assay_job_work(void *argument, assay_error *err);
ASSAY_API ASSAY_NODISCARD assay_status assay_job_run(assay_job *job, assay_job_work *work,
                                                     void *argument, assay_error *err);

/* JSON: the events of the spool and of file transports are where, how many wait, how many were
 * refused. */
ASSAY_API ASSAY_NODISCARD assay_status assay_lineage_status(assay_context *context, char **ret_json,
                                                            assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
