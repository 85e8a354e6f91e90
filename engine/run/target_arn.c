/* From a parameter's value to the ARNs that it may stand for, and the call that reads the tags. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/text.h"
#include "engine/run/target_private.h"

/* A value taken apart: the name by which its service knows it, and what it says of where it is. */
typedef struct reading {
    char *name;
    const char *partition, *region, *account;
    char *own_region, *own_account; /* what they point to, where the value tells */
} reading;

bool target_is_arn(const char *text)
{
    return strncmp(text, "arn:", 4) == 0;
}

/* The `n`th field of an ARN (0 is "arn"), which ends at the next ':' but for the sixth, the resource. "" where the text
 * is too short. */
static const char *arn_field(const char *arn, int n, size_t *len)
{
    for (int i = 0; i < n && arn; i++) {
        arn = strchr(arn, ':');
        if (arn) arn++;
    }
    *len = arn ? (n == 5 ? strlen(arn) : strcspn(arn, ":")) : 0;
    return arn ? arn : "";
}

static char *arn_part(const char *arn, int n)
{
    size_t len;
    const char *at = arn_field(arn, n, &len);
    return strndup(at, len);
}

/* Templates. */

static void put_other(rip_buffer *out, const target_context *context, const char *name, size_t len)
{
    const char *value = json_string_value(json_object_getn(context->params, name, len));
    if (!value) value = json_string_value(json_object_getn(context->defaults, name, len));
    if (!value || !*value) {
        rip_buffer_putc(out, '*');
        return;
    }
    const char *slash = target_is_arn(value) ? strrchr(value, '/') : NULL;
    const char *colon = target_is_arn(value) ? strrchr(value, ':') : NULL;
    rip_buffer_puts(out, slash ? slash + 1 : colon ? colon + 1 : value);
}

static void put_placeholder(rip_buffer *out, const target_context *context, const reading *r, const char *name,
                            size_t len)
{
    if (len == 0)
        rip_buffer_puts(out, r->name);
    else if (len == 9 && memcmp(name, "partition", len) == 0)
        rip_buffer_puts(out, r->partition);
    else if (len == 6 && memcmp(name, "region", len) == 0)
        rip_buffer_puts(out, r->region);
    else if (len == 7 && memcmp(name, "account", len) == 0)
        rip_buffer_puts(out, r->account);
    else
        put_other(out, context, name, len);
}

/* "cluster/{}" is short for "arn:{partition}:SERVICE:{region}:{account}:cluster/{}". */
static void put_head(rip_buffer *out, const target_context *context, const reading *r, const char *template)
{
    if (target_is_arn(template)) return;
    bool is_global = json_is_true(json_object_get(context->service, "is_global"));
    rip_buffer_printf(out, "arn:%s:%s:%s:%s:", r->partition,
                      rip_text_or(context->service, "arn_service", context->name), is_global ? "" : r->region,
                      r->account);
}

static json_t *expand(const target_context *context, const reading *r, const char *template)
{
    rip_buffer arn = {0};
    put_head(&arn, context, r, template);
    for (const char *at = template; *at;) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (!close) {
            rip_buffer_putc(&arn, *at++);
            continue;
        }
        put_placeholder(&arn, context, r, at + 1, (size_t)(close - at - 1));
        at = close + 1;
    }
    json_t *text = arn.failed ? NULL : json_stringn_nocheck(arn.data, arn.len);
    rip_buffer_free(&arn);
    return text;
}

/* Names. */

/* Of a template's resource, what stands before the name: "log-group:" of "log-group:{}:*". */
static size_t literal_head(const char *template, const char **resource)
{
    size_t len;
    *resource = target_is_arn(template) ? arn_field(template, 5, &len) : template;
    return strcspn(*resource, "{");
}

/* The name within an ARN's resource: what follows the literal head of the first template that has it; else what follows
 * the last '/' or ':'. A log group's ":*" and the like are cut off by `cut` (of the kind's data). */
