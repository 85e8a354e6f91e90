#include "engine/base/suggest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, two rows. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

const char *rip_suggest(const char *word, const char *const *candidates, size_t count)
{
    size_t word_len = strlen(word);
    if (word_len > WORD_MAX) return NULL;
    const char *best = NULL;
    size_t best_distance = word_len / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(candidates[i]);
        if (len > WORD_MAX) continue;
        size_t d = distance(word, word_len, candidates[i], len);
        if (d > best_distance || (best && d == best_distance)) continue;
        best = candidates[i];
        best_distance = d;
    }
    return best;
}
