/* SHA-256 and HMAC, on OpenSSL. */
#ifndef RIPOSTE_BASE_DIGEST_H
#define RIPOSTE_BASE_DIGEST_H

#include <stddef.h>

#define RIP_SHA256_BYTES 32
#define RIP_SHA256_HEX 65 /* with its NUL */

void rip_sha256(const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES]);
void rip_sha256_hex(const void *bytes, size_t len, char out[RIP_SHA256_HEX]);
void rip_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     unsigned char out[RIP_SHA256_BYTES]);

/** A key made ready: each text that is authenticated with it then costs its own digest and one block's. */
typedef struct rip_hmac rip_hmac;

rip_hmac *rip_hmac_new(const void *key, size_t key_len);
/** Not by two threads at once. */
void rip_hmac_sign(rip_hmac *hmac, const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES]);
void rip_hmac_free(rip_hmac *hmac); /* the key's traces are wiped */

/** Lower-case hexadecimal; `out` has 2 * len + 1 bytes. */
void rip_hex(const unsigned char *bytes, size_t len, char *out);

#endif
