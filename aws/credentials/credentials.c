#include "aws/credentials/credentials.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"

/* A session token of several thousand bytes is usual; one past this would fit no request. */
#define SECRET_MAX 16384

void aws_secret_free(char *secret)
{
    if (!secret) return;
    OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

static bool is_visible(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > SECRET_MAX) return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') return false;
    }
    return true;
}

rip_status aws_credentials_new(const char *id, const char *secret, const char *token, const char *account,
                               int64_t expires_ms, const char *source, aws_credentials **out, rip_error *err)
{
    if (!id || !is_visible(id)) return rip_fail(err, RIP_EINVAL, "%s: the access key id is missing or broken", source);
    if (!secret || !is_visible(secret))
        return rip_fail(err, RIP_EINVAL, "%s: the secret access key is missing or broken", source);
    if (token && *token && !is_visible(token))
        return rip_fail(err, RIP_EINVAL, "%s: the session token is broken", source);
    aws_credentials *c = calloc(1, sizeof *c);
    if (!c) return rip_nomem(err);
    c->references = 1;
    c->source = source;
    c->expires_ms = expires_ms;
    c->access_key_id = strdup(id);
    c->secret_access_key = strdup(secret);
    if (token && *token) c->session_token = strdup(token);
    if (account && *account) c->account_id = strdup(account);
    bool whole = c->access_key_id && c->secret_access_key && (c->session_token || !token || !*token) &&
                 (c->account_id || !account || !*account);
    if (!whole) {
        aws_credentials_unref(c);
        return rip_nomem(err);
    }
    *out = c;
    return RIP_OK;
}

bool aws_expiry_parse(const char *text, int64_t *ms)
{
    static const char UTC[] = "UTC";
    char zulu[40];
    size_t len = strlen(text);
    if (len < sizeof UTC - 1 || len >= sizeof zulu || strcmp(text + len - (sizeof UTC - 1), UTC) != 0)
        return rip_time_parse(text, ms);
    snprintf(zulu, sizeof zulu, "%.*sZ", (int)(len - (sizeof UTC - 1)), text);
    return rip_time_parse(zulu, ms);
}

rip_status aws_credentials_from_json(const json_t *object, const aws_credentials_names *names, const char *source,
                                     aws_credentials **out, rip_error *err)
{
    const json_t *expires = json_object_get(object, names->expires);
    int64_t expires_ms = json_integer_value(expires);
    if (json_is_string(expires) && !aws_expiry_parse(json_string_value(expires), &expires_ms))
        return rip_fail(err, RIP_EINVAL, "%s: %s is no date and time", source, names->expires);
    const char *account = names->account ? json_string_value(json_object_get(object, names->account)) : NULL;
    return aws_credentials_new(json_string_value(json_object_get(object, names->id)),
                               json_string_value(json_object_get(object, names->secret)),
                               json_string_value(json_object_get(object, names->token)), account, expires_ms, source,
                               out, err);
}

aws_credentials *aws_credentials_ref(aws_credentials *credentials)
{
    if (credentials) credentials->references++;
    return credentials;
}

void aws_credentials_unref(aws_credentials *credentials)
{
    if (!credentials || --credentials->references > 0) return;
    aws_secret_free(credentials->access_key_id);
    aws_secret_free(credentials->secret_access_key);
    aws_secret_free(credentials->session_token);
    free(credentials->account_id);
    free(credentials);
}
