/* What has changed in a table that keeps one row a key: rows that came or changed between two of
 * its snapshots, for models that read only new rows of it. */
#ifndef ASSAY_PUBLISHED_CHANGES_H
#define ASSAY_PUBLISHED_CHANGES_H

#include "published/published.h"

typedef struct assay_changes_request {
    const assay_model *input;  /* the model that makes the table */
    const assay_model *reader; /* for messages */
    const assay_published_rows *then;
    const assay_published_rows *now;
} assay_changes_request;

/* Whether changes can be told: the table's model keeps one row a key (merge), or one a state of a
 * key (scd2). */
bool assay_changes_can_tell(const assay_model *input);

/* The query of the rows of `now` that `then` does not have, from the files that differ. Keys that
 * are gone are EDATA 2310: a reader of new rows would keep them. */
ASSAY_NODISCARD assay_status assay_changes_select(assay_conn *conn,
                                                  const assay_changes_request *request,
                                                  assay_arena *arena, const char **ret_sql,
                                                  assay_error *err);

#endif
