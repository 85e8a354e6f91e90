/* Event patterns in EventBridge's language, compiled together into one automaton; an event is matched in one pass over
 * its bytes, without a tree, skipping what no pattern looks at.
 *
 * Follows: EventBridge user guide, "Creating Amazon EventBridge event patterns" and "Comparison operators"; where that
 * is silent, aws/event-ruler. docs/TRIGGERS.md tells the language, the limits and the figures. */
#ifndef RIPOSTE_TRIGGER_TRIGGER_H
#define RIPOSTE_TRIGGER_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"

typedef struct trigger_set trigger_set;

/** Where in a pattern's text a mistake is. */
typedef struct trigger_mistake {
    size_t byte;           /* offset into the text */
    unsigned line, column; /* from 1; of the JSON text */
    char path[256];        /* "detail.type[1]" as playbooks write it (lists count from 1), "" for the whole */
} trigger_mistake;

/** An empty set. NULL: out of memory. */
trigger_set *trigger_set_new(void);
void trigger_set_free(trigger_set *set);

/** Add a pattern (JSON text, not kept) under `owner`, which matching hands out again: not NULL, once in a set.
 * RIP_EINVAL with what is wrong and where (`mistake` may be NULL); RIP_ELIMIT for one that is too complex (wildcards
 * that could blow up, over 100 KiB, `$or` that multiplies to over 1,000 alternatives); the set is as before then. Takes
 * effect for the next event. */
rip_status trigger_set_add(trigger_set *set, const void *owner, const char *pattern, size_t len,
                           trigger_mistake *mistake, rip_error *err);

/** Take a pattern out; false if it is not in. */
bool trigger_set_remove(trigger_set *set, const void *owner);

size_t trigger_set_count(const trigger_set *set);

/** Called once for each owner whose pattern matches, in the order in which they were added. */
typedef void (*trigger_match_fn)(void *data, const void *owner);

/** Match one event (JSON text of an object). RIP_EINVAL with the byte for what is no JSON object, RIP_ELIMIT past the
 * limits of depth (64) or keys (100,000); no owner is called then. */
rip_status trigger_set_match(trigger_set *set, const char *event, size_t len, trigger_match_fn fn, void *data,
                             rip_error *err);

/** Bytes that the set uses. */
size_t trigger_set_memory(const trigger_set *set);

/** Why one pattern does not match one event: the first condition that fails and the value that was found there, as one
 * line of text in `why` (of `size` bytes); `*matches` true and "" where it does match. For people: it builds trees. */
rip_status trigger_explain(const char *pattern, size_t pattern_len, const char *event, size_t event_len, bool *matches,
                           char *why, size_t size, rip_error *err);

#endif
