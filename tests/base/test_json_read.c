/* JSON read: what is accepted and as what, what is refused and how that is told. */
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

/** From memory of just the text's size, so that a sanitizer sees a step beyond it. */
static rip_status read_exactly(const char *text, size_t len, const rip_json_rules *rules, json_t **out, rip_error *err)
{
    char *bytes = test_malloc(len + 1);
    memcpy(bytes + 1, text, len);
    rip_status status = rip_json_read(bytes + 1, len, rules, out, err);
    test_free(bytes);
    return status;
}

static json_t *read_text(const char *text)
{
    const rip_json_rules rules = {.any = true, .nul = true};
    rip_error err = {0};
    json_t *value = NULL;
    if (read_exactly(text, strlen(text), &rules, &value, &err) != RIP_OK) fail_msg("%s: %s", text, err.message);
    return value;
}

static void assert_string(const char *text, const char *expected, size_t len)
{
    json_t *value = read_text(text);
    assert_int_equal(json_string_length(value), len);
    assert_memory_equal(json_string_value(value), expected, len);
    json_decref(value);
}

static void assert_integer(const char *text, int64_t expected)
{
    json_t *value = read_text(text);
    if (!json_is_integer(value) || json_integer_value(value) != expected) fail_msg("%s", text);
    json_decref(value);
}

static void assert_real(const char *text, double expected)
{
    json_t *value = read_text(text);
    double found = json_real_value(value);
    bool same = found == expected && signbit(found) == signbit(expected); /* -0.0 is another text than 0.0 */
    if (!json_is_real(value) || !same) fail_msg("%s: %g", text, found);
    json_decref(value);
}

static void assert_refused_as(const char *text, rip_status wanted, const char *why)
{
    rip_error err = {0};
    json_t *value = (json_t *)(uintptr_t)text;
    rip_status status = read_exactly(text, strlen(text), NULL, &value, &err);
    if (status != wanted) fail_msg("%s: %s", text, rip_status_name(status));
    assert_null(value);
    assert_int_equal(err.status, wanted);
    if (!strstr(err.message, why)) fail_msg("%s: %s", text, err.message);
}

static void assert_refused(const char *text, const char *why)
{
    assert_refused_as(text, RIP_EINVAL, why);
    const char *otherwise = json_alike(text, strlen(text));
    if (otherwise) fail_msg("%s: %s", text, otherwise);
}

