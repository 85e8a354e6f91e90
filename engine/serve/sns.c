#include "engine/serve/sns.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/endpoint.h"
#include "engine/base/clock.h"

#define TEXT_MOST 2048 /* of every member but Message */
#define KEY_BITS_LEAST 2048
#define DAY_MS INT64_C(86400000)

/* Reading. */

static const char *text_of(const json_t *document, const char *name, size_t most)
{
    const json_t *value = json_object_get(document, name);
    const char *text = json_string_value(value);
    return text && json_string_length(value) <= most ? text : NULL;
}

static bool read_type(const char *name, sns_type *out)
{
    static const char *const NAMES[] = {"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!name || strcmp(name, NAMES[i]) != 0) continue;
        *out = (sns_type)i;
        return true;
    }
    return false;
}

/* "arn:aws:sns:eu-west-1:123456789012:findings": SNS answers for it at sns.eu-west-1.amazonaws.com. */
static bool read_host(const char *topic, char out[128])
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    char partition[16], region[32];
    if (sscanf(topic, "arn:%15[a-z-]:sns:%31[a-z0-9-]:", partition, region) != 2) return false;
    const char *expected = aws_partition_of(region);
    bool is_china = strcmp(expected, "aws-cn") == 0;
    if (strcmp(partition, expected) != 0 || strspn(region, LETTERS) != strlen(region)) return false;
    if (!is_china && strcmp(expected, "aws") != 0 && strcmp(expected, "aws-us-gov") != 0) return false;
    snprintf(out, 128, "sns.%s.amazonaws.com%s", region, is_china ? ".cn" : "");
    return true;
}

/* The rest of an https URL at `host`, from its '/'; NULL: it is elsewhere. */
static const char *path_at(const char *url, const char *host)
{
    static const char SCHEME[] = "https://";
    if (!url || strncmp(url, SCHEME, strlen(SCHEME)) != 0) return NULL;
    url += strlen(SCHEME);
    if (strncmp(url, host, strlen(host)) != 0) return NULL;
    url += strlen(host);
    return *url == '/' ? url : NULL;
}

/* Nothing but the names that SNS gives its certificates is fetched. */
static bool is_certificate_path(const char *path)
{
    static const char PREFIX[] = "/SimpleNotificationService-";
    if (!path || strncmp(path, PREFIX, strlen(PREFIX)) != 0) return false;
    path += strlen(PREFIX);
    size_t len = strspn(path, "0123456789abcdef");
    return len > 0 && len <= 64 && strcmp(path + len, ".pem") == 0;
}

static bool is_confirm_path(const char *path)
{
    static const char PREFIX[] = "/?Action=ConfirmSubscription&";
    if (!path || strncmp(path, PREFIX, strlen(PREFIX)) != 0) return false;
    for (; *path; path++) {
        if (*path <= ' ' || *path == '#' || (unsigned char)*path >= 0x7f) return false;
    }
    return true;
}

static rip_status check(sns_message *m, rip_error *err)
{
    if (!m->id || !m->topic || !m->message || !m->timestamp || !m->signature)
        return rip_fail(err, RIP_EINVAL, "an SNS message without one of its members, or one that is too long");
    if (m->version != 1 && m->version != 2)
        return rip_fail(err, RIP_EINVAL, "SNS message %s: signature versions 1 and 2 are known", m->id);
    if (!read_host(m->topic, m->host))
        return rip_fail(err, RIP_EINVAL, "SNS message %s: %.200s is no topic of SNS", m->id, m->topic);
    if (!is_certificate_path(path_at(m->certificate_url, m->host)))
        return rip_fail(err, RIP_EINVAL, "SNS message %s: its certificate is not at https://%s", m->id, m->host);
    if (m->type == SNS_NOTIFICATION) return RIP_OK;
    if (!m->token || !is_confirm_path(path_at(m->subscribe_url, m->host)))
        return rip_fail(err, RIP_EINVAL, "SNS message %s: its confirmation is not at https://%s", m->id, m->host);
    return RIP_OK;
}

