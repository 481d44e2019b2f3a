#include "steps/events.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/catalog.h"
#include "text/json.h"

static int64_t now(const assay_steps *steps)
{
    return steps->env->clock->now_us(steps->env->clock->user);
}

static void emit(const assay_steps *steps, const assay_lineage_event *event)
{
    assay_error error = {0};

    if (assay_lineage_emit(steps->lineage, event, &error) != ASSAY_OK)
        assay_log_write(steps->env->log, ASSAY_LOG_WARNING, "lineage event is lost: %s",
                        error.message);
}

static assay_lineage_run_ref run_ref(const assay_steps *steps, const char *run_id)
{
    return (assay_lineage_run_ref){run_id, steps->lineage_config->namespace, steps->project->name};
}

/* What every event of a step has. */
static assay_lineage_event step_event(const assay_steps *steps, const char *job, const char *run_id,
                                      const char *step_id)
{
    assay_lineage_event event = assay_lineage_event_init();

    event.time_us = now(steps);
    event.run_id = step_id;
    event.job_namespace = steps->lineage_config->namespace;
    event.job_name = job;
    event.parent = run_ref(steps, run_id);
    event.root =
        steps->lineage_config->root.run_id != NULL ? steps->lineage_config->root : event.parent;
    event.engine_name = "DuckDB";
    event.engine_version = assay_engine_version();
    event.job_type = "TASK";
    return event;
}

static const char *job_name(const assay_steps *steps, const char *table, assay_arena *arena)
{
    return assay_arena_format(arena, "%s.%s", steps->project->name, table);
}

/* ---- datasets ---- */

static assay_status describe_table(const assay_steps *steps, const assay_table *table,
                                   assay_arena *arena, assay_lineage_dataset *dataset,
                                   assay_error *err)
{
    const assay_lineage_table place = {.table = table->name,
                                       .location = table->location,
                                       .warehouse = steps->project->warehouse,
                                       .format = table->format->name,
                                       .catalog_name = steps->project->storage->catalog_name,
                                       .database = steps->project->catalog_path};

    *dataset = assay_lineage_dataset_init();
    return assay_lineage_dataset_table(dataset, &place, arena, err);
}

static assay_status set_schema(const assay_schema *schema, assay_arena *arena,
                               assay_lineage_dataset *dataset, assay_error *err)
{
    assay_lineage_field *fields = NULL;

    if (schema == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_lineage_fields_of_schema(schema, arena, &fields, &dataset->field_count, err));
    dataset->fields = fields;
    return ASSAY_OK;
}

assay_step_facts assay_facts_init(const assay_steps *steps, const assay_step_context *context,
                                  const assay_table *target)
{
    const assay_clock *clock = steps->env->clock;

    return (assay_step_facts){.steps = steps,
                              .model = context->model,
                              .run_id = context->run_id,
                              .step_id = context->step_id,
                              .started_us = clock->now_us(clock->user),
                              .arena = context->arena,
                              .target = target};
}

assay_status assay_facts_add_tables(assay_step_facts *facts, const assay_bound_inputs *inputs,
                                    assay_error *err)
{
    assay_arena *arena = facts->arena;

    facts->inputs = assay_arena_take(arena, inputs->count + 1, sizeof *facts->inputs);
    ASSAY_TRY(assay_arena_check(facts->inputs, err));
    for (size_t i = 0; i < inputs->count; i++) {
        const assay_published_rows *rows = &inputs->items[i].rows;
        assay_lineage_dataset *dataset = &facts->inputs[i];
        ASSAY_TRY(describe_table(facts->steps, rows->table, arena, dataset, err));
        ASSAY_TRY(set_schema(rows->schema, arena, dataset, err));
        dataset->input_rows = 0;
        dataset->input_bytes = 0;
        dataset->input_files = (int64_t)rows->count;
        for (size_t k = 0; k < rows->count; k++) {
            dataset->input_rows += rows->files[k].rows;
            dataset->input_bytes += rows->files[k].size;
        }
        if (rows->snapshot != NULL) {
            dataset->version = assay_arena_format(arena, "%" PRId64, rows->snapshot->id);
            ASSAY_TRY(assay_arena_check(dataset->version, err));
        }
        if (rows->snapshot != NULL && assay_str_equal(rows->table->format->name, "iceberg")) {
            dataset->has_scan = true;
            dataset->scan_snapshot_id = rows->snapshot->id;
            dataset->scan_schema_id = rows->schema->id;
        }
    }
    facts->input_count = inputs->count;
    return ASSAY_OK;
}

/* ---- column lineage ---- */

