#include "source/database.h"

#include <string.h>

#include "base/str.h"

static const assay_database_kind *kind_of(const assay_connection_config *connection)
{
    switch (connection->kind) {
    case ASSAY_CONNECTION_POSTGRES:
    case ASSAY_CONNECTION_REDSHIFT:
        return &assay_database_postgres;
    case ASSAY_CONNECTION_SNOWFLAKE:
        return &assay_database_snowflake;
    case ASSAY_CONNECTION_S3:
        break;
    }
    return NULL;
}

static assay_status check_connection(const assay_model *model,
                                     const assay_connection_config *connection, assay_error *err)
{
    if (kind_of(connection) == NULL)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2227,
                              assay_model_place(model, "source.connection"),
                              "the connection '%s' is of type %s, whose tables cannot be read in "
                              "this version",
                              connection->name, connection->type);
    if (connection->unload_to != NULL)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2227, connection->place,
                              "'unload_to' of the connection '%s' is not built in this version: "
                              "without it rows come over the connection itself",
                              connection->name);
    return ASSAY_OK;
}

static assay_status find_connection(const assay_project *project, const assay_model *model,
                                    const assay_connection_config **ret_connection,
                                    assay_error *err)
{
    const assay_named *name = &model->extract->database->connection;

    ASSAY_TRY(assay_connections_use(project->connections, name->text,
                                    (assay_place){model->path, name->line, name->column},
                                    ret_connection, err));
    return check_connection(model, *ret_connection, err);
}

assay_status assay_database_check(const assay_project *project, const assay_model *model,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_connection_config *connection = NULL;
    assay_database_name name;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_connection(project, model, &connection, err));
    assay_database database = {.model = model, .source = model->extract->database, .arena = arena};
    if (database.source->table.text == NULL)
        return ASSAY_OK;
    return assay_database_parse_name(&database, &name, err);
}

/* A name that no model can know, since the engine shows attached databases to all connections. */
static assay_status name_catalog(assay_database *database, assay_error *err)
{
    char uuid[ASSAY_UUID_TEXT_SIZE];

    assay_uuid_format(assay_uuid_v4(database->env->random), uuid);
    database->catalog = assay_arena_format(database->arena, "source_%s", uuid);
    return assay_arena_check(database->catalog, err);
}

static assay_status name_label(assay_database *database, assay_error *err)
{
    if (database->table == NULL)
        database->label = database->connection->name;
    else
        database->label =
            assay_arena_format(database->arena, "%s.%s.%s", database->connection->name,
                               database->schema, database->table);
    return assay_arena_check(database->label, err);
}

assay_place assay_database_place(const assay_database *database)
{
    const assay_database_source *source = database->source;
    const assay_named *given = source->table.text != NULL ? &source->table : &source->query;

    return (assay_place){database->model->path, given->line, given->column};
}

/* The engine and every table format take "Id" and "id" for one. */
static assay_status check_columns(const assay_database *database, assay_error *err)
{
    const assay_database_column *columns = database->columns;

    if (database->column_count == 0)
        return assay_error_at(err, ASSAY_EDATA, 2230, assay_database_place(database),
                              "'%s' has no columns", database->label);
    for (size_t i = 0; i < database->column_count; i++)
        for (size_t k = 0; k < i; k++)
            if (assay_str_equal_ci(columns[k].name, columns[i].name))
                return assay_error_at(err, ASSAY_EDATA, 2230, assay_database_place(database),
                                      "'%s' has the columns '%s' and '%s', whose names differ in "
                                      "case only: rename one of them in a query",
                                      database->label, columns[k].name, columns[i].name);
    return ASSAY_OK;
}

assay_status assay_database_open(const assay_step_env *env, const assay_project *project,
                                 const assay_model *model, assay_conn *conn, assay_arena *arena,
                                 assay_database **ret_database, assay_error *err)
{
    ASSAY_AUTO(assay_database_closep)
    assay_database *database = assay_arena_take(arena, 1, sizeof *database);

    ASSAY_TRY(assay_arena_check(database, err));
    database->env = env;
    database->model = model;
    database->source = model->extract->database;
    database->conn = conn;
    database->arena = arena;
    ASSAY_TRY(find_connection(project, model, &database->connection, err));
    database->label = database->connection->name;
    ASSAY_TRY(name_catalog(database, err));
    database->kind = kind_of(database->connection);
    ASSAY_TRY(database->kind->open(database, err));
    *ret_database = ASSAY_TAKE(&database);
    return ASSAY_OK;
}

assay_status assay_database_look(assay_database *database, assay_error *err)
{
    ASSAY_TRY(database->kind->look(database, err));
    ASSAY_TRY(name_label(database, err));
    return check_columns(database, err);
}

void assay_database_close(assay_database *database)
{
    if (database != NULL && database->kind != NULL)
        database->kind->close(database);
}

void assay_database_closep(assay_database **database)
{
    assay_database_close(*database);
    *database = NULL;
}

const assay_database_column *assay_database_find(const assay_database *database, const char *name)
{
    const assay_database_column *found = NULL;

    for (size_t i = 0; i < database->column_count; i++) {
        if (assay_str_equal(database->columns[i].name, name))
            return &database->columns[i];
        if (found == NULL && assay_str_equal_ci(database->columns[i].name, name))
            found = &database->columns[i];
    }
    return found;
}
