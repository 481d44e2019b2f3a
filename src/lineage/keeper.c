/* The thread that keeps the spool: takes over what dead processes left, makes segments durable (one
 * sync for all events since the last one) and deletes those that everybody has got. */
#include "base/path.h"
#include "base/str.h"
#include "lineage/delivery.h"

#include <string.h>
#include <unistd.h>

enum { ADOPTED_MAX = 256 };

/* ---- leftovers ---- */

static bool is_ours(const assay_lineage_emitter *emitter, const char *name)
{
    for (size_t i = 0; i < emitter->segments.count; i++)
        if (strcmp(assay_path_base(assay_emitter_segment(emitter, i)->path), name) == 0)
            return true;
    return false;
}

/* Puts it before those that are younger. With the lock. */
static assay_status insert_segment(assay_lineage_emitter *emitter, assay_spool_segment *segment,
                                   int64_t waiting, assay_error *err)
{
    ASSAY_TRY(assay_vec_push(&emitter->segments, &segment, err));
    assay_spool_segment **items = emitter->segments.items;
    size_t at = emitter->segments.count - 1;
    for (; at > 0 && strcmp(items[at - 1]->path, segment->path) > 0; at--)
        items[at] = items[at - 1];
    items[at] = segment;
    segment->synced = segment->size;
    emitter->spool_bytes += segment->size;
    emitter->counts.waiting += waiting;
    return ASSAY_OK;
}

static assay_status adopt(assay_lineage_emitter *emitter, const char *name, bool *ret_taken,
                          assay_error *err)
{
    const assay_lineage_config *config = emitter->options.config;
    assay_spool_segment *segment = NULL;
    int64_t waiting = 0;

    *ret_taken = false;
    ASSAY_TRY(assay_spool_adopt(emitter->folder, name, config, &segment, err));
    if (segment == NULL)
        return ASSAY_OK;
    assay_status status = ASSAY_OK;
    for (size_t i = 0; status == ASSAY_OK && i < config->transport_count; i++) {
        int64_t lines = 0;
        status = assay_spool_count(segment, segment->done[i], &lines, err);
        waiting += lines;
    }
    if (status == ASSAY_OK) {
        assay_lock_acquire(emitter->lock);
        status = insert_segment(emitter, segment, waiting, err);
        assay_lock_release(emitter->lock);
    }
    if (status != ASSAY_OK)
        assay_spool_free(segment);
    *ret_taken = status == ASSAY_OK;
    return status;
}

/* Positions of segments that are gone: their owner was killed between the two deletions. */
static void delete_orphan(const assay_lineage_emitter *emitter, const char *name,
                          assay_arena *arena)
{
    static const char suffix[] = ".jsonl";
    const char *end = strstr(name, suffix);

    if (end == NULL || !assay_str_starts(name, "segment-") || !assay_str_ends(name, ".done"))
        return;
    const char *owner = assay_arena_text_n(arena, name, (size_t)(end - name) + strlen(suffix));
    const char *segment = owner != NULL ? assay_path_join(arena, emitter->folder, owner) : NULL;
    const char *path = assay_path_join(arena, emitter->folder, name);
    assay_path_info info = {.exists = true};
    /* Asked again: the list may be older than a segment that somebody has just begun. */
    if (segment != NULL && path != NULL && assay_path_stat(segment, &info, NULL) == ASSAY_OK &&
        !info.exists)
        (void)unlink(path);
}

/* Without the lock: only this thread adds segments that are not our own, or takes any away. */
static void adopt_all(assay_lineage_emitter *emitter)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_error error = {.code = ASSAY_OK};
    char **names = NULL;
    size_t count = 0;
    size_t taken = 0;

    assay_status status = arena == NULL
                              ? assay_error_nomem(&error)
                              : assay_path_list(emitter->folder, arena, &names, &count, &error);
    for (size_t i = 0; status == ASSAY_OK && i < count && taken < ADOPTED_MAX; i++) {
        bool one = false;
        if (!assay_spool_is_segment(names[i])) {
            delete_orphan(emitter, names[i], arena);
            continue;
        }
        assay_lock_acquire(emitter->lock);
        bool ours = is_ours(emitter, names[i]);
        assay_lock_release(emitter->lock);
        if (!ours && adopt(emitter, names[i], &one, &error) != ASSAY_OK)
            assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                            "events of an earlier run stay in the spool: %s", error.message);
        taken += one ? 1 : 0;
    }
    if (status != ASSAY_OK)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                        "events of earlier runs stay in the spool: %s", error.message);
    assay_lock_acquire(emitter->lock);
    emitter->adopted = true;
    emitter->more = taken == ADOPTED_MAX;
    assay_condition_broadcast(emitter->changed);
    assay_lock_release(emitter->lock);
}

