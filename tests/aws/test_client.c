/* Calls: quotas, retries, limits of time, and exactly one answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "aws/client.h"
#include "aws/retry.h"
#include "engine/base/data.h"

#define CALLS_MOST 128

/* An AWS that answers by a script: "ok", an error code, or "silence" (never). After the last word it goes on with it.
 */
typedef struct scripted {
    aws_transport base;
    rip_clock *clock;
    const char *const *words;
    size_t word;
    int status, retry_after_ms, latency_ms;
    int64_t server_time_ms;
    bool retryable; /* the transport's own word */
    size_t sent, under_way, cancelled;
    int64_t at[CALLS_MOST]; /* when each try was sent */
    int timeout_ms[CALLS_MOST];
    char tokens[CALLS_MOST][40];
} scripted;

typedef struct pending {
    rip_timer timer;
    scripted *aws;
    aws_attempt *attempt;
    const char *word;
} pending;

static void on_due(void *data)
{
    pending *p = data;
    scripted *aws = p->aws;
    aws_attempt *attempt = p->attempt;
    aws_error error = {.http_status = aws->status, .retryable = aws->retryable};
    bool ok = strcmp(p->word, "ok") == 0;
    json_t *output = ok ? json_object() : NULL;
    snprintf(error.code, sizeof error.code, "%s", p->word);
    free(p);
    aws->under_way--;
    aws_reply reply = {output, ok ? NULL : &error, "r-1", aws->server_time_ms, aws->retry_after_ms};
    attempt->done(attempt, &reply);
    json_decref(output);
}

static void scripted_send(aws_transport *self, aws_attempt *attempt)
{
    scripted *aws = (scripted *)self;
    pending *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->aws = aws;
    p->attempt = attempt;
    p->word = aws->words[aws->word];
    if (aws->words[aws->word + 1]) aws->word++;
    assert_true(aws->sent < CALLS_MOST);
    aws->at[aws->sent] = rip_clock_monotonic(aws->clock);
    aws->timeout_ms[aws->sent] = attempt->timeout_ms;
    snprintf(aws->tokens[aws->sent], sizeof aws->tokens[0], "%s", attempt->token);
    aws->sent++;
    aws->under_way++;
    attempt->transport_data = p;
    if (strcmp(p->word, "silence") != 0) rip_timer_start(&p->timer, aws->clock, (uint64_t)aws->latency_ms, on_due, p);
}

static void scripted_cancel(aws_transport *self, aws_attempt *attempt)
{
    scripted *aws = (scripted *)self;
    pending *p = attempt->transport_data;
    rip_timer_stop(&p->timer);
    free(p);
    aws->under_way--;
    aws->cancelled++;
}

static void scripted_free(aws_transport *self)
{
    (void)self; /* the world's own */
}

typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_client *client;
    scripted aws;
    aws_client_options options;
    /* What came back. */
    size_t done;
    int attempts;
    int64_t queued_ms, ended_at;
    aws_error error;
    bool failed, unwanted;
} world;

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    rip_error err;
    assert_non_null(w);
    unsetenv("AWS_MAX_ATTEMPTS");
    unsetenv("AWS_RETRY_MODE");
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->clock = rip_clock_new_virtual(&w->loop, 1762092849000);
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    assert_int_equal(aws_models_new(folders, 1, &w->models, &err), RIP_OK);
    free(folder);
    w->aws = (scripted){.base = {.send = scripted_send, .cancel = scripted_cancel, .free = scripted_free},
                        .clock = w->clock,
                        .status = 400,
                        .retry_after_ms = -1,
                        .latency_ms = 50};
    w->options = (aws_client_options){.clock = w->clock, .models = w->models, .transport = &w->aws.base, .seed = 7};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    aws_client_free(w->client);
    assert_int_equal(w->aws.under_way, 0);
    aws_models_free(w->models);
    rip_clock_free(w->clock);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void answer_with(world *w, const char *const *words)
{
    rip_error err;
    w->aws.words = words;
    if (aws_client_new(&w->options, &w->client, &err) != RIP_OK) fail_msg("%s", err.message);
}

#define ANSWER(w, ...) answer_with(w, (const char *const[]){__VA_ARGS__, NULL})

