/* Pieces of memory of one size, given back and taken again: what each run needs, and the heap would be torn by. */
#ifndef RIPOSTE_LUA_REGIONS_H
#define RIPOSTE_LUA_REGIONS_H

#include <stddef.h>

/* Where a region starts, in bytes: that of a page. */
#define RIP_REGION_ALIGN ((size_t)4096)

typedef struct rip_regions rip_regions;

/** For regions of `bytes`, rounded up to pages. NULL: out of memory. */
rip_regions *rip_regions_new(size_t bytes);
/** No more will be taken. Those that are out may be given back later. */
void rip_regions_free(rip_regions *regions);

/** How long each is. */
size_t rip_regions_bytes(const rip_regions *regions);

/** Its bytes are whatever they are. NULL: out of memory. */
void *rip_regions_take(rip_regions *regions);
void rip_regions_give_back(rip_regions *regions, void *region);

/** Every so often, in quiet times too: the system gets back what nobody needed since the last time. Runs come and go in
 * waves, and a region that is mapped afresh costs a fault for each of its pages. */
void rip_regions_rest(rip_regions *regions);

#endif
