#include "engine/connection.h"

#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/vec.h"

enum { PAUSE_MIN_NS = 20000, PAUSE_MAX_NS = 640000 };

static assay_status fail_result(duckdb_result *result, const assay_engine_text *text,
                                assay_error *err)
{
    assay_status status = assay_engine_fail(duckdb_result_error(result), text, err);

    duckdb_destroy_result(result);
    return status;
}

/* Works on the statement until its result is ready. duckdb_execute_pending alone would spin on a
 * processor while the engine's other threads do what is left. */
static assay_status work_on(duckdb_pending_result pending, const assay_engine_text *text,
                            assay_error *err)
{
    struct timespec pause = {0, PAUSE_MIN_NS};

    for (;;) {
        duckdb_pending_state state = duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_ERROR)
            return assay_engine_fail(duckdb_pending_error(pending), text, err);
        if (duckdb_pending_execution_is_finished(state))
            return ASSAY_OK;
        if (state == DUCKDB_PENDING_RESULT_NOT_READY) {
            pause.tv_nsec = PAUSE_MIN_NS;
            continue;
        }
        (void)nanosleep(&pause, NULL);
        if (pause.tv_nsec < PAUSE_MAX_NS)
            pause.tv_nsec *= 2;
    }
}

/* Runs one prepared statement, or starts it where the text asks for a stream. */
static assay_status start_prepared(duckdb_prepared_statement statement,
                                   const assay_engine_text *text, duckdb_result *ret_result,
                                   assay_error *err)
{
    ASSAY_AUTO(duckdb_destroy_pending) duckdb_pending_result pending = NULL;

    duckdb_state state = text != NULL && text->stream
                             ? duckdb_pending_prepared_streaming(statement, &pending)
                             : duckdb_pending_prepared(statement, &pending);
    if (state != DuckDBSuccess)
        return assay_engine_fail(duckdb_pending_error(pending), text, err);
    ASSAY_TRY(work_on(pending, text, err));
    if (duckdb_execute_pending(pending, ret_result) != DuckDBSuccess)
        return fail_result(ret_result, text, err);
    return ASSAY_OK;
}

static assay_status start_last(assay_conn *conn, duckdb_extracted_statements statements,
                               idx_t count, const assay_engine_text *text,
                               duckdb_result *ret_result, assay_error *err)
{
    for (idx_t i = 0; i < count; i++) {
        ASSAY_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;
        if (duckdb_prepare_extracted_statement(conn->handle, statements, i, &statement) !=
            DuckDBSuccess)
            return assay_engine_fail(duckdb_prepare_error(statement), text, err);
        ASSAY_TRY(start_prepared(statement, text, ret_result, err));
        if (i + 1 < count)
            duckdb_destroy_result(ret_result);
    }
    return ASSAY_OK;
}

assay_status assay_engine_start(assay_conn *conn, const assay_engine_text *text,
                                duckdb_result *ret_result, assay_error *err)
{
    ASSAY_AUTO(duckdb_destroy_extracted) duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(conn->handle, text->text, &statements);

    if (count > 0)
        return start_last(conn, statements, count, text, ret_result, err);
    const char *message = duckdb_extract_statements_error(statements);
    if (message != NULL)
        return assay_engine_fail(message, text, err);
    return assay_error_set(err, ASSAY_ECONFIG, 3001, "there is no statement to run");
}

assay_status assay_engine_run(assay_conn *conn, const assay_engine_text *text,
                              uint64_t *ret_changed, assay_error *err)
{
    duckdb_result result;

    ASSAY_TRY(assay_engine_start(conn, text, &result, err));
    if (ret_changed != NULL)
        *ret_changed = duckdb_rows_changed(&result);
    duckdb_destroy_result(&result);
    return ASSAY_OK;
}

assay_status assay_conn_execute(assay_conn *conn, const char *sql, uint64_t *ret_changed,
                                assay_error *err)
{
    return assay_engine_run(conn, &(assay_engine_text){.text = sql, .sql = sql}, ret_changed, err);
}

static assay_status read_header(duckdb_result *result, assay_arena *arena, assay_rows *rows,
                                assay_error *err)
{
    rows->column_count = (size_t)duckdb_column_count(result);
    rows->names = assay_arena_take(arena, rows->column_count + 1, sizeof *rows->names);
    rows->types = assay_arena_take(arena, rows->column_count + 1, sizeof *rows->types);
    if (rows->names == NULL || rows->types == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < rows->column_count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        duckdb_logical_type type = duckdb_column_logical_type(result, i);
        assay_engine_type_text(&text, type);
        duckdb_destroy_logical_type(&type);
        ASSAY_TRY(assay_buf_check(&text, err));
        rows->names[i] = assay_arena_text(arena, duckdb_column_name(result, i));
        rows->types[i] = assay_arena_text(arena, assay_buf_text(&text));
        if (rows->names[i] == NULL || rows->types[i] == NULL)
            return assay_error_nomem(err);
    }
    return ASSAY_OK;
}

