#include "base/path.h"
#include "base/str.h"
#include "lineage/emitter.h"
#include "lineage/spool.h"

#include <fcntl.h>
#include <unistd.h>

/* Events of one segment that some transport still has to get; opened without its lock, since it
 * may be in use. */
static assay_status look_segment(const char *folder, const char *name,
                                 const assay_lineage_config *config, assay_arena *arena,
                                 assay_lineage_spool_state *state, assay_error *err)
{
    assay_path_info info = {.exists = false};
    char *path = assay_path_join(arena, folder, name);
    ASSAY_TRY(assay_arena_check(path, err));

    ASSAY_TRY(assay_path_stat(path, &info, err));
    int fd = info.exists ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return ASSAY_OK; /* sent and deleted meanwhile */
    assay_spool_segment segment = {.path = path, .fd = fd, .size = info.size};
    int64_t least = config->transport_count > 0 ? segment.size : 0;
    for (size_t i = 0; i < config->transport_count; i++) {
        int64_t done = assay_spool_load(&segment, config->transports[i].name);
        least = done < least ? done : least;
    }
    int64_t lines = 0;
    assay_status status = assay_spool_count(&segment, least, &lines, err);
    (void)close(fd);
    state->segments++;
    state->bytes += segment.size;
    state->events += lines;
    return status;
}

static assay_status look_refused(const char *folder, const char *name, assay_arena *arena,
                                 assay_lineage_spool_state *state, assay_error *err)
{
    char *path = assay_path_join(arena, folder, name);
    ASSAY_TRY(assay_arena_check(path, err));
    assay_path_info info = {.exists = false};
    ASSAY_TRY(assay_path_stat(path, &info, err));

    assay_spool_segment file = {.path = path, .size = info.size};
    file.fd = info.exists ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file.fd < 0)
        return ASSAY_OK;
    int64_t lines = 0;
    assay_status status = assay_spool_count(&file, 0, &lines, err);
    (void)close(file.fd);
    state->refused += lines;
    return status;
}

assay_status assay_lineage_spool_look(const char *folder, const assay_lineage_config *config,
                                      assay_lineage_spool_state *ret_state, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_lineage_spool_state state = {0};
    char **names = NULL;
    size_t count = 0;

    if (arena == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(assay_path_list(folder, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (assay_spool_is_segment(names[i]))
            ASSAY_TRY(look_segment(folder, names[i], config, arena, &state, err));
        else if (assay_str_starts(names[i], "refused-") && assay_str_ends(names[i], ".jsonl"))
            ASSAY_TRY(look_refused(folder, names[i], arena, &state, err));
    }
    *ret_state = state;
    return ASSAY_OK;
}
