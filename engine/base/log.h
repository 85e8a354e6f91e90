/* The log: one event a line, as JSON or as text for people. Findings hold attackers' strings, so every value is
 * escaped. */
#ifndef RIPOSTE_BASE_LOG_H
#define RIPOSTE_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

typedef enum rip_log_level { RIP_LOG_DEBUG, RIP_LOG_INFO, RIP_LOG_WARN, RIP_LOG_ERROR, RIP_LOG_OFF } rip_log_level;
typedef enum rip_log_format { RIP_LOG_TEXT, RIP_LOG_JSON } rip_log_format;

/** Where the log goes. Before this it goes to stderr, as text, from RIP_LOG_WARN up. `out` stays the caller's. */
void rip_log_open(FILE *out, rip_log_format format, rip_log_level least);

bool rip_log_enabled(rip_log_level level);

/** Write one event. `event` is a dotted name ("playbook.rejected"); then follow pairs of strings, key and value, and a
 * final NULL. A NULL value leaves its pair out. Values are cut at 4,096 bytes and escaped; invalid UTF-8 becomes
 * U+FFFD. */
void rip_log(rip_log_level level, const char *event, ...) __attribute__((sentinel));

/** "debug", "info", "warn", "error", "off" to a level; false if it is none of them. */
bool rip_log_level_parse(const char *name, rip_log_level *level);

#endif
