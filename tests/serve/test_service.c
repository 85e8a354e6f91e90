/* What a service needs around it: its manager's socket, files that change, traces. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/serve/privileges.h"
#include "engine/serve/systemd.h"
#include "engine/serve/trace.h"
#include "engine/serve/watch.h"
#include "tests/aws/loopback.h"

typedef struct place {
    char folder[64];
    uv_loop_t loop;
    rip_clock *clock;
} place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->folder, "/tmp/riposte-service-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    assert_int_equal(uv_loop_init(&p->loop), 0);
    p->clock = rip_clock_new_real(&p->loop);
    assert_non_null(p->clock);
    *state = p;
    return 0;
}

static int take_away(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static int teardown(void **state)
{
    place *p = *state;
    rip_clock_free(p->clock);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    assert_int_equal(nftw(p->folder, take_away, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(p);
    return 0;
}

/* The manager. */

static int manager(const char *path, size_t len)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    return fd;
}

static void expect_told(int fd, const char *text)
{
    char got[128] = "";
    assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
    assert_string_equal(got, text);
    close(fd);
}

static void test_the_manager_is_told_on_its_socket(void **state)
{
    const place *p = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/notify", p->folder);
    int fd = manager(path, strlen(path));
    setenv("NOTIFY_SOCKET", path, 1);
    assert_true(systemd_tell("READY=1\nSTATUS=at work"));
    expect_told(fd, "READY=1\nSTATUS=at work");
}

static void test_abstract_sockets_have_names_without_a_file(void **state)
{
    (void)state;
    char path[96];
    int len = snprintf(path, sizeof path, "@riposte-test-%ld", (long)getpid());
    path[0] = '\0';
    int fd = manager(path, (size_t)len);
    path[0] = '@';
    setenv("NOTIFY_SOCKET", path, 1);
    assert_true(systemd_tell("STOPPING=1"));
    expect_told(fd, "STOPPING=1");
}

static void test_without_a_manager_nothing_is_told(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_false(systemd_tell("READY=1"));
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    assert_false(systemd_tell("READY=1"));
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_false(systemd_tell("READY=1"));
}

static void test_the_watchdog_is_this_process_own(void **state)
{
    (void)state;
    char pid[24];
    setenv("NOTIFY_SOCKET", "/run/notify", 1);
    setenv("WATCHDOG_USEC", "60000000", 1);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(systemd_watchdog_ms(), 60000);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(systemd_watchdog_ms(), 60000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(systemd_watchdog_ms(), 0);
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "12x", 1);
    assert_int_equal(systemd_watchdog_ms(), 0);
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(systemd_watchdog_ms(), 0);
}

static void test_a_user_that_is_not_there_is_not_become(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(privileges_drop("no-such-user-here", &err), RIP_ENOTFOUND);
    assert_non_null(strstr(err.message, "no-such-user-here"));
}

/* Files. */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_any_change_of_playbooks_changes_the_signature(void **state)
{
    const place *p = *state;
    const char *const paths[] = {p->folder, "/nonexistent"};
    char below[96];
    uint64_t empty = watch_signature(paths, 2);
    write_file(p->folder, "a.lua", "1");
    uint64_t one = watch_signature(paths, 2);
    assert_true(one != empty);
    assert_true(watch_signature(paths, 2) == one);
    write_file(p->folder, "notes.txt", "1");
    assert_true(watch_signature(paths, 2) == one); /* no playbook */
    write_file(p->folder, "a.lua", "12");
    assert_true(watch_signature(paths, 2) != one);
    one = watch_signature(paths, 2);
    snprintf(below, sizeof below, "%s/a", p->folder);
    assert_int_equal(mkdir(below, 0700), 0);
    write_file(below, "module.lua", "1");
    assert_true(watch_signature(paths, 2) != one);
}

static void on_changed(void *data)
{
    ++*(unsigned *)data;
}

