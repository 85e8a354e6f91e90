/* The API, /v1: what the engine did and does, and the words that people tell it. api/openapi.json describes it. */
#ifndef RIPOSTE_SERVE_API_H
#define RIPOSTE_SERVE_API_H

#include <jansson.h>

#include "engine/base/config.h"
#include "engine/base/metrics.h"
#include "engine/dispatch/dispatch.h"
#include "engine/journal/journal.h"
#include "engine/serve/http.h"

typedef struct api api;

/** All borrowed; outlives it. */
typedef struct api_options {
    const rip_config *config; /* api.tokens */
    rip_clock *clock;         /* the real one */
    dispatch *dispatch;
    journal *journal;
    library *const *books; /* where the books of now are: others may be loaded */
    metrics *metrics;      /* NULL: /metrics is empty */
    /** More members for /v1/status, such as "sources"; new reference, or NULL. May be NULL. */
    json_t *(*status)(void *data);
    /** Ready to take findings in; else `why` (a literal) tells what is missing. NULL: it always is. */
    bool (*ready)(void *data, const char **why);
    /** Whether the token of an approval link is good, as notify_link_check tells it. NULL: there are no links. */
    rip_status (*link_check)(const journal *j, const char *token, const char *run, int64_t now_ms, rip_error *err);
    void *data;
} api_options;

/** Put its routes on the server. Free it after the dispatch and before the server, without running the loop between.
 * RIP_EINVAL: a token in the configuration is wrong; RIP_ENOTFOUND: the API's description is not installed. */
rip_status api_mount(http_server *server, const api_options *options, api **out, rip_error *err);
/** NULL is allowed. */
void api_free(api *a);

/** Tell those who listen to /v1/stream. `event` is a word ("started", "ended"); `data` is borrowed. */
void api_publish(api *a, const char *event, const json_t *data);

#endif
