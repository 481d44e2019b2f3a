#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "engine/arrow_check.h"
#include "engine/connection.h"

/* ---- in: a stream as a table ---- */

static const char scan_name[] = "__assay_arrow_scan";

static void append_table(assay_buf *text, const char *what, const char *name)
{
    assay_buf_append_text(text, what);
    assay_sql_append_name(text, name);
}

/* duckdb_arrow_scan makes a view that is neither temporary nor right when a query reads some of its
 * columns (DuckDB 1.5.5: projection is pushed into a stream that does not project; it crashes). All
 * columns are therefore read at once, into a temporary table that spills like any other. */
static assay_status read_scan(assay_conn *conn, const char *name, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    append_table(&text, "CREATE OR REPLACE TEMP TABLE ", name);
    append_table(&text, " AS FROM ", scan_name);
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_conn_execute(conn, assay_buf_text(&text), NULL, err);
}

static assay_status drop_scan(assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    append_table(&text, "DROP VIEW IF EXISTS ", scan_name);
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_conn_execute(conn, assay_buf_text(&text), NULL, err);
}

/* What the engine is given instead of the stream: duckdb_arrow_scan never releases a schema that it
 * asked for, so all it gets are copies of one that is released here. */
struct lent_stream {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    const char *name;
    assay_error failure; /* of an array that was refused here */
};

static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void keep_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static int lend_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const struct lent_stream *lent = stream->private_data;

    *out = lent->schema;
    out->release = keep_schema;
    return 0;
}

static int lend_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct lent_stream *lent = stream->private_data;
    int failed = lent->stream.get_next(&lent->stream, out);

    if (failed != 0 || out->release == NULL)
        return failed;
    if (assay_arrow_check_array(&lent->schema, out, lent->name, &lent->failure) == ASSAY_OK)
        return 0;
    out->release(out);
    out->release = NULL;
    return EINVAL;
}

static const char *lend_error(struct ArrowArrayStream *stream)
{
    struct lent_stream *lent = stream->private_data;

    return lent->failure.code != ASSAY_OK ? lent->failure.message
                                          : lent->stream.get_last_error(&lent->stream);
}

static void release_lent(struct lent_stream *lent)
{
    if (lent->schema.release != NULL)
        lent->schema.release(&lent->schema);
    if (lent->stream.release != NULL)
        lent->stream.release(&lent->stream);
}

static assay_status fail_stream(struct lent_stream *lent, const char *name, assay_error *err)
{
    const char *cause = lent->stream.get_last_error(&lent->stream);

    return assay_error_set(err, ASSAY_EDATA, 3019, "the Arrow stream '%s' cannot be read: %s", name,
                           cause != NULL ? cause : "the engine refuses its schema");
}

static assay_status read_stream(assay_conn *conn, const char *name, struct lent_stream *lent,
                                assay_error *err)
{
    struct ArrowArrayStream view = {.get_schema = lend_schema,
                                    .get_next = lend_next,
                                    .get_last_error = lend_error,
                                    .release = keep_stream,
                                    .private_data = lent};
    void *handle = &view;

    if (lent->stream.get_schema(&lent->stream, &lent->schema) != 0)
        return fail_stream(lent, name, err);
    ASSAY_TRY(assay_arrow_check_schema(&lent->schema, name, err));
    if (duckdb_arrow_scan(conn->handle, scan_name, (duckdb_arrow_stream)handle) != DuckDBSuccess)
        return fail_stream(lent, name, err);
    assay_status status = read_scan(conn, name, err);
    (void)drop_scan(conn, NULL);
    return status != ASSAY_OK && lent->failure.code != ASSAY_OK
               ? assay_error_copy(err, &lent->failure)
               : status;
}

assay_status assay_conn_register_stream(assay_conn *conn, const char *name,
                                        struct ArrowArrayStream *stream, assay_error *err)
{
    struct lent_stream lent = {.stream = *stream, .name = name};

    if (stream->release == NULL)
        return assay_error_set(err, ASSAY_EDATA, 3019,
                               "the Arrow stream '%s' cannot be read: it is released already",
                               name);
    stream->release = NULL;
    assay_status status = read_stream(conn, name, &lent, err);
    release_lent(&lent);
    return status;
}

/* ---- out: a query as a stream ---- */