static void on_done(void *data, const aws_result *result)
{
    world *w = data;
    w->done++;
    w->attempts = result->attempts;
    w->queued_ms = result->queued_ms;
    w->ended_at = rip_clock_monotonic(w->clock);
    w->failed = result->error != NULL;
    if (result->error) w->error = *result->error;
    assert_true((result->error == NULL) == (result->output != NULL));
}

static bool is_wanted(void *data)
{
    const world *w = data;
    return !w->unwanted;
}

static const aws_operation *operation(world *w, const char *service_name, const char *name)
{
    const aws_service *service = NULL;
    const aws_operation *found = NULL;
    assert_int_equal(aws_models_service(w->models, service_name, &service, NULL), RIP_OK);
    assert_int_equal(aws_service_operation(service, name, &found, NULL), RIP_OK);
    return found;
}

static aws_call *start_in(world *w, const char *service, const char *name, json_t *params, const char *region)
{
    aws_call_options options = {.region = region, .may_send = is_wanted};
    aws_call *call = NULL;
    rip_error err;
    size_t before = w->done;
    if (aws_call_start(w->client, operation(w, service, name), params, &options, on_done, w, &call, &err) != RIP_OK)
        fail_msg("%s", err.message);
    assert_int_equal(w->done, before); /* never from inside */
    json_decref(params);
    return call;
}

static aws_call *start(world *w, const char *service, const char *name, json_t *params)
{
    return start_in(w, service, name, params, "us-east-1");
}

static void run(world *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static json_t *cluster(void)
{
    return json_pack("{s:s}", "cluster", "rogue");
}

/* Retries. */

static void test_a_call_that_succeeds_is_answered_once(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->done, 1);
    assert_int_equal(w->attempts, 1);
    assert_false(w->failed);
}

static void test_a_transient_error_is_tried_three_times_in_all(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "InternalFailure");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->done, 1);
    assert_int_equal(w->attempts, 3);
    assert_true(w->failed && w->error.retryable && !w->error.throttled);
    assert_string_equal(w->error.request_id, "r-1");
}

static void test_a_transient_error_that_passes_is_not_told(void **state)
{
    world *w = *state;
    w->aws.status = 503;
    ANSWER(w, "ServiceUnavailable", "ok");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_false(w->failed);
    assert_int_equal(w->attempts, 2);
}

static void test_an_error_of_the_callers_is_not_tried_again(void **state)
{
    world *w = *state;
    ANSWER(w, "AccessDenied");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->attempts, 1);
    assert_false(w->error.retryable);
}

static void test_what_the_transport_calls_retryable_is_tried_again(void **state)
{
    world *w = *state;
    w->aws.retryable = true; /* it has corrected its clock */
    ANSWER(w, "RequestTimeTooSkewed", "ok");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_false(w->failed);
    assert_int_equal(w->attempts, 2);
}

static void test_one_attempt_means_one_even_when_throttled(void **state)
{
    world *w = *state;
    w->options.max_attempts = 1;
    ANSWER(w, "Throttling");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->attempts, 1);
}

static void test_tries_carry_the_same_token(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "InternalFailure", "ok");
    start(w, "ecs", "CreateService", json_pack("{s:s}", "serviceName", "s"));
    run(w);
    assert_int_equal(w->aws.sent, 2);
    assert_int_equal(strlen(w->aws.tokens[0]), 36);
    assert_string_equal(w->aws.tokens[0], w->aws.tokens[1]);
}

static void test_what_the_service_asks_for_is_waited_for(void **state)
{
    world *w = *state;
    w->aws.status = 503;
    w->aws.retry_after_ms = 7000;
    ANSWER(w, "SlowDown", "ok");
    start(w, "s3", "ListBuckets", json_object());
    run(w);
    assert_in_range(w->aws.at[1] - w->aws.at[0], 7000, 7100);
}

static void test_throttled_tries_have_more_patience(void **state)
{
    world *w = *state;
    ANSWER(w, "Throttling", "Throttling", "Throttling", "Throttling", "Throttling", "ok");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_false(w->failed);
    assert_int_equal(w->attempts, 6);
}

static void test_a_service_that_only_throttles_is_given_up_in_the_end(void **state)
{
    world *w = *state;
    ANSWER(w, "Throttling");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_true(w->failed && w->error.throttled);
    assert_int_equal(w->attempts, AWS_THROTTLED_MOST);
}

