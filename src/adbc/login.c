/* The options that each driver is given: a closed list. Snowflake's driver takes any option that it
 * does not know for a parameter of the session. */
#include <stdio.h>

#include "adbc/conninfo.h"
#include "adbc/session.h"
#include "store/private_key.h"

enum { SERVER_LATER_S = 10 };

static assay_status fill_postgres(const assay_adbc_request *request, assay_adbc_session *session,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_login_done) assay_login login = {0};
    ASSAY_AUTO(assay_secret_freep) assay_secret *conninfo = NULL;

    ASSAY_TRY(assay_login_resolve(request->secrets, request->connection, &login, err));
    ASSAY_TRY(assay_conninfo_make(request->connection, &login, &conninfo, err));
    session->server =
        (assay_adbc_server){.host = assay_arena_text(session->arena, login.host),
                            .port = login.port,
                            .user = assay_arena_text(session->arena, login.user),
                            .database = assay_arena_text(session->arena, login.database)};
    if (session->server.host == NULL || session->server.user == NULL ||
        session->server.database == NULL)
        return assay_error_nomem(err);
    if (login.password != NULL)
        ASSAY_TRY(assay_adbc_session_secret(session, NULL, &login.password, err));
    return assay_adbc_session_secret(session, ADBC_OPTION_URI, &conninfo, err);
}

/* ---- snowflake ---- */

#define SQL(name) "adbc.snowflake.sql." name
#define CLIENT(name) "adbc.snowflake.sql.client_option." name

static assay_status add_secret(const assay_adbc_request *request, assay_adbc_session *session,
                               const char *option, const assay_secret_ref *ref, assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = NULL;

    if (ref->text == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_secrets_resolve(request->secrets, ref, &secret, err));
    return assay_adbc_session_secret(session, option, &secret, err);
}

static assay_status add_key(const assay_adbc_request *request, assay_adbc_session *session,
                            assay_error *err)
{
    const assay_connection_config *connection = request->connection;
    ASSAY_AUTO(assay_secret_freep) assay_secret *key = NULL;
    ASSAY_AUTO(assay_secret_freep) assay_secret *passphrase = NULL;

    ASSAY_TRY(assay_secrets_resolve(request->secrets, &connection->private_key, &key, err));
    if (connection->private_key_passphrase.text != NULL)
        ASSAY_TRY(assay_secrets_resolve(request->secrets, &connection->private_key_passphrase,
                                        &passphrase, err));
    ASSAY_TRY(assay_private_key_check(key, passphrase, connection->private_key.place, err));
    ASSAY_TRY(assay_adbc_session_secret(session, CLIENT("jwt_private_key_pkcs8_value"), &key, err));
    if (passphrase == NULL)
        return ASSAY_OK;
    return assay_adbc_session_secret(session, CLIENT("jwt_private_key_pkcs8_password"), &passphrase,
                                     err);
}

static assay_status fill_auth(const assay_adbc_request *request, assay_adbc_session *session,
                              assay_error *err)
{
    const assay_connection_config *connection = request->connection;

    switch (connection->auth) {
    case ASSAY_SNOWFLAKE_KEY_PAIR:
        ASSAY_TRY(assay_adbc_session_option(session, SQL("auth_type"), "auth_jwt", err));
        return add_key(request, session, err);
    case ASSAY_SNOWFLAKE_PASSWORD:
        return add_secret(request, session, ADBC_OPTION_PASSWORD, &connection->password, err);
    case ASSAY_SNOWFLAKE_PAT:
        ASSAY_TRY(assay_adbc_session_option(session, SQL("auth_type"), "auth_pat", err));
        return add_secret(request, session, CLIENT("auth_token"), &connection->token, err);
    case ASSAY_SNOWFLAKE_OAUTH:
        ASSAY_TRY(assay_adbc_session_option(session, SQL("auth_type"), "auth_oauth", err));
        return add_secret(request, session, CLIENT("auth_token"), &connection->token, err);
    }
    return ASSAY_OK;
}

static assay_status add_duration(assay_adbc_session *session, const char *name, int64_t ms,
                                 assay_error *err)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%lldms", (long long)ms);
    return assay_adbc_session_option(session, name, text, err);
}

static assay_status fill_limits(const assay_connection_config *connection,
                                assay_adbc_session *session, assay_error *err)
{
    char seconds[32];

    ASSAY_TRY(add_duration(session, CLIENT("login_timeout"), connection->login_timeout_ms, err));
    ASSAY_TRY(
        add_duration(session, CLIENT("request_timeout"), connection->request_timeout_ms, err));
    ASSAY_TRY(add_duration(session, CLIENT("client_timeout"), connection->request_timeout_ms, err));
    /* A parameter of the session: the server stops statements whose client died. Later than ours,
     * so that ours is the one that is seen. */
    int64_t limit_s = connection->statement_timeout_ms / 1000 + SERVER_LATER_S;
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)limit_s);
    return assay_adbc_session_option(session, "STATEMENT_TIMEOUT_IN_SECONDS", seconds, err);
}

static assay_status fill_snowflake(const assay_adbc_request *request, assay_adbc_session *session,
                                   assay_error *err)
{
    const assay_connection_config *connection = request->connection;
    char port[16] = "";

    (void)snprintf(port, sizeof port, "%d", connection->port);
    const assay_adbc_option options[] = {
        {ADBC_OPTION_USERNAME, connection->user},
        {SQL("account"), connection->account},
        {SQL("db"), connection->database},
        {SQL("schema"), connection->schema},
        {SQL("warehouse"), connection->warehouse},
        {SQL("role"), connection->role},
        {SQL("uri.protocol"), connection->protocol},
        {SQL("uri.host"), connection->host},
        {SQL("uri.port"), connection->port != 0 ? port : NULL},
        {CLIENT("app_name"), "assay"},
        {CLIENT("disable_telemetry"), "true"},
        {CLIENT("max_timestamp_precision"), "microseconds"}, /* nanoseconds end in 2262 */
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        ASSAY_TRY(assay_adbc_session_option(session, options[i].name, options[i].value, err));
    ASSAY_TRY(fill_limits(connection, session, err));
    return fill_auth(request, session, err);
}

assay_status assay_adbc_login_options(const assay_adbc_request *request,
                                      assay_adbc_session *session, assay_error *err)
{
    session->kind = request->connection->kind;
    return session->kind == ASSAY_CONNECTION_POSTGRES ? fill_postgres(request, session, err)
                                                      : fill_snowflake(request, session, err);
}
