#include "warehouse/jsonb.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "text/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 200, EXPONENT_MAX = 10000 };

struct scan {
    const char *at, *end;
    int depth;
};

static bool write_value(struct scan *scan, assay_buf *out);

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL && *scan->at != '\0')
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* ---- texts ---- */

/* The text behind a quote, without its escapes. */
static bool read_text(struct scan *scan, assay_buf *out)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"')
            return true;
        if (c != '\\')
            assay_buf_append_char(out, c);
        else if (assay_json_unescape(&scan->at, scan->end, out) != NULL)
            return false;
    }
    return false;
}

/* escape_json of PostgreSQL. */
static void append_quoted(assay_buf *out, const char *text, size_t size)
{
    static const char escaped[] = "\b\f\n\r\t\"\\";
    static const char names[] = "bfnrt\"\\";

    assay_buf_append_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        const char *found = c != '\0' ? strchr(escaped, c) : NULL;
        if (found != NULL)
            assay_buf_append_format(out, "\\%c", names[found - escaped]);
        else if ((unsigned char)c < ' ')
            assay_buf_append_format(out, "\\u%04x", (unsigned)c);
        else
            assay_buf_append_char(out, c);
    }
    assay_buf_append_char(out, '"');
}

static bool write_text(struct scan *scan, assay_buf *out)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    if (!read_text(scan, &text) || text.failed)
        return false;
    append_quoted(out, text.data, text.size);
    return true;
}

/* ---- numbers ---- */

static size_t read_digits(struct scan *scan, assay_buf *digits)
{
    size_t count = 0;

    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++, count++)
        assay_buf_append_char(digits, *scan->at);
    return count;
}

static bool read_exponent(struct scan *scan, int *ret_exponent)
{
    int exponent = 0;

    *ret_exponent = 0;
    if (scan->at == scan->end || (*scan->at != 'e' && *scan->at != 'E'))
        return true;
    scan->at++;
    bool negative = scan->at < scan->end && *scan->at == '-';
    if (scan->at < scan->end && (*scan->at == '-' || *scan->at == '+'))
        scan->at++;
    const char *first = scan->at;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++)
        if (exponent <= EXPONENT_MAX)
            exponent = exponent * 10 + (*scan->at - '0');
    *ret_exponent = negative ? -exponent : exponent;
    return scan->at != first && exponent <= EXPONENT_MAX;
}

/* The digits with a point before the last `scale` of them, and a digit before that. */
static void append_decimal(assay_buf *out, bool negative, const assay_buf *digits, size_t scale)
{
    const char *first = digits->data;
    size_t count = digits->size;

    for (; count > scale + 1 && *first == '0'; first++)
        count--;
    size_t missing = count <= scale ? scale + 1 - count : 0;
    size_t length = missing + count;
    assay_buf_append_text(out, negative ? "-" : "");
    for (size_t i = 0; i < length; i++) {
        if (scale > 0 && i == length - scale)
            assay_buf_append_char(out, '.');
        assay_buf_append_char(out, i < missing ? '0' : first[i - missing]);
    }
}

/* As numeric prints what it read: the point moved by the exponent, no digit dropped, no -0. */
static bool write_number(struct scan *scan, assay_buf *out)
{
    ASSAY_AUTO(assay_buf_done) assay_buf digits = ASSAY_BUF_EMPTY;
    int exponent = 0;
    bool negative = *scan->at == '-';
    size_t fraction = 0;

    scan->at += negative ? 1 : 0;
    size_t whole = read_digits(scan, &digits);
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        fraction = read_digits(scan, &digits);
    }
    if (whole == 0 || !read_exponent(scan, &exponent))
        return false;
    int64_t scale = (int64_t)fraction - exponent;
    for (; scale < 0; scale++)
        assay_buf_append_char(&digits, '0');
    if (digits.failed)
        return false;
    negative = negative && strspn(assay_buf_text(&digits), "0") < digits.size;
    append_decimal(out, negative, &digits, (size_t)scale);
    return true;
}

/* ---- lists and maps ---- */

struct member {
    assay_buf key, value;
    size_t index;
};