static void spin(place *p, unsigned ms)
{
    int64_t until = rip_clock_monotonic(p->clock) + ms;
    while (rip_clock_monotonic(p->clock) < until) {
        uv_run(&p->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void test_a_change_is_told_once(void **state)
{
    place *p = *state;
    unsigned told = 0;
    rip_error err;
    watch *w = NULL;
    write_file(p->folder, "a.lua", "1");
    const char *const paths[] = {p->folder};
    watch_options options = {p->clock, paths, 1, 10, on_changed, &told};
    assert_int_equal(watch_start(&options, &w, &err), RIP_OK);
    spin(p, 100);
    assert_int_equal(told, 0);
    write_file(p->folder, "a.lua", "two");
    spin(p, 150);
    assert_int_equal(told, 1);
    watch_free(w);
}

/* Traces. */

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define BUSY_REPLY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

typedef struct collector {
    const char *reply;
    char *request;
    unsigned requests;
} collector;

static loopback_reply on_spans(void *data, const char *request)
{
    collector *c = data;
    free(c->request);
    c->request = strdup(request);
    c->requests++;
    return (loopback_reply){.bytes = c->reply};
}

static json_t *sent_spans(const collector *c)
{
    json_error_t why;
    const char *body = strstr(c->request, "\r\n\r\n");
    assert_non_null(body);
    json_t *all = json_loads(body + 4, 0, &why);
    assert_non_null(all);
    json_t *scope =
        json_array_get(json_object_get(json_array_get(json_object_get(all, "resourceSpans"), 0), "scopeSpans"), 0);
    json_t *spans = json_incref(json_object_get(scope, "spans"));
    json_decref(all);
    return spans;
}

static const char *field(const json_t *spans, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(spans, i), key));
}

static void ignore(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    (void)status;
    (void)err;
}

static journal *with_a_run(json_t **record)
{
    rip_error err;
    journal *j = NULL;
    assert_int_equal(journal_open_memory(&j, &err), RIP_OK);
    json_t *queued = json_pack("{s:s, s:s, s:s, s:I, s:{s:s, s:s}}", "id", "run-1", "playbook", "p", "mode", "enforce",
                               "queued", (json_int_t)1000, "finding", "id", "f", "version", "1");
    journal_run_queue(j, queued, ignore, NULL);
    json_t *begun = json_pack("{s:s, s:s, s:I}", "id", "run-1", "text", "", "started", (json_int_t)2000);
    journal_run_begin(j, begun, ignore, NULL);
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "service", "ecs", "operation", "DeleteCluster", "region", "us-east-1");
    journal_step step = {.path = "",
                         .number = 1,
                         .kind = "aws",
                         .phase = "contain",
                         .fingerprint = "x",
                         .request = request,
                         .is_change = true,
                         .started_ms = 2100};
    journal_step_start(j, "run-1", &step, ignore, NULL);
    step.state = JOURNAL_FINISHED;
    step.outcome = "failed";
    step.finished_ms = 2300;
    step.reply = json_pack("{s:s}", "code", "AccessDenied");
    journal_step_finish(j, "run-1", &step, ignore, NULL);
    json_t *outcome = json_pack("{s:s, s:I}", "outcome", "done", "finished", (json_int_t)3000);
    journal_run_end(j, "run-1", outcome, NULL, ignore, NULL);
    *record = journal_run(j, "run-1");
    json_decref(step.reply);
    json_decref(request);
    json_decref(queued);
    json_decref(begun);
    json_decref(outcome);
    return j;
}

typedef struct stage {
    collector collector;
    loopback *server;
    trace *trace;
    journal *journal;
    json_t *record;
} stage;

static void open_stage(place *p, stage *s, const char *reply)
{
    char url[64];
    rip_error err;
    *s = (stage){.collector.reply = reply};
    s->server = loopback_start(&p->loop, on_spans, &s->collector);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/traces", loopback_port(s->server));
    trace_options options = {p->clock, url, "1.0"};
    assert_int_equal(trace_new(&options, &s->trace, &err), RIP_OK);
    s->journal = with_a_run(&s->record);
}

static void close_stage(stage *s)
{
    trace_free(s->trace);
    journal_close(s->journal);
    loopback_stop(s->server);
    free(s->collector.request);
}

