/* Windows of time in which playbooks may make changes. */
#ifndef RIPOSTE_RUN_WINDOW_H
#define RIPOSTE_RUN_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/config.h"
#include "engine/base/error.h"

typedef struct guard_windows guard_windows;

/** Compile the rows of the configuration's list `key`: playbook and account (globs), days ("mon-fri", "sat,sun"; none:
 * all), from and to ("22:00", UTC; past midnight where `to` is earlier). RIP_EINVAL names the row and what is wrong. */
rip_status guard_windows_new(const rip_config *config, const char *key, guard_windows **out, rip_error *err);
void guard_windows_free(guard_windows *windows);

/** May this playbook make a change in this account at `now` (milliseconds since the epoch)? Yes where no window names
 * them; else in one of those that do. */
bool guard_windows_open(const guard_windows *windows, const char *playbook, const char *account, int64_t now);

#endif
