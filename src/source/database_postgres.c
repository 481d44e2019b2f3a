#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/extension.h"
#include "net/silence.h"
#include "source/database.h"
#include "store/secrets.h"

/* PostgreSQL and Redshift through the engine's postgres extension. The extension reads in one
 * REPEATABLE READ transaction a statement of the engine; parallel scans of a table share its
 * snapshot (pg_export_snapshot). */

/* The server ends a statement by itself at its timeout; where it does not even say so, this much
 * later the connection is given up. */
enum { SILENT_LATER_MS = 5000 };
enum { SECRET_SQL_SIZE = 3 * ASSAY_SECRET_SIZE_MAX, PORT_SIZE = 16 };

struct postgres {
    int mark_ms;
    assay_silence *silence;
};

/* ---- failures ---- */

static bool says(const char *message, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_contains(message, parts[i]))
            return true;
    return false;
}

/* What libpq said; the extension puts the whole conninfo before it. */
static const char *without_conninfo(const char *message)
{
    const char *said = assay_str_starts(message, "Unable to connect to Postgres at \"")
                           ? strstr(message, "\": ")
                           : NULL;

    return said != NULL ? said + strlen("\": ") : message;
}

static bool gave_up(const assay_database *database)
{
    const struct postgres *data = database->data;

    return data != NULL && data->silence != NULL && assay_silence_broke(data->silence);
}

/* libpq and the server tell the extension more than it passes on: the words are all there is.
 * lc_messages may translate them, but not "FATAL" of refusals in the protocol's own texts. */
assay_status assay_postgres_judge(const char *name, assay_place place, const assay_error *why,
                                  assay_error *err)
{
    static const char *const refused[] = {"authentication failed", "no pg_hba.conf entry",
                                          "no password supplied", "permission denied",
                                          "is not permitted to log in"};
    static const char *const silent[] = {"statement timeout", "timeout expired"};
    static const char *const gone[] = {"Unable to connect",
                                       "could not connect",
                                       "server closed the connection",
                                       "connection to server",
                                       "terminating connection",
                                       "SSL SYSCALL",
                                       "no connection to",
                                       "Connection reset",
                                       "could not receive data",
                                       "connection not open",
                                       "timed out"};
    static const char *const nested[] = {"Expected an array with"};
    const char *message = why->message;

    if (why->code == ASSAY_ENOMEM || why->code == ASSAY_ECANCELLED)
        return assay_error_copy(err, why);
    if (says(message, refused, sizeof refused / sizeof refused[0]))
        return assay_error_at(err, ASSAY_EAUTH, 2221, place, "the connection '%s' is refused: %s",
                              name, without_conninfo(message));
    if (says(message, silent, sizeof silent / sizeof silent[0]))
        return assay_error_at(err, ASSAY_ETIMEOUT, 2223, place,
                              "the connection '%s' was too slow for its timeouts: %s", name,
                              without_conninfo(message));
    if (says(message, nested, sizeof nested / sizeof nested[0]))
        return assay_error_at(err, ASSAY_EDATA, 2225, place,
                              "reading from '%s' failed: an array of one dimension holds a value "
                              "of more dimensions; a contract that says VARCHAR for the column "
                              "takes both, as JSON",
                              name);
    if (!says(message, gone, sizeof gone / sizeof gone[0]))
        return assay_error_at(err, ASSAY_EDATA, 2225, place, "reading from '%s' failed: %s", name,
                              message);
    (void)assay_error_at(err, ASSAY_EIO, 2222, place, "the connection '%s' cannot be used: %s",
                         name, without_conninfo(message));
    if (err != NULL)
        err->retryable = true;
    return ASSAY_EIO;
}

assay_status assay_postgres_fail(const assay_database *database, const assay_error *why,
                                 assay_error *err)
{
    if (why->code != ASSAY_ENOMEM && why->code != ASSAY_ECANCELLED && gave_up(database))
        return assay_error_at(err, ASSAY_ETIMEOUT, 2223, assay_database_place(database),
                              "the connection '%s' was given up: its server said nothing for "
                              "longer than statement_timeout",
                              database->connection->name);
    return assay_postgres_judge(database->connection->name, assay_database_place(database), why,
                                err);
}

/* ---- open and close ---- */

static void append_pair(assay_buf *sql, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assay_buf_append_format(sql, ", %s ", name);
    assay_sql_append_text(sql, value);
}

/* On a connection of its own; the text is wiped. Secrets never stand in the text of ATTACH, which
 * the engine shows in messages and in duckdb_databases(). */
