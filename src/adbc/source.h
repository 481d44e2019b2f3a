/* The rows of a bulk load, lent to a driver; for this room. A driver that was given up may still ask
 * for more when the caller has closed what they come from: then it gets an error. */
#ifndef ASSAY_ADBC_SOURCE_H
#define ASSAY_ADBC_SOURCE_H

#include "engine/arrow.h"
#include "base/error.h"

typedef struct assay_adbc_source assay_adbc_source;

/* Moves `stream` into a source; `ret_lent` is what the driver gets. */
assay_status assay_adbc_source_new(struct ArrowArrayStream *stream, assay_adbc_source **ret_source,
                                   struct ArrowArrayStream *ret_lent, assay_error *err);

/* Releases the rows, after the call that is reading them; the caller's handle ends. */
void assay_adbc_source_end(assay_adbc_source *source);

#endif
