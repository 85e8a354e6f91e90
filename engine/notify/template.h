/* Bodies of one's own: JSON in which {field} stands for something of the run. */
#ifndef RIPOSTE_NOTIFY_TEMPLATE_H
#define RIPOSTE_NOTIFY_TEMPLATE_H

#include <jansson.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

/** Replace each {field} by its text from `fields` (texts and whole numbers), escaped for the inside of a JSON string.
 * A brace that no name of small letters and '_' follows, closed by '}', is itself: JSON's own braces need no escape.
 * RIP_EINVAL names a field that there is not. */
rip_status notify_template_fill(const char *form, const json_t *fields, rip_buffer *out, rip_error *err);

#endif