/* ---- durability ---- */

static void sync_segment(assay_lineage_emitter *emitter, assay_spool_segment *segment)
{
    assay_error error = {.code = ASSAY_OK};
    int64_t size = segment->size;
    bool folder = emitter->new_segment;

    emitter->new_segment = false;
    assay_lock_release(emitter->lock);
    assay_status status = assay_spool_sync(segment, &error);
    if (status == ASSAY_OK && folder)
        status = assay_path_sync(emitter->folder, &error);
    if (status != ASSAY_OK)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                        "lineage events may not be on disk: %s", error.message);
    assay_lock_acquire(emitter->lock);
    /* After an error the pages are gone: trying again would only hide it. */
    emitter->sync_failed = emitter->sync_failed || status != ASSAY_OK;
    segment->synced = size;
}

static bool sync_one(assay_lineage_emitter *emitter)
{
    for (size_t i = 0; i < emitter->segments.count; i++) {
        assay_spool_segment *segment = assay_emitter_segment(emitter, i);
        if (segment->synced < segment->size) {
            sync_segment(emitter, segment);
            return true;
        }
    }
    return false;
}

/* ---- deletion ---- */

/* A process that ends by itself has recorded what it told. */
static bool is_recorded(const assay_lineage_emitter *emitter, const assay_spool_segment *segment)
{
    return emitter->ending && assay_str_starts(assay_path_base(segment->path), emitter->session);
}

static void note_ended(const assay_lineage_emitter *emitter, const assay_spool_segment *segment)
{
    assay_error error = {.code = ASSAY_OK};

    if (assay_spool_note_ended(emitter->folder, segment, &error) != ASSAY_OK)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                        "which runs have ended is not noted beside the lineage spool: %s",
                        error.message);
}

static bool is_finished(const assay_lineage_emitter *emitter, const assay_spool_segment *segment)
{
    if (segment == emitter->current && !emitter->ending)
        return false;
    for (size_t i = 0; i < emitter->delivery_count; i++)
        if (segment->done[i] < segment->size)
            return false;
    return true;
}

static bool delete_one(assay_lineage_emitter *emitter)
{
    for (size_t i = 0; i < emitter->segments.count; i++) {
        assay_spool_segment *segment = assay_emitter_segment(emitter, i);
        if (!is_finished(emitter, segment))
            continue;
        assay_spool_segment **items = emitter->segments.items;
        for (size_t k = i; k + 1 < emitter->segments.count; k++)
            items[k] = items[k + 1];
        emitter->segments.count--;
        emitter->spool_bytes -= segment->size;
        if (segment == emitter->current)
            emitter->current = NULL;
        bool recorded = is_recorded(emitter, segment);
        assay_lock_release(emitter->lock);
        if (!recorded)
            note_ended(emitter, segment);
        assay_spool_delete(segment);
        assay_spool_free(segment);
        assay_lock_acquire(emitter->lock);
        return true;
    }
    return false;
}

static bool wants_more(const assay_lineage_emitter *emitter)
{
    size_t left = emitter->segments.count;

    return emitter->more && !emitter->stopping && left <= (emitter->current != NULL ? 1U : 0U);
}

void assay_keeper_run(void *argument)
{
    assay_lineage_emitter *emitter = argument;

    adopt_all(emitter);
    assay_lock_acquire(emitter->lock);
    for (;;) {
        if (delete_one(emitter) || sync_one(emitter)) {
            assay_condition_broadcast(emitter->changed);
            continue;
        }
        if (emitter->ending)
            break;
        if (wants_more(emitter)) {
            assay_lock_release(emitter->lock);
            adopt_all(emitter);
            assay_lock_acquire(emitter->lock);
            continue;
        }
        assay_condition_wait(emitter->changed, emitter->lock);
    }
    assay_lock_release(emitter->lock);
}
