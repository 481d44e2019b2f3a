/* Region memory: everything in an arena lives until the arena is freed. One thread at a time. */
#ifndef ASSAY_BASE_ARENA_H
#define ASSAY_BASE_ARENA_H

#include "base/error.h"

typedef struct assay_arena assay_arena;

/* A new empty arena, or NULL when memory is short. */
assay_arena *assay_arena_new(void);

/* Frees everything; NULL is allowed. */
void assay_arena_free(assay_arena *arena);

/* Cleanup for ASSAY_AUTO(assay_arena_freep) assay_arena *a. */
void assay_arena_freep(assay_arena **arena);

/* Cleanup for ASSAY_AUTO of an arena that holds secrets: overwrites everything before it frees. */
void assay_arena_wipep(assay_arena **arena);

/* `count` zeroed objects of `size` bytes, aligned for any type; NULL when memory is short. */
void *assay_arena_take(assay_arena *arena, size_t count, size_t size);

/* A copy of text (strlen) or of its first `length` bytes plus NUL; NULL when memory is short.
 * assay_arena_text(arena, NULL) is NULL. */
char *assay_arena_text(assay_arena *arena, const char *text);
char *assay_arena_text_n(assay_arena *arena, const char *text, size_t length);

/* Formatted text in the arena; NULL when memory is short. */
char *assay_arena_format(assay_arena *arena, const char *format, ...) ASSAY_PRINTF(2, 3);

/* A copy of `size` raw bytes; NULL when memory is short. */
void *assay_arena_bytes(assay_arena *arena, const void *bytes, size_t size);

/* Bytes taken so far. */
size_t assay_arena_used(const assay_arena *arena);

/* Checks an allocation: ASSAY_TRY(assay_arena_check(pointer, err)) */
static inline assay_status assay_arena_check(const void *pointer, assay_error *err)
{
    return pointer != NULL ? ASSAY_OK : assay_error_nomem(err);
}

#endif
