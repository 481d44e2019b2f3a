/* One term of the selection grammar. */
#include "base/str.h"
#include "pipeline/selection.h"

#include <string.h>

static const char *const methods[] = {"layer", "tag", "path", "name"};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* At most 4 digits, so that the number fits. */
static bool number_of(const char *digits, size_t count, int *ret_number)
{
    int number = 0;

    if (count > 4)
        return false;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (digits[i] - '0');
    *ret_number = number;
    return true;
}

/* "@", "+" or "2+" before the atom. */
static bool read_before(const char *term, size_t size, size_t *at, assay_selector *selector,
                        const char **ret_problem)
{
    size_t digits = 0;

    if (size > 0 && term[0] == '@') {
        selector->at = true;
        *at = 1;
        return true;
    }
    while (digits < size && is_digit(term[digits]))
        digits++;
    if (digits >= size || term[digits] != '+')
        return true;
    selector->up = true;
    if (digits > 0 && !number_of(term, digits, &selector->up_depth)) {
        *ret_problem = "the number before '+' is too large";
        return false;
    }
    *at = digits + 1;
    return true;
}

/* "+" or "+1" after the atom. */
static bool read_after(const char *term, size_t *size, size_t at, assay_selector *selector,
                       const char **ret_problem)
{
    size_t end = *size;

    while (end > at && is_digit(term[end - 1]))
        end--;
    if (end <= at || term[end - 1] != '+')
        return true;
    selector->down = true;
    if (end < *size && !number_of(term + end, *size - end, &selector->down_depth)) {
        *ret_problem = "the number after '+' is too large";
        return false;
    }
    *size = end - 1;
    return true;
}

static bool read_method(const char *term, size_t size, size_t *at, assay_selector *selector,
                        const char **ret_problem)
{
    const char *colon = memchr(term + *at, ':', size - *at);

    if (colon == NULL)
        return true;
    size_t length = (size_t)(colon - term) - *at;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i]) == length && memcmp(methods[i], term + *at, length) == 0) {
            selector->method = methods[i];
            *at += length + 1;
            return true;
        }
    *ret_problem = "the methods are layer:, tag:, path: and name:";
    return false;
}

bool assay_selector_parse(const char *term, size_t size, assay_selector *ret_selector,
                          const char **ret_problem)
{
    assay_selector selector = {.up_depth = -1, .down_depth = -1, .method = ""};
    size_t at = 0;

    if (!read_before(term, size, &at, &selector, ret_problem) ||
        !read_after(term, &size, at, &selector, ret_problem) ||
        !read_method(term, size, &at, &selector, ret_problem))
        return false;
    if (at >= size) {
        *ret_problem = "it names nothing";
        return false;
    }
    if (memchr(term + at, '+', size - at) != NULL || memchr(term + at, '@', size - at) != NULL) {
        *ret_problem = "'+' and '@' stand before or after a name only";
        return false;
    }
    if (selector.at && selector.down) {
        *ret_problem = "'@' already takes what reads from it";
        return false;
    }
    selector.value = at;
    selector.value_size = size - at;
    *ret_selector = selector;
    return true;
}
