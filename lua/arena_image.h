/* A picture of a whole arena, of which copies are made: each is as if everything in it had been allocated and filled
 * there.
 *
 * Everything an arena in one region holds is 8-byte words, and those that lead into the region are pointers: a number
 * or a piece of text does not look like one, since the region lies at an address of the system's choosing, 17 bits of
 * places in 64. In a copy they lead to the same place of the copy. Pointers to anything outside stay as they are. */
#ifndef RIPOSTE_LUA_ARENA_IMAGE_H
#define RIPOSTE_LUA_ARENA_IMAGE_H

#include "lua/arena.h"

typedef struct rip_arena_image rip_arena_image;

/** `arena` is borrowed, and must be whole (rip_arena_is_whole). NULL: it is not, or out of memory. */
rip_arena_image *rip_arena_image_take(const rip_arena *arena);
void rip_arena_image_free(rip_arena_image *image);

/** Set up `arena`, which is zero, as a copy. False: out of memory. */
bool rip_arena_image_copy(const rip_arena_image *image, rip_arena *arena);

/** Where in the copy `block` is, a pointer into the arena that the picture was taken of. */
void *rip_arena_image_place(const rip_arena_image *image, const rip_arena *copy, const void *block);

/** rip_regions_rest for those of the copies. */
void rip_arena_image_rest(const rip_arena_image *image);

#endif
