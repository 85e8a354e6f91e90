/* What becomes of a journal when the process, the disk or the file fails it. */
#include "tests/journal/keepers.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/journal/audit.h"
#include "engine/journal/sqlite_schema.h"

static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    *state = k;
    rip_log_open(NULL, RIP_LOG_TEXT, RIP_LOG_OFF);
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static void path_of(const keeper *k, const char *suffix, char out[128])
{
    snprintf(out, 128, "%s%s", k->path, suffix);
}

typedef struct blob {
    char *bytes;
    size_t len;
} blob;

static blob read_whole(const char *path)
{
    blob b = {NULL, 0};
    FILE *in = fopen(path, "rb");
    if (!in) return b;
    fseek(in, 0, SEEK_END);
    b.len = (size_t)ftell(in);
    rewind(in);
    b.bytes = malloc(b.len + 1);
    assert_non_null(b.bytes);
    assert_int_equal(fread(b.bytes, 1, b.len, in), b.len);
    fclose(in);
    return b;
}

static void write_whole(const char *path, const char *text, size_t len)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* Processes. */

/* A process that writes runs and steps, tells through a pipe what was said to be safe, and is killed by its own hand.
 */
static void write_until_killed(keeper *k, int pipe, unsigned steps)
{
    char run[16];
    keeper_open(k);
    for (unsigned n = 1;; n++) {
        snprintf(run, sizeof run, "r-%u", n);
        json_decref(keeper_arrive(k, run, "1", run, n));
        keeper_begin(k, run);
        for (unsigned i = 1; i <= 3; i++) {
            if (steps-- == 0) kill(getpid(), SIGKILL);
            keeper_start(k, run, "", i, i == 2 ? JOURNAL_SAFE : JOURNAL_LIGHT);
            if (i == 2 && write(pipe, &n, sizeof n) != sizeof n) _exit(1);
            keeper_finish(k, run, "", i);
        }
        keeper_end(k, run, "done", n);
    }
}

static unsigned killed_after(keeper *k, unsigned steps)
{
    int ends[2], how;
    unsigned told = 0, n;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uv_loop_fork(&k->loop);
        write_until_killed(k, ends[1], steps);
    }
    close(ends[1]);
    while (read(ends[0], &n, sizeof n) == sizeof n) told = n;
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
    return told;
}

static void test_what_was_safe_outlives_a_kill_and_the_chain_is_whole(void **state)
{
    for (unsigned steps = 0; steps < 40; steps += 3) {
        keeper k;
        char run[16];
        keeper_make(&k);
        unsigned told = killed_after(&k, steps);
        if (told > 0) assert_int_equal(keeper_mistakes(&k), 0); /* who looks needs nobody to have tidied up */
        keeper_open(&k);
        json_decref(keeper_recover(&k));
        for (unsigned n = 1; n <= told; n++) {
            snprintf(run, sizeof run, "r-%u", n);
            json_t *whole = keeper_read(&k, run);
            assert_true(json_array_size(json_object_get(whole, "steps")) >= 2);
            assert_string_equal(text_at(whole, "finding.id"), run);
            if (n < told) assert_string_equal(text_at(whole, "record.outcome"), "done");
            json_decref(whole);
        }
        keeper_close(&k);
        assert_int_equal(keeper_mistakes(&k), 0);
        keeper_remove(&k);
    }
    (void)state;
}

static void test_another_process_is_kept_out_until_the_owner_is_gone_even_if_it_was_killed(void **state)
{
    keeper *k = *state;
    int ends[2], how;
    char ready;
    rip_error err;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uv_loop_fork(&k->loop);
        keeper_open(k);
        if (write(ends[1], "r", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)child);
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EAGAIN);
    assert_non_null(strstr(err.message, pid));
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    close(ends[0]);
    close(ends[1]);
    keeper_open(k);
}

/* Damage. */

/* Three whole runs and one under way. With `wal`, all but the first run is left in the -wal file, as after a kill. */
static void write_some(keeper *k, blob *database, blob *wal)
{
    char path[128], suffix[] = "-wal";
    keeper_open(k);
    keeper_whole_run(k, "f-1", "r-1", 1);
    if (wal) {
        keeper_close(k);
        keeper_open(k);
    }
    keeper_whole_run(k, "f-2", "r-2", 2);
    keeper_whole_run(k, "f-3", "r-3", 3);
    json_decref(keeper_arrive(k, "f-4", "1", "r-4", 4));
    path_of(k, suffix, path);
    if (wal) {
        *database = read_whole(k->path);
        *wal = read_whole(path);
        assert_true(wal->len > 0);
    }
    keeper_close(k);
    if (!wal) *database = read_whole(k->path);
}

