/* Replies that are a stream of events (S3's SelectObjectContent, Lambda's InvokeWithResponseStream): the whole of a
 * finite stream becomes a list of them.
 *
 * Follows: the vnd.amazon.event-stream encoding, as Amazon Transcribe's and S3's documentation give it. */
#include <stdint.h>
#include <string.h>

#include "aws/model_private.h"
#include "aws/protocol/private.h"

#define FRAME_LEAST 16U /* two lengths and two checksums */

/* What is left to read; `at` never passes `end`. */
typedef struct cursor {
    const unsigned char *at, *end;
} cursor;

typedef struct frame {
    cursor headers, payload;
} frame;

/* CRC-32 (IEEE 802.3, reflected). */
static uint32_t checksum(const unsigned char *bytes, size_t len)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
    }
    return ~crc;
}

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* A big-endian number of `bytes` bytes; 0 where they are not there (the caller asked before). */
static uint64_t number(cursor *c, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && c->at < c->end; i++) value = value << 8 | *c->at++;
    return value;
}

static bool next_frame(cursor *stream, frame *out)
{
    const unsigned char *start = stream->at;
    cursor prelude = {start, stream->end};
    if (left(stream) < FRAME_LEAST) return false;
    size_t total = number(&prelude, 4), headers = number(&prelude, 4);
    if (number(&prelude, 4) != checksum(start, 8)) return false;
    if (total < FRAME_LEAST || total > left(stream) || headers > total - FRAME_LEAST) return false;
    cursor last = {start + total - 4, start + total};
    if (number(&last, 4) != checksum(start, total - 4)) return false;
    out->headers = (cursor){prelude.at, prelude.at + headers};
    out->payload = (cursor){prelude.at + headers, start + total - 4};
    stream->at = start + total;
    return true;
}

/* A header's value by its type; NULL where it is cut off or of no known type. */
static json_t *header_value(cursor *c, unsigned type)
{
    static const size_t SIZES[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
    if (type >= sizeof SIZES / sizeof *SIZES || left(c) < SIZES[type]) return NULL;
    switch (type) {
    case 0: return json_true();
    case 1: return json_false();
    case 2: return json_integer((int8_t)number(c, 1));
    case 3: return json_integer((int16_t)number(c, 2));
    case 4: return json_integer((int32_t)number(c, 4));
    case 5: return json_integer((int64_t)number(c, 8));
    case 8: return aws_value_time_json((int64_t)number(c, 8));
    default: break;
    }
    size_t len = type == 9 ? 16 : left(c) >= 2 ? number(c, 2) : SIZE_MAX;
    if (len > left(c)) return NULL;
    const unsigned char *bytes = c->at;
    c->at += len;
    if (type == 7) return json_stringn((const char *)bytes, len);
    rip_buffer text = {0};
    aws_value_base64(&text, bytes, len);
    json_t *blob = json_string(text.data ? text.data : "");
    rip_buffer_free(&text);
    return blob;
}

/* All headers, by name; NULL for what can't be read. New reference. */
static json_t *read_headers(cursor c)
{
    json_t *headers = json_object();
    while (left(&c) > 0) {
        size_t len = number(&c, 1);
        if (len == 0 || len + 1 > left(&c)) break;
        const char *name = (const char *)c.at;
        c.at += len;
        json_t *value = header_value(&c, (unsigned)number(&c, 1));
        if (!value || json_object_setn_new(headers, name, len, value) != 0) break;
    }
    if (left(&c) == 0) return headers;
    json_decref(headers);
    return NULL;
}

static json_t *read_document(const aws_shape *shape, bool xml, const cursor *payload, rip_error *err)
{
    if (left(payload) == 0) return json_object();
    if (!xml) return aws_json_read(shape, (const char *)payload->at, left(payload), err);
    aws_xml *document = NULL;
    if (aws_xml_parse((const char *)payload->at, left(payload), &document, err) != RIP_OK) return NULL;
    json_t *value = aws_xml_read(shape, aws_xml_root(document), err);
    aws_xml_free(document);
    return value;
}

static json_t *read_payload(const aws_shape *shape, bool xml, const cursor *payload, rip_error *err)
{
    if (aws_shape_type(shape) == AWS_STRUCTURE) return read_document(shape, xml, payload, err);
    if (aws_shape_type(shape) == AWS_STRING) return json_stringn((const char *)payload->at, left(payload));
    rip_buffer text = {0};
    aws_value_base64(&text, payload->at, left(payload));
    json_t *blob = json_string(text.data ? text.data : "");
    rip_buffer_free(&text);
    return blob;
}

/* One event's value: members that are headers, the one that is the payload, or the payload as a document. */
static json_t *read_event(const aws_shape *shape, bool xml, const json_t *headers, const cursor *payload,
                          rip_error *err)
{
    json_t *value = NULL;
    bool own = false;
    for (size_t i = 0; i < aws_shape_member_count(shape); i++)
        own = own || aws_member_trait(aws_shape_member_at(shape, i), "eventpayload") ||
              aws_member_trait(aws_shape_member_at(shape, i), "eventheader");
    if (!own) return read_document(shape, xml, payload, err);
    value = json_object();
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        json_t *each = json_incref(json_object_get(headers, aws_member_location_name(member)));
        if (json_is_true(aws_member_trait(member, "eventpayload"))) {
            each = read_payload(aws_member_shape(member), xml, payload, err);
            if (!each) {
                json_decref(value);
                return NULL;
            }
        }
        if (each) json_object_set_new(value, aws_member_name(member), each);
    }
    return value;
}

