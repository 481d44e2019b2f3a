/* Databases through ADBC drivers (https://arrow.apache.org/adbc): a driver is a shared library with
 * a C interface that is found, loaded when it is first needed and never unloaded (Snowflake's holds
 * a Go runtime).
 *
 * Thread rule: an assay_adbc belongs to one thread at a time, except assay_adbc_cancel, which any
 * thread may call while it lives. Streams that it gave keep it busy until they are released and
 * must be released before it is closed. */
#ifndef ASSAY_ADBC_ADBC_H
#define ASSAY_ADBC_ADBC_H

#include "base/log.h"
#include "engine/arrow.h"
#include "engine/engine.h"
#include "store/secrets.h"

typedef struct assay_adbc assay_adbc;

typedef struct assay_adbc_request {
    const assay_connection_config *connection; /* postgres or snowflake; outlives the adbc */
    assay_secrets *secrets;
    const assay_cancel *cancel; /* looked at while a statement runs; may be NULL */
    assay_log *log;             /* may be NULL */
    const char *query_tag;      /* of every statement, where the database has tags; may be NULL */
    const char *driver_dirs; /* tests: the only folders that are searched, by ':'; NULL = usual */
} assay_adbc_request;

/* Finds and loads the driver, resolves the secrets and logs in, all within the connection's
 * login_timeout. A login that is refused is tried once more where a secret could be fetched anew.
 * Errors of all functions here:
 *   ENOTFOUND 3101 no driver, with the commands that install one; ECONFIG 3102 a driver that cannot
 *   be loaded; EUNSUPPORTED 3103 a connection or a call that the driver cannot serve;
 *   EAUTH 3110 login refused; ETIMEOUT 3111 a timeout of the connection passed;
 *   EIO 3112 the server is not reached or broke the connection (retryable);
 *   ECONFLICT 3113 serialization failure, deadlock, lock (retryable); EDATA 3114 the data break a
 *   rule; EDATA 3115 the statement is wrong (syntax, unknown name); EIO 3116 anything else;
 *   EIO 3123 a privilege is missing; ENOTFOUND 3124 no such database or schema; EIO 3125 no secure
 *   connection; EIO 3126 the statement was ended in the database (retryable); ECANCELLED 3117;
 * EUNKNOWN_OUTCOME 3118 from commit, and from a statement outside a transaction, where the
 * connection broke so that nobody knows. err->sqlstate and err->native (vendor code) are set where
 * the driver says them. Secrets are removed from messages. */
ASSAY_NODISCARD assay_status assay_adbc_open(const assay_adbc_request *request,
                                             assay_adbc **ret_adbc, assay_error *err);
void assay_adbc_close(assay_adbc *adbc); /* rolls an open transaction back; NULL is allowed */
void assay_adbc_closep(assay_adbc **adbc);

/* Runs one statement without result. *ret_affected (may be NULL): rows, -1 = the database does not
 * say. Within statement_timeout, as all functions here that run a statement. */
ASSAY_NODISCARD assay_status assay_adbc_execute(assay_adbc *adbc, const char *sql,
                                                int64_t *ret_affected, assay_error *err);

/* Runs a query; its rows come while they are read, no copy through our code. The timeout and the
 * cancel flag hold until the stream ends or is released; then get_next fails with ETIMEDOUT or
 * ECANCELED. What a failed get_next was is asked by assay_adbc_stream_error. */
ASSAY_NODISCARD assay_status assay_adbc_query_stream(assay_adbc *adbc, const char *sql,
                                                     struct ArrowArrayStream *ret_stream,
                                                     assay_error *err);

/* The failure of the last stream of this connection as an error of the list above; ASSAY_OK where
 * it did not fail. */
ASSAY_NODISCARD assay_status assay_adbc_stream_error(assay_adbc *adbc, assay_error *err);

/* A small result, whole in an arena, with cells and types as assay_conn_query gives them. Columns:
 * booleans, numbers, decimals, text, binary, dates, times, timestamps; others are EUNSUPPORTED 3120
 * (cast them to text in the query). `limit` as in assay_conn_query. */
ASSAY_NODISCARD assay_status assay_adbc_query(assay_adbc *adbc, const char *sql, size_t limit,
                                              assay_arena *arena, assay_rows **ret_rows,
                                              assay_error *err);

/* Bulk load of a stream into a staging table of PostgreSQL. NULL schema = the search path's. */
typedef enum assay_adbc_ingest_mode {
    ASSAY_ADBC_INGEST_CREATE, /* the table must not exist; columns get the driver's types */
    ASSAY_ADBC_INGEST_APPEND  /* the table must exist; columns by name */
} assay_adbc_ingest_mode;

typedef struct assay_adbc_target {
    const char *schema, *table;
    assay_adbc_ingest_mode mode;
    bool temporary; /* then `schema` is NULL */
} assay_adbc_target;

/* The stream is moved (its release becomes NULL) and released. All rows are loaded or
 * none (a table that was made for them stays, empty). Rows that fail are EDATA 3122. EUNSUPPORTED
 * 3103 on Snowflake, whose driver loads in several statements through a stage of its own: use PUT
 * and COPY. */
ASSAY_NODISCARD assay_status assay_adbc_ingest(assay_adbc *adbc, const assay_adbc_target *target,
                                               struct ArrowArrayStream *stream, int64_t *ret_rows,
                                               assay_error *err);

/* Transactions. After any failure inside one only rollback is allowed. A commit whose answer is
 * lost is EUNKNOWN_OUTCOME; rollback never fails where the connection is gone. */
ASSAY_NODISCARD assay_status assay_adbc_begin(assay_adbc *adbc, assay_error *err);
ASSAY_NODISCARD assay_status assay_adbc_commit(assay_adbc *adbc, assay_error *err);
ASSAY_NODISCARD assay_status assay_adbc_rollback(assay_adbc *adbc, assay_error *err);

/* Stops what runs; it then fails with ECANCELLED. Any thread. */
void assay_adbc_cancel(assay_adbc *adbc);

/* The database's id of the last statement, for lineage; *ret_id NULL where it has none. Snowflake:
 * one more small query. */
ASSAY_NODISCARD assay_status assay_adbc_query_id(assay_adbc *adbc, assay_arena *arena,
                                                 const char **ret_id, assay_error *err);

/* Changes the tag of the statements to come; NULL = none. */
ASSAY_NODISCARD assay_status assay_adbc_set_query_tag(assay_adbc *adbc, const char *tag,
                                                      assay_error *err);

/* ---- what doctor and main ask ---- */

/* The driver's library for `connection` without loading it: ENOTFOUND 3101 as above. */
ASSAY_NODISCARD assay_status assay_adbc_find_driver(const assay_adbc_request *request,
                                                    assay_arena *arena, const char **ret_path,
                                                    assay_error *err);

/* Variables that must be in the environment when a process with a snowflake connection starts, as
 * "NAME=value", closed by NULL: Go reads them before our code runs, setenv is too late. */
extern const char *const assay_adbc_environment[];

#endif
