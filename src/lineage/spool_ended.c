#include "base/path.h"
#include "base/str.h"
#include "lineage/emitter.h"
#include "lineage/spool.h"

#include <string.h>

/* Segments are at most as large as ASSAY_LINEAGE_SEGMENT_MAX and one event more; of many, the
 * newest are those of the process that died last. */
enum { SEGMENT_SIZE_MAX = ASSAY_LINEAGE_SEGMENT_MAX + ASSAY_LINEAGE_EVENT_MAX, SEGMENTS_MAX = 16 };

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
    return ASSAY_OK;
}
