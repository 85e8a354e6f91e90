/* Digests of a request's body, where AWS wants one or the caller asks for one. */
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "aws/protocol/private.h"

typedef struct algorithm {
    const char *name; /* what the parameter is set to */
    const char *header;
    const EVP_MD *(*digest)(void); /* NULL: a cyclic redundancy check */
    unsigned bits;
    uint64_t polynomial; /* with its bits turned round */
} algorithm;

static const algorithm ALGORITHMS[] = {
    {"CRC32", "x-amz-checksum-crc32", NULL, 32, UINT64_C(0xEDB88320)},
    {"CRC32C", "x-amz-checksum-crc32c", NULL, 32, UINT64_C(0x82F63B78)},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", NULL, 64, UINT64_C(0x9A6C9329AC4BC9B5)},
    {"SHA1", "x-amz-checksum-sha1", EVP_sha1, 0, 0},
    {"SHA256", "x-amz-checksum-sha256", EVP_sha256, 0, 0},
    {"SHA512", "x-amz-checksum-sha512", EVP_sha512, 0, 0},
    {"MD5", "x-amz-checksum-md5", EVP_md5, 0, 0},
};
#define DEFAULT_ALGORITHM "CRC32" /* the SDKs' */

/** All of these begin with ones and end with their complement. */
static unsigned crc(const algorithm *a, const rip_buffer *body, unsigned char out[8])
{
    uint64_t table[256], ones = UINT64_MAX >> (64 - a->bits), value = ones;
    for (unsigned i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) table[i] = table[i] & 1 ? (table[i] >> 1) ^ a->polynomial : table[i] >> 1;
    }
    for (size_t i = 0; i < body->len; i++) value = table[(value ^ (unsigned char)body->data[i]) & 0xFF] ^ (value >> 8);
    value ^= ones;
    for (unsigned i = 0; i < a->bits / 8; i++) out[i] = (unsigned char)(value >> (a->bits - 8 - 8 * i));
    return a->bits / 8;
}

static rip_status add(const char *header, const unsigned char *bytes, size_t len, aws_http_request *request,
                      rip_error *err)
{
    rip_buffer text = {0};
    aws_value_base64(&text, bytes, len);
    rip_status status = aws_headers_add(&request->headers, header, text.data ? text.data : "", err);
    rip_buffer_free(&text);
    return status;
}

static rip_status add_digest(const char *header, const EVP_MD *kind, aws_http_request *request, rip_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(request->body.data ? request->body.data : "", request->body.len, digest, &len, kind, NULL) != 1)
        return rip_fail(err, RIP_EIO, "OpenSSL has no digest for %s, which this operation needs", header);
    return add(header, digest, len, request, err);
}

static rip_status add_checksum(const char *wanted, aws_http_request *request, rip_error *err)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++) {
        const algorithm *a = &ALGORITHMS[i];
        if (strcasecmp(a->name, wanted) != 0) continue;
        if (a->digest) return add_digest(a->header, a->digest(), request, err);
        return add(a->header, bytes, crc(a, &request->body, bytes), request, err);
    }
    return rip_fail(err, RIP_EINVAL,
                    "checksum algorithm %.32s: expected CRC32, CRC32C, CRC64NVME, SHA1, SHA256,"
                    " SHA512 or MD5",
                    wanted);
}

static bool has_checksum(const aws_http_request *request)
{
    for (size_t i = 0; i < request->headers.count; i++) {
        if (strncasecmp(request->headers.items[i].name, "x-amz-checksum-", 15) == 0) return true;
    }
    return false;
}

/* Names the algorithm in the header that the caller's choice would have gone into. */
static rip_status name_algorithm(const aws_operation *operation, const char *member_name, aws_http_request *request,
                                 rip_error *err)
{
    const aws_shape *input = aws_operation_input(operation);
    const aws_member *member = input && member_name ? aws_shape_member(input, member_name) : NULL;
    if (!member || aws_member_location(member) != AWS_IN_HEADER) return RIP_OK;
    return aws_headers_set(&request->headers, aws_member_location_name(member), DEFAULT_ALGORITHM, err);
}

rip_status aws_checksum_add(const aws_operation *operation, const json_t *params, aws_http_request *request,
                            rip_error *err)
{
    const json_t *trait = aws_operation_trait(operation, "httpChecksum");
    const char *member = json_string_value(json_object_get(trait, "requestAlgorithmMember"));
    const char *wanted = member ? json_string_value(json_object_get(params, member)) : NULL;
    bool demanded = json_is_true(aws_operation_trait(operation, "httpChecksumRequired")) ||
                    json_is_true(json_object_get(trait, "requestChecksumRequired"));
    if ((!member && !demanded) || has_checksum(request)) return RIP_OK;
    if (wanted) return add_checksum(wanted, request, err);
    rip_status status = add_checksum(DEFAULT_ALGORITHM, request, err);
    return status == RIP_OK ? name_algorithm(operation, member, request, err) : status;
}
