/* Values of the configuration as SQL literals. No implicit cast of data happens anywhere: a literal
 * has the family of its column, or there is an error (facts: quality.md section 2). */
#include "quality/plan.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { DIGITS_MAX = 39, DECIMAL_DIGITS = 38, EXPONENT_MAX = 1000 };

/* Decimal digits of a number as written, split at 'e'. */
struct digits {
    bool negative;
    char text[DIGITS_MAX + 1]; /* without point and leading zeros */
    size_t count;
    int scale; /* digits after the point; negative = zeros to append */
};

/* Reads digits and point from `at`; *ret_at is what follows. */
static bool read_mantissa(const char *at, struct digits *d, const char **ret_at)
{
    bool point = false;
    bool any = false;

    for (; isdigit((unsigned char)*at) != 0 || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        d->scale += point ? 1 : 0;
        if (d->count == 0 && *at == '0')
            continue;
        if (d->count == DIGITS_MAX)
            return false;
        d->text[d->count++] = *at;
    }
    *ret_at = at;
    return any;
}

/* False where `text` is no plain decimal number or has more digits than HUGEINT holds. */
static bool read_digits(const char *text, struct digits *ret)
{
    struct digits d = {.negative = *text == '-'};
    const char *at = text + (*text == '-' || *text == '+' ? 1 : 0);
    int64_t exponent = 0;

    if (!read_mantissa(at, &d, &at))
        return false;
    if (*at == 'e' || *at == 'E') {
        if (!assay_str_to_int64(at[1] == '+' ? at + 2 : at + 1, &exponent) ||
            exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
            return false;
        at = "";
    }
    if (*at != '\0')
        return false;
    d.scale -= (int)exponent;
    while (d.count > 0 && d.scale > 0 && d.text[d.count - 1] == '0') {
        d.count--;
        d.scale--;
    }
    d.text[d.count] = '\0';
    if (d.count == 0)
        d.scale = 0;
    *ret = d;
    return true;
}

/* Appends the digits as an exact SQL number; false where DECIMAL(38) cannot hold it. */
static bool append_exact(assay_buf *buf, const struct digits *d)
{
    size_t zeros = 0;

    if (d->scale <= 0) {
        if (d->count + (size_t)-d->scale > DIGITS_MAX)
            return false;
        assay_buf_append_format(buf, "%s%s", d->negative ? "-" : "", d->count == 0 ? "0" : d->text);
        for (int i = d->scale; i < 0; i++)
            assay_buf_append_char(buf, '0');
        return true;
    }
    if (d->scale > DECIMAL_DIGITS || d->count > DECIMAL_DIGITS)
        return false;
    zeros = (size_t)d->scale > d->count ? (size_t)d->scale - d->count : 0;
    assay_buf_append_text(buf, d->negative ? "-" : "");
    if (zeros > 0 || (size_t)d->scale == d->count) {
        assay_buf_append_text(buf, "0.");
        for (size_t i = 0; i < zeros; i++)
            assay_buf_append_char(buf, '0');
        assay_buf_append_text(buf, d->text);
        return true;
    }
    assay_buf_append(buf, d->text, d->count - (size_t)d->scale);
    assay_buf_append_char(buf, '.');
    assay_buf_append_text(buf, d->text + d->count - (size_t)d->scale);
    return true;
}

/* The number as it was written, else enough digits to give the same double again. */
static const char *number_text(assay_dq_run *run, const assay_value *value)
{
    double ignored = 0;

    if (value->kind == ASSAY_VALUE_INT)
        return assay_dq_sql(run, "%lld", (long long)value->integer);
    if (value->text != NULL && assay_str_to_double(value->text, &ignored))
        return value->text;
    return assay_dq_sql(run, "%.17g", value->real);
}

/* A number for a column of `family`; exact wherever the digits allow. */
static const char *number_sql(assay_dq_run *run, const assay_value *value, assay_dq_family family)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    struct digits d;
    const char *text = NULL;
    const char *type = family == ASSAY_DQ_FLOAT ? "FLOAT" : "DOUBLE";

    if (value->kind == ASSAY_VALUE_REAL && isinf(value->real) != 0)
        return value->real > 0 ? "'Infinity'::DOUBLE" : "'-Infinity'::DOUBLE";
    text = number_text(run, value);
    if (family == ASSAY_DQ_FLOAT || family == ASSAY_DQ_DOUBLE)
        return assay_dq_sql(run, "%s::%s", assay_dq_quote_text(run, text), type);
    if (read_digits(text, &d) && append_exact(&buf, &d))
        return assay_dq_sql(run, "(%s)", assay_dq_keep(run, &buf));
    return assay_dq_sql(run, "%s::DOUBLE", assay_dq_quote_text(run, text));
}

