#include "steps/judged.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"

enum { NOTE_SIZE_MAX = 1024 };

static char *path_of(const assay_project *project, const char *table, assay_arena *arena)
{
    return assay_arena_format(arena, "%s/judged/%s", project->state_dir, table);
}

/* "<commit> <hash>" */
static char *note_of(const assay_state_file *state, const char *suite_hash, assay_arena *arena)
{
    return assay_arena_format(arena, "%s %s\n", state->commit_id, suite_hash);
}

bool assay_judged_recall(const assay_project *project, const char *table,
                         const assay_state_file *state, const char *suite_hash)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    if (arena == NULL || state->commit_id == NULL)
        return false;
    const char *path = path_of(project, table, arena);
    const char *note = note_of(state, suite_hash, arena);
    return path != NULL && note != NULL &&
           assay_path_read(path, NOTE_SIZE_MAX, &text, NULL) == ASSAY_OK &&
           assay_str_equal(assay_buf_text(&text), note);
}

void assay_judged_remember(const assay_project *project, const char *table,
                           const assay_state_file *state, const char *suite_hash)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (arena == NULL || state == NULL || state->commit_id == NULL || suite_hash == NULL)
        return;
    const char *path = path_of(project, table, arena);
    const char *note = note_of(state, suite_hash, arena);
    const char *folder = path != NULL ? assay_path_dir(arena, path) : NULL;
    if (folder == NULL || note == NULL || assay_path_make(folder, NULL) != ASSAY_OK ||
        assay_path_write(path, note, strlen(note), NULL) != ASSAY_OK)
        return;
}
