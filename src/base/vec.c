#include "base/vec.h"

#include "base/mem.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

void assay_vec_done(assay_vec *vec)
{
    if (vec == NULL)
        return;
    assay_mem_free(vec->items);
    vec->items = NULL;
    vec->count = 0;
    vec->capacity = 0;
}

assay_status assay_vec_push(assay_vec *vec, const void *item, assay_error *err)
{
    if (vec->count == vec->capacity) {
        size_t capacity = vec->capacity == 0 ? FIRST_CAPACITY : vec->capacity * 2;
        if (capacity < vec->capacity)
            return assay_error_nomem(err);
        void *items = assay_mem_resize(vec->items, capacity, vec->item_size);
        if (items == NULL)
            return assay_error_nomem(err);
        vec->items = items;
        vec->capacity = capacity;
    }
    memcpy((unsigned char *)vec->items + vec->count * vec->item_size, item, vec->item_size);
    vec->count++;
    return ASSAY_OK;
}

void *assay_vec_at(const assay_vec *vec, size_t index)
{
    return (unsigned char *)vec->items + index * vec->item_size;
}

assay_status assay_vec_to_arena(const assay_vec *vec, assay_arena *arena, void *ret_items,
                                size_t *ret_count, assay_error *err)
{
    void *items = NULL;

    if (vec->count > 0) {
        items = assay_arena_take(arena, vec->count, vec->item_size);
        ASSAY_TRY(assay_arena_check(items, err));
        memcpy(items, vec->items, vec->count * vec->item_size);
    }
    memcpy(ret_items, &items, sizeof items);
    *ret_count = vec->count;
    return ASSAY_OK;
}
