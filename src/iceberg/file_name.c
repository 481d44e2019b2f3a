#include "iceberg/file_name.h"

#include <string.h>

#include "base/str.h"

enum { DIGITS_MAX = 18 }; /* what fits int64_t whatever the digits are */

/* Length of the name without its ending; 0 where it is no metadata file. */
static size_t stem_length(const char *name)
{
    /* The longer endings first: ".gz.metadata.json" also ends in ".metadata.json". */
    static const char *const ENDINGS[] = {".metadata.json.gz", ".gz.metadata.json",
                                          ".metadata.json"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof ENDINGS[0]; i++) {
        if (assay_str_ends(name, ENDINGS[i]))
            return strlen(name) - strlen(ENDINGS[i]);
    }
    return 0;
}

/* The number at `text`, and how many digits it has; 0 = none, or more than fit. */
static size_t read_digits(const char *text, size_t length, int64_t *ret_number)
{
    size_t count = 0;
    *ret_number = 0;
    while (count < length && text[count] >= '0' && text[count] <= '9') {
        if (count == DIGITS_MAX)
            return 0;
        *ret_number = *ret_number * 10 + (text[count++] - '0');
    }
    return count;
}

assay_iceberg_name_kind assay_iceberg_name_of(const char *name, int64_t *ret_number)
{
    size_t length = stem_length(name);
    int64_t number = 0;
    *ret_number = -1;
    if (length == 0)
        return ASSAY_ICEBERG_NAME_NONE;
    bool versioned = name[0] == 'v';
    size_t from = versioned ? 1 : 0;
    size_t digits = read_digits(name + from, length - from, &number);
    bool whole = from + digits == length;
    if (digits == 0 || (versioned ? !whole : whole || name[digits] != '-'))
        return ASSAY_ICEBERG_NAME_OTHER;
    *ret_number = number;
    return versioned ? ASSAY_ICEBERG_NAME_VERSIONED : ASSAY_ICEBERG_NAME_NUMBERED;
}
