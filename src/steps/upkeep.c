#include "steps/upkeep.h"

#include "base/str.h"
#include "steps/published.h"
#include "table/state.h"

static const int64_t DAY_MS = 86400000;

/* The oldest snapshot is beyond both limits. */
static bool is_due(const assay_table *table, assay_keep_config keep, int64_t limit_ms)
{
    return table->snapshot_count > (size_t)keep.snapshots &&
           table->snapshots[0].timestamp_ms < limit_ms;
}

static bool takes_new_rows(const assay_model *reader, const char *table)
{
    for (size_t i = 0; i < reader->input_count; i++)
        if (reader->inputs[i].new_rows && assay_str_equal(reader->inputs[i].name, table))
            return true;
    return false;
}

/* The snapshot that a reader has consumed last tells it what is new: it stays, with those behind
 * it. Raises `keep` where it lies further back. */
static assay_status keep_consumed(const assay_steps *steps, const assay_step_context *context,
                                  const assay_table *table, const assay_model *reader, int *keep,
                                  assay_arena *arena, assay_error *err)
{
    assay_table *made = NULL;
    assay_state_file *state = NULL;
    int foreign = 0;

    ASSAY_TRY(assay_published_load(steps->project, steps->env, context->conn, reader->name, arena,
                                   &made, err));
    if (made->exists)
        ASSAY_TRY(assay_state_file_current(made, steps->env->store, arena, &state, &foreign, err));
    for (size_t i = 0; state != NULL && i < state->input_count; i++)
        for (size_t k = 0; k < table->snapshot_count; k++) {
            int behind = (int)(table->snapshot_count - k);
            if (assay_str_equal(state->inputs[i].table, table->name) &&
                state->inputs[i].snapshot_id == table->snapshots[k].id && behind > *keep)
                *keep = behind;
        }
    return ASSAY_OK;
}

static assay_status expire(const assay_steps *steps, const assay_step_context *context,
                           assay_arena *arena, assay_error *err)
{
    const assay_step_env *env = steps->env;
    assay_keep_config keep = assay_storage_keep(steps->project->storage, context->model->layer);
    int64_t limit_ms = env->clock->now_us(env->clock->user) / 1000 - keep.days * DAY_MS;
    assay_table *table = NULL;
    assay_expired expired;

    ASSAY_TRY(assay_published_load(steps->project, env, context->conn, context->model->name, arena,
                                   &table, err));
    if (!is_due(table, keep, limit_ms))
        return ASSAY_OK;
    for (size_t i = 0; i < context->model->reader_count; i++)
        if (takes_new_rows(context->model->readers[i], table->name))
            ASSAY_TRY(keep_consumed(steps, context, table, context->model->readers[i],
                                    &keep.snapshots, arena, err));
    const assay_expiry expiry = {.older_than_ms = limit_ms, .keep = keep.snapshots};
    const assay_commit_env commit_env = {.clock = env->clock,
                                         .random = env->random,
                                         .assay_version = env->assay_version,
                                         .format_options =
                                             assay_storage_options(steps->project->storage,
                                                                   table->format->name),
                                         .cancel = env->cancel};
    return table->format->expire(table, &expiry, &commit_env, env->store, context->conn, &expired,
                                 err);
}

void assay_upkeep_expire(const assay_steps *steps, const assay_step_context *context)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_error err = {0};

    if (arena != NULL && expire(steps, context, arena, &err) != ASSAY_OK)
        assay_log_write(steps->env->log, ASSAY_LOG_WARNING, "old snapshots of '%s' stay: %s",
                        context->model->name, err.message);
}
