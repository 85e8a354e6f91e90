/* JSON text to jansson's values and back, for what every finding passes: as strict as jansson, and many times as fast
 * (docs/adr/0012). Values stay jansson's everywhere. */
#ifndef RIPOSTE_BASE_JSON_H
#define RIPOSTE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

/** How many arrays and objects may be inside each other where no other limit is set; jansson's own is the same. */
#define RIP_JSON_DEPTH_MAX 2048

/** What a reader lets through. Zero is the strictest. */
typedef struct rip_json_rules {
    unsigned depth; /* the most arrays and objects inside each other; 0: RIP_JSON_DEPTH_MAX */
    bool any;       /* the text may be any value, not only an object or an array */
    bool nul;       /* strings may hold U+0000, written as \u0000; names never may */
} rip_json_rules;

/** Read all of `bytes`, which need not end in a NUL, as one JSON text in UTF-8. `*out` is a new reference, NULL on
 * failure. A number without fraction and exponent is an integer, any other a real. `rules` may be NULL.
 *
 * RIP_EINVAL names what is wrong, its byte, line and column, all counted from 1, for what RFC 8259 does not allow, and
 * besides for a name that an object holds twice, half a surrogate pair, and a number that 64 bits (an integer) or a
 * double cannot hold; RIP_ELIMIT for what nests too deeply. */
rip_status rip_json_read(const char *bytes, size_t len, const rip_json_rules *rules, json_t **out, rip_error *err);

enum { RIP_JSON_SORTED = 1 /* an object's members by the bytes of their names, else in the object's own order */ };

/** Append a value (any; borrowed) without white space, byte for byte as json_dumps writes it with JSON_COMPACT and
 * JSON_ENCODE_ANY, and JSON_SORT_KEYS for RIP_JSON_SORTED.
 *
 * RIP_EINVAL for NULL and for text that is no UTF-8, RIP_ELIMIT for what nests deeper than RIP_JSON_DEPTH_MAX (so for
 * what holds itself): `out` is as it was then. RIP_ENOMEM sticks to `out`, as with every append. */
rip_status rip_json_write(rip_buffer *out, const json_t *value, unsigned flags, rip_error *err);

/** As that, of an object without the members of these names (NULL ends them), in its own order. */
rip_status rip_json_write_without(rip_buffer *out, const json_t *object, const char *const *names, rip_error *err);

/** Append a value (borrowed) as people read it: what fits into `width` columns stays on one line, else an object or
 * array has one member a line. Texts stay whole, however long. It starts at column `at`; the lines after the first are
 * indented by `indent` and more. What it appends is JSON. */
void rip_json_lay_out(rip_buffer *out, const json_t *value, unsigned indent, unsigned at, unsigned width);

/** As json_dumps, with its flags, but that the caller frees the text with free(). What json_dumps hands out is not for
 * free (json_memory.h), so no room can be linked that calls it. NULL: not what the flags allow, or out of memory. */
char *rip_json_dump(const json_t *value, size_t flags);

#endif
