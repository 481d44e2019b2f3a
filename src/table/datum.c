#include "table/datum.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/uuid.h"
#include "engine/engine.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

enum { DATE_TEXT_LENGTH = 10, DECIMAL_DIGITS_MAX = 38 };

/* ---- text to value ---- */

static bool parse_boolean(const char *text, assay_datum *datum)
{
    datum->integer = assay_str_equal(text, "1") || assay_str_equal_ci(text, "true") ? 1 : 0;
    return datum->integer == 1 || assay_str_equal(text, "0") || assay_str_equal_ci(text, "false");
}

static bool parse_integer(const char *text, int64_t low, int64_t high, assay_datum *datum)
{
    return assay_str_to_int64(text, &datum->integer) && datum->integer >= low &&
           datum->integer <= high;
}

static bool parse_real(const char *text, assay_type_kind kind, assay_datum *datum)
{
    char *end = NULL;
    double value = kind == ASSAY_TYPE_FLOAT ? (double)strtof(text, &end) : strtod(text, &end);

    datum->real = value;
    return end != text && *end == '\0' && !isnan(value);
}

/* Digits with at most `scale` of them behind the point; they are filled up with zeros. */
static bool parse_decimal(const char *text, int scale, assay_datum *datum)
{
    bool negative = *text == '-';
    int digits = 0;
    int behind = -1;
    assay_int128 value = 0;

    for (text += negative || *text == '+' ? 1 : 0; *text != '\0'; text++) {
        if (*text == '.' && behind < 0) {
            behind = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || digits == DECIMAL_DIGITS_MAX || behind == scale)
            return false;
        value = value * 10 + (*text - '0');
        digits += value != 0 ? 1 : 0;
        behind += behind >= 0 ? 1 : 0;
    }
    for (int i = behind < 0 ? 0 : behind; i < scale; i++) {
        if (digits == DECIMAL_DIGITS_MAX)
            return false;
        value *= 10;
        digits += value != 0 ? 1 : 0;
    }
    datum->unscaled = negative ? -value : value;
    return true;
}

static bool parse_date(const char *text, assay_datum *datum)
{
    int64_t us = 0;

    if (strlen(text) != DATE_TEXT_LENGTH || !assay_time_parse(text, &us))
        return false;
    datum->integer = us / day_us - (us % day_us < 0 ? 1 : 0);
    return true;
}

static bool take_digits(const char **at, int count, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool parse_time(const char *text, assay_datum *datum)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t fraction = 0;
    const char *at = text;

    if (!take_digits(&at, 2, &hours) || *at++ != ':' || !take_digits(&at, 2, &minutes) ||
        *at++ != ':' || !take_digits(&at, 2, &seconds))
        return false;
    if (*at == '.') {
        at++;
        int count = (int)strspn(at, "0123456789");
        if (count < 1 || count > 6 || !take_digits(&at, count, &fraction))
            return false;
        for (; count < 6; count++)
            fraction *= 10;
    }
    datum->integer = ((hours * 60 + minutes) * 60 + seconds) * 1000000 + fraction;
    return *at == '\0' && hours <= 24 && minutes < 60 && seconds < 60;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_binary(const char *text, assay_arena *arena, assay_datum *datum)
{
    size_t length = strlen(text);
    unsigned char *bytes = assay_arena_take(arena, length / 2 + 1, 1);

    if (bytes == NULL || length % 2 != 0)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (unsigned char)(high * 16 + low);
    }
    datum->bytes = (const char *)bytes;
    datum->size = length / 2;
    return true;
}

static bool parse_string(const char *text, assay_arena *arena, assay_datum *datum)
{
    datum->bytes = assay_arena_text(arena, text);
    datum->size = strlen(text);
    return datum->bytes != NULL && assay_str_is_utf8(text, datum->size);
}

static bool parse_uuid(const char *text, assay_arena *arena, assay_datum *datum)
{
    assay_uuid uuid;

    if (!assay_uuid_parse(text, &uuid))
        return false;
    datum->bytes = assay_arena_bytes(arena, uuid.bytes, sizeof uuid.bytes);
    datum->size = sizeof uuid.bytes;
    return datum->bytes != NULL;
}

