#include "steps/transform.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "engine/catalog.h"
#include "pipeline/contract.h"
#include "steps/events.h"
#include "steps/inputs.h"
#include "steps/outcome.h"
#include "steps/publish_step.h"

/* One run of a model. */
struct transform {
    assay_steps *steps;
    const assay_step_context *context;
    assay_step_result *result;
    assay_table *table;
    assay_state_file *state; /* what is published; NULL = nothing of ours */
    int foreign;
    const char *sql;
    const char *shape; /* the query with the columns that the mode adds */
    char skip_key[65];
    assay_bound_inputs inputs;
    assay_write_outcome outcome;
    assay_step_facts facts;
    bool started; /* START is spooled */
};

static const assay_state_file *previous_of(const struct transform *transform)
{
    return transform->context->full_refresh ? NULL : transform->state;
}

/* Is what is published exactly what this run would make? */
static bool is_unchanged(const struct transform *transform)
{
    const assay_state_file *state = previous_of(transform);

    return state != NULL && transform->foreign == 0 && transform->skip_key[0] != '\0' &&
           assay_str_equal(state->skip_key, transform->skip_key);
}

static assay_status prepare(struct transform *transform, assay_error *err)
{
    const assay_step_context *context = transform->context;
    assay_row_rules rules;

    ASSAY_TRY(
        assay_step_target(context, &transform->table, &transform->state, &transform->foreign, err));
    ASSAY_TRY(assay_step_skip_key(context, NULL, transform->skip_key, err));
    ASSAY_TRY(assay_model_bind_interval(context->model, context->since_us, context->until_us,
                                        context->arena, &transform->sql, err));
    ASSAY_TRY(
        assay_contract_wrap(context->model, transform->sql, context->arena, &transform->sql, err));
    ASSAY_TRY(assay_row_rules_read(&context->model->header, context->arena, &rules, err));
    return assay_row_rules_shape(&rules, transform->sql, context->arena, &transform->shape, err);
}

static assay_status skip(struct transform *transform, assay_skip_reason skip, const char *reason)
{
    transform->result->outcome = ASSAY_STEP_SKIPPED;
    transform->result->skip = skip;
    transform->result->reason = reason;
    return ASSAY_OK;
}

static void note_foreign(struct transform *transform)
{
    const char **notes = assay_arena_take(transform->context->arena, 1, sizeof *notes);

    if (transform->foreign == 0 || notes == NULL)
        return;
    notes[0] = assay_arena_format(transform->context->arena,
                                  "%d commit%s of another program since the last run",
                                  transform->foreign, transform->foreign == 1 ? "" : "s");
    transform->result->notes = notes;
    transform->result->note_count = notes[0] != NULL ? 1 : 0;
}

static void begin_events(struct transform *transform)
{
    const assay_step_context *context = transform->context;

    transform->facts = assay_facts_init(transform->steps, context, transform->table);
    transform->facts.sql = transform->sql;
    if (context->model->failure == NULL)
        assay_facts_derive_columns(&transform->facts, context, transform->shape);
}

static assay_status make_write(struct transform *transform, assay_write *write, assay_error *err)
{
    const assay_step_context *context = transform->context;
    assay_consumed_input *consumed = NULL;

    ASSAY_TRY(assay_step_write_init(transform->steps, context, transform->table, transform->state,
                                    write, err));
    write->select = transform->sql;
    write->inputs_bound = true;
    if (context->full_refresh || transform->inputs.replaced)
        write->mode = context->full_refresh ? ASSAY_LOAD_FULL : write->mode;
    write->state.skip_key = transform->skip_key[0] != '\0' ? transform->skip_key : NULL;
    ASSAY_TRY(assay_inputs_consumed(&transform->inputs, context->arena, &consumed,
                                    &write->state.input_count, err));
    write->state.inputs = consumed;
    return ASSAY_OK;
}

/* What compiling has found. The inputs stand in the events where there are all of them. */
static assay_status refuse(struct transform *transform, assay_error *err)
{
    const assay_step_context *context = transform->context;
    assay_error missing = {0};

    assay_status status =
        assay_inputs_bind(context, previous_of(transform), &transform->inputs, &missing);
    if (status == ASSAY_OK)
        ASSAY_TRY(assay_facts_add_tables(&transform->facts, &transform->inputs, err));
    assay_events_start(&transform->facts, transform->table->schema);
    transform->started = true;
    return assay_error_copy(err, context->model->failure);
}

