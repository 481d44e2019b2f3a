#include "warehouse/keys.h"

#include "base/str.h"

enum { SAMPLES_MAX = 5 };

/* ---- text ---- */

static bool is_pii(const assay_warehouse_publication *publication, const char *name)
{
    for (size_t i = 0; i < publication->pii_count; i++)
        if (assay_str_equal_ci(publication->pii[i], name))
            return true;
    return false;
}

static void append_cell(assay_buf *buf, const assay_value *cell)
{
    if (cell->kind == ASSAY_VALUE_TEXT)
        assay_buf_append_text(buf, cell->text);
    else
        assay_sql_append_value(buf, cell);
}

const char *assay_keys_text(const assay_mapping *mapping, const assay_rows *rows, size_t row,
                            assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_warehouse_publication *publication = mapping->publication;

    for (size_t i = 0; i < publication->key_count; i++) {
        assay_buf_append_text(&buf, i > 0 ? ", " : "");
        assay_buf_append_text(&buf, publication->keys[i]);
        assay_buf_append_char(&buf, '=');
        if (is_pii(publication, publication->keys[i]))
            assay_buf_append_text(&buf, "***");
        else
            append_cell(&buf, rows->cells[row][i]);
    }
    return buf.failed ? NULL : assay_arena_text(arena, assay_buf_text(&buf));
}

/* "(id=1), (id=2)" */
static assay_status join_samples(const assay_mapping *mapping, const assay_rows *rows,
                                 assay_arena *arena, assay_buf *buf, assay_error *err)
{
    for (size_t i = 0; i < rows->count && i < SAMPLES_MAX; i++) {
        const char *text = assay_keys_text(mapping, rows, i, arena);
        ASSAY_TRY(assay_arena_check(text, err));
        assay_buf_append_format(buf, "%s(%s)", i > 0 ? ", " : "", text);
    }
    assay_buf_append_text(buf, rows->count > SAMPLES_MAX ? ", .." : "");
    return assay_buf_check(buf, err);
}

static assay_status fail_keys(const assay_mapping *mapping, int number, const char *what,
                              const assay_rows *rows, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf samples = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(join_samples(mapping, rows, arena, &samples, err));
    return assay_error_at(err, ASSAY_EDATA, number, mapping->publication->place, "%s: %s", what,
                          assay_buf_text(&samples));
}

/* ---- queries ---- */

static void append_keys(const assay_mapping *mapping, assay_buf *buf)
{
    for (size_t i = 0; i < mapping->publication->key_count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_name(buf, mapping->publication->keys[i]);
    }
}

static void append_any_null(const assay_mapping *mapping, assay_buf *buf)
{
    for (size_t i = 0; i < mapping->publication->key_count; i++) {
        assay_buf_append_text(buf, i > 0 ? " OR " : "(");
        assay_sql_append_name(buf, mapping->publication->keys[i]);
        assay_buf_append_text(buf, " IS NULL");
    }
    assay_buf_append_char(buf, ')');
}

/* One pass finds both: keys in several rows and keys with a NULL, the latter first. */
static void append_offenders(const assay_mapping *mapping, const char *select, assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT ");
    append_keys(mapping, buf);
    assay_buf_append_text(buf, ", ");
    append_any_null(mapping, buf);
    assay_buf_append_text(buf, " FROM (\n");
    assay_buf_append_text(buf, select);
    assay_buf_append_text(buf, "\n) GROUP BY ");
    append_keys(mapping, buf);
    assay_buf_append_text(buf, " HAVING count(*) > 1");
    if (!mapping->publication->null_keys) {
        assay_buf_append_text(buf, " OR ");
        append_any_null(mapping, buf);
    }
    assay_buf_append_format(buf, " ORDER BY %zu DESC LIMIT %d", mapping->publication->key_count + 1,
                            SAMPLES_MAX + 1);
}

/* Keys whose highest version has different rows. */
static void append_ties(const assay_mapping *mapping, const char *select, assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT ");
    append_keys(mapping, buf);
    assay_buf_append_text(buf, " FROM (SELECT * FROM (SELECT DISTINCT * FROM (\n");
    assay_buf_append_text(buf, select);
    assay_buf_append_text(buf, "\n)) QUALIFY ");
    assay_sql_append_name(buf, mapping->version->source);
    assay_buf_append_text(buf, " IS NOT DISTINCT FROM max(");
    assay_sql_append_name(buf, mapping->version->source);
    assay_buf_append_text(buf, ") OVER (PARTITION BY ");
    append_keys(mapping, buf);
    assay_buf_append_text(buf, ")) GROUP BY ");
    append_keys(mapping, buf);
    assay_buf_append_format(buf, " HAVING count(*) > 1 ORDER BY ALL LIMIT %d", SAMPLES_MAX + 1);
}

static assay_status check_ties(const assay_warehouse_request *request, const assay_mapping *mapping,
                               assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    append_ties(mapping, request->snapshot->select, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(request->conn, assay_buf_text(&sql), 0, arena, &rows, err));
    if (rows->count == 0)
        return ASSAY_OK;
    return fail_keys(mapping, 7021, "different rows have the same key and version", rows, err);
}

assay_status assay_keys_check(const assay_warehouse_request *request, const assay_mapping *mapping,
                              bool *ret_newest, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    size_t keys = mapping->publication->key_count;
    assay_rows *rows = NULL;

    *ret_newest = false;
    if (mapping->publication->mode != ASSAY_WAREHOUSE_MERGE)
        return ASSAY_OK;
    ASSAY_TRY(assay_arena_check(arena, err));
    append_offenders(mapping, request->snapshot->select, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(request->conn, assay_buf_text(&sql), 0, arena, &rows, err));
    if (rows->count == 0)
        return ASSAY_OK;
    if (rows->cells[0][keys]->boolean && !mapping->publication->null_keys)
        return fail_keys(mapping, 7020, "the key holds NULL in some rows", rows, err);
    if (mapping->version == NULL)
        return fail_keys(mapping, 7021, "several rows have the same key", rows, err);
    ASSAY_TRY(check_ties(request, mapping, arena, err));
    *ret_newest = true;
    return ASSAY_OK;
}
