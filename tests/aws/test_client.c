/* The client over a transport that answers from a list, on the virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/client.h"
#include "aws/retry.h"

#define SENT_MAX 256
#define REPLY_MS 10

/* What the n-th try is answered; the last goes for all after it. */
typedef struct answer {
    const char *code; /* NULL: {} */
    int status, retry_after_ms;
    bool retryable; /* the transport says so */
} answer;

typedef struct exchange {
    struct fake *fake;
    aws_attempt *attempt;
    rip_timer timer;
    answer answer;
} exchange;

typedef struct fake {
    aws_transport base;
    rip_clock *clock;
    const answer *answers;
    size_t answer_count, sent, cancelled;
    int64_t at[SENT_MAX];
    int timeout[SENT_MAX];
    char token[SENT_MAX][40], region[SENT_MAX][32];
    int64_t reply_ms;
    bool freed;
} fake;

typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    fake fake;
    aws_client *client;
    size_t done;
    int attempts;
    int64_t elapsed, queued, last;
    char code[128];
} world;

static void on_due(void *data)
{
    exchange *x = data;
    answer a = x->answer;
    aws_attempt *attempt = x->attempt;
    free(x);
    aws_error error = {.http_status = a.status, .retryable = a.retryable};
    json_t *output = a.code ? NULL : json_object();
    if (a.code) snprintf(error.code, sizeof error.code, "%s", a.code);
    aws_reply reply = {output, a.code ? &error : NULL, "r", 0, a.retry_after_ms ? a.retry_after_ms : -1};
    attempt->done(attempt, &reply);
    json_decref(output);
}

static void fake_send(aws_transport *self, aws_attempt *attempt)
{
    fake *f = (fake *)self;
    exchange *x = calloc(1, sizeof *x);
    assert_non_null(x);
    assert_true(f->sent < SENT_MAX);
    static const answer FINE = {0};
    x->fake = f;
    x->attempt = attempt;
    x->answer = f->answer_count == 0        ? FINE
                : f->sent < f->answer_count ? f->answers[f->sent]
                                            : f->answers[f->answer_count - 1];
    f->at[f->sent] = rip_clock_monotonic(f->clock);
    f->timeout[f->sent] = attempt->timeout_ms;
    snprintf(f->token[f->sent], sizeof f->token[0], "%s", attempt->token);
    snprintf(f->region[f->sent], sizeof f->region[0], "%s", attempt->region);
    f->sent++;
    attempt->transport_data = x;
    rip_timer_start(&x->timer, f->clock, (uint64_t)f->reply_ms, on_due, x);
}

static void fake_cancel(aws_transport *self, aws_attempt *attempt)
{
    exchange *x = attempt->transport_data;
    ((fake *)self)->cancelled++;
    rip_timer_stop(&x->timer);
    free(x);
}

static void fake_free(aws_transport *self)
{
    ((fake *)self)->freed = true;
}

static world *open_world(const answer *answers, size_t count, aws_client_options options)
{
    static const char *const FOLDERS[] = {"aws/model"};
    world *w = calloc(1, sizeof *w);
    rip_error err;
    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->clock = rip_clock_new_virtual(&w->loop, 1762092849000);
    assert_int_equal(aws_models_new(FOLDERS, 1, &w->models, &err), RIP_OK);
    w->fake = (fake){.base = {fake_send, fake_cancel, fake_free},
                     .clock = w->clock,
                     .answers = answers,
                     .answer_count = count,
                     .reply_ms = REPLY_MS};
    options.clock = w->clock;
    options.models = w->models;
    options.transport = &w->fake.base;
    options.seed = 7;
    if (aws_client_new(&options, &w->client, &err) != RIP_OK) fail_msg("%s", err.message);
    return w;
}

static void close_world(world *w)
{
    aws_client_free(w->client);
    assert_true(w->fake.freed);
    aws_models_free(w->models);
    rip_clock_free(w->clock);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
}

static void on_done(void *data, const aws_result *result)
{
    world *w = data;
    w->done++;
    w->attempts = result->attempts;
    w->elapsed = result->elapsed_ms;
    w->queued = result->queued_ms;
    w->last = rip_clock_monotonic(w->clock);
    snprintf(w->code, sizeof w->code, "%s", result->error ? result->error->code : "");
}

