/* The API: who may do what, what is answered, and that what it does is what its description says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/base/digest.h"
#include "engine/serve/api_private.h"
#include "tests/dispatch/world.h"
#include "tests/serve/talk.h"

#define DELETE "run.aws.ecs():delete_cluster { cluster = 'rogue' }"

/* The server has a loop of its own: on the world's, time flies. */
typedef struct box {
    world *world;
    uv_loop_t loop;
    rip_clock *clock;
    rip_config *config;
    metrics *metrics;
    http_server *server;
    api *api;
    unsigned port;
    bool ready;
} box;

static json_t *more_status(void *data)
{
    (void)data;
    return json_pack("{s:[{s:s}]}", "sources", "name", "queue");
}

static bool is_ready(void *data, const char **why)
{
    *why = "the journal is read";
    return ((box *)data)->ready;
}

/* A link's token is good if it is the run's id with an exclamation mark. */
static rip_status check_link(const journal *j, const char *given, const char *id, int64_t now_ms, rip_error *err)
{
    (void)j;
    (void)now_ms;
    size_t len = strlen(id);
    bool good = strncmp(given, id, len) == 0 && strcmp(given + len, "!") == 0;
    return good ? RIP_OK : rip_fail(err, RIP_EDENIED, "the link has expired");
}

static void set_tokens(box *b)
{
    static const char *const ROLES[] = {"viewer", "approver", "operator"};
    rip_buffer rows = {0};
    rip_error err;
    rip_buffer_putc(&rows, '[');
    for (size_t i = 0; i < 3; i++) {
        char digest[RIP_SHA256_HEX];
        rip_sha256_hex(ROLES[i], strlen(ROLES[i]), digest);
        rip_buffer_printf(&rows, "%s{\"name\":\"the %s\",\"role\":\"%s\",\"sha256\":\"%s\"}", i ? "," : "", ROLES[i],
                          ROLES[i], digest);
    }
    rip_buffer_putc(&rows, ']');
    assert_int_equal(rip_config_set(b->config, "api.tokens", rows.data, &err), RIP_OK);
    rip_buffer_free(&rows);
}

static int setup(void **state)
{
    box *b = calloc(1, sizeof *b);
    void *made = NULL;
    assert_non_null(b);
    dispatch_setup(&made);
    b->world = made;
    uv_loop_init(&b->loop);
    b->clock = rip_clock_new_real(&b->loop);
    b->config = rip_config_new();
    b->metrics = metrics_new();
    b->ready = true;
    set_tokens(b);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    box *b = *state;
    void *made = b->world;
    api_free(b->api);
    http_server_free(b->server);
    metrics_free(b->metrics);
    rip_config_free(b->config);
    rip_clock_free(b->clock);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    dispatch_teardown(&made);
    free(b);
    return 0;
}

static void open_api(box *b)
{
    rip_error err;
    world *w = b->world;
    http_options http = {.loop = &b->loop, .listen = "127.0.0.1:0"};
    assert_int_equal(http_server_new(&http, &b->server, &err), RIP_OK);
    b->port = http_server_port(b->server);
    open_dispatch(w);
    api_options options = {.config = b->config,
                           .clock = b->clock,
                           .dispatch = w->dispatch,
                           .journal = w->journal,
                           .books = &w->books,
                           .metrics = b->metrics,
                           .status = more_status,
                           .ready = is_ready,
                           .link_check = check_link,
                           .data = b};
    rip_status status = api_mount(b->server, &options, &b->api, &err);
    if (status != RIP_OK) print_error("%s\n", err.message);
    assert_int_equal(status, RIP_OK);
}

static void run_all(box *b)
{
    while (dispatch_backlog(b->world->dispatch) > 0) uv_run(&b->world->loop, UV_RUN_ONCE);
}

/* A world with a run that was made, and one plan that waits. */
static void open_with_plan(box *b)
{
    playbook(b->world, "cut", "about = 'Cuts <it> off', mode = 'approve', ", DELETE);
    open_api(b);
    event(b->world, "e<1>", NOON);
    run_all(b);
}

static const char *ask(box *b, const char *who, const char *method, const char *target, const char *body)
{
    char headers[256];
    snprintf(headers, sizeof headers, "%s%s%s%s", who ? "Authorization: Bearer " : "", who ? who : "",
             who ? "\r\n" : "", body ? "Content-Type: application/json\r\n" : "");
    return talk(&b->loop, b->port, method, target, headers, body);
}

