/* Queries over the tables of the warehouse. */
#include <assay/table.h>

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/arrow.h"
#include "engine/catalog.h"
#include "lib/context.h"
#include "lib/document.h"
#include "lib/privacy.h"
#include "published/published.h"
#include "table/scan.h"

enum { DEFAULT_LIMIT = 1000 };

static const char CATALOG[] = "query";

/* --at: a moment for all tables, or the snapshot of the one table that the query reads. */
struct moment {
    bool is_snapshot;
    int64_t snapshot_id;
    int64_t us;
};

static assay_status parse_at(const char *at, struct moment *ret_moment, assay_error *err)
{
    *ret_moment = (struct moment){.us = INT64_MAX, .snapshot_id = -1};
    if (at == NULL)
        return ASSAY_OK;
    if (assay_str_to_int64(at, &ret_moment->snapshot_id)) {
        ret_moment->is_snapshot = true;
        return ASSAY_OK;
    }
    if (!assay_time_parse(at, &ret_moment->us))
        return assay_error_set(err, ASSAY_EINVAL, 1003,
                               "--at '%s' is neither a snapshot id nor an ISO 8601 time", at);
    return ASSAY_OK;
}

/* The table that has this snapshot, among those the query mentions. */
static assay_status view_snapshot(assay_context *context, assay_conn *conn, const char *sql,
                                  int64_t snapshot_id, assay_arena *arena, assay_error *err)
{
    const char **names = NULL;
    size_t count = 0;
    size_t found = 0;

    ASSAY_TRY(assay_published_names(context->project, &context->env, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *layer = NULL;
        const char *short_name = NULL;
        assay_table *table = NULL;
        assay_published_rows rows;
        if (!assay_published_split(names[i], arena, &layer, &short_name) ||
            !assay_published_mentions(sql, layer, short_name))
            continue;
        ASSAY_TRY(assay_published_load(context->project, &context->env, conn, names[i], arena,
                                       &table, err));
        if (assay_table_snapshot(table, snapshot_id) == NULL)
            continue;
        ASSAY_TRY(assay_published_at(table, snapshot_id, &context->env, arena, &rows, err));
        ASSAY_TRY(assay_published_view(conn, names[i], &rows, err));
        found++;
    }
    if (found == 0)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4060,
                               "no table of the query has a snapshot %lld", (long long)snapshot_id);
    return ASSAY_OK;
}

static assay_status make_views(assay_context *context, assay_conn *conn, const char *sql,
                               const char *at, assay_arena *arena, assay_error *err)
{
    struct moment moment;

    ASSAY_TRY(parse_at(at, &moment, err));
    const assay_published_wanted wanted = {.text = sql, .at_us = moment.us};
    ASSAY_TRY(assay_published_views(context->project, &context->env, conn, &wanted, arena, err));
    if (moment.is_snapshot)
        return view_snapshot(context, conn, sql, moment.snapshot_id, arena, err);
    return ASSAY_OK;
}

/* Whole numbers of 128 bits, as sum() gives them, would become rounded floating-point numbers in a
 * Parquet file: they are written as decimals, and one of more than 38 digits is an error. */
static assay_status append_exact(assay_buf *buf, assay_conn *conn, const char *sql,
                                 assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf casts = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_conn_describe(conn, sql, arena, &columns, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!assay_str_equal(columns[i].type, "HUGEINT") &&
            !assay_str_equal(columns[i].type, "UHUGEINT"))
            continue;
        assay_buf_append_text(&casts, casts.size > 0 ? ", CAST(" : "CAST(");
        assay_sql_append_name(&casts, columns[i].name);
        assay_buf_append_text(&casts, " AS DECIMAL(38,0)) AS ");
        assay_sql_append_name(&casts, columns[i].name);
    }
    ASSAY_TRY(assay_buf_check(&casts, err));
    if (casts.size == 0)
        assay_buf_append_text(buf, sql);
    else
        assay_buf_append_format(buf, "SELECT * REPLACE (%s) FROM (%s\n)", casts.data, sql);
    return assay_buf_check(buf, err);
}

