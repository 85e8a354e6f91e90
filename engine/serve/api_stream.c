/* What happens, as it happens: server-sent events. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/serve/api_private.h"

#define LISTENERS_MOST 64
#define HEARTBEAT_MS 15000

struct api_listener {
    api *owner;
    http_stream *stream;
    api_listener *next, **self;
};

static void on_closed(void *data)
{
    api_listener *l = data;
    *l->self = l->next;
    if (l->next) l->next->self = l->self;
    l->owner->listener_count--;
    free(l);
}

void api_listen(api *a, http_exchange *x, const api_token *who)
{
    static const char HELLO[] = ": what happens from now on\n\n";
    (void)who;
    api_listener *l = a->listener_count < LISTENERS_MOST ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        problem_answer(x, 503, "too many listen already", NULL);
        return;
    }
    *l = (api_listener){a, http_answer_stream(x, "text/event-stream", on_closed, l), a->listeners, &a->listeners};
    if (!l->stream) {
        free(l);
        return;
    }
    if (l->next) l->next->self = &l->next;
    a->listeners = l;
    a->listener_count++;
    http_stream_write(l->stream, HELLO, strlen(HELLO));
}

static void tell(api *a, const char *bytes, size_t len)
{
    for (api_listener *l = a->listeners; l; l = l->next) http_stream_write(l->stream, bytes, len);
}

void api_publish(api *a, const char *event, const json_t *data)
{
    if (!a->listeners) return;
    rip_buffer text = {0};
    char *json = rip_json_dump(data, JSON_COMPACT | JSON_ENCODE_ANY);
    if (json) rip_buffer_printf(&text, "event: %s\ndata: %s\n\n", event, json);
    if (!text.failed && text.len) tell(a, text.data, text.len);
    free(json);
    rip_buffer_free(&text);
}

/* Proxies close what is silent, and a client that has gone is noticed by writing to it. */
static void on_heartbeat(void *data)
{
    api *a = data;
    tell(a, ":\n\n", 3);
    rip_timer_start(&a->heartbeat, a->options.clock, HEARTBEAT_MS, on_heartbeat, a);
}

void api_stream_open(api *a)
{
    rip_timer_start(&a->heartbeat, a->options.clock, HEARTBEAT_MS, on_heartbeat, a);
}

void api_stream_close(api *a)
{
    rip_timer_stop(&a->heartbeat);
    for (api_listener *l = a->listeners, *next; l; l = next) {
        next = l->next;
        http_stream_close(l->stream);
        free(l);
    }
}
