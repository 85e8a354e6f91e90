#include "engine/base/glob.h"

#include <ctype.h>
#include <stddef.h>

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
