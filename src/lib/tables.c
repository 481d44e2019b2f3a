/* Tables: write, load, list, show, history, expire, rollback. */
#include <assay/table.h>

#include <stdio.h>

#include "base/path.h"
#include "base/str.h"
#include "engine/arrow.h"
#include "engine/catalog.h"
#include "engine/exact.h"
#include "lib/context.h"
#include "lib/document.h"
#include "lib/outside.h"
#include "lib/standing.h"
#include "lib/write_options.h"
#include "steps/events.h"
#include "steps/write.h"

static assay_status add_time_ms(assay_value *map, const char *key, int64_t ms, assay_arena *arena,
                                assay_error *err)
{
    char text[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(ms * 1000, text);
    return assay_document_text(map, key, text, arena, err);
}

/* A table that must exist. */
static assay_status load_existing(assay_context *context, assay_conn *conn, const char *name,
                                  assay_arena *arena, assay_table **ret_table, assay_error *err)
{
    const char *layer = NULL;
    const char *table = NULL;

    if (!assay_published_split(name, arena, &layer, &table))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               name);
    ASSAY_TRY(
        assay_published_load(context->project, &context->env, conn, name, arena, ret_table, err));
    if ((*ret_table)->exists)
        return ASSAY_OK;
    return assay_published_missing(context->project, &context->env, name, arena, err);
}

/* ---- list, show, history ---- */

static assay_status describe(const assay_table *table, assay_value *map, assay_arena *arena,
                             assay_error *err)
{
    ASSAY_TRY(assay_document_text(map, "name", table->name, arena, err));
    ASSAY_TRY(assay_document_text(map, "format", table->format->name, arena, err));
    ASSAY_TRY(assay_document_text(map, "location", table->location, arena, err));
    ASSAY_TRY(assay_document_text(map, "uuid", table->uuid, arena, err));
    if (table->current == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_document_int(map, "snapshot_id", table->current->id, arena, err));
    ASSAY_TRY(add_time_ms(map, "committed", table->current->timestamp_ms, arena, err));
    ASSAY_TRY(assay_document_int(map, "rows", table->current->rows, arena, err));
    ASSAY_TRY(assay_document_int(map, "files", table->current->files, arena, err));
    ASSAY_TRY(assay_document_int(map, "bytes", table->current->bytes, arena, err));
    return assay_document_text(map, "verdict", table->current->verdict, arena, err);
}

assay_status assay_table_list(assay_context *context, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    const char **names = NULL;
    size_t count = 0;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(assay_published_names(context->project, &context->env, arena, &names, &count, err));
    ASSAY_TRY(assay_document_new(arena, "tables", &document, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "tables", list, arena, err));
    for (size_t i = 0; i < count; i++) {
        assay_table *table = NULL;
        assay_value *map = assay_value_map(arena);
        ASSAY_TRY(assay_published_load(context->project, &context->env, conn, names[i], arena,
                                       &table, err));
        ASSAY_TRY(assay_value_append(list, map, arena, err));
        ASSAY_TRY(describe(table, map, arena, err));
    }
    return assay_document_take(document, ret_json, err);
}

static assay_status add_schema(const assay_table *table, assay_value *document, assay_arena *arena,
                               assay_error *err)
{
    assay_value *list = assay_value_list(arena);
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_value_set(document, "columns", list, arena, err));
    ASSAY_TRY(assay_published_columns(table->schema, arena, &columns, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_value *map = assay_value_map(arena);
        ASSAY_TRY(assay_value_append(list, map, arena, err));
        ASSAY_TRY(assay_document_int(map, "id", table->schema->fields[i].id, arena, err));
        ASSAY_TRY(assay_document_text(map, "name", columns[i].name, arena, err));
        ASSAY_TRY(assay_document_text(map, "type", columns[i].type, arena, err));
        ASSAY_TRY(assay_document_text(map, "doc", table->schema->fields[i].doc, arena, err));
    }
    return ASSAY_OK;
}

static assay_status add_partitions(const assay_table *table, assay_value *document,
                                   assay_arena *arena, assay_error *err)
{
    assay_value *list = assay_value_list(arena);

    ASSAY_TRY(assay_value_set(document, "partition_by", list, arena, err));
    for (size_t i = 0; table->spec != NULL && i < table->spec->count; i++)
        ASSAY_TRY(assay_value_append(list, assay_value_text(arena, table->spec->fields[i].name),
                                     arena, err));
    return ASSAY_OK;
}

