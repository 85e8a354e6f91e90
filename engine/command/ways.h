/* How findings come in and how people and programs reach the service: the HTTP server with API and webhook, and the
 * live sources of the configuration. */
#ifndef RIPOSTE_COMMAND_WAYS_H
#define RIPOSTE_COMMAND_WAYS_H

#include "engine/command/engine.h"
#include "engine/command/tally.h"
#include "engine/dispatch/sink.h"
#include "engine/intake/live_set.h"
#include "engine/serve/api.h"
#include "engine/serve/fetch.h"
#include "engine/serve/http.h"

/** All borrowed; outlives it. */
typedef struct ways_options {
    engine *engine;
    const sink *sink;
    metrics *metrics;
    bool (*ready)(void *data, const char **why);
    void *data;
} ways_options;

typedef struct ways {
    ways_options options;
    http_server *server; /* NULL: nobody listens */
    api *api;
    web_fetcher *fetcher;
    live_set *set;        /* queues, polls, folders */
    live_source *webhook; /* NULL: nobody may post */
} ways;

/** Make them all; nothing comes in yet. Close it also after an error. */
rip_status ways_open(ways *w, const ways_options *options, rip_error *err);
/** Take in. */
rip_status ways_start(ways *w, rip_error *err);
/** Take in nothing more; what was handed over is still answered. */
void ways_stop(ways *w);
/** Documents that were handed over and are not kept yet. */
size_t ways_under_way(const ways *w);
/** An array with the status of each source; new reference. */
json_t *ways_status(const ways *w);
/** After the dispatch is gone and before the client is, without running the loop between. */
void ways_close(ways *w);

#endif
