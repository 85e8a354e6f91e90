/* Any bytes as an event, for patterns of every kind: each is called at most once, none when it is refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/trigger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const PATTERNS[] = {
    "{\"k\":[\"a\",5,null,true,{\"prefix\":\"ab\"},{\"suffix\":\"yz\"}]}",
    "{\"k\":[{\"equals-ignore-case\":\"\xc3\x84\"},{\"wildcard\":\"a*b*c\"},{\"cidr\":\"10.0.0.0/8\"}]}",
    "{\"k\":[{\"anything-but\":{\"wildcard\":[\"*a*\",\"b*\"]}},{\"numeric\":[\">\",0,\"<=\",5]}]}",
    "{\"k\":[{\"exists\":false}],\"a\":{\"b\":[{\"exists\":true}]}}",
    "{\"a\":{\"b\":[\"x\"],\"c\":[\"y\"],\"d\":{\"e\":[1],\"f\":[{\"exists\":false}]}}}",
    "{\"$or\":[{\"a\":{\"b\":[\"x\"]}},{\"k\":[{\"prefix\":{\"equals-ignore-case\":\"A\"}}]}],\"a\":{\"g\":[{\"cidr\":\"::/0\"}]}}",
};
#define COUNT (sizeof PATTERNS / sizeof *PATTERNS)

static void on_match(void *data, const void *owner)
{
    (void)owner;
    ++*(size_t *)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static trigger_set *set;
    rip_error err = {0};
    size_t matches = 0;
    if (!set) {
        set = trigger_set_new();
        for (size_t i = 0; i < COUNT; i++) {
            if (!set || trigger_set_add(set, PATTERNS[i], PATTERNS[i], strlen(PATTERNS[i]), NULL, &err) != RIP_OK)
                abort();
        }
    }
    rip_status status = trigger_set_match(set, (const char *)data, size, on_match, &matches, &err);
    if (matches > COUNT || (status != RIP_OK && (matches || !err.message[0]))) abort();
    return 0;
}
