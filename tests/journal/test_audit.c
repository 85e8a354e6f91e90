/* Whatever is changed in a journal behind its back is found, and told for what it is. */
#include "tests/journal/keepers.h"

#include <sqlite3.h>
#include <time.h>

#include "engine/journal/audit.h"

/* Changes are paused for all and for an account, and go on for that. */
static void pause_some(keeper *k)
{
    int written = 0;
    json_t *about = json_pack("{s:s, s:s, s:i}", "who", "alice", "why", "INC-7\n{}", "at", 25);
    journal_pause(k->j, "all", about, on_done, &written);
    journal_pause(k->j, "account:1\n", about, on_done, &written);
    journal_resume(k->j, "account:1\n", about, on_done, &written);
    keeper_wait(k, &written, 3);
    json_decref(about);
}

/* Four runs, of which one waits for a person who has decided, one goes on, and one is forgotten; closed. */
static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    keeper_open(k);
    keeper_whole_run(k, "f-0", "r-0", 5);
    answer a = {0};
    journal_prune(k->j, 10, on_answer, &a);
    keeper_wait(k, &a.count, 1);
    json_decref(a.value);
    keeper_whole_run(k, "f-1", "r-1", 10);
    keeper_whole_run(k, "f-2", "r-2", 20);
    int written = 0;
    json_t *decision = json_pack("{s:s, s:s}", "who", "alice", "decision", "approve");
    journal_run_decide(k->j, "r-2", decision, "approved", NULL, on_done, &written);
    keeper_wait(k, &written, 1);
    json_decref(decision);
    pause_some(k);
    json_decref(keeper_arrive(k, "f-3", "1", "r-3", 30));
    keeper_begin(k, "r-3");
    keeper_start(k, "r-3", "", 1, JOURNAL_LIGHT);
    keeper_finish(k, "r-3", "", 1);
    keeper_start(k, "r-3", "", 2, JOURNAL_NOTED);
    keeper_start(k, "r-3", "", 3, JOURNAL_SAFE);
    keeper_close(k);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

typedef struct told {
    int count;
    char lines[2048];
} told;

static void on_mistake(void *data, const journal_mistake *mistake)
{
    told *t = data;
    size_t len = strlen(t->lines);
    t->count++;
    snprintf(t->lines + len, sizeof t->lines - len, "%s: %s: %s\n", mistake->table, mistake->row, mistake->what);
}

static told verify(keeper *k, const char *head, journal_verified *sums)
{
    told t = {0};
    rip_error err = {RIP_OK, ""};
    if (journal_audit_verify(k->path, head, on_mistake, &t, sums, &err) != RIP_OK) fail_msg("%s", err.message);
    assert_int_equal(t.count, sums->mistakes);
    return t;
}

