#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/trigger/trigger.h"

/* What an event matched: the owners, which are strings, one after the other. */
typedef struct matched {
    char names[256];
    size_t count;
} matched;

static void on_match(void *data, const void *owner)
{
    matched *m = data;
    m->count++;
    size_t len = strlen(m->names);
    snprintf(m->names + len, sizeof m->names - len, "%s%s", m->count > 1 ? " " : "", (const char *)owner);
}

static void add(trigger_set *set, const char *owner, const char *pattern)
{
    rip_error err;
    if (trigger_set_add(set, owner, pattern, strlen(pattern), NULL, &err) != RIP_OK) fail_msg("%s", err.message);
}

static void assert_matches(trigger_set *set, const char *event, const char *names)
{
    rip_error err;
    matched m = {0};
    if (trigger_set_match(set, event, strlen(event), on_match, &m, &err) != RIP_OK) fail_msg("%s", err.message);
    assert_string_equal(m.names, names);
}

static rip_status match_bytes(const char *pattern, const char *event, size_t len, size_t *count, rip_error *err)
{
    trigger_set *set = trigger_set_new();
    matched m = {0};
    add(set, "p", pattern);
    rip_status status = trigger_set_match(set, event, len, on_match, &m, err);
    trigger_set_free(set);
    if (count) *count = m.count;
    return status;
}

static void assert_refused(const char *event, const char *why)
{
    rip_error err = {0};
    size_t count = 0;
    assert_int_equal(match_bytes("{\"k\":[\"x\"]}", event, strlen(event), &count, &err), RIP_EINVAL);
    assert_int_equal(count, 0);
    if (!strstr(err.message, why)) fail_msg("%s: expected \"%s\" in \"%s\"", event, why, err.message);
}

static bool matches(const char *pattern, const char *event)
{
    rip_error err;
    size_t count = 0;
    if (match_bytes(pattern, event, strlen(event), &count, &err) != RIP_OK) fail_msg("%s: %s", event, err.message);
    return count == 1;
}

/* Patterns. */

static void assert_mistake(const char *pattern, unsigned line, unsigned column, const char *path, const char *why)
{
    trigger_set *set = trigger_set_new();
    trigger_mistake mistake;
    rip_error err = {0};
    assert_int_equal(trigger_set_add(set, "p", pattern, strlen(pattern), &mistake, &err), RIP_EINVAL);
    assert_string_equal(mistake.path, path);
    assert_int_equal(mistake.line, line);
    assert_int_equal(mistake.column, column);
    if (!strstr(err.message, why)) fail_msg("expected \"%s\" in \"%s\"", why, err.message);
    assert_int_equal(trigger_set_count(set), 0);
    trigger_set_free(set);
}

static void test_a_mistake_in_a_pattern_is_told_with_its_place(void **state)
{
    (void)state;
    assert_mistake("{\"a\":\n  [\"x\",\n   {\"prefx\": \"y\"}]}", 3, 5, "a[2].prefx", "did you mean prefix");
    assert_mistake("{\"detail\":{\"type\":\"x\"}}", 1, 19, "detail.type", "must be an object or a list");
    assert_mistake("{\"a\":[{\"anything-but\":{\"prefix\":[\"a\",\"\"]}}]}", 1, 38, "a[1][\"anything-but\"].prefix[2]",
                   "must not be empty");
    assert_mistake("{\"$or\":[{\"a\":[\"x\"]},{\"b\":[]}]}", 1, 26, "[\"$or\"][2].b", "is empty");
    assert_mistake("{\"a\":[{\"numeric\":[\">\",5,\"<\",1]}]}", 1, 18, "a[1].numeric", "is empty");
    assert_mistake("{\"a\":[\"x\"],}", 1, 12, "", "expected a key");
    assert_mistake("{\"a\":[\"x\"],\"a\":[\"y\"]}", 1, 12, "", "given before");
    assert_mistake("{\"a\":[\"\\ud800\"]}", 1, 8, "", "surrogates");
    assert_mistake("{\"a\":[01]}", 1, 7, "", "expected a JSON value");
}

