/* Personal data in calls that compile nothing: what the tables themselves say of their columns. */
#ifndef ASSAY_LIB_PRIVACY_H
#define ASSAY_LIB_PRIVACY_H

#include "lib/context.h"

/* The model of the table learns which of its columns are pii (pipeline/privacy.h). */
ASSAY_NODISCARD assay_status assay_privacy_of_table(assay_context *context,
                                                    const assay_table *table, assay_error *err);

/* The model of the table, which learns the same; NULL where no model makes it. */
ASSAY_NODISCARD assay_status assay_privacy_owner(assay_context *context, const assay_table *table,
                                                 const assay_model **ret_owner, assay_error *err);

/* Takes values out of an error of a query, if a table that `sql` mentions has pii columns. */
void assay_privacy_hide_error(assay_context *context, assay_conn *conn, const char *sql,
                              assay_error *err);

/* The query with *** in place of values of columns that are pii in a table that it mentions. */
ASSAY_NODISCARD assay_status assay_privacy_hide_columns(assay_context *context, assay_conn *conn,
                                                        const char *sql, assay_arena *arena,
                                                        const char **ret_sql, assay_error *err);

#endif
