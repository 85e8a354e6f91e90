/* Each known way out of a Lua sandbox, tried. */
#include "box.h"

static int open_box(void **state)
{
    box *b = calloc(1, sizeof *b);
    assert_non_null(b);
    box_open(b, NULL);
    *state = b;
    return 0;
}

static int close_box(void **state)
{
    box_close(*state);
    free(*state);
    return 0;
}

static void test_only_the_listed_globals_are_there(void **state)
{
    assert_prints(
        *state,
        "local names = {} for name in pairs(_G) do names[#names + 1] = name end\nprint(table.concat(names, ' '))",
        "_G _VERSION assert coroutine error getmetatable ipairs math next pairs pcall print rawequal rawget "
        "rawlen rawset select setmetatable string table tonumber tostring type utf8 xpcall\n");
    assert_prints(*state,
                  "print(io, os, debug, package, load, dofile, loadfile, collectgarbage, string.dump, warn, require)",
                  "nil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n");
}

static void test_the_metatable_of_strings_is_out_of_reach(void **state)
{
    assert_prints(*state,
                  "print(getmetatable('')) print(pcall(setmetatable, 'x', {}))\n"
                  "string.upper = function() return 'mine' end print(('a'):upper(), string.upper('a'))\n"
                  "print(('10' + 5), #getmetatable('').rep('ab', 2))",
                  "string\nfalse\tbad argument #1 to 'setmetatable' (table expected, got string)\nA\tmine\n15\t4\n");
}

static void test_what_a_run_does_to_its_globals_stays_in_its_state(void **state)
{
    box other;
    assert_prints(*state, "_G.print2 = print print = nil pcall = nil _ENV.string.rep = nil print2(pcall, string.rep)",
                  "nil\tnil\n");
    box_open(&other, NULL);
    assert_prints(&other, "print(print2, type(pcall), type(string.rep))", "nil\tfunction\tfunction\n");
    box_close(&other);
}

static void test_finalizers_are_refused(void **state)
{
    assert_fails(*state, "setmetatable({}, {__gc = function() end})", "__gc is not there");
    assert_fails(*state, "setmetatable({}, {__gc = true})", "__gc is not there");
    assert_prints(*state,
                  "local mt = {} for i = 1, 1000 do setmetatable({}, mt) end mt.__gc = function() print('ran') end\n"
                  "for i = 1, 100000 do local t = {} end print('end')",
                  "end\n");
}

static void test_protected_metatables_stay_and_weak_ones_are_allowed(void **state)
{
    assert_prints(*state,
                  "local t = setmetatable({}, {__metatable = 'closed'}) print(getmetatable(t))\n"
                  "print(pcall(setmetatable, t, nil)) print(getmetatable(setmetatable({}, {__mode = 'k'})).__mode)",
                  "closed\nfalse\tcannot change a protected metatable\nk\n");
}

static void test_no_address_is_shown(void **state)
{
    assert_prints(*state,
                  "local t, f = {}, function() end print(t, f, t, coroutine.create(f), print)\n"
                  "print(string.format('%s %10s|', t, f)) print(pcall(string.format, '%p', t))\n"
                  "print(setmetatable({}, {__name = 'thing'}))",
                  "table: 1\tfunction: 2\ttable: 1\tthread: 3\tfunction: 4\n"
                  "table: 1 function: 2|\n"
                  "false\tinvalid conversion '%p' to 'format': addresses are not for playbooks\n"
                  "thing: 5\n");
}

