/* Which data files may hold rows with certain keys, told by their column bounds and partitions. */
#ifndef ASSAY_TABLE_PRUNE_H
#define ASSAY_TABLE_PRUNE_H

#include "engine/engine.h"
#include "table/table.h"

typedef struct assay_prune_request {
    const assay_table *table;
    const assay_schema *schema; /* of the rows that are looked for */
    const assay_data_file *files;
    size_t count;
    const char *relation; /* a table of `conn` that holds the keys, none of them NULL */
    const char *const *columns;
    size_t column_count;
} assay_prune_request;

/* The files that may hold a row whose key is one of the relation's: for every column of the key
 * there is a value within the file's bounds. Bounds that are not known, or not certain, keep the
 * file. No file is read. */
ASSAY_NODISCARD assay_status assay_prune_files(assay_conn *conn, const assay_prune_request *request,
                                               assay_arena *arena, assay_data_file **ret_files,
                                               size_t *ret_count, assay_error *err);

/* Whether the files divide the values of a column among themselves: side by side by their lower
 * bounds, fewer than half of the neighbours overlap. False where bounds are missing. */
ASSAY_NODISCARD assay_status assay_prune_divided(const assay_table *table,
                                                 const assay_data_file *files, size_t count,
                                                 const assay_field *field, bool *ret_divided,
                                                 assay_error *err);

#endif