static void test_texts_are_unescaped(void **state)
{
    (void)state;
    assert_string("\"\"", "", 0);
    assert_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    assert_string("\"\\u00e9\\u20AC\\ud83d\\uDE00\\udbff\\udfff\"",
                  "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF", 13);
    assert_string("\"a\\u0000b\"", "a\0b", 3);
    assert_string("\"\x7F\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"", "\x7F\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF", 10);
}

static void test_a_text_ends_at_its_quote_wherever_that_is(void **state)
{
    (void)state;
    static const char *const AFTER[] = {"\"", "\\n\"", "\xC3\xA9\"", "\"                "};
    static const char *const MEANT[] = {"", "\n", "\xC3\xA9", ""};
    char text[64], meant[64], plain[40];
    memset(plain, '~', sizeof plain);
    for (int len = 0; len < (int)sizeof plain; len++) {
        for (size_t i = 0; i < sizeof AFTER / sizeof *AFTER; i++) {
            snprintf(text, sizeof text, "\"%.*s%s", len, plain, AFTER[i]);
            snprintf(meant, sizeof meant, "%.*s%s", len, plain, MEANT[i]);
            assert_string(text, meant, strlen(meant));
        }
    }
}

static void test_what_may_not_stand_in_a_text_is_found_wherever_it_is(void **state)
{
    (void)state;
    static const char NOT[] = {'\0', '\x01', '\n', '\x1F', '\x80', '\xBF', '\xC0', '\xC1', '\xF5', '\xFF'};
    char text[44];
    for (size_t at = 2; at < sizeof text - 2; at++) {
        for (size_t i = 0; i < sizeof NOT; i++) {
            json_t *value = NULL;
            memset(text, '~', sizeof text);
            text[0] = '[';
            text[1] = text[sizeof text - 2] = '"';
            text[sizeof text - 1] = ']';
            text[at] = NOT[i];
            assert_int_equal(read_exactly(text, sizeof text, NULL, &value, NULL), RIP_EINVAL);
            text[at] = '~';
            assert_int_equal(read_exactly(text, sizeof text, NULL, &value, NULL), RIP_OK);
            json_decref(value);
        }
    }
}

static void test_damaged_texts_are_refused(void **state)
{
    (void)state;
    static const char *const SURROGATES[] = {"[\"\\ud83d\"]",        "[\"\\ude00\"]",    "[\"\\ude00\\ud83d\"]",
                                             "[\"\\ud83d\\u0041\"]", "[\"\\ud83d\\n\"]", "[\"\\ud83dx\"]",
                                             "{\"\\uDFAA\":0}",      "[\"\\ud83d\\u12"};
    static const char *const ESCAPES[] = {"[\"\\x\"]",     "[\"\\u00g0\"]", "[\"\\u00:0\"]", "[\"\\u00`0\"]",
                                          "[\"\\u00@0\"]", "[\"\\u00/0\"]", "[\"\\u00G0\"]", "[\"\\u 041\"]",
                                          "[\"\\U0041\"]", "[\"\\u00",      "[\"\\",         "[\"\\\xC3\xA9\"]"};
    /* Overlong forms, surrogates, beyond U+10FFFF, cut off, a byte of the middle, Latin-1. */
    static const char *const NO_UTF8[] = {"[\"\xC0\xAF\"]",
                                          "[\"\xE0\x80\xAF\"]",
                                          "[\"\xF0\x80\x80\xAF\"]",
                                          "[\"\xED\xA0\x80\"]",
                                          "[\"\xF4\x90\x80\x80\"]",
                                          "[\"\xE2\x82\"]",
                                          "[\"\xE2\x82",
                                          "[\"\x80\"]",
                                          "[\"caf\xE9\"]",
                                          "{\"\xFF\":0}"};
    for (size_t i = 0; i < sizeof SURROGATES / sizeof *SURROGATES; i++)
        assert_refused(SURROGATES[i], "half a surrogate pair");
    for (size_t i = 0; i < sizeof ESCAPES / sizeof *ESCAPES; i++) assert_refused(ESCAPES[i], "escape");
    for (size_t i = 0; i < sizeof NO_UTF8 / sizeof *NO_UTF8; i++) assert_refused(NO_UTF8[i], "no UTF-8");
    assert_refused("[\"a\tb\"]", "a control character in a text");
    assert_refused("[\"a", "a text without an end");
    assert_refused("[\"a\\\"]", "a text without an end");
    assert_refused("['a']", "expected a value");
}

static void test_a_nul_character_is_let_in_only_on_request_and_never_in_a_name(void **state)
{
    (void)state;
    const rip_json_rules nul = {.nul = true};
    static const char NAME[] = "{\"a\":1,\"b\\u0000\":2}";
    json_t *value = NULL;
    rip_error err;
    assert_refused("[\"a\\u0000\"]", "a NUL character in a text");
    assert_refused(NAME, "a NUL character in a text");
    assert_int_equal(read_exactly(NAME, strlen(NAME), &nul, &value, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "a NUL character in a name"));
}

static void test_a_number_is_an_integer_unless_it_is_written_as_a_real(void **state)
{
    (void)state;
    assert_integer("0", 0);
    assert_integer("-0", 0);
    assert_integer("-12", -12);
    assert_integer("1234567890123456789", 1234567890123456789);
    assert_integer("9223372036854775807", INT64_MAX);
    assert_integer("-9223372036854775808", INT64_MIN);
    assert_real("-0.0", -0.0);
    assert_real("0e1", 0);
    assert_real("1E+2", 100);
    assert_real("-0.5e-3", -0.0005);
    assert_real("1e-400", 0);
    assert_real("1.7976931348623157e308", 1.7976931348623157e308);
    assert_real("9223372036854775808.0", 9223372036854775808.0);
}

static void test_what_is_no_number_or_none_that_fits_is_refused(void **state)
{
    (void)state;
    static const char *const NONE[] = {"[01]", "[-01]", "[00]",  "[1.]", "[1.e2]", "[.5]",   "[-]",  "[-.5]", "[+1]",
                                       "[1e]", "[1e+]", "[NaN]", "[-a]", "[tru]",  "[True]", "[nul", "[-"};
    static const char *const TOO_GREAT[] = {"[9223372036854775808]",
                                            "[-9223372036854775809]",
                                            "[18446744073709551616]",
                                            "[99999999999999999999]",
                                            "[1e400]",
                                            "[-1e400]",
                                            "[123456789012345678901234567890]"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) assert_refused(NONE[i], "expected a value");
    for (size_t i = 0; i < sizeof TOO_GREAT / sizeof *TOO_GREAT; i++)
        assert_refused(TOO_GREAT[i], "a number too great");
    assert_refused("[0x1]", "expected ','");
    assert_refused("[1 2]", "expected ','");
    assert_refused("[Infinity]", "expected a value");
}

static void test_a_broken_structure_is_refused(void **state)
{
    (void)state;
    assert_refused("", "expected '{' or '['");
    assert_refused(" ", "expected '{' or '['");
    assert_refused("\xEF\xBB\xBF{}", "expected '{' or '['");
    assert_refused("1", "expected '{' or '['");
    assert_refused("[", "expected a value");
    assert_refused("[,]", "expected a value");
    assert_refused("[1,]", "expected a value");
    assert_refused("[1,,2]", "expected a value");
    assert_refused("[1", "expected ','");
    assert_refused("[1}", "expected ','");
    assert_refused("[truefalse]", "expected ','");
    assert_refused("{", "expected '\"'");
    assert_refused("{a:1}", "expected '\"'");
    assert_refused("{1:1}", "expected '\"'");
    assert_refused("{\"a\":1,}", "expected '\"'");
    assert_refused("{\"a\" 1}", "expected ':'");
    assert_refused("{\"a\":}", "expected a value");
    assert_refused("{\"a\":1", "expected ','");
    assert_refused("{\"a\":1]", "expected ','");
    assert_refused("{} {}", "more than one value");
    assert_refused("[]]", "more than one value");
    assert_refused("[] // all", "more than one value");
    assert_refused("[/**/]", "expected a value");
    assert_refused("[\f]", "expected a value");
    assert_refused("[\xC2\xA0]", "expected a value");
}

static void test_nul_bytes_are_no_white_space_and_no_end(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"\0[1]", "[\0001]", "[1\0]", "[1]\0"};
    json_t *value = NULL;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        assert_int_equal(read_exactly(TEXTS[i], 4, NULL, &value, NULL), RIP_EINVAL);
}

