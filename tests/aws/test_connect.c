/* Connections that are given up before they are made: libcurl closes their sockets without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws/transport_curl.h"
#include "loopback.h"

enum { CLIENTS = 8, CONNECT_MS = 50, ANSWER_MS = 5000 };

typedef struct fixture {
    uv_loop_t loop;
    aws_web *web;
    loopback *server;
    int deaf;             /* a socket that listens and accepts nobody … */
    int clients[CLIENTS]; /* … with more that wait than it lets wait */
    int asked;            /* requests that were done */
    int status;           /* 0: no reply */
} fixture;

static loopback_reply answer(void *data, const char *request)
{
    (void)data;
    return (loopback_reply){.bytes =
                                strncmp(request, "GET ", 4) == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : ""};
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    rip_error err;
    f->deaf = -1;
    uv_loop_init(&f->loop);
    f->server = loopback_start(&f->loop, answer, f);
    aws_web_options options = {.loop = &f->loop};
    assert_int_equal(aws_web_new(&options, &f->web, &err), RIP_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    aws_web_free(f->web);
    loopback_stop(f->server);
    for (int i = 0; f->deaf >= 0 && i < CLIENTS; i++) close(f->clients[i]);
    if (f->deaf >= 0) close(f->deaf);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

/** The port of a server that answers no more than a machine that is gone. */
static int nobody(fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    f->deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->deaf, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(f->deaf, 0), 0);
    assert_int_equal(getsockname(f->deaf, (struct sockaddr *)&address, &len), 0);
    for (int i = 0; i < CLIENTS; i++) {
        f->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(f->clients[i], (struct sockaddr *)&address, len);
    }
    return ntohs(address.sin_port);
}

static void on_done(void *data, const aws_http_response *response, const rip_error *err)
{
    fixture *f = data;
    (void)err;
    f->asked++;
    f->status = response ? response->status : 0;
}

static aws_exchange *get(fixture *f, const char *scheme, int port, int timeout_ms)
{
    char host[32];
    rip_error err;
    aws_exchange *exchange;
    snprintf(host, sizeof host, "127.0.0.1:%d", port);
    aws_web_limits limits = {.timeout_ms = timeout_ms, .no_proxy = true};
    aws_http_request request = {
        .method = strdup("GET"), .scheme = strdup(scheme), .host = strdup(host), .path = strdup("/x")};
    assert_int_equal(aws_web_send(f->web, &request, &limits, on_done, f, &exchange, &err), RIP_OK);
    return exchange;
}

/** Until libcurl has begun what it can begin, and waits for the other side. */
static void turn(fixture *f)
{
    for (int i = 0; i < 20; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

/** Whatever became of the others, requests are made as before. */
static void assert_still_works(fixture *f)
{
    int before = f->asked;
    for (int i = 1; i <= 3; i++) {
        get(f, "http", loopback_port(f->server), ANSWER_MS);
        while (f->asked < before + i) uv_run(&f->loop, UV_RUN_ONCE);
        assert_int_equal(f->status, 200);
    }
}

static void test_requests_that_are_cancelled_while_they_connect_harm_no_other(void **state)
{
    fixture *f = *state;
    int port = nobody(f);
    aws_exchange *exchanges[4];
    for (int i = 0; i < 4; i++) exchanges[i] = get(f, "http", port, ANSWER_MS);
    turn(f);
    assert_int_equal(f->asked, 0);
    for (int i = 0; i < 4; i++) aws_web_cancel(exchanges[i]);
    assert_still_works(f);
}

static void test_a_request_that_is_cancelled_before_the_loop_turns_again_harms_no_other(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        aws_exchange *exchange = get(f, "http", loopback_port(f->server), ANSWER_MS);
        for (int turned = 0; turned < i; turned++) uv_run(&f->loop, UV_RUN_NOWAIT);
        if (f->asked == 0) aws_web_cancel(exchange);
    }
    assert_still_works(f);
}

static void test_a_connection_that_takes_too_long_harms_no_other(void **state)
{
    fixture *f = *state;
    get(f, "http", nobody(f), CONNECT_MS);
    while (f->asked == 0) uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->status, 0);
    assert_still_works(f);
}

static void test_a_request_that_is_cancelled_at_its_handshake_harms_no_other(void **state)
{
    fixture *f = *state;
    aws_exchange *exchange = get(f, "https", loopback_port(f->server), ANSWER_MS);
    turn(f);
    assert_int_equal(f->asked, 0);
    aws_web_cancel(exchange);
    assert_still_works(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_that_are_cancelled_while_they_connect_harm_no_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_that_is_cancelled_before_the_loop_turns_again_harms_no_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_connection_that_takes_too_long_harms_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_that_is_cancelled_at_its_handshake_harms_no_other, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
