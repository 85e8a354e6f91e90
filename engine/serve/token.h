/* Bearer tokens of the API: who has them, and what for. Only their SHA-256 is kept. */
#ifndef RIPOSTE_SERVE_TOKEN_H
#define RIPOSTE_SERVE_TOKEN_H

#include "engine/base/config.h"
#include "engine/base/digest.h"

/** Each may do what those before it may. */
typedef enum token_role {
    TOKEN_NONE,     /* no token is needed */
    TOKEN_VIEWER,   /* may look */
    TOKEN_APPROVER, /* …and decide about plans */
    TOKEN_OPERATOR  /* …and retry, cancel, undo and pause */
} token_role;

typedef struct api_token {
    const char *name; /* whose it is; borrowed from the configuration */
    token_role role;
    char digest[RIP_SHA256_HEX];
} api_token;

typedef struct tokens {
    api_token *all;
    size_t count;
} tokens;

/** Those of `api.tokens`. RIP_EINVAL names the row that is wrong. */
rip_status tokens_load(const rip_config *config, tokens *out, rip_error *err);
void tokens_free(tokens *t);

/** The one that an Authorization header (may be NULL) has, or NULL. */
const api_token *tokens_find(const tokens *t, const char *authorization);

bool token_role_parse(const char *name, token_role *out);

#define TOKEN_TEXT 48

/** A new one, of 256 random bits, and its digest. RIP_EIO: the machine has no random numbers. */
rip_status token_make(char text[TOKEN_TEXT], char digest[RIP_SHA256_HEX], rip_error *err);

#endif
