#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/uuid.h"
#include "iceberg/build.h"
#include "iceberg/document.h"
#include "iceberg/iceberg.h"
#include "text/json.h"

assay_status assay_iceberg_check_writable(const assay_table *base, assay_error *err)
{
    const assay_iceberg_table *data = base->format_data;
    if (data->metadata == NULL)
        return ASSAY_OK;
    if (data->pointer.managed != NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4111,
                               "table '%s' belongs to another catalog (%s) and can only be read",
                               base->name, data->pointer.managed);
    if (data->metadata->format_version != ASSAY_ICEBERG_FORMAT_VERSION)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4112,
                               "table '%s' has Iceberg format version %d, which is read but not "
                               "written",
                               base->name, data->metadata->format_version);
    return assay_iceberg_location_writable(&data->location, err);
}

/* Snapshot ids are random and positive; made of the commit's uuid, so that all attempts of one
 * commit have the same and its manifest of added files stays valid. */
static int64_t snapshot_id(const assay_iceberg_build *build)
{
    assay_uuid uuid = build->commit_uuid;
    for (;;) {
        uint64_t high = 0, low = 0;
        for (size_t i = 0; i < 8; i++) {
            high = high << 8 | uuid.bytes[i];
            low = low << 8 | uuid.bytes[8 + i];
        }
        int64_t id = (int64_t)((high ^ low) & INT64_MAX);
        if (id > 0 && assay_iceberg_metadata_snapshot(build->metadata, id) == NULL)
            return id;
        uuid = assay_uuid_v4(build->env->random);
    }
}

/* The copy of the base's document that the commit edits, or the document of a new table; schema and
 * spec are already the change's. */
static assay_status start_document(const assay_iceberg_table *data, const assay_change *change,
                                   const assay_commit_env *env, assay_arena *arena,
                                   assay_value **ret_document, assay_error *err)
{
    assay_value *document = NULL;
    const assay_iceberg_metadata *base = data->metadata;
    if (base != NULL) {
        document = assay_value_copy(arena, base->document);
        ASSAY_TRY(assay_arena_check(document, err));
    } else {
        assay_iceberg_metadata *fresh = NULL;
        ASSAY_TRY(assay_iceberg_document_new(data->location.local, change, env->random, arena,
                                             &document, err));
        ASSAY_TRY(assay_iceberg_metadata_read(document, arena, &fresh, err));
        base = fresh;
    }
    ASSAY_TRY(assay_iceberg_document_evolve(document, base, change, arena, err));
    *ret_document = document;
    return ASSAY_OK;
}

static assay_status start_build(assay_iceberg_build *build, const assay_iceberg_table *data,
                                const assay_value *document, assay_error *err)
{
    assay_iceberg_metadata *metadata = NULL;
    ASSAY_TRY(assay_iceberg_metadata_read(document, build->arena, &metadata, err));
    build->metadata = metadata;
    build->parent = metadata->current;
    build->location = (assay_iceberg_location){.recorded = metadata->location,
                                               .local = data->location.local,
                                               .metadata = metadata};
    build->sequence = metadata->last_sequence + 1;
    build->attempt_uuid = assay_uuid_v4(build->env->random);
    if (build->change->commit_id == NULL ||
        !assay_uuid_parse(build->change->commit_id, &build->commit_uuid))
        build->commit_uuid = assay_uuid_v4(build->env->random);
    build->snapshot_id = snapshot_id(build);
    return assay_iceberg_build_init(build, err);
}

/* Time never runs backwards in a table (spec, "Snapshots"). */
static int64_t commit_time_ms(const assay_iceberg_build *build)
{
    int64_t now_ms = build->env->clock->now_us(build->env->clock->user) / 1000;
    int64_t least = build->metadata->last_updated_ms;
    if (build->parent != NULL && build->parent->timestamp_ms > least)
        least = build->parent->timestamp_ms;
    return now_ms > least ? now_ms : least;
}

/* The property outlives the snapshot: it says which state file is the newest, and of which
 * snapshot. */
static assay_status note_state(assay_value *document, const assay_iceberg_build *build,
                               assay_error *err)
{
    char id[24];
    if (build->change->state_path == NULL)
        return ASSAY_OK;
    (void)snprintf(id, sizeof id, "%lld", (long long)build->snapshot_id);
    ASSAY_TRY(assay_iceberg_document_property(document, "assay.state", build->change->state_path,
                                              build->arena, err));
    return assay_iceberg_document_property(document, "assay.state-snapshot", id, build->arena, err);
}

