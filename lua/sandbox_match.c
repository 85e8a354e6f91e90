/* string.find, match, gmatch and gsub, with Lua's patterns and a budget.
 *
 * Lua's own matcher backtracks without an end in sight: ("a"):rep(3000):find(".-.-.-b") keeps it busy for over a
 * minute, and no hook fires within. This one follows the reference manual (5.4, 6.4.1) to the same results, and charges
 * each step that it makes, so that such a search ends as any loop that is too long does. */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "lua/vm_state.h"

#define CAPTURES_MAX 32
#define DEPTH_MAX 200
#define ESCAPE '%'

/* Steps are charged in portions: a step takes less than a unit's time. */
#define PORTION 1024

#define LEN_OPEN (-1)     /* a capture whose ')' has not been reached */
#define LEN_POSITION (-2) /* a position capture, "()" */

typedef struct matcher {
    lua_State *L;
    const char *subject, *subject_end;
    const char *pattern_end;
    int depth;
    unsigned steps;
    int level; /* captures, whole or open */
    struct {
        const char *start;
        ptrdiff_t len;
    } captures[CAPTURES_MAX];
} matcher;

static void step(matcher *m)
{
    if (++m->steps % PORTION == 0) rip_vm_charge(m->L, PORTION);
}

static unsigned char byte_at(const char *at)
{
    return (unsigned char)*at;
}

/* Single characters. */

