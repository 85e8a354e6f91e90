#include "engine/command/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/escape.h"
#include "engine/base/json.h"

typedef struct unit {
    const char *name;
    int64_t size;
} unit;

static void put_quantity(int64_t value, const unit *units, const char *otherwise, rip_buffer *out)
{
    for (; units->name; units++) {
        if (value == 0 || value % units->size != 0) continue;
        rip_buffer_printf(out, "%" PRId64 "%s", value / units->size, units->name);
        return;
    }
    rip_buffer_printf(out, "%" PRId64 "%s", value, otherwise);
}

static void put_duration(int64_t ms, rip_buffer *out)
{
    static const unit UNITS[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {NULL, 0}};
    put_quantity(ms, UNITS, ms ? "ms" : "s", out);
}

static void put_size(uint64_t bytes, rip_buffer *out)
{
    static const unit UNITS[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {NULL, 0}};
    put_quantity((int64_t)bytes, UNITS, "", out);
}

/* A double-quoted YAML scalar is a JSON string, but for what no key holds. */
static void put_text(const char *text, rip_buffer *out)
{
    rip_escape_json(out, text, strlen(text), SIZE_MAX);
}

static void put_row(const rip_config *config, const rip_config_key *key, size_t row, rip_buffer *out)
{
    bool any = false;
    rip_buffer_putc(out, '{');
    for (size_t i = 0; i < key->column_count; i++) {
        const char *name = key->columns[i].name, *text = rip_config_cell(config, key->name, row, name);
        const json_t *json = rip_config_cell_json(config, key->name, row, name);
        if (!text && !json) continue;
        rip_buffer_printf(out, "%s%s: ", any ? ", " : "", name);
        any = true;
        char *dumped = json ? rip_json_dump(json, JSON_ENCODE_ANY) : NULL;
        if (dumped)
            rip_buffer_puts(out, dumped);
        else
            put_text(text ? text : "", out);
        free(dumped);
    }
    rip_buffer_putc(out, '}');
}

void settings_value(const rip_config *config, const rip_config_key *key, rip_buffer *out)
{
    size_t count;
    const char *const *strings;
    switch (key->type) {
    case RIP_CONFIG_STRING: put_text(rip_config_string(config, key->name), out); break;
    case RIP_CONFIG_CHOICE: rip_buffer_puts(out, rip_config_string(config, key->name)); break;
    case RIP_CONFIG_BOOLEAN: rip_buffer_puts(out, rip_config_boolean(config, key->name) ? "true" : "false"); break;
    case RIP_CONFIG_INTEGER: rip_buffer_printf(out, "%" PRId64, rip_config_integer(config, key->name)); break;
    case RIP_CONFIG_DURATION: put_duration(rip_config_duration(config, key->name), out); break;
    case RIP_CONFIG_SIZE: put_size(rip_config_size(config, key->name), out); break;
    case RIP_CONFIG_STRINGS:
        strings = rip_config_strings(config, key->name, &count);
        rip_buffer_putc(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i) rip_buffer_puts(out, ", ");
            put_text(strings[i], out);
        }
        rip_buffer_putc(out, ']');
        break;
    case RIP_CONFIG_ROWS:
        rip_buffer_putc(out, '[');
        for (size_t i = 0; i < rip_config_rows(config, key->name); i++) {
            if (i) rip_buffer_puts(out, ", ");
            put_row(config, key, i, out);
        }
        rip_buffer_putc(out, ']');
        break;
    }
}

void settings_type(const rip_config_key *key, rip_buffer *out)
{
    static const char *const NAMES[] = {"text",         "one of ", "true or false", "whole number",
                                        "span of time", "size",    "list of texts", "list of tables"};
    rip_buffer_puts(out, NAMES[key->type]);
    if (key->type != RIP_CONFIG_CHOICE) return;
    for (const char *at = key->words; *at; at++) {
        if (*at == ' ')
            rip_buffer_puts(out, ", ");
        else
            rip_buffer_putc(out, *at);
    }
}

bool settings_reloads(const char *name)
{
    static const char *const GROUPS[] = {"suppressions", "limits.",   "retries.",
                                         "approvals.",   "log.level", "log.format"};
    if (strncmp(name, "limits.event_", 13) == 0) return false;
    for (size_t i = 0; i < sizeof GROUPS / sizeof *GROUPS; i++) {
        if (strncmp(name, GROUPS[i], strlen(GROUPS[i])) == 0) return true;
    }
    return false;
}
