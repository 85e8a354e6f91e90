#include "aws/credentials/session_policy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"

#define PERMISSION_MAX 128

typedef struct action {
    char text[PERMISSION_MAX + 2];
} action;

/** How far actions are merged. */
typedef enum width { AS_DECLARED, BY_VERB, BY_SERVICE } width;

static bool covers(const char *wide, const char *narrow)
{
    size_t len = strlen(wide);
    return len > 0 && wide[len - 1] == '*' && strncmp(wide, narrow, len - 1) == 0;
}

/** "ecs:DeleteCluster" up to where the width ends: "ecs:Delete*", "ecs:*". */
static void widen(action *a, width to)
{
    char *name = strchr(a->text, ':') + 1;
    if (to == AS_DECLARED) return;
    if (to == BY_VERB && *name != '*') {
        name++;
        while (*name >= 'a' && *name <= 'z') name++;
        if (!*name) return;
    }
    snprintf(name, 2, "*");
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const action *)a)->text, ((const action *)b)->text);
}

static void write_policy(rip_buffer *out, const action *actions, size_t count)
{
    size_t last = count; /* the last that was written: none */
    rip_buffer_clear(out);
    rip_buffer_puts(out, "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[");
    for (size_t i = 0; i < count; i++) {
        bool covered = i > 0 && strcmp(actions[i].text, actions[i - 1].text) == 0;
        for (size_t k = 0; k < count && !covered; k++) {
            covered = strcmp(actions[k].text, actions[i].text) != 0 && covers(actions[k].text, actions[i].text);
        }
        if (covered) continue;
        rip_buffer_printf(out, "%s\"%s\"", last == count ? "" : ",", actions[i].text);
        last = i;
    }
    rip_buffer_puts(out, "],\"Resource\":\"*\"}]}");
}

static rip_status read_action(const json_t *permission, action *out, rip_error *err)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-*?:";
    const char *text = json_string_value(permission);
    size_t len = text ? strlen(text) : 0;
    const char *colon = text ? strchr(text, ':') : NULL;
    if (!colon || !colon[1] || strchr(colon + 1, ':') || len > PERMISSION_MAX || strspn(text, PLAIN) != len)
        return rip_fail(err, RIP_EINVAL, "permission %.128s: expected service:Action", text ? text : "(no text)");
    memcpy(out->text, text, len + 1);
    return RIP_OK;
}

rip_status aws_session_policy(const json_t *permissions, char **out, rip_error *err)
{
    size_t count = json_array_size(permissions);
    action *actions = calloc(count + 1, sizeof *actions);
    rip_buffer policy = {0};
    rip_status status = actions ? RIP_OK : rip_nomem(err);
    for (size_t i = 0; i < count && status == RIP_OK; i++)
        status = read_action(json_array_get(permissions, i), &actions[i], err);
    for (width to = AS_DECLARED; status == RIP_OK && to <= BY_SERVICE; to++) {
        for (size_t i = 0; i < count; i++) widen(&actions[i], to);
        qsort(actions, count, sizeof *actions, compare);
        write_policy(&policy, actions, count);
        if (policy.failed || policy.len <= AWS_SESSION_POLICY_MAX) break;
    }
    free(actions);
    if (status == RIP_OK && policy.len > AWS_SESSION_POLICY_MAX)
        status = rip_fail(err, RIP_ELIMIT,
                          "the %zu permissions make a session policy of %zu characters, even with whole services; AWS "
                          "takes %d",
                          count, policy.len, AWS_SESSION_POLICY_MAX);
    if (status == RIP_OK && !(*out = rip_buffer_take(&policy, NULL))) status = rip_nomem(err);
    rip_buffer_free(&policy);
    return status;
}
