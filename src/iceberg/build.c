#include "iceberg/build.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/uuid.h"
#include "iceberg/bounds.h"
#include "iceberg/schema_json.h"

assay_status assay_iceberg_build_init(assay_iceberg_build *build, assay_error *err)
{
    build->list = ASSAY_VEC_OF(assay_iceberg_manifest);
    build->written = ASSAY_VEC_OF(const char *);
    build->partitions = assay_map_new();
    return assay_arena_check(build->partitions, err);
}

void assay_iceberg_build_done(assay_iceberg_build *build)
{
    assay_vec_done(&build->list);
    assay_vec_done(&build->written);
    assay_map_freep(&build->partitions);
}

/* A file that cannot be removed is an orphan, which harms nobody. */
static void remove_file(const assay_iceberg_build *build, const char *path)
{
    assay_status ignored = assay_store_remove(build->store, path, NULL);
    (void)ignored;
}

void assay_iceberg_build_discard(assay_iceberg_build *build, bool retry)
{
    for (size_t i = 0; i < build->written.count; i++) {
        const char **path = assay_vec_at(&build->written, i);
        remove_file(build, *path);
    }
    build->written.count = 0;
    if (build->added_path != NULL && !retry)
        remove_file(build, build->added_path);
}

/* ---- files ---- */

/* Local path of a new file in metadata/. */
static const char *metadata_path(const assay_iceberg_build *build, const char *name)
{
    return name == NULL
               ? NULL
               : assay_arena_format(build->arena, "%s/metadata/%s", build->location.local, name);
}

static assay_status write_file(assay_iceberg_build *build, const char *path, const assay_buf *bytes,
                               assay_error *err)
{
    ASSAY_TRY(assay_vec_push(&build->written, &path, err));
    return assay_store_put(build->store, path, assay_buf_text(bytes), bytes->size, err);
}

/* The bytes of a sync marker, of the commit's uuid: the manifest of added files is then the same in
 * every attempt, and is found instead of written again. */
static void fill_from_uuid(void *user, void *bytes, size_t size)
{
    const assay_uuid *uuid = user;
    memcpy(bytes, uuid->bytes, size < sizeof uuid->bytes ? size : sizeof uuid->bytes);
}

static bool is_there(const assay_iceberg_build *build, const char *path, const assay_buf *bytes)
{
    assay_store_info info = {0};
    ASSAY_AUTO(assay_buf_done) assay_buf found = ASSAY_BUF_EMPTY;
    if (assay_store_head(build->store, path, &info, NULL) != ASSAY_OK || !info.exists ||
        info.size != (int64_t)bytes->size)
        return false;
    return assay_store_get(build->store, path, bytes->size, &found, NULL) == ASSAY_OK &&
           found.size == bytes->size && memcmp(found.data, bytes->data, bytes->size) == 0;
}

static assay_status write_added(assay_iceberg_build *build, const char *path,
                                const assay_buf *bytes, assay_error *err)
{
    build->added_path = path;
    if (is_there(build, path, bytes))
        return ASSAY_OK;
    return assay_store_put(build->store, path, assay_buf_text(bytes), bytes->size, err);
}

/* ---- manifests ---- */

static int64_t min_sequence(const assay_iceberg_build *build, const assay_iceberg_entry *entries,
                            size_t count)
{
    int64_t lowest = build->sequence;
    for (size_t i = 0; i < count; i++) {
        int64_t sequence = entries[i].sequence;
        if (entries[i].status != ASSAY_ICEBERG_DELETED && sequence >= 0 && sequence < lowest)
            lowest = sequence;
    }
    return lowest;
}

static const assay_value *current_schema(const assay_iceberg_metadata *metadata)
{
    const assay_value *schemas = assay_value_find(metadata->document, "schemas");
    for (size_t i = 0; schemas != NULL && i < schemas->count; i++) {
        if (assay_value_find_int(schemas->items[i], "schema-id", -1) == metadata->schema->id)
            return schemas->items[i];
    }
    return assay_value_find(metadata->document, "schema");
}