static json_t *asked(box *b, const char *who, const char *method, const char *target, const char *body, int status)
{
    json_error_t why;
    const char *answer = ask(b, who, method, target, body);
    if (talk_status(answer) != status) print_error("%s %s: %s\n", method, target, answer);
    assert_int_equal(talk_status(answer), status);
    json_t *value = json_loads(talk_body(answer), 0, &why);
    assert_non_null(value);
    return value;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* The id of the newest run. */
static const char *newest(box *b)
{
    static char id[64];
    json_t *value = asked(b, "viewer", "GET", "/v1/runs?most=1", NULL, 200);
    snprintf(id, sizeof id, "%s", text(json_array_get(json_object_get(value, "runs"), 0), "id"));
    json_decref(value);
    return id;
}

/* Who may. */

static void test_a_token_is_needed_and_its_role_suffices_or_not(void **state)
{
    box *b = *state;
    open_api(b);
    static const char *const WHO[] = {NULL, "nobody", "viewer", "approver", "operator"};
    size_t count;
    const api_route *routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, "/v1/stream") == 0) continue;
        char target[64] = "";
        const char *place = strstr(routes[i].path, "{}");
        snprintf(target, sizeof target, "%.*s%s%s", place ? (int)(place - routes[i].path) : 64, routes[i].path,
                 place ? "x" : "", place ? place + 2 : "");
        for (size_t k = 0; k < 5; k++) {
            int status = talk_status(ask(b, WHO[k], routes[i].method, target, NULL));
            bool known = k >= 2, may = routes[i].role == TOKEN_NONE || (known && (size_t)routes[i].role <= k - 1);
            bool is_page = strcmp(routes[i].path, "/v1/approve") == 0; /* has doors of its own */
            if (is_page) continue;
            assert_int_equal(status == 401, routes[i].role != TOKEN_NONE && !known);
            assert_int_equal(status == 403, routes[i].role != TOKEN_NONE && known && !may);
        }
    }
}

static void test_who_it_was_is_recorded_not_who_they_say(void **state)
{
    box *b = *state;
    open_with_plan(b);
    char target[160], whose[128];
    snprintf(whose, sizeof whose, "/v1/runs/%s", newest(b));
    snprintf(target, sizeof target, "%s/deny", whose);
    json_decref(
        asked(b, "approver", "POST", target, "{\"why\":\"too wide\",\"who\":\"the boss\",\"by_deadline\":true}", 200));
    json_t *whole = asked(b, "viewer", "GET", whose, NULL, 200);
    const json_t *decision = json_array_get(json_object_get(whole, "decisions"), 0);
    assert_string_equal(text(decision, "who"), "the approver");
    assert_string_equal(text(decision, "why"), "too wide");
    assert_string_equal(text(json_object_get(whole, "record"), "outcome"), "denied");
    json_decref(whole);
}

/* Runs. */

static void test_a_plan_is_approved_and_carried_out(void **state)
{
    box *b = *state;
    open_with_plan(b);
    json_t *waiting = asked(b, "viewer", "GET", "/v1/approvals", NULL, 200);
    const json_t *one = json_array_get(json_object_get(waiting, "approvals"), 0);
    const json_t *line = json_array_get(json_object_get(one, "plan"), 0);
    assert_string_equal(text(one, "playbook"), "cut");
    assert_string_equal(text(json_object_get(line, "params"), "cluster"), "rogue");
    char target[128];
    snprintf(target, sizeof target, "/v1/runs/%s/approve", text(one, "id"));
    json_decref(waiting);
    json_t *decision = asked(b, "approver", "POST", target, "{}", 200);
    assert_string_equal(text(decision, "outcome"), "approved");
    assert_string_not_equal(text(decision, "follows"), "");
    json_decref(decision);
    run_all(b);
    json_t *problem = asked(b, "approver", "POST", target, "{}", 409);
    assert_non_null(strstr(text(problem, "detail"), "only a plan that waits can be approved"));
    json_decref(problem);
    waiting = asked(b, "viewer", "GET", "/v1/approvals", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(waiting, "approvals")), 0);
    json_decref(waiting);
}