static bool parse_value(const char *text, const assay_type *type, assay_arena *arena,
                        assay_datum *datum)
{
    switch (type->kind) {
    case ASSAY_TYPE_BOOLEAN:
        return parse_boolean(text, datum);
    case ASSAY_TYPE_INT8:
        return parse_integer(text, INT8_MIN, INT8_MAX, datum);
    case ASSAY_TYPE_INT16:
        return parse_integer(text, INT16_MIN, INT16_MAX, datum);
    case ASSAY_TYPE_INT32:
        return parse_integer(text, INT32_MIN, INT32_MAX, datum);
    case ASSAY_TYPE_INT64:
        return parse_integer(text, INT64_MIN, INT64_MAX, datum);
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        return parse_real(text, type->kind, datum);
    case ASSAY_TYPE_DECIMAL:
        return parse_decimal(text, type->scale, datum);
    case ASSAY_TYPE_DATE:
        return parse_date(text, datum);
    case ASSAY_TYPE_TIME:
        return parse_time(text, datum);
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        return assay_time_parse(text, &datum->integer);
    case ASSAY_TYPE_STRING:
        return parse_string(text, arena, datum);
    case ASSAY_TYPE_BINARY:
        return parse_binary(text, arena, datum);
    case ASSAY_TYPE_UUID:
        return parse_uuid(text, arena, datum);
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        return false;
    }
    return false;
}

assay_datum assay_datum_parse(const char *text, const assay_type *type, assay_arena *arena)
{
    assay_datum datum = {.known = true, .kind = type->kind};

    if (text == NULL) {
        datum.null = true;
        return datum;
    }
    if (!parse_value(text, type, arena, &datum))
        return (assay_datum){.known = false};
    return datum;
}

/* ---- value to text ---- */

static void format_real(assay_buf *buf, double value, bool single)
{
    char text[64];

    if (isinf(value) || isnan(value)) {
        assay_buf_append_text(buf, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        bool same = single ? (double)strtof(text, NULL) == value : strtod(text, NULL) == value;
        if (same)
            break;
    }
    assay_buf_append_text(buf, text);
    if (strcspn(text, ".e") == strlen(text))
        assay_buf_append_text(buf, ".0");
}

static void format_decimal(assay_buf *buf, assay_int128 value, int scale)
{
    char digits[48];
    size_t at = sizeof digits;
    bool negative = value < 0;
    int count = 0;

    digits[--at] = '\0';
    do {
        int digit = (int)(value % 10);
        digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
        count++;
        if (count == scale)
            digits[--at] = '.';
    } while (value != 0 || count <= scale);
    if (negative)
        digits[--at] = '-';
    assay_buf_append_text(buf, digits + at);
}

/* Without the zeros that end a fraction, as the engine prints it. */
static void append_trimmed(assay_buf *buf, char *text)
{
    char *point = strchr(text, '.');
    size_t length = strlen(text);

    while (point != NULL && length > 0 && text[length - 1] == '0')
        text[--length] = '\0';
    if (point != NULL && text[length - 1] == '.')
        text[length - 1] = '\0';
    assay_buf_append_text(buf, text);
}

static void format_time(assay_buf *buf, int64_t us)
{
    char text[48];
    int64_t seconds = us / 1000000;

    (void)snprintf(text, sizeof text, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64,
                   seconds / 3600, seconds / 60 % 60, seconds % 60, us % 1000000);
    append_trimmed(buf, text);
}

static void format_moment(assay_buf *buf, int64_t us, assay_type_kind kind)
{
    char text[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(us, text);
    if (kind == ASSAY_TYPE_DATE)
        text[strcspn(text, " ")] = '\0';
    append_trimmed(buf, text);
    if (kind == ASSAY_TYPE_TIMESTAMPTZ)
        assay_buf_append_text(buf, "+00");
}

static void format_hex(assay_buf *buf, const assay_datum *datum)
{
    for (size_t i = 0; i < datum->size; i++)
        assay_buf_append_format(buf, "%02X", (unsigned int)(unsigned char)datum->bytes[i]);
}

static void format_uuid(assay_buf *buf, const assay_datum *datum)
{
    char text[ASSAY_UUID_TEXT_SIZE];
    assay_uuid uuid;

    memcpy(uuid.bytes, datum->bytes, sizeof uuid.bytes);
    assay_uuid_format(uuid, text);
    assay_buf_append_text(buf, text);
}

void assay_datum_format(assay_buf *buf, const assay_datum *datum, const assay_type *type)
{
    if (!datum->known || datum->null) {
        assay_buf_append_text(buf, "NULL");
        return;
    }
    switch (datum->kind) {
    case ASSAY_TYPE_BOOLEAN:
        assay_buf_append_text(buf, datum->integer != 0 ? "true" : "false");
        break;
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_INT64:
        assay_buf_append_format(buf, "%" PRId64, datum->integer);
        break;
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
        format_real(buf, datum->real, datum->kind == ASSAY_TYPE_FLOAT);
        break;
    case ASSAY_TYPE_DECIMAL:
        format_decimal(buf, datum->unscaled, type->scale);
        break;
    case ASSAY_TYPE_DATE:
        format_moment(buf, datum->integer * day_us, datum->kind);
        break;
    case ASSAY_TYPE_TIME:
        format_time(buf, datum->integer);
        break;
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
        format_moment(buf, datum->integer, datum->kind);
        break;
    case ASSAY_TYPE_STRING:
        assay_buf_append(buf, datum->bytes, datum->size);
        break;
    case ASSAY_TYPE_BINARY:
        format_hex(buf, datum);
        break;
    case ASSAY_TYPE_UUID:
        format_uuid(buf, datum);
        break;
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
}

void assay_datum_append_sql(assay_buf *buf, const assay_datum *datum, const assay_type *type)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    bool null = !datum->known || datum->null;
    bool binary = !null && datum->kind == ASSAY_TYPE_BINARY;

    assay_datum_format(&text, datum, type);
    buf->failed = buf->failed || text.failed;
    assay_buf_append_text(buf, binary ? "unhex(" : "CAST(");
    assay_sql_append_text(buf, null ? NULL : assay_buf_text(&text));
    if (!binary) {
        assay_buf_append_text(buf, " AS ");
        assay_type_format(buf, type);
    }
    assay_buf_append_char(buf, ')');
}

/* ---- order and bounds ---- */

static int compare_bytes(const assay_datum *a, const assay_datum *b)
{
    size_t common = a->size < b->size ? a->size : b->size;
    int order = common > 0 ? memcmp(a->bytes, b->bytes, common) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a->size > b->size) - (a->size < b->size);
}

int assay_datum_compare(const assay_datum *a, const assay_datum *b)
{
    if (a->kind == ASSAY_TYPE_FLOAT || a->kind == ASSAY_TYPE_DOUBLE)
        return (a->real > b->real) - (a->real < b->real);
    if (a->kind == ASSAY_TYPE_DECIMAL)
        return (a->unscaled > b->unscaled) - (a->unscaled < b->unscaled);
    if (a->kind == ASSAY_TYPE_STRING || a->kind == ASSAY_TYPE_BINARY || a->kind == ASSAY_TYPE_UUID)
        return compare_bytes(a, b);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static bool starts_code_point(char byte)
{
    return ((unsigned char)byte & 0xC0U) != 0x80U;
}

/* Bytes of the first `code_points` of a text. */
static size_t prefix_size(const assay_datum *datum, size_t code_points)
{
    size_t seen = 0;

    for (size_t i = 0; i < datum->size; i++) {
        if (!starts_code_point(datum->bytes[i]))
            continue;
        if (seen == code_points)
            return i;
        seen++;
    }
    return datum->size;
}

static uint32_t decode(const char *bytes, size_t size)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = (unsigned char)bytes[0] & masks[size];

    for (size_t i = 1; i < size; i++)
        value = value << 6 | ((unsigned char)bytes[i] & 0x3FU);
    return value;
}

static size_t encode(uint32_t value, char *bytes)
{
    if (value < 0x80) {
        bytes[0] = (char)value;
        return 1;
    }
    size_t size = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    uint32_t lead = size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0;
    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (char)(0x80U | (value & 0x3FU));
        value >>= 6;
    }
    bytes[0] = (char)(lead | value);
    return size;
}

