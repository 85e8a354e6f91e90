/* GuardDuty's findings: as EventBridge delivers them (lower camel case), and as GetFindings returns them (upper).
 *
 * Follows: GuardDuty user guide, "Finding details"; API reference, Finding. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/finding/private.h"

bool guardduty_is_bare(const json_t *document)
{
    bool upper = field_text(document, "Type") && field_text(document, "AccountId") && field_get(document, "Service");
    bool lower = field_text(document, "type") && field_text(document, "accountId") && field_get(document, "service");
    return upper || lower;
}

/* "AccountId" -> "accountId", all the way down: the API and EventBridge differ by that alone. */
static json_t *lower_camel(const json_t *value)
{
    size_t i;
    json_t *each, *copy;
    const char *key;
    if (json_is_array(value)) {
        copy = json_array();
        json_array_foreach (value, i, each) json_array_append_new(copy, lower_camel(each));
        return copy;
    }
    if (!json_is_object(value)) return json_incref((json_t *)(uintptr_t)value);
    copy = json_object();
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        char name[256];
        snprintf(name, sizeof name, "%s", key);
        name[0] = (char)tolower((unsigned char)name[0]);
        json_object_set_new(copy, strlen(key) < sizeof name ? name : key, lower_camel(each));
    }
    return copy;
}

json_t *guardduty_wrap(const json_t *document)
{
    json_t *detail = field_text(document, "Type") ? lower_camel(document) : json_incref((json_t *)(uintptr_t)document);
    const char *id = field_text(detail, "id"), *account = field_text(detail, "accountId"),
               *region = field_text(detail, "region"), *time = field_text(detail, "updatedAt");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:o}", "version", "0", "id", id ? id : "",
                     "detail-type", "GuardDuty Finding", "source", "aws.guardduty", "account", account ? account : "",
                     "time", time ? time : "", "region", region ? region : "", "resources", "detail", detail);
}

/* Resources of a finding about one resource. */

static json_t *arn_of(const resource_place *place, const char *service, const char *region, const char *what,
                      const char *name)
{
    return json_sprintf("arn:%s:%s:%s:%s:%s%s", place->partition, service, region, place->account, what, name);
}

static void add_at(json_t *list, const char *type, json_t *arn, const char *id, const json_t *details)
{
    json_array_append_new(
        list, resource_new(type, json_string_value(arn), id, NULL, json_object_get(details, "tags"), details));
    json_decref(arn);
}

static void add_instance(json_t *list, const resource_place *place, const json_t *details)
{
    const char *id = field_text(details, "instanceId");
    if (id) add_at(list, "ec2-instance", arn_of(place, "ec2", place->region, "instance/", id), id, details);
}

/* The key, and the user or role that it belongs to. */
static void add_access_key(json_t *list, const resource_place *place, const json_t *details)
{
    const char *key = field_text(details, "accessKeyId"), *user = field_text(details, "userName"),
               *type = field_text(details, "userType");
    json_array_append_new(list, resource_new("iam-access-key", NULL, key, user, NULL, details));
    if (!user || !type) return;
    if (strcmp(type, "IAMUser") == 0) add_at(list, "iam-user", arn_of(place, "iam", "", "user/", user), user, details);
    if (strcmp(type, "AssumedRole") == 0)
        add_at(list, "iam-role", arn_of(place, "iam", "", "role/", user), user, details);
}

static void add_ecs(json_t *list, const json_t *details)
{
    const json_t *task = json_object_get(details, "taskDetails");
    size_t i;
    json_t *container;
    json_array_append_new(list, resource_new("ecs-cluster", field_text(details, "arn"), NULL,
                                             field_text(details, "name"), json_object_get(details, "tags"), details));
    if (!field_text(task, "arn")) return;
    json_array_append_new(
        list, resource_new("ecs-task", field_text(task, "arn"), NULL, NULL, json_object_get(task, "tags"), task));
    if (field_text(task, "definitionArn"))
        json_array_append_new(
            list, resource_new("ecs-task-definition", field_text(task, "definitionArn"), NULL, NULL, NULL, NULL));
    json_array_foreach (json_object_get(task, "containers"), i, container) {
        json_array_append_new(list, resource_new("container", NULL, field_text(container, "id"),
                                                 field_text(container, "name"), NULL, container));
    }
}

static void add_named(json_t *list, const char *type, const json_t *details, const char *arn, const char *name)
{
    json_array_append_new(list, resource_new(type, field_text(details, arn), NULL, field_text(details, name),
                                             json_object_get(details, "tags"), details));
}

