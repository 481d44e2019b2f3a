/* The statistics of an add action (PROTOCOL.md, "Per-file Statistics"). */
#ifndef ASSAY_DELTA_STATS_H
#define ASSAY_DELTA_STATS_H

#include "table/file.h"
#include "table/partition.h"
#include "text/value.h"

/* Leaf columns that get statistics where the table does not say another number. */
enum { ASSAY_DELTA_STATS_COLUMNS = 32 };

typedef struct assay_delta_stats_options {
    const char *const *partition_columns; /* have no statistics */
    size_t partition_count;
    int64_t leaf_limit; /* delta.dataSkippingNumIndexedCols; -1 = all */
} assay_delta_stats_options;

/* The JSON text of `file`'s statistics. Bounds that readers could take wrong (NaN, infinity, years
 * that are not 4 digits, text that cannot be cut) are left out; timestamps are rounded outwards to
 * milliseconds. */
ASSAY_NODISCARD assay_status assay_delta_stats_write(const assay_data_file *file,
                                                     const assay_schema *schema,
                                                     const assay_delta_stats_options *options,
                                                     assay_arena *arena, const char **ret_text,
                                                     assay_error *err);

/* Fills rows and stats of `file` from a parsed statistics object. Bounds of other writers may be
 * cut to milliseconds, so their upper ones are widened by 999 microseconds. */
ASSAY_NODISCARD assay_status assay_delta_stats_read(const assay_value *stats,
                                                    const assay_schema *schema, assay_arena *arena,
                                                    assay_data_file *file, assay_error *err);

#endif
