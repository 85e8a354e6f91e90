/* Messages of SNS: which are read, and which signatures are believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/serve/sns.h"
#include "tests/serve/signer.h"

static const char TOPIC[] = "arn:aws:sns:eu-west-1:123456789012:findings";

static signer sns, other;

static int setup(void **state)
{
    (void)state;
    signer_open(&sns, 2048, 30, "sns.amazonaws.com");
    signer_open(&other, 2048, 30, "sns.amazonaws.com");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    signer_close(&sns);
    signer_close(&other);
    return 0;
}

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static rip_status parse(const json_t *document, sns_message *m, rip_error *err)
{
    char *text = json_dumps(document, 0);
    rip_status status = sns_parse(text, strlen(text), m, err);
    free(text);
    return status;
}

/* Parse, and verify with that certificate at that time. `document` is stolen. */
static rip_status verify(json_t *document, const char *certificate, int64_t at, rip_error *err)
{
    sns_message m;
    rip_status status = parse(document, &m, err);
    json_decref(document);
    if (status != RIP_OK) return status;
    status = sns_verify(&m, certificate, strlen(certificate), at, err);
    sns_message_free(&m);
    return status;
}

static json_t *signed_one(const char *type, const char *version)
{
    json_t *m = signer_message(type, TOPIC, "{\"source\":\"aws.guardduty\"}");
    json_object_set_new(m, "SignatureVersion", json_string(version));
    if (strcmp(type, "Notification") == 0) json_object_set_new(m, "Subject", json_string("A finding"));
    signer_sign(&sns, m);
    return m;
}

static void test_both_versions_of_the_signature_are_believed(void **state)
{
    (void)state;
    rip_error err;
    static const char *const TYPES[] = {"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(verify(signed_one(TYPES[i], "1"), sns.certificate, now_ms(), &err), RIP_OK);
        assert_int_equal(verify(signed_one(TYPES[i], "2"), sns.certificate, now_ms(), &err), RIP_OK);
    }
}

static void test_a_message_that_was_changed_is_not(void **state)
{
    (void)state;
    static const char *const MEMBERS[] = {"Message", "MessageId", "Subject", "TopicArn"};
    rip_error err;
    for (size_t i = 0; i < sizeof MEMBERS / sizeof *MEMBERS; i++) {
        json_t *m = signed_one("Notification", "2");
        const char *value = json_string_value(json_object_get(m, MEMBERS[i]));
        json_object_set_new(m, MEMBERS[i], json_sprintf("%s-", value));
        assert_int_equal(verify(m, sns.certificate, now_ms(), &err), RIP_EDENIED);
        assert_non_null(strstr(err.message, "is not signed by its certificate"));
    }
    json_t *m = signed_one("Notification", "2");
    json_object_set_new(m, "SignatureVersion", json_string("1"));
    assert_int_equal(verify(m, sns.certificate, now_ms(), &err), RIP_EDENIED);
}

static void test_another_key_is_not_believed(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(verify(signed_one("Notification", "2"), other.certificate, now_ms(), &err), RIP_EDENIED);
    assert_int_equal(verify(signed_one("Notification", "2"), "no certificate", now_ms(), &err), RIP_EDENIED);
}

static void test_a_certificate_that_expired_is_not_believed(void **state)
{
    (void)state;
    rip_error err;
    signer old;
    signer_open(&old, 2048, -1, "sns.amazonaws.com");
    json_t *m = signer_message("Notification", TOPIC, "{}");
    signer_sign(&old, m);
    assert_int_equal(verify(m, old.certificate, now_ms(), &err), RIP_EDENIED);
    assert_non_null(strstr(err.message, "has expired"));
    signer_close(&old);
}

static void test_a_short_key_is_not_believed(void **state)
{
    (void)state;
    rip_error err;
    signer weak;
    signer_open(&weak, 1024, 30, "sns.amazonaws.com");
    json_t *m = signer_message("Notification", TOPIC, "{}");
    signer_sign(&weak, m);
    assert_int_equal(verify(m, weak.certificate, now_ms(), &err), RIP_EDENIED);
    signer_close(&weak);
}

