/* What becomes of messages: none lost, none deleted too early, and none that cannot be taken in holds up the rest. */
#include "engine/base/metrics.h"
#include "engine/intake/sqs.h"
#include "tests/intake/queue.h"

#define MINUTE INT64_C(60000)
#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/findings"

static desk d;
static queue q;
static live_source *source;
static sqs_options options;

static void make(void)
{
    rip_error err;
    assert_int_equal(sqs_source_new(&options, &source, &err), RIP_OK);
}

static void start(void)
{
    rip_error err;
    make();
    assert_int_equal(source->ops->start(source, &err), RIP_OK);
}

static void put(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"n\":%zu}", q.count);
        queue_put(&q, body);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&q, 0, sizeof q);
    q.desk = &d;
    desk_open(&d, queue_answer, &q);
    options = (sqs_options){.name = "findings", .url = URL, .client = d.client, .clock = d.clock, .sink = d.sink};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (source) source->ops->free(source);
    source = NULL;
    desk_close(&d);
    return 0;
}

static const char *taken(size_t index)
{
    const char *text = json_string_value(json_array_get(d.taken, index));
    return text ? text : "";
}

static void test_messages_are_deleted_only_once_they_are_kept(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put(3);
    start();
    desk_pass(&d, MINUTE);
    assert_int_equal(json_array_size(d.taken), 3);
    assert_int_equal(q.deletes, 0);
    assert_int_equal(source->ops->under_way(source), 3);
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 1000);
    assert_int_equal(queue_deleted(&q), 3);
    assert_int_equal(source->ops->under_way(source), 0);
    assert_int_equal(desk_number(source, "taken"), 3);
    assert_int_equal(desk_number(source, "kept"), 3);
    assert_string_equal(desk_text(source, "state"), "running");
    assert_string_equal(json_string_value(json_array_get(d.origins, 0)), "sqs:findings/m-0");
}

static void test_what_is_kept_together_is_deleted_ten_in_a_call(void **state)
{
    (void)state;
    put(100);
    start();
    desk_pass(&d, 5000);
    assert_int_equal(queue_deleted(&q), 100);
    assert_int_equal(q.entries, 100);
    assert_in_range(q.deletes, 10, 20);
}

static void test_a_message_that_waits_to_be_kept_stays_hidden(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put(25);
    start();
    desk_pass(&d, 120 * MINUTE);
    for (size_t i = 0; i < q.count; i++) assert_int_equal(q.messages[i].received, 1);
    assert_in_range(q.hides, 3, 3 * 121);
    assert_int_equal(json_array_size(d.taken), 25);
}

static void test_nothing_more_is_received_while_the_sink_is_full(void **state)
{
    (void)state;
    d.mood = DESK_FULL;
    put(200);
    start();
    desk_pass(&d, 30 * MINUTE);
    assert_int_equal(q.receives, 2); /* one a receiver */
    assert_int_equal(q.messages[0].received, 1);
    assert_string_equal(desk_text(source, "state"), "full");
    d.mood = DESK_KEEP;
    desk_pass(&d, 10000);
    assert_int_equal(queue_deleted(&q), 200);
    for (size_t i = 0; i < q.count; i++) assert_int_equal(q.messages[i].received, 1);
}

static void test_a_poison_message_goes_to_the_dead_letter_queue_and_is_never_deleted(void **state)
{
    (void)state;
    d.mood = DESK_REFUSE;
    q.redrive = 5;
    put(1);
    start();
    desk_pass(&d, 2 * MINUTE);
    assert_int_equal(queue_dead(&q), 1);
    assert_int_equal(q.deletes, 0);
    assert_int_equal(d.offers, 5);
    assert_int_equal(desk_number(source, "failed"), 5);
    assert_string_equal(desk_text(source, "last_error"), "expected a finding");
    d.mood = DESK_KEEP;
    put(1);
    desk_pass(&d, MINUTE);
    assert_int_equal(queue_deleted(&q), 1);
}

static void test_poison_without_a_dead_letter_queue_does_not_come_over_and_over(void **state)
{
    (void)state;
    d.mood = DESK_REFUSE;
    options.receives = 6;
    put(1);
    start();
    desk_pass(&d, 60 * MINUTE);
    assert_int_equal(d.offers, 6);
    assert_in_range(q.messages[0].received, 7, 12);
    assert_int_equal(q.deletes, 0);
    assert_non_null(strstr(desk_text(source, "last_error"), "dead-letter queue"));
}

