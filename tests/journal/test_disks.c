/* What becomes of a journal when its disk is full, or may not be written. */
#include "tests/journal/keepers.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/log.h"

static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    *state = k;
    rip_log_open(NULL, RIP_LOG_TEXT, RIP_LOG_OFF);
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void count_call(uv_timer_t *timer)
{
    ++*(int *)timer->data;
}

/* Let the loop run for so long. */
static void linger(keeper *k, unsigned ms)
{
    uv_timer_t timer;
    int fired = 0;
    uv_timer_init(&k->loop, &timer);
    timer.data = &fired;
    uv_timer_start(&timer, count_call, ms, 0);
    keeper_wait(k, &fired, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&k->loop, UV_RUN_NOWAIT);
}

static void arrive_and_do_not_wait(keeper *k, const char *id, answer *a)
{
    char event[20000];
    unsigned seed = 7;
    for (size_t i = 0; i < sizeof event; i++) event[i] = (char)('a' + rand_r(&seed) % 26);
    event[0] = event[sizeof event - 1] = '"';
    json_t *finding = json_pack("{s:s, s:s}", "id", id, "version", "1");
    journal_wanted wanted = {.record = json_pack("{s:s}", "id", id)};
    journal_arrival arrival = {
        .finding = finding, .event = event, .event_len = sizeof event, .wanted = &wanted, .wanted_count = 1};
    journal_accept(k->j, &arrival, on_answer, a);
    json_decref(wanted.record);
    json_decref(finding);
}

static void test_a_full_disk_holds_up_what_waits_and_all_goes_on_in_order_when_there_is_room(void **state)
{
    keeper *k = *state;
    answer first = {0}, second = {0};
    int written = 0;
    keeper_open(k);
    keeper_whole_run(k, "f-0", "r-0", 1);
    limit_files(8192);
    arrive_and_do_not_wait(k, "f-1", &first);
    linger(k, 50);
    arrive_and_do_not_wait(k, "f-2", &second);
    json_t *record = json_pack("{s:s, s:i}", "id", "f-1", "started", 1);
    journal_run_begin(k->j, record, on_done, &written);
    assert_int_equal(written, 1);
    linger(k, 600);
    assert_int_equal(first.count + second.count, 0);
    assert_int_equal(keeper_count(k), 1);
    limit_files(RLIM_INFINITY);
    keeper_wait(k, &second.count, 1);
    assert_int_equal(first.status, RIP_OK);
    assert_int_equal(second.status, RIP_OK);
    assert_int_equal(keeper_count(k), 3);
    keeper_close(k);
    assert_int_equal(keeper_mistakes(k), 0);
    json_decref(record);
    json_decref(first.value);
    json_decref(second.value);
}

static void test_a_journal_that_gives_up_tells_everybody_and_writes_nothing_more(void **state)
{
    keeper *k = *state;
    answer waiting = {0}, late = {0}, question = {0};
    rip_error err;
    const journal_options options = {
        .path = k->path, .access = JOURNAL_OWN, .loop = &k->loop, .owner = "test", .give_up_after_ms = 300};
    assert_int_equal(journal_open_sqlite(&options, &k->j, &err), RIP_OK);
    keeper_whole_run(k, "f-0", "r-0", 1);
    limit_files(8192);
    arrive_and_do_not_wait(k, "f-1", &waiting);
    keeper_wait(k, &waiting.count, 1);
    assert_int_equal(waiting.status, RIP_EIO);
    limit_files(RLIM_INFINITY);
    arrive_and_do_not_wait(k, "f-2", &late);
    keeper_wait(k, &late.count, 1);
    assert_int_equal(late.status, RIP_EIO);
    journal_read_run(k->j, "r-0", on_answer, &question);
    keeper_wait(k, &question.count, 1);
    assert_int_equal(question.status, RIP_OK);
    json_decref(question.value);
    keeper_close(k);
    keeper_open(k);
    assert_int_equal(keeper_count(k), 1);
}

static void test_a_journal_closed_on_a_full_disk_keeps_what_was_safe(void **state)
{
    keeper *k = *state;
    answer waiting = {0};
    keeper_open(k);
    keeper_whole_run(k, "f-0", "r-0", 1);
    limit_files(8192);
    arrive_and_do_not_wait(k, "f-1", &waiting);
    keeper_close(k);
    limit_files(RLIM_INFINITY);
    assert_int_equal(waiting.count, 0);
    keeper_open(k);
    assert_int_equal(keeper_count(k), 1);
}

/* As somebody who may write neither the files nor their folder: what a disk that is mounted to be read gives. */
static int in_a_process_without_rights(keeper *k, int (*look)(keeper *k))
{
    int how;
    pid_t child = fork();
    if (child == 0) {
        uv_loop_fork(&k->loop);
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
        _exit(look(k));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static int opening_is_denied(keeper *k)
{
    rip_error err = {RIP_OK, ""};
    return keeper_try(k, JOURNAL_OWN, &k->j, &err) == RIP_EDENIED && strstr(err.message, "journal.db") ? 0 : 1;
}

static int reading_works(keeper *k)
{
    rip_error err = {RIP_OK, ""};
    answer a = {0};
    if (keeper_try(k, JOURNAL_READ, &k->j, &err) != RIP_OK) return 1;
    journal_read_run(k->j, "r-1", on_answer, &a);
    return a.status == RIP_OK && strcmp(text_at(a.value, "record.outcome"), "done") == 0 ? 0 : 2;
}

static void test_a_journal_that_may_not_be_written_is_refused_to_who_writes_and_open_to_who_looks(void **state)
{
    keeper *k = *state;
    keeper_open(k);
    keeper_whole_run(k, "f-1", "r-1", 1);
    keeper_close(k);
    assert_int_equal(chmod(k->path, 0444), 0);
    assert_int_equal(chmod(k->folder, 0555), 0);
    assert_int_equal(in_a_process_without_rights(k, opening_is_denied), 0);
    assert_int_equal(in_a_process_without_rights(k, reading_works), 0);
    assert_int_equal(chmod(k->folder, 0755), 0);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_a_full_disk_holds_up_what_waits_and_all_goes_on_in_order_when_there_is_room),
        ON(test_a_journal_that_gives_up_tells_everybody_and_writes_nothing_more),
        ON(test_a_journal_closed_on_a_full_disk_keeps_what_was_safe),
        ON(test_a_journal_that_may_not_be_written_is_refused_to_who_writes_and_open_to_who_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
