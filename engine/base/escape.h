/* Making strings from outside fit to show: on a terminal, in a log line, in JSON. */
#ifndef RIPOSTE_BASE_ESCAPE_H
#define RIPOSTE_BASE_ESCAPE_H

#include <stddef.h>

#include "engine/base/buffer.h"

/** Append `text` so that it is one line of printable UTF-8: control characters (C0, DEL, C1), line and paragraph
 * separators and the bidirectional controls become \n, \t or \u{XX}; invalid UTF-8 becomes U+FFFD. At most `max` bytes
 * of `text` are used, and an ellipsis tells when more was there. */
void rip_escape_line(rip_buffer *out, const char *text, size_t len, size_t max);

/** Append `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD. At most `max` bytes of `text` are
 * used. */
void rip_escape_json(rip_buffer *out, const char *text, size_t len, size_t max);

/** The length of the UTF-8 character that starts at `text` (1 to 4), or 0 if none that is valid starts there (RFC
 * 3629). Its code point goes to *code, which may be NULL. */
size_t rip_utf8_next(const char *text, size_t len, unsigned *code);

#endif
