#include "base/str.h"
#include "text/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Appends the JSON escape of one control character, quote or backslash. */
static void append_escape(assay_buf *buf, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(from, (char)c) : NULL;

    if (found != NULL) {
        char escape[2] = {'\\', to[found - from]};
        assay_buf_append(buf, escape, 2);
        return;
    }
    char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0x0FU]};
    assay_buf_append(buf, escape, 6);
}

void assay_json_write_text(assay_buf *buf, const char *text)
{
    if (text == NULL) {
        assay_buf_append_text(buf, "null");
        return;
    }
    size_t size = strlen(text);
    size_t begin = 0; /* what is not written yet */
    size_t at = 0;
    assay_buf_append_char(buf, '"');
    while (at < size) {
        unsigned char c = (unsigned char)text[at];
        size_t length = assay_str_sequence(text + at, size - at);
        if (length > 0 && c >= 0x20 && c != '"' && c != '\\') {
            at += length;
            continue;
        }
        assay_buf_append(buf, text + begin, at - begin);
        if (length == 0)
            assay_buf_append_text(buf, "\xEF\xBF\xBD");
        else
            append_escape(buf, c);
        at++;
        begin = at;
    }
    assay_buf_append(buf, text + begin, size - begin);
    assay_buf_append_char(buf, '"');
}

static void write_int(assay_buf *buf, int64_t value)
{
    assay_buf_append_format(buf, "%lld", (long long)value);
}

static void write_real(assay_buf *buf, double value)
{
    char text[ASSAY_DOUBLE_TEXT_SIZE];

    if (!isfinite(value)) {
        assay_buf_append_text(buf, "null");
        return;
    }
    assay_str_format_double(value, text);
    assay_buf_append_text(buf, text);
    if (strpbrk(text, ".e") == NULL)
        assay_buf_append_text(buf, ".0"); /* stays a real number when it is read again */
}

/* Is `text` a number as RFC 8259 writes it? YAML also knows 0x1F, +1 and .5. */
static bool is_json_number(const char *text)
{
    const char *at = text[0] == '-' ? text + 1 : text;
    size_t whole = strspn(at, "0123456789");

    if (whole == 0 || (at[0] == '0' && whole > 1))
        return false;
    at += whole;
    if (at[0] == '.') {
        size_t fraction = strspn(at + 1, "0123456789");
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    if (at[0] == 'e' || at[0] == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        size_t exponent = strspn(at, "0123456789");
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return at[0] == '\0';
}

static void new_line(assay_buf *buf, int indent, int depth)
{
    if (indent <= 0)
        return;
    assay_buf_append_char(buf, '\n');
    for (int i = 0; i < indent * depth; i++)
        assay_buf_append_char(buf, ' ');
}

static void write_value(assay_buf *buf, const assay_value *value, int indent, int depth);

static void write_items(assay_buf *buf, const assay_value *value, int indent, int depth)
{
    bool is_map = value->kind == ASSAY_VALUE_MAP;

    assay_buf_append_char(buf, is_map ? '{' : '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0)
            assay_buf_append_char(buf, ',');
        new_line(buf, indent, depth + 1);
        if (is_map) {
            assay_json_write_text(buf, value->keys[i]);
            assay_buf_append_text(buf, indent > 0 ? ": " : ":");
        }
        write_value(buf, value->items[i], indent, depth + 1);
    }
    if (value->count > 0)
        new_line(buf, indent, depth);
    assay_buf_append_char(buf, is_map ? '}' : ']');
}

static void write_value(assay_buf *buf, const assay_value *value, int indent, int depth)
{
    if (value == NULL) {
        assay_buf_append_text(buf, "null");
        return;
    }
    switch (value->kind) {
    case ASSAY_VALUE_NULL:
        assay_buf_append_text(buf, "null");
        break;
    case ASSAY_VALUE_BOOL:
        assay_buf_append_text(buf, value->boolean ? "true" : "false");
        break;
    case ASSAY_VALUE_INT:
        write_int(buf, value->integer);
        break;
    case ASSAY_VALUE_REAL:
        if (value->text != NULL && is_json_number(value->text))
            assay_buf_append_text(buf, value->text);
        else
            write_real(buf, value->real);
        break;
    case ASSAY_VALUE_TEXT:
        assay_json_write_text(buf, value->text);
        break;
    case ASSAY_VALUE_LIST:
    case ASSAY_VALUE_MAP:
        write_items(buf, value, indent, depth);
        break;
    }
}

void assay_json_write(assay_buf *buf, const assay_value *value, int indent)
{
    write_value(buf, value, indent, 0);
}

assay_json_writer assay_json_writer_init(assay_buf *buf)
{
    return (assay_json_writer){buf, false};
}

static void separate(assay_json_writer *writer)
{
    if (writer->need_comma)
        assay_buf_append_char(writer->buf, ',');
    writer->need_comma = true;
}

static void begin(assay_json_writer *writer, char open)
{
    separate(writer);
    assay_buf_append_char(writer->buf, open);
    writer->need_comma = false;
}

static void end(assay_json_writer *writer, char close)
{
    assay_buf_append_char(writer->buf, close);
    writer->need_comma = true;
}

void assay_json_begin_map(assay_json_writer *writer)
{
    begin(writer, '{');
}

void assay_json_end_map(assay_json_writer *writer)
{
    end(writer, '}');
}

void assay_json_begin_list(assay_json_writer *writer)
{
    begin(writer, '[');
}

void assay_json_end_list(assay_json_writer *writer)
{
    end(writer, ']');
}

void assay_json_key(assay_json_writer *writer, const char *key)
{
    separate(writer);
    assay_json_write_text(writer->buf, key);
    assay_buf_append_char(writer->buf, ':');
    writer->need_comma = false;
}

void assay_json_text(assay_json_writer *writer, const char *text)
{
    separate(writer);
    assay_json_write_text(writer->buf, text);
}

void assay_json_int(assay_json_writer *writer, int64_t value)
{
    separate(writer);
    write_int(writer->buf, value);
}

void assay_json_real(assay_json_writer *writer, double value)
{
    separate(writer);
    write_real(writer->buf, value);
}

void assay_json_bool(assay_json_writer *writer, bool value)
{
    separate(writer);
    assay_buf_append_text(writer->buf, value ? "true" : "false");
}

void assay_json_null(assay_json_writer *writer)
{
    separate(writer);
    assay_buf_append_text(writer->buf, "null");
}

void assay_json_value(assay_json_writer *writer, const assay_value *value)
{
    separate(writer);
    assay_json_write(writer->buf, value, 0);
}
