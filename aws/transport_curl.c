#include "aws/transport_curl.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws/watches.h"

#define BODY_BYTES_MAX ((size_t)64 << 20)
#define HEADER_BYTES_MAX ((size_t)64 << 10)
#define HEADER_COUNT_MAX 256
#define TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 5000
#define CONNECTIONS 64
#define IDLE_EXCHANGES 64
#define IDLE_BODY_BYTES ((size_t)16 << 10)

struct aws_web {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    char *ca_bundle;
    char *http_proxy;        /* NULL: what libcurl finds itself */
    aws_exchange *exchanges; /* under way */
    aws_exchange *idle;      /* kept for the next, with their handles and their memory */
    size_t idle_count;
    aws_watches *watches;
    bool closing;
};

struct aws_exchange {
    aws_web *web;
    aws_exchange *previous, *next;
    CURL *easy;
    rip_buffer lines; /* the headers as libcurl takes them, each with its NUL … */
    size_t line_count;
    struct curl_slist *headers; /* … and the list of them, in one piece, of this length */
    size_t headers_cap;
    aws_http_request request;
    aws_http_response response;
    size_t header_bytes, body_max;
    int timeout_ms;
    aws_exchange_done done;
    void *data;
    rip_error refused; /* why we hung up ourselves */
    bool unsent;       /* it failed before the request's first byte went out */
    char curl_error[CURL_ERROR_SIZE];
};

/* Exchanges. */

/** Nothing reaches it any more. */
static void detach(aws_exchange *x)
{
    aws_web *web = x->web;
    if (x->previous)
        x->previous->next = x->next;
    else
        web->exchanges = x->next;
    if (x->next) x->next->previous = x->previous;
    curl_multi_remove_handle(web->multi, x->easy);
}

static void exchange_free(aws_exchange *x)
{
    curl_easy_cleanup(x->easy);
    rip_buffer_free(&x->lines);
    free(x->headers);
    aws_http_response_free(&x->response);
    free(x);
}

static void wipe(rip_buffer *buffer)
{
    if (buffer->data) OPENSSL_cleanse(buffer->data, buffer->len);
    rip_buffer_clear(buffer);
    buffer->failed = false;
}

/** Leave nothing of it behind but what the next may use. */
static void put_away(aws_exchange *x)
{
    aws_web *web = x->web;
    wipe(&x->lines);
    wipe(&x->request.body);
    wipe(&x->response.body);
    aws_http_request_free(&x->request);
    aws_headers_free(&x->response.headers);
    if (web->closing || web->idle_count == IDLE_EXCHANGES) {
        exchange_free(x);
        return;
    }
    if (x->response.body.cap > IDLE_BODY_BYTES) rip_buffer_free(&x->response.body);
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, NULL);
    x->line_count = x->header_bytes = 0;
    x->refused.status = RIP_OK;
    x->curl_error[0] = '\0';
    x->next = web->idle;
    web->idle = x;
    web->idle_count++;
}

static void release(aws_exchange *x)
{
    detach(x);
    put_away(x);
}

bool aws_exchange_sent(const aws_exchange *x)
{
    return !x->unsent;
}

static rip_status explain(const aws_exchange *x, CURLcode code, rip_error *err)
{
    const char *host = x->request.host;
    const char *words = x->curl_error[0] ? x->curl_error : curl_easy_strerror(code);
    if (x->refused.status != RIP_OK) {
        *err = x->refused;
        return err->status;
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return rip_fail(err, RIP_ETIMEOUT, "%s did not answer within %d ms", host, x->timeout_ms);
    case CURLE_PEER_FAILED_VERIFICATION:
        return rip_fail(err, RIP_EIO, "%s: its TLS certificate is not trusted: %s (AWS_CA_BUNDLE names other roots)",
                        host, words);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING: return rip_fail(err, RIP_EIO, "%s broke the connection before its reply's end", host);
    case CURLE_UNSUPPORTED_PROTOCOL: /* of our URL, or of the reply: HTTP/0.9 */
        return x->unsent ? rip_fail(err, RIP_EINVAL, "%s: only http and https are spoken", host)
                         : rip_fail(err, RIP_EIO, "%s answered with something that is no HTTP", host);
    case CURLE_OUT_OF_MEMORY: return rip_nomem(err);
    default: return rip_fail(err, RIP_EIO, "%s: %s", host, words);
    }
}

