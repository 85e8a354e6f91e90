/* The webhook: who is let in, what reaches the sink, and when 200 is the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/digest.h"
#include "engine/serve/webhook.h"
#include "engine/serve/webhook_token.h"
#include "tests/serve/signer.h"
#include "tests/serve/talk.h"

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:findings"
#define EVENT "{\"source\":\"aws.guardduty\",\"detail\":{}}"
#define SECRET "correct horse battery"

typedef struct box {
    uv_loop_t loop;
    rip_clock *clock;
    rip_config *config;
    http_server *server;
    live_source *webhook;
    metrics *metrics;
    live_sink sink;
    fetcher fetcher;
    unsigned port;
    char folder[64], secret_file[96];
    /* What the sink was given, and what it answers. */
    char taken[1024], origin[256];
    unsigned takes;
    rip_status answer, later;
    bool waits;
    live_kept kept;
    void *kept_data;
    /* What was fetched, and what comes. */
    char fetched[16][256];
    unsigned fetches;
    rip_status fetch_status;
} box;

static signer sns;

static int open_sns(void **state)
{
    (void)state;
    signer_open(&sns, 2048, 30, "sns.amazonaws.com");
    return 0;
}

static int close_sns(void **state)
{
    (void)state;
    signer_close(&sns);
    return 0;
}

static rip_status take(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err)
{
    box *b = data;
    b->takes++;
    snprintf(b->taken, sizeof b->taken, "%.*s", (int)len, bytes);
    snprintf(b->origin, sizeof b->origin, "%s", origin);
    if (b->answer != RIP_OK) return rip_fail(err, b->answer, "not now");
    b->kept = kept;
    b->kept_data = kept_data;
    rip_error why = {b->later, "later"};
    if (!b->waits) kept(kept_data, b->later, &why);
    return RIP_OK;
}

static void get(void *self, const char *url, fetched done, void *data)
{
    box *b = self;
    rip_error err = {b->fetch_status, "no network"};
    snprintf(b->fetched[b->fetches++ % 16], 256, "%s", url);
    bool is_certificate = strstr(url, ".pem") != NULL;
    const char *bytes = is_certificate ? sns.certificate : "<ok/>";
    done(data, b->fetch_status, b->fetch_status == RIP_OK ? bytes : NULL, strlen(bytes), &err);
}

static void set(box *b, const char *key, const char *value)
{
    rip_error err;
    rip_status status = rip_config_set(b->config, key, value, &err);
    if (status != RIP_OK) print_error("%s\n", err.message);
    assert_int_equal(status, RIP_OK);
}

