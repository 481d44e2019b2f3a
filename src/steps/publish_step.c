#include "steps/publish_step.h"

#include "base/str.h"
#include "steps/outcome.h"

/* ---- lineage ---- */

static void warn(const assay_publish_job *publish, const assay_error *problem)
{
    assay_log_write(publish->steps->env->log, ASSAY_LOG_WARNING, "lineage of '%s': %s",
                    publish->table->name, problem->message);
}

static assay_status schema_of(const assay_publish_job *publish, assay_schema **ret_schema,
                              assay_error *err)
{
    return publish->table->format->snapshot_schema(publish->table, publish->snapshot->id,
                                                   publish->arena, ret_schema, err);
}

static void add_output(assay_step_facts *facts, const assay_publish_job *publish,
                       const assay_warehouse_result *result)
{
    assay_schema *schema = NULL;
    assay_error problem = {0};

    if (publish->steps->lineage == NULL)
        return;
    assay_status status = schema_of(publish, &schema, &problem);
    if (status == ASSAY_OK)
        status = assay_facts_add_published(facts, publish, schema, result, &problem);
    if (status != ASSAY_OK)
        warn(publish, &problem);
}

void assay_publish_tell(const assay_publish_job *publish, const assay_publication *publication,
                        const assay_warehouse_result *result, int64_t started_us)
{
    const assay_step_env *env = publish->steps->env;
    char run_id[ASSAY_UUID_TEXT_SIZE];
    assay_step_facts facts = {.steps = publish->steps,
                              .model = publish->model,
                              .run_id = publish->run_id,
                              .step_id = run_id,
                              .started_us = started_us,
                              .arena = publish->arena,
                              .target = publish->table};
    bool failed = publication->error.code != ASSAY_OK;

    assay_uuid_format(assay_uuid_v7(env->clock, env->random), run_id);
    if (!failed)
        add_output(&facts, publish, result);
    assay_events_carry(&facts, failed ? &publication->error : NULL);
}

static assay_publish_job publish_of(const assay_steps *steps, const assay_step_context *context,
                                    const assay_table *table, size_t index)
{
    union {
        const assay_step_context *in;
        void *out;
    } user = {.in = context};

    return (assay_publish_job){.steps = steps,
                               .conn = context->conn,
                               .arena = context->arena,
                               .table = table,
                               .snapshot = table->current,
                               .config = &context->model->header.publish[index],
                               .model = context->model,
                               .run_id = context->run_id,
                               .step_id = context->step_id,
                               .phase = assay_step_say_phase,
                               .phase_user = user.out};
}

static int64_t now(const assay_steps *steps)
{
    return steps->env->clock->now_us(steps->env->clock->user);
}

/* ---- outages ---- */

/* The database was not reached: a failure of the connection, or a timeout of its login. */
static bool is_outage(const assay_publish_job *publish, const assay_publication *publication)
{
    enum { TIMED_OUT = 3111, NOT_REACHED = 3112, SLACK_MS = 2000 };
    const assay_connections_config *config = publish->steps->project->connections;
    const assay_connection_config *connection = NULL;

    if (publication->error.number == NOT_REACHED)
        return true;
    if (publication->error.number != TIMED_OUT ||
        assay_connections_use(config, publication->to, (assay_place){NULL, 0, 0}, &connection,
                              NULL) != ASSAY_OK)
        return false;
    return publication->elapsed_us / 1000 < connection->login_timeout_ms + SLACK_MS;
}

/* Publishes, unless this run has not reached the database a moment ago. */
static void attempt(const assay_publish_job *publish, assay_publication *ret_publication,
                    assay_warehouse_result *ret_result)
{
    const assay_clock *clock = publish->steps->env->clock;
    assay_outages *outages = publish->steps->outages;
    const char *key =
        assay_arena_format(publish->arena, "%s %s", publish->run_id, publish->config->to.text);
    assay_error why = {0};

    if (key != NULL && assay_outages_find(outages, key, clock->monotonic_us(clock->user), &why)) {
        (void)assay_error_wrap(&why, "not tried again");
        *ret_publication = assay_publish_not_tried(publish, &why);
        *ret_result = (assay_warehouse_result){0};
        return;
    }
    assay_publish_run(publish, ret_publication, ret_result);
    if (key != NULL && is_outage(publish, ret_publication))
        assay_outages_note(outages, key, clock->monotonic_us(clock->user), &ret_publication->error);
}

/* ---- publishing ---- */

