#include "engine/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

/* Looked up once: a look-up by name costs more than the digest of a short text. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256) abort(); /* an OpenSSL that can sign nothing */
}

void rip_sha256(const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES])
{
    pthread_once(&sha256_once, fetch_sha256);
    if (EVP_Digest(bytes, len, out, NULL, sha256, NULL) != 1) abort(); /* only when memory is out */
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
