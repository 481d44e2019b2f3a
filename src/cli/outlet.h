/* A path that leads to stdout: the engine writes files by path, and opening /dev/stdout would cut a
 * file that stdout was redirected to. */
#ifndef ASSAY_CLI_OUTLET_H
#define ASSAY_CLI_OUTLET_H

#include "base/error.h"

typedef struct assay_outlet assay_outlet;

/* What is written to assay_outlet_path goes to stdout, in order, by a thread of its own. */
ASSAY_NODISCARD assay_status assay_outlet_open(assay_outlet **ret_outlet, assay_error *err);
const char *assay_outlet_path(const assay_outlet *outlet);

/* Waits until everything is written, frees the outlet. EIO where stdout could not take it. */
ASSAY_NODISCARD assay_status assay_outlet_close(assay_outlet *outlet, assay_error *err);

#endif
