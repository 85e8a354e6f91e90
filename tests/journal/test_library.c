/* The libraries that runs began with: each is kept once, comes back with a run that needs it, and goes with the last
 * run of its time. */
#include "tests/journal/keepers.h"

#include "engine/base/digest.h"
#include "engine/journal/audit.h"
#include "engine/journal/sqlite_db.h"

#define PACK_LEN 5000

/* Any bytes: a library is text, and the journal does not ask. */
typedef struct packed {
    char bytes[PACK_LEN];
    char digest[RIP_SHA256_HEX];
} packed;

static packed old, new;

static void make_pack(packed *p, char seed)
{
    for (size_t i = 0; i < sizeof p->bytes; i++) p->bytes[i] = (char)(seed + (char)(i % 7) * (char)(i % 11));
    rip_sha256_hex(p->bytes, sizeof p->bytes, p->digest);
}

static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    keeper_open(k);
    make_pack(&old, '\x01');
    make_pack(&new, '\xfe');
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static void reopen(keeper *k)
{
    keeper_close(k);
    keeper_open(k);
    json_decref(keeper_recover(k));
}

/* A run of a finding of its own begins with this library. */
static void begin_with(keeper *k, const packed *library, const char *run, int64_t at)
{
    int written = 0;
    json_decref(keeper_arrive(k, run, "1", run, at));
    journal_library_keep(k->j, library->digest, library->bytes, sizeof library->bytes);
    json_t *record = json_pack("{s:s, s:I, s:s}", "id", run, "started", (json_int_t)at, "library", library->digest);
    journal_run_begin(k->j, record, on_done, &written);
    json_decref(record);
    keeper_wait(k, &written, 1);
}

static void run_with(keeper *k, const packed *library, const char *run, int64_t at)
{
    begin_with(k, library, run, at);
    keeper_end(k, run, "done", at);
}

static bool has(keeper *k, const packed *library)
{
    size_t len = 0;
    const char *pack = journal_library(k->j, library->digest, &len);
    assert_true(!pack || (len == sizeof library->bytes && memcmp(pack, library->bytes, len) == 0));
    return pack;
}

static void prune_before(keeper *k, int64_t before)
{
    answer a = {0};
    journal_prune(k->j, before, on_answer, &a);
    keeper_wait(k, &a.count, 1);
    assert_int_equal(a.status, RIP_OK);
    json_decref(a.value);
}

/* The database, behind the journal's back. */

static void tamper(keeper *k, const char *sql)
{
    rip_error err = {RIP_OK, ""};
    db d;
    assert_int_equal(db_open(&d, k->path, DB_WRITE, &err), RIP_OK);
    db_script(&d, sql);
    if (db_status(&d, &err) != RIP_OK) fail_msg("%s", err.message);
    db_close(&d);
}

static int64_t rows_of(keeper *k, const char *digest)
{
    static const char COUNT[] = "SELECT count(*) FROM libraries WHERE digest = ?1 OR ?1 IS NULL";
    rip_error err;
    db d;
    assert_int_equal(db_open(&d, k->path, DB_LOOK, &err), RIP_OK);
    int64_t count = db_number(&d, COUNT, -1, "s", digest);
    db_close(&d);
    return count;
}

static int64_t stored(keeper *k, const packed *library)
{
    return rows_of(k, library->digest);
}

/* Keeping. */

static void test_many_runs_share_one_copy_which_comes_back_with_the_one_that_had_not_ended(void **state)
{
    keeper *k = *state;
    char run[16];
    for (int i = 0; i < 50; i++) {
        snprintf(run, sizeof run, "r-%d", i);
        run_with(k, &old, run, 100);
    }
    begin_with(k, &old, "r-open", 100);
    reopen(k);
    assert_true(has(k, &old));
    run_with(k, &old, "r-next", 200);
    keeper_close(k);
    assert_int_equal(rows_of(k, NULL), 1);
    assert_int_equal(keeper_mistakes(k), 0);
}

static void test_only_what_a_run_goes_on_with_comes_back(void **state)
{
    keeper *k = *state;
    run_with(k, &old, "r-ended", 100);
    begin_with(k, &new, "r-waits", 100);
    keeper_end(k, "r-waits", "waiting", 100);
    reopen(k);
    assert_false(has(k, &old));
    assert_false(has(k, &new));
}

static void test_a_copy_that_is_missing_or_damaged_does_not_come_back_and_holds_nobody_up(void **state)
{
    keeper *k = *state;
    begin_with(k, &old, "r-old", 100);
    begin_with(k, &new, "r-new", 100);
    keeper_close(k);
    tamper(k,
           "DELETE FROM libraries WHERE place = (SELECT min(place) FROM libraries);"
           "UPDATE libraries SET packed = 77");
    keeper_open(k);
    json_t *all = keeper_recover(k);
    assert_int_equal(json_array_size(all), 2);
    json_decref(all);
    assert_false(has(k, &old));
    assert_false(has(k, &new));
}

static void test_a_journal_from_before_libraries_were_kept_is_brought_up_to_date(void **state)
{
    keeper *k = *state;
    begin_with(k, &old, "r-open", 100);
    keeper_close(k);
    tamper(k, "DROP TABLE libraries; PRAGMA user_version = 1");
    keeper_open(k);
    json_decref(keeper_recover(k));
    assert_false(has(k, &old));
    run_with(k, &new, "r-new", 200);
    keeper_close(k);
    assert_int_equal(stored(k, &new), 1);
}

/* Forgetting. */

