/* The socket that the server listens on. */
#ifndef RIPOSTE_SERVE_LISTEN_H
#define RIPOSTE_SERVE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "engine/base/error.h"

typedef struct listener {
    int fd;
    bool is_local; /* a unix socket, or an address of the loopback: only this machine reaches it */
    unsigned port; /* 0 for a unix socket */
} listener;

/** `where` as in http_options; names are not looked up. A unix socket has mode 0660. RIP_EINVAL: it is no address;
 * RIP_EIO: it is taken, or may not be used. The descriptor is the caller's. */
rip_status listener_open(const char *where, listener *out, rip_error *err);

/** "192.0.2.1" (also where it comes as an IPv6 address), "2001:db8::1", "unix"; `out` has 64 bytes. */
void listener_name(const struct sockaddr *address, char out[64]);

#endif
