/* JSON written: as jansson writes it, and what cannot be written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "tests/base/json_alike.h"

static void assert_written(json_t *value, unsigned flags, const char *expected)
{
    rip_buffer out = {0};
    rip_error err = {0};
    if (rip_json_write(&out, value, flags, &err) != RIP_OK) fail_msg("%s: %s", expected, err.message);
    assert_string_equal(out.data, expected);
    assert_int_equal(out.len, strlen(expected));
    const char *why = json_written_alike(value);
    if (why) fail_msg("%s: %s", expected, why);
    rip_buffer_free(&out);
    json_decref(value);
}

static void test_scalars(void **state)
{
    (void)state;
    assert_written(json_null(), 0, "null");
    assert_written(json_true(), 0, "true");
    assert_written(json_false(), 0, "false");
    assert_written(json_integer(0), 0, "0");
    assert_written(json_integer(-10), 0, "-10");
    assert_written(json_integer(INT64_MAX), 0, "9223372036854775807");
    assert_written(json_integer(INT64_MIN), 0, "-9223372036854775808");
    assert_written(json_real(1), 0, "1.0");
    assert_written(json_real(-0.0), 0, "-0.0");
    assert_written(json_real(1e100), 0, "1e100");
}

static void test_texts_are_escaped_where_they_must_be(void **state)
{
    (void)state;
    assert_written(json_string(""), 0, "\"\"");
    assert_written(json_string("\"\\/\b\f\n\r\t"), 0, "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    assert_written(json_stringn("a\0b\x01\x0B\x1F\x7F", 7), 0, "\"a\\u0000b\\u0001\\u000B\\u001F\x7F\"");
    assert_written(json_string("\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80"), 0, "\"\xC3\xA9\xE2\x80\xA8\xF0\x9F\x98\x80\"");
    assert_written(json_string("a text of many bytes\nof which one is not plain"), 0,
                   "\"a text of many bytes\\nof which one is not plain\"");
}

static void test_containers_have_no_white_space(void **state)
{
    (void)state;
    assert_written(json_array(), 0, "[]");
    assert_written(json_object(), 0, "{}");
    assert_written(json_pack("[i,[],{},{s:n,s:[i,i]}]", 1, "b", "a", 2, 3), 0, "[1,[],{},{\"b\":null,\"a\":[2,3]}]");
}

static void test_members_come_in_their_order_or_sorted_by_the_bytes_of_their_names(void **state)
{
    (void)state;
    static const char TREE[] =
        "{\"b\":{\"d\":1,\"c\":{\"\xC3\xA9\":0,\"z\":{}}},\"aa\":2,\"a\":[{\"y\":1,\"x\":2}],\"\\n\":3,\"\":4}";
    static const char SORTED[] =
        "{\"\":4,\"\\n\":3,\"a\":[{\"x\":2,\"y\":1}],\"aa\":2,\"b\":{\"c\":{\"z\":{},\"\xC3\xA9\":0},\"d\":1}}";
    json_t *tree = json_loads(TREE, 0, NULL);
    assert_written(json_incref(tree), 0, TREE);
    assert_written(tree, RIP_JSON_SORTED, SORTED);
}

static void test_members_can_be_left_out_of_the_outermost_object(void **state)
{
    (void)state;
    static const char *const APART[] = {"b", "text", NULL}, *const ALL[] = {"a", "b", "c", NULL};
    json_t *tree = json_loads("{\"a\":{\"b\":1},\"b\":[2],\"c\":\"b\"}", 0, NULL);
    rip_buffer out = {0};
    assert_int_equal(rip_json_write_without(&out, tree, APART, NULL), RIP_OK);
    assert_int_equal(rip_json_write_without(&out, tree, ALL, NULL), RIP_OK);
    assert_string_equal(out.data, "{\"a\":{\"b\":1},\"c\":\"b\"}{}");
    json_object_set_new(tree, "d", json_stringn_nocheck("\xFF", 1));
    assert_int_equal(rip_json_write_without(&out, tree, APART, NULL), RIP_EINVAL);
    assert_string_equal(out.data, "{\"a\":{\"b\":1},\"c\":\"b\"}{}");
    rip_buffer_free(&out);
    json_decref(tree);
}

static void test_it_is_appended(void **state)
{
    (void)state;
    rip_buffer out = {0};
    json_t *value = json_pack("[s]", "a");
    rip_buffer_puts(&out, "data: ");
    assert_int_equal(rip_json_write(&out, value, 0, NULL), RIP_OK);
    assert_int_equal(rip_json_write(&out, value, 0, NULL), RIP_OK);
    assert_string_equal(out.data, "data: [\"a\"][\"a\"]");
    rip_buffer_free(&out);
    json_decref(value);
}

static void assert_cannot_be_written(json_t *value, unsigned flags, rip_status wanted)
{
    rip_buffer out = {0};
    rip_error err = {0};
    rip_buffer_puts(&out, "before");
    assert_int_equal(rip_json_write(&out, value, flags, &err), wanted);
    assert_int_equal(err.status, wanted);
    assert_string_equal(out.data, "before");
    assert_int_equal(out.len, 6);
    rip_buffer_free(&out);
}

static void test_what_is_no_utf8_cannot_be_written(void **state)
{
    (void)state;
    static const char *const BAD[] = {"\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80", "seven b\x80"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        json_t *list = json_array(), *object = json_object();
        json_array_append_new(list, json_string("before"));
        json_array_append_new(list, json_string_nocheck(BAD[i]));
        json_object_set_new_nocheck(object, BAD[i], json_true());
        assert_cannot_be_written(list, 0, RIP_EINVAL);
        assert_cannot_be_written(object, 0, RIP_EINVAL);
        assert_cannot_be_written(object, RIP_JSON_SORTED, RIP_EINVAL);
        json_decref(list);
        json_decref(object);
    }
    assert_cannot_be_written(NULL, 0, RIP_EINVAL);
}

static json_t *nested(unsigned levels)
{
    json_t *value = json_array();
    for (unsigned i = 1; i < levels; i++) value = i % 2 ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
    return value;
}

static void test_depth_has_an_end(void **state)
{
    (void)state;
    json_t *deepest = nested(RIP_JSON_DEPTH_MAX), *deeper = nested(RIP_JSON_DEPTH_MAX + 1);
    rip_buffer out = {0};
    assert_int_equal(rip_json_write(&out, deepest, 0, NULL), RIP_OK);
    assert_int_equal(rip_json_write(&out, deepest, RIP_JSON_SORTED, NULL), RIP_OK);
    assert_cannot_be_written(deeper, 0, RIP_ELIMIT);
    assert_cannot_be_written(deeper, RIP_JSON_SORTED, RIP_ELIMIT);
    rip_buffer_free(&out);
    json_decref(deepest);
    json_decref(deeper);
}

static void test_what_holds_itself_cannot_be_written(void **state)
{
    (void)state;
    json_t *outer = json_array(), *inner = json_object();
    json_array_append(outer, inner);
    json_object_set(inner, "outer", outer);
    assert_cannot_be_written(outer, 0, RIP_ELIMIT);
    assert_cannot_be_written(outer, RIP_JSON_SORTED, RIP_ELIMIT);
    json_object_clear(inner);
    json_decref(outer);
    json_decref(inner);
}

/* Random trees; the same in each run. */

