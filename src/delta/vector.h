/* Deletion vectors (PROTOCOL.md, "Deletion Vector Format"): the rows of a file that are deleted. */
#ifndef ASSAY_DELTA_VECTOR_H
#define ASSAY_DELTA_VECTOR_H

#include "store/store.h"
#include "text/value.h"

enum {
    ASSAY_DELTA_VECTOR_BYTES_MAX = 1 << 30,
    ASSAY_DELTA_VECTOR_ROWS_MAX = 500 * 1000 * 1000 /* deleted rows of one file */
};

/* Reads the vector that `descriptor` names: ascending, 0-based positions in `arena`. Bytes that do
 * not decode, or another number of rows than the log says, are EDATA 4219; a file that is not there
 * too, by its name. */
ASSAY_NODISCARD assay_status assay_delta_vector_read(const char *location,
                                                     const assay_value *descriptor,
                                                     const assay_store *store, assay_arena *arena,
                                                     int64_t **ret_rows, size_t *ret_count,
                                                     assay_error *err);

/* Decodes the vector itself (magic and 64-bit portable roaring bitmap). */
ASSAY_NODISCARD assay_status assay_delta_vector_decode(const void *bytes, size_t size,
                                                       assay_arena *arena, int64_t **ret_rows,
                                                       size_t *ret_count, assay_error *err);

#endif
