#include "lua/arena_image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A pointer is told by its value: among 64 bits no other value is likely to be one. */
_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "images of Lua states need 64 bits");

/* What a copy can allocate before it needs a slab. */
#define SPARE_BYTES ((size_t)64 * 1024)

/* So many words are copied at a time: as many as there are bits to tell the pointers among them. */
#define BLOCK ((size_t)64)

/* Four words at a time where the processor can. */
#if defined(__x86_64__) && defined(__GLIBC__) && !RIP_ADDRESS_SANITIZER && !RIP_THREAD_SANITIZER
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

struct rip_arena_image {
    uintptr_t base; /* where the region was */
    rip_arena arena;
    uintptr_t *words; /* what was in it; pointers into it as distances from its start; whole blocks */
    size_t count;
    uint64_t *pointers;   /* a bit for each word, the lowest first: is it one? */
    rip_regions *regions; /* of the copies */
};

static size_t blocks_of(size_t words)
{
    return (words + BLOCK - 1) / BLOCK;
}

static bool is_pointer(const rip_arena_image *image, uintptr_t word)
{
    return word - image->base <= image->count * sizeof word; /* behind the last byte too: there arrays end */
}

static bool find_pointers(rip_arena_image *image)
{
    image->pointers = calloc(blocks_of(image->count), sizeof *image->pointers);
    if (!image->pointers) return false;
    for (size_t i = 0; i < image->count; i++) {
        if (!is_pointer(image, image->words[i])) continue;
        image->words[i] -= image->base;
        image->pointers[i / BLOCK] |= (uint64_t)1 << i % BLOCK;
    }
    return true;
}

rip_arena_image *rip_arena_image_take(const rip_arena *arena)
{
    if (!rip_arena_is_whole(arena)) return NULL;
    rip_arena_image *image = calloc(1, sizeof *image);
    if (!image) return NULL;
    size_t used = (size_t)(arena->at - arena->region);
    image->base = (uintptr_t)arena->region;
    image->arena = *arena;
    image->count = used / sizeof *image->words;
    image->words = calloc(blocks_of(image->count) * BLOCK, sizeof *image->words);
    image->regions = rip_regions_new(used + SPARE_BYTES);
    if (image->words) memcpy(image->words, arena->region, used);
    if (image->words && image->regions && find_pointers(image)) return image;
    rip_arena_image_free(image);
    return NULL;
}

void rip_arena_image_free(rip_arena_image *image)
{
    if (!image) return;
    free(image->words);
    free(image->pointers);
    rip_regions_free(image->regions);
    free(image);
}

void *rip_arena_image_place(const rip_arena_image *image, const rip_arena *copy, const void *block)
{
    return block ? copy->region + ((uintptr_t)block - image->base) : NULL;
}

/* `base` is where the copy is; its last block may be longer than what is in it. */
WIDE static void copy_words(uintptr_t *restrict to, const uintptr_t *restrict from, const uint64_t *pointers,
                            size_t blocks, uintptr_t base)
{
    for (size_t block = 0; block < blocks; block++, to += BLOCK, from += BLOCK) {
        uint64_t bits = pointers[block];
        for (size_t i = 0; i < BLOCK; i++) to[i] = from[i] + (base & -(uintptr_t)(bits >> i & 1));
    }
}

bool rip_arena_image_copy(const rip_arena_image *image, rip_arena *arena)
{
    if (!rip_arena_settle(arena, image->regions)) return false;
    copy_words((uintptr_t *)(void *)arena->region, image->words, image->pointers, blocks_of(image->count),
               (uintptr_t)arena->region);
    arena->at += image->count * sizeof *image->words;
    for (size_t i = 0; i < RIP_ARENA_CLASSES; i++)
        arena->free[i] = rip_arena_image_place(image, arena, image->arena.free[i]);
    return true;
}

void rip_arena_image_rest(const rip_arena_image *image)
{
    rip_regions_rest(image->regions);
}
