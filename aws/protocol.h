/* From parameters to an HTTP request, and from an HTTP reply to values: AWS's five protocols. */
#ifndef RIPOSTE_AWS_PROTOCOL_H
#define RIPOSTE_AWS_PROTOCOL_H

#include <jansson.h>

#include "aws/http.h"
#include "aws/model.h"

#define AWS_ERROR_CODE_MAX 128
#define AWS_REQUEST_ID_MAX 128

/** An error as AWS tells it, in its own words. */
typedef struct aws_error {
    char code[AWS_ERROR_CODE_MAX]; /* "ClusterNotFoundException"; for failures on the way "RequestTimeout",
                                      "ConnectionError" … */
    char message[RIP_ERROR_MESSAGE_MAX];
    char request_id[AWS_REQUEST_ID_MAX];
    int http_status;   /* 0: no reply came */
    bool retryable;    /* a later try may succeed */
    bool throttled;    /* AWS asked for fewer requests */
    json_t *fields;    /* what the model gives such an error beside its message ("CancellationReasons"); NULL: nothing.
                          Borrowed, but by who calls aws_protocol_parse */
    bool unsent;       /* it never reached AWS */
    bool fate_unknown; /* AWS may have acted on it all the same: no reply came, or one that tells of a fault of AWS's.
                          At the end of a call: on this or an earlier try of it */
} aws_error;

/** Write method, path, query, headers and body for a call. Member values come as JSON: blobs as base64 strings,
 * timestamps as RFC 3339 strings or numbers of seconds, integers exact to 64 bits. `token` fills an idempotency token
 * that params leave out (NULL: a random UUID). `request` is zero-initialised by the caller, who frees it with
 * aws_http_request_free, also after an error. */
rip_status aws_protocol_build(const aws_operation *operation, const json_t *params, const char *token,
                              aws_http_request *request, rip_error *err);

/** Read a reply. A status below 300 (but for S3's errors after the fact, which count as 500) gives `*output` (a new
 * reference, an object, {} where the operation gives nothing) and leaves `error->code` empty; any other fills `error`
 * (code, message, request id, status, and `fields` as a new reference; `retryable` and `throttled` only as the model
 * says, the rest is the retry rules' word). RIP_OK in both cases; RIP_EIO with `err` for a reply that cannot be read
 * (truncated, not JSON or XML, too deep). Blobs come as base64 strings, timestamps as RFC 3339 strings
 * ("2025-11-02T14:14:09Z"; a fraction only where there is one). `request_id` (AWS_REQUEST_ID_MAX bytes, may be NULL)
 * gets the request's id where the reply carries one. */
rip_status aws_protocol_parse(const aws_operation *operation, const aws_http_response *response, json_t **output,
                              aws_error *error, char *request_id, rip_error *err);

#endif
