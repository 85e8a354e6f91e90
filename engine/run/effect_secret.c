/* Secrets at the door: what the journal holds of a request and of what takes a change back, and what an undo run opens
 * of that again. */
#include "engine/run/effect_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/run/secret.h"

static const aws_operation *operation_named(const effect_door *door, const char *service_name, const char *name)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    if (!service_name || !name ||
        aws_models_service(aws_client_models(door->settings.client), service_name, &service, NULL) != RIP_OK ||
        aws_service_operation(service, name, &operation, NULL) != RIP_OK)
        return NULL;
    return operation;
}

static const aws_operation *operation_of(const effect_door *door, const json_t *request)
{
    return operation_named(door, json_string_value(json_object_get(request, "service")),
                           json_string_value(json_object_get(request, "operation")));
}

/* `object` with digests in its `member`; the same where there is nothing to hide. Steals and returns a reference. */
static json_t *with_masked(effect_door *door, json_t *object, const char *member, const aws_shape *shape)
{
    json_t *value = json_object_get(object, member);
    json_t *clean = value ? secret_mask(door->settings.journal, shape, value, &door->known) : NULL;
    if (!clean || clean == value) {
        json_decref(clean);
        return object;
    }
    json_t *copy = json_copy(object);
    json_object_set_new(copy, member, clean);
    json_decref(object);
    return copy;
}

static json_t *masked_by_names(const pending *p)
{
    return secret_mask(p->door->settings.journal, NULL, p->request, &p->door->known);
}

/* {"request": {"service", "operation", "params" …}, "reply", …} */
static json_t *masked_settled(const pending *p)
{
    json_t *asked = json_object_get(p->request, "request"), *note = masked_by_names(p);
    const aws_operation *operation = operation_of(p->door, asked);
    if (!operation) return note;
    json_t *clean = with_masked(p->door, json_incref(asked), "params", aws_operation_input(operation));
    json_t *copy = json_copy(note);
    json_object_set_new(copy, "request", clean);
    json_decref(note);
    return with_masked(p->door, copy, "reply", aws_operation_output(operation));
}

/* {"operation": "ecs:RegisterTaskDefinition", "params", …} */
static json_t *masked_park(const pending *p)
{
    const char *name = json_string_value(json_object_get(p->request, "operation"));
    const char *colon = name ? strchr(name, ':') : NULL;
    char *service = colon ? strndup(name, (size_t)(colon - name)) : NULL;
    const aws_operation *operation = operation_named(p->door, service, colon ? colon + 1 : NULL);
    free(service);
    return with_masked(p->door, masked_by_names(p), "params", operation ? aws_operation_input(operation) : NULL);
}

static json_t *masked_by_model(const pending *p)
{
    if (p->operation) return with_masked(p->door, json_incref(p->request), "params", aws_operation_input(p->operation));
    if (strcmp(p->kind, "settled") == 0) return masked_settled(p);
    if (strcmp(p->kind, "park") == 0) return masked_park(p);
    return masked_by_names(p);
}

json_t *effect_masked_request(const pending *p)
{
    json_t *masked = masked_by_model(p), *hidden = secret_known_hide(&p->door->known, masked);
    json_decref(masked);
    return hidden;
}

char *effect_door_hide_text(const effect_door *door, const char *text, size_t len)
{
    return door ? secret_known_hide_text(&door->known, text, len) : strndup(text, len);
}

/* What takes a change back. */

static char *step_name(const pending *p)
{
    rip_buffer name = {0};
    rip_buffer_printf(&name, "%s%s%u", p->path, *p->path ? "/" : "", p->step.number);
    return rip_buffer_take(&name, NULL);
}

static rip_status seal_operation(const pending *p, const secret_place *place, json_t *operation, rip_error *err)
{
    const aws_operation *known = operation_of(p->door, operation);
    json_t *params = json_object_get(operation, "params");
    if (!params) return RIP_OK;
    json_t *sealed =
        secret_seal(p->door->settings.journal, place, known ? aws_operation_input(known) : NULL, params, err);
    if (!sealed) return err->status;
    return json_object_set_new(operation, "params", sealed) == 0 ? RIP_OK : rip_nomem(err);
}

static void no_undo(pending *p, const char *why)
{
    json_decref(p->step.undo);
    p->step.undo = NULL;
    if (!p->irreversible) p->irreversible = strdup(why);
}

