/* Any bytes as a pattern: compiled or refused with a place inside the text, and the set is as before. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/trigger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_match(void *data, const void *owner)
{
    (void)owner;
    ++*(size_t *)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char event[] = "{\"k\":[\"a\",5,null,\"10.0.0.1\"],\"a\":[{\"b\":\"x\"},{\"c\":true}]}";
    trigger_mistake mistake;
    rip_error err;
    size_t matches = 0;
    trigger_set *set = trigger_set_new();
    if (!set) return 0;
    rip_status status = trigger_set_add(set, "p", (const char *)data, size, &mistake, &err);
    if (status != RIP_OK && (mistake.byte > size || mistake.line == 0 || mistake.column == 0 || !err.message[0]))
        abort();
    if (trigger_set_count(set) != (status == RIP_OK)) abort();
    if (trigger_set_match(set, event, strlen(event), on_match, &matches, &err) != RIP_OK || matches > 1) abort();
    if (trigger_set_remove(set, "p") != (status == RIP_OK)) abort();
    if (trigger_set_match(set, event, strlen(event), on_match, &matches, &err) != RIP_OK) abort();
    trigger_set_free(set);
    return 0;
}
