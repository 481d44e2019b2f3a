#include "base/path.h"
#include "base/str.h"
#include "steps/keyed.h"
#include "table/scan.h"

void assay_keyed_append_column(assay_buf *buf, const char *alias, const char *name)
{
    if (alias[0] != '\0') {
        assay_buf_append_text(buf, alias);
        assay_buf_append_char(buf, '.');
    }
    assay_sql_append_name(buf, name);
}

void assay_keyed_append_match(assay_buf *buf, const assay_keyed *keyed, const char *left,
                              const char *right)
{
    for (size_t i = 0; i < keyed->rules->key_count; i++) {
        assay_buf_append_text(buf, i > 0 ? " AND " : "");
        assay_keyed_append_column(buf, left, keyed->rules->key[i]);
        assay_buf_append_text(buf, " = ");
        assay_keyed_append_column(buf, right, keyed->rules->key[i]);
    }
}

void assay_keyed_append_key(assay_buf *buf, const assay_keyed *keyed, const char *alias)
{
    for (size_t i = 0; i < keyed->rules->key_count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_keyed_append_column(buf, alias, keyed->rules->key[i]);
    }
}

bool assay_keyed_is_key(const assay_keyed *keyed, const char *name)
{
    for (size_t i = 0; i < keyed->rules->key_count; i++)
        if (assay_str_equal_ci(keyed->rules->key[i], name))
            return true;
    return false;
}

bool assay_keyed_append_made(assay_buf *buf, const char *name, const assay_keyed_made *made,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(name, made[i].name)) {
            assay_buf_append_text(buf, made[i].sql);
            return true;
        }
    return false;
}

/* md5 of "<length>:<text>" of every column of the key and of effective_start: stable, and the same
 * whenever the table is built again. */
void assay_keyed_append_surrogate(assay_buf *buf, const assay_keyed *keyed, const char *alias,
                                  const char *start)
{
    assay_buf_append_text(buf, "md5(concat(");
    for (size_t i = 0; i < keyed->rules->key_count; i++)
        for (int part = 0; part < 2; part++) {
            assay_buf_append_text(buf, part == 0 ? "length(CAST(" : "':', CAST(");
            assay_keyed_append_column(buf, alias, keyed->rules->key[i]);
            assay_buf_append_text(buf, part == 0 ? " AS VARCHAR)), " : " AS VARCHAR), ");
        }
    assay_buf_append_format(buf, "length(CAST(%s AS VARCHAR)), ':', CAST(%s AS VARCHAR)))", start,
                            start);
}

bool assay_keyed_has_numbers(const assay_keyed *keyed)
{
    for (size_t i = 0; i < keyed->schema->count; i++)
        if (keyed->from_query[i] && assay_str_equal_ci(keyed->schema->fields[i].name, "rowid"))
            return false;
    return true;
}

void assay_keyed_append_type(assay_buf *buf, const assay_keyed *keyed, size_t column)
{
    assay_field_format_type(buf, &keyed->schema->fields[column]);
}

assay_status assay_keyed_append_scan(assay_buf *buf, const assay_keyed *keyed,
                                     const assay_data_file *files, size_t count, const char *alias,
                                     assay_error *err)
{
    const assay_scan_options options = {.file_columns = true, .conn = keyed->write->conn};

    assay_buf_append_char(buf, '(');
    ASSAY_TRY(
        assay_scan_append_sql(buf, keyed->write->base, keyed->schema, files, count, &options, err));
    assay_buf_append_text(buf, ") ");
    assay_buf_append_text(buf, alias);
    return ASSAY_OK;
}

void assay_keyed_append_file(assay_buf *buf, const assay_keyed *keyed, const char *alias)
{
    assay_buf_append_format(buf, "CAST(%s.__assay_file AS " KEYED_FILES "_%d)", alias,
                            keyed->files_type);
}

assay_status assay_keyed_run(assay_keyed *keyed, assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    assay_status status = assay_conn_execute(keyed->write->conn, assay_buf_text(sql), NULL, err);
    assay_buf_clear(sql);
    if (status != ASSAY_OK && err != NULL && err->path[0] == '\0') {
        err->line = 0; /* a position in the statement around the query means nothing to the user */
        err->column = 0;
    }
    return status;
}

assay_status assay_keyed_ask(assay_keyed *keyed, assay_buf *sql, int64_t *ret_value,
                             assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    assay_status status =
        assay_conn_query_int(keyed->write->conn, assay_buf_text(sql), ret_value, err);
    assay_buf_clear(sql);
    return status;
}

/* ---- naming a row ---- */

