#include "adbc/cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* ---- columns ---- */

/* Formats without parameters. */
static const struct plain {
    const char *format;
    const char *type;
    assay_adbc_layout layout;
    int bytes;
    bool is_unsigned, is_binary;
    int64_t per_second;
} plains[] = {
    {"n", "NULL", ASSAY_ADBC_NULL, 0, false, false, 0},
    {"b", "BOOLEAN", ASSAY_ADBC_BOOL, 0, false, false, 0},
    {"c", "TINYINT", ASSAY_ADBC_INT, 1, false, false, 0},
    {"C", "UTINYINT", ASSAY_ADBC_INT, 1, true, false, 0},
    {"s", "SMALLINT", ASSAY_ADBC_INT, 2, false, false, 0},
    {"S", "USMALLINT", ASSAY_ADBC_INT, 2, true, false, 0},
    {"i", "INTEGER", ASSAY_ADBC_INT, 4, false, false, 0},
    {"I", "UINTEGER", ASSAY_ADBC_INT, 4, true, false, 0},
    {"l", "BIGINT", ASSAY_ADBC_INT, 8, false, false, 0},
    {"L", "UBIGINT", ASSAY_ADBC_INT, 8, true, false, 0},
    {"f", "FLOAT", ASSAY_ADBC_REAL, 4, false, false, 0},
    {"g", "DOUBLE", ASSAY_ADBC_REAL, 8, false, false, 0},
    {"u", "VARCHAR", ASSAY_ADBC_TEXT, 4, false, false, 0},
    {"U", "VARCHAR", ASSAY_ADBC_TEXT, 8, false, false, 0},
    {"z", "BLOB", ASSAY_ADBC_TEXT, 4, false, true, 0},
    {"Z", "BLOB", ASSAY_ADBC_TEXT, 8, false, true, 0},
    {"tdD", "DATE", ASSAY_ADBC_DATE, 4, false, false, 0},
    {"tdm", "DATE", ASSAY_ADBC_DATE, 8, false, false, 0},
    {"tts", "TIME", ASSAY_ADBC_TIME, 4, false, false, 1},
    {"ttm", "TIME", ASSAY_ADBC_TIME, 4, false, false, 1000},
    {"ttu", "TIME", ASSAY_ADBC_TIME, 8, false, false, 1000000},
    {"ttn", "TIME", ASSAY_ADBC_TIME, 8, false, false, 1000000000},
};

static const struct stamp {
    char unit;
    const char *type; /* without a zone */
    int64_t per_second;
} stamps[] = {
    {'s', "TIMESTAMP_S", 1},
    {'m', "TIMESTAMP_MS", 1000},
    {'u', "TIMESTAMP", 1000000},
    {'n', "TIMESTAMP_NS", 1000000000},
};

static assay_status fail_type(const char *name, const char *format, assay_error *err)
{
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 3120,
                           "the column '%s' of the result has a type that is not read here (Arrow "
                           "format '%s'); cast it to text in the query",
                           name, format);
}

static bool set_plain(const char *format, assay_adbc_column *column)
{
    for (size_t i = 0; i < sizeof plains / sizeof plains[0]; i++) {
        if (!assay_str_equal(plains[i].format, format))
            continue;
        column->type = plains[i].type;
        column->layout = plains[i].layout;
        column->bytes = plains[i].bytes;
        column->is_unsigned = plains[i].is_unsigned;
        column->is_binary = plains[i].is_binary;
        column->per_second = plains[i].per_second;
        return true;
    }
    return false;
}

/* "tsu:" or "tsu:UTC" */
static bool set_stamp(const char *format, assay_adbc_column *column)
{
    if (!assay_str_starts(format, "ts") || strlen(format) < 4 || format[3] != ':')
        return false;
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
        if (stamps[i].unit != format[2])
            continue;
        column->layout = ASSAY_ADBC_TIMESTAMP;
        column->bytes = 8;
        column->per_second = stamps[i].per_second;
        column->with_zone = format[4] != '\0';
        column->type = column->with_zone ? "TIMESTAMP WITH TIME ZONE" : stamps[i].type;
        return true;
    }
    return false;
}

