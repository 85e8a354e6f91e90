#include "aws/sign.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine/base/digest.h"

#define KEYS_MAX 64
#define HEADERS_MAX 128
#define PARAMETERS_MAX 512
#define SCOPE_MAX 192
#define PRESIGNED_MAX_S 604800

typedef struct signing_key {
    char *secret;
    char scope[SCOPE_MAX]; /* "20150830/us-east-1/ecs/aws4_request" */
    rip_hmac *key;
} signing_key;

struct aws_signer {
    signing_key keys[KEYS_MAX];
    size_t count, next; /* the oldest makes room */
    int64_t second;     /* that `time` tells */
    char time[17];      /* "20150830T123600Z" */
    rip_buffer canonical, path, query, text;
};

typedef struct signing {
    const char *time;
    char scope[SCOPE_MAX];
    char body[RIP_SHA256_HEX];
    char signature[RIP_SHA256_HEX];
} signing;

typedef struct slice {
    const char *at;
    size_t len;
} slice;

aws_signer *aws_signer_new(void)
{
    return calloc(1, sizeof(aws_signer));
}

static void wipe(rip_buffer *buffer)
{
    if (buffer->data) OPENSSL_cleanse(buffer->data, buffer->cap);
    rip_buffer_free(buffer);
}

static void forget(signing_key *key)
{
    aws_secret_free(key->secret);
    rip_hmac_free(key->key);
    *key = (signing_key){0};
}

void aws_signer_free(aws_signer *signer)
{
    if (!signer) return;
    wipe(&signer->canonical);
    wipe(&signer->path);
    wipe(&signer->query);
    wipe(&signer->text);
    for (size_t i = 0; i < signer->count; i++) forget(&signer->keys[i]);
    OPENSSL_cleanse(signer, sizeof *signer);
    free(signer);
}

/* The path. */

static void put_path(aws_signer *signer, const char *path, const aws_sign_options *options)
{
    rip_buffer *plain = &signer->path, *out = &signer->canonical;
    rip_buffer_clear(plain);
    if (options->normalize) {
        const char *at = path;
        while (*at) {
            while (*at == '/') at++;
            size_t len = strcspn(at, "/");
            if (len == 2 && memcmp(at, "..", 2) == 0) {
                while (plain->len > 0 && plain->data[--plain->len] != '/') continue;
            } else if (len > 0 && !(len == 1 && *at == '.')) {
                rip_buffer_putc(plain, '/');
                rip_buffer_append(plain, at, len);
            }
            at += len;
        }
        size_t len = strlen(path);
        bool folder = len > 0 && path[len - 1] == '/';
        if (plain->len == 0 || folder) rip_buffer_putc(plain, '/');
    } else {
        rip_buffer_puts(plain, *path ? path : "/");
    }
    if (plain->failed)
        out->failed = true;
    else if (options->encode_path)
        aws_uri_encode(out, plain->data, plain->len, true);
    else
        rip_buffer_append(out, plain->data, plain->len);
}

/* The query. */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/** Encode what is not encoded yet. */
static void put_encoded(rip_buffer *out, slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '%' && i + 2 < text.len && is_hex(text.at[i + 1]) && is_hex(text.at[i + 2])) {
            rip_buffer_append(out, text.at + i, 3);
            i += 2;
        } else {
            aws_uri_encode(out, text.at + i, 1, false);
        }
    }
}

typedef struct parameter {
    slice name, value;
} parameter;