/* Past the single character class that starts at `p`. */
static const char *class_end(matcher *m, const char *p)
{
    if (*p++ == ESCAPE) {
        if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (p[-1] != '[') return p;
    if (p < m->pattern_end && *p == '^') p++;
    do { /* a ']' in the first place is one of the characters */
        if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
        step(m);
        if (*p++ == ESCAPE) {
            if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
            p++;
        }
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

static bool is_of_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a': in = isalpha(c); break;
    case 'c': in = iscntrl(c); break;
    case 'd': in = isdigit(c); break;
    case 'g': in = isgraph(c); break;
    case 'l': in = islower(c); break;
    case 'p': in = ispunct(c); break;
    case 's': in = isspace(c); break;
    case 'u': in = isupper(c); break;
    case 'w': in = isalnum(c); break;
    case 'x': in = isxdigit(c); break;
    case 'z': in = c == '\0'; break; /* older than patterns that may hold a zero byte */
    default: return class == c;
    }
    return isupper(class) ? !in : in;
}

/* Is `c` in the set from the '[' at `p` to the ']' at `end`? */
static bool is_in_set(matcher *m, int c, const char *p, const char *end)
{
    bool found = true;
    if (p[1] == '^') {
        found = false;
        p++;
    }
    while (++p < end) {
        step(m);
        if (*p == ESCAPE) {
            p++;
            if (is_of_class(c, byte_at(p))) return found;
        } else if (p[1] == '-' && p + 2 < end) {
            p += 2;
            if (byte_at(p - 2) <= c && c <= byte_at(p)) return found;
        } else if (byte_at(p) == c) {
            return found;
        }
    }
    return !found;
}

/* Does the character at `s` match the class from `p` to `end`? */
static bool matches_one(matcher *m, const char *s, const char *p, const char *end)
{
    step(m);
    if (s >= m->subject_end) return false;
    int c = byte_at(s);
    switch (*p) {
    case '.': return true;
    case ESCAPE: return is_of_class(c, byte_at(p + 1));
    case '[': return is_in_set(m, c, p, end - 1);
    default: return byte_at(p) == c;
    }
}

/* Matching: each gives the end of the match, or NULL. */

static const char *match(matcher *m, const char *s, const char *p);

static const char *match_balance(matcher *m, const char *s, const char *p)
{
    if (p + 1 >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != *p) return NULL;
    char open = *p, close = p[1];
    int nested = 1;
    while (++s < m->subject_end) {
        step(m);
        if (*s == close) {
            if (--nested == 0) return s + 1;
        } else if (*s == open) {
            nested++;
        }
    }
    return NULL;
}

static const char *match_longest(matcher *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t count = 0;
    while (matches_one(m, s + count, p, end)) count++;
    for (; count >= 0; count--) {
        const char *found = match(m, s + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

static const char *match_shortest(matcher *m, const char *s, const char *p, const char *end)
{
    for (;; s++) {
        const char *found = match(m, s, end + 1);
        if (found) return found;
        if (!matches_one(m, s, p, end)) return NULL;
    }
}

static const char *start_capture(matcher *m, const char *s, const char *p, ptrdiff_t what)
{
    if (m->level >= CAPTURES_MAX) luaL_error(m->L, "too many captures");
    m->captures[m->level].start = s;
    m->captures[m->level].len = what;
    m->level++;
    const char *found = match(m, s, p);
    if (!found) m->level--;
    return found;
}

static const char *end_capture(matcher *m, const char *s, const char *p)
{
    int open = m->level - 1;
    while (open >= 0 && m->captures[open].len != LEN_OPEN) open--;
    if (open < 0) luaL_error(m->L, "invalid pattern capture");
    m->captures[open].len = s - m->captures[open].start;
    const char *found = match(m, s, p);
    if (!found) m->captures[open].len = LEN_OPEN;
    return found;
}

static const char *match_again(matcher *m, const char *s, int digit)
{
    int which = digit - '1';
    if (which < 0 || which >= m->level || m->captures[which].len == LEN_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", which + 1);
    /* What a position capture holds has no length: like Lua's own, nothing of the subject equals it. */
    size_t len = (size_t)m->captures[which].len;
    if (m->captures[which].len < 0 || (size_t)(m->subject_end - s) < len) return NULL;
    rip_vm_charge(m->L, len / 32);
    return memcmp(m->captures[which].start, s, len) == 0 ? s + len : NULL;
}

static const char *match_frontier(matcher *m, const char **s, const char *p)
{
    if (p >= m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = class_end(m, p);
    int before = *s == m->subject ? '\0' : byte_at(*s - 1);
    int after = *s == m->subject_end ? '\0' : byte_at(*s);
    return !is_in_set(m, before, p, end - 1) && is_in_set(m, after, p, end - 1) ? end : NULL;
}

/* The escapes that are more than a class: %b, %f, %1. True when `p` is one; then *s and *p are past it, *s NULL where
 * it does not match. */
static bool match_escape(matcher *m, const char **s, const char **p)
{
    if (**p != ESCAPE || *p + 1 >= m->pattern_end) return false;
    unsigned char what = byte_at(*p + 1);
    if (what == 'b') {
        *s = match_balance(m, *s, *p + 2);
        *p += 4;
    } else if (what == 'f') {
        const char *end = match_frontier(m, s, *p + 2);
        if (end)
            *p = end;
        else
            *s = NULL;
    } else if (isdigit(what)) {
        *s = match_again(m, *s, what);
        *p += 2;
    } else {
        return false;
    }
    return true;
}

static const char *match_here(matcher *m, const char *s, const char *p)
{
    while (p < m->pattern_end) {
        step(m);
        if (*p == '(') {
            bool position = p + 1 < m->pattern_end && p[1] == ')';
            return start_capture(m, s, p + (position ? 2 : 1), position ? LEN_POSITION : LEN_OPEN);
        }
        if (*p == ')') return end_capture(m, s, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end) return s == m->subject_end ? s : NULL;
        if (match_escape(m, &s, &p)) {
            if (!s) return NULL;
            continue;
        }
        const char *end = class_end(m, p);
        char suffix = end < m->pattern_end ? *end : '\0';
        if (suffix == '*') return match_longest(m, s, p, end);
        if (suffix == '-') return match_shortest(m, s, p, end);
        bool one = matches_one(m, s, p, end);
        if (suffix == '+') return one ? match_longest(m, s + 1, p, end) : NULL;
        if (suffix == '?') {
            const char *found = one ? match(m, s + 1, end + 1) : NULL;
            if (found) return found;
            p = end + 1;
        } else {
            if (!one) return NULL;
            s++;
            p = end;
        }
    }
    return s;
}

static const char *match(matcher *m, const char *s, const char *p)
{
    if (m->depth == DEPTH_MAX) luaL_error(m->L, "pattern too complex");
    m->depth++;
    const char *found = match_here(m, s, p);
    m->depth--;
    return found;
}

/* Captures. */

static void push_capture(matcher *m, int which, const char *s, const char *end)
{
    if (which >= m->level) {
        if (which != 0) luaL_error(m->L, "invalid capture index %%%d", which + 1);
        lua_pushlstring(m->L, s, (size_t)(end - s));
        return;
    }
    ptrdiff_t len = m->captures[which].len;
    if (len == LEN_OPEN) luaL_error(m->L, "unfinished capture");
    if (len == LEN_POSITION)
        lua_pushinteger(m->L, m->captures[which].start - m->subject + 1);
    else
        lua_pushlstring(m->L, m->captures[which].start, (size_t)len);
}

/* Push all captures; the whole match where the pattern has none and `s` is given. */
static int push_captures(matcher *m, const char *s, const char *end)
{
    int count = m->level == 0 && s ? 1 : m->level;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++) push_capture(m, i, s, end);
    return count;
}

static void begin(matcher *m, lua_State *L, const char *subject, size_t len, const char *pattern, size_t pattern_len)
{
    m->L = L;
    m->subject = subject;
    m->subject_end = subject + len;
    m->pattern_end = pattern + pattern_len;
    m->steps = 0;
}

static const char *match_at(matcher *m, const char *s, const char *p)
{
    m->level = 0;
    m->depth = 0;
    return match(m, s, p);
}

/* What is left of the steps' cost. */
static void settle(matcher *m)
{
    rip_vm_charge(m->L, 2 + m->steps % PORTION);
    m->steps = 0;
}

/* Functions. */

/* A place as string.sub takes it, from 0; past the end, len + 1. */
static size_t start_of(lua_Integer place, size_t len)
{
    if (place > 0) return (lua_Unsigned)place - 1 > (lua_Unsigned)len ? len + 1 : (size_t)place - 1;
    if (place == 0 || place < -(lua_Integer)len) return 0;
    return len - (size_t)-place;
}

static int find_plain(lua_State *L, const char *subject, size_t len, size_t start, const char *text, size_t text_len)
{
    rip_vm_charge(L, 2 + (len - start) / 8);
    const char *found = text_len == 0 ? subject + start : memmem(subject + start, len - start, text, text_len);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (lua_Integer)text_len);
    return 2;
}

static int search(lua_State *L, bool find)
{
    size_t len = 0, pattern_len = 0;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t start = start_of(luaL_optinteger(L, 3, 1), len);
    if (start > len) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || !memchr(pattern, '\0', pattern_len))) {
        if (lua_toboolean(L, 4) || !strpbrk(pattern, "^$*+?.([%-"))
            return find_plain(L, subject, len, start, pattern, pattern_len);
    }
    matcher m;
    bool anchored = pattern_len > 0 && *pattern == '^';
    begin(&m, L, subject, len, pattern, pattern_len);
    const char *s = subject + start;
    do {
        const char *end = match_at(&m, s, pattern + anchored);
        if (!end) continue;
        settle(&m);
        if (!find) return push_captures(&m, s, end);
        lua_pushinteger(L, s - subject + 1);
        lua_pushinteger(L, end - subject);
        return push_captures(&m, NULL, NULL) + 2;
    } while (s++ < m.subject_end && !anchored);
    settle(&m);
    lua_pushnil(L);
    return 1;
}

static int l_find(lua_State *L)
{
    return search(L, true);
}

static int l_match(lua_State *L)
{
    return search(L, false);
}

/* Upvalues: subject, pattern, where to look next, where the last match ended (from 0; -1: none yet). */
static int l_gmatch_step(lua_State *L)
{
    size_t len = 0, pattern_len = 0;
    const char *subject = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_len);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    matcher m;
    begin(&m, L, subject, len, pattern, pattern_len);
    for (const char *s = subject + lua_tointeger(L, lua_upvalueindex(3)); s <= m.subject_end; s++) {
        const char *end = match_at(&m, s, pattern);
        if (!end || end - subject == last) continue;
        settle(&m);
        lua_pushinteger(L, end - subject);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(&m, s, end);
    }
    settle(&m);
    return 0;
}

static int l_gmatch(lua_State *L)
{
    size_t len = 0;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t start = start_of(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)start);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, l_gmatch_step, 4);
    return 1;
}