static void test_lists_go_on_from_page_to_page(void **state)
{
    box *b = *state;
    playbook(b->world, "look", "", "return");
    open_api(b);
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        event(b->world, id, NOON);
        run_all(b);
    }
    char target[128] = "/v1/runs?most=2&playbook=look";
    size_t seen = 0, pages = 0;
    json_t *ids = json_object();
    for (bool more = true; more; pages++) {
        json_t *page = asked(b, "viewer", "GET", target, NULL, 200);
        size_t i;
        json_t *each;
        json_array_foreach (json_object_get(page, "runs"), i, each) {
            json_object_set_new(ids, text(each, "id"), json_true());
            seen++;
        }
        const char *next = json_string_value(json_object_get(page, "next"));
        more = next != NULL;
        snprintf(target, sizeof target, "/v1/runs?most=2&playbook=look&before=%s", next ? next : "");
        json_decref(page);
    }
    assert_int_equal(seen, 5);
    assert_int_equal(json_object_size(ids), 5);
    assert_int_equal(pages, 3);
    json_decref(ids);
    json_t *none = asked(b, "viewer", "GET", "/v1/runs?playbook=other", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(none, "runs")), 0);
    json_decref(none);
    json_t *findings = asked(b, "viewer", "GET", "/v1/findings", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(findings, "findings")), 5);
    json_decref(findings);
}

static void test_wrong_questions_are_told_what_was_expected(void **state)
{
    box *b = *state;
    open_with_plan(b);
    static const char *const WRONG[] = {"/v1/runs?most=0", "/v1/runs?most=501", "/v1/runs?most=x",
                                        "/v1/runs?since=yesterday"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        json_t *problem = asked(b, "viewer", "GET", WRONG[i], NULL, 400);
        assert_non_null(strstr(text(problem, "detail"), "expected"));
        json_decref(problem);
    }
    json_decref(asked(b, "viewer", "GET", "/v1/runs/nothing", NULL, 404));
    char target[128];
    snprintf(target, sizeof target, "/v1/runs/%s/undo", newest(b));
    json_decref(asked(b, "operator", "POST", target, "[]", 400));
    json_decref(asked(b, "operator", "POST", target, "{\"mode\":\"destroy\"}", 400));
    char headers[] = "Authorization: Bearer operator\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    assert_int_equal(talk_status(talk(&b->loop, b->port, "POST", target, headers, "a=b")), 415);
}

/* The engine. */

static void test_changes_are_paused_and_resumed(void **state)
{
    box *b = *state;
    open_with_plan(b);
    json_decref(asked(b, "operator", "PUT", "/v1/pauses/playbook:cut", "{\"why\":\"release\"}", 200));
    json_t *pauses = asked(b, "viewer", "GET", "/v1/pauses", NULL, 200);
    const json_t *about = json_object_get(json_object_get(pauses, "pauses"), "playbook:cut");
    assert_string_equal(text(about, "who"), "the operator");
    assert_string_equal(text(about, "why"), "release");
    json_decref(pauses);
    json_decref(asked(b, "operator", "DELETE", "/v1/pauses/playbook:cut", NULL, 200));
    json_decref(asked(b, "operator", "DELETE", "/v1/pauses/playbook:cut", NULL, 409));
    json_decref(asked(b, "operator", "PUT", "/v1/pauses/everything", NULL, 400));
}

static void test_playbooks_and_state_are_shown(void **state)
{
    box *b = *state;
    open_with_plan(b);
    json_t *value = asked(b, "viewer", "GET", "/v1/playbooks", NULL, 200);
    const json_t *book = json_array_get(json_object_get(value, "playbooks"), 0);
    assert_string_equal(text(book, "name"), "cut");
    assert_string_equal(text(book, "mode"), "approve");
    assert_true(json_is_object(json_object_get(book, "trigger")));
    json_decref(value);
    value = asked(b, "viewer", "GET", "/v1/status", NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(value, "waiting")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(value, "counts"), "events")), 1);
    assert_string_equal(text(json_array_get(json_object_get(value, "sources"), 0), "name"), "queue");
    json_decref(value);
}

