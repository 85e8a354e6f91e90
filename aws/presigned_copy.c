#include "aws/presigned_copy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GOOD_FOR_S 3600

/* "PresignedUrl", "PreSignedUrl": as the service spells it; NULL: the operation is no such copy. */
static const char *url_member(const aws_shape *input)
{
    if (!input || !aws_shape_member(input, "SourceRegion")) return NULL;
    for (size_t i = 0; i < aws_shape_member_count(input); i++) {
        const char *name = aws_member_name(aws_shape_member_at(input, i));
        if (strcasecmp(name, "PresignedUrl") == 0) return name;
    }
    return NULL;
}

/* "&NAME=" and what follows, up to the next '&' at *end; NULL where the form does not have it. */
static char *find_pair(const rip_buffer *form, const char *name, char **value, char **end)
{
    char pair[64];
    int len = snprintf(pair, sizeof pair, "&%s=", name);
    char *at = form->data ? strstr(form->data, pair) : NULL;
    if (!at) return NULL;
    *value = at + len;
    *end = *value + strcspn(*value, "&");
    return at;
}

static void cut(rip_buffer *form, char *from, const char *to)
{
    memmove(from, to, strlen(to) + 1);
    form->len -= (size_t)(to - from);
}

/* The same form as a GET in the source region, signed in its query. */
static char *presign(const aws_endpoint_options *options, aws_signer *signer, const aws_service *service,
                     const aws_credentials *credentials, const aws_sign_options *signing, const char *source,
                     const char *form, rip_error *err)
{
    aws_endpoint endpoint;
    aws_http_request request = {.method = strdup("GET"), .path = strdup("/"), .query = strdup(form)};
    rip_buffer url = {0};
    rip_status status = request.method && request.path && request.query ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK) status = aws_endpoint_resolve(options, service, source, &endpoint, err);
    if (status == RIP_OK) status = aws_endpoint_apply(options, &endpoint, false, &request, err);
    if (status == RIP_OK) {
        aws_sign_options there = *signing;
        there.region = endpoint.signing_region;
        status = aws_presign_request(signer, &request, credentials, &there, GOOD_FOR_S, err);
    }
    if (status == RIP_OK)
        rip_buffer_printf(&url, "%s://%s%s?%s", request.scheme, request.host, request.path, request.query);
    if (status == RIP_OK) status = rip_buffer_status(&url, err);
    aws_http_request_free(&request);
    char *text = status == RIP_OK ? rip_buffer_take(&url, NULL) : NULL;
    rip_buffer_free(&url);
    return text;
}

rip_status aws_presigned_copy_add(const aws_endpoint_options *options, aws_signer *signer,
                                  const aws_operation *operation, const char *region,
                                  const aws_credentials *credentials, const aws_sign_options *signing,
                                  aws_http_request *request, rip_error *err)
{
    const aws_shape *input = aws_operation_input(operation);
    const char *member = url_member(input);
    char *at, *value, *end, source[AWS_REGION_MAX];
    if (!member || !(at = find_pair(&request->body, "SourceRegion", &value, &end))) return RIP_OK;
    bool own = json_is_true(aws_member_trait(aws_shape_member(input, "SourceRegion"), "sdkOnly"));
    if ((size_t)(end - value) >= sizeof source)
        return rip_fail(err, RIP_EINVAL, "SourceRegion: %.80s is no region", value);
    snprintf(source, sizeof source, "%.*s", (int)(end - value), value);
    if (own) cut(&request->body, at, end);
    if (find_pair(&request->body, member, &value, &end)) return RIP_OK;
    rip_buffer form = {0};
    if ((at = find_pair(&request->body, "DestinationRegion", &value, &end))) cut(&request->body, at, end);
    rip_buffer_printf(&form, "%s&DestinationRegion=%s", request->body.data, region); /* the one that is called */
    rip_status status = rip_buffer_status(&form, err);
    char *url = status == RIP_OK ? presign(options, signer, aws_operation_service(operation), credentials, signing,
                                           source, form.data, err)
                                 : NULL;
    if (url) {
        if (!own) { /* EC2 wants both regions; RDS knows neither */
            rip_buffer_clear(&request->body);
            rip_buffer_append(&request->body, form.data, form.len);
        }
        rip_buffer_printf(&request->body, "&%s=", member);
        aws_uri_encode(&request->body, url, strlen(url), false);
    }
    status = url ? rip_buffer_status(&request->body, err) : err->status;
    free(url);
    rip_buffer_free(&form);
    return status;
}
