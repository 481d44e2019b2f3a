#include "base/path.h"
#include "base/str.h"
#include "lineage/emitter.h"
#include "lineage/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Segments are at most as large as ASSAY_LINEAGE_SEGMENT_MAX and one event more; of many, the
 * newest are those of the process that died last. */
enum { SEGMENT_SIZE_MAX = ASSAY_LINEAGE_SEGMENT_MAX + ASSAY_LINEAGE_EVENT_MAX, SEGMENTS_MAX = 16 };

/* Run ids of segments that are sent and deleted, one a line; the older half moves aside. */
static const char notes_name[] = "ended-runs";
static const char old_notes_name[] = "ended-runs.old";
enum { NOTES_SIZE_MAX = 512 * 1024, NOTES_READ_MAX = 64 * 1024 * 1024 };

static const char type_key[] = "{\"eventType\":\"";
static const char run_key[] = "\"run\":{\"runId\":\"";

enum { UUID_LENGTH = 36, HEAD_MAX = 256 };

/* event.c writes type, time and run first, in this order. */
static assay_status take_line(const char *line, size_t size, assay_map *ended, assay_error *err)
{
    static const char *const types[] = {"COMPLETE\"", "FAIL\"", "ABORT\""};
    char head[HEAD_MAX + 1];
    char run[UUID_LENGTH + 1];
    bool ends = false;

    size = size < HEAD_MAX ? size : HEAD_MAX;
    memcpy(head, line, size);
    head[size] = '\0';
    if (!assay_str_starts(head, type_key))
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        ends = ends || assay_str_starts(head + strlen(type_key), types[i]);
    const char *found = strstr(head, run_key);
    if (!ends || found == NULL || strlen(found) < strlen(run_key) + UUID_LENGTH)
        return ASSAY_OK;
    memcpy(run, found + strlen(run_key), UUID_LENGTH);
    run[UUID_LENGTH] = '\0';
    return assay_map_put(ended, run, NULL, err);
}

static assay_status take_segment(const char *path, assay_map *ended, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *at = NULL;

    if (assay_path_read(path, SEGMENT_SIZE_MAX, &text, NULL) != ASSAY_OK)
        return ASSAY_OK; /* sent and deleted meanwhile */
    at = assay_buf_text(&text);
    for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        ASSAY_TRY(take_line(at, (size_t)(end - at), ended, err));
        at = end + 1;
    }
    return ASSAY_OK;
}

/* ---- notes ---- */

static assay_status append_notes(const char *path, const assay_buf *lines, assay_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    ssize_t written = write(fd, lines->data, lines->size);
    int native = written < 0 ? errno : ENOSPC;
    (void)close(fd);
    if (written == (ssize_t)lines->size)
        return ASSAY_OK;
    return assay_error_errno(err, native, "cannot write '%s'", path);
}

/* A reader looks at the newer file first, so that it misses nothing while this happens. */
static assay_status rotate_notes(const char *folder, const char *path, assay_arena *arena,
                                 assay_error *err)
{
    assay_path_info info = {0};
    const char *old = assay_path_join(arena, folder, old_notes_name);

    ASSAY_TRY(assay_arena_check(old, err));
    ASSAY_TRY(assay_path_stat(path, &info, err));
    if (info.size > NOTES_SIZE_MAX && rename(path, old) != 0 && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot move '%s'", path);
    return ASSAY_OK;
}

assay_status assay_spool_note_ended(const char *folder, const assay_spool_segment *segment,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_map_freep) assay_map *ended = assay_map_new();
    ASSAY_AUTO(assay_buf_done) assay_buf lines = ASSAY_BUF_EMPTY;

    if (arena == NULL || ended == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(take_segment(segment->path, ended, err));
    for (size_t i = 0; i < assay_map_count(ended); i++)
        assay_buf_append_format(&lines, "%s\n", assay_map_key_at(ended, i));
    ASSAY_TRY(assay_buf_check(&lines, err));
    if (lines.size == 0)
        return ASSAY_OK;
    const char *path = assay_path_join(arena, folder, notes_name);
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(append_notes(path, &lines, err));
    return rotate_notes(folder, path, arena, err);
}

static assay_status take_notes(const char *folder, const char *name, assay_arena *arena,
                               assay_map *ended, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *path = assay_path_join(arena, folder, name);

    ASSAY_TRY(assay_arena_check(path, err));
    if (assay_path_read(path, NOTES_READ_MAX, &text, NULL) != ASSAY_OK)
        return ASSAY_OK; /* nothing was noted */
    const char *at = assay_buf_text(&text);
    for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        const char *run = assay_arena_text_n(arena, at, (size_t)(end - at));
        ASSAY_TRY(assay_arena_check(run, err));
        ASSAY_TRY(assay_map_put(ended, run, NULL, err));
        at = end + 1;
    }
    return ASSAY_OK;
}

/* A segment is noted before it is deleted: what is in neither file was not in the segments read
 * before them. */
assay_status assay_lineage_spool_ended(const char *folder, assay_map *ended, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char **names = NULL;
    size_t count = 0;
    size_t taken = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_path_list(folder, arena, &names, &count, err));
    for (size_t i = count; i > 0 && taken < SEGMENTS_MAX; i--) {
        if (!assay_spool_is_segment(names[i - 1]))
            continue;
        const char *path = assay_path_join(arena, folder, names[i - 1]);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(take_segment(path, ended, err));
        taken++;
    }
    ASSAY_TRY(take_notes(folder, notes_name, arena, ended, err));
    return take_notes(folder, old_notes_name, arena, ended, err);
}
