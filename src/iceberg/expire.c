#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "iceberg/build.h"
#include "iceberg/document.h"
#include "iceberg/file_name.h"
#include "iceberg/iceberg.h"
#include "text/json.h"

/* One expiry: which snapshots leave, and which files only they needed. */
struct expiry {
    const assay_iceberg_table *data;
    assay_store *store;
    assay_arena *arena;
    bool *keeps;           /* one a snapshot of the metadata */
    assay_map *reachable;  /* local paths that a remaining snapshot needs */
    assay_map *candidates; /* local paths that an expired one needed */
    int64_t *ids;          /* expired */
    size_t id_count;
};

static void expiry_done(struct expiry *expiry)
{
    assay_map_freep(&expiry->reachable);
    assay_map_freep(&expiry->candidates);
}

static size_t index_of(const assay_iceberg_metadata *metadata,
                       const assay_iceberg_snapshot *snapshot)
{
    return (size_t)(snapshot - metadata->snapshots);
}

static const assay_iceberg_snapshot *parent_of(const assay_iceberg_metadata *metadata,
                                               const assay_iceberg_snapshot *snapshot)
{
    return snapshot->parent == -1 ? NULL
                                  : assay_iceberg_metadata_snapshot(metadata, snapshot->parent);
}

/* Branch main: the newest `keep` and those that are young enough. */
static void keep_main(const struct expiry *expiry, int64_t older_than_ms, int keep)
{
    const assay_iceberg_metadata *metadata = expiry->data->metadata;
    const assay_iceberg_snapshot *at = metadata->current;
    size_t newest = keep > 1 ? (size_t)keep : 1;
    for (size_t i = 0; at != NULL && i < metadata->snapshot_count; i++) {
        if (i < newest || at->timestamp_ms >= older_than_ms)
            expiry->keeps[index_of(metadata, at)] = true;
        at = parent_of(metadata, at);
    }
}

/* What other refs name stays: a tag its snapshot, a branch with its ancestors. */
static void keep_refs(const struct expiry *expiry)
{
    const assay_iceberg_metadata *metadata = expiry->data->metadata;
    const assay_value *refs = assay_value_find(metadata->document, "refs");
    for (size_t i = 0; refs != NULL && i < refs->count; i++) {
        const assay_value *ref = refs->items[i];
        if (assay_str_equal(refs->keys[i], "main"))
            continue;
        bool branch = assay_str_equal(assay_value_find_text(ref, "type", "branch"), "branch");
        const assay_iceberg_snapshot *at =
            assay_iceberg_metadata_snapshot(metadata, assay_value_find_int(ref, "snapshot-id", -1));
        for (size_t steps = 0; at != NULL && steps < metadata->snapshot_count; steps++) {
            expiry->keeps[index_of(metadata, at)] = true;
            at = branch ? parent_of(metadata, at) : NULL;
        }
    }
}

/* Snapshots outside every branch (staged, or left behind by a rollback) go by their age alone. */
static void keep_young(const struct expiry *expiry, int64_t older_than_ms)
{
    const assay_iceberg_metadata *metadata = expiry->data->metadata;
    for (size_t i = 0; i < metadata->snapshot_count; i++) {
        if (metadata->snapshots[i].timestamp_ms >= older_than_ms)
            expiry->keeps[i] = true;
    }
}

static assay_status choose(struct expiry *expiry, int64_t older_than_ms, int keep, assay_error *err)
{
    const assay_iceberg_metadata *metadata = expiry->data->metadata;
    size_t count = metadata->snapshot_count;
    expiry->keeps = assay_arena_take(expiry->arena, count + 1, sizeof *expiry->keeps);
    expiry->ids = assay_arena_take(expiry->arena, count + 1, sizeof *expiry->ids);
    ASSAY_TRY(assay_arena_check(expiry->keeps, err));
    ASSAY_TRY(assay_arena_check(expiry->ids, err));
    keep_main(expiry, older_than_ms, keep);
    keep_refs(expiry);
    keep_young(expiry, older_than_ms);
    for (size_t i = 0; i < count; i++) {
        if (!expiry->keeps[i])
            expiry->ids[expiry->id_count++] = metadata->snapshots[i].id;
    }
    return ASSAY_OK;
}

