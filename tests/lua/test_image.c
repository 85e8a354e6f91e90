#include "box.h"

#include "lua/image.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "lua/vm_state.h"

static void run_main(rip_vm *vm, const char *text)
{
    rip_error err = {RIP_OK, ""};
    if (rip_vm_load(vm, "fill.lua", text, strlen(text), &err) != RIP_OK) fail_msg("%s", err.message);
    if (rip_vm_call(vm, 0, 0, &err) != RIP_VM_DONE) fail_msg("%s", err.message);
}

static rip_vm *prepared(const char *text)
{
    rip_error err = {RIP_OK, ""};
    rip_vm *vm = NULL;
    if (!RIP_VM_ARENA) {
        assert_int_equal(rip_image_prepare(&vm, &err), RIP_ENOTFOUND);
        assert_null(vm);
        skip();
    }
    assert_int_equal(rip_image_prepare(&vm, &err), RIP_OK);
    run_main(vm, text);
    return vm;
}

static rip_image *image_of(const char *text)
{
    rip_error err = {RIP_OK, ""};
    rip_vm *vm = prepared(text);
    rip_image *image = NULL;
    if (rip_image_take(vm, &image, &err) != RIP_OK) fail_msg("%s", err.message);
    rip_vm_free(vm);
    return image;
}

static void open_copy(box *b, const rip_image *image)
{
    memset(b, 0, sizeof *b);
    assert_int_equal(rip_image_copy(image, NULL, &b->vm, &b->err), RIP_OK);
    rip_vm_on_print(b->vm, box_print, b);
}

#define FILL                                                                                                           \
    "local hidden = setmetatable({}, {__mode = 'k'})\n"                                                                \
    "local count = 0\n"                                                                                                \
    "Class = {}\n"                                                                                                     \
    "Class.__index = Class\n"                                                                                          \
    "function Class:name() return hidden[self] end\n"                                                                  \
    "function new(name)\n"                                                                                             \
    "  count = count + 1\n"                                                                                            \
    "  local object = setmetatable({}, Class)\n"                                                                       \
    "  hidden[object] = name .. count\n"                                                                               \
    "  return object\n"                                                                                                \
    "end\n"                                                                                                            \
    "list = {}\n"                                                                                                      \
    "for i = 1, 300 do list[i] = {n = i, text = ('x'):rep(i)} end\n"                                                   \
    "for i = 1, 300 do if i % 2 == 0 then list[i] = nil end end\n"

static void test_a_copy_goes_on_from_where_the_image_was_taken(void **state)
{
    (void)state;
    rip_image *image = image_of(FILL);
    box b;
    open_copy(&b, image);
    rip_image_free(image);
    assert_prints(&b,
                  "print(new('a'):name(), new('b'):name(), list[299].n, #list[299].text, list[298])\n"
                  "print(('abc'):upper(), string.format('%5.1f', 2.5), math.type(1), select('#', 1, 2))\n"
                  "print(pcall(error, {code = 'X'}))",
                  "a1\tb2\t299\t299\tnil\nABC\t  2.5\tinteger\t2\nfalse\ttable: 1\n");
    box_close(&b);
}

static void test_what_a_copy_does_is_not_seen_in_another(void **state)
{
    (void)state;
    rip_image *image = image_of(FILL);
    box one, other;
    open_copy(&one, image);
    open_copy(&other, image);
    assert_prints(&one, "string.upper = nil Class.name = nil list = nil new('a') print(string.upper)", "nil\n");
    assert_prints(&other, "print(('a'):upper(), new('z'):name(), list[1].n)", "A\tz1\t1\n");
    box_close(&one);
    assert_prints(&other, "print(new('z'):name())", "z2\n");
    box_close(&other);
    rip_image_free(image);
}

static void test_copies_collect_grow_and_fail_as_any_state(void **state)
{
    (void)state;
    rip_image *image = image_of(FILL);
    for (int i = 0; i < 50; i++) {
        box b;
        open_copy(&b, image);
        assert_prints(&b,
                      "local keep = {}\n"
                      "for i = 1, 20000 do\n"
                      "  keep[i % 997] = {i, ('v'):rep(i % 700), new('k' .. i)}\n"
                      "  if i % 3 == 0 then list[i % 300] = nil end\n"
                      "end\n"
                      "list, Class = nil, nil\n"
                      "for i = 1, 20000 do keep['n' .. i % 500] = {} end\n"
                      "local co = coroutine.wrap(function(a) while true do a = coroutine.yield(a + 1) end end)\n"
                      "print(keep[3][1], keep[3][3]:name(), co(1), co(2))",
                      "19943\tk1994319943\t2\t3\n");
        assert_fails(&b, "local t = nil; print(t.x)", "attempt to index a nil value");
        box_close(&b);
    }
    rip_image_free(image);
}

