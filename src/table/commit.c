#include "table/commit.h"

#include <string.h>
#include <time.h>

#include "base/path.h"
#include "base/str.h"
#include "base/uuid.h"

enum { RETRIES_MAX = 4, FIRST_WAIT_MS = 100, WAIT_SLICE_MS = 20, RELOADS_MAX = 3 };

/* ---- tokens ---- */

struct assay_gate_token {
    const char *table_name;
    const char *stage_id;
    const char *verdict;
    const char *suite_hash;
};

assay_gate_token *assay_gate_token_new(assay_arena *arena, const char *table_name,
                                       const char *stage_id, const char *verdict,
                                       const char *suite_hash)
{
    assay_gate_token *token = assay_arena_take(arena, 1, sizeof *token);

    if (token == NULL)
        return NULL;
    token->table_name = assay_arena_text(arena, table_name);
    token->stage_id = assay_arena_text(arena, stage_id);
    token->verdict = assay_arena_text(arena, verdict);
    token->suite_hash = assay_arena_text(arena, suite_hash);
    bool complete = token->table_name != NULL && token->stage_id != NULL &&
                    token->verdict != NULL && (suite_hash == NULL || token->suite_hash != NULL);
    return complete ? token : NULL;
}

const char *assay_gate_token_verdict(const assay_gate_token *token)
{
    return token->verdict;
}

static assay_status check_token(const assay_gate_token *token, const assay_commit_request *request,
                                assay_error *err)
{
    if (token == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 4042, "no gate was opened for table '%s'",
                               request->base->name);
    if (!assay_str_equal(token->table_name, request->base->name) ||
        !assay_str_equal(token->stage_id, request->stage_id))
        return assay_error_set(err, ASSAY_EINTERNAL, 4042,
                               "the gate was opened for other files of table '%s', not for '%s'",
                               token->table_name, request->base->name);
    return ASSAY_OK;
}

/* ---- one commit ---- */

struct committing {
    assay_commit_request *request;
    const assay_commit_env *env;
    assay_arena *arena;
    const char *commit_id;
};

/* How many of the state's files are those of the state before, in the same order. */
static size_t count_known(const assay_commit_request *request)
{
    const assay_state_file *previous = request->previous;

    if (previous == NULL || previous->file_count > request->state.file_count)
        return 0;
    for (size_t i = 0; i < previous->file_count; i++)
        if (!assay_str_equal(previous->files[i].path, request->state.files[i].path) ||
            !assay_str_equal(previous->files[i].sha256, request->state.files[i].sha256))
            return 0;
    return previous->file_count;
}

static assay_status save_state(struct committing *committing, assay_error *err)
{
    assay_commit_request *request = committing->request;
    const assay_table *base = request->base;
    assay_state_chain chain = {NULL, count_known(request)};
    bool adds = request->change.kind == ASSAY_CHANGE_APPEND ||
                request->change.kind == ASSAY_CHANGE_OVERWRITE;

    /* rows that come another way (a replay, a load) do not change what was read of a source */
    if (adds && request->state.watermark == NULL && request->previous != NULL)
        request->state.watermark = request->previous->watermark;

    request->state.number = base->current != NULL ? base->current->number + 1 : 1;
    if (chain.new_files_from > 0 && request->previous != NULL &&
        request->previous->commit_id != NULL) {
        chain.previous_path =
            assay_state_file_path(request->previous->number, request->previous->commit_id,
                                  committing->arena);
        ASSAY_TRY(assay_arena_check(chain.previous_path, err));
    }
    return assay_state_file_save(base->location, &request->state, &chain,
                                 committing->request->store, committing->arena,
                                 &request->change.state_path, err);
}

/* A state that nothing refers to. */
static void drop_state(struct committing *committing)
{
    const assay_commit_request *request = committing->request;
    const char *key =
        assay_path_join(committing->arena, request->base->location, request->change.state_path);

    if (key != NULL && assay_store_remove(committing->request->store, key, NULL) != ASSAY_OK)
        return; /* it only takes room */
}

