/* Partitioning: identity and date parts (Iceberg spec, "Partition Transforms"). */
#ifndef ASSAY_TABLE_PARTITION_H
#define ASSAY_TABLE_PARTITION_H

#include "table/datum.h"

typedef enum assay_transform {
    ASSAY_TRANSFORM_IDENTITY,
    ASSAY_TRANSFORM_YEAR,
    ASSAY_TRANSFORM_MONTH,
    ASSAY_TRANSFORM_DAY,
    ASSAY_TRANSFORM_HOUR,
    ASSAY_TRANSFORM_VOID,
    ASSAY_TRANSFORM_OTHER /* bucket, truncate, unknown: readable without pruning, never written */
} assay_transform;

typedef struct assay_partition_field {
    int32_t source_id; /* column's field id */
    int32_t field_id;  /* from 1000 */
    const char *name;  /* "order_date_month" for transforms, the column's name for identity */
    assay_transform transform;
    const char *transform_text; /* "bucket[16]" as written in the metadata */
} assay_partition_field;

typedef struct assay_partition_spec {
    int32_t id;
    assay_partition_field *fields;
    size_t count;
} assay_partition_spec;

/* Parses the header's partition_by entries ("month(order_date)", "country") against a schema; a
 * column that does not exist is 4020, a transform that does not fit its type 4021. */
ASSAY_NODISCARD assay_status assay_partition_parse(const char *const *entries, size_t count,
                                                   const assay_schema *schema, assay_arena *arena,
                                                   assay_partition_spec **ret_spec,
                                                   assay_error *err);

/* SQL expression of a partition value over the column (floor semantics before 1970, UTC). */
void assay_partition_append_sql(assay_buf *buf, const assay_partition_field *field,
                                const assay_field *column);
/* Type of the partition value of a column. */
assay_type assay_partition_result_type(assay_transform transform, const assay_type *column);

/* "month" of a date part, as a header writes it; NULL for identity and what is never written. */
const char *assay_partition_transform_name(assay_transform transform);

bool assay_partition_spec_equal(const assay_partition_spec *a, const assay_partition_spec *b);

#endif
