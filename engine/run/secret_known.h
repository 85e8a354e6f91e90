/* The secrets that a run was told, or has told: hidden wherever it writes one, in whatever text and under whatever
 * name.
 *
 * They are known in memory only, for as long as the run's door is there. Not every secret is: one that is short, or
 * looks like a word, would be found in texts that have nothing to do with it, and a replay, which knows only its
 * digest, would not find it there. */
#ifndef RIPOSTE_RUN_SECRET_KNOWN_H
#define RIPOSTE_RUN_SECRET_KNOWN_H

#include <jansson.h>
#include <stddef.h>

#include "engine/journal/journal.h"

/* Of fewer bytes it is not looked for; nor are more than so many in one run. */
#define SECRET_KNOWN_LEAST 12
#define SECRET_KNOWN_MOST 256

/** Zero-initialise. */
typedef struct secret_known {
    struct secret_known_one *all; /* the longest first */
    size_t count;
} secret_known;

/** `text` was told as a secret. Where it is JSON, what stands in it under a name that tells of a secret is one too. */
void secret_known_learn(secret_known *known, const journal *j, const char *text, size_t len);

/** `value` with the digest of each secret in its place, also within strings and in names. New reference; the same value
 * where no secret is known. */
json_t *secret_known_hide(const secret_known *known, json_t *value);

/** As that, for a text of which the caller frees the copy. NULL: out of memory. */
char *secret_known_hide_text(const secret_known *known, const char *text, size_t len);

/** Forget them all, and wipe them. */
void secret_known_clear(secret_known *known);

#endif