static int compare_slices(slice a, slice b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_parameters(const void *left, const void *right)
{
    const parameter *a = left;
    const parameter *b = right;
    int order = compare_slices(a->name, b->name);
    return order ? order : compare_slices(a->value, b->value);
}

static rip_status put_query(aws_signer *signer, const char *query, rip_error *err)
{
    if (!query || !*query) return RIP_OK;
    parameter parameters[PARAMETERS_MAX];
    size_t count = 0;
    rip_buffer_clear(&signer->query);
    /* '&' and '=' of the query itself must stay, so the pieces are encoded one by one. */
    for (const char *at = query; *at;) {
        size_t len = strcspn(at, "&");
        size_t name_len = 0;
        while (name_len < len && at[name_len] != '=') name_len++;
        put_encoded(&signer->query, (slice){at, name_len});
        rip_buffer_putc(&signer->query, '=');
        if (name_len < len) put_encoded(&signer->query, (slice){at + name_len + 1, len - name_len - 1});
        rip_buffer_putc(&signer->query, '&');
        at += len;
        if (*at) at++;
    }
    if (signer->query.failed) return rip_nomem(err);
    for (const char *at = signer->query.data; *at;) {
        size_t len = strcspn(at, "&");
        size_t name_len = strcspn(at, "=");
        if (len > 1 || name_len > 0) {
            if (count == PARAMETERS_MAX)
                return rip_fail(err, RIP_ELIMIT, "the request's query has more than %d parameters", PARAMETERS_MAX);
            parameters[count++] = (parameter){{at, name_len}, {at + name_len + 1, len - name_len - 1}};
        }
        at += len + 1;
    }
    qsort(parameters, count, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) rip_buffer_putc(&signer->canonical, '&');
        rip_buffer_append(&signer->canonical, parameters[i].name.at, parameters[i].name.len);
        rip_buffer_putc(&signer->canonical, '=');
        rip_buffer_append(&signer->canonical, parameters[i].value.at, parameters[i].value.len);
    }
    return RIP_OK;
}

/* The headers. */

static bool is_signed(const char *name, const aws_sign_options *options)
{
    if ((*name == 'x' || *name == 'X') && !options->omit_session_token && strncasecmp(name, "x-amz-", 6) == 0)
        return true; /* most are */
    static const char *const CHANGED_ON_THE_WAY[] = {"authorization",     "connection", "expect",         "user-agent",
                                                     "transfer-encoding", "te",         "x-amzn-trace-id"};
    for (size_t i = 0; i < sizeof CHANGED_ON_THE_WAY / sizeof *CHANGED_ON_THE_WAY; i++) {
        if (strcasecmp(name, CHANGED_ON_THE_WAY[i]) == 0) return false;
    }
    return !options->omit_session_token || strcasecmp(name, "x-amz-security-token") != 0;
}

static void put_lower(rip_buffer *out, const char *text)
{
    size_t len = strlen(text);
    if (!rip_buffer_reserve(out, len)) return;
    for (size_t i = 0; i < len; i++) {
        out->data[out->len++] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    }
    out->data[out->len] = '\0';
}

/** Without space at the ends, and with single spaces inside. */
static void put_trimmed(rip_buffer *out, const char *text)
{
    bool first = true;
    for (;;) {
        text += strspn(text, " \t");
        if (!*text) return;
        size_t len = strcspn(text, " \t");
        if (!first) rip_buffer_putc(out, ' ');
        first = false;
        rip_buffer_append(out, text, len);
        text += len;
    }
}

/** The headers that are signed, sorted by name; those of one name stay in their order. */
static rip_status sort_headers(const aws_http_request *request, const aws_sign_options *options, aws_header *sorted,
                               size_t *count, rip_error *err)
{
    static char host_name[] = "host"; /* outlives the sorted list's use */
    aws_header host = {host_name, request->host};
    *count = 0;
    for (size_t i = 0; i <= request->headers.count; i++) {
        const aws_header *header = i < request->headers.count ? &request->headers.items[i] : &host;
        if (!header->value || !is_signed(header->name, options)) continue;
        if (*count == HEADERS_MAX)
            return rip_fail(err, RIP_ELIMIT, "the request has more than %d headers", HEADERS_MAX);
        size_t at = (*count)++;
        while (at > 0 && strcasecmp(sorted[at - 1].name, header->name) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = *header;
    }
    return RIP_OK;
}

static void put_headers(aws_signer *signer, const aws_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && strcasecmp(headers[i].name, headers[i - 1].name) == 0;
        if (again) {
            rip_buffer_putc(&signer->canonical, ',');
        } else {
            if (i > 0) rip_buffer_putc(&signer->canonical, '\n');
            put_lower(&signer->canonical, headers[i].name);
            rip_buffer_putc(&signer->canonical, ':');
        }
        put_trimmed(&signer->canonical, headers[i].value);
    }
    rip_buffer_puts(&signer->canonical, "\n\n");
}

static void put_names(rip_buffer *out, const aws_header *headers, size_t count, const char *separator)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcasecmp(headers[i].name, headers[i - 1].name) == 0) continue;
        if (i > 0) rip_buffer_puts(out, separator);
        put_lower(out, headers[i].name);
    }
}