static void finish(aws_exchange *x, CURLcode code)
{
    rip_error err;
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    x->response.status = (int)status;
    curl_off_t before_first_byte = 0; /* 0: libcurl never came to the request */
    curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &before_first_byte);
    x->unsent = before_first_byte == 0;
    bool whole = code == CURLE_OK && x->refused.status == RIP_OK && !x->response.body.failed;
    if (!whole) explain(x, code, &err);
    detach(x); /* first: the callback may free the web */
    x->done(x->data, whole ? &x->response : NULL, whole ? NULL : &err);
    put_away(x); /* the web's memory stays until its handles are closed */
}

static void harvest(aws_web *web)
{
    CURLMsg *message;
    int left;
    while (web->multi && (message = curl_multi_info_read(web->multi, &left))) {
        aws_exchange *x = NULL;
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
        finish(x, code);
    }
}

/* libcurl's view of the loop. */

static void on_ready(void *data, int fd, int status, int events)
{
    aws_web *web = data;
    int running;
    int what = 0;
    if (status < 0) what = CURL_CSELECT_ERR;
    if (events & UV_READABLE) what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(web->multi, fd, what, &running);
    harvest(web);
}

static void on_timer(uv_timer_t *timer)
{
    aws_web *web = timer->data;
    int running;
    curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    harvest(web);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    aws_web *web = data;
    (void)easy;
    (void)socket_data;
    bool in = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    bool out = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    return aws_watches_want(web->watches, fd, (in ? UV_READABLE : 0) | (out ? UV_WRITABLE : 0)) ? 0 : -1;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static curl_socket_t on_socket_wanted(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    aws_web *web = data;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0 || aws_watches_open(web->watches, fd)) return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_socket_closed(void *data, curl_socket_t fd)
{
    aws_web *web = data;
    aws_watches_close(web->watches, fd);
    return close(fd);
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *data)
{
    aws_web *web = data;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&web->timer);
    else
        uv_timer_start(&web->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

/* What a server sends. */

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    aws_exchange *x = data;
    size_t len = size * count;
    x->header_bytes += len;
    if (x->header_bytes > HEADER_BYTES_MAX || x->response.headers.count >= HEADER_COUNT_MAX) {
        rip_fail(&x->refused, RIP_ELIMIT, "%s sends more than %zu bytes or %d lines of headers", x->request.host,
                 HEADER_BYTES_MAX, HEADER_COUNT_MAX);
        return 0;
    }
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) { /* a final reply after 100 Continue, or after a proxy's */
        aws_headers_free(&x->response.headers);
        return len;
    }
    char *colon = memchr(line, ':', len);
    if (!colon) return len;
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1;
    const char *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    while (end > value && strchr("\r\n \t", end[-1])) end--;
    if (aws_headers_add_bytes(&x->response.headers, line, name_len, value, (size_t)(end - value), NULL) == RIP_OK)
        return len;
    rip_fail(&x->refused, RIP_EIO, "%s sends a header that is none", x->request.host);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    aws_exchange *x = data;
    size_t len = size * count;
    if (len > x->body_max - x->response.body.len) {
        rip_fail(&x->refused, RIP_ELIMIT, "%s sends a reply of more than %zu bytes", x->request.host, x->body_max);
        return 0;
    }
    rip_buffer_append(&x->response.body, bytes, len);
    return x->response.body.failed ? 0 : len;
}

/* Sending. */

static void add_line(aws_exchange *x, const char *name, const char *value)
{
    rip_buffer_puts(&x->lines, name);
    /* libcurl's way to say "this header, empty" is a semicolon, and to say "not this header" a colon and no more. */
    rip_buffer_puts(&x->lines, !value ? ":" : *value ? ": " : ";");
    if (value) rip_buffer_puts(&x->lines, value);
    rip_buffer_putc(&x->lines, '\0');
    x->line_count++;
}

