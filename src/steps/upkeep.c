#include "steps/upkeep.h"

#include "steps/published.h"

static const int64_t DAY_MS = 86400000;

/* The oldest snapshot is beyond both limits. */
static bool is_due(const assay_table *table, assay_keep_config keep, int64_t limit_ms)
{
    return table->snapshot_count > (size_t)keep.snapshots &&
           table->snapshots[0].timestamp_ms < limit_ms;
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
