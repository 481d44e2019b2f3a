#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "parquet/loaded.h"

/* What a writer that died left behind; nothing that lives works that long. */
static const int64_t orphan_age_ms = 7LL * 24 * 3600 * 1000;

enum { US_PER_MS = 1000, NS_PER_MS = 1000000 };

static const char *const working_names[] = {"draft-", "stage-", "trash-", "pre-", "link-"};

/* Versions that go: all but the newest `keep` and those that are young enough. */
static size_t count_expired(const assay_table *base, int64_t older_than_ms, int keep)
{
    size_t stay = keep < 1 ? 1 : (size_t)keep;
    size_t count = 0;

    while (count + stay < base->snapshot_count &&
           base->snapshots[count].timestamp_ms < older_than_ms)
        count++;
    return count;
}

static assay_status note_names(const assay_parquet_loaded *loaded, size_t index, assay_arena *arena,
                               assay_map *names, assay_error *err)
{
    const assay_parquet_version *version = loaded->versions[index];
    assay_data_file *files = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_parquet_files_load(&loaded->place, version, version->snapshot.id, arena, &files,
                                       &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_map_put(names, assay_path_base(files[i].path), NULL, err));
    return ASSAY_OK;
}

/* The folder leaves its name in one step, then its content goes. */
static assay_status remove_version(const assay_parquet_loaded *loaded, int64_t number,
                                   assay_arena *arena, assay_error *err)
{
    char *folder = assay_parquet_version_path(&loaded->place, number, arena);
    char *trash =
        assay_arena_format(arena, "%s/trash-v%lld", loaded->place.folder, (long long)number);

    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_arena_check(trash, err));
    ASSAY_TRY(assay_path_remove_tree(trash, err));
    if (rename(folder, trash) != 0 && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot remove '%s'", folder);
    return assay_path_remove_tree(trash, err);
}

static bool is_working_name(const char *name)
{
    for (size_t i = 0; i < sizeof(working_names) / sizeof(working_names[0]); i++) {
        if (assay_str_starts(name, working_names[i]))
            return true;
    }
    return false;
}

static assay_status remove_orphans(const assay_parquet_loaded *loaded, int64_t now_ms,
                                   assay_arena *arena, assay_error *err)
{
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_path_list(loaded->place.folder, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        char *path = assay_path_join(arena, loaded->place.folder, names[i]);
        assay_path_info info = {.exists = false};

        ASSAY_TRY(assay_arena_check(path, err));
        if (!is_working_name(names[i]))
            continue;
        ASSAY_TRY(assay_path_stat(path, &info, err));
        if (info.exists && info.mtime_ns / NS_PER_MS < now_ms - orphan_age_ms)
            ASSAY_TRY(assay_path_remove_tree(path, err));
    }
    return ASSAY_OK;
}

assay_status assay_parquet_expire(const assay_table *base, const assay_expiry *expiry,
                                  const assay_commit_env *env, assay_store *store, assay_conn *conn,
                                  assay_expired *ret_expired, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_map_freep) assay_map *gone = assay_map_new();
    ASSAY_AUTO(assay_map_freep) assay_map *kept = assay_map_new();
    const assay_parquet_loaded *loaded = base->format_data;
    size_t expired = 0, files = 0;

    (void)store;
    (void)conn;
    *ret_expired = (assay_expired){0, 0};
    if (arena == NULL || gone == NULL || kept == NULL)
        return assay_error_nomem(err);
    if (!base->exists || loaded->foreign)
        return ASSAY_OK;
    expired = count_expired(base, expiry->older_than_ms, expiry->keep);
    for (size_t i = 0; i < loaded->version_count; i++)
        ASSAY_TRY(note_names(loaded, i, arena, i < expired ? gone : kept, err));
    for (size_t i = 0; i < assay_map_count(gone); i++)
        files += assay_map_has(kept, assay_map_key_at(gone, i)) ? 0 : 1;
    for (size_t i = 0; i < expired; i++)
        ASSAY_TRY(remove_version(loaded, base->snapshots[i].id, arena, err));
    ASSAY_TRY(remove_orphans(loaded, env->clock->now_us(env->clock->user) / US_PER_MS, arena, err));
    *ret_expired = (assay_expired){expired, files};
    return ASSAY_OK;
}