/* ---- files ---- */

static assay_status note(const struct expiry *expiry, assay_map *paths, const char *recorded,
                         assay_error *err)
{
    const char *path = NULL;
    ASSAY_TRY(
        assay_iceberg_location_local(&expiry->data->location, recorded, expiry->arena, &path, err));
    return assay_map_put(paths, path, expiry->arena, err);
}

/* Marks the files of one manifest; of a remaining snapshot only those that live in it. */
static assay_status note_entries(const struct expiry *expiry, assay_map *paths,
                                 const assay_iceberg_manifest *manifest, bool only_live,
                                 assay_error *err)
{
    assay_iceberg_entry *entries = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_iceberg_entries_of(&expiry->data->location, manifest, expiry->store,
                                       expiry->arena, &entries, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!only_live || entries[i].status != ASSAY_ICEBERG_DELETED)
            ASSAY_TRY(note(expiry, paths, entries[i].path, err));
    }
    return ASSAY_OK;
}

static assay_status note_snapshot(const struct expiry *expiry, assay_map *paths,
                                  const assay_iceberg_snapshot *snapshot, bool only_live,
                                  assay_error *err)
{
    assay_iceberg_manifest *list = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_iceberg_manifests_of(&expiry->data->location, snapshot, expiry->store,
                                         expiry->arena, &list, &count, err));
    if (snapshot->manifest_list != NULL)
        ASSAY_TRY(note(expiry, paths, snapshot->manifest_list, err));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        ASSAY_TRY(assay_iceberg_location_local(&expiry->data->location, list[i].path, expiry->arena,
                                               &path, err));
        /* A manifest that was read before, for this side or for a remaining snapshot, is known. */
        if (assay_map_has(paths, path) || assay_map_has(expiry->reachable, path))
            continue;
        ASSAY_TRY(note_entries(expiry, paths, &list[i], only_live, err));
        ASSAY_TRY(assay_map_put(paths, path, expiry->arena, err));
    }
    return ASSAY_OK;
}

static assay_status note_statistics(const struct expiry *expiry, const char *key, assay_error *err)
{
    const assay_value *list = assay_value_find(expiry->data->metadata->document, key);
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const char *path = assay_value_find_text(list->items[i], "statistics-path", NULL);
        int64_t id = assay_value_find_int(list->items[i], "snapshot-id", -1);
        const assay_iceberg_snapshot *snapshot =
            assay_iceberg_metadata_snapshot(expiry->data->metadata, id);
        bool kept = snapshot != NULL && expiry->keeps[index_of(expiry->data->metadata, snapshot)];
        if (path != NULL)
            ASSAY_TRY(note(expiry, kept ? expiry->reachable : expiry->candidates, path, err));
    }
    return ASSAY_OK;
}

static assay_status collect_files(struct expiry *expiry, assay_error *err)
{
    const assay_iceberg_metadata *metadata = expiry->data->metadata;
    expiry->reachable = assay_map_new();
    expiry->candidates = assay_map_new();
    ASSAY_TRY(assay_arena_check(expiry->reachable, err));
    ASSAY_TRY(assay_arena_check(expiry->candidates, err));
    for (size_t i = 0; i < metadata->snapshot_count; i++) {
        if (expiry->keeps[i])
            ASSAY_TRY(note_snapshot(expiry, expiry->reachable, &metadata->snapshots[i], true, err));
    }
    for (size_t i = 0; i < metadata->snapshot_count; i++) {
        /* An old snapshot whose files are gone already has nothing left to delete. */
        if (expiry->keeps[i])
            continue;
        assay_status status =
            note_snapshot(expiry, expiry->candidates, &metadata->snapshots[i], false, err);
        if (status != ASSAY_OK && status != ASSAY_ENOTFOUND)
            return status;
    }
    ASSAY_TRY(note_statistics(expiry, "statistics", err));
    return note_statistics(expiry, "partition-statistics", err);
}

