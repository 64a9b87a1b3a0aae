/*
 * onsite_arena.h - bump allocation for one request, given back as a whole.
 *
 * An arena keeps its first chunk over resets, so a worker that reuses one
 * arena allocates nothing in steady state.  Not thread-safe.
 */

#ifndef ONSITE_ARENA_H
#define ONSITE_ARENA_H

#include "onsite_types.h"

typedef struct onsite_arena_s  onsite_arena_t;

/*
 * chunk: bytes of the first chunk (kept over resets); max: bytes in all,
 * beyond which allocation fails.  NULL when memory is out.
 */
onsite_arena_t *onsite_arena_create(size_t chunk, size_t max);
void onsite_arena_destroy(onsite_arena_t *arena);

/* Forgets all allocations; chunks after the first go back to the heap. */
void onsite_arena_reset(onsite_arena_t *arena);

/* 16-byte aligned, uninitialised; NULL when over max or out of memory. */
void *onsite_arena_alloc(onsite_arena_t *arena, size_t size);
void *onsite_arena_zalloc(onsite_arena_t *arena, size_t size);

/* A copy with a NUL behind it (not counted); data is NULL on failure. */
onsite_str_t onsite_arena_copy(onsite_arena_t *arena, onsite_str_t str);

/* Bytes handed out since the last reset. */
size_t onsite_arena_used(const onsite_arena_t *arena);

#endif
