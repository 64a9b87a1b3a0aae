/*
 * onsite_arena.c - bump allocation in chunks.
 */

#include "onsite_arena.h"

#include <stdlib.h>

#define ALIGNMENT  16

typedef struct chunk_s  chunk_t;

struct chunk_s {
    chunk_t  *next;             /* older */
    size_t    size;             /* usable bytes behind the header */
};

struct onsite_arena_s {
    chunk_t  *current;
    chunk_t  *first;
    char     *free;             /* in current */
    char     *end;
    size_t    chunk;
    size_t    max;
    size_t    held;             /* bytes of all chunks */
    size_t    closed;           /* bytes used in chunks before current */
};


static chunk_t *
chunk_create(size_t size)
{
    chunk_t  *chunk;

    if (size > SIZE_MAX - sizeof(chunk_t)) {
        return NULL;
    }

    chunk = malloc(sizeof(chunk_t) + size);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->size = size;
    }

    return chunk;
}


static char *
chunk_start(chunk_t *chunk)
{
    uintptr_t  p = (uintptr_t) (chunk + 1);

    return (char *) ((p + ALIGNMENT - 1) & ~(uintptr_t) (ALIGNMENT - 1));
}


static void
use_chunk(onsite_arena_t *arena, chunk_t *chunk)
{
    arena->current = chunk;
    arena->free = chunk_start(chunk);
    arena->end = (char *) (chunk + 1) + chunk->size;
}


onsite_arena_t *
onsite_arena_create(size_t chunk, size_t max)
{
    onsite_arena_t  *arena;

    arena = calloc(1, sizeof(onsite_arena_t));
    if (arena == NULL) {
        return NULL;
    }

    arena->chunk = chunk + ALIGNMENT;
    arena->max = max;
    arena->first = chunk_create(arena->chunk);

    if (arena->first == NULL) {
        free(arena);
        return NULL;
    }

    arena->held = arena->chunk;
    use_chunk(arena, arena->first);

    return arena;
}


static void
free_later_chunks(onsite_arena_t *arena)
{
    chunk_t  *chunk, *next;

    for (chunk = arena->current; chunk != arena->first; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
}


void
onsite_arena_destroy(onsite_arena_t *arena)
{
    if (arena != NULL) {
        free_later_chunks(arena);
        free(arena->first);
        free(arena);
    }
}


void
onsite_arena_reset(onsite_arena_t *arena)
{
    free_later_chunks(arena);

    arena->held = arena->chunk;
    arena->closed = 0;
    use_chunk(arena, arena->first);
}


static void *
alloc_in_new_chunk(onsite_arena_t *arena, size_t size)
{
    size_t    wanted;
    chunk_t  *chunk;

    wanted = size + ALIGNMENT > arena->chunk ? size + ALIGNMENT : arena->chunk;

    if (arena->held > arena->max || wanted > arena->max - arena->held) {
        return NULL;
    }

    chunk = chunk_create(wanted);
    if (chunk == NULL) {
        return NULL;
    }

    arena->closed += (size_t) (arena->free - chunk_start(arena->current));
    arena->held += wanted;
    chunk->next = arena->current;
    use_chunk(arena, chunk);

    arena->free += size;

    return chunk_start(chunk);
}


void *
onsite_arena_alloc(onsite_arena_t *arena, size_t size)
{
    void  *p;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    size = (size + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);

    if (size > (size_t) (arena->end - arena->free)) {
        return alloc_in_new_chunk(arena, size);
    }

    p = arena->free;
    arena->free += size;

    return p;
}


void *
onsite_arena_zalloc(onsite_arena_t *arena, size_t size)
{
    void  *p = onsite_arena_alloc(arena, size);

    return p != NULL ? memset(p, 0, size) : NULL;
}


onsite_str_t
onsite_arena_copy(onsite_arena_t *arena, onsite_str_t str)
{
    char  *p;

    p = str.len < SIZE_MAX ? onsite_arena_alloc(arena, str.len + 1) : NULL;
    if (p == NULL) {
        return onsite_str(NULL, 0);
    }

    if (str.len != 0) {
        memcpy(p, str.data, str.len);
    }
    p[str.len] = '\0';

    return onsite_str(p, str.len);
}


size_t
onsite_arena_used(const onsite_arena_t *arena)
{
    return arena->closed
           + (size_t) (arena->free - chunk_start(arena->current));
}
