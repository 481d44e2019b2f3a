/* row_condition as SQL (facts: quality.md section 3.6).
 *
 * great_expectations: one comparison, col("name") OP value, or col("name").notNull().
 * sql, spark:         a predicate, taken as it is.
 * pandas:             comparisons joined by & and |, parentheses, "text", name.notnull(), ~.
 *
 * Whatever a translator does not know is an error: a condition that is guessed judges other rows.
 */
#include "quality/plan.h"

#include <ctype.h>
#include <string.h>

enum { CONDITION_MAX = 10000, DEPTH_MAX = 50 };

struct reader {
    const char *at;
    assay_buf *out;
    int depth;
};

static void skip_blanks(struct reader *reader)
{
    while (isspace((unsigned char)*reader->at) != 0)
        reader->at++;
}

static bool take(struct reader *reader, const char *text)
{
    size_t size = strlen(text);

    skip_blanks(reader);
    if (strncmp(reader->at, text, size) != 0)
        return false;
    reader->at += size;
    return true;
}

/* A piece that could not be kept spoils the whole. */
static void watch(struct reader *reader, const assay_buf *piece)
{
    reader->out->failed = reader->out->failed || piece->failed;
}

/* Reads a string in the quotes it begins with into `text`; a backslash escapes. */
static bool take_quoted(struct reader *reader, assay_buf *text)
{
    char quote = 0;

    skip_blanks(reader);
    quote = *reader->at;
    if (quote != '"' && quote != '\'' && quote != '`')
        return false;
    for (reader->at++; *reader->at != quote; reader->at++) {
        if (*reader->at == '\0')
            return false;
        if (*reader->at == '\\' && reader->at[1] != '\0')
            reader->at++;
        assay_buf_append_char(text, *reader->at);
    }
    reader->at++;
    watch(reader, text);
    return true;
}

static bool take_name(struct reader *reader, assay_buf *name)
{
    skip_blanks(reader);
    if (*reader->at == '`')
        return take_quoted(reader, name);
    if (isalpha((unsigned char)*reader->at) == 0 && *reader->at != '_')
        return false;
    while (isalnum((unsigned char)*reader->at) != 0 || *reader->at == '_')
        assay_buf_append_char(name, *reader->at++);
    watch(reader, name);
    return true;
}

static const char *take_operator(struct reader *reader)
{
    static const struct {
        const char *written, *sql;
    } operators[] = {{"==", "="}, {"!=", "<>"}, {"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"}};

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (take(reader, operators[i].written))
            return operators[i].sql;
    return NULL;
}

/* A number as it stands. */
static bool take_number(struct reader *reader)
{
    ASSAY_AUTO(assay_buf_done) assay_buf number = ASSAY_BUF_EMPTY;
    double ignored = 0;

    skip_blanks(reader);
    while (*reader->at != '\0' && strchr("+-.0123456789eE", *reader->at) != NULL)
        assay_buf_append_char(&number, *reader->at++);
    watch(reader, &number);
    if (!number.failed && !assay_str_to_double(assay_buf_text(&number), &ignored))
        return false;
    assay_buf_append_text(reader->out, assay_buf_text(&number));
    return true;
}

/* number, "text", date("..") */
static bool take_value(struct reader *reader)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    int64_t us = 0;

    if (take(reader, "date(")) {
        if (!take_quoted(reader, &text) || !take(reader, ")") ||
            (!text.failed && !assay_time_parse(assay_buf_text(&text), &us)))
            return false;
        assay_buf_append_text(reader->out, "TIMESTAMP ");
        assay_sql_append_text(reader->out, assay_buf_text(&text));
        return true;
    }
    if (take_quoted(reader, &text)) {
        assay_sql_append_text(reader->out, assay_buf_text(&text));
        return true;
    }
    return take_number(reader);
}

static bool read_great_expectations(struct reader *reader)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;
    const char *comparison = NULL;

    if (!take(reader, "col(") || !take_quoted(reader, &name) || !take(reader, ")"))
        return false;
    assay_sql_append_name(reader->out, assay_buf_text(&name));
    if (take(reader, ".notNull()") || take(reader, ".notnull()")) {
        assay_buf_append_text(reader->out, " IS NOT NULL");
        return true;
    }
    comparison = take_operator(reader);
    if (comparison == NULL)
        return false;
    assay_buf_append_format(reader->out, " %s ", comparison);
    return take_value(reader);
}

static bool read_pandas_or(struct reader *reader);

