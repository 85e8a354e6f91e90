#include <stdlib.h>
#include <string.h>

#include "aws/credentials/remote.h"
#include "aws/protocol/private.h"
#include "aws/request.h"

#define STS_TIMEOUT_MS 10000

/** The account in "arn:aws:sts::123456789012:assumed-role/…"; false if there is none. */
static bool account_of(const char *arn, char out[13])
{
    for (int colons = 0; arn && colons < 4; colons++) {
        arn = strchr(arn, ':');
        if (arn) arn++;
    }
    if (!arn || strspn(arn, "0123456789") != 12) return false;
    memcpy(out, arn, 12);
    out[12] = '\0';
    return true;
}

rip_status aws_sts_status(aws_remote *remote, const aws_http_response *response, const char *code)
{
    const aws_provider_context *context = &remote->context;
    bool corrected =
        code && context->skew_ms && aws_clock_correct(context->skew_ms, rip_clock_now(context->clock), response, code);
    return corrected ? RIP_EIO : aws_remote_status(response, code);
}

static rip_status refused(aws_remote *remote, const aws_xml_node *root, const aws_http_response *response,
                          rip_error *err)
{
    const char *code = root ? aws_xml_find_text(root, "Code") : NULL;
    const char *message = root ? aws_xml_find_text(root, "Message") : NULL;
    return rip_fail(err, aws_sts_status(remote, response, code), "STS: %.128s (HTTP %d): %.500s",
                    code ? code : "no error code", response->status, message ? message : "no message");
}

static rip_status read_credentials(aws_remote *remote, const aws_http_response *response, aws_credentials **out,
                                   rip_error *err)
{
    aws_xml *xml = NULL;
    rip_status status = aws_xml_parse(response->body.data, response->body.len, &xml, err);
    const aws_xml_node *root = status == RIP_OK ? aws_xml_root(xml) : NULL;
    if (response->status != 200) {
        status = refused(remote, root, response, err);
    } else if (root) {
        char account[13] = "";
        int64_t expires = 0;
        const char *until = aws_xml_find_text(root, "Expiration");
        account_of(aws_xml_find_text(root, "Arn"), account);
        if (!until || !rip_time_parse(until, &expires))
            status = rip_fail(err, RIP_EIO, "STS: the reply's Expiration is no date and time");
        else
            status = aws_credentials_new(
                aws_xml_find_text(root, "AccessKeyId"), aws_xml_find_text(root, "SecretAccessKey"),
                aws_xml_find_text(root, "SessionToken"), account, expires, remote->source, out, err);
    }
    aws_xml_free(xml);
    return status;
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    aws_remote *remote = data;
    if (!response) {
        aws_remote_fail(remote, err);
        return;
    }
    aws_credentials *credentials = NULL;
    rip_error why;
    rip_status status = read_credentials(remote, response, &credentials, &why);
    remote->done(remote->data, credentials, status == RIP_OK ? NULL : &why);
    aws_credentials_unref(credentials);
}

static rip_status build(aws_remote *remote, const aws_credentials *credentials, aws_http_request *request,
                        rip_error *err)
{
    const aws_provider_context *context = &remote->context;
    aws_endpoint endpoint;
    aws_endpoint_options options = {context->profiles, aws_profile_name(context->profile), NULL};
    request->method = strdup("POST");
    request->path = strdup("/");
    if (!request->method || !request->path) return rip_nomem(err);
    rip_status status = aws_endpoint_of_provider(&options, "sts", "STS", context->region, &endpoint, err);
    if (status == RIP_OK) status = aws_endpoint_apply(&options, &endpoint, false, request, err);
    if (status == RIP_OK)
        status =
            aws_headers_add(&request->headers, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", err);
    if (status != RIP_OK || !credentials) return status;
    aws_sign_options signing = {.region = endpoint.signing_region,
                                .service = "sts",
                                .now_ms = rip_clock_now(context->clock) + (context->skew_ms ? *context->skew_ms : 0),
                                .normalize = true,
                                .encode_path = true};
    return aws_sign_request(context->signer, request, credentials, &signing, err);
}

void aws_remote_ask_sts(aws_remote *remote, rip_buffer *form, const aws_credentials *credentials)
{
    aws_remote_post_sts(remote, form, credentials, on_reply);
}

void aws_remote_post_sts(aws_remote *remote, rip_buffer *form, const aws_credentials *credentials,
                         aws_exchange_done then)
{
    aws_web_limits limits = {.timeout_ms = STS_TIMEOUT_MS, .body_bytes = AWS_REMOTE_BYTES_MAX};
    aws_http_request request = {.body = *form};
    rip_error err;
    *form = (rip_buffer){0};
    rip_status status = request.body.failed ? rip_nomem(&err) : build(remote, credentials, &request, &err);
    if (status == RIP_OK)
        aws_remote_send(remote, &request, &limits, then);
    else
        aws_remote_fail(remote, &err);
    aws_http_request_free(&request);
}
