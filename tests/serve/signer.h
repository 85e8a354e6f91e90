/* A key and its certificate as SNS has them, made anew for a test. */
#ifndef RIPOSTE_TESTS_SERVE_SIGNER_H
#define RIPOSTE_TESTS_SERVE_SIGNER_H

#include <jansson.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct signer {
    EVP_PKEY *key;
    char *certificate, *private_key; /* PEM */
} signer;

/** `days` from yesterday on; below 0: it has expired. Its name is `name`. */
void signer_open(signer *s, int bits, int days, const char *name);
void signer_close(signer *s);

/** A message of SNS in the topic's region, of today, not signed yet. New reference. */
json_t *signer_message(const char *type, const char *topic, const char *message);
/** Put the signature in that belongs to its SignatureVersion. */
void signer_sign(const signer *s, json_t *message);

#endif
