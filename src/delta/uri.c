#include "delta/uri.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.~/!*'()", c) != NULL);
}

char *assay_delta_uri_encode(assay_arena *arena, const char *path)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = assay_arena_take(arena, strlen(path) * 3 + 1, 1);
    size_t used = 0;

    if (out == NULL)
        return NULL;
    for (const char *at = path; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (is_unreserved(*at)) {
            out[used++] = *at;
            continue;
        }
        out[used++] = '%';
        out[used++] = digits[byte >> 4];
        out[used++] = digits[byte & 15];
    }
    out[used] = '\0';
    return out;
}

char *assay_delta_uri_decode(assay_arena *arena, const char *uri)
{
    char *out = assay_arena_take(arena, strlen(uri) + 1, 1);
    size_t used = 0;

    if (out == NULL)
        return NULL;
    for (const char *at = uri; *at != '\0'; at++) {
        int high = *at == '%' ? assay_str_hex_digit(at[1]) : -1;
        int low = high >= 0 ? assay_str_hex_digit(at[2]) : -1;

        if (low < 0 || high * 16 + low == 0) {
            out[used++] = *at;
            continue;
        }
        out[used++] = (char)(high * 16 + low);
        at += 2;
    }
    out[used] = '\0';
    return out;
}

/* Length of "scheme:" where the text begins with one, else 0 (RFC 2396, 3.1). */
static size_t scheme_length(const char *uri)
{
    size_t length = 0;

    while ((uri[length] >= 'a' && uri[length] <= 'z') ||
           (uri[length] >= 'A' && uri[length] <= 'Z') ||
           (length > 0 && ((uri[length] >= '0' && uri[length] <= '9') || uri[length] == '+' ||
                           uri[length] == '-' || uri[length] == '.')))
        length++;
    return length > 0 && uri[length] == ':' ? length + 1 : 0;
}

char *assay_delta_uri_resolve(assay_arena *arena, const char *location, const char *uri)
{
    size_t scheme = scheme_length(uri);
    const char *rest = uri + scheme;
    char *decoded = NULL;

    if (scheme > 0 && !(scheme == 5 && strncmp(uri, "file:", 5) == 0))
        return assay_arena_text(arena, uri);
    if (scheme > 0 && assay_str_starts(rest, "//"))
        rest += 2;
    decoded = assay_delta_uri_decode(arena, rest);
    return decoded == NULL ? NULL : assay_path_normal(arena, location, decoded);
}
