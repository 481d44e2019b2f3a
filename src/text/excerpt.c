#include "text/excerpt.h"

#include "base/str.h"

#include <string.h>

/* A line wider than the window is shown around the column. */
enum { WIDTH_MAX = 160, BEFORE_MAX = 80 };

static const char *const ellipsis = "\xE2\x80\xA6";

static bool is_identifier(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80U) != 0;
}

/* First byte of line `line`, or NULL where there is none. */
static const char *find_line(const char *source, int line)
{
    for (int i = 1; i < line; i++) {
        source = strchr(source, '\n');
        if (source == NULL)
            return NULL;
        source++;
    }
    return source;
}

/* Moves `count` code points on, at most to `end`. */
static const char *skip_points(const char *at, const char *end, int count)
{
    while (count > 0 && at < end) {
        at++;
        while (at < end && ((unsigned char)*at & 0xC0U) == 0x80U)
            at++;
        count--;
    }
    return at;
}

/* Appends source text for a terminal: controls and broken bytes must not reach it. */
static void append_visible(assay_buf *buf, const char *at, const char *end)
{
    while (at < end) {
        size_t length = assay_str_sequence(at, (size_t)(end - at));
        unsigned char c = (unsigned char)*at;
        /* U+0080 to U+009F are controls too. */
        bool c1 = length == 2 && c == 0xC2 && (unsigned char)at[1] < 0xA0;
        if (length == 0 || c1 || (c < 0x20 && c != '\t') || c == 0x7F)
            assay_buf_append_char(buf, '?');
        else
            assay_buf_append(buf, at, length);
        at += length == 0 ? 1 : length;
    }
}

static void append_carets(assay_buf *buf, const char *begin, const char *mark, const char *end,
                          bool cut)
{
    assay_buf_append_text(buf, "      | ");
    if (cut)
        assay_buf_append_char(buf, ' ');
    /* Tabs stay tabs, so that the caret stands below its character. */
    for (const char *at = begin; at < mark; at = skip_points(at, mark, 1))
        assay_buf_append_char(buf, *at == '\t' ? '\t' : ' ');
    const char *at = mark;
    do {
        assay_buf_append_char(buf, '^');
        at = skip_points(at, end, 1);
    } while (at < end && is_identifier(*mark) && is_identifier(*at));
    assay_buf_append_char(buf, '\n');
}

void assay_excerpt_append(assay_buf *buf, const char *source, int line, int column)
{
    const char *begin = source != NULL && line > 0 ? find_line(source, line) : NULL;

    if (begin == NULL)
        return;
    const char *end = begin + strcspn(begin, "\n");
    if (*end == '\0' && end == begin && line > 1)
        return; /* behind the last line */
    if (end > begin && end[-1] == '\r')
        end--;
    const char *mark = skip_points(begin, end, column > 0 ? column - 1 : 0);
    bool cut_front = column > BEFORE_MAX && skip_points(begin, end, WIDTH_MAX) < end;
    if (cut_front)
        begin = skip_points(begin, end, column - 1 - BEFORE_MAX / 2);
    const char *stop = skip_points(begin, end, WIDTH_MAX);
    if (mark < begin || mark > stop)
        mark = stop;
    assay_buf_append_format(buf, "%5d | %s", line, cut_front ? ellipsis : "");
    append_visible(buf, begin, stop);
    assay_buf_append_text(buf, stop < end ? ellipsis : "");
    assay_buf_append_char(buf, '\n');
    if (column > 0)
        append_carets(buf, begin, mark, stop, cut_front);
}

void assay_excerpt_position(const char *source, size_t offset, int *ret_line, int *ret_column)
{
    int line = 1;
    int column = 1;

    for (size_t i = 0; i < offset && source[i] != '\0'; i++) {
        if (source[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)source[i + 1] & 0xC0U) != 0x80U) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}
