#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/dispatch/words.h"
#include "engine/serve/api_private.h"
#include "engine/serve/routes.h"

#define DESCRIPTION "api/openapi.json"
#define DESCRIPTION_MOST ((size_t)1 << 20)
#define WORD_MOST 4096
#define FORM_TYPE "application/x-www-form-urlencoded"

static const api_route ROUTES[] = {
    {"GET", "/v1/runs", TOKEN_VIEWER, 0, NULL, api_list_runs},
    {"GET", "/v1/runs/{}", TOKEN_VIEWER, 0, NULL, api_show_run},
    {"POST", "/v1/runs/{}/approve", TOKEN_APPROVER, WORD_MOST, NULL, api_approve},
    {"POST", "/v1/runs/{}/deny", TOKEN_APPROVER, WORD_MOST, NULL, api_deny},
    {"POST", "/v1/runs/{}/retry", TOKEN_OPERATOR, WORD_MOST, NULL, api_retry},
    {"POST", "/v1/runs/{}/cancel", TOKEN_OPERATOR, WORD_MOST, NULL, api_cancel},
    {"POST", "/v1/runs/{}/undo", TOKEN_OPERATOR, WORD_MOST, NULL, api_undo},
    {"GET", "/v1/findings", TOKEN_VIEWER, 0, NULL, api_list_findings},
    {"GET", "/v1/approvals", TOKEN_VIEWER, 0, NULL, api_list_approvals},
    {"GET", "/v1/playbooks", TOKEN_VIEWER, 0, NULL, api_list_playbooks},
    {"GET", "/v1/pauses", TOKEN_VIEWER, 0, NULL, api_list_pauses},
    {"PUT", "/v1/pauses/{}", TOKEN_OPERATOR, WORD_MOST, NULL, api_pause},
    {"DELETE", "/v1/pauses/{}", TOKEN_OPERATOR, WORD_MOST, NULL, api_resume},
    {"GET", "/v1/status", TOKEN_VIEWER, 0, NULL, api_status},
    {"GET", "/v1/stream", TOKEN_VIEWER, 0, NULL, api_listen},
    {"GET", "/v1/approve", TOKEN_NONE, 0, NULL, api_show_page},
    {"POST", "/v1/approve", TOKEN_NONE, WORD_MOST, FORM_TYPE, api_take_page},
    {"GET", "/v1/openapi.json", TOKEN_NONE, 0, NULL, api_describe},
    {"GET", "/healthz", TOKEN_NONE, 0, NULL, api_healthy},
    {"GET", "/readyz", TOKEN_NONE, 0, NULL, api_ready},
    {"GET", "/metrics", TOKEN_VIEWER, 0, NULL, api_metrics},
};
#define ROUTE_COUNT (sizeof ROUTES / sizeof *ROUTES)

/* What a route's handler is given by the server. */
typedef struct api_mounted {
    api *owner;
    const api_route *route;
} api_mounted;

const api_route *api_routes(size_t *count)
{
    *count = ROUTE_COUNT;
    return ROUTES;
}

/* Answers. */

void api_answer(http_exchange *x, unsigned status, const json_t *value)
{
    char *text = value ? rip_json_dump(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text)
        http_answer(x, status, JSON_TYPE, text, strlen(text), NULL);
    else
        problem_answer(x, 503, NULL, NULL);
    free(text);
}

void api_answer_error(http_exchange *x, const rip_error *err)
{
    problem_answer(x, problem_status(err->status), err->message, NULL);
}

json_t *api_body(http_exchange *x)
{
    size_t len;
    json_error_t why;
    const char *bytes = http_body(x, &len);
    if (len == 0) return json_object();
    if (!routes_type_is(http_header(x, "Content-Type"), JSON_TYPE)) {
        problem_answer(x, 415, "expected " JSON_TYPE, NULL);
        return NULL;
    }
    json_t *body = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(body)) return body;
    problem_answer(x, 400, body ? "expected an object" : why.text, NULL);
    json_decref(body);
    return NULL;
}

/* Calls. */

api_call *api_call_new(api *a, http_exchange *x)
{
    api_call *call = calloc(1, sizeof *call);
    if (!call) {
        problem_answer(x, 503, NULL, NULL);
        return NULL;
    }
    *call = (api_call){.owner = a, .x = x, .next = a->calls, .self = &a->calls};
    if (call->next) call->next->self = &call->next;
    a->calls = call;
    return call;
}

void api_call_free(api_call *call)
{
    *call->self = call->next;
    if (call->next) call->next->self = call->self;
    free(call);
}

static void on_performed(void *data, rip_status status, json_t *value, const rip_error *err)
{
    api_call *call = data;
    if (call->finish) {
        call->finish(call, status, value, err);
    } else if (status != RIP_OK) {
        api_answer_error(call->x, err);
    } else {
        json_t *shaped = call->shape ? call->shape(call, value) : json_incref(value);
        api_answer(call->x, 200, shaped);
        json_decref(shaped);
    }
    api_call_free(call);
}

void api_perform(api_call *call, json_t *request)
{
    words_perform(call->owner->options.dispatch, request, on_performed, call);
    json_decref(request);
}

/* Who may. */

static void on_request(void *data, http_exchange *x)
{
    static const char *const ASK[] = {"WWW-Authenticate", "Bearer realm=\"riposte\"", NULL};
    const api_mounted *m = data;
    if (m->route->role == TOKEN_NONE) {
        m->route->handler(m->owner, x, NULL);
        return;
    }
    const api_token *who = tokens_find(&m->owner->tokens, http_header(x, "Authorization"));
    if (!who)
        problem_answer(x, 401, "expected a bearer token of api.tokens", ASK);
    else if (who->role < m->route->role)
        problem_answer(x, 403, "the token's role does not suffice for this", NULL);
    else
        m->route->handler(m->owner, x, who);
}

/* Mounting. */

static rip_status load_description(api *a, rip_error *err)
{
    char *path = rip_data_path(DESCRIPTION, err);
    if (!path) return RIP_ENOTFOUND;
    rip_status status = rip_read_file(path, DESCRIPTION_MOST, &a->description, &a->description_len, err);
    free(path);
    return status;
}

static rip_status mount_routes(api *a, http_server *server, rip_error *err)
{
    a->mounted = calloc(ROUTE_COUNT, sizeof *a->mounted);
    rip_status status = a->mounted ? RIP_OK : rip_nomem(err);
    for (size_t i = 0; i < ROUTE_COUNT && status == RIP_OK; i++) {
        const api_route *r = &ROUTES[i];
        a->mounted[i] = (api_mounted){a, r};
        status = http_route(server, r->method, r->path, r->body_most, r->type, on_request, &a->mounted[i], err);
    }
    return status;
}

rip_status api_mount(http_server *server, const api_options *options, api **out, rip_error *err)
{
    api *a = calloc(1, sizeof *a);
    if (!a) return rip_nomem(err);
    a->options = *options;
    api_stream_open(a);
    api_page_open(a);
    rip_status status = tokens_load(options->config, &a->tokens, err);
    if (status == RIP_OK) status = load_description(a, err);
    if (status == RIP_OK) status = mount_routes(a, server, err);
    if (status == RIP_OK)
        *out = a;
    else
        api_free(a);
    return status;
}

void api_free(api *a)
{
    if (!a) return;
    api_stream_close(a);
    for (api_call *call = a->calls, *next; call; call = next) {
        next = call->next;
        free(call);
    }
    tokens_free(&a->tokens);
    free(a->mounted);
    free(a->description);
    free(a);
}