/* A number of decimal digits and the sign behind it, which is passed; -1 where there is none. */
static int read_number(const char **at)
{
    int number = -1;

    for (; **at >= '0' && **at <= '9' && number < 1000; (*at)++)
        number = (number < 0 ? 0 : number * 10) + (**at - '0');
    if (**at != '\0')
        (*at)++;
    return number;
}

/* "d:38,2" or "d:38,2,128" */
static bool set_decimal(const char *format, assay_arena *arena, assay_adbc_column *column)
{
    const char *at = format + 2;

    if (!assay_str_starts(format, "d:"))
        return false;
    int precision = read_number(&at);
    int scale = read_number(&at);
    int bits = *at != '\0' ? read_number(&at) : 128;
    if (bits != 128 || precision < 1 || precision > 38 || scale < 0 || scale > 38)
        return false;
    column->layout = ASSAY_ADBC_DECIMAL;
    column->bytes = 16;
    column->scale = scale;
    column->type = assay_arena_format(arena, "DECIMAL(%d,%d)", precision, scale);
    return true;
}

assay_status assay_adbc_column_read(const struct ArrowSchema *schema, assay_arena *arena,
                                    assay_adbc_column *ret_column, assay_error *err)
{
    const char *name = schema->name != NULL ? schema->name : "";
    assay_adbc_column column = {.name = assay_arena_text(arena, name)};

    ASSAY_TRY(assay_arena_check(column.name, err));
    if (schema->dictionary != NULL || schema->format == NULL)
        return fail_type(name, "dictionary", err);
    if (!set_plain(schema->format, &column) && !set_stamp(schema->format, &column) &&
        !set_decimal(schema->format, arena, &column))
        return fail_type(name, schema->format, err);
    ASSAY_TRY(assay_arena_check(column.type, err));
    *ret_column = column;
    return ASSAY_OK;
}

/* ---- cells ---- */

static bool bit_at(const void *bits, int64_t index)
{
    const uint8_t *bytes = bits;

    return ((unsigned)bytes[index / 8] >> (unsigned)(index % 8) & 1U) != 0;
}

static bool is_null(const assay_adbc_column *column, const struct ArrowArray *array, int64_t index)
{
    if (column->layout == ASSAY_ADBC_NULL)
        return true;
    return array->null_count != 0 && array->buffers[0] != NULL && !bit_at(array->buffers[0], index);
}

/* An integer of the column's width; `data` need not be aligned. */
static int64_t integer_at(const assay_adbc_column *column, const void *data, int64_t index)
{
    const char *at = (const char *)data + index * column->bytes;
    uint8_t one = 0;
    uint16_t two = 0;
    uint32_t four = 0;
    int64_t eight = 0;

    switch (column->bytes) {
    case 1:
        memcpy(&one, at, sizeof one);
        return column->is_unsigned ? one : (int8_t)one;
    case 2:
        memcpy(&two, at, sizeof two);
        return column->is_unsigned ? two : (int16_t)two;
    case 4:
        memcpy(&four, at, sizeof four);
        return column->is_unsigned ? (int64_t)four : (int32_t)four;
    default:
        memcpy(&eight, at, sizeof eight);
        return eight;
    }
}

static assay_status set_text(assay_value *cell, const char *text, assay_arena *arena,
                             assay_error *err)
{
    cell->kind = ASSAY_VALUE_TEXT;
    cell->text = assay_arena_text(arena, text);
    return assay_arena_check(cell->text, err);
}

/* A number that a double may not hold: the exact digits stay in `text`. */
static assay_status set_exact(assay_value *cell, const char *digits, assay_arena *arena,
                              assay_error *err)
{
    ASSAY_TRY(set_text(cell, digits, arena, err));
    cell->kind = ASSAY_VALUE_REAL;
    (void)assay_str_to_double(digits, &cell->real);
    return ASSAY_OK;
}

