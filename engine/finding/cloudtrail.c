/* CloudTrail's records: through EventBridge, and bare as in its log files.
 *
 * Follows: CloudTrail user guide, "CloudTrail record contents". */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/finding/private.h"

bool cloudtrail_is_bare(const json_t *document)
{
    return field_text(document, "eventSource") && field_text(document, "eventName");
}

static const char *account_of(const json_t *record)
{
    const char *account = field_text(record, "recipientAccountId");
    return account ? account : field_text(record, "userIdentity.accountId");
}

static const char *detail_type_of(const json_t *record)
{
    const char *type = field_text(record, "eventType");
    if (type && strcmp(type, "AwsConsoleSignIn") == 0) return "AWS Console Sign In via CloudTrail";
    if (type && strcmp(type, "AwsServiceEvent") == 0) return "AWS Service Event via CloudTrail";
    return "AWS API Call via CloudTrail";
}

json_t *cloudtrail_wrap(json_t *document)
{
    const char *from = field_text(document, "eventSource"), *id = field_text(document, "eventID"),
               *account = account_of(document), *time = field_text(document, "eventTime"),
               *region = field_text(document, "awsRegion");
    json_t *source = json_sprintf("aws.%.*s", (int)strcspn(from, "."), from);
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:[], s:O}", "version", "0", "id", id ? id : "",
                     "detail-type", detail_type_of(document), "source", source, "account", account ? account : "",
                     "time", time ? time : "", "region", region ? region : "", "resources", "detail", document);
}

static json_t *resources_of(const json_t *record)
{
    json_t *list = json_array(), *resource;
    size_t i;
    json_array_foreach (json_object_get(record, "resources"), i, resource) {
        char type[128], plain[128];
        const char *name = field_text(resource, "type"); /* "AWS::S3::Bucket" */
        const char *service = name && strncmp(name, "AWS::", 5) == 0 ? name + 5 : "Resource",
                   *colons = strstr(service, "::");
        snprintf(plain, sizeof plain, "%.*s-%s", (int)strcspn(service, ":"), service, colons ? colons + 2 : "");
        resource_type(plain, type, sizeof type);
        json_array_append_new(list, resource_new(type, field_text(resource, "ARN"), NULL, NULL, NULL, NULL));
    }
    return list;
}

rip_status cloudtrail_normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const json_t *record = json_object_get(event, "detail");
    const char *name, *id = field_text(record, "eventID");
    rip_status status = field_require(record, "eventName", &name, err);
    if (status != RIP_OK) return rip_error_prefix(err, "detail.");
    if (!id) status = field_require(event, "id", &id, err);
    if (status != RIP_OK) return status;
    const char *account = account_of(record), *region = field_text(record, "awsRegion"),
               *time = field_text(record, "eventTime"), *user = field_text(record, "userIdentity.arn");
    if (!account) account = field_text(event, "account");
    if (!account) return rip_fail(err, RIP_EINVAL, "detail.recipientAccountId: expected text, found nothing");
    if (!region) region = field_text(event, "region");
    if (!region) return rip_fail(err, RIP_EINVAL, "detail.awsRegion: expected text, found nothing");
    json_t *title = json_sprintf("%s by %s", name, user ? user : "an unnamed caller");
    finding_parts parts = {.id = id,
                           .version = time,
                           .form = "cloudtrail",
                           .kind = name,
                           .title = field_line(json_string_value(title)),
                           .about = field_line(NULL),
                           .severity = severity_of(0),
                           .account = account,
                           .region = region,
                           .partition = partition_of_region(region),
                           .first_seen = time,
                           .last_seen = time,
                           .resources = resources_of(record),
                           .workflow = "NEW",
                           .record = "ACTIVE"};
    json_decref(title);
    return finding_fill(finding, &parts, err);
}
