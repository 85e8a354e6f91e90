#include "engine/base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/escape.h"

#define VALUE_MAX 4096

static struct {
    FILE *out; /* NULL: stderr */
    rip_log_format format;
    rip_log_level least;
} sink = {NULL, RIP_LOG_TEXT, RIP_LOG_WARN};

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error", "off"};

void rip_log_open(FILE *out, rip_log_format format, rip_log_level least)
{
    sink.out = out;
    sink.format = format;
    sink.least = least;
}

bool rip_log_enabled(rip_log_level level)
{
    return level >= sink.least && sink.least != RIP_LOG_OFF;
}

static void put_json(rip_buffer *line, const char *key, const char *value)
{
    rip_escape_json(line, key, strlen(key), VALUE_MAX);
    rip_buffer_putc(line, ':');
    rip_escape_json(line, value, strlen(value), VALUE_MAX);
}

static void put_text(rip_buffer *line, const char *key, const char *value)
{
    rip_buffer_printf(line, " %s=", key);
    bool bare = *value && !strpbrk(value, " \"=");
    if (!bare) rip_buffer_putc(line, '"');
    rip_escape_line(line, value, strlen(value), VALUE_MAX);
    if (!bare) rip_buffer_putc(line, '"');
}

void rip_log(rip_log_level level, const char *event, ...)
{
    if (!rip_log_enabled(level)) return;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    char now[32];
    rip_time_format((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, now);

    rip_buffer line = {0};
    if (sink.format == RIP_LOG_JSON) {
        rip_buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",", now, LEVEL_NAMES[level]);
        put_json(&line, "event", event);
    } else {
        rip_buffer_printf(&line, "%s %-5s %s", now, LEVEL_NAMES[level], event);
    }
    va_list pairs;
    va_start(pairs, event);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        const char *value = va_arg(pairs, const char *);
        if (!value) continue;
        if (sink.format == RIP_LOG_JSON) {
            rip_buffer_putc(&line, ',');
            put_json(&line, key, value);
        } else {
            put_text(&line, key, value);
        }
    }
    va_end(pairs);
    rip_buffer_puts(&line, sink.format == RIP_LOG_JSON ? "}\n" : "\n");
    FILE *out = sink.out ? sink.out : stderr;
    if (!line.failed) {
        fwrite(line.data, 1, line.len, out);
        fflush(out);
    }
    rip_buffer_free(&line);
}

bool rip_log_level_parse(const char *name, rip_log_level *level)
{
    for (int i = RIP_LOG_DEBUG; i <= RIP_LOG_OFF; i++) {
        if (strcmp(name, LEVEL_NAMES[i]) != 0) continue;
        *level = (rip_log_level)i;
        return true;
    }
    return false;
}
