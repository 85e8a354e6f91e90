/* Replies that are a stream of events, by the models that are shipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "aws/protocol.h"

static aws_models *models;

static int open_models(void **state)
{
    static const char *const FOLDERS[] = {"aws/model"};
    (void)state;
    return aws_models_new(FOLDERS, 1, &models, NULL) == RIP_OK ? 0 : -1;
}

static int close_models(void **state)
{
    (void)state;
    aws_models_free(models);
    return 0;
}

static void put32(rip_buffer *out, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8) rip_buffer_putc(out, (char)(unsigned char)(number >> shift));
}

static void put_header(rip_buffer *out, const char *name, const char *value)
{
    rip_buffer_putc(out, (char)strlen(name));
    rip_buffer_puts(out, name);
    rip_buffer_append(out, "\7\0", 2); /* a string, of less than 256 bytes */
    rip_buffer_putc(out, (char)strlen(value));
    rip_buffer_puts(out, value);
}

/* One event: prelude, its checksum, headers, payload, the checksum of it all. */
static void put_event(rip_buffer *out, const char *type, const char *payload, size_t len)
{
    rip_buffer headers = {0};
    size_t start = out->len;
    put_header(&headers, ":message-type", "event");
    put_header(&headers, ":event-type", type);
    put32(out, 16 + headers.len + len);
    put32(out, headers.len);
    put32(out, crc32(0, (const Bytef *)out->data + start, 8));
    rip_buffer_append(out, headers.data, headers.len);
    rip_buffer_append(out, payload, len);
    put32(out, crc32(0, (const Bytef *)out->data + start, (uInt)(out->len - start)));
    rip_buffer_free(&headers);
}

/* Steals `body`. New reference. */
static json_t *read_reply(const char *service_name, const char *name, rip_buffer *body)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    aws_http_response response = {.status = 200, .body = *body};
    json_t *output = NULL;
    aws_error error = {0};
    rip_error err = {0};
    assert_int_equal(aws_models_service(models, service_name, &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, name, &operation, &err), RIP_OK);
    assert_int_equal(aws_protocol_parse(operation, &response, &output, &error, NULL, &err), RIP_OK);
    assert_string_equal(error.code, "");
    rip_buffer_free(body);
    return output;
}

static void expect_events(json_t *output, const char *member, const char *expected)
{
    json_t *events = json_loads(expected, 0, NULL);
    assert_non_null(events);
    if (!json_equal(json_object_get(output, member), events)) {
        char *text = json_dumps(output, 0);
        fail_msg("got %s", text);
    }
    json_decref(events);
    json_decref(output);
}

static void test_lambda_s_chunks_are_bytes(void **state)
{
    (void)state;
    rip_buffer body = {0};
    put_event(&body, "PayloadChunk", "{\"a\":", 5);
    put_event(&body, "PayloadChunk", "\xff\x00", 2);
    put_event(&body, "InvokeComplete", "{\"ErrorCode\":\"Unhandled\"}", 25);
    expect_events(read_reply("lambda", "InvokeWithResponseStream", &body), "EventStream",
                  "[{\"PayloadChunk\": {\"Payload\": \"eyJhIjo=\"}}, {\"PayloadChunk\": {\"Payload\": \"/wA=\"}},"
                  " {\"InvokeComplete\": {\"ErrorCode\": \"Unhandled\"}}]");
}

static void test_s3_s_records_are_bytes_and_its_figures_xml(void **state)
{
    static const char STATS[] =
        "<Stats xmlns=\"\"><BytesScanned>512</BytesScanned><BytesReturned>5</BytesReturned></Stats>";
    (void)state;
    rip_buffer body = {0};
    put_event(&body, "Records", "a,b\n", 4);
    put_event(&body, "Stats", STATS, sizeof STATS - 1);
    put_event(&body, "End", "", 0);
    expect_events(read_reply("s3", "SelectObjectContent", &body), "Payload",
                  "[{\"Records\": {\"Payload\": \"YSxiCg==\"}},"
                  " {\"Stats\": {\"Details\": {\"BytesScanned\": 512, \"BytesReturned\": 5}}}, {\"End\": {}}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lambda_s_chunks_are_bytes),
        cmocka_unit_test(test_s3_s_records_are_bytes_and_its_figures_xml),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