struct reading {
    duckdb_result *result;
    const char *sql;
    size_t limit; /* rows wanted */
    bool cut;     /* more rows are cut, else refused */
    duckdb_logical_type *types;
    assay_rows *rows;
    assay_vec lines;
    assay_arena *arena;
};

static assay_status read_row(struct reading *reading, duckdb_data_chunk chunk, idx_t row,
                             assay_error *err)
{
    size_t columns = reading->rows->column_count;
    assay_value **line = assay_arena_take(reading->arena, columns + 1, sizeof(assay_value *));

    if (line == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < columns; i++)
        ASSAY_TRY(assay_engine_cell(duckdb_data_chunk_get_vector(chunk, i), reading->types[i], row,
                                    reading->arena, &line[i], err));
    return assay_vec_push(&reading->lines, &line, err);
}

static assay_status too_many(const struct reading *reading, assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 3015, "the result has more than %zu rows",
                           reading->limit);
}

static assay_status read_chunk(struct reading *reading, duckdb_data_chunk chunk, bool *ret_done,
                               assay_error *err)
{
    idx_t size = duckdb_data_chunk_get_size(chunk);

    for (idx_t row = 0; row < size; row++) {
        if (reading->lines.count == reading->limit) {
            reading->rows->truncated = true;
            *ret_done = true;
            return reading->cut ? ASSAY_OK : too_many(reading, err);
        }
        ASSAY_TRY(read_row(reading, chunk, row, err));
    }
    return ASSAY_OK;
}

static assay_status read_chunks(struct reading *reading, assay_error *err)
{
    bool done = false;

    while (!done) {
        ASSAY_AUTO(duckdb_destroy_data_chunk)
        duckdb_data_chunk chunk = duckdb_fetch_chunk(*reading->result);
        if (chunk == NULL)
            break;
        ASSAY_TRY(read_chunk(reading, chunk, &done, err));
    }
    const char *message = duckdb_result_error(reading->result);
    if (!done && message != NULL && message[0] != '\0')
        return assay_engine_fail(message, &(assay_engine_text){.sql = reading->sql}, err);
    return assay_vec_to_arena(&reading->lines, reading->arena, &reading->rows->cells,
                              &reading->rows->count, err);
}

assay_status assay_engine_collect(duckdb_result *result, const char *sql, size_t limit,
                                  assay_arena *arena, assay_rows **ret_rows, assay_error *err)
{
    assay_rows *rows = assay_arena_take(arena, 1, sizeof *rows);
    struct reading reading = {.result = result,
                              .sql = sql,
                              .limit = limit > 0 ? limit : ASSAY_ROWS_MAX,
                              .cut = limit > 0,
                              .rows = rows,
                              .lines = ASSAY_VEC_OF(assay_value **),
                              .arena = arena};

    if (rows == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(read_header(result, arena, rows, err));
    reading.types = assay_arena_take(arena, rows->column_count + 1, sizeof *reading.types);
    if (reading.types == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < rows->column_count; i++)
        reading.types[i] = duckdb_column_logical_type(result, i);
    assay_status status = read_chunks(&reading, err);
    for (size_t i = 0; i < rows->column_count; i++)
        duckdb_destroy_logical_type(&reading.types[i]);
    assay_vec_done(&reading.lines);
    if (status == ASSAY_OK)
        *ret_rows = rows;
    return status;
}

static assay_status query_once(assay_conn *conn, const assay_engine_text *text, size_t limit,
                               assay_arena *arena, assay_rows **ret_rows, assay_error *err)
{
    duckdb_result result;

    ASSAY_TRY(assay_engine_start(conn, text, &result, err));
    assay_status status = assay_engine_collect(&result, text->sql, limit, arena, ret_rows, err);
    duckdb_destroy_result(&result);
    return status;
}

assay_status assay_conn_query(assay_conn *conn, const char *sql, size_t limit, assay_arena *arena,
                              assay_rows **ret_rows, assay_error *err)
{
    unsigned int interrupts = atomic_load(&conn->interrupts);
    assay_engine_text text = {sql, sql, 0, limit > 0};
    assay_status status = query_once(conn, &text, limit, arena, ret_rows, err);

    /* A stream that fails in another thread of the engine is sometimes said to be interrupted (1 of
     * 100 with DuckDB 1.5.5); run as a whole it gives its reason. */
    if (status == ASSAY_ECANCELLED && text.stream && interrupts == atomic_load(&conn->interrupts)) {
        text.stream = false;
        status = query_once(conn, &text, limit, arena, ret_rows, err);
    }
    return status;
}

/* The first cell of the first row, or ENOTFOUND. */
static assay_status query_cell(assay_conn *conn, const char *sql, assay_arena *arena,
                               const assay_value **ret_cell, assay_error *err)
{
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_conn_query(conn, sql, 1, arena, &rows, err));
    if (rows->count == 0 || rows->column_count == 0)
        return assay_error_set(err, ASSAY_ENOTFOUND, 3016, "the query gave no row");
    *ret_cell = rows->cells[0][0];
    return ASSAY_OK;
}

