#include "table/prune.h"

#include <stdlib.h>

/* The lowest and highest value that a column may have in a file. */
struct range {
    assay_datum low, high;
};

/* Kinds that the engine orders as the bounds are ordered. NaN makes floating bounds uncertain, and
 * bytes are cut by some writers in ways of their own. */
static bool has_order(assay_type_kind kind)
{
    switch (kind) {
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
    case ASSAY_TYPE_INT64:
    case ASSAY_TYPE_DECIMAL:
    case ASSAY_TYPE_DATE:
    case ASSAY_TYPE_TIMESTAMP:
    case ASSAY_TYPE_TIMESTAMPTZ:
    case ASSAY_TYPE_STRING:
        return true;
    case ASSAY_TYPE_BOOLEAN:
    case ASSAY_TYPE_FLOAT:
    case ASSAY_TYPE_DOUBLE:
    case ASSAY_TYPE_TIME:
    case ASSAY_TYPE_BINARY:
    case ASSAY_TYPE_UUID:
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        return false;
    }
    return false;
}

static bool is_usable(const assay_datum *datum, const assay_field *field)
{
    return datum->known && !datum->null && datum->kind == field->type.kind;
}

/* Delta keeps moments in milliseconds, cut (Delta protocol, "Per-file Statistics"). */
static void widen(struct range *range)
{
    const int64_t millisecond = 1000;
    bool is_moment =
        range->low.kind == ASSAY_TYPE_TIMESTAMP || range->low.kind == ASSAY_TYPE_TIMESTAMPTZ;

    if (!is_moment || range->low.integer < INT64_MIN + millisecond ||
        range->high.integer > INT64_MAX - millisecond)
        return;
    range->low.integer -= millisecond;
    range->high.integer += millisecond;
}

static const assay_datum *partition_value(const assay_table *table, const assay_data_file *file,
                                          const assay_field *field)
{
    const assay_partition_spec *spec = file->spec != NULL ? file->spec : table->spec;

    if (spec == NULL || spec->id != file->spec_id || spec->count != file->partition_count)
        return NULL;
    for (size_t i = 0; i < spec->count; i++)
        if (spec->fields[i].transform == ASSAY_TRANSFORM_IDENTITY &&
            spec->fields[i].source_id == field->id)
            return &file->partition[i];
    return NULL;
}

static bool find_range(const assay_table *table, const assay_data_file *file,
                       const assay_field *field, struct range *ret_range)
{
    const assay_column_stats *stats = assay_data_file_stats(file, field->id);
    const assay_datum *value = partition_value(table, file, field);

    if (value != NULL && is_usable(value, field)) {
        *ret_range = (struct range){*value, *value};
        return true;
    }
    if (stats == NULL || !is_usable(&stats->lower, field) || !is_usable(&stats->upper, field))
        return false;
    *ret_range = (struct range){stats->lower, stats->upper};
    widen(ret_range);
    return true;
}

/* SELECT of the numbers of those files for which a key lies within the bounds. For each file the
 * smallest key from its lower bound on is looked up, which is one pass over sorted keys. */
static void append_query(assay_buf *buf, const assay_prune_request *request,
                         const assay_field *field, const char *ranges)
{
    assay_buf_append_text(buf, "SELECT __f.i FROM (VALUES ");
    assay_buf_append_text(buf, ranges);
    assay_buf_append_text(buf, ") __f(i, low, high) ASOF JOIN (SELECT DISTINCT ");
    assay_sql_append_name(buf, field->name);
    assay_buf_append_text(buf, " AS k FROM ");
    assay_sql_append_name(buf, request->relation);
    assay_buf_append_text(buf, ") __k ON __f.low <= __k.k WHERE __k.k <= __f.high");
}

static void append_range(assay_buf *buf, size_t index, const struct range *range,
                         const assay_type *type)
{
    assay_buf_append_format(buf, "%s(%zu, ", buf->size > 0 ? ", " : "", index);
    assay_datum_append_sql(buf, &range->low, type);
    assay_buf_append_text(buf, ", ");
    assay_datum_append_sql(buf, &range->high, type);
    assay_buf_append_char(buf, ')');
}

/* Clears keep[i] of the files that cannot hold a key because of this column. */
static assay_status prune_by(assay_conn *conn, const assay_prune_request *request,
                             const assay_field *field, bool *keep, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf ranges = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    bool *hit = assay_arena_take(scratch, request->count + 1, sizeof *hit);
    bool *asked = assay_arena_take(scratch, request->count + 1, sizeof *asked);
    assay_rows *rows = NULL;

    if (hit == NULL || asked == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < request->count; i++) {
        struct range range;
        asked[i] = keep[i] && find_range(request->table, &request->files[i], field, &range);
        if (asked[i])
            append_range(&ranges, i, &range, &field->type);
    }
    if (ranges.size == 0)
        return assay_buf_check(&ranges, err);
    append_query(&sql, request, field, assay_buf_text(&ranges));
    sql.failed = sql.failed || ranges.failed;
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, scratch, &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        hit[rows->cells[i][0]->integer] = true;
    for (size_t i = 0; i < request->count; i++)
        keep[i] = keep[i] && (!asked[i] || hit[i]);
    return ASSAY_OK;
}

assay_status assay_prune_files(assay_conn *conn, const assay_prune_request *request,
                               assay_arena *arena, assay_data_file **ret_files, size_t *ret_count,
                               assay_error *err)
{
    assay_data_file *files = assay_arena_take(arena, request->count + 1, sizeof *files);
    bool *keep = assay_arena_take(arena, request->count + 1, sizeof *keep);
    size_t count = 0;

    if (files == NULL || keep == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < request->count; i++)
        keep[i] = true;
    for (size_t i = 0; request->count > 0 && i < request->column_count; i++) {
        const assay_field *field = assay_schema_find(request->schema, request->columns[i]);
        if (field != NULL && field->original == NULL && has_order(field->type.kind))
            ASSAY_TRY(prune_by(conn, request, field, keep, err));
    }
    for (size_t i = 0; i < request->count; i++)
        if (keep[i])
            files[count++] = request->files[i];
    *ret_files = files;
    *ret_count = count;
    return ASSAY_OK;
}

/* ---- how files divide a column ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct range *left = a;
    const struct range *right = b;
    int order = assay_datum_compare(&left->low, &right->low);

    return order != 0 ? order : assay_datum_compare(&left->high, &right->high);
}

assay_status assay_prune_divided(const assay_table *table, const assay_data_file *files,
                                 size_t count, const assay_field *field, bool *ret_divided,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    struct range *ranges = assay_arena_take(scratch, count + 1, sizeof *ranges);
    size_t overlaps = 0;

    *ret_divided = false;
    if (ranges == NULL)
        return assay_error_nomem(err);
    if (count < 2 || field->original != NULL || !has_order(field->type.kind))
        return ASSAY_OK;
    for (size_t i = 0; i < count; i++)
        if (!find_range(table, &files[i], field, &ranges[i]))
            return ASSAY_OK;
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count; i++)
        overlaps += assay_datum_compare(&ranges[i].low, &ranges[i - 1].high) < 0;
    *ret_divided = 2 * overlaps < count;
    return ASSAY_OK;
}
