#include "engine/dispatch/undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/digest.h"
#include "engine/base/text.h"
#include "engine/run/secret.h"

static json_t *name_of(const json_t *step)
{
    const char *path = rip_text_or(step, "path", "");
    return json_sprintf("%s%s%d", path, *path ? "/" : "", (int)json_integer_value(json_object_get(step, "number")));
}

/* What was found out about a change whose answer never came, or NULL. */
static const json_t *settled(const json_t *steps, const json_t *step)
{
    size_t i;
    json_t *each, *name = name_of(step);
    const json_t *found = NULL;
    json_array_foreach (steps, i, each) {
        const json_t *request = json_object_get(each, "request");
        if (strcmp(rip_text_or(each, "kind", ""), "settled") == 0 && json_equal(json_object_get(request, "step"), name))
            found = request;
    }
    json_decref(name);
    return found;
}

/* AWS may have made it, though what it answered last, if anything, was an error: the world will tell. */
static bool is_uncertain(const json_t *step)
{
    const char *outcome = rip_text_or(step, "outcome", "");
    const json_t *error = json_object_get(step, "reply");
    if (strcmp(outcome, "failed") == 0) return json_is_true(json_object_get(error, "sent_before"));
    return strcmp(outcome, "uncertain") == 0;
}

static bool was_made(const json_t *steps, const json_t *step)
{
    if (!json_is_true(json_object_get(step, "is_change"))) return false;
    if (strcmp(rip_text_or(step, "outcome", ""), "done") == 0) return true;
    const json_t *known = settled(steps, step);
    return known ? json_is_true(json_object_get(known, "happened")) : is_uncertain(step);
}

/* Secrets stay sealed until an operation is made; here it is found out whether they will open. */
static rip_status check_secrets(const undo_order *order, const json_t *entry, rip_error *err)
{
    const secret_place place = {rip_text_or(json_object_get(order->whole, "record"), "id", ""),
                                rip_text_or(entry, "step", "")};
    json_t *undo = json_object_get(entry, "undo"), *opened = NULL;
    if (!undo) return RIP_OK;
    rip_status status = secret_open(order->journal, &place, undo, &opened, err);
    if (status == RIP_OK && secret_lost(order->journal, opened))
        status = rip_fail(err, RIP_EDENIED, "what was before step %s holds a secret that was not kept", place.step);
    json_decref(opened);
    return status;
}

static json_t *entry_of(const undo_order *order, const json_t *step)
{
    static const char *const FROM_REQUEST[] = {"service", "operation", "params", "region", "account"};
    static const char *const FROM_STEP[] = {"outcome", "reply", "undo", "irreversible", "started_ms"};
    const json_t *steps = json_object_get(order->whole, "steps"), *request = json_object_get(step, "request");
    json_t *entry = json_pack("{s:o}", "step", name_of(step));
    for (size_t i = 0; i < sizeof FROM_REQUEST / sizeof *FROM_REQUEST; i++) {
        json_t *value = json_object_get(request, FROM_REQUEST[i]);
        if (value) json_object_set(entry, FROM_REQUEST[i], value);
    }
    for (size_t i = 0; i < sizeof FROM_STEP / sizeof *FROM_STEP; i++) {
        json_t *value = json_object_get(step, FROM_STEP[i]);
        if (value) json_object_set(entry, FROM_STEP[i], value);
    }
    const json_t *known = settled(steps, step);
    if (is_uncertain(step)) json_object_set_new(entry, "outcome", json_string("uncertain"));
    if (known) {
        json_object_set_new(entry, "outcome", json_string("done"));
        json_object_set(entry, "reply", json_object_get(known, "reply"));
    }
    rip_error why;
    if (check_secrets(order, entry, &why) != RIP_OK) {
        json_object_del(entry, "undo");
        json_object_set_new(entry, "irreversible", json_string(why.message));
    }
    return entry;
}

static int compare_orders(const void *left, const void *right)
{
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)left, "order"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)right, "order"));
    return a < b ? 1 : a > b ? -1 : 0;
}

/* The changes that were made, the last first. */
static json_t *changes_of(const undo_order *order)
{
    json_t *steps = json_object_get(order->whole, "steps"), *changes = json_array(), *step;
    json_t **made = calloc(json_array_size(steps) + 1, sizeof(*made));
    size_t count = 0, i;
    json_array_foreach (steps, i, step) {
        json_t *name = name_of(step);
        bool named = !order->step || strcmp(json_string_value(name), order->step) == 0;
        if (made && named && was_made(steps, step)) made[count++] = step;
        json_decref(name);
    }
    if (made) qsort(made, count, sizeof(*made), compare_orders);
    for (i = 0; i < count; i++) json_array_append_new(changes, entry_of(order, made[i]));
    free(made);
    return changes;
}

