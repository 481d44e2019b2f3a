/* The embedded engine: one DuckDB database in the process, with connections that threads take.
 *
 * Thread rule: an engine is shared by all threads; a connection belongs to one thread at a time,
 * except assay_conn_interrupt and assay_conn_progress, which any thread may call while the
 * connection lives. */
#ifndef ASSAY_ENGINE_ENGINE_H
#define ASSAY_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "text/value.h"

typedef struct assay_engine assay_engine;
typedef struct assay_conn assay_conn;

typedef struct assay_engine_options {
    uint64_t memory_limit; /* bytes for the engine; 0 = its default */
    int threads;           /* 0 = processors of the process */
    const char *temp_dir;  /* spill folder; NULL = no spilling */
} assay_engine_options;

/* An in-memory database with TimeZone 'UTC', no automatic installing or loading of extensions, no
 * home-directory state, insertion order kept, errors with positions. */
ASSAY_NODISCARD assay_status assay_engine_open(const assay_engine_options *options,
                                               assay_engine **ret_engine, assay_error *err);
void assay_engine_close(assay_engine *engine); /* after all its connections */
void assay_engine_closep(assay_engine **engine);

/* "1.5.5". */
const char *assay_engine_version(void);

/* Interrupts what runs on every open connection. */
void assay_engine_interrupt(assay_engine *engine);

ASSAY_NODISCARD assay_status assay_conn_open(assay_engine *engine, assay_conn **ret_conn,
                                             assay_error *err);
void assay_conn_close(assay_conn *conn);
void assay_conn_closep(assay_conn **conn);
void assay_conn_interrupt(assay_conn *conn);

/* Progress of the running statement: *ret_percent is -1 where the engine does not know. */
void assay_conn_progress(assay_conn *conn, double *ret_percent, uint64_t *ret_rows,
                         uint64_t *ret_total_rows);

/* Runs one statement. *ret_changed (may be NULL) = rows inserted, updated or copied.
 *
 * Errors of all functions here: the engine's message without its "LINE 1:" excerpt; line and column
 * of `sql` where the engine names a position; ECONFIG for parser, binder and catalog errors, EDATA
 * for conversion, constraint and out-of-range errors, ENOMEM, ECANCELLED for an interrupt, EIO,
 * else EINTERNAL. Numbers 3001.. */
ASSAY_NODISCARD assay_status assay_conn_execute(assay_conn *conn, const char *sql,
                                                uint64_t *ret_changed, assay_error *err);

/* A small result, whole in an arena. Cells: BOOLEAN -> BOOL; integers up to 64 bits -> INT; FLOAT,
 * DOUBLE -> REAL (NaN and infinity kept); DECIMAL, HUGEINT -> REAL with the exact digits in `text`;
 * VARCHAR -> TEXT; LIST/ARRAY -> LIST; STRUCT -> MAP; MAP -> MAP with keys as text; NULL -> NULL;
 * BLOB -> TEXT as \xHH escapes, like the engine prints it; everything else -> TEXT as a cast to
 * VARCHAR prints it. */
typedef struct assay_rows {
    size_t column_count;
    const char **names;
    const char **types; /* DuckDB's type text */
    size_t count;
    assay_value ***cells; /* cells[row][column] */
    bool truncated;       /* there were more than `limit` rows */
} assay_rows;

enum { ASSAY_ROWS_MAX = 1000000 };

/* `limit` 0 = ASSAY_ROWS_MAX, and more rows than that are EDATA; with a limit the result is cut. */
ASSAY_NODISCARD assay_status assay_conn_query(assay_conn *conn, const char *sql, size_t limit,
                                              assay_arena *arena, assay_rows **ret_rows,
                                              assay_error *err);

/* The first cell of the first row as text / int64; ENOTFOUND where there is no row, NULL text and
 * 0 where it is NULL. */
ASSAY_NODISCARD assay_status assay_conn_query_text(assay_conn *conn, const char *sql,
                                                   assay_arena *arena, const char **ret_text,
                                                   assay_error *err);
ASSAY_NODISCARD assay_status assay_conn_query_int(assay_conn *conn, const char *sql,
                                                  int64_t *ret_value, assay_error *err);

/* Names and types (DuckDB type text) of the columns that the query `sql` would give; binds without
 * running. */
typedef struct assay_column {
    const char *name;
    const char *type;
} assay_column;
ASSAY_NODISCARD assay_status assay_conn_describe(assay_conn *conn, const char *sql,
                                                 assay_arena *arena, assay_column **ret_columns,
                                                 size_t *ret_count, assay_error *err);

