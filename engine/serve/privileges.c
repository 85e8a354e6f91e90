#include "engine/serve/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

rip_status privileges_drop(const char *user, rip_error *err)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return rip_fail(err, RIP_ENOTFOUND, "there is no user %s%s%s", user, errno ? ": " : "",
                        errno ? strerror(errno) : "");
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (geteuid() == uid && getuid() == uid) return RIP_OK;
    if (geteuid() != 0)
        return rip_fail(err, RIP_EDENIED, "only root can become the user %s: start as root or as %s", user, user);
    if (initgroups(user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
        return rip_fail(err, RIP_EDENIED, "the user %s could not be become: %s", user, strerror(errno));
    if (uid != 0 && setuid(0) == 0) return rip_fail(err, RIP_EDENIED, "root was not given up");
    return RIP_OK;
}