static void tamper(keeper *k, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", sql, why);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_journal_as_it_was_written_has_no_mistakes(void **state)
{
    journal_verified sums;
    told t = verify(*state, NULL, &sums);
    if (t.count) fail_msg("%s", t.lines);
    assert_int_equal(sums.findings, 3);
    assert_int_equal(sums.runs, 3);
    assert_int_equal(sums.steps, 4 + 4 + 3);
    assert_int_equal(sums.decisions, 1);
    assert_int_equal(sums.texts, 2);
    assert_int_equal(sums.pauses, 1);
    assert_int_equal(sums.pruned, 2);
}

static void test_it_is_verified_beside_the_process_that_writes(void **state)
{
    keeper *k = *state;
    journal_verified sums;
    keeper_open(k);
    json_decref(keeper_recover(k));
    keeper_finish(k, "r-3", "", 3);
    keeper_end(k, "r-3", "done", 40);
    told t = verify(k, NULL, &sums);
    if (t.count) fail_msg("%s", t.lines);
}

#define R1 "(SELECT place FROM runs WHERE id = 'r-1')"
#define R3 "(SELECT place FROM runs WHERE id = 'r-3')"
#define STEP " WHERE run = " R1 " AND number = 3"

/* What somebody does, and a line that tells of it. */
static const struct {
    const char *sql, *line;
} DEEDS[] = {
    {"UPDATE findings SET origin = 'elsewhere' WHERE id = 'f-1'", "findings: f-1 version 1"},
    {"UPDATE findings SET received = received + 1 WHERE id = 'f-1'", "findings: f-1 version 1"},
    {"UPDATE findings SET finding = '{}' WHERE id = 'f-1'", "changed: it, or its event"},
    {"UPDATE events SET event = '{}' WHERE finding = (SELECT place FROM findings WHERE id = 'f-1')",
     "changed: it, or its event"},
    {"UPDATE events SET packed = 77", "cannot be unpacked"},
    {"DELETE FROM events WHERE finding = (SELECT place FROM findings WHERE id = 'f-1')", "removed: its event"},
    {"DELETE FROM findings WHERE id = 'f-1'", "findings: f-1 (place"},
    {"INSERT INTO findings SELECT 9999, 'forged', version, origin, received, packed, finding FROM findings LIMIT 1",
     "findings: forged version 1 (place 9999): added"},
    {"UPDATE findings SET place = -1 WHERE id = 'f-1'; UPDATE findings SET place = (SELECT place FROM runs WHERE id ="
     " 'r-1') WHERE id = 'f-2'",
     "findings: f-2"},
    {"UPDATE runs SET record = replace(record, 'contain', 'ignore') WHERE id = 'r-1'", "runs: r-1"},
    {"UPDATE runs SET outcome = 'failed' WHERE id = 'r-1'", "runs: r-1"},
    {"UPDATE runs SET outcome = 'done' WHERE id = 'r-2'", "runs: r-2"},
    {"UPDATE runs SET account = '999999999999' WHERE id = 'r-3'", "runs: r-3"},
    {"UPDATE runs SET changes = 0 WHERE id = 'r-1'", "changed: its counts"},
    {"UPDATE runs SET anchor = (SELECT min(place) FROM anchors WHERE subject = " R1 ") WHERE id = 'r-1'",
     "the chain knows a later state"},
    {"DELETE FROM runs WHERE id = 'r-1'", "runs: r-1 (place"},
    {"DELETE FROM runs WHERE id = 'r-1'; DELETE FROM steps WHERE run NOT IN (SELECT place FROM runs)", "runs: r-1"},
    {"INSERT INTO runs SELECT 9999, 'forged', finding, playbook, account, region, mode, outcome, lock, queued, started,"
     " finished, record, text, anchor, sealed, links, head, steps, changes FROM runs WHERE id = 'r-1'",
     "runs: forged (place 9999): added"},
    {"UPDATE steps SET request = '{}'" STEP, "steps: r-1 /3 start"},
    {"UPDATE steps SET reply = '{}'" STEP, "steps: r-1 /3 (link"},
    {"UPDATE steps SET undo = NULL" STEP, "steps: r-1 /3"},
    {"UPDATE steps SET is_change = 0" STEP, "steps: r-1 /3 start"},
    {"UPDATE steps SET undo = '[]' WHERE run = " R3 " AND number = 3", "changed: how it is undone"},
    {"UPDATE steps SET outcome = 'failed' WHERE run = " R1 " AND number = 1", "steps: r-1 /1"},
    {"UPDATE steps SET number = 99" STEP, "steps: r-1 /99"},
    {"UPDATE steps SET seq = 0" STEP, "steps: r-1 /3 start"},
    {"DELETE FROM steps" STEP, "removed: a link is missing"},
    {"DELETE FROM steps WHERE run = " R1 " AND number = 4", "removed: the end of the run's chain"},
    {"DELETE FROM steps WHERE run = " R3 " AND number = 3", "removed: the end of the run's chain"},
    {"UPDATE steps SET finish_link = NULL, finish_hash = NULL, outcome = NULL, finished = NULL WHERE run = " R1
     " AND number = 3",
     "removed: a link is missing"},
    {"INSERT INTO steps SELECT run, path, 99, 99, kind, phase, fingerprint, request, is_change, 0, started, finished,"
     " outcome, reply, undo, irreversible, finish_order, promise, NULL, NULL, NULL, NULL FROM steps" STEP,
     "steps: r-1 /99: added"},
    {"INSERT INTO steps SELECT run, path, 99, 99, kind, phase, fingerprint, request, is_change, 0, started, finished,"
     " outcome, reply, undo, irreversible, finish_order, promise, NULL, NULL, 77, finish_hash FROM steps" STEP,
     "steps: r-1 /99"},
    {"UPDATE steps SET finish_link = 1 - finish_link WHERE run = " R1 " AND number IN (1, 2)", "steps: r-1"},
    {"UPDATE steps SET run = " R3 " WHERE run = " R1 " AND number = 4", "removed: the end of the run's chain"},
    {"UPDATE sources SET name = 'other' WHERE run = " R1, "sources: r-1 module other"},
    {"DELETE FROM sources WHERE run = " R1, "removed: a link is missing"},
    {"UPDATE texts SET text = 'return {run = exfiltrate}' WHERE text LIKE '%run%'", "texts: now"},
    {"DELETE FROM texts WHERE text LIKE '%run%'", "texts: r-1: removed"},
    {"DELETE FROM texts WHERE text = 'return {}'", "texts: r-1 lib: removed"},
    {"UPDATE decisions SET decision = replace(decision, 'alice', 'mallory')", "decisions: r-2 decision 1: changed"},
    {"DELETE FROM decisions", "decisions: a decision about r-2"},
    {"INSERT INTO decisions SELECT run, 2, decision, 1 FROM decisions", "decisions: r-2 decision 2: added"},
    {"DELETE FROM pauses", "pauses: all: removed"},
    {"UPDATE pauses SET about = replace(about, 'alice', 'mallory')", "pauses: all: changed"},
    {"UPDATE pauses SET scope = 'account:2'", "pauses: all: removed"},
    {"INSERT INTO pauses SELECT 'account:1' || char(10), about FROM pauses", "pauses: account:1\n: added"},
    {"UPDATE anchors SET name = replace(name, 'alice', 'mallory') WHERE kind = 'resumed'", "was paused or resumed"},
    {"UPDATE anchors SET kind = 'paused' WHERE kind = 'resumed'", "was paused or resumed"},
    {"DELETE FROM anchors WHERE kind = 'resumed'", "anchors: places"},
    {"UPDATE anchors SET content = zeroblob(32) WHERE place = 20", "anchors: place 20: changed"},
    {"UPDATE anchors SET subject = 1 WHERE place = 20", "anchors: place 20: changed"},
    {"UPDATE anchors SET hash = zeroblob(32) WHERE place = 20", "anchors: place 20: changed"},
    {"DELETE FROM anchors WHERE place = 20", "anchors: places 20 to 20: removed"},
    {"DELETE FROM anchors WHERE place = 1", "anchors: places 1 to 1: removed"},
    {"DELETE FROM anchors WHERE place = (SELECT max(place) FROM anchors)", "steps: r-3 /3: added"},
    {"UPDATE anchors SET name = '1-3' WHERE kind = 'pruned'", "changed: what it says was forgotten"},
    {"UPDATE anchors SET place = -place WHERE place IN (15, 16); UPDATE anchors SET place = 31 + place WHERE place < 0",
     "anchors: place 15: changed"},
};

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n = fread(bytes, 1, sizeof bytes, in); n > 0; n = fread(bytes, 1, sizeof bytes, in))
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void test_whatever_is_changed_removed_added_or_moved_is_found_and_named(void **state)
{
    keeper *k = *state;
    char whole[128];
    snprintf(whole, sizeof whole, "%s.whole", k->path);
    copy_file(k->path, whole);
    int missed = 0;
    for (size_t i = 0; i < sizeof DEEDS / sizeof *DEEDS; i++) {
        journal_verified sums;
        copy_file(whole, k->path);
        tamper(k, DEEDS[i].sql);
        told t = verify(k, NULL, &sums);
        if (strstr(t.lines, DEEDS[i].line)) continue;
        missed++;
        print_error("after %s\nwanted: %s\ntold:\n%s\n", DEEDS[i].sql, DEEDS[i].line, t.lines);
    }
    assert_int_equal(missed, 0);
}