static assay_status shadow_tables(const assay_step_context *context, assay_error *err)
{
    for (size_t i = 0; i < context->input_count; i++) {
        const char *name = context->inputs[i].name;
        assay_table *table = NULL;
        assay_published_rows rows;
        assay_column *columns = NULL;
        size_t count = 0;
        const char *layer = NULL;
        const char *short_name = NULL;
        ASSAY_TRY(assay_published_load(context->project, context->env, context->conn, name,
                                       context->arena, &table, err));
        if (!table->exists || !assay_published_split(name, context->arena, &layer, &short_name))
            return assay_error_set(err, ASSAY_ENOTFOUND, 2312, "input '%s' does not exist", name);
        ASSAY_TRY(assay_published_at(table, context->inputs[i].snapshot_id, context->env,
                                     context->arena, &rows, err));
        ASSAY_TRY(assay_published_columns(rows.schema, context->arena, &columns, &count, err));
        ASSAY_TRY(
            assay_engine_catalog_table(context->conn, layer, short_name, columns, count, err));
    }
    return ASSAY_OK;
}

static assay_status derive(assay_step_facts *facts, const assay_step_context *context,
                           const char *sql, assay_error *err)
{
    assay_column_lineage *columns = NULL;

    ASSAY_TRY(shadow_tables(context, err));
    ASSAY_TRY(assay_lineage_columns(context->conn, sql, facts->arena, &columns, err));
    facts->columns = columns;
    return ASSAY_OK;
}

void assay_facts_derive_columns(assay_step_facts *facts, const assay_step_context *context,
                                const char *sql)
{
    assay_error error = {0};
    char name[64];

    if (facts->steps->lineage == NULL)
        return;
    (void)snprintf(name, sizeof name, "shadow_%zu", context->model->index);
    assay_status status = assay_engine_catalog_open(context->conn, name, &error);
    if (status == ASSAY_OK) {
        status = derive(facts, context, sql, &error);
        assay_engine_catalog_close(context->conn, name);
    }
    if (status != ASSAY_OK)
        facts->column_problem = assay_arena_text(facts->arena, error.message);
}

/* ---- assertions ---- */

static const char *value_text(const assay_value *value, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    if (value == NULL)
        return NULL;
    assay_json_write(&buf, value, 0);
    return assay_arena_text(arena, assay_buf_text(&buf));
}

static const char *checked_column(const assay_value *kwargs)
{
    const char *column = assay_value_find_text(kwargs, "column", NULL);

    return column != NULL ? column : assay_value_find_text(kwargs, "column_A", NULL);
}

/* {"quarantined": 3}: rows that broke the rule and are not in the table. */
static assay_status count_params(const char *key, int64_t rows, assay_arena *arena,
                                 const assay_value **ret_params, assay_error *err)
{
    assay_value *map = assay_value_map(arena);

    if (rows <= 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_arena_check(map, err));
    ASSAY_TRY(assay_value_set(map, key, assay_value_int(arena, rows), arena, err));
    *ret_params = map;
    return ASSAY_OK;
}

/* What the contract says of rows holds for the table, since rows that break it are kept out. */
static assay_status add_contract(const assay_split *split, assay_arena *arena,
                                 assay_lineage_assertion *assertions, size_t *count,
                                 assay_error *err)
{
    for (size_t i = 0; i < split->count; i++) {
        const assay_split_rule *rule = &split->rules[i];
        bool dropped = rule->policy == ASSAY_BAD_ROW_DROP;
        if (rule->check != NULL)
            continue;
        assertions[*count] =
            (assay_lineage_assertion){.assertion = rule->name,
                                      .success =
                                          rule->policy != ASSAY_BAD_ROW_FAIL || rule->rows == 0,
                                      .severity = "error",
                                      .name = rule->name};
        ASSAY_TRY(count_params(dropped ? "dropped" : "quarantined", rule->rows, arena,
                               &assertions[*count].params, err));
        (*count)++;
    }
    return ASSAY_OK;
}

