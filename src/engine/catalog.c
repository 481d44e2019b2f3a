#include "engine/catalog.h"

#include <string.h>

#include "engine/connection.h"

static assay_status run(assay_conn *conn, const assay_buf *text, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(text, err));
    return assay_engine_run(conn, &(assay_engine_text){.text = assay_buf_text(text)}, NULL, err);
}

assay_status assay_engine_catalog_open(assay_conn *conn, const char *name, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&text, "ATTACH ':memory:' AS ");
    assay_sql_append_name(&text, name);
    assay_buf_append_text(&text, "; USE ");
    assay_sql_append_name(&text, name);
    return run(conn, &text, err);
}

void assay_engine_catalog_close(assay_conn *conn, const char *name)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&text, "USE memory; DETACH DATABASE IF EXISTS ");
    assay_sql_append_name(&text, name);
    (void)run(conn, &text, NULL);
}

static assay_status make_schema(assay_conn *conn, const char *schema, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&text, "CREATE SCHEMA IF NOT EXISTS ");
    assay_sql_append_name(&text, schema);
    return run(conn, &text, err);
}

static void append_object(assay_buf *text, const char *what, const char *schema, const char *name)
{
    assay_buf_append_text(text, what);
    assay_sql_append_name(text, schema);
    assay_buf_append_char(text, '.');
    assay_sql_append_name(text, name);
}

assay_status assay_engine_catalog_view(assay_conn *conn, const char *schema, const char *name,
                                       const char *select, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    ASSAY_TRY(make_schema(conn, schema, err));
    append_object(&text, "CREATE OR REPLACE VIEW ", schema, name);
    assay_buf_append_text(&text, " AS ");
    size_t shift = text.size;
    assay_buf_append_text(&text, select);
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_engine_run(
        conn, &(assay_engine_text){.text = assay_buf_text(&text), .sql = select, .shift = shift},
        NULL, err);
}

assay_status assay_engine_catalog_table(assay_conn *conn, const char *schema, const char *name,
                                        const assay_column *columns, size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    ASSAY_TRY(make_schema(conn, schema, err));
    append_object(&text, "CREATE OR REPLACE TABLE ", schema, name);
    assay_buf_append_text(&text, " (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assay_buf_append_text(&text, ", ");
        assay_sql_append_name(&text, columns[i].name);
        assay_buf_append_char(&text, ' ');
        assay_buf_append_text(&text, columns[i].type);
    }
    assay_buf_append_char(&text, ')');
    return run(conn, &text, err);
}
