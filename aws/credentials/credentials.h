/* Whose requests they are. A set of credentials is shared by reference, never printed, and wiped when the last
 * reference goes. */
#ifndef RIPOSTE_AWS_CREDENTIALS_CREDENTIALS_H
#define RIPOSTE_AWS_CREDENTIALS_CREDENTIALS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/error.h"

typedef struct aws_credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: long-term credentials */
    char *account_id;    /* NULL: the source did not say */
    int64_t expires_ms;  /* since the epoch; 0: never */
    const char *source;  /* the provider's name, for messages: "environment" */
    unsigned references;
} aws_credentials;

/** A new set with one reference; all strings are copied, and `token` and `account` may be NULL or "". `source` is a
 * literal. RIP_EINVAL where a key is empty or could not stand in an HTTP header; the message shows no secret. */
rip_status aws_credentials_new(const char *id, const char *secret, const char *token, const char *account,
                               int64_t expires_ms, const char *source, aws_credentials **out, rip_error *err);

/** The names under which a JSON document holds credentials. */
typedef struct aws_credentials_names {
    const char *id, *secret, *token, *account, *expires;
} aws_credentials_names;

/** When credentials end: an RFC 3339 time, or one that ends in "UTC", as older tools write it. False: neither. */
bool aws_expiry_parse(const char *text, int64_t *ms);
/** From a JSON object. The time of expiry may be an RFC 3339 string or a number of milliseconds. */
rip_status aws_credentials_from_json(const json_t *object, const aws_credentials_names *names, const char *source,
                                     aws_credentials **out, rip_error *err);

aws_credentials *aws_credentials_ref(aws_credentials *credentials);
/** Drop a reference (NULL: nothing); the last one wipes the memory. */
void aws_credentials_unref(aws_credentials *credentials);

/** Overwrite a string and free it. */
void aws_secret_free(char *secret);

#endif
