/* Partitioning of a Delta table.
 *
 * Identity fields are Delta's partition columns. Date parts do not exist in Delta, and a generated
 * column would be visible to every reader and writer; so a date part only decides which rows share
 * a file. The spec stands in the table property `assay.partition`, a file's value in the tag
 * `assay.partition` of its add; readers prune by the statistics of the source column, which such
 * files make narrow. */
#ifndef ASSAY_DELTA_LAYOUT_H
#define ASSAY_DELTA_LAYOUT_H

#include "table/file.h"
#include "table/partition.h"
#include "text/value.h"

extern const char assay_delta_partition_key[]; /* "assay.partition" */

/* The spec of a table's metaData. */
ASSAY_NODISCARD assay_status assay_delta_layout_read(const char *name, const assay_value *metadata,
                                                     const assay_schema *schema, assay_arena *arena,
                                                     assay_partition_spec **ret_spec,
                                                     assay_error *err);

/* partitionColumns of a spec as a list, and the value of `assay.partition` (NULL = identity only).
 */
ASSAY_NODISCARD assay_status assay_delta_layout_write(const assay_partition_spec *spec,
                                                      const assay_schema *schema,
                                                      assay_arena *arena, assay_value **ret_columns,
                                                      const char **ret_property, assay_error *err);

/* Names of the identity fields. */
ASSAY_NODISCARD assay_status assay_delta_layout_columns(const assay_partition_spec *spec,
                                                        assay_arena *arena, const char ***ret_names,
                                                        size_t *ret_count, assay_error *err);

/* Fills the partition values of `file` from the body of its add; statistics are read already. */
ASSAY_NODISCARD assay_status assay_delta_partition_read(const assay_value *add,
                                                        const assay_partition_spec *spec,
                                                        const assay_schema *schema,
                                                        assay_arena *arena, assay_data_file *file,
                                                        assay_error *err);

/* partitionValues of an add, and the value of its tag (NULL = none). '' is refused (4210): Delta
 * reads it as NULL. */
ASSAY_NODISCARD assay_status assay_delta_partition_write(
    const assay_data_file *file, const assay_partition_spec *spec, const assay_schema *schema,
    assay_arena *arena, assay_value **ret_values, const char **ret_tag, assay_error *err);

#endif