static void test_a_refusal_does_not_hide_that_an_earlier_try_may_have_happened(void **state)
{
    world *w = *state;
    w->aws.status = 0;
    ANSWER(w, "ConnectionError", "NoSuchEntity");
    start(w, "iam", "PutUserPolicy",
          json_pack("{s:s, s:s, s:s}", "UserName", "u", "PolicyName", "p", "PolicyDocument", "{}"));
    run(w);
    assert_string_equal(w->error.code, "NoSuchEntity");
    assert_true(w->error.fate_unknown);
}

static void test_how_far_awss_clock_is_from_ours_is_known_from_its_replies(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    assert_int_equal(aws_client_clock_off(w->client), 0);
    w->aws.server_time_ms = rip_clock_now(w->clock) + 3600000;
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_in_range(aws_client_clock_off(w->client), 3590000, 3600000);
}

static void test_the_retry_quota_runs_out(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "InternalFailure");
    for (int i = 0; i < 60; i++) {
        w->aws.sent = 0;
        start(w, "iam", "ListUsers", json_object());
        run(w);
    }
    assert_int_equal(w->attempts, 1); /* 500 tokens, 5 a retry: no more after 100 retries */
}

static void test_the_retry_quota_of_one_service_and_region_is_no_others(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "InternalFailure");
    for (int i = 0; i < 60; i++) {
        w->aws.sent = 0;
        start(w, "iam", "ListUsers", json_object());
        run(w);
    }
    assert_int_equal(w->attempts, 1);
    start(w, "ecs", "ListClusters", json_object());
    run(w);
    assert_int_equal(w->attempts, 3);
    start_in(w, "iam", "ListUsers", json_object(), "eu-west-1");
    run(w);
    assert_int_equal(w->attempts, 3);
}

static void test_attempts_are_those_of_the_options_then_of_the_environment(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    setenv("AWS_MAX_ATTEMPTS", "2", 1);
    ANSWER(w, "InternalFailure");
    unsetenv("AWS_MAX_ATTEMPTS");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->attempts, 2);
}

static void test_wrong_settings_of_retries_are_told(void **state)
{
    world *w = *state;
    rip_error err;
    setenv("AWS_MAX_ATTEMPTS", "many", 1);
    assert_int_equal(aws_client_new(&w->options, &w->client, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "is many: expected a whole number"));
    unsetenv("AWS_MAX_ATTEMPTS");
    setenv("AWS_RETRY_MODE", "eager", 1);
    assert_int_equal(aws_client_new(&w->options, &w->client, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "is eager: expected standard"));
    unsetenv("AWS_RETRY_MODE");
    w->client = NULL;
}

static void test_adaptive_mode_slows_down_after_throttling(void **state)
{
    world *w = *state;
    setenv("AWS_RETRY_MODE", "adaptive", 1);
    ANSWER(w, "Throttling", "ok");
    unsetenv("AWS_RETRY_MODE");
    for (int i = 0; i < 6; i++) start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->done, 6);
    size_t before = w->aws.sent;
    for (int i = 0; i < 3; i++) start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->aws.sent, before + 3);
    assert_true(w->aws.at[before + 2] - w->aws.at[before] > 100); /* not at once any more */
}

/* Time. */

static void test_a_try_has_the_attempts_time_and_no_more_than_the_call_has_left(void **state)
{
    world *w = *state;
    w->options.attempt_timeout_ms = 3000;
    w->options.call_timeout_ms = 5000;
    w->aws.latency_ms = 3000;
    ANSWER(w, "RequestTimeout", "ok");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_int_equal(w->aws.timeout_ms[0], 3000);
    assert_int_equal(w->aws.sent, 2);
    assert_true(w->aws.timeout_ms[1] <= 2000);
}

static void test_the_time_of_a_call_ends_its_tries(void **state)
{
    world *w = *state;
    w->options.call_timeout_ms = 4000;
    w->aws.latency_ms = 3900;
    ANSWER(w, "Throttling");
    start(w, "iam", "ListUsers", json_object());
    run(w);
    assert_true(w->failed);
    assert_in_range(w->ended_at - w->aws.at[0], 3900, 8000);
}

/* Quotas. */

