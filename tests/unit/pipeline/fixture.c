#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

fake_table *fixture_table(shop *fixture, const char *name)
{
    for (size_t i = 0; i < fixture->table_count; i++)
        if (strcmp(fixture->tables[i].name, name) == 0)
            return &fixture->tables[i];
    if (fixture->table_count == FAKE_TABLES_MAX)
        return NULL;
    fake_table *table = &fixture->tables[fixture->table_count++];
    *table = (fake_table){.name = assay_arena_text(fixture->arena, name), .snapshot = -1};
    return table;
}

fake_table *fixture_publish(shop *fixture, const char *name, const char *const *columns,
                            size_t count)
{
    fake_table *table = fixture_table(fixture, name);

    table->exists = true;
    table->snapshot = 100;
    table->columns = assay_arena_take(fixture->arena, count, sizeof *table->columns);
    for (size_t i = 0; i < count; i++)
        table->columns[i] = (assay_column){columns[i], "INTEGER"};
    table->column_count = count;
    return table;
}

/* ---- the steps ---- */

static assay_status look(void *user, const assay_project *project, assay_conn *conn,
                         const char *name, assay_arena *arena, assay_table_look *ret_look,
                         assay_error *err)
{
    shop *fixture = user;

    (void)project;
    (void)conn;
    (void)arena;
    (void)err;
    assay_lock_acquire(fixture->lock);
    const fake_table *table = fixture_table(fixture, name);
    *ret_look = (assay_table_look){
        .exists = table->exists,
        .snapshot_id = table->snapshot,
        .uuid = table->exists ? "uuid" : NULL,
        .columns = table->columns,
        .column_count = table->column_count,
    };
    assay_lock_release(fixture->lock);
    return ASSAY_OK;
}

static assay_status columns(void *user, const assay_columns_request *request, assay_arena *arena,
                            assay_column **ret_columns, size_t *ret_count, assay_error *err)
{
    const assay_contract *extract = &request->model->header.contract;
    const fake_table *table = fixture_table(user, request->model->name);

    if (table->broken != ASSAY_OK)
        return assay_error_set(err, table->broken, BROKEN_NUMBER, "the source of '%s' is broken",
                               table->name);
    if (table->unreached)
        (void)assay_error_set(request->unreached, ASSAY_EIO, BROKEN_NUMBER, "'%s' is not reached",
                              table->name);
    *ret_columns = assay_arena_take(arena, extract->column_count + 1, sizeof **ret_columns);
    ASSAY_TRY(assay_arena_check(*ret_columns, err));
    for (size_t i = 0; i < extract->column_count; i++)
        (*ret_columns)[i] = (assay_column){extract->columns[i].name, extract->columns[i].type};
    (*ret_columns)[extract->column_count] = (assay_column){"_source_file", "VARCHAR"};
    *ret_count = extract->column_count + 1;
    return ASSAY_OK;
}

static void note(char *log, const char *text)
{
    size_t used = strlen(log);

    (void)snprintf(log + used, LOG_SIZE - used, "%s ", text);
}

/* Waits in short steps, as a statement of the engine that is interrupted. */
static assay_status wait_for(const shop *fixture, const fake_table *table, assay_error *err)
{
    int64_t until = fixture->clock.monotonic_us(NULL) + (int64_t)table->wait_ms * 1000;
    const struct timespec pause = {0, 1000000};

    while (fixture->clock.monotonic_us(NULL) < until) {
        if (!table->stubborn)
            ASSAY_TRY(assay_cancel_check(fixture->cancel, err));
        (void)nanosleep(&pause, NULL);
    }
    return ASSAY_OK;
}

