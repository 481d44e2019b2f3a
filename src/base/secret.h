/* A text that nobody may see: it is wiped when it is freed, and printing it gives ***.
 *
 * Read-only once made: any thread. */
#ifndef ASSAY_BASE_SECRET_H
#define ASSAY_BASE_SECRET_H

#include "base/error.h"

typedef struct assay_secret assay_secret;

/* A copy of `size` bytes; the caller wipes its own. */
ASSAY_NODISCARD assay_status assay_secret_new(const void *bytes, size_t size,
                                              assay_secret **ret_secret, assay_error *err);
ASSAY_NODISCARD assay_status assay_secret_copy(const assay_secret *secret,
                                               assay_secret **ret_secret, assay_error *err);
void assay_secret_free(assay_secret *secret); /* wipes; NULL is allowed */
void assay_secret_freep(assay_secret **secret);

/* The value itself, NUL-terminated, for the call that needs it; NULL secret = "". */
const char *assay_secret_reveal(const assay_secret *secret);
size_t assay_secret_size(const assay_secret *secret);

/* What may be printed: "***". */
const char *assay_secret_show(const assay_secret *secret);

/* Overwrites every occurrence of the secret in `text` (a message of somebody else's) by "***",
 * also percent-encoded as in URLs. Secrets of fewer than 4 bytes are left: they would make
 * nonsense of any text. */
void assay_secret_scrub(const assay_secret *secret, char *text);

#endif
