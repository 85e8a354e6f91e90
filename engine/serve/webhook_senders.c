#include "engine/serve/webhook_senders.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/data.h"
#include "engine/base/glob.h"
#include "engine/serve/webhook_token.h"

#define KEY "webhooks"
#define SECRET_FILE_MOST 4096
#define SECRET_LEAST 16

/* Loading. */

static rip_status load_secrets(const char *path, sender *s, rip_error *err)
{
    char *text = NULL, *rest = NULL;
    size_t len;
    rip_status status = rip_read_file(path, SECRET_FILE_MOST, &text, &len, err);
    if (status != RIP_OK) return status;
    for (char *line = strtok_r(text, "\r\n", &rest); line && status == RIP_OK; line = strtok_r(NULL, "\r\n", &rest)) {
        if (strlen(line) < SECRET_LEAST || s->secret_count == SENDER_SECRETS_MOST)
            status = rip_fail(err, RIP_EINVAL, "%s: expected 1 to %d lines of %d characters or more", path,
                              SENDER_SECRETS_MOST, SECRET_LEAST);
        else if (!(s->secrets[s->secret_count++] = strdup(line)))
            status = rip_nomem(err);
    }
    OPENSSL_cleanse(text, len);
    free(text);
    if (status == RIP_OK && s->secret_count == 0) status = rip_fail(err, RIP_EINVAL, "%s: holds no secret", path);
    return status;
}

static rip_status load_one(const rip_config *config, size_t row, sender *s, rip_error *err)
{
    static const char *const KINDS[] = {"eventbridge", "sns", "hmac"};
    const char *kind = rip_config_cell(config, KEY, row, "kind");
    const char *file = rip_config_cell(config, KEY, row, "secret_file");
    *s = (sender){.name = rip_config_cell(config, KEY, row, "name"),
                  .header = rip_config_cell(config, KEY, row, "header"),
                  .user = rip_config_cell(config, KEY, row, "user"),
                  .topic = rip_config_cell(config, KEY, row, "topic")};
    size_t i = 0;
    while (i < 3 && strcmp(KINDS[i], kind) != 0) i++;
    if (i == 3) return rip_fail(err, RIP_EINVAL, "%s: expected kind eventbridge, sns or hmac", kind);
    s->kind = (sender_kind)i;
    if (s->kind == SENDER_SNS && !s->topic)
        return rip_fail(err, RIP_EINVAL, "anybody's topic would do: name its ARN in `topic`");
    if (s->kind == SENDER_SNS) return RIP_OK;
    if (!file) return rip_fail(err, RIP_EINVAL, "it needs a `secret_file`");
    return load_secrets(file, s, err);
}

rip_status senders_load(const rip_config *config, senders *out, rip_error *err)
{
    size_t count = rip_config_rows(config, KEY);
    *out = (senders){.all = calloc(count + 1, sizeof(sender))};
    if (!out->all) return rip_nomem(err);
    for (; out->count < count; out->count++) {
        rip_status status = load_one(config, out->count, &out->all[out->count], err);
        if (status == RIP_OK) continue;
        rip_error_prefix(err, KEY "[%zu]: ", out->count + 1);
        out->count++;
        senders_free(out);
        return status;
    }
    return RIP_OK;
}

void senders_free(senders *s)
{
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->all[i].secret_count; k++) {
            char *secret = s->all[i].secrets[k];
            if (secret) OPENSSL_cleanse(secret, strlen(secret));
            free(secret);
        }
    }
    free(s->all);
    *s = (senders){0};
}

/* Telling who it is. Every comparison takes the same time whether it fits or not. */

static bool same(const char *given, const char *expected)
{
    unsigned char a[RIP_SHA256_BYTES], b[RIP_SHA256_BYTES];
    rip_sha256(given, strlen(given), a);
    rip_sha256(expected, strlen(expected), b);
    return CRYPTO_memcmp(a, b, sizeof a) == 0;
}

/* What follows the scheme's name in an Authorization header; NULL: another scheme. */
static const char *credentials_of(const char *authorization, const char *scheme)
{
    size_t len = strlen(scheme);
    if (!authorization || strncasecmp(authorization, scheme, len) != 0 || authorization[len] != ' ') return NULL;
    return authorization + len + strspn(authorization + len, " ");
}

static bool is_basic(const char *given, const char *user, const char *secret)
{
    rip_buffer pair = {0};
    rip_buffer_printf(&pair, "%s:%s", user, secret);
    char *encoded = pair.failed ? NULL : malloc(4 * ((pair.len + 2) / 3) + 1);
    if (encoded) EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)pair.data, (int)pair.len);
    bool good = encoded && same(given, encoded);
    if (pair.data) OPENSSL_cleanse(pair.data, pair.len);
    if (encoded) OPENSSL_cleanse(encoded, strlen(encoded));
    rip_buffer_free(&pair);
    free(encoded);
    return good;
}

static bool has_bearer(const sender *s)
{
    return s->kind == SENDER_EVENTBRIDGE && !s->header && !s->user;
}

static bool is_by_header(const sender *s, const http_exchange *x, int64_t now_ms)
{
    const char *authorization = http_header(x, "Authorization");
    const char *given =
        s->header ? http_header(x, s->header) : credentials_of(authorization, s->user ? "Basic" : "Bearer");
    bool good = false;
    for (size_t i = 0; given && i < s->secret_count; i++) {
        good |= s->user && !s->header ? is_basic(given, s->user, s->secrets[i]) : same(given, s->secrets[i]);
        good |= has_bearer(s) && webhook_token_is_of(given, s->name, s->secrets[i], now_ms);
    }
    return good;
}

const sender *senders_by_header(const senders *s, const http_exchange *x, int64_t now_ms)
{
    const sender *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (s->all[i].kind == SENDER_EVENTBRIDGE && is_by_header(&s->all[i], x, now_ms)) found = &s->all[i];
    }
    return found;
}

const sender *senders_by_client(const senders *s, const char *id, const char *secret)
{
    const sender *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const sender *each = &s->all[i];
        if (!has_bearer(each) || strcmp(each->name, id) != 0) continue;
        for (size_t k = 0; k < each->secret_count; k++) {
            if (same(secret, each->secrets[k])) found = each;
        }
    }
    return found;
}

const sender *senders_by_signature(const senders *s, const signature *by, const char *body, size_t len)
{
    const sender *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; s->all[i].kind == SENDER_HMAC && k < s->all[i].secret_count; k++) {
            if (signature_is_of(by, s->all[i].secrets[k], body, len)) found = &s->all[i];
        }
    }
    return found;
}

const sender *senders_by_topic(const senders *s, const char *topic)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->all[i].kind == SENDER_SNS && rip_glob_match(s->all[i].topic, topic)) return &s->all[i];
    }
    return NULL;
}
