#include <string.h>

#include "avro/value.h"
#include "base/mem.h"
#include "base/str.h"

/* One decode: where the bytes are, where the values go. */
struct decoder {
    assay_avro_cursor *cursor;
    assay_arena *arena;
    assay_error *err;
    int depth;
};

static assay_status decode_value(struct decoder *decoder, const assay_avro_type *type,
                                 assay_avro_value *ret_value);

static assay_status damaged(assay_error *err, const char *what)
{
    return assay_error_set(err, ASSAY_EDATA, 4501, "avro file is damaged: %s", what);
}

assay_avro_cursor assay_avro_cursor_init(const char *bytes, size_t size)
{
    return (assay_avro_cursor){.at = bytes,
                               .end = bytes + size,
                               .values_left = ASSAY_AVRO_VALUE_COUNT_MAX};
}

static size_t bytes_left(const assay_avro_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

assay_status assay_avro_decode_long(assay_avro_cursor *cursor, int64_t *ret_value, assay_error *err)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->at == cursor->end)
            return damaged(err, "a number ends too early");
        unsigned char byte = (unsigned char)*cursor->at++;
        if (shift == 63 && byte > 1)
            return damaged(err, "a number is larger than 64 bits");
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = (int64_t)((bits >> 1) ^ ((bits & 1) != 0 ? UINT64_MAX : 0));
            return ASSAY_OK;
        }
    }
    return damaged(err, "a number is larger than 64 bits");
}

assay_status assay_avro_decode_span(assay_avro_cursor *cursor, const char **ret_bytes,
                                    size_t *ret_size, assay_error *err)
{
    int64_t size = 0;
    ASSAY_TRY(assay_avro_decode_long(cursor, &size, err));
    if (size < 0 || (uint64_t)size > bytes_left(cursor))
        return damaged(err, "a length reaches beyond the end");
    *ret_bytes = cursor->at;
    *ret_size = (size_t)size;
    cursor->at += size;
    return ASSAY_OK;
}

static assay_status copy_span(struct decoder *decoder, const char *bytes, size_t size,
                              assay_avro_value *ret_value)
{
    ret_value->bytes = assay_arena_text_n(decoder->arena, "", 0);
    if (size > 0) {
        char *copy = assay_arena_take(decoder->arena, size + 1, 1);
        ASSAY_TRY(assay_arena_check(copy, decoder->err));
        memcpy(copy, bytes, size);
        ret_value->bytes = copy;
    }
    ret_value->size = size;
    return assay_arena_check(ret_value->bytes, decoder->err);
}

static assay_status decode_bytes(struct decoder *decoder, const assay_avro_type *type,
                                 assay_avro_value *ret_value)
{
    const char *bytes = NULL;
    size_t size = 0;
    if (type->kind == ASSAY_AVRO_FIXED) {
        size = type->size;
        if (size > bytes_left(decoder->cursor))
            return damaged(decoder->err, "a fixed value reaches beyond the end");
        bytes = decoder->cursor->at;
        decoder->cursor->at += size;
    } else {
        ASSAY_TRY(assay_avro_decode_span(decoder->cursor, &bytes, &size, decoder->err));
    }
    if (type->kind == ASSAY_AVRO_STRING && memchr(bytes, '\0', size) != NULL)
        return damaged(decoder->err, "a text holds a NUL byte");
    return copy_span(decoder, bytes, size, ret_value);
}

static assay_status decode_real(struct decoder *decoder, const assay_avro_type *type,
                                assay_avro_value *ret_value)
{
    size_t size = type->kind == ASSAY_AVRO_FLOAT ? 4 : 8;
    if (size > bytes_left(decoder->cursor))
        return damaged(decoder->err, "a number ends too early");
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)(unsigned char)decoder->cursor->at[i] << (8 * i);
    decoder->cursor->at += size;
    if (size == 4) {
        uint32_t low = (uint32_t)bits;
        float single;
        memcpy(&single, &low, sizeof single);
        ret_value->real = (double)single;
    } else {
        memcpy(&ret_value->real, &bits, sizeof bits);
    }
    return ASSAY_OK;
}

static assay_status decode_boolean(struct decoder *decoder, assay_avro_value *ret_value)
{
    if (decoder->cursor->at == decoder->cursor->end)
        return damaged(decoder->err, "a boolean is missing");
    unsigned char byte = (unsigned char)*decoder->cursor->at++;
    if (byte > 1)
        return damaged(decoder->err, "a boolean is neither 0 nor 1");
    ret_value->integer = byte;
    return ASSAY_OK;
}

