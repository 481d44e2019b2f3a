/* Finding the header in the text of a model. */
#include "config/header.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct cursor {
    const char *text;
    size_t size;
    size_t at;
};

static bool looks_at(const struct cursor *cursor, const char *part)
{
    size_t size = strlen(part);

    return cursor->size - cursor->at >= size && memcmp(cursor->text + cursor->at, part, size) == 0;
}

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->size && is_blank(cursor->text[cursor->at]))
        cursor->at++;
}

static void skip_to(struct cursor *cursor, const char *part)
{
    while (cursor->at < cursor->size && !looks_at(cursor, part))
        cursor->at++;
    if (cursor->at < cursor->size)
        cursor->at += strlen(part);
}

/* Stands on "---" of a comment that opens a header, or returns false. */
static bool find_opening(struct cursor *cursor)
{
    if (looks_at(cursor, "\xEF\xBB\xBF"))
        cursor->at += 3;
    for (;;) {
        skip_blanks(cursor);
        if (looks_at(cursor, "--")) {
            skip_to(cursor, "\n");
            continue;
        }
        if (!looks_at(cursor, "/*"))
            return false;
        cursor->at += 2;
        skip_blanks(cursor);
        if (looks_at(cursor, "---"))
            return true;
        skip_to(cursor, "*/");
    }
}

/* "---", blanks, "*" and "/": the end of the header. */
static bool is_closing(const struct cursor *cursor, size_t *ret_after)
{
    struct cursor ahead = *cursor;

    if (!looks_at(&ahead, "---"))
        return false;
    ahead.at += 3;
    skip_blanks(&ahead);
    if (!looks_at(&ahead, "*/"))
        return false;
    *ret_after = ahead.at + 2;
    return true;
}

static void position(const char *text, size_t offset, int *ret_line, int *ret_column)
{
    int line = 1;
    size_t start = 0;

    for (size_t i = 0; i < offset; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    *ret_line = line;
    *ret_column = (int)(offset - start) + 1;
}

assay_status assay_header_split_text(const char *text, size_t size, const char *path,
                                     assay_header_split *ret_split, assay_error *err)
{
    struct cursor cursor = {text, size, 0};
    assay_header_split split = {0};

    if (!find_opening(&cursor)) {
        *ret_split = split;
        return ASSAY_OK;
    }
    size_t opening = cursor.at;
    cursor.at += 3;

    /* The YAML begins on the next line, or on this one where something stands here. */
    size_t begin = cursor.at;
    while (begin < size && text[begin] != '\n' && is_blank(text[begin]))
        begin++;
    split.yaml = begin < size && text[begin] == '\n' ? begin + 1 : begin;

    for (cursor.at = split.yaml; cursor.at < size; cursor.at++)
        if (is_closing(&cursor, &split.sql)) {
            split.yaml_size = cursor.at - split.yaml;
            position(text, split.yaml, &split.yaml_line, &split.yaml_column);
            *ret_split = split;
            return ASSAY_OK;
        }
    assay_place place = {path, 0, 0};
    position(text, opening, &place.line, &place.column);
    return assay_error_at(err, ASSAY_ECONFIG, 1250, place,
                          "the header is not closed: it ends with a line '--- */'");
}
