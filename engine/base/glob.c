#include "engine/base/glob.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static bool same(char a, char b, bool nocase)
{
    return a == b || (nocase && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* Greedy with one point of return: the last '*' is the only one that ever has to give way. */
static bool match(const char *pattern, const char *text, bool nocase)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern && (*pattern == '?' || same(*pattern, *text, nocase))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

bool rip_glob_match(const char *pattern, const char *text)
{
    return match(pattern, text, false);
}

bool rip_glob_match_nocase(const char *pattern, const char *text)
{
    return match(pattern, text, true);
}

/* Does what is left of one pattern meet what is left of the other? One row for what is left of `a`, from its end to its
 * start; one place in it for what is left of `b`. */
bool rip_glob_meet_nocase(const char *a, const char *b)
{
    bool row[RIP_GLOB_MAX + 1];
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > RIP_GLOB_MAX || columns > RIP_GLOB_MAX) return true;
    row[columns] = true;
    for (size_t k = columns; k-- > 0;) row[k] = b[k] == '*' && row[k + 1];
    for (size_t i = rows; i-- > 0;) {
        bool diagonal = row[columns]; /* of the row below, one to the right */
        row[columns] = a[i] == '*' && row[columns];
        for (size_t k = columns; k-- > 0;) {
            bool below = row[k], right = row[k + 1];
            bool one = a[i] == '?' || b[k] == '?' || same(a[i], b[k], true);
            row[k] = a[i] == '*' || b[k] == '*' ? below || right : one && diagonal;
            diagonal = below;
        }
    }
    return row[0];
}