static void test_an_envelope_of_sns_is_opened_and_anything_else_is_left_as_it_is(void **state)
{
    (void)state;
    queue_put(&q,
              "{\"Type\":\"Notification\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:t\","
              "\"Message\":\"{\\\"source\\\":\\\"aws.guardduty\\\"}\"}");
    queue_put(&q, "{\"source\":\"aws.guardduty\",\"detail\":{\"Type\":\"Notification\"}}");
    queue_put(&q, "{\"Type\":\"Notification\",\"Message\":\"no topic\"}");
    start();
    desk_pass(&d, 1000);
    assert_string_equal(taken(0), "{\"source\":\"aws.guardduty\"}");
    assert_string_equal(taken(1), q.messages[1].body);
    assert_string_equal(taken(2), q.messages[2].body);
}

static void test_a_message_that_could_not_be_kept_goes_back_and_is_kept_later(void **state)
{
    (void)state;
    d.mood = DESK_FAIL;
    put(2);
    start();
    desk_pass(&d, 4000);
    assert_int_equal(q.deletes, 0);
    assert_string_equal(desk_text(source, "state"), "failing");
    assert_int_equal(q.receives, 2); /* the receiver that polls an empty queue, and the one that brought these */
    d.mood = DESK_KEEP;
    desk_pass(&d, MINUTE);
    assert_int_equal(queue_deleted(&q), 2);
    assert_int_equal(q.messages[0].received, 2);
    assert_string_equal(desk_text(source, "state"), "running");
}

static void test_a_message_delivered_again_while_it_is_held_is_handed_over_once(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    q.fail_hides = 1000;
    put(1);
    start();
    desk_pass(&d, 5 * MINUTE);
    assert_in_range(q.messages[0].received, 2, 5);
    assert_in_range(q.hides, 3, 30); /* a refusal is not asked for again at once */
    assert_int_equal(json_array_size(d.taken), 1);
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 5000);
    assert_int_equal(queue_deleted(&q), 1); /* the queue takes the latest receipt only */
    assert_int_equal(source->ops->under_way(source), 0);
}

static void test_a_delete_that_failed_is_tried_again(void **state)
{
    (void)state;
    q.fail_deletes = 3;
    put(4);
    start();
    desk_pass(&d, 10000);
    assert_int_equal(queue_deleted(&q), 4);
    assert_int_equal(json_array_size(d.taken), 4);
    assert_int_equal(desk_number(source, "troubles"), 3);
}

static void test_receiving_goes_on_after_errors_with_growing_pauses(void **state)
{
    (void)state;
    q.fail_receives = 10;
    put(1);
    start();
    desk_pass(&d, 5000);
    assert_string_equal(desk_text(source, "state"), "failing");
    assert_string_equal(desk_text(source, "last_error"), "ReceiveMessage: AccessDenied: no");
    assert_in_range(q.fail_receives, 4, 6); /* each of two receivers after 0, 1 and 3 s */
    desk_pass(&d, 2 * MINUTE);
    assert_int_equal(queue_deleted(&q), 1);
    assert_string_equal(desk_text(source, "state"), "running");
}

static void test_a_stop_gives_back_what_waits_and_sees_what_is_kept_through(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put(1);
    start();
    desk_pass(&d, 100);
    d.mood = DESK_FULL;
    put(5);
    desk_pass(&d, 30000);
    assert_int_equal(source->ops->under_way(source), 6);
    source->ops->stop(source);
    desk_pass(&d, 1000);
    assert_int_equal(source->ops->under_way(source), 1);
    for (size_t i = 1; i < 6; i++) assert_true(q.messages[i].visible_at <= rip_clock_monotonic(d.clock));
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 1000);
    assert_int_equal(source->ops->under_way(source), 0);
    assert_int_equal(queue_deleted(&q), 1);
    unsigned receives = q.receives;
    desk_pass(&d, 10 * MINUTE);
    assert_int_equal(q.receives, receives);
    assert_string_equal(desk_text(source, "state"), "stopped");
}

static void test_no_message_is_lost_when_the_process_ends_at_any_moment(void **state)
{
    (void)state;
    unsigned random = 7;
    put(300);
    for (unsigned life = 0; life < 60; life++) {
        static const desk_mood MOODS[] = {DESK_KEEP, DESK_HOLD, DESK_KEEP, DESK_FULL, DESK_FAIL};
        random = random * 1103515245 + 12345;
        d.mood = MOODS[(random >> 16) % 5];
        start();
        desk_pass(&d, (random >> 20) % 40 + 1);
        if (random & 0x10000) desk_tell(&d, RIP_OK);
        source->ops->free(source); /* no stop: what was held is not told of any more */
        source = NULL;
        d.held_count = 0;
        desk_pass(&d, (random >> 18) % 4000);
    }
    d.mood = DESK_KEEP;
    start();
    desk_pass(&d, 10 * MINUTE);
    assert_int_equal(queue_deleted(&q), 300);
    json_t *seen = json_object();
    for (size_t i = 0; i < json_array_size(d.taken); i++) json_object_set_new(seen, taken(i), json_true());
    assert_int_equal(json_object_size(seen), 300);
    json_decref(seen);
}