static assay_status finish_document(assay_iceberg_build *build, const assay_iceberg_table *data,
                                    assay_value *document, assay_error *err)
{
    assay_iceberg_new_snapshot snapshot = {
        .id = build->snapshot_id,
        .parent = build->parent != NULL ? build->parent->id : -1,
        .sequence = build->sequence,
        .timestamp_ms = commit_time_ms(build),
        .schema_id = build->metadata->schema->id,
    };
    const char *previous = NULL;
    ASSAY_TRY(assay_iceberg_build_list(build, &snapshot.manifest_list, err));
    ASSAY_TRY(assay_iceberg_build_summary(build, &snapshot.summary, err));
    ASSAY_TRY(assay_iceberg_document_add_snapshot(document, &snapshot, build->arena, err));
    ASSAY_TRY(note_state(document, build, err));
    if (data->pointer.exists) {
        previous = assay_iceberg_pointer_recorded(data, build->arena);
        ASSAY_TRY(assay_arena_check(previous, err));
    }
    return assay_iceberg_document_supersede(document, previous, snapshot.timestamp_ms, build->arena,
                                            err);
}

static assay_status publish(const assay_iceberg_table *data, const assay_value *document,
                            const assay_commit_env *env, assay_store *store, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_json_write(&bytes, document, 0);
    ASSAY_TRY(assay_buf_check(&bytes, err));
    ASSAY_TRY(assay_cancel_check(env->cancel, err));
    return data->catalog->commit(data->catalog, &data->identity, &data->pointer, &bytes, store,
                                 env->random, err);
}

/* The new snapshot as plain data in the arena of the table. */
static assay_status keep_snapshot(const assay_iceberg_build *build, const assay_value *document,
                                  assay_arena *arena, const assay_snapshot **ret_snapshot,
                                  assay_error *err)
{
    const assay_value *copy = assay_value_copy(arena, document);
    assay_iceberg_metadata *metadata = NULL;
    assay_snapshot *snapshot = assay_arena_take(arena, 1, sizeof *snapshot);
    ASSAY_TRY(assay_arena_check(copy, err));
    ASSAY_TRY(assay_arena_check(snapshot, err));
    ASSAY_TRY(assay_iceberg_metadata_read(copy, arena, &metadata, err));
    *snapshot =
        assay_iceberg_snapshot_of(assay_iceberg_metadata_snapshot(metadata, build->snapshot_id));
    *ret_snapshot = snapshot;
    return ASSAY_OK;
}

static assay_status run_attempt(assay_iceberg_build *build, const assay_iceberg_table *data,
                                assay_value *document, assay_arena *keep,
                                const assay_snapshot **ret_snapshot, assay_error *err)
{
    const assay_snapshot *snapshot = NULL;
    ASSAY_TRY(assay_iceberg_build_manifests(build, err));
    ASSAY_TRY(finish_document(build, data, document, err));
    /* Everything that can fail comes before the publication. */
    ASSAY_TRY(keep_snapshot(build, document, keep, &snapshot, err));
    ASSAY_TRY(publish(data, document, build->env, build->store, err));
    *ret_snapshot = snapshot;
    return ASSAY_OK;
}

assay_status assay_iceberg_commit(const assay_table *base, const assay_change *change,
                                  const assay_commit_env *env, assay_store *store,
                                  struct assay_conn *conn, const assay_snapshot **ret_snapshot,
                                  assay_error *err)
{
    (void)conn;
    const assay_iceberg_table *data = base->format_data;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *document = NULL;
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_iceberg_check_writable(base, err));
    ASSAY_TRY(start_document(data, change, env, arena, &document, err));
    ASSAY_AUTO(assay_iceberg_build_done)
    assay_iceberg_build build = {.change = change, .env = env, .store = store, .arena = arena};
    ASSAY_TRY(start_build(&build, data, document, err));
    assay_status status = run_attempt(&build, data, document, base->arena, ret_snapshot, err);
    if (status != ASSAY_OK && status != ASSAY_EUNKNOWN_OUTCOME)
        assay_iceberg_build_discard(&build, status == ASSAY_ECONFLICT);
    return status;
}
