/* bench-triggers PATTERNS.ndjson EVENTS.ndjson [SECONDS]: how many events a second one thread matches, from their bytes
 * to the names of the patterns that match. The last line is "N findings/s". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/data.h"
#include "engine/trigger/trigger.h"

#define FILE_BYTES_MAX ((size_t)1 << 30)

typedef struct line {
    const char *text;
    size_t len;
    char name[24];
} line;

/* The names of the patterns that matched one event. */
typedef struct names {
    const char **items;
    size_t count, all;
} names;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static line *read_lines(const char *path, size_t *count)
{
    char *bytes = NULL;
    size_t len = 0, room = 0;
    rip_error err;
    if (rip_read_file(path, FILE_BYTES_MAX, &bytes, &len, &err) != RIP_OK) {
        fprintf(stderr, "bench-triggers: %s\n", err.message);
        exit(2);
    }
    line *lines = NULL;
    *count = 0;
    for (const char *at = bytes, *end = bytes + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (*count == room) {
            room = room ? room * 2 : 1024;
            lines = realloc(lines, room * sizeof *lines);
            if (!lines) abort();
        }
        line *l = &lines[*count];
        l->text = at;
        l->len = (size_t)(stop - at);
        snprintf(l->name, sizeof l->name, "pattern-%zu", ++*count);
        at = stop + 1;
    }
    return lines; /* as long as the process, and so are the bytes */
}

static void on_match(void *data, const void *owner)
{
    names *found = data;
    found->items[found->count++] = ((const line *)owner)->name;
}

static void match_all(trigger_set *set, const line *events, size_t count, names *found)
{
    rip_error err;
    for (size_t i = 0; i < count; i++) {
        found->count = 0;
        if (trigger_set_match(set, events[i].text, events[i].len, on_match, found, &err) != RIP_OK) {
            fprintf(stderr, "bench-triggers: event %zu: %s\n", i + 1, err.message);
            exit(1);
        }
        found->all += found->count;
    }
}

/* Match all events again and again for this many seconds; findings a second. */
static double measure(trigger_set *set, const line *events, size_t event_count, names *found, double wanted)
{
    size_t matched = 0;
    double start = seconds(), elapsed;
    do {
        match_all(set, events, event_count, found);
        matched += event_count;
        elapsed = seconds() - start;
    } while (elapsed < wanted);
    return (double)matched / elapsed;
}

static bool compile(trigger_set *set, const line *patterns, size_t count)
{
    double start = seconds();
    for (size_t i = 0; i < count; i++) {
        rip_error err;
        if (trigger_set_add(set, &patterns[i], patterns[i].text, patterns[i].len, NULL, &err) == RIP_OK) continue;
        fprintf(stderr, "bench-triggers: pattern %zu: %s\n", i + 1, err.message);
        return false;
    }
    printf("%zu patterns compiled in %.3f s, %.1f MB\n", count, seconds() - start,
           (double)trigger_set_memory(set) / 1e6);
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fputs("Usage: bench-triggers PATTERNS.ndjson EVENTS.ndjson [SECONDS]\n", stderr);
        return 2;
    }
    double wanted = argc == 4 ? strtod(argv[3], NULL) : 3;
    size_t pattern_count, event_count;
    line *patterns = read_lines(argv[1], &pattern_count), *events = read_lines(argv[2], &event_count);
    names found = {.items = calloc(pattern_count + 1, sizeof(*found.items))};
    trigger_set *set = trigger_set_new();
    bool ready = found.items && set && event_count > 0 && compile(set, patterns, pattern_count);
    if (ready) {
        match_all(set, events, event_count, &found);
        printf("%zu events, %zu matches\n", event_count, found.all);
        printf("%.0f findings/s\n", measure(set, events, event_count, &found, wanted));
    }
    trigger_set_free(set);
    free(found.items);
    free(patterns);
    free(events);
    return ready ? 0 : 1;
}