static void test_health_is_told_to_anybody(void **state)
{
    box *b = *state;
    open_api(b);
    assert_int_equal(talk_status(ask(b, NULL, "GET", "/healthz", NULL)), 200);
    assert_int_equal(talk_status(ask(b, NULL, "GET", "/readyz", NULL)), 200);
    b->ready = false;
    json_t *problem = asked(b, NULL, "GET", "/readyz", NULL, 503);
    assert_string_equal(text(problem, "detail"), "the journal is read");
    json_decref(problem);
}

static void test_numbers_are_for_prometheus(void **state)
{
    box *b = *state;
    static const metric_definition THINGS = {"riposte_things_total", "Things.", METRIC_COUNTER, NULL, NULL};
    open_api(b);
    metric_add(metrics_get(b->metrics, &THINGS), NULL, 3);
    const char *answer = ask(b, "viewer", "GET", "/metrics", NULL);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(talk_body(answer), "riposte_things_total 3\n"));
}

static void test_what_happens_is_streamed(void **state)
{
    box *b = *state;
    rip_buffer got = {0};
    open_api(b);
    static const char ASK[] = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n\r\n";
    int fd = talk_connect(b->port);
    talk_send(fd, ASK, strlen(ASK));
    assert_true(talk_read(&b->loop, fd, "from now on\n\n", &got));
    json_t *data = json_pack("{s:s}", "run", "a\nb");
    api_publish(b->api, "ended", data);
    json_decref(data);
    assert_true(talk_read(&b->loop, fd, "event: ended\ndata: {\"run\":\"a\\nb\"}\n\n", &got));
    rip_buffer_free(&got);
    close(fd);
}

/* The approval page. */

static const char *post_form(box *b, const char *form)
{
    return talk(&b->loop, b->port, "POST", "/v1/approve", "Content-Type: application/x-www-form-urlencoded\r\n", form);
}

static void test_the_page_shows_the_plan_and_decides_nothing(void **state)
{
    box *b = *state;
    open_with_plan(b);
    char target[256];
    snprintf(target, sizeof target, "/v1/approve?run=%s&token=%s%%21", newest(b), newest(b));
    for (int i = 0; i < 2; i++) {
        const char *answer = ask(b, NULL, "GET", target, NULL);
        assert_int_equal(talk_status(answer), 200);
        assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
        assert_non_null(strstr(answer, "Referrer-Policy: no-referrer\r\n"));
        assert_non_null(strstr(answer, "A plan waits for approval"));
        assert_non_null(strstr(answer, "<strong>ecs:DeleteCluster</strong>"));
        assert_non_null(strstr(answer, "{&quot;cluster&quot;: &quot;rogue&quot;}"));
        assert_non_null(strstr(answer, "<form method=\"post\""));
        assert_null(strstr(answer, "<script"));
    }
    json_t *waiting = asked(b, "viewer", "GET", "/v1/approvals", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(waiting, "approvals")), 1);
    json_decref(waiting);
}

static void test_hostile_strings_are_text_on_the_page(void **state)
{
    box *b = *state;
    playbook(b->world, "cut", "mode = 'approve', ",
             "run.aws.ecs():delete_cluster { cluster = '</pre><script>alert(1)</script>' }");
    open_api(b);
    event(b->world, "e1", NOON);
    run_all(b);
    char target[256];
    snprintf(target, sizeof target, "/v1/approve?run=%s&token=%s%%21", newest(b), newest(b));
    const char *answer = ask(b, NULL, "GET", target, NULL);
    assert_int_equal(talk_status(answer), 200);
    assert_null(strstr(answer, "<script"));
    assert_non_null(strstr(answer, "&lt;/pre&gt;&lt;script&gt;alert(1)"));
}

static void test_a_link_that_is_not_good_shows_nothing(void **state)
{
    box *b = *state;
    open_with_plan(b);
    char target[256], form[256];
    snprintf(target, sizeof target, "/v1/approve?run=%s&token=wrong", newest(b));
    const char *answer = ask(b, NULL, "GET", target, NULL);
    assert_int_equal(talk_status(answer), 403);
    assert_null(strstr(answer, "rogue"));
    assert_non_null(strstr(answer, "the link has expired"));
    assert_int_equal(talk_status(ask(b, NULL, "GET", "/v1/approve", NULL)), 403);
    snprintf(form, sizeof form, "run=%s&token=wrong&decision=approve&name=me", newest(b));
    assert_int_equal(talk_status(post_form(b, form)), 403);
    snprintf(form, sizeof form, "run=%s&decision=approve&name=me", newest(b));
    assert_int_equal(talk_status(post_form(b, form)), 403);
}

