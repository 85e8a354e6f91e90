/* What each target is sent, with a finding whose writer is an enemy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "tests/notify/fixture.h"

#define HOSTILE "<!channel> @here <b onclick=\"x\">\"}],\"evil\":[{\r\nBcc: a@b.c \x1b[31m [click](https://evil)"

static const json_t *body_of(const fixture *f)
{
    return json_array_get(f->posted, 0);
}

static const char *text_at(const json_t *value, const char *key)
{
    return json_string_value(json_object_get(value, key));
}

/* A file that lives as long as the test does. */
static void write_file(char path[32], const char *text)
{
    snprintf(path, 32, "/tmp/riposte-notify-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void open_with_file(fixture *f, const char *rows, const char *path)
{
    char filled[512];
    const char *at = strchr(rows, '$');
    snprintf(filled, sizeof filled, "%.*s%s%s", (int)(at - rows), rows, path, at + 1);
    if (open_notify(f, filled) != RIP_OK) fail_msg("%s", f->mistakes.data);
}

static void tell_all(fixture *f, const char *outcome)
{
    tell(f, "run-1", outcome, HOSTILE);
    settle(f, 5000);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_slack_gets_a_plan_with_its_link_and_no_markup_of_the_finding(void **state)
{
    fixture *f = *state;
    assert_int_equal(
        open_notify(f, "[{\"name\":\"s\",\"kind\":\"slack\",\"target\":\"http://127.0.0.1:%d/hook?a=b\"}]"), RIP_OK);
    tell_all(f, "waiting");
    assert_non_null(strstr(f->head, "POST /hook?a=b HTTP/1.1"));
    const json_t *block = json_array_get(json_object_get(body_of(f), "blocks"), 0);
    const json_t *text = json_object_get(block, "text");
    const char *shown = text_at(text, "text");
    assert_true(json_is_true(json_object_get(text, "verbatim")));
    assert_non_null(strstr(shown, "&lt;!channel&gt;"));
    assert_null(strstr(shown, "<!"));
    assert_null(strstr(shown, "@here"));
    assert_null(strchr(shown, '\x1b'));
    assert_non_null(strstr(shown, "C&amp;CActivity"));
    assert_non_null(strstr(shown, "1 planned"));
    assert_non_null(strstr(shown, "`riposte show run-1`"));
    assert_non_null(strstr(shown, "\n<https://riposte.example/v1/approve?run=run-1&amp;token="));
}

static void test_the_link_in_a_message_opens_its_plan(void **state)
{
    fixture *f = *state;
    char token[256] = "";
    rip_error err;
    assert_int_equal(open_notify(f, "[{\"name\":\"h\",\"kind\":\"http\",\"target\":\"http://127.0.0.1:%d/\"}]"),
                     RIP_OK);
    tell_all(f, "waiting");
    const char *link = text_at(body_of(f), "link");
    assert_int_equal(sscanf(strstr(link, "token="), "token=%255s", token), 1);
    assert_int_equal(notify_link_check(f->journal, token, "run-1", rip_clock_now(f->clock), &err), RIP_OK);
    assert_int_equal(notify_link_check(f->journal, token, "run-1", rip_clock_now(f->clock) + 90000000, &err),
                     RIP_EDENIED);
}

static void test_teams_gets_text_runs_in_which_nothing_is_markup(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, "[{\"name\":\"t\",\"kind\":\"teams\",\"target\":\"http://127.0.0.1:%d/hook\"}]"),
                     RIP_OK);
    tell_all(f, "waiting");
    const json_t *attachment = json_array_get(json_object_get(body_of(f), "attachments"), 0);
    const json_t *body = json_object_get(json_object_get(attachment, "content"), "body");
    size_t i, found = 0;
    json_t *element;
    assert_string_equal(text_at(attachment, "contentType"), "application/vnd.microsoft.card.adaptive");
    json_array_foreach (body, i, element) {
        if (strcmp(text_at(element, "type"), "ActionSet") == 0) continue;
        assert_string_equal(text_at(element, "type"), "RichTextBlock");
        const json_t *run = json_array_get(json_object_get(element, "inlines"), 0);
        assert_string_equal(text_at(run, "type"), "TextRun");
        found += strstr(text_at(run, "text"), "[click](https://evil)") != NULL;
        assert_null(strchr(text_at(run, "text"), '\n'));
    }
    assert_int_equal(found, 1);
    assert_null(json_object_get(body_of(f), "evil"));
}

static void test_pagerduty_opens_one_alert_for_a_run_and_closes_it(void **state)
{
    fixture *f = *state;
    char path[32];
    write_file(path, "0123456789abcdef0123456789abcdef\n");
    open_with_file(f,
                   "[{\"name\":\"p\",\"kind\":\"pagerduty\",\"target\":\"http://127.0.0.1:%d/v2/enqueue\","
                   "\"secret_file\":\"$\"}]",
                   path);
    tell(f, "run-1", "failed", HOSTILE);
    tell(f, "run-1", "done", HOSTILE);
    settle(f, 5000);
    const json_t *opened = json_array_get(f->posted, 0), *closed = json_array_get(f->posted, 1);
    assert_string_equal(text_at(opened, "routing_key"), "0123456789abcdef0123456789abcdef");
    assert_string_equal(text_at(opened, "event_action"), "trigger");
    assert_string_equal(text_at(json_object_get(opened, "payload"), "severity"), "error");
    assert_non_null(strstr(text_at(json_object_get(opened, "payload"), "summary"), "A run failed"));
    assert_string_equal(text_at(closed, "event_action"), "resolve");
    assert_string_equal(text_at(opened, "dedup_key"), text_at(closed, "dedup_key"));
    assert_int_equal(json_array_size(f->posted), 2);
    unlink(path);
}

static void test_http_sends_what_its_template_says(void **state)
{
    fixture *f = *state;
    char path[32];
    write_file(path, "{\"fields\":{\"summary\":\"{title}\",\"description\":\"{text}\",\"n\":{changes}}}\n");
    open_with_file(
        f, "[{\"name\":\"j\",\"kind\":\"http\",\"target\":\"http://127.0.0.1:%d/\",\"template_file\":\"$\"}]", path);
    tell_all(f, "failed");
    const json_t *fields = json_object_get(body_of(f), "fields");
    assert_non_null(strstr(text_at(fields, "description"), "\"}],\"evil\":[{"));
    assert_non_null(strstr(text_at(fields, "description"), "AccessDenied: not you"));
    assert_int_equal(json_integer_value(json_object_get(fields, "n")), 1);
    assert_null(json_object_get(body_of(f), "evil"));
    unlink(path);
}

static void test_http_authorizes_itself_with_its_secret(void **state)
{
    fixture *f = *state;
    char path[32];
    write_file(path, "Bearer let-me-in\n");
    open_with_file(f, "[{\"name\":\"j\",\"kind\":\"http\",\"target\":\"http://127.0.0.1:%d/\",\"secret_file\":\"$\"}]",
                   path);
    tell_all(f, "failed");
    assert_non_null(strstr(f->head, "Authorization: Bearer let-me-in"));
    assert_non_null(strstr(f->head, "Content-Type: application/json"));
    unlink(path);
}

static void test_sns_gets_plain_text_and_attributes_to_filter_by(void **state)
{
    fixture *f = *state;
    assert_int_equal(
        open_notify(f,
                    "[{\"name\":\"s\",\"kind\":\"sns\",\"target\":\"arn:aws:sns:eu-west-1:111122223333:sec.fifo\"}]"),
        RIP_OK);
    tell_all(f, "failed");
    const json_t *params = sent(f, "Publish", 0);
    const json_t *attributes = json_object_get(params, "MessageAttributes");
    assert_string_equal(text_at(json_array_get(fake_aws_sent(f->fake), 0), "region"), "eu-west-1");
    assert_string_equal(text_at(json_object_get(attributes, "event"), "StringValue"), "failed");
    assert_string_equal(text_at(json_object_get(attributes, "severity"), "StringValue"), "HIGH");
    assert_null(strpbrk(text_at(params, "Message"), "\r\x1b"));
    assert_null(strpbrk(text_at(params, "Subject"), "\r\n\x1b"));
    assert_true(strlen(text_at(params, "Subject")) <= 100);
    assert_non_null(text_at(params, "MessageDeduplicationId"));
}

static void test_eventbridge_gets_one_event_a_run_without_a_link(void **state)
{
    fixture *f = *state;
    assert_int_equal(
        open_notify(
            f,
            "[{\"name\":\"e\",\"kind\":\"eventbridge\",\"target\":\"arn:aws:events:eu-west-1:111122223333:event-bus/d\"}]"),
        RIP_OK);
    tell(f, "run-1", "waiting", HOSTILE);
    tell(f, "run-2", "waiting", HOSTILE);
    settle(f, 5000);
    const json_t *entries = json_object_get(sent(f, "PutEvents", 0), "Entries");
    assert_int_equal(json_array_size(entries), 2);
    json_t *detail = json_loads(text_at(json_array_get(entries, 1), "Detail"), 0, NULL);
    assert_string_equal(text_at(detail, "run"), "run-2");
    assert_string_equal(text_at(detail, "event"), "approval");
    assert_null(json_object_get(detail, "link"));
    json_decref(detail);
}

static void test_mail_is_text_and_html_without_markup_of_the_finding(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f,
                                 "[{\"name\":\"m\",\"kind\":\"ses\",\"target\":\"soc@example.com, lead@example.com\","
                                 "\"from\":\"riposte@example.com\",\"region\":\"eu-west-1\"}]"),
                     RIP_OK);
    tell_all(f, "waiting");
    const json_t *params = sent(f, "SendEmail", 0);
    const json_t *simple = json_object_get(json_object_get(params, "Content"), "Simple");
    const json_t *mail = json_object_get(simple, "Body");
    const char *html = text_at(json_object_get(mail, "Html"), "Data");
    assert_int_equal(json_array_size(json_object_get(json_object_get(params, "Destination"), "ToAddresses")), 2);
    assert_null(strpbrk(text_at(json_object_get(simple, "Subject"), "Data"), "\r\n"));
    assert_null(strstr(html, "<b onclick"));
    assert_non_null(strstr(html, "&lt;b onclick=&quot;x&quot;&gt;"));
    assert_non_null(strstr(html, "<a href=\"https://riposte.example/v1/approve?run=run-1&amp;token="));
    assert_null(strstr(text_at(json_object_get(mail, "Text"), "Data"), "\nBcc:"));
}