static void test_tables_are_walked_in_an_order_that_a_replay_repeats(void **state)
{
    assert_prints(
        *state,
        "local t = {x = 1, ['a b'] = 2, [3] = 3, [1] = 4, [2] = 5, [-1] = 6, [0.5] = 7, [true] = 8, [false] = 9,\n"
        "[10] = 10, [math.mininteger] = 11, [-math.huge] = 12, [math.huge] = 13, [0] = 14, [2^53] = 15}\n"
        "local function keys(iterate) local list = {} for key in iterate do list[#list + 1] = tostring(key) end\n"
        "return table.concat(list, ' ') end\n"
        "local a, b = {}, {} for k in pairs(t) do a[#a + 1] = tostring(k) end\n"
        "local k = next(t) while k ~= nil do b[#b + 1] = tostring(k) k = next(t, k) end\n"
        "print(table.concat(a, ' ')) print(table.concat(a) == table.concat(b))",
        "1 2 3 10 9007199254740992 -inf -9223372036854775808 -1 0 0.5 inf a b x false true\ntrue\n");
    assert_fails(*state, "for k in pairs({[{}] = 1, [{}] = 2}) do end", "no order that a replay would repeat");
    assert_prints(*state, "local o = {} for k, v in pairs({[o] = 1, a = 2}) do print(v, k == o) end",
                  "2\tfalse\n1\ttrue\n");
}

static void test_fields_may_be_cleared_during_a_walk(void **state)
{
    assert_prints(
        *state,
        "local t = {1, 2, 3, a = 1, b = 2} for k in pairs(t) do t[k] = nil t.b = nil end print(next(t))\n"
        "t = {1, 2, 3, [-1] = 4, z = 1} local k = next(t) while k do t[k] = nil k = next(t, k) end print(next(t))\n"
        "print(pcall(next, {}, 'gone'))\n"
        "for k, v in pairs(setmetatable({}, {__pairs = function() return next, {q = 1}, nil end})) do print(k, v) end",
        "nil\nnil\ntrue\tnil\nq\t1\n");
}

static void test_deep_recursion_ends_as_an_error_or_a_kill(void **state)
{
    assert_prints(*state,
                  "local function down(f) return pcall(f, f) end print(select(-1, down(down)))\n"
                  "local t = setmetatable({}, {}) getmetatable(t).__index = function(s, k) return s[k] end\n"
                  "print((select(2, pcall(function() return t.x end)):match('C stack overflow')))\n"
                  "local function gs() return (('a'):gsub('a', gs)) end\n"
                  "print((select(2, pcall(gs)):match('C stack overflow')))\n"
                  "local function nest() return coroutine.wrap(nest)() end\n"
                  "print((select(2, pcall(nest)):match('C stack overflow')))\n"
                  "local function closing() local co = coroutine.create(function()\n"
                  "  local x <close> = setmetatable({}, {__close = closing}) coroutine.yield() end)\n"
                  "  coroutine.resume(co) local ok, e = coroutine.close(co) if not ok then error(e, 0) end end\n"
                  "print((select(2, pcall(closing)):match('over 10 coroutine.close')))",
                  "C stack overflow\nC stack overflow\nC stack overflow\nC stack overflow\nover 10 coroutine.close\n");
    assert_fails(*state, "local s = ('('):rep(100000) return s:find(s)", "too many captures");
}

static void test_a_string_that_is_too_long_is_refused_before_it_is_made(void **state)
{
    assert_prints(
        *state,
        "for _, f in ipairs{function() return ('x'):rep(1 << 40) end, function() return ('xy'):rep(1 << 23, 'z') end,\n"
        "  function() return ('x'):rep(math.maxinteger, 'yy') end, function() return (''):rep(1 << 62) end} do\n"
        "  print((select(2, pcall(f)):match('too large'))) end\n"
        "print(#('x'):rep(1 << 20), ('ab'):rep(3, '-'), ('x'):rep(-1) == '', ('x'):rep(0) == '')",
        "too large\ntoo large\ntoo large\ntoo large\n1048576\tab-ab-ab\ttrue\ttrue\n");
    assert_fails(*state, "return ('%9999d'):format(1)", "invalid conversion");
    assert_fails(*state, "return ('%s'):rep(1e6):format()", "no value");
}

