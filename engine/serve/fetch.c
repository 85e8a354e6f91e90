#include "engine/serve/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "aws/transport_curl.h"

#define TIMEOUT_MS 10000
#define BODY_MOST ((size_t)64 << 10)

typedef struct errand {
    web_fetcher *owner;
    fetched done;
    void *data;
    struct errand *next, **self;
} errand;

struct web_fetcher {
    aws_web *web;
    fetcher use;
    errand *errands;
};

static void errand_free(errand *e)
{
    *e->self = e->next;
    if (e->next) e->next->self = e->self;
    free(e);
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    errand *e = data;
    rip_error why = {RIP_OK, ""};
    if (response && response->status == 200) {
        e->done(e->data, RIP_OK, response->body.data ? response->body.data : "", response->body.len, &why);
    } else {
        if (response)
            rip_fail(&why, RIP_EREMOTE, "the answer was HTTP %d", response->status);
        else
            why = *err;
        e->done(e->data, why.status, NULL, 0, &why);
    }
    errand_free(e);
}

/* "https://host/path?query" into the request. */
static rip_status read_url(const char *url, aws_http_request *request, rip_error *err)
{
    static const char SCHEME[] = "https://";
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
        return rip_fail(err, RIP_EINVAL, "%.200s: only https is fetched", url);
    const char *host = url + strlen(SCHEME), *path = host + strcspn(host, "/?"), *query = strchr(path, '?');
    request->method = strdup("GET");
    request->scheme = strdup("https");
    request->host = strndup(host, (size_t)(path - host));
    request->path = *path == '/' ? strndup(path, strcspn(path, "?")) : strdup("/");
    request->query = strdup(query ? query + 1 : "");
    bool whole = request->method && request->scheme && request->host && request->path && request->query;
    return whole ? RIP_OK : rip_nomem(err);
}

static void get(void *self, const char *url, fetched done, void *data)
{
    static const aws_web_limits LIMITS = {.timeout_ms = TIMEOUT_MS, .body_bytes = BODY_MOST};
    web_fetcher *w = self;
    rip_error err;
    aws_exchange *exchange;
    aws_http_request request = {0};
    errand *e = calloc(1, sizeof *e);
    rip_status status = e ? read_url(url, &request, &err) : rip_nomem(&err);
    if (e) {
        *e = (errand){w, done, data, w->errands, &w->errands};
        if (e->next) e->next->self = &e->next;
        w->errands = e;
    }
    if (status == RIP_OK) status = aws_web_send(w->web, &request, &LIMITS, on_reply, e, &exchange, &err);
    aws_http_request_free(&request);
    if (status == RIP_OK) return;
    if (e) errand_free(e);
    done(data, status, NULL, 0, &err);
}

rip_status web_fetcher_new(uv_loop_t *loop, web_fetcher **out, rip_error *err)
{
    const aws_web_options options = {.loop = loop};
    web_fetcher *w = calloc(1, sizeof *w);
    if (!w) return rip_nomem(err);
    w->use = (fetcher){get, w};
    rip_status status = aws_web_new(&options, &w->web, err);
    if (status == RIP_OK)
        *out = w;
    else
        free(w);
    return status;
}

void web_fetcher_free(web_fetcher *w)
{
    if (!w) return;
    aws_web_free(w->web);
    for (errand *e = w->errands, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    free(w);
}

const fetcher *web_fetcher_use(const web_fetcher *w)
{
    return &w->use;
}
