#include "catalog/memory.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

/* What one table points to. */
struct pointer {
    char *path;
    int64_t version;
};

struct memory {
    assay_lock *lock;
    assay_map *tables; /* location -> struct pointer, owned */
};

void assay_memory_catalog_free(assay_iceberg_catalog *catalog)
{
    if (catalog == NULL)
        return;
    struct memory *memory = catalog->state;
    for (size_t i = 0; memory->tables != NULL && i < assay_map_count(memory->tables); i++) {
        struct pointer *pointer = assay_map_value_at(memory->tables, i);
        assay_mem_free(pointer->path);
        assay_mem_free(pointer);
    }
    assay_map_free(memory->tables);
    assay_lock_free(memory->lock);
    assay_mem_free(memory);
    assay_mem_free(catalog);
}

void assay_memory_catalog_freep(assay_iceberg_catalog **catalog)
{
    assay_memory_catalog_free(*catalog);
    *catalog = NULL;
}

static assay_status memory_load(const assay_iceberg_catalog *catalog,
                                const assay_iceberg_identity *identity, assay_store *store,
                                assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                                assay_error *err)
{
    (void)store;
    struct memory *memory = catalog->state;
    assay_iceberg_pointer found = {.version = -1};
    assay_lock_acquire(memory->lock);
    const struct pointer *pointer = assay_map_find(memory->tables, identity->location);
    if (pointer != NULL) {
        found.exists = true;
        found.version = pointer->version;
        found.path = assay_arena_text(arena, pointer->path);
    }
    assay_lock_release(memory->lock);
    if (found.exists && found.path == NULL)
        return assay_error_nomem(err);
    *ret_pointer = found;
    return ASSAY_OK;
}

/* Moves the pointer under the lock; the file is written already. */
static assay_status swap(struct memory *memory, const assay_iceberg_identity *identity,
                         const assay_iceberg_pointer *base, const char *path, assay_error *err)
{
    struct pointer *pointer = assay_map_find(memory->tables, identity->location);
    int64_t current = pointer != NULL ? pointer->version : 0;
    int64_t expected = base->exists ? base->version : 0;
    if (current != expected)
        return assay_error_set(err, ASSAY_ECONFLICT, 4401,
                               "table '%s': another commit made version %lld first", identity->name,
                               (long long)(expected + 1));
    ASSAY_AUTO(assay_mem_freep) char *copy = assay_mem_copy_text(path);
    ASSAY_TRY(assay_arena_check(copy, err));
    if (pointer == NULL) {
        ASSAY_AUTO(assay_mem_freep) struct pointer *fresh = assay_mem_new(1, sizeof *fresh);
        ASSAY_TRY(assay_arena_check(fresh, err));
        ASSAY_TRY(assay_map_put(memory->tables, identity->location, fresh, err));
        pointer = ASSAY_TAKE(&fresh);
    }
    assay_mem_free(pointer->path);
    pointer->path = ASSAY_TAKE(&copy);
    pointer->version = expected + 1;
    return ASSAY_OK;
}

static assay_status memory_commit(const assay_iceberg_catalog *catalog,
                                  const assay_iceberg_identity *identity,
                                  const assay_iceberg_pointer *base, const assay_buf *metadata,
                                  assay_store *store, const assay_random *random, assay_error *err)
{
    (void)random;
    struct memory *memory = catalog->state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(arena, err));
    int64_t version = base->exists ? base->version + 1 : 1;
    assay_lock_acquire(memory->lock);
    const char *path =
        assay_arena_format(arena, "%s/metadata/m%lld-%zu.metadata.json", identity->location,
                           (long long)version, assay_mem_count());
    assay_status status = assay_arena_check(path, err);
    if (status == ASSAY_OK)
        status = assay_store_put(store, path, assay_buf_text(metadata), metadata->size, err);
    if (status == ASSAY_OK)
        status = swap(memory, identity, base, path, err);
    assay_lock_release(memory->lock);
    return status;
}

static assay_status memory_list(const assay_iceberg_catalog *catalog, const char *root,
                                assay_store *store, assay_arena *arena, char ***ret_names,
                                size_t *ret_count, assay_error *err)
{
    (void)store;
    struct memory *memory = catalog->state;
    size_t total = assay_map_count(memory->tables), count = 0, length = strlen(root);
    char **names = assay_arena_take(arena, total + 1, sizeof *names);
    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < total; i++) {
        const char *location = assay_map_key_at(memory->tables, i);
        if (!assay_str_starts(location, root) || location[length] != '/')
            continue;
        names[count] = assay_arena_text(arena, location + length + 1);
        ASSAY_TRY(assay_arena_check(names[count], err));
        /* Kept sorted: there are few. */
        for (size_t j = count++; j > 0 && strcmp(names[j - 1], names[j]) > 0; j--) {
            char *swapped = names[j];
            names[j] = names[j - 1];
            names[j - 1] = swapped;
        }
    }
    *ret_names = names;
    *ret_count = count;
    return ASSAY_OK;
}

assay_status assay_memory_catalog_new(assay_iceberg_catalog **ret_catalog, assay_error *err)
{
    ASSAY_AUTO(assay_mem_freep) struct memory *memory = assay_mem_new(1, sizeof *memory);
    ASSAY_TRY(assay_arena_check(memory, err));
    assay_iceberg_catalog *made = assay_mem_new(1, sizeof *made);
    ASSAY_TRY(assay_arena_check(made, err));
    *made = (assay_iceberg_catalog){.name = "memory",
                                    .load = memory_load,
                                    .commit = memory_commit,
                                    .list = memory_list,
                                    .state = ASSAY_TAKE(&memory)};
    ASSAY_AUTO(assay_memory_catalog_freep) assay_iceberg_catalog *catalog = made;
    struct memory *state = catalog->state;
    state->lock = assay_lock_new();
    state->tables = assay_map_new();
    ASSAY_TRY(assay_arena_check(state->lock, err));
    ASSAY_TRY(assay_arena_check(state->tables, err));
    *ret_catalog = ASSAY_TAKE(&catalog);
    return ASSAY_OK;
}