/* The right side of a pandas comparison: a value, or another column. */
static bool take_pandas_value(struct reader *reader)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;

    if (take(reader, "True")) {
        assay_buf_append_text(reader->out, "TRUE");
        return true;
    }
    if (take(reader, "False")) {
        assay_buf_append_text(reader->out, "FALSE");
        return true;
    }
    if (take_name(reader, &name)) {
        assay_sql_append_name(reader->out, assay_buf_text(&name));
        return true;
    }
    return take_value(reader);
}

static bool read_pandas_term(struct reader *reader)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;
    const char *comparison = NULL;

    if (take(reader, "~") || take(reader, "not ")) {
        assay_buf_append_text(reader->out, "NOT ");
        skip_blanks(reader);
        return *reader->at == '(' && reader->depth++ < DEPTH_MAX && read_pandas_term(reader);
    }
    if (take(reader, "(")) {
        assay_buf_append_char(reader->out, '(');
        if (reader->depth++ >= DEPTH_MAX || !read_pandas_or(reader) || !take(reader, ")"))
            return false;
        assay_buf_append_char(reader->out, ')');
        return true;
    }
    if (!take_name(reader, &name))
        return false;
    assay_sql_append_name(reader->out, assay_buf_text(&name));
    if (take(reader, ".notnull()") || take(reader, ".notna()")) {
        assay_buf_append_text(reader->out, " IS NOT NULL");
        return true;
    }
    if (take(reader, ".isnull()") || take(reader, ".isna()")) {
        assay_buf_append_text(reader->out, " IS NULL");
        return true;
    }
    comparison = take_operator(reader);
    if (comparison == NULL)
        return false;
    assay_buf_append_format(reader->out, " %s ", comparison);
    return take_pandas_value(reader);
}

static bool take_joint(struct reader *reader, const char *sign, const char *word)
{
    return take(reader, sign) || take(reader, word);
}

static bool read_pandas_and(struct reader *reader)
{
    if (!read_pandas_term(reader))
        return false;
    while (take_joint(reader, "&", "and ")) {
        assay_buf_append_text(reader->out, " AND ");
        if (!read_pandas_term(reader))
            return false;
    }
    return true;
}

static bool read_pandas_or(struct reader *reader)
{
    if (!read_pandas_and(reader))
        return false;
    while (take_joint(reader, "|", "or ")) {
        assay_buf_append_text(reader->out, " OR ");
        if (!read_pandas_and(reader))
            return false;
    }
    return true;
}

static bool read_sql(struct reader *reader)
{
    if (assay_str_is_blank(reader->at))
        return false;
    assay_buf_append_text(reader->out, reader->at);
    assay_buf_append_char(reader->out, '\n'); /* ends a comment at its end */
    reader->at = "";
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct reader *reader);
} parsers[] = {
    {"great_expectations", read_great_expectations},
    {"great_expectations__experimental__", read_great_expectations},
    {"pandas", read_pandas_or},
    {"spark", read_sql},
    {"sql", read_sql},
};

assay_status assay_dq_condition(const char *condition, const char *parser, assay_arena *arena,
                                const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf out = ASSAY_BUF_EMPTY;
    struct reader reader = {condition, &out, 0};
    const char *sql = NULL;
    size_t chosen = 0;

    if (parser == NULL)
        parser = assay_str_starts(condition, "col(") ? "great_expectations" : "sql";
    while (chosen < sizeof(parsers) / sizeof(parsers[0]) &&
           strcmp(parsers[chosen].name, parser) != 0)
        chosen++;
    if (chosen == sizeof(parsers) / sizeof(parsers[0]))
        return assay_error_set(err, ASSAY_ECONFIG, 5023, "unknown condition_parser '%s'", parser);
    if (strlen(condition) > CONDITION_MAX)
        return assay_error_set(err, ASSAY_ECONFIG, 5023, "row_condition is longer than %d bytes",
                               CONDITION_MAX);
    if (!parsers[chosen].read(&reader))
        return assay_error_set(err, ASSAY_ECONFIG, 5023,
                               "cannot understand row_condition '%s' as %s", condition, parser);
    skip_blanks(&reader);
    if (*reader.at != '\0')
        return assay_error_set(err, ASSAY_ECONFIG, 5023,
                               "cannot understand row_condition '%s' as %s from '%s' on", condition,
                               parser, reader.at);
    ASSAY_TRY(assay_buf_check(&out, err));
    sql = assay_arena_text(arena, assay_buf_text(&out));
    ASSAY_TRY(assay_arena_check(sql, err));
    *ret_sql = sql;
    return ASSAY_OK;
}