static void read_resource(json_t *list, const json_t *resource, const resource_place *place)
{
    const char *key;
    json_t *details, *bucket;
    size_t i;
    json_object_foreach ((json_t *)(uintptr_t)resource, key, details) {
        if (strcmp(key, "s3BucketDetails") == 0) {
            json_array_foreach (details, i, bucket) add_named(list, "s3-bucket", bucket, "arn", "name");
            continue;
        }
        if (!json_is_object(details)) continue;
        if (strcmp(key, "instanceDetails") == 0)
            add_instance(list, place, details);
        else if (strcmp(key, "accessKeyDetails") == 0)
            add_access_key(list, place, details);
        else if (strcmp(key, "ecsClusterDetails") == 0)
            add_ecs(list, details);
        else if (strcmp(key, "eksClusterDetails") == 0)
            add_named(list, "eks-cluster", details, "arn", "name");
        else if (strcmp(key, "containerDetails") == 0)
            json_array_append_new(list, resource_new("container", NULL, field_text(details, "id"),
                                                     field_text(details, "name"), NULL, details));
        else if (strcmp(key, "lambdaDetails") == 0)
            add_named(list, "lambda-function", details, "functionArn", "functionName");
        else if (strcmp(key, "rdsDbInstanceDetails") == 0)
            add_named(list, "rds-db-instance", details, "dbInstanceArn", "dbInstanceIdentifier");
    }
}

/* Resources of an attack sequence. */

static const json_t *only_value(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        if (json_is_object(value)) return value;
    }
    return NULL;
}

static void read_sequence_resource(json_t *list, const json_t *resource)
{
    char type[128];
    const char *uid = field_text(resource, "uid"), *kind = field_text(resource, "resourceType");
    resource_type(kind ? kind : "resource", type, sizeof type);
    json_array_append_new(list,
                          resource_new(type, uid, NULL, field_text(resource, "name"), json_object_get(resource, "tags"),
                                       only_value(json_object_get(resource, "data"))));
}

static void copy_list(json_t *finding, const char *key, const json_t *sequence, const char *from)
{
    json_t *list = json_object_get(sequence, from);
    json_object_set_new(finding, key, json_is_array(list) ? json_incref(list) : json_array());
}

static void read_sequence(json_t *finding, const json_t *sequence, json_t *resources)
{
    size_t i;
    json_t *resource;
    json_array_foreach (json_object_get(sequence, "resources"), i, resource)
        read_sequence_resource(resources, resource);
    copy_list(finding, "actors", sequence, "actors");
    copy_list(finding, "endpoints", sequence, "endpoints");
    copy_list(finding, "indicators", sequence, "sequenceIndicators");
}

rip_status guardduty_normalise(const json_t *event, json_t *finding, rip_error *err)
{
    const char *id, *type, *account, *region;
    rip_status status = field_require(event, "detail.id", &id, err);
    if (status == RIP_OK) status = field_require(event, "detail.type", &type, err);
    if (status == RIP_OK) status = field_require(event, "detail.accountId", &account, err);
    if (status == RIP_OK) status = field_require(event, "detail.region", &region, err);
    if (status != RIP_OK) return status;
    const json_t *detail = json_object_get(event, "detail"), *service = json_object_get(detail, "service");
    const char *partition = field_text(detail, "partition"), *updated = field_text(detail, "updatedAt"),
               *first = field_text(service, "eventFirstSeen"), *last = field_text(service, "eventLastSeen");
    if (!partition) partition = partition_of_region(region);
    resource_place place = {partition, region, account};
    json_t *resources = json_array();
    read_resource(resources, json_object_get(detail, "resource"), &place);
    read_sequence(finding, field_get(service, "detection.sequence"), resources);
    finding_parts parts = {.id = id,
                           .version = updated,
                           .form = "guardduty",
                           .kind = type,
                           .title = field_line(field_text(detail, "title")),
                           .about = field_line(field_text(detail, "description")),
                           .severity = severity_of(json_number_value(json_object_get(detail, "severity")) * 10),
                           .account = account,
                           .region = region,
                           .partition = partition,
                           .first_seen = first,
                           .last_seen = last,
                           .resources = resources,
                           .workflow = "NEW",
                           .record = json_is_true(json_object_get(service, "archived")) ? "ARCHIVED" : "ACTIVE"};
    return finding_fill(finding, &parts, err);
}