static void test_each_mistake_in_the_rows_is_told(void **state)
{
    fixture *f = *state;
    static const char *const ROWS[][2] = {
        {"[{\"name\":\"x\",\"kind\":\"fax\",\"target\":\"1\"}]", "notify[1].kind: expected sns"},
        {"[{\"name\":\"x\",\"kind\":\"slack\",\"target\":\"http://example.com/\"}]",
         "notify[1].target: expected https://"},
        {"[{\"name\":\"x\",\"kind\":\"sns\",\"target\":\"topic\"}]", "expected a topic's ARN"},
        {"[{\"name\":\"x\",\"kind\":\"pagerduty\"}]", "secret_file is missing"},
        {"[{\"name\":\"x\",\"kind\":\"ses\",\"target\":\"a@b.c\",\"region\":\"eu-west-1\"}]", "`from` is missing"},
        {"[{\"name\":\"x\",\"kind\":\"ses\",\"target\":\"a@b.c\\r\\nBcc: d@e.f\"}]",
         "expected 1 to 50 e-mail addresses"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\",\"rate\":\"10\"}]",
         "notify[1].rate: expected"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\",\"digest\":\"soon\"}]",
         "notify[1].digest: expected"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\",\"when\":[\"always\"]}]",
         "notify[1].when: expected"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\",\"secret_file\":\"/nowhere\"}]",
         "notify[1].secret_file: "},
        {"[{\"name\":\"outcome\",\"kind\":\"http\",\"target\":\"https://e.com\"}]", "this name is taken"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\"},"
         "{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\"}]",
         "notify[2].name: another row has this name"},
        {"[{\"name\":\"x\",\"kind\":\"http\",\"target\":\"https://e.com\",\"template_file\":\"LICENSE\"}]",
         "the template makes no JSON"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        rip_buffer_clear(&f->mistakes);
        assert_int_equal(open_notify(f, ROWS[i][0]), RIP_EINVAL);
        if (!strstr(f->mistakes.data, ROWS[i][1]))
            fail_msg("%s\nexpected: %s\nfound: %s", ROWS[i][0], ROWS[i][1], f->mistakes.data);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_slack_gets_a_plan_with_its_link_and_no_markup_of_the_finding),
        TEST(test_the_link_in_a_message_opens_its_plan),
        TEST(test_teams_gets_text_runs_in_which_nothing_is_markup),
        TEST(test_pagerduty_opens_one_alert_for_a_run_and_closes_it),
        TEST(test_http_sends_what_its_template_says),
        TEST(test_http_authorizes_itself_with_its_secret),
        TEST(test_sns_gets_plain_text_and_attributes_to_filter_by),
        TEST(test_eventbridge_gets_one_event_a_run_without_a_link),
        TEST(test_mail_is_text_and_html_without_markup_of_the_finding),
        TEST(test_each_mistake_in_the_rows_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
