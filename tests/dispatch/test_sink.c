/* What live sources are told of their documents. */
#include <string.h>

#include "engine/dispatch/sink.h"
#include "tests/dispatch/world.h"

#define EVENT(id)                                                                                                      \
    "{\"version\":\"0\",\"id\":\"" id                                                                                  \
    "\",\"detail-type\":\"Test\",\"source\":\"test\",\"account\":\"123456789012\","                                    \
    "\"time\":\"2026-01-01T12:00:00Z\",\"region\":\"us-east-1\",\"resources\":[],\"detail\":{}}"

#define UNWANTED                                                                                                       \
    "{\"version\":\"0\",\"id\":\"1\",\"detail-type\":\"Test\",\"source\":\"other\",\"account\":\"123456789012\","      \
    "\"time\":\"2026-01-01T12:00:00Z\",\"region\":\"us-east-1\",\"resources\":[],\"detail\":{}}"

typedef struct told {
    sink sink;
    unsigned times;
    rip_status status;
} told;

static told here;

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    (void)data;
    (void)origin;
    (void)line;
    sink_fault(&here.sink, err);
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    told *t = data;
    (void)err;
    t->times++;
    t->status = status;
}

static void open_sink(world *w, size_t most)
{
    rip_error err;
    open_dispatch(w);
    dispatch_free(w->dispatch);
    dispatch_options options = {.context = &w->context, .books = w->books, .listener = {.fault = on_fault}};
    assert_int_equal(dispatch_new(&options, &w->dispatch, &err), RIP_OK);
    memset(&here, 0, sizeof here);
    sink_open(&here.sink, w->dispatch, most);
}

static rip_status give(const char *text, rip_error *err)
{
    return here.sink.live.take(here.sink.live.data, text, strlen(text), "test:1", on_kept, &here, err);
}

static void test_a_source_is_told_once_that_its_document_is_kept(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "");
    open_sink(w, 0);
    assert_int_equal(give(EVENT("1"), &err), RIP_OK);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(here.times, 1);
    assert_int_equal(here.status, RIP_OK);
    assert_int_equal(dispatch_count(w->dispatch).runs, 1);
}

static void test_what_no_playbook_wants_is_kept_too(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "");
    open_sink(w, 0);
    assert_int_equal(give(UNWANTED, &err), RIP_OK);
    assert_int_equal(here.times, 1);
}

static void test_what_is_no_json_is_the_sources_to_deal_with(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "");
    open_sink(w, 0);
    assert_int_equal(give("{broken", &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "JSON"));
    assert_int_equal(here.times, 0);
    assert_int_equal(dispatch_count(w->dispatch).faults, 1);
}

static void test_one_bad_event_among_good_ones_is_a_fault_and_the_document_is_kept(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "");
    open_sink(w, 0);
    assert_int_equal(give("[" EVENT("1") ",7]", &err), RIP_OK);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(here.times, 1);
    assert_int_equal(here.status, RIP_OK);
}

static void test_past_the_limit_a_source_is_asked_to_wait(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "run:sleep('1m')");
    open_sink(w, 2);
    assert_int_equal(give(EVENT("1"), &err), RIP_OK);
    assert_int_equal(give(EVENT("2"), &err), RIP_OK);
    assert_int_equal(give(EVENT("3"), &err), RIP_EAGAIN);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(give(EVENT("3"), &err), RIP_OK);
    here.sink.closed = true;
    assert_int_equal(give(EVENT("4"), &err), RIP_EAGAIN);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(here.times, 3);
}

static void test_a_quiet_dispatch_keeps_findings_and_starts_nothing(void **state)
{
    world *w = *state;
    rip_error err;
    playbook(w, "a", "", "");
    open_sink(w, 0);
    dispatch_quiet(w->dispatch);
    assert_int_equal(give(EVENT("1"), &err), RIP_OK);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(here.times, 1);
    assert_int_equal(dispatch_count(w->dispatch).runs, 0);
    assert_int_equal(dispatch_under_way(w->dispatch), 0);
    assert_int_equal(dispatch_backlog(w->dispatch), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_source_is_told_once_that_its_document_is_kept),
        TEST(test_what_no_playbook_wants_is_kept_too),
        TEST(test_what_is_no_json_is_the_sources_to_deal_with),
        TEST(test_one_bad_event_among_good_ones_is_a_fault_and_the_document_is_kept),
        TEST(test_past_the_limit_a_source_is_asked_to_wait),
        TEST(test_a_quiet_dispatch_keeps_findings_and_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