static const aws_operation *operation_of(world *w, const char *service, const char *name)
{
    const aws_service *s = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    assert_int_equal(aws_models_service(w->models, service, &s, &err), RIP_OK);
    assert_int_equal(aws_service_operation(s, name, &operation, &err), RIP_OK);
    return operation;
}

static aws_call *start(world *w, const char *service, const char *name, json_t *params, const char *region)
{
    aws_call *call = NULL;
    aws_call_options options = {.region = region};
    rip_error err;
    size_t before = w->done;
    if (aws_call_start(w->client, operation_of(w, service, name), params, &options, on_done, w, &call, &err) != RIP_OK)
        fail_msg("%s", err.message);
    assert_int_equal(w->done, before); /* never from inside start */
    json_decref(params);
    return call;
}

static aws_call *start_delete(world *w, const char *region)
{
    return start(w, "ecs", "DeleteCluster", json_pack("{s:s}", "cluster", "c"), region);
}

static void run(world *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static const answer BROKEN[] = {{.code = "InternalFailure", .status = 500}};
static const answer THROTTLED[] = {{.code = "ThrottlingException", .status = 400}};

static void test_a_server_error_is_tried_three_times_with_one_token(void **state)
{
    (void)state;
    world *w = open_world(BROKEN, 1, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->done, 1);
    assert_int_equal(w->attempts, 3);
    assert_string_equal(w->code, "InternalFailure");
    assert_string_equal(w->fake.token[0], w->fake.token[2]);
    assert_true(w->fake.at[1] - w->fake.at[0] <= REPLY_MS + 1000 + 1);
    assert_true(w->fake.at[2] - w->fake.at[1] <= REPLY_MS + 2000 + 1);
    close_world(w);
}

static void test_a_client_error_is_not_tried_again(void **state)
{
    static const answer REFUSED[] = {{.code = "ClusterNotFoundException", .status = 400}};
    (void)state;
    world *w = open_world(REFUSED, 1, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->attempts, 1);
    close_world(w);
}

static void test_what_the_transport_calls_retryable_is_tried_again(void **state)
{
    static const answer SKEWED[] = {{"RequestTimeTooSkewed", 403, 0, true}, {.code = NULL}};
    (void)state;
    world *w = open_world(SKEWED, 2, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_string_equal(w->code, "");
    assert_int_equal(w->attempts, 2);
    close_world(w);
}

static void test_a_retry_waits_as_long_as_the_service_asks(void **state)
{
    static const answer LATER[] = {{"ServiceUnavailable", 503, 5000, false}, {.code = NULL}};
    (void)state;
    world *w = open_world(LATER, 2, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_string_equal(w->code, "");
    assert_true(w->fake.at[1] - w->fake.at[0] >= REPLY_MS + 5000);
    close_world(w);
}

static void test_a_wait_beyond_the_total_time_ends_the_call(void **state)
{
    static const answer MUCH_LATER[] = {{"ServiceUnavailable", 503, 700000, false}};
    (void)state;
    world *w = open_world(MUCH_LATER, 1, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->attempts, 1);
    assert_int_equal(w->elapsed, REPLY_MS);
    close_world(w);
}

static void test_throttled_tries_have_their_own_count_and_slow_the_bucket(void **state)
{
    (void)state;
    world *w = open_world(THROTTLED, 1, (aws_client_options){0});
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->attempts, AWS_THROTTLED_MOST);
    assert_true(w->queued > 0); /* a full bucket of 20 counted as empty after the first */
    close_world(w);
}

static void test_one_attempt_means_one_even_when_throttled(void **state)
{
    (void)state;
    world *w = open_world(THROTTLED, 1, (aws_client_options){.max_attempts = 1});
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->attempts, 1);
    close_world(w);
}

static void test_a_burst_of_throttled_replies_slows_the_bucket_once(void **state)
{
    static answer answers[21];
    (void)state;
    for (int i = 0; i < 20; i++) answers[i] = THROTTLED[0];
    world *w = open_world(answers, 21, (aws_client_options){0});
    int64_t begun = rip_clock_monotonic(w->clock);
    for (int i = 0; i < 20; i++) start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->done, 20);
    assert_int_equal(w->fake.sent, 40);
    assert_true(w->last - begun < 30000); /* twenty at a tenth of the pace would take 200 s */
    close_world(w);
}

