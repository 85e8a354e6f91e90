/* Where a service's requests go: partitions, FIPS and dual-stack names, global services, configured endpoints, S3's
 * buckets.
 *
 * Follows: AWS General Reference, "Service endpoints and quotas"; AWS SDKs and Tools Reference Guide, "Dual-stack and
 * FIPS endpoints" and "Service-specific endpoints". */
#ifndef RIPOSTE_AWS_ENDPOINT_H
#define RIPOSTE_AWS_ENDPOINT_H

#include "aws/http.h"
#include "aws/model.h"
#include "aws/profile.h"

typedef struct aws_endpoint_options {
    const aws_profiles *profiles; /* borrowed; may be NULL */
    const char *profile;
    const char *endpoint_url; /* over everything that is configured; NULL: none */
} aws_endpoint_options;

#define AWS_REGION_MAX 64
#define AWS_ENDPOINTS_KEPT 32

typedef struct aws_endpoint {
    char scheme[8];
    char host[256]; /* with ":port" where one was configured */
    char path[512]; /* what a configured endpoint puts before every path, without a final '/' */
    char signing_region[AWS_REGION_MAX];
    char signing_name[32]; /* where it is not the service's own; else "" */
    bool configured;       /* not one of AWS's own names */
} aws_endpoint;

/** RIP_EINVAL for a region that is none, and for a configured endpoint that is no URL; the message names the setting.
 */
rip_status aws_endpoint_resolve(const aws_endpoint_options *options, const aws_service *service, const char *region,
                                aws_endpoint *out, rip_error *err);

/** As aws_endpoint_resolve, for an operation: few go elsewhere than the rest of their service (S3's of directory
 * buckets). */
rip_status aws_endpoint_of_operation(const aws_endpoint_options *options, const aws_operation *operation,
                                     const char *region, aws_endpoint *out, rip_error *err);

/** Endpoints that were resolved, so that the settings are looked through once for a service in a region, not at every
 * call. Zero-initialise all but the options, whose strings it borrows. */
typedef struct aws_endpoints {
    aws_endpoint_options options;
    struct aws_endpoint_kept {
        const aws_service *service;
        char region[AWS_REGION_MAX];
        aws_endpoint endpoint;
    } kept[AWS_ENDPOINTS_KEPT];
    size_t next;      /* the oldest makes room */
    aws_endpoint own; /* of an operation that goes elsewhere */
} aws_endpoints;

/** As aws_endpoint_of_operation; `*out` holds until the next call. */
rip_status aws_endpoints_get(aws_endpoints *endpoints, const aws_operation *operation, const char *region,
                             const aws_endpoint **out, rip_error *err);

/** As aws_endpoint_resolve, for the services that credentials come from, which need no model: `prefix` is "sts" or
 * "portal.sso", `id` the serviceId ("STS", "SSO"). */
rip_status aws_endpoint_of_provider(const aws_endpoint_options *options, const char *prefix, const char *id,
                                    const char *region, aws_endpoint *out, rip_error *err);

/** Fill the request's scheme and host, put the endpoint's path before its path, and the host prefix before the host.
 * A bucket of S3 at the front of the path goes into the host's name, where its name can stand there, no endpoint is
 * configured, and the profile's s3.addressing_style is not "path". */
rip_status aws_endpoint_apply(const aws_endpoint_options *options, const aws_endpoint *endpoint, bool is_s3,
                              aws_http_request *request, rip_error *err);

/** Read a configured endpoint's URL; `setting` names it in messages. */
rip_status aws_endpoint_parse(const char *url, const char *setting, aws_endpoint *out, rip_error *err);

/** The partition that a region is in ("aws", "aws-cn", "aws-us-gov" …), for ARNs. A region of unknown form counts as
 * one of "aws". */
const char *aws_partition_of(const char *region);

#endif
