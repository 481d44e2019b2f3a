#include "steps/inputs.h"

#include "base/str.h"
#include "published/changes.h"
#include "published/growth.h"
#include "steps/convert.h"

static const assay_consumed_input *find_consumed(const assay_state_file *state, const char *table)
{
    for (size_t i = 0; state != NULL && i < state->input_count; i++)
        if (assay_str_equal(state->inputs[i].table, table))
            return &state->inputs[i];
    return NULL;
}

/* Another table than the one that was consumed: the same in another format, or a new one.
 * *ret_since is the snapshot with the rows that were consumed, -1 where it is expired. */
static assay_status find_converted(const assay_step_context *context, const assay_table *table,
                                   const assay_consumed_input *consumed, bool *ret_replaced,
                                   int64_t *ret_since, assay_error *err)
{
    bool same = false;

    *ret_replaced = !assay_convert_came_from(table, consumed, &same);
    if (*ret_replaced)
        return ASSAY_OK;
    if (!same)
        return assay_error_set(err, ASSAY_EDATA, 2313,
                               "'%s' had rows that '%s' has not consumed when its format was "
                               "changed, so its new rows cannot be told; run with --full-refresh",
                               table->name, context->model->name);
    *ret_since = -1;
    for (size_t i = 0; i < table->snapshot_count; i++)
        if (table->snapshots[i].number == 1)
            *ret_since = table->snapshots[i].id;
    return ASSAY_OK;
}

static assay_status take_new_rows(const assay_step_context *context, assay_bound_input *bound,
                                  const assay_consumed_input *consumed, bool *ret_replaced,
                                  assay_error *err)
{
    const assay_table *table = bound->rows.table;
    int64_t since = consumed->snapshot_id;
    assay_published_rows then;
    assay_published_rows now = bound->rows;
    assay_growth growth;

    if (!assay_str_equal(consumed->uuid, table->uuid)) {
        ASSAY_TRY(find_converted(context, table, consumed, ret_replaced, &since, err));
        if (*ret_replaced)
            return ASSAY_OK;
    }
    if (since < 0 || assay_table_snapshot(table, since) == NULL)
        return assay_error_set(err, ASSAY_EDATA, 2311,
                               "the snapshot of '%s' that '%s' has consumed is expired, so its new "
                               "rows cannot be told; run with --full-refresh",
                               table->name, context->model->name);
    ASSAY_TRY(assay_published_at(table, since, context->env, context->arena, &then, err));
    ASSAY_TRY(assay_growth_between(&then, &now, context->arena, &growth, err));
    if (growth.lost > 0 && assay_changes_can_tell(bound->input->model)) {
        const assay_changes_request request = {bound->input->model, context->model, &then, &now};
        ASSAY_TRY(
            assay_changes_select(context->conn, &request, context->arena, &bound->changes, err));
    } else if (growth.lost > 0 && growth.lost == then.count) {
        *ret_replaced = true;
        return ASSAY_OK;
    }
    if (growth.lost > 0 && bound->changes == NULL)
        return assay_error_set(err, ASSAY_EDATA, 2310,
                               "rows of '%s' that '%s' has consumed were changed; run with "
                               "--full-refresh",
                               table->name, context->model->name);
    now.files = growth.added;
    now.count = growth.added_count;
    bound->rows = now;
    bound->incremental = true;
    return ASSAY_OK;
}

static assay_status bind_one(const assay_step_context *context, const assay_step_input *input,
                             const assay_state_file *previous, assay_bound_inputs *inputs,
                             assay_error *err)
{
    assay_bound_input *bound = &inputs->items[inputs->count];
    const assay_consumed_input *consumed = find_consumed(previous, input->name);
    assay_table *table = NULL;

    ASSAY_TRY(assay_published_load(context->project, context->env, context->conn, input->name,
                                   context->arena, &table, err));
    if (!table->exists)
        return assay_error_set(err, ASSAY_ENOTFOUND, 2312, "input '%s' does not exist (any more)",
                               input->name);
    bound->input = input;
    ASSAY_TRY(assay_published_at(table, input->snapshot_id, context->env, context->arena,
                                 &bound->rows, err));
    bound->total_files = (int64_t)bound->rows.count;
    if (input->new_rows && consumed != NULL && bound->rows.snapshot != NULL)
        ASSAY_TRY(take_new_rows(context, bound, consumed, &inputs->replaced, err));
    inputs->count++;
    if (bound->changes != NULL)
        return assay_published_view_of(context->conn, input->name, bound->changes, err);
    return assay_published_view(context->conn, input->name, &bound->rows, err);
}

assay_status assay_inputs_bind(const assay_step_context *context, const assay_state_file *previous,
                               assay_bound_inputs *ret_inputs, assay_error *err)
{
    assay_bound_inputs inputs = {0};
    size_t new_rows = 0;
    size_t without = 0;

    inputs.items = assay_arena_take(context->arena, context->input_count + 1, sizeof *inputs.items);
    ASSAY_TRY(assay_arena_check(inputs.items, err));
    for (size_t i = 0; i < context->input_count; i++)
        ASSAY_TRY(bind_one(context, &context->inputs[i], previous, &inputs, err));
    for (size_t i = 0; i < inputs.count; i++) {
        new_rows += inputs.items[i].input->new_rows ? 1 : 0;
        without += inputs.items[i].incremental && inputs.items[i].rows.count == 0 ? 1 : 0;
    }
    inputs.nothing_new = new_rows > 0 && without == new_rows;
    *ret_inputs = inputs;
    return ASSAY_OK;
}

assay_status assay_inputs_consumed(const assay_bound_inputs *inputs, assay_arena *arena,
                                   assay_consumed_input **ret_consumed, size_t *ret_count,
                                   assay_error *err)
{
    assay_consumed_input *consumed = assay_arena_take(arena, inputs->count + 1, sizeof *consumed);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(consumed, err));
    for (size_t i = 0; i < inputs->count; i++) {
        const assay_published_rows *rows = &inputs->items[i].rows;
        if (rows->snapshot == NULL)
            continue;
        consumed[count++] = (assay_consumed_input){.table = inputs->items[i].input->name,
                                                   .uuid = rows->table->uuid,
                                                   .snapshot_id = rows->snapshot->id,
                                                   .number = rows->snapshot->number};
    }
    *ret_consumed = consumed;
    *ret_count = count;
    return ASSAY_OK;
}