static assay_status set_assertions(const assay_step_facts *facts,
                                   const assay_write_outcome *outcome,
                                   assay_lineage_dataset *dataset, assay_error *err)
{
    const assay_quality_report *report = outcome->report;
    assay_arena *arena = facts->arena;
    size_t count = report != NULL ? report->count : 0;

    if (count + outcome->split.count == 0)
        return ASSAY_OK;
    assay_lineage_assertion *assertions =
        assay_arena_take(arena, count + outcome->split.count, sizeof *assertions);
    ASSAY_TRY(assay_arena_check(assertions, err));
    for (size_t i = 0; i < count; i++) {
        const assay_quality_result *result = &report->results[i];
        assertions[i] =
            (assay_lineage_assertion){.assertion = result->check->expectation,
                                      .success = result->status == ASSAY_CHECK_STATUS_PASS,
                                      .column = checked_column(result->check->kwargs),
                                      .severity = result->check->action >= ASSAY_CHECK_ACTION_FAIL
                                                      ? "error"
                                                      : "warn",
                                      .name = result->check->name,
                                      .actual = value_text(result->observed, arena),
                                      .content = result->sql,
                                      .content_type = result->sql != NULL ? "text/sql" : NULL};
        ASSAY_TRY(
            count_params("quarantined", result->quarantined, arena, &assertions[i].params, err));
    }
    ASSAY_TRY(add_contract(&outcome->split, arena, assertions, &count, err));
    dataset->assertions = assertions;
    dataset->assertion_count = count;
    return ASSAY_OK;
}

/* ---- events of a step ---- */

static const char *lifecycle_of(const assay_write_outcome *outcome)
{
    if (outcome->created)
        return "CREATE";
    if (outcome->schema_changed)
        return "ALTER";
    return outcome->rows_removed > 0 ? "OVERWRITE" : NULL;
}

static assay_status set_outcome(const assay_step_facts *facts, const assay_write_outcome *outcome,
                                assay_lineage_dataset *output, assay_error *err)
{
    const assay_snapshot *snapshot = outcome->snapshot;
    assay_arena *arena = facts->arena;

    ASSAY_TRY(set_assertions(facts, outcome, output, err));
    if (snapshot == NULL)
        return ASSAY_OK;
    output->version = assay_arena_format(arena, "%" PRId64, snapshot->id);
    ASSAY_TRY(assay_arena_check(output->version, err));
    output->lifecycle = lifecycle_of(outcome);
    output->output_rows = outcome->stage.rows;
    output->output_bytes = outcome->stage.bytes;
    output->output_files = (int64_t)outcome->stage.count;
    if (assay_str_equal(facts->target->format->name, "iceberg")) {
        output->has_commit = true;
        output->commit_snapshot_id = snapshot->id;
        output->commit_sequence = snapshot->number;
        output->commit_operation = snapshot->operation;
    }
    return ASSAY_OK;
}

/* The table itself, then what it is published to. */
static assay_status set_outputs(const assay_step_facts *facts, const assay_write_outcome *outcome,
                                const assay_lineage_dataset *output, assay_lineage_event *event,
                                assay_error *err)
{
    assay_lineage_dataset *outputs =
        assay_arena_take(facts->arena, facts->published_count + 2, sizeof *outputs);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(outputs, err));
    outputs[count++] = *output;
    if (outcome != NULL && outcome->snapshot != NULL && outcome->quarantine != NULL) {
        ASSAY_TRY(
            describe_table(facts->steps, outcome->quarantine, facts->arena, &outputs[count], err));
        outputs[count++].output_rows = outcome->split.quarantined;
    }
    for (size_t i = 0; i < facts->published_count; i++)
        outputs[count++] = facts->published[i];
    event->outputs = outputs;
    event->output_count = count;
    event->query_id = facts->query_id;
    event->query_source = facts->query_source;
    return ASSAY_OK;
}

static assay_status fill(const assay_step_facts *facts, const assay_schema *schema,
                         const assay_write_outcome *outcome, assay_lineage_event *event,
                         assay_lineage_dataset *output, assay_error *err)
{
    const assay_steps *steps = facts->steps;

    ASSAY_TRY(describe_table(steps, facts->target, facts->arena, output, err));
    ASSAY_TRY(set_schema(schema, facts->arena, output, err));
    if (facts->model != NULL) {
        output->documentation = facts->model->header.description;
        event->documentation = facts->model->header.description;
        ASSAY_TRY(assay_lineage_git_fill(event, steps->project->root, facts->model->path,
                                         facts->arena, err));
    }
    output->columns = facts->columns;
    if (outcome != NULL)
        ASSAY_TRY(set_outcome(facts, outcome, output, err));
    event->sql = facts->sql;
    event->inputs = facts->inputs;
    event->input_count = facts->input_count;
    ASSAY_TRY(set_outputs(facts, outcome, output, event, err));
    if (facts->column_problem != NULL) {
        event->extraction_error = facts->column_problem;
        event->extraction_task = facts->target->name;
    }
    return ASSAY_OK;
}

enum { NUMBER_SIZE = 16 };

static void set_error(assay_lineage_event *event, const assay_error *error,
                      char number[NUMBER_SIZE])
{
    if (error == NULL)
        return;
    event->error_message = error->message;
    if (error->number == 0)
        return;
    (void)snprintf(number, NUMBER_SIZE, "E%d", error->number);
    event->error_number = number;
}