static size_t delete_files(const struct expiry *expiry)
{
    size_t deleted = 0;
    const char *root = expiry->data->location.local;
    size_t length = strlen(root);
    for (size_t i = 0; i < assay_map_count(expiry->candidates); i++) {
        const char *path = assay_map_key_at(expiry->candidates, i);
        /* Imported files outside the table's folder may belong to somebody else. */
        bool inside = strncmp(path, root, length) == 0 && path[length] == '/';
        if (inside && !assay_map_has(expiry->reachable, path) &&
            assay_store_remove(expiry->store, path, NULL) == ASSAY_OK)
            deleted++;
    }
    return deleted;
}

/* ---- old metadata files ---- */

enum { DAY_MS = 86400000, ORPHAN_AGE_MS = 7 * DAY_MS };

static bool is_logged(const assay_value *log, const assay_iceberg_location *location,
                      const char *path, assay_arena *arena)
{
    const char *recorded = assay_iceberg_location_recorded(location, path, arena);
    for (size_t i = 0; log != NULL && i < log->count; i++) {
        const char *file = assay_value_find_text(log->items[i], "metadata-file", NULL);
        if (recorded == NULL || assay_str_equal(file, recorded))
            return true;
    }
    return false;
}

/* The metadata file of a version before the one that was loaded. In a catalog with pointers of its
 * own also one of the same number: its commit lost, or its process died before it. */
static bool is_older_version(const struct expiry *expiry, const char *name)
{
    int64_t number = 0;
    const assay_iceberg_pointer *pointer = &expiry->data->pointer;
    switch (assay_iceberg_name_of(name, &number)) {
    case ASSAY_ICEBERG_NAME_VERSIONED:
        return number < pointer->version;
    case ASSAY_ICEBERG_NAME_NUMBERED:
        return pointer->recorded != NULL && number <= pointer->version &&
               !assay_str_equal(name, assay_path_base(pointer->path));
    case ASSAY_ICEBERG_NAME_NONE:
    case ASSAY_ICEBERG_NAME_OTHER:
        break;
    }
    return false;
}

/* A metadata file that no log names, older than a day and than what is kept: no reader needs it,
 * and no commit that began on it can still be on its way. */
static bool is_stale(const struct expiry *expiry, const char *path, int64_t before_ms)
{
    assay_store_info info = {0};
    const assay_value *log = assay_value_find(expiry->data->metadata->document, "metadata-log");
    return assay_store_head(expiry->store, path, &info, NULL) == ASSAY_OK && info.exists &&
           info.mtime_ms < before_ms &&
           !is_logged(log, &expiry->data->location, path, expiry->arena);
}

static size_t delete_metadata(const struct expiry *expiry, int64_t older_than_ms, int64_t now_ms)
{
    size_t deleted = 0;
    assay_store_names names = {0};
    int64_t before_ms = older_than_ms < now_ms - DAY_MS ? older_than_ms : now_ms - DAY_MS;
    const char *folder = assay_path_join(expiry->arena, expiry->data->location.local, "metadata");
    if (folder == NULL ||
        assay_store_list(expiry->store, folder, expiry->arena, &names, NULL) != ASSAY_OK)
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = assay_path_join(expiry->arena, folder, names.names[i]);
        if (path != NULL && is_older_version(expiry, names.names[i]) &&
            is_stale(expiry, path, before_ms) &&
            assay_store_remove(expiry->store, path, NULL) == ASSAY_OK)
            deleted++;
    }
    return deleted;
}

/* Data files of our own that no kept snapshot needs and that are older than any work takes: a
 * process died before its commit. Files of other writers are theirs to remove. */
