/* OAuth 2.0 for EventBridge connections: a sender's name and secret are a client's id and secret, for which it gets a
 * bearer token that is good for an hour.
 *
 * Follows: RFC 6749, sections 2.3.1 (both ways of client authentication), 4.4 and 5. */
#ifndef RIPOSTE_SERVE_WEBHOOK_TOKEN_H
#define RIPOSTE_SERVE_WEBHOOK_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/serve/webhook_senders.h"

#define WEBHOOK_TOKEN_TEXT 128
#define WEBHOOK_TOKEN_SECONDS 3600

/** Tokens are not kept: each says until when it is good, and is signed with the sender's secret. */
void webhook_token_make(const char *name, const char *secret, int64_t now_ms, char out[WEBHOOK_TOKEN_TEXT]);
/** Whether it is that sender's, and still good. */
bool webhook_token_is_of(const char *token, const char *name, const char *secret, int64_t now_ms);

/** Answer a request for a token. */
void webhook_token_answer(const senders *s, http_exchange *x, int64_t now_ms);

#endif