static void test_work_within_one_call_is_charged(void **state)
{
    static const char *const TEXTS[] = {
        "('a'):rep(3000):find('.-.-.-b')",
        "('a'):rep(300000):find('.-b')",
        "('a'):rep(100000):gsub('a*a*a*b', '')",
        "for x in ('a'):rep(100000):gmatch('.-.-.-b') do end",
        "('('):rep(1000000):match('%b()%b()')",
        "table.concat(setmetatable({}, {__len = function() return math.maxinteger end, __index = function() return '' end}))",
        "table.insert(setmetatable({}, {__len = function() return math.maxinteger - 1 end}), 1, 1)",
        "table.remove(setmetatable({}, {__len = function() return math.maxinteger end}), 1)",
        "table.move({}, 1, math.maxinteger - 1, 2)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        box b;
        box_open(&b, NULL);
        char text[400];
        snprintf(text, sizeof text, "while true do pcall(function() %s end) end", TEXTS[i]);
        assert_int_equal(box_run(&b, text), RIP_VM_KILLED);
        assert_int_equal(b.err.status, RIP_ELIMIT);
        box_close(&b);
    }
}

static void test_unpack_is_bounded(void **state)
{
    assert_fails(*state, "table.unpack({}, 1, 1e7)", "too many results");
    assert_fails(*state, "table.unpack({}, math.mininteger, math.maxinteger)", "too many results");
    assert_prints(*state, "print(select('#', table.unpack({}, 1, 9999)), table.unpack({1, 2, 3}, 2))", "9999\t2\t3\n");
}

static void test_sorting_survives_any_comparison_and_is_stable(void **state)
{
    assert_prints(
        *state,
        "local t = {} for i = 1, 1000 do t[i] = {key = i % 7, at = i} end\n"
        "table.sort(t, function(a, b) return a.key < b.key end) local ok = true\n"
        "for i = 2, #t do ok = ok and (t[i - 1].key < t[i].key or t[i - 1].key == t[i].key and t[i - 1].at < t[i].at) end\n"
        "print(ok)\n"
        "table.sort(t, function() return true end) local seen = {} for _, x in ipairs(t) do seen[x.at] = true end print(#t, #seen)\n"
        "local n = {3, 1, 2} table.sort(n) print(table.concat(n, ' '))\n"
        "print((select(2, pcall(table.sort, {1, 'a'})):match('attempt to compare')))",
        "true\n1000\t1000\n1 2 3\nattempt to compare\n");
}

static void test_the_table_library_works_as_lua_describes_it(void **state)
{
    assert_prints(
        *state,
        "local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) print(table.concat(t, ','))\n"
        "print(table.remove(t), table.remove(t, 1), table.remove({}), table.concat(t, ','))\n"
        "print(table.concat(table.move({1, 2, 3}, 1, 3, 2), ','), table.concat(table.move({1, 2}, 1, 2, 3, {8, 9}), ','))\n"
        "print(table.concat(table.move({1, 2, 3}, 2, 3, 1), ','), table.pack(nil, 2).n, #table.pack())\n"
        "print(pcall(table.insert, {1}, 5, 2)) print(pcall(table.remove, {1}, 5)) print(pcall(table.concat, {{}}))",
        "0,1,2,3,4\n4\t0\tnil\t1,2,3\n1,1,2,3\t8,9,1,2\n2,3,3\t2\t0\n"
        "false\tbad argument #2 to 'table.insert' (position out of bounds)\n"
        "false\tbad argument #2 to 'table.remove' (position out of bounds)\n"
        "false\tinvalid value (at index 1) in table for 'concat'\n");
}

static void test_random_numbers_come_from_the_run(void **state)
{
    assert_fails(*state, "math.random(6)", "use run:random");
    assert_fails(*state, "math.randomseed(6)", "use run:random");
}

static void test_format_works_as_lua_describes_it(void **state)
{
    assert_prints(
        *state,
        "print(('%5d|%-5s|%05.1f|%x|%q|%%|%c|%i|%g|%.3s'):format(42, 'a', 3.14159, 255, 'a\\n', 65, 7, 0.5, 'abcdef'))\n"
        "print(('%s %s'):format(nil, true), ('%d'):format('10')) print(pcall(string.format, '%d', 1.5))\n"
        "print(pcall(string.format, '%d %d', 1)) print(pcall(string.format, '%'))\n"
        "print(('%s'):format(setmetatable({}, {__tostring = function() return 'text' end})))",
        "   42|a    |003.1|ff|\"a\\\n\"|%|A|7|0.5|abc\nnil true\t10\n"
        "false\tbad argument #2 to 'string.format' (number has no integer representation)\n"
        "false\tbad argument #3 to 'string.format' (no value)\nfalse\tinvalid conversion '%' to 'format'\ntext\n");
}

