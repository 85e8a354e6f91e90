/* JSON replies, read by the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aws/model_private.h"
#include "aws/protocol/private.h"

static const char MODEL[] =
    "{\"metadata\": {\"protocol\": \"json\", \"serviceId\": \"Test\"},"
    " \"operations\": {\"Get\": {\"name\": \"Get\", \"http\": {\"method\": \"POST\", \"requestUri\": \"/\"},"
    "   \"output\": {\"shape\": \"Reply\"}}},"
    " \"shapes\": {\"Text\": {\"type\": \"string\"}, \"Number\": {\"type\": \"long\"}, \"Time\": {\"type\": \"timestamp\"},"
    "   \"Texts\": {\"type\": \"list\", \"member\": {\"shape\": \"Text\"}},"
    "   \"Tags\": {\"type\": \"map\", \"key\": {\"shape\": \"Text\"}, \"value\": {\"shape\": \"Text\"}},"
    "   \"Any\": {\"type\": \"structure\", \"members\": {}, \"document\": true},"
    "   \"Choice\": {\"type\": \"structure\", \"union\": true, \"members\": {\"One\": {\"shape\": \"Text\"}}},"
    "   \"Reply\": {\"type\": \"structure\", \"members\": {"
    "     \"Name\": {\"shape\": \"Text\", \"locationName\": \"name\"}, \"Count\": {\"shape\": \"Number\"},"
    "     \"When\": {\"shape\": \"Time\"}, \"List\": {\"shape\": \"Texts\"}, \"Tags\": {\"shape\": \"Tags\"},"
    "     \"Any\": {\"shape\": \"Any\"}, \"Choice\": {\"shape\": \"Choice\"}, \"Inner\": {\"shape\": \"Reply\"}}}}}";

static aws_models *models;
static const aws_shape *reply;

static int open_model(void **state)
{
    (void)state;
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    json_t *document = json_loads(MODEL, 0, NULL);
    assert_non_null(document);
    assert_int_equal(aws_models_new(NULL, 0, &models, NULL), RIP_OK);
    assert_int_equal(aws_models_add_document(models, "test", document, NULL), RIP_OK);
    json_decref(document);
    assert_int_equal(aws_models_service(models, "test", &service, NULL), RIP_OK);
    assert_int_equal(aws_service_operation(service, "Get", &operation, NULL), RIP_OK);
    reply = aws_operation_output(operation);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    aws_models_free(models);
    return 0;
}

/** `text` is read from memory of just its size, so that a sanitizer sees a step beyond it. */
static json_t *read_text(const char *text, rip_error *err)
{
    size_t len = strlen(text);
    char *bytes = test_malloc(len + 1);
    memcpy(bytes + 1, text, len); /* NOLINT(bugprone-not-null-terminated-result): that is the point */
    json_t *value = aws_json_read(reply, bytes + 1, len, err);
    test_free(bytes);
    return value;
}

static void assert_reads(const char *text, const char *expected)
{
    rip_error err = {0};
    json_t *value = read_text(text, &err);
    json_t *wanted = json_loads(expected, JSON_ALLOW_NUL, NULL);
    assert_non_null(wanted);
    if (!value) fail_msg("%s: %s", text, err.message);
    if (!json_equal(value, wanted)) fail_msg("%s: read as %s", text, json_dumps(value, JSON_COMPACT));
    json_decref(value);
    json_decref(wanted);
}

static void assert_refused(const char *text, const char *why)
{
    rip_error err = {0};
    json_t *value = read_text(text, &err);
    if (value) fail_msg("%s: read as %s", text, json_dumps(value, JSON_COMPACT));
    assert_int_equal(err.status, RIP_EIO);
    if (!strstr(err.message, why)) fail_msg("%s: %s", text, err.message);
}

static void test_members_get_the_models_names_in_any_order(void **state)
{
    (void)state;
    assert_reads(" {\"Count\" : 3 ,\t\"name\":\"a\"}\r\n", "{\"Name\": \"a\", \"Count\": 3}");
    assert_reads("{\"\\u006eame\":\"a\"}", "{\"Name\": \"a\"}");
    assert_reads("{}", "{}");
}

static void test_what_the_model_does_not_know_is_left_out_but_must_be_json(void **state)
{
    (void)state;
    assert_reads("{\"New\":{\"a\":[1,{}]},\"Count\":1,\"Name\":2}", "{\"Count\": 1}");
    assert_refused("{\"New\":{\"a\":[1,{]},\"Count\":1}", "expected '\"'");
}

static void test_null_is_nothing_but_in_lists_and_documents(void **state)
{
    (void)state;
    assert_reads("{\"name\":null,\"Inner\":null,\"When\":null,\"Tags\":{\"a\":null,\"b\":\"c\"}}",
                 "{\"Tags\": {\"b\": \"c\"}}");
    assert_reads("{\"List\":[\"a\",null]}", "{\"List\": [\"a\", null]}");
    assert_reads("{\"Any\":{\"a\":null,\"b\":[null]}}", "{\"Any\": {\"a\": null, \"b\": [null]}}");
}

static void test_texts_are_unescaped(void **state)
{
    (void)state;
    assert_reads("{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9 \\u20AC \\ud83d\\uDE00\"}",
                 "{\"Name\": \"\\\"\\\\/\\b\\f\\n\\r\\t \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"}");
    assert_reads("{\"name\":\"a\\u0000b\",\"Tags\":{\"k\\u0000\":\"v\"}}",
                 "{\"Name\": \"a\xEF\xBF\xBD"
                 "b\", \"Tags\": {\"k\xEF\xBF\xBD\": \"v\"}}");
    assert_reads("{\"Tags\":{\"\\u0061\":\"\\u0062\"}}", "{\"Tags\": {\"a\": \"b\"}}");
}

