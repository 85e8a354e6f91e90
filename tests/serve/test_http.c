/* The HTTP server: what reaches handlers, what is refused, and what slow, huge and half-sent requests come to. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/serve/http.h"
#include "tests/serve/talk.h"

#define BODY_MOST 1000

typedef struct box {
    uv_loop_t loop;
    http_server *server;
    unsigned port;
    http_exchange *late;
    http_stream *stream;
    unsigned streams_closed;
} box;

static void on_echo(void *data, http_exchange *x)
{
    (void)data;
    size_t len;
    const char *body = http_body(x, &len), *q = http_query(x, "q"), *header = http_header(x, "X-Test");
    rip_buffer out = {0};
    rip_buffer_printf(&out, "%s %s [%s] q=%s x=%s from %s: ", http_method(x), http_path(x), http_segment(x),
                      q ? q : "-", header ? header : "-", http_remote(x));
    rip_buffer_append(&out, body, len);
    const char *const headers[] = {"X-Echo", "yes", NULL};
    http_answer(x, 200, "text/plain", out.data, out.len, headers);
    rip_buffer_free(&out);
}

static void on_late(void *data, http_exchange *x)
{
    ((box *)data)->late = x;
}

static void on_stream_closed(void *data)
{
    box *b = data;
    b->stream = NULL;
    b->streams_closed++;
}

static void on_stream(void *data, http_exchange *x)
{
    box *b = data;
    b->stream = http_answer_stream(x, "text/event-stream", on_stream_closed, b);
}

static void open_server(box *b, const http_options *more)
{
    rip_error err;
    http_options options = *more;
    options.loop = &b->loop;
    if (!options.listen) options.listen = "127.0.0.1:0";
    rip_status status = http_server_new(&options, &b->server, &err);
    if (status != RIP_OK) print_error("%s\n", err.message);
    assert_int_equal(status, RIP_OK);
    b->port = http_server_port(b->server);
    assert_int_equal(http_route(b->server, "GET", "/echo", 0, NULL, on_echo, b, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "POST", "/echo", BODY_MOST, "application/json", on_echo, b, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "GET", "/things/{}", 0, NULL, on_echo, b, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "POST", "/things/{}/do", 0, NULL, on_echo, b, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "GET", "/late", 0, NULL, on_late, b, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "GET", "/stream", 0, NULL, on_stream, b, &err), RIP_OK);
}

static int setup(void **state)
{
    box *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    http_server_free(b->server);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
    return 0;
}

static const http_options PLAIN = {.idle_ms = 1000, .request_ms = 1000};
static const char JSON[] = "Content-Type: application/json\r\n";

static const char *ask(box *b, const char *method, const char *target, const char *headers, const char *body)
{
    return talk(&b->loop, b->port, method, target, headers, body);
}

static void test_a_request_reaches_its_handler_whole(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    const char *answer =
        ask(b, "POST", "/echo?q=a%20b", "Content-Type: application/json; charset=utf-8\r\nx-test: 7\r\n", "{\"a\":1}");
    assert_int_equal(talk_status(answer), 200);
    assert_string_equal(talk_body(answer), "POST /echo [] q=a b x=7 from 127.0.0.1: {\"a\":1}");
    assert_non_null(strstr(answer, "X-Echo: yes\r\n"));
    assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
}

static void test_a_segment_of_the_path_is_handed_over(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    assert_non_null(strstr(ask(b, "GET", "/things/a%3ab", NULL, NULL), "[a:b]"));
    assert_non_null(strstr(ask(b, "POST", "/things/one/do", NULL, ""), "/things/one/do [one]"));
    assert_int_equal(talk_status(ask(b, "GET", "/things/", NULL, NULL)), 404);
    assert_int_equal(talk_status(ask(b, "GET", "/things/a%2fb", NULL, NULL)), 404);
    assert_int_equal(talk_status(ask(b, "GET", "/things/a/b", NULL, NULL)), 404);
}

static void test_head_is_answered_as_get_without_a_body(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    const char *answer = ask(b, "HEAD", "/echo", NULL, NULL);
    assert_int_equal(talk_status(answer), 200);
    assert_string_equal(talk_body(answer), "");
}

static void test_what_is_not_there_is_told_as_a_problem(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    const char *answer = ask(b, "GET", "/nothing", NULL, NULL);
    assert_int_equal(talk_status(answer), 404);
    assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
    assert_string_equal(talk_body(answer), "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}\n");
    answer = ask(b, "DELETE", "/echo", NULL, NULL);
    assert_int_equal(talk_status(answer), 405);
    assert_non_null(strstr(answer, "Allow: GET, POST\r\n"));
    assert_int_equal(talk_status(ask(b, "POST", "/echo", "Content-Type: text/xml\r\n", "<a/>")), 415);
    assert_int_equal(talk_status(ask(b, "POST", "/echo", NULL, "{}")), 415);
}

static void test_a_body_past_its_limit_is_refused(void **state)
{
    box *b = *state;
    char body[BODY_MOST + 2];
    memset(body, 'x', sizeof body);
    body[BODY_MOST + 1] = '\0';
    open_server(b, &PLAIN);
    assert_int_equal(talk_status(ask(b, "POST", "/echo", JSON, body)), 413);
    body[BODY_MOST] = '\0';
    assert_int_equal(talk_status(ask(b, "POST", "/echo", JSON, body)), 200);
    assert_int_equal(talk_status(ask(b, "GET", "/echo", NULL, "x")), 413);
}

static void test_a_huge_body_is_refused_before_it_is_sent(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b, &PLAIN);
    static const char HUGE[] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 99999999999\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, HUGE, strlen(HUGE));
    assert_true(talk_read(&b->loop, fd, "\"status\":413", &got));
    rip_buffer_free(&got);
    close(fd);
}

static void test_a_body_in_chunks_is_bounded_too(void **state)
{
    box *b = *state;
    rip_buffer request = {0}, got = {0};
    open_server(b, &PLAIN);
    rip_buffer_printf(
        &request, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sTransfer-Encoding: chunked\r\n\r\n", JSON);
    for (int i = 0; i < 20; i++) rip_buffer_printf(&request, "64\r\n%0100d\r\n", 0);
    rip_buffer_puts(&request, "0\r\n\r\n");
    int fd = talk_connect(b->port);
    talk_send(fd, request.data, request.len);
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_int_equal(talk_status(got.data), 413);
    rip_buffer_free(&request);
    rip_buffer_free(&got);
    close(fd);
}

static void test_headers_past_their_limit_are_refused(void **state)
{
    box *b = *state;
    rip_buffer headers = {0};
    open_server(b, &PLAIN);
    for (int i = 0; i < 400; i++) rip_buffer_printf(&headers, "X-%d: %0100d\r\n", i, 0);
    int status = talk_status(ask(b, "GET", "/echo", headers.data, NULL));
    assert_true(status == 431 || status == 0);
    rip_buffer_free(&headers);
    assert_int_equal(talk_status(ask(b, "GET", "/echo", NULL, NULL)), 200);
}

static void test_an_answer_may_come_later(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    while (!b->late) uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(talk_status(ask(b, "GET", "/echo", NULL, NULL)), 200);
    http_answer(b->late, 202, "text/plain", "late", 4, NULL);
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_int_equal(talk_status(got.data), 202);
    rip_buffer_free(&got);
    close(fd);
}

static void test_a_handler_that_takes_too_long_is_answered_for(void **state)
{
    box *b = *state;
    http_options options = PLAIN;
    options.answer_ms = 300;
    open_server(b, &options);
    const char *answer = ask(b, "GET", "/late", NULL, NULL);
    assert_int_equal(talk_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    http_answer(b->late, 200, "text/plain", "nobody", 6, NULL); /* and is not hurt by its late answer */
    assert_int_equal(talk_status(ask(b, "GET", "/echo", NULL, NULL)), 200);
}