static void test_a_burst_of_deletions_rides_the_quota(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 53; i++) start(w, "ecs", "DeleteCluster", cluster());
    run(w);
    assert_int_equal(w->done, 53);
    assert_int_equal(w->aws.sent, 53);
    assert_int_equal(w->aws.at[19] - w->aws.at[0], 0);
    assert_in_range(w->aws.at[20] - w->aws.at[0], 1000, 1200);
    assert_in_range(w->aws.at[52] - w->aws.at[51], 990, 1010);
    assert_in_range(w->aws.at[52] - w->aws.at[0], 33000, 33300);
    assert_in_range(w->queued_ms, 33000, 33300);
}

static void test_a_bucket_is_one_for_each_account_region_and_group(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 20; i++) start(w, "ecs", "DeleteCluster", cluster());
    start_in(w, "ecs", "DeleteCluster", cluster(), "eu-west-1");
    start(w, "ecs", "ListClusters", json_object());
    run(w);
    assert_int_equal(w->aws.at[21] - w->aws.at[0], 0);
}

static const char *payer(aws_transport *self, const char *account)
{
    (void)self;
    return strcmp(account, "111111111111") == 0 ? "" : account;
}

static void start_for(world *w, const char *account)
{
    aws_call *call = NULL;
    aws_call_options options = {.region = "us-east-1", .account = account};
    json_t *params = cluster();
    assert_int_equal(
        aws_call_start(w->client, operation(w, "ecs", "DeleteCluster"), params, &options, on_done, w, &call, NULL),
        RIP_OK);
    json_decref(params);
}

static void test_an_account_by_its_number_and_as_ones_own_has_one_bucket(void **state)
{
    world *w = *state;
    w->aws.base.payer = payer;
    ANSWER(w, "ok");
    for (int i = 0; i < 10; i++) {
        start_for(w, NULL);
        start_for(w, "111111111111");
        start_for(w, "222222222222");
    }
    start_for(w, "222222222222"); /* there are ten left in its bucket */
    start_for(w, "111111111111"); /* and none in the own one */
    run(w);
    assert_int_equal(w->aws.at[30] - w->aws.at[0], 0);
    assert_true(w->aws.at[31] - w->aws.at[0] >= 1000);
}

static void test_cloudtrails_events_are_looked_up_twice_a_second(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 6; i++) start(w, "cloudtrail", "LookupEvents", json_object());
    run(w);
    assert_int_equal(w->aws.at[1] - w->aws.at[0], 0);
    assert_in_range(w->aws.at[5] - w->aws.at[0], 2000, 2200);
}

static void test_a_dear_description_draws_from_its_own_bucket(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 51; i++) start(w, "ec2", "DescribeInstances", json_object());
    start(w, "ec2", "DescribeInstances", json_pack("{s:[s]}", "InstanceIds", "i-0123456789abcdef0"));
    run(w);
    assert_int_equal(w->aws.at[50] - w->aws.at[0], 0); /* 50 of the dear, and the cheap one */
    assert_true(w->aws.at[51] > w->aws.at[0]);
}

static void test_a_bucket_learns_when_aws_throttles_all_the_same(void **state)
{
    world *w = *state;
    ANSWER(w, "ThrottlingException", "ok");
    for (int i = 0; i < 3; i++) start(w, "ecs", "DeleteCluster", cluster());
    run(w);
    assert_int_equal(w->done, 3);
    assert_false(w->failed);
    assert_true(w->aws.at[3] - w->aws.at[0] >= 1000); /* the bucket counts as empty: the retry waits for a token */
}

static void test_a_burst_of_throttled_replies_slows_the_bucket_once(void **state)
{
    world *w = *state;
    const char *words[22] = {NULL};
    for (int i = 0; i < 20; i++) words[i] = "ThrottlingException";
    words[20] = "ok";
    answer_with(w, words);
    for (int i = 0; i < 20; i++) start(w, "ecs", "DeleteCluster", cluster());
    run(w);
    assert_int_equal(w->done, 20);
    assert_int_equal(w->aws.sent, 40);
    assert_true(w->ended_at - w->aws.at[0] < 30000); /* twenty at a tenth of the pace would take 200 s */
}

