/* Memory of one Lua state: small blocks are cut from slabs and kept by size when they are freed, and all of it goes at
 * once. A run's state lives shortly and allocates thousands of small blocks: that is what this is for. */
#ifndef RIPOSTE_LUA_ARENA_H
#define RIPOSTE_LUA_ARENA_H

#include <stddef.h>

#define RIP_ARENA_CLASSES 32

typedef struct rip_arena_slab rip_arena_slab;
typedef struct rip_arena_block rip_arena_block;

/** Zero-initialise. */
typedef struct rip_arena {
    void *free[RIP_ARENA_CLASSES]; /* lists of freed blocks, by size */
    char *at, *end;                /* what is left of the newest slab */
    rip_arena_slab *slabs;
    rip_arena_block *large;
} rip_arena;

/** As Lua's allocator: `block` (NULL: a new one) of `old` bytes becomes one of `size` bytes, 0: it is freed. NULL: out
 * of memory; the block is as it was. */
void *rip_arena_resize(rip_arena *arena, void *block, size_t old, size_t size);

/** Everything that was allocated is gone. */
void rip_arena_free(rip_arena *arena);

#endif