static void test_a_name_that_comes_twice_is_refused_at_the_second(void **state)
{
    (void)state;
    assert_refused("{\"a\":1,\n \"a\":2}", "holds already, at byte 10 (its line 2, column 2)");
    assert_refused("{\"a\":{},\"b\":1,\"\\u0061\":[1,2]}", "holds already, at byte 15 ");
    json_t *value = read_text("{\"a\":{\"a\":1},\"A\":{\"a\":2},\"\":3}");
    assert_int_equal(json_object_size(value), 3);
    json_decref(value);
}

static void test_a_mistake_is_told_by_byte_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\"a\": x}", "the document is no JSON: expected a value, at byte 7 (its line 1, column 7)");
    assert_refused("{\n  \"\xC3\xA9\xE2\x82\xAC\": 1;", "expected ',', at byte 15 (its line 2, column 10)");
    assert_refused("[\"", "at byte 3 (its line 1, column 3)");
}

static void test_any_value_is_taken_on_request(void **state)
{
    (void)state;
    json_t *value = read_text(" null ");
    assert_true(json_is_null(value));
    value = read_text("true");
    assert_true(json_is_true(value));
    value = read_text("false");
    assert_true(json_is_false(value));
    assert_refused("null", "expected '{' or '['");
}

static void test_names_keep_their_order(void **state)
{
    (void)state;
    json_t *value = read_text("{\"z\":1,\"\\u006d\":2,\"a\":3}");
    char *text = json_dumps(value, JSON_COMPACT);
    assert_string_equal(text, "{\"z\":1,\"m\":2,\"a\":3}");
    free(text);
    json_decref(value);
}

