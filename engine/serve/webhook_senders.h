/* Who may post events: the configuration's `webhooks`, with their secrets. */
#ifndef RIPOSTE_SERVE_WEBHOOK_SENDERS_H
#define RIPOSTE_SERVE_WEBHOOK_SENDERS_H

#include "engine/base/config.h"
#include "engine/serve/http.h"
#include "engine/serve/signature.h"

typedef enum sender_kind { SENDER_EVENTBRIDGE, SENDER_SNS, SENDER_HMAC } sender_kind;

#define SENDER_SECRETS_MOST 4

typedef struct sender {
    const char *name;
    sender_kind kind;
    const char *header;                 /* that has the API key; NULL: none */
    const char *user;                   /* of Basic; NULL: none */
    const char *topic;                  /* pattern of a topic's ARN */
    char *secrets[SENDER_SECRETS_MOST]; /* the new and the old while they are changed */
    size_t secret_count;
} sender;

/** Strings are borrowed from the configuration. */
typedef struct senders {
    sender *all;
    size_t count;
} senders;

/** RIP_EINVAL names the row that is wrong; RIP_EIO or RIP_ENOTFOUND the file. */
rip_status senders_load(const rip_config *config, senders *out, rip_error *err);
void senders_free(senders *s);

/** The sender of kind eventbridge whose API key, Basic credentials or bearer token the request has, or NULL. */
const sender *senders_by_header(const senders *s, const http_exchange *x, int64_t now_ms);
/** …of kind eventbridge, with bearer tokens, whose name and secret these are. */
const sender *senders_by_client(const senders *s, const char *id, const char *secret);
/** …of kind hmac whose secret has signed the body. */
const sender *senders_by_signature(const senders *s, const signature *by, const char *body, size_t len);
/** …of kind sns that the topic belongs to. */
const sender *senders_by_topic(const senders *s, const char *topic);

#endif
