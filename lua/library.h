/* The library that every run builds on (lua/riposte/): the one of today, and, for runs that began before an update, the
 * one that they began with. Each is compiled once, and lives as long as the process. Loop thread only. */
#ifndef RIPOSTE_LUA_LIBRARY_H
#define RIPOSTE_LUA_LIBRARY_H

#include "lua/modules.h"

/* In one process: that of today, and earlier ones. */
#define RIP_LIBRARIES_MAX 9

typedef struct rip_library rip_library;

/** The one of today, which the first call reads. RIP_ENOTFOUND: the data folder is not there; RIP_EINVAL: a module has
 * a mistake. */
rip_status rip_library_current(const rip_library **out, rip_error *err);

/** The one whose texts are `pack` (see library_pack.h), known by its digest from then on. RIP_EINVAL: these are not
 * the bytes that the digest stands for, or no library that this Lua can compile; RIP_ELIMIT: over
 * RIP_LIBRARIES_MAX, or too long. */
rip_status rip_library_recall(const char *digest, const char *pack, size_t len, const rip_library **out,
                              rip_error *err);

/** SHA-256 over all its texts, in hexadecimal, by which the record of a run tells which library it runs with. */
const char *rip_library_digest(const rip_library *library);

/** What that is the digest of: all its texts. */
const char *rip_library_pack(const rip_library *library, size_t *len);

/** The provider of the modules "riposte" and "riposte.…"; no other provider can answer for these names. */
rip_module_provider rip_library_provider(const rip_library *library);

#endif