static bool add_lines(aws_exchange *x)
{
    const aws_headers *headers = &x->request.headers;
    size_t room = 128;
    for (size_t i = 0; i < headers->count; i++)
        room += strlen(headers->items[i].name) + strlen(headers->items[i].value) + 3;
    rip_buffer_reserve(&x->lines, room); /* at once, so that no copy with secrets is left behind */
    add_line(x, "Expect", NULL);
    if (!aws_headers_get(headers, "Accept")) add_line(x, "Accept", NULL);
    if (!aws_headers_get(headers, "Content-Type")) add_line(x, "Content-Type", NULL);
    if (!aws_headers_get(headers, "User-Agent")) add_line(x, "User-Agent", "riposte");
    for (size_t i = 0; i < headers->count; i++) {
        const aws_header *header = &headers->items[i];
        /* libcurl counts the body itself. */
        if (strcasecmp(header->name, "Content-Length") != 0) add_line(x, header->name, header->value);
    }
    if (x->lines.failed) return false;
    if (x->headers_cap < x->line_count) {
        free(x->headers);
        x->headers = calloc(x->line_count, sizeof *x->headers);
        x->headers_cap = x->headers ? x->line_count : 0;
        if (!x->headers) return false;
    }
    char *at = x->lines.data;
    for (size_t i = 0; i < x->line_count; i++) {
        x->headers[i] = (struct curl_slist){at, i + 1 < x->line_count ? &x->headers[i + 1] : NULL};
        at += strlen(at) + 1;
    }
    return true;
}

static void set_method(aws_exchange *x)
{
    CURL *easy = x->easy;
    const aws_http_request *request = &x->request;
    bool is_get = strcmp(request->method, "GET") == 0;
    /* Handles are used again: each of these undoes the other two. */
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request->body.len > 0 || (!is_get && strcmp(request->method, "DELETE") != 0)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data ? request->body.data : "");
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/** With what is the same for every request. */
static aws_exchange *exchange_new(aws_web *web)
{
    aws_exchange *x = calloc(1, sizeof *x);
    CURL *easy = x ? curl_easy_init() : NULL;
    if (!easy) {
        free(x);
        return NULL;
    }
    x->web = web;
    x->easy = easy;
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* the path that was signed */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, web);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, web);
    if (web->ca_bundle) curl_easy_setopt(easy, CURLOPT_CAINFO, web->ca_bundle);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->curl_error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    return x;
}

static void set_options(aws_exchange *x, const aws_web_limits *limits)
{
    CURL *easy = x->easy;
    set_method(x);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)x->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(x->timeout_ms < CONNECT_TIMEOUT_MS ? x->timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, limits && limits->once ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, limits && limits->no_proxy ? "*" : NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY, strcmp(x->request.scheme, "http") == 0 ? x->web->http_proxy : NULL);
}

static rip_status prepare(aws_exchange *x, const aws_web_limits *limits, rip_error *err)
{
    aws_web *web = x->web;
    const aws_http_request *request = &x->request;
    rip_buffer url = {0};
    if (!request->scheme || !request->host || !request->path || !request->method)
        return rip_fail(err, RIP_EINVAL, "a request without scheme, host, path or method can't be sent");
    rip_buffer_puts(&url, request->scheme);
    rip_buffer_puts(&url, "://");
    rip_buffer_puts(&url, request->host);
    rip_buffer_puts(&url, request->path);
    if (request->query && *request->query) rip_buffer_putc(&url, '?');
    if (request->query) rip_buffer_puts(&url, request->query);
    bool ready = !url.failed && add_lines(x);
    if (ready) {
        set_options(x, limits);
        ready = curl_easy_setopt(x->easy, CURLOPT_URL, url.data) == CURLE_OK;
    }
    rip_buffer_free(&url);
    if (!ready) return rip_nomem(err);
    CURLMcode code = curl_multi_add_handle(web->multi, x->easy);
    return code == CURLM_OK ? RIP_OK : rip_fail(err, RIP_EIO, "libcurl: %s", curl_multi_strerror(code));
}

