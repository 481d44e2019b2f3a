#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/quiet_json.h"
#include "store/secrets.h"

void assay_login_done(assay_login *login)
{
    assay_secret_free(login->password);
    assay_arena_wipep(&login->arena);
    *login = (assay_login){0};
}

/* The text of a member, a number's too; NULL where it is not there. Names as RDS's and Redshift's
 * own secrets have them. */
static const char *member(const assay_value *tree, const char *name)
{
    const assay_value *value = assay_value_find(tree, name);

    return value != NULL && value->kind != ASSAY_VALUE_NULL ? value->text : NULL;
}

static void fill(const char **field, const char *value)
{
    if (*field == NULL)
        *field = value;
}

static assay_status need(const assay_connection_config *connection, const char *value,
                         const char *name, assay_error *err)
{
    if (value != NULL && value[0] != '\0')
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_EAUTH, 1260, connection->secret.place,
                          "neither the connection '%s' nor its secret says '%s'", connection->name,
                          name);
}

static assay_status read_document(const assay_connection_config *connection,
                                  const assay_secret *whole, assay_login *login, assay_error *err)
{
    assay_value *tree = NULL;
    int64_t port = 0;

    ASSAY_TRY(assay_quiet_json_parse(assay_secret_reveal(whole), assay_secret_size(whole),
                                     login->arena, &tree, err));
    if (tree == NULL)
        return assay_error_at(err, ASSAY_EAUTH, 1260, connection->secret.place,
                              "the secret of the connection '%s' is no JSON object",
                              connection->name);
    fill(&login->host, member(tree, "host"));
    fill(&login->database, member(tree, "dbname"));
    fill(&login->database, member(tree, "database"));
    fill(&login->user, member(tree, "username"));
    fill(&login->user, member(tree, "user"));
    if (assay_value_find(connection->tree, "port") == NULL && member(tree, "port") != NULL &&
        assay_str_to_int64(member(tree, "port"), &port) && port > 0 && port <= 65535)
        login->port = (int)port;
    const char *password = member(tree, "password");
    if (login->password == NULL && password != NULL)
        ASSAY_TRY(assay_secret_new(password, strlen(password), &login->password, err));
    return ASSAY_OK;
}

static assay_status read_secret(assay_secrets *secrets, const assay_connection_config *connection,
                                assay_login *login, assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *whole = NULL;

    ASSAY_TRY(assay_secrets_resolve(secrets, &connection->secret, &whole, err));
    ASSAY_TRY(read_document(connection, whole, login, err));
    ASSAY_TRY(need(connection, login->host, "host", err));
    ASSAY_TRY(need(connection, login->database, "dbname", err));
    ASSAY_TRY(need(connection, login->user, "username", err));
    const char *password = login->password != NULL ? assay_secret_reveal(login->password) : NULL;
    return need(connection, password, "password", err); /* libpq would look for one elsewhere */
}

static void move(assay_login *from, assay_login *ret_to)
{
    *ret_to = *from;
    *from = (assay_login){0};
}

assay_status assay_login_resolve(assay_secrets *secrets, const assay_connection_config *connection,
                                 assay_login *ret_login, assay_error *err)
{
    ASSAY_AUTO(assay_login_done)
    assay_login login = {.host = connection->host,
                         .port = connection->port,
                         .database = connection->database,
                         .user = connection->user,
                         .arena = assay_arena_new()};

    ASSAY_TRY(assay_arena_check(login.arena, err));
    if (connection->password.text != NULL)
        ASSAY_TRY(assay_secrets_resolve(secrets, &connection->password, &login.password, err));
    if (connection->secret.text != NULL)
        ASSAY_TRY(read_secret(secrets, connection, &login, err));
    move(&login, ret_login);
    return ASSAY_OK;
}

bool assay_login_forget(assay_secrets *secrets, const assay_connection_config *connection)
{
    const assay_secret_ref *const refs[] = {&connection->password, &connection->secret,
                                            &connection->private_key,
                                            &connection->private_key_passphrase,
                                            &connection->token};
    bool forgot = false;

    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
        forgot = assay_secrets_forget(secrets, refs[i]) || forgot;
    return forgot;
}
