/* The control socket: who is served, what is answered, and where its limits are. The server runs on the test's loop, a
 * client in a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/serve/control.h"
#include "engine/serve/peer.h"

typedef struct box {
    uv_loop_t loop;
    rip_clock *clock;
    control *server;
    char folder[64], path[96];
    json_t *asked; /* every request, as it was performed */
    journal_answer late;
    void *late_data; /* of a request that is answered later */
    rip_timer later;
    uv_async_t done;
    bool finished;
    void (*client)(struct box *box);
    char text[1024]; /* what the client saw */
    rip_status status;
    rip_error err;
    json_t *value;
    ssize_t last; /* of the last read: 0 is the end of the stream */
} box;

static void answer_late(void *data)
{
    box *b = data;
    json_t *value = json_string("late");
    b->late(b->late_data, RIP_OK, value, NULL);
    json_decref(value);
}

static void perform(void *performer, const json_t *request, journal_answer done, void *data)
{
    box *b = performer;
    const char *word = json_string_value(json_object_get(request, "do"));
    json_array_append_new(b->asked, json_deep_copy(request));
    if (strcmp(word, "late") == 0 || strcmp(word, "never") == 0) {
        b->late = done;
        b->late_data = data;
        if (strcmp(word, "late") == 0) rip_timer_start(&b->later, b->clock, 5, answer_late, b);
        if (strcmp(word, "never") == 0) uv_stop(&b->loop);
        return;
    }
    rip_error err = {RIP_OK, ""};
    if (strcmp(word, "fail") == 0) {
        rip_fail(&err, RIP_EDENIED, "it is not in a state for it");
        done(data, err.status, NULL, &err);
        return;
    }
    json_t *value = json_pack("{s:s}", "did", word);
    done(data, RIP_OK, value, &err);
    json_decref(value);
}

static void open_box(box *b, unsigned idle_ms)
{
    *b = (box){.asked = json_array()};
    snprintf(b->folder, sizeof b->folder, "/tmp/riposte-control-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/journal.sock", b->folder);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->clock = rip_clock_new_real(&b->loop);
    assert_non_null(b->clock);
    control_options options = {
        .clock = b->clock, .path = b->path, .perform = perform, .performer = b, .idle_ms = idle_ms};
    rip_error err = {RIP_OK, ""};
    if (control_open(&options, &b->server, &err) != RIP_OK) fail_msg("%s", err.message);
}

static void close_box(box *b)
{
    control_free(b->server);
    rip_clock_free(b->clock);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    assert_int_equal(access(b->path, F_OK), -1); /* the socket is taken away */
    rmdir(b->folder);
    json_decref(b->asked);
    json_decref(b->value);
}

static void on_done(uv_async_t *async)
{
    box *b = async->data;
    b->finished = true;
    uv_close((uv_handle_t *)async, NULL);
}

static void client_thread(void *data)
{
    box *b = data;
    b->client(b);
    uv_async_send(&b->done);
}

static void converse(box *b, void (*client)(box *b))
{
    uv_thread_t thread;
    b->client = client;
    b->finished = false;
    b->done.data = b;
    uv_async_init(&b->loop, &b->done, on_done);
    assert_int_equal(uv_thread_create(&thread, client_thread, b), 0);
    while (!b->finished) uv_run(&b->loop, UV_RUN_ONCE);
    uv_thread_join(&thread);
}

/* Clients; they assert nothing, since cmocka belongs to the main thread. */

static int plain_connection(const box *b)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, b->path, strlen(b->path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) abort();
    return fd;
}

/* Until so many lines are there, or the end. */
static void read_lines(box *b, int fd, int lines)
{
    size_t len = strlen(b->text);
    while (lines > 0 && (b->last = recv(fd, b->text + len, 1, 0)) == 1) lines -= b->text[len++] == '\n';
}

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) abort();
}

static void call(box *b, json_t *request)
{
    int fd = -1;
    b->status = control_connect(b->path, &fd, &b->err);
    if (b->status == RIP_OK && fd >= 0) b->status = control_call(fd, request, &b->value, &b->err);
    if (fd >= 0) close(fd);
    json_decref(request);
}

static void call_as_mallory(box *b)
{
    call(b, json_pack("{s:s, s:s}", "do", "approve", "who", "mallory"));
}

static void test_a_request_is_performed_in_the_name_of_the_peer_whatever_it_says(void **state)
{
    (void)state;
    box b;
    char name[PEER_NAME_MAX];
    peer_name(geteuid(), name);
    open_box(&b, 0);
    converse(&b, call_as_mallory);
    assert_int_equal(b.status, RIP_OK);
    assert_string_equal(json_string_value(json_object_get(b.value, "did")), "approve");
    assert_string_equal(json_string_value(json_object_get(json_array_get(b.asked, 0), "who")), name);
    close_box(&b);
}

static void call_fail(box *b)
{
    call(b, json_pack("{s:s}", "do", "fail"));
}

static void test_an_error_comes_back_with_its_status_and_message(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, call_fail);
    assert_int_equal(b.status, RIP_EDENIED);
    assert_string_equal(b.err.message, "it is not in a state for it");
    close_box(&b);
}