static void test_who_waits_longest_is_sent_first(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 23; i++) {
        char token[8];
        aws_call *call = NULL;
        aws_call_options options = {.region = "us-east-1", .token = token};
        snprintf(token, sizeof token, "t%d", i);
        json_t *params = cluster();
        assert_int_equal(
            aws_call_start(w->client, operation(w, "ecs", "DeleteCluster"), params, &options, on_done, w, &call, NULL),
            RIP_OK);
        json_decref(params);
    }
    run(w);
    assert_string_equal(w->aws.tokens[20], "t20");
    assert_string_equal(w->aws.tokens[22], "t22");
}

static void test_quotas_that_are_wrong_are_told(void **state)
{
    world *w = *state;
    rip_error err;
    json_t *quotas =
        json_pack("{s:[{s:s, s:i, s:i, s:[s]}]}", "ecs", "group", "g", "capacity", 0, "refill", 1, "operations", "*");
    w->options.quotas = quotas;
    assert_int_equal(aws_client_new(&w->options, &w->client, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "ecs: g"));
    json_decref(quotas);
    w->client = NULL;
}

static void test_quotas_of_ones_own_take_the_place_of_a_services(void **state)
{
    world *w = *state;
    rip_error err;
    char path[] = "/tmp/riposte-quotas-XXXXXX";
    static const char OWN[] =
        "{\"ecs\":[{\"group\":\"mine\",\"capacity\":3,\"refill\":7,\"operations\":[\"Delete*\"]}]}";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, OWN, sizeof OWN - 1), sizeof OWN - 1);
    w->options.own_quotas = path;
    assert_int_equal(aws_client_new(&w->options, &w->client, &err), RIP_OK);
    const char *group = "";
    double capacity = 0, refill = 0;
    assert_true(aws_client_quota(w->client, operation(w, "ecs", "DeleteCluster"), &group, &capacity, &refill));
    assert_string_equal(group, "mine");
    assert_true(capacity == 3 && refill == 7);
    assert_false(aws_client_quota(w->client, operation(w, "ecs", "ListClusters"), &group, &capacity, &refill));
    assert_true(aws_client_quota(w->client, operation(w, "ec2", "RunInstances"), &group, &capacity, &refill));
    assert_int_equal(ftruncate(fd, 5), 0);
    close(fd);
    aws_client *other = NULL;
    w->aws.base.free = scripted_free;
    assert_int_equal(aws_client_new(&w->options, &other, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, path));
    unlink(path);
}

/* Ends. */

static void test_wrong_parameters_are_told_at_once_and_nothing_is_sent(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    aws_call_options options = {.region = "us-east-1"};
    aws_call *call = NULL;
    rip_error err;
    json_t *params = json_pack("{s:s}", "clster", "x");
    assert_int_equal(
        aws_call_start(w->client, operation(w, "ecs", "DeleteCluster"), params, &options, on_done, w, &call, &err),
        RIP_EINVAL);
    json_decref(params);
    assert_non_null(strstr(err.message, "did you mean cluster"));
    options.region = NULL;
    params = cluster();
    assert_int_equal(
        aws_call_start(w->client, operation(w, "ecs", "DeleteCluster"), params, &options, on_done, w, &call, &err),
        RIP_EINVAL);
    json_decref(params);
    assert_non_null(strstr(err.message, "AWS_REGION"));
    run(w);
    assert_int_equal(w->done + w->aws.sent, 0);
}

static void test_a_call_can_be_given_up_while_it_is_queued_sent_or_waiting(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "silence");
    for (int i = 0; i < 20; i++) start(w, "ecs", "DeleteCluster", cluster());
    aws_call *queued = start(w, "ecs", "DeleteCluster", cluster());
    aws_call_cancel(queued);
    aws_call *sent = start(w, "iam", "ListUsers", json_object());
    aws_call_cancel(sent);
    assert_int_equal(w->aws.cancelled, 1);
    run(w);
    assert_int_equal(w->done, 0);
    w->aws.words = (const char *const[]){"InternalFailure", NULL};
    w->aws.word = 0;
    aws_call *waiting = start(w, "iam", "ListRoles", json_object());
    while (w->aws.sent < 22 || w->aws.under_way > 20) uv_run(&w->loop, UV_RUN_ONCE); /* its first try has failed */
    aws_call_cancel(waiting);
    run(w);
    assert_int_equal(w->done, 0);
}

