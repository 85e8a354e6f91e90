#include "engine/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

void rip_sha256(const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES])
{
    SHA256(bytes, len, out);
}

void rip_sha256_hex(const void *bytes, size_t len, char out[RIP_SHA256_HEX])
{
    unsigned char digest[RIP_SHA256_BYTES];
    rip_sha256(bytes, len, digest);
    rip_hex(digest, sizeof digest, out);
}

void rip_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     unsigned char out[RIP_SHA256_BYTES])
{
    if (!HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, NULL)) abort(); /* only when memory is out */
}

void rip_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = DIGITS[bytes[i] >> 4];
        out[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}
