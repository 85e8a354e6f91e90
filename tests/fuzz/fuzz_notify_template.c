/* A template with a hostile field: what is JSON before stays JSON after, with the field as one string. The input is the
 * template, a NUL, and the field. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/notify/escape.h"
#include "engine/notify/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const AROUND = "{\"a\":\"{title}\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *form = malloc(size + 2);
    if (!form) return 0;
    memcpy(form, data, size);
    form[size] = form[size + 1] = '\0';
    const char *title = form + strlen(form) + 1;
    rip_buffer out = {0}, safe = {0};
    rip_error err;
    json_t *fields = json_object();
    if (json_object_set_new(fields, "title", json_string(title)) == 0) { /* valid UTF-8, as all text that is shown */
        notify_template_fill(form, fields, &out, &err);
        rip_buffer_clear(&out);
        if (notify_template_fill(AROUND, fields, &out, &err) != RIP_OK) abort();
        json_t *parsed = json_loadb(out.data, out.len, 0, NULL);
        const char *back = json_string_value(json_object_get(parsed, "a"));
        if (!back || json_object_size(parsed) != 1 || strcmp(back, title) != 0) abort();
        json_decref(parsed);
        notify_escape_html(&safe, title);
        if (safe.data && strpbrk(safe.data, "<>\"'")) abort();
        rip_buffer_clear(&safe);
        notify_escape_subject(&safe, title);
        if (safe.len > 100) abort();
    }
    json_decref(fields);
    rip_buffer_free(&out);
    rip_buffer_free(&safe);
    free(form);
    return 0;
}
