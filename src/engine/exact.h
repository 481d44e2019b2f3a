/* Casts that lose nothing. The engine's own round numbers, cut times to dates and drop digits; a
 * value of a source or of a query that its column cannot hold must be seen instead. */
#ifndef ASSAY_ENGINE_EXACT_H
#define ASSAY_ENGINE_EXACT_H

#include "engine/engine.h"

typedef struct assay_exact_cast {
    const char *value; /* an expression over the row; it stands in the SQL more than once */
    const char *from;  /* its type; "VARCHAR" = text that is read as a value */
    const char *to;
    const char *column; /* for the message */
} assay_exact_cast;

/* True where text that is cast to `type` can lose digits or a time of day. */
bool assay_exact_loses_text(const char *type);

/* The value as `to`; the query fails where it does not convert, or not without a loss: a typed
 * value must be the same when it is cast back, text may have no digits that `to` has no place for.
 */
void assay_sql_append_exact_cast(assay_buf *sql, const assay_exact_cast *cast);

/* The same, NULL in place of a failure. */
void assay_sql_append_exact_try(assay_buf *sql, const assay_exact_cast *cast);

#endif