static void test_a_run_is_a_span_and_its_steps_are_below_it(void **state)
{
    place *p = *state;
    stage s;
    open_stage(p, &s, OK_REPLY);
    trace_run(s.trace, s.journal, s.record, NULL);
    for (int i = 0; i < 400 && trace_waiting(s.trace) > 0; i++) spin(p, 10);
    json_t *spans = sent_spans(&s.collector);
    assert_int_equal(json_array_size(spans), 2);
    assert_string_equal(field(spans, 0, "name"), "run p");
    assert_string_equal(field(spans, 0, "startTimeUnixNano"), "2000000000");
    assert_string_equal(field(spans, 0, "endTimeUnixNano"), "3000000000");
    assert_null(field(spans, 0, "parentSpanId"));
    assert_string_equal(field(spans, 1, "name"), "ecs:DeleteCluster");
    assert_string_equal(field(spans, 1, "parentSpanId"), field(spans, 0, "spanId"));
    assert_string_equal(field(spans, 1, "traceId"), field(spans, 0, "traceId"));
    assert_int_equal(strlen(field(spans, 0, "traceId")), 32);
    assert_int_equal(strlen(field(spans, 0, "spanId")), 16);
    const json_t *status = json_object_get(json_array_get(spans, 1), "status");
    assert_int_equal(json_integer_value(json_object_get(status, "code")), 2);
    assert_string_equal(json_string_value(json_object_get(status, "message")), "AccessDenied");
    assert_non_null(strstr(s.collector.request, "POST /v1/traces"));
    assert_int_equal(trace_dropped(s.trace), 0);
    json_decref(spans);
    close_stage(&s);
}

static void test_a_trace_that_came_with_the_finding_goes_on(void **state)
{
    place *p = *state;
    stage s;
    open_stage(p, &s, OK_REPLY);
    json_t *finding =
        json_pack("{s:{s:s}}", "event", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    json_t *broken =
        json_pack("{s:{s:s}}", "event", "traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01");
    trace_run(s.trace, s.journal, s.record, finding);
    trace_run(s.trace, s.journal, s.record, broken);
    for (int i = 0; i < 400 && trace_waiting(s.trace) > 0; i++) spin(p, 10);
    json_t *spans = sent_spans(&s.collector);
    assert_int_equal(json_array_size(spans), 4);
    assert_string_equal(field(spans, 0, "traceId"), "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(field(spans, 0, "parentSpanId"), "b7ad6b7169203331");
    assert_null(field(spans, 2, "parentSpanId"));
    json_decref(spans);
    json_decref(finding);
    json_decref(broken);
    close_stage(&s);
}

static void test_a_collector_that_is_down_loses_spans_and_nothing_else(void **state)
{
    place *p = *state;
    stage s;
    open_stage(p, &s, BUSY_REPLY);
    trace_run(s.trace, s.journal, s.record, NULL);
    for (int i = 0; i < 400 && trace_waiting(s.trace) > 0; i++) spin(p, 10);
    assert_int_equal(trace_dropped(s.trace), 2);
    assert_int_equal(trace_waiting(s.trace), 0);
    for (int i = 0; i < 6000; i++) trace_run(s.trace, s.journal, s.record, NULL);
    assert_int_equal(trace_waiting(s.trace), 10000);
    assert_int_equal(trace_dropped(s.trace), 2 + 2000);
    close_stage(&s);
}

static void test_an_endpoint_that_is_none_is_refused(void **state)
{
    const place *p = *state;
    static const char *const WRONG[] = {"127.0.0.1:4318",    "ftp://host/x", "http://",
                                        "http://user@host/", "http://a b/",  "http:///v1/traces"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        rip_error err;
        trace *t = NULL;
        trace_options options = {p->clock, WRONG[i], "1"};
        assert_int_equal(trace_new(&options, &t, &err), RIP_EINVAL);
        assert_null(t);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_manager_is_told_on_its_socket),
        TEST(test_abstract_sockets_have_names_without_a_file),
        TEST(test_without_a_manager_nothing_is_told),
        TEST(test_the_watchdog_is_this_process_own),
        TEST(test_a_user_that_is_not_there_is_not_become),
        TEST(test_any_change_of_playbooks_changes_the_signature),
        TEST(test_a_change_is_told_once),
        TEST(test_a_run_is_a_span_and_its_steps_are_below_it),
        TEST(test_a_trace_that_came_with_the_finding_goes_on),
        TEST(test_a_collector_that_is_down_loses_spans_and_nothing_else),
        TEST(test_an_endpoint_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
