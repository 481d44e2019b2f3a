#include "engine/stream.h"

#include <string.h>

#include "base/mem.h"
#include "engine/connection.h"

/* What the table function keeps; it is the engine's, which frees it when the database closes. */
struct assay_stream {
    assay_arena *arena;
    duckdb_connection handle; /* for conversions; NULL once closed */
    const char **names;
    duckdb_logical_type *types;
    size_t count;
    assay_stream_open *open;
    void *user;
};

/* One reading of it. */
struct reading {
    assay_stream *table;
    struct ArrowArrayStream stream;
    duckdb_arrow_converted_schema schema;
    duckdb_selection_vector all; /* 0, 1, 2 .. */
    duckdb_data_chunk batch;     /* NULL = none */
    idx_t at, size;              /* rows of the batch that are given, and all */
};

static void free_stream(void *pointer)
{
    assay_stream *stream = pointer;

    if (stream == NULL)
        return;
    assay_conn_close_stream(stream);
    for (size_t i = 0; i < stream->count; i++)
        duckdb_destroy_logical_type(&stream->types[i]);
    assay_arena_free(stream->arena);
    assay_mem_free(stream);
}

static void free_streamp(assay_stream **stream)
{
    free_stream(*stream);
}

static void free_reading(void *pointer)
{
    struct reading *reading = pointer;

    duckdb_destroy_data_chunk(&reading->batch);
    duckdb_destroy_selection_vector(reading->all);
    duckdb_destroy_arrow_converted_schema(&reading->schema);
    if (reading->stream.release != NULL)
        reading->stream.release(&reading->stream);
    assay_mem_free(reading);
}

/* ---- the table function ---- */

static void bind(duckdb_bind_info info)
{
    const assay_stream *stream = duckdb_bind_get_extra_info(info);

    if (stream->handle == NULL) {
        duckdb_bind_set_error(info, "the stream is closed");
        return;
    }
    for (size_t i = 0; i < stream->count; i++)
        duckdb_bind_add_result_column(info, stream->names[i], stream->types[i]);
}

/* Takes the message out of `data` and frees it; true where there is one. */
static bool take_message(duckdb_error_data data, assay_error *err)
{
    bool failed = data != NULL && duckdb_error_data_has_error(data);

    if (failed)
        (void)assay_engine_fail(duckdb_error_data_message(data), NULL, err);
    duckdb_destroy_error_data(&data);
    return failed;
}

static assay_status convert_schema(struct reading *reading, assay_error *err)
{
    struct ArrowSchema schema = {0};

    if (reading->stream.get_schema(&reading->stream, &schema) != 0)
        return assay_error_set(err, ASSAY_EDATA, 3019, "the stream gives no schema");
    bool same = schema.n_children == (int64_t)reading->table->count;
    bool failed = same && take_message(duckdb_schema_from_arrow(reading->table->handle, &schema,
                                                                &reading->schema),
                                       err);
    schema.release(&schema);
    if (!same)
        return assay_error_set(err, ASSAY_EDATA, 3019, "the stream has %lld columns instead of %zu",
                               (long long)schema.n_children, reading->table->count);
    return failed ? ASSAY_EDATA : ASSAY_OK;
}

static assay_status begin(struct reading *reading, assay_error *err)
{
    assay_stream *table = reading->table;

    reading->all = duckdb_create_selection_vector(duckdb_vector_size());
    if (reading->all == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(table->open(table->user, &reading->stream, err));
    return convert_schema(reading, err);
}

static void init(duckdb_init_info info)
{
    assay_stream *table = duckdb_init_get_extra_info(info);
    struct reading *reading = assay_mem_new(1, sizeof *reading);
    assay_error err = {0};

    if (reading == NULL || table->handle == NULL) {
        assay_mem_free(reading);
        duckdb_init_set_error(info,
                              table->handle == NULL ? "the stream is closed" : "out of memory");
        return;
    }
    reading->table = table;
    duckdb_init_set_init_data(info, reading, free_reading);
    if (begin(reading, &err) != ASSAY_OK)
        duckdb_init_set_error(info, err.message);
}

/* The engine was promised these types when it bound the statement. */
static assay_status check_types(const struct reading *reading, assay_error *err)
{
    for (size_t i = 0; i < reading->table->count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(reading->batch, i);
        ASSAY_AUTO(duckdb_destroy_logical_type)
        duckdb_logical_type type = duckdb_vector_get_column_type(vector);
        ASSAY_AUTO(assay_buf_done) assay_buf have = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf want = ASSAY_BUF_EMPTY;
        assay_engine_type_text(&have, type);
        assay_engine_type_text(&want, reading->table->types[i]);
        if (strcmp(assay_buf_text(&have), assay_buf_text(&want)) != 0)
            return assay_error_set(err, ASSAY_EDATA, 3019,
                                   "column '%s' of the stream is %s instead of %s",
                                   reading->table->names[i], assay_buf_text(&have),
                                   assay_buf_text(&want));
    }
    return ASSAY_OK;
}

/* The next batch with rows; none at the end. */
static assay_status next_batch(struct reading *reading, assay_error *err)
{
    duckdb_destroy_data_chunk(&reading->batch);
    reading->at = 0;
    reading->size = 0;
    while (reading->size == 0) {
        struct ArrowArray array = {0};
        if (reading->stream.get_next(&reading->stream, &array) != 0) {
            const char *cause = reading->stream.get_last_error(&reading->stream);
            return assay_error_set(err, ASSAY_EDATA, 3019, "%s",
                                   cause != NULL ? cause : "the stream ended with an error");
        }
        if (array.release == NULL)
            return ASSAY_OK;
        if (array.length == 0) {
            array.release(&array);
            continue;
        }
        reading->size = (idx_t)array.length;
        if (take_message(duckdb_data_chunk_from_arrow(reading->table->handle, &array,
                                                      reading->schema, &reading->batch),
                         err))
            return ASSAY_EDATA;
        ASSAY_TRY(check_types(reading, err));
    }
    return ASSAY_OK;
}

static void give(struct reading *reading, duckdb_data_chunk output)
{
    idx_t rows = reading->size - reading->at;
    sel_t *positions = duckdb_selection_vector_get_data_ptr(reading->all);

    if (rows > duckdb_vector_size())
        rows = duckdb_vector_size();
    for (idx_t i = 0; i < rows; i++)
        positions[i] = (sel_t)(reading->at + i);
    for (size_t i = 0; i < reading->table->count; i++)
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(reading->batch, i),
                               duckdb_data_chunk_get_vector(output, i), reading->all, rows, 0, 0);
    duckdb_data_chunk_set_size(output, rows);
    reading->at += rows;
}

