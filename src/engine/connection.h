/* What the files of this room share; no other room includes it. */
#ifndef ASSAY_ENGINE_CONNECTION_H
#define ASSAY_ENGINE_CONNECTION_H

#include <duckdb.h>

#include <stdatomic.h>

#include "base/thread.h"
#include "engine/arrow.h"
#include "engine/engine.h"

struct assay_engine {
    duckdb_database database;
    assay_lock *lock; /* guards the list of connections */
    assay_conn *first;
};

/* A statement of ours with one parameter, kept prepared: compiling a project asks it of each
 * model. */
enum { ASSAY_ENGINE_CALLS = 3 };

typedef struct assay_engine_call {
    const char *statement; /* never freed */
    duckdb_prepared_statement prepared;
} assay_engine_call;

struct assay_conn {
    duckdb_connection handle;
    assay_engine *engine;
    assay_conn *next;
    atomic_uint interrupts; /* asked for so far */
    assay_engine_call calls[ASSAY_ENGINE_CALLS];
};

/* SQL for the engine: `text` holds the caller's `sql` (NULL = none) from byte `shift` on, so that
 * places in messages are places in `sql`. */
typedef struct assay_engine_text {
    const char *text;
    const char *sql;
    size_t shift;
    bool stream; /* the result comes while the statement runs */
} assay_engine_text;

/* Turns the engine's message (JSON or plain, may be NULL) into `err`; returns its status, which is
 * never ASSAY_OK. `text` NULL = no place. */
assay_status assay_engine_fail(const char *message, const assay_engine_text *text,
                               assay_error *err);

/* A failure whose parts json_serialize_sql gave: its type ("parser"), its message and position. */
assay_status assay_engine_fail_parts(const char *type, const char *message, int64_t position,
                                     const char *sql, assay_error *err);

/* Runs all statements of the text; the result is that of the last one, which may still run where
 * it streams. The result is destroyed by the caller on success only. */
assay_status assay_engine_start(assay_conn *conn, const assay_engine_text *text,
                                duckdb_result *ret_result, assay_error *err);

/* Runs all of the text; *ret_changed may be NULL. */
assay_status assay_engine_run(assay_conn *conn, const assay_engine_text *text,
                              uint64_t *ret_changed, assay_error *err);

/* Reads a result to its end, or to `limit` rows (0 = ASSAY_ROWS_MAX). */
assay_status assay_engine_collect(duckdb_result *result, const char *sql, size_t limit,
                                  assay_arena *arena, assay_rows **ret_rows, assay_error *err);

/* The first cell, as text, of a statement with one text parameter, which is known for as long as
 * the connection and one of few. */
assay_status assay_engine_call_text(assay_conn *conn, const char *statement, const char *argument,
                                    assay_arena *arena, const char **ret_text, assay_error *err);

/* One cell of a vector as a value. */
assay_status assay_engine_cell(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                               assay_arena *arena, assay_value **ret_value, assay_error *err);

/* DuckDB's text of a logical type, as DESCRIBE prints it. */
void assay_engine_type_text(assay_buf *buf, duckdb_logical_type type);

#endif
