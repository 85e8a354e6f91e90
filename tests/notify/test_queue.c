/* What waits is told once, in time, and after whatever happened in between. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "tests/notify/fixture.h"

#define ROW(more) "[{\"name\":\"h\",\"kind\":\"http\",\"target\":\"http://127.0.0.1:%d/\"" more "}]"
#define SLACK(more) "[{\"name\":\"s\",\"kind\":\"slack\",\"target\":\"http://127.0.0.1:%d/\"" more "}]"
#define DOWN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

static size_t posted(const fixture *f)
{
    return json_array_size(f->posted);
}

static const char *run_of(const fixture *f, size_t i)
{
    const char *run = json_string_value(json_object_get(json_array_get(f->posted, i), "run"));
    return run ? run : "";
}

static void test_a_run_is_told_once_to_those_who_asked(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"when\":[\"failed\",\"guard\"]")), RIP_OK);
    tell(f, "run-1", "done", "t");
    tell(f, "run-2", "waiting", "t");
    tell(f, "run-3", "failed", "t");
    settle(f, 5000);
    run_for(f, 50);
    assert_int_equal(posted(f), 1);
    assert_string_equal(run_of(f, 0), "run-3");
}

static void test_a_guard_that_acted_is_told_before_the_failure_it_made(void **state)
{
    fixture *f = *state;
    json_t *finding = json_object();
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    tell_of(f, "run-1", "enforce", "failed", "ecs:DeleteCluster", "refused", finding);
    settle(f, 5000);
    assert_int_equal(posted(f), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(f->posted, 0), "event")), "guard");
    json_decref(finding);
}

static void test_a_failure_that_is_tried_again_is_not_told(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    json_t *record =
        json_pack("{s:s, s:s, s:s, s:s}", "id", "run-1", "mode", "enforce", "outcome", "failed", "next", "run-1.2");
    notify_run(f->notify, record, NULL, NULL);
    assert_int_equal(notify_backlog(f->notify), 0);
    json_decref(record);
}

static void test_a_run_that_takes_changes_back_contains_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    json_t *record = json_pack("{s:s, s:s, s:s, s:{}}", "id", "undo-1", "mode", "enforce", "outcome", "done", "undo");
    json_t *report = json_pack("{s:[{s:s}]}", "changes", "state", "done");
    notify_run(f->notify, record, report, NULL);
    assert_int_equal(notify_backlog(f->notify), 0);
    json_decref(record);
    json_decref(report);
}

static void expect_metric(fixture *f, const char *line)
{
    rip_buffer all = {0};
    metrics_write(f->metrics, &all);
    if (!strstr(all.data, line)) fail_msg("expected %s in\n%s", line, all.data);
    rip_buffer_free(&all);
}

static void test_what_was_told_and_what_waits_is_counted(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"retry\":\"1h\"")), RIP_OK);
    tell(f, "run-1", "failed", "t");
    settle(f, 5000);
    f->reply = DOWN;
    tell(f, "run-2", "failed", "t");
    run_for(f, 100);
    expect_metric(f, "riposte_notify_messages_total{notifier=\"h\",result=\"told\"} 1\n");
    expect_metric(f, "riposte_notify_messages_total{notifier=\"h\",result=\"failed\"} 1\n");
    expect_metric(f, "riposte_notify_waiting 1\n");
}

static void test_nothing_is_sent_from_inside_the_call(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    tell(f, "run-1", "failed", "t");
    assert_int_equal(notify_backlog(f->notify), 1);
    assert_int_equal(posted(f), 0);
    settle(f, 5000);
    assert_int_equal(posted(f), 1);
}

static void test_a_notifier_that_is_down_is_tried_again_until_it_is_told(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"retry\":\"5ms\"")), RIP_OK);
    f->reply = DOWN;
    tell(f, "run-1", "failed", "t");
    run_for(f, 300);
    size_t tries = posted(f);
    assert_true(tries >= 2);
    assert_true(tries <= 7); /* 5, 10, 20, 40, 80, 160 ms between them */
    assert_int_equal(notify_backlog(f->notify), 1);
    f->reply = OK_REPLY;
    settle(f, 5000);
    assert_int_equal(posted(f), tries + 1);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_a_notifier_that_asks_for_time_is_given_it(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"retry\":\"1ms\"")), RIP_OK);
    f->reply = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
    tell(f, "run-1", "failed", "t");
    run_for(f, 100);
    assert_int_equal(posted(f), 1);
    assert_int_equal(notify_backlog(f->notify), 1);
}