static assay_status finish(const assay_model *model, fake_table *table,
                           assay_step_result *ret_result, assay_error *err)
{
    if (table->status != ASSAY_OK && (table->fail_times == 0 || table->runs <= table->fail_times)) {
        ret_result->reason = "told to";
        return assay_error_set(err, table->status, 0, "'%s' was told to fail", table->name);
    }
    if (table->publishes) {
        ret_result->publications = &table->publication;
        ret_result->publication_count = 1;
    }
    if (table->skip != ASSAY_SKIP_NONE) {
        ret_result->outcome = ASSAY_STEP_SKIPPED;
        ret_result->skip = table->skip;
        return ASSAY_OK;
    }
    table->exists = true;
    table->columns = model->columns;
    table->column_count = model->column_count;
    table->snapshot = table->snapshot < 0 ? 1 : table->snapshot + 1;
    ret_result->outcome = ASSAY_STEP_DONE;
    ret_result->rows_added = 10;
    ret_result->bytes = 1000;
    ret_result->verdict = "pass";
    ret_result->snapshot_id = table->snapshot;
    return ASSAY_OK;
}

static assay_status run(void *user, const assay_step_context *context,
                        assay_step_result *ret_result, assay_error *err)
{
    shop *fixture = user;

    if (context->model->failure != NULL)
        return assay_error_copy(err, context->model->failure);
    assay_step_phase(context, "working");
    assay_lock_acquire(fixture->lock);
    fake_table *table = fixture_table(fixture, context->model->name);
    fixture->running++;
    if (fixture->running > fixture->most_running)
        fixture->most_running = fixture->running;
    note(fixture->order, table->name);
    table->runs++;
    table->full_refresh = context->full_refresh;
    table->read_snapshot = context->input_count > 0 ? context->inputs[0].snapshot_id : -2;
    assay_lock_release(fixture->lock);

    assay_status status = assay_step_skip_key(context, NULL, table->key, err);
    if (status == ASSAY_OK)
        status = wait_for(fixture, table, err);
    assay_lock_acquire(fixture->lock);
    if (status == ASSAY_OK)
        status = finish(context->model, table, ret_result, err);
    fixture->running--;
    assay_lock_release(fixture->lock);
    return status;
}

static assay_status plan(void *user, const assay_step_context *context, assay_step_plan *ret_plan,
                         assay_error *err)
{
    const fake_table *table = fixture_table(user, context->model->name);

    (void)err;
    ret_plan->will_run = table->skip == ASSAY_SKIP_NONE;
    ret_plan->skip = table->skip;
    return ASSAY_OK;
}

static assay_status recover(void *user, const assay_project *project, assay_conn *conn,
                            const assay_open_step *step, bool *ret_committed, assay_error *err)
{
    shop *fixture = user;

    (void)project;
    (void)conn;
    (void)step;
    (void)err;
    fixture->recovered++;
    *ret_committed = fixture->recover_committed;
    return ASSAY_OK;
}

static void abort_step(void *user, const assay_step_context *context)
{
    fixture_table(user, context->model->name)->aborted++;
}

static assay_status begin(void *user, const assay_run_moment *moment, assay_error *err)
{
    shop *fixture = user;

    (void)moment;
    (void)err;
    fixture->begun++;
    return ASSAY_OK;
}

static void end(void *user, const assay_run_moment *moment)
{
    shop *fixture = user;

    (void)moment;
    fixture->ended++;
}

static bool judged_against(void *user, const assay_model *model, const char *other)
{
    const shop *fixture = user;

    return fixture->judged != NULL && strcmp(model->name, fixture->judged) == 0 &&
           strcmp(other, fixture->against) == 0;
}

static const assay_step_ops fake_ops = {
    .judged_against = judged_against,
    .look = look,
    .columns = columns,
    .begin = begin,
    .end = end,
    .plan = plan,
    .run = run,
    .recover = recover,
    .abort = abort_step,
};

/* ---- events ---- */

static const char *const kinds[] = {"begin", "start", "progress", "finish", "note", "end"};

static void sink(void *user, const assay_run_event *event)
{
    shop *fixture = user;
    char line[128];

    if (event->kind == ASSAY_RUN_EVENT_STEP_PROGRESS)
        return;
    (void)snprintf(line, sizeof line, "%s:%s%s%s", kinds[event->kind],
                   event->table != NULL ? event->table : "", event->result != NULL ? "=" : "",
                   event->result != NULL ? assay_step_outcome_name(event->result->outcome) : "");
    note(fixture->events, line);
}

