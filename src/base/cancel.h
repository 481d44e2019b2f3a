/* A flag that asks running work to stop. Any thread; assay_cancel_request is safe in a signal
 * handler. */
#ifndef ASSAY_BASE_CANCEL_H
#define ASSAY_BASE_CANCEL_H

#include "base/error.h"

typedef struct assay_cancel assay_cancel;

assay_cancel *assay_cancel_new(void);
void assay_cancel_free(assay_cancel *cancel);
void assay_cancel_request(assay_cancel *cancel, int signal_number);
bool assay_cancel_requested(const assay_cancel *cancel); /* NULL = false */
int assay_cancel_signal(const assay_cancel *cancel);

/* ECANCELLED with a message where stopping was asked for, else ASSAY_OK. */
ASSAY_NODISCARD assay_status assay_cancel_check(const assay_cancel *cancel, assay_error *err);

#endif
