/* States that have a library in them already. */
#ifndef RIPOSTE_LUA_LIBRARY_IMAGE_H
#define RIPOSTE_LUA_LIBRARY_IMAGE_H

#include "lua/image.h"
#include "lua/library.h"

/** The image of a vm with the sandbox, a `require` that knows this library, and what most runs need of it; made when it
 * is first asked for, and kept as long as the library. NULL: there is none (a build without images; or an earlier
 * library that lacks a module), and a vm is filled step by step. */
const rip_image *rip_library_image(const rip_library *library);

/** rip_image_rest for all of them. */
void rip_library_images_rest(void);

#endif
