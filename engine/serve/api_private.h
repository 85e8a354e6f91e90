/* What the files of the API share. */
#ifndef RIPOSTE_SERVE_API_PRIVATE_H
#define RIPOSTE_SERVE_API_PRIVATE_H

#include "engine/serve/api.h"
#include "engine/serve/problem.h"
#include "engine/serve/token.h"

#define JSON_TYPE "application/json"

/** One request that the engine answers later. */
typedef struct api_call {
    api *owner;
    http_exchange *x;
    /** Make the answer of the engine's (borrowed) into the API's; new reference. NULL: as it is. */
    json_t *(*shape)(struct api_call *call, json_t *value);
    /** Answer otherwise than with JSON; NULL: with JSON. */
    void (*finish)(struct api_call *call, rip_status status, json_t *value, const rip_error *err);
    unsigned most; /* of a list: as many were asked for */
    char text[512];
    struct api_call *next, **self;
} api_call;

typedef struct api_listener api_listener;

struct api {
    api_options options;
    tokens tokens;
    struct api_mounted *mounted;
    char *description; /* api/openapi.json */
    size_t description_len;
    api_call *calls;
    api_listener *listeners;
    unsigned listener_count;
    rip_timer heartbeat;
    char page_policy[256]; /* Content-Security-Policy of the approval page */
};

/** `who` is NULL where no token is needed. */
typedef void (*api_handler)(api *a, http_exchange *x, const api_token *who);

typedef struct api_route {
    const char *method, *path;
    token_role role;
    size_t body_most;
    const char *type; /* of the body; NULL: none, or JSON */
    api_handler handler;
} api_route;

/** All of them, in the order of the description. */
const api_route *api_routes(size_t *count);

void api_answer(http_exchange *x, unsigned status, const json_t *value);
void api_answer_error(http_exchange *x, const rip_error *err);

/** A call, answered already if memory is out (NULL). */
api_call *api_call_new(api *a, http_exchange *x);
/** For one that was answered without asking the engine. */
void api_call_free(api_call *call);
/** Perform `request` (stolen) and answer with what comes of it. */
void api_perform(api_call *call, json_t *request);
/** The body as an object; new reference, {} where there is none. NULL: it is none, and that was answered. */
json_t *api_body(http_exchange *x);

/* Handlers. */
void api_list_runs(api *a, http_exchange *x, const api_token *who);
void api_list_findings(api *a, http_exchange *x, const api_token *who);
void api_list_approvals(api *a, http_exchange *x, const api_token *who);
void api_show_run(api *a, http_exchange *x, const api_token *who);
void api_approve(api *a, http_exchange *x, const api_token *who);
void api_deny(api *a, http_exchange *x, const api_token *who);
void api_retry(api *a, http_exchange *x, const api_token *who);
void api_cancel(api *a, http_exchange *x, const api_token *who);
void api_undo(api *a, http_exchange *x, const api_token *who);
void api_list_playbooks(api *a, http_exchange *x, const api_token *who);
void api_list_pauses(api *a, http_exchange *x, const api_token *who);
void api_pause(api *a, http_exchange *x, const api_token *who);
void api_resume(api *a, http_exchange *x, const api_token *who);
void api_status(api *a, http_exchange *x, const api_token *who);
void api_describe(api *a, http_exchange *x, const api_token *who);
void api_healthy(api *a, http_exchange *x, const api_token *who);
void api_ready(api *a, http_exchange *x, const api_token *who);
void api_metrics(api *a, http_exchange *x, const api_token *who);
void api_listen(api *a, http_exchange *x, const api_token *who);
void api_show_page(api *a, http_exchange *x, const api_token *who);
void api_take_page(api *a, http_exchange *x, const api_token *who);

/* The stream and the page have something to open and to close. */
void api_stream_open(api *a);
void api_stream_close(api *a);
void api_page_open(api *a);

#endif
