/* Where the files that come with Riposte are: AWS models, the Lua library, the simulated account, shipped playbooks. */
#ifndef RIPOSTE_BASE_DATA_H
#define RIPOSTE_BASE_DATA_H

#include "engine/base/buffer.h"
#include "engine/base/error.h"

/** The folder that holds `aws/model`, `lua` and `playbooks`: RIPOSTE_DATA_DIR from the environment; else the source
 * tree, when the program runs from its build tree; else `share/riposte` beside the folder the program is in; else the
 * configured install prefix. Found once; NULL if none of them is there, with `err` naming what was tried. */
const char *rip_data_dir(rip_error *err);

/** The path of one of those files in new memory (free it), or NULL. It is not checked to exist. */
char *rip_data_path(const char *relative, rip_error *err);

/** Read a whole file into memory that the caller frees, NUL-terminated. RIP_ELIMIT if it is over `max` bytes. */
rip_status rip_read_file(const char *path, size_t max, char **bytes, size_t *len, rip_error *err);

#endif
