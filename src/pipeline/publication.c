#include "pipeline/publication.h"

#include "base/str.h"
#include "pipeline/output.h"

const char *assay_publication_state_name(assay_publication_state state)
{
    static const char *const NAMES[] = {"published", "already", "pending", "failed", "skipped"};

    return NAMES[state];
}

assay_publication assay_publication_of(const assay_publish_config *config)
{
    return (assay_publication){.to = config->to.text,
                               .table = config->table.text,
                               .mode = assay_publish_config_mode_name(config->mode),
                               .snapshot_id = -1,
                               .number = -1,
                               .known = -1,
                               .rows = -1,
                               .inserted = -1,
                               .updated = -1,
                               .deleted = -1,
                               .elapsed_us = -1};
}

const assay_publication *assay_publication_skip_all(const assay_model *model, assay_arena *arena)
{
    size_t count = model->header.publish_count;
    assay_publication *publications =
        count > 0 ? assay_arena_take(arena, count, sizeof *publications) : NULL;

    for (size_t i = 0; publications != NULL && i < count; i++) {
        publications[i] = assay_publication_of(&model->header.publish[i]);
        publications[i].state = ASSAY_PUBLICATION_SKIPPED;
    }
    return publications;
}

assay_publication_state assay_publication_state_of(const assay_error *failure)
{
    enum { TRY_AGAIN = 4 };
    bool again = failure->code == ASSAY_ECANCELLED || assay_error_exit_code(failure) == TRY_AGAIN;

    return again ? ASSAY_PUBLICATION_PENDING : ASSAY_PUBLICATION_FAILED;
}

const assay_publication *assay_publication_decisive(const assay_publication *publications,
                                                    size_t count)
{
    const assay_publication *found = NULL;
    int lowest = 0;

    for (size_t i = 0; i < count; i++) {
        int rank = assay_exit_code_rank(assay_error_exit_code(&publications[i].error));
        if (publications[i].error.code == ASSAY_OK || (found != NULL && rank >= lowest))
            continue;
        found = &publications[i];
        lowest = rank;
    }
    return found;
}

assay_publication *assay_publication_copy(assay_arena *arena, const assay_publication *publications,
                                          size_t count)
{
    assay_publication *copy = count > 0 ? assay_arena_take(arena, count, sizeof *copy) : NULL;

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = publications[i];
        copy[i].to = assay_arena_text(arena, publications[i].to);
        copy[i].table = assay_arena_text(arena, publications[i].table);
        copy[i].mode = assay_arena_text(arena, publications[i].mode);
        copy[i].publish_id = assay_arena_text(arena, publications[i].publish_id);
        copy[i].server = assay_arena_text(arena, publications[i].server);
        if (copy[i].to == NULL || copy[i].table == NULL || copy[i].mode == NULL)
            return NULL;
    }
    return copy;
}

/* ---- as the warehouse room takes it ---- */

static assay_status texts_of(const assay_named *named, size_t count, assay_arena *arena,
                             const char *const **ret_texts, assay_error *err)
{
    const char **texts = assay_arena_take(arena, count + 1, sizeof *texts);

    ASSAY_TRY(assay_arena_check(texts, err));
    for (size_t i = 0; i < count; i++)
        texts[i] = named[i].text;
    *ret_texts = texts;
    return ASSAY_OK;
}

static assay_warehouse_mode mode_of(assay_publish_config_mode mode)
{
    switch (mode) {
    case ASSAY_PUBLISH_CONFIG_OVERWRITE:
        return ASSAY_WAREHOUSE_OVERWRITE;
    case ASSAY_PUBLISH_CONFIG_APPEND:
        return ASSAY_WAREHOUSE_APPEND;
    case ASSAY_PUBLISH_CONFIG_MERGE:
        return ASSAY_WAREHOUSE_MERGE;
    }
    return ASSAY_WAREHOUSE_OVERWRITE;
}

assay_status assay_publication_make(const assay_publish_config *config, const char *path,
                                    assay_arena *arena,
                                    assay_warehouse_publication *ret_publication, assay_error *err)
{
    assay_warehouse_publication publication = {.to = config->to.text,
                                               .table = config->table.text,
                                               .place = {path, config->line, config->column},
                                               .mode = mode_of(config->mode),
                                               .key_count = config->key_count,
                                               .version = config->version.text,
                                               .op_column = config->delete_column.text,
                                               .op_deleted_count = config->deleted_count,
                                               .delete_absent = config->absent,
                                               .preserve_case = config->preserve_case,
                                               .column_count = config->column_count};

    ASSAY_TRY(texts_of(config->key, config->key_count, arena, &publication.keys, err));
    ASSAY_TRY(
        texts_of(config->deleted, config->deleted_count, arena, &publication.op_deleted, err));
    ASSAY_TRY(texts_of(config->columns, config->column_count, arena, &publication.columns, err));
    *ret_publication = publication;
    return ASSAY_OK;
}

/* ---- check ---- */

static assay_place place_of(const assay_model *model, const assay_named *named)
{
    return (assay_place){model->path, named->line, named->column};
}

