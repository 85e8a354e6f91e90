/* Conditions in words. */
#ifndef RIPOSTE_TRIGGER_DESCRIBE_H
#define RIPOSTE_TRIGGER_DESCRIBE_H

#include "engine/base/buffer.h"
#include "engine/trigger/pattern.h"

/** Append what a condition wants of a field's value: `"a", prefix "b" or a number >= 7`. */
void describe_condition(rip_buffer *out, const condition *c);

/** Append a string in quotes, on one line, cut where it is long. */
void describe_string(rip_buffer *out, const char *text, size_t len);

#endif
