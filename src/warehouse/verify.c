#include "warehouse/verify.h"

#include "base/str.h"
#include "engine/text_function.h"
#include "warehouse/jsonb.h"
#include "warehouse/keys.h"
#include "warehouse/server.h"
#include "warehouse/types.h"

#include <stdlib.h>
#include <string.h>

/* k begins with three hexadecimal digits; rows of so many buckets that differ are looked at. */
enum { BUCKET_COUNT = 4096, LOOKED_AT_MAX = 4 };

struct verification {
    const assay_warehouse_request *request;
    assay_warehouse_session session;
    assay_arena *arena;
    assay_mapping *mapping;
    assay_warehouse_target target;
    bool *absent;
    assay_verify_side source, server;
    assay_warehouse_verification *result;
    assay_vec differences;
};

/* ---- asking both sides ---- */

typedef void side_sql(const assay_verify_side *side, assay_buf *buf);

static assay_status ask_source(struct verification *v, const assay_buf *sql, assay_rows **ret_rows,
                               assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_conn_query(v->request->conn, assay_buf_text(sql), 0, v->arena, ret_rows, err);
}

static assay_status ask_server(struct verification *v, const assay_buf *sql, assay_rows **ret_rows,
                               assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_session_query(&v->session, assay_buf_text(sql), ret_rows, err);
}

static assay_status ask_both(struct verification *v, side_sql *write, assay_rows **ret_source,
                             assay_rows **ret_server, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf source = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf server = ASSAY_BUF_EMPTY;

    write(&v->source, &source);
    write(&v->server, &server);
    ASSAY_TRY(ask_source(v, &source, ret_source, err));
    return ask_server(v, &server, ret_server, err);
}

/* ---- rows ---- */

static int compare_rows(const void *a, const void *b)
{
    assay_value **const *left = a;
    assay_value **const *right = b;
    int key = strcmp((*left)[0]->text, (*right)[0]->text);

    return key != 0 ? key : strcmp((*left)[1]->text, (*right)[1]->text);
}

static const char *cell_text(assay_value *const *row, size_t column)
{
    return row == NULL || row[column]->kind == ASSAY_VALUE_NULL ? NULL : row[column]->text;
}

static bool is_pii(const struct verification *v, const char *name)
{
    for (size_t i = 0; i < v->mapping->publication->pii_count; i++)
        if (assay_str_equal_ci(v->mapping->publication->pii[i], name))
            return true;
    return false;
}

static size_t present_count(const struct verification *v)
{
    size_t count = 0;

    for (size_t i = 0; i < v->mapping->count; i++)
        count += v->absent[i] ? 0 : 1;
    return count;
}

/* "id=7, line=2" */
static assay_status name_row(const struct verification *v, assay_value *const *row,
                             const char **ret_text, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    size_t cell = 2 + present_count(v);

    for (size_t i = 0; i < v->mapping->count; i++) {
        const assay_mapped_column *column = &v->mapping->columns[i];
        if (!assay_verify_names_row(&v->source, i))
            continue;
        const char *text = cell_text(row, cell++);
        const char *shown = text != NULL ? text : "NULL";
        assay_buf_append_format(&buf, "%s%s=%s", buf.size > 0 ? ", " : "", column->source,
                                is_pii(v, column->source) ? "***" : shown);
    }
    ASSAY_TRY(assay_buf_check(&buf, err));
    *ret_text = assay_arena_text(v->arena, assay_buf_text(&buf));
    return assay_arena_check(*ret_text, err);
}

/* The first column whose hashes differ. */
static const char *differing_column(const struct verification *v, assay_value *const *source,
                                    assay_value *const *server)
{
    size_t cell = 2;

    for (size_t i = 0; i < v->mapping->count; i++) {
        if (v->absent[i])
            continue;
        if (!assay_str_equal(cell_text(source, cell), cell_text(server, cell)))
            return v->mapping->columns[i].source;
        cell++;
    }
    return NULL;
}

static assay_status add(struct verification *v, assay_warehouse_difference_kind kind,
                        assay_value *const *row, const char *column, assay_error *err)
{
    assay_warehouse_difference difference = {.kind = kind, .column = column};

    if (v->differences.count == ASSAY_WAREHOUSE_DIFFERENCES_MAX)
        return ASSAY_OK;
    ASSAY_TRY(name_row(v, row, &difference.key, err));
    return assay_vec_push(&v->differences, &difference, err);
}

