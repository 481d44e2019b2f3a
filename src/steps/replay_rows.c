#include "base/str.h"
#include "engine/exact.h"
#include "steps/replay.h"
#include "table/scan.h"

assay_status assay_replay_append_open(assay_buf *buf, const assay_replay_rows *rows,
                                      assay_error *err)
{
    const assay_replay_request *request = rows->request;
    const assay_scan_options options = {.conn = request->conn};
    assay_published_rows published;

    ASSAY_TRY(assay_published_at(rows->quarantine, -1, request->steps->env, request->arena,
                                 &published, err));
    assay_buf_append_text(buf, "SELECT * FROM (");
    ASSAY_TRY(assay_scan_append_sql(buf, rows->quarantine, published.schema, published.files,
                                    published.count, &options, err));
    assay_buf_append_text(buf, ") WHERE FALSE");
    for (size_t i = 0; i < rows->entry_count; i++) {
        assay_buf_append_text(buf, " OR (" ASSAY_QUARANTINE_STEP " = ");
        assay_sql_append_text(buf, rows->entries[i].step);
        ASSAY_TRY(assay_quarantine_append_open(buf, &rows->entries[i], err));
        assay_buf_append_char(buf, ')');
    }
    return assay_buf_check(buf, err);
}

static assay_status execute(const assay_replay_rows *rows, const assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_conn_execute(rows->request->conn, sql->data, NULL, err);
}

static assay_status widen(const assay_replay_rows *rows, assay_column *column, assay_error *err)
{
    const assay_replay_request *request = rows->request;
    const assay_contract_column *declared =
        request->model != NULL ? assay_contract_find(&request->model->header.contract, column->name)
                               : NULL;
    assay_type have;
    assay_type want;
    const char *original = NULL;

    if (declared == NULL || declared->type == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_type_parse(column->type, column->name, request->arena, &have, &original, err));
    ASSAY_TRY(
        assay_type_parse(declared->type, column->name, request->arena, &want, &original, err));
    if (assay_type_can_widen(&have, &want))
        column->type = declared->type;
    else if (!assay_type_accepts(&have, &want))
        return assay_error_at(
            err, ASSAY_EDATA, 4010,
            (assay_place){request->model->path, declared->line, declared->column},
            "column '%s' of '%s' is %s, and the contract says %s, which it cannot "
            "take: nothing was replayed; --full-refresh makes the table anew",
            column->name, request->model->name, column->type, declared->type);
    return ASSAY_OK;
}

assay_status assay_replay_columns(const assay_replay_rows *rows, assay_column **ret_columns,
                                  size_t *ret_count, assay_error *err)
{
    const assay_replay_request *request = rows->request;
    assay_row_rules rules = {0};
    size_t count = 0;

    if (request->model != NULL)
        ASSAY_TRY(assay_row_rules_read(&request->model->header, request->arena, &rules, err));
    ASSAY_TRY(
        assay_published_columns(rows->base->schema, request->arena, ret_columns, &count, err));
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        /* what the mode makes is made again */
        if (assay_row_rules_make(&rules, (*ret_columns)[i].name))
            continue;
        (*ret_columns)[*ret_count] = (*ret_columns)[i];
        ASSAY_TRY(widen(rows, &(*ret_columns)[(*ret_count)++], err));
    }
    return ASSAY_OK;
}

/* The type that a column has in the quarantine. */
static assay_status type_kept(const assay_replay_rows *rows, const char *name,
                              const char **ret_type, assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_published_columns(rows->quarantine->schema, rows->request->arena, &columns,
                                      &count, err));
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name)) {
            *ret_type = columns[i].type;
            return ASSAY_OK;
        }
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "no column '%s' in quarantine", name);
}

/* One column that both have, and when it is bad. */
static assay_status append_kept(const assay_replay_rows *rows, const assay_column *column,
                                assay_buf *select, assay_buf *bad, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;
    assay_exact_cast cast = {.to = column->type, .column = column->name};

    ASSAY_TRY(type_kept(rows, column->name, &cast.from, err));
    assay_sql_append_name(&name, column->name);
    ASSAY_TRY(assay_buf_check(&name, err));
    cast.value = name.data;
    assay_sql_append_exact_try(select, &cast);
    assay_buf_append_format(select, " AS %s", cast.value);
    assay_buf_append_format(bad, " OR (%s IS NOT NULL AND ", cast.value);
    assay_sql_append_exact_try(bad, &cast);
    assay_buf_append_text(bad, " IS NULL)");
    return ASSAY_OK;
}

/* The columns of the table out of those of the quarantine: a value that no longer converts leaves
 * its row where it is. */
static assay_status append_columns(const assay_replay_rows *rows, assay_buf *select, assay_buf *bad,
                                   assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_replay_columns(rows, &columns, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool there = assay_schema_find(rows->quarantine->schema, columns[i].name) != NULL;
        if (there) {
            ASSAY_TRY(append_kept(rows, &columns[i], select, bad, err));
        } else {
            assay_buf_append_format(select, "CAST(NULL AS %s) AS ", columns[i].type);
            assay_sql_append_name(select, columns[i].name);
        }
        assay_buf_append_text(select, ", ");
    }
    ASSAY_TRY(assay_buf_check(bad, err));
    return assay_buf_check(select, err);
}

