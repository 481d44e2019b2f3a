#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "parquet/loaded.h"

enum { US_PER_MS = 1000 };

/* One version on its way. */
struct attempt {
    const assay_table *base;
    const assay_parquet_loaded *loaded;
    const assay_change *change;
    const assay_commit_env *env;
    assay_arena *arena;
    const assay_parquet_version *before; /* NULL = the first version */
    assay_parquet_version version;
    int64_t number;
    const char *draft;             /* the folder that becomes v<number> */
    const assay_data_file **files; /* of the version */
    size_t file_count;
    bool committed;
};

/* A draft that did not become a version goes. */
static void attempt_done(struct attempt *attempt)
{
    assay_status status = attempt->committed || attempt->draft == NULL
                              ? ASSAY_OK
                              : assay_path_remove_tree(attempt->draft, NULL);

    (void)status; /* expire finds what stays */
    assay_arena_free(attempt->arena);
}

static assay_status conflict(const struct attempt *attempt, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4310,
                           "version %lld of table '%s' was committed by somebody else",
                           (long long)attempt->number, attempt->base->name);
}

static assay_status highest(const struct attempt *attempt, int64_t *ret_version, assay_error *err)
{
    int64_t *versions = NULL;
    size_t count = 0;

    ASSAY_TRY(
        assay_parquet_versions(&attempt->loaded->place, attempt->arena, &versions, &count, err));
    *ret_version = count == 0 ? -1 : versions[count - 1];
    return ASSAY_OK;
}

/* Who lost the race for certain need not prepare anything. */
static assay_status check_newest(const struct attempt *attempt, assay_error *err)
{
    int64_t newest = -1;

    ASSAY_TRY(highest(attempt, &newest, err));
    return newest == attempt->number - 1 ? ASSAY_OK : conflict(attempt, err);
}

/* ---- which files ---- */

static assay_status plan(struct attempt *attempt, int64_t version, assay_data_file **ret_files,
                         size_t *ret_count, assay_error *err)
{
    *ret_files = NULL;
    *ret_count = 0;
    if (!attempt->base->exists)
        return ASSAY_OK;
    return assay_parquet_plan_files(attempt->base, version, NULL, attempt->arena, ret_files,
                                    ret_count, err);
}

