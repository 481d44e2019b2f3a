#include "steps/replay.h"

#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "steps/gate.h"
#include "table/scan.h"

/* One replay. */
struct replaying {
    const assay_replay_request *request;
    assay_replay_rows rows;
    assay_state_file *state;
    assay_write write;
    const char *columns; /* of the table, quoted, joined by commas */
};

static assay_status execute(const struct replaying *replaying, const assay_buf *sql,
                            assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_conn_execute(replaying->request->conn, sql->data, NULL, err);
}

/* ---- what is there ---- */

static assay_status nothing(const assay_replay_request *request, assay_error *err)
{
    return assay_error_set(err, ASSAY_ENOTFOUND, 5040, "nothing of '%s' is in quarantine%s%s%s",
                           request->table, request->only_run != NULL ? " from run '" : "",
                           request->only_run != NULL ? request->only_run : "",
                           request->only_run != NULL ? "'" : "");
}

/* The entries whose rows are asked for. */
static assay_status choose(struct replaying *replaying, assay_error *err)
{
    const assay_replay_request *request = replaying->request;
    assay_quarantine_entry *entries = NULL;
    size_t count = 0;
    size_t kept = 0;

    ASSAY_TRY(assay_quarantine_entries(replaying->state, request->arena, &entries, &count, err));
    for (size_t i = 0; i < count; i++)
        if (request->only_run == NULL || assay_str_starts(entries[i].run, request->only_run))
            entries[kept++] = entries[i];
    replaying->rows.entries = entries;
    replaying->rows.entry_count = kept;
    return kept > 0 ? ASSAY_OK : nothing(request, err);
}

static assay_status load(struct replaying *replaying, assay_table **ret_base, assay_error *err)
{
    const assay_replay_request *request = replaying->request;
    const assay_step_env *env = request->steps->env;
    const char *name = assay_quarantine_name(request->table, request->arena);
    int foreign = 0;

    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(assay_published_load(request->steps->project, env, request->conn, request->table,
                                   request->arena, ret_base, err));
    if (!(*ret_base)->exists)
        return nothing(request, err);
    ASSAY_TRY(assay_state_file_current(*ret_base, env->store, request->arena, &replaying->state,
                                       &foreign, err));
    ASSAY_TRY(choose(replaying, err));
    ASSAY_TRY(assay_published_load(request->steps->project, env, request->conn, name,
                                   request->arena, &replaying->rows.quarantine, err));
    if (!replaying->rows.quarantine->exists)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4062, "there is no table '%s'", name);
    replaying->rows.request = request;
    replaying->rows.base = *ret_base;
    return ASSAY_OK;
}

static assay_status list_columns(struct replaying *replaying, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf names = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_replay_columns(&replaying->rows, &columns, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(&names, i > 0 ? ", " : "");
        assay_sql_append_name(&names, columns[i].name);
    }
    ASSAY_TRY(assay_buf_check(&names, err));
    replaying->columns = assay_arena_text(replaying->request->arena, names.data);
    return assay_arena_check(replaying->columns, err);
}

/* ---- the write ---- */

/* Adds rows to the table the way its model does; what was consumed for it stays as it is. */
static assay_status fill_write(struct replaying *replaying, assay_table *base, assay_error *err)
{
    const assay_replay_request *request = replaying->request;
    assay_write *write = &replaying->write;

    *write = (assay_write){.steps = request->steps,
                           .conn = request->conn,
                           .arena = request->arena,
                           .table = request->table,
                           .base = base,
                           .mode = ASSAY_LOAD_APPEND,
                           .model = request->model,
                           .run_id = request->run_id,
                           .step_id = request->step_id,
                           .now_us = request->now_us,
                           .previous = replaying->state,
                           .state = *replaying->state,
                           .result_format = ASSAY_RESULT_FORMAT_BASIC};
    if (request->model != NULL && (request->model->header.mode == ASSAY_LOAD_MERGE ||
                                   request->model->header.mode == ASSAY_LOAD_SCD2)) {
        write->mode = request->model->header.mode;
        ASSAY_TRY(
            assay_row_rules_read(&request->model->header, request->arena, &write->rules, err));
    }
    return assay_model_header_partitions(request->model != NULL ? &request->model->header : NULL,
                                         request->arena, &write->partition_by,
                                         &write->partition_count, err);
}

/* ---- the rules ---- */

/* Candidates that no rule has sorted out so far. */
static void append_left(assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT * FROM " ASSAY_REPLAY_ROWS
                               " AS c WHERE NOT EXISTS (SELECT 1 FROM " ASSAY_REPLAY_BAD
                               " AS b WHERE b.file = c.__assay_file AND b.row = c.__assay_row)");
}

static assay_status sort_out(const struct replaying *replaying, const assay_buf *select,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_buf_check(select, err));
    assay_buf_append_format(&sql,
                            "INSERT INTO " ASSAY_REPLAY_BAD " SELECT f, r FROM (%s) AS x(f, "
                            "r, n)",
                            select->data);
    return execute(replaying, &sql, err);
}