/* Put one frame where it belongs: into the list of events or, the first of JSON's streams, into the output itself. */
static rip_status take_frame(const aws_member *stream, const aws_shape *output, bool xml, const frame *f, json_t *into,
                             json_t *events, rip_error *err)
{
    json_t *headers = read_headers(f->headers);
    if (!headers) return rip_fail(err, RIP_EIO, "the headers of an event of the reply can't be read");
    const char *kind = json_string_value(json_object_get(headers, ":message-type")),
               *type = json_string_value(json_object_get(headers, ":event-type"));
    const aws_member *choice = type ? aws_shape_member(aws_member_shape(stream), type) : NULL;
    rip_status status = RIP_OK;
    json_t *value = NULL;
    if (!kind || strcmp(kind, "event") != 0) {
        const char *code = json_string_value(json_object_get(headers, ":error-code")),
                   *exception = json_string_value(json_object_get(headers, ":exception-type"));
        status = rip_fail(err, RIP_EREMOTE, "the stream of events ended with %s",
                          code        ? code
                          : exception ? exception
                                      : "an error");
    } else if (type && strcmp(type, "initial-response") == 0) {
        value = read_document(output, xml, &f->payload, err);
        status = value && json_object_update(into, value) == 0 ? RIP_OK : err->status;
    } else if (choice) {
        value = read_event(aws_member_shape(choice), xml, headers, &f->payload, err);
        if (value) json_array_append_new(events, json_pack("{s:O}", type, value));
        status = value ? RIP_OK : err->status;
    }
    json_decref(value);
    json_decref(headers);
    return status;
}

const aws_member *aws_event_stream_member(const aws_shape *output)
{
    for (size_t i = 0; output && i < aws_shape_member_count(output); i++) {
        const aws_member *member = aws_shape_member_at(output, i);
        if (aws_shape_is_event_stream(aws_member_shape(member))) return member;
    }
    return NULL;
}

rip_status aws_event_stream_read(const aws_shape *output, const aws_member *stream, bool xml, const rip_buffer *body,
                                 json_t *into, rip_error *err)
{
    const unsigned char *bytes = (const unsigned char *)(body->data ? body->data : "");
    cursor c = {bytes, bytes + body->len};
    json_t *events = json_array();
    rip_status status = events ? RIP_OK : rip_nomem(err);
    for (frame f; left(&c) > 0 && status == RIP_OK;) {
        if (!next_frame(&c, &f))
            status = rip_fail(err, RIP_EIO, "the stream of events is cut off or damaged at byte %zu",
                              (size_t)(c.at - bytes));
        else
            status = take_frame(stream, output, xml, &f, into, events, err);
    }
    json_object_set_new(into, aws_member_name(stream), events);
    return status;
}