static assay_status add_state(assay_context *context, const assay_table *table,
                              assay_value *document, assay_arena *arena, assay_error *err)
{
    assay_state_file *state = NULL;
    int foreign = 0;

    ASSAY_TRY(assay_state_file_current(table, context->store, arena, &state, &foreign, err));
    ASSAY_TRY(assay_document_int(document, "foreign_commits", foreign, arena, err));
    if (state == NULL)
        return ASSAY_OK;
    assay_value *map = assay_value_map(arena);
    ASSAY_TRY(assay_value_set(document, "state", map, arena, err));
    ASSAY_TRY(assay_document_text(map, "run_id", state->run_id, arena, err));
    ASSAY_TRY(assay_document_text(map, "step_run_id", state->step_run_id, arena, err));
    ASSAY_TRY(assay_document_text(map, "verdict", state->verdict, arena, err));
    ASSAY_TRY(assay_document_int(map, "consumed_files", (int64_t)state->file_count, arena, err));
    return assay_document_int(map, "consumed_inputs", (int64_t)state->input_count, arena, err);
}

assay_status assay_table_show(assay_context *context, const char *name, char **ret_json,
                              assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_table *table = NULL;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(load_existing(context, conn, name, arena, &table, err));
    ASSAY_TRY(assay_document_new(arena, "table", &document, err));
    ASSAY_TRY(describe(table, document, arena, err));
    ASSAY_TRY(add_schema(table, document, arena, err));
    ASSAY_TRY(add_partitions(table, document, arena, err));
    ASSAY_TRY(add_state(context, table, document, arena, err));
    ASSAY_TRY(assay_standing_add(context, conn, table, document, arena, err));
    return assay_document_take(document, ret_json, err);
}

static assay_status describe_snapshot(const assay_snapshot *snapshot, assay_value *list,
                                      assay_arena *arena, assay_error *err)
{
    assay_value *map = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(list, map, arena, err));
    ASSAY_TRY(assay_document_int(map, "snapshot_id", snapshot->id, arena, err));
    ASSAY_TRY(assay_document_int(map, "number", snapshot->number, arena, err));
    ASSAY_TRY(add_time_ms(map, "committed", snapshot->timestamp_ms, arena, err));
    ASSAY_TRY(assay_document_text(map, "operation", snapshot->operation, arena, err));
    ASSAY_TRY(assay_document_int(map, "rows", snapshot->rows, arena, err));
    ASSAY_TRY(assay_document_int(map, "added_rows", snapshot->added_rows, arena, err));
    ASSAY_TRY(assay_document_int(map, "removed_rows", snapshot->removed_rows, arena, err));
    ASSAY_TRY(assay_document_text(map, "engine", snapshot->engine, arena, err));
    ASSAY_TRY(assay_document_text(map, "verdict", snapshot->verdict, arena, err));
    return assay_document_text(map, "run_id", snapshot->run_id, arena, err);
}

assay_status assay_table_history(assay_context *context, const char *name, char **ret_json,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_table *table = NULL;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(load_existing(context, conn, name, arena, &table, err));
    ASSAY_TRY(assay_document_new(arena, "history", &document, err));
    ASSAY_TRY(assay_document_text(document, "name", table->name, arena, err));
    assay_value *list = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "snapshots", list, arena, err));
    for (size_t i = table->snapshot_count; i > 0; i--)
        ASSAY_TRY(describe_snapshot(&table->snapshots[i - 1], list, arena, err));
    return assay_document_take(document, ret_json, err);
}

/* ---- writing outside of a run ---- */

static const char CATALOG[] = "load"; /* the private catalog of a write */

/* One `assay load` or assay_table_write: the lock is held by the caller. */
struct writing {
    assay_context *context;
    assay_arena *arena;
    assay_conn *conn;
    const char *table;
    const assay_write_options *options;
    char run_id[ASSAY_UUID_TEXT_SIZE], step_id[ASSAY_UUID_TEXT_SIZE];
    assay_write_outcome outcome;
};

