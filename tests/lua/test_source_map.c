#include "box.h"

#include "lua/source_map.h"

static const char HEADER[] =
    "-- return { name = 1 }\n"
    "local function f() return { no = 1 } end\n"
    "return {\n"
    "  name = \"x\", about = [[a, { b = 1 }]],\n"
    "  trigger = { source = { \"aws.guardduty\" },\n"
    "    detail = { type = { { prefix = \"A\" }, \"b\" } } },\n"
    "  [\"a b\"] = 1, ['c'] = { d = 2 }, [7] = 3,\n"
    "  run = function(finding, run)\n"
    "    local t = { inner = 1, } if t then return { x = 1 } end\n"
    "  end,\n"
    "  mode = \"enforce\", mode = \"approve\";\n"
    "}\n";

static void expect(const rip_source_map *map, const char *path, bool found, unsigned line, unsigned column)
{
    rip_source_place place = {0, 0};
    bool got = rip_source_map_find(map, path, &place);
    if (got != found || place.line != line || place.column != column)
        fail_msg("%s: %d at %u:%u, expected %d at %u:%u", path, got, place.line, place.column, found, line, column);
}

static void test_fields_are_found_where_they_stand(void **state)
{
    (void)state;
    rip_source_map *map = NULL;
    assert_int_equal(rip_source_map_new(HEADER, strlen(HEADER), &map, NULL), RIP_OK);
    assert_true(rip_source_map_has_header(map));
    expect(map, "", true, 3, 8);
    expect(map, "name", true, 4, 3);
    expect(map, "about", true, 4, 15);
    expect(map, "trigger.source[1]", true, 5, 26);
    expect(map, "trigger.detail.type[1].prefix", true, 6, 27);
    expect(map, "trigger.detail.type[2]", true, 6, 43);
    expect(map, "[\"a b\"]", true, 7, 3);
    expect(map, "c.d", true, 7, 26);
    expect(map, "[7]", true, 7, 35);
    expect(map, "run", true, 8, 3);
    expect(map, "mode", true, 11, 21);
    expect(map, "trigger.detail.type[9].x", false, 6, 16);
    expect(map, "trigge", false, 3, 8);
    expect(map, "inner", false, 3, 8);
    rip_source_map_free(map);
}

static void test_a_table_that_is_named_first_is_found(void **state)
{
    (void)state;
    static const char TEXT[] =
        "local other = { a = 1 }\nlocal p <const> = {\n  name = 1 }\nfunction p.run() end\nreturn p\n";
    rip_source_map *map = NULL;
    assert_int_equal(rip_source_map_new(TEXT, strlen(TEXT), &map, NULL), RIP_OK);
    expect(map, "name", true, 3, 3);
    rip_source_map_free(map);
}

static void test_a_text_without_a_header_gives_an_empty_map(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",   "return",         "return f()", "return x", "do return {a = 1} end", "return [[",
        "\"", "#!/usr/bin/lua", "--[[",       "[==[",     "return 1 .. {"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        rip_source_map *map = NULL;
        assert_int_equal(rip_source_map_new(TEXTS[i], strlen(TEXTS[i]), &map, NULL), RIP_OK);
        assert_false(rip_source_map_has_header(map));
        expect(map, "name", false, 1, 1);
        rip_source_map_free(map);
    }
}

static void test_broken_tables_give_what_is_there(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"return { a = 1, b = { c", "return { a = 1, b = ) d = 2 }", "return { a = 1 [",
                                        "return { a = 1, [", "return{a=1,[\"\\"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        rip_source_map *map = NULL;
        rip_source_place place;
        assert_int_equal(rip_source_map_new(TEXTS[i], strlen(TEXTS[i]), &map, NULL), RIP_OK);
        assert_true(rip_source_map_find(map, "a", &place));
        rip_source_map_free(map);
    }
}

static void test_depth_and_length_are_bounded(void **state)
{
    (void)state;
    size_t size = RIP_SOURCE_MAP_BYTES_MAX;
    char *text = malloc(size + 1);
    rip_source_map *map = NULL;
    assert_non_null(text);
    memset(text, '{', size + 1);
    memcpy(text, "return ", 7); /* NOLINT(bugprone-not-null-terminated-result): its length is told */
    assert_int_equal(rip_source_map_new(text, size, &map, NULL), RIP_OK);
    rip_source_map_free(map);
    assert_int_equal(rip_source_map_new(text, size + 1, &map, NULL), RIP_ELIMIT);
    for (size_t i = 8; i < size; i++) text[i] = i % 2 ? ',' : '1';
    assert_int_equal(rip_source_map_new(text, size, &map, NULL), RIP_OK);
    rip_source_place place;
    assert_true(rip_source_map_find(map, "[10000]", &place));
    assert_false(rip_source_map_find(map, "[10001]", &place));
    rip_source_map_free(map);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_found_where_they_stand),
        cmocka_unit_test(test_a_table_that_is_named_first_is_found),
        cmocka_unit_test(test_a_text_without_a_header_gives_an_empty_map),
        cmocka_unit_test(test_broken_tables_give_what_is_there),
        cmocka_unit_test(test_depth_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
