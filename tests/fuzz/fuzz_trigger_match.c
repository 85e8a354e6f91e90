/* A pattern, a line end, an event: the set, which reads the event's bytes, and the explanation, which walks a tree,
 * must come to the same. Left out: what only one of them takes by design (keys given twice, numbers longer than a
 * double holds, text that is wrong where the set does not look, NUL bytes, which
 * jansson passes over). */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/trigger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_match(void *data, const void *owner)
{
    (void)owner;
    *(bool *)data = true;
}

static bool has_long_number(const char *text, size_t len)
{
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        run = (text[i] >= '0' && text[i] <= '9') || text[i] == '.' ? run + 1 : 0;
        if (run > 15) return true;
    }
    return false;
}

static bool is_plain(const char *event, size_t len)
{
    json_t *tree = json_loadb(event, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    bool plain = json_is_object(tree) && !has_long_number(event, len) && !memchr(event, '\0', len);
    json_decref(tree);
    return plain;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *pattern = (const char *)data, *line = memchr(data, '\n', size);
    if (!line || !is_plain(line + 1, size - (size_t)(line + 1 - pattern))) return 0;
    size_t pattern_len = (size_t)(line - pattern), event_len = size - pattern_len - 1;
    if (has_long_number(pattern, pattern_len)) return 0;
    rip_error err;
    char why[256];
    bool one = false, other = false;
    trigger_set *set = trigger_set_new();
    rip_status status = trigger_set_add(set, "p", pattern, pattern_len, NULL, &err);
    if (status == RIP_OK) {
        status = trigger_set_match(set, line + 1, event_len, on_match, &one, &err);
        if (status == RIP_EINVAL) abort();
        if (status == RIP_OK)
            status = trigger_explain(pattern, pattern_len, line + 1, event_len, &other, why, sizeof why, &err);
        if (status == RIP_EINVAL || (status == RIP_OK && one != other)) abort();
    }
    trigger_set_free(set);
    return 0;
}
