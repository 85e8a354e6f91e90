#include "bare_http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

typedef struct bare {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    unsigned long left, under_way, failed;
} bare;

/* One descriptor, for as long as libcurl knows it. */
typedef struct watch {
    uv_poll_t poll;
    bare *owner;
    curl_socket_t fd;
} watch;

static void start(bare *b, CURL *easy)
{
    if (b->left == 0) {
        curl_easy_cleanup(easy);
        return;
    }
    b->left--;
    b->under_way++;
    curl_multi_add_handle(b->multi, easy);
}

static void harvest(bare *b)
{
    CURLMsg *message;
    int queued;
    while ((message = curl_multi_info_read(b->multi, &queued))) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200) b->failed++;
        curl_multi_remove_handle(b->multi, easy);
        b->under_way--;
        start(b, easy);
    }
}

static void act(bare *b, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(b->multi, fd, what, &running);
    harvest(b);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    watch *w = poll->data;
    int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    act(w->owner, w->fd, status < 0 ? CURL_CSELECT_ERR : what);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    bare *b = data;
    watch *w = socket_data;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) uv_close((uv_handle_t *)&w->poll, on_closed);
        curl_multi_assign(b->multi, fd, NULL);
        return 0;
    }
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w || uv_poll_init_socket(b->loop, &w->poll, fd) != 0) abort();
        *w = (watch){.poll = w->poll, .owner = b, .fd = fd};
        w->poll.data = w;
        curl_multi_assign(b->multi, fd, w);
    }
    uv_poll_start(&w->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_poll);
    return 0;
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *data)
{
    bare *b = data;
    (void)multi;
    if (timeout_ms < 0) return uv_timer_stop(&b->timer);
    return uv_timer_start(&b->timer, on_timer, (uint64_t)timeout_ms, 0);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    (void)bytes;
    (void)data;
    return size * count;
}

static struct curl_slist *header_lines(void)
{
    static const char *const LINES[] = {"Expect:", "Accept:", "User-Agent: riposte",
                                        "Content-Type: application/x-amz-json-1.1",
                                        "X-Amz-Target: AmazonEC2ContainerServiceV20141113.DescribeClusters"};
    struct curl_slist *lines = NULL;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) lines = curl_slist_append(lines, LINES[i]);
    return lines;
}

static CURL *new_handle(const char *url, struct curl_slist *lines)
{
    CURL *easy = curl_easy_init();
    if (!easy) abort();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"clusters\":[\"web\"]}");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (getenv("AWS_CA_BUNDLE")) curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("AWS_CA_BUNDLE"));
    return easy;
}

unsigned long bare_http(uv_loop_t *loop, const char *url, unsigned long calls, unsigned long at_once)
{
    bare b = {.loop = loop, .left = calls};
    struct curl_slist *lines = header_lines();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    b.multi = curl_multi_init();
    if (!b.multi) abort();
    uv_timer_init(loop, &b.timer);
    b.timer.data = &b;
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(b.multi, CURLMOPT_SOCKETDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(b.multi, CURLMOPT_TIMERDATA, &b);
    curl_multi_setopt(b.multi, CURLMOPT_MAXCONNECTS, (long)at_once * 4);
    for (unsigned long i = 0; i < at_once; i++) start(&b, new_handle(url, lines));
    while (b.under_way > 0) uv_run(loop, UV_RUN_ONCE);
    curl_multi_cleanup(b.multi);
    curl_slist_free_all(lines);
    uv_close((uv_handle_t *)&b.timer, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return b.failed;
}
