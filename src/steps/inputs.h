/* The inputs of a transform: pinned snapshots as views, new rows since the last commit. */
#ifndef ASSAY_STEPS_INPUTS_H
#define ASSAY_STEPS_INPUTS_H

#include "published/published.h"

typedef struct assay_bound_input {
    const assay_step_input *input;
    assay_published_rows rows; /* what the model reads */
    int64_t total_files;       /* of the pinned snapshot */
    bool incremental;          /* rows holds only what is new */
    const char *changes; /* the query of what is new, where rows holds more; NULL = all of it */
} assay_bound_input;

typedef struct assay_bound_inputs {
    assay_bound_input *items;
    size_t count;
    bool nothing_new; /* there are new_rows inputs and none has new files */
    bool replaced;    /* a new_rows input was replaced as a whole: everything is read */
} assay_bound_inputs;

/* Makes a view of every input in the connection's current catalog. `previous` (NULL = first run or
 * full refresh) says what was consumed. An input that lost rows other than by a whole replacement
 * is EDATA 2310. */
ASSAY_NODISCARD assay_status assay_inputs_bind(const assay_step_context *context,
                                               const assay_state_file *previous,
                                               assay_bound_inputs *ret_inputs, assay_error *err);

/* What the commit has consumed afterwards, for the state file. */
ASSAY_NODISCARD assay_status assay_inputs_consumed(const assay_bound_inputs *inputs,
                                                   assay_arena *arena,
                                                   assay_consumed_input **ret_consumed,
                                                   size_t *ret_count, assay_error *err);

#endif
