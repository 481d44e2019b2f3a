#include "warehouse/types.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- from the engine ---- */

/* The engine's type without its arguments; lists and arrays are told by their end. */
static bool is_engine_type(const char *type, const char *name)
{
    size_t length = strlen(name);

    if (assay_str_ends(type, "]"))
        return assay_str_equal(name, "LIST");
    return strncmp(type, name, length) == 0 && (type[length] == '\0' || type[length] == '(');
}

const assay_type_map *assay_types_find(const assay_dialect *dialect, const char *engine_type)
{
    for (size_t i = 0; i < dialect->type_count; i++)
        if (is_engine_type(engine_type, dialect->types[i].engine))
            return &dialect->types[i];
    return NULL;
}

const char *assay_types_text(const char *pattern, const char *engine_type, assay_arena *arena)
{
    const char *mark = strchr(pattern, '#');
    const char *arguments = strchr(engine_type, '(');

    if (mark == NULL)
        return pattern;
    return assay_arena_format(arena, "%.*s%s%s", (int)(mark - pattern), pattern,
                              arguments != NULL ? arguments : "", mark + 1);
}

/* ---- what a column takes ---- */

/* A server's type taken apart: "timestamp(3) without time zone" is the name "timestamp without time
 * zone" with one argument. */
struct server_type {
    char name[64];
    int count; /* of arguments */
    int arguments[2];
};

static bool parse_arguments(const char *text, struct server_type *type)
{
    char *end = NULL;

    for (; type->count < 2; text = end + 1) {
        type->arguments[type->count++] = (int)strtol(text, &end, 10);
        if (end == text)
            return false;
        if (*end == ')')
            return true;
        if (*end != ',')
            return false;
    }
    return false;
}

static bool parse_type(const char *text, struct server_type *ret_type)
{
    const char *open = strchr(text, '(');
    const char *close = open != NULL ? strchr(open, ')') : NULL;
    const char *rest = close != NULL ? close + 1 : "";
    size_t head = open != NULL ? (size_t)(open - text) : strlen(text);

    *ret_type = (struct server_type){.count = 0};
    if (head + strlen(rest) >= sizeof ret_type->name)
        return false;
    memcpy(ret_type->name, text, head);
    memcpy(ret_type->name + head, rest, strlen(rest) + 1);
    return open == NULL || (close != NULL && parse_arguments(open + 1, ret_type));
}

static int scale_of(const struct server_type *type)
{
    return type->count == 2 ? type->arguments[1] : 0;
}

static assay_type_fit fit_precision(const assay_dialect *dialect, const struct server_type *wants,
                                    const struct server_type *has, assay_arena *arena,
                                    const char **ret_type)
{
    enum { DECIMAL_DIGITS_MAX = 38 };
    int scale_wants = scale_of(wants);
    int scale_has = scale_of(has);

    if (has->count == 0) /* without arguments a decimal takes everything */
        return ASSAY_FIT_SAME;
    if (wants->count == 0)
        return ASSAY_FIT_REFUSED;
    int digits_wants = wants->arguments[0] - scale_wants;
    int digits_has = has->arguments[0] - scale_has;
    if (digits_wants <= digits_has && scale_wants <= scale_has)
        return ASSAY_FIT_SAME;
    int digits = digits_wants > digits_has ? digits_wants : digits_has;
    int scale = scale_wants > scale_has ? scale_wants : scale_has;
    if (digits + scale > DECIMAL_DIGITS_MAX || (scale != scale_has && !dialect->scale_changes))
        return ASSAY_FIT_REFUSED;
    *ret_type = assay_arena_format(arena, "%s(%d,%d)", has->name, digits + scale, scale);
    return ASSAY_FIT_WIDEN;
}

/* The first argument of `has` less its scale: digits before the point, or of a second's fraction.
 */
static assay_type_fit fit_digits(const struct server_type *wants, const struct server_type *has,
                                 int digits)
{
    int needed = wants->count > 0 ? wants->arguments[0] : digits;
    bool fits = has->count == 0 || has->arguments[0] - scale_of(has) >= needed;

    return fits ? ASSAY_FIT_SAME : ASSAY_FIT_REFUSED;
}

static assay_type_fit fit_length(const struct server_type *wants, const struct server_type *has,
                                 const char *wanted, const char **ret_type)
{
    enum { LENGTH_MAX = 16777216 /* what Snowflake says where none was given */ };
    int length = wants->count > 0 ? wants->arguments[0] : LENGTH_MAX;

    if (has->count == 0 || has->arguments[0] >= length)
        return ASSAY_FIT_SAME;
    *ret_type = wanted;
    return ASSAY_FIT_WIDEN;
}

static const assay_type_pair *find_pair(const assay_dialect *dialect, const char *wants,
                                        const char *has)
{
    for (size_t i = 0; i < dialect->pair_count; i++)
        if (assay_str_equal(dialect->pairs[i].wants, wants) &&
            assay_str_equal(dialect->pairs[i].has, has))
            return &dialect->pairs[i];
    return NULL;
}

assay_type_fit assay_types_fit(const assay_dialect *dialect, const char *wants, const char *has,
                               assay_arena *arena, const char **ret_type)
{
    struct server_type wanted;
    struct server_type there;

    *ret_type = has;
    if (assay_str_equal(wants, has))
        return ASSAY_FIT_SAME;
    if (!parse_type(wants, &wanted) || !parse_type(has, &there))
        return ASSAY_FIT_REFUSED;
    const assay_type_pair *pair = find_pair(dialect, wanted.name, there.name);
    if (pair == NULL)
        return ASSAY_FIT_REFUSED;
    switch (pair->rule) {
    case ASSAY_TYPE_FITS:
        return ASSAY_FIT_SAME;
    case ASSAY_TYPE_WIDENS:
        *ret_type = wants;
        return ASSAY_FIT_WIDEN;
    case ASSAY_TYPE_BY_PRECISION:
        return fit_precision(dialect, &wanted, &there, arena, ret_type);
    case ASSAY_TYPE_BY_LENGTH:
        return fit_length(&wanted, &there, wants, ret_type);
    case ASSAY_TYPE_BY_DIGITS:
        return fit_digits(&wanted, &there, pair->digits);
    }
    return ASSAY_FIT_REFUSED;
}