assay_status assay_conn_query_text(assay_conn *conn, const char *sql, assay_arena *arena,
                                   const char **ret_text, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const assay_value *cell = NULL;

    ASSAY_TRY(query_cell(conn, sql, arena, &cell, err));
    if (cell->kind == ASSAY_VALUE_NULL) {
        *ret_text = NULL;
        return ASSAY_OK;
    }
    if (cell->kind == ASSAY_VALUE_BOOL)
        assay_buf_append_text(&text, cell->boolean ? "true" : "false");
    else if (cell->kind == ASSAY_VALUE_TEXT)
        assay_buf_append_text(&text, cell->text);
    else
        assay_sql_append_value(&text, cell);
    ASSAY_TRY(assay_buf_check(&text, err));
    const char *copy = assay_arena_text(arena, assay_buf_text(&text));
    ASSAY_TRY(assay_arena_check(copy, err));
    *ret_text = copy;
    return ASSAY_OK;
}

static assay_status cell_to_int(const assay_value *cell, int64_t *ret_value, assay_error *err)
{
    int64_t value = 0;

    if (cell->kind == ASSAY_VALUE_INT) {
        value = cell->integer;
    } else if (cell->kind == ASSAY_VALUE_BOOL) {
        value = cell->boolean ? 1 : 0;
    } else if (cell->kind != ASSAY_VALUE_NULL && !assay_str_to_int64(cell->text, &value)) {
        return assay_error_set(err, ASSAY_EDATA, 3017, "the query gave no whole number but a %s",
                               assay_value_kind_name(cell->kind));
    }
    *ret_value = value;
    return ASSAY_OK;
}

assay_status assay_conn_query_int(assay_conn *conn, const char *sql, int64_t *ret_value,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_value *cell = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(query_cell(conn, sql, arena, &cell, err));
    return cell_to_int(cell, ret_value, err);
}

static const char describe_prefix[] = "DESCRIBE ";

assay_status assay_conn_describe(assay_conn *conn, const char *sql, assay_arena *arena,
                                 assay_column **ret_columns, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    duckdb_result result;
    assay_rows *rows = NULL;

    assay_buf_append_text(&text, describe_prefix);
    assay_buf_append_text(&text, sql);
    ASSAY_TRY(assay_buf_check(&text, err));
    assay_engine_text full = {.text = assay_buf_text(&text),
                              .sql = sql,
                              .shift = strlen(describe_prefix)};
    ASSAY_TRY(assay_engine_start(conn, &full, &result, err));
    assay_status status = assay_engine_collect(&result, sql, 0, arena, &rows, err);
    duckdb_destroy_result(&result);
    ASSAY_TRY(status);
    assay_column *columns = assay_arena_take(arena, rows->count + 1, sizeof *columns);
    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < rows->count; i++)
        columns[i] = (assay_column){rows->cells[i][0]->text, rows->cells[i][1]->text};
    *ret_columns = columns;
    *ret_count = rows->count;
    return ASSAY_OK;
}

static assay_status call_prepared(duckdb_prepared_statement statement, const char *argument,
                                  assay_arena *arena, const char **ret_text, assay_error *err)
{
    duckdb_result result;
    assay_rows *rows = NULL;

    if (duckdb_bind_varchar(statement, 1, argument) != DuckDBSuccess)
        return assay_error_set(err, ASSAY_EINTERNAL, 3099, "the engine refuses a text parameter");
    ASSAY_TRY(start_prepared(statement, NULL, &result, err));
    assay_status status = assay_engine_collect(&result, NULL, 1, arena, &rows, err);
    duckdb_destroy_result(&result);
    ASSAY_TRY(status);
    *ret_text = rows->count > 0 ? rows->cells[0][0]->text : NULL;
    return ASSAY_OK;
}

/* The statement as it was prepared, or is now; where all places are taken the first one is. */
static assay_status find_call(assay_conn *conn, const char *statement,
                              duckdb_prepared_statement *ret_prepared, assay_error *err)
{
    assay_engine_call *place = &conn->calls[0];

    for (size_t i = ASSAY_ENGINE_CALLS; i-- > 0;) {
        assay_engine_call *call = &conn->calls[i];
        if (call->prepared == NULL)
            place = call;
        else if (assay_str_equal(call->statement, statement)) {
            *ret_prepared = call->prepared;
            return ASSAY_OK;
        }
    }
    duckdb_destroy_prepare(&place->prepared);
    if (duckdb_prepare(conn->handle, statement, &place->prepared) != DuckDBSuccess) {
        assay_status status = assay_engine_fail(duckdb_prepare_error(place->prepared), NULL, err);
        duckdb_destroy_prepare(&place->prepared);
        return status;
    }
    place->statement = statement;
    *ret_prepared = place->prepared;
    return ASSAY_OK;
}

assay_status assay_engine_call_text(assay_conn *conn, const char *statement, const char *argument,
                                    assay_arena *arena, const char **ret_text, assay_error *err)
{
    duckdb_prepared_statement prepared = NULL; /* the connection's */

    ASSAY_TRY(find_call(conn, statement, &prepared, err));
    return call_prepared(prepared, argument, arena, ret_text, err);
}