rip_status aws_web_send(aws_web *web, aws_http_request *request, const aws_web_limits *limits, aws_exchange_done done,
                        void *data, aws_exchange **out, rip_error *err)
{
    aws_exchange *x = web->idle;
    if (x) {
        web->idle = x->next;
        web->idle_count--;
    } else if (!(x = exchange_new(web))) {
        aws_http_request_free(request);
        return rip_nomem(err);
    }
    x->previous = NULL;
    x->next = web->exchanges;
    if (x->next) x->next->previous = x;
    web->exchanges = x;
    x->request = *request;
    *request = (aws_http_request){0};
    x->done = done;
    x->data = data;
    x->timeout_ms = limits && limits->timeout_ms > 0 ? limits->timeout_ms : TIMEOUT_MS;
    x->body_max = limits && limits->body_bytes ? limits->body_bytes : BODY_BYTES_MAX;
    rip_status status = prepare(x, limits, err);
    if (status != RIP_OK)
        release(x);
    else if (out)
        *out = x;
    return status;
}

void aws_web_cancel(aws_exchange *exchange)
{
    release(exchange);
}

/* The whole. */

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void aws_web_free(aws_web *web)
{
    if (!web) return;
    web->closing = true;
    for (aws_exchange *exchange = web->exchanges, *next; exchange; exchange = next) {
        next = exchange->next;
        release(exchange);
    }
    for (aws_exchange *exchange = web->idle, *next; exchange; exchange = next) {
        next = exchange->next;
        exchange_free(exchange);
    }
    curl_multi_cleanup(web->multi);
    web->multi = NULL;
    aws_watches_free(web->watches);
    free(web->ca_bundle);
    free(web->http_proxy);
    uv_close((uv_handle_t *)&web->timer, on_timer_closed);
}

/** A server that hangs up while we write must be an error of that write, not the end of the process: libcurl leaves
 * this to the program where it may use no signals, as beside threads. */
static void ignore_broken_pipes(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

/** HTTP_PROXY, which libcurl reads only in small letters: in a CGI program it would be a request's word. NULL: libcurl
 * finds what there is itself. */
static const char *http_proxy(void)
{
    const char *small = getenv("http_proxy"), *proxy = getenv("HTTP_PROXY");
    return small || !proxy || !*proxy || getenv("REQUEST_METHOD") ? NULL : proxy;
}

rip_status aws_web_new(const aws_web_options *options, aws_web **out, rip_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return rip_fail(err, RIP_EIO, "libcurl could not be started");
    if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
        return rip_fail(err, RIP_EIO,
                        "this libcurl resolves names on the caller's thread; one with an asynchronous "
                        "resolver is needed");
    aws_web *web = calloc(1, sizeof *web);
    if (!web) return rip_nomem(err);
    const char *proxy = http_proxy();
    web->multi = curl_multi_init();
    web->watches = aws_watches_new(options->loop, on_ready, web);
    if (options->ca_bundle) web->ca_bundle = strdup(options->ca_bundle);
    if (proxy) web->http_proxy = strdup(proxy);
    if (!web->multi || !web->watches || (options->ca_bundle && !web->ca_bundle) || (proxy && !web->http_proxy)) {
        curl_multi_cleanup(web->multi);
        aws_watches_free(web->watches);
        free(web->ca_bundle);
        free(web->http_proxy);
        free(web);
        return rip_nomem(err);
    }
    ignore_broken_pipes();
    web->loop = options->loop;
    uv_timer_init(web->loop, &web->timer);
    web->timer.data = web;
    long connections = options->max_connections > 0 ? options->max_connections : CONNECTIONS;
    curl_multi_setopt(web->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(web->multi, CURLMOPT_SOCKETDATA, web);
    curl_multi_setopt(web->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(web->multi, CURLMOPT_TIMERDATA, web);
    curl_multi_setopt(web->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
    curl_multi_setopt(web->multi, CURLMOPT_MAXCONNECTS, connections * 4);
    *out = web;
    return RIP_OK;
}
