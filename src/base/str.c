#include "base/str.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool assay_str_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool assay_str_equal_ci(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    size_t i = 0;
    while (a[i] != '\0' && lower(a[i]) == lower(b[i]))
        i++;
    return lower(a[i]) == lower(b[i]);
}

bool assay_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool assay_str_ends(const char *text, const char *suffix)
{
    size_t size = strlen(text);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

bool assay_str_contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

bool assay_str_contains_ci(const char *text, const char *part)
{
    size_t size = strlen(text);
    size_t part_size = strlen(part);

    for (size_t at = 0; at + part_size <= size; at++) {
        size_t i = 0;
        while (i < part_size && lower(text[at + i]) == lower(part[i]))
            i++;
        if (i == part_size)
            return true;
    }
    return false;
}

bool assay_str_is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n\f\v")] == '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool assay_str_to_int64(const char *text, int64_t *ret_value)
{
    if (text == NULL)
        return false;
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (!is_digit(digits[0]) || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *ret_value = (int64_t)value;
    return true;
}

/* Length of the decimal number at the start of `text`, 0 where there is none. */
static size_t number_length(const char *text)
{
    size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
    size_t whole = strspn(text + at, "0123456789");
    size_t fraction = 0;

    at += whole;
    if (text[at] == '.') {
        fraction = strspn(text + at + 1, "0123456789");
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (text[at] == 'e' || text[at] == 'E') {
        size_t sign = text[at + 1] == '-' || text[at + 1] == '+' ? 1 : 0;
        size_t exponent = strspn(text + at + 1 + sign, "0123456789");
        if (exponent > 0)
            at += 1 + sign + exponent;
    }
    return at;
}

/* strtod wants the decimal point of the program's locale, which is not ours to choose. */
static bool parse_double(const char *text, size_t length, double *ret_value)
{
    char copy[512];
    const char *point = localeconv()->decimal_point;
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        const char *piece = text[i] == '.' ? point : &text[i];
        size_t size = text[i] == '.' ? strlen(point) : 1;
        if (at + size >= sizeof copy)
            return false;
        memcpy(copy + at, piece, size);
        at += size;
    }
    copy[at] = '\0';
    char *end = NULL;
    double value = strtod(copy, &end);
    if (*end != '\0' || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool assay_str_to_double(const char *text, double *ret_value)
{
    if (text == NULL)
        return false;
    size_t length = number_length(text);
    return length > 0 && text[length] == '\0' && parse_double(text, length, ret_value);
}

void assay_str_format_double(double value, char text[ASSAY_DOUBLE_TEXT_SIZE])
{
    /* The shortest of 15 to 17 digits that reads back as the same number. */
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, ASSAY_DOUBLE_TEXT_SIZE, "%.*g", precision, value);
        double back = strtod(text, NULL);
        if (back >= value && back <= value)
            break;
    }
    const char *point = localeconv()->decimal_point;
    char *found = strstr(text, point);
    if (found != NULL && strcmp(point, ".") != 0) {
        size_t size = strlen(point);
        found[0] = '.';
        memmove(found + 1, found + size, strlen(found + size) + 1);
    }
}

struct unit {
    const char *name;
    double factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"b", 1},
    {"byte", 1},
    {"bytes", 1},
    {"k", 1e3},
    {"kb", 1e3},
    {"m", 1e6},
    {"mb", 1e6},
    {"g", 1e9},
    {"gb", 1e9},
    {"t", 1e12},
    {"tb", 1e12},
    {"kib", 1024},
    {"mib", 1048576},
    {"gib", 1073741824.0},
    {"tib", 1099511627776.0},
};

static const struct unit duration_units[] = {
    {"ms", 1},         {"millisecond", 1}, {"milliseconds", 1}, {"s", 1e3},
    {"sec", 1e3},      {"secs", 1e3},      {"second", 1e3},     {"seconds", 1e3},
    {"m", 60e3},       {"min", 60e3},      {"mins", 60e3},      {"minute", 60e3},
    {"minutes", 60e3}, {"h", 3600e3},      {"hr", 3600e3},      {"hrs", 3600e3},
    {"hour", 3600e3},  {"hours", 3600e3},  {"d", 86400e3},      {"day", 86400e3},
    {"days", 86400e3}, {"w", 604800e3},    {"week", 604800e3},  {"weeks", 604800e3},
};

/* Reads "<number> <unit>" at *at, blanks around both, and moves *at behind it. */
static bool read_quantity(const char **at, const struct unit *units, size_t count,
                          double *ret_value)
{
    const char *text = *at + strspn(*at, " \t");
    size_t length = number_length(text);
    double number = 0;
    char name[16];

    if (length == 0 || !is_digit(text[0]) || !parse_double(text, length, &number))
        return false;
    text += length;
    text += strspn(text, " \t");
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (size >= sizeof name)
        return false;
    memcpy(name, text, size);
    name[size] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (assay_str_equal_ci(name, units[i].name)) {
            *ret_value = number * units[i].factor;
            *at = text + size + strspn(text + size, " \t");
            return true;
        }
    }
    return false;
}