rip_status sns_parse(const char *bytes, size_t len, sns_message *out, rip_error *err)
{
    json_error_t why;
    json_t *d = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
    *out = (sns_message){.document = d};
    const char *version = text_of(d, "SignatureVersion", 8);
    if (!json_is_object(d) || !read_type(text_of(d, "Type", TEXT_MOST), &out->type)) {
        sns_message_free(out);
        return rip_fail(err, RIP_EINVAL, "expected a message of SNS, as JSON%s%.200s", d ? "" : ": ",
                        d ? "" : why.text);
    }
    *out = (sns_message){.document = d,
                         .type = out->type,
                         .version = version && strlen(version) == 1 ? (unsigned)(*version - '0') : 0,
                         .id = text_of(d, "MessageId", TEXT_MOST),
                         .topic = text_of(d, "TopicArn", TEXT_MOST),
                         .message = text_of(d, "Message", len),
                         .timestamp = text_of(d, "Timestamp", TEXT_MOST),
                         .signature = text_of(d, "Signature", TEXT_MOST),
                         .certificate_url = text_of(d, "SigningCertURL", TEXT_MOST),
                         .subject = text_of(d, "Subject", TEXT_MOST),
                         .subscribe_url = text_of(d, "SubscribeURL", TEXT_MOST),
                         .token = text_of(d, "Token", TEXT_MOST)};
    rip_status status = check(out, err);
    if (status != RIP_OK) sns_message_free(out);
    return status;
}

void sns_message_free(sns_message *m)
{
    json_decref(m->document);
    *m = (sns_message){0};
}

/* Verifying. */

static void sign_member(rip_buffer *out, const char *name, const char *value)
{
    if (!value) return;
    rip_buffer_puts(out, name);
    rip_buffer_putc(out, '\n');
    rip_buffer_puts(out, value);
    rip_buffer_putc(out, '\n');
}

void sns_signed_text(const sns_message *m, rip_buffer *out)
{
    bool confirms = m->type != SNS_NOTIFICATION;
    sign_member(out, "Message", m->message);
    sign_member(out, "MessageId", m->id);
    if (confirms)
        sign_member(out, "SubscribeURL", m->subscribe_url);
    else
        sign_member(out, "Subject", m->subject);
    sign_member(out, "Timestamp", m->timestamp);
    if (confirms) sign_member(out, "Token", m->token);
    sign_member(out, "TopicArn", m->topic);
    sign_member(out, "Type", json_string_value(json_object_get(m->document, "Type")));
}

static size_t decode(const char *base64, unsigned char *out)
{
    size_t len = strlen(base64), padding = 0;
    if (len == 0 || len % 4 != 0) return 0;
    int got = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)len);
    while (padding < 2 && base64[len - 1 - padding] == '=') padding++;
    return got < 0 ? 0 : (size_t)got - padding;
}

static X509 *read_certificate(const char *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

static bool is_valid_now(const X509 *certificate, int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

static bool is_signed(const sns_message *m, EVP_PKEY *key)
{
    unsigned char signature[TEXT_MOST];
    rip_buffer text = {0};
    size_t len = decode(m->signature, signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    sns_signed_text(m, &text);
    bool good = len > 0 && context && !text.failed &&
                EVP_DigestVerifyInit(context, NULL, m->version == 1 ? EVP_sha1() : EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, len, (const unsigned char *)text.data, text.len) == 1;
    EVP_MD_CTX_free(context);
    rip_buffer_free(&text);
    return good;
}

rip_status sns_verify(const sns_message *m, const char *pem, size_t len, int64_t now_ms, rip_error *err)
{
    int64_t sent;
    if (!rip_time_parse(m->timestamp, &sent) || now_ms - sent > DAY_MS || sent - now_ms > DAY_MS)
        return rip_fail(err, RIP_EDENIED, "SNS message %s is not of today", m->id);
    X509 *certificate = read_certificate(pem, len);
    EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
    rip_status status = RIP_OK;
    if (!key || EVP_PKEY_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_bits(key) < KEY_BITS_LEAST)
        status =
            rip_fail(err, RIP_EDENIED, "SNS message %s: %s is no certificate of an RSA key", m->id, m->certificate_url);
    else if (!is_valid_now(certificate, now_ms))
        status = rip_fail(err, RIP_EDENIED, "SNS message %s: %s has expired", m->id, m->certificate_url);
    else if (!is_signed(m, key))
        status = rip_fail(err, RIP_EDENIED, "SNS message %s is not signed by its certificate", m->id);
    X509_free(certificate);
    return status;
}
