#include "engine/notify/plain.h"

#include "engine/notify/private.h"

void notify_write_plain(rip_buffer *out, const json_t *all)
{
    size_t i, k;
    json_t *words, *line;
    json_array_foreach (all, i, words) {
        rip_buffer_printf(out, "%s%s\n", i ? "\n" : "", brief_text(words, "title", NULL));
        json_array_foreach (json_object_get(words, "lines"), k, line)
            rip_buffer_printf(out, "%s\n", json_string_value(line));
        rip_buffer_printf(out, "%s\n", brief_text(words, "command", NULL));
        if (json_object_get(words, "link"))
            rip_buffer_printf(out, "Look at the plan, and decide: %s\n", brief_text(words, "link", NULL));
    }
}

void notify_write_subject(rip_buffer *out, const json_t *all)
{
    size_t more = json_array_size(all) - 1;
    if (more) rip_buffer_printf(out, "%zu runs: ", more + 1);
    rip_buffer_puts(out, brief_text(json_array_get(all, 0), "title", NULL));
}
