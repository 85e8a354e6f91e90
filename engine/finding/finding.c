/* An event into a finding: which form it is of, and what every form has. */
#include "engine/finding/finding.h"

#include <stdint.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/finding/private.h"

rip_status finding_fill(json_t *finding, const finding_parts *parts, rip_error *err)
{
    bool whole = field_set_text(finding, "id", parts->id);
    whole = field_set_text(finding, "version", parts->version) && whole;
    whole = field_set_text(finding, "form", parts->form) && whole;
    whole = field_set_text(finding, "kind", parts->kind) && whole;
    whole = field_set(finding, "title", parts->title) && whole;
    whole = field_set(finding, "about", parts->about) && whole;
    whole = field_set(finding, "severity", parts->severity) && whole;
    whole = field_set_text(finding, "account", parts->account) && whole;
    whole = field_set_text(finding, "region", parts->region) && whole;
    whole = field_set_text(finding, "partition", parts->partition) && whole;
    whole = field_set_text(finding, "first_seen", parts->first_seen) && whole;
    whole = field_set_text(finding, "last_seen", parts->last_seen) && whole;
    whole = field_set(finding, "resources", parts->resources) && whole;
    whole = field_set_text(finding, "workflow", parts->workflow) && whole;
    whole = field_set_text(finding, "record", parts->record) && whole;
    return whole ? RIP_OK : rip_nomem(err);
}

/* Any other event: what EventBridge's envelope tells. */
rip_status plain_normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const char *id, *type, *account, *region;
    rip_status status = field_require(event, "id", &id, err);
    if (status == RIP_OK) status = field_require(event, "detail-type", &type, err);
    if (status == RIP_OK) status = field_require(event, "account", &account, err);
    if (status == RIP_OK) status = field_require(event, "region", &region, err);
    if (status != RIP_OK) return status;
    const char *time = field_text(event, "time");
    json_t *resources = json_array(), *arn;
    size_t i;
    json_array_foreach (json_object_get(event, "resources"), i, arn) {
        if (json_is_string(arn))
            json_array_append_new(resources, resource_new("resource", json_string_value(arn), NULL, NULL, NULL, NULL));
    }
    finding_parts parts = {.id = id,
                           .version = time,
                           .form = "event",
                           .kind = type,
                           .title = field_line(type),
                           .about = field_line(NULL),
                           .severity = severity_of(0),
                           .account = account,
                           .region = region,
                           .partition = partition_of_region(region),
                           .first_seen = time,
                           .last_seen = time,
                           .resources = resources,
                           .workflow = "NEW",
                           .record = "ACTIVE"};
    return finding_fill(finding, &parts, err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static rip_status normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const char *source, *type;
    rip_status status = field_require(event, "source", &source, err);
    if (status == RIP_OK) status = field_require(event, "detail-type", &type, err);
    if (status != RIP_OK) return status;
    const json_t *first = json_array_get(field_get(event, "detail.findings"), 0);
    if (strcmp(source, "aws.guardduty") == 0 && strcmp(type, "GuardDuty Finding") == 0)
        return guardduty_normalise(event, finding, err);
    if (strcmp(source, "aws.securityhub") == 0 && ocsf_is_bare(first)) return ocsf_normalise(event, finding, err);
    if (strcmp(source, "aws.securityhub") == 0 && first) return asff_normalise(event, finding, err);
    if (ends_with(type, "via CloudTrail")) return cloudtrail_normalise(event, finding, err);
    return plain_normalise(event, finding, err);
}

/* Where a finding does not tell when it was updated, its content tells one version from another: an update must not
 * pass for a repeat. */
static bool complete_version(json_t *finding, const char *event, size_t len)
{
    const char *version = field_text(finding, "version");
    char digest[RIP_SHA256_HEX];
    if (version && *version) return true;
    rip_sha256_hex(event, len, digest);
    return json_object_set_new(finding, "version", json_string(digest)) == 0;
}

rip_status finding_normalise(const char *event, size_t len, const event_limits *limits, json_t **finding,
                             rip_error *err)
{
    json_t *tree;
    *finding = NULL;
    rip_status status = finding_parse(event, len, limits, &tree, err);
    if (status != RIP_OK) return status;
    const char *source = field_text(tree, "source");
    json_t *made = json_object();
    bool whole = field_set_text(made, "source", source);
    whole = field_set(made, "actors", json_array()) && whole;
    whole = field_set(made, "endpoints", json_array()) && whole;
    whole = field_set(made, "indicators", json_array()) && whole;
    whole = field_set(made, "event", json_incref(tree)) && whole;
    status = whole ? normalise(tree, made, err) : rip_nomem(err);
    json_decref(tree);
    if (status == RIP_OK && !complete_version(made, event, len)) status = rip_nomem(err);
    if (status == RIP_OK)
        *finding = made;
    else
        json_decref(made);
    return status;
}