static uint64_t seed = 20250711;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static size_t random_text(char *text, size_t room)
{
    static const char *const PIECES[] = {"a",
                                         "plain text",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\x1F",
                                         "\x7F",
                                         "/",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xEF\xBB\xBF",
                                         "\xF0\x9F\x98\x80",
                                         "\t",
                                         "0123456789abcdef"};
    size_t len = 0;
    for (size_t pieces = any() % 6; pieces > 0; pieces--) {
        const char *piece = PIECES[any() % (sizeof PIECES / sizeof *PIECES)];
        len += (size_t)snprintf(text + len, room - len, "%s", piece);
    }
    return len;
}

static json_t *random_real(void)
{
    double value;
    uint64_t bits = any();
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value) || bits % 2) value = (double)(int64_t)(any() % 20000) / 16 - 600;
    return json_real(value);
}

static json_t *random_tree(unsigned depth)
{
    char text[128];
    json_t *value = NULL;
    switch (any() % (depth ? 9 : 6)) {
    case 0: return json_null();
    case 1: return json_boolean(any() % 2);
    case 2: return json_integer((json_int_t)(any() >> any() % 64) * (any() % 2 ? 1 : -1));
    case 3: return random_real();
    case 4:
    case 5: value = json_stringn(text, random_text(text, sizeof text)); return value;
    case 6:
        value = json_array();
        for (size_t items = any() % 5; items > 0; items--) json_array_append_new(value, random_tree(depth - 1));
        return value;
    default:
        value = json_object();
        for (size_t items = any() % 20; items > 0; items--) {
            size_t len = random_text(text, sizeof text);
            json_object_setn_new(value, text, len, random_tree(depth - 1));
        }
        return value;
    }
}

static void test_any_tree_is_written_as_jansson_writes_it(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        json_t *tree = random_tree(4);
        const char *why = json_written_alike(tree);
        if (why) fail_msg("tree %d: %s: %s", i, why, json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY));
        json_decref(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_texts_are_escaped_where_they_must_be),
        cmocka_unit_test(test_containers_have_no_white_space),
        cmocka_unit_test(test_members_come_in_their_order_or_sorted_by_the_bytes_of_their_names),
        cmocka_unit_test(test_members_can_be_left_out_of_the_outermost_object),
        cmocka_unit_test(test_it_is_appended),
        cmocka_unit_test(test_what_is_no_utf8_cannot_be_written),
        cmocka_unit_test(test_depth_has_an_end),
        cmocka_unit_test(test_what_holds_itself_cannot_be_written),
        cmocka_unit_test(test_any_tree_is_written_as_jansson_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
