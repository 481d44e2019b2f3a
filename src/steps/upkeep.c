#include "steps/upkeep.h"

#include "base/str.h"
#include "published/published.h"
#include "steps/quarantine.h"
#include "table/state.h"

/* The oldest snapshot is beyond both limits. */
static bool is_due(const assay_table *table, const assay_expiry *expiry)
{
    return table->snapshot_count > (size_t)expiry->keep &&
           table->snapshots[0].timestamp_ms < expiry->older_than_ms;
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
    assay_expiry expiry = assay_published_expiry(steps->project, env, context->model->layer);
    assay_table *table = NULL;
    assay_expired expired;

    ASSAY_TRY(assay_published_load(steps->project, env, context->conn, context->model->name, arena,
                                   &table, err));
    if (!is_due(table, &expiry))
        return ASSAY_OK;
    for (size_t i = 0; i < context->model->reader_count; i++)
        if (takes_new_rows(context->model->readers[i], table->name))
            ASSAY_TRY(keep_consumed(steps, context, table, context->model->readers[i], &expiry.keep,
                                    arena, err));
    const assay_commit_env commit_env = assay_published_commit_env(steps->project, env, table);
    return table->format->expire(table, &expiry, &commit_env, env->store, context->conn, &expired,
                                 err);
}

static assay_status expire_quarantine(const assay_steps *steps, const assay_step_context *context,
                                      assay_arena *arena, assay_error *err)
{
    const assay_step_env *env = steps->env;
    const assay_expiry expiry = assay_published_expiry(steps->project, env, "quarantine");
    const char *name = assay_quarantine_name(context->model->name, arena);
    assay_table *table = NULL;
    assay_expired expired;

    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(assay_published_load(steps->project, env, context->conn, name, arena, &table, err));
    if (!is_due(table, &expiry))
        return ASSAY_OK;
    const assay_commit_env commit_env = assay_published_commit_env(steps->project, env, table);
    return table->format->expire(table, &expiry, &commit_env, env->store, context->conn, &expired,
                                 err);
}

void assay_upkeep_expire_quarantine(const assay_steps *steps, const assay_step_context *context)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_error err = {0};

    if (arena != NULL && expire_quarantine(steps, context, arena, &err) != ASSAY_OK)
        assay_log_write(steps->env->log, ASSAY_LOG_WARNING,
                        "old snapshots of the quarantine of '%s' stay: %s", context->model->name,
                        err.message);
}

void assay_upkeep_expire(const assay_steps *steps, const assay_step_context *context)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_error err = {0};

    if (arena != NULL && expire(steps, context, arena, &err) != ASSAY_OK)
        assay_log_write(steps->env->log, ASSAY_LOG_WARNING, "old snapshots of '%s' stay: %s",
                        context->model->name, err.message);
}
