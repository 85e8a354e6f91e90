/* Our reader and writer beside jansson's. */
#ifndef RIPOSTE_TESTS_JSON_ALIKE_H
#define RIPOSTE_TESTS_JSON_ALIKE_H

#include <jansson.h>
#include <stddef.h>

/** Both accept the text, or neither does, under each rule; what they read is the same, is written the same, and reads
 * back as what it was. NULL if so, else what is not. Nothing in `bytes` may nest deeper than 2,000. */
const char *json_alike(const char *bytes, size_t len);

/** Both write the value the same, sorted and not. NULL if so, else what is not. */
const char *json_written_alike(const json_t *value);

#endif
