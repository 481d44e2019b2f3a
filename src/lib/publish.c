/* `assay publish`: the publications of models. */
#include <assay/publish.h>

#include <stdio.h>

#include "base/str.h"
#include "lib/context.h"
#include "lib/document.h"
#include "steps/publish_step.h"

/* One `assay publish`. */
struct publishing {
    assay_context *context;
    const assay_publish_options *options;
    assay_arena *arena;
    assay_conn *conn;
    assay_value *list; /* LIST, one a publication */
    char run_id[ASSAY_UUID_TEXT_SIZE];
    size_t entries;      /* that the selected models have */
    assay_error gravest; /* ASSAY_OK = all went well */
};

static void note_failure(struct publishing *publishing, const assay_error *failure)
{
    if (assay_error_is_graver(failure, &publishing->gravest))
        publishing->gravest = *failure;
}

/* ---- documents ---- */

static assay_status add_count(assay_value *item, const char *key, int64_t count, assay_arena *arena,
                              assay_error *err)
{
    return count < 0 ? ASSAY_OK : assay_document_int(item, key, count, arena, err);
}

static assay_status add_item(struct publishing *publishing, const char *table,
                             const assay_publication *publication, assay_value **ret_item,
                             assay_error *err)
{
    assay_arena *arena = publishing->arena;
    assay_value *item = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(publishing->list, item, arena, err));
    ASSAY_TRY(assay_document_text(item, "table", table, arena, err));
    ASSAY_TRY(assay_document_text(item, "to", publication->to, arena, err));
    ASSAY_TRY(assay_document_text(item, "target", publication->table, arena, err));
    ASSAY_TRY(assay_document_text(item, "mode", publication->mode, arena, err));
    ASSAY_TRY(assay_document_text(item, "state", assay_publication_state_name(publication->state),
                                  arena, err));
    ASSAY_TRY(assay_document_text(item, "publish_id", publication->publish_id, arena, err));
    ASSAY_TRY(add_count(item, "snapshot_id", publication->snapshot_id, arena, err));
    ASSAY_TRY(add_count(item, "rows", publication->rows, arena, err));
    ASSAY_TRY(add_count(item, "inserted", publication->inserted, arena, err));
    ASSAY_TRY(add_count(item, "updated", publication->updated, arena, err));
    ASSAY_TRY(add_count(item, "deleted", publication->deleted, arena, err));
    ASSAY_TRY(add_count(item, "duration_us", publication->elapsed_us, arena, err));
    *ret_item = item;
    return assay_document_error(item, &publication->error, arena, err);
}

/* ---- verification ---- */

static assay_status add_columns(assay_value *item, const assay_warehouse_verification *found,
                                assay_arena *arena, assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(item, "columns", list, arena, err));
    for (size_t i = 0; i < found->column_count; i++) {
        assay_value *map = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, map, arena, err));
        ASSAY_TRY(assay_document_text(map, "column", found->columns[i].column, arena, err));
        ASSAY_TRY(assay_document_bool(map, "equal", found->columns[i].equal, arena, err));
        if (found->columns[i].counted_only)
            ASSAY_TRY(assay_document_bool(map, "counted_only", true, arena, err));
    }
    return ASSAY_OK;
}

static assay_status add_differences(assay_value *item, const assay_warehouse_verification *found,
                                    assay_arena *arena, assay_error *err)
{
    static const char *const KINDS[] = {"missing", "extra", "different"};
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(item, "differences", list, arena, err));
    for (size_t i = 0; i < found->difference_count; i++) {
        const assay_warehouse_difference *difference = &found->differences[i];
        assay_value *map = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, map, arena, err));
        ASSAY_TRY(assay_document_text(map, "kind", KINDS[difference->kind], arena, err));
        ASSAY_TRY(assay_document_text(map, "key", difference->key, arena, err));
        if (difference->column != NULL)
            ASSAY_TRY(assay_document_text(map, "column", difference->column, arena, err));
    }
    return ASSAY_OK;
}

static assay_status describe(assay_value *item, const assay_warehouse_verification *found,
                             assay_arena *arena, assay_error *err)
{
    ASSAY_TRY(assay_document_bool(item, "equal", found->equal, arena, err));
    ASSAY_TRY(assay_document_int(item, "source_rows", found->source_rows, arena, err));
    ASSAY_TRY(assay_document_int(item, "target_rows", found->target_rows, arena, err));
    ASSAY_TRY(add_columns(item, found, arena, err));
    return add_differences(item, found, arena, err);
}

static assay_status verify(struct publishing *publishing, const assay_publish_job *publish,
                           assay_publication *publication, assay_error *err)
{
    assay_warehouse_verification found = {0};
    assay_error failure = {0};
    assay_value *item = NULL;

    ASSAY_TRY(assay_publish_look(publish, publication, err));
    assay_status status = assay_publish_verify(publish, &found, &failure);
    if (status == ASSAY_OK && !found.equal)
        (void)assay_error_set(&failure, ASSAY_EDATA, 2408, "'%s' of '%s' is not what '%s' is",
                              publication->table, publication->to, publish->table->name);
    publication->error = failure;
    note_failure(publishing, &failure);
    ASSAY_TRY(add_item(publishing, publish->table->name, publication, &item, err));
    return status == ASSAY_OK ? describe(item, &found, publishing->arena, err) : ASSAY_OK;
}

/* ---- one entry ---- */

