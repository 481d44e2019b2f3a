#include <string.h>

#include "avro/value.h"

assay_avro_value assay_avro_null(void)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_NULL};
}

assay_avro_value assay_avro_boolean(bool value)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_BOOLEAN, .integer = value ? 1 : 0};
}

assay_avro_value assay_avro_int(int32_t value)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_INT, .integer = value};
}

assay_avro_value assay_avro_long(int64_t value)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_LONG, .integer = value};
}

assay_avro_value assay_avro_double(double value)
{
    return (assay_avro_value){.kind = ASSAY_AVRO_DOUBLE, .real = value};
}

assay_avro_value assay_avro_text(const char *text)
{
    if (text == NULL)
        return assay_avro_null();
    return (assay_avro_value){.kind = ASSAY_AVRO_STRING, .bytes = text, .size = strlen(text)};
}

assay_avro_value assay_avro_bytes(const void *bytes, size_t size)
{
    if (bytes == NULL)
        return assay_avro_null();
    return (assay_avro_value){.kind = ASSAY_AVRO_BYTES, .bytes = bytes, .size = size};
}

void assay_avro_encode_long(int64_t value, assay_buf *buf)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    while (bits >= 0x80) {
        assay_buf_append_char(buf, (char)(unsigned char)(bits | 0x80));
        bits >>= 7;
    }
    assay_buf_append_char(buf, (char)bits);
}

static assay_status misfit(const assay_avro_type *type, const assay_avro_value *value,
                           assay_error *err)
{
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "avro: a %s does not fit the type %s",
                           assay_avro_kind_name(value->kind), assay_avro_kind_name(type->kind));
}

static void encode_bits(uint64_t bits, size_t size, assay_buf *buf)
{
    for (size_t i = 0; i < size; i++)
        assay_buf_append_char(buf, (char)(unsigned char)(bits >> (8 * i)));
}

static void encode_real(const assay_avro_value *value, assay_avro_kind kind, assay_buf *buf)
{
    if (kind == ASSAY_AVRO_FLOAT) {
        float single = (float)value->real;
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        encode_bits(bits, sizeof bits, buf);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value->real, sizeof bits);
    encode_bits(bits, sizeof bits, buf);
}

static assay_status encode_items(const assay_avro_type *type, const assay_avro_value *value,
                                 assay_buf *buf, assay_error *err)
{
    if (value->count > 0)
        assay_avro_encode_long((int64_t)value->count, buf);
    for (size_t i = 0; i < value->count; i++) {
        if (type->kind == ASSAY_AVRO_MAP) {
            size_t length = strlen(value->keys[i]);
            assay_avro_encode_long((int64_t)length, buf);
            assay_buf_append(buf, value->keys[i], length);
        }
        ASSAY_TRY(assay_avro_encode(type->items, &value->items[i], buf, err));
    }
    assay_avro_encode_long(0, buf);
    return ASSAY_OK;
}

static assay_status encode_union(const assay_avro_type *type, const assay_avro_value *value,
                                 assay_buf *buf, assay_error *err)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind == value->kind) {
            assay_avro_encode_long((int64_t)i, buf);
            return assay_avro_encode(type->branches[i], value, buf, err);
        }
    }
    return misfit(type, value, err);
}

static assay_status encode_record(const assay_avro_type *type, const assay_avro_value *value,
                                  assay_buf *buf, assay_error *err)
{
    if (value->count != type->field_count)
        return misfit(type, value, err);
    for (size_t i = 0; i < value->count; i++)
        ASSAY_TRY(assay_avro_encode(type->fields[i].type, &value->items[i], buf, err));
    return ASSAY_OK;
}

static assay_status encode_simple(const assay_avro_type *type, const assay_avro_value *value,
                                  assay_buf *buf, assay_error *err)
{
    switch (type->kind) {
    case ASSAY_AVRO_NULL:
        break;
    case ASSAY_AVRO_BOOLEAN:
        assay_buf_append_char(buf, value->integer != 0 ? 1 : 0);
        break;
    case ASSAY_AVRO_INT:
    case ASSAY_AVRO_LONG:
    case ASSAY_AVRO_ENUM:
        assay_avro_encode_long(value->integer, buf);
        break;
    case ASSAY_AVRO_FLOAT:
    case ASSAY_AVRO_DOUBLE:
        encode_real(value, type->kind, buf);
        break;
    case ASSAY_AVRO_BYTES:
    case ASSAY_AVRO_STRING:
        assay_avro_encode_long((int64_t)value->size, buf);
        assay_buf_append(buf, value->bytes, value->size);
        break;
    case ASSAY_AVRO_FIXED:
        if (value->size != type->size)
            return misfit(type, value, err);
        assay_buf_append(buf, value->bytes, value->size);
        break;
    case ASSAY_AVRO_ARRAY:
    case ASSAY_AVRO_MAP:
    case ASSAY_AVRO_RECORD:
    case ASSAY_AVRO_UNION:
        return misfit(type, value, err);
    }
    return assay_buf_check(buf, err);
}

assay_status assay_avro_encode(const assay_avro_type *type, const assay_avro_value *value,
                               assay_buf *buf, assay_error *err)
{
    if (type->kind == ASSAY_AVRO_UNION)
        return encode_union(type, value, buf, err);
    if (type->kind != value->kind)
        return misfit(type, value, err);
    if (type->kind == ASSAY_AVRO_RECORD)
        return encode_record(type, value, buf, err);
    if (type->kind == ASSAY_AVRO_ARRAY || type->kind == ASSAY_AVRO_MAP)
        return encode_items(type, value, buf, err);
    return encode_simple(type, value, buf, err);
}