static assay_status copy_rows(assay_conn *conn, const char *sql, const assay_query_options *options,
                              assay_arena *arena, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf copy = ASSAY_BUF_EMPTY;
    uint64_t count = 0;
    assay_value *document = NULL;

    if (!assay_str_equal(options->format, "csv") && !assay_str_equal(options->format, "json") &&
        !assay_str_equal(options->format, "parquet"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 1008,
                               "a file of format '%s' is not built; csv, json and parquet are",
                               options->format);
    assay_buf_append_text(&copy, "COPY (");
    if (assay_str_equal(options->format, "parquet"))
        ASSAY_TRY(append_exact(&copy, conn, sql, arena, err));
    else
        assay_buf_append_text(&copy, sql);
    assay_buf_append_text(&copy, "\n) TO ");
    assay_sql_append_text(&copy, options->file);
    assay_buf_append_format(&copy, " (FORMAT %s)", options->format);
    ASSAY_TRY(assay_buf_check(&copy, err));
    ASSAY_TRY(assay_conn_execute(conn, copy.data, &count, err));
    ASSAY_TRY(assay_document_new(arena, "rows", &document, err));
    ASSAY_TRY(assay_document_int(document, "rows_written", (int64_t)count, arena, err));
    return assay_document_take(document, ret_json, err);
}

static assay_status check_query(assay_conn *conn, const char *sql, assay_error *err)
{
    size_t count = 0;

    ASSAY_TRY(assay_conn_count_statements(conn, sql, &count, err));
    if (count == 1)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EINVAL, 1009, "one statement is wanted, not %zu", count);
}

/* The tables are views: nothing of a project can be written by a query, and nothing else should. */
static assay_status check_reads(assay_conn *conn, const char *sql, assay_error *err)
{
    bool reads = false;

    ASSAY_TRY(assay_conn_is_query(conn, sql, &reads, err));
    if (reads)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EINVAL, 1009,
                           "a query reads; this statement does something else");
}

/* The name in "Table with name x does not exist"; NULL = another error. */
static const char *missing_table(const assay_error *err, assay_arena *arena)
{
    static const char begin[] = "Table with name ";

    if (err == NULL || err->number != 3003 || !assay_str_starts(err->message, begin))
        return NULL;
    const char *end = strstr(err->message, " does not exist");
    const char *from = err->message + sizeof begin - 1;
    if (end == NULL || end <= from)
        return NULL;
    return assay_arena_text_n(arena, *from == '"' ? from + 1 : from,
                              (size_t)(end - from) - (*from == '"' ? 2 : 0));
}

/* The engine knows only the tables that were found in the text. */
static assay_status name_table(assay_context *context, const char *at, assay_arena *arena,
                               assay_error *err)
{
    const char *name = missing_table(err, arena);
    const char **names = NULL;
    size_t count = 0;

    if (err == NULL)
        return ASSAY_ECONFIG;
    if (name == NULL || assay_published_names(context->project, &context->env, arena, &names,
                                              &count, NULL) != ASSAY_OK)
        return err->code;
    const char *nearest = assay_str_nearest(name, names, count);
    if (at != NULL && nearest != NULL && assay_str_equal_ci(nearest, name))
        return assay_error_set(err, ASSAY_ENOTFOUND, 4060,
                               "table '%s' has no snapshot as old as --at %s", nearest, at);
    for (size_t i = 0; nearest == NULL && i < count; i++)
        if (assay_str_ends(names[i], name) && names[i][strlen(names[i]) - strlen(name) - 1] == '.')
            nearest = names[i];
    return assay_error_at(err, err->code, 3003, (assay_place){NULL, err->line, err->column},
                          "there is no table '%s'%s%s%s", name,
                          nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "");
}

static assay_status run_query(assay_context *context, assay_conn *conn, const char *sql,
                              const assay_query_options *options, assay_arena *arena,
                              char **ret_json, assay_error *err)
{
    assay_rows *rows = NULL;
    size_t limit = options->limit > 0 ? (size_t)options->limit : DEFAULT_LIMIT;

    ASSAY_TRY(check_query(conn, sql, err));
    ASSAY_TRY(make_views(context, conn, sql, options->at, arena, err));
    ASSAY_TRY(assay_engine_catalog_clock(conn, assay_context_now(context), err));
    ASSAY_TRY(check_reads(conn, sql, err));
    if (options->hide_pii)
        ASSAY_TRY(assay_privacy_hide_columns(context, conn, sql, arena, &sql, err));
    if (options->file != NULL)
        return copy_rows(conn, sql, options, arena, ret_json, err);
    ASSAY_TRY(assay_conn_query(conn, sql, limit, arena, &rows, err));
    return assay_document_rows(rows, arena, ret_json, err);
}