static assay_status decode_integer(struct decoder *decoder, const assay_avro_type *type,
                                   assay_avro_value *ret_value)
{
    int64_t number = 0;
    ASSAY_TRY(assay_avro_decode_long(decoder->cursor, &number, decoder->err));
    if (type->kind == ASSAY_AVRO_INT && (number < INT32_MIN || number > INT32_MAX))
        return damaged(decoder->err, "an int is larger than 32 bits");
    if (type->kind == ASSAY_AVRO_ENUM && (number < 0 || (uint64_t)number >= type->symbol_count))
        return damaged(decoder->err, "an enum has no such symbol");
    ret_value->integer = number;
    return ASSAY_OK;
}

/* The growing items of an array or map, which come in blocks. */
struct items {
    assay_avro_value *values;
    const char **keys;
    size_t count, capacity;
};

static assay_status grow_items(struct decoder *decoder, struct items *items, size_t more,
                               bool with_keys)
{
    size_t capacity = items->count + more;
    if (items->capacity > 0 && capacity < 2 * items->capacity)
        capacity = 2 * items->capacity;
    assay_avro_value *values = assay_arena_take(decoder->arena, capacity, sizeof *values);
    ASSAY_TRY(assay_arena_check(values, decoder->err));
    if (items->count > 0)
        memcpy(values, items->values, items->count * sizeof *values);
    items->values = values;
    items->capacity = capacity;
    if (!with_keys)
        return ASSAY_OK;
    const char **keys = assay_arena_take(decoder->arena, capacity, sizeof *keys);
    ASSAY_TRY(assay_arena_check(keys, decoder->err));
    if (items->count > 0)
        memcpy(keys, items->keys, items->count * sizeof *keys);
    items->keys = keys;
    return ASSAY_OK;
}

/* Count of the next block; a negative count is followed by the block's size in bytes. */
static assay_status decode_block_count(struct decoder *decoder, size_t *ret_count)
{
    int64_t count = 0;
    ASSAY_TRY(assay_avro_decode_long(decoder->cursor, &count, decoder->err));
    if (count < 0) {
        int64_t size = 0;
        ASSAY_TRY(assay_avro_decode_long(decoder->cursor, &size, decoder->err));
        if (count == INT64_MIN || size < 0 || (uint64_t)size > bytes_left(decoder->cursor))
            return damaged(decoder->err, "a block reaches beyond the end");
        count = -count;
    }
    if ((uint64_t)count > decoder->cursor->values_left)
        return assay_error_set(decoder->err, ASSAY_EDATA, 4504,
                               "avro file holds an object of more than %d values",
                               ASSAY_AVRO_VALUE_COUNT_MAX);
    *ret_count = (size_t)count;
    return ASSAY_OK;
}

static assay_status decode_map_key(struct decoder *decoder, const char **ret_key)
{
    assay_avro_value key = {.kind = ASSAY_AVRO_STRING};
    const char *bytes = NULL;
    size_t size = 0;
    ASSAY_TRY(assay_avro_decode_span(decoder->cursor, &bytes, &size, decoder->err));
    ASSAY_TRY(copy_span(decoder, bytes, size, &key));
    *ret_key = key.bytes;
    return ASSAY_OK;
}

static assay_status decode_items(struct decoder *decoder, const assay_avro_type *type,
                                 assay_avro_value *ret_value)
{
    /* A hostile count must not make us allocate before its items are seen. */
    enum { GROW_AT_ONCE = 4096 };
    struct items items = {0};
    size_t count = 0;
    ASSAY_TRY(decode_block_count(decoder, &count));
    while (count > 0) {
        for (size_t i = 0; i < count; i++) {
            if (items.count == items.capacity) {
                size_t ahead = count - i < GROW_AT_ONCE ? count - i : GROW_AT_ONCE;
                ASSAY_TRY(grow_items(decoder, &items, ahead, type->kind == ASSAY_AVRO_MAP));
            }
            if (type->kind == ASSAY_AVRO_MAP)
                ASSAY_TRY(decode_map_key(decoder, &items.keys[items.count]));
            ASSAY_TRY(decode_value(decoder, type->items, &items.values[items.count]));
            items.count++;
        }
        ASSAY_TRY(decode_block_count(decoder, &count));
    }
    ret_value->items = items.values;
    ret_value->keys = items.keys;
    ret_value->count = items.count;
    return ASSAY_OK;
}

