/* Links that let a person in to decide about one plan. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/notify/notify.h"

#define TIME_BYTES 8
#define MAC_BYTES 32
#define RAW_BYTES (TIME_BYTES + MAC_BYTES)
#define TOKEN_LEN 54 /* 40 bytes in base64url without padding */

/* The key also makes the digests that stand for secrets. Nothing a playbook calls a secret begins with NUL, so no such
 * digest is ever a link. */
static void sign(const journal *j, const char *run, int64_t expires_ms, unsigned char mac[MAC_BYTES])
{
    char about[RIP_SHA256_HEX], text[160], hex[RIP_SHA256_HEX];
    rip_sha256_hex(run, strlen(run), about);
    int len = snprintf(text, sizeof text, "%capproval-link/1 %s %lld", 0, about, (long long)expires_ms);
    journal_digest(j, text, (size_t)len, hex);
    for (size_t i = 0; i < MAC_BYTES; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        mac[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
}

void notify_link_make(const journal *j, const char *run, int64_t expires_ms, char out[256])
{
    unsigned char raw[RAW_BYTES];
    for (size_t i = 0; i < TIME_BYTES; i++)
        raw[i] = (unsigned char)((uint64_t)expires_ms >> (8 * (TIME_BYTES - 1 - i)));
    sign(j, run, expires_ms, raw + TIME_BYTES);
    char *end = out + EVP_EncodeBlock((unsigned char *)out, raw, sizeof raw);
    for (char *c = out; c < end; c++) {
        if (*c == '+') *c = '-';
        if (*c == '/') *c = '_';
    }
    out[TOKEN_LEN] = '\0';
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* When a token ends: its first eight bytes. False: it is none. */
static bool read_expiry(const char *token, int64_t *expires_ms)
{
    uint64_t bits = 0;
    if (strlen(token) != TOKEN_LEN) return false;
    for (size_t i = 0; i < 11; i++) { /* 66 bits, of which the last two are the signature's */
        int value = value_of(token[i]);
        if (value < 0) return false;
        bits = i < 10 ? bits << 6 | (uint64_t)value : bits << 4 | (uint64_t)value >> 2;
    }
    *expires_ms = (int64_t)bits;
    return true;
}

rip_status notify_link_check(const journal *j, const char *token, const char *run, int64_t now_ms, rip_error *err)
{
    char good[256];
    int64_t expires_ms;
    if (!read_expiry(token, &expires_ms))
        return rip_fail(err, RIP_EDENIED, "this is no approval link: ask for a new one");
    notify_link_make(j, run, expires_ms, good);
    if (CRYPTO_memcmp(good, token, TOKEN_LEN) != 0)
        return rip_fail(err, RIP_EDENIED, "this approval link is not for this run, or was changed on its way");
    if (now_ms >= expires_ms) return rip_fail(err, RIP_EDENIED, "this approval link has expired");
    return RIP_OK;
}
