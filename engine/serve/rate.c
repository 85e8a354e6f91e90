#include "engine/serve/rate.h"

#include <arpa/inet.h>
#include <string.h>

#define TRIED 4
#define NETWORK_BYTES 8 /* of an IPv6 address */

/* FNV-1a over what tells clients apart. */
static uint64_t key_of(const char *remote)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    unsigned char address[16];
    bool is_ipv6 = inet_pton(AF_INET6, remote, address) == 1;
    const unsigned char *bytes = is_ipv6 ? address : (const unsigned char *)remote;
    size_t len = is_ipv6 ? NETWORK_BYTES : strlen(remote);
    for (size_t i = 0; i < len; i++) hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* Its place, or the one that was idle for longest. */
static struct rate_place *place_of(rate *r, uint64_t key)
{
    struct rate_place *oldest = NULL;
    for (uint64_t i = 0; i < TRIED; i++) {
        struct rate_place *p = &r->places[(key + i) % RATE_PLACES];
        if (p->key == key) return p;
        if (!oldest || p->at_ms < oldest->at_ms) oldest = p;
    }
    *oldest = (struct rate_place){.key = key, .tokens = r->burst};
    return oldest;
}

bool rate_take(rate *r, const char *remote, int64_t now_ms)
{
    if (!r->second) return true;
    struct rate_place *p = place_of(r, key_of(remote));
    if (p->at_ms) p->tokens += (double)(now_ms - p->at_ms) / 1000.0 * r->second;
    if (p->tokens > r->burst) p->tokens = r->burst;
    p->at_ms = now_ms;
    if (p->tokens < 1) return false;
    p->tokens -= 1;
    return true;
}
