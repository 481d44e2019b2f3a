#include "steps/publish.h"

#include "base/path.h"
#include "base/str.h"
#include "published/growth.h"
#include "steps/publish_memory.h"
#include "table/scan.h"

/* Another publication of the same table may come between looking and sending; then it is looked
 * again. */
enum { APPEND_ATTEMPTS = 3 };

/* What the warehouse room is asked with. */
struct sending {
    const assay_publish_job *publish;
    assay_warehouse_publication publication;
    assay_warehouse_snapshot snapshot;
    assay_warehouse_request request;
    const char *snapshot_name;
    const char *server; /* server and database, as publications are remembered by */
};

/* ---- the entry ---- */

static assay_place place_of(const assay_publish_job *publish)
{
    if (publish->model == NULL)
        return (assay_place){NULL, 0, 0};
    return (assay_place){publish->model->path, publish->config->line, publish->config->column};
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

static assay_status name_server(const assay_connection_config *connection, assay_arena *arena,
                                const char **ret_server, assay_error *err)
{
    *ret_server = assay_arena_format(arena, "%s %s %s:%d/%s", connection->type,
                                     text_of(connection->account), text_of(connection->host),
                                     connection->port, text_of(connection->database));
    return assay_arena_check(*ret_server, err);
}

static assay_status fill_request(struct sending *sending, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_step_env *env = publish->steps->env;
    const assay_project *project = publish->steps->project;
    const assay_connection_config *connection = NULL;

    ASSAY_TRY(assay_connections_use(project->connections, publish->config->to.text,
                                    place_of(publish), &connection, err));
    sending->request = (assay_warehouse_request){.conn = publish->conn,
                                                 .connection = connection,
                                                 .secrets = env->secrets,
                                                 .publication = &sending->publication,
                                                 .snapshot = &sending->snapshot,
                                                 .run_id = publish->run_id,
                                                 .step_id = publish->step_id,
                                                 .temp_dir = project->temp_dir,
                                                 .clock = *env->clock,
                                                 .random = *env->random,
                                                 .cancel = env->cancel,
                                                 .log = env->log,
                                                 .phase = publish->phase,
                                                 .phase_user = publish->phase_user};
    return name_server(connection, publish->arena, &sending->server, err);
}

/* ---- the gate ---- */

/* Only what a gate was open for is published: the commit of another program was never judged. */
static assay_status check_gate(const assay_publish_job *publish, assay_error *err)
{
    const assay_steps *steps = publish->steps;
    const assay_snapshot *snapshot = publish->snapshot;
    const char *table = publish->table->name;
    assay_gate_verdict *verdict = NULL;

    if (publish->judged)
        return ASSAY_OK;
    if (snapshot->state_path == NULL)
        return assay_error_set(err, ASSAY_EGATE, 2405,
                               "snapshot %lld of '%s' was committed by another program%s%s, and no "
                               "gate has judged it; `assay run` builds the table anew",
                               (long long)snapshot->id, table, snapshot->engine != NULL ? ": " : "",
                               snapshot->engine != NULL ? snapshot->engine : "");
    if (!assay_str_equal(snapshot->verdict, "untested"))
        return ASSAY_OK;
    const assay_gate_question question = {.config = steps->quality, .table = table};
    ASSAY_TRY(assay_gate_evaluate(&question, publish->arena, &verdict, err));
    if (verdict->open &&
        (steps->quality == NULL || assay_quality_suite_find(steps->quality, table) == NULL))
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EGATE, 2405,
                           "snapshot %lld of '%s' is untested, and that is not enough any more; "
                           "`assay run` judges it and publishes it then",
                           (long long)snapshot->id, table);
}

/* ---- the rows ---- */

