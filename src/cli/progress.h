/* How a run looks while it runs: header, one line a finished step, footer; a bar for each running
 * step on a terminal; or one JSON line an event. */
#ifndef ASSAY_CLI_PROGRESS_H
#define ASSAY_CLI_PROGRESS_H

#include <assay/assay.h>

#include "cli/options.h"

typedef struct assay_progress assay_progress;

/* Result lines go to stdout as JSON (format json), everything else to stderr. */
ASSAY_NODISCARD assay_status assay_progress_new(const assay_cli_options *options,
                                                assay_progress **ret_progress, assay_error *err);

/* The folder that places of errors are relative to; must live as long as the progress. */
void assay_progress_set_project(assay_progress *progress, const char *project);
void assay_progress_freep(assay_progress **progress);

/* The listener for assay_run; `user` is the assay_progress. */
void assay_progress_listen(void *user, const assay_run_update *event);

/* The log receiver that keeps the bars intact; `user` is the assay_progress. */
void assay_progress_log(void *user, assay_log_importance importance, const char *message);

#endif