/* The manifest of added files has the commit's name, all others the attempt's. */
static const char *manifest_name(assay_iceberg_build *build, bool stable)
{
    char uuid[ASSAY_UUID_TEXT_SIZE];
    assay_uuid_format(stable ? build->commit_uuid : build->attempt_uuid, uuid);
    return assay_arena_format(build->arena, "%s-m%d.avro", uuid, build->manifest_count++);
}

static assay_status write_manifest(assay_iceberg_build *build, const assay_partition_spec *spec,
                                   int content, const assay_iceberg_entry *entries, size_t count,
                                   bool stable, assay_error *err)
{
    assay_random from_uuid = {.fill = fill_from_uuid, .user = &build->commit_uuid};
    assay_type *types = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    ASSAY_TRY(assay_iceberg_partition_types(build->metadata, spec, build->arena, &types, err));
    const assay_iceberg_manifest_head head = {.schema = current_schema(build->metadata),
                                              .spec = spec,
                                              .partition_types = types,
                                              .content = content,
                                              .random = stable ? &from_uuid : build->env->random};
    assay_iceberg_manifest manifest = {.sequence = build->sequence,
                                       .min_sequence = min_sequence(build, entries, count),
                                       .added_snapshot_id = build->snapshot_id};
    ASSAY_TRY(
        assay_iceberg_manifest_write(&head, entries, count, build->arena, &file, &manifest, err));
    const char *path = metadata_path(build, manifest_name(build, stable));
    ASSAY_TRY(assay_arena_check(path, err));
    if (stable)
        ASSAY_TRY(write_added(build, path, &file, err));
    else
        ASSAY_TRY(write_file(build, path, &file, err));
    manifest.path = assay_iceberg_location_recorded(&build->location, path, build->arena);
    ASSAY_TRY(assay_arena_check(manifest.path, err));
    return assay_vec_push(&build->list, &manifest, err);
}

assay_status assay_iceberg_build_add(assay_iceberg_build *build, const assay_partition_spec *spec,
                                     int content, const assay_iceberg_entry *entries, size_t count,
                                     assay_error *err)
{
    return write_manifest(build, spec, content, entries, count, false, err);
}

assay_status assay_iceberg_build_list(assay_iceberg_build *build, const char **ret_path,
                                      assay_error *err)
{
    char uuid[ASSAY_UUID_TEXT_SIZE];
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    const assay_iceberg_list_head head = {.snapshot_id = build->snapshot_id,
                                          .parent = build->parent != NULL ? build->parent->id : -1,
                                          .sequence = build->sequence,
                                          .random = build->env->random};
    assay_uuid_format(build->attempt_uuid, uuid);
    const char *path =
        metadata_path(build, assay_arena_format(build->arena, "snap-%lld-1-%s.avro",
                                                (long long)build->snapshot_id, uuid));
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(
        assay_iceberg_manifest_list_write(&head, build->list.items, build->list.count, &file, err));
    ASSAY_TRY(write_file(build, path, &file, err));
    *ret_path = assay_iceberg_location_recorded(&build->location, path, build->arena);
    return assay_arena_check(*ret_path, err);
}

/* ---- what the change adds ---- */

assay_status assay_iceberg_build_touch(assay_iceberg_build *build, int32_t spec_id,
                                       const assay_iceberg_entry *entry, assay_error *err)
{
    const assay_partition_spec *spec = assay_iceberg_metadata_spec(build->metadata, spec_id);
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;
    assay_buf_append_format(&key, "%d", (int)spec_id);
    for (size_t i = 0; spec != NULL && i < spec->count; i++) {
        const assay_datum *value = &entry->partition[i];
        ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
        if (!assay_iceberg_bound_encode(value, &bytes)) {
            assay_buf_append_text(&key, "/null");
            continue;
        }
        assay_buf_append_char(&key, '/');
        for (size_t j = 0; j < bytes.size; j++)
            assay_buf_append_format(&key, "%02x", (unsigned)(unsigned char)bytes.data[j]);
    }
    ASSAY_TRY(assay_buf_check(&key, err));
    return assay_map_put(build->partitions, assay_buf_text(&key), build, err);
}

