/* Documents into trees within their limits, and what their top level tells without one. */
#include <string.h>

#include "engine/base/json.h"
#include "engine/finding/private.h"

/* Behind the string that starts at `at` (a quote); NULL where it does not end. */
static const char *skip_string(const char *at, const char *end)
{
    const char *quote = at++;
    while (at < end) {
        if (quote < at) quote = memchr(at, '"', (size_t)(end - at)); /* each byte is looked at twice at most */
        if (!quote) return NULL;
        const char *escape = memchr(at, '\\', (size_t)(quote - at));
        if (!escape) return quote + 1;
        at = escape + 2;
    }
    return NULL;
}

rip_status finding_parse(const char *bytes, size_t len, const event_limits *limits, json_t **out, rip_error *err)
{
    size_t most = limits && limits->bytes ? limits->bytes : EVENT_BYTES_DEFAULT;
    unsigned depth = limits && limits->depth ? limits->depth : EVENT_DEPTH_DEFAULT;
    *out = NULL;
    if (len > most) return rip_fail(err, RIP_ELIMIT, "the document has %zu bytes; %zu are allowed", len, most);
    return rip_json_read(bytes, len, &(rip_json_rules){.depth = depth}, out, err);
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    unsigned depth = 0;
    while (at && at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            if (depth == 0) return at;
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) return at;
            if (--depth == 0) return at + 1;
        } else if (*at == ',' && depth == 0) {
            return at;
        }
        at++;
    }
    return NULL;
}

static bool is_key(const char *key, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(key, name, len) == 0;
}

static void take_key(event_outline *out, const char *key, size_t key_len, const char *value, size_t value_len)
{
    static const char HUB[] = "\"aws.securityhub\"";
    if (is_key(key, key_len, "source")) {
        out->has_source = *value == '"';
        out->is_hub = is_key(value, value_len, HUB);
    } else if (is_key(key, key_len, "detail-type")) {
        out->has_detail_type = *value == '"';
    } else if (is_key(key, key_len, "detail")) {
        out->has_detail = *value == '{';
    }
}

bool event_outline_read(const char *bytes, size_t len, event_outline *out)
{
    const char *end = bytes + len, *at = skip_space(bytes, end);
    *out = (event_outline){0};
    if (at == end) return false;
    out->is_object = *at == '{';
    out->is_array = *at == '[';
    if (!out->is_object) return out->is_array;
    for (at = skip_space(at + 1, end); at < end && *at == '"';) {
        const char *key = at + 1, *after = skip_string(at, end);
        if (!after) return false;
        const char *colon = skip_space(after, end);
        if (colon == end || *colon != ':') return false;
        const char *value = skip_space(colon + 1, end), *rest = skip_value(value, end);
        if (!rest) return false;
        take_key(out, key, (size_t)(after - 1 - key), value, (size_t)(rest - value));
        at = skip_space(rest, end);
        if (at < end && *at == ',') at = skip_space(at + 1, end);
    }
    return at < end && *at == '}';
}
