/* Fields of a tree by path, and the few values that every form makes of them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/finding/private.h"

#define LINE_BYTES_MAX 1024

json_t *field_get(const json_t *object, const char *path)
{
    const json_t *at = object;
    while (*path && at) {
        size_t len = strcspn(path, ".");
        at = json_object_getn(at, path, len);
        path += len + (path[len] == '.');
    }
    return (json_t *)(uintptr_t)at;
}

const char *field_text(const json_t *object, const char *path)
{
    return json_string_value(field_get(object, path));
}

static const char *type_name(const json_t *value)
{
    static const char *const NAMES[] = {"an object", "a list", "text", "a number", "a number", "true", "false", "null"};
    return value ? NAMES[json_typeof(value)] : "nothing";
}

rip_status field_require(const json_t *object, const char *path, const char **out, rip_error *err)
{
    const json_t *value = field_get(object, path);
    *out = json_string_value(value);
    if (*out && **out) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "%s: expected text, found %s", path, *out ? "an empty text" : type_name(value));
}

bool field_set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new_nocheck(object, name, value) == 0;
}

bool field_set_text(json_t *object, const char *name, const char *text)
{
    return field_set(object, name, json_string_nocheck(text ? text : ""));
}

json_t *field_line(const char *text)
{
    char line[LINE_BYTES_MAX];
    if (!text) text = "";
    size_t len = strnlen(text, sizeof line - 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        line[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
    if (text[len]) /* it is cut: not within a character */
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) len--;
    return json_stringn_nocheck(line, len); /* what was parsed is UTF-8 */
}

json_t *severity_of(double score)
{
    const char *label = score >= 90   ? "CRITICAL"
                        : score >= 70 ? "HIGH"
                        : score >= 40 ? "MEDIUM"
                        : score >= 1  ? "LOW"
                                      : "INFORMATIONAL";
    if (!(score >= 0)) score = 0;
    if (score > 100) score = 100;
    json_t *severity = json_object();
    bool whole = field_set(severity, "score", json_integer((json_int_t)(score + 0.5)));
    if (field_set_text(severity, "label", label) && whole) return severity;
    json_decref(severity);
    return NULL;
}

const char *partition_of_region(const char *region)
{
    static const char *const PREFIXES[][2] = {
        {"cn-", "aws-cn"},      {"us-gov-", "aws-us-gov"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"},
        {"us-iso-", "aws-iso"}, {"eu-isoe-", "aws-iso-e"}, {"eusc-", "aws-eusc"}};
    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++) {
        if (strncmp(region, PREFIXES[i][0], strlen(PREFIXES[i][0])) == 0) return PREFIXES[i][1];
    }
    return "aws";
}

bool partition_of_arn(const char *arn, char out[32])
{
    if (!arn || strncmp(arn, "arn:", 4) != 0) return false;
    size_t len = strcspn(arn + 4, ":");
    if (len == 0 || len >= 32 || !arn[4 + len]) return false;
    memcpy(out, arn + 4, len);
    out[len] = '\0';
    return true;
}
