#include "box.h"

static const rip_vm_limits SMALL = {
    .memory_bytes = (size_t)1 << 20, .instructions = 2000000, .slice_instructions = 20000};

static void test_a_loop_without_end_is_killed_and_gives_the_loop_its_turn(void **state)
{
    (void)state;
    box b;
    box_open(&b, &SMALL);
    assert_killed(&b, "while true do end", "2000000 instructions");
    assert_int_equal(b.err.status, RIP_ELIMIT);
    assert_in_range(b.turns, 80, 110);
    assert_int_equal(box_run(&b, "print('again')"), RIP_VM_KILLED);
    assert_null(b.printed.data && b.printed.len ? b.printed.data : NULL);
    box_close(&b);
}

/* Each text tries to go on after its kill, and would print if it could. */
static void test_a_kill_cannot_be_caught(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "while true do pcall(function() while true do end end) print('caught') end",
        "while true do xpcall(function() while true do end end, function(e) print('handled', e) end) print('x') end",
        "while true do local co = coroutine.create(function() while true do end end)\n"
        "coroutine.resume(co) print(coroutine.status(co), coroutine.close(co)) end",
        "local f = coroutine.wrap(function() while true do end end) while true do pcall(f) print('wrapped') end",
        "while true do pcall(function() local x <close> = setmetatable({}, {__close = function() print('closing')\n"
        "while true do end end}) while true do end end) print('closed') end",
        "local t = setmetatable({}, {__index = function() while true do end end}) pcall(function() return t.x end)\n"
        "print('indexed')",
        "pcall(string.gsub, 'a', 'a', function() while true do end end) print('gsub')",
        "pcall(table.sort, {1, 2, 3}, function() while true do end end) print('sort')",
        "pcall(error, setmetatable({}, {__tostring = function() while true do end end})) \n"
        "print(setmetatable({}, {__tostring = function() while true do end end}))",
        "for i = 1, math.huge do coroutine.wrap(function() end)() end print('coroutines')",
        "local function deep(n) if n == 0 then while true do end end pcall(deep, n - 1) print('deep') end deep(100)",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        box b;
        box_open(&b, &SMALL);
        assert_int_equal(box_run(&b, TEXTS[i]), RIP_VM_KILLED);
        if (b.printed.len) fail_msg("text %zu printed %s", i, b.printed.data);
        assert_int_equal(b.err.status, RIP_ELIMIT);
        box_close(&b);
    }
}

static void test_memory_that_is_used_up_ends_the_run_whoever_catches(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "local t = {} pcall(function() while true do t[#t + 1] = {} end end) print('caught')",
        "local s = 'x' pcall(function() while true do s = s .. s end end) print('caught')",
        "local t = {} xpcall(function() while true do t = {t} end end, function() print('handled') end)",
        "pcall(coroutine.wrap(function() local t = {} while true do t[#t + 1] = {} end end)) print('caught')",
        "local function f() return 1 + f() end print(pcall(f))",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        box b;
        rip_vm_limits limits = SMALL;
        limits.instructions = 100000000;
        box_open(&b, &limits);
        assert_killed(&b, TEXTS[i], "out of memory");
        if (b.printed.len) fail_msg("text %zu printed %s", i, b.printed.data);
        assert_true(rip_vm_memory_used(b.vm) <= limits.memory_bytes);
        box_close(&b);
    }
}

static void test_one_value_is_bounded_on_its_own(void **state)
{
    (void)state;
    box b;
    box_open(&b, &(rip_vm_limits){.value_bytes = 100000});
    assert_killed(&b, "local s = ('x'):rep(60000) s = s .. s", "100000 for one value");
    box_close(&b);
}

static void test_garbage_does_not_count_as_memory(void **state)
{
    (void)state;
    box b;
    rip_vm_limits limits = SMALL;
    limits.instructions = 100000000;
    box_open(&b, &limits);
    assert_prints(&b, "for i = 1, 100000 do local t = {i} end print('done')", "done\n");
    box_close(&b);
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L) - 1;
}

static int l_wait(lua_State *L)
{
    lua_settop(L, 1);
    return rip_vm_suspend(L, after_wait, 0);
}