/* The SELECT over these files. */
static assay_status select_of(const assay_publish_job *publish, const assay_schema *schema,
                              const assay_data_file *files, size_t count,
                              assay_warehouse_snapshot *snapshot, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_scan_options options = {.conn = publish->conn};

    ASSAY_TRY(assay_scan_append_sql(&sql, publish->table, schema, files, count, &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    snapshot->rows = 0;
    for (size_t i = 0; i < count; i++)
        snapshot->rows += files[i].rows;
    snapshot->select = assay_arena_text(publish->arena, sql.data);
    return assay_arena_check(snapshot->select, err);
}

static assay_status load_rows(const assay_publish_job *publish, const assay_snapshot *snapshot,
                              assay_published_rows *ret_rows, assay_error *err)
{
    return assay_published_at(publish->table, snapshot->id, publish->steps->env, publish->arena,
                              ret_rows, err);
}

static assay_status select_all(struct sending *sending, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    assay_published_rows rows = {0};

    ASSAY_TRY(load_rows(publish, publish->snapshot, &rows, err));
    return select_of(publish, rows.schema, rows.files, rows.count, &sending->snapshot, err);
}

/* As the ledger keeps it. The id of an Iceberg snapshot is drawn; others count, and a table that
 * was restored or copied counts on from there: the name of the state file tells those apart. */
static assay_status name_snapshot(const assay_publish_job *publish, const assay_snapshot *snapshot,
                                  const char **ret_name, assay_error *err)
{
    bool drawn = assay_str_equal(publish->table->format->name, "iceberg");

    if (drawn || snapshot->state_path == NULL)
        *ret_name = assay_arena_format(publish->arena, "%lld", (long long)snapshot->id);
    else
        *ret_name = assay_arena_format(publish->arena, "%lld@%s", (long long)snapshot->id,
                                       assay_path_base(snapshot->state_path));
    return assay_arena_check(*ret_name, err);
}

static const assay_snapshot *find_number(const assay_table *table, int64_t number)
{
    for (size_t i = 0; i < table->snapshot_count; i++)
        if (table->snapshots[i].number == number)
            return &table->snapshots[i];
    return NULL;
}

/* What was added after the commit `number`: possible where the table has only grown since. */
static assay_status select_added(struct sending *sending, int64_t number, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_snapshot *before = find_number(publish->table, number);
    assay_published_rows then = {0};
    assay_published_rows now = {0};
    assay_growth growth;

    if (before == NULL)
        return assay_error_set(err, ASSAY_EDATA, 2407,
                               "commit %lld of '%s' was published last and is expired, so the rows "
                               "since then cannot be told; publish it once with mode overwrite",
                               (long long)number, publish->table->name);
    ASSAY_TRY(load_rows(publish, before, &then, err));
    ASSAY_TRY(load_rows(publish, publish->snapshot, &now, err));
    ASSAY_TRY(assay_growth_between(&then, &now, publish->arena, &growth, err));
    if (growth.lost > 0)
        return assay_error_set(err, ASSAY_EDATA, 2406,
                               "rows of '%s' that were published have changed since (commit %lld): "
                               "mode append needs a table that only grows; publish it with mode "
                               "merge or overwrite",
                               publish->table->name, (long long)number);
    sending->snapshot.after = number;
    return select_of(publish, now.schema, growth.added, growth.added_count, &sending->snapshot,
                     err);
}

/* Where the ledger was dropped it does not tell what had been appended; this project may know. */
static assay_status check_ledger(const struct sending *sending,
                                 const assay_warehouse_standing *standing, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_publish_config *config = publish->config;
    assay_publication last;
    bool found = false;

    if (standing->any || !standing->filled)
        return ASSAY_OK;
    ASSAY_TRY(assay_publish_recall(publish->steps->project, publish->table->name, config,
                                   publish->arena, &last, &found, err));
    if (!found || last.known < 0 || !assay_str_equal(last.server, sending->server))
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EDATA, 2410,
                           "commit %lld of '%s' was appended to '%s' of '%s', and the ledger there "
                           "does not know it any more: appending would double its rows; publish it "
                           "once with mode overwrite",
                           (long long)last.known, publish->table->name, config->table.text,
                           config->to.text);
}

/* A table that was restored or copied has other rows in commits of the same numbers. */
static assay_status check_history(const struct sending *sending,
                                  const assay_warehouse_standing *standing, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_snapshot *then = find_number(publish->table, standing->sequence);
    const char *name = NULL;

    if (!standing->any || then == NULL || then->state_path == NULL || standing->snapshot[0] == '\0')
        return ASSAY_OK;
    ASSAY_TRY(name_snapshot(publish, then, &name, err));
    if (assay_str_equal(name, standing->snapshot))
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EDATA, 2406,
                           "commit %lld of '%s' was another snapshot (%s) when it was appended to "
                           "'%s' of '%s': the table was restored or copied since; publish it once "
                           "with mode overwrite",
                           (long long)standing->sequence, publish->table->name, standing->snapshot,
                           publish->config->table.text, publish->config->to.text);
}

/* What is to be appended, by the ledger. *ret_done: it is there already. */
static assay_status select_new(struct sending *sending, bool *ret_done, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    assay_warehouse_standing standing = {.sequence = ASSAY_WAREHOUSE_BEGINNING};

    ASSAY_TRY(assay_warehouse_look(&sending->request, &standing, err));
    if (standing.any && standing.overwritten)
        return assay_error_set(err, ASSAY_EDATA, 2406,
                               "another table was published to '%s' of '%s' with mode overwrite, "
                               "and the rows of '%s' are not there any more: publish it once with "
                               "mode overwrite",
                               publish->config->table.text, publish->config->to.text,
                               publish->table->name);
    ASSAY_TRY(check_history(sending, &standing, err));
    *ret_done = standing.published;
    if (standing.published)
        return ASSAY_OK;
    if (!standing.any && standing.of_another_table)
        return assay_error_set(err, ASSAY_EDATA, 2406,
                               "'%s' of '%s' has rows of another table that was called '%s' or "
                               "lay in another format: appending would double them; publish it "
                               "once with mode overwrite",
                               publish->config->table.text, publish->config->to.text,
                               publish->table->name);
    ASSAY_TRY(check_ledger(sending, &standing, err));
    if (!standing.any || standing.sequence > publish->snapshot->number) {
        /* a ledger that is ahead refuses what comes late */
        sending->snapshot.after = standing.any ? standing.sequence : ASSAY_WAREHOUSE_BEGINNING;
        return select_all(sending, err);
    }
    return select_added(sending, standing.sequence, err);
}

