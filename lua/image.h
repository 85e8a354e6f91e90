/* A vm that is ready for use, of which copies are made: what a state is filled with (the sandbox, the library) is
 * filled in once, and a run's state costs what copying it costs (docs/adr/0016).
 *
 * It relies on this of Lua: all that a state has is in memory from its allocator, and refers to itself by plain
 * pointers only. */
#ifndef RIPOSTE_LUA_IMAGE_H
#define RIPOSTE_LUA_IMAGE_H

#include "lua/vm.h"

typedef struct rip_image rip_image;

/** A vm of which an image can be taken, with the default limits. RIP_ENOTFOUND: not in this build (a sanitizer looks at
 * each block of memory). */
rip_status rip_image_prepare(rip_vm **out, rip_error *err);

/** `vm` is from rip_image_prepare; it is borrowed and may be freed afterwards. Nothing may be on its stack, and what is
 * on the way must have ended. RIP_EINVAL: it holds what cannot be copied: a coroutine, a userdata, a table with an
 * object (not a string) as key; RIP_ELIMIT: it holds more than a megabyte. */
rip_status rip_image_take(rip_vm *vm, rip_image **out, rip_error *err);
void rip_image_free(rip_image *image);

/** A vm like that of which the image was taken, as it was then; rip_modules_install gives it where its modules come
 * from. The image is borrowed during the call. */
rip_status rip_image_copy(const rip_image *image, const rip_vm_limits *limits, rip_vm **out, rip_error *err);

/** The memory of copies that have ended is kept for the next ones. Called every so often, in quiet times too, this
 * gives back to the system what nobody needed since it was called last. */
void rip_image_rest(const rip_image *image);

#endif
