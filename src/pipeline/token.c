#include "pipeline/token.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes above 0x7F belong to names, as in the engine. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) ||
           (unsigned char)c >= 0x80;
}

static size_t skip_line(const char *sql, size_t size, size_t at)
{
    while (at < size && sql[at] != '\n')
        at++;
    return at;
}

/* Block comments nest, as in PostgreSQL. */
static size_t skip_block(const char *sql, size_t size, size_t at)
{
    size_t depth = 0;

    while (at < size) {
        if (at + 1 < size && sql[at] == '/' && sql[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (at + 1 < size && sql[at] == '*' && sql[at + 1] == '/') {
            at += 2;
            depth--;
            if (depth == 0)
                return at;
        } else {
            at++;
        }
    }
    return size;
}

static size_t skip_blanks(const char *sql, size_t size, size_t at)
{
    for (;;) {
        while (at < size && is_blank(sql[at]))
            at++;
        if (at + 1 < size && sql[at] == '-' && sql[at + 1] == '-')
            at = skip_line(sql, size, at);
        else if (at + 1 < size && sql[at] == '/' && sql[at + 1] == '*')
            at = skip_block(sql, size, at);
        else
            return at;
    }
}

/* From the opening mark to after the closing one; a doubled mark stands for itself. */
static size_t quoted_end(const char *sql, size_t size, size_t at, bool backslash)
{
    char mark = sql[at];

    for (at++; at < size; at++) {
        if (backslash && sql[at] == '\\' && at + 1 < size)
            at++;
        else if (sql[at] == mark) {
            if (at + 1 >= size || sql[at + 1] != mark)
                return at + 1;
            at++;
        }
    }
    return size;
}

static size_t word_end(const char *sql, size_t size, size_t at)
{
    while (at < size && (is_word(sql[at]) || sql[at] == '$'))
        at++;
    return at;
}

/* $$text$$ and $tag$text$tag$; 0 where it is no dollar quote. */
static size_t dollar_end(const char *sql, size_t size, size_t at)
{
    size_t tag = at + 1;

    while (tag < size && is_word(sql[tag]))
        tag++;
    if (tag >= size || sql[tag] != '$' || (tag > at + 1 && is_digit(sql[at + 1])))
        return 0;
    size_t length = tag + 1 - at;
    for (size_t end = tag + 1; end + length <= size; end++)
        if (memcmp(sql + end, sql + at, length) == 0)
            return end + length;
    return size;
}

static assay_token of_dollar(const char *sql, size_t size, size_t at)
{
    size_t end = dollar_end(sql, size, at);

    if (end > 0)
        return (assay_token){ASSAY_TOKEN_TEXT, at, end - at};
    end = at + 1;
    while (end < size && is_word(sql[end]))
        end++;
    return (assay_token){end > at + 1 ? ASSAY_TOKEN_PARAMETER : ASSAY_TOKEN_OTHER, at, end - at};
}

assay_token assay_token_next(const char *sql, size_t size, size_t from)
{
    size_t at = skip_blanks(sql, size, from);

    if (at >= size)
        return (assay_token){ASSAY_TOKEN_END, size, 0};
    char c = sql[at];
    if (c == '\'')
        return (assay_token){ASSAY_TOKEN_TEXT, at, quoted_end(sql, size, at, false) - at};
    if (c == '"')
        return (assay_token){ASSAY_TOKEN_NAME, at, quoted_end(sql, size, at, false) - at};
    if ((c == 'e' || c == 'E') && at + 1 < size && sql[at + 1] == '\'')
        return (assay_token){ASSAY_TOKEN_TEXT, at, quoted_end(sql, size, at + 1, true) - at};
    if (c == '$')
        return of_dollar(sql, size, at);
    if (c == '?')
        return (assay_token){ASSAY_TOKEN_PARAMETER, at, 1};
    if (c == ';')
        return (assay_token){ASSAY_TOKEN_SEMICOLON, at, 1};
    if (is_word(c))
        return (assay_token){is_digit(c) ? ASSAY_TOKEN_OTHER : ASSAY_TOKEN_WORD, at,
                             word_end(sql, size, at) - at};
    return (assay_token){ASSAY_TOKEN_OTHER, at, 1};
}

bool assay_token_is(const char *sql, assay_token token, const char *word)
{
    if (token.kind != ASSAY_TOKEN_WORD || token.size != strlen(word))
        return false;
    for (size_t i = 0; i < token.size; i++) {
        char c = sql[token.at + i];

        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != word[i])
            return false;
    }
    return true;
}