static int setup(void **state)
{
    box *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    b->clock = rip_clock_new_real(&b->loop);
    b->config = rip_config_new();
    b->metrics = metrics_new();
    strcpy(b->folder, "/tmp/riposte-webhook-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->secret_file, sizeof b->secret_file, "%s/secret", b->folder);
    FILE *file = fopen(b->secret_file, "w");
    fprintf(file, "%s\nthe old one that goes soon\n", SECRET);
    fclose(file);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    if (b->webhook) b->webhook->ops->free(b->webhook);
    http_server_free(b->server);
    metrics_free(b->metrics);
    rip_config_free(b->config);
    rip_clock_free(b->clock);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    unlink(b->secret_file);
    rmdir(b->folder);
    free(b);
    return 0;
}

static void open_webhook(box *b)
{
    rip_error err;
    char rows[2048];
    snprintf(rows, sizeof rows,
             "[{\"name\":\"key\",\"kind\":\"eventbridge\",\"header\":\"X-Api-Key\",\"secret_file\":\"%s\"},"
             "{\"name\":\"basic\",\"kind\":\"eventbridge\",\"user\":\"aws\",\"secret_file\":\"%s\"},"
             "{\"name\":\"bearer\",\"kind\":\"eventbridge\",\"secret_file\":\"%s\"},"
             "{\"name\":\"topic\",\"kind\":\"sns\",\"topic\":\"arn:aws:sns:*:123456789012:find*\"},"
             "{\"name\":\"tool\",\"kind\":\"hmac\",\"secret_file\":\"%s\"}]",
             b->secret_file, b->secret_file, b->secret_file, b->secret_file);
    set(b, "webhooks", rows);
    http_options http = {.loop = &b->loop, .listen = "127.0.0.1:0"};
    assert_int_equal(http_server_new(&http, &b->server, &err), RIP_OK);
    b->port = http_server_port(b->server);
    b->sink = (live_sink){take, b};
    b->fetcher = (fetcher){get, b};
    webhook_options options = {b->server, b->config, b->clock, &b->sink, b->metrics, &b->fetcher};
    rip_status status = webhook_new(&options, &b->webhook, &err);
    if (status != RIP_OK) print_error("%s\n", err.message);
    assert_int_equal(status, RIP_OK);
    assert_int_equal(b->webhook->ops->start(b->webhook, &err), RIP_OK);
}

static const char *post(box *b, const char *headers, const char *body)
{
    char all[2048];
    snprintf(all, sizeof all, "Content-Type: application/json\r\n%s", headers);
    return talk(&b->loop, b->port, "POST", "/v1/events", all, body);
}

static int posted(box *b, const char *headers, const char *body)
{
    return talk_status(post(b, headers, body));
}

#define KEY "X-Api-Key: " SECRET "\r\n"

/* EventBridge. */

static void test_an_api_key_lets_in(void **state)
{
    box *b = *state;
    open_webhook(b);
    const char *answer = post(b, KEY, EVENT);
    assert_int_equal(talk_status(answer), 200);
    assert_string_equal(talk_body(answer), "{\"kept\":true}\n");
    assert_string_equal(b->taken, EVENT);
    assert_string_equal(b->origin, "webhook:key/127.0.0.1");
    assert_int_equal(posted(b, "X-Api-Key: the old one that goes soon\r\n", EVENT), 200);
}

static void test_basic_credentials_and_bearer_tokens_let_in(void **state)
{
    box *b = *state;
    open_webhook(b);
    /* printf 'aws:correct horse battery' | base64 */
    assert_int_equal(posted(b, "Authorization: Basic YXdzOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==\r\n", EVENT), 200);
    assert_string_equal(b->origin, "webhook:basic/127.0.0.1");
    assert_int_equal(posted(b, "Authorization: Bearer " SECRET "\r\n", EVENT), 200);
    assert_string_equal(b->origin, "webhook:bearer/127.0.0.1");
}

static void test_nobody_else_is_let_in(void **state)
{
    box *b = *state;
    open_webhook(b);
    static const char *const WRONG[] = {"",
                                        "X-Api-Key: correct horse batterx\r\n",
                                        "X-Api-Key: \r\n",
                                        "Authorization: Basic AAAA\r\n",
                                        "Authorization: Bearer\r\n",
                                        "Authorization: Bearer nothing\r\n",
                                        "X-Riposte-Signature: t=1,v1=00\r\n"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        const char *answer = post(b, WRONG[i], EVENT);
        assert_int_equal(talk_status(answer), 401);
        assert_non_null(strstr(answer, "WWW-Authenticate: "));
    }
    assert_int_equal(b->takes, 0);
}

/* OAuth. */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static const char *ask_token(box *b, const char *headers, const char *form)
{
    char all[512];
    snprintf(all, sizeof all, FORM "%s", headers);
    return talk(&b->loop, b->port, "POST", "/v1/token", all, form);
}

static void expect_token_lets_in(box *b, const char *answer)
{
    char header[256];
    assert_int_equal(talk_status(answer), 200);
    json_t *given = json_loads(talk_body(answer), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(given, "token_type")), "Bearer");
    assert_int_equal(json_integer_value(json_object_get(given, "expires_in")), 3600);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n",
             json_string_value(json_object_get(given, "access_token")));
    json_decref(given);
    assert_int_equal(posted(b, header, EVENT), 200);
    assert_string_equal(b->origin, "webhook:bearer/127.0.0.1");
}

