/* Who is at the other end of a unix socket, as the kernel knows it; never as they say. */
#ifndef RIPOSTE_SERVE_PEER_H
#define RIPOSTE_SERVE_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#define PEER_NAME_MAX 64

/** The user who connected (SO_PEERCRED, unix(7)). False: it can't be known, so nobody may be believed. */
bool peer_uid(int fd, uid_t *uid);

/** Only the user that the process runs as, and root, are served. */
bool peer_may_speak(uid_t peer, uid_t own);

/** The user's name, or "uid 1000" where the system has none for it. It may ask a name service: not on the loop. */
void peer_name(uid_t uid, char out[PEER_NAME_MAX]);

#endif