static assay_status fill_write(struct writing *writing, const char *select, assay_write *write,
                               assay_error *err)
{
    assay_context *context = writing->context;
    assay_state_file *state = NULL;
    assay_table *base = NULL;
    assay_write_shape shape;
    int foreign = 0;

    ASSAY_TRY(assay_published_load(context->project, &context->env, writing->conn, writing->table,
                                   writing->arena, &base, err));
    if (base->exists)
        ASSAY_TRY(
            assay_state_file_current(base, context->store, writing->arena, &state, &foreign, err));
    ASSAY_TRY(assay_write_options_read(context, writing->options, writing->table, base,
                                       writing->arena, &shape, err));
    ASSAY_TRY(assay_write_contract(assay_project_model(context->project, writing->table),
                                   shape.mode != ASSAY_LOAD_FULL ? base : NULL, writing->conn,
                                   writing->arena, &select, err));
    *write = (assay_write){.steps = context->steps,
                           .conn = writing->conn,
                           .arena = writing->arena,
                           .table = writing->table,
                           .base = base,
                           .mode = shape.mode,
                           .rules = shape.rules,
                           .allow_empty = writing->options->allow_empty,
                           .select = select,
                           .partition_by = shape.partition_by,
                           .partition_count = shape.partition_count,
                           .model = assay_project_model(context->project, writing->table),
                           .run_id = writing->run_id,
                           .step_id = writing->step_id,
                           .now_us = assay_context_now(context),
                           .previous = state,
                           .result_format = ASSAY_RESULT_FORMAT_BASIC};
    if (state != NULL && write->mode != ASSAY_LOAD_FULL) {
        write->state.files = state->files; /* what an extract has consumed stays consumed */
        write->state.file_count = state->file_count;
        write->state.inputs = state->inputs;
        write->state.input_count = state->input_count;
    }
    return ASSAY_OK;
}

static assay_status write_with_events(struct writing *writing, const char *select, assay_error *err)
{
    assay_context *context = writing->context;
    assay_write write;

    ASSAY_TRY(fill_write(writing, select, &write, err));
    assay_step_facts facts = {.steps = context->steps,
                              .model = write.model,
                              .run_id = writing->run_id,
                              .step_id = writing->step_id,
                              .started_us = context->clock.now_us(context->clock.user),
                              .arena = writing->arena,
                              .target = write.base};
    assay_outside_begin(context, writing->run_id, writing->step_id, writing->table);
    assay_events_run(context->steps, writing->run_id, facts.started_us, ASSAY_LINEAGE_START, NULL);
    assay_events_start(&facts, write.base->schema);
    assay_status status = assay_write_run(&write, &writing->outcome, err);
    if (status == ASSAY_OK)
        assay_events_complete(&facts, &writing->outcome);
    else
        assay_events_fail(&facts, &writing->outcome, err);
    assay_events_run(context->steps, writing->run_id, context->clock.now_us(context->clock.user),
                     status == ASSAY_OK ? ASSAY_LINEAGE_COMPLETE : ASSAY_LINEAGE_FAIL,
                     status == ASSAY_OK || err == NULL ? NULL : err->message);
    assay_outside_end(context, writing->run_id);
    return status;
}

static assay_status begin_writing(struct writing *writing, assay_error *err)
{
    assay_context *context = writing->context;
    const char *layer = NULL;
    const char *table = NULL;

    ASSAY_TRY(assay_arena_check(writing->arena, err));
    if (!assay_published_split(writing->table, writing->arena, &layer, &table))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               writing->table);
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), writing->run_id);
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), writing->step_id);
    /* what the engine spills goes below it, and no run may have made it yet */
    const char *above = assay_path_dir(writing->arena, context->project->temp_dir);
    ASSAY_TRY(assay_arena_check(above, err));
    ASSAY_TRY(assay_path_make(above, err));
    ASSAY_TRY(assay_conn_open(context->engine, &writing->conn, err));
    return assay_engine_catalog_open(writing->conn, CATALOG, err);
}