/* Inside the step's private catalog. */
static assay_status run_in_catalog(struct transform *transform, assay_error *err)
{
    const assay_step_context *context = transform->context;
    assay_write write;

    if (context->model->failure != NULL)
        return refuse(transform, err);
    assay_step_phase(context, "reading");
    ASSAY_TRY(assay_engine_catalog_clock(context->conn, context->now_us, err));
    ASSAY_TRY(assay_inputs_bind(context, previous_of(transform), &transform->inputs, err));
    if (transform->inputs.nothing_new)
        return skip(transform, ASSAY_SKIP_NO_NEW_DATA, "no new rows in its inputs");
    ASSAY_TRY(assay_facts_add_tables(&transform->facts, &transform->inputs, err));
    assay_events_start(&transform->facts, transform->table->schema);
    transform->started = true;
    ASSAY_TRY(make_write(transform, &write, err));
    ASSAY_TRY(assay_write_run(&write, &transform->outcome, err));
    assay_step_result_fill(&transform->outcome, transform->result);
    if (transform->outcome.snapshot == NULL)
        return skip(transform, ASSAY_SKIP_NO_NEW_DATA,
                    write.rules.key_count > 0 ? "no changes" : "the query gave no new rows");
    transform->result->outcome = ASSAY_STEP_DONE;
    return ASSAY_OK;
}

static assay_status run_needed(struct transform *transform, assay_error *err)
{
    const assay_step_context *context = transform->context;
    char name[64];

    begin_events(transform);
    (void)snprintf(name, sizeof name, "step_%zu", context->model->index);
    ASSAY_TRY(assay_engine_catalog_open(context->conn, name, err));
    assay_status status = run_in_catalog(transform, err);
    assay_engine_catalog_close(context->conn, name);
    if (status != ASSAY_OK)
        assay_step_hide_values(context->model, err);
    if (transform->started)
        assay_publish_finish(&transform->facts, context, &transform->outcome, transform->result,
                             status, err);
    if (status == ASSAY_EGATE)
        assay_step_result_fill(&transform->outcome, transform->result);
    return status;
}

assay_status assay_transform_run(assay_steps *steps, const assay_step_context *context,
                                 assay_step_result *ret_result, assay_error *err)
{
    /* in the arena: the outcome is referred to by the result */
    struct transform *transform = assay_arena_take(context->arena, 1, sizeof *transform);

    ASSAY_TRY(assay_arena_check(transform, err));
    transform->steps = steps;
    transform->context = context;
    transform->result = ret_result;
    ASSAY_TRY(prepare(transform, err));
    note_foreign(transform);
    if (context->model->failure != NULL || !is_unchanged(transform))
        return run_needed(transform, err);
    if (assay_step_suite_changed(steps, context, transform->state))
        return assay_step_checks_only(steps, context, transform->table, ret_result, err);
    return skip(transform, ASSAY_SKIP_UNCHANGED, "unchanged");
}

static bool has_new_rows_inputs(const assay_model *model)
{
    for (size_t i = 0; i < model->input_count; i++)
        if (model->inputs[i].new_rows)
            return true;
    return false;
}

assay_status assay_transform_plan(assay_steps *steps, const assay_step_context *context,
                                  assay_step_plan *ret_plan, assay_error *err)
{
    struct transform transform = {.steps = steps, .context = context};

    ASSAY_TRY(prepare(&transform, err));
    ret_plan->new_files = -1;
    if (!is_unchanged(&transform)) {
        ret_plan->will_run = true;
        ret_plan->reason = transform.table->exists ? "its inputs, its SQL or its settings changed"
                                                   : "the table does not exist yet";
        if (has_new_rows_inputs(context->model) && transform.table->exists)
            ret_plan->reason = "its inputs may have new rows";
    } else if (assay_step_suite_changed(steps, context, transform.state)) {
        ret_plan->will_run = true;
        ret_plan->reason = "only the suite changed: checks run again";
    } else {
        ret_plan->skip = ASSAY_SKIP_UNCHANGED;
        ret_plan->reason = "unchanged";
    }
    return ASSAY_OK;
}
