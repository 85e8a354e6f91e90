/* Resources in one spelling, whatever form they came in. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/finding/private.h"

/* Services whose names AWS writes with capitals inside, and types that would say the same word twice. */
static const struct {
    const char *from, *to;
} SPELLINGS[] = {
    {"auto-scaling-auto-scaling-group", "autoscaling-group"},
    {"autoscaling-auto-scaling-group", "autoscaling-group"},
    {"auto-scaling", "autoscaling"},
    {"access-key", "iam-access-key"},
    {"cloud-formation", "cloudformation"},
    {"cloud-front", "cloudfront"},
    {"cloud-trail", "cloudtrail"},
    {"cloud-watch", "cloudwatch"},
    {"code-build", "codebuild"},
    {"dynamo-db", "dynamodb"},
    {"api-gateway", "apigateway"},
};

void resource_type(const char *name, char *out, size_t size)
{
    char plain[128];
    size_t at = 0;
    if (strncmp(name, "Aws", 3) == 0 && isupper((unsigned char)name[3])) name += 3;
    bool shout = strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL;
    for (const char *p = name; *p && at + 2 < sizeof plain; p++) {
        bool word = !shout && p > name && isupper((unsigned char)*p) && !isupper((unsigned char)p[-1]);
        if (word && at > 0 && plain[at - 1] != '-') plain[at++] = '-';
        plain[at++] = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
    }
    plain[at] = '\0';
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof *SPELLINGS; i++) {
        size_t len = strlen(SPELLINGS[i].from);
        if (strncmp(plain, SPELLINGS[i].from, len) != 0 || (plain[len] && plain[len] != '-')) continue;
        snprintf(out, size, "%s%s", SPELLINGS[i].to, plain + len);
        return;
    }
    snprintf(out, size, "%s", plain);
}

static json_t *tags_of(const json_t *tags)
{
    if (json_is_object(tags)) return json_incref((json_t *)(uintptr_t)tags);
    json_t *all = json_object();
    size_t i;
    json_t *pair;
    json_array_foreach (tags, i, pair) {
        const char *key = field_text(pair, "key"), *value = field_text(pair, "value");
        if (!key) key = field_text(pair, "Key");
        if (!value) value = field_text(pair, "Value");
        if (key) json_object_set_new(all, key, json_string(value ? value : ""));
    }
    return all;
}

static const char *last_part(const char *arn)
{
    const char *slash = strrchr(arn, '/'), *colon = strrchr(arn, ':');
    const char *cut = slash ? slash : colon;
    return cut && cut[1] ? cut + 1 : arn;
}

json_t *resource_new(const char *type, const char *arn, const char *id, const char *name, const json_t *tags,
                     const json_t *data)
{
    bool is_arn = arn && strncmp(arn, "arn:", 4) == 0;
    if (!id) id = is_arn ? last_part(arn) : arn ? arn : name;
    if (!name) name = id;
    json_t *resource = json_object();
    bool whole = field_set_text(resource, "type", type);
    whole = field_set_text(resource, "arn", is_arn ? arn : NULL) && whole;
    whole = field_set_text(resource, "id", id) && whole;
    whole = field_set_text(resource, "name", name) && whole;
    whole = field_set(resource, "tags", tags_of(tags)) && whole;
    json_t *own = json_is_object(data) ? json_incref((json_t *)(uintptr_t)data) : json_object();
    if (field_set(resource, "data", own) && whole) return resource;
    json_decref(resource);
    return NULL;
}
