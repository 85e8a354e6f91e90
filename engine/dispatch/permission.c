#include "engine/dispatch/permission.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/glob.h"
#include "engine/base/suggest.h"

/* Actions that no operation is named after, and playbooks need all the same. */
static const char *const WITHOUT_OPERATION[] = {"iam:PassRole"};

struct permissions {
    aws_models *models;
    json_t *services; /* IAM prefix -> array of the names of services */
    json_t *actions;  /* IAM prefix -> array of actions, once they were asked for */
};

rip_status permissions_new(aws_models *models, permissions **out, rip_error *err)
{
    permissions *known = calloc(1, sizeof *known);
    json_t *names = aws_models_list(models);
    if (known) *known = (permissions){.models = models, .services = json_object(), .actions = json_object()};
    rip_status status = known && names && known->services && known->actions ? RIP_OK : rip_nomem(err);
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        const aws_service *service = NULL;
        if (status == RIP_OK) status = aws_models_service(models, json_string_value(name), &service, err);
        if (status != RIP_OK) break;
        const char *prefix = aws_service_iam_prefix(service);
        json_t *list = json_object_get(known->services, prefix);
        if (!list) {
            list = json_array();
            if (json_object_set_new(known->services, prefix, list) != 0) status = rip_nomem(err);
        }
        if (status == RIP_OK && json_array_append_new(list, json_string(json_string_value(name))) != 0)
            status = rip_nomem(err);
    }
    json_decref(names);
    if (status == RIP_OK)
        *out = known;
    else
        permissions_free(known);
    return status;
}

void permissions_free(permissions *known)
{
    if (!known) return;
    json_decref(known->services);
    json_decref(known->actions);
    free(known);
}

static rip_status add_actions(const permissions *known, const char *name, json_t *list, rip_error *err)
{
    const aws_service *service = NULL;
    rip_status status = aws_models_service(known->models, name, &service, err);
    if (status != RIP_OK) return status;
    json_t *operations = aws_service_operations(service);
    if (!operations) return rip_nomem(err);
    size_t i;
    const json_t *each;
    json_array_foreach (operations, i, each) {
        const aws_operation *operation = NULL;
        status = aws_service_operation(service, json_string_value(each), &operation, err);
        if (status != RIP_OK) break;
        if (json_array_append_new(list, json_string(aws_operation_iam_action(operation))) == 0) continue;
        status = rip_nomem(err);
        break;
    }
    json_decref(operations);
    return status;
}

/* All actions with a prefix; borrowed. */
static rip_status actions_of(permissions *known, const char *prefix, const json_t **out, rip_error *err)
{
    *out = json_object_get(known->actions, prefix);
    if (*out) return RIP_OK;
    json_t *list = json_array();
    size_t i;
    const json_t *name;
    rip_status status = list ? RIP_OK : rip_nomem(err);
    json_array_foreach (json_object_get(known->services, prefix), i, name) {
        if (status == RIP_OK) status = add_actions(known, json_string_value(name), list, err);
    }
    if (status != RIP_OK) {
        json_decref(list);
        return status;
    }
    if (json_object_set_new(known->actions, prefix, list) != 0) return rip_nomem(err);
    *out = list;
    return RIP_OK;
}

/* An action that is named as its operation is, as most are: without reading all others of the service. */
static bool is_operation(const permissions *known, const char *prefix, const char *permission)
{
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(known->services, prefix), i, name) {
        const aws_service *service = NULL;
        const aws_operation *operation = NULL;
        const char *action = strchr(permission, ':') + 1;
        rip_error none;
        if (aws_models_service(known->models, json_string_value(name), &service, &none) == RIP_OK &&
            aws_service_operation(service, action, &operation, &none) == RIP_OK &&
            strcasecmp(aws_operation_iam_action(operation), permission) == 0)
            return true;
    }
    return false;
}

static rip_status no_service(const permissions *known, const char *prefix, rip_error *err)
{
    size_t count = 0;
    const char **names = calloc(json_object_size(known->services) + 1, sizeof(*names)), *name;
    json_t *value;
    if (!names) return rip_nomem(err);
    json_object_foreach (known->services, name, value) names[count++] = name;
    const char *meant = rip_suggest(prefix, names, count);
    rip_status status = rip_fail(err, RIP_EINVAL, "no API model has IAM actions that start with \"%s:\"%s%s", prefix,
                                 meant ? "; did you mean " : "", meant ? meant : "");
    free(names);
    return status;
}

static rip_status no_action(const json_t *actions, const char *permission, rip_error *err)
{
    size_t i, count = 0;
    const json_t *each;
    const char **names = calloc(json_array_size(actions) + 1, sizeof(*names));
    if (!names) return rip_nomem(err);
    json_array_foreach (actions, i, each) names[count++] = json_string_value(each);
    const char *meant = strpbrk(permission, "*?") ? NULL : rip_suggest(permission, names, count);
    rip_status status = rip_fail(err, RIP_EINVAL, "no API operation needs the permission %s%s%s", permission,
                                 meant ? "; did you mean " : "", meant ? meant : "");
    free(names);
    return status;
}

rip_status permissions_check(permissions *known, const char *permission, rip_error *err)
{
    char prefix[64];
    const char *colon = strchr(permission, ':');
    size_t len = colon ? (size_t)(colon - permission) : 0;
    if (len == 0 || len >= sizeof prefix) return rip_fail(err, RIP_EINVAL, "expected an IAM action with its service");
    memcpy(prefix, permission, len);
    prefix[len] = '\0';
    if (!json_object_get(known->services, prefix)) return no_service(known, prefix, err);
    for (size_t i = 0; i < sizeof WITHOUT_OPERATION / sizeof *WITHOUT_OPERATION; i++) {
        if (rip_glob_match_nocase(permission, WITHOUT_OPERATION[i])) return RIP_OK;
    }
    bool wildcard = strpbrk(permission, "*?") != NULL;
    if (!wildcard && is_operation(known, prefix, permission)) return RIP_OK;
    const json_t *actions = NULL, *each;
    size_t i;
    rip_status status = actions_of(known, prefix, &actions, err);
    if (status != RIP_OK) return status;
    json_array_foreach (actions, i, each) {
        if (rip_glob_match_nocase(permission, json_string_value(each))) return RIP_OK;
    }
    return no_action(actions, permission, err);
}
