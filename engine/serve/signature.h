/* Requests that are signed with a shared secret: "X-Riposte-Signature: t=<seconds since the epoch>,v1=<hex>", where v1
 * is HMAC-SHA-256 over "t.body", and the memory of those that were seen, so that none is taken twice. */
#ifndef RIPOSTE_SERVE_SIGNATURE_H
#define RIPOSTE_SERVE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/digest.h"
#include "engine/base/error.h"

#define SIGNATURE_HEADER "X-Riposte-Signature"
#define SIGNATURE_WINDOW_MS (5 * 60 * 1000)
#define SIGNATURES_MOST 4

/** A header with several signatures is one whose sender changes its secret. */
typedef struct signature {
    int64_t at; /* seconds */
    char at_text[24];
    unsigned char v1[SIGNATURES_MOST][RIP_SHA256_BYTES];
    size_t count;
} signature;

/** Parts of other names are passed over. RIP_EINVAL: no time, no v1, or too many of them. */
rip_status signature_parse(const char *header, signature *out, rip_error *err);

/** Whether the time is within five minutes of `now_ms`. */
bool signature_is_timely(const signature *s, int64_t now_ms);

/** Whether one of them is the secret's over `body`. Takes the same time whichever is wrong. */
bool signature_is_of(const signature *s, const char *secret, const char *body, size_t len);

#define REPLAY_PLACES 16384

/** Zero-initialise. */
typedef struct replay {
    struct replay_place {
        unsigned char digest[RIP_SHA256_BYTES];
        int64_t until_ms; /* 0: free */
        bool kept;
    } places[REPLAY_PLACES];
} replay;

typedef enum replay_state {
    REPLAY_NEW,     /* it is noted now: replay_end it */
    REPLAY_PENDING, /* the same is being taken in */
    REPLAY_KEPT,    /* it was taken in before */
    REPLAY_FULL     /* too many within the window to be sure */
} replay_state;

replay_state replay_begin(replay *r, const unsigned char digest[RIP_SHA256_BYTES], int64_t now_ms);
/** It was kept, or was not and may come again. */
void replay_end(replay *r, const unsigned char digest[RIP_SHA256_BYTES], bool kept);

#endif
