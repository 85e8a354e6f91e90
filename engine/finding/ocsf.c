/* Security Hub's OCSF form: "Findings Imported V2", and bare.
 *
 * Follows: OCSF schema 1.x, the findings category (classes 2001 to 2007); Security Hub user guide. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/finding/private.h"

bool ocsf_is_bare(const json_t *document)
{
    return json_is_integer(field_get(document, "class_uid")) && json_is_object(field_get(document, "metadata"));
}

/* The finding's own id: finding_info.uid; metadata.uid names the record in Security Hub. */
static const char *id_of(const json_t *ocsf)
{
    const char *id = field_text(ocsf, "finding_info.uid");
    return id ? id : field_text(ocsf, "metadata.uid");
}

/* RFC 3339 from "…_dt", else from milliseconds. */
static json_t *time_of(const json_t *ocsf, const char *path)
{
    char text[128];
    snprintf(text, sizeof text, "%s_dt", path);
    const char *written = field_text(ocsf, text);
    if (written) return json_string(written);
    const json_t *ms = field_get(ocsf, path);
    if (!json_is_integer(ms)) return json_string("");
    rip_time_format(json_integer_value(ms), text);
    return json_string(text);
}

json_t *ocsf_wrap(json_t *document)
{
    const char *id = id_of(document), *account = field_text(document, "cloud.account.uid"),
               *region = field_text(document, "cloud.region");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:[], s:{s:[O]}}", "version", "0", "id", id ? id : "",
                     "detail-type", "Findings Imported V2", "source", "aws.securityhub", "account",
                     account ? account : "", "time", time_of(document, "time"), "region", region ? region : "",
                     "resources", "detail", "findings", document);
}

static json_t *resources_of(const json_t *ocsf)
{
    json_t *list = json_array(), *resource;
    size_t i;
    json_array_foreach (json_object_get(ocsf, "resources"), i, resource) {
        char type[128];
        const char *name = field_text(resource, "type"), *uid = field_text(resource, "uid");
        /* "AWS::ECS::Cluster" or "AwsEcsCluster" */
        char plain[128];
        size_t at = 0;
        const char *from = name && strncmp(name, "AWS::", 5) == 0 ? name + 5 : name ? name : "resource";
        for (; *from && at + 1 < sizeof plain; from++) {
            if (*from == ':' && at > 0 && plain[at - 1] == '-') continue;
            plain[at++] = *from == ':' ? '-' : *from;
        }
        plain[at] = '\0';
        resource_type(plain, type, sizeof type);
        json_array_append_new(list, resource_new(type, uid, NULL, field_text(resource, "name"),
                                                 json_object_get(resource, "tags"), json_object_get(resource, "data")));
    }
    return list;
}

static json_t *severity(const json_t *ocsf)
{
    static const double SCORES[] = {0, 0, 1, 40, 70, 90, 100}; /* severity_id: unknown, informational, low … fatal */
    json_int_t id = json_integer_value(field_get(ocsf, "severity_id"));
    return severity_of(id >= 0 && id < (json_int_t)(sizeof SCORES / sizeof *SCORES) ? SCORES[id] : 0);
}

static const char *kind_of(const json_t *ocsf)
{
    const char *kind = field_text(ocsf, "compliance.control");
    if (!kind) kind = json_string_value(json_array_get(field_get(ocsf, "finding_info.types"), 0));
    if (!kind) kind = field_text(ocsf, "finding_info.title");
    return kind ? kind : "";
}

/* status_id: 1 new, 2 in progress, 3 suppressed, 4 resolved; 5 archived */
static const char *workflow_of(const json_t *ocsf)
{
    static const char *const STATES[] = {"NEW", "NEW", "NOTIFIED", "SUPPRESSED", "RESOLVED", "NEW"};
    json_int_t id = json_integer_value(field_get(ocsf, "status_id"));
    return id >= 0 && id < 6 ? STATES[id] : "NEW";
}

rip_status ocsf_normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const json_t *ocsf = json_array_get(field_get(event, "detail.findings"), 0);
    const char *account, *id = id_of(ocsf);
    if (!id) return rip_fail(err, RIP_EINVAL, "detail.findings[0].finding_info.uid: expected text, found nothing");
    rip_status status = field_require(ocsf, "cloud.account.uid", &account, err);
    if (status != RIP_OK) return rip_error_prefix(err, "detail.findings[0].");
    const char *region = field_text(ocsf, "cloud.region"), *partition = field_text(ocsf, "cloud.cloud_partition");
    if (!region) region = field_text(event, "region");
    if (!region) return rip_fail(err, RIP_EINVAL, "detail.findings[0].cloud.region: expected text, found nothing");
    json_t *version = time_of(ocsf, "finding_info.modified_time");
    if (!*json_string_value(version)) {
        json_decref(version);
        version = time_of(ocsf, "time");
    }
    bool archived = json_integer_value(field_get(ocsf, "status_id")) == 5;
    json_t *first = time_of(ocsf, "finding_info.first_seen_time"), *last = time_of(ocsf, "finding_info.last_seen_time");
    finding_parts parts = {.id = id,
                           .version = json_string_value(version),
                           .form = "ocsf",
                           .kind = kind_of(ocsf),
                           .title = field_line(field_text(ocsf, "finding_info.title")),
                           .about = field_line(field_text(ocsf, "finding_info.desc")),
                           .severity = severity(ocsf),
                           .account = account,
                           .region = region,
                           .partition = partition ? partition : partition_of_region(region),
                           .first_seen = json_string_value(first),
                           .last_seen = json_string_value(last),
                           .resources = resources_of(ocsf),
                           .workflow = workflow_of(ocsf),
                           .record = archived ? "ARCHIVED" : "ACTIVE"};
    status = finding_fill(finding, &parts, err);
    json_decref(version);
    json_decref(first);
    json_decref(last);
    return status;
}
