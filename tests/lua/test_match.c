/* The sandbox's patterns against Lua's own: the same text runs in both, and must print the same. */
#include "box.h"

#include <lualib.h>

/* Prints, for many patterns and subjects, what each function gives. */
static const char TEXT[] =
    "local patterns = {'.-b', 'a*b', '(a*)(.-)$', '%b()', '%f[%w]%w+', '(%w+)=(%w+)', '^a', '[^a-c]+', '[]a]', '[a-]',\n"
    "  '()a()', '%1', '(a)%1', '%', '[a', '(a', 'a)', 'x*', '', '$', '^', '%s*$', '[%a_]+', 'a-', '(()a)', '%d?a', 'a?',\n"
    "  '%z', '[%w%s]', '[a-%%]', '(a*(.)%w(%s*))', '%f[a', '%b', '%ba', '^(%s*)', '.', '[^]]', '%bxy', '((a)(b))',\n"
    "  '[a%]]', 'a$b', '%f[%z]', '()', '(()())%1', '[^', '[%', '[a-', '%f', '(a)(b)%2%1', '[%D]', '%S+', '[^%s]*', '-',\n"
    "  'a\\0b', '[\\0]', '%.', '((((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))))', '^^a', '%g+', '[z-a]'}\n"
    "local subjects = {'', 'a', 'aab', 'foo=bar; x=1', '(a(b)c)', '  THE (quick) fox', 'a-b-c', 'aaa', ']]a-', 'a\\0b',\n"
    "  'hello world', '%d', 'abba', 'a.b.c', '^a'}\n"
    "local functions = {\n"
    "  function(s, p) return string.find(s, p) end, function(s, p) return string.find(s, p, -2) end,\n"
    "  function(s, p) return string.find(s, p, 2, true) end, function(s, p) return string.find(s, p, 99) end,\n"
    "  function(s, p) return string.match(s, p, 2) end, function(s, p) return string.match(s, p, math.mininteger) end,\n"
    "  function(s, p) return string.gsub(s, p, '<%0>') end, function(s, p) return string.gsub(s, p, '%1%%', 2) end,\n"
    "  function(s, p) return string.gsub(s, p, '%9') end, function(s, p) return string.gsub(s, p, '%x') end,\n"
    "  function(s, p) return string.gsub(s, p, {a = 'Z', foo = false}) end, function(s, p) return string.gsub(s, p, 7) end,\n"
    "  function(s, p) return string.gsub(s, p, function(...) return select('#', ...) > 1 and 'w' or nil end) end,\n"
    "  function(s, p) return string.gsub(s, p, function() return {} end) end,\n"
    "  function(s, p) local all = {} for a, b in string.gmatch(s, p) do all[#all + 1] = tostring(a) .. tostring(b) end\n"
    "    return table.concat(all, ';') end,\n"
    "  function(s, p) local all = {} for a in string.gmatch(s, p, -1) do all[#all + 1] = a end return #all, all[1] end}\n"
    "for _, p in ipairs(patterns) do for _, s in ipairs(subjects) do for i, f in ipairs(functions) do\n"
    "  local results = table.pack(pcall(f, s, p))\n"
    "  for n = 1, results.n do results[n] = tostring(results[n]):gsub('\\0', '@') end\n"
    "  print((p .. ' ' .. s .. ' ' .. i .. ': '):gsub('\\0', '@') .. table.concat(results, '|'))\n"
    "end end end";

static int l_print(lua_State *L)
{
    rip_buffer_puts(lua_touserdata(L, lua_upvalueindex(1)), lua_tostring(L, 1));
    rip_buffer_putc(lua_touserdata(L, lua_upvalueindex(1)), '\n');
    return 0;
}

static void test_patterns_mean_what_they_mean_in_lua(void **state)
{
    (void)state;
    rip_buffer expected = {0};
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushlightuserdata(L, &expected);
    lua_pushcclosure(L, l_print, 1);
    lua_setglobal(L, "print");
    assert_int_equal(luaL_loadbuffer(L, TEXT, strlen(TEXT), "@test.lua"), LUA_OK);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_OK);
    lua_close(L);
    box b;
    box_open(&b, NULL);
    if (box_run(&b, TEXT) != RIP_VM_DONE) fail_msg("%s", b.err.message);
    const char *ours = b.printed.data, *theirs = expected.data;
    while (*ours && *theirs) {
        size_t our_len = strcspn(ours, "\n"), their_len = strcspn(theirs, "\n");
        if (our_len != their_len || memcmp(ours, theirs, our_len) != 0)
            fail_msg("ours: %.*s\nLua's: %.*s", (int)our_len, ours, (int)their_len, theirs);
        ours += our_len + 1;
        theirs += their_len + 1;
    }
    assert_int_equal(b.printed.len, expected.len);
    rip_buffer_free(&expected);
    box_close(&b);
}

static void test_a_search_without_end_in_sight_is_killed_promptly(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    assert_killed(&b, "print(pcall(string.find, ('a'):rep(3000), '.-.-.-b'))", "worked too long");
    assert_int_equal(b.turns, 1);
    assert_in_range(rip_vm_instructions_used(b.vm), 1, 11000000);
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_mean_what_they_mean_in_lua),
        cmocka_unit_test(test_a_search_without_end_in_sight_is_killed_promptly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
