#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "delta/checkpoint.h"
#include "delta/loaded.h"
#include "delta/protocol.h"
#include "delta/uri.h"

/* Files that no version of the log knows may belong to a commit that is still on its way. */
static const int64_t orphan_age_ms = 7LL * 24 * 3600 * 1000;

enum { US_PER_MS = 1000, NS_PER_MS = 1000000, FOLDER_DEPTH_MAX = 32 };

struct expiry {
    const assay_table *base;
    const assay_delta_loaded *loaded;
    assay_store *store;
    assay_conn *conn;
    assay_arena *arena;
    int64_t now_ms;
    int64_t from;      /* oldest version that stays readable; a checkpoint of it exists */
    assay_map *needed; /* paths that a version from there on refers to */
    assay_map *known;  /* paths that older versions referred to */
    size_t files;      /* deleted */
};

static assay_status note(assay_map *map, const char *path, assay_error *err)
{
    return assay_map_put(map, path, NULL, err);
}

/* The oldest version to keep: at least `keep` of them, and all that are not older than the time. */
static int64_t oldest_to_keep(const assay_table *base, int64_t older_than_ms, int keep)
{
    size_t count = base->snapshot_count;
    size_t first = keep < 1 ? count - 1 : count > (size_t)keep ? count - (size_t)keep : 0;

    for (size_t i = 0; i < first; i++) {
        if (base->snapshots[i].timestamp_ms >= older_than_ms)
            return base->snapshots[i].id;
    }
    return base->snapshots[first].id;
}

static assay_status note_files(assay_map *map, const assay_delta_file *files, size_t count,
                               assay_error *err)
{
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(note(map, files[i].path, err));
    return ASSAY_OK;
}

/* Paths of all adds and removes of one commit. */
static assay_status note_commit(struct expiry *expiry, int64_t version, assay_map *adds,
                                assay_map *removes, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_delta_line line;
    size_t at = 0;

    ASSAY_TRY(assay_delta_log_read_commit(expiry->loaded->log, version, expiry->store, &text, err));
    while (assay_delta_log_next_line(&text, &at, &line)) {
        bool is_add = assay_delta_line_is(&line, "add");
        const assay_value *body = NULL;
        const char *path = NULL;

        if (!is_add && !assay_delta_line_is(&line, "remove"))
            continue;
        ASSAY_TRY(assay_delta_line_parse(&line, "commit", expiry->arena, &body, err));
        path = assay_delta_uri_resolve(expiry->arena, expiry->base->location,
                                       assay_value_find_text(body, "path", ""));
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(note(is_add ? adds : removes, path, err));
    }
    return ASSAY_OK;
}

/* A file is needed if it is live at the oldest version that stays, or was added later. */
static assay_status collect(struct expiry *expiry, const assay_delta_state *state, assay_error *err)
{
    const assay_delta_log *log = expiry->loaded->log;

    ASSAY_TRY(note_files(expiry->needed, state->files, state->file_count, err));
    ASSAY_TRY(note_files(expiry->known, state->tombstones, state->tombstone_count, err));
    for (size_t i = 0; i < log->commit_count; i++) {
        assay_map *adds = log->commits[i] <= expiry->from ? expiry->known : expiry->needed;

        ASSAY_TRY(note_commit(expiry, log->commits[i], adds, expiry->known, err));
    }
    return ASSAY_OK;
}

static bool has_checkpoint(const assay_delta_log *log, int64_t version)
{
    for (size_t i = 0; i < log->checkpoint_count; i++) {
        if (log->checkpoints[i].version == version)
            return true;
    }
    return false;
}

/* Moves `from` back to a version that has a checkpoint, or makes one. False: nothing can go. */
static assay_status settle_start(struct expiry *expiry, const assay_delta_state *state,
                                 bool *ret_possible, assay_error *err)
{
    const assay_delta_log *log = expiry->loaded->log;

    *ret_possible = true;
    if (has_checkpoint(log, expiry->from))
        return ASSAY_OK;
    *ret_possible = assay_delta_checkpoint_possible(state) && expiry->conn != NULL;
    if (!*ret_possible)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_delta_checkpoint_write(log, state, expiry->now_ms, expiry->store, expiry->conn, err));
    /* The hint must name the newest checkpoint; without it readers list the log. */
    if (log->checkpoint_count > 0 &&
        log->checkpoints[log->checkpoint_count - 1].version > expiry->from) {
        char *hint = assay_path_join(expiry->arena, log->folder, "_last_checkpoint");

        ASSAY_TRY(assay_arena_check(hint, err));
        return assay_store_remove(expiry->store, hint, err);
    }
    return ASSAY_OK;
}

/* Commits before the checkpoint go, oldest first, so that a reader in between meets no gap that was
 * not there; the checkpoint's own commit stays (facts 9). */
