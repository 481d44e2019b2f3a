/* The mapping of a source's columns to those of staging and target. */
#ifndef ASSAY_WAREHOUSE_MAPPING_H
#define ASSAY_WAREHOUSE_MAPPING_H

#include "warehouse/types.h"

typedef struct assay_mapped_column {
    const char *source, *name; /* in the source; in staging and target */
    const char *engine_type;
    const assay_type_map *map;
    const char *wire, *type; /* in staging; wanted in the target */
    const char *has;         /* the type that the target's column has; NULL = not known yet */
    bool key;
} assay_mapped_column;

typedef struct assay_mapping {
    const assay_dialect *dialect;
    const assay_warehouse_publication *publication;
    assay_mapped_column *columns; /* without the op column */
    size_t count;
    const assay_mapped_column *version;  /* NULL = none */
    const char *op_column;               /* as the source spells it; NULL = none */
    const char *is_deleted, *deleted_at; /* NULL = no soft deletes */
    const char **gone; /* columns of the target that earlier publications had and this one lacks */
    size_t gone_count;
} assay_mapping;

/* Checks the publication against the columns (none = unknown, they are not looked at) and maps
 * them. ECONFIG 7003..7008. */
ASSAY_NODISCARD assay_status assay_mapping_make(const assay_dialect *dialect,
                                                const assay_warehouse_publication *publication,
                                                const assay_column *columns, size_t count,
                                                assay_arena *arena, assay_mapping **ret_mapping,
                                                assay_error *err);

/* The query whose rows fill the staging table. With `newest`, of rows with equal keys only the one
 * with the highest version, of equal rows one. `committed_us` is when the rows that are deleted
 * were. */
void assay_mapping_select(const assay_mapping *mapping, const assay_warehouse_snapshot *snapshot,
                          bool newest, assay_buf *buf);

#endif
