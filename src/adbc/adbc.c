#include "adbc/adbc.h"

#include <errno.h>
#include <string.h>

#include "adbc/session.h"
#include "adbc/source.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

struct assay_adbc {
    assay_adbc_session *session;
    const assay_connection_config *connection;
    const assay_cancel *cancel;
    assay_log *log;
    atomic_bool stop; /* assay_adbc_cancel was called */
    bool in_transaction;
    bool rollback_only;         /* something failed in the transaction */
    bool lost;                  /* the connection is of no use any more */
    bool streaming;             /* a stream that we gave is not released */
    assay_error stream_failure; /* of the last stream */
};

enum { CLOSE_TIMEOUT_MS = 10000 };

/* ---- opening ---- */

static assay_status log_in(const assay_adbc_request *request, const assay_adbc_kind *kind,
                           assay_adbc *adbc, assay_error *err)
{
    const assay_adbc_limits limits = {.cancel = request->cancel,
                                      .timeout_ms = request->connection->login_timeout_ms,
                                      .timeout_name = "login_timeout"};

    ASSAY_TRY(assay_adbc_session_new(&adbc->session, err));
    ASSAY_TRY(assay_adbc_search(request, kind, adbc->session->arena, &adbc->session->library, err));
    ASSAY_TRY(assay_adbc_login_options(request, adbc->session, err));
    assay_log_write(request->log, ASSAY_LOG_DEBUG, "connection '%s': driver '%s'",
                    request->connection->name, adbc->session->library.path);
    return assay_adbc_session_run(adbc->session, assay_adbc_job_login, &limits, err);
}

static void forget_session(assay_adbc *adbc)
{
    if (adbc->session != NULL)
        assay_adbc_session_leave(adbc->session);
    adbc->session = NULL;
}

static assay_status log_in_with_fresh_secrets(const assay_adbc_request *request,
                                              const assay_adbc_kind *kind, assay_adbc *adbc,
                                              assay_error *err)
{
    assay_status status = log_in(request, kind, adbc, err);

    if (status != ASSAY_EAUTH || adbc->session == NULL ||
        !assay_login_forget(request->secrets, request->connection))
        return status;
    assay_log_write(request->log, ASSAY_LOG_INFO,
                    "connection '%s': the login was refused; fetching its secrets anew",
                    request->connection->name);
    forget_session(adbc);
    return log_in(request, kind, adbc, err);
}

assay_status assay_adbc_open(const assay_adbc_request *request, assay_adbc **ret_adbc,
                             assay_error *err)
{
    ASSAY_AUTO(assay_adbc_closep) assay_adbc *adbc = NULL;
    const assay_adbc_kind *kind = NULL;

    ASSAY_TRY(assay_adbc_kind_of(request->connection, &kind, err));
    adbc = assay_mem_new(1, sizeof *adbc);
    if (adbc == NULL)
        return assay_error_nomem(err);
    adbc->connection = request->connection;
    adbc->cancel = request->cancel;
    adbc->log = request->log;
    assay_status status = log_in_with_fresh_secrets(request, kind, adbc, err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "connection '%s'", request->connection->name);
    ASSAY_TRY(assay_adbc_set_query_tag(adbc, request->query_tag, err));
    *ret_adbc = ASSAY_TAKE(&adbc);
    return ASSAY_OK;
}

void assay_adbc_close(assay_adbc *adbc)
{
    if (adbc == NULL)
        return;
    if (adbc->in_transaction && adbc->session != NULL) {
        /* Nobody is asked: where it fails the server rolls back by itself. */
        assay_status ignored = assay_adbc_rollback(adbc, NULL);
        (void)ignored;
    }
    forget_session(adbc);
    assay_mem_free(adbc);
}

void assay_adbc_closep(assay_adbc **adbc)
{
    assay_adbc_close(*adbc);
}

void assay_adbc_cancel(assay_adbc *adbc)
{
    atomic_store(&adbc->stop, true);
    assay_adbc_session_wake(adbc->session);
}

/* ---- running ---- */

static assay_status check_ready(const assay_adbc *adbc, assay_error *err)
{
    if (adbc->lost) {
        (void)assay_error_set(err, ASSAY_EIO, 3112, "the connection '%s' was lost",
                              adbc->connection->name);
        if (err != NULL)
            err->retryable = true;
        return ASSAY_EIO;
    }
    if (adbc->streaming)
        return assay_error_set(err, ASSAY_EINVAL, 3119,
                               "a result of the connection '%s' is still being read",
                               adbc->connection->name);
    if (adbc->rollback_only)
        return assay_error_set(err, ASSAY_EINVAL, 3119,
                               "the transaction on '%s' failed: only a rollback may follow",
                               adbc->connection->name);
    return ASSAY_OK;
}