static void test_a_message_of_another_day_is_not_believed(void **state)
{
    (void)state;
    rip_error err;
    int64_t days = 86400000;
    assert_int_equal(verify(signed_one("Notification", "2"), sns.certificate, now_ms() + 2 * days, &err), RIP_EDENIED);
    assert_int_equal(verify(signed_one("Notification", "2"), sns.certificate, now_ms() - 2 * days, &err), RIP_EDENIED);
}

static void expect_refused(const char *member, const char *value)
{
    rip_error err;
    sns_message m;
    json_t *document = signed_one("SubscriptionConfirmation", "2");
    json_object_set_new(document, member, value ? json_string(value) : json_null());
    assert_int_equal(parse(document, &m, &err), RIP_EINVAL);
    json_decref(document);
}

static void test_certificates_are_at_the_host_of_sns_in_the_topics_region(void **state)
{
    (void)state;
    static const char *const ELSEWHERE[] = {
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-00.pem",
        "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-00.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem?x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../x.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-00.pem",
    };
    for (size_t i = 0; i < sizeof ELSEWHERE / sizeof *ELSEWHERE; i++) expect_refused("SigningCertURL", ELSEWHERE[i]);
    expect_refused("SigningCertURL", NULL);
}

static void test_confirmations_are_there_too(void **state)
{
    (void)state;
    expect_refused("SubscribeURL", "https://evil.example/?Action=ConfirmSubscription&Token=1");
    expect_refused("SubscribeURL", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1");
    expect_refused("SubscribeURL", "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&Token=1");
    expect_refused("SubscribeURL", "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription& HTTP/1.1");
    expect_refused("SubscribeURL", NULL);
    expect_refused("Token", NULL);
}

static void test_topics_are_in_a_partition_that_has_their_region(void **state)
{
    (void)state;
    expect_refused("TopicArn", "arn:aws-cn:sns:eu-west-1:123456789012:findings");
    expect_refused("TopicArn", "arn:aws:sqs:eu-west-1:123456789012:findings");
    expect_refused("TopicArn", "arn:aws:sns:evil.example/:123456789012:findings");
    rip_error err;
    sns_message m;
    json_t *document = signed_one("Notification", "2");
    json_object_set_new(document, "TopicArn", json_string("arn:aws-cn:sns:cn-north-1:123456789012:findings"));
    json_object_set_new(document, "SigningCertURL",
                        json_string("https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-00.pem"));
    assert_int_equal(parse(document, &m, &err), RIP_OK);
    assert_string_equal(m.host, "sns.cn-north-1.amazonaws.com.cn");
    sns_message_free(&m);
    json_decref(document);
}

static void test_what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "", "[]", "{}", "nonsense", "{\"Type\":\"Other\"}", "{\"Type\":\"Notification\"}"};
    rip_error err;
    sns_message m;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_int_equal(sns_parse(WRONG[i], strlen(WRONG[i]), &m, &err), RIP_EINVAL);
    expect_refused("SignatureVersion", "3");
    expect_refused("Signature", NULL);
    expect_refused("Message", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_of_the_signature_are_believed),
        cmocka_unit_test(test_a_message_that_was_changed_is_not),
        cmocka_unit_test(test_another_key_is_not_believed),
        cmocka_unit_test(test_a_certificate_that_expired_is_not_believed),
        cmocka_unit_test(test_a_short_key_is_not_believed),
        cmocka_unit_test(test_a_message_of_another_day_is_not_believed),
        cmocka_unit_test(test_certificates_are_at_the_host_of_sns_in_the_topics_region),
        cmocka_unit_test(test_confirmations_are_there_too),
        cmocka_unit_test(test_topics_are_in_a_partition_that_has_their_region),
        cmocka_unit_test(test_what_is_no_message_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