static assay_status check_connection(const assay_project *project, const assay_model *model,
                                     const assay_publish_config *publish, const char **ret_type,
                                     assay_error *err)
{
    const assay_connection_config *connection = NULL;

    ASSAY_TRY(assay_connections_use(project->connections, publish->to.text,
                                    place_of(model, &publish->to), &connection, err));
    if (ret_type != NULL)
        *ret_type = connection->type;
    if (!assay_str_equal(connection->type, "postgres") &&
        !assay_str_equal(connection->type, "snowflake"))
        return assay_error_at(err, ASSAY_ECONFIG, 2402, place_of(model, &publish->to),
                              "'%s' is a connection of type %s; tables are published to postgres "
                              "and snowflake",
                              publish->to.text, connection->type);
    return ASSAY_OK;
}

static assay_status check_columns(const assay_model *model, const assay_publish_config *publish,
                                  assay_error *err)
{
    for (size_t i = 0; i < publish->key_count; i++)
        ASSAY_TRY(assay_output_check_column(model, "publish.key", &publish->key[i], err));
    for (size_t i = 0; i < publish->column_count; i++)
        ASSAY_TRY(assay_output_check_column(model, "publish.columns", &publish->columns[i], err));
    if (publish->version.text != NULL)
        ASSAY_TRY(assay_output_check_column(model, "publish.version", &publish->version, err));
    if (publish->delete_column.text != NULL)
        ASSAY_TRY(
            assay_output_check_column(model, "publish.soft_delete", &publish->delete_column, err));
    return ASSAY_OK;
}

static assay_status resolve(const assay_project *project, const assay_model *model,
                            const assay_publish_config *publish, assay_arena *arena,
                            assay_warehouse_target *ret_target, assay_error *err)
{
    const assay_connection_config *connection = NULL;
    assay_warehouse_publication publication;

    ASSAY_TRY(assay_connections_use(project->connections, publish->to.text,
                                    place_of(model, &publish->to), &connection, err));
    ASSAY_TRY(assay_publication_make(publish, model->path, arena, &publication, err));
    return assay_warehouse_resolve(connection, &publication, arena, ret_target, err);
}

/* Whether two connections, which may have different users, lead to the same server. */
static bool is_same_server(const assay_project *project, const char *a, const char *b)
{
    const assay_place nowhere = {NULL, 0, 0};
    const assay_connection_config *left = NULL;
    const assay_connection_config *right = NULL;

    if (assay_str_equal(a, b))
        return true;
    if (assay_connections_use(project->connections, a, nowhere, &left, NULL) != ASSAY_OK ||
        assay_connections_use(project->connections, b, nowhere, &right, NULL) != ASSAY_OK)
        return false;
    return left->kind == right->kind && left->port == right->port &&
           assay_str_equal_ci(left->host != NULL ? left->host : "",
                              right->host != NULL ? right->host : "") &&
           assay_str_equal_ci(left->account != NULL ? left->account : "",
                              right->account != NULL ? right->account : "");
}

/* Whether an entry lands in `target` of `to`, however it is spelled. One that cannot be read is
 * told where it stands. */
static bool lands_in(const assay_project *project, const assay_model *model,
                     const assay_publish_config *publish, const char *to,
                     const assay_warehouse_target *target, assay_arena *arena)
{
    assay_warehouse_target own;

    if (!is_same_server(project, publish->to.text, to) ||
        resolve(project, model, publish, arena, &own, NULL) != ASSAY_OK)
        return false;
    return assay_str_equal(own.database, target->database) &&
           assay_str_equal(own.schema, target->schema) && assay_str_equal(own.table, target->table);
}

/* Other entries that name the same table; `model` is asked for what stands before `position`. */
static assay_status check_rivals(const assay_project *project, const assay_model *model,
                                 size_t position, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_publish_config *publish = &model->header.publish[position];
    assay_warehouse_target target;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(resolve(project, model, publish, arena, &target, err));

    for (size_t i = 0; i < project->model_count; i++) {
        const assay_model *other = project->models[i];
        size_t count = other == model ? position : other->header.publish_count;
        for (size_t k = 0; k < count; k++)
            if (lands_in(project, other, &other->header.publish[k], publish->to.text, &target,
                         arena))
                return assay_error_at(err, ASSAY_ECONFIG, 2403, place_of(model, &publish->table),
                                      "'%s' publishes to '%s' of '%s', and so does '%s' (%s:%d)",
                                      model->name, publish->table.text, publish->to.text,
                                      other->name, other->path, other->header.publish[k].line);
    }
    return ASSAY_OK;
}

/* Names and types that the database there can hold. */
static assay_status check_warehouse(const assay_model *model, const assay_publish_config *publish,
                                    const char *type, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_warehouse_publication publication;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_publication_make(publish, model->path, arena, &publication, err));
    return assay_warehouse_check(&publication, type, model->columns, model->column_count, err);
}

assay_status assay_publication_check_targets(const assay_project *project, const assay_model *model,
                                             assay_error *err)
{
    for (size_t i = 0; i < model->header.publish_count; i++) {
        ASSAY_TRY(check_connection(project, model, &model->header.publish[i], NULL, err));
        ASSAY_TRY(check_rivals(project, model, i, err));
    }
    return ASSAY_OK;
}

assay_status assay_publication_check(const assay_project *project, const assay_model *model,
                                     assay_error *err)
{
    for (size_t i = 0; i < model->header.publish_count; i++) {
        const assay_publish_config *publish = &model->header.publish[i];
        const char *type = NULL;
        ASSAY_TRY(check_connection(project, model, publish, &type, err));
        ASSAY_TRY(check_columns(model, publish, err));
        ASSAY_TRY(check_warehouse(model, publish, type, err));
    }
    return ASSAY_OK;
}