/* True where the failure leaves open whether the server did what it was asked for. */
static bool is_open_outcome(assay_status status)
{
    return status == ASSAY_EIO || status == ASSAY_ETIMEOUT;
}

/* The connection itself broke: the server said so by SQLSTATE, or said nothing. A server that is
 * full (class 53) and files that cannot be sent (Snowflake's driver, 264xxx) leave it as it is. */
static bool is_broken(assay_status status, const assay_error *err)
{
    if (status != ASSAY_EIO || err->number != 3112)
        return false;
    if (err->sqlstate[0] == '\0')
        return err->native < 264000 || err->native > 264999;
    return assay_str_starts(err->sqlstate, "08") || assay_str_starts(err->sqlstate, "57P");
}

/* Keeps in mind what a failure means for the connection. */
static assay_status note(assay_adbc *adbc, assay_status status, const assay_error *err)
{
    if (status != ASSAY_OK && adbc->in_transaction)
        adbc->rollback_only = true;
    if (adbc->session->given_up || is_broken(status, err))
        adbc->lost = true;
    return status;
}

static assay_status run(assay_adbc *adbc, assay_adbc_job *job, const assay_adbc_limits *limits,
                        assay_error *err)
{
    assay_error failure = {0};

    assay_status status = assay_adbc_session_run(adbc->session, job, limits, &failure);
    status = note(adbc, status, &failure);
    if (status != ASSAY_OK)
        (void)assay_error_copy(err, &failure);
    return status;
}

static assay_adbc_limits statement_limits(assay_adbc *adbc)
{
    atomic_store(&adbc->stop, false);
    return (assay_adbc_limits){.cancel = adbc->cancel,
                               .stop = &adbc->stop,
                               .timeout_ms = adbc->connection->statement_timeout_ms,
                               .timeout_name = "statement_timeout"};
}

static assay_status replace_text(char **field, const char *text, assay_error *err)
{
    char *copy = text != NULL ? assay_mem_copy_text(text) : NULL;

    if (text != NULL && copy == NULL)
        return assay_error_nomem(err);
    assay_mem_free(*field);
    *field = copy;
    return ASSAY_OK;
}

static assay_status open_outcome(assay_adbc *adbc, const char *what, assay_error *err)
{
    adbc->lost = true;
    (void)assay_error_wrap_status(err, ASSAY_EUNKNOWN_OUTCOME, "nobody knows whether %s", what);
    if (err != NULL) {
        err->number = 3118;
        err->retryable = true;
    }
    return ASSAY_EUNKNOWN_OUTCOME;
}

assay_status assay_adbc_execute(assay_adbc *adbc, const char *sql, int64_t *ret_affected,
                                assay_error *err)
{
    ASSAY_TRY(check_ready(adbc, err));
    ASSAY_TRY(replace_text(&adbc->session->sql, sql, err));
    adbc->session->small = true;
    const assay_adbc_limits limits = statement_limits(adbc);
    assay_status status = run(adbc, assay_adbc_job_execute, &limits, err);
    if (!adbc->in_transaction && is_open_outcome(status) && adbc->lost)
        return open_outcome(adbc, "the statement was run", err);
    ASSAY_TRY(status);
    if (ret_affected != NULL)
        *ret_affected = adbc->session->affected;
    return ASSAY_OK;
}

/* ---- streams ---- */

struct reading {
    assay_adbc *adbc;
    int64_t left_ms; /* of statement_timeout; only waiting for the database counts */
    char message[ASSAY_ERROR_MESSAGE_SIZE];
};

static int errno_of(assay_status status)
{
    if (status == ASSAY_ETIMEOUT)
        return ETIMEDOUT;
    if (status == ASSAY_ECANCELLED)
        return ECANCELED;
    return status == ASSAY_ENOMEM ? ENOMEM : EIO;
}

static int read_more(struct reading *reading, assay_adbc_job *job)
{
    assay_adbc *adbc = reading->adbc;
    const assay_clock clock = assay_clock_system();
    assay_adbc_limits limits = statement_limits(adbc);
    int64_t begin = clock.monotonic_us(clock.user);

    limits.timeout_ms = reading->left_ms;
    if (adbc->lost)
        return EIO;
    assay_status status = run(adbc, job, &limits, &adbc->stream_failure);
    reading->left_ms -= (clock.monotonic_us(clock.user) - begin) / 1000;
    if (status == ASSAY_OK)
        return 0;
    memcpy(reading->message, adbc->stream_failure.message, sizeof reading->message);
    return errno_of(status);
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct reading *reading = stream->private_data;
    assay_adbc_session *session = reading->adbc->session;

    memset(out, 0, sizeof *out);
    int failed = read_more(reading, assay_adbc_job_schema);
    if (failed != 0)
        return failed;
    *out = session->schema;
    session->schema.release = NULL;
    return 0;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct reading *reading = stream->private_data;
    assay_adbc_session *session = reading->adbc->session;

    memset(out, 0, sizeof *out);
    int failed = read_more(reading, assay_adbc_job_next);
    if (failed != 0)
        return failed;
    *out = session->array;
    session->array.release = NULL;
    return 0;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    const struct reading *reading = stream->private_data;

    return reading->message[0] != '\0' ? reading->message : NULL;
}