static assay_status attempt(struct committing *committing, const assay_snapshot **ret_snapshot,
                            assay_error *err)
{
    assay_commit_request *request = committing->request;
    const assay_table *base = request->base;

    ASSAY_TRY(assay_cancel_check(committing->env->cancel, err));
    ASSAY_TRY(save_state(committing, err));
    assay_status status =
        base->format->commit(base, &request->change, committing->env, committing->request->store,
                             committing->request->conn, ret_snapshot, err);
    if (status != ASSAY_OK && status != ASSAY_EUNKNOWN_OUTCOME)
        drop_state(committing);
    return status;
}

/* ---- after a lost race ---- */

static assay_status reload(const struct committing *committing, assay_table **ret_now,
                           assay_error *err)
{
    const assay_table *base = committing->request->base;

    if (base->format->reload != NULL)
        return base->format->reload(base, committing->request->store, committing->request->conn,
                                    committing->arena, ret_now, err);
    return base->format->load(base->name, base->location, committing->request->store,
                              committing->request->conn, committing->arena, ret_now, err);
}

static const assay_snapshot *find_own(const struct committing *committing, const assay_table *now)
{
    for (size_t i = now->snapshot_count; i > 0; i--)
        if (assay_str_equal(now->snapshots[i - 1].commit_id, committing->commit_id))
            return &now->snapshots[i - 1];
    return NULL;
}

static assay_status conflict(const assay_table *base, const char *why, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4040, "table '%s' was changed meanwhile: %s",
                           base->name, why);
}

static bool same_field(const assay_field *a, const assay_field *b)
{
    bool same = a->id == b->id && assay_str_equal(a->name, b->name);

    same = same && assay_type_equal(&a->type, &b->type);
    for (size_t i = 0; same && i < a->type.field_count; i++)
        same = same_field(&a->type.fields[i], &b->type.fields[i]);
    return same;
}

static bool same_schema(const assay_schema *a, const assay_schema *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = same_field(&a->fields[i], &b->fields[i]);
    return same;
}

static bool same_spec(const assay_partition_spec *a, const assay_partition_spec *b)
{
    if (a == NULL || b == NULL)
        return (a == NULL || a->count == 0) && (b == NULL || b->count == 0);
    return assay_partition_spec_equal(a, b);
}

bool assay_table_same_shape(const assay_table *a, const assay_table *b)
{
    return same_schema(a->schema, b->schema) && same_spec(a->spec, b->spec);
}

static const assay_consumed_file *find_file(const assay_state_file *state, const char *path)
{
    for (size_t i = 0; state != NULL && i < state->file_count; i++)
        if (assay_str_equal(state->files[i].path, path))
            return &state->files[i];
    return NULL;
}

static const assay_consumed_input *find_input(const assay_state_file *state, const char *table)
{
    for (size_t i = 0; state != NULL && i < state->input_count; i++)
        if (assay_str_equal(state->inputs[i].table, table))
            return &state->inputs[i];
    return NULL;
}

/* The winner's consumed files, then those that this commit consumes; a file in both would come in
 * twice. */
static assay_status merge_files(struct committing *committing, const assay_state_file *winner,
                                assay_error *err)
{
    assay_commit_request *request = committing->request;
    size_t from = count_known(request);
    size_t count = winner->file_count + request->state.file_count - from;
    assay_consumed_file *files = assay_arena_take(committing->arena, count + 1, sizeof *files);

    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < winner->file_count; i++)
        files[i] = winner->files[i];
    for (size_t i = from; i < request->state.file_count; i++) {
        const assay_consumed_file *mine = &request->state.files[i];
        const assay_consumed_file *old = find_file(request->previous, mine->path);
        const assay_consumed_file *theirs = find_file(winner, mine->path);
        if (theirs != NULL && (old == NULL || !assay_str_equal(old->sha256, theirs->sha256)))
            return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                                   "another run has loaded '%s' into table '%s' meanwhile",
                                   mine->path, request->base->name);
        files[winner->file_count + i - from] = *mine;
    }
    request->state.files = files;
    request->state.file_count = count;
    return ASSAY_OK;
}

