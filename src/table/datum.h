/* One typed value: a bound or a partition value. Text and bytes live in an arena. */
#ifndef ASSAY_TABLE_DATUM_H
#define ASSAY_TABLE_DATUM_H

#include "table/type.h"

__extension__ typedef __int128 assay_int128;

typedef struct assay_datum {
    bool known; /* false: no value is known (and nothing else is set) */
    bool null;  /* a partition value that is NULL */
    assay_type_kind kind;
    int64_t integer;       /* BOOLEAN 0/1, INT*, DATE days, TIME, TIMESTAMP(TZ) microseconds */
    double real;           /* FLOAT, DOUBLE */
    assay_int128 unscaled; /* DECIMAL */
    const char *bytes;     /* STRING (UTF-8), BINARY, UUID (16, big endian) */
    size_t size;
} assay_datum;

/* Parses a value as DuckDB prints it (RETURN_STATS, partition keys; BINARY as hex) for a column of
 * `type`. `text` NULL gives null. Text that does not parse gives known = false, never a wrong
 * value. */
assay_datum assay_datum_parse(const char *text, const assay_type *type, assay_arena *arena);

/* Text as DuckDB prints it (BINARY as hex) / as a SQL literal with its type. */
void assay_datum_format(assay_buf *buf, const assay_datum *datum, const assay_type *type);
void assay_datum_append_sql(assay_buf *buf, const assay_datum *datum, const assay_type *type);

/* -1, 0, 1; both known, not null, of one kind. Strings compare by bytes. */
int assay_datum_compare(const assay_datum *a, const assay_datum *b);

/* Cuts a STRING bound to `code_points`: a lower bound becomes a prefix; an upper bound a prefix
 * whose last code point is incremented (skipping surrogates, dropping back on U+10FFFF) or unknown
 * where that is impossible. Shorter values stay. *ret_exact says whether nothing was cut. */
assay_datum assay_datum_truncate(const assay_datum *datum, size_t code_points, bool upper,
                                 assay_arena *arena, bool *ret_exact);

#endif
