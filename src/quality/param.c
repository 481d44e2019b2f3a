/* Suite parameters: {"$PARAMETER": "now() - timedelta(weeks=52)"} (facts: quality.md section 3.7).
 *
 *   sum    := product (('+' | '-') product)*
 *   product:= factor ('*' factor)*
 *   factor := number | '-' factor | '(' sum ')' | now() | datetime(y, m, d ..) | timedelta(unit=sum
 * ..)
 */
#include "quality/plan.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, DATETIME_ARGUMENTS = 7 };

enum kind { NUMBER, MOMENT, DELTA };

struct term {
    enum kind kind;
    double number; /* NUMBER: itself; MOMENT, DELTA: microseconds */
};

struct parser {
    const char *at;
    int64_t now_us;
    int depth;
};

static bool read_sum(struct parser *parser, struct term *ret);

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at) != 0)
        parser->at++;
}

static bool take_char(struct parser *parser, char c)
{
    skip_blanks(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

static bool take_word(struct parser *parser, const char *word)
{
    size_t size = strlen(word);

    skip_blanks(parser);
    if (strncmp(parser->at, word, size) != 0 || isalnum((unsigned char)parser->at[size]) != 0)
        return false;
    parser->at += size;
    return true;
}

static bool read_number(struct parser *parser, struct term *ret)
{
    struct term factor = {NUMBER, 0};

    return read_sum(parser, &factor) && factor.kind == NUMBER && (*ret = factor, true);
}

/* datetime(y, m, d[, hour, minute, second, microsecond]) */
static bool read_datetime(struct parser *parser, struct term *ret)
{
    double parts[DATETIME_ARGUMENTS] = {0};
    int count = 0;
    struct term part;

    if (!take_char(parser, '('))
        return false;
    do {
        if (count == DATETIME_ARGUMENTS || !read_number(parser, &part) || fabs(part.number) > 1e6)
            return false;
        parts[count++] = part.number;
    } while (take_char(parser, ','));
    if (!take_char(parser, ')') || count < 3 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 ||
        parts[2] > 31 || parts[0] < 1 || parts[0] > 9999)
        return false;
    ret->kind = MOMENT;
    ret->number =
        ((double)assay_time_days_from_civil((int64_t)parts[0], (int)parts[1], (int)parts[2]) *
             86400.0 +
         parts[3] * 3600.0 + parts[4] * 60.0 + parts[5]) *
            1e6 +
        parts[6];
    return true;
}

static bool read_timedelta(struct parser *parser, struct term *ret)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"weeks", 604800}, {"days", 86400},        {"hours", 3600},       {"minutes", 60},
                 {"seconds", 1},    {"milliseconds", 1e-3}, {"microseconds", 1e-6}};
    struct term part;
    double total = 0;

    if (!take_char(parser, '('))
        return false;
    do {
        size_t unit = 0;
        while (unit < sizeof(units) / sizeof(units[0]) && !take_word(parser, units[unit].name))
            unit++;
        if (unit == sizeof(units) / sizeof(units[0]) || !take_char(parser, '=') ||
            !read_number(parser, &part))
            return false;
        total += part.number * units[unit].seconds * 1e6;
    } while (take_char(parser, ','));
    ret->kind = DELTA;
    ret->number = total;
    return take_char(parser, ')');
}

static bool read_literal(struct parser *parser, struct term *ret)
{
    char *end = NULL;

    skip_blanks(parser);
    if (isdigit((unsigned char)*parser->at) == 0 && *parser->at != '.')
        return false;
    ret->kind = NUMBER;
    ret->number = strtod(parser->at, &end);
    if (end == parser->at || isfinite(ret->number) == 0)
        return false;
    parser->at = end;
    return true;
}

static bool read_factor(struct parser *parser, struct term *ret)
{
    if (take_char(parser, '-')) {
        if (parser->depth++ > DEPTH_MAX || !read_factor(parser, ret) || ret->kind == MOMENT)
            return false;
        ret->number = -ret->number;
        return true;
    }
    if (take_char(parser, '('))
        return parser->depth++ < DEPTH_MAX && read_sum(parser, ret) && take_char(parser, ')');
    if (take_word(parser, "now")) {
        ret->kind = MOMENT;
        ret->number = (double)parser->now_us;
        return take_char(parser, '(') && take_char(parser, ')');
    }
    if (take_word(parser, "datetime"))
        return read_datetime(parser, ret);
    if (take_word(parser, "timedelta"))
        return read_timedelta(parser, ret);
    return read_literal(parser, ret);
}