static assay_status mark_removed(const struct attempt *attempt, const assay_data_file *files,
                                 size_t count, assay_map *removed, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *live = assay_map_new();

    ASSAY_TRY(assay_arena_check(live, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_map_put(live, assay_path_base(files[i].path), NULL, err));
    for (size_t i = 0; i < attempt->change->removed_count; i++) {
        const char *name = assay_path_base(attempt->change->removed[i].path);

        if (!assay_map_has(live, name))
            return conflict(attempt, err);
        ASSAY_TRY(assay_map_put(removed, name, NULL, err));
    }
    return ASSAY_OK;
}

static assay_status choose_files(struct attempt *attempt, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *removed = assay_map_new();
    const assay_change *change = attempt->change;
    bool keeps = change->kind != ASSAY_CHANGE_REPLACE;
    bool rolls_back = change->kind == ASSAY_CHANGE_ROLLBACK;
    assay_data_file *files = NULL;
    size_t count = 0, room = 0;

    ASSAY_TRY(assay_arena_check(removed, err));
    ASSAY_TRY(plan(attempt, rolls_back ? change->rollback_to : -1, &files, &count, err));
    if (change->kind == ASSAY_CHANGE_OVERWRITE)
        ASSAY_TRY(mark_removed(attempt, files, count, removed, err));
    room = count + change->added_count + 1;
    attempt->files = assay_arena_take(attempt->arena, room, sizeof(*attempt->files));
    ASSAY_TRY(assay_arena_check(attempt->files, err));
    for (size_t i = 0; keeps && i < count; i++) {
        if (!assay_map_has(removed, assay_path_base(files[i].path)))
            attempt->files[attempt->file_count++] = &files[i];
    }
    for (size_t i = 0; !rolls_back && i < change->added_count; i++) {
        change->added[i].spec_id = attempt->version.spec->id;
        attempt->files[attempt->file_count++] = &change->added[i];
    }
    return ASSAY_OK;
}

/* ---- version.json ---- */

static assay_status choose_spec(struct attempt *attempt, assay_error *err)
{
    assay_partition_spec *spec = assay_arena_take(attempt->arena, 1, sizeof(*spec));

    ASSAY_TRY(assay_arena_check(spec, err));
    *spec = *attempt->change->spec;
    if (attempt->before == NULL)
        spec->id = 0;
    else if (assay_partition_spec_equal(spec, attempt->before->spec))
        spec->id = attempt->before->spec->id;
    else
        spec->id = attempt->before->spec->id + 1;
    attempt->version.spec = spec;
    return ASSAY_OK;
}

static assay_status choose_schema(struct attempt *attempt, assay_error *err)
{
    assay_schema *schema = NULL;
    int32_t last = attempt->before == NULL ? 0 : attempt->before->schema->last_field_id;

    ASSAY_TRY(assay_schema_copy(attempt->change->schema, attempt->arena, &schema, err));
    if (schema->last_field_id < last)
        schema->last_field_id = last;
    attempt->version.schema = schema;
    return ASSAY_OK;
}

static assay_status choose_identity(struct attempt *attempt, assay_error *err)
{
    char *uuid = NULL;

    if (attempt->before != NULL) {
        attempt->version.uuid = attempt->before->uuid;
        attempt->version.parent_commit_id = attempt->before->snapshot.commit_id;
        attempt->version.properties = attempt->before->properties;
        attempt->version.property_count = attempt->before->property_count;
        return ASSAY_OK;
    }
    uuid = assay_arena_take(attempt->arena, ASSAY_UUID_TEXT_SIZE, 1);
    ASSAY_TRY(assay_arena_check(uuid, err));
    assay_uuid_format(assay_uuid_v4(attempt->env->random), uuid);
    attempt->version.uuid = uuid;
    attempt->version.property_count = attempt->change->property_count;
    attempt->version.properties =
        assay_arena_take(attempt->arena, attempt->change->property_count + 1,
                         sizeof(assay_property));
    ASSAY_TRY(assay_arena_check(attempt->version.properties, err));
    for (size_t i = 0; i < attempt->change->property_count; i++)
        attempt->version.properties[i] = attempt->change->properties[i];
    return ASSAY_OK;
}

static void fill_snapshot(struct attempt *attempt)
{
    const assay_change *change = attempt->change;
    const assay_snapshot *before = attempt->before == NULL ? NULL : &attempt->before->snapshot;
    assay_snapshot *snapshot = &attempt->version.snapshot;
    int64_t now_ms = attempt->env->clock->now_us(attempt->env->clock->user) / US_PER_MS;

    *snapshot = (assay_snapshot){
        .id = attempt->number,
        .parent = attempt->number - 1,
        .number = attempt->number + 1,
        .timestamp_ms =
            before != NULL && before->timestamp_ms > now_ms ? before->timestamp_ms : now_ms,
        .operation = change->kind == ASSAY_CHANGE_APPEND ? "append" : "overwrite",
        .files = (int64_t)attempt->file_count,
        .state_path = change->state_path,
        .engine = "assay",
        .run_id = change->run_id,
        .verdict = change->verdict,
        .commit_id = change->commit_id,
    };
    for (size_t i = 0; i < attempt->file_count; i++) {
        const assay_data_file *file = attempt->files[i];

        snapshot->rows = snapshot->rows < 0 || file->rows < 0 ? -1 : snapshot->rows + file->rows;
        snapshot->bytes += file->size;
        snapshot->added_rows += file->sequence < 0 ? file->rows : 0;
    }
    if (before == NULL || before->rows < 0 || snapshot->rows < 0)
        snapshot->removed_rows = before == NULL ? 0 : -1;
    else
        snapshot->removed_rows = before->rows + snapshot->added_rows - snapshot->rows;
    /* A rollback adds and removes what differs; by rows only the balance is known. */
    if (change->kind == ASSAY_CHANGE_ROLLBACK)
        snapshot->added_rows = snapshot->removed_rows = -1;
}

/* ---- the draft ---- */

static assay_status link_file(const char *from, const char *folder, assay_arena *arena,
                              assay_error *err)
{
    char *to = assay_path_join(arena, folder, assay_path_base(from));

    ASSAY_TRY(assay_arena_check(to, err));
    if (link(from, to) != 0)
        return assay_error_errno(err, errno, "cannot link '%s' into '%s'", from, folder);
    return ASSAY_OK;
}

/* State files are written through the link, so they lie in the base's folder, or for a first commit
 * in the folder that the link replaces. */
static assay_status link_states(struct attempt *attempt, const char *manifest, assay_error *err)
{
    const char *state = attempt->change->state_path;
    char real[PATH_MAX];
    char *source = NULL;
    char **names = NULL;
    size_t count = 0;
    bool found = state == NULL;

    /* Resolved once: somebody may swap the link while the files are gone through. */
    if (realpath(attempt->base->location, real) == NULL)
        return found ? ASSAY_OK : conflict(attempt, err);
    source = assay_path_join(attempt->arena, real, "_assay");
    ASSAY_TRY(assay_arena_check(source, err));
    ASSAY_TRY(assay_path_list(source, attempt->arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        char *path = assay_path_join(attempt->arena, source, names[i]);

        ASSAY_TRY(assay_arena_check(path, err));
        if (!assay_str_starts(names[i], "state-"))
            continue;
        found = found || strcmp(assay_path_base(state), names[i]) == 0;
        ASSAY_TRY(link_file(path, manifest, attempt->arena, err));
    }
    /* Somebody else's commit has taken the folder that it was written to. */
    return found ? ASSAY_OK : conflict(attempt, err);
}

static assay_status write_manifests(struct attempt *attempt, const char *manifest, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char *version = assay_path_join(attempt->arena, manifest, "version.json");
    char *files = assay_path_join(attempt->arena, manifest, "files.json");

    ASSAY_TRY(assay_arena_check(version, err));
    ASSAY_TRY(assay_arena_check(files, err));
    ASSAY_TRY(assay_parquet_version_write(&attempt->version, attempt->arena, &text, err));
    ASSAY_TRY(assay_path_write(version, text.data, text.size, err));
    assay_buf_clear(&text);
    ASSAY_TRY(assay_parquet_files_write(&attempt->version, attempt->files, attempt->file_count,
                                        attempt->arena, &text, err));
    return assay_path_write(files, text.data, text.size, err);
}

static assay_status write_draft(struct attempt *attempt, assay_error *err)
{
    /* named after the run too, so that the next one finds what a dead one left */
    char *draft =
        assay_arena_format(attempt->arena, "%s/draft-%s-%lld-%s", attempt->loaded->place.folder,
                           attempt->change->run_id != NULL ? attempt->change->run_id : "",
                           (long long)attempt->number, attempt->change->commit_id);
    char *manifest = draft == NULL ? NULL : assay_path_join(attempt->arena, draft, "_assay");

    ASSAY_TRY(assay_arena_check(manifest, err));
    attempt->draft = draft;
    ASSAY_TRY(assay_path_remove_tree(draft, err));
    ASSAY_TRY(assay_path_make(manifest, err));
    for (size_t i = 0; i < attempt->file_count; i++)
        ASSAY_TRY(link_file(attempt->files[i]->path, draft, attempt->arena, err));
    ASSAY_TRY(link_states(attempt, manifest, err));
    ASSAY_TRY(write_manifests(attempt, manifest, err));
    ASSAY_TRY(assay_path_sync(manifest, err));
    return assay_path_sync(draft, err);
}

/* ---- the commit ---- */

/* A version that was expired leaves its number free again: who took it from an old base did not
 * commit. Where the next version was built on ours, all is well. */
static assay_status check_claim(struct attempt *attempt, const char *folder, assay_error *err)
{
    assay_parquet_version *next = NULL;
    int64_t newest = -1;
    char *aside = NULL;

    ASSAY_TRY(highest(attempt, &newest, err));
    if (newest <= attempt->number)
        return ASSAY_OK;
    if (assay_parquet_version_load(&attempt->loaded->place, attempt->number + 1, attempt->arena,
                                   &next, NULL) == ASSAY_OK &&
        assay_str_equal(next->parent_commit_id, attempt->change->commit_id))
        return ASSAY_OK;
    aside = assay_arena_format(attempt->arena, "%s/trash-%s", attempt->loaded->place.folder,
                               attempt->change->commit_id);
    ASSAY_TRY(assay_arena_check(aside, err));
    if (rename(folder, aside) != 0)
        return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 4311,
                               "version %lld of table '%s' cannot be withdrawn: %s",
                               (long long)attempt->number, attempt->base->name, strerror(errno));
    ASSAY_TRY(assay_path_remove_tree(aside, err));
    return conflict(attempt, err);
}

/* rename(2) replaces a folder only where that one is empty, and a version never is: it is the
 * test and the commit in one. */
static assay_status claim(struct attempt *attempt, assay_error *err)
{
    const assay_parquet_place *place = &attempt->loaded->place;
    char *folder = assay_parquet_version_path(place, attempt->number, attempt->arena);
    char *layer = assay_path_dir(attempt->arena, place->folder);

    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_arena_check(layer, err));
    if (attempt->number == 0)
        ASSAY_TRY(assay_path_sync(layer, err));
    ASSAY_TRY(check_newest(attempt, err));
    if (rename(attempt->draft, folder) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST)
            return conflict(attempt, err);
        return assay_error_errno(err, errno, "cannot make version '%s'", folder);
    }
    attempt->committed = true;
    if (assay_path_sync(place->folder, err) != ASSAY_OK)
        return assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 4311,
                               "it is not known whether version %lld of table '%s' is durable",
                               (long long)attempt->number, attempt->base->name);
    return check_claim(attempt, folder, err);
}

