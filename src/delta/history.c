#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "delta/loaded.h"

const char assay_delta_app_id[] = "assay";
const char assay_delta_app_commit[] = "assay.commit";

enum { COMMIT_HEX_DIGITS = 15, HISTORY_MAX = 10000, MS_PER_NS = 1000000 };

struct operation {
    const char *delta; /* commitInfo.operation */
    const char *name;  /* as table/table.h says it */
};

static const struct operation operations[] = {
    {"WRITE", "append"},
    {"STREAMING UPDATE", "append"},
    {"COPY INTO", "append"},
    {"DELETE", "delete"},
    {"TRUNCATE", "delete"},
    {"OPTIMIZE", "replace"},
    {"CREATE TABLE", "append"},
    {"CREATE TABLE AS SELECT", "append"},
    {"ADD COLUMNS", "replace"},
    {"SET TBLPROPERTIES", "replace"},
    {"VACUUM START", "replace"},
    {"VACUUM END", "replace"},
    {"UPGRADE PROTOCOL", "replace"},
};

int64_t assay_delta_commit_number(const char *commit_id)
{
    int64_t number = 0;
    int digits = 0;

    for (const char *at = commit_id == NULL ? "" : commit_id;
         *at != '\0' && digits < COMMIT_HEX_DIGITS; at++) {
        const char *found = strchr("0123456789abcdef", *at);

        if (*at == '-')
            continue;
        if (found == NULL)
            return -1;
        number = number * 16 + (found - "0123456789abcdef");
        digits++;
    }
    return digits == COMMIT_HEX_DIGITS ? number : -1;
}

static const char *operation_name(const assay_value *info)
{
    const char *delta = assay_value_find_text(info, "operation", "");
    const char *mode =
        assay_value_find_text(assay_value_find(info, "operationParameters"), "mode", "");

    if (assay_str_equal_ci(mode, "Overwrite"))
        return "overwrite";
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(operations[i].delta, delta) == 0)
            return operations[i].name;
    }
    return "overwrite";
}

/* Metrics are text. */
static int64_t metric(const assay_value *info, const char *key)
{
    const assay_value *metrics = assay_value_find(info, "operationMetrics");
    const char *text = assay_value_find_text(metrics, key, NULL);
    int64_t number = 0;

    if (text != NULL && assay_str_to_int64(text, &number))
        return number;
    return assay_value_find_int(metrics, key, -1);
}

static void fill_own(const assay_value *own, assay_snapshot *snapshot)
{
    snapshot->state_path = assay_value_find_text(own, "state", NULL);
    snapshot->run_id = assay_value_find_text(own, "runId", NULL);
    snapshot->commit_id = assay_value_find_text(own, "commitId", NULL);
    snapshot->verdict = assay_value_find_text(own, "verdict", NULL);
    snapshot->rows = assay_value_find_int(own, "rows", -1);
    snapshot->files = assay_value_find_int(own, "files", -1);
    snapshot->bytes = assay_value_find_int(own, "bytes", -1);
    snapshot->added_rows = assay_value_find_int(own, "addedRows", -1);
    snapshot->removed_rows = assay_value_find_int(own, "removedRows", -1);
}

/* The name alone, as other formats have it: "delta-rs" of "delta-rs:py-1.2", "assay" of
 * "assay/0.1.0". */
static assay_status fill_engine(const assay_value *info, assay_arena *arena,
                                assay_snapshot *snapshot, assay_error *err)
{
    const char *text = assay_value_find_text(info, "engineInfo",
                                             assay_value_find_text(info, "clientVersion", NULL));

    if (text == NULL)
        return ASSAY_OK;
    snapshot->engine = assay_arena_text_n(arena, text, strcspn(text, "/: "));
    return assay_arena_check(snapshot->engine, err);
}

static void fill(const assay_value *info, assay_snapshot *snapshot)
{
    snapshot->operation = operation_name(info);
    snapshot->timestamp_ms =
        assay_value_find_int(info, "inCommitTimestamp",
                             assay_value_find_int(info, "timestamp", snapshot->timestamp_ms));
    if (snapshot->added_rows < 0 && strcmp(snapshot->operation, "append") == 0)
        snapshot->added_rows = metric(info, "numOutputRows");
    if (assay_value_find(info, "assay") != NULL)
        fill_own(assay_value_find(info, "assay"), snapshot);
}

static const assay_value *known_info(const assay_delta_state *state, int64_t version)
{
    for (size_t i = 0; i < state->info_count; i++) {
        if (state->infos[i].version == version)
            return state->infos[i].body;
    }
    return NULL;
}

/* Whether the replay of the load has read this commit already. */
static bool was_replayed(const assay_delta_loaded *loaded, int64_t version)
{
    const assay_delta_log *log = loaded->log;
    const assay_delta_checkpoint *last =
        log->checkpoint_count == 0 ? NULL : &log->checkpoints[log->checkpoint_count - 1];

    return last == NULL || version > last->version;
}

static assay_status read_info(const assay_delta_loaded *loaded, int64_t version, assay_store *store,
                              assay_arena *arena, const assay_value **ret_info, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_delta_line line;
    size_t at = 0;

    *ret_info = known_info(loaded->state, version);
    if (*ret_info != NULL || was_replayed(loaded, version) ||
        !assay_delta_log_has_commit(loaded->log, version))
        return ASSAY_OK;
    ASSAY_TRY(assay_delta_log_read_commit(loaded->log, version, store, &text, err));
    while (*ret_info == NULL && assay_delta_log_next_line(&text, &at, &line)) {
        if (assay_delta_line_is(&line, "commitInfo"))
            ASSAY_TRY(assay_delta_line_parse(&line, "commitInfo", arena, ret_info, err));
    }
    return ASSAY_OK;
}

