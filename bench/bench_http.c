/* The HTTP server alone, for a load generator: GET /hello is answered with five bytes, POST /v1/events by a webhook
 * whose sink keeps every event at once. bench-http LISTEN [CERTIFICATE KEY [CONNECTIONS]] */
#include <stdio.h>
#include <stdlib.h>

#include "engine/serve/http.h"
#include "engine/serve/webhook.h"

static void on_hello(void *data, http_exchange *x)
{
    (void)data;
    http_answer(x, 200, "text/plain", "hello", 5, NULL);
}

static rip_status take(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err)
{
    (void)data;
    (void)bytes;
    (void)len;
    (void)origin;
    kept(kept_data, RIP_OK, err);
    return RIP_OK;
}

static void get(void *self, const char *url, fetched done, void *data)
{
    rip_error err;
    (void)self;
    done(data, rip_fail(&err, RIP_EIO, "%s is not fetched", url), NULL, 0, &err);
}

static rip_status start(uv_loop_t *loop, const http_options *options, rip_config *config, rip_error *err)
{
    static const char ROWS[] = "[{\"name\":\"bench\",\"kind\":\"eventbridge\",\"secret_file\":\"bench/secret\"}]";
    static const live_sink SINK = {take, NULL};
    static const fetcher FETCHER = {get, NULL};
    http_server *server;
    live_source *source;
    rip_status status = http_server_new(options, &server, err);
    if (status == RIP_OK) status = rip_config_set(config, "webhooks", ROWS, err);
    if (status == RIP_OK) status = http_route(server, "GET", "/hello", 0, NULL, on_hello, NULL, err);
    webhook_options hook = {
        .server = server, .config = config, .clock = rip_clock_new_real(loop), .sink = &SINK, .fetcher = &FETCHER};
    if (status == RIP_OK) status = webhook_new(&hook, &source, err);
    if (status == RIP_OK) status = source->ops->start(source, err);
    if (status == RIP_OK) printf("listening on port %u\n", http_server_port(server));
    return status;
}

int main(int argc, char **argv)
{
    rip_error err;
    rip_config *config = rip_config_new();
    http_options options = {.loop = uv_default_loop(),
                            .listen = argc > 1 ? argv[1] : "127.0.0.1:8080",
                            .certificate = argc > 3 && *argv[2] ? argv[2] : NULL,
                            .key = argc > 3 && *argv[2] ? argv[3] : NULL,
                            .connections = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0};
    if (!config || start(options.loop, &options, config, &err) != RIP_OK) {
        fprintf(stderr, "bench-http: %s\n", config ? err.message : "out of memory");
        return 1;
    }
    fflush(stdout);
    return uv_run(options.loop, UV_RUN_DEFAULT);
}
