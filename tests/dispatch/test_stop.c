/* A run that is stopped while it is on its way to a change: from then on it sends nothing. */
#include "engine/dispatch/words.h"
#include "tests/dispatch/world.h"

#define MS_MOST 400
#define CHANGES                                                                                                        \
    "run:parallel({ 'a', 'b' }, function(name) run.aws.ecs():delete_cluster { cluster = name } end) "                  \
    "run.aws.ecs():delete_cluster { cluster = 'c' }"

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

static void on_said(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)value;
    (void)err;
    *(rip_status *)data = status;
}

/* What the cancelling timer knows, and what it saw. */
typedef struct plot {
    world *world;
    rip_timer timer;
    bool was_under_way;
    size_t sent;
} plot;

static void cancel(void *data)
{
    plot *p = data;
    json_t *found = NULL;
    const journal_filter filter = {0};
    journal_find_runs(p->world->journal, &filter, keep_answer, &found);
    const json_t *id = json_object_get(json_array_get(found, 0), "id");
    json_t *word = json_pack("{s:s, s:s, s:O?}", "do", "cancel", "who", "alice", "run", id);
    rip_status status = RIP_EAGAIN;
    words_perform(p->world->dispatch, word, on_said, &status);
    p->was_under_way = status == RIP_OK;
    p->sent = json_array_size(fake_aws_sent(p->world->fake));
    json_decref(word);
    json_decref(found);
}

/* Cancelled so long after it began, ahead of whatever else that moment holds. False: by then it was done. */
static bool cancel_at(unsigned ms, bool fails_at_first)
{
    void *state = NULL;
    dispatch_setup(&state);
    world *w = state;
    plot p = {.world = w};
    if (fails_at_first) /* then the client tries again, and waits before */
        json_object_set_new(w->replies, "DeleteCluster",
                            json_pack("{s:s, s:i}", "$error", "ServerException", "status", 500));
    playbook(w, "a", "", CHANGES);
    open_dispatch(w);
    rip_timer_start(&p.timer, w->clock, ms, cancel, &p);
    event(w, "1", NOON);
    while (dispatch_backlog(w->dispatch) > 0) uv_run(&w->loop, UV_RUN_ONCE);
    rip_timer_stop(&p.timer);
    if (p.was_under_way) assert_int_equal(json_array_size(fake_aws_sent(w->fake)), p.sent);
    dispatch_teardown(&state);
    return p.was_under_way;
}

static void test_a_run_that_was_cancelled_sends_nothing_from_then_on(void **state)
{
    (void)state;
    unsigned ms = 1;
    while (ms < MS_MOST && cancel_at(ms, false)) ms++;
    assert_in_range(ms, 2, MS_MOST - 1); /* it was done at some time */
}

static void test_a_run_that_was_cancelled_tries_nothing_again(void **state)
{
    (void)state;
    for (unsigned ms = 1; ms < MS_MOST; ms++) assert_true(cancel_at(ms, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_that_was_cancelled_sends_nothing_from_then_on),
        cmocka_unit_test(test_a_run_that_was_cancelled_tries_nothing_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
