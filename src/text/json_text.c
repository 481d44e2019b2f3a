#include "text/json_text.h"

#include "base/str.h"

#include <string.h>

/* Reads the four digits of \uXXXX; false where they are none. */
static bool read_hex4(const char **at, const char *end, unsigned *ret_unit)
{
    unsigned unit = 0;

    if (end - *at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = assay_str_hex_digit((*at)[i]);
        if (digit < 0)
            return false;
        unit = unit << 4 | (unsigned)digit;
    }
    *at += 4;
    *ret_unit = unit;
    return true;
}

static void append_code_point(assay_buf *buf, unsigned c)
{
    if (c < 0x80) {
        assay_buf_append_char(buf, (char)c);
    } else if (c < 0x800) {
        assay_buf_append_char(buf, (char)(0xC0U | c >> 6));
        assay_buf_append_char(buf, (char)(0x80U | (c & 0x3FU)));
    } else if (c < 0x10000) {
        assay_buf_append_char(buf, (char)(0xE0U | c >> 12));
        assay_buf_append_char(buf, (char)(0x80U | (c >> 6 & 0x3FU)));
        assay_buf_append_char(buf, (char)(0x80U | (c & 0x3FU)));
    } else {
        assay_buf_append_char(buf, (char)(0xF0U | c >> 18));
        assay_buf_append_char(buf, (char)(0x80U | (c >> 12 & 0x3FU)));
        assay_buf_append_char(buf, (char)(0x80U | (c >> 6 & 0x3FU)));
        assay_buf_append_char(buf, (char)(0x80U | (c & 0x3FU)));
    }
}

/* XXXX, and the second half of a surrogate pair. */
static const char *read_unicode(const char **at, const char *end, assay_buf *out)
{
    unsigned high = 0;
    unsigned low = 0;

    if (!read_hex4(at, end, &high))
        return "\\u needs four hexadecimal digits";
    if (high == 0)
        return "\\u0000 in a text is not supported";
    if (high < 0xD800 || high > 0xDFFF) {
        append_code_point(out, high);
        return NULL;
    }
    if (high <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        *at += 2;
        if (read_hex4(at, end, &low) && low >= 0xDC00 && low <= 0xDFFF) {
            append_code_point(out, 0x10000U + ((high - 0xD800U) << 10) + (low - 0xDC00U));
            return NULL;
        }
    }
    return "half of a surrogate pair";
}

const char *assay_json_unescape(const char **at, const char *end, assay_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    if (*at >= end)
        return "text is not closed";
    char c = *(*at)++;
    if (c == 'u')
        return read_unicode(at, end, out);
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL)
        return "unknown escape";
    assay_buf_append_char(out, to[found - from]);
    return NULL;
}
