#include "base/str.h"

#include <string.h>

/* A pattern is matched as a chain of pieces, because a brace alternative is followed by what
 * stands behind the brace. */
struct piece {
    const char *at;
    const char *end;
    const struct piece *next;
};

/* Matching is by trial; the steps are limited so that no pattern takes for ever. */
enum { STEPS_MAX = 4000000, BRACES_MAX = 32 };

struct search {
    long steps;
    int braces;
};

static bool match(struct search *search, struct piece piece, const char *path);

/* The '}' that closes the brace at `at`, or NULL. */
static const char *find_close(const char *at, const char *end)
{
    int depth = 0;

    for (; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        else if (*at == '{')
            depth++;
        else if (*at == '}' && --depth == 0)
            return at;
    }
    return NULL;
}

static bool match_brace(struct search *search, struct piece piece, const char *close,
                        const char *path)
{
    struct piece rest = {close + 1, piece.end, piece.next};
    const char *begin = piece.at + 1;
    int depth = 0;
    bool found = false;

    if (search->braces >= BRACES_MAX)
        return false;
    search->braces++;
    for (const char *at = begin; at <= close && !found; at++) {
        if (*at == '\\' && at < close) {
            at++;
        } else if (*at == '{') {
            depth++;
        } else if (at == close || (*at == ',' && depth == 0)) {
            found = match(search, (struct piece){begin, at, &rest}, path);
            begin = at + 1;
        } else if (*at == '}') {
            depth--;
        }
    }
    search->braces--;
    return found;
}

/* Reads the class [..] at *at; false where it is not closed (then '[' is an ordinary character). */
static bool match_class(const char **at, const char *end, char c, bool *ret_matches)
{
    const char *p = *at + 1;
    bool negated = p < end && (*p == '!' || *p == '^');
    bool matches = false;

    if (negated)
        p++;
    for (const char *first = p; p < end && (*p != ']' || p == first); p++) {
        unsigned char low = (unsigned char)*p;
        unsigned char high = low;
        if (p + 2 < end && p[1] == '-' && p[2] != ']') {
            high = (unsigned char)p[2];
            p += 2;
        }
        if ((unsigned char)c >= low && (unsigned char)c <= high)
            matches = true;
    }
    if (p >= end)
        return false;
    *at = p + 1;
    *ret_matches = matches != negated;
    return true;
}

/* '*' within a component, '**' across components; "**" followed by '/' is also no folder at all. */
static bool match_star(struct search *search, struct piece piece, const char *path)
{
    bool across = piece.at + 1 < piece.end && piece.at[1] == '*';
    struct piece rest = piece;

    while (rest.at < rest.end && *rest.at == '*')
        rest.at++;
    if (across && rest.at < rest.end && *rest.at == '/') {
        struct piece below = {rest.at + 1, rest.end, rest.next};
        if (match(search, below, path))
            return true;
        for (const char *at = path; *at != '\0'; at++) {
            if (*at == '/' && match(search, below, at + 1))
                return true;
        }
        return false;
    }
    for (const char *at = path;; at++) {
        if (match(search, rest, at))
            return true;
        if (*at == '\0' || (*at == '/' && !across))
            return false;
    }
}

/* Takes one character of the pattern against one of the path. */
static bool match_one(struct piece *piece, const char *path)
{
    char c = *piece->at;
    bool matches = false;

    if (*path == '\0')
        return false;
    if (c == '[' && match_class(&piece->at, piece->end, *path, &matches))
        return matches && *path != '/';
    if (c == '\\' && piece->at + 1 < piece->end) {
        piece->at++;
        c = *piece->at;
    } else if (c == '?') {
        piece->at++;
        return *path != '/';
    }
    piece->at++;
    return c == *path;
}

static bool match(struct search *search, struct piece piece, const char *path)
{
    for (;;) {
        if (++search->steps > STEPS_MAX)
            return false;
        if (piece.at == piece.end) {
            if (piece.next == NULL)
                return *path == '\0';
            piece = *piece.next;
            continue;
        }
        if (*piece.at == '*')
            return match_star(search, piece, path);
        if (*piece.at == '{') {
            const char *close = find_close(piece.at, piece.end);
            if (close != NULL)
                return match_brace(search, piece, close, path);
        }
        bool wild = *piece.at == '?' || *piece.at == '[';
        if (!match_one(&piece, path))
            return false;
        /* A wild character is a code point, not a byte. */
        path++;
        while (wild && ((unsigned char)*path & 0xC0U) == 0x80U)
            path++;
    }
}

bool assay_str_glob(const char *pattern, const char *path)
{
    struct search search = {0, 0};
    struct piece whole = {pattern, pattern + strlen(pattern), NULL};

    return match(&search, whole, path);
}

bool assay_str_is_glob(const char *pattern)
{
    return strpbrk(pattern, "*?[{\\") != NULL;
}
