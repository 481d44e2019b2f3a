#include "iceberg/bounds.h"

#include <math.h>
#include <string.h>

static void append_little(uint64_t bits, size_t size, assay_buf *buf)
{
    for (size_t i = 0; i < size; i++)
        assay_buf_append_char(buf, (char)(unsigned char)(bits >> (8 * i)));
}

/* Two's complement, big endian, the fewest bytes that keep the sign. */
static void append_decimal(assay_int128 value, assay_buf *buf)
{
    unsigned char bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)((value >> (8 * (15 - i))) & 0xff);
    size_t first = 0;
    unsigned char fill = value < 0 ? 0xff : 0x00;
    while (first < 15 && bytes[first] == fill && (bytes[first + 1] & 0x80) == (fill & 0x80))
        first++;
    assay_buf_append(buf, bytes + first, sizeof bytes - first);
}

static void append_real(const assay_datum *datum, assay_buf *buf)
{
    if (datum->kind == ASSAY_TYPE_FLOAT) {
        float single = (float)datum->real;
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        append_little(bits, sizeof bits, buf);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &datum->real, sizeof bits);
    append_little(bits, sizeof bits, buf);
}

bool assay_iceberg_bound_encode(const assay_datum *datum, assay_buf *buf)
{
    if (!datum->known || datum->null)
        return false;
    switch (datum->kind) {
    case ASSAY_TYPE_BOOLEAN:
        assay_buf_append_char(buf, datum->integer != 0 ? 1 : 0);
        return true;
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_DATE:
        append_little((uint64_t)datum->integer, 4, buf);
        return true;
    case ASSAY_TYPE_INT64:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        append_little((uint64_t)datum->integer, 8, buf);
        return true;
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        append_real(datum, buf);
        return true;
    case ASSAY_TYPE_DECIMAL:
        append_decimal(datum->unscaled, buf);
        return true;
    case ASSAY_TYPE_STRING:
    case ASSAY_TYPE_BINARY:
    case ASSAY_TYPE_UUID:
        assay_buf_append(buf, datum->bytes, datum->size);
        return true;
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return false;
}

static uint64_t take_little(const unsigned char *bytes, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)bytes[i] << (8 * i);
    return bits;
}

/* int was widened to long, date to timestamp never: 4 bytes are read where 8 are expected. */
static bool decode_integer(const unsigned char *bytes, size_t size, size_t wanted, int64_t *ret)
{
    if (size == 4) {
        *ret = (int32_t)(uint32_t)take_little(bytes, 4);
        return true;
    }
    if (size == 8 && wanted == 8) {
        *ret = (int64_t)take_little(bytes, 8);
        return true;
    }
    return false;
}

static bool decode_real(const unsigned char *bytes, size_t size, double *ret)
{
    if (size == 4) {
        uint32_t bits = (uint32_t)take_little(bytes, 4);
        float single;
        memcpy(&single, &bits, sizeof single);
        *ret = (double)single;
        return true;
    }
    if (size == 8) {
        uint64_t bits = take_little(bytes, 8);
        memcpy(ret, &bits, sizeof bits);
        return true;
    }
    return false;
}

static bool decode_decimal(const unsigned char *bytes, size_t size, assay_int128 *ret)
{
    if (size == 0 || size > 16)
        return false;
    assay_int128 value = (bytes[0] & 0x80) != 0 ? -1 : 0;
    for (size_t i = 0; i < size; i++)
        value = value * 256 + bytes[i];
    *ret = value;
    return true;
}

static bool decode_bytes(const unsigned char *bytes, size_t size, assay_arena *arena,
                         assay_datum *datum)
{
    datum->bytes = assay_arena_text_n(arena, "", 0);
    if (size > 0) {
        char *copy = assay_arena_take(arena, size + 1, 1);
        if (copy == NULL)
            return false;
        memcpy(copy, bytes, size);
        datum->bytes = copy;
    }
    datum->size = size;
    return datum->bytes != NULL;
}

assay_datum assay_iceberg_bound_decode(const void *bytes, size_t size, const assay_type *type,
                                       assay_arena *arena)
{
    assay_datum datum = {.kind = type->kind};
    if (bytes == NULL)
        return datum;
    switch (type->kind) {
    case ASSAY_TYPE_BOOLEAN:
        datum.known = size == 1;
        datum.integer = datum.known && *(const unsigned char *)bytes != 0 ? 1 : 0;
        break;
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_DATE:
        datum.known = decode_integer(bytes, size, 4, &datum.integer);
        break;
    case ASSAY_TYPE_INT64:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        datum.known = decode_integer(bytes, size, 8, &datum.integer);
        break;
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        datum.known = decode_real(bytes, size, &datum.real);
        break;
    case ASSAY_TYPE_DECIMAL:
        datum.known = decode_decimal(bytes, size, &datum.unscaled);
        break;
    case ASSAY_TYPE_UUID:
        datum.known = size == 16 && decode_bytes(bytes, size, arena, &datum);
        break;
    case ASSAY_TYPE_STRING:
    case ASSAY_TYPE_BINARY:
        datum.known = decode_bytes(bytes, size, arena, &datum);
        break;
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return datum;
}

/* Binary: a prefix, for an upper bound with its last byte below 0xff incremented. */
static assay_datum cut_binary(const assay_datum *datum, bool upper, assay_arena *arena)
{
    assay_datum cut = *datum;
    if (datum->size <= ASSAY_ICEBERG_BOUND_LENGTH)
        return cut;
    cut.size = ASSAY_ICEBERG_BOUND_LENGTH;
    if (!upper)
        return cut;
    unsigned char *copy = assay_arena_bytes(arena, datum->bytes, ASSAY_ICEBERG_BOUND_LENGTH);
    while (copy != NULL && cut.size > 0 && copy[cut.size - 1] == 0xff)
        cut.size--;
    if (copy == NULL || cut.size == 0)
        return (assay_datum){.kind = datum->kind};
    copy[cut.size - 1]++;
    cut.bytes = (const char *)copy;
    return cut;
}

assay_datum assay_iceberg_bound_cut(const assay_datum *datum, bool upper, assay_arena *arena)
{
    assay_datum cut = *datum;
    if (!datum->known || datum->null)
        return (assay_datum){.kind = datum->kind};
    if (datum->kind == ASSAY_TYPE_STRING) {
        bool exact = false;
        return assay_datum_truncate(datum, ASSAY_ICEBERG_BOUND_LENGTH, upper, arena, &exact);
    }
    if (datum->kind == ASSAY_TYPE_BINARY)
        return cut_binary(datum, upper, arena);
    if (datum->kind == ASSAY_TYPE_FLOAT || datum->kind == ASSAY_TYPE_DOUBLE) {
        if (isnan(datum->real))
            return (assay_datum){.kind = datum->kind};
        if (fpclassify(datum->real) == FP_ZERO)
            cut.real = upper ? 0.0 : -0.0; /* spec, "Manifests", note on -0.0 and +0.0 */
    }
    return cut;
}
