#include "store/store.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct object {
    int64_t mtime_ms;
    size_t size;
    unsigned char bytes[];
};

struct memory {
    assay_lock *lock;
    assay_map *objects; /* key -> struct object */
    assay_clock clock;
};

static void release(assay_lock **lock)
{
    assay_lock_release(*lock);
}

/* Holds the store's lock until the end of the scope. */
#define HOLD(memory)                                            \
    ASSAY_AUTO(release) assay_lock *held_lock = (memory)->lock; \
    assay_lock_acquire(held_lock)

static assay_status memory_get(void *state, const char *key, size_t limit, assay_buf *buf,
                               assay_error *err)
{
    const struct memory *memory = state;
    HOLD(memory);
    const struct object *object = assay_map_find(memory->objects, key);

    if (object == NULL)
        return assay_error_set(err, ASSAY_ENOTFOUND, 1301, "'%s' does not exist", key);
    if (object->size > limit)
        return assay_error_set(err, ASSAY_EDATA, 1307, "'%s' is larger than %zu bytes", key, limit);
    assay_buf_append(buf, object->bytes, object->size);
    return assay_buf_check(buf, err);
}

static assay_status memory_head(void *state, const char *key, assay_store_info *ret_info,
                                assay_error *err)
{
    const struct memory *memory = state;
    HOLD(memory);
    const struct object *object = assay_map_find(memory->objects, key);

    (void)err;
    *ret_info = object != NULL ? (assay_store_info){true, (int64_t)object->size, object->mtime_ms}
                               : (assay_store_info){0};
    return ASSAY_OK;
}

/* Puts an object; the caller holds the lock. */
static assay_status put_held(struct memory *memory, const char *key, const void *bytes, size_t size,
                             assay_error *err)
{
    struct object *before = assay_map_find(memory->objects, key);

    if (size > SIZE_MAX - sizeof(struct object))
        return assay_error_nomem(err);
    struct object *object = assay_mem_new(1, sizeof *object + size);
    if (object == NULL)
        return assay_error_nomem(err);
    object->mtime_ms = memory->clock.now_us(memory->clock.user) / 1000;
    object->size = size;
    if (size > 0)
        memcpy(object->bytes, bytes, size);
    assay_status status = assay_map_put(memory->objects, key, object, err);
    assay_mem_free(status == ASSAY_OK ? before : object);
    return status;
}

static assay_status memory_put(void *state, const char *key, const void *bytes, size_t size,
                               assay_error *err)
{
    struct memory *memory = state;
    HOLD(memory);

    return put_held(memory, key, bytes, size, err);
}

static assay_status memory_put_new(void *state, const char *key, const void *bytes, size_t size,
                                   assay_error *err)
{
    struct memory *memory = state;
    HOLD(memory);

    if (assay_map_has(memory->objects, key)) {
        (void)assay_error_set(err, ASSAY_ECONFLICT, 1310, "'%s' exists already", key);
        if (err != NULL)
            err->retryable = true;
        return ASSAY_ECONFLICT;
    }
    return put_held(memory, key, bytes, size, err);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

/* The part of `key` below the folder `prefix`, or NULL where it lies elsewhere or deeper. */
static const char *name_below(const char *key, const char *prefix)
{
    size_t size = strlen(prefix);
    const char *name = key;

    if (size > 0) {
        if (!assay_str_starts(key, prefix) || key[size] != '/')
            return NULL;
        name = key + size + 1;
    }
    return strchr(name, '/') == NULL && name[0] != '.' ? name : NULL;
}

static assay_status memory_list(void *state, const char *prefix, assay_arena *arena,
                                assay_store_names *ret_names, assay_error *err)
{
    const struct memory *memory = state;
    HOLD(memory);
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(char *);

    for (size_t i = 0; i < assay_map_count(memory->objects); i++) {
        const char *found = name_below(assay_map_key_at(memory->objects, i), prefix);
        if (found == NULL)
            continue;
        char *name = assay_arena_text(arena, found);
        ASSAY_TRY(assay_arena_check(name, err));
        ASSAY_TRY(assay_vec_push(&names, &name, err));
    }
    if (names.count > 1)
        qsort(names.items, names.count, names.item_size, compare_names);
    return assay_vec_to_arena(&names, arena, &ret_names->names, &ret_names->count, err);
}

static assay_status memory_remove(void *state, const char *key, assay_error *err)
{
    struct memory *memory = state;
    HOLD(memory);
    struct object *object = assay_map_find(memory->objects, key);

    (void)err;
    assay_map_remove(memory->objects, key);
    assay_mem_free(object);
    return ASSAY_OK;
}

static assay_status memory_sync(void *state, const char *key, assay_error *err)
{
    const struct memory *memory = state;
    HOLD(memory);

    if (!assay_map_has(memory->objects, key))
        return assay_error_set(err, ASSAY_ENOTFOUND, 1301, "'%s' does not exist", key);
    return ASSAY_OK;
}

static void memory_close(void *state)
{
    struct memory *memory = state;

    if (memory == NULL)
        return;
    for (size_t i = 0; memory->objects != NULL && i < assay_map_count(memory->objects); i++)
        assay_mem_free(assay_map_value_at(memory->objects, i));
    assay_map_free(memory->objects);
    assay_lock_free(memory->lock);
    assay_mem_free(memory);
}

static const assay_store_ops memory_ops = {
    .name = "memory",
    .get = memory_get,
    .head = memory_head,
    .put = memory_put,
    .put_new = memory_put_new,
    .list = memory_list,
    .remove = memory_remove,
    .sync = memory_sync,
    .close = memory_close,
};

assay_status assay_store_open_memory(assay_store **ret_store, assay_error *err)
{
    assay_store *store = assay_mem_new(1, sizeof *store);
    struct memory *memory = assay_mem_new(1, sizeof *memory);

    if (memory != NULL) {
        memory->clock = assay_clock_system();
        memory->lock = assay_lock_new();
        memory->objects = assay_map_new();
    }
    if (store == NULL || memory == NULL || memory->lock == NULL || memory->objects == NULL) {
        memory_close(memory);
        assay_mem_free(store);
        return assay_error_nomem(err);
    }
    *store = (assay_store){&memory_ops, memory};
    *ret_store = store;
    return ASSAY_OK;
}
