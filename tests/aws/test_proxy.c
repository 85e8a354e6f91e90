/* Requests by way of a proxy, which is a server on the loopback interface. The hosts asked for do not exist: that an
 * answer comes shows that the proxy was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/transport_curl.h"
#include "loopback.h"

typedef struct fixture {
    uv_loop_t loop;
    aws_web *web;
    loopback *proxy;
    char request[8192]; /* the last that the proxy saw; "": none */
    const char *reply;
    bool done;
    int status; /* 0: no reply */
    rip_error err;
} fixture;

static void clear_environment(void)
{
    static const char *const NAMES[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",   "all_proxy",
                                        "ALL_PROXY",  "no_proxy",   "NO_PROXY",    "REQUEST_METHOD"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) unsetenv(NAMES[i]);
}

static loopback_reply answer(void *data, const char *request)
{
    fixture *f = data;
    snprintf(f->request, sizeof f->request, "%s", request);
    return (loopback_reply){.bytes = f->reply, .close = true};
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    clear_environment();
    uv_loop_init(&f->loop);
    f->proxy = loopback_start(&f->loop, answer, f);
    f->reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    aws_web_free(f->web);
    loopback_stop(f->proxy);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    clear_environment();
    return 0;
}

static void on_done(void *data, const aws_http_response *response, const rip_error *err)
{
    fixture *f = data;
    f->done = true;
    f->status = response ? response->status : 0;
    if (err) f->err = *err;
}

/** The proxy's URL, with a user where `user` ("me:secret@"), in a variable. */
static void set_proxy(const fixture *f, const char *variable, const char *user)
{
    char url[96];
    snprintf(url, sizeof url, "http://%s127.0.0.1:%d", user, loopback_port(f->proxy));
    setenv(variable, url, 1);
}

static void get(fixture *f, const char *scheme, const char *host, bool no_proxy)
{
    aws_web_options options = {.loop = &f->loop};
    aws_web_limits limits = {.timeout_ms = 2000, .no_proxy = no_proxy};
    aws_exchange *ignored;
    aws_http_request request = {
        .method = strdup("GET"), .scheme = strdup(scheme), .host = strdup(host), .path = strdup("/x")};
    if (!f->web) assert_int_equal(aws_web_new(&options, &f->web, &f->err), RIP_OK);
    assert_int_equal(aws_headers_add(&request.headers, "Authorization", "AWS4-of-the-request", &f->err), RIP_OK);
    f->done = false;
    f->request[0] = '\0';
    f->err = (rip_error){0};
    assert_int_equal(aws_web_send(f->web, &request, &limits, on_done, f, &ignored, &f->err), RIP_OK);
    while (!f->done) uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_http_goes_by_way_of_the_proxy_in_either_spelling(void **state)
{
    fixture *f = *state;
    static const char *const VARIABLES[] = {"HTTP_PROXY", "http_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < 3; i++) {
        clear_environment();
        set_proxy(f, VARIABLES[i], "");
        get(f, "http", "nowhere.invalid", false);
        assert_int_equal(f->status, 200);
        assert_non_null(strstr(f->request, "GET http://nowhere.invalid/x HTTP/1.1"));
        aws_web_free(f->web);
        f->web = NULL;
    }
}

/* In a CGI program HTTP_PROXY is what a request's Proxy header says (CVE-2016-5385). */
static void test_a_proxy_that_a_request_could_have_named_is_not_used(void **state)
{
    fixture *f = *state;
    setenv("REQUEST_METHOD", "POST", 1);
    set_proxy(f, "HTTP_PROXY", "");
    get(f, "http", "nowhere.invalid", false);
    assert_int_equal(f->status, 0);
    assert_string_equal(f->request, "");
}

static void test_https_asks_the_proxy_for_a_tunnel_and_shows_it_nothing_of_the_request(void **state)
{
    fixture *f = *state;
    set_proxy(f, "HTTPS_PROXY", "me:secret@");
    f->reply = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    get(f, "https", "ecs.us-east-1.amazonaws.com", false);
    assert_non_null(strstr(f->request, "CONNECT ecs.us-east-1.amazonaws.com:443 HTTP/1.1"));
    assert_non_null(strstr(f->request, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    assert_null(strstr(f->request, "AWS4-of-the-request"));
    assert_int_equal(f->status, 0);
    assert_int_equal(f->err.status, RIP_EIO);
    assert_non_null(strstr(f->err.message, "403"));
    assert_null(strstr(f->err.message, "secret"));
}

static void test_http_has_no_use_for_the_proxy_of_https(void **state)
{
    fixture *f = *state;
    set_proxy(f, "HTTPS_PROXY", "");
    get(f, "http", "nowhere.invalid", false);
    assert_string_equal(f->request, "");
}

static void test_hosts_that_need_no_proxy_are_asked_themselves(void **state)
{
    fixture *f = *state;
    char host[32];
    static const char *const VARIABLES[] = {"NO_PROXY", "no_proxy"};
    for (size_t i = 0; i < 2; i++) {
        clear_environment();
        set_proxy(f, "HTTP_PROXY", "");
        setenv(VARIABLES[i], ".example.com,127.0.0.1", 1);
        snprintf(host, sizeof host, "127.0.0.1:%d", loopback_port(f->proxy));
        get(f, "http", host, false);
        assert_int_equal(f->status, 200);
        assert_non_null(strstr(f->request, "GET /x HTTP/1.1"));
        get(f, "http", "nowhere.invalid", false);
        assert_non_null(strstr(f->request, "GET http://nowhere.invalid/x HTTP/1.1"));
        aws_web_free(f->web);
        f->web = NULL;
    }
}

static void test_instance_metadata_never_goes_by_way_of_a_proxy(void **state)
{
    fixture *f = *state;
    char host[32];
    set_proxy(f, "HTTP_PROXY", "");
    snprintf(host, sizeof host, "127.0.0.1:%d", loopback_port(f->proxy));
    get(f, "http", host, true);
    assert_non_null(strstr(f->request, "GET /x HTTP/1.1"));
    get(f, "http", "nowhere.invalid", true);
    assert_string_equal(f->request, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_http_goes_by_way_of_the_proxy_in_either_spelling),
        TEST(test_a_proxy_that_a_request_could_have_named_is_not_used),
        TEST(test_https_asks_the_proxy_for_a_tunnel_and_shows_it_nothing_of_the_request),
        TEST(test_http_has_no_use_for_the_proxy_of_https),
        TEST(test_hosts_that_need_no_proxy_are_asked_themselves),
        TEST(test_instance_metadata_never_goes_by_way_of_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
