#include "engine/exact.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* What text may lose as a value of a type. */
enum loss { LOSS_NONE, LOSS_DIGITS, LOSS_TIME };

struct text_rule {
    const char *type; /* how its name begins */
    enum loss loss;
    int digits; /* behind the point */
};

/* The first that fits counts. Floats are near by nature and hold what they can. */
static const struct text_rule text_rules[] = {
    {"TINYINT", LOSS_DIGITS, 0},      {"SMALLINT", LOSS_DIGITS, 0},
    {"INTEGER", LOSS_DIGITS, 0},      {"BIGINT", LOSS_DIGITS, 0},
    {"HUGEINT", LOSS_DIGITS, 0},      {"UTINYINT", LOSS_DIGITS, 0},
    {"USMALLINT", LOSS_DIGITS, 0},    {"UINTEGER", LOSS_DIGITS, 0},
    {"UBIGINT", LOSS_DIGITS, 0},      {"UHUGEINT", LOSS_DIGITS, 0},
    {"INT", LOSS_DIGITS, 0},          {"DATE", LOSS_TIME, 0},
    {"TIMESTAMP_S", LOSS_DIGITS, 0},  {"TIMESTAMP_MS", LOSS_DIGITS, 3},
    {"TIMESTAMP_NS", LOSS_DIGITS, 9}, {"TIMESTAMP", LOSS_DIGITS, 6},
    {"TIME", LOSS_DIGITS, 6},
};

static struct text_rule find_rule(const char *type)
{
    struct text_rule rule = {type, LOSS_NONE, 0};

    if (assay_str_ends(type, "]") || assay_str_starts(type, "INTERVAL"))
        return rule;
    const char *comma = assay_str_starts(type, "DECIMAL(") ? strchr(type, ',') : NULL;
    if (comma != NULL) {
        rule.loss = LOSS_DIGITS;
        rule.digits = (int)strtol(comma + 1, NULL, 10);
        return rule;
    }
    for (size_t i = 0; i < sizeof text_rules / sizeof text_rules[0]; i++)
        if (assay_str_starts(type, text_rules[i].type))
            return text_rules[i];
    return rule;
}

bool assay_exact_loses_text(const char *type)
{
    return find_rule(type).loss != LOSS_NONE;
}

static void append_try(assay_buf *sql, const char *value, const char *type)
{
    assay_buf_append_format(sql, "TRY_CAST(%s AS %s)", value, type);
}

/* Digits other than 0 that have no place behind the point. Only text that is long enough is looked
 * at closely; numbers with an exponent are compared as floats. */
static void append_lost_digits(assay_buf *sql, const assay_exact_cast *cast, int digits)
{
    const char *value = cast->value;
    bool number = !assay_str_starts(cast->to, "TIME");

    assay_buf_append_format(sql,
                            "CASE WHEN strpos(%s, '.') > 0 AND length(%s) - strpos(%s, '.') > ",
                            value, value, value);
    assay_buf_append_format(sql, "%d", digits);
    if (number)
        assay_buf_append_format(sql, " AND strpos(lower(%s), 'e') = 0", value);
    assay_buf_append_format(sql, " THEN regexp_matches(%s, '[.][0-9]{%d}[0-9]*[1-9]')", value,
                            digits);
    if (number) {
        assay_buf_append_format(sql, " WHEN strpos(lower(%s), 'e') > 0 THEN ", value);
        append_try(sql, value, "DOUBLE");
        assay_buf_append_text(sql, " <> CAST(");
        append_try(sql, value, cast->to);
        assay_buf_append_text(sql, " AS DOUBLE)");
    }
    assay_buf_append_text(sql, " ELSE false END");
}

static void append_lost_time(assay_buf *sql, const assay_exact_cast *cast)
{
    enum { DATE_LENGTH = 10 };

    assay_buf_append_format(sql, "length(%s) > %d AND ", cast->value, DATE_LENGTH);
    append_try(sql, cast->value, "TIMESTAMP");
    assay_buf_append_text(sql, " <> CAST(");
    append_try(sql, cast->value, cast->to);
    assay_buf_append_text(sql, " AS TIMESTAMP)");
}

/* The condition of a loss; false where there can be none. */
static bool append_lost(assay_buf *sql, const assay_exact_cast *cast)
{
    bool text = assay_str_equal(cast->from, "VARCHAR");
    const struct text_rule rule = find_rule(cast->to);

    if (assay_str_equal(cast->from, cast->to) || assay_str_equal(cast->to, "VARCHAR") ||
        (text && rule.loss == LOSS_NONE))
        return false;
    assay_buf_append_text(sql, "CASE WHEN ");
    if (!text) {
        assay_buf_append_text(sql, "TRY_CAST(");
        append_try(sql, cast->value, cast->to);
        assay_buf_append_format(sql, " AS %s) IS DISTINCT FROM %s", cast->from, cast->value);
    } else if (rule.loss == LOSS_DIGITS) {
        append_lost_digits(sql, cast, rule.digits);
    } else {
        append_lost_time(sql, cast);
    }
    return true;
}

void assay_sql_append_exact_cast(assay_buf *sql, const assay_exact_cast *cast)
{
    ASSAY_AUTO(assay_buf_done) assay_buf message = ASSAY_BUF_EMPTY;
    bool can_lose = append_lost(sql, cast);

    if (can_lose) {
        assay_buf_append_format(&message, "column %s holds a value that %s cannot hold exactly",
                                cast->column, cast->to);
        sql->failed = sql->failed || message.failed;
        assay_buf_append_text(sql, " THEN error(");
        assay_sql_append_text(sql, assay_buf_text(&message));
        assay_buf_append_text(sql, ") ELSE ");
    }
    assay_buf_append_format(sql, "CAST(%s AS %s)", cast->value, cast->to);
    assay_buf_append_text(sql, can_lose ? " END" : "");
}

void assay_sql_append_exact_try(assay_buf *sql, const assay_exact_cast *cast)
{
    bool can_lose = append_lost(sql, cast);

    assay_buf_append_text(sql, can_lose ? " THEN NULL ELSE " : "");
    append_try(sql, cast->value, cast->to);
    assay_buf_append_text(sql, can_lose ? " END" : "");
}