static json_t *nested(unsigned levels, unsigned limit, rip_error *err)
{
    char text[2 * (RIP_JSON_DEPTH_MAX + 2)];
    const rip_json_rules rules = {.depth = limit};
    json_t *value = NULL;
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    rip_status status = read_exactly(text, 2 * (size_t)levels, &rules, &value, err);
    if (status != RIP_OK) assert_int_equal(status, RIP_ELIMIT);
    return value;
}

static void test_depth_has_an_end(void **state)
{
    (void)state;
    rip_error err = {0};
    json_t *value = nested(3, 3, &err);
    assert_non_null(value);
    json_decref(value);
    assert_null(nested(4, 3, &err));
    assert_string_equal(err.message, "the document nests deeper than 3");
    value = nested(RIP_JSON_DEPTH_MAX, 0, &err);
    assert_non_null(value);
    json_decref(value);
    assert_null(nested(RIP_JSON_DEPTH_MAX + 1, 0, &err));

    const rip_json_rules two = {.depth = 2};
    static const char WIDE[] = "[[],[],{\"a\":1},{\"b\":2}]";
    assert_int_equal(rip_json_read(WIDE, strlen(WIDE), &two, &value, &err), RIP_OK);
    json_decref(value);
}

/* jansson's memory, of which there is so much. */
static size_t allocations_left;

static void *allocate_if_left(size_t size)
{
    if (allocations_left == 0) return NULL;
    allocations_left--;
    return malloc(size);
}

static void test_memory_that_runs_out_is_told(void **state)
{
    (void)state;
    static const char TEXT[] =
        "{\"a\":[1,2.5,\"text\",{\"b\":null}],\"\\u0063\":\"\\n\",\"d\":{},\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,"
        "\"j\":0,\"k\":[0,1,2,3,4,5,6,7,8,9]}";
    json_t *value = NULL;
    size_t tries = 0;
    json_set_alloc_funcs(allocate_if_left, free);
    for (rip_status status = RIP_ENOMEM; status != RIP_OK; tries++) {
        allocations_left = tries;
        status = rip_json_read(TEXT, strlen(TEXT), NULL, &value, NULL);
        assert_true(status == RIP_OK ? value != NULL : status == RIP_ENOMEM && value == NULL);
    }
    json_set_alloc_funcs(malloc, free);
    assert_in_range(tries, 30, 100);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_unescaped),
        cmocka_unit_test(test_a_text_ends_at_its_quote_wherever_that_is),
        cmocka_unit_test(test_what_may_not_stand_in_a_text_is_found_wherever_it_is),
        cmocka_unit_test(test_damaged_texts_are_refused),
        cmocka_unit_test(test_a_nul_character_is_let_in_only_on_request_and_never_in_a_name),
        cmocka_unit_test(test_a_number_is_an_integer_unless_it_is_written_as_a_real),
        cmocka_unit_test(test_what_is_no_number_or_none_that_fits_is_refused),
        cmocka_unit_test(test_a_broken_structure_is_refused),
        cmocka_unit_test(test_nul_bytes_are_no_white_space_and_no_end),
        cmocka_unit_test(test_a_name_that_comes_twice_is_refused_at_the_second),
        cmocka_unit_test(test_a_mistake_is_told_by_byte_line_and_column),
        cmocka_unit_test(test_any_value_is_taken_on_request),
        cmocka_unit_test(test_names_keep_their_order),
        cmocka_unit_test(test_depth_has_an_end),
        cmocka_unit_test(test_memory_that_runs_out_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
