/* How many requests an address may make: a bucket of tokens for each, filled as time goes by. */
#ifndef RIPOSTE_SERVE_RATE_H
#define RIPOSTE_SERVE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_PLACES 4096

/** Addresses that share a place share its bucket only while both are busy: an idle one gives its place up. */
typedef struct rate {
    unsigned second; /* requests a second; 0: any number */
    unsigned burst;  /* so many at once */
    struct rate_place {
        uint64_t key;
        int64_t at_ms;
        double tokens;
    } places[RATE_PLACES];
} rate;

/** One more request from `remote` at `now_ms` (a monotonic clock); false: it is one too many. An IPv6 client is its
 * /64, of which it has all addresses. */
bool rate_take(rate *r, const char *remote, int64_t now_ms);

#endif
