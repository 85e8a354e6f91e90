#include "lua/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN ((size_t)16)
#define SMALL_MOST (GRAIN * RIP_ARENA_CLASSES)
#define SLAB_BYTES ((size_t)8 * 1024)

struct rip_arena_slab {
    rip_arena_slab *next;
    max_align_t bytes[];
};

struct rip_arena_block {
    rip_arena_block *previous, *next;
    max_align_t bytes[];
};

static size_t class_of(size_t size)
{
    return (size - 1) / GRAIN;
}

static void *cut(rip_arena *arena, size_t class)
{
    size_t size = (class + 1) * GRAIN;
    if ((size_t)(arena->end - arena->at) < size) {
        rip_arena_slab *slab = malloc(sizeof *slab + SLAB_BYTES);
        if (!slab) return NULL;
        slab->next = arena->slabs;
        arena->slabs = slab;
        arena->at = (char *)slab->bytes;
        arena->end = arena->at + SLAB_BYTES;
    }
    void *block = arena->at;
    arena->at += size;
    return block;
}

static void *take_small(rip_arena *arena, size_t size)
{
    size_t class = class_of(size);
    void *block = arena->free[class];
    if (!block) return cut(arena, class);
    memcpy(&arena->free[class], block, sizeof block);
    return block;
}

static void put_small(rip_arena *arena, void *block, size_t size)
{
    size_t class = class_of(size);
    memcpy(block, &arena->free[class], sizeof block);
    arena->free[class] = block;
}

static rip_arena_block *large_of(void *block)
{
    return (rip_arena_block *)((char *)block - offsetof(rip_arena_block, bytes));
}

static void *resize_large(rip_arena *arena, void *block, size_t size)
{
    rip_arena_block *old = block ? large_of(block) : NULL;
    rip_arena_block *large = realloc(old, sizeof *large + size);
    if (!large) return NULL;
    if (!old) {
        large->previous = NULL;
        large->next = arena->large;
    }
    if (large->previous)
        large->previous->next = large;
    else
        arena->large = large;
    if (large->next) large->next->previous = large;
    return large->bytes;
}

static void put_large(rip_arena *arena, void *block)
{
    rip_arena_block *large = large_of(block);
    if (large->previous)
        large->previous->next = large->next;
    else
        arena->large = large->next;
    if (large->next) large->next->previous = large->previous;
    free(large);
}

static void put(rip_arena *arena, void *block, size_t size)
{
    if (!block) return;
    if (size <= SMALL_MOST)
        put_small(arena, block, size);
    else
        put_large(arena, block);
}

void *rip_arena_resize(rip_arena *arena, void *block, size_t old, size_t size)
{
    if (size == 0) {
        put(arena, block, old);
        return NULL;
    }
    bool was_small = block && old <= SMALL_MOST;
    if (was_small && size <= SMALL_MOST && class_of(old) == class_of(size)) return block;
    if (!was_small && size > SMALL_MOST) return resize_large(arena, block, size);
    void *moved = size <= SMALL_MOST ? take_small(arena, size) : resize_large(arena, NULL, size);
    if (!moved || !block) return moved;
    memcpy(moved, block, old < size ? old : size);
    put(arena, block, old);
    return moved;
}

void rip_arena_free(rip_arena *arena)
{
    while (arena->slabs) {
        rip_arena_slab *slab = arena->slabs;
        arena->slabs = slab->next;
        free(slab);
    }
    while (arena->large) {
        rip_arena_block *large = arena->large;
        arena->large = large->next;
        free(large);
    }
    *arena = (rip_arena){0};
}
