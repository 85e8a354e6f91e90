/* Memory of one Lua state: small blocks are cut from slabs and kept by size when they are freed, and all of it goes at
 * once. A run's state lives shortly and allocates thousands of small blocks: that is what this is for. What a template
 * allocates lies in one region (lua/image.h copies it). */
#ifndef RIPOSTE_LUA_ARENA_H
#define RIPOSTE_LUA_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/sanitizer.h"
#include "lua/regions.h"

/* Do Lua's states have memory of their own? Not where a sanitizer wants to see each block. */
#define RIP_VM_ARENA (!RIP_ADDRESS_SANITIZER)

#define RIP_ARENA_CLASSES 32

typedef struct rip_arena_slab rip_arena_slab;
typedef struct rip_arena_block rip_arena_block;

/** Zero-initialise. */
typedef struct rip_arena {
    void *free[RIP_ARENA_CLASSES]; /* lists of freed blocks, by size */
    char *at, *end;                /* what is left of the newest slab, or of the region */
    rip_arena_slab *slabs;
    rip_arena_block *large;
    char *region; /* one piece that holds blocks of every size; NULL: none */
    size_t region_bytes;
    rip_regions *regions; /* where it came from, and goes back to */
    bool is_whole;        /* large blocks are cut from the region too, while it lasts */
} rip_arena;

/** Before the first block: all of them are cut from one region of `bytes`, so that it can be copied. False: out of
 * memory. */
bool rip_arena_reserve(rip_arena *arena, size_t bytes);

/** The same with a region of `regions`, of which only what is small is cut. */
bool rip_arena_settle(rip_arena *arena, rip_regions *regions);

/** Is everything that was allocated in the region? */
bool rip_arena_is_whole(const rip_arena *arena);

/** As Lua's allocator: `block` (NULL: a new one) of `old` bytes becomes one of `size` bytes, 0: it is freed. NULL: out
 * of memory; the block is as it was. */
void *rip_arena_resize(rip_arena *arena, void *block, size_t old, size_t size);

/** Everything that was allocated is gone. */
void rip_arena_free(rip_arena *arena);

#endif