/* A moment as the literal of a temporal family, NULL where `text` is none. */
static const char *moment_sql(assay_dq_run *run, const char *text, assay_dq_family family)
{
    char written[ASSAY_TIME_TEXT_SIZE];
    int64_t us = 0;
    const int64_t day = INT64_C(86400000000);

    if (!assay_time_parse(text, &us))
        return NULL;
    assay_time_format_sql(us, written);
    if (family == ASSAY_DQ_TIMESTAMPTZ)
        return assay_dq_sql(run, "'%s+00'::TIMESTAMPTZ", written);
    if (family == ASSAY_DQ_DATE && us % day == 0) {
        char *blank = strchr(written, ' ');
        if (blank != NULL)
            *blank = '\0';
        return assay_dq_sql(run, "'%s'::DATE", written);
    }
    return assay_dq_sql(run, "'%s'::TIMESTAMP", written);
}

static assay_status misfit(const assay_value *value, assay_dq_family family, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFIG, 5021, "a %s cannot be compared with a %s column",
                           assay_value_kind_name(value->kind), assay_dq_family_name(family));
}

assay_status assay_dq_literal(assay_dq_run *run, const assay_value *value, assay_dq_family family,
                              const char **ret_sql, assay_error *err)
{
    const char *sql = NULL;

    ASSAY_TRY(assay_dq_param_resolve(value, run->request->now_us, run->arena, &value, err));
    if (assay_dq_is_number(family)) {
        if (value->kind != ASSAY_VALUE_INT && value->kind != ASSAY_VALUE_REAL)
            return misfit(value, family, err);
        if (value->kind == ASSAY_VALUE_REAL && isnan(value->real))
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "NaN is no bound");
        sql = number_sql(run, value, family);
    } else if (family == ASSAY_DQ_TEXT) {
        if (value->kind != ASSAY_VALUE_TEXT)
            return misfit(value, family, err);
        sql = assay_dq_quote_text(run, value->text);
    } else if (family == ASSAY_DQ_BOOLEAN) {
        if (value->kind != ASSAY_VALUE_BOOL)
            return misfit(value, family, err);
        sql = value->boolean ? "TRUE" : "FALSE";
    } else if (assay_dq_is_temporal(family)) {
        if (value->kind != ASSAY_VALUE_TEXT)
            return misfit(value, family, err);
        sql = moment_sql(run, value->text, family);
        if (sql == NULL)
            return assay_error_set(err, ASSAY_ECONFIG, 5021, "'%s' is no date or time",
                                   value->text);
    } else {
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "columns of this type have no order");
    }
    *ret_sql = sql;
    return ASSAY_OK;
}

/* A member of a set for an integer column: whole numbers only, so that no cast loses digits. */
static const char *integer_member(assay_dq_run *run, const assay_value *value)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    struct digits d;
    const char *text = NULL;

    if (value->kind == ASSAY_VALUE_REAL && (isinf(value->real) != 0 || isnan(value->real) != 0))
        return NULL;
    text = value->kind == ASSAY_VALUE_TEXT ? value->text : number_text(run, value);
    if (!read_digits(text, &d) || d.scale > 0 || !append_exact(&buf, &d))
        return NULL;
    return assay_dq_sql(run, "(%s)", assay_dq_keep(run, &buf));
}

static const char *number_member(assay_dq_run *run, const assay_value *value,
                                 assay_dq_family family)
{
    assay_value number = {.kind = ASSAY_VALUE_REAL};
    struct digits d;

    if (value->kind == ASSAY_VALUE_TEXT) {
        if (!assay_str_to_double(value->text, &number.real))
            return NULL;
        number.text = value->text;
        value = &number;
    } else if (value->kind != ASSAY_VALUE_INT && value->kind != ASSAY_VALUE_REAL) {
        return NULL;
    }
    if (family == ASSAY_DQ_INTEGER)
        return integer_member(run, value);
    if (family == ASSAY_DQ_DECIMAL && !read_digits(number_text(run, value), &d))
        return NULL;
    return number_sql(run, value, family);
}

