#include "aws/request.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/presigned_copy.h"

#define SKEW_MS (4 * 60 * 1000) /* AWS refuses from five minutes on */
#define RETRY_AFTER_MAX_MS (5 * 60 * 1000)

static bool has_authtype(const aws_operation *operation, const char *type)
{
    const char *own = json_string_value(aws_operation_trait(operation, "authtype"));
    return own && strcmp(own, type) == 0;
}

bool aws_operation_is_unsigned(const aws_operation *operation)
{
    return has_authtype(operation, "none");
}

/* Two operations of S3 Control go to an outpost when they name one. */
static rip_status find_endpoint(aws_endpoints *endpoints, const aws_operation *operation, const char *region,
                                aws_http_request *request, aws_endpoint *out, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    const aws_endpoint *known;
    if (strcmp(aws_service_name(service), "s3control") == 0 && aws_headers_get(&request->headers, "x-amz-outpost-id")) {
        free(request->host_prefix);
        request->host_prefix = NULL;
        rip_status status =
            aws_endpoint_of_provider(&endpoints->options, "s3-outposts", aws_service_id(service), region, out, err);
        snprintf(out->signing_name, sizeof out->signing_name, "s3-outposts");
        return status;
    }
    rip_status status = aws_endpoints_get(endpoints, operation, region, &known, err);
    if (status == RIP_OK) *out = *known;
    return status;
}

rip_status aws_request_address_and_sign(aws_endpoints *endpoints, aws_signer *signer, const aws_operation *operation,
                                        const char *region, const aws_credentials *credentials, int64_t now_ms,
                                        aws_http_request *request, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    bool is_s3 = strcmp(aws_service_name(service), "s3") == 0;
    bool s3_like = strcmp(aws_service_signing_name(service), "s3") == 0;
    aws_endpoint endpoint;
    rip_status status = find_endpoint(endpoints, operation, region, request, &endpoint, err);
    if (status == RIP_OK) status = aws_endpoint_apply(&endpoints->options, &endpoint, is_s3, request, err);
    if (status != RIP_OK || aws_operation_is_unsigned(operation)) return status;
    aws_sign_options options = {
        .region = endpoint.signing_region,
        .service = *endpoint.signing_name ? endpoint.signing_name : aws_service_signing_name(service),
        .now_ms = now_ms,
        .normalize = !s3_like,
        .encode_path = !s3_like,
        .sign_body = s3_like,
        .unsigned_body = has_authtype(operation, "v4-unsigned-body"),
    };
    status =
        aws_presigned_copy_add(&endpoints->options, signer, operation, region, credentials, &options, request, err);
    return status == RIP_OK ? aws_sign_request(signer, request, credentials, &options, err) : status;
}

static int digits(const char *at, size_t count)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) number = number * 10 + (at[i] - '0');
    return number;
}

/** IMF-fixdate has fixed places: every reply carries one, and strptime reads it in ten times the time. */
static int64_t parse_date(const char *text)
{
    static const char FORM[] = "Aaa, 00 Aaa 0000 00:00:00 GMT", MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (!text || strlen(text) != sizeof FORM - 1) return 0;
    for (size_t i = 0; FORM[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (FORM[i] == '0' ? !digit : (FORM[i] != 'A' && FORM[i] != 'a' && FORM[i] != text[i])) return 0;
    }
    int month = 0;
    while (month < 12 && memcmp(text + 8, &MONTHS[month * 3], 3) != 0) month++;
    if (month == 12) return 0;
    struct tm utc = {.tm_year = digits(text + 12, 4) - 1900,
                     .tm_mon = month,
                     .tm_mday = digits(text + 5, 2),
                     .tm_hour = digits(text + 17, 2),
                     .tm_min = digits(text + 20, 2),
                     .tm_sec = digits(text + 23, 2)};
    return (int64_t)timegm(&utc) * 1000;
}

int64_t aws_reply_time(const aws_http_response *response)
{
    return parse_date(aws_headers_get(&response->headers, "Date"));
}

static bool is_clock_error(const char *code)
{
    static const char *const CODES[] = {"RequestTimeTooSkewed", "RequestExpired",        "InvalidSignatureException",
                                        "AuthFailure",          "SignatureDoesNotMatch", "RequestInTheFuture"};
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (strcmp(code, CODES[i]) == 0) return true;
    }
    return false;
}

bool aws_clock_correct(int64_t *skew_ms, int64_t now_ms, const aws_http_response *response, const char *code)
{
    int64_t server_ms = aws_reply_time(response);
    if (server_ms == 0 || !is_clock_error(code)) return false;
    int64_t news = server_ms - now_ms - *skew_ms;
    if (news > -SKEW_MS && news < SKEW_MS) return false;
    *skew_ms += news;
    return true;
}

static int within(int64_t ms)
{
    if (ms < 0) return 0;
    return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (int)ms;
}

static bool parse_number(const char *text, int64_t *out)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len) return false;
    *out = strtol(text, NULL, 10);
    return true;
}

int aws_reply_retry_after(const aws_http_response *response, int64_t now_ms)
{
    int64_t number;
    if (parse_number(aws_headers_get(&response->headers, "x-amz-retry-after"), &number)) return within(number);
    const char *standard = aws_headers_get(&response->headers, "Retry-After");
    if (parse_number(standard, &number)) return within(number * 1000);
    int64_t date = parse_date(standard);
    return date ? within(date - now_ms) : -1;
}
