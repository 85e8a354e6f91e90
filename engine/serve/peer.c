#include "engine/serve/peer.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

bool peer_uid(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof peer) return false;
    *uid = peer.uid;
    return true;
}

bool peer_may_speak(uid_t peer, uid_t own)
{
    return peer == own || peer == 0;
}

void peer_name(uid_t uid, char out[PEER_NAME_MAX])
{
    char room[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found)
        snprintf(out, PEER_NAME_MAX, "%s", found->pw_name);
    else
        snprintf(out, PEER_NAME_MAX, "uid %lu", (unsigned long)uid);
}
