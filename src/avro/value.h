/* Avro values as a tree: decoded from bytes by the writer's schema, or built and encoded. Plain
 * data in an arena; any thread. */
#ifndef ASSAY_AVRO_VALUE_H
#define ASSAY_AVRO_VALUE_H

#include "avro/type.h"
#include "base/buf.h"

typedef struct assay_avro_value assay_avro_value;
struct assay_avro_value {
    const assay_avro_type *type; /* of decoded values; a union is its branch */
    assay_avro_kind kind;
    int64_t integer;   /* BOOLEAN, INT, LONG, ENUM (index of the symbol) */
    double real;       /* FLOAT, DOUBLE */
    const char *bytes; /* BYTES, STRING, FIXED; NUL-terminated */
    size_t size;
    assay_avro_value *items; /* RECORD: one a field; ARRAY; MAP: the values of `keys` */
    const char **keys;
    size_t count;
};

enum {
    ASSAY_AVRO_VALUE_DEPTH_MAX = 64,     /* nesting of one object */
    ASSAY_AVRO_VALUE_COUNT_MAX = 1048576 /* values in one object */
};

/* Constructors for the writer. */
assay_avro_value assay_avro_null(void);
assay_avro_value assay_avro_boolean(bool value);
assay_avro_value assay_avro_int(int32_t value);
assay_avro_value assay_avro_long(int64_t value);
assay_avro_value assay_avro_double(double value);
assay_avro_value assay_avro_text(const char *text);                /* not copied; NULL gives null */
assay_avro_value assay_avro_bytes(const void *bytes, size_t size); /* not copied; NULL gives null */

/* Appends the binary encoding of `value` (Avro 1.11, "Binary Encoding"); a value that does not fit
 * the type is EINTERNAL. */
ASSAY_NODISCARD assay_status assay_avro_encode(const assay_avro_type *type,
                                               const assay_avro_value *value, assay_buf *buf,
                                               assay_error *err);

/* A long in zig-zag form, as block counts and sizes are written. */
void assay_avro_encode_long(int64_t value, assay_buf *buf);

/* Bytes that are being decoded. */
typedef struct assay_avro_cursor {
    const char *at, *end;
    size_t values_left; /* 0 = ASSAY_AVRO_VALUE_COUNT_MAX is reached */
} assay_avro_cursor;

assay_avro_cursor assay_avro_cursor_init(const char *bytes, size_t size);

/* Decodes one value of `type`; bytes that do not decode are EDATA 4501, more than a limit allows
 * EDATA 4504. */
ASSAY_NODISCARD assay_status assay_avro_decode(assay_avro_cursor *cursor,
                                               const assay_avro_type *type, assay_arena *arena,
                                               assay_avro_value *ret_value, assay_error *err);
ASSAY_NODISCARD assay_status assay_avro_decode_long(assay_avro_cursor *cursor, int64_t *ret_value,
                                                    assay_error *err);
/* A length and so many bytes, which stay where they are. */
ASSAY_NODISCARD assay_status assay_avro_decode_span(assay_avro_cursor *cursor,
                                                    const char **ret_bytes, size_t *ret_size,
                                                    assay_error *err);

/* The value of a record's field: by field id, else (in schemas without ids) by name. NULL where the
 * field is missing or null; NULL records are allowed. */
const assay_avro_value *assay_avro_find(const assay_avro_value *record, int32_t id,
                                        const char *name);

/* The same, typed, with a default where it is missing, null or of another kind. */
int64_t assay_avro_find_int(const assay_avro_value *record, int32_t id, const char *name,
                            int64_t otherwise);
const char *assay_avro_find_text(const assay_avro_value *record, int32_t id, const char *name);

#endif
