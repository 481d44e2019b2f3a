/* assay_publish: one table, or the rows of a stream, to one place. */
#include <assay/publish.h>

#include <stdio.h>

#include "base/str.h"
#include "engine/arrow.h"
#include "engine/catalog.h"
#include "lib/context.h"
#include "lib/privacy.h"
#include "steps/publish_step.h"
#include "store/hash.h"

static const char CATALOG[] = "publish"; /* the private catalog of a stream */

/* One call. */
struct call {
    assay_context *context;
    const assay_publish_source *source;
    const assay_publish_target *target;
    assay_arena *arena;
    assay_conn *conn;
    assay_publish_config config;
    assay_publish_rows rows; /* of a stream */
    assay_publish_job publish;
    char run_id[ASSAY_UUID_TEXT_SIZE], step_id[ASSAY_UUID_TEXT_SIZE];
};

/* ---- the target as an entry ---- */

static assay_publish_config_mode mode_of(assay_publish_mode mode)
{
    switch (mode) {
    case ASSAY_PUBLISH_OVERWRITE:
        return ASSAY_PUBLISH_CONFIG_OVERWRITE;
    case ASSAY_PUBLISH_APPEND:
        return ASSAY_PUBLISH_CONFIG_APPEND;
    case ASSAY_PUBLISH_MERGE:
        return ASSAY_PUBLISH_CONFIG_MERGE;
    }
    return ASSAY_PUBLISH_CONFIG_OVERWRITE;
}

static assay_status names_of(const char *const *texts, assay_arena *arena, assay_named **ret_names,
                             size_t *ret_count, assay_error *err)
{
    size_t count = assay_context_count(texts);
    assay_named *names = assay_arena_take(arena, count + 1, sizeof *names);

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < count; i++)
        names[i] = (assay_named){texts[i], 0, 0};
    *ret_names = names;
    *ret_count = count;
    return ASSAY_OK;
}

static assay_status check_target(const struct call *call, assay_error *err)
{
    const assay_publish_target *target = call->target;
    bool is_merge = target->mode == ASSAY_PUBLISH_MERGE;
    size_t keys = assay_context_count(target->key);

    if ((call->source->table != NULL) == (call->source->stream != NULL))
        return assay_error_set(err, ASSAY_EINVAL, 1003,
                               "what is published is either a table or a stream");
    if (target->connection == NULL || target->table == NULL)
        return assay_error_set(err, ASSAY_EINVAL, 1003, "a target has a connection and a table");
    if (target->mode < ASSAY_PUBLISH_OVERWRITE || target->mode > ASSAY_PUBLISH_MERGE)
        return assay_error_set(err, ASSAY_EINVAL, 1003, "%d is no mode of publishing",
                               (int)target->mode);
    if (is_merge != (keys > 0))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "mode merge, and only it, has a key");
    if (!is_merge &&
        (target->version != NULL || target->delete_column != NULL || target->delete_absent))
        return assay_error_set(err, ASSAY_EINVAL, 1003,
                               "only mode merge has a version and deletes");
    return ASSAY_OK;
}

static assay_status fill_config(struct call *call, assay_error *err)
{
    const assay_publish_target *target = call->target;
    assay_publish_config *config = &call->config;

    ASSAY_TRY(check_target(call, err));
    *config = (assay_publish_config){.to = {target->connection, 0, 0},
                                     .table = {target->table, 0, 0},
                                     .mode = mode_of(target->mode),
                                     .version = {target->version, 0, 0},
                                     .absent = target->delete_absent,
                                     .delete_column = {target->delete_column, 0, 0},
                                     .preserve_case = target->preserve_case};
    ASSAY_TRY(names_of(target->key, call->arena, &config->key, &config->key_count, err));
    ASSAY_TRY(
        names_of(target->deleted, call->arena, &config->deleted, &config->deleted_count, err));
    return names_of(target->columns, call->arena, &config->columns, &config->column_count, err);
}

/* ---- a stream ---- */

/* The suite judges the rows before they leave. */
static assay_status judge(struct call *call, assay_error *err)
{
    assay_context *context = call->context;
    const assay_quality_config *config = context->steps->quality;
    const char *name = call->source->suite;
    const assay_quality_suite *suite =
        config != NULL && name != NULL ? assay_quality_suite_find(config, name) : NULL;
    assay_quality_report *report = NULL;
    assay_gate_verdict *verdict = NULL;

    if (name == NULL)
        return ASSAY_OK;
    if (suite == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 5012, "no suite names the table '%s'", name);
    const assay_quality_request request = {.conn = call->conn,
                                           .table = name,
                                           .suite = suite,
                                           .relation = "SELECT * FROM assay_stream",
                                           .result_format = ASSAY_RESULT_FORMAT_BASIC,
                                           .now_us = assay_context_now(context),
                                           .cancel = context->cancel};
    ASSAY_TRY(assay_quality_run(&request, call->arena, &report, err));
    const assay_gate_question question = {.config = config, .report = report, .table = name};
    ASSAY_TRY(assay_gate_evaluate(&question, call->arena, &verdict, err));
    return verdict->open ? ASSAY_OK : assay_gate_refuse(verdict, name, err);
}

static bool is_column(const char *name, const assay_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return true;
    return false;
}

/* Two sums over the hashes of the rows: the same for the same rows in any order. The whole row goes
 * by the table's name, but a column of that name would come first. */