static assay_status read_integer(const assay_adbc_column *column, const void *data, int64_t index,
                                 assay_arena *arena, assay_value *cell, assay_error *err)
{
    int64_t value = integer_at(column, data, index);
    char digits[24];

    if (value < 0 && column->is_unsigned) {
        (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
        return set_exact(cell, digits, arena, err);
    }
    cell->kind = ASSAY_VALUE_INT;
    cell->integer = value;
    return ASSAY_OK;
}

static void read_real(const assay_adbc_column *column, const void *data, int64_t index,
                      assay_value *cell)
{
    const char *at = (const char *)data + index * column->bytes;
    float four = 0;

    cell->kind = ASSAY_VALUE_REAL;
    if (column->bytes == 8) {
        memcpy(&cell->real, at, sizeof cell->real);
        return;
    }
    memcpy(&four, at, sizeof four);
    cell->real = (double)four;
}

/* ---- decimals ---- */

enum { LIMBS = 4, DIGITS_MAX = 48, PIECE_DIGITS = 9 };
static const uint32_t PIECE = 1000000000U;

/* Divides the number by 10^9; the rest is returned. */
static uint32_t divide(uint32_t limbs[LIMBS])
{
    uint64_t rest = 0;

    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / PIECE);
        rest %= PIECE;
    }
    return (uint32_t)rest;
}

/* Two's complement: changes the sign. */
static void negate(uint32_t limbs[LIMBS])
{
    uint64_t carry = 1;

    for (int i = 0; i < LIMBS; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static assay_status read_decimal(const assay_adbc_column *column, const void *data, int64_t index,
                                 assay_arena *arena, assay_value *cell, assay_error *err)
{
    uint32_t limbs[LIMBS];
    char digits[DIGITS_MAX + 1];
    char text[DIGITS_MAX + 4];
    size_t at = DIGITS_MAX, length = 0;

    memcpy(limbs, (const char *)data + index * column->bytes, sizeof limbs);
    bool negative = (limbs[LIMBS - 1] >> 31) != 0;
    if (negative)
        negate(limbs);
    digits[DIGITS_MAX] = '\0';
    for (uint32_t piece = divide(limbs), left = PIECE_DIGITS; at > 0; piece /= 10, left--) {
        if (left == 0) {
            piece = divide(limbs);
            left = PIECE_DIGITS;
        }
        digits[--at] = (char)('0' + piece % 10);
    }
    /* 38 digits and what stands before the point: at least one. */
    size_t point = DIGITS_MAX - (size_t)column->scale;
    size_t from = 0;
    while (from < point - 1 && digits[from] == '0')
        from++;
    if (negative)
        text[length++] = '-';
    for (size_t i = from; i < DIGITS_MAX; i++) {
        if (i == point)
            text[length++] = '.';
        text[length++] = digits[i];
    }
    text[length] = '\0';
    return set_exact(cell, text, arena, err);
}

/* ---- text and bytes ---- */

static int64_t offset_at(const assay_adbc_column *column, const void *offsets, int64_t index)
{
    int32_t small = 0;
    int64_t large = 0;

    if (column->bytes == 8) {
        memcpy(&large, (const int64_t *)offsets + index, sizeof large);
        return large;
    }
    memcpy(&small, (const int32_t *)offsets + index, sizeof small);
    return small;
}

/* As DuckDB prints a BLOB: printable ASCII as it is, else \xHH. */
static assay_status set_bytes(assay_value *cell, const char *bytes, size_t size, assay_arena *arena,
                              assay_error *err)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = assay_arena_take(arena, 4 * size + 1, 1);
    size_t length = 0;

    ASSAY_TRY(assay_arena_check(text, err));
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte >= 32 && byte <= 126 && byte != '\\' && byte != '\'' && byte != '"') {
            text[length++] = (char)byte;
            continue;
        }
        text[length++] = '\\';
        text[length++] = 'x';
        text[length++] = hex[byte >> 4];
        text[length++] = hex[byte & 15U];
    }
    cell->kind = ASSAY_VALUE_TEXT;
    cell->text = text;
    return ASSAY_OK;
}

static assay_status read_text(const assay_adbc_column *column, const struct ArrowArray *array,
                              int64_t index, assay_arena *arena, assay_value *cell,
                              assay_error *err)
{
    int64_t begin = offset_at(column, array->buffers[1], index);
    size_t size = (size_t)(offset_at(column, array->buffers[1], index + 1) - begin);
    const char *bytes = size > 0 ? (const char *)array->buffers[2] + begin : "";

    if (column->is_binary)
        return set_bytes(cell, bytes, size, arena, err);
    cell->kind = ASSAY_VALUE_TEXT;
    cell->text = assay_arena_text_n(arena, bytes, size);
    return assay_arena_check(cell->text, err);
}

