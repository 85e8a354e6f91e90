/* The transport to AWS: credentials, endpoint, signature, HTTP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "aws/client.h"
#include "aws/credentials/accounts.h"
#include "aws/credentials/provider.h"
#include "aws/endpoint.h"
#include "aws/request.h"
#include "aws/sign.h"
#include "aws/transport_curl.h"

typedef struct wire {
    aws_transport base;
    rip_clock *clock;
    aws_web *web;
    aws_signer *signer;
    aws_profiles *profiles;
    char *profile, *endpoint_url, *region;
    aws_provider_context context;
    aws_endpoints endpoints;
    aws_credentials_cache *credentials; /* the default chain's */
    aws_accounts *accounts;
    size_t max_reply_bytes;
    void (*preview)(void *data, const aws_http_request *request);
    void *preview_data;
    int64_t skew_ms; /* AWS's clock less ours */
} wire;

/* What one attempt is at: waiting for credentials, on the wire, or about to be told. */
typedef struct trip {
    wire *wire;
    aws_attempt *attempt;
    aws_credentials_wait *wait;
    aws_credentials *credentials;
    aws_exchange *exchange;
    char *region; /* of a bucket that lies elsewhere; NULL: the attempt's own */
    rip_timer tell;
    char *why; /* it could not even be sent */
    bool unsent;
} trip;

static void end_trip(trip *t)
{
    rip_timer_stop(&t->tell);
    if (t->wait) aws_credentials_wait_cancel(t->wait);
    if (t->exchange) aws_web_cancel(t->exchange);
    aws_credentials_unref(t->credentials);
    free(t->region);
    t->attempt->transport_data = NULL;
    free(t->why);
    free(t);
}

static void set_off(trip *t);

/* Endings. */

static void tell(trip *t, const aws_reply *reply)
{
    aws_attempt *attempt = t->attempt;
    end_trip(t);
    attempt->done(attempt, reply);
}

static void tell_failure(trip *t, const char *code, const char *why, bool retryable)
{
    aws_error error = {.retryable = retryable, .unsent = t->unsent};
    snprintf(error.code, sizeof error.code, "%s", code);
    snprintf(error.message, sizeof error.message, "%s", why);
    tell(t, &(aws_reply){.error = &error, .request_id = "", .retry_after_ms = -1});
}

static void on_tell(void *data)
{
    trip *t = data;
    tell_failure(t, "RequestNotSent", t->why ? t->why : "out of memory", false);
}

/** From the loop: `done` is never called from inside send. */
static void fail_soon(trip *t, const rip_error *err)
{
    t->why = strdup(err->message);
    rip_timer_start(&t->tell, t->wire->clock, 0, on_tell, t);
}

static bool is_expired_error(const char *code)
{
    return strcmp(code, "ExpiredToken") == 0 || strcmp(code, "ExpiredTokenException") == 0;
}

static void explain_redirect(const aws_http_response *response, aws_error *error)
{
    if (response->status < 300 || response->status > 399 || response->status == 304) return;
    const char *region = aws_headers_get(&response->headers, "x-amz-bucket-region");
    const char *location = aws_headers_get(&response->headers, "Location");
    if (strspn(error->code, "0123456789") == strlen(error->code)) /* the reply named none */
        snprintf(error->code, sizeof error->code, "%s", region ? "PermanentRedirect" : "Redirect");
    if (region)
        snprintf(error->message, sizeof error->message, "the bucket is in region %.64s: call it there", region);
    else
        snprintf(error->message, sizeof error->message,
                 "the endpoint redirects to %.300s; redirects are not followed, since the request is signed for its "
                 "host",
                 location ? location : "nowhere");
    error->retryable = false;
}

static void tell_no_reply(trip *t, const rip_error *err)
{
    switch (err->status) {
    case RIP_ETIMEOUT: tell_failure(t, "RequestTimeout", err->message, true); break;
    case RIP_EIO: tell_failure(t, "ConnectionError", err->message, true); break;
    case RIP_ELIMIT: tell_failure(t, "ReplyTooLarge", err->message, false); break;
    default: tell_failure(t, t->unsent ? "RequestNotSent" : "UnreadableReply", err->message, false); break;
    }
}

/** A read of a bucket that lies in another region is made there, once. A change is not: whoever let it through knew of
 * the region that it named. */