static void test_comparing_long_strings_is_counted(void **state)
{
    (void)state;
    box b;
    box_open(&b, &(rip_vm_limits){.instructions = 3000000});
    assert_killed(&b,
                  "local piece = ('x'):rep(1000) local s, u = piece:rep(9000) .. 'y', piece:rep(9000) .. 'y'\n"
                  "while true do local a = s == u end",
                  "instructions");
    box_close(&b);
}

static void test_print_is_bounded_and_escapes_nothing_itself(void **state)
{
    box *b = *state;
    assert_int_equal(box_run(b, "print(('x'):rep(100000), 'y')"), RIP_VM_DONE);
    assert_int_equal(b->printed.len, 16384 + 1);
}

static void test_xpcall_hands_the_error_to_its_handler(void **state)
{
    assert_prints(
        *state,
        "print(xpcall(error, function(e) return e .. '!' end, 'bad'))\n"
        "print(xpcall(function(...) return ... end, print, 1, nil, 3))\n"
        "print(pcall(pcall)) print(pcall(error, nil)) print(pcall(error, {1} and 5))",
        "false\tbad!\ntrue\t1\tnil\t3\nfalse\tbad argument #1 to 'pcall' (value expected)\nfalse\tnil\nfalse\t5\n");
}

static void test_coroutines_work_as_lua_describes_them(void **state)
{
    assert_prints(
        *state,
        "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) error('e' .. c, 0) end)\n"
        "print(coroutine.resume(co, 1, 2)) print(coroutine.status(co)) print(coroutine.resume(co, 'x'))\n"
        "print(coroutine.status(co), coroutine.resume(co)) print(coroutine.close(co))\n"
        "local w = coroutine.wrap(function() for i = 1, 2 do coroutine.yield(i) end end) print(w(), w(), w())\n"
        "print(pcall(w))\n"
        "local x = coroutine.wrap(function() local c <close> = setmetatable({}, {__close = function() print('closed') end})\n"
        "error({}) end) print(pcall(x))\n"
        "print(coroutine.wrap(function() return pcall(function() return coroutine.yield(1) end) end)())",
        "true\t3\nsuspended\nfalse\tex\ndead\tfalse\tcannot resume dead coroutine\nfalse\tex\n1\t2\n"
        "false\tcannot resume dead coroutine\nclosed\nfalse\ttable: 1\n1\n");
}

int main(void)
{
#define WITH_BOX(test) cmocka_unit_test_setup_teardown(test, open_box, close_box)
    const struct CMUnitTest tests[] = {
        WITH_BOX(test_only_the_listed_globals_are_there),
        WITH_BOX(test_the_metatable_of_strings_is_out_of_reach),
        WITH_BOX(test_what_a_run_does_to_its_globals_stays_in_its_state),
        WITH_BOX(test_finalizers_are_refused),
        WITH_BOX(test_protected_metatables_stay_and_weak_ones_are_allowed),
        WITH_BOX(test_no_address_is_shown),
        WITH_BOX(test_tables_are_walked_in_an_order_that_a_replay_repeats),
        WITH_BOX(test_fields_may_be_cleared_during_a_walk),
        WITH_BOX(test_deep_recursion_ends_as_an_error_or_a_kill),
        WITH_BOX(test_a_string_that_is_too_long_is_refused_before_it_is_made),
        WITH_BOX(test_work_within_one_call_is_charged),
        WITH_BOX(test_unpack_is_bounded),
        WITH_BOX(test_sorting_survives_any_comparison_and_is_stable),
        WITH_BOX(test_the_table_library_works_as_lua_describes_it),
        WITH_BOX(test_random_numbers_come_from_the_run),
        WITH_BOX(test_format_works_as_lua_describes_it),
        WITH_BOX(test_comparing_long_strings_is_counted),
        WITH_BOX(test_print_is_bounded_and_escapes_nothing_itself),
        WITH_BOX(test_xpcall_hands_the_error_to_its_handler),
        WITH_BOX(test_coroutines_work_as_lua_describes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
