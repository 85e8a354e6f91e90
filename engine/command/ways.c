#include "engine/command/ways.h"

#include <stdlib.h>

#include "engine/serve/webhook.h"

static const char *text_of(const rip_config *config, const char *key)
{
    const char *text = rip_config_string(config, key);
    return *text ? text : NULL;
}

/* Sources. */

static rip_status add_source(ways *w, live_source *source, rip_error *err)
{
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 8;
        live_source **grown = realloc((void *)w->sources, room * sizeof(*grown));
        if (!grown) {
            source->ops->free(source);
            return rip_nomem(err);
        }
        w->sources = grown;
        w->room = room;
    }
    w->sources[w->count++] = source;
    return RIP_OK;
}

/* The HTTP server. */

static json_t *more_status(void *data)
{
    const ways *w = data;
    return json_pack("{s:o}", "sources", ways_status(w));
}

static bool is_ready(void *data, const char **why)
{
    const ways *w = data;
    return w->options.ready(w->options.data, why);
}

static rip_status mount_api(ways *w, rip_error *err)
{
    engine *e = w->options.engine;
    api_options options = {
        .config = e->config,
        .clock = e->clock,
        .dispatch = e->dispatch,
        .journal = e->journal,
        .books = &e->books,
        .metrics = w->options.metrics,
        .status = more_status,
        .ready = is_ready,
        .data = w,
    };
    return api_mount(w->server, &options, &w->api, err);
}

static rip_status mount_webhook(ways *w, rip_error *err)
{
    engine *e = w->options.engine;
    live_source *source = NULL;
    if (rip_config_rows(e->config, "webhooks") == 0) return RIP_OK;
    rip_status status = web_fetcher_new(&e->loop, &w->fetcher, err);
    if (status != RIP_OK) return status;
    webhook_options options = {
        .server = w->server,
        .config = e->config,
        .clock = e->clock,
        .sink = &w->options.sink->live,
        .metrics = w->options.metrics,
        .fetcher = web_fetcher_use(w->fetcher),
    };
    status = webhook_new(&options, &source, err);
    return status == RIP_OK ? add_source(w, source, err) : status;
}

static rip_status open_server(ways *w, rip_error *err)
{
    const rip_config *config = w->options.engine->config;
    http_options options = {
        .loop = &w->options.engine->loop,
        .listen = text_of(config, "http.listen"),
        .certificate = text_of(config, "http.certificate"),
        .key = text_of(config, "http.key"),
        .connections = (unsigned)rip_config_integer(config, "http.connections"),
        .connections_of_ip = (unsigned)rip_config_integer(config, "http.connections_per_address"),
        .plain = rip_config_boolean(config, "http.plain"),
    };
    if (!options.listen && rip_config_rows(config, "webhooks"))
        return rip_fail(err, RIP_EINVAL,
                        "webhooks are configured, and http.listen is not set: nobody could reach them");
    if (!options.listen) return RIP_OK;
    rip_status status = http_server_new(&options, &w->server, err);
    if (status == RIP_OK) status = mount_api(w, err);
    if (status == RIP_OK) status = mount_webhook(w, err);
    return status;
}

/* All of them. */

rip_status ways_open(ways *w, const ways_options *options, rip_error *err)
{
    *w = (ways){.options = *options};
    return open_server(w, err);
}

rip_status ways_start(ways *w, rip_error *err)
{
    for (size_t i = 0; i < w->count; i++) {
        rip_status status = w->sources[i]->ops->start(w->sources[i], err);
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

void ways_stop(ways *w)
{
    for (size_t i = 0; i < w->count; i++) w->sources[i]->ops->stop(w->sources[i]);
    if (w->server) http_server_quiet(w->server);
}

size_t ways_under_way(const ways *w)
{
    size_t all = 0;
    for (size_t i = 0; i < w->count; i++) all += w->sources[i]->ops->under_way(w->sources[i]);
    return all;
}

json_t *ways_status(const ways *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->count; i++) {
        json_t *status = w->sources[i]->ops->status(w->sources[i]);
        if (status) json_array_append_new(list, status);
    }
    return list;
}

void ways_close(ways *w)
{
    for (size_t i = 0; i < w->count; i++) w->sources[i]->ops->free(w->sources[i]);
    free((void *)w->sources);
    web_fetcher_free(w->fetcher);
    api_free(w->api);
    http_server_free(w->server);
    *w = (ways){0};
}