static void test_an_exchange_without_its_answer_ends_with_the_server(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /late HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    while (!b->late) uv_run(&b->loop, UV_RUN_ONCE);
    http_server_free(b->server);
    b->server = NULL;
    rip_buffer got = {0};
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    rip_buffer_free(&got);
    close(fd);
}

/* Clients that say too little, too slowly. */

static void test_a_silent_connection_is_closed(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b, &PLAIN);
    int fd = talk_connect(b->port);
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    rip_buffer_free(&got);
    close(fd);
}

static void drip(box *b, const char *head, const char *drop)
{
    int fd = talk_connect(b->port);
    char byte;
    bool closed = false;
    talk_send(fd, head, strlen(head));
    for (int i = 0; i < 60 && !closed; i++) {
        talk_send(fd, drop, strlen(drop));
        talk_wait(&b->loop, 100);
        ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
        closed = n == 0 || (n < 0 && errno == ECONNRESET);
    }
    assert_true(closed);
    close(fd);
}

static void test_headers_that_trickle_in_have_an_end(void **state)
{
    open_server(*state, &PLAIN);
    drip(*state, "GET /echo HTTP/1.1\r\n", "X-A: b\r\n");
}

static void test_a_body_that_trickles_in_has_an_end(void **state)
{
    open_server(*state, &PLAIN);
    drip(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n",
         "x");
}

