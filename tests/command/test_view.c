/* What a person reads of the journal: the list of runs, and one run's timeline, from a journal in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/command/view.h"
#include "engine/journal/journal.h"
#include "engine/run/unknown.h"

#define RUN "run-00112233445566aa"
#define START INT64_C(1764000000000) /* 2025-11-24T16:00:00Z */

typedef struct box {
    journal *journal;
    unsigned steps;
} box;

static json_t *record(void)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}}}", "id", RUN, "playbook",
                     "contain-cluster", "mode", "approve", "queued", (json_int_t)START, "finding", "id", "f-1",
                     "version", "1", "source", "guardduty", "kind", "AttackSequence:ECS/CompromisedCluster", "title",
                     "A cluster is compromised", "account", "123456789012", "region", "us-east-1", "severity", "label",
                     "CRITICAL");
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)err;
    assert_int_equal(status, RIP_OK);
}

static void open_box(box *b)
{
    rip_error err;
    *b = (box){0};
    assert_int_equal(journal_open_memory(&b->journal, &err), RIP_OK);
    json_t *queued = record();
    journal_run_queue(b->journal, queued, on_kept, NULL);
    json_decref(queued);
}

static void begin(box *b)
{
    json_t *more = json_pack("{s:s, s:I, s:s}", "id", RUN, "started", (json_int_t)(START + 40), "text", "return {}");
    journal_run_begin(b->journal, more, on_kept, NULL);
    json_decref(more);
}

static void end(box *b, const char *outcome)
{
    json_t *last = json_pack("{s:s, s:I}", "outcome", outcome, "finished", (json_int_t)(START + 5040));
    journal_run_end(b->journal, RUN, last, NULL, on_kept, NULL);
    json_decref(last);
}

/* All JSON is taken over. */
static void step(box *b, const char *operation, bool is_change, const char *outcome, json_t *params, json_t *reply,
                 json_t *undo)
{
    journal_step s = {
        .path = "",
        .number = ++b->steps,
        .kind = "aws",
        .phase = "contain",
        .fingerprint = "0",
        .request = json_pack("{s:s, s:s, s:o}", "service", "ecs", "operation", operation, "params", params),
        .is_change = is_change,
        .started_ms = START + 40 + 100 * (int64_t)b->steps,
        .undo = undo,
        .irreversible = is_change && !undo ? "a task that was stopped does not come back" : NULL,
    };
    journal_step_start(b->journal, RUN, &s, on_kept, NULL);
    s.finished_ms = s.started_ms + 12;
    s.outcome = outcome;
    s.reply = reply;
    if (outcome) journal_step_finish(b->journal, RUN, &s, on_kept, NULL);
    json_decref(s.request);
    json_decref(reply);
    json_decref(undo);
}

static json_t *undo_of(const char *operation)
{
    return json_pack("[{s:s, s:s, s:{s:s}}]", "service", "ecs", "operation", operation, "params", "cluster", "rogue");
}

static char *text_in(FILE *out)
{
    size_t len = (size_t)ftell(out);
    char *text = calloc(1, len + 1);
    assert_non_null(text);
    rewind(out);
    assert_int_equal(fread(text, 1, len, out), len);
    fclose(out);
    return text;
}

typedef struct showing {
    FILE *out;
    view_steps steps;
} showing;

static void on_whole(void *data, rip_status status, json_t *value, const rip_error *err)
{
    showing *s = data;
    (void)err;
    assert_int_equal(status, RIP_OK);
    view_run(s->out, value, s->steps);
}

/* What `riposte show` prints; to be freed. Closes the box. */
static char *shown(box *b, view_steps steps)
{
    showing s = {tmpfile(), steps};
    assert_non_null(s.out);
    journal_read_run(b->journal, "run-0011", on_whole, &s);
    journal_close(b->journal);
    return text_in(s.out);
}

