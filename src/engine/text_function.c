#include "engine/text_function.h"

#include "base/mem.h"
#include "engine/connection.h"

/* The engine hands back what it was given as void *, without const. */
struct given {
    const assay_text_function *function;
};

static void free_given(void *user)
{
    assay_mem_free(user);
}

static void run_row(const assay_text_function *function, duckdb_vector output, idx_t row,
                    duckdb_string_t *text)
{
    ASSAY_AUTO(assay_buf_done) assay_buf result = ASSAY_BUF_EMPTY;

    assay_buf_reserve(&result, duckdb_string_t_length(*text) + 1);
    bool made = function->run(duckdb_string_t_data(text), duckdb_string_t_length(*text), &result);
    if (made && !result.failed) {
        duckdb_vector_assign_string_element_len(output, row, assay_buf_text(&result), result.size);
        return;
    }
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

static void run(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct given *given = duckdb_scalar_function_get_extra_info(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *values = duckdb_vector_get_data(texts);
    uint64_t *valid = duckdb_vector_get_validity(texts);
    idx_t count = duckdb_data_chunk_get_size(input);

    for (idx_t row = 0; row < count; row++) {
        if (duckdb_validity_row_is_valid(valid, row)) {
            run_row(given->function, output, row, &values[row]);
            continue;
        }
        duckdb_vector_ensure_validity_writable(output);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
    }
}

static assay_status is_known(assay_conn *conn, const char *name, bool *ret_known, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    assay_buf_append_text(&sql, "SELECT 1 FROM duckdb_functions() WHERE function_name = ");
    assay_sql_append_text(&sql, name);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 1, arena, &rows, err));
    *ret_known = rows->count > 0;
    return ASSAY_OK;
}

assay_status assay_conn_add_text_function(assay_conn *conn, const assay_text_function *function,
                                          assay_error *err)
{
    bool known = false;

    ASSAY_TRY(is_known(conn, function->name, &known, err));
    if (known)
        return ASSAY_OK;
    struct given *given = assay_mem_new(1, sizeof *given);
    if (given == NULL)
        return assay_error_nomem(err);
    given->function = function;
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    ASSAY_AUTO(duckdb_destroy_scalar_function)
    duckdb_scalar_function made = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(made, function->name);
    duckdb_scalar_function_add_parameter(made, text);
    duckdb_scalar_function_set_return_type(made, text);
    duckdb_scalar_function_set_extra_info(made, given, free_given);
    duckdb_scalar_function_set_function(made, run);
    if (duckdb_register_scalar_function(conn->handle, made) == DuckDBSuccess)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EINTERNAL, 3019, "the engine refuses the function '%s'",
                           function->name);
}