static assay_status sort_rows(const struct replaying *replaying, const assay_split *split,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (split->bad == NULL)
        return ASSAY_OK;
    assay_buf_append_text(&sql, "SELECT __assay_file, __assay_row, 0 FROM (");
    append_left(&sql);
    assay_buf_append_format(&sql, ") AS " ASSAY_MASK_ALIAS " WHERE %s", split->bad);
    return sort_out(replaying, &sql, err);
}

static assay_status base_scan(const struct replaying *replaying, const char **ret_sql,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_replay_request *request = replaying->request;
    const assay_scan_options options = {.conn = request->conn};
    assay_published_rows rows;

    ASSAY_TRY(assay_published_at(replaying->rows.base, -1, request->steps->env, request->arena,
                                 &rows, err));
    ASSAY_TRY(assay_scan_append_sql(&sql, rows.table, rows.schema, rows.files, rows.count, &options,
                                    err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(request->arena, sql.data);
    return assay_arena_check(*ret_sql, err);
}

/* A key that the table has by now stays where it is, and so do further copies among the rows. */
static assay_status sort_key(const struct replaying *replaying, const assay_split *split,
                             size_t index, const char *base, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf left = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf taken = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf copies = ASSAY_BUF_EMPTY;

    append_left(&left);
    ASSAY_TRY(assay_buf_check(&left, err));
    assay_split_append_taken(&taken, split, index, left.data, base);
    ASSAY_TRY(sort_out(replaying, &taken, err));
    assay_split_append_repeated(&copies, split, index, left.data);
    ASSAY_TRY(execute(replaying, &copies, err));
    assay_buf_clear(&copies);
    assay_split_append_copies(&copies, split, index, left.data, "__assay_file, __assay_row");
    return sort_out(replaying, &copies, err);
}

static assay_status apply_rules(struct replaying *replaying, assay_error *err)
{
    const assay_split *split = &replaying->write.split;
    const char *base = NULL;

    ASSAY_TRY(sort_rows(replaying, split, err));
    if (!split->keyed || replaying->write.rules.key_count > 0)
        return ASSAY_OK;
    ASSAY_TRY(base_scan(replaying, &base, err));
    for (size_t i = 0; i < split->count; i++)
        if (split->rules[i].mask != NULL && split->rules[i].mask->key_count > 0)
            ASSAY_TRY(sort_key(replaying, split, i, base, err));
    return ASSAY_OK;
}

static assay_status open_rules(struct replaying *replaying, assay_error *err)
{
    const assay_replay_request *request = replaying->request;

    replaying->write.select =
        assay_arena_format(request->arena, "SELECT %s FROM " ASSAY_REPLAY_ROWS, replaying->columns);
    ASSAY_TRY(assay_arena_check(replaying->write.select, err));
    return assay_split_open(&replaying->write, request->arena, &replaying->write.split, err);
}

/* ---- what passes ---- */

/* The rows that pass, by step, as closings. */
static assay_status list_closings(struct replaying *replaying, int64_t *ret_rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf left = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    append_left(&left);
    ASSAY_TRY(assay_buf_check(&left, err));
    assay_buf_append_format(&sql, "SELECT __assay_file, __assay_row FROM (%s)", left.data);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_replay_closings(replaying->request, sql.data, &replaying->write, ret_rows, err);
}

static assay_status write_rows(struct replaying *replaying, assay_write_outcome *outcome,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&sql, "SELECT %s FROM (", replaying->columns);
    append_left(&sql);
    assay_buf_append_text(&sql, ") ORDER BY __assay_file, __assay_row");
    ASSAY_TRY(assay_buf_check(&sql, err));
    replaying->write.select = assay_arena_text(replaying->request->arena, sql.data);
    ASSAY_TRY(assay_arena_check(replaying->write.select, err));
    return assay_write_run(&replaying->write, outcome, err);
}

assay_status assay_replay_run(const assay_replay_request *request, assay_replay_result *ret_result,
                              assay_error *err)
{
    struct replaying replaying = {.request = request};
    assay_replay_result *result = ret_result;
    int64_t passed = 0;

    *result = (assay_replay_result){.outcome = ASSAY_WRITE_OUTCOME_EMPTY};
    ASSAY_TRY(load(&replaying, &result->base, err));
    ASSAY_TRY(list_columns(&replaying, err));
    ASSAY_TRY(fill_write(&replaying, result->base, err));
    ASSAY_TRY(assay_replay_collect(&replaying.rows, err));
    ASSAY_TRY(open_rules(&replaying, err));
    ASSAY_TRY(apply_rules(&replaying, err));
    ASSAY_TRY(list_closings(&replaying, &passed, err));
    for (size_t i = 0; i < replaying.rows.entry_count; i++)
        result->rows += replaying.rows.entries[i].open;
    if (passed == 0)
        return ASSAY_OK;
    ASSAY_TRY(write_rows(&replaying, &result->outcome, err));
    result->passed = passed;
    return ASSAY_OK;
}