/* The signature. */

static bool tell_time(aws_signer *signer, int64_t second)
{
    time_t seconds = (time_t)second;
    struct tm utc;
    if (*signer->time && signer->second == second) return true;
    signer->second = second;
    bool told = gmtime_r(&seconds, &utc) && strftime(signer->time, sizeof signer->time, "%Y%m%dT%H%M%SZ", &utc) == 16;
    if (!told) *signer->time = '\0';
    return told;
}

static rip_status begin(aws_signer *signer, signing *s, const aws_http_request *request,
                        const aws_sign_options *options, rip_error *err)
{
    if (!request->method || !request->path || !request->host)
        return rip_fail(err, RIP_EINVAL, "a request without method, host or path can't be signed");
    if (!tell_time(signer, options->now_ms / 1000))
        return rip_fail(err, RIP_EINVAL, "%lld is no time a request can be signed at", (long long)options->now_ms);
    s->time = signer->time;
    int len =
        snprintf(s->scope, sizeof s->scope, "%.8s/%s/%s/aws4_request", s->time, options->region, options->service);
    if (len < 0 || (size_t)len >= sizeof s->scope)
        return rip_fail(err, RIP_EINVAL, "region %.64s or service %.64s is too long", options->region,
                        options->service);
    if (options->unsigned_body)
        snprintf(s->body, sizeof s->body, "UNSIGNED-PAYLOAD");
    else
        rip_sha256_hex(request->body.data ? request->body.data : "", request->body.len, s->body);
    return RIP_OK;
}

