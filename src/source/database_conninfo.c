#include <inttypes.h>

#include "source/database.h"

/* libpq's parameters of a connection to PostgreSQL or Redshift. */

/* libpq's own limits for a server that is there but silent. */
enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_COUNT = 3, SECOND_MS = 1000 };
enum { MARKS = 1000, TIMEOUT_MAX_MS = INT32_MAX / 2 };

int assay_postgres_mark(const assay_connection_config *connection, const assay_random *random)
{
    int64_t timeout_ms = connection->request_timeout_ms;
    uint32_t chance = 0;

    random->fill(random->user, &chance, sizeof chance);
    timeout_ms = timeout_ms < TIMEOUT_MAX_MS ? timeout_ms : TIMEOUT_MAX_MS;
    return (int)timeout_ms + 1 + (int)(chance % MARKS);
}

/* A value of libpq's connection text. */
static void append_quoted(assay_buf *buf, const char *value)
{
    assay_buf_append_char(buf, '\'');
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            assay_buf_append_char(buf, '\\');
        assay_buf_append_char(buf, *at);
    }
    assay_buf_append_char(buf, '\'');
}

static void append_setting(assay_buf *buf, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assay_buf_append_format(buf, " %s=", name);
    append_quoted(buf, value);
}

/* Settings of the session, so that texts of values mean the same everywhere. Redshift knows
 * fewer. */
static void append_options(const assay_connection_config *connection, assay_buf *buf)
{
    if (connection->options != NULL)
        assay_buf_append_format(buf, "%s ", connection->options);
    assay_buf_append_format(buf, "-c statement_timeout=%" PRId64, connection->statement_timeout_ms);
    assay_buf_append_text(buf, " -c timezone=UTC -c datestyle=ISO");
    assay_buf_append_text(buf, connection->kind == ASSAY_CONNECTION_REDSHIFT
                                   ? " -c extra_float_digits=2"
                                   : " -c intervalstyle=postgres -c extra_float_digits=3"
                                     " -c standard_conforming_strings=on -c bytea_output=hex");
}

assay_status assay_postgres_conninfo(const assay_connection_config *connection, int mark_ms,
                                     assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf options = ASSAY_BUF_EMPTY;
    int64_t login_s = (connection->login_timeout_ms + SECOND_MS - 1) / SECOND_MS;

    append_options(connection, &options);
    ASSAY_TRY(assay_buf_check(&options, err));
    assay_buf_append_format(buf, "connect_timeout=%" PRId64 " tcp_user_timeout=%d", login_s,
                            mark_ms);
    assay_buf_append_format(buf,
                            " keepalives_idle=%d keepalives_interval=%d keepalives_count=%d"
                            " application_name=assay client_encoding=UTF8",
                            KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
    append_setting(buf, "sslmode", connection->sslmode);
    append_setting(buf, "sslrootcert", connection->sslrootcert);
    append_setting(buf, "options", assay_buf_text(&options));
    return assay_buf_check(buf, err);
}