static assay_status drop_log(struct expiry *expiry, size_t *ret_versions, assay_error *err)
{
    const assay_delta_log *log = expiry->loaded->log;

    for (size_t i = 0; i < log->checkpoint_count; i++) {
        const assay_delta_checkpoint *checkpoint = &log->checkpoints[i];

        for (size_t p = 0; checkpoint->version < expiry->from && p < checkpoint->path_count; p++)
            ASSAY_TRY(assay_store_remove(expiry->store, checkpoint->paths[p], err));
    }
    for (size_t i = 0; i < log->commit_count && log->commits[i] < expiry->from; i++) {
        char *path = assay_delta_log_commit_path(log, log->commits[i], expiry->arena);
        char *crc = assay_arena_format(expiry->arena, "%s/%020lld.crc", log->folder,
                                       (long long)log->commits[i]);

        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_arena_check(crc, err));
        ASSAY_TRY(assay_store_remove(expiry->store, path, err));
        ASSAY_TRY(assay_store_remove(expiry->store, crc, err));
    }
    for (size_t i = 0; i < expiry->base->snapshot_count; i++)
        *ret_versions += expiry->base->snapshots[i].id < expiry->from ? 1 : 0;
    return ASSAY_OK;
}

static assay_status consider(struct expiry *expiry, const char *path, const assay_path_info *info,
                             assay_error *err)
{
    bool is_old = info->mtime_ns / NS_PER_MS < expiry->now_ms - orphan_age_ms;

    if (!assay_str_ends(path, ".parquet") || assay_map_has(expiry->needed, path))
        return ASSAY_OK;
    if (!assay_map_has(expiry->known, path) && !is_old)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_remove(path, err));
    expiry->files++;
    return ASSAY_OK;
}

/* Folders that begin with '_' or '.' hold no data files (PROTOCOL.md, "Data Files"). */
static assay_status sweep(struct expiry *expiry, const char *folder, int depth, assay_error *err)
{
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_path_list(folder, expiry->arena, &names, &count, err));
    for (size_t i = 0; depth < FOLDER_DEPTH_MAX && i < count; i++) {
        char *path = assay_path_join(expiry->arena, folder, names[i]);
        assay_path_info info = {.exists = false};

        ASSAY_TRY(assay_arena_check(path, err));
        if (names[i][0] == '_' || names[i][0] == '.')
            continue;
        ASSAY_TRY(assay_path_stat(path, &info, err));
        if (info.exists && info.is_directory && !info.is_link)
            ASSAY_TRY(sweep(expiry, path, depth + 1, err));
        else if (info.exists)
            ASSAY_TRY(consider(expiry, path, &info, err));
    }
    return ASSAY_OK;
}

static void expiry_done(struct expiry *expiry)
{
    assay_map_free(expiry->needed);
    assay_map_free(expiry->known);
    assay_arena_free(expiry->arena);
}

assay_status assay_delta_expire(const assay_table *base, const assay_expiry *expiry,
                                const assay_commit_env *env, assay_store *store, assay_conn *conn,
                                assay_expired *ret_expired, assay_error *err)
{
    ASSAY_AUTO(expiry_done)
    struct expiry work = {.base = base,
                          .loaded = base->format_data,
                          .store = store,
                          .conn = conn,
                          .arena = assay_arena_new(),
                          .needed = assay_map_new(),
                          .known = assay_map_new()};
    assay_delta_replay_options options = {.store = store, .conn = conn, .with_files = true};
    assay_delta_state *state = NULL;
    const char *folder = NULL;
    bool possible = false;

    *ret_expired = (assay_expired){0, 0};
    if (work.arena == NULL || work.needed == NULL || work.known == NULL)
        return assay_error_nomem(err);
    if (!base->exists || base->snapshot_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_delta_protocol_check_write(base->name, work.loaded->state->protocol,
                                               work.loaded->state->metadata,
                                               work.loaded->schema_tree, ASSAY_CHANGE_APPEND, err));
    folder = assay_path_normal(work.arena, "/", base->location);
    ASSAY_TRY(assay_arena_check(folder, err));
    work.now_ms = env->clock->now_us(env->clock->user) / US_PER_MS;
    work.from = oldest_to_keep(base, expiry->older_than_ms, expiry->keep);
    ASSAY_TRY(assay_delta_replay(work.loaded->log, work.from, &options, work.arena, &state, err));
    ASSAY_TRY(collect(&work, state, err));
    if (work.from > base->snapshots[0].id) {
        ASSAY_TRY(settle_start(&work, state, &possible, err));
        if (!possible)
            return ASSAY_OK;
        ASSAY_TRY(drop_log(&work, &ret_expired->snapshots, err));
    }
    ASSAY_TRY(sweep(&work, folder, 0, err));
    ret_expired->files = work.files;
    return ASSAY_OK;
}