static void test_one_changed_row_is_one_mistake(void **state)
{
    keeper *k = *state;
    journal_verified sums;
    tamper(k, "UPDATE steps SET reply = '{}' WHERE run = " R1 " AND number = 1");
    told t = verify(k, NULL, &sums);
    if (t.count != 1) fail_msg("%s", t.lines);
}

/* A change as the door makes it: charged, then started. */
static void change_now(keeper *k, unsigned number, int64_t now_ms)
{
    int written = 0;
    json_t *request = json_pack("{s:s}", "account", "111122223333");
    const journal_step step = {.path = "",
                               .number = number,
                               .kind = "aws",
                               .phase = "",
                               .fingerprint = "f",
                               .request = request,
                               .is_change = true,
                               .care = JOURNAL_SAFE,
                               .started_ms = now_ms};
    journal_spend(k->j, "playbook:contain", now_ms);
    journal_spend(k->j, "account:111122223333", now_ms);
    journal_step_start(k->j, "r-9", &step, on_done, &written);
    keeper_wait(k, &written, 1);
    json_decref(request);
}

static void test_a_budget_that_was_lowered_is_found_by_the_changes_of_the_hour(void **state)
{
    static const char *const DEEDS_OF_HOUR[][2] = {
        {"UPDATE budgets SET used = used - 1 WHERE scope = 'playbook:contain'", "budgets: playbook:contain minute "},
        {"DELETE FROM budgets WHERE scope LIKE 'account:%'", "budgets: account:111122223333 minute "},
        {"UPDATE budgets SET minute = minute - 60 WHERE scope LIKE 'account:%'",
         "budgets: account:111122223333 minute "},
    };
    keeper *k = *state;
    journal_verified sums;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    char whole[128];
    keeper_open(k);
    json_decref(keeper_arrive(k, "f-9", "1", "r-9", now_ms));
    keeper_begin(k, "r-9");
    for (unsigned n = 1; n <= 3; n++) change_now(k, n, now_ms - (n == 3 ? 600000 : 0));
    keeper_close(k);
    told t = verify(k, NULL, &sums);
    if (t.count) fail_msg("%s", t.lines);
    snprintf(whole, sizeof whole, "%s.whole", k->path);
    copy_file(k->path, whole);
    for (size_t i = 0; i < sizeof DEEDS_OF_HOUR / sizeof *DEEDS_OF_HOUR; i++) {
        copy_file(whole, k->path);
        tamper(k, DEEDS_OF_HOUR[i][0]);
        t = verify(k, NULL, &sums);
        if (!strstr(t.lines, DEEDS_OF_HOUR[i][1])) fail_msg("%s: %s", DEEDS_OF_HOUR[i][0], t.lines);
    }
}