static void on_runs(void *data, rip_status status, json_t *value, const rip_error *err)
{
    size_t i;
    json_t *each;
    (void)err;
    assert_int_equal(status, RIP_OK);
    json_array_foreach (value, i, each) view_run_brief(data, each, START + 250000);
}

static char *listed(box *b)
{
    FILE *out = tmpfile();
    assert_non_null(out);
    journal_find_runs(b->journal, &(journal_filter){0}, on_runs, out);
    journal_close(b->journal);
    return text_in(out);
}

static void assert_within_80_columns(const char *text)
{
    for (const char *line = text; *line;) {
        size_t columns = 0;
        const char *p = line;
        for (; *p && *p != '\n'; p++) columns += ((unsigned char)*p & 0xC0) != 0x80;
        if (columns > 80) fail_msg("%zu columns: %.*s", columns, (int)(p - line), line);
        line = *p ? p + 1 : p;
    }
}

/* The list. */

static void test_a_run_in_the_list_tells_outcome_age_id_playbook_and_finding(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    step(&b, "DeleteCluster", true, "done", json_object(), json_object(), undo_of("CreateCluster"));
    end(&b, "done");
    char *text = listed(&b);
    assert_string_equal(text, "done           4m  " RUN
                              "  contain-cluster\n"
                              "                   CRITICAL AttackSequence:ECS/CompromisedCluster in\n"
                              "                   123456789012 us-east-1, approve, 1 change\n");
    free(text);
}

static void test_a_run_without_an_outcome_is_queued_or_running(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    char *text = listed(&b);
    assert_memory_equal(text, "queued ", 7);
    free(text);
    open_box(&b);
    begin(&b);
    text = listed(&b);
    assert_memory_equal(text, "running ", 8);
    free(text);
}

static void test_an_age_is_told_in_its_largest_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } CASES[] = {{-5, "0s"},      {59999, "59s"},    {250000, "4m"},
                 {7200000, "2h"}, {172800000, "2d"}, {INT64_C(86400000) * 400, "400d"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char age[16];
        view_age(CASES[i].ms, age);
        assert_string_equal(age, CASES[i].text);
    }
}

static void test_a_pause_tells_its_scope_since_when_by_whom_and_why(void **state)
{
    (void)state;
    json_t *pauses = json_pack("{s:{s:s, s:s, s:I}}", "playbook:a\x1b[2J", "who", "alice", "why", "week\x1b[1mend",
                               "at", (json_int_t)START);
    FILE *out = tmpfile();
    assert_non_null(out);
    view_pauses(out, pauses, START + 250000);
    char *text = text_in(out);
    assert_string_equal(text, "paused playbook:a\\u{1B}[2J, 4m ago by alice: week\\u{1B}[1mend\n");
    free(text);
    json_decref(pauses);
}

/* One run. */

static void test_a_timeline_has_each_step_with_time_request_reply_duration_and_undo(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    step(&b, "DescribeClusters", false, "done", json_pack("{s:[s]}", "clusters", "rogue"),
         json_pack("{s:s}", "status", "ACTIVE"), NULL);
    step(&b, "DeleteCluster", true, "done", json_pack("{s:s}", "cluster", "rogue"), json_object(),
         undo_of("CreateCluster"));
    end(&b, "done");
    char *text = shown(&b, VIEW_AS_FITS);
    assert_non_null(strstr(text, RUN "  contain-cluster (approve) done\n"));
    assert_non_null(strstr(text, "queued 2025-11-24T16:00:00.000Z, began 40 ms later, took 5.0 s\n"));
    assert_non_null(strstr(text,
                           "     100 ms  ecs:DescribeClusters  12 ms  1\n"
                           "             {\"clusters\": [\"rogue\"]}\n"
                           "             -> {\"status\": \"ACTIVE\"}\n"));
    assert_non_null(strstr(text,
                           "     200 ms  ecs:DeleteCluster  12 ms  2\n"
                           "             {\"cluster\": \"rogue\"}\n"
                           "             undo ecs:CreateCluster\n"
                           "                  {\"cluster\": \"rogue\"}\n"));
    assert_non_null(strstr(text, "riposte undo " RUN));
    assert_null(strstr(text, "return {}"));
    free(text);
}

