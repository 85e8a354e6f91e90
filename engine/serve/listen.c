#include "engine/serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
#define SOCKET_MODE 0660

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static rip_status fail_io(listener *l, const char *where, rip_error *err)
{
    int why = errno;
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    return rip_fail(err, RIP_EIO, "listening on %s: %s", where, strerror(why));
}

/* A socket that a dead process left behind is in the way; one that answers is somebody's. */
static bool is_abandoned(const struct sockaddr_un *address)
{
    struct stat about;
    if (lstat(address->sun_path, &about) != 0 || !S_ISSOCK(about.st_mode)) return false;
    int fd = new_socket(AF_UNIX);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0;
    refused = refused && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return refused;
}

static rip_status open_unix(const char *path, listener *out, rip_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof address.sun_path)
        return rip_fail(err, RIP_EINVAL, "unix:%s: expected a path of 1 to %zu bytes", path,
                        sizeof address.sun_path - 1);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (is_abandoned(&address)) unlink(path);
    *out = (listener){.fd = new_socket(AF_UNIX), .is_local = true};
    /* Nobody may connect before the mode is right. */
    mode_t old = umask(0777 & ~SOCKET_MODE);
    bool bound = out->fd >= 0 && bind(out->fd, (const struct sockaddr *)&address, sizeof address) == 0;
    umask(old);
    return bound && listen(out->fd, BACKLOG) == 0 ? RIP_OK : fail_io(out, path, err);
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static unsigned port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

/* "127.0.0.1:8080" or "[::1]:8080" to its parts. */
static bool split(const char *where, char host[64], const char **port)
{
    bool bracket = *where == '[';
    const char *colon = strrchr(where, ':'), *from = where + (bracket ? 1 : 0);
    if (!colon || !colon[1]) return false;
    const char *end = bracket ? colon - 1 : colon;
    if (end <= from || (bracket && *end != ']') || (size_t)(end - from) >= 64) return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    *port = colon + 1;
    return true;
}

static rip_status open_tcp(const char *where, listener *out, rip_error *err)
{
    char host[64];
    const char *port = NULL;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (!split(where, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
        return rip_fail(err, RIP_EINVAL,
                        "cannot listen on %s: expected ADDRESS:PORT (127.0.0.1:8080, [::1]:8080) or unix:PATH", where);
    int on = 1;
    *out = (listener){.fd = new_socket(found->ai_family), .is_local = is_loopback(found->ai_addr)};
    bool open = out->fd >= 0 && setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(out->fd, found->ai_addr, found->ai_addrlen) == 0 && listen(out->fd, BACKLOG) == 0;
    rip_status status = open ? RIP_OK : fail_io(out, where, err);
    freeaddrinfo(found);
    if (open) out->port = port_of(out->fd);
    return status;
}

rip_status listener_open(const char *where, listener *out, rip_error *err)
{
    static const char UNIX[] = "unix:";
    *out = (listener){.fd = -1};
    if (strncmp(where, UNIX, strlen(UNIX)) == 0) return open_unix(where + strlen(UNIX), out, err);
    return open_tcp(where, out, err);
}

void listener_name(const struct sockaddr *address, char out[64])
{
    const void *bytes = NULL;
    snprintf(out, 64, "unix");
    if (address && address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address && address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (bytes && address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes))
        inet_ntop(AF_INET, (const unsigned char *)bytes + 12, out, 64);
    else if (bytes)
        inet_ntop(address->sa_family, bytes, out, 64);
}
