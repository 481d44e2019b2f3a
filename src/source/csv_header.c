#include "source/csv_header.h"

#include <string.h>

#include "base/str.h"

/* A mark that is the quote of some dialects stands where a quoted field would begin. */
static bool may_begin_field(const char *bytes, size_t at, const char *delimiter)
{
    size_t length = strlen(delimiter);

    return at == 0 || bytes[at - 1] == '\n' || bytes[at - 1] == '\r' ||
           (at >= length && memcmp(bytes + at - length, delimiter, length) == 0);
}

/* One column alone does not say what would part it from a second. */
static bool has_delimiter(const char *bytes, size_t size, const char *delimiter)
{
    size_t length = strlen(delimiter);

    for (size_t at = 0; at + length <= size; at++)
        if (memcmp(bytes + at, delimiter, length) == 0)
            return true;
    return false;
}

static bool is_usual(const assay_source_dialect *dialect)
{
    return dialect->header && dialect->skip == 0 && dialect->comment == NULL &&
           assay_str_equal(dialect->quote, "\"") && assay_str_equal(dialect->escape, "\"") &&
           dialect->delimiter != NULL && dialect->delimiter[0] != '\0';
}

size_t assay_csv_header_size(const char *bytes, size_t size, const assay_source_dialect *dialect)
{
    const char *end = memchr(bytes, '\n', size);
    size_t length = end != NULL ? (size_t)(end - bytes) + 1 : 0;

    if (!is_usual(dialect) || memchr(bytes, '\0', size) != NULL ||
        memchr(bytes, '\\', size) != NULL || memchr(bytes, '"', length) != NULL ||
        !has_delimiter(bytes, length, dialect->delimiter))
        return 0;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '\'' && may_begin_field(bytes, i, dialect->delimiter))
            return 0;
    return length;
}
