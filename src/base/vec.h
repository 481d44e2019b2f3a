/* A growing array of pointers or of fixed-size items in an arena. One thread at a time. */
#ifndef ASSAY_BASE_VEC_H
#define ASSAY_BASE_VEC_H

#include "base/arena.h"

/* Items of `item_size` bytes in one growing block; the block belongs to the vec. */
typedef struct assay_vec {
    void *items;
    size_t count;
    size_t capacity;
    size_t item_size;
} assay_vec;

#define ASSAY_VEC_OF(type) ((assay_vec){NULL, 0, 0, sizeof(type)})

/* Frees the block; the items themselves are not visited. For ASSAY_AUTO(assay_vec_done). */
void assay_vec_done(assay_vec *vec);

/* Appends a copy of *item. */
ASSAY_NODISCARD assay_status assay_vec_push(assay_vec *vec, const void *item, assay_error *err);

/* Pointer to item `index`; the caller knows it exists. */
void *assay_vec_at(const assay_vec *vec, size_t index);

/* Copies the items into `arena`; *ret_items is NULL when the vec is empty. */
ASSAY_NODISCARD assay_status assay_vec_to_arena(const assay_vec *vec, assay_arena *arena,
                                                void *ret_items, size_t *ret_count,
                                                assay_error *err);

#endif