static bool read_product(struct parser *parser, struct term *ret)
{
    struct term right;

    if (!read_factor(parser, ret))
        return false;
    while (take_char(parser, '*')) {
        if (!read_factor(parser, &right) || ret->kind == MOMENT || right.kind == MOMENT ||
            (ret->kind == DELTA && right.kind == DELTA))
            return false;
        ret->kind = ret->kind == DELTA || right.kind == DELTA ? DELTA : NUMBER;
        ret->number *= right.number;
    }
    return true;
}

/* moment + delta, moment - delta, moment - moment, delta +- delta, number +- number */
static bool combine(struct term *left, const struct term *right, bool minus)
{
    if (left->kind == right->kind) {
        if (left->kind == MOMENT && !minus)
            return false;
        if (left->kind == MOMENT)
            left->kind = DELTA;
    } else if (left->kind == DELTA && right->kind == MOMENT && !minus) {
        left->kind = MOMENT;
    } else if (!(left->kind == MOMENT && right->kind == DELTA)) {
        return false;
    }
    left->number += minus ? -right->number : right->number;
    return true;
}

static bool read_sum(struct parser *parser, struct term *ret)
{
    struct term right;

    if (parser->depth++ > DEPTH_MAX || !read_product(parser, ret))
        return false;
    for (;;) {
        bool minus = false;
        if (take_char(parser, '-'))
            minus = true;
        else if (!take_char(parser, '+'))
            return true;
        if (!read_product(parser, &right) || !combine(ret, &right, minus))
            return false;
    }
}

/* Moments before year 1 are the first moment of it, after 9999 the last. */
static assay_value *moment_value(double us, assay_arena *arena)
{
    char text[ASSAY_TIME_TEXT_SIZE];
    const double first = -62135596800e6;
    const double last = 253402300799e6;

    us = us < first ? first : us;
    us = us > last ? last : us;
    assay_time_format_sql((int64_t)us, text);
    return assay_value_text(arena, text);
}

static assay_value *term_value(const struct term *term, assay_arena *arena)
{
    if (term->kind == MOMENT)
        return moment_value(term->number, arena);
    if (fabs(term->number) < 9007199254740992.0 && floor(term->number) == term->number)
        return assay_value_int(arena, (int64_t)term->number);
    return assay_value_real(arena, term->number);
}

assay_status assay_dq_param_resolve(const assay_value *value, int64_t now_us, assay_arena *arena,
                                    const assay_value **ret_value, assay_error *err)
{
    const assay_value *text = assay_value_find(value, "$PARAMETER");
    struct parser parser = {.now_us = now_us};
    struct term term = {NUMBER, 0};
    assay_value *result = NULL;

    if (value->kind != ASSAY_VALUE_MAP || text == NULL) {
        *ret_value = value;
        return ASSAY_OK;
    }
    if (text->kind == ASSAY_VALUE_INT || text->kind == ASSAY_VALUE_REAL) {
        *ret_value = text;
        return ASSAY_OK;
    }
    if (text->kind != ASSAY_VALUE_TEXT || value->count != 1)
        return assay_error_set(err, ASSAY_ECONFIG, 5029, "$PARAMETER must be one text");
    parser.at = text->text;
    if (!read_sum(&parser, &term))
        return assay_error_set(err, ASSAY_ECONFIG, 5029, "cannot understand $PARAMETER '%s'",
                               text->text);
    skip_blanks(&parser);
    if (*parser.at != '\0' || term.kind == DELTA)
        return assay_error_set(err, ASSAY_ECONFIG, 5029, "cannot understand $PARAMETER '%s'",
                               text->text);
    result = term_value(&term, arena);
    ASSAY_TRY(assay_arena_check(result, err));
    *ret_value = result;
    return ASSAY_OK;
}
