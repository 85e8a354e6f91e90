#include "engine/serve/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY "api.tokens"
#define BITS 256

bool token_role_parse(const char *name, token_role *out)
{
    static const char *const NAMES[] = {"viewer", "approver", "operator"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *out = (token_role)(TOKEN_VIEWER + i);
        return true;
    }
    return false;
}

static rip_status load_one(const rip_config *config, size_t row, api_token *t, rip_error *err)
{
    const char *role = rip_config_cell(config, KEY, row, "role"), *digest = rip_config_cell(config, KEY, row, "sha256");
    *t = (api_token){.name = rip_config_cell(config, KEY, row, "name")};
    if (!token_role_parse(role, &t->role))
        return rip_fail(err, RIP_EINVAL, KEY "[%zu]: %s: expected viewer, approver or operator", row + 1, role);
    if (strlen(digest) != RIP_SHA256_HEX - 1 || strspn(digest, "0123456789abcdefABCDEF") != RIP_SHA256_HEX - 1)
        return rip_fail(err, RIP_EINVAL, KEY "[%zu]: sha256: expected 64 hexadecimal digits", row + 1);
    for (size_t i = 0; digest[i]; i++) t->digest[i] = (char)(digest[i] | 0x20); /* lower case; digits stay */
    return RIP_OK;
}

rip_status tokens_load(const rip_config *config, tokens *out, rip_error *err)
{
    size_t count = rip_config_rows(config, KEY);
    *out = (tokens){.all = calloc(count + 1, sizeof(api_token)), .count = count};
    rip_status status = out->all ? RIP_OK : rip_nomem(err);
    for (size_t i = 0; i < count && status == RIP_OK; i++) status = load_one(config, i, &out->all[i], err);
    if (status != RIP_OK) tokens_free(out);
    return status;
}

void tokens_free(tokens *t)
{
    free(t->all);
    *t = (tokens){0};
}

const api_token *tokens_find(const tokens *t, const char *authorization)
{
    static const char SCHEME[] = "Bearer ";
    char digest[RIP_SHA256_HEX];
    const api_token *found = NULL;
    if (!authorization || strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0) return NULL;
    const char *text = authorization + strlen(SCHEME);
    text += strspn(text, " ");
    rip_sha256_hex(text, strlen(text), digest);
    for (size_t i = 0; i < t->count; i++) {
        if (CRYPTO_memcmp(t->all[i].digest, digest, sizeof digest) == 0) found = &t->all[i];
    }
    return found;
}

rip_status token_make(char text[TOKEN_TEXT], char digest[RIP_SHA256_HEX], rip_error *err)
{
    unsigned char bits[BITS / 8];
    char encoded[TOKEN_TEXT];
    if (RAND_bytes(bits, sizeof bits) != 1) return rip_fail(err, RIP_EIO, "the machine gives no random numbers");
    EVP_EncodeBlock((unsigned char *)encoded, bits, sizeof bits);
    OPENSSL_cleanse(bits, sizeof bits);
    encoded[strcspn(encoded, "=")] = '\0';
    for (char *c = encoded; *c; c++) *c = *c == '+' ? '-' : *c == '/' ? '_' : *c; /* RFC 4648, section 5 */
    snprintf(text, TOKEN_TEXT, "rpt_%.43s", encoded);
    rip_sha256_hex(text, strlen(text), digest);
    return RIP_OK;
}
