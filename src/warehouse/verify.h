/* SQL that makes both sides of a reconciliation comparable. */
#ifndef ASSAY_WAREHOUSE_VERIFY_H
#define ASSAY_WAREHOUSE_VERIFY_H

#include "warehouse/mapping.h"

/* One side: the server's target, or the engine's query. Each column becomes a canonical text t<i>
 * and its MD5 c<i>; k is the MD5 of the key's (without keys of the whole row), r that of the row.
 */
typedef struct assay_verify_side {
    const assay_mapping *mapping;
    const bool *absent;   /* by column: the target does not have it, so neither side looks at it */
    const char *relation; /* SQL of what is read: a table, or a query in brackets */
    const char *live;     /* condition of rows that count; NULL = all do */
    bool server;
} assay_verify_side;

/* A row for each of at most 4,096 buckets of k: its three digits, the number of rows, the sum of r,
 * then for each column that is there the number of values and the sum of c<i>; sums as text. */
void assay_verify_buckets_sql(const assay_verify_side *side, assay_buf *buf);

/* The rows of some buckets: k, r, all c<i> that are there, then the texts of the key's columns
 * (without keys of all). */
void assay_verify_rows_sql(const assay_verify_side *side, const char *const *buckets, size_t count,
                           assay_buf *buf);

/* Whether the column's text stands for the row in messages. */
bool assay_verify_names_row(const assay_verify_side *side, size_t column);

#endif
