/* Giving up root. */
#ifndef RIPOSTE_SERVE_PRIVILEGES_H
#define RIPOSTE_SERVE_PRIVILEGES_H

#include "engine/base/error.h"

/** Become this user, with its groups, for good, where the process is root. Where it is not, `user` must be who it is
 * already. RIP_ENOTFOUND: there is no such user; RIP_EDENIED. */
rip_status privileges_drop(const char *user, rip_error *err);

#endif
