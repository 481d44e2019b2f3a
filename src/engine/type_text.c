#include "engine/connection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Reserved words of DuckDB 1.5 (duckdb_keywords()), sorted; a name among them is quoted. */
static const char *const reserved[] = {
    "all",          "analyse",     "analyze", "and",       "any",        "array",      "as",
    "asc",          "asymmetric",  "both",    "case",      "cast",       "check",      "collate",
    "column",       "constraint",  "create",  "default",   "deferrable", "desc",       "describe",
    "distinct",     "do",          "else",    "end",       "except",     "false",      "fetch",
    "for",          "foreign",     "from",    "group",     "having",     "in",         "initially",
    "intersect",    "into",        "lambda",  "lateral",   "leading",    "limit",      "not",
    "null",         "offset",      "on",      "only",      "or",         "order",      "pivot",
    "pivot_longer", "pivot_wider", "placing", "primary",   "qualify",    "references", "returning",
    "select",       "show",        "some",    "summarize", "symmetric",  "table",      "then",
    "to",           "trailing",    "true",    "union",     "unique",     "unpivot",    "using",
    "variadic",     "when",        "where",   "window",    "with"};

struct simple_type {
    duckdb_type type;
    const char *text;
};

static const struct simple_type simple_types[] = {
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
    {DUCKDB_TYPE_TINYINT, "TINYINT"},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
    {DUCKDB_TYPE_INTEGER, "INTEGER"},
    {DUCKDB_TYPE_BIGINT, "BIGINT"},
    {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
    {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
    {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
    {DUCKDB_TYPE_UHUGEINT, "UHUGEINT"},
    {DUCKDB_TYPE_FLOAT, "FLOAT"},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
    {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
    {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
    {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
    {DUCKDB_TYPE_DATE, "DATE"},
    {DUCKDB_TYPE_TIME, "TIME"},
    {DUCKDB_TYPE_TIME_NS, "TIME_NS"},
    {DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE"},
    {DUCKDB_TYPE_INTERVAL, "INTERVAL"},
    {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
    {DUCKDB_TYPE_BLOB, "BLOB"},
    {DUCKDB_TYPE_UUID, "UUID"},
    {DUCKDB_TYPE_BIT, "BIT"},
    {DUCKDB_TYPE_BIGNUM, "BIGNUM"},
    {DUCKDB_TYPE_SQLNULL, "\"NULL\""},
};

static int compare_words(const void *a, const void *b)
{
    return strcmp((const char *)a, *(const char *const *)b);
}

static bool needs_quotes(const char *name)
{
    char lower[32];
    size_t length = 0;

    if (name[0] == '\0' || (name[0] >= '0' && name[0] <= '9'))
        return true;
    for (const char *at = name; *at != '\0'; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
        if (!upper && !plain)
            return true;
        if (length + 1 < sizeof lower)
            lower[length++] = (char)(upper ? *at - 'A' + 'a' : *at);
    }
    lower[length] = '\0';
    return bsearch(lower, reserved, sizeof reserved / sizeof reserved[0], sizeof reserved[0],
                   compare_words) != NULL;
}

/* Takes `name`, which the engine allocated. */
static void append_member_name(assay_buf *buf, char *name)
{
    if (name == NULL)
        buf->failed = true;
    else if (needs_quotes(name))
        assay_sql_append_name(buf, name);
    else
        assay_buf_append_text(buf, name);
    duckdb_free(name);
}

/* Takes `child`. */
static void append_child(assay_buf *buf, duckdb_logical_type child)
{
    assay_engine_type_text(buf, child);
    duckdb_destroy_logical_type(&child);
}

static void append_struct(assay_buf *buf, duckdb_logical_type type)
{
    idx_t count = duckdb_struct_type_child_count(type);

    assay_buf_append_text(buf, "STRUCT(");
    for (idx_t i = 0; i < count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        append_member_name(buf, duckdb_struct_type_child_name(type, i));
        assay_buf_append_char(buf, ' ');
        append_child(buf, duckdb_struct_type_child_type(type, i));
    }
    assay_buf_append_char(buf, ')');
}

static void append_union(assay_buf *buf, duckdb_logical_type type)
{
    idx_t count = duckdb_union_type_member_count(type);

    assay_buf_append_text(buf, "UNION(");
    for (idx_t i = 0; i < count; i++) {
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        append_member_name(buf, duckdb_union_type_member_name(type, i));
        assay_buf_append_char(buf, ' ');
        append_child(buf, duckdb_union_type_member_type(type, i));
    }
    assay_buf_append_char(buf, ')');
}

static void append_enum(assay_buf *buf, duckdb_logical_type type)
{
    uint32_t count = duckdb_enum_dictionary_size(type);

    assay_buf_append_text(buf, "ENUM(");
    for (uint32_t i = 0; i < count; i++) {
        char *value = duckdb_enum_dictionary_value(type, i);
        if (i > 0)
            assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, value);
        duckdb_free(value);
    }
    assay_buf_append_char(buf, ')');
}

static void append_map(assay_buf *buf, duckdb_logical_type type)
{
    assay_buf_append_text(buf, "MAP(");
    append_child(buf, duckdb_map_type_key_type(type));
    assay_buf_append_text(buf, ", ");
    append_child(buf, duckdb_map_type_value_type(type));
    assay_buf_append_char(buf, ')');
}

static void append_simple(assay_buf *buf, duckdb_type id)
{
    for (size_t i = 0; i < sizeof simple_types / sizeof simple_types[0]; i++) {
        if (simple_types[i].type == id) {
            assay_buf_append_text(buf, simple_types[i].text);
            return;
        }
    }
    assay_buf_append_format(buf, "TYPE_%d", (int)id);
}

void assay_engine_type_text(assay_buf *buf, duckdb_logical_type type)
{
    duckdb_type id = duckdb_get_type_id(type);
    char *alias = duckdb_logical_type_get_alias(type);

    if (alias != NULL) {
        assay_buf_append_text(buf, alias);
        duckdb_free(alias);
    } else if (id == DUCKDB_TYPE_DECIMAL) {
        assay_buf_append_format(buf, "DECIMAL(%d,%d)", duckdb_decimal_width(type),
                                duckdb_decimal_scale(type));
    } else if (id == DUCKDB_TYPE_LIST) {
        append_child(buf, duckdb_list_type_child_type(type));
        assay_buf_append_text(buf, "[]");
    } else if (id == DUCKDB_TYPE_ARRAY) {
        append_child(buf, duckdb_array_type_child_type(type));
        assay_buf_append_format(buf, "[%" PRIu64 "]", (uint64_t)duckdb_array_type_array_size(type));
    } else if (id == DUCKDB_TYPE_STRUCT) {
        append_struct(buf, type);
    } else if (id == DUCKDB_TYPE_MAP) {
        append_map(buf, type);
    } else if (id == DUCKDB_TYPE_UNION) {
        append_union(buf, type);
    } else if (id == DUCKDB_TYPE_ENUM) {
        append_enum(buf, type);
    } else {
        append_simple(buf, id);
    }
}
