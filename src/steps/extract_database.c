#include "steps/extract_database.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/catalog.h"
#include "source/database.h"
#include "source/source.h"
#include "steps/database_facts.h"
#include "steps/events.h"
#include "steps/outcome.h"
#include "steps/publish_step.h"

struct extract {
    assay_steps *steps;
    const assay_step_context *context;
    assay_step_result *result;
    assay_table *table;
    assay_state_file *state;
    int foreign;
    assay_load_mode mode;
    assay_database *database;
    assay_database_window window;
    assay_column *columns; /* of the table, without the bronze columns */
    size_t column_count;
    assay_column *known; /* those that are published; none where the table is replaced */
    size_t known_count;
    const char *there; /* SELECT of the rows that earlier runs have brought; NULL = none */
    const char *select;
    assay_write_outcome outcome;
    assay_step_facts facts;
};

/* ---- columns ---- */

static bool is_bronze(const char *name)
{
    for (size_t i = 0; i < assay_database_bronze_count; i++)
        if (assay_str_equal_ci(assay_database_bronze[i].name, name))
            return true;
    return false;
}

/* Whether a contract may ask for `type` where the database has a number of any size, or a whole one
 * that is larger than any of the engine's integers. */
static bool is_number_for(const assay_database_column *column, const char *type)
{
    static const char *const whole[] = {"SMALLINT", "INTEGER", "BIGINT"};
    int precision = 0;
    int scale = 0;
    bool large = assay_database_two_numbers(column->type, "DECIMAL(", &precision, &scale) &&
                 scale == 0 && !assay_str_ends(column->type, "[]");

    if (column->digits && assay_str_starts(type, "DECIMAL("))
        return true;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if ((column->digits || large) && assay_str_equal_ci(type, whole[i]))
            return true;
    return false;
}

/* A contract may always ask for the text of a value, and for a number where the database has one
 * that no type fits by itself: what does not fit is an error of that row. Any other type is a
 * change of type. */
static const char *type_found(const assay_database *database, const assay_database_column *column)
{
    const assay_contract_column *declared =
        assay_contract_find(&database->model->header.contract, column->name);

    if (declared == NULL || declared->type == NULL)
        return column->type;
    bool text = assay_str_equal_ci(declared->type, "VARCHAR");
    return text || is_number_for(column, declared->type) ? declared->type : column->type;
}

static assay_status list_found(const assay_database *database, assay_source_file *file,
                               assay_error *err)
{
    file->columns =
        assay_arena_take(database->arena, database->column_count + 1, sizeof *file->columns);
    ASSAY_TRY(assay_arena_check(file->columns, err));
    file->column_count = database->column_count;
    for (size_t i = 0; i < database->column_count; i++) {
        const assay_database_column *column = &database->columns[i];
        if (is_bronze(column->name))
            return assay_error_at(err, ASSAY_EDATA, 2208,
                                  assay_model_place(database->model, "source"),
                                  "'%s' has a column '%s', a name that assay gives itself",
                                  database->label, column->name);
        file->columns[i] = (assay_column){column->name, type_found(database, column)};
    }
    return ASSAY_OK;
}

static assay_status without_bronze(const assay_column *columns, size_t count, assay_arena *arena,
                                   assay_column **ret_columns, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec kept = ASSAY_VEC_OF(assay_column);

    for (size_t i = 0; i < count; i++)
        if (!is_bronze(columns[i].name))
            ASSAY_TRY(assay_vec_push(&kept, &columns[i], err));
    return assay_vec_to_arena(&kept, arena, ret_columns, ret_count, err);
}

/* A database is a typed source like a Parquet file: the contract's policies are the same. */
static assay_status decide(const assay_project *project, const assay_database *database,
                           const assay_column *known, size_t known_count,
                           assay_column **ret_columns, size_t *ret_count, assay_error *err)
{
    assay_source_file found = {.given = database->label, .size = 1};
    assay_source source = {.project = project,
                           .model = database->model,
                           .config = database->model->extract,
                           .conn = database->conn,
                           .arena = database->arena,
                           .files = &found,
                           .count = 1};

    ASSAY_TRY(list_found(database, &found, err));
    ASSAY_TRY(assay_source_decide(&source, known, known_count, err));
    *ret_columns = source.columns;
    *ret_count = source.column_count;
    return ASSAY_OK;
}

