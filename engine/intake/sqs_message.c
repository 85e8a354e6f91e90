/* What queues are called, and what is in their messages. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "engine/intake/sqs_private.h"

/* SNS without raw delivery puts the event into a member of an envelope. Follows: Amazon SNS developer guide, "Message
 * formats". */
const char *sqs_unwrap(const char *body, size_t len, json_t **content, size_t *text_len)
{
    static const char TYPE[] = "\"Notification\"";
    *content = NULL;
    *text_len = len;
    if (!memmem(body, len, TYPE, sizeof TYPE - 1)) return body;
    json_t *envelope = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(envelope, "Type"));
    json_t *message = json_object_get(envelope, "Message");
    bool is_one = type && strcmp(type, "Notification") == 0 && json_is_string(message) &&
                  json_is_string(json_object_get(envelope, "TopicArn"));
    if (!is_one) {
        json_decref(envelope);
        return body;
    }
    *content = envelope;
    *text_len = json_string_length(message);
    return json_string_value(message);
}

/* Where a URL's host and path start; false where it has none. */
static bool url_parts(const char *url, const char **host, size_t *host_len, const char **path)
{
    const char *scheme = strstr(url, "://");
    if (!scheme || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)) return false;
    *host = scheme + 3;
    *host_len = strcspn(*host, ":/");
    *path = strchr(*host, '/');
    return *host_len > 0 && *path != NULL;
}

/* "sqs.REGION.amazonaws.com", also FIPS's, dual-stack's and VPC endpoints' names; "REGION.queue.amazonaws.com" and
 * "queue.amazonaws.com" of old. Follows: AWS General Reference, "Amazon SQS endpoints and quotas". */
void sqs_url_region(const char *url, char region[64])
{
    const char *host, *path;
    size_t len;
    char label[64] = "", before[64];
    bool next = false;
    region[0] = '\0';
    if (!url_parts(url, &host, &len, &path)) return;
    for (const char *at = host, *end = host + len; at < end; at++) {
        size_t n = 0;
        memcpy(before, label, sizeof before);
        while (at < end && *at != '.' && n < sizeof label - 1) label[n++] = *at++;
        label[n] = '\0';
        if (next && strchr(label, '-')) {
            memcpy(region, label, sizeof label);
            return;
        }
        if (strcmp(label, "queue") == 0) {
            snprintf(region, 64, "%s", *before ? before : "us-east-1");
            return;
        }
        next = strcmp(label, "sqs") == 0 || strcmp(label, "sqs-fips") == 0;
    }
}

rip_status sqs_url_arn(const char *url, const char *region, char arn[SQS_ARN_MAX], rip_error *err)
{
    const char *host, *path, *name = url_parts(url, &host, &(size_t){0}, &path) ? strrchr(path, '/') : NULL;
    char told[64];
    sqs_url_region(url, told);
    if (region && *region) snprintf(told, sizeof told, "%s", region);
    const char *account = name;
    while (account && account > path && account[-1] != '/') account--;
    bool is_one = account && name - account == 12 && name[1] != '\0';
    for (size_t i = 0; is_one && i < 12; i++) is_one = isdigit((unsigned char)account[i]) != 0;
    if (!is_one)
        return rip_fail(err, RIP_EINVAL,
                        "%s: expected the URL of a queue, as https://sqs.us-east-1.amazonaws.com/123456789012/findings",
                        url);
    if (!*told) return rip_fail(err, RIP_EINVAL, "%s: it does not tell its region: name it as `region`", url);
    int len = snprintf(arn, SQS_ARN_MAX, "arn:%s:sqs:%s:%.12s:%s", aws_partition_of(told), told, account, name + 1);
    return len < SQS_ARN_MAX ? RIP_OK : rip_fail(err, RIP_EINVAL, "%s: too long a name for a queue", url);
}