/* Walks two sorted lists of rows: what stands in one only, and what has one key and differs. */
static assay_status walk(struct verification *v, const assay_rows *source, const assay_rows *server,
                         assay_error *err)
{
    size_t i = 0;
    size_t k = 0;

    while (i < source->count || k < server->count) {
        assay_value *const *left = i < source->count ? source->cells[i] : NULL;
        assay_value *const *right = k < server->count ? server->cells[k] : NULL;
        int order = 0;
        if (left == NULL || right == NULL)
            order = left == NULL ? 1 : -1;
        else
            order = strcmp(left[0]->text, right[0]->text);
        if (order < 0) {
            ASSAY_TRY(add(v, ASSAY_WAREHOUSE_MISSING, left, NULL, err));
        } else if (order > 0) {
            ASSAY_TRY(add(v, ASSAY_WAREHOUSE_EXTRA, right, NULL, err));
        } else if (!assay_str_equal(left[1]->text, right[1]->text)) {
            ASSAY_TRY(
                add(v, ASSAY_WAREHOUSE_DIFFERENT, left, differing_column(v, left, right), err));
        }
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    return ASSAY_OK;
}

static assay_status compare_rows_of(struct verification *v, const char *const *buckets,
                                    size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf source_sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf server_sql = ASSAY_BUF_EMPTY;
    assay_rows *source = NULL;
    assay_rows *server = NULL;

    assay_verify_rows_sql(&v->source, buckets, count, &source_sql);
    assay_verify_rows_sql(&v->server, buckets, count, &server_sql);
    ASSAY_TRY(ask_source(v, &source_sql, &source, err));
    ASSAY_TRY(ask_server(v, &server_sql, &server, err));
    if (source->count > 0)
        qsort(source->cells, source->count, sizeof *source->cells, compare_rows);
    if (server->count > 0)
        qsort(server->cells, server->count, sizeof *server->cells, compare_rows);
    ASSAY_TRY(walk(v, source, server, err));
    return assay_vec_to_arena(&v->differences, v->arena, &v->result->differences,
                              &v->result->difference_count, err);
}

/* ---- buckets ---- */

/* The row of each bucket, by its number; NULL where a side has no such row. */
struct buckets {
    assay_value *const *rows[BUCKET_COUNT];
};

static void sort_buckets(const assay_rows *rows, struct buckets *buckets, int64_t *ret_rows)
{
    *ret_rows = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t number = (size_t)strtoul(assay_session_text(rows, i, 0), NULL, 16);
        buckets->rows[number % BUCKET_COUNT] = rows->cells[i];
        *ret_rows += assay_session_int(rows, i, 1);
    }
}

/* A pair of cells, number and sum: both sides cast their sums to text. */
static bool same(assay_value *const *a, assay_value *const *b, size_t column)
{
    if (a == NULL || b == NULL)
        return a == b;
    return assay_value_equal(a[column], b[column]) &&
           assay_str_equal(cell_text(a, column + 1), cell_text(b, column + 1));
}

static assay_status check_columns(struct verification *v, const struct buckets *source,
                                  const struct buckets *server, assay_error *err)
{
    size_t count = v->mapping->count;
    assay_warehouse_column_check *checks = assay_arena_take(v->arena, count + 1, sizeof *checks);
    size_t cell = 3;

    ASSAY_TRY(assay_arena_check(checks, err));
    for (size_t i = 0; i < count; i++) {
        const assay_mapped_column *column = &v->mapping->columns[i];
        checks[i].column = column->source;
        checks[i].counted_only = column->map->canon == ASSAY_CANON_NONE;
        checks[i].equal = !v->absent[i];
        for (size_t k = 0; k < BUCKET_COUNT && checks[i].equal; k++)
            checks[i].equal = same(source->rows[k], server->rows[k], cell);
        v->result->equal = v->result->equal && checks[i].equal;
        cell += v->absent[i] ? 0 : 2;
    }
    v->result->columns = checks;
    v->result->column_count = count;
    return ASSAY_OK;
}

static assay_status compare_sides(struct verification *v, assay_error *err)
{
    struct buckets *source = assay_arena_take(v->arena, 1, sizeof *source);
    struct buckets *server = assay_arena_take(v->arena, 1, sizeof *server);
    assay_rows *source_rows = NULL;
    assay_rows *server_rows = NULL;
    const char *differing[LOOKED_AT_MAX];
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(source, err));
    ASSAY_TRY(assay_arena_check(server, err));
    ASSAY_TRY(ask_both(v, assay_verify_buckets_sql, &source_rows, &server_rows, err));
    sort_buckets(source_rows, source, &v->result->source_rows);
    sort_buckets(server_rows, server, &v->result->target_rows);
    for (size_t i = 0; i < BUCKET_COUNT && count < LOOKED_AT_MAX; i++)
        if (!same(source->rows[i], server->rows[i], 1))
            differing[count++] =
                cell_text(source->rows[i] != NULL ? source->rows[i] : server->rows[i], 0);
    v->result->equal = count == 0;
    ASSAY_TRY(check_columns(v, source, server, err));
    return count == 0 ? ASSAY_OK : compare_rows_of(v, differing, count, err);
}

/* ---- the whole ---- */

/* A column that takes other values is not cast to be compared: the server would fail at the first
 * value, and show it. */
