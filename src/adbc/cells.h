/* One column of an Arrow batch, and its cells as values; for this room. */
#ifndef ASSAY_ADBC_CELLS_H
#define ASSAY_ADBC_CELLS_H

#include "engine/arrow.h"
#include "text/value.h"

typedef enum assay_adbc_layout {
    ASSAY_ADBC_NULL,
    ASSAY_ADBC_BOOL,
    ASSAY_ADBC_INT,      /* `bytes` wide, maybe `is_unsigned` */
    ASSAY_ADBC_REAL,     /* 4 or 8 bytes */
    ASSAY_ADBC_TEXT,     /* offsets of `bytes`, maybe `is_binary` */
    ASSAY_ADBC_DECIMAL,  /* 16 bytes, `scale` */
    ASSAY_ADBC_DATE,     /* days of 4 bytes; milliseconds of 8 */
    ASSAY_ADBC_TIME,     /* `per_second` */
    ASSAY_ADBC_TIMESTAMP /* `per_second`, maybe `with_zone` */
} assay_adbc_layout;

typedef struct assay_adbc_column {
    const char *name;
    const char *type; /* DuckDB's type text */
    assay_adbc_layout layout;
    int bytes;
    bool is_unsigned, is_binary, with_zone;
    int scale;
    int64_t per_second;
} assay_adbc_column;

/* EUNSUPPORTED 3120 for what is not in the list of adbc.h. Texts are copied. */
assay_status assay_adbc_column_read(const struct ArrowSchema *schema, assay_arena *arena,
                                    assay_adbc_column *ret_column, assay_error *err);

/* Cell `row` (counted without the column's own offset). */
assay_status assay_adbc_cell_read(const assay_adbc_column *column, const struct ArrowArray *array,
                                  int64_t row, assay_arena *arena, assay_value **ret_value,
                                  assay_error *err);

#endif
