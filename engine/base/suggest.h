/* "Did you mean …?" */
#ifndef RIPOSTE_BASE_SUGGEST_H
#define RIPOSTE_BASE_SUGGEST_H

#include <stddef.h>

/** The candidate nearest to `word` in edit distance (case aside), if it is near enough to be meant; else NULL.
 * `candidates` is an array of `count` strings; words over 64 bytes get no suggestion. */
const char *rip_suggest(const char *word, const char *const *candidates, size_t count);

#endif
