/* Any bytes as a playbook's text: the map is made, and what it has can be found. */
#include <stdint.h>
#include <string.h>

#include "lua/source_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_source_map *map = NULL;
    rip_source_place place;
    char path[64] = "";
    if (rip_source_map_new((const char *)data, size, &map, NULL) != RIP_OK) return 0;
    memcpy(path, data, size < sizeof path ? size : sizeof path - 1);
    rip_source_map_find(map, path, &place);
    rip_source_map_find(map, "trigger.detail.type[1]", &place);
    if (place.line == 0 || place.column == 0) __builtin_trap();
    rip_source_map_free(map);
    return 0;
}
