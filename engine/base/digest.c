#include "engine/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 64

/* RFC 2104: what is authenticated is digested behind one block made of the key, and that digest behind another. */
struct rip_hmac {
    EVP_MD_CTX *inner, *outer; /* behind their block */
    EVP_MD_CTX *work;
};

/* Looked up once: a look-up by name costs more than the digest of a short text. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256) abort(); /* an OpenSSL that can sign nothing */
}

static const EVP_MD *get_sha256(void)
{
    pthread_once(&sha256_once, fetch_sha256);
    return sha256;
}

void rip_sha256(const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES])
{
    if (EVP_Digest(bytes, len, out, NULL, get_sha256(), NULL) != 1) abort(); /* only when memory is out */
}

void rip_sha256_hex(const void *bytes, size_t len, char out[RIP_SHA256_HEX])
{
    unsigned char digest[RIP_SHA256_BYTES];
    rip_sha256(bytes, len, digest);
    rip_hex(digest, sizeof digest, out);
}

static EVP_MD_CTX *begin(const unsigned char *key, unsigned char pad)
{
    unsigned char block[BLOCK_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (size_t i = 0; i < sizeof block; i++) block[i] = key[i] ^ pad;
    if (!context || EVP_DigestInit_ex(context, get_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, block, sizeof block) != 1)
        abort(); /* only when memory is out */
    OPENSSL_cleanse(block, sizeof block);
    return context;
}

rip_hmac *rip_hmac_new(const void *key, size_t key_len)
{
    unsigned char padded[BLOCK_BYTES] = {0};
    rip_hmac *hmac = malloc(sizeof *hmac);
    if (!hmac) abort();
    if (key_len > sizeof padded)
        rip_sha256(key, key_len, padded);
    else
        memcpy(padded, key, key_len);
    *hmac = (rip_hmac){begin(padded, 0x36), begin(padded, 0x5C), EVP_MD_CTX_new()};
    OPENSSL_cleanse(padded, sizeof padded);
    if (!hmac->work) abort();
    return hmac;
}

static void end(EVP_MD_CTX *work, const EVP_MD_CTX *begun, const void *bytes, size_t len, unsigned char *out)
{
    if (EVP_MD_CTX_copy_ex(work, begun) != 1 || EVP_DigestUpdate(work, bytes, len) != 1 ||
        EVP_DigestFinal_ex(work, out, NULL) != 1)
        abort(); /* only when memory is out */
}

void rip_hmac_sign(rip_hmac *hmac, const void *bytes, size_t len, unsigned char out[RIP_SHA256_BYTES])
{
    unsigned char digest[RIP_SHA256_BYTES];
    end(hmac->work, hmac->inner, bytes, len, digest);
    end(hmac->work, hmac->outer, digest, sizeof digest, out);
}

void rip_hmac_free(rip_hmac *hmac)
{
    if (!hmac) return;
    EVP_MD_CTX_free(hmac->inner);
    EVP_MD_CTX_free(hmac->outer);
    EVP_MD_CTX_free(hmac->work);
    free(hmac);
}

void rip_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     unsigned char out[RIP_SHA256_BYTES])
{
    rip_hmac *hmac = rip_hmac_new(key, key_len);
    rip_hmac_sign(hmac, bytes, len, out);
    rip_hmac_free(hmac);
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