static bool write_list(struct scan *scan, assay_buf *out)
{
    assay_buf_append_char(out, '[');
    if (!take(scan, ']')) {
        do {
            if (!write_value(scan, out))
                return false;
            skip_blanks(scan);
            if (scan->at < scan->end && *scan->at == ',')
                assay_buf_append_text(out, ", ");
        } while (take(scan, ','));
        if (!take(scan, ']'))
            return false;
    }
    assay_buf_append_char(out, ']');
    return true;
}

static int compare_keys(const struct member *a, const struct member *b)
{
    if (a->key.size != b->key.size)
        return a->key.size < b->key.size ? -1 : 1;
    return a->key.size > 0 ? memcmp(a->key.data, b->key.data, a->key.size) : 0;
}

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = compare_keys(a, b);

    if (order != 0)
        return order;
    return a->index < b->index ? -1 : 1;
}

static bool read_member(struct scan *scan, size_t index, struct member *member)
{
    member->index = index;
    return take(scan, '"') && read_text(scan, &member->key) && take(scan, ':') &&
           write_value(scan, &member->value) && !member->key.failed && !member->value.failed;
}

static bool read_members(struct scan *scan, assay_vec *members)
{
    if (take(scan, '}'))
        return true;
    do {
        struct member member = {.key = ASSAY_BUF_EMPTY, .value = ASSAY_BUF_EMPTY};
        bool read = read_member(scan, members->count, &member) &&
                    assay_vec_push(members, &member, NULL) == ASSAY_OK;
        if (!read) {
            assay_buf_done(&member.key);
            assay_buf_done(&member.value);
            return false;
        }
    } while (take(scan, ','));
    return take(scan, '}');
}

static void write_members(const assay_vec *members, assay_buf *out)
{
    struct member *items = members->items;
    const char *between = "";

    if (members->count > 1)
        qsort(items, members->count, sizeof *items, compare_members);
    assay_buf_append_char(out, '{');
    for (size_t i = 0; i < members->count; i++) {
        if (i + 1 < members->count && compare_keys(&items[i], &items[i + 1]) == 0)
            continue;
        assay_buf_append_text(out, between);
        append_quoted(out, items[i].key.data, items[i].key.size);
        assay_buf_append_text(out, ": ");
        assay_buf_append(out, items[i].value.data, items[i].value.size);
        between = ", ";
    }
    assay_buf_append_char(out, '}');
}

static bool write_map(struct scan *scan, assay_buf *out)
{
    ASSAY_AUTO(assay_vec_done) assay_vec members = ASSAY_VEC_OF(struct member);
    bool read = read_members(scan, &members);
    struct member *items = members.items;

    if (read)
        write_members(&members, out);
    for (size_t i = 0; i < members.count; i++) {
        assay_buf_done(&items[i].key);
        assay_buf_done(&items[i].value);
    }
    return read;
}

/* ---- values ---- */

static bool write_word(struct scan *scan, assay_buf *out)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, words[i], size) != 0)
            continue;
        assay_buf_append_text(out, words[i]);
        scan->at += size;
        return true;
    }
    return false;
}

static bool write_nested(struct scan *scan, assay_buf *out)
{
    if (scan->depth == DEPTH_MAX)
        return false;
    scan->depth++;
    bool written = *scan->at++ == '{' ? write_map(scan, out) : write_list(scan, out);
    scan->depth--;
    return written;
}

static bool write_value(struct scan *scan, assay_buf *out)
{
    skip_blanks(scan);
    if (scan->at == scan->end)
        return false;
    if (*scan->at == '{' || *scan->at == '[')
        return write_nested(scan, out);
    if (*scan->at == '"') {
        scan->at++;
        return write_text(scan, out);
    }
    if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'))
        return write_number(scan, out);
    return write_word(scan, out);
}

bool assay_jsonb_text(const char *text, size_t size, assay_buf *result)
{
    struct scan scan = {.at = text, .end = text + size};

    if (!write_value(&scan, result))
        return false;
    skip_blanks(&scan);
    return scan.at == scan.end && !result->failed;
}
