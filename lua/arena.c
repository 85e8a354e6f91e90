#include "lua/arena.h"

#include <stdint.h>
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

bool rip_arena_reserve(rip_arena *arena, size_t bytes)
{
    rip_regions *regions = rip_regions_new(bytes);
    bool done = regions && rip_arena_settle(arena, regions);
    rip_regions_free(regions);
    if (!done) return false;
    memset(arena->region, 0, arena->region_bytes); /* what is copied is read to its last byte */
    arena->is_whole = true;
    return true;
}

bool rip_arena_settle(rip_arena *arena, rip_regions *regions)
{
    arena->region = rip_regions_take(regions);
    if (!arena->region) return false;
    arena->regions = regions;
    arena->region_bytes = rip_regions_bytes(regions);
    arena->at = arena->region;
    arena->end = arena->at + arena->region_bytes;
    return true;
}

bool rip_arena_is_whole(const rip_arena *arena)
{
    return arena->is_whole && !arena->slabs && !arena->large;
}

static bool is_in_region(const rip_arena *arena, const void *block)
{
    return arena->region && (uintptr_t)block - (uintptr_t)arena->region < arena->region_bytes;
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
    /* Half of an old pointer beside a new small number would be taken for a pointer when it is copied. */
    if (arena->is_whole) memset(block, 0, (class + 1) * GRAIN);
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

static void *cut_large(rip_arena *arena, size_t size)
{
    size_t whole = (size + GRAIN - 1) / GRAIN * GRAIN;
    if (!arena->is_whole || (size_t)(arena->end - arena->at) < whole) return NULL;
    void *block = arena->at;
    arena->at += whole;
    return block;
}

/* `block` is NULL or not in the region. */
static void *resize_large(rip_arena *arena, void *block, size_t size)
{
    void *piece = block ? NULL : cut_large(arena, size);
    if (piece) return piece;
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
    else if (!is_in_region(arena, block)) /* what is cut out of it goes with it */
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
    if (!was_small && size > SMALL_MOST && !is_in_region(arena, block)) return resize_large(arena, block, size);
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
    if (arena->region) rip_regions_give_back(arena->regions, arena->region);
    *arena = (rip_arena){0};
}