/* Permissions: what the inverses need, and reads of their services, which tell whether the world is still as it was
 * left. */

static void permit(json_t *permissions, const char *action)
{
    size_t i;
    json_t *each;
    json_array_foreach (permissions, i, each) {
        if (strcmp(json_string_value(each), action) == 0) return;
    }
    json_array_append_new(permissions, json_string(action));
}

static rip_status permit_operation(json_t *permissions, aws_models *models, const json_t *operation, rip_error *err)
{
    static const char *const READS[] = {"Describe*", "Get*", "List*"};
    const aws_service *service = NULL;
    const aws_operation *found = NULL;
    rip_status status = aws_models_service(models, rip_text_or(operation, "service", ""), &service, err);
    if (status == RIP_OK) status = aws_service_operation(service, rip_text_or(operation, "operation", ""), &found, err);
    if (status != RIP_OK) return status;
    permit(permissions, aws_operation_iam_action(found));
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++) {
        char action[128];
        snprintf(action, sizeof action, "%.64s:%s", aws_service_iam_prefix(service), READS[i]);
        permit(permissions, action);
    }
    return RIP_OK;
}

static rip_status permissions_for(const json_t *changes, aws_models *models, json_t *permissions, rip_error *err)
{
    size_t i, k;
    json_t *change, *operation;
    rip_status status = RIP_OK;
    json_array_foreach (changes, i, change) {
        json_array_foreach (json_object_get(change, "undo"), k, operation) {
            if (status == RIP_OK) status = permit_operation(permissions, models, operation, err);
        }
    }
    return status;
}

static char *playbook_text(const json_t *permissions)
{
    rip_buffer text = {0};
    rip_buffer_puts(&text,
                    "return {\n  name = \"undo\",\n  about = \"Takes the changes of a run back.\",\n"
                    "  trigger = { source = { \"riposte\" } },\n  permissions = {\n");
    size_t i;
    json_t *each;
    json_array_foreach (permissions, i, each) rip_buffer_printf(&text, "    \"%s\",\n", json_string_value(each));
    rip_buffer_puts(&text, "  },\n  run = function(_, run) require(\"riposte.undo\")(run, run.undo) end,\n}\n");
    return rip_buffer_take(&text, NULL);
}

static json_t *record_of(const undo_order *order, json_t *changes, const char *text)
{
    const json_t *record = json_object_get(order->whole, "record");
    const char *run = rip_text_or(record, "id", "");
    char key[128], hex[RIP_SHA256_HEX];
    snprintf(key, sizeof key, "undo %.64s %lld", run, (long long)order->now);
    rip_sha256_hex(key, strlen(key), hex);
    json_t *next = json_pack("{s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:O, s:s}", "id", json_sprintf("undo-%.16s", hex),
                             "playbook", "undo", "file", "undo.lua", "text", text, "mode", order->mode, "queued",
                             (json_int_t)order->now, "undo_of", run, "undo", changes, "base", "");
    static const char *const SAME[] = {"finding", "rank", "lock"};
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        json_t *value = json_object_get(record, SAME[i]);
        if (value) json_object_set(next, SAME[i], value);
    }
    /* One that is asked for again waits for the first, and finds what is left. */
    if (!json_object_get(next, "lock")) json_object_set_new(next, "lock", json_sprintf("undo %s", run));
    json_object_set(next, "base", json_object_get(next, "id"));
    return next;
}

rip_status undo_record(const undo_order *order, aws_models *models, json_t **out, rip_error *err)
{
    const char *run = rip_text_or(json_object_get(order->whole, "record"), "id", "");
    json_t *changes = changes_of(order), *permissions = json_array();
    rip_status status = RIP_OK;
    *out = NULL;
    if (json_array_size(changes) == 0 && order->step)
        status = rip_fail(err, RIP_ENOTFOUND, "run %s has made no change in a step %s", run, order->step);
    else if (json_array_size(changes) == 0)
        status = rip_fail(err, RIP_EDENIED, "run %s has made no changes", run);
    if (status == RIP_OK) status = permissions_for(changes, models, permissions, err);
    if (status == RIP_OK) {
        char *text = playbook_text(permissions);
        *out = text ? record_of(order, changes, text) : NULL;
        free(text);
        if (!*out) status = rip_nomem(err);
    }
    json_decref(changes);
    json_decref(permissions);
    return status;
}
