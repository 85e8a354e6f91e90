/* What attackers write into findings is shown, and does nothing; templates, addresses and links. */
#include <stdlib.h>
#include <string.h>

#include "engine/notify/escape.h"
#include "engine/notify/private.h"
#include "engine/notify/template.h"
#include "tests/notify/fixture.h"

#define WJ "\xE2\x81\xA0"

static void expect(void (*escape)(rip_buffer *, const char *), const char *text, const char *expected)
{
    rip_buffer out = {0};
    escape(&out, text);
    assert_string_equal(out.data, expected);
    rip_buffer_free(&out);
}

static void test_slack_text_links_mentions_and_formats_nothing(void **state)
{
    (void)state;
    expect(notify_escape_slack, "<!channel> <@U1> <https://evil|ok> &amp;",
           "&lt;!channel&gt; &lt;@" WJ "U1&gt; &lt;https://evil|ok&gt; &amp;amp;");
    expect(notify_escape_slack, "@channel @here #general", "@" WJ "channel @" WJ "here #" WJ "general");
    expect(notify_escape_slack, "```*x*", "'''" WJ "*" WJ "x" WJ "*" WJ);
}

static void test_html_is_text(void **state)
{
    (void)state;
    expect(notify_escape_html, "<img src=x onerror='a()'>\"&", "&lt;img src=x onerror=&#39;a()&#39;&gt;&quot;&amp;");
}

static void test_the_inside_of_a_json_string_stays_inside(void **state)
{
    (void)state;
    expect(notify_escape_json, "\",\"admin\":\"\\", "\\\",\\\"admin\\\":\\\"\\\\");
    expect(notify_escape_json, "a\nb\x01", "a\\nb\\u0001");
}

static void test_a_subject_is_printable_ascii_of_a_hundred_characters(void **state)
{
    (void)state;
    char title[301];
    rip_buffer out = {0};
    expect(notify_escape_subject, "  \xC3\xA9t\xC3\xA9 \xFF", "?t? ?");
    memset(title, 'x', 300);
    title[300] = '\0';
    notify_escape_subject(&out, title);
    assert_int_equal(out.len, 100);
    rip_buffer_free(&out);
}

static void test_a_template_leaves_json_braces_alone_and_escapes_what_it_fills_in(void **state)
{
    (void)state;
    rip_buffer out = {0};
    rip_error err;
    json_t *fields = json_pack("{s:s, s:i}", "title", "a \"quoted\" {run}\n", "changes", 3);
    assert_int_equal(notify_template_fill("{\"f\":{\"t\":\"{title}\",\"n\":{changes},\"o\":{}}} {", fields, &out, &err),
                     RIP_OK);
    assert_string_equal(out.data, "{\"f\":{\"t\":\"a \\\"quoted\\\" {run}\\n\",\"n\":3,\"o\":{}}} {");
    assert_int_equal(notify_template_fill("{titel}", fields, &out, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "{titel}"));
    rip_buffer_free(&out);
    json_decref(fields);
}

static void test_only_https_is_posted_to_but_for_this_machine(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"https://hooks.slack.com/services/T/B/x",
                                       "https://example.com",
                                       "https://e.com?a=b",
                                       "http://127.0.0.1:8080/x",
                                       "http://[::1]:80/",
                                       "http://localhost/x"};
    static const char *const BAD[] = {"",
                                      "hooks.slack.com/x",
                                      "http://example.com/",
                                      "http://127.0.0.1.example.com/",
                                      "http://[::1].example.com/",
                                      "file:///etc/passwd",
                                      "gopher://127.0.0.1/",
                                      "https://user:pass@example.com/",
                                      "https:///path",
                                      "https://example.com/a b",
                                      "https://example.com/\r\nX: y",
                                      "https://example.com/#f",
                                      "http://127.0.0.1@example.com/"};
    rip_error err;
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        if (notify_url_check(GOOD[i], &err) != RIP_OK) fail_msg("%s: %s", GOOD[i], err.message);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (notify_url_check(BAD[i], &err) != RIP_EINVAL) fail_msg("%s was taken", BAD[i]);
}

static void test_an_arn_tells_its_region_and_nothing_else_is_one(void **state)
{
    (void)state;
    char region[64];
    assert_true(notify_arn_region("arn:aws-cn:sns:cn-north-1:111122223333:topic", "sns", region));
    assert_string_equal(region, "cn-north-1");
    assert_true(notify_arn_region("arn:aws:events:eu-west-1:1:event-bus/default", "events", region));
    static const char *const BAD[] = {
        "", "arn:aws:sns", "arn:aws:sns::1:t", "arn:aws:sns:r:1:", "arn:aws:snsx:r:1:t", "topic"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(notify_arn_region(BAD[i], "sns", region));
}

/* Links. */

static rip_status check(fixture *f, const char *token, const char *run, int64_t now)
{
    rip_error err = {0};
    rip_status status = notify_link_check(f->journal, token, run, now, &err);
    assert_int_equal(err.status, status);
    return status;
}

static void test_a_link_is_good_for_its_run_until_it_expires(void **state)
{
    fixture *f = *state;
    char token[256];
    notify_link_make(f->journal, "run-1", 5000, token);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(token));
    assert_int_equal(check(f, token, "run-1", 4999), RIP_OK);
    assert_int_equal(check(f, token, "run-1", 5000), RIP_EDENIED);
    assert_int_equal(check(f, token, "run-2", 4999), RIP_EDENIED);
}

static void test_a_link_that_was_changed_anywhere_is_refused(void **state)
{
    fixture *f = *state;
    char token[256], changed[256];
    notify_link_make(f->journal, "run-1", 5000, token);
    for (size_t i = 0; i < strlen(token); i++) {
        memcpy(changed, token, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(f, changed, "run-1", 1), RIP_EDENIED);
    }
    static const char *const NONE[] = {"", "x", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
        assert_int_equal(check(f, NONE[i], "run-1", 1), RIP_EDENIED);
}

static void test_a_link_of_another_journal_is_refused(void **state)
{
    fixture *f = *state;
    journal *other;
    rip_error err;
    char token[256];
    assert_int_equal(journal_open_memory(&other, &err), RIP_OK);
    notify_link_make(other, "run-1", 5000, token);
    assert_int_equal(check(f, token, "run-1", 1), RIP_EDENIED);
    journal_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slack_text_links_mentions_and_formats_nothing),
        cmocka_unit_test(test_html_is_text),
        cmocka_unit_test(test_the_inside_of_a_json_string_stays_inside),
        cmocka_unit_test(test_a_subject_is_printable_ascii_of_a_hundred_characters),
        cmocka_unit_test(test_a_template_leaves_json_braces_alone_and_escapes_what_it_fills_in),
        cmocka_unit_test(test_only_https_is_posted_to_but_for_this_machine),
        cmocka_unit_test(test_an_arn_tells_its_region_and_nothing_else_is_one),
        cmocka_unit_test_setup_teardown(test_a_link_is_good_for_its_run_until_it_expires, fixture_setup_virtual,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_link_that_was_changed_anywhere_is_refused, fixture_setup_virtual,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_link_of_another_journal_is_refused, fixture_setup_virtual,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
