#include "engine/serve/signature.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIED 32
#define TIME_DIGITS 12

static int nibble(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool read_digest(const char *text, size_t len, unsigned char out[RIP_SHA256_BYTES])
{
    if (len != RIP_SHA256_HEX - 1) return false;
    for (size_t i = 0; i < RIP_SHA256_BYTES; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_time(const char *text, size_t len, signature *out)
{
    if (out->at || len == 0 || len > TIME_DIGITS || strspn(text, "0123456789") < len) return false;
    memcpy(out->at_text, text, len);
    out->at_text[len] = '\0';
    out->at = strtoll(out->at_text, NULL, 10);
    return out->at > 0;
}

rip_status signature_parse(const char *header, signature *out, rip_error *err)
{
    *out = (signature){0};
    bool right = true;
    for (const char *at = header; *at && right;) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ",");
        if (len > 2 && strncmp(at, "t=", 2) == 0)
            right = read_time(at + 2, len - 2, out);
        else if (len > 3 && strncmp(at, "v1=", 3) == 0)
            right = out->count < SIGNATURES_MOST && read_digest(at + 3, len - 3, out->v1[out->count++]);
        at += len;
        if (*at == ',') at++;
    }
    if (right && out->at && out->count) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, SIGNATURE_HEADER ": expected t=SECONDS,v1=HEX");
}

bool signature_is_timely(const signature *s, int64_t now_ms)
{
    int64_t away = now_ms - s->at * 1000;
    return away <= SIGNATURE_WINDOW_MS && away >= -SIGNATURE_WINDOW_MS;
}

bool signature_is_of(const signature *s, const char *secret, const char *body, size_t len)
{
    unsigned char digest[RIP_SHA256_BYTES];
    size_t head = strlen(s->at_text) + 1;
    char *text = malloc(head + len);
    if (!text) return false;
    memcpy(text, s->at_text, head - 1);
    text[head - 1] = '.';
    if (len) memcpy(text + head, body, len);
    rip_hmac_sha256(secret, strlen(secret), text, head + len, digest);
    free(text);
    int same = 0;
    for (size_t i = 0; i < s->count; i++) same |= CRYPTO_memcmp(s->v1[i], digest, sizeof digest) == 0;
    return same;
}

static struct replay_place *replay_find(replay *r, const unsigned char digest[RIP_SHA256_BYTES], int64_t now_ms,
                                        struct replay_place **vacant)
{
    uint32_t start;
    memcpy(&start, digest, sizeof start);
    for (uint32_t i = 0; i < TRIED; i++) {
        struct replay_place *p = &r->places[(start + i) % REPLAY_PLACES];
        bool is_free = p->until_ms == 0 || (p->kept && p->until_ms <= now_ms);
        if (!is_free && memcmp(p->digest, digest, sizeof p->digest) == 0) return p;
        if (is_free && !*vacant) *vacant = p;
    }
    return NULL;
}

replay_state replay_begin(replay *r, const unsigned char digest[RIP_SHA256_BYTES], int64_t now_ms)
{
    struct replay_place *vacant = NULL, *found = replay_find(r, digest, now_ms, &vacant);
    if (found) return found->kept ? REPLAY_KEPT : REPLAY_PENDING;
    if (!vacant) return REPLAY_FULL;
    memcpy(vacant->digest, digest, sizeof vacant->digest);
    /* Its time may lie ahead by the window, and is good until the window has passed once more. */
    vacant->until_ms = now_ms + INT64_C(2) * SIGNATURE_WINDOW_MS + 1000;
    vacant->kept = false;
    return REPLAY_NEW;
}

void replay_end(replay *r, const unsigned char digest[RIP_SHA256_BYTES], bool kept)
{
    struct replay_place *vacant = NULL, *found = replay_find(r, digest, 0, &vacant);
    if (!found) return;
    found->kept = kept;
    if (!kept) found->until_ms = 0;
}
