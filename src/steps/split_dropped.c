/* Rows that the contract drops: gone from the load, listed in the results of the run. */
#include "base/path.h"
#include "base/str.h"
#include "steps/split.h"
#include "steps/write.h"

/* " WHERE NOT list_has_any(__assay_rules, [..])": rows that broke no rule that keeps them. */
static void append_where(const assay_split *split, assay_buf *buf)
{
    assay_buf_append_text(buf, " WHERE NOT list_has_any(__assay_rules, [-1");
    for (size_t i = 0; i < split->count; i++)
        if (split->rules[i].policy == ASSAY_BAD_ROW_QUARANTINE)
            assay_buf_append_format(buf, ", %zu", i);
    assay_buf_append_text(buf, "])");
}

static assay_status append_columns(const assay_write *write, const assay_split *split,
                                   assay_buf *sql, assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_conn_describe(write->conn, "SELECT * FROM " ASSAY_SPLIT_ROWS, write->arena,
                                  &columns, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (assay_str_starts(columns[i].name, "__assay_"))
            continue;
        bool pii = write->model != NULL && assay_model_column_is_pii(write->model, columns[i].name);
        if (pii)
            assay_buf_append_text(sql, "'***' AS ");
        assay_sql_append_name(sql, columns[i].name);
        assay_buf_append_text(sql, ", ");
    }
    assay_buf_append_text(sql, "list_transform(__assay_rules, lambda r: [");
    for (size_t i = 0; i < split->count; i++) {
        assay_buf_append_text(sql, i > 0 ? ", " : "");
        assay_sql_append_text(sql, split->rules[i].name);
    }
    assay_buf_append_text(sql, "][r + 1]) AS " ASSAY_QUARANTINE_RULES);
    return ASSAY_OK;
}

static assay_status save(const assay_write *write, const assay_split *split, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    char *folder = assay_path_join(write->arena, write->steps->project->results_dir, write->run_id);

    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    char *path = assay_arena_format(write->arena, "%s/%s.dropped.jsonl", folder, write->table);
    ASSAY_TRY(assay_arena_check(path, err));
    assay_buf_append_text(&sql, "COPY (SELECT ");
    ASSAY_TRY(append_columns(write, split, &sql, err));
    assay_buf_append_text(&sql, " FROM " ASSAY_SPLIT_ROWS);
    append_where(split, &sql);
    assay_buf_append_text(&sql, ") TO ");
    assay_sql_append_text(&sql, path);
    assay_buf_append_text(&sql, " (FORMAT json)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(write->conn, sql.data, NULL, err);
}

assay_status assay_split_drop(const assay_write *write, assay_split *split, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    uint64_t dropped = 0;
    bool any = false;

    for (size_t i = 0; i < split->count; i++)
        any = any || (split->rules[i].policy == ASSAY_BAD_ROW_DROP && split->rules[i].rows > 0);
    if (!any)
        return ASSAY_OK;
    if (write->run_id != NULL)
        ASSAY_TRY(save(write, split, err));
    assay_buf_append_text(&sql, "DELETE FROM " ASSAY_SPLIT_ROWS);
    append_where(split, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(write->conn, sql.data, &dropped, err));
    split->dropped = (int64_t)dropped;
    return ASSAY_OK;
}