static assay_status file_time_ms(const assay_delta_loaded *loaded, int64_t version,
                                 assay_arena *arena, int64_t *ret_ms, assay_error *err)
{
    assay_path_info info = {.exists = false};
    char *path = assay_delta_log_commit_path(loaded->log, version, arena);

    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(assay_path_stat(path, &info, err));
    *ret_ms = info.exists ? info.mtime_ns / MS_PER_NS : 0;
    return ASSAY_OK;
}

static assay_status make_snapshot(const assay_delta_loaded *loaded, int64_t version,
                                  assay_store *store, assay_arena *arena,
                                  assay_snapshot *ret_snapshot, assay_error *err)
{
    const assay_value *info = NULL;

    *ret_snapshot = (assay_snapshot){.id = version,
                                     .parent = version - 1,
                                     .number = version + 1,
                                     .operation = "overwrite",
                                     .rows = -1,
                                     .files = -1,
                                     .bytes = -1,
                                     .added_rows = -1,
                                     .removed_rows = -1};
    ASSAY_TRY(read_info(loaded, version, store, arena, &info, err));
    if (info != NULL) {
        fill(info, ret_snapshot);
        ASSAY_TRY(fill_engine(info, arena, ret_snapshot, err));
    }
    if (ret_snapshot->timestamp_ms == 0)
        ASSAY_TRY(file_time_ms(loaded, version, arena, &ret_snapshot->timestamp_ms, err));
    return ASSAY_OK;
}

/* Versions that can be read: those from a checkpoint, or from 0, on without a gap. */
static assay_status readable_versions(const assay_delta_log *log, assay_vec *versions,
                                      assay_error *err)
{
    size_t commit = 0, checkpoint = 0;
    int64_t last = -1;

    while (commit < log->commit_count || checkpoint < log->checkpoint_count) {
        int64_t a = commit < log->commit_count ? log->commits[commit] : INT64_MAX;
        int64_t b =
            checkpoint < log->checkpoint_count ? log->checkpoints[checkpoint].version : INT64_MAX;
        int64_t version = a < b ? a : b;

        commit += a == version ? 1 : 0;
        checkpoint += b == version ? 1 : 0;
        if (b != version && version != last + 1)
            continue;
        ASSAY_TRY(assay_vec_push(versions, &version, err));
        last = version;
    }
    return ASSAY_OK;
}

/* The state file that the txn actions name, where commits that said it more simply are gone
 * (SEMANTICS.md 2.2: log cleanup must not lose it). */
static assay_status find_state_by_txn(const assay_delta_loaded *loaded, assay_store *store,
                                      assay_arena *arena, const char **ret_path, assay_error *err)
{
    int64_t number = assay_delta_state_txn(loaded->state, assay_delta_app_id);
    int64_t commit = assay_delta_state_txn(loaded->state, assay_delta_app_commit);
    char *folder = assay_path_join(arena, loaded->log->location, "_assay");
    char *prefix = assay_arena_format(arena, "state-%lld-", (long long)number);
    assay_store_names list = {NULL, 0};

    *ret_path = NULL;
    if (number < 0 || commit < 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_arena_check(prefix, err));
    ASSAY_TRY(assay_store_list(store, folder, arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        if (!assay_str_starts(list.names[i], prefix) ||
            assay_delta_commit_number(list.names[i] + strlen(prefix)) != commit)
            continue;
        *ret_path = assay_path_join(arena, "_assay", list.names[i]);
        return assay_arena_check(*ret_path, err);
    }
    return ASSAY_OK;
}

static assay_status complete_states(const assay_delta_loaded *loaded, assay_snapshot *snapshots,
                                    size_t count, assay_store *store, assay_arena *arena,
                                    assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (snapshots[i].state_path != NULL)
            return ASSAY_OK;
    }
    return count == 0 ? ASSAY_OK
                      : find_state_by_txn(loaded, store, arena, &snapshots[0].state_path, err);
}

assay_status assay_delta_history(const assay_delta_loaded *loaded, assay_store *store,
                                 assay_arena *arena, assay_snapshot **ret_snapshots,
                                 size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec versions = ASSAY_VEC_OF(int64_t);
    assay_snapshot *snapshots = NULL;
    size_t skip = 0, count = 0;

    ASSAY_TRY(readable_versions(loaded->log, &versions, err));
    skip = versions.count > HISTORY_MAX ? versions.count - HISTORY_MAX : 0;
    count = versions.count - skip;
    snapshots = assay_arena_take(arena, count + 1, sizeof(*snapshots));
    ASSAY_TRY(assay_arena_check(snapshots, err));
    for (size_t i = 0; i < count; i++) {
        int64_t version = *(int64_t *)assay_vec_at(&versions, skip + i);

        ASSAY_TRY(make_snapshot(loaded, version, store, arena, &snapshots[i], err));
        if (i == 0)
            snapshots[i].parent = version == 0 ? -1 : snapshots[i].parent;
        else if (snapshots[i].timestamp_ms < snapshots[i - 1].timestamp_ms)
            snapshots[i].timestamp_ms = snapshots[i - 1].timestamp_ms;
    }
    ASSAY_TRY(complete_states(loaded, snapshots, count, store, arena, err));
    *ret_snapshots = snapshots;
    *ret_count = count;
    return ASSAY_OK;
}
