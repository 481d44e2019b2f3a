#include "config/connections.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "config/read.h"
#include "config/tables.h"

static const char connections_file[] = "config/connections.yaml";

enum { PORT_MAX = 65535, NAMES_MAX = 256 };

/* What reading one connection needs. */
struct reader {
    const char *root, *path;
    assay_arena *arena;
};

static const char *const kinds[] = {"postgres", "redshift", "snowflake", "s3", NULL};
static const char *const auths[] = {"key_pair", "password", "pat", "oauth", NULL};

static bool is_reference(const char *text)
{
    static const char *const schemes[] = {"env:", "file:", "aws-secret:"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (assay_str_starts(text, schemes[i]))
            return text[strlen(schemes[i])] != '\0';
    return false;
}

/* The value itself is never shown: it may be the secret. */
static assay_status read_secret(const assay_value *tree, const char *key,
                                const assay_connection_config *connection,
                                assay_secret_ref *ret_ref, assay_error *err)
{
    const char *text = assay_config_text(tree, key, NULL);
    assay_place place = assay_config_place(tree, key, connection->path);

    if (text == NULL || text[0] == '\0')
        return ASSAY_OK;
    if (!is_reference(text))
        return assay_error_at(err, ASSAY_ECONFIG, 1240, place,
                              "'%s' must be a reference (env:NAME, file:PATH or "
                              "aws-secret:NAME#key), not the secret itself",
                              key);
    *ret_ref = (assay_secret_ref){text, place, connection->login_timeout_ms};
    return ASSAY_OK;
}

static assay_status read_secrets(const assay_value *tree, assay_connection_config *connection,
                                 assay_error *err)
{
    const struct {
        const char *key;
        assay_secret_ref *ref;
    } secrets[] = {
        {"password", &connection->password},
        {"secret", &connection->secret},
        {"private_key", &connection->private_key},
        {"private_key_passphrase", &connection->private_key_passphrase},
        {"token", &connection->token},
    };

    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        ASSAY_TRY(read_secret(tree, secrets[i].key, connection, secrets[i].ref, err));
    return ASSAY_OK;
}

static assay_status read_timeout(const assay_value *tree, const char *key, const char *path,
                                 int64_t otherwise, int64_t *ret_ms, assay_error *err)
{
    int64_t ms = assay_config_duration_ms(tree, key, otherwise);

    if (ms < 1000)
        return assay_error_at(err, ASSAY_ECONFIG, 1244, assay_config_place(tree, key, path),
                              "'%s' must be one second or more: no connection is without limits",
                              key);
    *ret_ms = ms;
    return ASSAY_OK;
}

static assay_status read_timeouts(const assay_value *tree, const char *path,
                                  assay_connection_config *connection, assay_error *err)
{
    ASSAY_TRY(read_timeout(tree, "login_timeout", path, INT64_C(30) * 1000,
                           &connection->login_timeout_ms, err));
    ASSAY_TRY(read_timeout(tree, "request_timeout", path, INT64_C(60) * 1000,
                           &connection->request_timeout_ms, err));
    return read_timeout(tree, "statement_timeout", path, INT64_C(3600) * 1000,
                        &connection->statement_timeout_ms, err);
}

static assay_status read_port(const assay_value *tree, const char *path, int otherwise,
                              int *ret_port, assay_error *err)
{
    int64_t port = assay_config_int(tree, "port", otherwise);

    if (port > PORT_MAX || (port == 0 && otherwise != 0))
        return assay_error_at(err, ASSAY_ECONFIG, 1244, assay_config_place(tree, "port", path),
                              "a port is a number from 1 to %d", PORT_MAX);
    *ret_port = (int)port;
    return ASSAY_OK;
}

static assay_status needs(const assay_connection_config *connection, const char *key,
                          const char *because, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 1244, connection->place,
                          "the connection '%s' needs '%s': %s", connection->name, key, because);
}

/* ---- one type each ---- */

static assay_status read_libpq(const assay_value *tree, const struct reader *reader,
                               int default_port, assay_connection_config *connection,
                               assay_error *err)
{
    const char *certificates = assay_config_text(tree, "sslrootcert", NULL);

    ASSAY_TRY(read_port(tree, reader->path, default_port, &connection->port, err));
    connection->schema = assay_config_text(tree, "schema", "public");
    connection->sslmode =
        assay_config_text(tree, "sslmode", default_port == 5439 ? "require" : "prefer");
    connection->options = assay_config_text(tree, "options", NULL);
    if (certificates == NULL)
        return ASSAY_OK;
    connection->sslrootcert = assay_path_join(reader->arena, reader->root, certificates);
    return assay_arena_check(connection->sslrootcert, err);
}