static char *name_in(const json_t *kind, const char *resource)
{
    json_t *template;
    size_t i;
    json_array_foreach (json_object_get(kind, "arns"), i, template) {
        const char *head;
        size_t len = literal_head(json_string_value(template), &head);
        bool last = strchr(head, '}') && strncmp(head + len, "{}", 2) == 0;
        if (len == 0 || !last || strncmp(resource, head, len) != 0) continue;
        return strdup(resource + len);
    }
    const char *name = resource + strlen(resource);
    while (name > resource && name[-1] != '/' && name[-1] != ':') name--;
    return strdup(name);
}

static void cut_at(char *name, const char *mark)
{
    char *at = *mark ? strstr(name, mark) : NULL;
    if (at && at != name) *at = '\0';
}

/* "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs": account and name are the last two parts of the path; the
 * region is a label of the host where it looks like one. */
static void read_url(reading *r, const char *url)
{
    const char *host = strstr(url, "://"), *name = strrchr(url, '/');
    if (!host || !name || name == url) return;
    const char *account = name;
    while (account > host && account[-1] != '/') account--;
    if ((size_t)(name - account) == 12 && strspn(account, "0123456789") == 12)
        r->own_account = strndup(account, 12);
    else
        r->own_account = strdup("*");
    const char *label = strchr(host + 3, '.');
    size_t len = label ? strcspn(label + 1, ".:/") : 0;
    r->own_region = len > 0 && memchr(label + 1, '-', len) ? strndup(label + 1, len) : strdup("*");
    free(r->name);
    r->name = strdup(name + 1);
}

/* "123456789012:function:NAME:QUALIFIER" and shorter: Lambda's partial ARNs. */
static void read_partial(reading *r, const char *value)
{
    static const char TYPE[] = "function:";
    char *name = strdup(value);
    const char *at = value;
    if (strspn(at, "0123456789") == 12 && at[12] == ':') {
        r->own_account = strndup(at, 12);
        at += 13;
    }
    if (strncmp(at, TYPE, sizeof TYPE - 1) == 0) at += sizeof TYPE - 1;
    if (name) {
        memmove(name, at, strlen(at) + 1);
        cut_at(name, ":");
    }
    free(r->name);
    r->name = name;
}

static void read_value(reading *r, const target_context *context, const json_t *kind, const char *value)
{
    const char *form = rip_text(kind, "form");
    *r = (reading){
        .partition = context->place->partition, .region = context->place->region, .account = context->place->account};
    if (target_is_arn(value)) {
        size_t len;
        r->name = name_in(kind, arn_field(value, 5, &len));
        r->own_region = arn_part(value, 3);
        r->own_account = arn_part(value, 4);
    } else if (strcmp(form, "url") == 0) {
        r->name = strdup(value);
        read_url(r, value);
    } else if (strcmp(form, "partial-arn") == 0) {
        read_partial(r, value);
    } else if (strcmp(form, "path") == 0) {
        r->name = strdup(strrchr(value, '/') ? strrchr(value, '/') + 1 : value);
    } else {
        r->name = strdup(value);
    }
    if (r->name) cut_at(r->name, rip_text(kind, "cut"));
    if (r->name && *r->name == '/' && json_is_true(json_object_get(kind, "drops_slash")))
        memmove(r->name, r->name + 1, strlen(r->name));
    if (r->own_region && *r->own_region) r->region = r->own_region;
    if (r->own_account && *r->own_account) r->account = r->own_account;
}

/* Tags. */

/* What a call for tags may want: the ARN, the name, and the value as it was given. */
typedef struct filling {
    const char *arn, *name, *value;
    bool whole; /* false: it wants an ARN, and that is not told whole */
} filling;

/* Put them where a template of parameters says "{arn}", "{name}" and "{value}". New reference. */
static json_t *fill(const json_t *template, filling *f)
{
    if (json_is_string(template)) {
        const char *text = json_string_value(template);
        if (strcmp(text, "{name}") == 0) return json_string(f->name);
        if (strcmp(text, "{value}") == 0) return json_string(f->value);
        if (strcmp(text, "{arn}") != 0) return json_string(text);
        f->whole = f->whole && f->arn && !strpbrk(f->arn, "*?");
        return json_string(f->arn ? f->arn : "");
    }
    if (json_is_array(template)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(template); i++)
            json_array_append_new(copy, fill(json_array_get(template, i), f));
        return copy;
    }
    if (!json_is_object(template)) return json_incref((json_t *)(uintptr_t) template);
    json_t *copy = json_object(), *value;
    const char *key;
    json_object_foreach ((json_t *)(uintptr_t) template, key, value) json_object_set_new(copy, key, fill(value, f));
    return copy;
}

