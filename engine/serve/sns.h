/* Messages as Amazon SNS posts them, and whether SNS has signed them.
 *
 * Follows: Amazon SNS Developer Guide, "Parsing Amazon SNS message formats" and "Verifying the signatures of Amazon SNS
 * messages". */
#ifndef RIPOSTE_SERVE_SNS_H
#define RIPOSTE_SERVE_SNS_H

#include <jansson.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

typedef enum sns_type { SNS_NOTIFICATION, SNS_SUBSCRIPTION_CONFIRMATION, SNS_UNSUBSCRIBE_CONFIRMATION } sns_type;

/** Strings are the document's. */
typedef struct sns_message {
    json_t *document;
    sns_type type;
    unsigned version; /* of the signature: 1 (SHA-1) or 2 (SHA-256) */
    const char *id, *topic, *message, *timestamp, *signature, *certificate_url;
    const char *subject;       /* NULL: none */
    const char *subscribe_url; /* of confirmations */
    const char *token;
    char host[128]; /* the host of SNS in the topic's region and partition */
} sns_message;

/** Read a message. RIP_EINVAL: it is none, or its certificate or its confirmation is not at the host of SNS in the
 * region of its topic. Nothing in it is to be believed before it is verified. */
rip_status sns_parse(const char *bytes, size_t len, sns_message *out, rip_error *err);
void sns_message_free(sns_message *m);

/** Whether the holder of the certificate (PEM) has signed it, within the last day. RIP_EDENIED tells why not. */
rip_status sns_verify(const sns_message *m, const char *pem, size_t len, int64_t now_ms, rip_error *err);

/** The text that is signed. */
void sns_signed_text(const sns_message *m, rip_buffer *out);

#endif
