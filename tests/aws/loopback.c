#include "loopback.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_MAX 65536

typedef struct client {
    uv_tcp_t tcp;
    uv_timer_t timer;
    loopback *server;
    struct client *next;
    loopback_reply reply;
    size_t sent;
    char request[REQUEST_MAX];
    size_t len;
    unsigned open;
} client;

struct loopback {
    uv_tcp_t tcp;
    uv_loop_t *loop;
    loopback_answer answer;
    void *data;
    client *clients;
    unsigned requests;
    unsigned open;
};

typedef struct write_request {
    uv_write_t write;
    client *client;
    char bytes[];
} write_request;

static void on_client_closed(uv_handle_t *handle)
{
    client *c = handle->data;
    if (--c->open > 0) return;
    client **at = &c->server->clients;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    c->server->open--;
    free(c);
}

static void hang_up(client *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    uv_close((uv_handle_t *)&c->tcp, on_client_closed);
    uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void send_bytes(client *c, const char *bytes, size_t len);

static void on_written(uv_write_t *write, int status)
{
    write_request *w = (write_request *)write;
    client *c = w->client;
    free(w);
    bool ended = c->reply.close && !c->reply.drip && !c->reply.endless;
    if (status != 0 || ended)
        hang_up(c);
    else if (c->reply.endless)
        send_bytes(c, c->reply.again, strlen(c->reply.again));
}

static void send_bytes(client *c, const char *bytes, size_t len)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    write_request *w = malloc(sizeof *w + len);
    if (!w) abort();
    w->client = c;
    memcpy(w->bytes, bytes, len);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)len);
    if (uv_write(&w->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0) abort();
}

static void on_drip(uv_timer_t *timer)
{
    client *c = timer->data;
    if (c->reply.bytes[c->sent])
        send_bytes(c, c->reply.bytes + c->sent++, 1);
    else
        uv_timer_stop(timer);
}

static bool is_whole(const client *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    if (!end) return false;
    const char *length = strcasestr(c->request, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return c->len >= (size_t)(end + 4 - c->request) + body;
}

static void on_block_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    client *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - 1 - c->len));
}

static void on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    client *c = stream->data;
    (void)buf;
    if (len < 0) {
        hang_up(c);
        return;
    }
    c->len += (size_t)len;
    c->request[c->len] = '\0';
    if (!is_whole(c)) return;
    c->server->requests++;
    c->reply = c->server->answer(c->server->data, c->request);
    c->len = 0;
    c->sent = 0;
    if (c->reply.drip)
        uv_timer_start(&c->timer, on_drip, 20, 20);
    else if (*c->reply.bytes)
        send_bytes(c, c->reply.bytes, strlen(c->reply.bytes));
    else if (c->reply.close)
        hang_up(c);
}

static void on_connection(uv_stream_t *stream, int status)
{
    loopback *server = stream->data;
    client *c = calloc(1, sizeof *c);
    if (status != 0 || !c) abort();
    c->server = server;
    c->next = server->clients;
    c->open = 2;
    server->clients = c;
    server->open++;
    uv_tcp_init(server->loop, &c->tcp);
    uv_timer_init(server->loop, &c->timer);
    c->tcp.data = c;
    c->timer.data = c;
    if (uv_accept(stream, (uv_stream_t *)&c->tcp) != 0) abort();
    uv_read_start((uv_stream_t *)&c->tcp, on_block_wanted, on_bytes);
}

static loopback *start_at(uv_loop_t *loop, const struct sockaddr *address, loopback_answer answer, void *data)
{
    loopback *server = calloc(1, sizeof *server);
    if (!server) abort();
    *server = (loopback){.loop = loop, .answer = answer, .data = data, .open = 1};
    uv_tcp_init(loop, &server->tcp);
    server->tcp.data = server;
    if (uv_tcp_bind(&server->tcp, address, 0) == 0 && uv_listen((uv_stream_t *)&server->tcp, 16, on_connection) == 0)
        return server;
    loopback_stop(server);
    return NULL;
}

loopback *loopback_start(uv_loop_t *loop, loopback_answer answer, void *data)
{
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    loopback *server = start_at(loop, (const struct sockaddr *)&address, answer, data);
    if (!server) abort();
    return server;
}

loopback *loopback_start_v6(uv_loop_t *loop, loopback_answer answer, void *data)
{
    struct sockaddr_in6 address;
    uv_ip6_addr("::1", 0, &address);
    return start_at(loop, (const struct sockaddr *)&address, answer, data);
}

int loopback_port(const loopback *server)
{
    struct sockaddr_storage address;
    int len = sizeof address;
    uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &len);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

unsigned loopback_requests(const loopback *server)
{
    return server->requests;
}

static void on_server_closed(uv_handle_t *handle)
{
    loopback *server = handle->data;
    server->open--;
}

void loopback_stop(loopback *server)
{
    for (client *c = server->clients; c; c = c->next) hang_up(c);
    uv_close((uv_handle_t *)&server->tcp, on_server_closed);
    while (server->open > 0) uv_run(server->loop, UV_RUN_ONCE);
    free(server);
}