static void test_only_the_changes_are_shown_where_that_is_asked_and_what_was_refused(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    step(&b, "DescribeClusters", false, "done", json_object(), json_object(), NULL);
    step(&b, "ListTasks", false, "refused", json_object(),
         json_pack("{s:s, s:s}", "code", "Guard.Permission", "message", "not declared"), NULL);
    step(&b, "DeleteCluster", true, "done", json_object(), json_object(), undo_of("CreateCluster"));
    end(&b, "failed");
    char *text = shown(&b, VIEW_CHANGES);
    assert_null(strstr(text, "ecs:DescribeClusters"));
    assert_non_null(strstr(text, "Guard.Permission: not declared"));
    assert_non_null(strstr(text, "ecs:DeleteCluster"));
    assert_non_null(strstr(text, "riposte retry " RUN));
    free(text);
}

static void test_a_run_that_waits_shows_its_plan_and_who_has_approved(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    step(&b, "DescribeClusters", false, "done", json_object(), json_object(), NULL);
    step(&b, "StopTask", true, "planned", json_pack("{s:s}", "task", "t-1"), json_pack("{s:s}", "made", "up"), NULL);
    end(&b, "waiting");
    json_t *terms = json_pack("{s:s, s:I, s:i}", "id", RUN, "deadline", (json_int_t)START, "approvers", 2);
    journal_run_begin(b.journal, terms, on_kept, NULL);
    json_decref(terms);
    json_t *decision = json_pack("{s:s, s:s, s:s, s:I}", "decision", "approve", "who", "alice", "why", "INC-7", "at",
                                 (json_int_t)START);
    journal_run_decide(b.journal, RUN, decision, NULL, NULL, on_kept, NULL);
    json_decref(decision);
    char *text = shown(&b, VIEW_AS_FITS);
    assert_non_null(strstr(text, "approve by alice at 2025-11-24T16:00:00.000Z: INC-7\n"));
    assert_non_null(strstr(text, "waits until 2025-11-24T16:00:00.000Z; 1 of 2 people have approved\n"));
    assert_null(strstr(text, "ecs:DescribeClusters"));
    assert_non_null(strstr(text, "1 of 2 change something, 1 can't be undone"));
    assert_non_null(strstr(text, "ecs:StopTask  planned"));
    assert_null(strstr(text, "made")); /* the reply, for the playbook's eyes */
    assert_non_null(strstr(text, "can't be undone: a task that was stopped"));
    assert_non_null(strstr(text, "riposte approve " RUN));
    assert_null(strstr(text, "riposte undo")); /* nothing was done yet */
    free(text);
}

static void test_what_only_the_change_will_tell_reads_so(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    run_unknowns *unknowns = run_unknowns_new(RUN);
    json_t *made_up = run_unknown_make(unknowns, "1:arn", NULL);
    run_unknowns_free(unknowns);
    step(&b, "DeleteCluster", true, "planned", json_pack("{s:o}", "cluster", made_up), json_object(),
         undo_of("CreateCluster"));
    end(&b, "planned");
    char *text = shown(&b, VIEW_AS_FITS);
    assert_non_null(strstr(text, "{\"cluster\": \"(known after the change)\"}"));
    free(text);
}

static void test_a_step_that_did_not_finish_says_so(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    step(&b, "DeleteCluster", true, NULL, json_object(), NULL, undo_of("CreateCluster"));
    char *text = shown(&b, VIEW_AS_FITS);
    assert_non_null(strstr(text, "ecs:DeleteCluster  started, and not finished  1\n"));
    free(text);
}