struct query_stream {
    duckdb_result result;
    duckdb_arrow_options options;
    const char **names;
    duckdb_logical_type *types;
    size_t count;
    assay_arena *arena;
    assay_conn *conn;
    unsigned int interrupts; /* of the connection, when the query began */
    char error[ASSAY_ERROR_MESSAGE_SIZE];
};

static void free_query_stream(struct query_stream *query)
{
    for (size_t i = 0; i < query->count; i++)
        duckdb_destroy_logical_type(&query->types[i]);
    duckdb_destroy_arrow_options(&query->options);
    duckdb_destroy_result(&query->result);
    assay_arena_free(query->arena);
    assay_mem_free(query);
}

/* Keeps the message of `data` and frees it; 0 or an errno value. */
static int take_error(struct query_stream *query, duckdb_error_data data)
{
    assay_error err = {0};
    int result = 0;

    if (data != NULL && duckdb_error_data_has_error(data)) {
        (void)assay_engine_fail(duckdb_error_data_message(data), NULL, &err);
        memcpy(query->error, err.message, sizeof query->error);
        result = EIO;
    }
    duckdb_destroy_error_data(&data);
    return result;
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct query_stream *query = stream->private_data;

    memset(out, 0, sizeof *out);
    return take_error(query, duckdb_to_arrow_schema(query->options, query->types, query->names,
                                                    query->count, out));
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct query_stream *query = stream->private_data;
    ASSAY_AUTO(duckdb_destroy_data_chunk)
    duckdb_data_chunk chunk = duckdb_fetch_chunk(query->result);
    assay_error err = {0};

    memset(out, 0, sizeof *out);
    if (chunk != NULL)
        return take_error(query, duckdb_data_chunk_to_arrow(query->options, chunk, out));
    const char *message = duckdb_result_error(&query->result);
    if (message == NULL || message[0] == '\0')
        return 0;
    assay_status status = assay_engine_fail(message, NULL, &err);
    bool asked = query->interrupts != atomic_load(&query->conn->interrupts);
    /* See assay_conn_query: an interrupt that nobody asked for is a failure without its reason. */
    if (status == ASSAY_ECANCELLED && !asked)
        (void)
            assay_error_set(&err, ASSAY_EDATA, 3009,
                            "the query failed while it was read; run it by itself for the reason");
    memcpy(query->error, err.message, sizeof query->error);
    return asked ? ECANCELED : EIO;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    const struct query_stream *query = stream->private_data;

    return query->error[0] != '\0' ? query->error : NULL;
}

static void stream_release(struct ArrowArrayStream *stream)
{
    free_query_stream(stream->private_data);
    stream->release = NULL;
    stream->private_data = NULL;
}

static assay_status read_columns(struct query_stream *query, assay_error *err)
{
    size_t count = (size_t)duckdb_column_count(&query->result);

    query->arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(query->arena, err));
    query->names = assay_arena_take(query->arena, count + 1, sizeof *query->names);
    query->types = assay_arena_take(query->arena, count + 1, sizeof *query->types);
    if (query->names == NULL || query->types == NULL)
        return assay_error_nomem(err);
    query->options = duckdb_result_get_arrow_options(&query->result);
    for (; query->count < count; query->count++) {
        query->names[query->count] =
            assay_arena_text(query->arena, duckdb_column_name(&query->result, query->count));
        query->types[query->count] = duckdb_column_logical_type(&query->result, query->count);
        if (query->names[query->count] == NULL)
            return assay_error_nomem(err);
    }
    return ASSAY_OK;
}

assay_status assay_conn_query_stream(assay_conn *conn, const char *sql,
                                     struct ArrowArrayStream *ret_stream, assay_error *err)
{
    struct query_stream *query = assay_mem_new(1, sizeof *query);

    if (query == NULL)
        return assay_error_nomem(err);
    query->conn = conn;
    query->interrupts = atomic_load(&conn->interrupts);
    assay_status status =
        assay_engine_start(conn, &(assay_engine_text){.text = sql, .sql = sql, .stream = true},
                           &query->result, err);
    if (status != ASSAY_OK) {
        assay_mem_free(query);
        return status;
    }
    status = read_columns(query, err);
    if (status != ASSAY_OK) {
        free_query_stream(query);
        return status;
    }
    *ret_stream = (struct ArrowArrayStream){.get_schema = stream_schema,
                                            .get_next = stream_next,
                                            .get_last_error = stream_error,
                                            .release = stream_release,
                                            .private_data = query};
    return ASSAY_OK;
}
