#include "tests/serve/signer.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"

static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *copy = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return copy;
}

static void name_it(X509 *certificate, const char *name)
{
    char alternatives[128];
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    snprintf(alternatives, sizeof alternatives, "DNS:%s,IP:127.0.0.1", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternatives);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void signer_open(signer *s, int bits, int days, const char *name)
{
    X509 *certificate = X509_new();
    s->key = EVP_RSA_gen((unsigned)bits);
    assert_non_null(s->key);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400L);
    X509_set_pubkey(certificate, s->key);
    name_it(certificate, name);
    assert_true(X509_sign(certificate, s->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    PEM_write_bio_PrivateKey(secret, s->key, NULL, NULL, 0, NULL, NULL);
    s->certificate = text_of(bio);
    s->private_key = text_of(secret);
    X509_free(certificate);
}

void signer_close(signer *s)
{
    EVP_PKEY_free(s->key);
    free(s->certificate);
    free(s->private_key);
}

json_t *signer_message(const char *type, const char *topic, const char *message)
{
    char now[32];
    rip_time_format((int64_t)time(NULL) * 1000, now);
    json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Type", type, "MessageId", "22b80b92-fdea", "TopicArn",
                          topic, "Message", message, "Timestamp", now, "SignatureVersion", "2", "SigningCertURL",
                          "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem");
    if (strcmp(type, "Notification") == 0) return m;
    json_object_set_new(m, "Token", json_string("2336412f37"));
    json_object_set_new(
        m, "SubscribeURL",
        json_sprintf("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=%s&Token=2336412f37",
                     topic));
    return m;
}

/* The documentation's own list of members, written down a second time. */
void signer_sign(const signer *s, json_t *message)
{
    static const char *const NOTIFICATION[] = {"Message",  "MessageId", "Subject", "Timestamp",
                                               "TopicArn", "Type",      NULL};
    static const char *const OTHER[] = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                        "Token",   "TopicArn",  "Type",         NULL};
    const char *type = json_string_value(json_object_get(message, "Type"));
    const char *version = json_string_value(json_object_get(message, "SignatureVersion"));
    rip_buffer text = {0};
    for (const char *const *name = strcmp(type, "Notification") == 0 ? NOTIFICATION : OTHER; *name; name++) {
        const char *value = json_string_value(json_object_get(message, *name));
        if (value) rip_buffer_printf(&text, "%s\n%s\n", *name, value);
    }
    unsigned char signature[1024], encoded[2048];
    size_t len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, NULL, *version == '1' ? EVP_sha1() : EVP_sha256(), NULL, s->key);
    assert_int_equal(EVP_DigestSign(context, signature, &len, (const unsigned char *)text.data, text.len), 1);
    EVP_EncodeBlock(encoded, signature, (int)len);
    json_object_set_new(message, "Signature", json_string((const char *)encoded));
    EVP_MD_CTX_free(context);
    rip_buffer_free(&text);
}