static assay_status check_inputs(const struct committing *committing,
                                 const assay_state_file *winner, assay_error *err)
{
    const assay_commit_request *request = committing->request;

    for (size_t i = 0; i < request->state.input_count; i++) {
        const char *table = request->state.inputs[i].table;
        const assay_consumed_input *before = find_input(request->previous, table);
        const assay_consumed_input *theirs = find_input(winner, table);
        if (theirs != NULL && (before == NULL || before->snapshot_id != theirs->snapshot_id))
            return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                                   "another run has added rows of '%s' to table '%s' meanwhile",
                                   table, request->base->name);
    }
    return ASSAY_OK;
}

/* Two runs that read the same window of a source would both add its rows. What knows nothing of a
 * watermark keeps the winner's. */
static assay_status merge_watermark(const struct committing *committing,
                                    const assay_state_file *winner, assay_error *err)
{
    assay_commit_request *request = committing->request;
    const assay_value *before = request->previous != NULL ? request->previous->watermark : NULL;

    if (request->state.watermark == NULL)
        request->state.watermark = winner->watermark;
    else if (winner->watermark != NULL &&
             (before == NULL || !assay_value_equal(before, winner->watermark)))
        return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                               "another run has read the source of table '%s' meanwhile",
                               request->base->name);
    return ASSAY_OK;
}

/* An append holds on any later state of the same table whose shape is the same, unless the winner
 * is a run of assay that consumed the same input; so does an overwrite whose files are there. */
static assay_status rebase_append(struct committing *committing, const assay_table *now,
                                  assay_error *err)
{
    assay_commit_request *request = committing->request;
    const assay_table *base = request->base;
    assay_state_file *winner = NULL;
    int foreign = 0;

    if (base->exists && (!now->exists || !assay_str_equal(base->uuid, now->uuid)))
        return conflict(base, "it is another table now", err);
    if (!same_schema(base->exists ? base->schema : request->change.schema, now->schema))
        return conflict(base, "its schema is another one", err);
    if (!same_spec(base->exists ? base->spec : request->change.spec, now->spec))
        return conflict(base, "its partitioning is another one", err);
    ASSAY_TRY(assay_state_file_current(now, committing->request->store, committing->arena, &winner,
                                       &foreign, err));
    bool changed =
        winner != NULL && (request->previous == NULL ||
                           !assay_str_equal(winner->commit_id, request->previous->commit_id));
    if (changed) {
        ASSAY_TRY(check_inputs(committing, winner, err));
        ASSAY_TRY(merge_watermark(committing, winner, err));
        ASSAY_TRY(merge_files(committing, winner, err));
        request->previous = winner;
    }
    /* Files staged under the table's spec keep its id. */
    request->change.spec = now->spec != NULL ? now->spec : request->change.spec;
    return ASSAY_OK;
}

static assay_status rebase(struct committing *committing, const assay_table *now, assay_error *err)
{
    assay_commit_request *request = committing->request;
    assay_change_kind kind = request->change.kind;

    if (kind == ASSAY_CHANGE_APPEND)
        ASSAY_TRY(rebase_append(committing, now, err));
    else if (request->recheck == NULL)
        return conflict(request->base, "this change does not hold on what it is now", err);
    if (request->recheck != NULL)
        ASSAY_TRY(request->recheck(request->recheck_user, now, request, err));
    /* what the winner has consumed is taken over */
    if (kind == ASSAY_CHANGE_OVERWRITE)
        ASSAY_TRY(rebase_append(committing, now, err));
    request->base = now;
    return ASSAY_OK;
}

/* ---- waiting ---- */

static assay_status wait_before(const struct committing *committing, int try_number,
                                assay_error *err)
{
    uint32_t jitter = 0;
    int64_t ms = (int64_t)FIRST_WAIT_MS << (try_number - 1);

    committing->env->random->fill(committing->env->random->user, &jitter, sizeof jitter);
    ms = ms / 2 + (int64_t)(jitter % (uint32_t)ms);
    for (; ms > 0; ms -= WAIT_SLICE_MS) {
        struct timespec slice = {0, (ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS) * 1000000L};
        ASSAY_TRY(assay_cancel_check(committing->env->cancel, err));
        (void)nanosleep(&slice, NULL);
    }
    return ASSAY_OK;
}