static void test_a_library_goes_with_the_last_run_of_its_time_and_the_newest_stays(void **state)
{
    keeper *k = *state;
    run_with(k, &old, "r-1", 100);
    begin_with(k, &old, "r-2", 100);
    run_with(k, &new, "r-3", 100);
    prune_before(k, 1000);
    assert_int_equal(stored(k, &old), 1); /* r-2 goes on with it */
    keeper_end(k, "r-2", "done", 100);
    prune_before(k, 1000);
    assert_int_equal(stored(k, &old), 0);
    assert_int_equal(stored(k, &new), 1); /* no run is left: the next one begins with it */
    run_with(k, &new, "r-4", 100);
    keeper_close(k);
    assert_int_equal(rows_of(k, NULL), 1);
    assert_int_equal(keeper_mistakes(k), 0);
}

static void test_a_library_that_was_gone_back_to_is_the_newest_again(void **state)
{
    keeper *k = *state;
    run_with(k, &old, "r-1", 100);
    run_with(k, &new, "r-2", 100);
    run_with(k, &old, "r-3", 100);
    run_with(k, &old, "r-4", 5000);
    prune_before(k, 1000);
    assert_int_equal(stored(k, &old), 1);
    assert_int_equal(stored(k, &new), 0);
    run_with(k, &new, "r-5", 5000);
    prune_before(k, 1000);
    keeper_close(k);
    assert_int_equal(stored(k, &old), 1); /* r-4 is left */
    assert_int_equal(stored(k, &new), 1);
    assert_int_equal(keeper_mistakes(k), 0);
}

static void test_a_journal_in_memory_keeps_what_its_runs_began_with(void **state)
{
    (void)state;
    keeper k = {0};
    assert_int_equal(uv_loop_init(&k.loop), 0);
    keeper_open(&k);
    begin_with(&k, &old, "r-1", 100);
    begin_with(&k, &new, "r-2", 100);
    prune_before(&k, 1000);
    assert_true(has(&k, &old));
    keeper_end(&k, "r-1", "done", 100);
    keeper_end(&k, "r-2", "done", 100);
    prune_before(&k, 1000);
    assert_false(has(&k, &old));
    assert_true(has(&k, &new));
    keeper_remove(&k);
}

/* Auditing. */

static void on_mistake(void *data, const journal_mistake *mistake)
{
    char *lines = data;
    size_t len = strlen(lines);
    snprintf(lines + len, 1024 - len, "%s: %s: %s\n", mistake->table, mistake->row, mistake->what);
}

static void expect_mistake(keeper *k, const char *sql, const char *part)
{
    char lines[1024] = "";
    journal_verified sums;
    rip_error err;
    keeper_open(k);
    run_with(k, &old, "r-1", 100);
    keeper_close(k);
    tamper(k, sql);
    assert_int_equal(journal_audit_verify(k->path, NULL, on_mistake, lines, &sums, &err), RIP_OK);
    assert_int_equal(sums.mistakes, 1);
    if (!strstr(lines, part)) fail_msg("%s: %s", sql, lines);
}

static void test_a_library_that_was_changed_removed_or_added_is_found(void **state)
{
    static const struct {
        const char *sql, *part;
    } DEEDS[] = {
        {"UPDATE libraries SET packed = 0", "changed: it is not what its digest stands for"},
        {"UPDATE libraries SET packed = 77", "changed: it cannot be unpacked"},
        {"UPDATE libraries SET digest = 'ab'", "ab (place 3): changed"},
        {"DELETE FROM libraries", "libraries: a library (place 3): removed"},
        {"INSERT INTO libraries SELECT 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 1, 0, x''",
         "e3b0c44298fc (place 1): added"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof DEEDS / sizeof *DEEDS; i++) {
        keeper k;
        keeper_make(&k);
        expect_mistake(&k, DEEDS[i].sql, DEEDS[i].part);
        keeper_remove(&k);
    }
}

static rip_status keep_library_line(void *data, const char *line, size_t len, rip_error *err)
{
    json_t *object = json_loadb(line, len, 0, NULL);
    (void)err;
    if (strcmp(text_at(object, "kind"), "library") == 0) json_array_append(data, object);
    json_decref(object);
    return RIP_OK;
}

static void test_an_export_tells_a_library_by_its_digest(void **state)
{
    keeper *k = *state;
    json_t *lines = json_array();
    int64_t last = 0;
    rip_error err;
    run_with(k, &old, "r-1", 100);
    keeper_close(k);
    assert_int_equal(journal_audit_export(k->path, 0, keep_library_line, lines, &last, &err), RIP_OK);
    assert_int_equal(json_array_size(lines), 1);
    assert_string_equal(text_at(lines, "0.content"), old.digest);
    assert_string_equal(text_at(lines, "0.run"), "");
    json_decref(lines);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_many_runs_share_one_copy_which_comes_back_with_the_one_that_had_not_ended),
        ON(test_only_what_a_run_goes_on_with_comes_back),
        ON(test_a_copy_that_is_missing_or_damaged_does_not_come_back_and_holds_nobody_up),
        ON(test_a_journal_from_before_libraries_were_kept_is_brought_up_to_date),
        ON(test_a_library_goes_with_the_last_run_of_its_time_and_the_newest_stays),
        ON(test_a_library_that_was_gone_back_to_is_the_newest_again),
        ON(test_a_journal_in_memory_keeps_what_its_runs_began_with),
        ON(test_a_library_that_was_changed_removed_or_added_is_found),
        ON(test_an_export_tells_a_library_by_its_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
