/* Text from outside in HTML. */
#ifndef RIPOSTE_SERVE_HTML_H
#define RIPOSTE_SERVE_HTML_H

#include "engine/base/buffer.h"

/** Append `text` so that it is text, in an element or in a quoted attribute: control and bidirectional characters as
 * rip_escape_line shows them, then & < > " ' as references. NULL is "". */
void html_text(rip_buffer *out, const char *text);

/** The value of a field of an application/x-www-form-urlencoded body, decoded; to be freed. NULL: it is not there, or
 * holds a NUL. */
char *html_form_field(const char *body, size_t len, const char *name);

#endif
