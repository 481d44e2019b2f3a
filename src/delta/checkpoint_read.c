#include <string.h>

#include "delta/checkpoint.h"

/* Rows of a checkpoint are read in pages, so that a large one does not exceed the engine's limit of
 * a result in memory. */
enum { PAGE_ROWS = 200000 };

static const char *const fact_kinds[] = {"protocol", "metaData", "txn", "domainMetadata",
                                         "sidecar"};
static const char *const file_kinds[] = {"add", "remove"};

struct query {
    assay_buf select, where;
    size_t kinds;
};

static void query_done(struct query *query)
{
    assay_buf_done(&query->select);
    assay_buf_done(&query->where);
}

static bool has_column(const assay_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_kinds(struct query *query, const char *const *kinds, size_t count,
                      const assay_column *columns, size_t column_count)
{
    for (size_t i = 0; i < count; i++) {
        if (!has_column(columns, column_count, kinds[i]))
            continue;
        assay_buf_append_text(&query->select, query->kinds > 0 ? ", " : "");
        assay_sql_append_name(&query->select, kinds[i]);
        assay_buf_append_text(&query->where, query->kinds > 0 ? " OR " : "");
        assay_sql_append_name(&query->where, kinds[i]);
        assay_buf_append_text(&query->where, " IS NOT NULL");
        query->kinds++;
    }
}

static assay_status hand_out(const assay_rows *rows, assay_delta_action_sink *sink, void *user,
                             assay_error *err)
{
    for (size_t r = 0; r < rows->count; r++) {
        for (size_t c = 0; c < rows->column_count; c++) {
            if (rows->cells[r][c]->kind == ASSAY_VALUE_MAP)
                ASSAY_TRY(sink(user, rows->names[c], rows->cells[r][c], err));
        }
    }
    return ASSAY_OK;
}

static assay_status read_pages(assay_conn *conn, const struct query *query, const char *path,
                               assay_arena *arena, assay_delta_action_sink *sink, void *user,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;
    long long offset = 0;

    do {
        assay_buf_clear(&sql);
        assay_buf_append_format(&sql, "SELECT %s FROM read_parquet(",
                                assay_buf_text(&query->select));
        assay_sql_append_text(&sql, path);
        assay_buf_append_format(&sql, ") WHERE %s LIMIT %d OFFSET %lld",
                                assay_buf_text(&query->where), (int)PAGE_ROWS, offset);
        ASSAY_TRY(assay_buf_check(&sql, err));
        ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, arena, &rows, err));
        ASSAY_TRY(hand_out(rows, sink, user, err));
        offset += PAGE_ROWS;
    } while (rows->count == PAGE_ROWS);
    return ASSAY_OK;
}

assay_status assay_delta_checkpoint_read(assay_conn *conn, const char *path, bool with_files,
                                         assay_arena *arena, assay_delta_action_sink *sink,
                                         void *user, assay_error *err)
{
    ASSAY_AUTO(query_done) struct query query = {ASSAY_BUF_EMPTY, ASSAY_BUF_EMPTY, 0};
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    size_t count = 0;

    assay_buf_append_text(&sql, "SELECT * FROM read_parquet(");
    assay_sql_append_text(&sql, path);
    assay_buf_append_text(&sql, ")");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_describe(conn, assay_buf_text(&sql), arena, &columns, &count, err));
    add_kinds(&query, fact_kinds, sizeof(fact_kinds) / sizeof(fact_kinds[0]), columns, count);
    if (with_files)
        add_kinds(&query, file_kinds, sizeof(file_kinds) / sizeof(file_kinds[0]), columns, count);
    ASSAY_TRY(assay_buf_check(&query.select, err));
    ASSAY_TRY(assay_buf_check(&query.where, err));
    return query.kinds == 0 ? ASSAY_OK : read_pages(conn, &query, path, arena, sink, user, err);
}