static void test_a_copy_has_the_limits_that_it_is_given(void **state)
{
    (void)state;
    rip_image *image = image_of(FILL);
    box b;
    memset(&b, 0, sizeof b);
    rip_vm_limits limits = {.memory_bytes = (size_t)1 << 20, .instructions = 1000000};
    assert_int_equal(rip_image_copy(image, &limits, &b.vm, &b.err), RIP_OK);
    assert_int_equal(rip_vm_instructions_used(b.vm), 0);
    assert_killed(&b, "local t = {} for i = 1, 1e5 do t[i] = {} end", "out of memory");
    box_close(&b);
    memset(&b, 0, sizeof b);
    assert_int_equal(rip_image_copy(image, &limits, &b.vm, &b.err), RIP_OK);
    assert_killed(&b, "while true do end", "limit of 1000000 instructions");
    box_close(&b);
    limits.memory_bytes = 1000;
    assert_int_equal(rip_image_copy(image, &limits, &b.vm, &b.err), RIP_ENOMEM);
    rip_image_free(image);
}

static const rip_module_entry ENTRIES[] = {{"own", "own.lua", "return {value = 7}", 18}};
static const rip_module_set SET = {ENTRIES, 1};

static void test_a_copy_keeps_modules_and_takes_others_from_its_own_providers(void **state)
{
    (void)state;
    static const rip_module_entry FIRST[] = {{"shared", "shared.lua", "loads = (loads or 0) + 1 return {}", 34}};
    static const rip_module_set SHARED = {FIRST, 1};
    rip_error err = {RIP_OK, ""};
    rip_vm *vm = prepared("");
    rip_module_provider provider = rip_module_set_provider(&SHARED);
    assert_int_equal(rip_modules_install(vm, &provider, 1, NULL, NULL, &err), RIP_OK);
    run_main(vm, "require 'shared'");
    rip_image *image = NULL;
    assert_int_equal(rip_image_take(vm, &image, &err), RIP_OK);
    rip_vm_free(vm);
    box b;
    open_copy(&b, image);
    provider = rip_module_set_provider(&SET);
    assert_int_equal(rip_modules_install(b.vm, &provider, 1, NULL, NULL, &err), RIP_OK);
    assert_prints(&b, "require 'shared' print(loads, require('own').value)", "1\t7\n");
    assert_fails(&b, "require 'neither'", "there is no module neither");
    box_close(&b);
    rip_image_free(image);
}

static void test_what_cannot_be_copied_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } CASES[] = {{"kept = {[{}] = 1}", "a table with a table as a key"},
                 {"local set = {[print] = true} function has() return set[print] end", "a function as a key"},
                 {"setmetatable(_G, {__index = {[{}] = 1}})", "a table as a key"},
                 {"co = coroutine.create(print)", "a coroutine"},
                 {"big = ('x'):rep(2000000)", "over 1048576 bytes"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rip_vm *vm = prepared(CASES[i].text);
        rip_image *image = NULL;
        rip_error err = {RIP_OK, ""};
        assert_int_not_equal(rip_image_take(vm, &image, &err), RIP_OK);
        assert_null(image);
        if (!strstr(err.message, CASES[i].part)) fail_msg("%s", err.message);
        rip_vm_free(vm);
    }
}

static void test_a_pointer_that_is_not_null_is_refused(void **state)
{
    (void)state;
    rip_vm *vm = prepared("");
    rip_image *image = NULL;
    rip_error err = {RIP_OK, ""};
    lua_State *L = rip_vm_state(vm);
    rip_lua_push_null(L);
    lua_setglobal(L, "null");
    assert_int_equal(rip_image_take(vm, &image, &err), RIP_OK);
    rip_image_free(image);
    lua_pushlightuserdata(L, &err);
    lua_setglobal(L, "pointer");
    assert_int_equal(rip_image_take(vm, &image, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "a light userdata"));
    rip_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_goes_on_from_where_the_image_was_taken),
        cmocka_unit_test(test_what_a_copy_does_is_not_seen_in_another),
        cmocka_unit_test(test_copies_collect_grow_and_fail_as_any_state),
        cmocka_unit_test(test_a_copy_has_the_limits_that_it_is_given),
        cmocka_unit_test(test_a_copy_keeps_modules_and_takes_others_from_its_own_providers),
        cmocka_unit_test(test_what_cannot_be_copied_is_refused),
        cmocka_unit_test(test_a_pointer_that_is_not_null_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