/* ---- writing Parquet with statistics ---- */

/* Statistics of one leaf column as COPY .. RETURN_STATS says them. Values are text in DuckDB's
 * form; NULL = not there. */
typedef struct assay_written_column {
    const char **path; /* parts of the column path, quotes removed: {"st", "a"}, {"l", "element"} */
    size_t depth;
    int64_t column_size;            /* compressed bytes, -1 unknown */
    int64_t num_values, null_count; /* -1 unknown */
    const char *min, *max;
    int has_nan; /* 1, 0, -1 unknown */
} assay_written_column;

typedef struct assay_written_file {
    const char *path;
    int64_t rows, size, footer_size;
    assay_written_column *columns;
    size_t column_count;
    const char **partition_names, **partition_values; /* NULL value = SQL NULL */
    size_t partition_count;
} assay_written_file;

/* Runs a COPY .. (RETURN_STATS) statement and reads what it says of its files. */
ASSAY_NODISCARD assay_status assay_conn_copy(assay_conn *conn, const char *copy_sql,
                                             assay_arena *arena, assay_written_file **ret_files,
                                             size_t *ret_count, assay_error *err);

/* ---- Arrow C data interface ---- */

struct ArrowArrayStream;

/* Reads the stream to its end into the temporary table `name` of this connection. The stream is
 * moved (its release becomes NULL) and released. The connection needs a private catalog (or to be
 * the only one that registers streams at the moment). */
ASSAY_NODISCARD assay_status assay_conn_register_stream(assay_conn *conn, const char *name,
                                                        struct ArrowArrayStream *stream,
                                                        assay_error *err);

/* Runs a query as an Arrow stream, which keeps the connection busy until it is released. */
ASSAY_NODISCARD assay_status assay_conn_query_stream(assay_conn *conn, const char *sql,
                                                     struct ArrowArrayStream *ret_stream,
                                                     assay_error *err);

/* ---- syntax and plans ---- */

/* Number of statements in `sql`; a syntax error is ECONFIG with its place. */
ASSAY_NODISCARD assay_status assay_conn_count_statements(assay_conn *conn, const char *sql,
                                                         size_t *ret_count, assay_error *err);

/* Says whether the statement only reads (SELECT and what is written as one, EXPLAIN). It is bound,
 * so its tables must be there. */
ASSAY_NODISCARD assay_status assay_conn_is_query(assay_conn *conn, const char *sql, bool *ret_is,
                                                 assay_error *err);

/* The unbound syntax tree of one SELECT as json_serialize_sql gives it (query_location = byte
 * offset in `sql`). Not a SELECT: ECONFIG 3010. */
ASSAY_NODISCARD assay_status assay_conn_parse(assay_conn *conn, const char *sql, assay_arena *arena,
                                              assay_value **ret_tree, assay_error *err);

/* SQL text of such a tree (json_deserialize_sql): the canonical form of a query. */
ASSAY_NODISCARD assay_status assay_conn_unparse(assay_conn *conn, const assay_value *tree,
                                                assay_arena *arena, const char **ret_sql,
                                                assay_error *err);

/* Whether a tree of assay_conn_parse calls something whose result changes between two runs over
 * equal inputs: random(), uuid(), nextval(), the clock (now(), CURRENT_DATE ..), a sample without a
 * seed. *ret_function (may be NULL) = the first one's name. */
bool assay_engine_tree_is_volatile(const assay_value *tree, const char **ret_function);

/* The bound, unoptimised logical plan as json_serialize_plan gives it. A statement that cannot be
 * serialised is EUNSUPPORTED 3011. */
ASSAY_NODISCARD assay_status assay_conn_plan(assay_conn *conn, const char *sql, assay_arena *arena,
                                             assay_value **ret_plan, assay_error *err);

/* ---- quoting ---- */

void assay_sql_append_name(assay_buf *buf, const char *name); /* "we""ird" */
void assay_sql_append_text(assay_buf *buf, const char *text); /* 'it''s'; NULL -> NULL */
void assay_sql_append_texts(assay_buf *buf, const char *const *texts, size_t count); /* ['a','b'] */
/* A value as a literal: numbers bare, text quoted, lists [..], NULL; REAL uses its exact `text`. */
void assay_sql_append_value(assay_buf *buf, const assay_value *value);

/* Takes out of an error of the engine what may be a value of the data: for those whose columns are
 * pii. */
void assay_engine_hide_values(assay_error *err);

#endif