static void test_a_wait_passes_through_the_playbooks_coroutines(void **state)
{
    (void)state;
    static const char TEXT[] =
        "local outer = coroutine.wrap(function()\n"
        "  local inner = coroutine.wrap(function() coroutine.yield(wait(1) + 1) return wait(2) + 2 end)\n"
        "  coroutine.yield(inner()) coroutine.yield(inner())\n"
        "end)\n"
        "print(outer(), pcall(outer))";
    box b;
    box_open(&b, NULL);
    lua_State *L = rip_vm_state(b.vm);
    lua_register(L, "wait", l_wait);
    assert_int_equal(rip_vm_load(b.vm, "test.lua", TEXT, strlen(TEXT), &b.err), RIP_OK);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, -2);
    lua_xmove(L, co, 1);
    int n = 0;
    assert_int_equal(rip_vm_resume(b.vm, co, 0, &n, &b.err), RIP_VM_SUSPENDED);
    lua_pushinteger(co, 10);
    assert_int_equal(rip_vm_resume(b.vm, co, 1, &n, &b.err), RIP_VM_SUSPENDED);
    lua_pushinteger(co, 20);
    assert_int_equal(rip_vm_resume(b.vm, co, 1, &n, &b.err), RIP_VM_DONE);
    assert_string_equal(b.printed.data, "11\ttrue\t22\n");
    box_close(&b);
}

static void test_a_coroutine_that_waits_cannot_be_resumed_or_closed_by_another(void **state)
{
    (void)state;
    static const char FIRST[] = "co = coroutine.create(function() return wait() end) coroutine.resume(co)";
    box b;
    box_open(&b, NULL);
    lua_State *L = rip_vm_state(b.vm);
    lua_register(L, "wait", l_wait);
    assert_int_equal(rip_vm_load(b.vm, "first.lua", FIRST, strlen(FIRST), &b.err), RIP_OK);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, -2);
    lua_xmove(L, co, 1);
    int n = 0;
    assert_int_equal(rip_vm_resume(b.vm, co, 0, &n, &b.err), RIP_VM_SUSPENDED);
    assert_int_equal(luaL_ref(L, LUA_REGISTRYINDEX) > 0, 1);
    assert_prints(&b, "print(coroutine.status(co), coroutine.resume(co)) print(pcall(coroutine.close, co))",
                  "normal\tfalse\tcannot resume non-suspended coroutine\n"
                  "false\tcannot close a normal coroutine\n");
    assert_int_equal(rip_vm_resume(b.vm, co, 0, &n, &b.err), RIP_VM_DONE);
    box_close(&b);
}

static void test_a_fiber_is_no_coroutine_of_the_playbooks(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    assert_prints(&b,
                  "local me, main = coroutine.running() print(main, coroutine.isyieldable())\n"
                  "print(pcall(coroutine.yield))\n"
                  "print(coroutine.wrap(function() return coroutine.resume(me) end)())",
                  "true\tfalse\nfalse\tattempt to yield from outside a coroutine\n"
                  "false\tcannot resume non-suspended coroutine\n");
    box_close(&b);
}

static void test_waiting_where_nothing_can_is_an_error(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    lua_register(rip_vm_state(b.vm), "wait", l_wait);
    assert_prints(&b,
                  "print((select(2, pcall(string.gsub, 'a', 'a', wait)):match('cannot wait here')))\n"
                  "print((select(2, pcall(table.sort, {2, 1}, wait)):match('cannot wait here')))",
                  "cannot wait here\ncannot wait here\n");
    box_close(&b);
}

static int l_kill(lua_State *L)
{
    rip_vm_kill(rip_vm_of(L), RIP_EDENIED, "not declared");
    return 0;
}

static void test_a_binding_can_kill_with_its_own_reason(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    lua_register(rip_vm_state(b.vm), "kill", l_kill);
    assert_killed(&b, "pcall(kill) print('on')", "not declared");
    assert_int_equal(b.err.status, RIP_EDENIED);
    assert_int_equal(b.printed.len, 0);
    box_close(&b);
}

