/* Suppressions: event patterns of the configuration whose events are left alone, each with a reason and an end. */
#ifndef RIPOSTE_DISPATCH_SUPPRESS_H
#define RIPOSTE_DISPATCH_SUPPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/config.h"
#include "engine/base/error.h"

typedef struct suppressions suppressions;

/** One of them, as reports show it. Strings are borrowed. */
typedef struct suppression {
    const char *name, *reason;
    int64_t expires;  /* milliseconds since the epoch; 0: never */
    uint64_t acted;   /* events it has kept back */
    int64_t acted_at; /* when it last did; 0: never */
} suppression;

/** Compile the rows of the configuration's list `key`: name, pattern, reason, expires (a date-time, or a date: until it
 * begins, UTC). Every mistake goes to `fn` (may be NULL) with its place in the file; RIP_EINVAL with the first in `err`
 * if there was any. Names are told apart. */
rip_status suppressions_new(const rip_config *config, const char *key, rip_config_mistake_fn fn, void *data,
                            suppressions **out, rip_error *err);
void suppressions_free(suppressions *set);

/** Is an event (JSON text) suppressed at `now` (milliseconds since the epoch)? Then the first that matches goes to
 * `*by`, is counted, and logged as "finding.suppressed" with `origin` (where the event came from, may be NULL); else
 * `*by` is NULL. One that expired is logged once, as "suppression.expired", and acts no more. RIP_EINVAL, RIP_ELIMIT
 * for bytes that are no event, as trigger_set_match. */
rip_status suppressions_match(suppressions *set, const char *event, size_t len, int64_t now, const char *origin,
                              const suppression **by, rip_error *err);

size_t suppressions_count(const suppressions *set);
/** In the order of the configuration. */
const suppression *suppressions_at(const suppressions *set, size_t index);

#endif
