#include "lua/arena_image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a copy can allocate before it needs a slab. */
#define SPARE_BYTES ((size_t)64 * 1024)

/* So many words are copied at a time: as many as there are bits to tell the pointers among them. */
#define BLOCK ((size_t)64)

struct rip_arena_image {
    uintptr_t base; /* where the region was */
    rip_arena arena;
    uintptr_t *words; /* what was in it; pointers into it as distances from its start */
    size_t count;
    uint64_t *pointers;   /* a bit for each word, the lowest first: is it one? */
    rip_regions *regions; /* of the copies */
};

static bool is_pointer(const rip_arena_image *image, uintptr_t word)
{
    return word - image->base <= image->count * sizeof word; /* behind the last byte too: there arrays end */
}

static bool find_pointers(rip_arena_image *image)
{
    image->pointers = calloc(image->count / BLOCK + 1, sizeof *image->pointers);
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
    image->words = malloc(used);
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

/* The pointers of a block are set while it is at hand. */
static void copy_words(const rip_arena_image *image, uintptr_t *words)
{
    uintptr_t base = (uintptr_t)words;
    for (size_t at = 0; at < image->count; at += BLOCK) {
        size_t count = image->count - at < BLOCK ? image->count - at : BLOCK;
        uint64_t left = image->pointers[at / BLOCK];
        memcpy(words + at, image->words + at, count * sizeof *words);
        for (; left; left &= left - 1) words[at + (size_t)__builtin_ctzll(left)] += base;
    }
}

bool rip_arena_image_copy(const rip_arena_image *image, rip_arena *arena)
{
    if (!rip_arena_settle(arena, image->regions)) return false;
    copy_words(image, (uintptr_t *)(void *)arena->region);
    arena->at += image->count * sizeof *image->words;
    for (size_t i = 0; i < RIP_ARENA_CLASSES; i++)
        arena->free[i] = rip_arena_image_place(image, arena, image->arena.free[i]);
    return true;
}

void rip_arena_image_rest(const rip_arena_image *image)
{
    rip_regions_rest(image->regions);
}
