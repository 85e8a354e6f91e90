#include "engine/serve/systemd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool systemd_tell(const char *lines)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path || (*path != '/' && *path != '@')) return false;
    memcpy(to.sun_path, path, len);
    if (*path == '@') to.sun_path[0] = '\0'; /* Linux's abstract names */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent = sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
    close(fd);
    return sent >= 0;
}

uint64_t systemd_watchdog_ms(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
    char *end;
    if (!interval || !getenv("NOTIFY_SOCKET")) return 0;
    if (whose && strtoll(whose, NULL, 10) != (long long)getpid()) return 0;
    errno = 0;
    unsigned long long us = strtoull(interval, &end, 10);
    return errno == 0 && *end == '\0' && us < UINT64_C(1000000) * 86400 ? us / 1000 : 0;
}