#define SLOW 40

static void test_others_are_served_while_clients_are_slow(void **state)
{
    box *b = *state;
    int slow[SLOW];
    http_options options = {.idle_ms = 60000, .request_ms = 60000, .connections = SLOW};
    open_server(b, &options);
    /* As many as there may be: the next waits until one of them has had its time. */
    for (int i = 0; i < SLOW; i++) {
        slow[i] = talk_connect(b->port);
        static const char HALF[] =
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 500\r\n\r\n{";
        talk_send(slow[i], i % 2 ? HALF : "GET /ec", i % 2 ? strlen(HALF) : 7);
    }
    talk_wait(&b->loop, 100);
    assert_int_equal(talk_status(ask(b, "GET", "/echo", NULL, NULL)), 200);
    for (int i = 0; i < SLOW; i++) close(slow[i]);
}

/* Streams. */

static void test_a_stream_stays_open_and_is_written_to(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    assert_true(talk_read(&b->loop, fd, "\r\n\r\n", &got));
    talk_wait(&b->loop, 2500); /* longer than a connection may be idle */
    assert_non_null(b->stream);
    assert_true(http_stream_write(b->stream, "data: 1\n\n", 9));
    assert_true(talk_read(&b->loop, fd, "data: 1\n\n", &got));
    assert_true(http_stream_write(b->stream, "data: 2\n\n", 9));
    assert_true(talk_read(&b->loop, fd, "data: 2\n\n", &got));
    http_stream_close(b->stream);
    assert_true(talk_read(&b->loop, fd, "0\r\n\r\n", &got));
    assert_int_equal(b->streams_closed, 0);
    rip_buffer_free(&got);
    close(fd);
}

static void test_a_stream_that_nobody_reads_is_closed(void **state)
{
    box *b = *state;
    static char block[16384];
    open_server(b, &PLAIN);
    memset(block, 'x', sizeof block);
    static const char ASK[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    while (!b->stream) uv_run(&b->loop, UV_RUN_ONCE);
    int written = 0;
    while (b->stream && http_stream_write(b->stream, block, sizeof block) && written < 10000) {
        uv_run(&b->loop, UV_RUN_NOWAIT);
        written++;
    }
    assert_true(written < 10000);
    talk_wait(&b->loop, 500);
    assert_int_equal(b->streams_closed, 1);
    close(fd);
}

static void test_a_stream_whose_client_has_gone_is_told(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    while (!b->stream) uv_run(&b->loop, UV_RUN_ONCE);
    close(fd);
    for (int i = 0; i < 20 && b->stream; i++) {
        http_stream_write(b->stream, ":\n\n", 3);
        talk_wait(&b->loop, 50);
    }
    assert_int_equal(b->streams_closed, 1);
}

static void test_streams_end_with_the_server(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    while (!b->stream) uv_run(&b->loop, UV_RUN_ONCE);
    talk_wait(&b->loop, 50);
    assert_true(http_stream_write(b->stream, "data: 1\n\n", 9));
    http_server_free(b->server);
    b->server = NULL;
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_non_null(strstr(got.data, "data: 1"));
    assert_int_equal(b->streams_closed, 0);
    rip_buffer_free(&got);
    close(fd);
}

/* Listening. */

static void test_a_unix_socket_is_listened_on(void **state)
{
    box *b = *state;
    char folder[] = "/tmp/riposte-http-XXXXXX", path[64], where[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/http.sock", folder);
    snprintf(where, sizeof where, "unix:%s", path);
    http_options options = {.listen = where};
    open_server(b, &options);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);
    static const char ASK[] = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    rip_buffer got = {0};
    int fd = talk_connect_unix(path);
    talk_send(fd, ASK, strlen(ASK));
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_non_null(strstr(got.data, "from unix"));
    close(fd);
    rip_buffer_free(&got);
    http_server_free(b->server);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    open_server(b, &options); /* what a dead process left there is replaced */
    rip_error err;
    http_server *second = NULL;
    options.loop = &b->loop;
    assert_int_equal(http_server_new(&options, &second, &err), RIP_EIO); /* a living one's is not */
    unlink(path);
    rmdir(folder);
}

static void test_tokens_are_not_shown_to_the_network(void **state)
{
    box *b = *state;
    rip_error err;
    http_options options = {.loop = &b->loop, .listen = "0.0.0.0:0"};
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "without TLS"));
    options.listen = "localhost";
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_EINVAL);
    options.listen = "127.0.0.1:0";
    options.certificate = "/nothing.pem";
    assert_int_not_equal(http_server_new(&options, &b->server, &err), RIP_OK);
    assert_non_null(strstr(err.message, "the TLS certificate: "));
    b->server = NULL;
}