/* The staged names are second links now. */
static void drop_staged(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->change->added_count; i++) {
        const char *path = attempt->change->added[i].path;
        char *folder = assay_path_dir(attempt->arena, path);

        if (folder == NULL || !assay_str_starts(assay_path_base(folder), "stage-"))
            continue;
        (void)unlink(path);
        (void)rmdir(folder);
    }
}

static assay_status copy_snapshot(const struct attempt *attempt,
                                  const assay_snapshot **ret_snapshot, assay_error *err)
{
    assay_arena *arena = attempt->base->arena;
    assay_snapshot *copy = assay_arena_bytes(arena, &attempt->version.snapshot, sizeof(*copy));

    ASSAY_TRY(assay_arena_check(copy, err));
    copy->state_path = assay_arena_text(arena, copy->state_path);
    copy->run_id = assay_arena_text(arena, copy->run_id);
    copy->verdict = assay_arena_text(arena, copy->verdict);
    copy->commit_id = assay_arena_text(arena, copy->commit_id);
    *ret_snapshot = copy;
    return ASSAY_OK;
}

static assay_status prepare(struct attempt *attempt, assay_error *err)
{
    const assay_parquet_loaded *loaded = attempt->loaded;
    assay_parquet_kind kind = ASSAY_PARQUET_ABSENT;

    if (loaded->foreign)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4303,
                               "'%s' is a folder with files that are not assay's",
                               attempt->base->location);
    ASSAY_TRY(assay_parquet_look(&loaded->place, attempt->arena, &kind, err));
    if (kind == ASSAY_PARQUET_FOLDER)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4303,
                               "'%s' is a folder with files that are not assay's",
                               attempt->base->location);
    attempt->before = assay_parquet_find_version(loaded, -1);
    attempt->number = attempt->before == NULL ? 0 : attempt->before->snapshot.id + 1;
    ASSAY_TRY(check_newest(attempt, err));
    ASSAY_TRY(choose_identity(attempt, err));
    ASSAY_TRY(choose_schema(attempt, err));
    ASSAY_TRY(choose_spec(attempt, err));
    ASSAY_TRY(choose_files(attempt, err));
    fill_snapshot(attempt);
    return ASSAY_OK;
}

