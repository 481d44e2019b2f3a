#include "published/changes.h"

#include "pipeline/shape.h"
#include "published/growth.h"
#include "table/scan.h"

bool assay_changes_can_tell(const assay_model *input)
{
    return input != NULL &&
           (input->header.mode == ASSAY_LOAD_MERGE || input->header.mode == ASSAY_LOAD_SCD2);
}

/* The files that differ, either way. */
struct difference {
    assay_published_rows came, left;
};

static assay_status find_difference(const assay_changes_request *request, assay_arena *arena,
                                    struct difference *ret_difference, assay_error *err)
{
    assay_growth forth;
    assay_growth back;

    ASSAY_TRY(assay_growth_between(request->then, request->now, arena, &forth, err));
    ASSAY_TRY(assay_growth_between(request->now, request->then, arena, &back, err));
    ret_difference->came = *request->now;
    ret_difference->came.files = forth.added;
    ret_difference->came.count = forth.added_count;
    ret_difference->left = *request->then;
    ret_difference->left.files = back.added;
    ret_difference->left.count = back.added_count;
    return ASSAY_OK;
}

/* Old files are read with the columns of today. */
static assay_status append_scan(assay_buf *buf, assay_conn *conn, const assay_schema *schema,
                                const assay_published_rows *rows, assay_error *err)
{
    const assay_scan_options options = {.conn = conn};

    return assay_scan_append_sql(buf, rows->table, schema, rows->files, rows->count, &options, err);
}

static void append_key_match(assay_buf *buf, const assay_model *input)
{
    bool history = input->header.mode == ASSAY_LOAD_SCD2;
    size_t count = history ? 1 : input->header.key_count;

    for (size_t i = 0; i < count; i++) {
        const char *name = history ? ASSAY_HISTORY_KEY : input->header.key[i].text;
        assay_buf_append_text(buf, i > 0 ? " AND l." : "l.");
        assay_sql_append_name(buf, name);
        assay_buf_append_text(buf, " = c.");
        assay_sql_append_name(buf, name);
    }
}

static assay_status check_gone(assay_conn *conn, const assay_changes_request *request,
                               const struct difference *difference, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_schema *schema = request->now->schema;
    int64_t gone = 0;

    assay_buf_append_text(&sql, "SELECT count(*) FROM (");
    ASSAY_TRY(append_scan(&sql, conn, schema, &difference->left, err));
    assay_buf_append_text(&sql, ") l ANTI JOIN (");
    ASSAY_TRY(append_scan(&sql, conn, schema, &difference->came, err));
    assay_buf_append_text(&sql, ") c ON ");
    append_key_match(&sql, request->input);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query_int(conn, assay_buf_text(&sql), &gone, err));
    if (gone == 0)
        return ASSAY_OK;
    return assay_error_set(
        err, ASSAY_EDATA, 2310,
        "%lld row%s of '%s' that '%s' has consumed %s gone, and new_rows_of does "
        "not tell of that; run with --full-refresh",
        (long long)gone, gone == 1 ? "" : "s", request->now->table->name, request->reader->name,
        gone == 1 ? "is" : "are");
}

assay_status assay_changes_select(assay_conn *conn, const assay_changes_request *request,
                                  assay_arena *arena, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_schema *schema = request->now->schema;
    struct difference difference;

    ASSAY_TRY(find_difference(request, arena, &difference, err));
    ASSAY_TRY(check_gone(conn, request, &difference, err));
    assay_buf_append_char(&sql, '(');
    ASSAY_TRY(append_scan(&sql, conn, schema, &difference.came, err));
    assay_buf_append_text(&sql, ") EXCEPT ALL (");
    ASSAY_TRY(append_scan(&sql, conn, schema, &difference.left, err));
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(arena, assay_buf_text(&sql));
    return assay_arena_check(*ret_sql, err);
}