static void test_an_ipv4_client_of_an_ipv6_socket_has_its_own_name(void **state)
{
    box *b = *state;
    http_options options = {.listen = "[::]:0", .plain = true};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0) skip(); /* a machine without IPv6 */
    close(fd);
    open_server(b, &options);
    assert_non_null(strstr(ask(b, "GET", "/echo", NULL, NULL), "from 127.0.0.1"));
}

static void test_no_new_connections_once_it_is_quiet(void **state)
{
    box *b = *state;
    open_server(b, &PLAIN);
    static const char ASK[] = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    rip_buffer got = {0};
    int fd = talk_connect(b->port);
    talk_wait(&b->loop, 50);
    http_server_quiet(b->server);
    talk_send(fd, ASK, strlen(ASK));
    assert_true(talk_read(&b->loop, fd, NULL, &got)); /* those that are there are served */
    assert_int_equal(talk_status(got.data), 200);
    rip_buffer_free(&got);
    close(fd);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_reaches_its_handler_whole),
        TEST(test_a_segment_of_the_path_is_handed_over),
        TEST(test_head_is_answered_as_get_without_a_body),
        TEST(test_what_is_not_there_is_told_as_a_problem),
        TEST(test_a_body_past_its_limit_is_refused),
        TEST(test_a_huge_body_is_refused_before_it_is_sent),
        TEST(test_a_body_in_chunks_is_bounded_too),
        TEST(test_headers_past_their_limit_are_refused),
        TEST(test_an_answer_may_come_later),
        TEST(test_a_handler_that_takes_too_long_is_answered_for),
        TEST(test_an_exchange_without_its_answer_ends_with_the_server),
        TEST(test_a_silent_connection_is_closed),
        TEST(test_headers_that_trickle_in_have_an_end),
        TEST(test_a_body_that_trickles_in_has_an_end),
        TEST(test_others_are_served_while_clients_are_slow),
        TEST(test_a_stream_stays_open_and_is_written_to),
        TEST(test_a_stream_that_nobody_reads_is_closed),
        TEST(test_a_stream_whose_client_has_gone_is_told),
        TEST(test_streams_end_with_the_server),
        TEST(test_a_unix_socket_is_listened_on),
        TEST(test_tokens_are_not_shown_to_the_network),
        TEST(test_an_ipv4_client_of_an_ipv6_socket_has_its_own_name),
        TEST(test_no_new_connections_once_it_is_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