/* ---- sending ---- */

static assay_status fill_rows(struct sending *sending)
{
    const assay_publish_rows *rows = sending->publish->rows;
    const assay_step_env *env = sending->publish->steps->env;

    sending->snapshot =
        (assay_warehouse_snapshot){.table = rows->name,
                                   .table_uuid = rows->identity,
                                   .sequence = 1,
                                   .committed_us = env->clock->now_us(env->clock->user),
                                   .after = ASSAY_WAREHOUSE_BEGINNING,
                                   .select = rows->select,
                                   .rows = rows->rows};
    return ASSAY_OK;
}

static assay_status fill_snapshot(struct sending *sending, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_snapshot *snapshot = publish->snapshot;

    if (publish->rows != NULL)
        return fill_rows(sending);
    if (snapshot == NULL)
        return assay_error_set(
            err, ASSAY_ENOTFOUND, 2404,
            "'%s' has no snapshot yet that could be published; `assay run` makes "
            "one",
            publish->table->name);
    ASSAY_TRY(name_snapshot(publish, snapshot, &sending->snapshot_name, err));
    sending->snapshot = (assay_warehouse_snapshot){.table = publish->table->name,
                                                   .table_uuid = publish->table->uuid != NULL
                                                                     ? publish->table->uuid
                                                                     : publish->table->name,
                                                   .sequence = snapshot->number,
                                                   .snapshot = sending->snapshot_name,
                                                   .committed_us = snapshot->timestamp_ms * 1000,
                                                   .after = ASSAY_WAREHOUSE_BEGINNING,
                                                   .rows = -1};
    return ASSAY_OK;
}

/* Keys are told where they are refused, and rows where they differ: but none of pii columns
 * (SEMANTICS.md 4.5). */
static assay_status fill_pii(struct sending *sending, assay_error *err)
{
    const assay_publish_job *publish = sending->publish;
    const assay_model *owner = publish->owner != NULL ? publish->owner : publish->model;
    size_t count = 0;

    if (owner == NULL)
        return ASSAY_OK;
    const char **names =
        assay_arena_take(publish->arena, owner->header.column_count + owner->pii_count + 1,
                         sizeof *names);
    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < owner->header.column_count; i++)
        if (owner->header.columns[i].pii)
            names[count++] = owner->header.columns[i].name;
    for (size_t i = 0; i < owner->pii_count; i++)
        names[count++] = owner->pii[i];
    sending->publication.pii = names;
    sending->publication.pii_count = count;
    return ASSAY_OK;
}

static assay_status prepare(struct sending *sending, const assay_publish_job *publish,
                            assay_error *err)
{
    *sending = (struct sending){.publish = publish};
    ASSAY_TRY(assay_publication_make(publish->config,
                                     publish->model != NULL ? publish->model->path : NULL,
                                     publish->arena, &sending->publication, err));
    ASSAY_TRY(fill_pii(sending, err));
    ASSAY_TRY(fill_request(sending, err));
    return fill_snapshot(sending, err);
}

static assay_status send_appended(struct sending *sending, assay_warehouse_result *ret_result,
                                  assay_error *err)
{
    for (int attempt = 1;; attempt++) {
        bool done = false;

        ASSAY_TRY(select_new(sending, &done, err));
        if (done) {
            *ret_result = (assay_warehouse_result){
                .already = true, .rows = -1, .inserted = -1, .updated = -1, .deleted = -1};
            ASSAY_TRY(assay_warehouse_resolve(sending->request.connection, &sending->publication,
                                              sending->publish->arena, &ret_result->target, err));
            return assay_warehouse_publish_id(&sending->request, ret_result->publish_id, err);
        }
        assay_status status =
            assay_warehouse_publish(&sending->request, sending->publish->arena, ret_result, err);
        if (status != ASSAY_ECONFLICT || attempt == APPEND_ATTEMPTS || err == NULL ||
            !err->retryable)
            return status;
        assay_error_clear(err);
    }
}