static bool follow_bucket(trip *t, const aws_http_response *response)
{
    const aws_attempt *attempt = t->attempt;
    const char *region = aws_headers_get(&response->headers, "x-amz-bucket-region");
    int status = response->status;
    bool elsewhere = region && (status == 301 || status == 302 || status == 307 || status == 400) &&
                     strcmp(region, attempt->region) != 0 &&
                     strcmp(aws_partition_of(region), aws_partition_of(attempt->region)) == 0;
    if (!elsewhere || t->region || !aws_operation_is_read(attempt->operation) ||
        strcmp(aws_service_name(aws_operation_service(attempt->operation)), "s3") != 0)
        return false;
    t->region = strdup(region);
    if (t->region) set_off(t);
    return t->region != NULL;
}

static void on_reply(void *data, const aws_http_response *response, const rip_error *err)
{
    trip *t = data;
    wire *w = t->wire;
    t->unsent = !aws_exchange_sent(t->exchange);
    t->exchange = NULL;
    if (!response) {
        tell_no_reply(t, err);
        return;
    }
    if (follow_bucket(t, response)) return;
    char request_id[AWS_REQUEST_ID_MAX] = "";
    aws_error error;
    rip_error why;
    aws_reply reply = {.request_id = request_id,
                       .server_time_ms = aws_reply_time(response),
                       .retry_after_ms = aws_reply_retry_after(response, rip_clock_now(w->clock))};
    json_t *output = NULL;
    rip_status status = aws_protocol_parse(t->attempt->operation, response, &output, &error, request_id, &why);
    if (status != RIP_OK) {
        snprintf(error.code, sizeof error.code, "UnreadableReply");
        snprintf(error.message, sizeof error.message, "%s", why.message);
        error.http_status = response->status;
        error.retryable = response->status >= 500 || aws_operation_is_read(t->attempt->operation);
    }
    explain_redirect(response, &error);
    if (*error.code) {
        if (aws_clock_correct(&w->skew_ms, rip_clock_now(w->clock), response, error.code)) error.retryable = true;
        if (is_expired_error(error.code) && t->credentials && t->credentials->expires_ms) {
            aws_accounts_drop(w->accounts, t->credentials);
            error.retryable = true;
        }
        reply.error = &error;
    } else {
        reply.output = output;
    }
    tell(t, &reply);
    json_decref(output);
    json_decref(error.fields);
}

/* Sending. */

static rip_status prepare(trip *t, aws_http_request *request, rip_error *err)
{
    wire *w = t->wire;
    const aws_attempt *attempt = t->attempt;
    rip_status status = aws_protocol_build(attempt->operation, attempt->params, attempt->token, request, err);
    if (status != RIP_OK) return status;
    return aws_request_address_and_sign(&w->endpoints, w->signer, attempt->operation,
                                        t->region ? t->region : attempt->region, t->credentials,
                                        rip_clock_now(w->clock) + w->skew_ms, request, err);
}

static void set_off(trip *t)
{
    wire *w = t->wire;
    aws_http_request request = {0};
    rip_error err;
    /* What changes something is sent only as often as the client decides. */
    aws_web_limits limits = {.timeout_ms = t->attempt->timeout_ms,
                             .body_bytes = w->max_reply_bytes,
                             .once = !aws_operation_is_read(t->attempt->operation)};
    rip_status status = prepare(t, &request, &err);
    if (status == RIP_OK && w->preview) {
        w->preview(w->preview_data, &request);
        status = rip_fail(&err, RIP_ECANCELED, "the request was only to be shown");
    }
    if (status == RIP_OK) status = aws_web_send(w->web, &request, &limits, on_reply, t, &t->exchange, &err);
    aws_http_request_free(&request);
    if (status != RIP_OK) fail_soon(t, &err);
}

static void on_credentials(void *data, aws_credentials *credentials, const rip_error *err)
{
    trip *t = data;
    t->wait = NULL;
    if (!credentials) {
        bool passing = err->status == RIP_EIO || err->status == RIP_ETIMEOUT;
        tell_failure(t, "CredentialsError", err->message, passing);
        return;
    }
    if (t->attempt->may_go && !t->attempt->may_go(t->attempt)) {
        t->unsent = true;
        tell_failure(t, "RequestHeld", "it waited for credentials, and was held back then", false);
        return;
    }
    t->credentials = aws_credentials_ref(credentials);
    set_off(t);
}

static void wire_send(aws_transport *self, aws_attempt *attempt)
{
    wire *w = (wire *)self;
    trip *t = calloc(1, sizeof *t);
    if (!t) abort(); /* as jansson and libuv do, below everything that could tell */
    t->wire = w;
    t->attempt = attempt;
    attempt->transport_data = t;
    if (aws_operation_is_unsigned(attempt->operation)) {
        set_off(t);
        return;
    }
    aws_credentials_cache *whose = NULL;
    rip_error err;
    if (aws_accounts_find(w->accounts, attempt->account, attempt->region, attempt->session, &whose, &err) != RIP_OK) {
        fail_soon(t, &err);
        return;
    }
    aws_credentials *ready = aws_credentials_cache_get(whose, on_credentials, t, &t->wait);
    if (!ready) return;
    t->credentials = aws_credentials_ref(ready);
    set_off(t);
}

