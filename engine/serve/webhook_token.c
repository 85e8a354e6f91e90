#include "engine/serve/webhook_token.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/serve/html.h"

#define BASIC_MOST 1024

/* Signed with the sender's secret, beside which nothing else is signed that begins so. */
static void sign(const char *name, const char *secret, int64_t until, char hex[RIP_SHA256_HEX])
{
    unsigned char digest[RIP_SHA256_BYTES];
    rip_buffer text = {0};
    rip_buffer_printf(&text, "riposte webhook token\n%s\n%" PRId64, name, until);
    rip_hmac_sha256(secret, strlen(secret), text.data ? text.data : "", text.len, digest);
    rip_hex(digest, sizeof digest, hex);
    rip_buffer_free(&text);
}

void webhook_token_make(const char *name, const char *secret, int64_t now_ms, char out[WEBHOOK_TOKEN_TEXT])
{
    char hex[RIP_SHA256_HEX];
    int64_t until = now_ms / 1000 + WEBHOOK_TOKEN_SECONDS;
    sign(name, secret, until, hex);
    snprintf(out, WEBHOOK_TOKEN_TEXT, "rpw_%" PRId64 ".%s", until, hex);
}

bool webhook_token_is_of(const char *token, const char *name, const char *secret, int64_t now_ms)
{
    char hex[RIP_SHA256_HEX], *end;
    if (strncmp(token, "rpw_", 4) != 0 || token[4] < '0' || token[4] > '9') return false;
    int64_t until = strtoll(token + 4, &end, 10);
    if (*end != '.' || strlen(end + 1) != RIP_SHA256_HEX - 1) return false;
    sign(name, secret, until, hex);
    return CRYPTO_memcmp(hex, end + 1, RIP_SHA256_HEX - 1) == 0 && now_ms / 1000 < until;
}

/* Asking for one. */

static void refuse(http_exchange *x, unsigned status, const char *code)
{
    static const char *const ASK[] = {"WWW-Authenticate", "Basic realm=\"riposte\"", NULL};
    char body[64];
    int len = snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", code);
    http_answer(x, status, "application/json", body, (size_t)len, status == 401 ? ASK : NULL);
}

/* "Basic aWQ6c2VjcmV0" to its two parts, which are to be freed. */
static void read_basic(const char *authorization, char **id, char **secret)
{
    static const char SCHEME[] = "Basic ";
    unsigned char pair[BASIC_MOST];
    if (strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0) return;
    const char *text = authorization + strlen(SCHEME);
    size_t len = strlen(text);
    if (len % 4 != 0 || len >= sizeof pair) return;
    int got = EVP_DecodeBlock(pair, (const unsigned char *)text, (int)len);
    if (got < 0) return;
    pair[got] = '\0';
    char *colon = strchr((char *)pair, ':');
    if (colon) *id = strndup((char *)pair, (size_t)(colon - (char *)pair));
    if (colon) *secret = strdup(colon + 1);
    OPENSSL_cleanse(pair, sizeof pair);
}

static void give(http_exchange *x, const sender *to, int64_t now_ms)
{
    char token[WEBHOOK_TOKEN_TEXT], body[256];
    webhook_token_make(to->name, to->secrets[0], now_ms, token);
    int len = snprintf(body, sizeof body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d}\n",
                       token, WEBHOOK_TOKEN_SECONDS);
    http_answer(x, 200, "application/json", body, (size_t)len, NULL);
}

void webhook_token_answer(const senders *s, http_exchange *x, int64_t now_ms)
{
    size_t len;
    const char *body = http_body(x, &len), *authorization = http_header(x, "Authorization");
    char *id = NULL, *secret = NULL, *grant = html_form_field(body, len, "grant_type");
    if (authorization) {
        read_basic(authorization, &id, &secret);
    } else {
        id = html_form_field(body, len, "client_id");
        secret = html_form_field(body, len, "client_secret");
    }
    const sender *who = id && secret ? senders_by_client(s, id, secret) : NULL;
    if (!grant || strcmp(grant, "client_credentials") != 0)
        refuse(x, 400, grant ? "unsupported_grant_type" : "invalid_request");
    else if (!who)
        refuse(x, 401, "invalid_client");
    else
        give(x, who, now_ms);
    if (secret) OPENSSL_cleanse(secret, strlen(secret));
    free(id);
    free(secret);
    free(grant);
}
