/* AWS Security Finding Format: bare, and in Security Hub's events.
 *
 * Follows: Security Hub user guide, "AWS Security Finding Format (ASFF)". */
#include <stdint.h>
#include <string.h>

#include "engine/finding/private.h"

bool asff_is_bare(const json_t *document)
{
    return field_text(document, "ProductArn") && field_text(document, "AwsAccountId");
}

/* The part of an ARN between its third and fourth colon, in `out` of 32 bytes; "" if it has none. */
static const char *region_of_arn(const char *arn, char out[32])
{
    out[0] = '\0';
    for (int colons = 0; arn && *arn && colons < 3; arn++) colons += *arn == ':';
    size_t len = arn ? strcspn(arn, ":") : 0;
    if (len == 0 || len >= 32) return out;
    memcpy(out, arn, len);
    out[len] = '\0';
    return out;
}

static const char *region_of(const json_t *asff, char memory[32])
{
    const char *region = field_text(asff, "Region");
    return region && *region ? region : region_of_arn(field_text(asff, "ProductArn"), memory);
}

json_t *asff_wrap(json_t *document)
{
    char region[32];
    const char *id = field_text(document, "Id"), *time = field_text(document, "UpdatedAt");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:{s:[O]}}", "version", "0", "id", id ? id : "",
                     "detail-type", "Security Hub Findings - Imported", "source", "aws.securityhub", "account",
                     field_text(document, "AwsAccountId"), "time", time ? time : "", "region",
                     region_of(document, region), "resources", id ? id : "", "detail", "findings", document);
}

static json_t *severity(const json_t *asff)
{
    static const struct {
        const char *label;
        double score;
    } LABELS[] = {{"INFORMATIONAL", 0}, {"LOW", 1}, {"MEDIUM", 40}, {"HIGH", 70}, {"CRITICAL", 90}};
    const json_t *normalized = field_get(asff, "Severity.Normalized");
    const char *label = field_text(asff, "Severity.Label");
    for (size_t i = 0; label && i < sizeof LABELS / sizeof *LABELS; i++) {
        if (strcmp(LABELS[i].label, label) != 0) continue;
        double score = json_is_number(normalized) ? json_number_value(normalized) : LABELS[i].score;
        if (!(score >= 0)) score = 0;
        if (score > 100) score = 100;
        return json_pack("{s:I, s:s}", "score", (json_int_t)score, "label",
                         label); /* the label is the finding's own word */
    }
    return severity_of(json_number_value(normalized));
}

/* "ECS.3": the control where it is one, else the finding's type or what generated it. */
static const char *kind_of(const json_t *asff)
{
    const char *kind = field_text(asff, "Compliance.SecurityControlId");
    const json_t *fields = json_object_get(asff, "ProductFields");
    if (!kind) kind = json_string_value(json_object_get(fields, "ControlId"));
    if (!kind) kind = json_string_value(json_object_get(fields, "RuleId"));
    if (!kind) kind = json_string_value(json_array_get(json_object_get(asff, "Types"), 0));
    if (!kind) kind = field_text(asff, "GeneratorId");
    return kind ? kind : "";
}

static json_t *resources_of(const json_t *asff)
{
    json_t *list = json_array(), *resource;
    size_t i;
    json_array_foreach (json_object_get(asff, "Resources"), i, resource) {
        char type[128];
        const char *name = field_text(resource, "Type");
        resource_type(name ? name : "Other", type, sizeof type);
        const json_t *details = json_object_get(resource, "Details");
        const json_t *own = json_object_get(details, name ? name : "");
        json_array_append_new(list, resource_new(type, field_text(resource, "Id"), NULL, NULL,
                                                 json_object_get(resource, "Tags"), own ? own : details));
    }
    return list;
}

rip_status asff_normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const json_t *asff = json_array_get(field_get(event, "detail.findings"), 0);
    const char *id, *account, *product;
    rip_status status = field_require(asff, "Id", &id, err);
    if (status == RIP_OK) status = field_require(asff, "AwsAccountId", &account, err);
    if (status == RIP_OK) status = field_require(asff, "ProductArn", &product, err);
    if (status != RIP_OK) return rip_error_prefix(err, "detail.findings[0].");
    char memory[32], partition[32];
    const char *region = region_of(asff, memory);
    if (!*region) region = field_text(event, "region");
    if (!region) return rip_fail(err, RIP_EINVAL, "detail.findings[0].Region: expected text, found nothing");
    if (!partition_of_arn(product, partition)) memcpy(partition, "aws", 4);
    const char *updated = field_text(asff, "UpdatedAt"), *first = field_text(asff, "FirstObservedAt"),
               *last = field_text(asff, "LastObservedAt"), *workflow = field_text(asff, "Workflow.Status"),
               *record = field_text(asff, "RecordState");
    if (!first) first = field_text(asff, "CreatedAt");
    finding_parts parts = {.id = id,
                           .version = updated,
                           .form = "asff",
                           .kind = kind_of(asff),
                           .title = field_line(field_text(asff, "Title")),
                           .about = field_line(field_text(asff, "Description")),
                           .severity = severity(asff),
                           .account = account,
                           .region = region,
                           .partition = partition,
                           .first_seen = first,
                           .last_seen = last,
                           .resources = resources_of(asff),
                           .workflow = workflow ? workflow : "NEW",
                           .record = record ? record : "ACTIVE"};
    return finding_fill(finding, &parts, err);
}
