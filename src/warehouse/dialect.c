#include "warehouse/dialect_tables.h"

#include "base/str.h"

#include <string.h>

const assay_dialect *assay_dialect_of(assay_connection_kind kind)
{
    switch (kind) {
    case ASSAY_CONNECTION_POSTGRES:
        return &assay_dialect_postgres;
    case ASSAY_CONNECTION_SNOWFLAKE:
        return &assay_dialect_snowflake;
    case ASSAY_CONNECTION_REDSHIFT:
    case ASSAY_CONNECTION_S3:
        return NULL;
    }
    return NULL;
}

void assay_dialect_text(const assay_dialect *dialect, assay_buf *buf, const char *text)
{
    if (text == NULL) {
        assay_buf_append_text(buf, "NULL");
        return;
    }
    assay_buf_append_char(buf, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'' || (*c == '\\' && dialect->backslash))
            assay_buf_append_char(buf, *c);
        assay_buf_append_char(buf, *c);
    }
    assay_buf_append_char(buf, '\'');
}

static char fold(const assay_dialect *dialect, char c)
{
    if (dialect->upper)
        return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void assay_dialect_own_name(const assay_dialect *dialect, assay_buf *buf, const char *name)
{
    assay_buf_append_char(buf, '"');
    for (const char *c = name; *c != '\0'; c++)
        assay_buf_append_char(buf, fold(dialect, *c));
    assay_buf_append_char(buf, '"');
}

const char *assay_dialect_fold(const assay_dialect *dialect, assay_arena *arena, const char *name)
{
    char *folded = assay_arena_text(arena, name);

    for (size_t i = 0; folded != NULL && folded[i] != '\0'; i++)
        folded[i] = fold(dialect, folded[i]);
    return folded;
}

void assay_dialect_schema(const assay_dialect *dialect, assay_buf *buf,
                          const assay_warehouse_target *target)
{
    if (dialect->has_databases) {
        assay_sql_append_name(buf, target->database);
        assay_buf_append_char(buf, '.');
    }
    assay_sql_append_name(buf, target->schema);
}

void assay_dialect_table(const assay_dialect *dialect, assay_buf *buf,
                         const assay_warehouse_target *target, const char *table)
{
    assay_dialect_schema(dialect, buf, target);
    assay_buf_append_char(buf, '.');
    assay_sql_append_name(buf, table);
}

void assay_dialect_column(assay_buf *buf, const char *alias, const char *name)
{
    assay_buf_append_text(buf, alias);
    assay_buf_append_char(buf, '.');
    assay_sql_append_name(buf, name);
}

void assay_dialect_apply(assay_buf *buf, const char *pattern, const char *expression,
                         const char *arguments)
{
    for (const char *c = pattern != NULL ? pattern : "?"; *c != '\0'; c++) {
        if (*c == '?')
            assay_buf_append_text(buf, expression);
        else if (*c == '#')
            assay_buf_append_text(buf, arguments != NULL ? arguments : "");
        else
            assay_buf_append_char(buf, *c);
    }
}