static assay_status add_bronze(assay_arena *arena, assay_column **columns, size_t *count,
                               assay_error *err)
{
    size_t total = *count + assay_database_bronze_count;
    assay_column *all = assay_arena_take(arena, total, sizeof *all);

    ASSAY_TRY(assay_arena_check(all, err));
    for (size_t i = 0; i < *count; i++)
        all[i] = (*columns)[i];
    for (size_t i = 0; i < assay_database_bronze_count; i++)
        all[*count + i] = assay_database_bronze[i];
    *columns = all;
    *count = total;
    return ASSAY_OK;
}

/* ---- outages ---- */

/* One look at a source. What is not reached is remembered under `scope`, so that the others of the
 * connection do not wait for the same login. */
struct opening {
    const assay_steps *steps;
    const assay_project *project;
    const assay_model *model;
    assay_conn *conn;
    assay_arena *arena;
    const char *scope;
};

static bool is_unreached(assay_status status)
{
    return status == ASSAY_EIO || status == ASSAY_ETIMEOUT || status == ASSAY_EAUTH;
}

/* A login that was waited for in vain, in a time that no statement could have used up. What fails
 * at once costs nothing to try again. */
static bool is_outage(const struct opening *opening, const assay_error *why, int64_t elapsed_us)
{
    enum { WORTH_MS = 1000 };
    const assay_connection_config *connection = NULL;
    int64_t elapsed_ms = elapsed_us / 1000;
    bool unreached = why->code == ASSAY_ETIMEOUT || (why->code == ASSAY_EIO && why->retryable);

    return unreached && elapsed_ms >= WORTH_MS &&
           assay_connections_use(opening->project->connections,
                                 opening->model->extract->database->connection.text,
                                 (assay_place){NULL, 0, 0}, &connection, NULL) == ASSAY_OK &&
           elapsed_ms < connection->statement_timeout_ms;
}

static int64_t monotonic_us(const assay_steps *steps)
{
    return steps->env->clock->monotonic_us(steps->env->clock->user);
}

static assay_status open_source(const struct opening *opening, assay_database **ret_database,
                                assay_error *err)
{
    const assay_steps *steps = opening->steps;
    const assay_named *connection = &opening->model->extract->database->connection;
    const char *key =
        assay_arena_format(opening->arena, "source %s %s", opening->scope, connection->text);
    int64_t begun_us = monotonic_us(steps);
    assay_error why = {0};

    ASSAY_TRY(assay_arena_check(key, err));
    if (assay_outages_find(steps->outages, key, begun_us, &why)) {
        (void)assay_error_wrap(&why, "not tried again");
        assay_error_place(&why, (assay_place){opening->model->path, connection->line,
                                              connection->column});
        return assay_error_copy(err, &why);
    }
    if (assay_database_open(steps->env, opening->project, opening->model, opening->conn,
                            opening->arena, ret_database, &why) == ASSAY_OK)
        return assay_database_look(*ret_database, err);
    int64_t now_us = monotonic_us(steps);
    if (is_outage(opening, &why, now_us - begun_us))
        assay_outages_note(steps->outages, key, now_us, &why);
    return assay_error_copy(err, &why);
}

/* ---- the columns of a step ---- */

