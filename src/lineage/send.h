/* Inside of lineage: what one transport does with lines of the spool. One thread at a time. */
#ifndef ASSAY_LINEAGE_SEND_H
#define ASSAY_LINEAGE_SEND_H

#include "base/cancel.h"
#include "lineage/emitter.h"

typedef struct assay_send assay_send;

typedef enum assay_send_outcome {
    ASSAY_SEND_DELIVERED,
    ASSAY_SEND_REFUSED, /* for good: another try gives the same answer */
    ASSAY_SEND_RETRY,
    ASSAY_SEND_STOPPED /* the cancel flag was set */
} assay_send_outcome;

typedef struct assay_send_result {
    assay_send_outcome outcome;
    size_t bytes; /* of the block that this outcome is about: whole lines */
    size_t events;
    int status;         /* HTTP, 0 = no answer */
    int retry_after_ms; /* -1 = not said */
    char reason[256];   /* RETRY, REFUSED: for the log; holds no secret */
    assay_buf answer;   /* REFUSED: body of the answer, cut; holds no secret */
} assay_send_result;

ASSAY_NODISCARD assay_status assay_send_open(const assay_lineage_transport *transport,
                                             const assay_lineage_emitter_options *options,
                                             const assay_cancel *cancel, assay_send **ret_send,
                                             assay_error *err);
void assay_send_free(assay_send *send);

/* Delivers lines from the beginning of `block` (whole lines, at least one). */
void assay_send_block(assay_send *send, const assay_buf *block, assay_send_result *ret_result);
void assay_send_result_done(assay_send_result *result);

/* Appends whole lines to a file that others append to as well: under its lock, in one piece; a
 * line that a killed process has cut is taken off first. Synced. */
ASSAY_NODISCARD assay_status assay_send_append(const char *path, const char *bytes, size_t size,
                                               assay_error *err);

#endif