static void test_a_connection_gets_a_token_and_is_let_in_with_it(void **state)
{
    box *b = *state;
    open_webhook(b);
    expect_token_lets_in(
        b, ask_token(b, "", "grant_type=client_credentials&client_id=bearer&client_secret=correct+horse%20battery"));
    /* printf 'bearer:correct horse battery' | base64 */
    expect_token_lets_in(b, ask_token(b, "Authorization: Basic YmVhcmVyOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==\r\n",
                                      "grant_type=client_credentials"));
}

static void test_no_token_without_the_secret(void **state)
{
    box *b = *state;
    open_webhook(b);
    static const char RIGHT[] = "client_secret=correct+horse+battery&grant_type=client_credentials";
    char form[256];
    const char *answer = ask_token(b, "", "grant_type=client_credentials&client_id=bearer&client_secret=wrong");
    assert_int_equal(talk_status(answer), 401);
    assert_string_equal(talk_body(answer), "{\"error\":\"invalid_client\"}\n");
    snprintf(form, sizeof form, "client_id=key&%s", RIGHT); /* a sender with an API key has no tokens */
    assert_int_equal(talk_status(ask_token(b, "", form)), 401);
    assert_int_equal(talk_status(ask_token(b, "", "grant_type=client_credentials")), 401);
    assert_int_equal(talk_status(ask_token(b, "Authorization: Basic ====\r\n", "grant_type=client_credentials")), 401);
    assert_int_equal(talk_status(ask_token(b, "", "grant_type=password&client_id=bearer")), 400);
    assert_int_equal(talk_status(ask_token(b, "", "")), 400);
}

static void test_a_token_has_its_hour_and_its_sender(void **state)
{
    (void)state;
    char text[WEBHOOK_TOKEN_TEXT];
    int64_t now = INT64_C(1700000000000), hour = 3600000;
    webhook_token_make("a", SECRET, now, text);
    assert_true(webhook_token_is_of(text, "a", SECRET, now + hour - 1000));
    assert_false(webhook_token_is_of(text, "a", SECRET, now + hour));
    assert_false(webhook_token_is_of(text, "b", SECRET, now));
    assert_false(webhook_token_is_of(text, "a", "another secret", now));
    text[4] = '2'; /* a later end */
    assert_false(webhook_token_is_of(text, "a", SECRET, now));
    assert_false(webhook_token_is_of("rpw_", "a", SECRET, now));
    assert_false(webhook_token_is_of("", "a", SECRET, now));
}

/* When 200 is the answer. */

static void test_200_comes_only_once_the_journal_holds_it(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    char request[512];
    open_webhook(b);
    b->waits = true;
    int len =
        snprintf(request, sizeof request,
                 "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n" KEY
                 "Content-Length: %zu\r\n\r\n%s",
                 strlen(EVENT), EVENT);
    int fd = talk_connect(b->port);
    talk_send(fd, request, (size_t)len);
    while (!b->kept) uv_run(&b->loop, UV_RUN_ONCE);
    talk_wait(&b->loop, 100);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(b->webhook->ops->under_way(b->webhook), 1);
    rip_error none = {RIP_OK, ""};
    b->kept(b->kept_data, RIP_OK, &none);
    assert_true(talk_read(&b->loop, fd, NULL, &got));
    assert_int_equal(talk_status(got.data), 200);
    assert_int_equal(b->webhook->ops->under_way(b->webhook), 0);
    rip_buffer_free(&got);
    close(fd);
}

