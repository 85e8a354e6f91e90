/* From a parameter's value to the ARNs that it may stand for, and the call that reads the tags. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/glob.h"
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
    if (target_is_arn(value)) {
        value = arn_field(value, 5, &len);
        size_t type = strcspn(value, "/:");
        if (value[type]) value += type + 1;
        const char *last = value + strlen(value);
        while (last > value && last[-1] != '/' && last[-1] != ':') last--;
        if (last > value)
            rip_buffer_putc(out, '*'); /* the name may hold separators, or its parent's stands before it */
        value = last;
    }
    rip_buffer_puts(out, value);
}

/* "{2}" is the second part of the name "app/web/50dc6c495c0c9188". */
static void put_part(rip_buffer *out, const char *name, int number)
{
    for (; number > 1 && name; number--) {
        name = strchr(name, '/');
        if (name) name++;
    }
    size_t len = name ? strcspn(name, "/") : 0;
    if (len > 0)
        rip_buffer_append(out, name, len);
    else
        rip_buffer_putc(out, '*');
}

static void put_placeholder(rip_buffer *out, const target_context *context, const reading *r, const char *name,
                            size_t len)
{
    const char *bar = memchr(name, '|', len);
    if (bar && json_string_length(json_object_getn(context->params, name, (size_t)(bar - name))) > 0)
        len = (size_t)(bar - name);
    else if (bar) {
        len -= (size_t)(bar + 1 - name);
        name = bar + 1;
    }
    if (len == 0)
        rip_buffer_puts(out, r->name);
    else if (len == 1 && *name >= '1' && *name <= '9')
        put_part(out, r->name, *name - '0');
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
    return strcspn(*resource, "{*");
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
        if ((len == 0 && strcmp(head, "{}") != 0) || !last || strncmp(resource, head, len) != 0) continue;
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

/* "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs": account and name are the last two parts of the path.
 * Whatever host it has, the call goes to the place's region: where the host's label is another, it is not known whose
 * word counts. A name in other characters than a queue's may be read otherwise by the service. */
static void read_url(reading *r, const char *url)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *host = strstr(url, "://"), *slash = strrchr(url, '/'), *name = slash ? slash + 1 : url;
    const char *account = slash ? slash : url;
    while (account > url && account[-1] != '/') account--;
    if (slash && (size_t)(slash - account) == 12 && strspn(account, "0123456789") == 12)
        r->own_account = strndup(account, 12);
    else if (slash)
        r->own_account = strdup("*");
    const char *label = host ? strchr(host + 3, '.') : NULL;
    size_t len = label ? strcspn(label + 1, ".:/") : 0;
    if (host && (len == 0 || len != strlen(r->region) || memcmp(label + 1, r->region, len) != 0))
        r->own_region = strdup("*");
    r->name = strdup(*name && name[strspn(name, NAME)] == '\0' ? name : "*");
}

/* The length of "us-east-1", "us-gov-west-1" before a ':'; 0: that is no region. */
static size_t region_length(const char *at)
{
    size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
    bool is_region = len > 5 && at[len] == ':' && at[2] == '-' && at[len - 1] >= '0' && at[len - 1] <= '9' &&
                     memchr(at + 3, '-', len - 3);
    return is_region ? len : 0;
}

/* Lambda's names, of which each part but NAME may be left out:
 * "arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER". "us-east-1:f" may be a name and its qualifier, too. */
static void read_partial(reading *r, const json_t *kind, const char *value)
{
    const char *at = value, *type;
    for (int fields = target_is_arn(value) ? 3 : 0; fields > 0 && at; fields--) {
        at = strchr(at, ':');
        if (at) at++;
    }
    if (!at) at = "*";
    size_t region = region_length(at);
    if (region > 0) r->own_region = strndup(at, region);
    if (region > 0) at += region + 1;
    if (strspn(at, "0123456789") == 12 && at[12] == ':') {
        r->own_account = strndup(at, 12);
        at += 13;
    }
    size_t type_len = literal_head(json_string_value(json_array_get(json_object_get(kind, "arns"), 0)), &type);
    bool is_typed = strncmp(at, type, type_len) == 0;
    if (is_typed) at += type_len;
    bool is_plain = region > 0 && !r->own_account && !is_typed && !target_is_arn(value);
    if (is_plain) *r->own_region = '\0';
    r->name = strdup(is_plain ? "*" : at);
}

static void read_value(reading *r, const target_context *context, const json_t *kind, const char *value)
{
    const char *form = rip_text(kind, "form");
    *r = (reading){
        .partition = context->place->partition, .region = context->place->region, .account = context->place->account};
    if (strcmp(form, "partial-arn") == 0) {
        read_partial(r, kind, value);
    } else if (target_is_arn(value)) {
        size_t len;
        r->name = name_in(kind, arn_field(value, 5, &len));
        r->own_region = arn_part(value, 3);
        r->own_account = arn_part(value, 4);
    } else if (strcmp(form, "url") == 0) {
        read_url(r, value);
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

/* A kind may only be a way to another: by what the value starts with ("i-": instance), "" standing for the rest, or by
 * a pattern ("*-s3alias": access-point). An ARN tells its kind itself, but for a pattern. */
static const char *real_kind(const json_t *kinds, const char *kind, const char *value)
{
    const json_t *ways = json_object_get(json_object_get(kinds, kind), "by_prefix");
    const char *prefix, *best = NULL;
    size_t longest = 0;
    json_t *other;
    json_object_foreach ((json_t *)(uintptr_t)ways, prefix, other) {
        size_t len = strlen(prefix);
        bool is_pattern = strchr(prefix, '*');
        bool fits =
            is_pattern ? rip_glob_match(prefix, value) : !target_is_arn(value) && strncmp(value, prefix, len) == 0;
        if (!fits || (best && len < longest)) continue;
        best = json_string_value(other);
        longest = len;
    }
    return best ? best : kind;
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

/* Is the ARN one of the declared kind? What no template tells (a kind of bare names) is. */
static bool is_of_kind(const json_t *kind, const char *resource)
{
    bool tells = false;
    json_t *template;
    size_t i;
    json_array_foreach (json_object_get(kind, "arns"), i, template) {
        const char *head;
        size_t len = literal_head(json_string_value(template), &head);
        if (len > 0 && strncmp(resource, head, len) == 0) return true;
        tells = tells || len > 0;
    }
    return !tells;
}

/* A member may take several kinds of the service by their ARNs: a key's takes an alias's. */
static const char *kind_of_value(const target_context *context, const char *declared, const char *value)
{
    const json_t *kinds = json_object_get(context->service, "kinds");
    const char *kind = real_kind(kinds, declared, value), *other;
    if (kind != declared || !target_is_arn(value)) return kind;
    const char *called = rip_text_or(context->service, "arn_service", context->name);
    size_t len, resource_len;
    const char *service = arn_field(value, 2, &len), *resource = arn_field(value, 5, &resource_len);
    if (len != strlen(called) || memcmp(service, called, len) != 0) return kind;
    if (is_of_kind(json_object_get(kinds, kind), resource)) return kind;
    other = kind_of_arn(context->service, resource);
    return other ? other : kind;
}

json_t *target_of_value(const target_context *context, const char *kind_name, const char *value)
{
    const json_t *kinds = json_object_get(context->service, "kinds");
    const char *name = kind_of_value(context, kind_name, value);
    const json_t *kind = json_object_get(kinds, name);
    reading r;
    read_value(&r, context, kind, value);
    json_t *target = r.name ? target_new(context, name, kind, &r, value) : NULL;
    free(r.name);
    free(r.own_region);
    free(r.own_account);
    return target;
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