static void tally_added(assay_iceberg_build *build, const assay_iceberg_entry *entry)
{
    build->tally.added_files++;
    build->tally.added_rows += entry->rows;
    build->tally.added_bytes += entry->size;
}

static assay_status add_files(assay_iceberg_build *build, assay_error *err)
{
    const assay_change *change = build->change;
    if (change->added_count == 0)
        return ASSAY_OK;
    assay_iceberg_entry *entries =
        assay_arena_take(build->arena, change->added_count, sizeof *entries);
    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < change->added_count; i++) {
        const assay_data_file *file = &change->added[i];
        if (file->partition_count != build->metadata->spec->count)
            return assay_error_set(err, ASSAY_EINTERNAL, 9001,
                                   "data file '%.300s' has %zu partition values for %zu fields",
                                   file->path, file->partition_count, build->metadata->spec->count);
        ASSAY_TRY(assay_iceberg_entry_new(file, build->metadata->schema, &build->location,
                                          build->arena, &entries[i], err));
        entries[i].snapshot_id = build->snapshot_id;
        tally_added(build, &entries[i]);
        ASSAY_TRY(assay_iceberg_build_touch(build, build->metadata->spec->id, &entries[i], err));
    }
    return write_manifest(build, build->metadata->spec, 0, entries, change->added_count, true, err);
}

/* ---- what the change removes ---- */

/* Which live files leave: all, or those whose local path is in the map. */
struct removal {
    bool all;
    assay_map *paths; /* -> itself; NULL = none */
    size_t found;
};

static void removal_done(struct removal *removal)
{
    assay_map_freep(&removal->paths);
}

static assay_status leaves(const assay_iceberg_build *build, const struct removal *removal,
                           const assay_iceberg_entry *entry, bool *ret_leaves, assay_error *err)
{
    const char *path = NULL;
    *ret_leaves = removal->all;
    if (removal->all || removal->paths == NULL)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_iceberg_location_local(&build->location, entry->path, build->arena, &path, err));
    *ret_leaves = assay_map_has(removal->paths, path);
    return ASSAY_OK;
}

static void tally_removed(assay_iceberg_build *build, const assay_iceberg_entry *entry)
{
    assay_iceberg_tally *tally = &build->tally;
    tally->removed_bytes += entry->size;
    if (entry->content == ASSAY_ICEBERG_DATA) {
        tally->removed_files++;
        tally->removed_rows += entry->rows;
        return;
    }
    tally->removed_delete_files++;
    if (entry->content == ASSAY_ICEBERG_POSITION_DELETES)
        tally->removed_position_deletes += entry->rows;
    else
        tally->removed_equality_deletes += entry->rows;
}

/* Writes a manifest again: what leaves becomes DELETED, the rest EXISTING, both with their own
 * sequence numbers; entries that were deleted before are dropped. Nothing leaves: it is kept. */