/* The statement without its closing semicolons, so that it can stand inside another. */
static char *without_semicolon(const char *sql, assay_arena *arena)
{
    char *copy = assay_arena_text(arena, sql);
    size_t length = 0;

    for (size_t i = 0; copy != NULL && copy[i] != '\0'; i++)
        if (copy[i] != ';' && copy[i] != ' ' && copy[i] != '\n' && copy[i] != '\t')
            length = i + 1;
    if (copy != NULL)
        copy[length] = '\0';
    return copy;
}

assay_status assay_query(assay_context *context, const char *sql,
                         const assay_query_options *options, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    char *text = without_semicolon(sql, arena);
    ASSAY_TRY(assay_arena_check(text, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(assay_engine_catalog_open(conn, CATALOG, err));
    assay_status status = run_query(context, conn, text, options, arena, ret_json, err);
    assay_engine_catalog_close(conn, CATALOG);
    if (status != ASSAY_OK)
        assay_privacy_hide_error(context, conn, text, err);
    return status == ASSAY_OK ? status : name_table(context, options->at, arena, err);
}

/* ---- streams ---- */

/* A stream keeps its connection: both end with its release. */
struct reading {
    struct ArrowArrayStream inner;
    assay_conn *conn;
};

static int reading_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct reading *reading = stream->private_data;

    return reading->inner.get_schema(&reading->inner, out);
}

static int reading_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct reading *reading = stream->private_data;

    return reading->inner.get_next(&reading->inner, out);
}

static const char *reading_error(struct ArrowArrayStream *stream)
{
    struct reading *reading = stream->private_data;

    return reading->inner.get_last_error(&reading->inner);
}

static void reading_release(struct ArrowArrayStream *stream)
{
    struct reading *reading = stream->private_data;

    if (reading->inner.release != NULL)
        reading->inner.release(&reading->inner);
    assay_conn_close(reading->conn);
    assay_mem_free(reading);
    stream->release = NULL;
}

static assay_status open_reading(assay_context *context, const char *name, const char *at,
                                 struct reading *reading, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_scan_options options = {0};
    struct moment moment;
    assay_table *table = NULL;
    assay_published_rows rows;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &reading->conn, err));
    ASSAY_TRY(parse_at(at, &moment, err));
    ASSAY_TRY(assay_published_load(context->project, &context->env, reading->conn, name, arena,
                                   &table, err));
    if (!table->exists)
        return assay_published_missing(context->project, &context->env, name, arena, err);
    if (!moment.is_snapshot && moment.us != INT64_MAX) {
        const assay_snapshot *snapshot = assay_table_snapshot_at(table, moment.us);
        if (snapshot == NULL)
            return assay_error_set(err, ASSAY_ENOTFOUND, 4060, "table '%s' did not exist at %s",
                                   name, at);
        moment.snapshot_id = snapshot->id;
    }
    ASSAY_TRY(assay_published_at(table, moment.snapshot_id, &context->env, arena, &rows, err));
    options.conn = reading->conn;
    ASSAY_TRY(
        assay_scan_append_sql(&sql, table, rows.schema, rows.files, rows.count, &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_query_stream(reading->conn, sql.data, &reading->inner, err);
}

assay_status assay_table_read(assay_context *context, const char *table, const char *at,
                              struct ArrowArrayStream *ret_stream, assay_error *err)
{
    struct reading *reading = assay_mem_new(1, sizeof *reading);

    assay_error_clear(err);
    if (reading == NULL)
        return assay_error_nomem(err);
    assay_status status = open_reading(context, table, at, reading, err);
    if (status != ASSAY_OK) {
        assay_conn_close(reading->conn);
        assay_mem_free(reading);
        return status;
    }
    *ret_stream = (struct ArrowArrayStream){.get_schema = reading_schema,
                                            .get_next = reading_next,
                                            .get_last_error = reading_error,
                                            .release = reading_release,
                                            .private_data = reading};
    return ASSAY_OK;
}