static void test_a_call_that_is_not_wanted_any_more_is_not_tried_again(void **state)
{
    world *w = *state;
    w->aws.status = 500;
    ANSWER(w, "InternalFailure");
    start(w, "iam", "ListUsers", json_object());
    while (w->aws.sent < 1 || w->aws.under_way > 0) uv_run(&w->loop, UV_RUN_ONCE);
    w->unwanted = true;
    run(w);
    assert_int_equal(w->done, 1);
    assert_int_equal(w->aws.sent, 1);
    assert_string_equal(w->error.code, "RequestHeld");
    assert_true(w->error.fate_unknown && !w->error.unsent); /* the first try may have happened */
}

static void test_a_call_that_is_not_wanted_any_more_when_its_quota_lets_it_is_not_sent(void **state)
{
    world *w = *state;
    ANSWER(w, "ok");
    for (int i = 0; i < 25; i++) start(w, "ecs", "DeleteCluster", cluster());
    size_t sent = w->aws.sent;
    assert_true(sent < 25);
    w->unwanted = true;
    run(w);
    assert_int_equal(w->done, 25);
    assert_int_equal(w->aws.sent, sent);
    assert_string_equal(w->error.code, "RequestHeld");
    assert_true(w->error.unsent && !w->error.fate_unknown);
}

static void test_a_client_that_goes_gives_up_its_calls_without_a_word(void **state)
{
    world *w = *state;
    ANSWER(w, "silence");
    for (int i = 0; i < 25; i++) start(w, "ecs", "DeleteCluster", cluster());
    aws_client_free(w->client);
    w->client = NULL;
    run(w);
    assert_int_equal(w->done, 0);
    assert_int_equal(w->aws.cancelled, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_that_succeeds_is_answered_once),
        TEST(test_a_transient_error_is_tried_three_times_in_all),
        TEST(test_a_transient_error_that_passes_is_not_told),
        TEST(test_an_error_of_the_callers_is_not_tried_again),
        TEST(test_what_the_transport_calls_retryable_is_tried_again),
        TEST(test_one_attempt_means_one_even_when_throttled),
        TEST(test_tries_carry_the_same_token),
        TEST(test_what_the_service_asks_for_is_waited_for),
        TEST(test_throttled_tries_have_more_patience),
        TEST(test_a_service_that_only_throttles_is_given_up_in_the_end),
        TEST(test_a_refusal_does_not_hide_that_an_earlier_try_may_have_happened),
        TEST(test_how_far_awss_clock_is_from_ours_is_known_from_its_replies),
        TEST(test_the_retry_quota_runs_out),
        TEST(test_the_retry_quota_of_one_service_and_region_is_no_others),
        TEST(test_attempts_are_those_of_the_options_then_of_the_environment),
        TEST(test_wrong_settings_of_retries_are_told),
        TEST(test_adaptive_mode_slows_down_after_throttling),
        TEST(test_a_try_has_the_attempts_time_and_no_more_than_the_call_has_left),
        TEST(test_the_time_of_a_call_ends_its_tries),
        TEST(test_a_burst_of_deletions_rides_the_quota),
        TEST(test_a_bucket_is_one_for_each_account_region_and_group),
        TEST(test_an_account_by_its_number_and_as_ones_own_has_one_bucket),
        TEST(test_cloudtrails_events_are_looked_up_twice_a_second),
        TEST(test_a_dear_description_draws_from_its_own_bucket),
        TEST(test_a_bucket_learns_when_aws_throttles_all_the_same),
        TEST(test_a_burst_of_throttled_replies_slows_the_bucket_once),
        TEST(test_who_waits_longest_is_sent_first),
        TEST(test_quotas_that_are_wrong_are_told),
        TEST(test_quotas_of_ones_own_take_the_place_of_a_services),
        TEST(test_wrong_parameters_are_told_at_once_and_nothing_is_sent),
        TEST(test_a_call_can_be_given_up_while_it_is_queued_sent_or_waiting),
        TEST(test_a_call_that_is_not_wanted_any_more_is_not_tried_again),
        TEST(test_a_call_that_is_not_wanted_any_more_when_its_quota_lets_it_is_not_sent),
        TEST(test_a_client_that_goes_gives_up_its_calls_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