/* Who can write the file can make all of it fit, except to what was kept elsewhere. */
static void test_a_tail_that_was_cut_off_cleanly_is_found_by_who_kept_the_head(void **state)
{
    keeper *k = *state;
    journal_verified before, after;
    verify(k, NULL, &before);
    tamper(k, "DELETE FROM steps WHERE run = " R3
              "; DELETE FROM runs WHERE id = 'r-3';"
              "DELETE FROM events WHERE finding = (SELECT place FROM findings WHERE id = 'f-3');"
              "DELETE FROM anchors WHERE place >= (SELECT place FROM findings WHERE id = 'f-3');"
              "DELETE FROM findings WHERE id = 'f-3'");
    told silent = verify(k, NULL, &after);
    if (silent.count) fail_msg("%s", silent.lines);
    told t = verify(k, before.head, &after);
    assert_non_null(strstr(t.lines, "removed: the head that was kept lies beyond the end"));
}

static void test_a_kept_head_holds_while_the_journal_grows(void **state)
{
    keeper *k = *state;
    journal_verified before, after;
    rip_error err;
    verify(k, NULL, &before);
    keeper_open(k);
    keeper_whole_run(k, "f-9", "r-9", 90);
    keeper_close(k);
    told t = verify(k, before.head, &after);
    if (t.count) fail_msg("%s", t.lines);
    assert_string_not_equal(before.head, after.head);
    assert_int_equal(journal_audit_verify(k->path, "7:abc", on_mistake, &t, &after, &err), RIP_EINVAL);
}

