/* Where the publications of a table stand, as far as it is remembered. */
#ifndef ASSAY_LIB_STANDING_H
#define ASSAY_LIB_STANDING_H

#include "lib/context.h"
#include "published/published.h"

/* Adds "publications": [{to, table, mode, state, publish_id, error}] where the table's model has
 * any. Asks nobody outside. */
ASSAY_NODISCARD assay_status assay_standing_add(assay_context *context, assay_conn *conn,
                                                const assay_table *table, assay_value *document,
                                                assay_arena *arena, assay_error *err);

#endif