static assay_status make_secret(assay_database *database, const assay_login *login,
                                assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    char port[PORT_SIZE];
    assay_error why = {0};

    (void)snprintf(port, sizeof port, "%d", login->port);
    ASSAY_TRY(assay_conn_open(database->env->engine, &conn, err));
    assay_buf_reserve(&sql, SECRET_SQL_SIZE); /* so that no copy is left behind when it grows */
    assay_buf_append_text(&sql, "CREATE TEMPORARY SECRET ");
    assay_sql_append_name(&sql, database->catalog);
    assay_buf_append_text(&sql, " (TYPE postgres");
    append_pair(&sql, "HOST", login->host);
    append_pair(&sql, "PORT", port);
    append_pair(&sql, "DATABASE", login->database);
    append_pair(&sql, "USER", login->user);
    append_pair(&sql, "PASSWORD",
                login->password != NULL ? assay_secret_reveal(login->password) : NULL);
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    assay_status status = assay_conn_execute(conn, sql.data, NULL, &why);
    assay_mem_wipe(sql.data, sql.size);
    if (status == ASSAY_OK) {
        database->has_secret = true;
        return ASSAY_OK;
    }
    if (login->password != NULL)
        assay_secret_scrub(login->password, why.message);
    return assay_postgres_fail(database, &why, err);
}

/* `schema` NULL = all. Only a scan of a table reads definitions, and then those of all schemas that
 * were attached. */
static assay_status attach(assay_database *database, const char *schema, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf conninfo = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_error why = {0};

    const struct postgres *data = database->data;

    ASSAY_TRY(assay_postgres_conninfo(database->connection, data->mark_ms, &conninfo, err));
    assay_buf_append_text(&sql, "ATTACH ");
    assay_sql_append_text(&sql, conninfo.data);
    assay_buf_append_text(&sql, " AS ");
    assay_sql_append_name(&sql, database->catalog);
    assay_buf_append_text(&sql, " (TYPE postgres, READ_ONLY");
    append_pair(&sql, "SECRET", database->catalog);
    append_pair(&sql, "SCHEMA", schema);
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (assay_conn_execute(database->conn, sql.data, NULL, &why) != ASSAY_OK)
        return assay_postgres_fail(database, &why, err);
    database->attached = true;
    return ASSAY_OK;
}

static void drop(assay_database *database, const char *statement)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_error ignored = {0};

    assay_buf_append_text(&sql, statement);
    assay_sql_append_name(&sql, database->catalog);
    if (assay_buf_check(&sql, NULL) != ASSAY_OK ||
        assay_conn_execute(database->conn, sql.data, NULL, &ignored) != ASSAY_OK)
        assay_log_write(database->env->log, ASSAY_LOG_WARNING, "the source '%s' stays attached: %s",
                        database->label, ignored.message);
}

static assay_status set_protocol(assay_database *database, assay_error *err)
{
    if (database->connection->kind != ASSAY_CONNECTION_REDSHIFT)
        return ASSAY_OK;
    /* Redshift has no COPY .. TO STDOUT */
    ASSAY_TRY(assay_conn_execute(database->conn, "SET pg_use_text_protocol = true", NULL, err));
    database->text_protocol = true;
    return ASSAY_OK;
}

static assay_status watch(assay_database *database, assay_error *err)
{
    struct postgres *data = assay_arena_take(database->arena, 1, sizeof *data);

    ASSAY_TRY(assay_arena_check(data, err));
    data->mark_ms = assay_postgres_mark(database->connection, database->env->random);
    database->data = data;
    return assay_silence_watch(database->env->clock, data->mark_ms,
                               database->connection->statement_timeout_ms + SILENT_LATER_MS,
                               &data->silence, err);
}

static assay_status log_in(assay_database *database, assay_error *err)
{
    ASSAY_AUTO(assay_login_done) assay_login login = {0};

    ASSAY_TRY(assay_login_resolve(database->env->secrets, database->connection, &login, err));
    ASSAY_TRY(make_secret(database, &login, err));
    return attach(database, NULL, err);
}

/* A password may have been rotated since it was looked up. */
static assay_status log_in_again(assay_database *database, const assay_error *why, assay_error *err)
{
    if (!assay_login_forget(database->env->secrets, database->connection))
        return assay_error_copy(err, why);
    if (database->has_secret)
        drop(database, "DROP SECRET ");
    database->has_secret = false;
    return log_in(database, err);
}

static assay_status postgres_open(assay_database *database, assay_error *err)
{
    assay_error why = {0};

    ASSAY_TRY(assay_conn_load_extension(database->conn, "postgres_scanner", err));
    ASSAY_TRY(set_protocol(database, err));
    ASSAY_TRY(watch(database, err));
    assay_status status = log_in(database, &why);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    return status == ASSAY_EAUTH ? log_in_again(database, &why, err) : assay_error_copy(err, &why);
}

static void leave(assay_database *database)
{
    if (database->attached)
        drop(database, "DETACH ");
    if (database->has_secret)
        drop(database, "DROP SECRET ");
    database->attached = database->has_secret = false;
    if (database->text_protocol &&
        assay_conn_execute(database->conn, "RESET pg_use_text_protocol", NULL, NULL) != ASSAY_OK)
        return; /* it ends with the connection */
}

