#include <string.h>

#include "base/str.h"
#include "engine/connection.h"
#include "text/json.h"

/* The engine refuses expressions deeper than 1,000; each level is up to four of its JSON. */
enum { TREE_DEPTH_MAX = 4000 };

assay_status assay_conn_count_statements(assay_conn *conn, const char *sql, size_t *ret_count,
                                         assay_error *err)
{
    ASSAY_AUTO(duckdb_destroy_extracted) duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(conn->handle, sql, &statements);

    if (count == 0) {
        const char *message = duckdb_extract_statements_error(statements);
        if (message != NULL)
            return assay_engine_fail(message, &(assay_engine_text){.text = sql, .sql = sql}, err);
    }
    *ret_count = (size_t)count;
    return ASSAY_OK;
}

assay_status assay_conn_is_query(assay_conn *conn, const char *sql, bool *ret_is, assay_error *err)
{
    ASSAY_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;

    *ret_is = false;
    if (duckdb_prepare(conn->handle, sql, &statement) != DuckDBSuccess)
        return assay_engine_fail(duckdb_prepare_error(statement),
                                 &(assay_engine_text){.text = sql, .sql = sql}, err);
    duckdb_statement_type type = duckdb_prepared_statement_type(statement);
    *ret_is = type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN;
    return ASSAY_OK;
}

/* The answer of json_serialize_sql and json_serialize_plan: {"error": false, <key>: [..]}. */
static assay_status read_answer(const char *json, const char *sql, assay_arena *arena,
                                assay_value **ret_answer, assay_error *err)
{
    assay_value *answer = NULL;
    int64_t position = -1;

    ASSAY_TRY(assay_json_parse_deep(json, strlen(json), "syntax tree", TREE_DEPTH_MAX, arena,
                                    &answer, err));
    if (!assay_value_find_bool(answer, "error", false)) {
        *ret_answer = answer;
        return ASSAY_OK;
    }
    const char *digits = assay_value_find_text(answer, "position", NULL);
    if (digits == NULL || !assay_str_to_int64(digits, &position))
        position = -1;
    return assay_engine_fail_parts(assay_value_find_text(answer, "error_type", ""),
                                   assay_value_find_text(answer, "error_message", ""), position,
                                   sql, err);
}

static assay_status serialize(assay_conn *conn, const char *function, const char *sql,
                              assay_arena *arena, assay_value **ret_answer, assay_error *err)
{
    const char *json = NULL;

    ASSAY_TRY(assay_engine_call_text(conn, function, sql, arena, &json, err));
    if (json == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 3099, "the engine gave no syntax tree");
    return read_answer(json, sql, arena, ret_answer, err);
}

assay_status assay_conn_parse(assay_conn *conn, const char *sql, assay_arena *arena,
                              assay_value **ret_tree, assay_error *err)
{
    assay_value *answer = NULL;
    assay_status status =
        serialize(conn, "SELECT json_serialize_sql($1::VARCHAR)", sql, arena, &answer, err);

    if (status == ASSAY_EUNSUPPORTED)
        return assay_error_set(err, ASSAY_ECONFIG, 3010, "this is not a SELECT");
    ASSAY_TRY(status);
    const assay_value *statements = assay_value_find(answer, "statements");
    if (statements == NULL || statements->count == 0)
        return assay_error_set(err, ASSAY_ECONFIG, 3010, "there is no SELECT");
    if (statements->count > 1)
        return assay_error_set(err, ASSAY_ECONFIG, 3010, "there are %zu statements, not one SELECT",
                               statements->count);
    *ret_tree = answer;
    return ASSAY_OK;
}

assay_status assay_conn_unparse(assay_conn *conn, const assay_value *tree, assay_arena *arena,
                                const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf json = ASSAY_BUF_EMPTY;
    const char *sql = NULL;

    assay_json_write(&json, tree, 0);
    ASSAY_TRY(assay_buf_check(&json, err));
    ASSAY_TRY(assay_engine_call_text(conn, "SELECT json_deserialize_sql($1::JSON)",
                                     assay_buf_text(&json), arena, &sql, err));
    if (sql == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 3099, "the engine gave no text of a tree");
    *ret_sql = sql;
    return ASSAY_OK;
}

assay_status assay_conn_plan(assay_conn *conn, const char *sql, assay_arena *arena,
                             assay_value **ret_plan, assay_error *err)
{
    assay_error cause = {0};
    assay_value *answer = NULL;
    assay_status status =
        serialize(conn, "SELECT json_serialize_plan($1::VARCHAR)", sql, arena, &answer, &cause);

    if (status == ASSAY_EUNSUPPORTED)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 3011, "the plan cannot be written out: %s",
                               cause.message);
    if (status != ASSAY_OK)
        return assay_error_copy(err, &cause);
    *ret_plan = answer;
    return ASSAY_OK;
}