static void end_writing(struct writing *writing, assay_status status,
                        assay_write_result *ret_result)
{
    const assay_write_outcome *outcome = &writing->outcome;

    if (status == ASSAY_OK) {
        *ret_result =
            (assay_write_result){.rows = outcome->stage.rows,
                                 .bytes = outcome->stage.bytes,
                                 .files = (int64_t)outcome->stage.count,
                                 .added = outcome->rows_added >= 0 ? outcome->rows_added
                                                                   : outcome->stage.rows,
                                 .updated = outcome->rows_updated,
                                 .removed = outcome->rows_removed,
                                 .quarantined = outcome->split.quarantined,
                                 .snapshot_id =
                                     outcome->snapshot != NULL ? outcome->snapshot->id : -1};
        (void)snprintf(ret_result->verdict, sizeof ret_result->verdict, "%s",
                       outcome->verdict != NULL ? outcome->verdict->text : "");
    }
    if (writing->conn != NULL)
        assay_engine_catalog_close(writing->conn, CATALOG);
    assay_conn_close(writing->conn);
}

assay_status assay_table_write(assay_context *context, struct ArrowArrayStream *stream,
                               const char *table, const assay_write_options *options,
                               assay_write_result *ret_result, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct writing writing = {.context = context,
                              .arena = arena,
                              .table = table,
                              .options = options};

    assay_error_clear(err);
    assay_status status = begin_writing(&writing, err);
    if (status == ASSAY_OK)
        status = assay_conn_register_stream(writing.conn, "assay_stream", stream, err);
    if (status == ASSAY_OK)
        status = write_with_events(&writing, "SELECT * FROM assay_stream", err);
    if (stream->release != NULL)
        stream->release(stream);
    end_writing(&writing, status, ret_result);
    return status;
}

/* ---- load ---- */

struct file_kind {
    const char *part; /* of the file's name */
    const char *reader;
};

static const struct file_kind KINDS[] = {
    {".csv", "read_csv"},    {".tsv", "read_csv"},   {".ndjson", "read_json"},
    {".jsonl", "read_json"}, {".json", "read_json"}, {".parquet", "read_parquet"},
};

static assay_status table_columns(struct writing *writing, assay_column **ret_columns,
                                  size_t *ret_count, assay_error *err)
{
    assay_context *context = writing->context;
    assay_table *table = NULL;

    *ret_count = 0;
    if (writing->options->mode == ASSAY_WRITE_FULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_published_load(context->project, &context->env, writing->conn, writing->table,
                                   writing->arena, &table, err));
    if (!table->exists || table->schema == NULL)
        return ASSAY_OK;
    return assay_published_columns(table->schema, writing->arena, ret_columns, ret_count, err);
}

/* Columns of a text file have the contract's types, else the table's (SEMANTICS.md 1.7);
 * *ret_types[i] is NULL where the file's own type stands. */
static assay_status find_types(struct writing *writing, const assay_column *found, size_t count,
                               const char ***ret_types, assay_error *err)
{
    const assay_model *model = assay_project_model(writing->context->project, writing->table);
    const char **types = assay_arena_take(writing->arena, count + 1, sizeof *types);
    assay_column *columns = NULL;
    size_t column_count = 0;

    ASSAY_TRY(assay_arena_check(types, err));
    ASSAY_TRY(table_columns(writing, &columns, &column_count, err));
    for (size_t i = 0; i < count; i++) {
        const assay_contract_column *declared =
            model != NULL ? assay_contract_find(&model->header.contract, found[i].name) : NULL;
        for (size_t k = 0; k < column_count; k++)
            if (assay_str_equal_ci(found[i].name, columns[k].name))
                types[i] = columns[k].type;
        if (declared != NULL && declared->type != NULL)
            types[i] = declared->type;
        if (types[i] != NULL && assay_str_equal(found[i].type, types[i]))
            types[i] = NULL;
    }
    *ret_types = types;
    return ASSAY_OK;
}

/* REPLACE (..) by fields as their types: whoever reads them rounds what is cast before. */
static void append_field(assay_buf *list, const assay_column *found, const char *from,
                         const char *type)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;

    assay_sql_append_name(&name, found->name);
    const assay_exact_cast cast = {assay_buf_text(&name), from, type, found->name};
    assay_buf_append_text(list, list->size > 0 ? ", " : " REPLACE (");
    assay_sql_append_exact_cast(list, &cast);
    assay_buf_append_format(list, " AS %s", assay_buf_text(&name));
    list->failed = list->failed || name.failed;
}

static void append_type(assay_buf *types, const assay_column *found, const char *type)
{
    assay_buf_append_text(types, types->size > 0 ? ", " : ", types={");
    assay_sql_append_text(types, found->name);
    assay_buf_append_text(types, ": ");
    assay_sql_append_text(types, type);
}

