/* Quantities as people write them: spans of time and sizes. */
#ifndef RIPOSTE_BASE_UNITS_H
#define RIPOSTE_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** "500ms", "5s", "20m", "1h", "7d", "1.5h", or a bare number of seconds, to milliseconds; false if it is none, is
 * negative, or is over 366 days. The same words as lua/riposte/duration.lua. */
bool rip_duration_parse(const char *text, int64_t *ms);

/** "65536", "64KiB", "64MiB", "1GiB" (also "64K", "64M", "1G": powers of 1,024) to bytes; false if it is none. */
bool rip_size_parse(const char *text, uint64_t *bytes);

#endif
