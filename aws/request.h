/* The steps between a built request and the socket, and what a reply's headers tell: shared by the wire and by those
 * who only want to see the request. */
#ifndef RIPOSTE_AWS_REQUEST_H
#define RIPOSTE_AWS_REQUEST_H

#include "aws/endpoint.h"
#include "aws/sign.h"

/** Does the operation go out without a signature (its authtype is "none")? */
bool aws_operation_is_unsigned(const aws_operation *operation);

/** Address the request to the region's endpoint and sign it; `credentials` may be NULL for unsigned operations.
 * `now_ms` is AWS's time. */
rip_status aws_request_address_and_sign(aws_endpoints *endpoints, aws_signer *signer, const aws_operation *operation,
                                        const char *region, const aws_credentials *credentials, int64_t now_ms,
                                        aws_http_request *request, rip_error *err);

/** The reply's Date in milliseconds since the epoch, 0 where there is none (RFC 9110, 5.6.7: IMF-fixdate). */
int64_t aws_reply_time(const aws_http_response *response);

/** Learn AWS's clock where ours is so far from it that the signature was refused (`code`): `*skew_ms` is AWS's less
 * ours. True if that is news: a signature by it may be taken. */
bool aws_clock_correct(int64_t *skew_ms, int64_t now_ms, const aws_http_response *response, const char *code);

/** How long the server asks to wait, from x-amz-retry-after (milliseconds) or Retry-After (seconds, or a date); -1:
 * it does not. Never more than five minutes. */
int aws_reply_retry_after(const aws_http_response *response, int64_t now_ms);

#endif