static assay_status check_redshift(const assay_connection_config *connection, assay_error *err)
{
    if (connection->secret.text != NULL)
        return ASSAY_OK;
    if (connection->host == NULL)
        return needs(connection, "host", "there is no 'secret' that could say it", err);
    if (connection->database == NULL)
        return needs(connection, "database", "there is no 'secret' that could say it", err);
    if (connection->user == NULL)
        return needs(connection, "user", "there is no 'secret' that could say it", err);
    return ASSAY_OK;
}

static assay_status read_snowflake(const assay_value *tree, const struct reader *reader,
                                   assay_connection_config *connection, assay_error *err)
{
    ASSAY_TRY(read_port(tree, reader->path, 0, &connection->port, err));
    connection->account = assay_config_text(tree, "account", NULL);
    connection->warehouse = assay_config_text(tree, "warehouse", NULL);
    connection->role = assay_config_text(tree, "role", NULL);
    connection->protocol = assay_config_text(tree, "protocol", "https");
    connection->schema = assay_config_text(tree, "schema", NULL);
    connection->auth =
        (assay_snowflake_auth)assay_config_enum(tree, "auth", auths, ASSAY_SNOWFLAKE_KEY_PAIR);
    switch (connection->auth) {
    case ASSAY_SNOWFLAKE_KEY_PAIR:
        return connection->private_key.text != NULL
                   ? ASSAY_OK
                   : needs(connection, "private_key", "auth is key_pair", err);
    case ASSAY_SNOWFLAKE_PASSWORD:
        return connection->password.text != NULL
                   ? ASSAY_OK
                   : needs(connection, "password", "auth is password", err);
    case ASSAY_SNOWFLAKE_PAT:
    case ASSAY_SNOWFLAKE_OAUTH:
        return connection->token.text != NULL
                   ? ASSAY_OK
                   : needs(connection, "token", "auth is pat or oauth", err);
    }
    return ASSAY_OK;
}

static assay_status read_s3(const assay_value *tree, const struct reader *reader,
                            assay_connection_config *connection, assay_error *err)
{
    const assay_value *credentials = assay_config_find(tree, "credentials");

    connection->region = assay_config_text(tree, "region", NULL);
    connection->endpoint = assay_config_text(tree, "endpoint", NULL);
    connection->profile = assay_config_text(tree, "profile", NULL);
    connection->path_style = assay_config_bool(tree, "path_style", connection->endpoint != NULL);
    if (credentials == NULL || assay_str_equal(assay_config_scalar(credentials), "default_chain"))
        return ASSAY_OK;
    if (credentials->kind != ASSAY_VALUE_MAP)
        return assay_error_at(err, ASSAY_ECONFIG, 1244,
                              assay_config_place(tree, "credentials", reader->path),
                              "'credentials' is default_chain, or a map with key_id and secret by "
                              "reference");
    ASSAY_TRY(assay_config_check(credentials, &assay_table_s3_credentials, reader->path, err));
    connection->has_keys = true;
    ASSAY_TRY(read_secret(credentials, "key_id", connection, &connection->key_id, err));
    ASSAY_TRY(read_secret(credentials, "secret", connection, &connection->secret_key, err));
    return read_secret(credentials, "session_token", connection, &connection->session_token, err);
}

static assay_status read_kind(const assay_value *tree, const struct reader *reader,
                              assay_connection_config *connection, assay_error *err)
{
    const char *driver = assay_config_text(tree, "driver", NULL);

    connection->host = assay_config_text(tree, "host", NULL);
    connection->database = assay_config_text(tree, "database", NULL);
    connection->user = assay_config_text(tree, "user", NULL);
    if (driver != NULL) {
        connection->driver = assay_path_join(reader->arena, reader->root, driver);
        ASSAY_TRY(assay_arena_check(connection->driver, err));
    }
    ASSAY_TRY(read_timeouts(tree, reader->path, connection, err));
    ASSAY_TRY(read_secrets(tree, connection, err));
    switch (connection->kind) {
    case ASSAY_CONNECTION_POSTGRES:
        return read_libpq(tree, reader, 5432, connection, err);
    case ASSAY_CONNECTION_REDSHIFT:
        connection->unload_to = assay_config_text(tree, "unload_to", NULL);
        connection->iam_role = assay_config_text(tree, "iam_role", NULL);
        ASSAY_TRY(read_libpq(tree, reader, 5439, connection, err));
        return check_redshift(connection, err);
    case ASSAY_CONNECTION_SNOWFLAKE:
        return read_snowflake(tree, reader, connection, err);
    case ASSAY_CONNECTION_S3:
        return read_s3(tree, reader, connection, err);
    }
    return ASSAY_OK;
}

