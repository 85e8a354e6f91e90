#include "engine/run/session_tags.h"

#include <string.h>
#include <strings.h>

#include "engine/base/buffer.h"

#define TAGS_MAX 50
#define KEY_MAX 128
#define VALUE_MAX 256

/* Of what AWS takes, the part that is ASCII. */
static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+-@";

static const char *field(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

/** The text without what is to be filled in has only characters that AWS takes. */
static rip_status check_value(const char *key, const char *value, rip_error *err)
{
    static const char *const PLACES[] = {"{run}", "{playbook}", "{finding}"};
    for (const char *at = value; *at;) {
        size_t len = strspn(at, PLAIN);
        for (size_t i = 0; len == 0 && i < sizeof PLACES / sizeof *PLACES; i++) {
            if (strncmp(at, PLACES[i], strlen(PLACES[i])) == 0) len = strlen(PLACES[i]);
        }
        if (len == 0)
            return rip_fail(err, RIP_EINVAL,
                            "session tag %s: its value has \"%.16s\": expected letters, digits, spaces, _.:/=+-@, and "
                            "{run}, {playbook} or {finding}",
                            key, at);
        at += len;
    }
    return RIP_OK;
}

static rip_status check_key(const json_t *templates, size_t which, rip_error *err)
{
    const char *key = field(json_array_get(templates, which), "key");
    size_t len = strlen(key);
    if (len == 0 || len > KEY_MAX || strspn(key, PLAIN) != len || strncasecmp(key, "aws:", 4) == 0)
        return rip_fail(err, RIP_EINVAL,
                        "session tag %.140s: expected a key of 1 to %d letters, digits, spaces or _.:/=+-@ that does "
                        "not begin with aws:",
                        key, KEY_MAX);
    for (size_t i = 0; i < which; i++) {
        if (strcasecmp(field(json_array_get(templates, i), "key"), key) == 0)
            return rip_fail(err, RIP_EINVAL, "session tag %s: it is there twice; keys are the same in any case", key);
    }
    return RIP_OK;
}

rip_status run_session_tags_check(const json_t *templates, rip_error *err)
{
    rip_status status = RIP_OK;
    if (json_array_size(templates) > TAGS_MAX)
        return rip_fail(err, RIP_ELIMIT, "%zu session tags: AWS takes %d", json_array_size(templates), TAGS_MAX);
    for (size_t i = 0; i < json_array_size(templates) && status == RIP_OK; i++) {
        const json_t *row = json_array_get(templates, i);
        status = check_key(templates, i, err);
        if (status == RIP_OK) status = check_value(field(row, "key"), field(row, "value"), err);
    }
    return status;
}

static json_t *fill(const char *template, const char *run, const char *playbook, const char *finding)
{
    rip_buffer out = {0};
    while (*template) {
        if (strncmp(template, "{run}", 5) == 0) {
            rip_buffer_puts(&out, run);
            template += 5;
        } else if (strncmp(template, "{playbook}", 10) == 0) {
            rip_buffer_puts(&out, playbook);
            template += 10;
        } else if (strncmp(template, "{finding}", 9) == 0) {
            rip_buffer_puts(&out, finding);
            template += 9;
        } else {
            rip_buffer_putc(&out, *template ++);
        }
    }
    if (out.len > VALUE_MAX) out.len = VALUE_MAX;
    for (size_t i = 0; i < out.len; i++) {
        if (!out.data[i] || !strchr(PLAIN, out.data[i])) out.data[i] = '-';
    }
    json_t *value = json_stringn(out.len ? out.data : "", out.len);
    rip_buffer_free(&out);
    return value;
}

json_t *run_session_tags(const json_t *templates, const char *run, const char *playbook, const char *finding)
{
    size_t i;
    json_t *row, *tags = json_array_size(templates) ? json_object() : NULL;
    json_array_foreach (templates, i, row)
        json_object_set_new(tags, field(row, "key"), fill(field(row, "value"), run, playbook, finding));
    return tags;
}
