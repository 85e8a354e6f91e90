/* Copies from another region: the destination reads the source with a request that the caller has signed ahead. */
#ifndef RIPOSTE_AWS_PRESIGNED_COPY_H
#define RIPOSTE_AWS_PRESIGNED_COPY_H

#include "aws/endpoint.h"
#include "aws/sign.h"

/** Into the finished form of an operation that takes SourceRegion and PresignedUrl (ec2's CopySnapshot; RDS's,
 * Neptune's and DocumentDB's copies and replicas): the URL, where the parameters name a source region and hold no URL.
 * A parameter that AWS's API does not have but its SDKs do (RDS's SourceRegion) is taken out. Other operations'
 * requests stay as they are. `signing` is the request's own but for the region.
 *
 * Follows: Amazon EC2 API Reference, CopySnapshot, "PresignedUrl"; Amazon RDS API Reference, CopyDBSnapshot,
 * "PreSignedUrl". */
rip_status aws_presigned_copy_add(const aws_endpoint_options *options, aws_signer *signer,
                                  const aws_operation *operation, const char *region,
                                  const aws_credentials *credentials, const aws_sign_options *signing,
                                  aws_http_request *request, rip_error *err);

#endif