static void stream_release(struct ArrowArrayStream *stream)
{
    struct reading *reading = stream->private_data;
    assay_adbc *adbc = reading->adbc;
    const assay_adbc_limits limits = {.timeout_ms = CLOSE_TIMEOUT_MS,
                                      .timeout_name = "the end of a result"};

    adbc->streaming = false;
    if (!adbc->lost && run(adbc, assay_adbc_job_close, &limits, NULL) != ASSAY_OK)
        adbc->lost = true;
    assay_mem_free(reading);
    stream->release = NULL;
    stream->private_data = NULL;
}

static assay_status open_stream(assay_adbc *adbc, const char *sql, bool small,
                                struct ArrowArrayStream *ret_stream, assay_error *err)
{
    ASSAY_TRY(check_ready(adbc, err));
    ASSAY_TRY(replace_text(&adbc->session->sql, sql, err));
    ASSAY_AUTO(assay_mem_freep) struct reading *reading = assay_mem_new(1, sizeof *reading);
    if (reading == NULL)
        return assay_error_nomem(err);
    adbc->session->small = small;
    assay_error_clear(&adbc->stream_failure);
    const assay_adbc_limits limits = statement_limits(adbc);
    ASSAY_TRY(run(adbc, assay_adbc_job_query, &limits, err));
    adbc->streaming = true;
    reading->adbc = adbc;
    reading->left_ms = limits.timeout_ms;
    *ret_stream = (struct ArrowArrayStream){.get_schema = stream_schema,
                                            .get_next = stream_next,
                                            .get_last_error = stream_error,
                                            .release = stream_release,
                                            .private_data = ASSAY_TAKE(&reading)};
    return ASSAY_OK;
}

assay_status assay_adbc_query_stream(assay_adbc *adbc, const char *sql,
                                     struct ArrowArrayStream *ret_stream, assay_error *err)
{
    return open_stream(adbc, sql, false, ret_stream, err);
}

assay_status assay_adbc_stream_error(assay_adbc *adbc, assay_error *err)
{
    return assay_error_copy(err, &adbc->stream_failure);
}

static void release_stream(struct ArrowArrayStream *stream)
{
    if (stream->release != NULL)
        stream->release(stream);
}

assay_status assay_adbc_query(assay_adbc *adbc, const char *sql, size_t limit, assay_arena *arena,
                              assay_rows **ret_rows, assay_error *err)
{
    ASSAY_AUTO(release_stream) struct ArrowArrayStream stream = {0};

    ASSAY_TRY(open_stream(adbc, sql, true, &stream, err));
    assay_status status = assay_adbc_rows_read(&stream, limit, arena, ret_rows, err);
    if (status != ASSAY_OK && adbc->stream_failure.code != ASSAY_OK)
        return assay_error_copy(err, &adbc->stream_failure);
    return status;
}

/* ---- bulk load ---- */

static assay_status prepare_ingest(assay_adbc *adbc, const assay_adbc_target *target,
                                   assay_error *err)
{
    ASSAY_TRY(check_ready(adbc, err));
    if (adbc->connection->kind != ASSAY_CONNECTION_POSTGRES)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 3103,
                               "'%s' is no PostgreSQL: rows get there by PUT and COPY, not by the "
                               "driver's bulk load",
                               adbc->connection->name);
    if (target->temporary && target->schema != NULL)
        return assay_error_set(err, ASSAY_EINVAL, 3119,
                               "a temporary table of '%s' has no schema of its own",
                               adbc->connection->name);
    ASSAY_TRY(replace_text(&adbc->session->target_table, target->table, err));
    ASSAY_TRY(replace_text(&adbc->session->target_schema, target->schema, err));
    adbc->session->target_append = target->mode == ASSAY_ADBC_INGEST_APPEND;
    adbc->session->target_temporary = target->temporary;
    adbc->session->small = false;
    return ASSAY_OK;
}

/* Rows that fail are no fault of the connection, whatever the driver makes of them. */
static assay_status run_ingest(assay_adbc *adbc, assay_adbc_source *source, assay_error *err)
{
    const assay_adbc_limits limits = statement_limits(adbc);
    assay_error failure = {0}, rows = {0};

    assay_status status =
        assay_adbc_session_run(adbc->session, assay_adbc_job_ingest, &limits, &failure);
    if (status != ASSAY_OK && !adbc->session->given_up &&
        assay_adbc_source_error(source, &rows) != ASSAY_OK) {
        failure = rows;
        status = rows.code;
    }
    status = note(adbc, status, &failure);
    if (status != ASSAY_OK)
        (void)assay_error_copy(err, &failure);
    return status;
}

