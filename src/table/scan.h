/* Reading: the SELECT over read_parquet that gives the rows of a list of files in a schema. */
#ifndef ASSAY_TABLE_SCAN_H
#define ASSAY_TABLE_SCAN_H

#include "table/table.h"

typedef struct assay_scan_options {
    bool file_columns; /* adds __assay_file (VARCHAR, the file's path) and __assay_row (BIGINT,
                          0-based position) */
    /* Looks into files that assay did not write, where the format reads by field ids: files without
     * ids are read by name, nested fields that were renamed are refused (4035). NULL: all files are
     * taken to carry ids as the table's schema has them. */
    struct assay_conn *conn;
} assay_scan_options;

/* Appends "SELECT .. FROM read_parquet(..)" that gives the columns of `schema` with the types the
 * user sees (originals restored), resolved by field id or by name as the format and the files need;
 * missing columns are NULL. No files: a SELECT of that shape without rows. */
ASSAY_NODISCARD assay_status assay_scan_append_sql(assay_buf *buf, const assay_table *table,
                                                   const assay_schema *schema,
                                                   const assay_data_file *files, size_t count,
                                                   const assay_scan_options *options,
                                                   assay_error *err);

#endif
