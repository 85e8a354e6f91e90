#include "engine/run/unknown.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/digest.h"

/* Every mark starts with the run's own tag, 16 hexadecimal digits of a digest over its id: one search tells whether a
 * string holds any, and a string from a finding cannot hold one but by knowing the run's id before the run exists. */
#define TAG_PREFIX "unknown"
#define TAG_DIGITS 16

struct run_unknowns {
    char tag[sizeof TAG_PREFIX + TAG_DIGITS];
};

run_unknowns *run_unknowns_new(const char *run)
{
    run_unknowns *unknowns = calloc(1, sizeof *unknowns);
    if (!unknowns) return NULL;
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex(run, strlen(run), hex);
    memcpy(unknowns->tag, TAG_PREFIX, sizeof TAG_PREFIX - 1);
    memcpy(unknowns->tag + sizeof TAG_PREFIX - 1, hex, TAG_DIGITS);
    return unknowns;
}

void run_unknowns_free(run_unknowns *unknowns)
{
    free(unknowns);
}

json_t *run_unknown_make(run_unknowns *unknowns, const char *what, const char *arn_prefix)
{
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex(what, strlen(what), hex);
    return json_sprintf("%s%s%.8s", arn_prefix ? arn_prefix : "", unknowns->tag, hex);
}

bool run_unknown_in(const run_unknowns *unknowns, const char *text)
{
    return strstr(text, unknowns->tag) != NULL;
}

const char *run_unknown_mark(const run_unknowns *unknowns, const char *text)
{
    return strstr(text, unknowns->tag);
}

bool run_unknown_within(const run_unknowns *unknowns, const json_t *value)
{
    if (json_is_string(value)) return run_unknown_in(unknowns, json_string_value(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (run_unknown_within(unknowns, json_array_get(value, i))) return true;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (run_unknown_within(unknowns, item)) return true;
    }
    return false;
}

json_t *run_unknown_mask(const run_unknowns *unknowns, const json_t *value)
{
    if (json_is_string(value)) {
        return json_string(run_unknown_in(unknowns, json_string_value(value)) ? RUN_UNKNOWN_TEXT
                                                                              : json_string_value(value));
    }
    if (json_is_array(value)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            json_array_append_new(copy, run_unknown_mask(unknowns, json_array_get(value, i)));
        }
        return copy;
    }
    if (json_is_object(value)) {
        json_t *copy = json_object();
        const char *key;
        json_t *item;
        json_object_foreach ((json_t *)(uintptr_t)value, key, item)
            json_object_set_new(copy, key, run_unknown_mask(unknowns, item));
        return copy;
    }
    return json_copy((json_t *)(uintptr_t)value);
}
