#include "box.h"

#include "lua/json.h"

static int l_push(lua_State *L)
{
    rip_lua_push_json(L, lua_touserdata(L, 1));
    return 1;
}

/* Set the global `v` to the JSON of `text`; LUA_OK or what pushing raised. */
static int set_global(box *b, const char *text)
{
    lua_State *L = rip_vm_state(b->vm);
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    lua_pushcfunction(L, l_push);
    lua_pushlightuserdata(L, json);
    int status = lua_pcall(L, 1, 1, 0);
    json_decref(json);
    if (status == LUA_OK)
        lua_setglobal(L, "v");
    else
        lua_pop(L, 1);
    return status;
}

/* The JSON of what the Lua text returns, to be freed; NULL with b->err. */
static char *json_of(box *b, const char *text)
{
    lua_State *L = rip_vm_state(b->vm);
    json_t *json = NULL;
    char *result = NULL;
    assert_int_equal(rip_vm_load(b->vm, "test.lua", text, strlen(text), &b->err), RIP_OK);
    assert_int_equal(rip_vm_call(b->vm, 0, 1, &b->err), RIP_VM_DONE);
    if (rip_lua_to_json(L, -1, &json, &b->err) == RIP_OK) result = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    lua_settop(L, 0);
    return result;
}

static void test_documents_come_back_as_they_went(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"{}",
                                        "[]",
                                        "[[],{},[{}]]",
                                        "{\"a\":[],\"b\":{\"c\":[1,2.0,\"x\",true,false]}}",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1.0",
                                        "0.1",
                                        "[null,1,null]",
                                        "\"a\\u0000b\"",
                                        "{\"10\":1,\"a b\":2,\"\\u00e9\":3}",
                                        "null",
                                        "1e300",
                                        "[1.7976931348623157e308]"};
    box b;
    box_open(&b, NULL);
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        json_t *json = json_loads(TEXTS[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        char *expected = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_int_equal(set_global(&b, TEXTS[i]), LUA_OK);
        char *found = json_of(&b, "return v");
        assert_string_equal(found, expected);
        free(found);
        free(expected);
        json_decref(json);
    }
    box_close(&b);
}

static void test_numbers_keep_their_kind_and_null_members_are_absent(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    assert_int_equal(set_global(&b, "{\"i\":1,\"r\":1.0,\"n\":null,\"l\":[null]}"), LUA_OK);
    assert_prints(&b, "print(math.type(v.i), math.type(v.r), v.n, v.l[1], v.l[1] == v.l[1], #v.l, getmetatable(v.l))",
                  "integer\tfloat\tnil\tnull\ttrue\t1\tarray\n");
    assert_fails(&b, "v.l[1].x = 1", "attempt to index");
    box_close(&b);
}

static void test_members_are_written_in_byte_order(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    char *text = json_of(&b, "return {b = 1, a = 2, B = 3, ['a b'] = 4, aa = 5, list = {3, 2, 1}}");
    assert_string_equal(text, "{\"B\":3,\"a\":2,\"a b\":4,\"aa\":5,\"b\":1,\"list\":[3,2,1]}");
    free(text);
    text = json_of(&b, "return {d = 4, k = 11, b = 2, h = 8, a = 1, j = 10, c = 3, i = 9, e = 5, g = 7, f = 6}");
    assert_string_equal(text,
                        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11}");
    free(text);
    box_close(&b);
}

static void test_what_json_does_not_have_is_refused_with_its_path(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"return print", "the value is a function"},
        {"return {params = {tags = {1, print}}}", "params.tags[2] is a function"},
        {"return {['a b'] = {x = 0/0}}", "[\"a b\"].x is a number that JSON does not have"},
        {"return {a = math.huge}", "a is a number that"},
        {"return {1, nil, 3}", "hole"},
        {"return {1, x = 2}", "both names and places"},
        {"return {[1.5] = 2}", "neither a name nor a place"},
        {"return {[true] = 2}", "neither a name nor a place"},
        {"return {a = '\\xff'}", "a is text that is not UTF-8"},
        {"return {['\\xff'] = 1}", "has a name that is not UTF-8"},
        {"local t = {} t.a = {b = t} return t", "a.b leads back"},
        {"local t = {} local u = t for i = 1, 100 do u.a = {} u = u.a end return t", "over 64 levels"},
        {"return coroutine.create(print)", "is a thread"},
        {"local piece = ('x'):rep(9 << 20) return {piece, piece}", "over 16 MiB"},
    };
    box b;
    box_open(&b, NULL);
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        char *text = json_of(&b, WRONG[i][0]);
        if (text || !strstr(b.err.message, WRONG[i][1])) fail_msg("%s: %s", WRONG[i][0], text ? text : b.err.message);
    }
    box_close(&b);
}

static void test_metamethods_are_not_called(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    char *text =
        json_of(&b, "return setmetatable({a = 1}, {__index = error, __pairs = error, __len = error, __name = 'x'})");
    assert_string_equal(text, "{\"a\":1}");
    free(text);
    box_close(&b);
}

static void test_a_document_that_is_too_deep_is_refused(void **state)
{
    (void)state;
    char text[401];
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    text[400] = '\0';
    box b;
    box_open(&b, NULL);
    assert_int_equal(set_global(&b, text), LUA_ERRRUN);
    box_close(&b);
}

static void test_a_shared_table_is_written_twice_and_is_no_cycle(void **state)
{
    (void)state;
    box b;
    box_open(&b, NULL);
    char *text = json_of(&b, "local t = {1} return {a = t, b = t}");
    assert_string_equal(text, "{\"a\":[1],\"b\":[1]}");
    free(text);
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_come_back_as_they_went),
        cmocka_unit_test(test_numbers_keep_their_kind_and_null_members_are_absent),
        cmocka_unit_test(test_members_are_written_in_byte_order),
        cmocka_unit_test(test_what_json_does_not_have_is_refused_with_its_path),
        cmocka_unit_test(test_metamethods_are_not_called),
        cmocka_unit_test(test_a_document_that_is_too_deep_is_refused),
        cmocka_unit_test(test_a_shared_table_is_written_twice_and_is_no_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