/* ---- days and times ---- */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static int append_date(char *text, size_t size, int64_t days)
{
    int64_t year = 0;
    int month = 0, day = 0;

    assay_time_civil_from_days(days, &year, &month, &day);
    return year > 0
               ? snprintf(text, size, "%04lld-%02d-%02d", (long long)year, month, day)
               : snprintf(text, size, "%04lld-%02d-%02d (BC)", (long long)(1 - year), month, day);
}

/* "03:04:05.6789", without noughts at the end. */
static void append_time(char *text, size_t size, int64_t part, int64_t per_second)
{
    int64_t seconds = part / per_second;
    int64_t fraction = part % per_second;
    int length = snprintf(text, size, "%02lld:%02lld:%02lld", (long long)(seconds / 3600),
                          (long long)(seconds / 60 % 60), (long long)(seconds % 60));

    if (fraction == 0)
        return;
    text[length++] = '.';
    for (int64_t unit = per_second / 10; unit > 0 && fraction > 0; unit /= 10) {
        text[length++] = (char)('0' + fraction / unit);
        fraction %= unit;
    }
    text[length] = '\0';
}

static assay_status read_moment(const assay_adbc_column *column, int64_t value, assay_arena *arena,
                                assay_value *cell, assay_error *err)
{
    char text[80];
    int64_t per_day = 86400 * column->per_second;
    int64_t days = floor_divide(value, per_day);

    /* PostgreSQL's infinity. */
    if (value == INT64_MAX || value <= -INT64_MAX)
        return set_text(cell, value > 0 ? "infinity" : "-infinity", arena, err);
    int length = append_date(text, sizeof text, days);
    text[length++] = ' ';
    append_time(text + length, sizeof text - (size_t)length, value - days * per_day,
                column->per_second);
    if (column->with_zone)
        memcpy(text + strlen(text), "+00", sizeof "+00");
    return set_text(cell, text, arena, err);
}

static assay_status read_day(const assay_adbc_column *column, int64_t value, assay_arena *arena,
                             assay_value *cell, assay_error *err)
{
    char text[40];

    if (column->bytes == 4 && (value == INT32_MAX || value <= -INT32_MAX))
        return set_text(cell, value > 0 ? "infinity" : "-infinity", arena, err);
    (void)append_date(text, sizeof text,
                      column->bytes == 8 ? floor_divide(value, 86400000) : value);
    return set_text(cell, text, arena, err);
}

static assay_status read_present(const assay_adbc_column *column, const struct ArrowArray *array,
                                 int64_t index, assay_arena *arena, assay_value *cell,
                                 assay_error *err)
{
    const void *data = array->buffers[1];
    char text[40];

    switch (column->layout) {
    case ASSAY_ADBC_NULL:
        return ASSAY_OK;
    case ASSAY_ADBC_BOOL:
        cell->kind = ASSAY_VALUE_BOOL;
        cell->boolean = bit_at(data, index);
        return ASSAY_OK;
    case ASSAY_ADBC_INT:
        return read_integer(column, data, index, arena, cell, err);
    case ASSAY_ADBC_REAL:
        read_real(column, data, index, cell);
        return ASSAY_OK;
    case ASSAY_ADBC_TEXT:
        return read_text(column, array, index, arena, cell, err);
    case ASSAY_ADBC_DECIMAL:
        return read_decimal(column, data, index, arena, cell, err);
    case ASSAY_ADBC_DATE:
        return read_day(column, integer_at(column, data, index), arena, cell, err);
    case ASSAY_ADBC_TIME:
        append_time(text, sizeof text, integer_at(column, data, index), column->per_second);
        return set_text(cell, text, arena, err);
    case ASSAY_ADBC_TIMESTAMP:
        return read_moment(column, integer_at(column, data, index), arena, cell, err);
    }
    return ASSAY_OK;
}

assay_status assay_adbc_cell_read(const assay_adbc_column *column, const struct ArrowArray *array,
                                  int64_t row, assay_arena *arena, assay_value **ret_value,
                                  assay_error *err)
{
    assay_value *cell = assay_value_null(arena);
    int64_t index = row + array->offset;

    ASSAY_TRY(assay_arena_check(cell, err));
    if (!is_null(column, array, index))
        ASSAY_TRY(read_present(column, array, index, arena, cell, err));
    *ret_value = cell;
    return ASSAY_OK;
}