static assay_status send(struct publishing *publishing, const assay_publish_job *publish,
                         assay_publication *publication, assay_error *err)
{
    const assay_clock *clock = &publishing->context->clock;
    int64_t started_us = clock->now_us(clock->user);
    assay_warehouse_result sent;
    assay_value *item = NULL;

    ASSAY_TRY(assay_publish_look(publish, publication, err));
    bool known = publication->state == ASSAY_PUBLICATION_DONE;
    if (publishing->options->pending && known)
        return ASSAY_OK;
    if (!publishing->options->dry_run) {
        assay_publish_run(publish, publication, &sent);
        if (!known || publication->state != ASSAY_PUBLICATION_ALREADY)
            assay_publish_tell(publish, publication, &sent, started_us);
        note_failure(publishing, &publication->error);
    }
    return add_item(publishing, publish->table->name, publication, &item, err);
}

/* A table that was never built is told like any other publication that cannot be. */
static assay_status no_snapshot(struct publishing *publishing, const assay_publish_job *publish,
                                assay_publication *publication, assay_error *err)
{
    assay_warehouse_result sent;
    assay_value *item = NULL;

    assay_publish_run(publish, publication, &sent);
    note_failure(publishing, &publication->error);
    return add_item(publishing, publish->table->name, publication, &item, err);
}

static assay_status publish_entry(struct publishing *publishing, const assay_model *model,
                                  const assay_publish_config *config, const assay_table *table,
                                  assay_error *err)
{
    char step_id[ASSAY_UUID_TEXT_SIZE];
    assay_context *context = publishing->context;
    assay_publication publication = {0};
    const assay_publish_job publish = {.steps = context->steps,
                                       .conn = publishing->conn,
                                       .arena = publishing->arena,
                                       .table = table,
                                       .snapshot = table->current,
                                       .config = config,
                                       .model = model,
                                       .run_id = publishing->run_id,
                                       .step_id = step_id};

    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), step_id);
    ASSAY_TRY(assay_cancel_check(context->cancel, err));
    if (table->current == NULL && publishing->options->pending)
        return ASSAY_OK; /* the run that builds it publishes it */
    if (table->current == NULL)
        return no_snapshot(publishing, &publish, &publication, err);
    if (publishing->options->verify)
        return verify(publishing, &publish, &publication, err);
    return send(publishing, &publish, &publication, err);
}

static assay_status publish_model(struct publishing *publishing, const assay_model *model,
                                  assay_error *err)
{
    assay_context *context = publishing->context;
    const char *only = publishing->options->connection;
    assay_table *table = NULL;

    for (size_t i = 0; i < model->header.publish_count; i++) {
        const assay_publish_config *config = &model->header.publish[i];
        if (only != NULL && !assay_str_equal(config->to.text, only))
            continue;
        publishing->entries++;
        if (table == NULL)
            ASSAY_TRY(assay_published_load(context->project, &context->env, publishing->conn,
                                           model->name, publishing->arena, &table, err));
        ASSAY_TRY(publish_entry(publishing, model, config, table, err));
    }
    return ASSAY_OK;
}

/* ---- selection ---- */

static bool is_published(const assay_model *model)
{
    return model->header.publish_count > 0;
}

/* Only those with `publish:`; they are compiled, since keys and columns are checked by that. What
 * their sources hold by now does not matter to what is committed. */
static assay_status choose(struct publishing *publishing, assay_model ***ret_models,
                           size_t *ret_count, assay_error *err)
{
    assay_context *context = publishing->context;
    const assay_publish_options *options = publishing->options;
    const assay_selection_words words = {options->select, assay_context_count(options->select),
                                         options->exclude, assay_context_count(options->exclude)};
    assay_selection selection;
    assay_model **models = NULL;
    size_t count = 0;
    size_t kept = 0;

    ASSAY_TRY(assay_context_graph(context, err));
    ASSAY_TRY(assay_selection_parse(context->project, &words, publishing->arena, &selection, err));
    ASSAY_TRY(assay_selection_models(context->project, &selection, publishing->arena, &models,
                                     &count, err));
    for (size_t i = 0; i < count; i++)
        if (is_published(models[i]))
            models[kept++] = models[i];
    ASSAY_TRY(
        assay_compile_each(context->project, models, kept, &context->env, publishing->conn, err));
    *ret_models = models;
    *ret_count = kept;
    return ASSAY_OK;
}

static assay_status publish_all(struct publishing *publishing, assay_error *err)
{
    const assay_publish_options *options = publishing->options;
    const assay_connection_config *connection = NULL;
    assay_model **models = NULL;
    size_t count = 0;

    if (options->connection != NULL)
        ASSAY_TRY(assay_connections_use(publishing->context->project->connections,
                                        options->connection, (assay_place){NULL, 0, 0}, &connection,
                                        err));
    ASSAY_TRY(choose(publishing, &models, &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(publish_model(publishing, models[i], err));
    if (publishing->entries == 0)
        return assay_error_set(err, ASSAY_ECONFIG, 2409, "no selected model has 'publish'%s%s%s",
                               options->connection != NULL ? " to '" : "",
                               options->connection != NULL ? options->connection : "",
                               options->connection != NULL ? "'" : "");
    return ASSAY_OK;
}

assay_status assay_publish_models(assay_context *context, const assay_publish_options *options,
                                  char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct publishing publishing = {.context = context, .options = options, .arena = arena};
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    publishing.conn = conn;
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), publishing.run_id);
    ASSAY_TRY(
        assay_document_new(arena, options->verify ? "publish_verify" : "publish", &document, err));
    publishing.list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "publications", publishing.list, arena, err));
    if (options->dry_run)
        ASSAY_TRY(assay_document_bool(document, "dry_run", true, arena, err));
    ASSAY_TRY(publish_all(&publishing, err));
    ASSAY_TRY(
        assay_document_bool(document, "success", publishing.gravest.code == ASSAY_OK, arena, err));
    ASSAY_TRY(assay_document_take(document, ret_json, err));
    return publishing.gravest.code == ASSAY_OK ? ASSAY_OK
                                               : assay_error_copy(err, &publishing.gravest);
}
