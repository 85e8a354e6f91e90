/* What is known of services' targets: files, read when they are first asked for. */
#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/glob.h"
#include "engine/base/log.h"
#include "engine/base/text.h"
#include "engine/run/target_private.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define OWN_SUFFIX ".targets.json" /* beside a user's models */
#define SHIPPED_SUFFIX ".json"

struct run_targets {
    json_t *folders;  /* the user's, and the shipped one last */
    json_t *services; /* boto3's name -> the file's object; null: there is none */
    bool all_read;
};

rip_status run_targets_load(const char *const *folders, size_t count, run_targets **out, rip_error *err)
{
    char *shipped = rip_data_path("aws/targets", err);
    if (!shipped) return err->status;
    run_targets *targets = calloc(1, sizeof *targets);
    if (targets) {
        targets->folders = json_array();
        targets->services = json_object();
    }
    for (size_t i = 0; targets && i < count; i++) json_array_append_new(targets->folders, json_string(folders[i]));
    if (targets) json_array_append_new(targets->folders, json_string(shipped));
    free(shipped);
    if (!targets || json_array_size(targets->folders) != count + 1 || !targets->services) {
        run_targets_free(targets);
        return rip_nomem(err);
    }
    *out = targets;
    return RIP_OK;
}

void run_targets_free(run_targets *targets)
{
    if (!targets) return;
    json_decref(targets->folders);
    json_decref(targets->services);
    free(targets);
}

static const char *suffix_of(const run_targets *targets, size_t folder)
{
    return folder + 1 == json_array_size(targets->folders) ? SHIPPED_SUFFIX : OWN_SUFFIX;
}

static json_t *read_file(const char *path, rip_error *err)
{
    char *text = NULL;
    size_t len = 0;
    json_error_t why;
    if (rip_read_file(path, FILE_MAX_BYTES, &text, &len, err) != RIP_OK) return NULL;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!value) rip_fail(err, RIP_EINVAL, "%s:%d:%d: %s", path, why.line, why.column, why.text);
    return value;
}

/* Files list the members of each kind, {"cluster": ["cluster", "clusters"]}, since a service's members are called
 * alike; asked for is the kind of a member: {"cluster": "cluster", "clusters": "cluster"}, a list of kinds where one
 * names several things. */
static json_t *by_member(const json_t *by_kind)
{
    json_t *members = json_object(), *names, *name;
    const char *kind;
    size_t i;
    json_object_foreach ((json_t *)(uintptr_t)by_kind, kind, names) {
        json_array_foreach (names, i, name) {
            const char *member = json_string_value(name);
            json_t *known = member ? json_object_get(members, member) : NULL;
            if (!member) continue;
            if (!known)
                json_object_set_new(members, member, json_string(kind));
            else if (json_is_array(known))
                json_array_append_new(known, json_string(kind));
            else
                json_object_set_new(members, member, json_pack("[O, s]", known, kind));
        }
    }
    return members;
}

static void turn_members(json_t *object)
{
    json_t *members = json_object_get(object, "members");
    if (members) json_object_set_new(object, "members", by_member(members));
}

static void turn_all_members(json_t *service)
{
    const char *pattern;
    json_t *about;
    turn_members(service);
    json_object_foreach (json_object_get(service, "operations"), pattern, about) turn_members(about);
}

/* A file that cannot be read is one that is not there: its service's changes are refused where anything is protected.
 */
static json_t *read_service(const run_targets *targets, const char *name)
{
    for (size_t i = 0; i < json_array_size(targets->folders); i++) {
        rip_buffer path = {0};
        rip_error err;
        rip_buffer_printf(&path, "%s/%s%s", json_string_value(json_array_get(targets->folders, i)), name,
                          suffix_of(targets, i));
        json_t *service = path.failed ? NULL : read_file(path.data, &err);
        rip_buffer_free(&path);
        if (json_is_object(service)) {
            turn_all_members(service);
            return service;
        }
        json_decref(service);
        if (!path.failed && err.status != RIP_ENOTFOUND)
            rip_log(RIP_LOG_ERROR, "targets.read", "service", name, "error", err.message, NULL);
    }
    return json_null();
}

