#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

/* Chunks double from the first size to the largest; what is bigger gets a chunk of its own. */
enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 1 << 20 };

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct assay_arena {
    struct chunk *head;
    size_t next_size;
    size_t used;
};

assay_arena *assay_arena_new(void)
{
    assay_arena *arena = assay_mem_new(1, sizeof *arena);

    if (arena != NULL)
        arena->next_size = CHUNK_FIRST;
    return arena;
}

void assay_arena_free(assay_arena *arena)
{
    if (arena == NULL)
        return;
    struct chunk *chunk = arena->head;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        assay_mem_free(chunk);
        chunk = next;
    }
    assay_mem_free(arena);
}

void assay_arena_freep(assay_arena **arena)
{
    assay_arena_free(*arena);
    *arena = NULL;
}

void assay_arena_wipep(assay_arena **arena)
{
    for (struct chunk *chunk = *arena != NULL ? (*arena)->head : NULL; chunk != NULL;
         chunk = chunk->next)
        assay_mem_wipe(chunk->bytes, chunk->used);
    assay_arena_freep(arena);
}

/* Bytes from `used` up to the next multiple of `alignment`, a power of two. */
static size_t padding(size_t used, size_t alignment)
{
    return (alignment - (used & (alignment - 1))) & (alignment - 1);
}

static struct chunk *new_chunk(assay_arena *arena, size_t size)
{
    bool alone = size > arena->next_size / 4;
    size_t capacity = alone ? size : arena->next_size;

    if (capacity > SIZE_MAX - sizeof(struct chunk))
        return NULL;
    struct chunk *chunk = assay_mem_new(1, sizeof *chunk + capacity);
    if (chunk == NULL)
        return NULL;
    chunk->size = capacity;
    if (alone && arena->head != NULL) {
        /* The open chunk stays in front, its rest is still good for small things. */
        chunk->next = arena->head->next;
        arena->head->next = chunk;
        return chunk;
    }
    chunk->next = arena->head;
    arena->head = chunk;
    if (arena->next_size < CHUNK_LARGEST)
        arena->next_size *= 2;
    return chunk;
}

static void *take_aligned(assay_arena *arena, size_t size, size_t alignment)
{
    struct chunk *chunk = arena->head;
    size_t skip = chunk != NULL ? padding(chunk->used, alignment) : 0;

    if (chunk == NULL || skip > chunk->size - chunk->used ||
        size > chunk->size - chunk->used - skip) {
        chunk = new_chunk(arena, size);
        if (chunk == NULL)
            return NULL;
        skip = 0;
    }
    void *block = chunk->bytes + chunk->used + skip;
    chunk->used += skip + size;
    arena->used += size;
    return block;
}

void *assay_arena_take(assay_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    size_t bytes = count * size;
    return take_aligned(arena, bytes == 0 ? 1 : bytes, alignof(max_align_t));
}

char *assay_arena_text_n(assay_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = take_aligned(arena, length + 1, 1);
    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *assay_arena_text(assay_arena *arena, const char *text)
{
    return text != NULL ? assay_arena_text_n(arena, text, strlen(text)) : NULL;
}

char *assay_arena_format(assay_arena *arena, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return NULL;
    size_t size = (size_t)length + 1;
    char *text = take_aligned(arena, size, 1);
    if (text == NULL)
        return NULL;
    va_start(arguments, format);
    (void)vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return text;
}

void *assay_arena_bytes(assay_arena *arena, const void *bytes, size_t size)
{
    void *copy = assay_arena_take(arena, size, 1);

    if (copy != NULL && size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

size_t assay_arena_used(const assay_arena *arena)
{
    return arena->used;
}