static assay_status can_compare(struct verification *v, const assay_mapped_column *column,
                                const assay_server_column *there, bool *ret_can, assay_error *err)
{
    const char *type = NULL;
    assay_type_fit fit =
        assay_types_fit(v->mapping->dialect, column->type, there->type, v->arena, &type);

    *ret_can = fit != ASSAY_FIT_REFUSED;
    return assay_arena_check(type, err);
}

/* Columns that the target does not have, or has of another kind. */
static assay_status find_absent(struct verification *v, assay_error *err)
{
    assay_server_column *columns = NULL;
    size_t count = 0;

    v->absent = assay_arena_take(v->arena, v->mapping->count + 1, sizeof *v->absent);
    ASSAY_TRY(assay_arena_check(v->absent, err));
    ASSAY_TRY(assay_server_columns(&v->session, &v->target, &columns, &count, err));
    for (size_t i = 0; i < v->mapping->count; i++) {
        bool can = false;
        for (size_t k = 0; k < count; k++)
            if (assay_str_equal(columns[k].name, v->mapping->columns[i].name))
                ASSAY_TRY(can_compare(v, &v->mapping->columns[i], &columns[k], &can, err));
        v->absent[i] = !can;
    }
    return ASSAY_OK;
}

static assay_status keep(struct verification *v, assay_buf *buf, const char **ret_text,
                         assay_error *err)
{
    ASSAY_TRY(assay_buf_check(buf, err));
    *ret_text = assay_arena_text(v->arena, assay_buf_text(buf));
    return assay_arena_check(*ret_text, err);
}

static assay_status make_sides(struct verification *v, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf source = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf table = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf mark = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf live = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = v->mapping;
    bool newest = false;

    ASSAY_TRY(assay_keys_check(v->request, mapping, &newest, err));
    assay_buf_append_char(&source, '(');
    assay_mapping_select(mapping, v->request->snapshot, newest, &source);
    assay_buf_append_text(&source, ") AS source");
    assay_dialect_table(mapping->dialect, &table, &v->target, v->target.table);
    v->source = (assay_verify_side){.mapping = mapping, .absent = v->absent};
    v->server = (assay_verify_side){.mapping = mapping, .absent = v->absent, .server = true};
    ASSAY_TRY(keep(v, &source, &v->source.relation, err));
    ASSAY_TRY(keep(v, &table, &v->server.relation, err));
    if (mapping->is_deleted == NULL)
        return ASSAY_OK;
    assay_sql_append_name(&mark, mapping->is_deleted);
    assay_dialect_apply(&live, "NOT COALESCE(?, FALSE)", assay_buf_text(&mark), NULL);
    ASSAY_TRY(assay_buf_check(&mark, err));
    ASSAY_TRY(keep(v, &live, &v->server.live, err));
    if (mapping->op_column != NULL)
        v->source.live = v->server.live;
    return ASSAY_OK;
}

static assay_status verify(struct verification *v, assay_error *err)
{
    static const assay_text_function jsonb = {ASSAY_JSONB_FUNCTION, assay_jsonb_text};
    assay_server_state state;
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_conn_describe(v->request->conn, v->request->snapshot->select, v->arena,
                                  &columns, &count, err));
    ASSAY_TRY(assay_mapping_make(v->session.dialect, v->request->publication, columns, count,
                                 v->arena, &v->mapping, err));
    ASSAY_TRY(assay_server_look(&v->session, &v->target, &state, err));
    if (!state.target)
        return assay_error_set(err, ASSAY_ENOTFOUND, 7050, "'%s' does not exist in '%s'",
                               v->request->publication->table, v->request->connection->name);
    ASSAY_TRY(find_absent(v, err));
    ASSAY_TRY(make_sides(v, err));
    ASSAY_TRY(assay_conn_add_text_function(v->request->conn, &jsonb, err));
    ASSAY_TRY(assay_session_step(&v->session, "verifying", err));
    return compare_sides(v, err);
}

assay_status assay_warehouse_verify(const assay_warehouse_request *request, assay_arena *arena,
                                    assay_warehouse_verification *ret_verification,
                                    assay_error *err)
{
    assay_warehouse_verification result = {.equal = false};
    struct verification v = {.request = request,
                             .arena = arena,
                             .result = &result,
                             .differences = ASSAY_VEC_OF(assay_warehouse_difference)};
    char id[ASSAY_WAREHOUSE_ID_SIZE];

    ASSAY_TRY(assay_warehouse_publish_id(request, id, err));
    ASSAY_TRY(
        assay_warehouse_resolve(request->connection, request->publication, arena, &v.target, err));
    ASSAY_TRY(assay_session_open(request, id, arena, &v.session, err));
    assay_status status = verify(&v, err);
    assay_session_done(&v.session);
    assay_vec_done(&v.differences);
    if (status == ASSAY_OK)
        *ret_verification = result;
    return status;
}