static assay_status hash_rows(struct call *call, const assay_column *columns, size_t count,
                              const char **ret_text, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *row = "row";

    while (row != NULL && is_column(row, columns, count))
        row = assay_arena_format(call->arena, "%s_", row);
    ASSAY_TRY(assay_arena_check(row, err));
    assay_buf_append_text(&sql, "SELECT count(*)::VARCHAR");
    for (int i = 0; i < 2; i++)
        assay_buf_append_format(&sql,
                                " || ' ' || coalesce(sum(md5_number_%s(%s::VARCHAR)::HUGEINT), "
                                "0)::VARCHAR",
                                i == 0 ? "lower" : "upper", row);
    assay_buf_append_format(&sql, " FROM assay_stream AS %s", row);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_query_text(call->conn, assay_buf_text(&sql), call->arena, ret_text, err);
}

static assay_status identify(struct call *call, const char **ret_identity, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *given = call->source->id;
    char hex[ASSAY_SHA256_TEXT_SIZE];

    if (given == NULL && call->target->mode == ASSAY_PUBLISH_APPEND) {
        assay_column *columns = NULL;
        size_t count = 0;
        ASSAY_TRY(assay_conn_describe(call->conn, "SELECT * FROM assay_stream", call->arena,
                                      &columns, &count, err));
        for (size_t i = 0; i < count; i++)
            assay_buf_append_format(&text, "%s %s\n", columns[i].name, columns[i].type);
        ASSAY_TRY(hash_rows(call, columns, count, &given, err));
    }
    assay_buf_append_text(&text, given != NULL ? given : call->step_id);
    ASSAY_TRY(assay_buf_check(&text, err));
    ASSAY_TRY(assay_sha256(text.data, text.size, hex, err));
    *ret_identity = assay_arena_format(call->arena, "stream-%.32s", hex);
    return assay_arena_check(*ret_identity, err);
}

static assay_status fill_rows(struct call *call, assay_publish_rows *rows, assay_error *err)
{
    ASSAY_TRY(judge(call, err));
    *rows =
        (assay_publish_rows){.select = "SELECT * FROM assay_stream",
                             .name = call->source->suite != NULL ? call->source->suite : "stream"};
    ASSAY_TRY(identify(call, &rows->identity, err));
    return assay_conn_query_int(call->conn, "SELECT count(*) FROM assay_stream", &rows->rows, err);
}

/* ---- publishing ---- */

static assay_status finish(struct call *call, assay_publish_result *ret_result, assay_error *err)
{
    const assay_clock *clock = &call->context->clock;
    int64_t started_us = clock->now_us(clock->user);
    assay_publication publication;
    assay_warehouse_result sent;

    assay_publish_run(&call->publish, &publication, &sent);
    if (call->publish.rows == NULL && call->publish.snapshot != NULL)
        assay_publish_tell(&call->publish, &publication, &sent, started_us);
    if (publication.error.code != ASSAY_OK)
        return assay_error_copy(err, &publication.error);
    *ret_result = (assay_publish_result){.already = sent.already,
                                         .rows = sent.rows,
                                         .inserted = sent.inserted,
                                         .updated = sent.updated,
                                         .deleted = sent.deleted,
                                         .snapshot_id = publication.snapshot_id};
    (void)snprintf(ret_result->publish_id, sizeof ret_result->publish_id, "%s", sent.publish_id);
    return ASSAY_OK;
}

static assay_status publish_table(struct call *call, assay_publish_result *ret_result,
                                  assay_error *err)
{
    assay_context *context = call->context;
    const char *name = call->source->table;
    const char *layer = NULL;
    const char *short_name = NULL;
    assay_table *table = NULL;

    if (!assay_published_split(name, call->arena, &layer, &short_name))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               name);
    ASSAY_TRY(assay_published_load(context->project, &context->env, call->conn, name, call->arena,
                                   &table, err));
    if (!table->exists)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4062, "there is no table '%s'", name);
    ASSAY_TRY(assay_privacy_owner(context, table, &call->publish.owner, err));
    call->publish.table = table;
    call->publish.snapshot = table->current;
    return finish(call, ret_result, err);
}

static assay_status publish_stream(struct call *call, assay_publish_result *ret_result,
                                   assay_error *err)
{
    ASSAY_TRY(assay_engine_catalog_open(call->conn, CATALOG, err));
    assay_status status =
        assay_conn_register_stream(call->conn, "assay_stream", call->source->stream, err);
    if (status == ASSAY_OK)
        status = fill_rows(call, &call->rows, err);
    call->publish.rows = &call->rows;
    if (status == ASSAY_OK)
        status = finish(call, ret_result, err);
    assay_engine_catalog_close(call->conn, CATALOG);
    return status;
}

static assay_status begin(struct call *call, assay_error *err)
{
    assay_context *context = call->context;

    ASSAY_TRY(assay_arena_check(call->arena, err));
    ASSAY_TRY(fill_config(call, err));
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), call->run_id);
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), call->step_id);
    call->publish = (assay_publish_job){.steps = context->steps,
                                        .arena = call->arena,
                                        .config = &call->config,
                                        .run_id = call->run_id,
                                        .step_id = call->step_id};
    ASSAY_TRY(assay_conn_open(context->engine, &call->conn, err));
    call->publish.conn = call->conn;
    return ASSAY_OK;
}

assay_status assay_publish(assay_context *context, const assay_publish_source *source,
                           const assay_publish_target *target, assay_publish_result *ret_result,
                           assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct call call = {.context = context, .source = source, .target = target, .arena = arena};

    assay_error_clear(err);
    assay_status status = begin(&call, err);
    if (status == ASSAY_OK)
        status = source->stream != NULL ? publish_stream(&call, ret_result, err)
                                        : publish_table(&call, ret_result, err);
    if (source->stream != NULL && source->stream->release != NULL)
        source->stream->release(source->stream);
    assay_conn_close(call.conn);
    return status;
}
