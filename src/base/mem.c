#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Instruments of the tests, the only mutable statics of this room: how many allocations were made,
 * and how many may still be made before one fails (0 = no failure is planned). */
static atomic_size_t allocations_made;
static atomic_size_t allocations_until_failure;

/* Counts one allocation; false where it is the one that a test wants to fail. */
static bool may_allocate(void)
{
    size_t left = atomic_load(&allocations_until_failure);

    atomic_fetch_add(&allocations_made, 1);
    while (left != 0) {
        if (atomic_compare_exchange_weak(&allocations_until_failure, &left, left - 1))
            return left != 1;
    }
    return true;
}

void *assay_mem_new(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    if (!may_allocate())
        return NULL;
    if (count == 0 || size == 0)
        return calloc(1, 1);
    return calloc(count, size);
}

void *assay_mem_resize(void *block, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    if (!may_allocate())
        return NULL;
    size_t bytes = count * size;
    return realloc(block, bytes == 0 ? 1 : bytes);
}

void assay_mem_free(void *block)
{
    free(block);
}

void assay_mem_freep(void *pointer_to_pointer)
{
    void *block = NULL;

    memcpy(&block, pointer_to_pointer, sizeof block);
    free(block);
    memset(pointer_to_pointer, 0, sizeof block);
}

char *assay_mem_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = assay_mem_new(size, 1);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void assay_mem_wipe(void *block, size_t size)
{
    if (block != NULL)
        explicit_bzero(block, size);
}

void assay_mem_fail_at(size_t nth)
{
    atomic_store(&allocations_until_failure, nth);
}

size_t assay_mem_count(void)
{
    return atomic_load(&allocations_made);
}
