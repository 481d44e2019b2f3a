#include "adbc/conninfo.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* libpq, "Keyword/Value Connection Strings": in quotes, ' and \ are escaped by \. */
static void append(assay_buf *text, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (text->size > 0)
        assay_buf_append_char(text, ' ');
    assay_buf_append_text(text, name);
    assay_buf_append_text(text, "='");
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            assay_buf_append_char(text, '\\');
        assay_buf_append_char(text, *at);
    }
    assay_buf_append_char(text, '\'');
}

static void append_number(assay_buf *text, const char *name, int64_t number)
{
    char digits[32];

    (void)snprintf(digits, sizeof digits, "%lld", (long long)number);
    append(text, name, digits);
}

static int64_t seconds(int64_t ms)
{
    return (ms + 999) / 1000;
}

enum { SERVER_LATER_MS = 10000 };

/* The server's own limits, for statements whose client died: later than ours, so that ours are the
 * ones that are seen. */
static void append_options(assay_buf *text, const assay_connection_config *connection)
{
    ASSAY_AUTO(assay_buf_done) assay_buf options = ASSAY_BUF_EMPTY;
    int64_t limit_ms = connection->statement_timeout_ms + SERVER_LATER_MS;

    if (connection->kind == ASSAY_CONNECTION_POSTGRES)
        assay_buf_append_format(&options, "-c statement_timeout=%lld", (long long)limit_ms);
    if (connection->options != NULL)
        assay_buf_append_format(&options, "%s%s", options.size > 0 ? " " : "", connection->options);
    if (options.failed)
        text->failed = true;
    if (options.size > 0)
        append(text, "options", assay_buf_text(&options));
}

static void append_all(assay_buf *text, const assay_connection_config *connection,
                       const assay_login *login)
{
    append(text, "host", login->host);
    append_number(text, "port", login->port);
    append(text, "dbname", login->database);
    append(text, "user", login->user);
    if (login->password != NULL)
        append(text, "password", assay_secret_reveal(login->password));
    append(text, "sslmode", connection->sslmode);
    append(text, "sslrootcert", connection->sslrootcert);
    append(text, "application_name", "assay");
    /* Arrow's texts are UTF-8, whatever the role or PGCLIENTENCODING says. */
    append(text, "client_encoding", "UTF8");
    append_number(text, "connect_timeout", seconds(connection->login_timeout_ms));
    /* A peer that is gone is noticed by what is sent and, while nothing is, by probes. */
    append_number(text, "tcp_user_timeout", connection->request_timeout_ms);
    append_number(text, "keepalives_idle", seconds(connection->request_timeout_ms));
    append_number(text, "keepalives_interval", 5);
    append_number(text, "keepalives_count", 3);
    append_options(text, connection);
}

assay_status assay_conninfo_make(const assay_connection_config *connection,
                                 const assay_login *login, assay_secret **ret_conninfo,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    /* A buffer that grows leaves copies behind: make room for all of it first. */
    assay_buf_reserve(&text, 4096 + 2 * assay_secret_size(login->password));
    append_all(&text, connection, login);
    assay_status status = assay_buf_check(&text, err);
    if (status == ASSAY_OK)
        status = assay_secret_new(assay_buf_text(&text), text.size, ret_conninfo, err);
    assay_mem_wipe(text.data, text.size);
    return status;
}