typedef struct lines {
    json_t *all;
    size_t stop_at;
} lines;

static rip_status on_line(void *data, const char *line, size_t len, rip_error *err)
{
    lines *l = data;
    if (l->stop_at && json_array_size(l->all) == l->stop_at) return rip_fail(err, RIP_EIO, "the pipe is closed");
    json_t *object = json_loadb(line, len, 0, NULL);
    assert_non_null(object);
    assert_null(strchr(line, '\n'));
    json_array_append_new(l->all, object);
    return RIP_OK;
}

static size_t count_kind(const json_t *all, const char *kind)
{
    size_t count = 0, i;
    json_t *line;
    json_array_foreach (all, i, line) count += strcmp(text_at(line, "kind"), kind) == 0;
    return count;
}

static const json_t *first_of(const json_t *all, const char *kind)
{
    size_t i;
    json_t *line;
    json_array_foreach (all, i, line) {
        if (strcmp(text_at(line, "kind"), kind) == 0) return line;
    }
    return NULL;
}

static void test_an_export_has_a_line_for_each_link_and_goes_on_where_it_ended(void **state)
{
    keeper *k = *state;
    lines first = {json_array(), 0}, second = {json_array(), 0};
    int64_t last = 0, then = 0;
    rip_error err = {RIP_OK, ""};
    assert_int_equal(journal_audit_export(k->path, 0, on_line, &first, &last, &err), RIP_OK);
    assert_int_equal(count_kind(first.all, "finding"), 4);
    assert_int_equal(count_kind(first.all, "pruned"), 2);
    assert_int_equal(count_kind(first.all, "decision"), 1);
    assert_int_equal(count_kind(first.all, "step"), 3 + 3);
    assert_int_equal(count_kind(first.all, "module"), 2);
    assert_int_equal(count_kind(first.all, "finish"), 2);
    assert_int_equal(count_kind(first.all, "paused"), 2);
    assert_int_equal(count_kind(first.all, "resumed"), 1);
    const json_t *resumed = first_of(first.all, "resumed");
    assert_string_equal(text_at(resumed, "scope"), "account:1\n");
    assert_string_equal(text_at(resumed, "about.who"), "alice");
    assert_string_equal(text_at(resumed, "about.why"), "INC-7\n{}");
    assert_int_equal(journal_audit_export(k->path, last, on_line, &second, &then, &err), RIP_OK);
    assert_int_equal(json_array_size(second.all), 0);
    assert_int_equal(then, last);
    keeper_open(k);
    keeper_whole_run(k, "f-9", "r-9", 90);
    keeper_close(k);
    assert_int_equal(journal_audit_export(k->path, last, on_line, &second, &then, &err), RIP_OK);
    assert_int_equal(count_kind(second.all, "finding"), 1);
    assert_int_equal(count_kind(second.all, "step"), 3);
    assert_true(then > last);
    json_decref(first.all);
    json_decref(second.all);
}

static void test_an_export_ends_with_what_its_reader_says(void **state)
{
    keeper *k = *state;
    lines some = {json_array(), 3};
    int64_t last = 0;
    rip_error err;
    assert_int_equal(journal_audit_export(k->path, 0, on_line, &some, &last, &err), RIP_EIO);
    assert_int_equal(last, 3);
    json_decref(some.all);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_a_journal_as_it_was_written_has_no_mistakes),
        ON(test_it_is_verified_beside_the_process_that_writes),
        ON(test_whatever_is_changed_removed_added_or_moved_is_found_and_named),
        ON(test_one_changed_row_is_one_mistake),
        ON(test_a_budget_that_was_lowered_is_found_by_the_changes_of_the_hour),
        ON(test_a_tail_that_was_cut_off_cleanly_is_found_by_who_kept_the_head),
        ON(test_a_kept_head_holds_while_the_journal_grows),
        ON(test_an_export_has_a_line_for_each_link_and_goes_on_where_it_ended),
        ON(test_an_export_ends_with_what_its_reader_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