static void test_what_cannot_be_kept_now_is_to_come_again(void **state)
{
    box *b = *state;
    open_webhook(b);
    b->answer = RIP_EAGAIN;
    const char *answer = post(b, KEY, EVENT);
    assert_int_equal(talk_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: 5\r\n"));
    b->answer = RIP_OK;
    b->later = RIP_EIO;
    answer = post(b, KEY, EVENT);
    assert_int_equal(talk_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: 5\r\n"));
}

static void test_what_is_no_event_is_told(void **state)
{
    box *b = *state;
    open_webhook(b);
    b->answer = RIP_EINVAL;
    assert_int_equal(posted(b, KEY, "nonsense"), 400);
    b->answer = RIP_ELIMIT;
    assert_int_equal(posted(b, KEY, EVENT), 413);
}

static void test_other_types_and_huge_bodies_are_refused(void **state)
{
    box *b = *state;
    set(b, "limits.event_bytes", "1KiB");
    open_webhook(b);
    char body[4000];
    memset(body, ' ', sizeof body);
    body[sizeof body - 1] = '\0';
    assert_int_equal(posted(b, KEY, body), 413);
    assert_int_equal(
        talk_status(talk(&b->loop, b->port, "POST", "/v1/events", "Content-Type: text/xml\r\n" KEY, EVENT)), 415);
    assert_int_equal(
        talk_status(talk(&b->loop, b->port, "POST", "/v1/events", "Content-Type: text/plain\r\n" KEY, EVENT)), 415);
    assert_int_equal(talk_status(talk(&b->loop, b->port, "GET", "/v1/events", KEY, NULL)), 405);
    assert_int_equal(b->takes, 0);
}

static void test_an_address_that_posts_too_much_is_told_to_wait(void **state)
{
    box *b = *state;
    set(b, "http.rate", "1");
    open_webhook(b);
    assert_int_equal(posted(b, KEY, EVENT), 200);
    assert_int_equal(posted(b, KEY, EVENT), 200);
    const char *answer = post(b, KEY, EVENT);
    assert_int_equal(talk_status(answer), 429);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
}

static void test_nothing_is_taken_in_after_it_is_stopped(void **state)
{
    box *b = *state;
    open_webhook(b);
    b->webhook->ops->stop(b->webhook);
    assert_int_equal(posted(b, KEY, EVENT), 503);
    assert_int_equal(b->takes, 0);
}

/* Signed by a shared secret. */

static const char *signed_header(const char *secret, time_t at, const char *body)
{
    static char header[256];
    char text[512], hex[RIP_SHA256_HEX];
    unsigned char digest[RIP_SHA256_BYTES];
    int len = snprintf(text, sizeof text, "%lld.%s", (long long)at, body);
    rip_hmac_sha256(secret, strlen(secret), text, (size_t)len, digest);
    rip_hex(digest, sizeof digest, hex);
    snprintf(header, sizeof header, "X-Riposte-Signature: t=%lld,v1=%s\r\n", (long long)at, hex);
    return header;
}

static void test_a_signed_request_is_taken_once(void **state)
{
    box *b = *state;
    open_webhook(b);
    time_t now = time(NULL);
    assert_int_equal(posted(b, signed_header(SECRET, now, EVENT), EVENT), 200);
    assert_int_equal(posted(b, signed_header(SECRET, now, EVENT), EVENT), 200); /* as its sender may do again */
    assert_int_equal(b->takes, 1);
    assert_int_equal(posted(b, signed_header(SECRET, now - 1, EVENT), EVENT), 200);
    assert_int_equal(b->takes, 2);
    assert_string_equal(b->origin, "webhook:tool/127.0.0.1");
}

static void test_a_signed_request_that_was_not_kept_may_come_again(void **state)
{
    box *b = *state;
    open_webhook(b);
    time_t now = time(NULL);
    b->later = RIP_EIO;
    assert_int_equal(posted(b, signed_header(SECRET, now, EVENT), EVENT), 503);
    b->later = RIP_OK;
    assert_int_equal(posted(b, signed_header(SECRET, now, EVENT), EVENT), 200);
    assert_int_equal(b->takes, 2);
}

static void test_wrong_and_old_signatures_are_refused(void **state)
{
    box *b = *state;
    open_webhook(b);
    time_t now = time(NULL);
    assert_int_equal(posted(b, signed_header("another secret at all", now, EVENT), EVENT), 401);
    assert_int_equal(posted(b, signed_header(SECRET, now, EVENT), EVENT " "), 401);
    assert_int_equal(posted(b, signed_header(SECRET, now - 400, EVENT), EVENT), 401);
    assert_int_equal(posted(b, signed_header(SECRET, now + 400, EVENT), EVENT), 401);
    /* An API key beside a wrong signature does not help. */
    char both[512];
    snprintf(both, sizeof both, KEY "%s", signed_header(SECRET, now - 400, EVENT));
    assert_int_equal(posted(b, both, EVENT), 401);
    assert_int_equal(b->takes, 0);
}

/* SNS. */

#define FROM_SNS "Content-Type: text/plain; charset=UTF-8\r\nx-amz-sns-message-type: Notification\r\n"

/* `message` is stolen. */
static int deliver(box *b, json_t *message)
{
    char *text = json_dumps(message, 0);
    int status = talk_status(talk(&b->loop, b->port, "POST", "/v1/events", FROM_SNS, text));
    free(text);
    json_decref(message);
    return status;
}

static json_t *notification(const char *topic)
{
    json_t *m = signer_message("Notification", topic, EVENT);
    signer_sign(&sns, m);
    return m;
}

static void test_the_trace_of_a_request_goes_on_in_its_event(void **state)
{
    static const char TRACE[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    box *b = *state;
    char headers[256], event[512];
    open_webhook(b);
    snprintf(headers, sizeof headers, KEY "traceparent: %s\r\n", TRACE);
    assert_int_equal(posted(b, headers, EVENT), 200);
    snprintf(event, sizeof event, "{\"traceparent\":\"%s\",%s", TRACE, EVENT + 1);
    assert_string_equal(b->taken, event);
    assert_int_equal(posted(b, KEY "traceparent: 00-\",\"source\":\"forged\r\n", EVENT), 200);
    assert_string_equal(b->taken, EVENT); /* what is no trace is left out */
}

static void test_the_event_is_taken_out_of_its_envelope(void **state)
{
    box *b = *state;
    open_webhook(b);
    assert_int_equal(deliver(b, notification(TOPIC)), 200);
    assert_string_equal(b->taken, EVENT);
    assert_string_equal(b->origin, "webhook:topic/22b80b92-fdea");
    assert_int_equal(deliver(b, notification(TOPIC)), 200);
    assert_int_equal(b->fetches, 1); /* the certificate is kept */
    assert_string_equal(b->fetched[0],
                        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem");
}

static void test_a_topic_of_somebody_else_is_refused_without_a_fetch(void **state)
{
    box *b = *state;
    open_webhook(b);
    assert_int_equal(deliver(b, notification("arn:aws:sns:eu-west-1:999999999999:findings")), 401);
    assert_int_equal(b->fetches, 0);
    assert_int_equal(b->takes, 0);
}

static void test_a_forged_message_is_refused(void **state)
{
    box *b = *state;
    open_webhook(b);
    json_t *m = notification(TOPIC);
    json_object_set_new(m, "Message", json_string("{\"source\":\"forged\"}"));
    assert_int_equal(deliver(b, m), 401);
    assert_int_equal(b->takes, 0);
}

static void test_a_subscription_is_confirmed_once_it_is_verified(void **state)
{
    box *b = *state;
    open_webhook(b);
    json_t *m = signer_message("SubscriptionConfirmation", TOPIC, "You have chosen to subscribe");
    signer_sign(&sns, m);
    json_t *forged = json_deep_copy(m);
    json_object_set_new(forged, "Message", json_string("forged"));
    assert_int_equal(deliver(b, forged), 401);
    assert_int_equal(b->fetches, 1);
    assert_int_equal(deliver(b, m), 200);
    assert_int_equal(b->fetches, 2);
    assert_string_equal(b->fetched[1], "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" TOPIC
                                       "&Token=2336412f37");
    assert_int_equal(b->takes, 0);
}

static void test_without_the_certificate_the_message_is_to_come_again(void **state)
{
    box *b = *state;
    open_webhook(b);
    b->fetch_status = RIP_EIO;
    assert_int_equal(deliver(b, notification(TOPIC)), 503);
    assert_int_equal(deliver(b, notification(TOPIC)), 503);
    assert_int_equal(b->fetches, 1); /* and is not asked for with every message */
    assert_int_equal(b->takes, 0);
}

static void test_a_raw_delivery_needs_credentials(void **state)
{
    box *b = *state;
    open_webhook(b);
    static const char RAW[] = FROM_SNS "x-amz-sns-rawdelivery: true\r\nx-amz-sns-message-id: 77\r\n";
    char with[512];
    assert_int_equal(talk_status(talk(&b->loop, b->port, "POST", "/v1/events", RAW, EVENT)), 401);
    snprintf(with, sizeof with, "%sAuthorization: Basic YXdzOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==\r\n", RAW);
    assert_int_equal(talk_status(talk(&b->loop, b->port, "POST", "/v1/events", with, EVENT)), 200);
    assert_string_equal(b->origin, "webhook:basic/77");
}

/* What it tells of itself. */

static void test_requests_are_counted(void **state)
{
    box *b = *state;
    open_webhook(b);
    posted(b, KEY, EVENT);
    posted(b, "", EVENT);
    rip_buffer text = {0};
    metrics_write(b->metrics, &text);
    assert_non_null(strstr(text.data, "riposte_webhook_requests_total{sender=\"key\",code=\"200\"} 1"));
    assert_non_null(strstr(text.data, "riposte_webhook_requests_total{sender=\"\",code=\"401\"} 1"));
    rip_buffer_free(&text);
    json_t *status = b->webhook->ops->status(b->webhook);
    assert_int_equal(json_integer_value(json_object_get(status, "taken")), 1);
    assert_int_equal(json_integer_value(json_object_get(status, "kept")), 1);
    assert_int_equal(json_integer_value(json_object_get(status, "refused")), 1);
    json_decref(status);
}

static void expect_mistake(box *b, const char *rows, const char *words)
{
    rip_error err;
    live_source *source = NULL;
    set(b, "webhooks", rows);
    webhook_options options = {b->server, b->config, b->clock, &b->sink, NULL, &b->fetcher};
    assert_int_not_equal(webhook_new(&options, &source, &err), RIP_OK);
    if (!strstr(err.message, words)) print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
}

static void test_mistakes_in_the_configuration_are_named(void **state)
{
    box *b = *state;
    open_webhook(b);
    expect_mistake(b, "[{\"name\":\"a\",\"kind\":\"sns\"}]", "webhooks[1]: anybody's topic would do");
    expect_mistake(b, "[{\"name\":\"a\",\"kind\":\"http\"}]", "webhooks[1]: http: expected kind");
    expect_mistake(b, "[{\"name\":\"a\",\"kind\":\"hmac\"}]", "webhooks[1]: it needs a `secret_file`");
    expect_mistake(b, "[{\"name\":\"a\",\"kind\":\"hmac\",\"secret_file\":\"/nothing\"}]", "/nothing");
    expect_mistake(b, "[{\"name\":\"a\",\"kind\":\"hmac\",\"secret_file\":\"/dev/null\"}]", "/dev/null");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_api_key_lets_in),
        TEST(test_basic_credentials_and_bearer_tokens_let_in),
        TEST(test_nobody_else_is_let_in),
        TEST(test_a_connection_gets_a_token_and_is_let_in_with_it),
        TEST(test_no_token_without_the_secret),
        TEST(test_a_token_has_its_hour_and_its_sender),
        TEST(test_200_comes_only_once_the_journal_holds_it),
        TEST(test_what_cannot_be_kept_now_is_to_come_again),
        TEST(test_what_is_no_event_is_told),
        TEST(test_other_types_and_huge_bodies_are_refused),
        TEST(test_an_address_that_posts_too_much_is_told_to_wait),
        TEST(test_nothing_is_taken_in_after_it_is_stopped),
        TEST(test_a_signed_request_is_taken_once),
        TEST(test_a_signed_request_that_was_not_kept_may_come_again),
        TEST(test_wrong_and_old_signatures_are_refused),
        TEST(test_the_trace_of_a_request_goes_on_in_its_event),
        TEST(test_the_event_is_taken_out_of_its_envelope),
        TEST(test_a_topic_of_somebody_else_is_refused_without_a_fetch),
        TEST(test_a_forged_message_is_refused),
        TEST(test_a_subscription_is_confirmed_once_it_is_verified),
        TEST(test_without_the_certificate_the_message_is_to_come_again),
        TEST(test_a_raw_delivery_needs_credentials),
        TEST(test_requests_are_counted),
        TEST(test_mistakes_in_the_configuration_are_named),
    };
    return cmocka_run_group_tests(tests, open_sns, close_sns);
}
