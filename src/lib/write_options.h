/* What the caller of a write says, and what the table and its model say where he says nothing. */
#ifndef ASSAY_LIB_WRITE_OPTIONS_H
#define ASSAY_LIB_WRITE_OPTIONS_H

#include <assay/table.h>

#include "lib/context.h"
#include "steps/write.h"

typedef struct assay_write_shape {
    assay_load_mode mode;
    assay_row_rules rules; /* merge; else without a key */
    const char *const *partition_by;
    size_t partition_count;
} assay_write_shape;

/* EINVAL 1003 where the options contradict each other or lack what the mode needs. */
ASSAY_NODISCARD assay_status assay_write_options_read(
    const assay_context *context, const assay_write_options *options, const char *table,
    const assay_table *base, assay_arena *arena, assay_write_shape *ret_shape, assay_error *err);

/* Holds the rows of *select against the contract of the table's model, as an extract does with what
 * it reads: EDATA 2204, 2205 or 2209 with the place in the contract, else *select gives the
 * contract's columns. `model` may be NULL; `base` NULL = no column of the table is known. */
ASSAY_NODISCARD assay_status assay_write_contract(const assay_model *model, const assay_table *base,
                                                  assay_conn *conn, assay_arena *arena,
                                                  const char **select, assay_error *err);

#endif
