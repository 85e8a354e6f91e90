/* A library as one text: "NAME LENGTH\n" and the text itself for each module, in byte order of their names. What a
 * record of a run calls its library by is this text's SHA-256. */
#ifndef RIPOSTE_LUA_LIBRARY_PACK_H
#define RIPOSTE_LUA_LIBRARY_PACK_H

#include <stddef.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

#define RIP_LIBRARY_BYTES_MAX ((size_t)16 << 20)
#define RIP_LIBRARY_NAME_MAX 200

/** The next module behind those that are there; the order is the caller's care. */
void rip_library_pack_add(rip_buffer *pack, const char *name, const char *text, size_t len);

/** Where reading has got to, and the module that was read last; `text` is borrowed from the pack, not NUL-terminated.
 * Start with {.at = pack, .left = bytes}. */
typedef struct rip_library_pack_reader {
    const char *at;
    size_t left;
    char name[RIP_LIBRARY_NAME_MAX + 1];
    const char *text;
    size_t len;
} rip_library_pack_reader;

/** Read the next module. RIP_ENOTFOUND: that was all; RIP_EINVAL: it is no pack, or one with a module of another name
 * than "riposte.…", over RIP_MODULE_BYTES_MAX, or not in order. Any bytes may be given. */
rip_status rip_library_pack_next(rip_library_pack_reader *reader, rip_error *err);

#endif
