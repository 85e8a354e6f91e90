/* Memory that is given out piece by piece and freed at once. */
#ifndef RIPOSTE_TRIGGER_ARENA_H
#define RIPOSTE_TRIGGER_ARENA_H

#include <stddef.h>

typedef struct arena_block arena_block;

/** Zero-initialise. */
typedef struct arena {
    arena_block *blocks;
    size_t bytes; /* of all blocks */
} arena;

/** Zeroed memory, aligned for anything; NULL when memory is out. */
void *arena_alloc(arena *a, size_t bytes);

/** A copy of `len` bytes with a NUL after them. */
char *arena_copy(arena *a, const char *text, size_t len);

void arena_free(arena *a);

#endif
