/* Text without regard to case, for equals-ignore-case. */
#ifndef RIPOSTE_TRIGGER_FOLD_H
#define RIPOSTE_TRIGGER_FOLD_H

#include <stddef.h>

/** Write `text` (UTF-8) in lower case, code point by code point, independent of the locale, and return its length.
 * `out` has room for 3 bytes for every 2 of `text`, and one more. Bytes that are no UTF-8 stay as they are. */
size_t fold_case(const char *text, size_t len, char *out);

/** Write one code point as UTF-8 (RFC 3629) and return its length, 1 to 4. */
size_t utf8_put(char *out, unsigned code);

#endif