static assay_status rewrite(assay_iceberg_build *build, struct removal *removal,
                            const assay_iceberg_manifest *manifest, bool *ret_kept,
                            assay_error *err)
{
    assay_iceberg_entry *entries = NULL;
    size_t count = 0, live = 0, removed = 0;
    ASSAY_TRY(assay_iceberg_entries_of(&build->location, manifest, build->store, build->arena,
                                       &entries, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool gone = false;
        if (entries[i].status == ASSAY_ICEBERG_DELETED)
            continue;
        ASSAY_TRY(leaves(build, removal, &entries[i], &gone, err));
        entries[live] = entries[i];
        entries[live].status = gone ? ASSAY_ICEBERG_DELETED : ASSAY_ICEBERG_EXISTING;
        if (gone) {
            entries[live].snapshot_id = build->snapshot_id;
            tally_removed(build, &entries[live]);
            ASSAY_TRY(assay_iceberg_build_touch(build, manifest->spec_id, &entries[live], err));
            removed++;
        }
        live++;
    }
    removal->found += removed;
    *ret_kept = removed == 0 && live > 0;
    if (removed == 0)
        return ASSAY_OK;
    const assay_partition_spec *spec =
        assay_iceberg_metadata_spec(build->metadata, manifest->spec_id);
    if (spec == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4107, "manifest '%.300s' has an unknown spec",
                               manifest->path);
    return assay_iceberg_build_add(build, spec, manifest->content, entries, live, err);
}

/* Lists that v1 wrote may lack counts, which v2 requires: then they are counted. */
static assay_status count_entries(assay_iceberg_build *build, assay_iceberg_manifest *manifest,
                                  assay_error *err)
{
    assay_iceberg_entry *entries = NULL;
    size_t count = 0;
    if (manifest->added_files >= 0 && manifest->existing_files >= 0 &&
        manifest->deleted_files >= 0 && manifest->added_rows >= 0 && manifest->existing_rows >= 0 &&
        manifest->deleted_rows >= 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_iceberg_entries_of(&build->location, manifest, build->store, build->arena,
                                       &entries, &count, err));
    int64_t files[3] = {0}, rows[3] = {0};
    for (size_t i = 0; i < count; i++) {
        files[entries[i].status]++;
        rows[entries[i].status] += entries[i].rows;
    }
    manifest->added_files = files[ASSAY_ICEBERG_ADDED];
    manifest->existing_files = files[ASSAY_ICEBERG_EXISTING];
    manifest->deleted_files = files[ASSAY_ICEBERG_DELETED];
    manifest->added_rows = rows[ASSAY_ICEBERG_ADDED];
    manifest->existing_rows = rows[ASSAY_ICEBERG_EXISTING];
    manifest->deleted_rows = rows[ASSAY_ICEBERG_DELETED];
    return ASSAY_OK;
}

/* Goes through the parent's manifests: those that lose files are written again, the others kept. */
static assay_status take_parent(assay_iceberg_build *build, struct removal *removal,
                                assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec kept = ASSAY_VEC_OF(assay_iceberg_manifest);
    assay_iceberg_manifest *list = NULL;
    size_t count = 0;
    if (build->parent == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_iceberg_manifests_of(&build->location, build->parent, build->store,
                                         build->arena, &list, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool keep = true;
        ASSAY_TRY(assay_cancel_check(build->env->cancel, err));
        if (!assay_iceberg_manifest_is_live(&list[i]))
            continue;
        bool touched = removal->all || (removal->paths != NULL && list[i].content == 0);
        if (touched)
            ASSAY_TRY(rewrite(build, removal, &list[i], &keep, err));
        if (!keep)
            continue;
        ASSAY_TRY(count_entries(build, &list[i], err));
        ASSAY_TRY(assay_vec_push(&kept, &list[i], err));
    }
    return assay_iceberg_build_merge(build, &kept, err);
}

/* ---- kinds of change ---- */

static assay_status build_overwrite(assay_iceberg_build *build, assay_error *err)
{
    const assay_change *change = build->change;
    ASSAY_AUTO(removal_done) struct removal removal = {.paths = assay_map_new()};
    ASSAY_TRY(assay_arena_check(removal.paths, err));
    for (size_t i = 0; i < change->removed_count; i++)
        ASSAY_TRY(assay_map_put(removal.paths, change->removed[i].path, build, err));
    ASSAY_TRY(take_parent(build, &removal, err));
    if (removal.found != assay_map_count(removal.paths))
        return assay_error_set(err, ASSAY_ECONFLICT, 4110,
                               "%zu of %zu files to be replaced are no longer in the table",
                               assay_map_count(removal.paths) - removal.found,
                               assay_map_count(removal.paths));
    return ASSAY_OK;
}

/* Adds the files that only the old snapshot has, as new files with their old sequence numbers. */
static assay_status add_back(assay_iceberg_build *build, const assay_vec *old,
                             const assay_map *current, assay_error *err)
{
    for (size_t i = 0; i < build->metadata->spec_count; i++) {
        const assay_partition_spec *spec = &build->metadata->specs[i];
        ASSAY_AUTO(assay_vec_done) assay_vec entries = ASSAY_VEC_OF(assay_iceberg_entry);
        for (size_t j = 0; j < old->count; j++) {
            const assay_iceberg_live_entry *live = assay_vec_at(old, j);
            assay_iceberg_entry entry = live->entry;
            if (live->spec_id != spec->id || assay_map_has(current, entry.path))
                continue;
            entry.status = ASSAY_ICEBERG_ADDED;
            entry.snapshot_id = build->snapshot_id;
            entry.file_sequence = -1;
            tally_added(build, &entry);
            ASSAY_TRY(assay_iceberg_build_touch(build, spec->id, &entry, err));
            ASSAY_TRY(assay_vec_push(&entries, &entry, err));
        }
        if (entries.count > 0)
            ASSAY_TRY(assay_iceberg_build_add(build, spec, 0, entries.items, entries.count, err));
    }
    return ASSAY_OK;
}

static assay_status collect_paths(const assay_vec *live, assay_map *paths, assay_error *err)
{
    for (size_t i = 0; i < live->count; i++) {
        assay_iceberg_live_entry *item = assay_vec_at(live, i);
        ASSAY_TRY(assay_map_put(paths, item->entry.path, item, err));
    }
    return ASSAY_OK;
}

/* What the current snapshot has and the old one has not leaves, by local path. */
static assay_status take_off(assay_iceberg_build *build, const assay_vec *current,
                             const assay_map *old, assay_error *err)
{
    ASSAY_AUTO(removal_done) struct removal removal = {.paths = assay_map_new()};
    ASSAY_TRY(assay_arena_check(removal.paths, err));
    for (size_t i = 0; i < current->count; i++) {
        const assay_iceberg_live_entry *live = assay_vec_at(current, i);
        const char *path = NULL;
        if (assay_map_has(old, live->entry.path))
            continue;
        ASSAY_TRY(assay_iceberg_location_local(&build->location, live->entry.path, build->arena,
                                               &path, err));
        ASSAY_TRY(assay_map_put(removal.paths, path, build, err));
    }
    return take_parent(build, &removal, err);
}

static assay_status build_rollback(assay_iceberg_build *build, assay_error *err)
{
    const assay_iceberg_snapshot *target =
        assay_iceberg_metadata_snapshot(build->metadata, build->change->rollback_to);
    if (target == NULL || build->parent == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4109, "the table has no snapshot %lld",
                               (long long)build->change->rollback_to);
    ASSAY_AUTO(assay_vec_done) assay_vec old = ASSAY_VEC_OF(assay_iceberg_live_entry);
    ASSAY_AUTO(assay_vec_done) assay_vec current = ASSAY_VEC_OF(assay_iceberg_live_entry);
    ASSAY_AUTO(assay_map_freep) assay_map *old_paths = assay_map_new();
    ASSAY_AUTO(assay_map_freep) assay_map *current_paths = assay_map_new();
    ASSAY_TRY(assay_arena_check(old_paths, err));
    ASSAY_TRY(assay_arena_check(current_paths, err));
    ASSAY_TRY(assay_iceberg_live_entries(&build->location, target, build->store, build->arena, &old,
                                         NULL, err));
    ASSAY_TRY(assay_iceberg_live_entries(&build->location, build->parent, build->store,
                                         build->arena, &current, NULL, err));
    ASSAY_TRY(collect_paths(&old, old_paths, err));
    ASSAY_TRY(collect_paths(&current, current_paths, err));
    ASSAY_TRY(add_back(build, &old, current_paths, err));
    return take_off(build, &current, old_paths, err);
}

assay_status assay_iceberg_build_manifests(assay_iceberg_build *build, assay_error *err)
{
    struct removal removal = {0};
    ASSAY_TRY(add_files(build, err));
    switch (build->change->kind) {
    case ASSAY_CHANGE_APPEND:
        return take_parent(build, &removal, err);
    case ASSAY_CHANGE_REPLACE:
        removal.all = true;
        return take_parent(build, &removal, err);
    case ASSAY_CHANGE_OVERWRITE:
        return build_overwrite(build, err);
    case ASSAY_CHANGE_ROLLBACK:
        return build_rollback(build, err);
    }
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "an unknown kind of change");
}