static void wire_cancel(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    if (attempt->transport_data) end_trip(attempt->transport_data);
}

static const char *wire_payer(aws_transport *self, const char *account)
{
    return aws_accounts_payer(((const wire *)self)->accounts, account);
}

static void wire_free(aws_transport *self)
{
    wire *w = (wire *)self;
    aws_accounts_free(w->accounts);
    aws_credentials_cache_free(w->credentials);
    aws_web_free(w->web);
    aws_signer_free(w->signer);
    aws_profiles_free(w->profiles);
    free(w->profile);
    free(w->endpoint_url);
    free(w->region);
    free(w);
}

static char *default_region(const aws_profiles *profiles, const char *profile)
{
    const char *region = aws_setting(NULL, profile, "AWS_REGION", NULL);
    if (!region) region = aws_setting(profiles, profile, "AWS_DEFAULT_REGION", "region");
    return region ? strdup(region) : NULL;
}

char *aws_default_region(const char *profile)
{
    aws_profiles *profiles = NULL;
    if (aws_profiles_load(&profiles, NULL) != RIP_OK) profiles = NULL;
    char *region = default_region(profiles, aws_profile_name(profile));
    aws_profiles_free(profiles);
    return region;
}

/** A profile that somebody named and that no file holds is a mistake, whatever else holds credentials. */
static rip_status check_profile(const wire *w, rip_error *err)
{
    if (strcmp(w->profile, "default") == 0 || aws_profiles_has(w->profiles, w->profile)) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "there is no profile %s in AWS's config and credentials files (AWS_CONFIG_FILE, "
                    "AWS_SHARED_CREDENTIALS_FILE): name another, or unset AWS_PROFILE",
                    w->profile);
}

static rip_status open_web(wire *w, const aws_wire_options *options, rip_error *err)
{
    aws_web_options web = {
        .loop = options->loop, .ca_bundle = options->ca_bundle, .max_connections = options->max_connections};
    if (!web.ca_bundle) web.ca_bundle = aws_setting(w->profiles, w->profile, "AWS_CA_BUNDLE", "ca_bundle");
    if (web.ca_bundle && access(web.ca_bundle, R_OK) != 0)
        return rip_fail(err, RIP_EINVAL, "AWS_CA_BUNDLE (or ca_bundle of the profile): %s: %s", web.ca_bundle,
                        strerror(errno));
    return aws_web_new(&web, &w->web, err);
}

static rip_status open_credentials(wire *w, const aws_wire_options *options, rip_error *err)
{
    w->context = (aws_provider_context){
        .loop = options->loop,
        .clock = options->clock,
        .web = w->web,
        .signer = w->signer,
        .profiles = w->profiles,
        .profile = options->profile ? w->profile : NULL,
        .region = w->region ? w->region : "us-east-1",
        .skew_ms = &w->skew_ms,
    };
    w->credentials = aws_credentials_cache_new(&w->context, aws_provider_default(&w->context));
    if (w->credentials) w->accounts = aws_accounts_new(&w->context, w->credentials, options);
    return w->accounts ? RIP_OK : rip_nomem(err);
}

rip_status aws_wire_new(const aws_wire_options *options, aws_transport **out, rip_error *err)
{
    wire *w = calloc(1, sizeof *w);
    if (!w) return rip_nomem(err);
    w->base = (aws_transport){wire_send, wire_cancel, wire_payer, wire_free};
    w->clock = options->clock;
    w->max_reply_bytes = options->max_reply_bytes;
    w->preview = options->preview;
    w->preview_data = options->preview_data;
    w->signer = aws_signer_new();
    w->profile = strdup(aws_profile_name(options->profile));
    if (options->endpoint_url) w->endpoint_url = strdup(options->endpoint_url);
    rip_status status = RIP_OK;
    if (!w->signer || !w->profile || (options->endpoint_url && !w->endpoint_url)) status = rip_nomem(err);
    if (status == RIP_OK) status = aws_profiles_load(&w->profiles, err);
    if (status == RIP_OK) status = check_profile(w, err);
    if (status == RIP_OK) status = open_web(w, options, err);
    if (status == RIP_OK) {
        w->region = default_region(w->profiles, w->profile);
        w->endpoints.options = (aws_endpoint_options){w->profiles, w->profile, w->endpoint_url};
        status = open_credentials(w, options, err);
    }
    if (status == RIP_OK)
        *out = &w->base;
    else
        wire_free(&w->base);
    return status;
}