static void postgres_close(assay_database *database)
{
    struct postgres *data = database->data;

    leave(database);
    if (data != NULL)
        assay_silence_end(data->silence);
    database->data = NULL;
}

/* ---- queries ---- */

static assay_status postgres_append_rows(assay_database *database,
                                         const assay_database_select *select, assay_buf *buf,
                                         assay_error *err)
{
    assay_buf_append_text(buf, "postgres_query(");
    assay_sql_append_text(buf, database->catalog);
    assay_buf_append_text(buf, ", ");
    assay_sql_append_text(buf, select->sql);
    assay_buf_append_char(buf, ')');
    return assay_buf_check(buf, err);
}

static assay_status postgres_query(assay_database *database, const char *sql, size_t limit,
                                   assay_rows **ret_rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_error why = {0};

    assay_buf_append_text(&text, "FROM ");
    ASSAY_TRY(postgres_append_rows(database, &(assay_database_select){.sql = sql}, &text, err));
    if (assay_conn_query(database->conn, text.data, limit, database->arena, ret_rows, &why) !=
        ASSAY_OK)
        return assay_postgres_fail(database, &why, err);
    return ASSAY_OK;
}

static assay_status postgres_look(assay_database *database, assay_error *err)
{
    ASSAY_TRY(assay_postgres_look(database, err));
    if (!database->scannable)
        return ASSAY_OK;
    drop(database, "DETACH ");
    database->attached = false;
    return attach(database, database->schema, err);
}

/* ---- values ---- */

/* The value that `type` cannot hold is made to fail by a cast of a text that says so. */
static void append_guarded(const assay_database_column *column, const char *type, assay_buf *buf)
{
    assay_buf_append_text(buf, "CAST(CASE WHEN ");
    assay_sql_append_text(buf, column->guard);
    assay_buf_append_text(buf, column->guard_element ? " = ANY("
                               : column->guard_below ? " > ("
                                                     : " = (");
    assay_database_append_plain(column, buf);
    assay_buf_append_text(buf, ") THEN CAST(");
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_buf_append_format(&text, "column %s holds %s%s, which %s cannot hold: ", column->name,
                            column->guard_below ? "a value below " : "", column->guard,
                            column->type);
    assay_sql_append_text(buf, assay_buf_text(&text));
    assay_buf_append_text(buf, " || ");
    assay_database_append_cast(column, "text", buf);
    assay_buf_append_format(buf, " AS %s) ELSE ", type);
    assay_database_append_plain(column, buf);
    assay_buf_append_format(buf, " END AS %s)", type);
}

static void postgres_append_value(const assay_database_column *column, assay_buf *buf)
{
    switch (column->remote) {
    case ASSAY_REMOTE_PLAIN:
        if (column->guard != NULL)
            append_guarded(column, column->declared, buf);
        else
            assay_database_append_plain(column, buf);
        return;
    case ASSAY_REMOTE_TEXT:
        if (column->remote_type != NULL) {
            assay_buf_append_text(buf, "CAST(");
            assay_database_append_cast(column, column->remote_type, buf);
            assay_buf_append_text(buf, " AS text)");
            return;
        }
        assay_database_append_cast(column, "text", buf);
        return;
    case ASSAY_REMOTE_CAST:
        if (column->guard != NULL)
            append_guarded(column, column->remote_type, buf);
        else
            assay_database_append_cast(column, column->remote_type, buf);
        return;
    case ASSAY_REMOTE_JSON:
        assay_buf_append_text(buf, "CAST(array_to_json(");
        assay_database_append_plain(column, buf);
        assay_buf_append_text(buf, ") AS text)");
        return;
    }
}

static void postgres_append_back(const assay_database *database,
                                 const assay_database_column *column, const char *text,
                                 assay_buf *buf)
{
    const assay_database_source *source = database->source;
    bool times = assay_database_is_time(column);

    assay_buf_append_text(buf, "CAST(CAST(");
    assay_sql_append_text(buf, text);
    assay_buf_append_format(buf, " AS %s) - ", column->declared);
    if (times)
        assay_buf_append_format(buf, "INTERVAL '%" PRId64 " milliseconds'", source->lookback_ms);
    else
        assay_buf_append_text(buf, source->lookback_number);
    assay_buf_append_format(buf, " AS %s)", column->declared);
}

const assay_database_kind assay_database_postgres = {
    .open = postgres_open,
    .close = postgres_close,
    .query = postgres_query,
    .look = postgres_look,
    .append_rows = postgres_append_rows,
    .append_value = postgres_append_value,
    .append_back = postgres_append_back,
    .fail = assay_postgres_fail,
};
