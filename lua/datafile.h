/* Data written in Lua: a file that returns a table of plain values, such as a drill. */
#ifndef RIPOSTE_LUA_DATAFILE_H
#define RIPOSTE_LUA_DATAFILE_H

#include <jansson.h>

#include "engine/base/error.h"

/** Run the file in a sandbox of its own (64 MiB, 100 million instructions; it may require files beside it) and make
 * what it returns into JSON: a new reference to an object. RIP_EINVAL with file, line and what is wrong. */
rip_status rip_datafile_load(const char *path, json_t **out, rip_error *err);

#endif
