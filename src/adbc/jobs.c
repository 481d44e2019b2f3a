/* What the session's thread does with the driver. */
#include <string.h>

#include "adbc/session.h"
#include "base/mem.h"

/* PostgreSQL's own sentence: the driver's message also has the whole statement, and may have values
 * of rows. */
static char *primary_message(const assay_adbc_session *session, const struct AdbcError *error)
{
    static const char key[] = "PG_DIAG_MESSAGE_PRIMARY";
    int count = 0;

    if (session->driver.ErrorGetDetailCount == NULL || session->driver.ErrorGetDetail == NULL)
        return NULL;
    count = session->driver.ErrorGetDetailCount(error);
    for (int i = 0; i < count; i++) {
        struct AdbcErrorDetail detail = session->driver.ErrorGetDetail(error, i);
        char *text = NULL;

        if (detail.key == NULL || strcmp(detail.key, key) != 0)
            continue;
        text = assay_mem_new(detail.value_length + 1, 1);
        if (text != NULL)
            memcpy(text, detail.value, detail.value_length);
        return text;
    }
    return NULL;
}

/* The driver's message, without secrets, as our error. */
static assay_status fail(const assay_adbc_session *session, AdbcStatusCode code,
                         struct AdbcError *error, const char *what, assay_error *err)
{
    ASSAY_AUTO(assay_mem_freep) char *primary = primary_message(session, error);
    struct AdbcError shown = *error;

    if (primary != NULL)
        shown.message = primary;
    for (size_t i = 0; shown.message != NULL && i < session->hidden_count; i++)
        assay_secret_scrub(session->hidden[i], shown.message);
    assay_status status = assay_adbc_fail(code, &shown, what, err);
    if (error->release != NULL)
        error->release(error);
    return status;
}

/* Calls a function of the driver, which may not have it. */
#define CALL(session, what, function, ...)                                    \
    do {                                                                      \
        struct AdbcError call_error = ADBC_ERROR_INIT;                        \
        AdbcStatusCode call_code = ADBC_STATUS_NOT_IMPLEMENTED;               \
        if ((session)->driver.function != NULL)                               \
            call_code = (session)->driver.function(__VA_ARGS__, &call_error); \
        if (call_code != ADBC_STATUS_OK)                                      \
            return fail((session), call_code, &call_error, (what), err);      \
    } while (0)

/* ---- login and logout ---- */

static assay_status open_database(assay_adbc_session *session, assay_error *err)
{
    CALL(session, "cannot begin the login", DatabaseNew, &session->database);
    session->has_database = true;
    for (size_t i = 0; i < session->option_count; i++)
        CALL(session, "the driver refuses an option of the login", DatabaseSetOption,
             &session->database, session->options[i].name, session->options[i].value);
    CALL(session, "cannot log in", DatabaseInit, &session->database);
    return ASSAY_OK;
}

static assay_status open_connection(assay_adbc_session *session, assay_error *err)
{
    ASSAY_TRY(open_database(session, err));
    CALL(session, "cannot log in", ConnectionNew, &session->connection);
    session->has_connection = true;
    CALL(session, "cannot log in", ConnectionInit, &session->connection, &session->database);
    return ASSAY_OK;
}

assay_status assay_adbc_job_login(assay_adbc_session *session, assay_error *err)
{
    ASSAY_TRY(assay_adbc_load(&session->library, &session->driver, err));
    session->has_driver = true;
    assay_status status = open_connection(session, err);
    char state[6] = "";
    if (status != ASSAY_EIO || session->kind != ASSAY_CONNECTION_POSTGRES)
        return status;
    if (assay_adbc_fail_by_login(err))
        return err->code;
    if (!assay_adbc_ask_startup(&session->server, state))
        return status;
    return assay_adbc_fail_by_state(state, err);
}

static void ignore(AdbcStatusCode code, struct AdbcError *error)
{
    if (code != ADBC_STATUS_OK && error->release != NULL)
        error->release(error);
    *error = ADBC_ERROR_INIT;
}

static void release_statement(assay_adbc_session *session)
{
    struct AdbcError error = ADBC_ERROR_INIT;

    assay_adbc_session_disarm(session);
    if (session->stream.release != NULL)
        session->stream.release(&session->stream);
    if (session->has_statement && session->driver.StatementRelease != NULL)
        ignore(session->driver.StatementRelease(&session->statement, &error), &error);
    session->has_statement = false;
    memset(&session->statement, 0, sizeof session->statement);
}

void assay_adbc_logout(assay_adbc_session *session)
{
    struct AdbcError error = ADBC_ERROR_INIT;

    release_statement(session);
    if (session->has_connection && session->driver.ConnectionRelease != NULL)
        ignore(session->driver.ConnectionRelease(&session->connection, &error), &error);
    if (session->has_database && session->driver.DatabaseRelease != NULL)
        ignore(session->driver.DatabaseRelease(&session->database, &error), &error);
    if (session->has_driver && session->driver.release != NULL)
        ignore(session->driver.release(&session->driver, &error), &error);
    session->has_connection = session->has_database = session->has_driver = false;
}

/* ---- statements ---- */

