/* AWS Signature Version 4: in the Authorization header, or in the query of a URL that others may use. */
#ifndef RIPOSTE_AWS_SIGN_H
#define RIPOSTE_AWS_SIGN_H

#include "aws/credentials/credentials.h"
#include "aws/http.h"

typedef struct aws_signer aws_signer;

typedef struct aws_sign_options {
    const char *region;
    const char *service;     /* the signing name: "ecs", "monitoring" */
    int64_t now_ms;          /* since the epoch, UTC, corrected for skew */
    bool normalize;          /* resolve "." and ".." and empty segments in the path that is signed */
    bool encode_path;        /* percent-encode the path once more: all services but S3 */
    bool sign_body;          /* add x-amz-content-sha256, as S3 wants it */
    bool unsigned_body;      /* sign UNSIGNED-PAYLOAD in place of the body's digest */
    bool omit_session_token; /* the session token goes along unsigned */
} aws_sign_options;

/** NULL when memory is out. */
aws_signer *aws_signer_new(void);
/** Wipes the keys it kept. */
void aws_signer_free(aws_signer *signer);

/** Sign in the Authorization header. Adds X-Amz-Date, X-Amz-Security-Token where the credentials carry one, and
 * x-amz-content-sha256 where asked. All headers are signed but those that a proxy may change. The signing key for
 * (secret, day, region, service) is kept, so that a second request of the day costs one HMAC. After an error the
 * request may hold some of the added headers.
 *
 * Follows: AWS Identity and Access Management, User Guide, "Create a signed AWS API request". */
rip_status aws_sign_request(aws_signer *signer, aws_http_request *request, const aws_credentials *credentials,
                            const aws_sign_options *options, rip_error *err);

/** Sign in the query, for `expires_s` seconds (1 to 604,800). */
rip_status aws_presign_request(aws_signer *signer, aws_http_request *request, const aws_credentials *credentials,
                               const aws_sign_options *options, unsigned expires_s, rip_error *err);

#endif