/* ---- the loop ---- */

/* Looks at the table after an attempt that failed. *ret_own is the snapshot where the commit is
 * there after all. */
static assay_status look_again(struct committing *committing, assay_table **ret_now,
                               const assay_snapshot **ret_own, assay_error *err)
{
    assay_status status = ASSAY_OK;

    for (int i = 0; i < RELOADS_MAX; i++) {
        status = reload(committing, ret_now, err);
        if (status == ASSAY_OK) {
            *ret_own = find_own(committing, *ret_now);
            return ASSAY_OK;
        }
        if (wait_before(committing, i + 1, NULL) != ASSAY_OK)
            break;
    }
    return status;
}

static assay_status settle(struct committing *committing, assay_status failed,
                           const assay_snapshot **ret_snapshot, bool *ret_done, assay_error *err)
{
    bool unknown = failed == ASSAY_EUNKNOWN_OUTCOME;
    const assay_table *base = committing->request->base;
    assay_table *now = NULL;
    const assay_snapshot *own = NULL;

    assay_status status = look_again(committing, &now, &own, err);
    if (status != ASSAY_OK && unknown) {
        if (err != NULL)
            err->number = 4041;
        return assay_error_wrap_status(err, ASSAY_EUNKNOWN_OUTCOME,
                                       "whether the commit to table '%s' happened is not known",
                                       base->name);
    }
    ASSAY_TRY(status);
    if (own != NULL) {
        *ret_snapshot = own;
        *ret_done = true;
        return ASSAY_OK;
    }
    bool moved =
        now->snapshot_count != base->snapshot_count ||
        (now->current != NULL && base->current != NULL && now->current->id != base->current->id) ||
        now->exists != base->exists;
    /* Nobody came first and nothing of ours is there: the same commit is tried again. Should the
     * lost one land after all, the next attempt loses against it and finds it here. */
    return moved || !unknown ? rebase(committing, now, err) : ASSAY_OK;
}

static assay_status run(struct committing *committing, const assay_snapshot **ret_snapshot,
                        assay_error *err)
{
    bool done = false;

    for (int tries = 0;; tries++) {
        assay_status status = attempt(committing, ret_snapshot, err);
        if (status != ASSAY_ECONFLICT && status != ASSAY_EUNKNOWN_OUTCOME)
            return status;
        if (tries == RETRIES_MAX && status == ASSAY_ECONFLICT)
            return conflict(committing->request->base, "other commits came first five times", err);
        ASSAY_TRY(wait_before(committing, tries + 1, err));
        ASSAY_TRY(settle(committing, status, ret_snapshot, &done, err));
        if (done)
            return ASSAY_OK;
        if (tries == RETRIES_MAX)
            return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 4041,
                                   "whether the commit to table '%s' happened is not known",
                                   committing->request->base->name);
    }
}

assay_status assay_table_commit(assay_commit_request *request, const assay_gate_token *token,
                                const assay_commit_env *env, assay_arena *arena,
                                const assay_snapshot **ret_snapshot, assay_error *err)
{
    struct committing committing = {.request = request, .env = env, .arena = arena};
    char id[ASSAY_UUID_TEXT_SIZE];

    ASSAY_TRY(check_token(token, request, err));
    assay_uuid_format(assay_uuid_v4(env->random), id);
    committing.commit_id = assay_arena_text(arena, id);
    ASSAY_TRY(assay_arena_check(committing.commit_id, err));
    request->change.commit_id = committing.commit_id;
    request->change.verdict = token->verdict;
    request->state.commit_id = committing.commit_id;
    request->state.verdict = token->verdict;
    if (request->state.suite_hash == NULL)
        request->state.suite_hash = token->suite_hash;
    return run(&committing, ret_snapshot, err);
}
