/* TLS: what clients get to see, and certificates that do not fit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/transport_curl.h"
#include "engine/serve/fetch.h"
#include "engine/serve/http.h"
#include "tests/serve/signer.h"
#include "tests/serve/talk.h"

typedef struct box {
    uv_loop_t loop;
    http_server *server;
    char folder[64], certificate[96], key[96], wrong[96];
    bool done;
    int status;
    char body[64];
} box;

static signer own, other;

static int open_keys(void **state)
{
    (void)state;
    signer_open(&own, 2048, 30, "localhost");
    signer_open(&other, 2048, 30, "localhost");
    return 0;
}

static int close_keys(void **state)
{
    (void)state;
    signer_close(&own);
    signer_close(&other);
    return 0;
}

static void on_hello(void *data, http_exchange *x)
{
    (void)data;
    http_answer(x, 200, "text/plain", "hello", 5, NULL);
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    box *b = data;
    b->done = true;
    b->status = response ? response->status : -1;
    snprintf(b->body, sizeof b->body, "%.60s",
             response && response->body.data ? response->body.data
             : err                           ? err->message
                                             : "");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    box *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    strcpy(b->folder, "/tmp/riposte-tls-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->certificate, sizeof b->certificate, "%s/certificate.pem", b->folder);
    snprintf(b->key, sizeof b->key, "%s/key.pem", b->folder);
    snprintf(b->wrong, sizeof b->wrong, "%s/wrong.pem", b->folder);
    write_file(b->certificate, own.certificate);
    write_file(b->key, own.private_key);
    write_file(b->wrong, other.private_key);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    http_server_free(b->server);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    unlink(b->certificate);
    unlink(b->key);
    unlink(b->wrong);
    rmdir(b->folder);
    free(b);
    return 0;
}

static void open_server(box *b)
{
    rip_error err;
    http_options options = {.loop = &b->loop, .listen = "127.0.0.1:0", .certificate = b->certificate, .key = b->key};
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_OK);
    assert_int_equal(http_route(b->server, "GET", "/hello", 0, NULL, on_hello, b, &err), RIP_OK);
}

static void ask(box *b, const char *ca_bundle)
{
    rip_error err;
    aws_web *web;
    aws_exchange *exchange;
    char host[32];
    const aws_web_limits limits = {.timeout_ms = 5000, .no_proxy = true};
    const aws_web_options options = {.loop = &b->loop, .ca_bundle = ca_bundle};
    snprintf(host, sizeof host, "127.0.0.1:%u", http_server_port(b->server));
    aws_http_request request = {.method = strdup("GET"),
                                .scheme = strdup("https"),
                                .host = strdup(host),
                                .path = strdup("/hello"),
                                .query = strdup("")};
    assert_int_equal(aws_web_new(&options, &web, &err), RIP_OK);
    assert_int_equal(aws_web_send(web, &request, &limits, on_reply, b, &exchange, &err), RIP_OK);
    aws_http_request_free(&request);
    for (b->done = false; !b->done;) uv_run(&b->loop, UV_RUN_ONCE);
    aws_web_free(web);
}

static void test_requests_are_answered_over_tls(void **state)
{
    box *b = *state;
    open_server(b);
    ask(b, b->certificate);
    assert_int_equal(b->status, 200);
    assert_string_equal(b->body, "hello");
}

static void test_a_client_that_does_not_know_the_certificate_hears_nothing(void **state)
{
    box *b = *state;
    open_server(b);
    ask(b, NULL);
    assert_int_equal(b->status, -1);
    ask(b, b->certificate); /* and does not hinder those that do */
    assert_int_equal(b->status, 200);
}

static void test_plain_text_is_not_answered(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_server(b);
    static const char ASK[] = "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = talk_connect(http_server_port(b->server));
    talk_send(fd, ASK, strlen(ASK));
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_true(!got.data || !strstr(got.data, "hello"));
    rip_buffer_free(&got);
    close(fd);
}

static void test_a_key_that_does_not_fit_is_told(void **state)
{
    box *b = *state;
    rip_error err;
    http_options options = {.loop = &b->loop, .listen = "127.0.0.1:0", .certificate = b->certificate, .key = b->wrong};
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_EINVAL);
    options.key = NULL;
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "needs its key"));
    options.certificate = b->key;
    options.key = b->key;
    assert_int_equal(http_server_new(&options, &b->server, &err), RIP_EINVAL);
    b->server = NULL;
}

/* What the webhook fetches with. */

static void on_fetched(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err)
{
    box *b = data;
    (void)bytes;
    (void)len;
    b->done = true;
    b->status = (int)status;
    snprintf(b->body, sizeof b->body, "%.60s", err->message);
}

static void fetch(box *b, const char *url)
{
    rip_error err;
    web_fetcher *w;
    assert_int_equal(web_fetcher_new(&b->loop, &w, &err), RIP_OK);
    const fetcher *f = web_fetcher_use(w);
    b->done = false;
    f->get(f->self, url, on_fetched, b);
    while (!b->done) uv_run(&b->loop, UV_RUN_ONCE);
    f->get(f->self, url, on_fetched, b); /* what is under way when it is freed is given up */
    web_fetcher_free(w);
}

static void test_nothing_is_fetched_without_a_certificate_that_is_known(void **state)
{
    box *b = *state;
    char url[64];
    open_server(b);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/hello", http_server_port(b->server));
    fetch(b, url);
    assert_int_equal(b->status, RIP_EIO);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/hello", http_server_port(b->server));
    fetch(b, url);
    assert_int_equal(b->status, RIP_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_requests_are_answered_over_tls),
        TEST(test_a_client_that_does_not_know_the_certificate_hears_nothing),
        TEST(test_plain_text_is_not_answered),
        TEST(test_a_key_that_does_not_fit_is_told),
        TEST(test_nothing_is_fetched_without_a_certificate_that_is_known),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
