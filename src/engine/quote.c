#include "engine/engine.h"

#include <inttypes.h>
#include <math.h>

static void append_quoted(assay_buf *buf, const char *text, char quote)
{
    assay_buf_append_char(buf, quote);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            assay_buf_append_char(buf, quote);
        assay_buf_append_char(buf, *text);
    }
    assay_buf_append_char(buf, quote);
}

void assay_sql_append_name(assay_buf *buf, const char *name)
{
    append_quoted(buf, name, '"');
}

void assay_sql_append_text(assay_buf *buf, const char *text)
{
    if (text == NULL)
        assay_buf_append_text(buf, "NULL");
    else
        append_quoted(buf, text, '\'');
}

void assay_sql_append_texts(assay_buf *buf, const char *const *texts, size_t count)
{
    assay_buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, texts[i]);
    }
    assay_buf_append_char(buf, ']');
}

static void append_real(assay_buf *buf, const assay_value *value)
{
    if (value->text != NULL)
        assay_buf_append_text(buf, value->text);
    else if (isnan(value->real))
        assay_buf_append_text(buf, "'nan'::DOUBLE");
    else if (isinf(value->real))
        assay_buf_append_text(buf, value->real > 0 ? "'inf'::DOUBLE" : "'-inf'::DOUBLE");
    else
        assay_buf_append_format(buf, "%.17g::DOUBLE", value->real);
}

static void append_list(assay_buf *buf, const assay_value *value)
{
    assay_buf_append_char(buf, '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        assay_sql_append_value(buf, value->items[i]);
    }
    assay_buf_append_char(buf, ']');
}

static void append_map(assay_buf *buf, const assay_value *value)
{
    assay_buf_append_char(buf, '{');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, value->keys[i]);
        assay_buf_append_text(buf, ": ");
        assay_sql_append_value(buf, value->items[i]);
    }
    assay_buf_append_char(buf, '}');
}

void assay_sql_append_value(assay_buf *buf, const assay_value *value)
{
    switch (value->kind) {
    case ASSAY_VALUE_NULL:
        assay_buf_append_text(buf, "NULL");
        break;
    case ASSAY_VALUE_BOOL:
        assay_buf_append_text(buf, value->boolean ? "true" : "false");
        break;
    case ASSAY_VALUE_INT:
        assay_buf_append_format(buf, "%" PRId64, value->integer);
        break;
    case ASSAY_VALUE_REAL:
        append_real(buf, value);
        break;
    case ASSAY_VALUE_TEXT:
        assay_sql_append_text(buf, value->text);
        break;
    case ASSAY_VALUE_LIST:
        append_list(buf, value);
        break;
    case ASSAY_VALUE_MAP:
        append_map(buf, value);
        break;
    }
}
