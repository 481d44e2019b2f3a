/* The rows of a bulk load, lent to a driver; for this room. A driver that was given up may still
 * ask for more when the caller has closed what they come from: then it gets an error. */
#ifndef ASSAY_ADBC_SOURCE_H
#define ASSAY_ADBC_SOURCE_H

#include "base/error.h"
#include "engine/arrow.h"

typedef struct assay_adbc_source assay_adbc_source;

/* Moves `stream` into a source; `ret_lent` is what the driver gets. */
assay_status assay_adbc_source_new(struct ArrowArrayStream *stream, assay_adbc_source **ret_source,
                                   struct ArrowArrayStream *ret_lent, assay_error *err);

/* Where the rows themselves failed: ECANCELLED, ENOMEM, else EDATA 3122 with their message.
 * ASSAY_OK where they did not. */
assay_status assay_adbc_source_error(assay_adbc_source *source, assay_error *err);

/* Releases the rows, after the call that is reading them; the caller's handle ends. */
void assay_adbc_source_end(assay_adbc_source *source);

#endif
