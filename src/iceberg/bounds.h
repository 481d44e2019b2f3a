/* Single values as bytes (Iceberg spec, appendix D) and the cutting of bounds. */
#ifndef ASSAY_ICEBERG_BOUNDS_H
#define ASSAY_ICEBERG_BOUNDS_H

#include "base/buf.h"
#include "table/datum.h"

enum { ASSAY_ICEBERG_BOUND_LENGTH = 16 }; /* truncate(16): code points, or bytes of binary */

/* Appends the bytes of a known value that is not null; false (and nothing appended) where it has no
 * form. */
bool assay_iceberg_bound_encode(const assay_datum *datum, assay_buf *buf);

/* Reads bytes for a column of `type`, also in the narrower form they had before the type was
 * widened; bytes that do not fit give known = false. */
assay_datum assay_iceberg_bound_decode(const void *bytes, size_t size, const assay_type *type,
                                       assay_arena *arena);

/* The bound as metadata keeps it: text and binary cut, zeros of floats signed outwards; known =
 * false where there is none (NaN, an upper bound that cannot be cut). */
assay_datum assay_iceberg_bound_cut(const assay_datum *datum, bool upper, assay_arena *arena);

#endif