/* CSV is read with the types, those that could lose something as text; fields of JSON are cast. */
static void append_typed(assay_buf *sql, const char *reader, const char *file,
                         const assay_column *found, const char *const *types, size_t count)
{
    ASSAY_AUTO(assay_buf_done) assay_buf casts = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf read_as = ASSAY_BUF_EMPTY;
    bool is_csv = assay_str_equal(reader, "read_csv");

    for (size_t i = 0; i < count; i++) {
        const char *type = types[i] != NULL ? types[i] : found[i].type;
        bool own_time = types[i] == NULL && (assay_str_starts(type, "DATE") ||
                                             assay_str_starts(type, "TIME")); /* and own format */
        bool as_text = is_csv && !own_time && assay_exact_loses_text(type);
        if (types[i] == NULL && !as_text)
            continue;
        if (is_csv)
            append_type(&read_as, &found[i], as_text ? "VARCHAR" : type);
        if (!is_csv || as_text)
            append_field(&casts, &found[i], as_text ? "VARCHAR" : found[i].type, type);
    }
    assay_buf_append_text(&casts, casts.size > 0 ? ")" : "");
    assay_buf_append_text(&read_as, read_as.size > 0 ? "}" : "");
    assay_buf_append_format(sql, "SELECT *%s FROM %s(", assay_buf_text(&casts), reader);
    assay_sql_append_text(sql, file);
    assay_buf_append_format(sql, "%s)", assay_buf_text(&read_as));
    sql->failed = sql->failed || casts.failed || read_as.failed;
}

static assay_status typed_select(struct writing *writing, const char *reader, const char *file,
                                 assay_buf *sql, assay_error *err)
{
    assay_column *found = NULL;
    const char **types = NULL;
    size_t count = 0;

    if (assay_str_equal(reader, "read_parquet"))
        return ASSAY_OK;
    ASSAY_TRY(assay_conn_describe(writing->conn, assay_buf_text(sql), writing->arena, &found,
                                  &count, err));
    ASSAY_TRY(find_types(writing, found, count, &types, err));
    assay_buf_clear(sql);
    append_typed(sql, reader, file, found, types, count);
    return ASSAY_OK;
}

static assay_status file_select(struct writing *writing, const char *file, const char **ret_select,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_arena *arena = writing->arena;
    assay_path_info info;

    ASSAY_TRY(assay_path_stat(file, &info, err));
    if (!info.exists || info.is_directory)
        return assay_error_set(err, ASSAY_ENOTFOUND, 2202, "there is no file '%s'", file);
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (!assay_str_contains(assay_path_base(file), KINDS[i].part))
            continue;
        assay_buf_append_format(&sql, "SELECT * FROM %s(", KINDS[i].reader);
        assay_sql_append_text(&sql, file);
        assay_buf_append_char(&sql, ')');
        ASSAY_TRY(assay_buf_check(&sql, err));
        ASSAY_TRY(typed_select(writing, KINDS[i].reader, file, &sql, err));
        ASSAY_TRY(assay_buf_check(&sql, err));
        *ret_select = assay_arena_text(arena, sql.data);
        return assay_arena_check(*ret_select, err);
    }
    return assay_error_set(err, ASSAY_EINVAL, 1003,
                           "cannot tell what '%s' is: the name ends in none of .csv, .tsv, .json, "
                           ".jsonl, .parquet",
                           file);
}

assay_status assay_table_load_file(assay_context *context, const char *file, const char *table,
                                   const assay_write_options *options,
                                   assay_write_result *ret_result, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct writing writing = {.context = context,
                              .arena = arena,
                              .table = table,
                              .options = options};
    const char *select = NULL;

    assay_error_clear(err);
    assay_status status = begin_writing(&writing, err);
    if (status == ASSAY_OK)
        status = file_select(&writing, file, &select, err);
    if (status == ASSAY_OK)
        status = write_with_events(&writing, select, err);
    if (status == ASSAY_EGATE && writing.outcome.evidence != NULL)
        assay_log_write(context->log, ASSAY_LOG_WARNING, "%s", writing.outcome.evidence);
    end_writing(&writing, status, ret_result);
    return status;
}
