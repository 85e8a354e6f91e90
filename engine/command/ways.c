#include "engine/command/ways.h"

#include "engine/notify/notify.h"
#include "engine/serve/webhook.h"

static const char *text_of(const rip_config *config, const char *key)
{
    const char *text = rip_config_string(config, key);
    return *text ? text : NULL;
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
        .link_check = notify_link_check,
        .data = w,
    };
    return api_mount(w->server, &options, &w->api, err);
}

static rip_status mount_webhook(ways *w, rip_error *err)
{
    engine *e = w->options.engine;
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
    return webhook_new(&options, &w->webhook, err);
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
    const engine *e = options->engine;
    live_parts parts = {e->config, e->client, e->clock, e->journal, options->sink->live, options->metrics};
    rip_status status = live_queue_arns(e->config, e->protected_arns, err);
    if (status == RIP_OK) status = live_set_new(&parts, &w->set, err);
    if (status == RIP_OK) status = open_server(w, err);
    return status;
}

rip_status ways_start(ways *w, rip_error *err)
{
    rip_status status = live_set_start(w->set, err);
    if (status == RIP_OK && w->webhook) status = w->webhook->ops->start(w->webhook, err);
    return status;
}

void ways_stop(ways *w)
{
    live_set_stop(w->set);
    if (w->webhook) w->webhook->ops->stop(w->webhook);
    if (w->server) http_server_quiet(w->server);
}

size_t ways_under_way(const ways *w)
{
    return live_set_under_way(w->set) + (w->webhook ? w->webhook->ops->under_way(w->webhook) : 0);
}

json_t *ways_status(const ways *w)
{
    json_t *list = live_set_status(w->set);
    if (list && w->webhook) json_array_append_new(list, w->webhook->ops->status(w->webhook));
    return list;
}

void ways_close(ways *w)
{
    live_set_free(w->set);
    if (w->webhook) w->webhook->ops->free(w->webhook);
    web_fetcher_free(w->fetcher);
    api_free(w->api);
    http_server_free(w->server);
    *w = (ways){0};
}
