/* How one kind of file is read: the interface that CSV, JSON and Parquet implement. */
#ifndef ASSAY_SOURCE_READER_H
#define ASSAY_SOURCE_READER_H

#include "engine/exact.h"
#include "source/source.h"

/* Contract:
 * - look sets columns (and dialect) of the file; it reads no more than a sample.
 * - append_records appends a FROM item that gives the file's records, each with its number in
 *   __assay_record (BIGINT, 1 = first record) and its fields under the names that look found;
 * tolerant leaves out what find_bad finds.
 * - append_value appends the expression of a field as the table's type; a value that does not
 * convert, or not without a loss, fails the query.
 * - find_bad adds the file's broken records to assay_bad_rows; NULL = the kind has none. */
typedef struct assay_reader {
    assay_status (*look)(const assay_source *source, assay_source_file *file, assay_error *err);
    void (*append_records)(const assay_source *source, const assay_source_file *file, bool tolerant,
                           assay_buf *buf);
    void (*append_value)(const assay_source *source, const assay_column *found,
                         const assay_column *column, assay_buf *buf);
    assay_status (*find_bad)(const assay_source *source, const assay_source_file *file,
                             assay_error *err);
    bool optional_fields; /* a record may lack any field: append_value is asked for every column */
} assay_reader;

extern const assay_reader assay_reader_csv, assay_reader_json, assay_reader_parquet;

/* "compression" option of read_csv and read_json: ", compression='gzip'" or nothing for auto. */
void assay_reader_append_compression(const assay_source *source, assay_buf *buf);

/* The field `found` of type `from` as the column's type, without a loss (engine/exact.h). */
void assay_reader_append_exact(const assay_column *found, const char *from,
                               const assay_column *column, assay_buf *buf);

/* ", hive_partitioning=true, hive_types_autocast=false" or "=false". */
void assay_reader_append_hive(const assay_source *source, assay_buf *buf);

/* Copies the rows of DESCRIBE into the file's columns. */
ASSAY_NODISCARD assay_status assay_reader_describe(const assay_source *source, const char *query,
                                                   assay_source_file *file, assay_error *err);

#endif