static assay_status send(struct sending *sending, assay_warehouse_result *ret_result,
                         assay_error *err)
{
    const assay_publish_job *publish = sending->publish;

    if (publish->rows == NULL) {
        ASSAY_TRY(check_gate(publish, err));
        if (publish->config->mode == ASSAY_PUBLISH_CONFIG_APPEND)
            return send_appended(sending, ret_result, err);
        ASSAY_TRY(select_all(sending, err));
    }
    return assay_warehouse_publish(&sending->request, publish->arena, ret_result, err);
}

/* ---- what came of it ---- */

static assay_publication start_of(const assay_publish_job *publish)
{
    const assay_snapshot *snapshot = publish->rows == NULL ? publish->snapshot : NULL;
    assay_publication publication = assay_publication_of(publish->config);

    publication.state = ASSAY_PUBLICATION_PENDING;
    if (snapshot != NULL) {
        publication.snapshot_id = snapshot->id;
        publication.number = snapshot->number;
    }
    return publication;
}

static void fill_counts(const assay_warehouse_result *result, assay_publication *publication)
{
    publication->state = result->already ? ASSAY_PUBLICATION_ALREADY : ASSAY_PUBLICATION_DONE;
    publication->rows = result->rows;
    publication->inserted = result->inserted;
    publication->updated = result->updated;
    publication->deleted = result->deleted;
}

static void remember(const assay_publish_job *publish, const assay_publication *publication)
{
    assay_error failure = {0};

    if (publish->rows != NULL)
        return;
    if (assay_publish_remember(publish->steps->project, publish->table->name, publication,
                               &failure) != ASSAY_OK)
        assay_log_write(publish->steps->env->log, ASSAY_LOG_WARNING,
                        "what was published of '%s' cannot be remembered: %s", publish->table->name,
                        failure.message);
}

static const char *id_of(const struct sending *sending)
{
    char id[ASSAY_WAREHOUSE_ID_SIZE];

    if (assay_warehouse_publish_id(&sending->request, id, NULL) != ASSAY_OK)
        return NULL;
    return assay_arena_text(sending->publish->arena, id);
}

/* A position in a statement that was made here means nothing to the user: the entry does. */
static void place_failure(const assay_publish_job *publish, assay_error *failure)
{
    if (failure->path[0] != '\0')
        return;
    failure->line = 0;
    failure->column = 0;
    assay_error_place(failure, place_of(publish));
}

void assay_publish_run(const assay_publish_job *publish, assay_publication *ret_publication,
                       assay_warehouse_result *ret_result)
{
    const assay_clock *clock = publish->steps->env->clock;
    int64_t started_us = clock->monotonic_us(clock->user);
    assay_error failure = {0};
    struct sending sending;

    *ret_publication = start_of(publish);
    *ret_result = (assay_warehouse_result){0};
    assay_status status = prepare(&sending, publish, &failure);
    if (status == ASSAY_OK) {
        ret_publication->publish_id = id_of(&sending);
        ret_publication->server = sending.server;
        status = send(&sending, ret_result, &failure);
    }
    if (status == ASSAY_OK) {
        fill_counts(ret_result, ret_publication);
    } else {
        place_failure(publish, &failure);
        ret_publication->error = failure;
        ret_publication->state = assay_publication_state_of(&failure);
    }
    ret_publication->elapsed_us = clock->monotonic_us(clock->user) - started_us;
    remember(publish, ret_publication);
}

assay_publication assay_publish_not_tried(const assay_publish_job *publish, const assay_error *why)
{
    assay_publication publication = start_of(publish);

    publication.error = *why;
    publication.state = assay_publication_state_of(why);
    place_failure(publish, &publication.error);
    return publication;
}

assay_status assay_publish_verify(const assay_publish_job *publish,
                                  assay_warehouse_verification *ret_verification, assay_error *err)
{
    struct sending sending;

    ASSAY_TRY(prepare(&sending, publish, err));
    ASSAY_TRY(select_all(&sending, err));
    return assay_warehouse_verify(&sending.request, publish->arena, ret_verification, err);
}

assay_status assay_publish_look(const assay_publish_job *publish,
                                assay_publication *ret_publication, assay_error *err)
{
    assay_publication known;
    struct sending sending;
    bool found = false;

    *ret_publication = start_of(publish);
    ASSAY_TRY(prepare(&sending, publish, err));
    ret_publication->publish_id = id_of(&sending);
    ASSAY_TRY(assay_publish_recall(publish->steps->project, publish->table->name, publish->config,
                                   publish->arena, &known, &found, err));
    if (!found || !assay_str_equal(known.publish_id, ret_publication->publish_id) ||
        !assay_str_equal(known.server, sending.server) ||
        known.snapshot_id != ret_publication->snapshot_id)
        return ASSAY_OK;
    *ret_publication = known;
    if (known.state == ASSAY_PUBLICATION_ALREADY)
        ret_publication->state = ASSAY_PUBLICATION_DONE;
    return ASSAY_OK;
}