static void add_template(matcher *m, luaL_Buffer *result, const char *s, const char *end)
{
    size_t len = 0;
    const char *at = lua_tolstring(m->L, 3, &len);
    const char *stop = at + len;
    while (at < stop) {
        const char *escape = memchr(at, ESCAPE, (size_t)(stop - at));
        if (!escape) escape = stop;
        luaL_addlstring(result, at, (size_t)(escape - at));
        if (escape == stop) return;
        at = escape + 1;
        step(m);
        if (at < stop && *at == ESCAPE) {
            luaL_addchar(result, ESCAPE);
        } else if (at < stop && *at == '0') {
            luaL_addlstring(result, s, (size_t)(end - s));
        } else if (at < stop && isdigit(byte_at(at))) {
            push_capture(m, *at - '1', s, end);
            luaL_tolstring(m->L, -1, NULL); /* a position is a number */
            lua_remove(m->L, -2);
            luaL_addvalue(result);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
        at++;
    }
}

/* Add what stands for the match; true when that changed anything. */
static bool add_replacement(matcher *m, luaL_Buffer *result, const char *s, const char *end, int type)
{
    lua_State *L = m->L;
    rip_vm_charge(L, 4);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, s, end), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(m, 0, s, end);
        lua_gettable(L, 3);
    } else {
        add_template(m, result, s, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(result, s, (size_t)(end - s));
        return false;
    }
    if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(result);
    return true;
}

static int l_gsub(lua_State *L)
{
    size_t len = 0, pattern_len = 0;
    const char *s = luaL_checklstring(L, 1, &len), *last = NULL;
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1), count = 0;
    bool anchored = pattern_len > 0 && *pattern == '^', changed = false;
    if (type == LUA_TNUMBER) lua_tostring(L, 3); /* converts it where it stands */
    matcher m;
    luaL_Buffer result;
    begin(&m, L, s, len, pattern, pattern_len);
    luaL_buffinit(L, &result);
    while (count < most) {
        const char *end = match_at(&m, s, pattern + anchored);
        if (end && end != last) {
            count++;
            changed = add_replacement(&m, &result, s, end, type) || changed;
            s = last = end;
        } else if (s < m.subject_end) {
            luaL_addlstring(&result, s++, 1);
        } else {
            break;
        }
        if (anchored) break;
    }
    settle(&m);
    if (changed) {
        luaL_addlstring(&result, s, (size_t)(m.subject_end - s));
        luaL_pushresult(&result);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

void rip_sandbox_open_match(lua_State *L)
{
    static const luaL_Reg FUNCTIONS[] = {
        {"find", l_find}, {"gmatch", l_gmatch}, {"gsub", l_gsub}, {"match", l_match}, {NULL, NULL}};
    luaL_setfuncs(L, FUNCTIONS, 0);
}