static void call_late(box *b)
{
    call(b, json_pack("{s:s}", "do", "late"));
}

static void test_an_answer_may_come_later(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, call_late);
    assert_int_equal(b.status, RIP_OK);
    assert_string_equal(json_string_value(b.value), "late");
    close_box(&b);
}

static void ask_three_at_once(box *b)
{
    int fd = plain_connection(b);
    say(fd, "{\"do\":\"late\"}\n{\"do\":\"b\"}\n{\"do\":\"c\"}\n");
    read_lines(b, fd, 3);
    close(fd);
}

static void test_requests_of_a_connection_are_answered_in_their_order(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, ask_three_at_once);
    assert_string_equal(b.text, "{\"value\":\"late\"}\n{\"value\":{\"did\":\"b\"}}\n{\"value\":{\"did\":\"c\"}}\n");
    close_box(&b);
}

static void say_nonsense(box *b)
{
    int fd = plain_connection(b);
    say(fd, "\n[1]\n{\"do\":1}\n{\"do\":\"x\",\"do\":\"y\"}\n{\"do\":\"a\\u0000b\"}\n{\"do\":\"x\"}\n");
    read_lines(b, fd, 6);
    close(fd);
}

static void test_what_is_no_request_is_refused_and_the_next_one_taken(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, say_nonsense);
    assert_int_equal(json_array_size(b.asked), 1);
    size_t refused = 0;
    for (const char *p = b.text; (p = strstr(p, "{\"error\":{\"status\":\"invalid\"")); p++) refused++;
    assert_int_equal(refused, 5);
    assert_non_null(strstr(b.text, "{\"value\":{\"did\":\"x\"}}\n"));
    close_box(&b);
}

static void say_too_much(box *b)
{
    int fd = plain_connection(b);
    char *text = calloc(1, CONTROL_REQUEST_MOST + 2);
    if (!text) abort();
    memset(text, ' ', CONTROL_REQUEST_MOST + 1);
    say(fd, text);
    free(text);
    read_lines(b, fd, 1);
    char more;
    b->last = recv(fd, &more, 1, 0);
    close(fd);
}

static void test_a_request_over_the_limit_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, say_too_much);
    assert_non_null(strstr(b.text, "\"limit\""));
    assert_int_not_equal(b.last, 1);
    assert_int_equal(json_array_size(b.asked), 0);
    close_box(&b);
}

static void call_with_too_much(box *b)
{
    char *why = calloc(1, CONTROL_REQUEST_MOST + 1);
    if (!why) abort();
    memset(why, 'x', CONTROL_REQUEST_MOST);
    call(b, json_pack("{s:s, s:s}", "do", "deny", "why", why));
    free(why);
}

static void test_the_client_refuses_what_the_server_would(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, call_with_too_much);
    assert_int_equal(b.status, RIP_ELIMIT);
    close_box(&b);
}

static void connect_once_too_often(box *b)
{
    int fds[CONTROL_CONNECTIONS_MOST];
    for (int i = 0; i < CONTROL_CONNECTIONS_MOST; i++) {
        fds[i] = plain_connection(b);
        b->text[0] = '\0';
        say(fds[i], "{\"do\":\"x\"}\n");
        read_lines(b, fds[i], 1);
    }
    memset(b->text, 0, sizeof b->text);
    int fd = plain_connection(b);
    read_lines(b, fd, 1);
    close(fd);
    for (int i = 0; i < CONTROL_CONNECTIONS_MOST; i++) close(fds[i]);
}

static void test_one_connection_too_many_is_told_so_and_the_others_go_on(void **state)
{
    (void)state;
    box b;
    open_box(&b, 0);
    converse(&b, connect_once_too_often);
    assert_non_null(strstr(b.text, "try again"));
    assert_int_equal(json_array_size(b.asked), CONTROL_CONNECTIONS_MOST);
    memset(b.text, 0, sizeof b.text);
    uv_run(&b.loop, UV_RUN_NOWAIT); /* they have hung up */
    converse(&b, ask_three_at_once);
    assert_non_null(strstr(b.text, "\"did\":\"c\""));
    close_box(&b);
}

static void say_nothing(box *b)
{
    int fd = plain_connection(b);
    say(fd, "{\"do\":");
    read_lines(b, fd, 1);
    close(fd);
}

static void test_a_connection_that_says_nothing_is_closed(void **state)
{
    (void)state;
    box b;
    open_box(&b, 30);
    converse(&b, say_nothing);
    assert_int_equal(b.last, 0);
    assert_string_equal(b.text, "");
    close_box(&b);
}

static void test_the_socket_is_for_its_owner_alone(void **state)
{
    (void)state;
    box b;
    struct stat there;
    open_box(&b, 0);
    assert_int_equal(stat(b.path, &there), 0);
    assert_true(S_ISSOCK(there.st_mode));
    assert_int_equal(there.st_mode & 0777, 0600);
    close_box(&b);
}