assay_status assay_adbc_ingest(assay_adbc *adbc, const assay_adbc_target *target,
                               struct ArrowArrayStream *stream, int64_t *ret_rows, assay_error *err)
{
    ASSAY_AUTO(release_stream) struct ArrowArrayStream own = *stream;
    assay_adbc_source *source = NULL;

    stream->release = NULL;
    ASSAY_TRY(prepare_ingest(adbc, target, err));
    ASSAY_TRY(assay_adbc_source_new(&own, &source, &adbc->session->source, err));
    assay_status status = run_ingest(adbc, source, err);
    /* The rows are the caller's: a driver that was given up may not touch them any more. */
    assay_adbc_source_end(source);
    ASSAY_TRY(status);
    *ret_rows = adbc->session->affected;
    return ASSAY_OK;
}

/* ---- transactions ---- */

assay_status assay_adbc_begin(assay_adbc *adbc, assay_error *err)
{
    if (adbc->in_transaction)
        return assay_error_set(err, ASSAY_EINVAL, 3119, "a transaction is open on '%s'",
                               adbc->connection->name);
    assay_status status = assay_adbc_execute(adbc, "BEGIN", NULL, err);
    /* A transaction that nobody continues ends with its connection. */
    if (status == ASSAY_EUNKNOWN_OUTCOME) {
        status = ASSAY_EIO;
        if (err != NULL) {
            err->code = ASSAY_EIO;
            err->number = 3112;
        }
    }
    adbc->in_transaction = status == ASSAY_OK;
    return status;
}

/* Not stopped by the cancel flag: half a commit is none that anybody understands. */
assay_status assay_adbc_commit(assay_adbc *adbc, assay_error *err)
{
    const assay_adbc_limits limits = {.timeout_ms = adbc->connection->statement_timeout_ms,
                                      .timeout_name = "statement_timeout"};

    if (!adbc->in_transaction)
        return assay_error_set(err, ASSAY_EINVAL, 3119, "no transaction is open on '%s'",
                               adbc->connection->name);
    ASSAY_TRY(check_ready(adbc, err));
    ASSAY_TRY(replace_text(&adbc->session->sql, "COMMIT", err));
    adbc->session->small = true;
    assay_status status = run(adbc, assay_adbc_job_execute, &limits, err);
    adbc->in_transaction = false;
    adbc->rollback_only = false;
    /* A refusal is a verdict on the transaction only where it speaks of the data: a login that
     * ended in between says nothing. */
    return is_open_outcome(status) || status == ASSAY_ECANCELLED || status == ASSAY_EAUTH
               ? open_outcome(adbc, "the transaction was committed", err)
               : status;
}

assay_status assay_adbc_rollback(assay_adbc *adbc, assay_error *err)
{
    const assay_adbc_limits limits = {.timeout_ms = adbc->connection->request_timeout_ms,
                                      .timeout_name = "request_timeout"};

    adbc->in_transaction = false;
    adbc->rollback_only = false;
    if (adbc->lost)
        return ASSAY_OK;
    ASSAY_TRY(check_ready(adbc, err));
    ASSAY_TRY(replace_text(&adbc->session->sql, "ROLLBACK", err));
    adbc->session->small = true;
    if (run(adbc, assay_adbc_job_execute, &limits, NULL) != ASSAY_OK) {
        adbc->lost = true;
        assay_log_write(adbc->log, ASSAY_LOG_WARNING,
                        "connection '%s': the rollback was not answered; the server rolls back "
                        "when it notices",
                        adbc->connection->name);
    }
    return ASSAY_OK;
}

/* ---- tags and ids ---- */

assay_status assay_adbc_set_query_tag(assay_adbc *adbc, const char *tag, assay_error *err)
{
    if (adbc->lost)
        return ASSAY_OK;
    return replace_text(&adbc->session->tag, tag, err);
}

assay_status assay_adbc_query_id(assay_adbc *adbc, assay_arena *arena, const char **ret_id,
                                 assay_error *err)
{
    assay_rows *rows = NULL;

    *ret_id = NULL;
    if (adbc->connection->kind != ASSAY_CONNECTION_SNOWFLAKE)
        return ASSAY_OK;
    ASSAY_TRY(assay_adbc_query(adbc, "SELECT LAST_QUERY_ID()", 1, arena, &rows, err));
    if (rows->count > 0)
        *ret_id = rows->cells[0][0]->text;
    return ASSAY_OK;
}