/* How the tags are read: the kind's own call, else the service's; json_false(): it has none; NULL: it is not known. New
 * reference. */
static json_t *tag_call(const target_context *context, const json_t *kind, filling *f)
{
    const json_t *call = json_object_get(kind, "tags");
    if (!call) call = json_object_get(context->service, "tags");
    if (json_is_false(call)) return json_false();
    if (!json_is_object(call)) return NULL;
    json_t *filled = fill(call, f);
    if (f->whole && !json_object_get(filled, "service"))
        json_object_set_new(filled, "service", json_string(context->name));
    if (f->whole) return filled;
    json_decref(filled);
    return NULL;
}

/* Targets. */

static json_t *target_new(const target_context *context, const char *kind_name, const json_t *kind, const reading *r,
                          const char *value)
{
    const char *given = target_is_arn(value) ? value : NULL;
    json_t *arns = json_array(), *template, *target = json_object();
    size_t i;
    if (given) json_array_append_new(arns, json_string(given));
    json_array_foreach (json_object_get(kind, "arns"), i, template) {
        json_t *arn = expand(context, r, json_string_value(template));
        json_t *first = json_array_get(arns, 0);
        if (arn && first && json_equal(arn, first))
            json_decref(arn);
        else
            json_array_append_new(arns, arn);
    }
    filling f = {json_string_value(json_array_get(arns, 0)), r->name, value, true};
    json_t *tags = tag_call(context, kind, &f);
    json_object_set_new(target, "kind", json_string(kind_name));
    json_object_set_new(target, "name", json_string(r->name));
    json_object_set_new(target, "arns", arns);
    if (tags) json_object_set_new(target, "tags", tags);
    return target;
}

/* A kind may only be a way to another: by what the value starts with ("i-": instance), "" standing for the rest. */
static const char *real_kind(const json_t *kinds, const char *kind, const char *value)
{
    const json_t *ways = json_object_get(json_object_get(kinds, kind), "by_prefix");
    const char *prefix, *best = NULL;
    size_t longest = 0;
    json_t *other;
    json_object_foreach ((json_t *)(uintptr_t)ways, prefix, other) {
        size_t len = strlen(prefix);
        if (strncmp(value, prefix, len) != 0 || (best && len < longest)) continue;
        best = json_string_value(other);
        longest = len;
    }
    return best ? best : kind;
}

json_t *target_of_value(const target_context *context, const char *kind_name, const char *value)
{
    const json_t *kinds = json_object_get(context->service, "kinds");
    const char *name = target_is_arn(value) ? kind_name : real_kind(kinds, kind_name, value);
    const json_t *kind = json_object_get(kinds, name);
    reading r;
    read_value(&r, context, kind, value);
    json_t *target = r.name ? target_new(context, name, kind, &r, value) : NULL;
    free(r.name);
    free(r.own_region);
    free(r.own_account);
    return target;
}

/* Which kind an ARN is of: the one whose template has the longest literal head that the resource begins with. */
static const char *kind_of_arn(const json_t *service, const char *resource)
{
    const char *name, *best = NULL;
    json_t *kind, *template;
    size_t i, longest = 0;
    json_object_foreach (json_object_get(service, "kinds"), name, kind) {
        json_array_foreach (json_object_get(kind, "arns"), i, template) {
            const char *head;
            size_t len = literal_head(json_string_value(template), &head);
            if (strncmp(resource, head, len) != 0 || (best && len <= longest)) continue;
            best = name;
            longest = len;
        }
    }
    return best;
}

json_t *target_of_arn(const target_context *context, const char *arn)
{
    size_t len, resource_len;
    const char *service = arn_field(arn, 2, &len), *resource = arn_field(arn, 5, &resource_len);
    target_context other = *context;
    other.service = target_service_of_arn(context->targets, service, len, &other.name);
    const char *kind = other.service ? kind_of_arn(other.service, resource) : NULL;
    if (kind) return target_of_value(&other, kind, arn);
    return json_pack("{s:s, s:s, s:[s]}", "kind", "arn", "name", arn, "arns", arn);
}
