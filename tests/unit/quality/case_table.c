#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "text/json.h"
#include "unit/quality/cases.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

/* ASSAY_SHARED, else ../shared beside the checkout. */
static void shared_path(char *path, size_t size)
{
    const char *shared = getenv("ASSAY_SHARED");

    if (shared != NULL && shared[0] != '\0')
        (void)snprintf(path, size, "%s/data/quality/expectation_cases.json", shared);
    else
        (void)snprintf(path, size, "%s/../shared/data/quality/expectation_cases.json",
                       ASSAY_TEST_SOURCE_DIR);
}

assay_status case_load(assay_arena *arena, const assay_value **ret_cases, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    char path[4096];
    char block[65536];
    assay_value *document = NULL;
    FILE *file = NULL;
    size_t size = 0;

    shared_path(path, sizeof(path));
    file = fopen(path, "rb");
    *ret_cases = NULL;
    if (file == NULL)
        return ASSAY_OK;
    for (;;) {
        size = fread(block, 1, sizeof(block), file);
        if (size == 0 || bytes.size > FILE_MAX)
            break;
        assay_buf_append(&bytes, block, size);
    }
    (void)fclose(file);
    ASSAY_TRY(assay_buf_check(&bytes, err));
    ASSAY_TRY(assay_json_parse(bytes.data, bytes.size, path, arena, &document, err));
    *ret_cases = assay_value_find(document, "cases");
    return ASSAY_OK;
}

/* A value of a case as SQL literal of a column of `type`. */
static void append_literal(assay_buf *buf, const assay_value *value, const char *type)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *real = assay_value_find_text(value, "$float", NULL);

    if (value->kind == ASSAY_VALUE_NULL) {
        assay_buf_append_text(buf, "NULL");
        return;
    }
    if (real != NULL)
        assay_buf_append_text(&text, real);
    else if (value->kind == ASSAY_VALUE_TEXT)
        assay_buf_append_text(&text, value->text);
    else
        assay_json_write(&text, value, 0);
    assay_sql_append_text(buf, assay_buf_text(&text));
    assay_buf_append_format(buf, "::%s", type);
}

static assay_status make_table(assay_conn *conn, const char *name, const assay_value *data,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_value *columns = assay_value_find(data, "columns");
    int64_t rows = assay_value_find_int(data, "row_count", 0);

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE ");
    assay_sql_append_name(&sql, name);
    for (size_t c = 0; c < columns->count; c++) {
        const char *type = assay_value_find_text(columns->items[c], "type", "");
        assay_buf_append_text(&sql, c == 0 ? " (" : ", ");
        assay_sql_append_name(&sql, assay_value_find_text(columns->items[c], "name", ""));
        assay_buf_append_format(&sql, " %s", strcmp(type, "MIXED") == 0 ? "VARCHAR" : type);
    }
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(conn, assay_buf_text(&sql), NULL, err));
    if (rows == 0)
        return ASSAY_OK;
    assay_buf_clear(&sql);
    assay_buf_append_text(&sql, "INSERT INTO ");
    assay_sql_append_name(&sql, name);
    assay_buf_append_text(&sql, " VALUES ");
    for (int64_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns->count; c++) {
            const char *type = assay_value_find_text(columns->items[c], "type", "");
            const assay_value *values = assay_value_find(columns->items[c], "values");
            assay_buf_append_text(&sql, c > 0 ? ", " : r > 0 ? ", (" : "(");
            append_literal(&sql, values->items[r], strcmp(type, "MIXED") == 0 ? "VARCHAR" : type);
        }
        assay_buf_append_char(&sql, ')');
    }
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(conn, assay_buf_text(&sql), NULL, err);
}

assay_status case_make_tables(assay_conn *conn, const assay_value *test, assay_arena *arena,
                              const char **ret_table, const char **ret_relation, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_value *data = assay_value_find(test, "data");
    const assay_value *others = assay_value_find(test, "other_tables");
    const char *name = assay_value_find_text(data, "name", "case_table");

    ASSAY_TRY(make_table(conn, name, data, err));
    for (size_t i = 0; others != NULL && others->kind == ASSAY_VALUE_LIST && i < others->count; i++)
        ASSAY_TRY(make_table(conn, assay_value_find_text(others->items[i], "name", "other"),
                             others->items[i], err));
    assay_buf_append_text(&sql, "SELECT *, 'case' AS __assay_file, rowid AS __assay_row FROM ");
    assay_sql_append_name(&sql, name);
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_relation = assay_arena_text(arena, assay_buf_text(&sql));
    *ret_table = name;
    return assay_arena_check(*ret_relation, err);
}

/* Replaces {"$float": ..} everywhere below. */
static assay_value *with_floats(assay_value *value, assay_arena *arena)
{
    const char *real = assay_value_find_text(value, "$float", NULL);

    if (real != NULL)
        return assay_value_real(arena, real[0] == '-' ? -(double)INFINITY : (double)INFINITY);
    for (size_t i = 0;
         (value->kind == ASSAY_VALUE_MAP || value->kind == ASSAY_VALUE_LIST) && i < value->count;
         i++)
        value->items[i] = with_floats(value->items[i], arena);
    return value;
}

assay_value *case_kwargs(const assay_value *test, assay_arena *arena)
{
    assay_value *kwargs = assay_value_copy(arena, assay_value_find(test, "kwargs"));

    return kwargs == NULL ? NULL : with_floats(kwargs, arena);
}
