/* Scalars as the protocols write them. */
#ifndef RIPOSTE_AWS_PROTOCOL_VALUE_H
#define RIPOSTE_AWS_PROTOCOL_VALUE_H

#include <jansson.h>
#include <stdint.h>

#include "aws/model.h"
#include "engine/base/buffer.h"

typedef enum aws_time_format { AWS_TIME_ISO8601, AWS_TIME_RFC822, AWS_TIME_UNIX } aws_time_format;

/** The format that the member's or shape's timestampFormat names, else `otherwise`. */
aws_time_format aws_value_time_format(const aws_member *member, aws_time_format otherwise);

/** Milliseconds since the epoch from a JSON value: RFC 3339 text, RFC 822 text, or a number of seconds, as a number or
 * as text. */
bool aws_value_time(const json_t *value, int64_t *ms);

/** Append a time: "2014-01-01T00:00:00Z", "Wed, 01 Jan 2014 00:00:00 GMT" or "1388534400". */
void aws_value_write_time(rip_buffer *out, int64_t ms, aws_time_format format);

/** A time as values hold it: RFC 3339, a fraction only where there is one. New reference. */
json_t *aws_value_time_json(int64_t ms);

/** Append a scalar as text (query, headers, XML): numbers in their shortest exact form, booleans as words, times in
 * `format`. RIP_EINVAL for a time that is none, and for objects and lists. */
rip_status aws_value_write(rip_buffer *out, const aws_member *member, const json_t *value, aws_time_format format,
                           rip_error *err);

/** A scalar from its text, by the shape's type. New reference; NULL when it is none of that type. */
json_t *aws_value_read(const aws_member *member, const char *text, size_t len);

/** Base64 (RFC 4648, section 4). Decoding takes white space; false for anything else that is not base64. */
void aws_value_base64(rip_buffer *out, const void *bytes, size_t len);
bool aws_value_unbase64(rip_buffer *out, const char *text, size_t len);

#endif