static void test_a_message_that_is_refused_holds_up_no_other(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    f->reply = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    tell(f, "run-1", "failed", "t");
    settle(f, 5000);
    f->reply = OK_REPLY;
    tell(f, "run-2", "failed", "t");
    settle(f, 5000);
    assert_int_equal(posted(f), 2);
    assert_string_equal(run_of(f, 1), "run-2");
}

static void test_redirects_are_not_followed(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    f->reply = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    tell(f, "run-1", "failed", "t");
    run_for(f, 100);
    assert_int_equal(posted(f), 1);
    assert_null(strstr(f->head, "elsewhere"));
    assert_int_equal(notify_backlog(f->notify), 1);
}

static void test_what_comes_within_the_digest_is_one_message(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, SLACK(",\"digest\":\"500ms\"")), RIP_OK);
    for (int i = 0; i < 5; i++) tell(f, "run-1", "failed", "t");
    run_for(f, 20);
    assert_int_equal(posted(f), 0);
    settle(f, 5000);
    assert_int_equal(posted(f), 1);
    assert_int_equal(json_array_size(json_object_get(json_array_get(f->posted, 0), "blocks")), 5);
}

static void test_the_rate_is_kept_and_what_waits_for_it_goes_together(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, SLACK(",\"rate\":\"2/2s\"")), RIP_OK);
    for (int i = 0; i < 6; i++) {
        tell(f, "run-1", "failed", "t");
        run_for(f, 10);
    }
    assert_int_equal(posted(f), 2);
    settle(f, 5000);
    assert_int_equal(posted(f), 3);
    assert_int_equal(json_array_size(json_object_get(json_array_get(f->posted, 2), "blocks")), 4);
}

static void test_what_was_not_told_is_told_by_the_next_process_once(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"retry\":\"1h\"")), RIP_OK);
    f->reply = DOWN;
    tell(f, "run-1", "failed", "t");
    tell(f, "run-2", "failed", "t");
    run_for(f, 60);
    assert_int_equal(posted(f), 1);
    reopen_notify(f);
    assert_int_equal(notify_backlog(f->notify), 2);
    f->reply = OK_REPLY;
    settle(f, 5000);
    assert_int_equal(posted(f), 3);
    assert_string_equal(run_of(f, 1), "run-1");
    assert_string_equal(run_of(f, 2), "run-2");
    reopen_notify(f);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_what_comes_before_the_recovery_is_not_told_twice(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    tell(f, "run-1", "failed", "t");
    notify_recover(f->notify);
    assert_int_equal(notify_backlog(f->notify), 1);
    settle(f, 5000);
    assert_int_equal(posted(f), 1);
}

static void test_a_notifier_that_is_gone_from_the_configuration_is_forgotten(void **state)
{
    fixture *f = *state;
    rip_error err;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    tell(f, "run-1", "failed", "t");
    assert_int_equal(rip_config_set(f->config, "notify", "[]", &err), RIP_OK);
    reopen_notify(f);
    assert_int_equal(notify_backlog(f->notify), 0);
}

static void test_places_in_the_journal_are_used_again(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    for (int i = 0; i < 10; i++) {
        tell(f, "run-1", "failed", "t");
        settle(f, 5000);
    }
    assert_string_equal(journal_position(f->journal, "notify:0"), "");
    assert_null(journal_position(f->journal, "notify:1"));
}

static void test_what_waits_is_bounded(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_notify(f, ROW(",\"digest\":\"1h\"")), RIP_OK);
    for (int i = 0; i < 10001; i++) tell(f, "run-1", "failed", "t");
    assert_int_equal(notify_backlog(f->notify), 10000);
    expect_metric(f, "riposte_notify_messages_total{notifier=\"h\",result=\"dropped\"} 1\n");
    reopen_notify(f);
    assert_int_equal(notify_backlog(f->notify), 10000);
}

/* The journal's file alone is what a killed process leaves. */
typedef struct disk {
    char folder[32], path[64];
    journal *memory; /* the fixture's own */
} disk;

static void open_journal(fixture *f, const disk *d)
{
    rip_error err = {0};
    journal_options options = {.path = d->path, .access = JOURNAL_OWN, .loop = &f->loop, .owner = "test"};
    if (journal_open_sqlite(&options, &f->journal, &err) != RIP_OK) fail_msg("%s", err.message);
}

static disk disk_make(fixture *f)
{
    disk d = {.memory = f->journal};
    snprintf(d.folder, sizeof d.folder, "/tmp/riposte-notify-XXXXXX");
    assert_non_null(mkdtemp(d.folder));
    snprintf(d.path, sizeof d.path, "%s/journal", d.folder);
    open_journal(f, &d);
    return d;
}

