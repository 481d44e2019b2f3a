/* The part of an extract that reads a database: `source: { connection, table | query }` and
 * `watermark: { column, lookback }`. */
#ifndef ASSAY_CONFIG_SOURCE_DATABASE_H
#define ASSAY_CONFIG_SOURCE_DATABASE_H

#include "config/file.h"
#include "config/named.h"

typedef struct assay_database_source {
    assay_named connection;
    assay_named table;     /* "orders", "sales.orders"; text NULL = a query */
    assay_named query;     /* text NULL = a table */
    assay_named watermark; /* column that only grows; text NULL = everything is read every time */
    assay_named lookback;  /* as written; text NULL = none */
    int64_t lookback_ms;   /* of a column of times; -1 where it is no duration */
    const char *lookback_number; /* of a column of numbers; NULL where it is no number */
} assay_database_source;

/* Reads them from the tree of an extract that was checked and has a connection. ECONFIG 1251 where
 * the source is not clear, 1252 for keys of file sources, 1257 for a lookback that is neither a
 * duration nor a number. */
ASSAY_NODISCARD assay_status assay_database_source_read(const assay_value *tree, const char *path,
                                                        assay_arena *arena,
                                                        const assay_database_source **ret_source,
                                                        assay_error *err);

#endif
