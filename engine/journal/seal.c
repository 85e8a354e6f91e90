/* Sealing: AES-256-GCM (NIST SP 800-38D) under a key of its own, derived from the journal's; docs/adr/0015. */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "engine/journal/journal.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define TEXT_MOST ((size_t)16 << 20)

/* nonce, what is encrypted, tag; then in base64 */
#define AROUND (NONCE_BYTES + TAG_BYTES)

/* Nothing a playbook calls a secret begins with NUL, so no digest in the journal is ever this key. */
static bool derive_key(const journal *j, unsigned char key[KEY_BYTES])
{
    static const char LABEL[] = "\0seal/1";
    char hex[2 * KEY_BYTES + 1];
    size_t len = 0;
    journal_digest(j, LABEL, sizeof LABEL - 1, hex);
    bool well = OPENSSL_hexstr2buf_ex(key, KEY_BYTES, &len, hex, '\0') == 1 && len == KEY_BYTES;
    OPENSSL_cleanse(hex, sizeof hex);
    return well;
}

/* A context that has key, nonce and place; NULL: OpenSSL cannot. */
static EVP_CIPHER_CTX *begin(const journal *j, const char *place, const unsigned char *nonce, bool seals)
{
    unsigned char key[KEY_BYTES];
    int taken = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    bool well = cipher && derive_key(j, key) &&
                EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce, seals) == 1 &&
                EVP_CipherUpdate(cipher, NULL, &taken, (const unsigned char *)place, (int)strlen(place)) == 1;
    OPENSSL_cleanse(key, sizeof key);
    if (well) return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

static bool encrypt(const journal *j, const char *place, const char *text, size_t len, unsigned char *raw)
{
    unsigned char *body = raw + NONCE_BYTES;
    int done = 0, rest = 0;
    if (RAND_bytes(raw, NONCE_BYTES) != 1) return false;
    EVP_CIPHER_CTX *cipher = begin(j, place, raw, true);
    bool well = cipher && EVP_CipherUpdate(cipher, body, &done, (const unsigned char *)text, (int)len) == 1 &&
                EVP_CipherFinal_ex(cipher, body + done, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + len) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return well;
}

rip_status journal_seal(const journal *j, const char *place, const char *text, size_t len, char **sealed,
                        rip_error *err)
{
    if (len > TEXT_MOST) return rip_fail(err, RIP_ELIMIT, "%zu bytes are too much to be sealed", len);
    size_t raw_len = len + AROUND;
    unsigned char *raw = malloc(raw_len);
    char *out = malloc(4 * ((raw_len + 2) / 3) + 1);
    rip_status status = raw && out ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK && !encrypt(j, place, text, len, raw))
        status = rip_fail(err, RIP_EIO, "it could not be sealed: OpenSSL has no AES-256-GCM, or no random numbers");
    if (status == RIP_OK) {
        EVP_EncodeBlock((unsigned char *)out, raw, (int)raw_len);
        *sealed = out;
    } else {
        free(out);
    }
    free(raw);
    return status;
}

static bool decrypt(const journal *j, const char *place, unsigned char *raw, size_t len, char *text)
{
    unsigned char *body = raw + NONCE_BYTES;
    int done = 0, rest = 0;
    EVP_CIPHER_CTX *cipher = begin(j, place, raw, false);
    bool well = cipher && EVP_CipherUpdate(cipher, (unsigned char *)text, &done, body, (int)len) == 1 &&
                EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, body + len) == 1 &&
                EVP_CipherFinal_ex(cipher, (unsigned char *)text + done, &rest) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return well;
}

/* How many bytes came out; -1: it is no base64. */
static int decode(const char *sealed, size_t sealed_len, unsigned char *raw)
{
    if (sealed_len == 0 || sealed_len % 4 != 0) return -1;
    int len = EVP_DecodeBlock(raw, (const unsigned char *)sealed, (int)sealed_len);
    if (len < 0) return -1;
    return len - (sealed[sealed_len - 1] == '=') - (sealed[sealed_len - 2] == '=');
}

rip_status journal_unseal(const journal *j, const char *place, const char *sealed, size_t sealed_len, char **text,
                          size_t *len, rip_error *err)
{
    if (sealed_len > 2 * TEXT_MOST) return rip_fail(err, RIP_ELIMIT, "it is too long for something sealed");
    unsigned char *raw = malloc(sealed_len + 1);
    char *out = malloc(sealed_len + 1);
    rip_status status = raw && out ? RIP_OK : rip_nomem(err);
    int raw_len = status == RIP_OK ? decode(sealed, sealed_len, raw) : -1;
    if (status == RIP_OK && (raw_len < AROUND || !decrypt(j, place, raw, (size_t)raw_len - AROUND, out)))
        status = rip_fail(err, RIP_EDENIED, "it was sealed with another key, for another place, or was changed since");
    if (status == RIP_OK) {
        *len = (size_t)raw_len - AROUND;
        out[*len] = '\0';
        *text = out;
    } else {
        if (out) OPENSSL_cleanse(out, sealed_len + 1); /* what is not authentic is nobody's to see */
        free(out);
    }
    free(raw);
    return status;
}
