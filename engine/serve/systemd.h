/* What a service manager is told (sd_notify's protocol, systemd's sd_notify(3)), without its library. */
#ifndef RIPOSTE_SERVE_SYSTEMD_H
#define RIPOSTE_SERVE_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>

/** Send lines ("READY=1\nSTATUS=…") to the socket that NOTIFY_SOCKET names. False: there is none, or it did not take
 * them, which hinders nothing. */
bool systemd_tell(const char *lines);

/** How often WATCHDOG=1 is expected of this process, in milliseconds; 0: it is not. */
uint64_t systemd_watchdog_ms(void);

#endif