static void end_process(fixture *f)
{
    notify_free(f->notify);
    f->notify = NULL;
    journal_close(f->journal);
}

static void begin_process(fixture *f, const disk *d)
{
    open_journal(f, d);
    assert_int_equal(open_notify(f, NULL), RIP_OK);
    notify_recover(f->notify);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void disk_remove(fixture *f, const disk *d)
{
    end_process(f);
    f->journal = d->memory;
    assert_int_equal(nftw(d->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void test_a_journal_on_disk_keeps_what_was_not_told(void **state)
{
    fixture *f = *state;
    disk d = disk_make(f);
    assert_int_equal(open_notify(f, ROW(",\"retry\":\"1h\"")), RIP_OK);
    f->reply = DOWN;
    tell(f, "run-1", "failed", "t");
    run_for(f, 60);
    end_process(f);
    f->reply = OK_REPLY;
    begin_process(f, &d);
    settle(f, 5000);
    assert_int_equal(posted(f), 2);
    assert_string_equal(run_of(f, 1), "run-1");
    disk_remove(f, &d);
}

static void end_run(fixture *f, const char *id, const char *outcome, int64_t finished)
{
    json_t *queued = json_pack("{s:s, s:s, s:s, s:I, s:{s:s, s:s}}", "id", id, "playbook", "p", "mode", "enforce",
                               "queued", (json_int_t)finished - 10, "finding", "id", id, "version", "1");
    json_t *begun = json_pack("{s:s, s:I, s:s}", "id", id, "started", (json_int_t)finished - 5, "text", "");
    json_t *ended = json_pack("{s:s, s:I}", "outcome", outcome, "finished", (json_int_t)finished);
    journal_run_queue(f->journal, queued, journal_ignore, NULL);
    journal_run_begin(f->journal, begun, journal_ignore, NULL);
    journal_run_end(f->journal, id, ended, NULL, journal_ignore, NULL);
    json_decref(queued);
    json_decref(begun);
    json_decref(ended);
}

static void test_runs_that_ended_before_a_crash_untold_are_told_once_in_their_order(void **state)
{
    fixture *f = *state;
    disk d = disk_make(f);
    int64_t now = rip_clock_now(f->clock);
    assert_int_equal(open_notify(f, ROW("")), RIP_OK);
    end_run(f, "run-old", "failed", now - 100000);
    notify_recover(f->notify); /* the first process there is: what was before is not told */
    run_for(f, 50);
    end_run(f, "run-1", "failed", now + 1000);
    notify_run(f->notify, journal_run(f->journal, "run-1"), NULL, NULL);
    settle(f, 5000);
    end_run(f, "run-3", "failed", now + 1002);
    end_run(f, "run-2", "failed", now + 1000);
    end_run(f, "run-fine", "planned", now + 1001);
    end_process(f);
    assert_int_equal(posted(f), 1);

    run_for(f, 1100); /* a process begins after the one before it */
    begin_process(f, &d);
    run_for(f, 200);
    assert_int_equal(posted(f), 3);
    assert_string_equal(run_of(f, 1), "run-2");
    assert_string_equal(run_of(f, 2), "run-3");
    end_process(f);
    begin_process(f, &d);
    run_for(f, 100);
    assert_int_equal(posted(f), 3);
    disk_remove(f, &d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_is_told_once_to_those_who_asked),
        TEST(test_a_guard_that_acted_is_told_before_the_failure_it_made),
        TEST(test_a_failure_that_is_tried_again_is_not_told),
        TEST(test_a_run_that_takes_changes_back_contains_nothing),
        TEST(test_what_was_told_and_what_waits_is_counted),
        TEST(test_nothing_is_sent_from_inside_the_call),
        TEST(test_a_notifier_that_is_down_is_tried_again_until_it_is_told),
        TEST(test_a_notifier_that_asks_for_time_is_given_it),
        TEST(test_a_message_that_is_refused_holds_up_no_other),
        TEST(test_redirects_are_not_followed),
        TEST(test_what_comes_within_the_digest_is_one_message),
        TEST(test_the_rate_is_kept_and_what_waits_for_it_goes_together),
        TEST(test_what_was_not_told_is_told_by_the_next_process_once),
        TEST(test_what_comes_before_the_recovery_is_not_told_twice),
        TEST(test_a_notifier_that_is_gone_from_the_configuration_is_forgotten),
        TEST(test_places_in_the_journal_are_used_again),
        TEST(test_what_waits_is_bounded),
        TEST(test_a_journal_on_disk_keeps_what_was_not_told),
        TEST(test_runs_that_ended_before_a_crash_untold_are_told_once_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
