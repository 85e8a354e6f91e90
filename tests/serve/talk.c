#include "tests/serve/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int talk_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int talk_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void talk_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return; /* the other side has closed: what it said is read next */
        bytes += n;
        len -= (size_t)n;
    }
}

bool talk_read(uv_loop_t *loop, int fd, const char *until, rip_buffer *out)
{
    char bytes[16384];
    uint64_t end = uv_hrtime() + TALK_PATIENCE_MS * UINT64_C(1000000);
    while (uv_hrtime() < end) {
        uv_run(loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0) rip_buffer_append(out, bytes, (size_t)n);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return until == NULL;
        if (until && out->data && strstr(out->data, until)) return true;
        if (n < 0) usleep(200);
    }
    return false;
}

void talk_wait(uv_loop_t *loop, unsigned ms)
{
    for (uint64_t end = uv_hrtime() + ms * UINT64_C(1000000); uv_hrtime() < end; usleep(200))
        uv_run(loop, UV_RUN_NOWAIT);
}

const char *talk(uv_loop_t *loop, unsigned port, const char *method, const char *target, const char *headers,
                 const char *body)
{
    static char answer[1 << 20];
    rip_buffer request = {0}, got = {0};
    rip_buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, target,
                      headers ? headers : "");
    if (body) rip_buffer_printf(&request, "Content-Length: %zu\r\n", strlen(body));
    rip_buffer_puts(&request, "\r\n");
    if (body) rip_buffer_puts(&request, body);
    int fd = talk_connect(port);
    talk_send(fd, request.data, request.len);
    assert_true(talk_read(loop, fd, NULL, &got));
    close(fd);
    snprintf(answer, sizeof answer, "%s", got.data ? got.data : "");
    rip_buffer_free(&request);
    rip_buffer_free(&got);
    return answer;
}

int talk_status(const char *answer)
{
    static const char VERSION[] = "HTTP/1.1 ";
    return strncmp(answer, VERSION, strlen(VERSION)) == 0 ? (int)strtol(answer + strlen(VERSION), NULL, 10) : 0;
}

const char *talk_body(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}
