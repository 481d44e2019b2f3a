#include "source/looks.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"

struct assay_source_looks {
    assay_lock *lock;
    assay_map *by_file; /* of assay_source_file in the arena */
    assay_arena *arena; /* what is in it never changes: a file seen anew is another record */
};

assay_source_looks *assay_source_looks_new(void)
{
    assay_source_looks *looks = assay_mem_new(1, sizeof *looks);

    if (looks == NULL)
        return NULL;
    looks->lock = assay_lock_new();
    looks->by_file = assay_map_new();
    looks->arena = assay_arena_new();
    if (looks->lock == NULL || looks->by_file == NULL || looks->arena == NULL)
        assay_source_looks_freep(&looks);
    return looks;
}

void assay_source_looks_freep(assay_source_looks **looks)
{
    if (*looks == NULL)
        return;
    assay_map_freep(&(*looks)->by_file);
    assay_arena_freep(&(*looks)->arena);
    assay_lock_free((*looks)->lock);
    assay_mem_free(*looks);
    *looks = NULL;
}

static assay_status make_key(assay_buf *buf, const char *model, const assay_source_file *file)
{
    assay_buf_append_format(buf, "%s %s", model, file->path);
    return assay_buf_check(buf, NULL);
}

/* False when memory is short. */
static bool copy_text(assay_arena *arena, const char **text)
{
    *text = *text != NULL ? assay_arena_text(arena, *text) : NULL;
    return *text != NULL;
}

static bool copy_columns(assay_arena *arena, assay_source_file *file)
{
    assay_column *columns = assay_arena_take(arena, file->column_count + 1, sizeof *columns);

    for (size_t i = 0; columns != NULL && i < file->column_count; i++) {
        columns[i] = file->columns[i];
        if (!copy_text(arena, &columns[i].name) || !copy_text(arena, &columns[i].type))
            return false;
    }
    file->columns = columns;
    return columns != NULL;
}

static assay_source_file *copy_file(assay_arena *arena, const assay_source_file *file)
{
    assay_source_file *copy = assay_arena_take(arena, 1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *file;
    const char **texts[] = {&copy->path,
                            &copy->given,
                            &copy->sha256,
                            &copy->header,
                            &copy->dialect.delimiter,
                            &copy->dialect.quote,
                            &copy->dialect.escape,
                            &copy->dialect.comment};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i] != NULL && !copy_text(arena, texts[i]))
            return NULL;
    return copy_columns(arena, copy) ? copy : NULL;
}

static void keep(assay_source_looks *looks, const char *key, const assay_source_file *file)
{
    assay_source_file *copy = copy_file(looks->arena, file);

    if (copy == NULL || assay_map_put(looks->by_file, key, copy, NULL) != ASSAY_OK)
        return; /* it is looked at again */
}

void assay_source_looks_note(assay_source_looks *looks, const char *model,
                             const assay_source_file *file)
{
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;

    if (looks == NULL || make_key(&key, model, file) != ASSAY_OK)
        return;
    assay_lock_acquire(looks->lock);
    keep(looks, assay_buf_text(&key), file);
    assay_lock_release(looks->lock);
}

bool assay_source_looks_recall(assay_source_looks *looks, const char *model,
                               assay_source_file *file)
{
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;

    if (looks == NULL || make_key(&key, model, file) != ASSAY_OK)
        return false;
    assay_lock_acquire(looks->lock);
    const assay_source_file *known = assay_map_find(looks->by_file, assay_buf_text(&key));
    assay_lock_release(looks->lock);
    if (known == NULL || known->size != file->size || known->mtime_ns != file->mtime_ns)
        return false;
    file->sha256 = known->sha256;
    file->looked = known->looked;
    file->columns = known->columns;
    file->column_count = known->column_count;
    file->header = known->header;
    file->dialect = known->dialect;
    return true;
}