static void test_numbers_tell_of_documents_and_of_how_old_they_were(void **state)
{
    (void)state;
    rip_buffer text = {0};
    options.numbers = metrics_new();
    put(2);
    start();
    desk_pass(&d, 1000);
    metrics_write(options.numbers, &text);
    assert_non_null(
        strstr(text.data, "riposte_source_documents_total{kind=\"sqs\",source=\"findings\",outcome=\"kept\"} 2"));
    assert_non_null(strstr(text.data, "riposte_sqs_message_age_seconds_count{source=\"findings\"} 2"));
    source->ops->free(source);
    source = NULL;
    metrics_free(options.numbers);
    rip_buffer_free(&text);
}

static void test_a_queue_is_known_by_its_url(void **state)
{
    (void)state;
    static const char *const KNOWN[][3] = {
        {URL, NULL, "arn:aws:sqs:eu-west-1:123456789012:findings"},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/f", NULL, "arn:aws-cn:sqs:cn-north-1:123456789012:f"},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/f", "",
         "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:f"},
        {"https://vpce-0a-1b.sqs.us-east-2.vpce.amazonaws.com/123456789012/f", NULL,
         "arn:aws:sqs:us-east-2:123456789012:f"},
        {"https://sqs.eu-west-1.api.aws/123456789012/f", NULL, "arn:aws:sqs:eu-west-1:123456789012:f"},
        {"https://eu-west-1.queue.amazonaws.com/123456789012/f", NULL, "arn:aws:sqs:eu-west-1:123456789012:f"},
        {"https://queue.amazonaws.com/123456789012/f", NULL, "arn:aws:sqs:us-east-1:123456789012:f"},
        {"http://127.0.0.1:5000/123456789012/f", "us-west-2", "arn:aws:sqs:us-west-2:123456789012:f"},
    };
    char arn[SQS_ARN_MAX];
    rip_error err;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (sqs_url_arn(KNOWN[i][0], KNOWN[i][1], arn, &err) != RIP_OK) fail_msg("%s", err.message);
        assert_string_equal(arn, KNOWN[i][2]);
    }
    static const char *const UNKNOWN[] = {"",
                                          "findings",
                                          "https://sqs.eu-west-1.amazonaws.com/findings",
                                          "https://sqs.eu-west-1.amazonaws.com/123456789012/",
                                          "ftp://sqs.eu-west-1.amazonaws.com/123456789012/f",
                                          "https://sqs.eu-west-1.amazonaws.com/12345678901x/f",
                                          "http://127.0.0.1:5000/123456789012/f"};
    for (size_t i = 0; i < sizeof UNKNOWN / sizeof *UNKNOWN; i++)
        assert_int_equal(sqs_url_arn(UNKNOWN[i], NULL, arn, &err), RIP_EINVAL);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    rip_error err;
    options.concurrency = 17;
    assert_int_equal(sqs_source_new(&options, &source, &err), RIP_EINVAL);
    assert_string_equal(err.message, "concurrency is 17: expected 1 to 16");
    options.concurrency = 0;
    options.visibility = 4;
    assert_int_equal(sqs_source_new(&options, &source, &err), RIP_EINVAL);
    assert_null(source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages_are_deleted_only_once_they_are_kept),
        TEST(test_what_is_kept_together_is_deleted_ten_in_a_call),
        TEST(test_a_message_that_waits_to_be_kept_stays_hidden),
        TEST(test_nothing_more_is_received_while_the_sink_is_full),
        TEST(test_a_poison_message_goes_to_the_dead_letter_queue_and_is_never_deleted),
        TEST(test_poison_without_a_dead_letter_queue_does_not_come_over_and_over),
        TEST(test_an_envelope_of_sns_is_opened_and_anything_else_is_left_as_it_is),
        TEST(test_a_message_that_could_not_be_kept_goes_back_and_is_kept_later),
        TEST(test_a_message_delivered_again_while_it_is_held_is_handed_over_once),
        TEST(test_a_delete_that_failed_is_tried_again),
        TEST(test_receiving_goes_on_after_errors_with_growing_pauses),
        TEST(test_a_stop_gives_back_what_waits_and_sees_what_is_kept_through),
        TEST(test_no_message_is_lost_when_the_process_ends_at_any_moment),
        TEST(test_numbers_tell_of_documents_and_of_how_old_they_were),
        TEST(test_a_queue_is_known_by_its_url),
        TEST(test_options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