static void run_sql(const keeper *k, const char *sql)
{
    sqlite3 *file;
    assert_int_equal(sqlite3_open(k->path, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(file);
}

static void put_back(const keeper *k, const char *text, size_t len, const char *wal, size_t wal_len)
{
    char path[128];
    path_of(k, "-shm", path);
    unlink(path);
    path_of(k, "-wal", path);
    unlink(path);
    if (wal) write_whole(path, wal, wal_len);
    write_whole(k->path, text, len);
}

static void test_a_journal_cut_at_any_byte_is_refused_and_says_what_to_do(void **state)
{
    keeper *k = *state;
    blob whole;
    write_some(k, &whole, NULL);
    for (size_t len = 0; len < whole.len; len += len < 8192 ? 97 : 1009) {
        rip_error err = {RIP_OK, ""};
        put_back(k, whole.bytes, len, NULL, 0);
        rip_status status = keeper_try(k, JOURNAL_OWN, &k->j, &err);
        if (status != RIP_EINVAL) fail_msg("cut at %zu of %zu: %d %s", len, whole.len, (int)status, err.message);
        assert_non_null(strstr(err.message, "restore it from a backup"));
        k->j = NULL;
    }
    put_back(k, whole.bytes, whole.len, NULL, 0);
    keeper_open(k);
    assert_int_equal(keeper_count(k), 4);
    free(whole.bytes);
}

static void test_a_wal_cut_at_any_byte_leaves_what_was_committed_before_it(void **state)
{
    keeper *k = *state;
    blob database, wal;
    size_t before = 0;
    write_some(k, &database, &wal);
    for (size_t len = 0; len <= wal.len; len += len + 1009 > wal.len && len < wal.len ? wal.len - len : 1009) {
        put_back(k, database.bytes, database.len, wal.bytes, len);
        keeper_open(k);
        size_t runs = keeper_count(k);
        keeper_close(k);
        assert_int_equal(keeper_mistakes(k), 0);
        assert_true(runs >= 1 && runs >= before);
        before = runs;
    }
    assert_int_equal(before, 4);
    free(database.bytes);
    free(wal.bytes);
}

/* Whether the run that was under way comes back as it was. */
static bool comes_back(keeper *k)
{
    answer a = {0};
    journal_recover(k->j, on_answer, &a);
    keeper_wait(k, &a.count, 1);
    bool whole = a.status == RIP_OK && strcmp(text_at(a.value, "0.record.id"), "r-4") == 0 &&
                 strcmp(text_at(a.value, "0.finding.event.id"), "f-4") == 0;
    json_decref(a.value);
    return whole;
}

/* All of the -wal file is in the database too, and then it loses its end: what is left of it would take some pages back
 * to an older state, and others not. */
static void test_a_wal_cut_after_a_checkpoint_is_never_put_over_newer_pages_unnoticed(void **state)
{
    keeper *k = *state;
    char path[128];
    keeper_open(k);
    for (int i = 1; i <= 9; i++) {
        char id[8];
        snprintf(id, sizeof id, "r-%d", i);
        keeper_whole_run(k, id, id, i);
    }
    run_sql(k, "PRAGMA wal_checkpoint(PASSIVE)");
    path_of(k, "-wal", path);
    blob database = read_whole(k->path), wal = read_whole(path);
    keeper_close(k);
    size_t refused = 0;
    for (size_t len = 0; len <= wal.len; len += 2060) {
        rip_error err = {RIP_OK, ""};
        put_back(k, database.bytes, database.len, wal.bytes, len);
        if (keeper_try(k, JOURNAL_OWN, &k->j, &err) == RIP_OK) {
            size_t runs = keeper_count(k);
            keeper_close(k);
            if (runs != 9 || keeper_mistakes(k) != 0) fail_msg("cut at %zu of %zu: %zu runs", len, wal.len, runs);
        } else {
            assert_int_equal(err.status, RIP_EINVAL);
            k->j = NULL;
            refused++;
        }
    }
    assert_true(refused > 0);
    free(database.bytes);
    free(wal.bytes);
}

static void test_bytes_overwritten_anywhere_never_crash_and_are_found_where_they_matter(void **state)
{
    keeper *k = *state;
    blob whole;
    size_t refused = 0, found = 0;
    write_some(k, &whole, NULL);
    char *spoilt = malloc(whole.len);
    assert_non_null(spoilt);
    for (size_t at = 0; at < whole.len; at += 509) {
        rip_error err = {RIP_OK, ""};
        memcpy(spoilt, whole.bytes, whole.len);
        for (size_t i = at; i < at + 16 && i < whole.len; i++) spoilt[i] = (char)~spoilt[i];
        put_back(k, spoilt, whole.len, NULL, 0);
        if (keeper_try(k, JOURNAL_OWN, &k->j, &err) != RIP_OK) {
            assert_true(err.status == RIP_EINVAL || err.status == RIP_EIO);
            k->j = NULL;
            refused++;
            continue;
        }
        bool came_back = comes_back(k);
        keeper_close(k);
        bool is_found = keeper_try_mistakes(k, &err) != 0;
        found += is_found;
        if (!came_back && !is_found) fail_msg("bytes %zu to %zu hide a run from everybody", at, at + 16);
    }
    assert_true(refused > 0 && found > 0);
    put_back(k, whole.bytes, whole.len, NULL, 0);
    free(spoilt);
    free(whole.bytes);
}

static void expect_refusal(keeper *k, const char *words)
{
    rip_error err = {RIP_OK, ""};
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EINVAL);
    if (!strstr(err.message, words)) fail_msg("%s", err.message);
    assert_int_equal(keeper_try(k, JOURNAL_READ, &k->j, &err), RIP_EINVAL);
    k->j = NULL;
}

static void test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(void **state)
{
    keeper *k = *state;
    char text[8192];
    memset(text, 'x', sizeof text);
    write_whole(k->path, text, sizeof text);
    expect_refusal(k, "no journal");
    blob after = read_whole(k->path);
    assert_int_equal(after.len, sizeof text);
    free(after.bytes);
    unlink(k->path);
    run_sql(k, "CREATE TABLE accounts (id INTEGER)");
    expect_refusal(k, "another program");
}

static void test_a_journal_that_was_never_begun_is_said_to_hold_nothing_yet_and_can_be_begun(void **state)
{
    keeper *k = *state;
    rip_error err = {RIP_OK, ""};
    write_whole(k->path, "", 0);
    assert_int_equal(keeper_try(k, JOURNAL_READ, &k->j, &err), RIP_EINVAL);
    if (!strstr(err.message, "holds nothing yet")) fail_msg("%s", err.message);
    keeper_open(k);
    keeper_close(k);
}

static void test_an_emptied_journal_is_not_taken_for_a_new_one(void **state)
{
    keeper *k = *state;
    keeper_open(k);
    keeper_close(k);
    write_whole(k->path, "", 0);
    rip_error err;
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, ".key says that it was not"));
    unlink(k->path);
    assert_int_equal(keeper_try(k, JOURNAL_OWN, &k->j, &err), RIP_EINVAL);
    k->j = NULL;
}