static void test_a_pattern_that_could_grow_without_bound_is_refused(void **state)
{
    (void)state;
    trigger_set *set = trigger_set_new();
    rip_error err;
    rip_buffer text = {0};
    rip_buffer_puts(&text, "{\"k\":[{\"wildcard\":\"");
    for (int i = 0; i < 65; i++) rip_buffer_puts(&text, "*a");
    rip_buffer_puts(&text, "\"}]}");
    assert_int_equal(trigger_set_add(set, "p", text.data, text.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_clear(&text);
    rip_buffer_puts(&text, "{");
    for (int level = 0; level < 10; level++) {
        rip_buffer_printf(&text, "\"l%d\":{\"$or\":[{\"a\":[1]},{\"b\":[1]}]},", level);
    }
    rip_buffer_puts(&text, "\"k\":[1]}");
    assert_int_equal(trigger_set_add(set, "p", text.data, text.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_clear(&text);
    for (int i = 0; i < 65; i++) rip_buffer_puts(&text, "{\"a\":");
    assert_int_equal(trigger_set_add(set, "p", text.data, text.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_clear(&text);
    rip_buffer_puts(&text, "{\"k\":[\"");
    for (int i = 0; i < 110 * 1024; i++) rip_buffer_putc(&text, 'a');
    rip_buffer_puts(&text, "\"]}");
    assert_int_equal(trigger_set_add(set, "p", text.data, text.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_free(&text);
    assert_int_equal(trigger_set_count(set), 0);
    trigger_set_free(set);
}

/* Sets. */

static void test_owners_come_in_the_order_in_which_they_were_added(void **state)
{
    (void)state;
    trigger_set *set = trigger_set_new();
    add(set, "c", "{\"k\":[{\"prefix\":\"x\"}]}");
    add(set, "a", "{\"k\":[\"xy\"]}");
    add(set, "b", "{\"z\":[{\"exists\":false}]}");
    assert_matches(set, "{\"k\":\"xy\"}", "c a b");
    assert_matches(set, "{\"k\":\"xz\",\"z\":1}", "c");
    trigger_set_free(set);
}

static void test_an_owner_whose_alternatives_both_hold_is_called_once(void **state)
{
    (void)state;
    trigger_set *set = trigger_set_new();
    add(set, "p", "{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}");
    assert_matches(set, "{\"a\":1,\"b\":1}", "p");
    trigger_set_free(set);
}

static void test_a_pattern_that_was_removed_matches_no_more_and_leaves_the_others(void **state)
{
    (void)state;
    trigger_set *set = trigger_set_new();
    add(set, "a", "{\"d\":{\"k\":[\"x\"]}}");
    add(set, "b", "{\"d\":{\"k\":[\"x\",{\"prefix\":\"x\"}]}}");
    assert_matches(set, "{\"d\":{\"k\":\"x\"}}", "a b");
    assert_true(trigger_set_remove(set, "a"));
    assert_false(trigger_set_remove(set, "a"));
    assert_matches(set, "{\"d\":{\"k\":\"x\"}}", "b");
    assert_true(trigger_set_remove(set, "b"));
    assert_matches(set, "{\"d\":{\"k\":\"x\"}}", "");
    add(set, "a", "{\"d\":{\"k\":[\"x\"]}}");
    assert_matches(set, "{\"d\":{\"k\":\"x\"}}", "a");
    trigger_set_free(set);
}

static void test_an_owner_can_be_in_a_set_once(void **state)
{
    (void)state;
    trigger_set *set = trigger_set_new();
    rip_error err;
    add(set, "a", "{\"k\":[1]}");
    const char *other = "{\"k\":[2]}";
    assert_int_equal(trigger_set_add(set, "a", other, strlen(other), NULL, &err), RIP_EINVAL);
    assert_matches(set, "{\"k\":1}", "a");
    trigger_set_free(set);
}

/* Thousands come and go; the set is as it would be had the survivors been added alone. */
static void test_a_set_that_patterns_come_to_and_go_from_stays_right(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static char names[COUNT][16];
    trigger_set *set = trigger_set_new();
    for (int i = 0; i < COUNT; i++) {
        char pattern[160];
        snprintf(names[i], sizeof names[i], "n%d", i);
        snprintf(pattern, sizeof pattern,
                 "{\"f%d\":{\"k\":[\"v%d\",{\"suffix\":\"-%d\"}]},\"g\":[{\"anything-but\":%d}]}", i % 97, i, i, i);
        add(set, names[i], pattern);
    }
    size_t full = trigger_set_memory(set);
    for (int i = 0; i < COUNT; i++) {
        if (i % 10) assert_true(trigger_set_remove(set, names[i]));
    }
    assert_int_equal(trigger_set_count(set), COUNT / 10);
    assert_true(trigger_set_memory(set) < full / 2);
    for (int i = 0; i < COUNT; i += 7) {
        char event[96];
        snprintf(event, sizeof event, "{\"f%d\":{\"k\":\"x-%d\"},\"g\":-1}", i % 97, i);
        assert_matches(set, event, i % 10 ? "" : names[i]);
    }
    trigger_set_free(set);
}

/* Events. */

static void test_bytes_that_are_no_object_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused("", "ends too early");
    assert_refused("[]", "byte 0: expected an object");
    assert_refused("{\"k\":\"x\"", "ends too early");
    assert_refused("{\"k\":\"x", "ends too early");
    assert_refused("{\"k\":\"x\\", "ends too early");
    assert_refused("{\"k\":\"x\"} {", "byte 10: expected the end");
    assert_refused("{\"k\" \"x\"}", "byte 5: expected ':'");
    assert_refused("{\"k\":x}", "byte 5: expected a JSON value");
    assert_refused("{\"k\":01}", "byte 5: expected a JSON value");
    assert_refused("{\"k\":\"x\",}", "byte 9: expected a key");
    assert_refused("{\"z\":{\"a\":[1,2}", "ends too early");
    assert_refused("{\"k\":[\"x\",]}", "expected a JSON value");
    assert_refused("{\"k\":\"\x01\"}", "control character");
}

static void test_text_that_is_no_utf8_or_no_character_is_refused_where_it_is_looked_at(void **state)
{
    (void)state;
    assert_refused("{\"k\":\"\xff\"}", "not UTF-8");
    assert_refused("{\"k\":\"\xc0\x80\"}", "not UTF-8");
    assert_refused("{\"k\":\"\xed\xa0\x80\"}", "not UTF-8");
    assert_refused("{\"k\":\"\\ud83d\"}", "surrogates");
    assert_refused("{\"k\":\"\\ude00\\ud83d\"}", "surrogates");
    assert_refused("{\"k\":\"\\u12g4\"}", "hexadecimal");
    assert_refused("{\"k\":\"\\x\"}", "no such escape");
}

static void test_escapes_are_read_in_keys_and_values(void **state)
{
    (void)state;
    assert_true(matches("{\"k\":[\"a\\\"b\"]}", "{\"\\u006b\":\"a\\u0022b\"}"));
    assert_true(matches("{\"k\":[\"\xf0\x9f\x98\x80\"]}", "{\"k\":\"\\ud83d\\ude00\"}"));
    assert_true(matches("{\"k\":[\"a\\u0000b\"]}", "{\"k\":\"a\\u0000b\"}"));
    assert_false(matches("{\"k\":[\"a\"]}", "{\"k\":\"a\\u0000b\"}"));
    assert_true(matches("{\"k\":[{\"suffix\":\"\\n\"}],\"l\":[\"\\t\"]}", "{\"k\":\"x\\n\",\"l\":\"\\u0009\"}"));
}

static void test_what_is_stepped_over_may_hold_brackets_and_quotes_in_strings(void **state)
{
    (void)state;
    for (int pad = 0; pad < 140; pad++) {
        char event[512];
        snprintf(event, sizeof event,
                 "{\"z\":{\"p\":\"%*s\",\"q\":[\"}]\\\"}{\\\\\",{\"r\":\"\\\\\\\\\\\"]\"}],\"s\":\"[\"},\"k\":\"x\"}",
                 pad, "");
        assert_true(matches("{\"k\":[\"x\"]}", event));
    }
}

static void test_each_value_of_a_key_that_is_given_twice_counts(void **state)
{
    (void)state;
    assert_true(matches("{\"k\":[\"a\"]}", "{\"k\":\"a\",\"k\":\"b\"}"));
    assert_true(matches("{\"k\":[\"b\"]}", "{\"k\":\"a\",\"k\":\"b\"}"));
}

static void test_numbers_that_no_double_tells_apart_are_compared_by_their_text(void **state)
{
    (void)state;
    assert_true(matches("{\"k\":[123456789012345678901]}", "{\"k\":123456789012345678901}"));
    assert_false(matches("{\"k\":[123456789012345678901]}", "{\"k\":123456789012345678902}"));
    assert_false(matches("{\"k\":[{\"numeric\":[\">\",0]}]}", "{\"k\":123456789012345678902}"));
    assert_false(matches("{\"k\":[{\"numeric\":[\">\",0]}]}", "{\"k\":1e999}"));
    assert_true(matches("{\"k\":[1e21]}", "{\"k\":1000000000000000000000}"));
    assert_true(matches("{\"k\":[0.1]}", "{\"k\":1e-1}"));
}

static void test_an_event_past_the_limits_is_refused(void **state)
{
    (void)state;
    rip_error err;
    rip_buffer event = {0};
    static const char *const STARTS[] = {"{\"z\":", "{\"k\":"};
    for (int i = 0; i < 2; i++) { /* stepped over, and looked into */
        for (int depth = 62; depth <= 64; depth++) {
            rip_buffer_clear(&event);
            rip_buffer_puts(&event, STARTS[i]);
            for (int j = 0; j < depth; j++) rip_buffer_putc(&event, '[');
            for (int j = 0; j < depth; j++) rip_buffer_putc(&event, ']');
            rip_buffer_puts(&event, "}");
            rip_status status = match_bytes("{\"k\":[1]}", event.data, event.len, NULL, &err);
            assert_int_equal(status, depth < 64 ? RIP_OK : RIP_ELIMIT);
        }
    }
    rip_buffer_clear(&event);
    rip_buffer_puts(&event, "{\"k\":1");
    for (int i = 0; i < 100000; i++) rip_buffer_printf(&event, ",\"a%d\":1", i);
    rip_buffer_puts(&event, "}");
    assert_int_equal(match_bytes("{\"k\":[1]}", event.data, event.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_clear(&event);
    rip_buffer_puts(&event, "{\"");
    for (int i = 0; i < 5000; i++) rip_buffer_putc(&event, 'k');
    rip_buffer_puts(&event, "\":1}");
    assert_int_equal(match_bytes("{\"k\":[1]}", event.data, event.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_free(&event);
}

/* Seven fields of one list, of which no two stand in one element: without a bound, 300 to the power of 7 ways. */
static void test_lists_that_make_matching_long_end_it_with_an_error(void **state)
{
    (void)state;
    rip_error err;
    rip_buffer event = {0}, pattern = {0};
    rip_buffer_puts(&event, "{\"l\":[{\"a\":[");
    rip_buffer_puts(&pattern, "{\"l\":{\"a\":{");
    for (int f = 0; f < 7; f++) rip_buffer_printf(&pattern, "%s\"f%d\":{\"x\":[1]}", f ? "," : "", f);
    rip_buffer_puts(&pattern, ",\"z\":[1]}}}");
    for (int i = 0; i < 2; i++) {
        rip_buffer_puts(&event, i ? ",{" : "{");
        for (int f = 0; f < 7; f++) {
            rip_buffer_printf(&event, "%s\"f%d\":[", f ? "," : "", f);
            for (int j = 0; j < 300; j++) rip_buffer_puts(&event, j ? ",{\"x\":1}" : "{\"x\":1}");
            rip_buffer_puts(&event, "]");
        }
        rip_buffer_puts(&event, "}");
    }
    rip_buffer_puts(&event, ",{\"z\":1}]}]}");
    assert_int_equal(match_bytes(pattern.data, event.data, event.len, NULL, &err), RIP_ELIMIT);
    rip_buffer_free(&event);
    rip_buffer_free(&pattern);
}

/* Explaining. */

static void assert_why(const char *pattern, const char *event, const char *expected)
{
    bool match = true;
    char why[512];
    rip_error err;
    rip_status status = trigger_explain(pattern, strlen(pattern), event, strlen(event), &match, why, sizeof why, &err);
    if (status != RIP_OK) fail_msg("%s", err.message);
    assert_string_equal(why, expected);
    assert_int_equal(match, expected[0] == '\0');
}

static void test_a_near_miss_tells_the_condition_and_what_was_found(void **state)
{
    (void)state;
    assert_why("{\"k\":[1]}", "{\"k\":1}", "");
    assert_why("{\"source\":[\"a\"],\"detail\":{\"type\":[\"b\",{\"prefix\":\"c\"}]}}",
               "{\"source\":\"a\",\"detail\":{\"type\":\"x\\u0007\"}}",
               "detail.type: expected \"b\" or prefix \"c\", found \"x\\u{7}\"");
    assert_why("{\"k\":[{\"numeric\":[\">=\",7]}]}", "{}", "k: expected a number >= 7, found no such field");
    assert_why("{\"t\":{\"a\":[1],\"b\":[2]}}", "{\"t\":[{\"a\":1},{\"b\":2}]}",
               "t.b: expected 2, found 2 (one fits, but in another element of the list than the fields before it)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mistake_in_a_pattern_is_told_with_its_place),
        cmocka_unit_test(test_a_pattern_that_could_grow_without_bound_is_refused),
        cmocka_unit_test(test_owners_come_in_the_order_in_which_they_were_added),
        cmocka_unit_test(test_an_owner_whose_alternatives_both_hold_is_called_once),
        cmocka_unit_test(test_a_pattern_that_was_removed_matches_no_more_and_leaves_the_others),
        cmocka_unit_test(test_an_owner_can_be_in_a_set_once),
        cmocka_unit_test(test_a_set_that_patterns_come_to_and_go_from_stays_right),
        cmocka_unit_test(test_bytes_that_are_no_object_are_refused_with_their_place),
        cmocka_unit_test(test_text_that_is_no_utf8_or_no_character_is_refused_where_it_is_looked_at),
        cmocka_unit_test(test_escapes_are_read_in_keys_and_values),
        cmocka_unit_test(test_what_is_stepped_over_may_hold_brackets_and_quotes_in_strings),
        cmocka_unit_test(test_each_value_of_a_key_that_is_given_twice_counts),
        cmocka_unit_test(test_numbers_that_no_double_tells_apart_are_compared_by_their_text),
        cmocka_unit_test(test_an_event_past_the_limits_is_refused),
        cmocka_unit_test(test_lists_that_make_matching_long_end_it_with_an_error),
        cmocka_unit_test(test_a_near_miss_tells_the_condition_and_what_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
