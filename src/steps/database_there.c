#include "steps/extract_database.h"
#include "steps/quarantine.h"
#include "steps/replay.h"
#include "table/scan.h"

/* What earlier runs have read of a source: rows of the table, and those that they put aside. */

static assay_status append_table(const assay_database_there *there, assay_buf *sql,
                                 int64_t *ret_count, assay_error *err)
{
    const assay_step_context *context = there->context;
    const assay_scan_options options = {.conn = context->conn};
    assay_published_rows rows;

    *ret_count = 0;
    ASSAY_TRY(assay_published_at(there->table, -1, context->env, context->arena, &rows, err));
    for (size_t i = 0; i < rows.count; i++)
        *ret_count += rows.files[i].rows;
    return assay_scan_append_sql(sql, rows.table, rows.schema, rows.files, rows.count, &options,
                                 err);
}

static assay_status append_quarantine(const assay_database_there *there, assay_buf *sql,
                                      int64_t *ret_count, assay_error *err)
{
    const assay_step_context *context = there->context;
    const assay_replay_request request = {.steps = there->steps,
                                          .conn = context->conn,
                                          .arena = context->arena};
    assay_replay_rows rows = {.request = &request, .base = there->table};
    assay_quarantine_entry *entries = NULL;

    *ret_count = 0;
    ASSAY_TRY(
        assay_quarantine_entries(there->state, context->arena, &entries, &rows.entry_count, err));
    rows.entries = entries;
    for (size_t i = 0; i < rows.entry_count; i++)
        *ret_count += entries[i].open;
    if (*ret_count == 0)
        return ASSAY_OK;
    const char *name = assay_quarantine_name(context->model->name, context->arena);
    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(assay_published_load(context->project, context->env, context->conn, name,
                                   context->arena, &rows.quarantine, err));
    if (!rows.quarantine->exists)
        return ASSAY_OK; /* somebody has removed it: its rows come again */
    assay_buf_append_text(sql, " UNION ALL BY NAME (");
    ASSAY_TRY(assay_replay_append_open(sql, &rows, err));
    assay_buf_append_char(sql, ')');
    return ASSAY_OK;
}

assay_status assay_database_there_select(const assay_database_there *there, const char **ret_select,
                                         assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t rows = 0;
    int64_t aside = 0;

    assay_buf_append_char(&sql, '(');
    ASSAY_TRY(append_table(there, &sql, &rows, err));
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(append_quarantine(there, &sql, &aside, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_select = NULL;
    if (rows + aside == 0)
        return ASSAY_OK;
    *ret_select = assay_arena_text(there->context->arena, sql.data);
    return assay_arena_check(*ret_select, err);
}
