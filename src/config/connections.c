#include "config/connections.h"

#include "base/str.h"
#include "config/read.h"
#include "config/tables.h"

static const char connections_file[] = "config/connections.yaml";

/* Keys whose value is a secret: only a reference may stand in a file. */
static const char *const secret_keys[] = {"password", "private_key", "secret", "token", "key_id"};

static bool is_reference(const char *text)
{
    return assay_str_starts(text, "env:") || assay_str_starts(text, "file:") ||
           assay_str_starts(text, "aws-secret:");
}

/* The value itself is never shown: it may be the secret. */
static assay_status check_secrets(const assay_value *tree, const char *path, assay_error *err)
{
    for (size_t i = 0; i < sizeof secret_keys / sizeof secret_keys[0]; i++) {
        const char *text = assay_config_text(tree, secret_keys[i], NULL);

        if (text != NULL && text[0] != '\0' && !is_reference(text))
            return assay_error_at(err, ASSAY_ECONFIG, 1240,
                                  assay_config_place(tree, secret_keys[i], path),
                                  "'%s' must be a reference (env:NAME, file:PATH or "
                                  "aws-secret:NAME#key), not the secret itself",
                                  secret_keys[i]);
    }
    return ASSAY_OK;
}

static assay_status read_connection(const char *name, const assay_value *tree, const char *path,
                                    assay_connection_config *ret_connection, assay_error *err)
{
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
    ASSAY_TRY(check_secrets(tree, path, err));

    const assay_value *credentials = assay_config_find(tree, "credentials");
    if (credentials != NULL && credentials->kind == ASSAY_VALUE_MAP)
        ASSAY_TRY(check_secrets(credentials, path, err));
    *ret_connection = (assay_connection_config){name, type, path, tree};
    return ASSAY_OK;
}

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

assay_status assay_connections_config_load(const char *root, assay_variables *variables,
                                           const assay_value *over, assay_arena *arena,
                                           assay_connections_config **ret_config, assay_error *err)
{
    assay_value *tree = NULL;

    ASSAY_TRY(assay_config_file_load(root, connections_file, true, variables, arena, &tree, err));
    ASSAY_TRY(check_names(tree, connections_file, err));
    ASSAY_TRY(check_names(over, "assay.yaml", err));

    size_t most = names_of(tree) + names_of(over);
    assay_connections_config *config = assay_arena_take(arena, 1, sizeof *config);
    ASSAY_TRY(assay_arena_check(config, err));
    if (most > 0) {
        config->connections = assay_arena_take(arena, most, sizeof *config->connections);
        ASSAY_TRY(assay_arena_check(config->connections, err));
    }
    for (size_t i = 0; i < names_of(over); i++)
        ASSAY_TRY(read_connection(over->keys[i], over->items[i], "assay.yaml",
                                  &config->connections[config->count++], err));
    for (size_t i = 0; i < names_of(tree); i++)
        if (assay_value_find(over, tree->keys[i]) == NULL)
            ASSAY_TRY(read_connection(tree->keys[i], tree->items[i], connections_file,
                                      &config->connections[config->count++], err));
    *ret_config = config;
    return ASSAY_OK;
}

enum { NAMES_MAX = 256 };

assay_status assay_connections_use(const assay_connections_config *config, const char *name,
                                   assay_place place,
                                   const assay_connection_config **ret_connection, assay_error *err)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t count = 0;

    (void)ret_connection;
    for (size_t i = 0; i < config->count; i++) {
        const assay_connection_config *connection = &config->connections[i];

        if (assay_str_equal(connection->name, name))
            return assay_error_at(err, ASSAY_EUNSUPPORTED, 1242, place,
                                  "the connection '%s' cannot be used: '%s' is not built in this "
                                  "version",
                                  name, connection->type);
        if (count < NAMES_MAX)
            names[count++] = connection->name;
    }
    const char *nearest = assay_str_nearest(name, names, count);
    return assay_error_at(err, ASSAY_ECONFIG, 1241, place, "unknown connection '%s'%s%s%s", name,
                          nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "");
}