static void test_half_a_surrogate_pair_is_replaced(void **state)
{
    (void)state;
    assert_reads("{\"name\":\"a\\ud83d\"}", "{\"Name\": \"a\uFFFD\"}");
    assert_reads("{\"name\":\"\\ude00\\ud83d\"}", "{\"Name\": \"\uFFFD\uFFFD\"}");
    assert_reads("{\"name\":\"\\ud83d\\u0041\"}", "{\"Name\": \"\uFFFDA\"}");
    assert_reads("{\"name\":\"\\ud83d\\n\"}", "{\"Name\": \"\uFFFD\\n\"}");
    assert_reads("{\"name\":\"\\ud83d\\ud83d\\ude00\"}", "{\"Name\": \"\uFFFD\U0001F600\"}");
    assert_refused("{\"name\":\"\\ud83d\\u12\"}", "escape");
}

static void test_damaged_texts_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\":\"\\u00g0\"}", "escape");
    assert_refused("{\"name\":\"\\u00:0\"}", "escape");
    assert_refused("{\"name\":\"\\u00", "escape");
    assert_refused("{\"name\":\"\\x\"}", "escape");
    assert_refused("{\"name\":\"\\", "escape");
    assert_refused("{\"name\":\"a\nb\"}", "control character");
    assert_refused("{\"name\":\"a", "without an end");
    assert_refused("{\"name\":\"\xC3(\"}", "no UTF-8");
    assert_refused("{\"Tags\":{\"\xFF\":\"a\"}}", "no UTF-8");
}

static void test_numbers_keep_all_their_digits(void **state)
{
    (void)state;
    assert_reads("{\"Count\":9223372036854775807}", "{\"Count\": 9223372036854775807}");
    assert_reads("{\"Count\":-0.5e-3}", "{\"Count\": -0.0005}");
    assert_reads("{\"Count\":0}", "{\"Count\": 0}");
    assert_refused("{\"Count\":9223372036854775808}", "too great");
    assert_refused("{\"Count\":1e999}", "too great");
    static const char *const NONE[] = {"{\"Count\":01}", "{\"Count\":1.}", "{\"Count\":.5}",  "{\"Count\":-}",
                                       "{\"Count\":1e}", "{\"Count\":+1}", "{\"Count\":NaN}", "{\"Count\":tru}"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) assert_refused(NONE[i], "expected a value");
}

static void test_times_come_as_text(void **state)
{
    (void)state;
    assert_reads("{\"When\":1762092849.5}", "{\"When\": \"2025-11-02T14:14:09.500Z\"}");
    assert_reads("{\"When\":\"2025-11-02T14:14:09Z\"}", "{\"When\": \"2025-11-02T14:14:09Z\"}");
    assert_refused("{\"When\":{}}", "When is not of the type");
}

static void test_broken_structure_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\":\"a\",}", "expected '\"'");
    assert_refused("{\"List\":[\"a\",]}", "expected a value");
    assert_refused("{\"List\":[\"a\" \"b\"]}", "expected ','");
    assert_refused("{\"name\" \"a\"}", "expected ':'");
    assert_refused("{\"name\":\"a\"", "expected ','");
    assert_refused("{\"name\":", "expected a value");
    assert_refused("{} {}", "more than one value");
    assert_refused("", "expected '{'");
    assert_refused("[]", "not a JSON object");
}

static void test_another_type_than_the_models_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"Inner\":[]}", "Inner is not of the type");
    assert_refused("{\"Inner\":{\"List\":{}}}", "List is not of the type");
    assert_refused("{\"Tags\":\"a\"}", "Tags is not of the type");
}

static void test_a_choice_that_the_model_does_not_know_is_told_by_its_name(void **state)
{
    (void)state;
    assert_reads("{\"Choice\":{\"One\":\"a\"}}", "{\"Choice\": {\"One\": \"a\"}}");
    assert_reads("{\"Choice\":{\"__type\":\"x\",\"Two\":null,\"Three\":[1]}}",
                 "{\"Choice\": {\"SDK_UNKNOWN_MEMBER\": {\"name\": \"Three\"}}}");
}

static void test_depth_has_an_end(void **state)
{
    (void)state;
    rip_buffer known = {0}, unknown = {0};
    rip_buffer_puts(&unknown, "{\"Unknown\":");
    for (int i = 0; i < 1000; i++) {
        rip_buffer_puts(&known, "{\"Inner\":");
        rip_buffer_puts(&unknown, "[");
    }
    assert_refused(known.data, "nests deeper than 100");
    assert_refused(unknown.data, "nests deeper than 100");
    rip_buffer_free(&known);
    rip_buffer_free(&unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_get_the_models_names_in_any_order),
        cmocka_unit_test(test_what_the_model_does_not_know_is_left_out_but_must_be_json),
        cmocka_unit_test(test_null_is_nothing_but_in_lists_and_documents),
        cmocka_unit_test(test_texts_are_unescaped),
        cmocka_unit_test(test_half_a_surrogate_pair_is_replaced),
        cmocka_unit_test(test_damaged_texts_are_refused),
        cmocka_unit_test(test_numbers_keep_all_their_digits),
        cmocka_unit_test(test_times_come_as_text),
        cmocka_unit_test(test_broken_structure_is_refused),
        cmocka_unit_test(test_another_type_than_the_models_is_refused),
        cmocka_unit_test(test_a_choice_that_the_model_does_not_know_is_told_by_its_name),
        cmocka_unit_test(test_depth_has_an_end),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