/* By the model, or by what the last commit said of the table. */
static bool is_hidden(const assay_write *write, const char *name)
{
    const assay_state_file *state = write->previous;

    if (write->model != NULL && assay_model_column_is_pii(write->model, name))
        return true;
    for (size_t i = 0; state != NULL && i < state->pii_count; i++)
        if (assay_str_equal_ci(state->pii[i], name))
            return true;
    return false;
}

static void append_named(assay_buf *text, const assay_keyed *keyed, size_t column,
                         const assay_value *value)
{
    const char *name = keyed->rules->key[column];
    bool hidden = is_hidden(keyed->write, name);

    assay_buf_append_text(text, column > 0 ? ", " : "");
    assay_buf_append_text(text, name);
    assay_buf_append_text(text, hidden ? " = ***" : " = '");
    if (!hidden) {
        assay_buf_append_text(text, value->kind == ASSAY_VALUE_NULL ? "NULL" : value->text);
        assay_buf_append_char(text, '\'');
    }
}

assay_status assay_keyed_name_row(assay_keyed *keyed, const char *from, const char **ret_text,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT ");
    for (size_t i = 0; i < keyed->rules->key_count; i++) {
        assay_buf_append_text(&sql, i > 0 ? ", CAST(" : "CAST(");
        assay_sql_append_name(&sql, keyed->rules->key[i]);
        assay_buf_append_text(&sql, " AS VARCHAR)");
    }
    assay_buf_append_text(&sql, " FROM ");
    assay_buf_append_text(&sql, from);
    assay_buf_append_text(&sql, " ORDER BY ALL LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(keyed->write->conn, assay_buf_text(&sql), 1, keyed->write->arena,
                               &rows, err));
    for (size_t i = 0; rows->count > 0 && i < keyed->rules->key_count; i++)
        append_named(&text, keyed, i, rows->cells[0][i]);
    ASSAY_TRY(assay_buf_check(&text, err));
    *ret_text = assay_arena_text(keyed->write->arena, assay_buf_text(&text));
    return assay_arena_check(*ret_text, err);
}

/* ---- rows of the table ---- */

/* File names are long and come in every row: they are kept as a number. */
static assay_status make_files_type(assay_keyed *keyed, assay_buf *sql, assay_error *err)
{
    keyed->files_type++;
    assay_buf_append_format(sql, "CREATE TYPE " KEYED_FILES "_%d AS ENUM (", keyed->files_type);
    for (size_t i = 0; i < keyed->candidate_count; i++) {
        assay_buf_append_text(sql, i > 0 ? ", " : "");
        assay_sql_append_text(sql, keyed->candidates[i].path);
    }
    assay_buf_append_char(sql, ')');
    return assay_keyed_run(keyed, sql, err);
}

assay_status assay_keyed_find_hits(assay_keyed *keyed, const char *relation, const char *more,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(make_files_type(keyed, &sql, err));
    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " KEYED_HIT " AS SELECT ");
    assay_keyed_append_file(&sql, keyed, "t");
    assay_buf_append_format(&sql, " AS __f, t.__assay_row AS __r%s FROM ", more);
    ASSAY_TRY(
        assay_keyed_append_scan(&sql, keyed, keyed->candidates, keyed->candidate_count, "t", err));
    assay_buf_append_format(&sql, " JOIN %s b ON ", relation);
    assay_keyed_append_match(&sql, keyed, "t", "b");
    return assay_keyed_run(keyed, &sql, err);
}

assay_status assay_keyed_hit_files(assay_keyed *keyed, const char *table, const char *condition,
                                   assay_data_file **ret_files, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_write *write = keyed->write;
    assay_data_file *files =
        assay_arena_take(write->arena, keyed->candidate_count + 1, sizeof *files);
    assay_rows *rows = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(files, err));
    /* in the order of the candidates, which is that of the type */
    assay_buf_append_format(&sql,
                            "SELECT DISTINCT __f FROM %s WHERE __f IS NOT NULL%s%s ORDER BY 1",
                            table, condition != NULL ? " AND " : "",
                            condition != NULL ? condition : "");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(write->conn, assay_buf_text(&sql), 0, write->arena, &rows, err));
    for (size_t i = 0, k = 0; i < rows->count && k < keyed->candidate_count; k++)
        if (assay_str_equal(rows->cells[i][0]->text, keyed->candidates[k].path)) {
            files[count++] = keyed->candidates[k];
            i++;
        }
    if (count != rows->count)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001,
                               "%zu of %zu files with rows to change were not found again",
                               rows->count - count, rows->count);
    *ret_files = files;
    *ret_count = count;
    return ASSAY_OK;
}
