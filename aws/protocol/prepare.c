/* What AWS's SDKs do to parameters before they are written, since the models do not say it: user data and customer keys
 * are sent in base64, ids of Route 53 without the path that its replies put before them, and S3's listings are asked
 * for encoded.
 *
 * Follows: botocore, botocore/handlers.py (the handlers of `before-parameter-build`), so that the same parameters give
 * the same request. */
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

#include "aws/protocol/private.h"

/* Puts what is to be sent in the place of `value`, which is text. */
typedef rip_status (*prepare)(json_t *params, const char *member, const char *value, size_t len, rip_error *err);

static rip_status set_text(json_t *params, const char *member, rip_buffer *text, rip_error *err)
{
    rip_status status = rip_buffer_status(text, err);
    if (status == RIP_OK && json_object_set_new(params, member, json_stringn(text->data ? text->data : "", text->len)))
        status = rip_nomem(err);
    rip_buffer_free(text);
    return status;
}

static rip_status as_base64(json_t *params, const char *member, const char *value, size_t len, rip_error *err)
{
    rip_buffer text = {0};
    aws_value_base64(&text, value, len);
    return set_text(params, member, &text, err);
}

/* "/hostedzone/Z1D633PJN98FT9": what is behind the last slash. */
static rip_status without_path(json_t *params, const char *member, const char *value, size_t len, rip_error *err)
{
    const char *slash = strrchr(value, '/');
    rip_buffer text = {0};
    (void)len;
    if (!slash) return RIP_OK;
    rip_buffer_puts(&text, slash + 1);
    return set_text(params, member, &text, err);
}

/* A customer's key (SSE-C), with its digest beside it. Who gives the digest gives both as they are to be sent. */
static rip_status as_customer_key(json_t *params, const char *member, const char *value, size_t len, rip_error *err)
{
    char digest_member[64];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    snprintf(digest_member, sizeof digest_member, "%sMD5", member);
    if (json_object_get(params, digest_member)) return RIP_OK;
    if (EVP_Digest(value, len, digest, &digest_len, EVP_md5(), NULL) != 1)
        return rip_fail(err, RIP_EIO, "OpenSSL has no MD5, which %s needs", digest_member);
    rip_status status = as_base64(params, digest_member, (const char *)digest, digest_len, err);
    return status == RIP_OK ? as_base64(params, member, value, len, err) : status;
}

/* "bucket/key?versionId=ID": bucket and key are percent-encoded, the version is as AWS gave it. */
static rip_status as_copy_source(json_t *params, const char *member, const char *value, size_t len, rip_error *err)
{
    static const char VERSION[] = "?versionId=";
    const char *version = strstr(value, VERSION);
    for (const char *next = version; next; next = strstr(next + 1, VERSION)) version = next;
    if (version && (!version[sizeof VERSION - 1] || strpbrk(version, " \t\r\n"))) version = NULL;
    rip_buffer text = {0};
    aws_uri_encode(&text, value, version ? (size_t)(version - value) : len, true);
    if (version) rip_buffer_puts(&text, version);
    return set_text(params, member, &text, err);
}

typedef struct preparation {
    const char *service, *operation; /* NULL: any */
    const char *member;              /* by its name, or … */
    const char *shape;               /* … by its shape's */
    prepare prepare;
} preparation;

static const preparation PREPARATIONS[] = {
    {"autoscaling", "CreateLaunchConfiguration", "UserData", NULL, as_base64},
    {"ec2", "RunInstances", "UserData", NULL, as_base64},
    {"route53", NULL, NULL, "ResourceId", without_path},
    {"route53", NULL, NULL, "DelegationSetId", without_path},
    {"route53", NULL, NULL, "ChangeId", without_path},
    {"s3", "CopyObject", "CopySource", NULL, as_copy_source},
    {"s3", "UploadPartCopy", "CopySource", NULL, as_copy_source},
    {"s3", NULL, "SSECustomerKey", NULL, as_customer_key},
    {"s3", NULL, "CopySourceSSECustomerKey", NULL, as_customer_key},
};

static bool is_meant(const preparation *p, const char *service, const char *operation, const aws_member *member)
{
    return strcmp(p->service, service) == 0 && (!p->operation || strcmp(p->operation, operation) == 0) &&
           (!p->member || strcmp(p->member, aws_member_name(member)) == 0) &&
           (!p->shape || strcmp(p->shape, aws_shape_name(aws_member_shape(member))) == 0);
}

static prepare preparation_of(const aws_operation *operation, const aws_member *member)
{
    const char *service = aws_service_name(aws_operation_service(operation)), *name = aws_operation_name(operation);
    for (size_t i = 0; i < sizeof PREPARATIONS / sizeof *PREPARATIONS; i++) {
        if (is_meant(&PREPARATIONS[i], service, name, member)) return PREPARATIONS[i].prepare;
    }
    return NULL;
}

rip_status aws_params_prepare(const aws_operation *operation, json_t **params, rip_error *err)
{
    const aws_shape *input = aws_operation_input(operation);
    rip_status status = RIP_OK;
    json_t *copy = NULL;
    for (size_t i = 0; input && status == RIP_OK && i < aws_shape_member_count(input); i++) {
        const aws_member *member = aws_shape_member_at(input, i);
        json_t *value = json_object_get(*params, aws_member_name(member));
        prepare prepared = json_is_string(value) ? preparation_of(operation, member) : NULL;
        if (!prepared) continue;
        if (!copy && !(copy = json_copy(*params))) return rip_nomem(err);
        status = prepared(copy, aws_member_name(member), json_string_value(value), json_string_length(value), err);
    }
    if (status == RIP_OK && aws_is_listing(operation) && !json_object_get(*params, "EncodingType")) {
        if (!copy) copy = json_copy(*params);
        if (!copy || json_object_set_new(copy, "EncodingType", json_string("url")) != 0) status = rip_nomem(err);
    }
    if (copy) {
        json_decref(*params);
        *params = copy;
    }
    return status;
}