assay_status assay_parquet_commit(const assay_table *base, const assay_change *change,
                                  const assay_commit_env *env, assay_store *store, assay_conn *conn,
                                  const assay_snapshot **ret_snapshot, assay_error *err)
{
    ASSAY_AUTO(attempt_done)
    struct attempt attempt = {.base = base,
                              .loaded = base->format_data,
                              .change = change,
                              .env = env,
                              .arena = assay_arena_new()};
    assay_status status = ASSAY_OK;

    (void)store;
    (void)conn;
    ASSAY_TRY(assay_arena_check(attempt.arena, err));
    ASSAY_TRY(assay_cancel_check(env->cancel, err));
    ASSAY_TRY(prepare(&attempt, err));
    ASSAY_TRY(copy_snapshot(&attempt, ret_snapshot, err));
    status = write_draft(&attempt, err);
    /* Files of the base may be expired by now, where others have gone on. */
    if (status == ASSAY_ENOTFOUND)
        ASSAY_TRY(check_newest(&attempt, err));
    if (status != ASSAY_OK)
        return status;
    ASSAY_TRY(claim(&attempt, err));
    /* The version stands; a link that cannot be swapped now is swapped by the next load. */
    status = assay_parquet_publish(&attempt.loaded->place, attempt.arena, NULL);
    (void)status;
    drop_staged(&attempt);
    return ASSAY_OK;
}