static void run(duckdb_function_info info, duckdb_data_chunk output)
{
    struct reading *reading = duckdb_function_get_init_data(info);
    assay_error err = {0};

    if (reading->at == reading->size && next_batch(reading, &err) != ASSAY_OK) {
        duckdb_function_set_error(info, err.message);
        return;
    }
    if (reading->size == 0)
        duckdb_data_chunk_set_size(output, 0);
    else
        give(reading, output);
}

/* ---- making it ---- */

/* The engine parses its own texts of types. */
static assay_status resolve_types(assay_stream *stream, const assay_stream_table *table,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(duckdb_destroy_result) duckdb_result result;

    memset(&result, 0, sizeof result);
    assay_buf_append_text(&sql, "SELECT ");
    for (size_t i = 0; i < table->count; i++)
        assay_buf_append_format(&sql, "%sCAST(NULL AS %s)", i > 0 ? ", " : "",
                                table->columns[i].type);
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (duckdb_query(stream->handle, sql.data, &result) != DuckDBSuccess)
        return assay_engine_fail(duckdb_result_error(&result), NULL, err);
    for (; stream->count < table->count; stream->count++) {
        stream->types[stream->count] = duckdb_column_logical_type(&result, stream->count);
        stream->names[stream->count] =
            assay_arena_text(stream->arena, table->columns[stream->count].name);
        ASSAY_TRY(assay_arena_check(stream->names[stream->count], err));
    }
    return ASSAY_OK;
}

static assay_status make(assay_conn *conn, const assay_stream_table *table, assay_stream *stream,
                         assay_error *err)
{
    stream->arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(stream->arena, err));
    stream->open = table->open;
    stream->user = table->user;
    stream->names = assay_arena_take(stream->arena, table->count + 1, sizeof *stream->names);
    stream->types = assay_arena_take(stream->arena, table->count + 1, sizeof *stream->types);
    if (stream->names == NULL || stream->types == NULL)
        return assay_error_nomem(err);
    if (duckdb_connect(conn->engine->database, &stream->handle) != DuckDBSuccess)
        return assay_error_set(err, ASSAY_EIO, 3020, "cannot connect to the engine");
    return resolve_types(stream, table, err);
}

assay_status assay_conn_add_stream(assay_conn *conn, const assay_stream_table *table,
                                   assay_stream **ret_stream, assay_error *err)
{
    ASSAY_AUTO(free_streamp) assay_stream *stream = assay_mem_new(1, sizeof *stream);

    if (stream == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(make(conn, table, stream, err));
    ASSAY_AUTO(duckdb_destroy_table_function)
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, table->name);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_function(function, run);
    assay_stream *kept = ASSAY_TAKE(&stream);
    duckdb_table_function_set_extra_info(function, kept, free_stream);
    if (duckdb_register_table_function(conn->handle, function) != DuckDBSuccess)
        return assay_error_set(err, ASSAY_EINTERNAL, 3019, "the engine refuses the stream '%s'",
                               table->name);
    *ret_stream = kept;
    return ASSAY_OK;
}

void assay_conn_close_stream(assay_stream *stream)
{
    if (stream != NULL && stream->handle != NULL)
        duckdb_disconnect(&stream->handle);
}