/* Text of a scalar as it was written. */
static const char *scalar_text(assay_dq_run *run, const assay_value *value)
{
    if (value->kind == ASSAY_VALUE_BOOL)
        return value->boolean ? "true" : "false";
    if (value->text != NULL)
        return value->text;
    return number_text(run, value);
}

static const char *boolean_member(const assay_value *value)
{
    if (value->kind == ASSAY_VALUE_BOOL)
        return value->boolean ? "TRUE" : "FALSE";
    if (value->kind == ASSAY_VALUE_INT && (value->integer == 0 || value->integer == 1))
        return value->integer == 1 ? "TRUE" : "FALSE";
    if (value->kind == ASSAY_VALUE_TEXT && assay_str_equal_ci(value->text, "true"))
        return "TRUE";
    if (value->kind == ASSAY_VALUE_TEXT && assay_str_equal_ci(value->text, "false"))
        return "FALSE";
    return NULL;
}

assay_status assay_dq_member(assay_dq_run *run, const assay_value *value,
                             const assay_dq_column *column, const char **ret_sql, assay_error *err)
{
    *ret_sql = NULL;
    ASSAY_TRY(assay_dq_param_resolve(value, run->request->now_us, run->arena, &value, err));
    if (value->kind == ASSAY_VALUE_NULL || value->kind == ASSAY_VALUE_LIST ||
        value->kind == ASSAY_VALUE_MAP)
        return ASSAY_OK;
    if (assay_dq_is_number(column->family))
        *ret_sql = number_member(run, value, column->family);
    else if (column->family == ASSAY_DQ_TEXT)
        *ret_sql = assay_dq_quote_text(run, scalar_text(run, value));
    else if (column->family == ASSAY_DQ_BOOLEAN)
        *ret_sql = boolean_member(value);
    else if (assay_dq_is_temporal(column->family))
        *ret_sql =
            value->kind == ASSAY_VALUE_TEXT ? moment_sql(run, value->text, column->family) : NULL;
    else
        *ret_sql = assay_dq_sql(run, "TRY_CAST(%s AS %s)",
                                assay_dq_quote_text(run, scalar_text(run, value)), column->type);
    return ASSAY_OK;
}

assay_status assay_dq_bounds_read(assay_dq_run *run, const assay_dq_plan *plan,
                                  assay_dq_family family, assay_dq_bounds *ret_bounds,
                                  assay_error *err)
{
    assay_dq_bounds bounds = {0};

    bounds.min_value = assay_dq_arg(plan, "min_value");
    bounds.max_value = assay_dq_arg(plan, "max_value");
    ASSAY_TRY(assay_dq_arg_bool(plan, "strict_min", false, &bounds.strict_min, err));
    ASSAY_TRY(assay_dq_arg_bool(plan, "strict_max", false, &bounds.strict_max, err));
    if (bounds.min_value != NULL &&
        assay_dq_literal(run, bounds.min_value, family, &bounds.min, err) != ASSAY_OK)
        return assay_error_wrap(err, "min_value");
    if (bounds.max_value != NULL &&
        assay_dq_literal(run, bounds.max_value, family, &bounds.max, err) != ASSAY_OK)
        return assay_error_wrap(err, "max_value");
    *ret_bounds = bounds;
    return ASSAY_OK;
}

const char *assay_dq_within(assay_dq_run *run, const char *value, const assay_dq_bounds *bounds)
{
    const char *low = bounds->strict_min ? ">" : ">=";
    const char *high = bounds->strict_max ? "<" : "<=";

    if (bounds->min != NULL && bounds->max != NULL)
        return assay_dq_sql(run, "(%s %s %s AND %s %s %s)", value, low, bounds->min, value, high,
                            bounds->max);
    if (bounds->min != NULL)
        return assay_dq_sql(run, "(%s %s %s)", value, low, bounds->min);
    if (bounds->max != NULL)
        return assay_dq_sql(run, "(%s %s %s)", value, high, bounds->max);
    return "TRUE";
}