assay_status assay_database_extract_columns(const assay_steps *steps,
                                            const assay_columns_request *request,
                                            assay_arena *arena, assay_column **ret_columns,
                                            size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_database_closep) assay_database *database = NULL;
    const assay_table_look *published = request->published;
    bool exists = published != NULL && published->exists;
    assay_column *known = NULL;
    size_t known_count = 0;
    assay_error why = {0};
    const struct opening opening = {.steps = steps,
                                    .project = request->project,
                                    .model = request->model,
                                    .conn = request->conn,
                                    .arena = arena,
                                    .scope =
                                        assay_arena_format(arena, "%" PRId64, request->begun_us)};

    ASSAY_TRY(assay_arena_check(opening.scope, err));
    assay_status status = open_source(&opening, &database, &why);
    if (exists && is_unreached(status)) { /* the step tries again */
        *request->unreached = why;
        *ret_columns = published->columns;
        *ret_count = published->column_count;
        return ASSAY_OK;
    }
    if (status != ASSAY_OK || database == NULL)
        return assay_error_copy(err, &why);
    if (exists && !request->rebuilt)
        ASSAY_TRY(without_bronze(published->columns, published->column_count, arena, &known,
                                 &known_count, err));
    ASSAY_TRY(decide(request->project, database, known, known_count, ret_columns, ret_count, err));
    return add_bronze(arena, ret_columns, ret_count, err);
}

/* ---- what is there ---- */

static bool replaces(const struct extract *extract)
{
    return extract->mode == ASSAY_LOAD_FULL;
}

static assay_status prepare(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;

    ASSAY_TRY(assay_step_target(context, &extract->table, &extract->state, &extract->foreign, err));
    extract->mode = context->full_refresh ? ASSAY_LOAD_FULL : context->model->header.mode;
    if (!extract->table->exists || context->full_refresh)
        return ASSAY_OK;
    assay_column *columns = NULL;
    size_t count = 0;
    ASSAY_TRY(
        assay_published_columns(extract->table->schema, context->arena, &columns, &count, err));
    return without_bronze(columns, count, context->arena, &extract->known, &extract->known_count,
                          err);
}

static assay_status find_there(struct extract *extract, assay_error *err)
{
    const assay_database_there there = {.steps = extract->steps,
                                        .context = extract->context,
                                        .table = extract->table,
                                        .state = extract->state};

    if (!extract->table->exists || replaces(extract) ||
        extract->database->source->watermark.text == NULL)
        return ASSAY_OK;
    return assay_database_there_select(&there, &extract->there, err);
}

/* ---- the step ---- */

static assay_status make_select(struct extract *extract, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_step_context *context = extract->context;
    const assay_database_read read = {.columns = extract->columns,
                                      .count = extract->column_count,
                                      .window = &extract->window,
                                      .there = extract->there,
                                      .known = extract->known,
                                      .known_count = extract->known_count,
                                      .run_id = context->run_id,
                                      .now_us = context->now_us};

    ASSAY_TRY(assay_database_append_select(extract->database, &read, &sql, err));
    extract->select = assay_arena_text(context->arena, assay_buf_text(&sql));
    return assay_arena_check(extract->select, err);
}

static assay_status find_window(struct extract *extract, assay_error *err)
{
    ASSAY_TRY(find_there(extract, err));
    return assay_database_window_find(extract->database, extract->context,
                                      replaces(extract) ? NULL : extract->state,
                                      extract->there == NULL, &extract->window, err);
}

static assay_status write_rows(struct extract *extract, assay_error *err)
{
    assay_write write;
    const assay_state_file *state = replaces(extract) ? NULL : extract->state;
    assay_error why = {0};

    ASSAY_TRY(assay_step_write_init(extract->steps, extract->context, extract->table, state, &write,
                                    err));
    write.mode = extract->mode;
    write.select = extract->select;
    ASSAY_TRY(assay_database_window_state(extract->database, &extract->window, state,
                                          &write.state.watermark, err));
    assay_status status = assay_write_run(&write, &extract->outcome, &why);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    /* before anything is staged, what fails is the reading; numbers of the engine say so */
    bool reading = extract->outcome.stage.count == 0 && why.number >= 3001 && why.number <= 3099;
    return reading ? extract->database->kind->fail(extract->database, &why, err)
                   : assay_error_copy(err, &why);
}

