#include "warehouse/server.h"

#include "base/str.h"

/* ---- tables ---- */

/* Names of everything in the schema that can be in the way or is ours. */
static void append_tables(const assay_dialect *dialect, const assay_warehouse_target *target,
                          assay_buf *buf)
{
    if (dialect->has_databases) {
        assay_buf_append_text(buf, "SELECT TABLE_NAME FROM ");
        assay_sql_append_name(buf, target->database);
        assay_buf_append_text(buf, ".INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ");
        assay_dialect_text(dialect, buf, target->schema);
        assay_buf_append_text(buf, " AND (TABLE_NAME = ");
        assay_dialect_text(dialect, buf, target->table);
        assay_buf_append_text(buf, " OR STARTSWITH(TABLE_NAME, '_ASSAY_'))");
        return;
    }
    assay_buf_append_text(buf, "SELECT CAST(c.relname AS text) FROM pg_catalog.pg_class c JOIN "
                               "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
                               "c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ");
    assay_dialect_text(dialect, buf, target->schema);
    assay_buf_append_text(buf, " AND (c.relname = ");
    assay_dialect_text(dialect, buf, target->table);
    assay_buf_append_text(buf, " OR starts_with(CAST(c.relname AS text), '_assay_'))");
}

static void append_schema(const assay_dialect *dialect, const assay_warehouse_target *target,
                          assay_buf *buf)
{
    if (dialect->has_databases) {
        assay_buf_append_text(buf, "SELECT COUNT(*) FROM ");
        assay_sql_append_name(buf, target->database);
        assay_buf_append_text(buf, ".INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = ");
    } else {
        /* information_schema.schemata shows only the schemas that one owns. */
        assay_buf_append_text(buf, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = ");
    }
    assay_dialect_text(dialect, buf, target->schema);
}

static assay_status sort_tables(const assay_rows *rows, const assay_warehouse_target *target,
                                assay_arena *arena, assay_server_state *state, assay_error *err)
{
    state->stages = assay_arena_take(arena, rows->count + 1, sizeof *state->stages);
    ASSAY_TRY(assay_arena_check(state->stages, err));
    for (size_t i = 0; i < rows->count; i++) {
        const char *name = assay_session_text(rows, i, 0);
        assay_stage_owner owner;
        if (assay_str_equal(name, target->table))
            state->target = true;
        else if (assay_str_equal_ci(name, ASSAY_WAREHOUSE_LEDGER))
            state->ledger = true;
        else if (assay_str_equal_ci(name, ASSAY_WAREHOUSE_LOCK))
            state->lock = true;
        else if (assay_names_parse_stage(name, &owner))
            state->stages[state->stage_count++] = name;
    }
    return ASSAY_OK;
}

assay_status assay_server_look(assay_warehouse_session *session,
                               const assay_warehouse_target *target, assay_server_state *ret_state,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf tables = ASSAY_BUF_EMPTY;
    assay_server_state state = {.schema = false};
    assay_rows *rows = NULL;

    append_schema(session->dialect, target, &schema);
    append_tables(session->dialect, target, &tables);
    ASSAY_TRY(assay_buf_check(&schema, err));
    ASSAY_TRY(assay_buf_check(&tables, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&schema), &rows, err));
    state.schema = rows->count > 0 && assay_session_int(rows, 0, 0) > 0;
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&tables), &rows, err));
    ASSAY_TRY(sort_tables(rows, target, session->arena, &state, err));
    *ret_state = state;
    return ASSAY_OK;
}

/* ---- columns ---- */

static void append_columns(const assay_dialect *dialect, const assay_warehouse_target *target,
                           assay_buf *buf)
{
    if (dialect->has_databases) {
        assay_buf_append_text(buf, "DESCRIBE TABLE ");
        assay_dialect_table(dialect, buf, target, target->table);
        return;
    }
    assay_buf_append_text(
        buf, "SELECT CAST(a.attname AS text), pg_catalog.format_type(a.atttypid, a.atttypmod), "
             "CASE WHEN a.attnotnull THEN 1 ELSE 0 END, CASE WHEN a.atthasdef OR a.attidentity <> "
             "'' THEN 1 ELSE 0 END, CASE WHEN a.attgenerated <> '' OR a.attidentity = 'a' THEN 1 "
             "ELSE 0 END FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON "
             "c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
             "a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ");
    assay_dialect_text(dialect, buf, target->schema);
    assay_buf_append_text(buf, " AND c.relname = ");
    assay_dialect_text(dialect, buf, target->table);
    assay_buf_append_text(buf, " ORDER BY a.attnum");
}

static void read_column(const assay_dialect *dialect, const assay_rows *rows, size_t row,
                        assay_server_column *column)
{
    /* DESCRIBE TABLE: name, type, kind, null?, default .. */
    enum { DESCRIBE_NULL = 3, DESCRIBE_DEFAULT = 4 };

    column->name = assay_session_text(rows, row, 0);
    column->type = assay_session_text(rows, row, 1);
    if (dialect->has_databases) {
        column->not_null = assay_str_equal(assay_session_text(rows, row, DESCRIBE_NULL), "N");
        column->has_default = assay_session_text(rows, row, DESCRIBE_DEFAULT)[0] != '\0';
    } else {
        column->not_null = assay_session_int(rows, row, 2) != 0;
        column->has_default = assay_session_int(rows, row, 3) != 0;
        column->generated = assay_session_int(rows, row, 4) != 0;
    }
}

assay_status assay_server_columns(assay_warehouse_session *session,
                                  const assay_warehouse_target *target,
                                  assay_server_column **ret_columns, size_t *ret_count,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    append_columns(session->dialect, target, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    assay_server_column *columns =
        assay_arena_take(session->arena, rows->count + 1, sizeof *columns);
    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < rows->count; i++)
        read_column(session->dialect, rows, i, &columns[i]);
    *ret_columns = columns;
    *ret_count = rows->count;
    return ASSAY_OK;
}