static void test_a_journal_of_a_newer_version_is_refused(void **state)
{
    keeper *k = *state;
    keeper_open(k);
    keeper_close(k);
    run_sql(k, "PRAGMA user_version = 999");
    expect_refusal(k, "written by a newer Riposte");
}

static void test_migrations_are_taken_in_order_once_each_and_a_failed_one_leaves_all_as_it_was(void **state)
{
    keeper *k = *state;
    static const char *const STEPS[] = {"CREATE TABLE log (n INTEGER); INSERT INTO log VALUES (1)",
                                        "INSERT INTO log VALUES (2)", "INSERT INTO log SELECT 10 * count(*) FROM log"};
    const char *const broken[] = {STEPS[0], STEPS[1], "INSERT INTO log VALUES (7); INSERT INTO nowhere VALUES (1)"};
    static const char SUM[] = "SELECT sum(n) FROM log";
    rip_error err;
    db d;
    write_whole(k->path, "", 0);
    assert_int_equal(db_open(&d, k->path, DB_WRITE, &err), RIP_OK);
    assert_int_equal(schema_migrate(&d, STEPS, 1, &err), RIP_OK);
    assert_int_equal(db_number(&d, SUM, 0, ""), 1);
    assert_int_not_equal(schema_migrate(&d, broken, 3, &err), RIP_OK);
    assert_non_null(strstr(err.message, "to version 3"));
    assert_int_equal(db_number(&d, SUM, 0, ""), 1);
    assert_int_equal(schema_migrate(&d, STEPS, 3, &err), RIP_OK);
    assert_int_equal(schema_migrate(&d, STEPS, 3, &err), RIP_OK);
    assert_int_equal(db_number(&d, SUM, 0, ""), 1 + 2 + 20);
    assert_int_equal(schema_migrate(&d, STEPS, 2, &err), RIP_EINVAL);
    db_close(&d);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_what_was_safe_outlives_a_kill_and_the_chain_is_whole),
        ON(test_another_process_is_kept_out_until_the_owner_is_gone_even_if_it_was_killed),
        ON(test_a_journal_cut_at_any_byte_is_refused_and_says_what_to_do),
        ON(test_a_wal_cut_at_any_byte_leaves_what_was_committed_before_it),
        ON(test_a_wal_cut_after_a_checkpoint_is_never_put_over_newer_pages_unnoticed),
        ON(test_bytes_overwritten_anywhere_never_crash_and_are_found_where_they_matter),
        ON(test_a_file_that_is_no_journal_is_refused_and_left_as_it_is),
        ON(test_a_journal_that_was_never_begun_is_said_to_hold_nothing_yet_and_can_be_begun),
        ON(test_an_emptied_journal_is_not_taken_for_a_new_one),
        ON(test_a_journal_of_a_newer_version_is_refused),
        ON(test_migrations_are_taken_in_order_once_each_and_a_failed_one_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