static assay_status new_statement(assay_adbc_session *session, assay_error *err)
{
    CALL(session, "cannot make a statement", StatementNew, &session->connection,
         &session->statement);
    session->has_statement = true;
    if (session->kind == ASSAY_CONNECTION_SNOWFLAKE && session->tag != NULL)
        CALL(session, "the driver refuses the query tag", StatementSetOption, &session->statement,
             "adbc.snowflake.statement.query_tag", session->tag);
    /* COPY (query) TO, which the driver reads large results by, takes SELECT and VALUES only. */
    if (session->kind == ASSAY_CONNECTION_POSTGRES && session->small)
        CALL(session, "the driver refuses an option", StatementSetOption, &session->statement,
             "adbc.postgresql.use_copy", "false");
    return ASSAY_OK;
}

static assay_status execute(assay_adbc_session *session, struct ArrowArrayStream *stream,
                            assay_error *err)
{
    ASSAY_TRY(new_statement(session, err));
    CALL(session, "the driver refuses the statement", StatementSetSqlQuery, &session->statement,
         session->sql);
    assay_adbc_session_arm(session);
    CALL(session, "the statement failed", StatementExecuteQuery, &session->statement, stream,
         &session->affected);
    return ASSAY_OK;
}

assay_status assay_adbc_job_execute(assay_adbc_session *session, assay_error *err)
{
    session->affected = -1;
    assay_status status = execute(session, NULL, err);
    release_statement(session);
    return status;
}

assay_status assay_adbc_job_query(assay_adbc_session *session, assay_error *err)
{
    session->affected = -1;
    memset(&session->stream, 0, sizeof session->stream);
    assay_status status = execute(session, &session->stream, err);
    if (status != ASSAY_OK)
        release_statement(session);
    return status;
}

assay_status assay_adbc_job_close(assay_adbc_session *session, assay_error *err)
{
    (void)err;
    release_statement(session);
    return ASSAY_OK;
}

/* ---- streams ---- */

/* What a failed call of the stream means: the driver's own error where it keeps one. */
static assay_status fail_stream(assay_adbc_session *session, int failed, assay_error *err)
{
    AdbcStatusCode code = ADBC_STATUS_IO;
    const struct AdbcError *kept = NULL;
    struct AdbcError made = ADBC_ERROR_INIT;
    char text[ASSAY_ERROR_MESSAGE_SIZE] = "the driver says no more";

    if (session->driver.ErrorFromArrayStream != NULL)
        kept = session->driver.ErrorFromArrayStream(&session->stream, &code);
    const char *said =
        kept != NULL ? kept->message : session->stream.get_last_error(&session->stream);
    if (said != NULL) {
        strncpy(text, said, sizeof text - 1);
        text[sizeof text - 1] = '\0';
    }
    for (size_t i = 0; i < session->hidden_count; i++)
        assay_secret_scrub(session->hidden[i], text);
    if (kept != NULL)
        made = *kept;
    made.message = text;
    assay_status status = assay_adbc_fail(code, &made, "the result broke off", err);
    if (kept == NULL && err != NULL)
        err->native = failed;
    return status;
}

assay_status assay_adbc_job_schema(assay_adbc_session *session, assay_error *err)
{
    int failed = session->stream.get_schema(&session->stream, &session->schema);

    return failed == 0 ? ASSAY_OK : fail_stream(session, failed, err);
}

assay_status assay_adbc_job_next(assay_adbc_session *session, assay_error *err)
{
    int failed = session->stream.get_next(&session->stream, &session->array);

    return failed == 0 ? ASSAY_OK : fail_stream(session, failed, err);
}

/* ---- ingest ---- */

static assay_status ingest_option(assay_adbc_session *session, const char *name, const char *value,
                                  assay_error *err)
{
    CALL(session, "the driver refuses an option of the load", StatementSetOption,
         &session->statement, name, value);
    return ASSAY_OK;
}

static assay_status ingest(assay_adbc_session *session, assay_error *err)
{
    ASSAY_TRY(new_statement(session, err));
    ASSAY_TRY(ingest_option(session, ADBC_INGEST_OPTION_TARGET_TABLE, session->target_table, err));
    ASSAY_TRY(ingest_option(session, ADBC_INGEST_OPTION_MODE,
                            session->target_append ? ADBC_INGEST_OPTION_MODE_APPEND
                                                   : ADBC_INGEST_OPTION_MODE_CREATE,
                            err));
    if (session->target_schema != NULL)
        ASSAY_TRY(ingest_option(session, ADBC_INGEST_OPTION_TARGET_DB_SCHEMA,
                                session->target_schema, err));
    if (session->target_temporary)
        ASSAY_TRY(ingest_option(session, ADBC_INGEST_OPTION_TEMPORARY, "true", err));
    CALL(session, "the driver refuses the rows", StatementBindStream, &session->statement,
         &session->source);
    /* The driver owns it now; drivers differ in whether they empty what they took. */
    session->source.release = NULL;
    assay_adbc_session_arm(session);
    CALL(session, "the load failed", StatementExecuteQuery, &session->statement, NULL,
         &session->affected);
    return ASSAY_OK;
}

assay_status assay_adbc_job_ingest(assay_adbc_session *session, assay_error *err)
{
    session->affected = -1;
    assay_status status = ingest(session, err);
    release_statement(session);
    if (session->source.release != NULL)
        session->source.release(&session->source);
    return status;
}