bool assay_str_to_size(const char *text, uint64_t *ret_bytes)
{
    double bytes = 0;
    const char *at = text;

    if (text == NULL ||
        !read_quantity(&at, size_units, sizeof size_units / sizeof size_units[0], &bytes) ||
        *at != '\0' || bytes >= 9.2e18)
        return false;
    *ret_bytes = (uint64_t)bytes;
    return true;
}

bool assay_str_to_duration_ms(const char *text, int64_t *ret_ms)
{
    double total = 0;
    const char *at = text;

    if (text == NULL)
        return false;
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    do { /* "1h 30m" */
        double part = 0;
        if (!read_quantity(&at, duration_units, sizeof duration_units / sizeof duration_units[0],
                           &part))
            return false;
        total += part;
    } while (*at != '\0');
    if (total >= 9.2e18)
        return false;
    *ret_ms = (int64_t)total;
    return true;
}

enum { DISTANCE_LENGTH_MAX = 128 };

size_t assay_str_distance(const char *a, const char *b, size_t limit)
{
    size_t rows[2][DISTANCE_LENGTH_MAX + 1];
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    size_t difference = a_size > b_size ? a_size - b_size : b_size - a_size;

    if (difference > limit || a_size > DISTANCE_LENGTH_MAX || b_size > DISTANCE_LENGTH_MAX)
        return limit + 1;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        const size_t *above = rows[(i - 1) % 2];
        size_t *row = rows[i % 2];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    size_t distance = rows[a_size % 2][b_size];
    return distance > limit ? limit + 1 : distance;
}

const char *assay_str_nearest(const char *name, const char *const *names, size_t count)
{
    size_t length = strlen(name);
    size_t limit = length / 3 < 2 ? 2 : length / 3;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        if (assay_str_equal_ci(name, names[i]))
            return names[i];
        size_t distance = assay_str_distance(name, names[i], limit);
        /* A word that shares nothing but its length is no suggestion. */
        if (distance <= limit && distance < length) {
            nearest = names[i];
            if (distance == 0)
                break;
            limit = distance - 1;
        }
    }
    return nearest;
}

/* Length of the UTF-8 sequence at bytes[0], 0 where it is invalid (RFC 3629 section 4). */
static size_t sequence_length(const unsigned char *bytes, size_t size)
{
    unsigned char lead = bytes[0];
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t length = 0;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        length = 2;
    else if (lead >= 0xE0 && lead <= 0xEF)
        length = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        length = 4;
    else
        return 0;
    if (lead == 0xE0)
        low = 0xA0; /* overlong */
    if (lead == 0xED)
        high = 0x9F; /* surrogates */
    if (lead == 0xF0)
        low = 0x90; /* overlong */
    if (lead == 0xF4)
        high = 0x8F; /* above U+10FFFF */
    if (size < length || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (bytes[i] < 0x80 || bytes[i] > 0xBF)
            return 0;
    }
    return length;
}

size_t assay_str_sequence(const char *bytes, size_t size)
{
    return size == 0 ? 0 : sequence_length((const unsigned char *)bytes, size);
}

bool assay_str_is_utf8(const char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t length = assay_str_sequence(bytes + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t assay_str_code_points(const char *text)
{
    size_t count = 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        if (((unsigned char)text[i] & 0xC0U) != 0x80U)
            count++;
    }
    return count;
}

int assay_str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}