static assay_status load(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;
    const struct opening opening = {.steps = extract->steps,
                                    .project = context->project,
                                    .model = context->model,
                                    .conn = context->conn,
                                    .arena = context->arena,
                                    .scope = context->run_id};

    assay_step_phase(context, "connecting");
    ASSAY_TRY(open_source(&opening, &extract->database, err));
    ASSAY_TRY(decide(context->project, extract->database, extract->known, extract->known_count,
                     &extract->columns, &extract->column_count, err));
    ASSAY_TRY(find_window(extract, err));
    ASSAY_TRY(assay_database_facts_columns(&extract->facts, extract->database, &extract->window,
                                           extract->columns, extract->column_count, err));
    ASSAY_TRY(make_select(extract, err));
    assay_step_phase(context, "reading");
    return write_rows(extract, err);
}

static assay_status start_events(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;

    extract->facts = assay_facts_init(extract->steps, context, extract->table);
    ASSAY_TRY(assay_database_facts_input(&extract->facts, context->project, err));
    assay_events_start(&extract->facts, extract->table->schema);
    return ASSAY_OK;
}

static assay_status load_in_catalog(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;
    char name[64];

    (void)snprintf(name, sizeof name, "step_%zu", context->model->index);
    ASSAY_TRY(assay_engine_catalog_open(context->conn, name, err));
    assay_status status = load(extract, err);
    assay_database_close(extract->database);
    assay_engine_catalog_close(context->conn, name);
    return status;
}

assay_status assay_database_extract_run(assay_steps *steps, const assay_step_context *context,
                                        assay_step_result *ret_result, assay_error *err)
{
    /* in the arena: the outcome is referred to by the result */
    struct extract *extract = assay_arena_take(context->arena, 1, sizeof *extract);

    ASSAY_TRY(assay_arena_check(extract, err));
    extract->steps = steps;
    extract->context = context;
    extract->result = ret_result;
    ASSAY_TRY(prepare(extract, err));
    ASSAY_TRY(start_events(extract, err));
    assay_status status = load_in_catalog(extract, err);
    if (status != ASSAY_OK)
        assay_step_hide_values(context->model, err);
    assay_publish_finish(&extract->facts, context, &extract->outcome, extract->result, status, err);
    if (status == ASSAY_OK || status == ASSAY_EGATE)
        assay_step_result_fill(&extract->outcome, ret_result);
    if (status != ASSAY_OK)
        return status;
    ret_result->outcome = ASSAY_STEP_DONE;
    if (extract->outcome.snapshot != NULL)
        return ASSAY_OK;
    if (extract->state != NULL && assay_step_suite_changed(steps, context, extract->state))
        return assay_step_checks_only(steps, context, extract->table, ret_result, err);
    ret_result->outcome = ASSAY_STEP_SKIPPED;
    ret_result->skip = ASSAY_SKIP_NO_NEW_DATA;
    ret_result->reason =
        assay_arena_format(context->arena, "no new rows in '%s'", extract->database->label);
    return assay_arena_check(ret_result->reason, err);
}

/* Nothing is asked of the database: it may be slow, and the answer may be another one when the step
 * runs. */
assay_status assay_database_extract_plan(assay_steps *steps, const assay_step_context *context,
                                         assay_step_plan *ret_plan, assay_error *err)
{
    struct extract extract = {.steps = steps, .context = context};
    const assay_database_source *source = context->model->extract->database;

    ASSAY_TRY(prepare(&extract, err));
    ret_plan->new_files = -1;
    ret_plan->will_run = true;
    const char *high = extract.state != NULL && !replaces(&extract)
                           ? assay_value_find_text(extract.state->watermark, "high", NULL)
                           : NULL;
    if (source->watermark.text == NULL || replaces(&extract))
        ret_plan->reason = "its source is read as a whole";
    else if (high == NULL)
        ret_plan->reason = "nothing was read of its source yet";
    else
        ret_plan->reason = assay_arena_format(context->arena, "'%s' may have rows after %s",
                                              source->connection.text, high);
    return assay_arena_check(ret_plan->reason, err);
}