const json_t *target_service(run_targets *targets, const char *name)
{
    json_t *known = json_object_get(targets->services, name);
    if (!known) {
        known = read_service(targets, name);
        json_object_set_new(targets->services, name, known);
    }
    return json_is_object(known) ? known : NULL;
}

json_t *target_service_names(const run_targets *targets)
{
    json_t *names = json_object(), *list = json_array();
    const char *name;
    json_t *ignored;
    for (size_t i = 0; i < json_array_size(targets->folders); i++) {
        DIR *folder = opendir(json_string_value(json_array_get(targets->folders, i)));
        const char *suffix = suffix_of(targets, i);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            size_t len = strlen(entry->d_name), end = strlen(suffix);
            if (len <= end || strcmp(entry->d_name + len - end, suffix) != 0) continue;
            if (strcmp(entry->d_name, TARGETS_COMMON ".json") == 0) continue;
            json_object_setn_new(names, entry->d_name, len - end, json_true());
        }
        if (folder) closedir(folder);
    }
    json_object_foreach (names, name, ignored) json_array_append_new(list, json_string(name));
    json_decref(names);
    return list;
}

static void read_all(run_targets *targets)
{
    json_t *names = target_service_names(targets), *name;
    size_t i;
    json_array_foreach (names, i, name) (void)target_service(targets, json_string_value(name));
    json_decref(names);
    targets->all_read = true;
}

static bool is_called(const json_t *service, const char *own_name, const char *name, size_t len)
{
    const char *called = rip_text_or(service, "arn_service", own_name);
    return strlen(called) == len && memcmp(called, name, len) == 0;
}

const json_t *target_service_of_arn(run_targets *targets, const char *arn_service, size_t len, const char **name)
{
    char plain[64];
    const char *each;
    json_t *service;
    if (len == 0 || len >= sizeof plain) return NULL;
    memcpy(plain, arn_service, len);
    plain[len] = '\0';
    if (!strpbrk(plain, "/.")) (void)target_service(targets, plain); /* nearly always it is called the same */
    for (int tries = 0; tries < 2; tries++) {
        json_object_foreach (targets->services, each, service) {
            if (!json_is_object(service) || !is_called(service, each, plain, len)) continue;
            *name = each;
            return service;
        }
        if (targets->all_read) return NULL;
        read_all(targets);
    }
    return NULL;
}

/* Calls for tags, of services and of kinds. */
static void add_action(json_t *actions, aws_models *models, const char *own_service, const json_t *call)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    if (!json_is_object(call)) return;
    if (aws_models_service(models, rip_text_or(call, "service", own_service), &service, &err) == RIP_OK &&
        aws_service_operation(service, rip_text(call, "operation"), &operation, &err) == RIP_OK)
        json_object_set_new(actions, aws_operation_iam_action(operation), json_true());
}

json_t *run_targets_tag_actions(run_targets *targets, aws_models *models)
{
    json_t *actions = json_object(), *list = json_array(), *service, *kind;
    const char *name, *ignored, *action;
    if (!targets->all_read) read_all(targets);
    json_object_foreach (targets->services, name, service) {
        add_action(actions, models, name, json_object_get(service, "tags"));
        json_object_foreach (json_object_get(service, "kinds"), ignored, kind)
            add_action(actions, models, name, json_object_get(kind, "tags"));
    }
    json_object_foreach (actions, action, kind) json_array_append_new(list, json_string(action));
    json_decref(actions);
    return list;
}

const json_t *target_operation(const json_t *service, const char *operation)
{
    const json_t *operations = json_object_get(service, "operations");
    const json_t *own = json_object_get(operations, operation);
    const char *pattern;
    json_t *about;
    if (own) return own;
    json_object_foreach ((json_t *)(uintptr_t)operations, pattern, about) {
        if (strchr(pattern, '*') && rip_glob_match(pattern, operation)) return about;
    }
    return NULL;
}