/* Rows that were read: as they were kept. */
static assay_status collect_rows(const assay_replay_rows *rows, const char *open, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf columns = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf bad = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(append_columns(rows, &columns, &bad, err));
    assay_buf_append_format(&sql,
                            "CREATE OR REPLACE TEMP TABLE " ASSAY_REPLAY_ROWS
                            " AS SELECT %s" ASSAY_QUARANTINE_STEP
                            " AS __assay_file, " ASSAY_QUARANTINE_ROW
                            " AS __assay_row FROM (%s) WHERE " ASSAY_QUARANTINE_RECORD " IS NULL",
                            columns.data, open);
    ASSAY_TRY(execute(rows, &sql, err));
    assay_buf_clear(&sql);
    assay_buf_append_format(&sql,
                            "CREATE OR REPLACE TEMP TABLE " ASSAY_REPLAY_BAD
                            " AS SELECT " ASSAY_QUARANTINE_STEP " AS file, " ASSAY_QUARANTINE_ROW
                            " AS row FROM (%s) WHERE " ASSAY_QUARANTINE_RECORD
                            " IS NULL AND (FALSE%s)",
                            open, assay_buf_text(&bad));
    return execute(rows, &sql, err);
}

assay_status assay_replay_collect(const assay_replay_rows *rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf open = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t records = 0;

    ASSAY_TRY(assay_replay_append_open(&open, rows, err));
    ASSAY_TRY(collect_rows(rows, open.data, err));
    assay_buf_append_format(&sql,
                            "SELECT count(*) FROM (%s) WHERE " ASSAY_QUARANTINE_RECORD
                            " IS NOT NULL",
                            open.data);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query_int(rows->request->conn, sql.data, &records, err));
    return records > 0 ? assay_replay_records(rows, open.data, err) : ASSAY_OK;
}

/* ---- closings ---- */

assay_status assay_replay_closings(const assay_replay_request *request, const char *sql,
                                   assay_write *write, int64_t *ret_rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf grouped = ASSAY_BUF_EMPTY;
    assay_arena *arena = request->arena;
    assay_rows *rows = NULL;

    assay_buf_append_format(&grouped,
                            "SELECT step, list(row ORDER BY row) FROM (%s) AS x(step, row) GROUP "
                            "BY 1 ORDER BY 1",
                            sql);
    ASSAY_TRY(assay_buf_check(&grouped, err));
    ASSAY_TRY(assay_conn_query(request->conn, grouped.data, 0, arena, &rows, err));
    assay_quarantine_closing *closings = assay_arena_take(arena, rows->count + 1, sizeof *closings);
    ASSAY_TRY(assay_arena_check(closings, err));
    *ret_rows = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const assay_value *list = rows->cells[i][1];
        int64_t *numbers = assay_arena_take(arena, list->count + 1, sizeof *numbers);
        ASSAY_TRY(assay_arena_check(numbers, err));
        for (size_t k = 0; k < list->count; k++)
            numbers[k] = list->items[k]->integer;
        closings[i].step = rows->cells[i][0]->text;
        closings[i].rows = assay_quarantine_ranges(numbers, list->count, arena);
        ASSAY_TRY(assay_arena_check(closings[i].rows, err));
        *ret_rows += (int64_t)list->count;
    }
    write->closings = closings;
    write->closing_count = rows->count;
    return ASSAY_OK;
}

static assay_status close_files(const assay_replay_rows *rows, assay_write *write,
                                const char *const *files, size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf open = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t closed = 0;

    ASSAY_TRY(assay_replay_append_open(&open, rows, err));
    assay_buf_append_format(&sql,
                            "SELECT " ASSAY_QUARANTINE_STEP ", " ASSAY_QUARANTINE_ROW
                            " FROM (%s) WHERE list_contains(",
                            open.data);
    assay_sql_append_texts(&sql, files, count);
    assay_buf_append_text(&sql, ", _source_file)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_replay_closings(rows->request, sql.data, write, &closed, err);
}

assay_status assay_replay_supersede(assay_write *write, const char *const *files, size_t count,
                                    assay_error *err)
{
    const char *name = assay_quarantine_name(write->table, write->arena);
    const assay_replay_request request = {.steps = write->steps,
                                          .conn = write->conn,
                                          .arena = write->arena,
                                          .table = write->table};
    assay_replay_rows rows = {.request = &request, .base = write->base};
    assay_quarantine_entry *entries = NULL;

    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(
        assay_quarantine_entries(write->previous, write->arena, &entries, &rows.entry_count, err));
    rows.entries = entries;
    if (count == 0 || rows.entry_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_published_load(write->steps->project, write->steps->env, write->conn, name,
                                   write->arena, &rows.quarantine, err));
    return rows.quarantine->exists ? close_files(&rows, write, files, count, err) : ASSAY_OK;
}
