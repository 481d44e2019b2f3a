#include <string.h>

#include "base/path.h"
#include "delta/change.h"
#include "delta/checkpoint.h"
#include "delta/protocol.h"

enum { CHECKPOINT_INTERVAL = 10, US_PER_MS = 1000 };

/* A failed publication may have happened all the same: the log itself tells (facts 7.3). */
static assay_status look_again(const assay_delta_change *change, const char *path, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_error failure = {0};
    assay_status status = ASSAY_OK;

    (void)assay_error_copy(&failure, err);
    status = assay_store_get(change->store, path, ASSAY_DELTA_COMMIT_BYTES_MAX, &text, err);
    if (status == ASSAY_ENOTFOUND)
        return assay_error_copy(err, &failure);
    if (status == ASSAY_OK && strstr(assay_buf_text(&text), change->change->commit_id) == NULL)
        return assay_error_set(err, ASSAY_ECONFLICT, 4217,
                               "version %lld of table '%s' was committed by somebody else",
                               (long long)change->version, change->base->name);
    return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 4218,
                           "it is not known whether version %lld of table '%s' is durable: %s",
                           (long long)change->version, change->base->name, failure.message);
}

/* The folders of a new table must be there too after a power failure. */
static assay_status make_folders(const assay_delta_change *change, const assay_delta_log *log,
                                 assay_error *err)
{
    char *parent = assay_path_dir(change->arena, change->base->location);

    ASSAY_TRY(assay_arena_check(parent, err));
    ASSAY_TRY(assay_path_make(log->folder, err));
    if (change->version > 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_sync(change->base->location, err));
    return assay_path_sync(parent, err);
}

static assay_status publish(const assay_delta_change *change, const assay_delta_log *log,
                            assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char *path = assay_delta_log_commit_path(log, change->version, change->arena);
    assay_error failure = {0};
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(assay_delta_change_write(change, &text, err));
    ASSAY_TRY(make_folders(change, log, err));
    status = assay_store_put_new(change->store, path, text.data, text.size, &failure);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (status == ASSAY_ECONFLICT || status == ASSAY_EEXISTS)
        return assay_error_set(err, ASSAY_ECONFLICT, 4217,
                               "version %lld of table '%s' was committed by somebody else",
                               (long long)change->version, change->base->name);
    (void)assay_error_copy(err, &failure);
    return err == NULL ? status : look_again(change, path, err);
}

/* The commit stands whatever becomes of its checkpoint, so nothing here is an error. */
static void checkpoint_when_due(const assay_delta_change *change, assay_conn *conn)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_delta_replay_options options = {.store = change->store, .conn = conn, .with_files = true};
    int64_t interval = assay_delta_config_int(change->metadata_after, "delta.checkpointInterval",
                                              CHECKPOINT_INTERVAL);
    assay_delta_state *state = NULL;
    assay_delta_log *log = NULL;
    assay_status status = ASSAY_OK;

    if (conn == NULL || arena == NULL || change->version == 0 || interval < 1 ||
        change->version % interval != 0)
        return;
    if (assay_delta_log_list(change->base->location, change->store, arena, &log, NULL) !=
            ASSAY_OK ||
        assay_delta_replay(log, change->version, &options, arena, &state, NULL) != ASSAY_OK ||
        !assay_delta_checkpoint_possible(state))
        return;
    status = assay_delta_checkpoint_write(log, state, change->now_ms, change->store, conn, NULL);
    (void)status;
}

static const char *keep_text(assay_arena *arena, const char *text)
{
    return assay_arena_text(arena, text);
}

static assay_status make_snapshot(const assay_delta_change *change,
                                  const assay_snapshot **ret_snapshot, assay_error *err)
{
    assay_arena *arena = change->base->arena;
    const assay_change *what = change->change;
    assay_snapshot *snapshot = assay_arena_take(arena, 1, sizeof(*snapshot));

    ASSAY_TRY(assay_arena_check(snapshot, err));
    *snapshot = (assay_snapshot){
        .id = change->version,
        .parent = change->version - 1,
        .number = change->version + 1,
        .timestamp_ms = change->now_ms,
        .operation = what->kind == ASSAY_CHANGE_APPEND ? "append" : "overwrite",
        .rows = change->rows,
        .files = change->files,
        .bytes = change->bytes,
        .added_rows = change->added_rows,
        .removed_rows = change->removed_rows,
        .state_path = keep_text(arena, what->state_path),
        .engine = "assay",
        .run_id = keep_text(arena, what->run_id),
        .commit_id = keep_text(arena, what->commit_id),
        .verdict = keep_text(arena, what->verdict),
    };
    *ret_snapshot = snapshot;
    return ASSAY_OK;
}

assay_status assay_delta_commit(const assay_table *base, const assay_change *change,
                                const assay_commit_env *env, assay_store *store, assay_conn *conn,
                                const assay_snapshot **ret_snapshot, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_delta_loaded *loaded = base->format_data;
    const assay_snapshot *snapshot = NULL;
    assay_delta_change attempt = {.base = base,
                                  .loaded = loaded,
                                  .change = change,
                                  .env = env,
                                  .store = store,
                                  .arena = arena,
                                  .version = loaded->log->version + 1,
                                  .now_ms = env->clock->now_us(env->clock->user) / US_PER_MS};

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_cancel_check(env->cancel, err));
    ASSAY_TRY(assay_delta_check_place(base, arena, err));
    ASSAY_TRY(assay_delta_change_metadata(&attempt, err));
    ASSAY_TRY(assay_delta_change_files(&attempt, err));
    ASSAY_TRY(make_snapshot(&attempt, &snapshot, err));
    ASSAY_TRY(publish(&attempt, loaded->log, err));
    checkpoint_when_due(&attempt, conn);
    *ret_snapshot = snapshot;
    return ASSAY_OK;
}