static void test_another_user_is_not_served(void **state)
{
    (void)state;
    assert_true(peer_may_speak(1000, 1000));
    assert_true(peer_may_speak(0, 1000));
    assert_false(peer_may_speak(1001, 1000));
    assert_false(peer_may_speak(1000, 0));
}

static void test_the_kernel_tells_who_the_peer_is(void **state)
{
    (void)state;
    int pair[2];
    uid_t uid = (uid_t)-1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(peer_uid(pair[0], &uid));
    assert_int_equal(uid, geteuid());
    close(pair[0]);
    close(pair[1]);
    assert_false(peer_uid(-1, &uid));
}

static void test_a_user_without_a_name_is_told_by_number(void **state)
{
    (void)state;
    char name[PEER_NAME_MAX];
    peer_name(3999999999u, name);
    assert_string_equal(name, "uid 3999999999");
}

/* Another socket of the same folder: opened with the same clock. */
static rip_status open_beside(box *b, const char *name, char path[128], control **out, rip_error *err)
{
    assert_true(snprintf(path, 128, "%s/%s", b->folder, name) > 0); /* one test wants more than there is room for */
    control_options options = {.clock = b->clock, .path = path, .perform = perform, .performer = b};
    return control_open(&options, out, err);
}

static void test_a_dead_process_s_socket_is_replaced(void **state)
{
    (void)state;
    box b;
    char path[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    open_box(&b, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/dead.sock", b.folder);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0), fd = -1;
    assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    assert_int_equal(control_connect(address.sun_path, &fd, NULL), RIP_OK);
    assert_int_equal(fd, -1); /* it lies there, and nobody listens */
    control *other = NULL;
    assert_int_equal(open_beside(&b, "dead.sock", path, &other, NULL), RIP_OK);
    assert_int_equal(control_connect(path, &fd, NULL), RIP_OK);
    assert_true(fd >= 0);
    close(fd);
    control_free(other);
    close_box(&b);
}

static void test_what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    box b;
    rip_error err = {RIP_OK, ""};
    open_box(&b, 0);
    char path[128];
    snprintf(path, sizeof path, "%s/other", b.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    control *other = NULL;
    assert_int_equal(open_beside(&b, "other", path, &other, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    close_box(&b);
}

static void test_a_path_that_no_socket_can_have_is_refused(void **state)
{
    (void)state;
    box b;
    rip_error err = {RIP_OK, ""};
    char name[110], path[128];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    open_box(&b, 0);
    control *other = NULL;
    assert_int_equal(open_beside(&b, name, path, &other, &err), RIP_ELIMIT);
    close_box(&b);
}

static void test_where_nobody_listens_there_is_no_connection_and_no_error(void **state)
{
    (void)state;
    int fd = 7;
    assert_int_equal(control_connect("/nonexistent/journal.sock", &fd, NULL), RIP_OK);
    assert_int_equal(fd, -1);
}

static void ask_and_wait(void *data)
{
    box *b = data;
    int fd = plain_connection(b);
    say(fd, "{\"do\":\"never\"}\n");
    read_lines(b, fd, 1);
    close(fd);
}

static void test_a_request_that_is_not_answered_ends_with_the_server(void **state)
{
    (void)state;
    box b;
    uv_thread_t thread;
    open_box(&b, 0);
    uv_timer_t alive; /* the listening alone keeps no loop going */
    uv_timer_init(&b.loop, &alive);
    uv_timer_start(&alive, (uv_timer_cb)abort, 10000, 0);
    assert_int_equal(uv_thread_create(&thread, ask_and_wait, &b), 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(json_array_size(b.asked), 1);
    uv_close((uv_handle_t *)&alive, NULL);
    close_box(&b);
    uv_thread_join(&thread);
    assert_string_equal(b.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_performed_in_the_name_of_the_peer_whatever_it_says),
        cmocka_unit_test(test_an_error_comes_back_with_its_status_and_message),
        cmocka_unit_test(test_an_answer_may_come_later),
        cmocka_unit_test(test_requests_of_a_connection_are_answered_in_their_order),
        cmocka_unit_test(test_what_is_no_request_is_refused_and_the_next_one_taken),
        cmocka_unit_test(test_a_request_over_the_limit_is_refused_and_ends_the_connection),
        cmocka_unit_test(test_the_client_refuses_what_the_server_would),
        cmocka_unit_test(test_one_connection_too_many_is_told_so_and_the_others_go_on),
        cmocka_unit_test(test_a_connection_that_says_nothing_is_closed),
        cmocka_unit_test(test_the_socket_is_for_its_owner_alone),
        cmocka_unit_test(test_another_user_is_not_served),
        cmocka_unit_test(test_the_kernel_tells_who_the_peer_is),
        cmocka_unit_test(test_a_user_without_a_name_is_told_by_number),
        cmocka_unit_test(test_a_dead_process_s_socket_is_replaced),
        cmocka_unit_test(test_what_is_no_socket_is_left_alone),
        cmocka_unit_test(test_a_path_that_no_socket_can_have_is_refused),
        cmocka_unit_test(test_where_nobody_listens_there_is_no_connection_and_no_error),
        cmocka_unit_test(test_a_request_that_is_not_answered_ends_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
