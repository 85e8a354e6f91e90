/* Fetching a small document from a URL, behind an interface that tests can stand in for. */
#ifndef RIPOSTE_SERVE_FETCH_H
#define RIPOSTE_SERVE_FETCH_H

#include <stddef.h>
#include <uv.h>

#include "engine/base/error.h"

/** The bytes of a reply with status 200, borrowed; else an error. Called once, perhaps from inside. */
typedef void (*fetched)(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err);

typedef struct fetcher {
    void (*get)(void *self, const char *url, fetched done, void *data);
    void *self;
} fetcher;

/** Over the network: https alone, certificates verified, no redirects, 64 KiB and 10 s at most. */
typedef struct web_fetcher web_fetcher;
rip_status web_fetcher_new(uv_loop_t *loop, web_fetcher **out, rip_error *err);
/** Nobody is called any more. NULL is allowed. */
void web_fetcher_free(web_fetcher *w);
const fetcher *web_fetcher_use(const web_fetcher *w);

#endif
