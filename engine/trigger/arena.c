#include "engine/trigger/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 480 /* a typical pattern takes two */

struct arena_block {
    arena_block *next;
    size_t used, size;
    max_align_t data[];
};

void *arena_alloc(arena *a, size_t bytes)
{
    bytes = (bytes + sizeof(void *) * 2 - 1) & ~(sizeof(void *) * 2 - 1);
    if (!a->blocks || a->blocks->size - a->blocks->used < bytes) {
        size_t grown = a->bytes > BLOCK_BYTES ? a->bytes : BLOCK_BYTES;
        size_t size = bytes > grown ? bytes : grown;
        arena_block *block = calloc(1, sizeof *block + size);
        if (!block) return NULL;
        block->size = size;
        block->next = a->blocks;
        a->blocks = block;
        a->bytes += sizeof *block + size;
    }
    char *at = (char *)a->blocks->data + a->blocks->used;
    a->blocks->used += bytes;
    return at;
}

char *arena_copy(arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (copy && len) memcpy(copy, text, len);
    return copy;
}

void arena_free(arena *a)
{
    while (a->blocks) {
        arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->bytes = 0;
}
