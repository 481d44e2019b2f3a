#include "base/str.h"
#include "text/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The core schema of YAML 1.2.2, section 10.3.2. */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const true_words[] = {"true", "True", "TRUE", NULL};
static const char *const false_words[] = {"false", "False", "FALSE", NULL};
static const char *const inf_words[] = {".inf", ".Inf", ".INF", NULL};
static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};

/* 0o17 and 0x1F. */
static bool resolve_based(assay_value *scalar)
{
    const char *text = scalar->text;
    int base = text[1] == 'o' ? 8 : 16;
    const char *digits = base == 8 ? "01234567" : "0123456789abcdefABCDEF";

    if (text[0] != '0' || (text[1] != 'o' && text[1] != 'x') || text[2] == '\0' ||
        text[2 + strspn(text + 2, digits)] != '\0')
        return false;
    errno = 0;
    long long value = strtoll(text + 2, NULL, base);
    if (errno != 0)
        return false; /* wider than 64 bits: text */
    scalar->kind = ASSAY_VALUE_INT;
    scalar->integer = (int64_t)value;
    scalar->real = (double)value;
    return true;
}

static bool resolve_number(assay_value *scalar)
{
    const char *text = scalar->text;
    const char *unsigned_text = text[0] == '-' || text[0] == '+' ? text + 1 : text;

    if (resolve_based(scalar))
        return true;
    if (is_one_of(unsigned_text, inf_words)) {
        scalar->real = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    } else if (is_one_of(text, nan_words)) {
        scalar->real = (double)NAN;
    } else if (assay_str_to_int64(text, &scalar->integer)) {
        scalar->kind = ASSAY_VALUE_INT;
        scalar->real = (double)scalar->integer;
        return true;
    } else if (!assay_str_to_double(text, &scalar->real)) {
        return false;
    }
    scalar->kind = ASSAY_VALUE_REAL;
    return true;
}

void assay_yaml_resolve(assay_value *scalar)
{
    const char *text = scalar->text;

    scalar->kind = ASSAY_VALUE_TEXT;
    if (is_one_of(text, null_words)) {
        scalar->kind = ASSAY_VALUE_NULL;
    } else if (is_one_of(text, true_words) || is_one_of(text, false_words)) {
        scalar->kind = ASSAY_VALUE_BOOL;
        scalar->boolean = text[0] == 't' || text[0] == 'T';
    } else {
        (void)resolve_number(scalar);
    }
}