static void test_fifty_three_deletions_ride_the_quota(void **state)
{
    (void)state;
    world *w = open_world(NULL, 0, (aws_client_options){0});
    int64_t begun = rip_clock_monotonic(w->clock);
    for (int i = 0; i < 53; i++) start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->done, 53);
    assert_int_equal(w->fake.at[19], begun);
    for (int i = 20; i < 53; i++) {
        int64_t gap = w->fake.at[i] - w->fake.at[i - 1];
        assert_true(gap >= 990 && gap <= 1200);
    }
    printf("53 ecs:DeleteCluster: %.3f s of virtual time\n", (double)(w->last - begun) / 1000);
    assert_true(w->last - begun <= 33300);
    close_world(w);
}

static void test_each_region_has_a_bucket_of_its_own(void **state)
{
    (void)state;
    world *w = open_world(NULL, 0, (aws_client_options){0});
    int64_t begun = rip_clock_monotonic(w->clock);
    for (int i = 0; i < 20; i++) start_delete(w, "us-east-1");
    for (int i = 0; i < 20; i++) start_delete(w, "eu-west-1");
    run(w);
    assert_int_equal(w->last - begun, REPLY_MS);
    close_world(w);
}

static void test_who_waits_longest_is_sent_first(void **state)
{
    (void)state;
    world *w = open_world(NULL, 0, (aws_client_options){0});
    for (int i = 0; i < 23; i++) {
        char token[8];
        aws_call *call = NULL;
        snprintf(token, sizeof token, "t%d", i);
        json_t *params = json_pack("{s:s}", "cluster", "c");
        aws_call_options options = {.region = "us-east-1", .token = token};
        assert_int_equal(aws_call_start(w->client, operation_of(w, "ecs", "DeleteCluster"), params, &options, on_done,
                                        w, &call, NULL),
                         RIP_OK);
        json_decref(params);
    }
    run(w);
    assert_string_equal(w->fake.token[20], "t20");
    assert_string_equal(w->fake.token[22], "t22");
    close_world(w);
}

static void test_the_retry_quota_runs_out(void **state)
{
    (void)state;
    world *w = open_world(BROKEN, 1, (aws_client_options){0});
    for (int i = 0; i < 60; i++) start(w, "sts", "GetCallerIdentity", json_object(), "us-east-1");
    run(w);
    assert_int_equal(w->done, 60);
    assert_int_equal(w->fake.sent, 60 + 500 / 5);
    close_world(w);
}

static void test_a_try_has_its_own_time_within_the_whole(void **state)
{
    (void)state;
    world *w = open_world(BROKEN, 1, (aws_client_options){.attempt_timeout_ms = 2000, .call_timeout_ms = 2500});
    w->fake.reply_ms = 1000;
    start_delete(w, "us-east-1");
    run(w);
    assert_int_equal(w->fake.timeout[0], 2000);
    assert_true(w->fake.sent < 2 || w->fake.timeout[1] <= 1500);
    assert_true(w->elapsed <= 3500);
    close_world(w);
}

static void test_a_call_may_be_cancelled_in_every_state(void **state)
{
    (void)state;
    world *w = open_world(BROKEN, 1, (aws_client_options){0});
    aws_call *sent = start_delete(w, "us-east-1");
    aws_call_cancel(sent);
    assert_int_equal(w->fake.cancelled, 1);
    for (int i = 0; i < 19; i++) aws_call_cancel(start_delete(w, "us-east-1"));
    aws_call *queued = start_delete(w, "us-east-1");
    assert_int_equal(w->fake.sent, 20);
    aws_call_cancel(queued);
    aws_call *waiting = start(w, "sts", "GetCallerIdentity", json_object(), "us-east-1");
    while (rip_clock_monotonic(w->clock) < w->fake.at[20] + REPLY_MS) uv_run(&w->loop, UV_RUN_ONCE);
    aws_call_cancel(waiting);
    run(w);
    assert_int_equal(w->done, 0);
    start_delete(w, "eu-west-1"); /* what is under way goes with the client */
    close_world(w);
}

