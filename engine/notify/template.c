#include "engine/notify/template.h"

#include <string.h>

#include "engine/notify/escape.h"

/* The length of the name between the braces at `at`; 0: it is no field. */
static size_t field_len(const char *at)
{
    size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
    return at[1 + len] == '}' ? len : 0;
}

rip_status notify_template_fill(const char *form, const json_t *fields, rip_buffer *out, rip_error *err)
{
    while (*form) {
        size_t plain = strcspn(form, "{");
        rip_buffer_append(out, form, plain);
        form += plain;
        if (!*form) break;
        size_t len = field_len(form);
        if (!len) {
            rip_buffer_putc(out, *form++);
            continue;
        }
        const json_t *value = json_object_getn(fields, form + 1, len);
        if (!value) return rip_fail(err, RIP_EINVAL, "there is no field {%.*s}", (int)(len < 60 ? len : 60), form + 1);
        if (json_is_integer(value))
            rip_buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
            notify_escape_json(out, json_string_value(value));
        form += len + 2;
    }
    return rip_buffer_status(out, err);
}
