/* Types of columns: from the engine to the warehouse, and what an existing column can take. */
#ifndef ASSAY_WAREHOUSE_TYPES_H
#define ASSAY_WAREHOUSE_TYPES_H

#include "warehouse/dialect.h"

/* The row of the map for an engine type ("DECIMAL(10,2)", "INTEGER[]"); NULL where the warehouse
 * cannot hold it. */
const assay_type_map *assay_types_find(const assay_dialect *dialect, const char *engine_type);

/* A type's text with the source's arguments in the place of '#': "numeric(10,2)". */
const char *assay_types_text(const char *pattern, const char *engine_type, assay_arena *arena);

typedef enum assay_type_fit {
    ASSAY_FIT_SAME,  /* nothing to do */
    ASSAY_FIT_WIDEN, /* ALTER to *ret_type */
    ASSAY_FIT_REFUSED
} assay_type_fit;

/* Whether a column of type `has` (the server's text) takes values of type `wants` (the map's text).
 * *ret_type: WIDEN: the type that it must get; else `has`. NULL type = memory is short. */
assay_type_fit assay_types_fit(const assay_dialect *dialect, const char *wants, const char *has,
                               assay_arena *arena, const char **ret_type);

#endif