static void test_wrong_parameters_are_told_at_once(void **state)
{
    (void)state;
    world *w = open_world(NULL, 0, (aws_client_options){0});
    aws_call *call = NULL;
    aws_call_options options = {.region = "us-east-1"};
    rip_error err;
    json_t *params = json_pack("{s:s}", "clustr", "c");
    assert_int_equal(
        aws_call_start(w->client, operation_of(w, "ecs", "DeleteCluster"), params, &options, on_done, w, &call, &err),
        RIP_EINVAL);
    assert_non_null(strstr(err.message, "did you mean cluster"));
    json_decref(params);
    run(w);
    assert_int_equal(w->done + w->fake.sent, 0);
    close_world(w);
}

static void test_unfiltered_reads_have_a_smaller_bucket(void **state)
{
    (void)state;
    world *w = open_world(NULL, 0, (aws_client_options){0});
    for (int i = 0; i < 51; i++) start(w, "ec2", "DescribeInstances", json_pack("{s:[]}", "InstanceIds"), "us-east-1");
    assert_int_equal(w->fake.sent, 50);
    start(w, "ec2", "DescribeInstances", json_pack("{s:[s]}", "InstanceIds", "i-1"), "us-east-1");
    assert_int_equal(w->fake.sent, 51);
    run(w);
    close_world(w);
}

static void refused(const char *variable, const char *value)
{
    world *w = open_world(NULL, 0, (aws_client_options){0});
    fake other = {.base = {fake_send, fake_cancel, fake_free}};
    aws_client_options options = {.clock = w->clock, .models = w->models, .transport = &other.base};
    aws_client *client = NULL;
    rip_error err;
    setenv(variable, value, 1);
    assert_int_equal(aws_client_new(&options, &client, &err), RIP_EINVAL);
    unsetenv(variable);
    assert_non_null(strstr(err.message, variable));
    assert_true(other.freed);
    close_world(w);
}

static void test_settings_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    refused("AWS_MAX_ATTEMPTS", "0");
    refused("AWS_MAX_ATTEMPTS", "three");
    refused("AWS_MAX_ATTEMPTS", "101");
    refused("AWS_RETRY_MODE", "eager");
}

static void test_adaptive_mode_limits_the_rate_after_throttling(void **state)
{
    static const answer ONCE[] = {{.code = "ThrottlingException", .status = 400}, {.code = NULL}};
    (void)state;
    setenv("AWS_RETRY_MODE", "adaptive", 1);
    world *w = open_world(ONCE, 2, (aws_client_options){0});
    unsetenv("AWS_RETRY_MODE");
    start(w, "sts", "GetCallerIdentity", json_object(), "us-east-1");
    run(w);
    assert_int_equal(w->attempts, 2);
    int64_t begun = rip_clock_monotonic(w->clock);
    for (int i = 0; i < 10; i++) start(w, "sts", "GetCallerIdentity", json_object(), "us-east-1");
    run(w);
    assert_int_equal(w->done, 11);
    assert_true(w->last - begun > 1000);
    close_world(w);
}

int main(void)
{
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    unsetenv("AWS_MAX_ATTEMPTS");
    unsetenv("AWS_RETRY_MODE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_error_is_tried_three_times_with_one_token),
        cmocka_unit_test(test_a_client_error_is_not_tried_again),
        cmocka_unit_test(test_what_the_transport_calls_retryable_is_tried_again),
        cmocka_unit_test(test_a_retry_waits_as_long_as_the_service_asks),
        cmocka_unit_test(test_a_wait_beyond_the_total_time_ends_the_call),
        cmocka_unit_test(test_throttled_tries_have_their_own_count_and_slow_the_bucket),
        cmocka_unit_test(test_one_attempt_means_one_even_when_throttled),
        cmocka_unit_test(test_a_burst_of_throttled_replies_slows_the_bucket_once),
        cmocka_unit_test(test_fifty_three_deletions_ride_the_quota),
        cmocka_unit_test(test_each_region_has_a_bucket_of_its_own),
        cmocka_unit_test(test_who_waits_longest_is_sent_first),
        cmocka_unit_test(test_the_retry_quota_runs_out),
        cmocka_unit_test(test_a_try_has_its_own_time_within_the_whole),
        cmocka_unit_test(test_a_call_may_be_cancelled_in_every_state),
        cmocka_unit_test(test_wrong_parameters_are_told_at_once),
        cmocka_unit_test(test_unfiltered_reads_have_a_smaller_bucket),
        cmocka_unit_test(test_settings_that_mean_nothing_are_refused),
        cmocka_unit_test(test_adaptive_mode_limits_the_rate_after_throttling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