static void test_a_decision_is_posted_with_the_links_token(void **state)
{
    box *b = *state;
    open_with_plan(b);
    char form[256], target[128], id[64];
    snprintf(id, sizeof id, "%s", newest(b));
    snprintf(form, sizeof form, "run=%s&token=%s%%21&decision=perhaps&name=me", id, id);
    assert_int_equal(talk_status(post_form(b, form)), 400);
    snprintf(form, sizeof form, "run=%s&token=%s%%21&decision=approve&name=", id, id);
    assert_int_equal(talk_status(post_form(b, form)), 400);
    snprintf(form, sizeof form, "run=%s&token=%s%%21&decision=approve&name=Ana+M.&why=it%%20is%%20right", id, id);
    assert_non_null(strstr(post_form(b, form), "The plan is carried out now."));
    assert_int_equal(talk_status(post_form(b, form)), 409); /* a link decides once */
    snprintf(target, sizeof target, "/v1/runs/%s", id);
    json_t *whole = asked(b, "viewer", "GET", target, NULL, 200);
    const json_t *decision = json_array_get(json_object_get(whole, "decisions"), 0);
    assert_string_equal(text(decision, "who"), "approval link");
    assert_string_equal(text(decision, "why"), "Ana M.: it is right");
    json_decref(whole);
    run_all(b);
}

/* The description. */

static void test_the_description_has_every_route_and_no_other(void **state)
{
    box *b = *state;
    open_api(b);
    json_t *description = asked(b, NULL, "GET", "/v1/openapi.json", NULL, 200);
    json_t *paths = json_object_get(description, "paths"), *operations;
    size_t count, described = 0;
    const api_route *routes = api_routes(&count);
    static const char *const WEBHOOKS[] = {"/v1/events", "/v1/token"}; /* the routes beside the API's */
    for (size_t i = 0; i < count + 2; i++) {
        bool is_webhook = i >= count;
        char path[64] = "", method[8] = "";
        const char *from = is_webhook ? WEBHOOKS[i - count] : routes[i].path, *place = strstr(from, "{}");
        const char *name = strstr(from, "pauses") ? "{scope}" : "{run}";
        snprintf(path, sizeof path, "%.*s%s%s", place ? (int)(place - from) : 64, from, place ? name : "",
                 place ? place + 2 : "");
        for (size_t k = 0; k < 7 && !is_webhook && routes[i].method[k]; k++)
            method[k] = (char)(routes[i].method[k] | 0x20);
        const json_t *operation = json_object_get(json_object_get(paths, path), is_webhook ? "post" : method);
        if (!operation) fail_msg("%s %s is not described", method, path);
        const char *about = text(operation, "description"), *role = "";
        if (!is_webhook && routes[i].role == TOKEN_VIEWER) role = "Role: viewer";
        if (!is_webhook && routes[i].role == TOKEN_APPROVER) role = "Role: approver";
        if (!is_webhook && routes[i].role == TOKEN_OPERATOR) role = "Role: operator";
        if (!strstr(about, role)) fail_msg("%s %s needs %s", method, path, role);
    }
    const char *key;
    json_object_foreach (paths, key, operations) { described += json_object_size(operations); }
    assert_int_equal(described, count + 2);
    assert_string_equal(text(description, "openapi"), "3.1.0");
    json_decref(description);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_is_needed_and_its_role_suffices_or_not),
        TEST(test_who_it_was_is_recorded_not_who_they_say),
        TEST(test_a_plan_is_approved_and_carried_out),
        TEST(test_lists_go_on_from_page_to_page),
        TEST(test_wrong_questions_are_told_what_was_expected),
        TEST(test_changes_are_paused_and_resumed),
        TEST(test_playbooks_and_state_are_shown),
        TEST(test_health_is_told_to_anybody),
        TEST(test_numbers_are_for_prometheus),
        TEST(test_what_happens_is_streamed),
        TEST(test_the_page_shows_the_plan_and_decides_nothing),
        TEST(test_hostile_strings_are_text_on_the_page),
        TEST(test_a_link_that_is_not_good_shows_nothing),
        TEST(test_a_decision_is_posted_with_the_links_token),
        TEST(test_the_description_has_every_route_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