static void send(const assay_step_facts *facts, assay_lineage_event_type type,
                 const assay_schema *schema, const assay_write_outcome *outcome,
                 const assay_error *error)
{
    const assay_steps *steps = facts->steps;
    assay_error problem = {0};
    char number[NUMBER_SIZE];

    if (steps->lineage == NULL)
        return;
    assay_lineage_event event =
        step_event(steps, job_name(steps, facts->target->name, facts->arena), facts->run_id,
                   facts->step_id);
    assay_lineage_dataset output;
    event.type = type;
    if (type == ASSAY_LINEAGE_START)
        event.time_us = facts->started_us;
    set_error(&event, error, number);
    if (fill(facts, schema, outcome, &event, &output, &problem) != ASSAY_OK)
        assay_log_write(steps->env->log, ASSAY_LOG_WARNING, "lineage event of '%s': %s",
                        facts->target->name, problem.message);
    emit(steps, &event);
}

void assay_events_start(const assay_step_facts *facts, const assay_schema *schema)
{
    send(facts, ASSAY_LINEAGE_START, schema, NULL, NULL);
}

void assay_events_complete(const assay_step_facts *facts, const assay_write_outcome *outcome)
{
    send(facts, ASSAY_LINEAGE_COMPLETE, outcome->schema, outcome, NULL);
}

void assay_events_fail(const assay_step_facts *facts, const assay_write_outcome *outcome,
                       const assay_error *error)
{
    assay_lineage_event_type type =
        error->code == ASSAY_ECANCELLED ? ASSAY_LINEAGE_ABORT : ASSAY_LINEAGE_FAIL;

    send(facts, type, outcome != NULL ? outcome->schema : NULL, outcome, error);
}

/* ---- a job that only carries rows ---- */

static assay_lineage_event carry_event(const assay_step_facts *facts, const char *job,
                                       assay_lineage_dataset *input)
{
    assay_lineage_event event = step_event(facts->steps, job, facts->run_id, facts->step_id);
    assay_error problem = {0};

    if (describe_table(facts->steps, facts->target, facts->arena, input, &problem) != ASSAY_OK ||
        set_schema(facts->target->schema, facts->arena, input, &problem) != ASSAY_OK)
        assay_log_write(facts->steps->env->log, ASSAY_LOG_WARNING, "lineage event of '%s': %s",
                        facts->target->name, problem.message);
    event.inputs = input;
    event.input_count = 1;
    event.outputs = facts->published;
    event.output_count = facts->published_count;
    return event;
}

void assay_events_carry(const assay_step_facts *facts, const assay_error *error)
{
    const assay_steps *steps = facts->steps;
    assay_lineage_dataset input;
    char number[NUMBER_SIZE];

    if (steps->lineage == NULL)
        return;
    const char *job = assay_arena_format(facts->arena, "%s.%s.publish", steps->project->name,
                                         facts->target->name);
    assay_lineage_event event = carry_event(facts, job, &input);
    event.type = ASSAY_LINEAGE_START;
    event.time_us = facts->started_us;
    emit(steps, &event);
    event.type = error == NULL ? ASSAY_LINEAGE_COMPLETE : ASSAY_LINEAGE_FAIL;
    if (error != NULL && error->code == ASSAY_ECANCELLED)
        event.type = ASSAY_LINEAGE_ABORT;
    event.time_us = now(steps);
    event.query_id = facts->query_id;
    event.query_source = facts->query_source;
    set_error(&event, error, number);
    emit(steps, &event);
}

void assay_events_close_step(const assay_steps *steps, const char *table, const char *run_id,
                             const char *step_id, bool committed, const char *message)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (steps->lineage == NULL || arena == NULL)
        return;
    assay_lineage_event event = step_event(steps, job_name(steps, table, arena), run_id, step_id);
    event.type = committed ? ASSAY_LINEAGE_COMPLETE : ASSAY_LINEAGE_ABORT;
    event.error_message = committed ? NULL : message;
    emit(steps, &event);
}

void assay_events_run(const assay_steps *steps, const char *run_id, int64_t time_us,
                      assay_lineage_event_type type, const char *message)
{
    assay_lineage_event event = assay_lineage_event_init();

    if (steps->lineage == NULL)
        return;
    event.type = type;
    event.time_us = time_us;
    event.run_id = run_id;
    event.job_namespace = steps->lineage_config->namespace;
    event.job_name = steps->project->name;
    event.parent = steps->lineage_config->parent;
    event.root = steps->lineage_config->root;
    event.engine_name = "DuckDB";
    event.engine_version = assay_engine_version();
    event.job_type = "DAG";
    event.error_message = message;
    emit(steps, &event);
}