/* The smallest text that is above every text with the prefix `bytes`; false where there is none. */
static bool increment(char *bytes, size_t *size)
{
    while (*size > 0) {
        size_t start = *size - 1;
        while (start > 0 && !starts_code_point(bytes[start]))
            start--;
        size_t width = *size - start;
        uint32_t value = width <= 4 ? decode(bytes + start, width) : 0x10FFFF;
        *size = start;
        if (value >= 0x10FFFF)
            continue;
        value = value == 0xD7FF ? 0xE000 : value + 1;
        *size = start + encode(value, bytes + start);
        return true;
    }
    return false;
}

assay_datum assay_datum_truncate(const assay_datum *datum, size_t code_points, bool upper,
                                 assay_arena *arena, bool *ret_exact)
{
    static const assay_datum unknown = {.known = false};
    assay_datum result = *datum;

    *ret_exact = true;
    if (!datum->known || datum->null || datum->kind != ASSAY_TYPE_STRING)
        return result;
    size_t size = prefix_size(datum, code_points);
    if (size == datum->size)
        return result;
    *ret_exact = false;
    /* An incremented code point may be one byte longer. */
    char *bytes = assay_arena_take(arena, size + 5, 1);
    if (bytes == NULL)
        return unknown;
    memcpy(bytes, datum->bytes, size);
    if (upper && !increment(bytes, &size))
        return unknown;
    bytes[size] = '\0';
    result.bytes = bytes;
    result.size = size;
    return result;
}
