/* Data files of a table with typed statistics. Plain data in an arena. */
#ifndef ASSAY_TABLE_FILE_H
#define ASSAY_TABLE_FILE_H

#include "table/datum.h"

typedef struct assay_column_stats {
    int32_t field_id;
    int64_t column_size; /* bytes, -1 unknown; the same for the counts */
    int64_t value_count; /* with nulls */
    int64_t null_count;
    int64_t nan_count;        /* only where really known; 0 = none for sure */
    assay_datum lower, upper; /* not cut; the format cuts as it needs */
} assay_column_stats;

typedef struct assay_data_file {
    const char *path; /* absolute path on local disk */
    int64_t rows, size;
    int32_t spec_id;
    assay_datum *partition; /* one a field of the spec */
    size_t partition_count;
    assay_column_stats *stats;
    size_t stats_count;
    int64_t *split_offsets; /* may be NULL */
    size_t split_count;
    int64_t sequence;    /* Iceberg data sequence number; Delta: version that added it; -1 = new */
    int64_t snapshot_id; /* snapshot or version that added it; -1 = new */
    bool own;            /* written by assay: its statistics can be trusted to the full */
    const int64_t *deleted_rows; /* 0-based positions of rows that are deleted in it, ascending; */
    size_t deleted_count;        /* `rows` does not count them, a scan leaves them out */
    const struct assay_partition_spec
        *spec;               /* of an older snapshot; NULL = the table's current one */
    const void *format_data; /* private to the format */
} assay_data_file;

/* Stats of a column, or NULL. */
const assay_column_stats *assay_data_file_stats(const assay_data_file *file, int32_t field_id);

#endif
