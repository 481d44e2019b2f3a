/* The only place that calls malloc. Every function returns NULL when memory is short; sizes are
 * checked before they are multiplied. Tests make the n-th allocation fail. Any thread. */
#ifndef ASSAY_BASE_MEM_H
#define ASSAY_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory for count objects of size bytes; NULL when short or when the product overflows. */
void *assay_mem_new(size_t count, size_t size);

/* Resizes to count * size bytes; the old block stays valid when NULL is returned. */
void *assay_mem_resize(void *block, size_t count, size_t size);

/* Frees a block of assay_mem_new; NULL is allowed. */
void assay_mem_free(void *block);

/* Cleanup for ASSAY_AUTO(assay_mem_freep) char *x: takes a pointer to the pointer. */
void assay_mem_freep(void *pointer_to_pointer);

/* A copy of `text`, owned by the caller (assay_mem_free); NULL when short. */
char *assay_mem_copy_text(const char *text);

/* Overwrites memory in a way the compiler does not remove. */
void assay_mem_wipe(void *block, size_t size);

/* For tests: the n-th allocation from now on (1 = the next) fails once; 0 = never. */
void assay_mem_fail_at(size_t nth);

/* For tests: allocations made since the process began. */
size_t assay_mem_count(void);

#endif