static void test_a_change_outside_the_plan_is_shown_against_it(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    json_t *line =
        json_pack("{s:s, s:s, s:{s:s}}", "service", "iam", "operation", "DeleteUser", "params", "UserName", "root");
    json_t *last = json_pack("{s:s, s:I, s:{s:s, s:s}, s:{s:[o], s:[]}}", "outcome", "outside-plan", "finished",
                             (json_int_t)(START + 90), "error", "status", "denied", "message", "not in the plan",
                             "detail", "added", line, "removed");
    journal_run_end(b.journal, RUN, last, NULL, on_kept, NULL);
    json_decref(last);
    char *text = shown(&b, VIEW_AS_FITS);
    assert_non_null(strstr(text, "denied: not in the plan\n"));
    assert_non_null(strstr(text, "not in its plan\n    + iam:DeleteUser\n      {\"UserName\": \"root\"}\n"));
    free(text);
}

static void test_control_characters_of_an_attacker_are_shown_not_obeyed(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    json_t *evil = json_pack("{s:s, s:{s:s, s:s}}", "id", RUN, "finding", "kind", "a\x1b[2Jb", "title", "c\x07\r\nd");
    journal_run_begin(b.journal, evil, on_kept, NULL);
    json_decref(evil);
    step(&b, "Delete\x1b]0;owned\x07", true, "failed", json_pack("{s:s}", "x", "\x1b[31m\xe2\x80\xae"),
         json_pack("{s:s, s:s}", "code", "E\x1b[0m", "message", "no\x1b[1A"), NULL);
    json_t *last =
        json_pack("{s:s, s:{s:s, s:s}}", "outcome", "failed\x1b[2J", "error", "status", "x", "message", "\x1b[H");
    journal_run_end(b.journal, RUN, last, NULL, on_kept, NULL);
    json_t *decision = json_pack("{s:s, s:s, s:s}", "decision", "deny", "who", "m\x1b[3m", "why", "\x1b[1m");
    journal_run_decide(b.journal, RUN, decision, NULL, NULL, on_kept, NULL);
    json_decref(decision);
    json_decref(last);
    char *text = shown(&b, VIEW_ALL);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\x07'));
    assert_null(strchr(text, '\r'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    free(text);
}

static void test_long_values_are_cut_and_no_line_is_wider_than_80_columns(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    begin(&b);
    json_t *tasks = json_array();
    for (int i = 0; i < 500; i++) json_array_append_new(tasks, json_sprintf("tásk-%d", i));
    step(&b, "ListTasks", false, "done", json_pack("{s:O}", "tasks", tasks), json_pack("{s:o}", "tasks", tasks), NULL);
    end(&b, "done");
    char *text = shown(&b, VIEW_AS_FITS);
    assert_within_80_columns(text);
    assert_true(strlen(text) < 3000);
    assert_non_null(strstr(text, " …"));
    assert_null(strstr(text, "\xef\xbf\xbd")); /* never within a character */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_in_the_list_tells_outcome_age_id_playbook_and_finding),
        cmocka_unit_test(test_a_run_without_an_outcome_is_queued_or_running),
        cmocka_unit_test(test_an_age_is_told_in_its_largest_unit),
        cmocka_unit_test(test_a_pause_tells_its_scope_since_when_by_whom_and_why),
        cmocka_unit_test(test_a_timeline_has_each_step_with_time_request_reply_duration_and_undo),
        cmocka_unit_test(test_only_the_changes_are_shown_where_that_is_asked_and_what_was_refused),
        cmocka_unit_test(test_a_run_that_waits_shows_its_plan_and_who_has_approved),
        cmocka_unit_test(test_what_only_the_change_will_tell_reads_so),
        cmocka_unit_test(test_a_step_that_did_not_finish_says_so),
        cmocka_unit_test(test_a_change_outside_the_plan_is_shown_against_it),
        cmocka_unit_test(test_control_characters_of_an_attacker_are_shown_not_obeyed),
        cmocka_unit_test(test_long_values_are_cut_and_no_line_is_wider_than_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