static assay_status decode_record(struct decoder *decoder, const assay_avro_type *type,
                                  assay_avro_value *ret_value)
{
    ret_value->items =
        assay_arena_take(decoder->arena, type->field_count + 1, sizeof *ret_value->items);
    ASSAY_TRY(assay_arena_check(ret_value->items, decoder->err));
    for (size_t i = 0; i < type->field_count; i++)
        ASSAY_TRY(decode_value(decoder, type->fields[i].type, &ret_value->items[i]));
    ret_value->count = type->field_count;
    return ASSAY_OK;
}

static assay_status decode_union(struct decoder *decoder, const assay_avro_type *type,
                                 assay_avro_value *ret_value)
{
    int64_t branch = 0;
    ASSAY_TRY(assay_avro_decode_long(decoder->cursor, &branch, decoder->err));
    if (branch < 0 || (uint64_t)branch >= type->branch_count)
        return damaged(decoder->err, "a union has no such branch");
    return decode_value(decoder, type->branches[branch], ret_value);
}

static assay_status decode_kind(struct decoder *decoder, const assay_avro_type *type,
                                assay_avro_value *ret_value)
{
    switch (type->kind) {
    case ASSAY_AVRO_NULL:
        return ASSAY_OK;
    case ASSAY_AVRO_BOOLEAN:
        return decode_boolean(decoder, ret_value);
    case ASSAY_AVRO_INT:
    case ASSAY_AVRO_LONG:
    case ASSAY_AVRO_ENUM:
        return decode_integer(decoder, type, ret_value);
    case ASSAY_AVRO_FLOAT:
    case ASSAY_AVRO_DOUBLE:
        return decode_real(decoder, type, ret_value);
    case ASSAY_AVRO_BYTES:
    case ASSAY_AVRO_STRING:
    case ASSAY_AVRO_FIXED:
        return decode_bytes(decoder, type, ret_value);
    case ASSAY_AVRO_ARRAY:
    case ASSAY_AVRO_MAP:
        return decode_items(decoder, type, ret_value);
    case ASSAY_AVRO_RECORD:
        return decode_record(decoder, type, ret_value);
    case ASSAY_AVRO_UNION:
        return decode_union(decoder, type, ret_value);
    }
    return damaged(decoder->err, "a type is unknown");
}

static assay_status decode_value(struct decoder *decoder, const assay_avro_type *type,
                                 assay_avro_value *ret_value)
{
    if (decoder->cursor->values_left == 0 || decoder->depth >= ASSAY_AVRO_VALUE_DEPTH_MAX)
        return assay_error_set(decoder->err, ASSAY_EDATA, 4504,
                               "avro file holds an object with too many or too deep values");
    decoder->cursor->values_left--;
    decoder->depth++;
    if (type->kind != ASSAY_AVRO_UNION) {
        *ret_value = (assay_avro_value){.type = type, .kind = type->kind};
    }
    ASSAY_TRY(decode_kind(decoder, type, ret_value));
    decoder->depth--;
    return ASSAY_OK;
}

assay_status assay_avro_decode(assay_avro_cursor *cursor, const assay_avro_type *type,
                               assay_arena *arena, assay_avro_value *ret_value, assay_error *err)
{
    struct decoder decoder = {.cursor = cursor, .arena = arena, .err = err, .depth = 0};
    return decode_value(&decoder, type, ret_value);
}

const assay_avro_value *assay_avro_find(const assay_avro_value *record, int32_t id,
                                        const char *name)
{
    if (record == NULL || record->kind != ASSAY_AVRO_RECORD || record->type == NULL)
        return NULL;
    const assay_avro_value *found = NULL;
    for (size_t i = 0; i < record->count && found == NULL; i++) {
        if (record->type->fields[i].id == id)
            found = &record->items[i];
    }
    for (size_t i = 0; i < record->count && found == NULL; i++) {
        const assay_avro_field *field = &record->type->fields[i];
        if (field->id == -1 && assay_str_equal(field->name, name))
            found = &record->items[i];
    }
    return found != NULL && found->kind != ASSAY_AVRO_NULL ? found : NULL;
}

int64_t assay_avro_find_int(const assay_avro_value *record, int32_t id, const char *name,
                            int64_t otherwise)
{
    const assay_avro_value *value = assay_avro_find(record, id, name);
    if (value == NULL || (value->kind != ASSAY_AVRO_INT && value->kind != ASSAY_AVRO_LONG &&
                          value->kind != ASSAY_AVRO_BOOLEAN))
        return otherwise;
    return value->integer;
}

const char *assay_avro_find_text(const assay_avro_value *record, int32_t id, const char *name)
{
    const assay_avro_value *value = assay_avro_find(record, id, name);
    return value != NULL && value->kind == ASSAY_AVRO_STRING ? value->bytes : NULL;
}