static size_t delete_orphans(const struct expiry *expiry, int64_t now_ms)
{
    size_t deleted = 0;
    assay_store_names names = {0};
    const char *folder = assay_path_join(expiry->arena, expiry->data->location.local, "data/assay");
    if (folder == NULL ||
        assay_store_list(expiry->store, folder, expiry->arena, &names, NULL) != ASSAY_OK)
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        assay_store_info info = {0};
        const char *path = assay_path_join(expiry->arena, folder, names.names[i]);
        if (path == NULL || !assay_str_ends(path, ".parquet") ||
            assay_map_has(expiry->reachable, path))
            continue;
        if (assay_store_head(expiry->store, path, &info, NULL) == ASSAY_OK && info.exists &&
            info.mtime_ms < now_ms - ORPHAN_AGE_MS &&
            assay_store_remove(expiry->store, path, NULL) == ASSAY_OK)
            deleted++;
    }
    return deleted;
}

/* ---- the commit ---- */

static assay_status publish(const struct expiry *expiry, const assay_commit_env *env,
                            assay_error *err)
{
    const assay_iceberg_table *data = expiry->data;
    assay_arena *arena = expiry->arena;
    assay_value *document = assay_value_copy(arena, data->metadata->document);
    ASSAY_TRY(assay_arena_check(document, err));
    int64_t now_ms = env->clock->now_us(env->clock->user) / 1000;
    if (now_ms < data->metadata->last_updated_ms)
        now_ms = data->metadata->last_updated_ms;
    const char *previous = assay_iceberg_pointer_recorded(data, arena);
    ASSAY_TRY(assay_arena_check(previous, err));
    ASSAY_TRY(assay_iceberg_document_expire(document, expiry->ids, expiry->id_count, arena, err));
    ASSAY_TRY(assay_iceberg_document_supersede(document, previous, now_ms, arena, err));
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_json_write(&bytes, document, 0);
    ASSAY_TRY(assay_buf_check(&bytes, err));
    ASSAY_TRY(assay_cancel_check(env->cancel, err));
    return data->catalog->commit(data->catalog, &data->identity, &data->pointer, &bytes,
                                 expiry->store, env->random, err);
}

static assay_status check_expirable(const assay_table *base, const assay_iceberg_table *data,
                                    assay_error *err)
{
    const char *gc = assay_iceberg_metadata_property(data->metadata, "gc.enabled");
    if (gc != NULL && assay_str_equal_ci(gc, "false"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4113,
                               "table '%s' forbids expiry (property gc.enabled = false)",
                               base->name);
    return assay_iceberg_check_writable(base, err);
}

assay_status assay_iceberg_expire(const assay_table *base, const assay_expiry *expiry,
                                  const assay_commit_env *env, assay_store *store,
                                  struct assay_conn *conn, assay_expired *ret_expired,
                                  assay_error *err)
{
    (void)conn;
    const assay_iceberg_table *data = base->format_data;
    *ret_expired = (assay_expired){0, 0};
    if (data->metadata == NULL)
        return ASSAY_OK;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_AUTO(expiry_done) struct expiry work = {.data = data, .store = store, .arena = arena};
    ASSAY_TRY(check_expirable(base, data, err));
    ASSAY_TRY(choose(&work, expiry->older_than_ms, expiry->keep, err));
    if (work.id_count == 0)
        return ASSAY_OK;
    /* Files are found before, deleted after the commit: readers of old metadata lose the race
     * only for snapshots that are expired. */
    ASSAY_TRY(collect_files(&work, err));
    ASSAY_TRY(publish(&work, env, err));
    int64_t now_ms = env->clock->now_us(env->clock->user) / 1000;
    size_t deleted = delete_files(&work);
    deleted += delete_metadata(&work, expiry->older_than_ms, now_ms);
    deleted += delete_orphans(&work, now_ms);
    *ret_expired = (assay_expired){work.id_count, deleted};
    return ASSAY_OK;
}