static void seal_undo(pending *p)
{
    rip_error err = {RIP_OK, ""};
    char *step = step_name(p);
    secret_place place = {p->door->settings.run, step};
    rip_status status = step ? RIP_OK : rip_nomem(&err);
    for (size_t i = 0; status == RIP_OK && i < json_array_size(p->step.undo); i++)
        status = seal_operation(p, &place, json_array_get(p->step.undo, i), &err);
    free(step);
    if (status != RIP_OK) no_undo(p, err.message);
}

void effect_take_undo(pending *p, const rip_effect *effect, const journal_step *before)
{
    static const char LOST[] = "what was before holds a secret that was not kept over a restart";
    /* What was promised before a restart holds: what was read then is known by its digests alone now. */
    const char *irreversible = before ? before->irreversible : effect->irreversible;
    json_t *undo = before ? before->undo : effect->undo;
    if (before && before->state == JOURNAL_FINISHED) return;
    if (irreversible) p->irreversible = strdup(irreversible);
    if (!undo) return;
    if (secret_lost(p->door->settings.journal, undo)) {
        no_undo(p, LOST);
        return;
    }
    p->step.undo = json_deep_copy(undo);
    if (!before) seal_undo(p);
}

rip_status effect_check_undo(const pending *p, rip_error *err)
{
    const effect_settings *settings = &p->door->settings;
    json_t *each;
    size_t i;
    if (settings->takes_back) return RIP_OK;
    json_array_foreach (p->step.undo, i, each) {
        const aws_operation *operation = operation_of(p->door, each);
        const char *action = operation ? aws_operation_iam_action(operation) : NULL;
        if (!json_is_true(json_object_get(each, "given"))) continue;
        if (action && guard_declares(settings->permissions, action)) continue;
        return rip_fail(
            err, RIP_EDENIED,
            "what is to take the change back, %.80s, is not declared in the playbook's header: add %.80s to "
            "`permissions` if it is meant",
            rip_text(each, "operation"), action ? action : "an operation that there is");
    }
    return RIP_OK;
}

/* {"$reply": "taskDefinition.taskDefinitionArn"} stands for what only the reply tells. */

static json_t *reply_value(const json_t *reply, const char *path)
{
    char name[256];
    while (*path && reply) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name) return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        reply = json_is_array(reply) ? json_array_get(reply, (size_t)strtoul(name, NULL, 10))
                                     : json_object_get(reply, name);
        path += len + (path[len] == '.');
    }
    return json_incref((json_t *)(uintptr_t)reply);
}

static json_t *with_reply(json_t *undo, const json_t *reply, bool *filled)
{
    const char *path = json_is_object(undo) ? json_string_value(json_object_get(undo, "$reply")) : NULL;
    if (path && json_object_size(undo) == 1) {
        json_t *value = reply_value(reply, path);
        *filled = true;
        return value ? value : json_null();
    }
    if (json_is_array(undo)) {
        for (size_t i = 0; i < json_array_size(undo); i++)
            json_array_set_new(undo, i, with_reply(json_array_get(undo, i), reply, filled));
    } else if (json_is_object(undo)) {
        const char *key;
        json_t *value;
        void *tmp;
        json_object_foreach_safe (undo, tmp, key, value)
            json_object_set_new(undo, key, with_reply(value, reply, filled));
    }
    return json_incref(undo);
}

void effect_fill_undo(pending *p, const json_t *reply)
{
    bool filled = false;
    if (!p->step.undo) return;
    json_decref(with_reply(p->step.undo, reply, &filled));
    if (filled) seal_undo(p);
}

/* What an undo run asks for. */

void effect_open_request(pending *p)
{
    static const char *const KINDS[] = {"aws", "settled", "park"};
    const effect_settings *settings = &p->door->settings;
    const secret_place place = {settings->takes_back, NULL};
    bool asks = false;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) asks = asks || strcmp(p->kind, KINDS[i]) == 0;
    if (!settings->takes_back || !asks) return;
    json_t *opened = NULL;
    rip_error err;
    if (secret_open(settings->journal, &place, p->request, &opened, &err) != RIP_OK) {
        p->unopened = strdup(err.message);
        return;
    }
    json_decref(p->request);
    p->request = opened;
}

bool effect_same(rip_door *base, json_t *a, json_t *b)
{
    const effect_settings *settings = &((effect_door *)base)->settings;
    return secret_same(settings->journal, settings->takes_back ? settings->takes_back : "", a, b);
}