static rip_hmac *signing_key_of(aws_signer *signer, const char *secret, const signing *s,
                                const aws_sign_options *options)
{
    for (size_t i = 0; i < signer->count; i++) {
        const signing_key *known = &signer->keys[i];
        if (known->key && strcmp(known->scope, s->scope) == 0 && strcmp(known->secret, secret) == 0) return known->key;
    }
    char *copy = strdup(secret);
    if (!copy) return NULL;
    signing_key *fresh = &signer->keys[signer->next];
    signer->next = (signer->next + 1) % KEYS_MAX;
    if (signer->count < KEYS_MAX) signer->count++;
    forget(fresh);
    fresh->secret = copy;
    memcpy(fresh->scope, s->scope, sizeof fresh->scope);
    rip_buffer_clear(&signer->text);
    rip_buffer_printf(&signer->text, "AWS4%s", secret);
    if (signer->text.failed) return NULL;
    unsigned char key[RIP_SHA256_BYTES];
    rip_hmac_sha256(signer->text.data, signer->text.len, s->time, 8, key);
    rip_hmac_sha256(key, RIP_SHA256_BYTES, options->region, strlen(options->region), key);
    rip_hmac_sha256(key, RIP_SHA256_BYTES, options->service, strlen(options->service), key);
    rip_hmac_sha256(key, RIP_SHA256_BYTES, "aws4_request", 12, key);
    fresh->key = rip_hmac_new(key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(signer->text.data, signer->text.len);
    return fresh->key;
}

static rip_status finish(aws_signer *signer, const aws_http_request *request, const aws_header *headers, size_t count,
                         const aws_credentials *credentials, const aws_sign_options *options, signing *s,
                         rip_error *err)
{
    rip_hmac *key = signing_key_of(signer, credentials->secret_access_key, s, options);
    if (!key) return rip_nomem(err);
    rip_buffer *canonical = &signer->canonical;
    rip_buffer_clear(canonical);
    rip_buffer_puts(canonical, request->method);
    rip_buffer_putc(canonical, '\n');
    put_path(signer, request->path, options);
    rip_buffer_putc(canonical, '\n');
    rip_status status = put_query(signer, request->query, err);
    if (status != RIP_OK) return status;
    rip_buffer_putc(canonical, '\n');
    put_headers(signer, headers, count);
    put_names(canonical, headers, count, ";");
    rip_buffer_putc(canonical, '\n');
    rip_buffer_puts(canonical, s->body);
    if (canonical->failed) return rip_nomem(err);
    char digest[RIP_SHA256_HEX];
    rip_sha256_hex(canonical->data, canonical->len, digest);
    rip_buffer_clear(&signer->text);
    rip_buffer_puts(&signer->text, "AWS4-HMAC-SHA256\n");
    rip_buffer_puts(&signer->text, s->time);
    rip_buffer_putc(&signer->text, '\n');
    rip_buffer_puts(&signer->text, s->scope);
    rip_buffer_putc(&signer->text, '\n');
    rip_buffer_puts(&signer->text, digest);
    if (signer->text.failed) return rip_nomem(err);
    unsigned char signature[RIP_SHA256_BYTES];
    rip_hmac_sign(key, signer->text.data, signer->text.len, signature);
    rip_hex(signature, sizeof signature, s->signature);
    return RIP_OK;
}

rip_status aws_sign_request(aws_signer *signer, aws_http_request *request, const aws_credentials *credentials,
                            const aws_sign_options *options, rip_error *err)
{
    signing s = {0};
    aws_header headers[HEADERS_MAX];
    size_t count = 0;
    rip_status status = begin(signer, &s, request, options, err);
    if (status == RIP_OK) status = aws_headers_set(&request->headers, "X-Amz-Date", s.time, err);
    if (status == RIP_OK && credentials->session_token)
        status = aws_headers_set(&request->headers, "X-Amz-Security-Token", credentials->session_token, err);
    if (status == RIP_OK && options->sign_body)
        status = aws_headers_set(&request->headers, "x-amz-content-sha256", s.body, err);
    if (status == RIP_OK) status = sort_headers(request, options, headers, &count, err);
    if (status == RIP_OK) status = finish(signer, request, headers, count, credentials, options, &s, err);
    if (status != RIP_OK) return status;
    rip_buffer_clear(&signer->text);
    rip_buffer_puts(&signer->text, "AWS4-HMAC-SHA256 Credential=");
    rip_buffer_puts(&signer->text, credentials->access_key_id);
    rip_buffer_putc(&signer->text, '/');
    rip_buffer_puts(&signer->text, s.scope);
    rip_buffer_puts(&signer->text, ", SignedHeaders=");
    put_names(&signer->text, headers, count, ";");
    rip_buffer_puts(&signer->text, ", Signature=");
    rip_buffer_puts(&signer->text, s.signature);
    if (signer->text.failed) return rip_nomem(err);
    return aws_headers_set(&request->headers, "Authorization", signer->text.data, err);
}

static void put_token(rip_buffer *query, const char *token)
{
    rip_buffer_puts(query, "&X-Amz-Security-Token=");
    aws_uri_encode(query, token, strlen(token), false);
}

rip_status aws_presign_request(aws_signer *signer, aws_http_request *request, const aws_credentials *credentials,
                               const aws_sign_options *options, unsigned expires_s, rip_error *err)
{
    signing s = {0};
    aws_header headers[HEADERS_MAX];
    size_t count = 0;
    if (expires_s < 1 || expires_s > PRESIGNED_MAX_S)
        return rip_fail(err, RIP_EINVAL, "a signed URL lives 1 to %d seconds, not %u", PRESIGNED_MAX_S, expires_s);
    rip_status status = begin(signer, &s, request, options, err);
    if (status == RIP_OK) status = sort_headers(request, options, headers, &count, err);
    if (status != RIP_OK) return status;
    rip_buffer query = {0};
    const char *token = credentials->session_token;
    if (request->query && *request->query) rip_buffer_printf(&query, "%s&", request->query);
    rip_buffer_printf(&query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F", credentials->access_key_id);
    aws_uri_encode(&query, s.scope, strlen(s.scope), false);
    rip_buffer_printf(&query, "&X-Amz-Date=%s&X-Amz-SignedHeaders=", s.time);
    put_names(&query, headers, count, "%3B");
    rip_buffer_printf(&query, "&X-Amz-Expires=%u", expires_s);
    if (token && !options->omit_session_token) put_token(&query, token);
    aws_http_request with = *request;
    with.query = query.data;
    status = query.failed ? rip_nomem(err) : finish(signer, &with, headers, count, credentials, options, &s, err);
    if (status == RIP_OK) {
        if (token && options->omit_session_token) put_token(&query, token);
        rip_buffer_printf(&query, "&X-Amz-Signature=%s", s.signature);
        char *whole = rip_buffer_take(&query, NULL);
        if (!whole) return rip_nomem(err);
        free(request->query);
        request->query = whole;
    }
    rip_buffer_free(&query);
    return status;
}
