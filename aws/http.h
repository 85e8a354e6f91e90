/* An HTTP request and its reply as plain data. Whoever speaks a protocol writes and reads them; whoever has a socket
 * sends them. */
#ifndef RIPOSTE_AWS_HTTP_H
#define RIPOSTE_AWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

typedef struct aws_header {
    char *name;  /* as given; compared without regard to case */
    char *value; /* in the name's memory */
} aws_header;

typedef struct aws_headers {
    aws_header *items;
    size_t count;
    size_t cap;
} aws_headers;

/** A request before it is addressed and signed: `path` is percent-encoded and starts with '/'; `query` is
 * percent-encoded, without '?', and may be empty. `scheme` and `host` ("host" or "host:port") are filled in by the
 * endpoint. */
typedef struct aws_http_request {
    char *method;
    char *scheme;
    char *host;
    char *host_prefix; /* what the model's endpoint trait puts before the host ("123456789012."), or NULL */
    char *path;
    char *query;
    aws_headers headers;
    rip_buffer body;
} aws_http_request;

typedef struct aws_http_response {
    int status;
    aws_headers headers;
    rip_buffer body;
} aws_http_response;

/** Add a header (both strings are copied). RIP_EINVAL for a name that is no token or a value with CR, LF or NUL:
 * nothing from a finding may end a header (RFC 9110, 5.5). */
rip_status aws_headers_add(aws_headers *headers, const char *name, const char *value, rip_error *err);
/** The same for texts that no NUL ends. */
rip_status aws_headers_add_bytes(aws_headers *headers, const char *name, size_t name_len, const char *value,
                                 size_t value_len, rip_error *err);
/** Replace all headers of that name by one. */
rip_status aws_headers_set(aws_headers *headers, const char *name, const char *value, rip_error *err);
/** The first value of that name, or NULL. */
const char *aws_headers_get(const aws_headers *headers, const char *name);
void aws_headers_free(aws_headers *headers);

void aws_http_request_free(aws_http_request *request);
void aws_http_response_free(aws_http_response *response);

/** Percent-encode as SigV4 wants it: all but A-Z a-z 0-9 - . _ ~, and '/' where `keep_slash`. */
void aws_uri_encode(rip_buffer *out, const char *text, size_t len, bool keep_slash);

#endif