static void test_an_error_object_with_a_code_is_remote_and_others_are_invalid(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    assert_fails(&b, "error({code = 'AccessDenied', message = 'no\\nway'})", "AccessDenied: no\\nway");
    assert_int_equal(b.err.status, RIP_EREMOTE);
    assert_fails(&b, "error('plain')", "test.lua:1: plain");
    assert_int_equal(b.err.status, RIP_EINVAL);
    assert_fails(&b, "error(setmetatable({}, {__tostring = function() return 'called' end, __index = error}))",
                 "a table without code or message");
    assert_fails(&b, "error()", "nil");
    box_close(&b);
}

static void test_variables_to_be_closed_are_when_a_run_fails(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    assert_fails(&b, "local x <close> = setmetatable({}, {__close = function(_, e) print(e) end}) error('bad', 0)",
                 "bad");
    assert_string_equal(b.printed.data, "bad\n");
    box_close(&b);
}

static void test_a_call_runs_to_its_end_and_no_longer_than_it_may(void **state)
{
    (void)state;
    static const char LONG[] = "for i = 1, 1000000 do end return 7", ENDLESS[] = "while true do end";
    box b;
    box_open(&b, NULL);
    lua_State *L = rip_vm_state(b.vm);
    assert_int_equal(rip_vm_load(b.vm, "long.lua", LONG, strlen(LONG), &b.err), RIP_OK);
    assert_int_equal(rip_vm_call(b.vm, 0, 1, &b.err), RIP_VM_DONE);
    assert_int_equal(lua_tointeger(L, -1), 7);
    assert_int_equal(rip_vm_load(b.vm, "endless.lua", ENDLESS, strlen(ENDLESS), &b.err), RIP_OK);
    assert_int_equal(rip_vm_call(b.vm, 0, 1, &b.err), RIP_VM_KILLED);
    assert_non_null(strstr(b.err.message, "worked too long"));
    assert_int_equal(lua_gettop(L), 1);
    box_close(&b);
}

static void test_a_text_that_is_no_lua_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char BINARY[] = "\x1bLua", WRONG[] = "local a = 1\nlocal b =";
    box b;
    box_open(&b, NULL);
    assert_int_equal(rip_vm_load(b.vm, "a/b.lua", WRONG, strlen(WRONG), &b.err), RIP_EINVAL);
    assert_non_null(strstr(b.err.message, "a/b.lua:2:"));
    assert_int_equal(rip_vm_load(b.vm, "a/b.lua", BINARY, sizeof BINARY, &b.err), RIP_EINVAL);
    assert_non_null(strstr(b.err.message, "binary"));
    assert_int_equal(lua_gettop(rip_vm_state(b.vm)), 0);
    box_close(&b);
}

static void test_too_little_memory_for_the_libraries_is_said(void **state)
{
    (void)state;
    rip_vm *vm = NULL;
    rip_error err;
    for (size_t bytes = 1; bytes < 16384; bytes += 97)
        assert_int_equal(rip_vm_new(&(rip_vm_limits){.memory_bytes = bytes}, &vm, &err), RIP_ENOMEM);
    assert_null(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loop_without_end_is_killed_and_gives_the_loop_its_turn),
        cmocka_unit_test(test_a_kill_cannot_be_caught),
        cmocka_unit_test(test_memory_that_is_used_up_ends_the_run_whoever_catches),
        cmocka_unit_test(test_one_value_is_bounded_on_its_own),
        cmocka_unit_test(test_garbage_does_not_count_as_memory),
        cmocka_unit_test(test_a_wait_passes_through_the_playbooks_coroutines),
        cmocka_unit_test(test_a_coroutine_that_waits_cannot_be_resumed_or_closed_by_another),
        cmocka_unit_test(test_a_fiber_is_no_coroutine_of_the_playbooks),
        cmocka_unit_test(test_waiting_where_nothing_can_is_an_error),
        cmocka_unit_test(test_a_binding_can_kill_with_its_own_reason),
        cmocka_unit_test(test_an_error_object_with_a_code_is_remote_and_others_are_invalid),
        cmocka_unit_test(test_variables_to_be_closed_are_when_a_run_fails),
        cmocka_unit_test(test_a_call_runs_to_its_end_and_no_longer_than_it_may),
        cmocka_unit_test(test_a_text_that_is_no_lua_is_refused_with_its_line),
        cmocka_unit_test(test_too_little_memory_for_the_libraries_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
