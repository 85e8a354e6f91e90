/* The library that every run builds on (lua/riposte/), read and compiled once a process. */
#ifndef RIPOSTE_LUA_LIBRARY_H
#define RIPOSTE_LUA_LIBRARY_H

#include "lua/modules.h"

/** The provider of the modules "riposte" and "riposte.…"; no other provider can answer for these names. The first call
 * reads and compiles them all. RIP_ENOTFOUND: the data folder is not there; RIP_EINVAL: a module has a mistake. Loop
 * thread only. */
rip_status rip_library_provider(rip_module_provider *out, rip_error *err);

/** SHA-256 over all its texts, in hexadecimal, by which the record of a run tells which library it ran with; "" before
 * the first rip_library_provider. */
const char *rip_library_digest(void);

#endif
