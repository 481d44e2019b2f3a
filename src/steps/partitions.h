/* Mode replace_partitions: which files the partitions consist of that rows were written to. */
#ifndef ASSAY_STEPS_PARTITIONS_H
#define ASSAY_STEPS_PARTITIONS_H

#include "steps/write.h"

/* Of `rows`, the files of those partitions that `staged` has files in; all of them are written by
 * `spec`. Files of the table that have another partitioning are EUNSUPPORTED 4074. */
ASSAY_NODISCARD assay_status assay_partitions_find(const assay_published_rows *rows,
                                                   const assay_partition_spec *spec,
                                                   const assay_stage_result *staged,
                                                   assay_arena *arena, assay_data_file **ret_files,
                                                   size_t *ret_count, assay_error *err);

#endif
