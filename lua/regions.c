#include "lua/regions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* So many are kept whatever comes. */
#define SPARE_LEAST 64

typedef struct spare spare;
struct spare {
    spare *next;
};

struct rip_regions {
    size_t bytes;
    size_t out; /* taken, and not given back */
    spare *spares;
    size_t spare_count;
    size_t unused; /* so many of them were not taken since rip_regions_rest */
    bool is_closed;
};

rip_regions *rip_regions_new(size_t bytes)
{
    rip_regions *regions = calloc(1, sizeof *regions);
    if (regions) regions->bytes = (bytes + RIP_REGION_ALIGN - 1) / RIP_REGION_ALIGN * RIP_REGION_ALIGN;
    return regions;
}

static void drop(rip_regions *regions, size_t most)
{
    while (regions->spare_count > most) {
        spare *first = regions->spares;
        regions->spares = first->next;
        regions->spare_count--;
        munmap(first, regions->bytes);
    }
}

void rip_regions_free(rip_regions *regions)
{
    if (!regions) return;
    regions->is_closed = true;
    drop(regions, 0);
    if (regions->out == 0) free(regions);
}

size_t rip_regions_bytes(const rip_regions *regions)
{
    return regions->bytes;
}

void *rip_regions_take(rip_regions *regions)
{
    void *region = regions->spares;
    if (region) {
        regions->spares = regions->spares->next;
        regions->spare_count--;
        if (regions->unused > regions->spare_count) regions->unused = regions->spare_count;
    } else {
        region = mmap(NULL, regions->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region == MAP_FAILED) return NULL;
    }
    regions->out++;
    return region;
}

void rip_regions_give_back(rip_regions *regions, void *region)
{
    spare *back = region;
    back->next = regions->spares;
    regions->spares = back;
    regions->spare_count++;
    regions->out--;
    if (!regions->is_closed) return;
    drop(regions, 0);
    if (regions->out == 0) free(regions);
}

void rip_regions_rest(rip_regions *regions)
{
    size_t most = regions->spare_count - regions->unused;
    drop(regions, most > SPARE_LEAST ? most : SPARE_LEAST);
    regions->unused = regions->spare_count;
}