static assay_status read_connection(const char *name, const assay_value *tree,
                                    const struct reader *reader,
                                    assay_connection_config *ret_connection, assay_error *err)
{
    const char *path = reader->path;
    assay_place place = {path, tree->line, tree->column};

    if (tree->kind != ASSAY_VALUE_MAP)
        return assay_error_at(err, ASSAY_ECONFIG, 1202, place,
                              "the connection '%s' must be a map of keys", name);
    const char *type = assay_config_text(tree, "type", NULL);
    if (type == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1243, place,
                              "the connection '%s' needs a 'type': postgres, redshift, snowflake "
                              "or s3",
                              name);
    const assay_key_table *table = assay_table_connection_of(type);
    if (table == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1243, assay_config_place(tree, "type", path),
                              "the connection '%s' has the unknown type '%s': known are postgres, "
                              "redshift, snowflake and s3",
                              name, type);
    ASSAY_TRY(assay_config_check(tree, table, path, err));
    assay_connection_config connection = {.name = name,
                                          .type = type,
                                          .path = path,
                                          .tree = tree,
                                          .kind =
                                              (assay_connection_kind)assay_config_enum(tree, "type",
                                                                                       kinds, 0),
                                          .place = place,
                                          .root = reader->root};
    ASSAY_TRY(read_kind(tree, reader, &connection, err));
    *ret_connection = connection;
    return ASSAY_OK;
}

/* ---- the file ---- */

static assay_status check_names(const assay_value *tree, const char *path, assay_error *err)
{
    if (tree == NULL || tree->kind == ASSAY_VALUE_NULL || tree->kind == ASSAY_VALUE_MAP)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 1202, (assay_place){path, tree->line, tree->column},
                          "connections must be a map of names, not a %s",
                          assay_value_kind_name(tree->kind));
}

static size_t names_of(const assay_value *tree)
{
    return tree != NULL && tree->kind == ASSAY_VALUE_MAP ? tree->count : 0;
}

/* Connections of `tree` that `hidden` (the target's) does not have. */
static assay_status read_all(const assay_value *tree, const assay_value *hidden,
                             const struct reader *reader, assay_connections_config *config,
                             assay_error *err)
{
    for (size_t i = 0; i < names_of(tree); i++)
        if (assay_value_find(hidden, tree->keys[i]) == NULL)
            ASSAY_TRY(read_connection(tree->keys[i], tree->items[i], reader,
                                      &config->connections[config->count++], err));
    return ASSAY_OK;
}

assay_status assay_connections_config_load(const char *root, assay_variables *variables,
                                           const assay_value *over, assay_arena *arena,
                                           assay_connections_config **ret_config, assay_error *err)
{
    assay_value *tree = NULL;

    ASSAY_TRY(assay_config_file_load(root, connections_file, true, variables, arena, &tree, err));
    ASSAY_TRY(check_names(tree, connections_file, err));
    ASSAY_TRY(check_names(over, "assay.yaml", err));

    assay_connections_config *config = assay_arena_take(arena, 1, sizeof *config);
    ASSAY_TRY(assay_arena_check(config, err));
    config->connections =
        assay_arena_take(arena, names_of(tree) + names_of(over) + 1, sizeof *config->connections);
    ASSAY_TRY(assay_arena_check(config->connections, err));
    ASSAY_TRY(read_all(over, NULL, &(struct reader){root, "assay.yaml", arena}, config, err));
    ASSAY_TRY(read_all(tree, over, &(struct reader){root, connections_file, arena}, config, err));
    *ret_config = config;
    return ASSAY_OK;
}

assay_status assay_connections_use(const assay_connections_config *config, const char *name,
                                   assay_place place,
                                   const assay_connection_config **ret_connection, assay_error *err)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < config->count; i++) {
        const assay_connection_config *connection = &config->connections[i];

        if (assay_str_equal(connection->name, name)) {
            *ret_connection = connection;
            return ASSAY_OK;
        }
        if (count < NAMES_MAX)
            names[count++] = connection->name;
    }
    const char *nearest = assay_str_nearest(name, names, count);
    return assay_error_at(err, ASSAY_ECONFIG, 1241, place, "unknown connection '%s'%s%s%s", name,
                          nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "");
}
