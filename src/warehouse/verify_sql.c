#include "warehouse/verify.h"

bool assay_verify_names_row(const assay_verify_side *side, size_t column)
{
    const assay_mapping *mapping = side->mapping;

    if (side->absent[column])
        return false;
    return mapping->publication->key_count == 0 || mapping->columns[column].key;
}

/* t0 .. from the relation. */
static void append_texts(const assay_verify_side *side, assay_buf *buf)
{
    const assay_mapping *mapping = side->mapping;
    const char *const *canon =
        side->server ? mapping->dialect->server_canon : mapping->dialect->engine_canon;

    assay_buf_append_text(buf, "SELECT 1 AS one");
    for (size_t i = 0; i < mapping->count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;
        const assay_mapped_column *column = &mapping->columns[i];
        if (side->absent[i])
            continue;
        assay_sql_append_name(&name, column->name);
        assay_buf_append_text(buf, ", ");
        assay_dialect_apply(buf, canon[column->map->canon], assay_buf_text(&name), column->type);
        assay_buf_append_format(buf, " AS t%zu", i);
        buf->failed = buf->failed || name.failed;
    }
    assay_buf_append_text(buf, " FROM ");
    assay_buf_append_text(buf, side->relation);
    if (side->live != NULL) {
        assay_buf_append_text(buf, " WHERE ");
        assay_buf_append_text(buf, side->live);
    }
}

/* t0 .., c0 .. */
static void append_hashes(const assay_verify_side *side, assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT one");
    for (size_t i = 0; i < side->mapping->count; i++)
        if (!side->absent[i])
            assay_buf_append_format(buf, ", t%zu, MD5(t%zu) AS c%zu", i, i, i);
    assay_buf_append_text(buf, " FROM (");
    append_texts(side, buf);
    assay_buf_append_text(buf, ") AS texts");
}

/* MD5 over the hashes of several columns, NULL as '-'. */
static void append_hash_of(const assay_verify_side *side, bool naming, assay_buf *buf)
{
    assay_buf_append_text(buf, "MD5(''");
    for (size_t i = 0; i < side->mapping->count; i++)
        if (!side->absent[i] && (!naming || assay_verify_names_row(side, i)))
            assay_buf_append_format(buf, " || COALESCE(c%zu, '-')", i);
    assay_buf_append_char(buf, ')');
}

/* All of a side: t0 .., c0 .., k, r. */
static void append_side(const assay_verify_side *side, assay_buf *buf)
{
    assay_buf_append_text(buf, "(SELECT one");
    for (size_t i = 0; i < side->mapping->count; i++)
        if (!side->absent[i])
            assay_buf_append_format(buf, ", t%zu, c%zu", i, i);
    assay_buf_append_text(buf, ", ");
    append_hash_of(side, true, buf);
    assay_buf_append_text(buf, " AS k, ");
    append_hash_of(side, false, buf);
    assay_buf_append_text(buf, " AS r FROM (");
    append_hashes(side, buf);
    assay_buf_append_text(buf, ") AS hashes) AS side");
}

/* CAST(SUM(number of column) AS text) */
static void append_sum(const assay_verify_side *side, const char *column, assay_buf *buf)
{
    const assay_dialect *dialect = side->mapping->dialect;

    assay_buf_append_text(buf, ", CAST(SUM(");
    assay_dialect_apply(buf, side->server ? dialect->server_number : dialect->engine_number, column,
                        NULL);
    assay_buf_append_text(buf, ") AS ");
    assay_buf_append_text(buf, side->server ? dialect->text : "VARCHAR");
    assay_buf_append_char(buf, ')');
}

void assay_verify_buckets_sql(const assay_verify_side *side, assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT SUBSTR(k, 1, 3), COUNT(*)");
    append_sum(side, "r", buf);
    for (size_t i = 0; i < side->mapping->count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf column = ASSAY_BUF_EMPTY;
        if (side->absent[i])
            continue;
        assay_buf_append_format(&column, "c%zu", i);
        assay_buf_append_format(buf, ", COUNT(c%zu)", i);
        append_sum(side, assay_buf_text(&column), buf);
        buf->failed = buf->failed || column.failed;
    }
    assay_buf_append_text(buf, " FROM ");
    append_side(side, buf);
    assay_buf_append_text(buf, " GROUP BY SUBSTR(k, 1, 3)");
}

void assay_verify_rows_sql(const assay_verify_side *side, const char *const *buckets, size_t count,
                           assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT k, r");
    for (size_t i = 0; i < side->mapping->count; i++)
        if (!side->absent[i])
            assay_buf_append_format(buf, ", c%zu", i);
    for (size_t i = 0; i < side->mapping->count; i++)
        if (assay_verify_names_row(side, i))
            assay_buf_append_format(buf, ", t%zu", i);
    assay_buf_append_text(buf, " FROM ");
    append_side(side, buf);
    assay_buf_append_text(buf, " WHERE SUBSTR(k, 1, 3) IN (");
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_dialect_text(side->mapping->dialect, buf, buckets[i]);
    }
    assay_buf_append_char(buf, ')');
}