/* Where nothing could be tried at all, every publication has failed for that reason. */
static void fail_all(const assay_step_context *context, const assay_error *failure,
                     assay_publication *publications)
{
    for (size_t i = 0; i < context->model->header.publish_count; i++) {
        publications[i] = assay_publication_of(&context->model->header.publish[i]);
        publications[i].state = assay_publication_state_of(failure);
        publications[i].error = *failure;
    }
}

static assay_publication *room_for(const assay_step_context *context)
{
    return assay_arena_take(context->arena, context->model->header.publish_count,
                            sizeof(assay_publication));
}

static assay_status load(const assay_step_context *context, const assay_steps *steps,
                         assay_table **ret_table, assay_error *err)
{
    return assay_published_load(steps->project, steps->env, context->conn, context->model->name,
                                context->arena, ret_table, err);
}

void assay_publish_committed(assay_step_facts *facts, const assay_step_context *context,
                             const assay_write_outcome *outcome, assay_step_result *result)
{
    const assay_steps *steps = facts->steps;
    size_t count = context->model->header.publish_count;
    assay_publication *publications = NULL;
    assay_table *table = NULL;
    assay_error failure = {0};

    if (count == 0 || outcome->snapshot == NULL)
        return;
    publications = room_for(context);
    if (publications == NULL)
        return; /* the next run finds it open */
    result->publications = publications;
    result->publication_count = count;
    assay_step_say_committed(context);
    assay_step_phase(context, "publishing");
    if (load(context, steps, &table, &failure) != ASSAY_OK) {
        fail_all(context, &failure, publications);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        assay_publish_job publish = publish_of(steps, context, table, i);
        assay_warehouse_result sent;
        int64_t started_us = now(steps);
        publish.snapshot = assay_table_snapshot(table, outcome->snapshot->id);
        publish.judged = true;
        attempt(&publish, &publications[i], &sent);
        if (publications[i].error.code == ASSAY_OK)
            add_output(facts, &publish, &sent);
        else if (publish.snapshot != NULL)
            assay_publish_tell(&publish, &publications[i], &sent, started_us);
    }
}

static assay_status publish_open(const assay_steps *steps, const assay_step_context *context,
                                 assay_step_result *result, assay_publication *publications,
                                 assay_error *err)
{
    assay_table *table = NULL;

    ASSAY_TRY(load(context, steps, &table, err));
    for (size_t i = 0; table->current != NULL && i < context->model->header.publish_count; i++) {
        assay_publish_job publish = publish_of(steps, context, table, i);
        assay_publication *publication = &publications[result->publication_count];
        assay_warehouse_result sent;
        int64_t started_us = now(steps);
        publish.judged = result->checks_only;
        ASSAY_TRY(assay_publish_look(&publish, publication, err));
        if (publication->state == ASSAY_PUBLICATION_DONE)
            continue;
        assay_step_phase(context, "publishing");
        attempt(&publish, publication, &sent);
        assay_publish_tell(&publish, publication, &sent, started_us);
        result->publication_count++;
    }
    return ASSAY_OK;
}

void assay_publish_finish(assay_step_facts *facts, const assay_step_context *context,
                          const assay_write_outcome *outcome, assay_step_result *result,
                          assay_status status, const assay_error *failure)
{
    if (status != ASSAY_OK) {
        assay_events_fail(facts, outcome, failure);
        return;
    }
    assay_publish_committed(facts, context, outcome, result);
    assay_events_complete(facts, outcome);
}

void assay_publish_left(const assay_steps *steps, const assay_step_context *context,
                        assay_step_result *result)
{
    size_t count = context->model->header.publish_count;
    assay_publication *publications = NULL;
    assay_error failure = {0};

    if (count == 0 || result->publication_count > 0)
        return;
    publications = room_for(context);
    if (publications == NULL)
        return;
    result->publications = publications;
    if (publish_open(steps, context, result, publications, &failure) == ASSAY_OK)
        return;
    fail_all(context, &failure, publications);
    result->publication_count = count;
}

assay_status assay_publish_plan(const assay_steps *steps, const assay_step_context *context,
                                bool will_run, bool *ret_will_publish, assay_error *err)
{
    size_t count = context->model->header.publish_count;
    assay_table *table = NULL;

    *ret_will_publish = will_run && count > 0;
    if (will_run || count == 0)
        return ASSAY_OK;
    ASSAY_TRY(load(context, steps, &table, err));
    for (size_t i = 0; table->current != NULL && !*ret_will_publish && i < count; i++) {
        const assay_publish_job publish = publish_of(steps, context, table, i);
        assay_publication publication;
        ASSAY_TRY(assay_publish_look(&publish, &publication, err));
        *ret_will_publish = publication.state != ASSAY_PUBLICATION_DONE;
    }
    return ASSAY_OK;
}
