/* Where each field of a playbook's header stands in its text, found without running it.
 *
 * Reads the table constructor of the chunk's last top-level `return { … }`, or of `return name` where `name` is a
 * top-level `local name = { … }`. Any bytes may be given; what cannot be understood is left out of the map. */
#ifndef RIPOSTE_LUA_SOURCE_MAP_H
#define RIPOSTE_LUA_SOURCE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"

#define RIP_SOURCE_MAP_BYTES_MAX ((size_t)1 << 20)
#define RIP_SOURCE_MAP_FIELDS_MAX 10000
#define RIP_SOURCE_MAP_DEPTH_MAX 64

typedef struct rip_source_map rip_source_map;

/** Both count from 1; the column counts bytes. */
typedef struct rip_source_place {
    unsigned line;
    unsigned column;
} rip_source_place;

/** Map `text` (not kept). RIP_ELIMIT when it is over RIP_SOURCE_MAP_BYTES_MAX; fields past the other limits are left
 * out. A text without such a return gives an empty map. */
rip_status rip_source_map_new(const char *text, size_t len, rip_source_map **out, rip_error *err);

void rip_source_map_free(rip_source_map *map);

/** The place of the field at `path` ("trigger.detail.type[1]", "permissions[2]", "run"; keys that are no names are
 * quoted: `tags["a b"]`). When it is not in the text, the place of the nearest field around it, at last the table
 * itself (path ""), and false. With an empty map: 1:1 and false. A field that is given twice has its last place. */
bool rip_source_map_find(const rip_source_map *map, const char *path, rip_source_place *place);

/** Whether there is a header table at all. */
bool rip_source_map_has_header(const rip_source_map *map);

#endif