/* ---- the fixture ---- */

static int open_parts(shop *fixture)
{
    assay_engine_options options = {.threads = 1};

    fixture->arena = fixture->folder->arena;
    fixture->clock = assay_clock_system();
    fixture->random = assay_random_system();
    fixture->lock = assay_lock_new();
    fixture->cancel = assay_cancel_new();
    if (assay_engine_open(&options, &fixture->engine, NULL) != ASSAY_OK ||
        assay_conn_open(fixture->engine, &fixture->conn, NULL) != ASSAY_OK ||
        assay_store_open_memory(&fixture->store, NULL) != ASSAY_OK)
        return 1;
    fixture->env = (assay_step_env){
        .ops = &fake_ops,
        .ops_user = fixture,
        .engine = fixture->engine,
        .store = fixture->store,
        .clock = &fixture->clock,
        .random = &fixture->random,
        .cancel = fixture->cancel,
        .assay_version = "0.0.0",
    };
    return 0;
}

int fixture_join(shop *fixture, const char *path)
{
    assay_arena *arena = assay_arena_new();

    *fixture = (shop){.folder = assay_arena_take(arena, 1, sizeof *fixture->folder)};
    if (fixture->folder == NULL)
        return 1;
    fixture->folder->arena = arena;
    fixture->folder->path = assay_arena_text(arena, path);
    return open_parts(fixture);
}

int fixture_setup(void **state)
{
    static shop fixture;
    void *folder = NULL;

    if (test_folder_setup(&folder) != 0)
        return 1;
    memset(&fixture, 0, sizeof fixture);
    fixture.folder = folder;
    *state = &fixture;
    if (open_parts(&fixture) != 0)
        return 1;
    fixture_write(&fixture, "assay.yaml", "name: shop\n");
    return 0;
}

int fixture_teardown(void **state)
{
    shop *fixture = *state;
    void *folder = fixture->folder;

    assay_conn_close(fixture->conn);
    assay_engine_close(fixture->engine);
    assay_store_close(fixture->store);
    assay_cancel_free(fixture->cancel);
    assay_lock_free(fixture->lock);
    return test_folder_teardown(&folder);
}

void fixture_write(shop *fixture, const char *path, const char *text)
{
    test_folder_write(fixture->folder, path, text);
}

static const char *no_environment(void *user, const char *name)
{
    (void)user;
    return strcmp(name, "HOST") == 0 ? "box" : NULL;
}

assay_status fixture_open(shop *fixture)
{
    assay_project_options options = {.start = fixture->folder->path,
                                     .exact = true,
                                     .environment = no_environment};

    assay_error_clear(&fixture->err);
    ASSAY_TRY(assay_project_open(&options, fixture->arena, &fixture->project, &fixture->err));
    return assay_graph_build(fixture->project, fixture->conn, &fixture->err);
}

assay_status fixture_run(shop *fixture, assay_run_options options, assay_run_result **ret_result)
{
    options.sink = sink;
    options.sink_user = fixture;
    if (options.lock_wait_ms == 0)
        options.lock_wait_ms = -1;
    fixture->order[0] = '\0';
    fixture->events[0] = '\0';
    fixture->most_running = 0;
    assay_error_clear(&fixture->err);
    return assay_pipeline_run(fixture->project, &options, &fixture->env, fixture->arena, ret_result,
                              &fixture->err);
}

const assay_run_step *fixture_step(const assay_run_result *result, const char *table)
{
    for (size_t i = 0; i < result->count; i++)
        if (strcmp(result->steps[i].model->name, table) == 0)
            return &result->steps[i];
    fail_msg("the run has no step '%s'", table);
    return NULL;
}

void fixture_expect(const shop *fixture, int number, const char *path, int line, int column,
                    const char *part)
{
    const assay_error *err = &fixture->err;

    if (err->number != number || err->line != line || err->column != column ||
        strcmp(err->path, path) != 0 || strstr(err->message, part) == NULL)
        fail_msg("E%d %s:%d:%d %s", err->number, err->path, err->line, err->column, err->message);
}
