/* The one scanner of JSON (RFC 8259), for readers that know what they want next: rip_json_read builds a tree of
 * whatever comes, the AWS protocols read a reply by its model's shapes.
 *
 *     rip_json_enter(s, '[');
 *     for (bool first = true; rip_json_next(s, ']', first); first = false) keep(rip_json_value(s));
 *
 * The first mistake stops the scanner: from then on nothing is there to be read, so that a reader needs to look only at
 * its end. What is read by then is the caller's to release. */
#ifndef RIPOSTE_BASE_JSON_SCAN_H
#define RIPOSTE_BASE_JSON_SCAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buffer.h"

/** What becomes of \u0000 in a text, and of half a surrogate pair, which is refused where it is not replaced. */
typedef enum rip_json_nul {
    RIP_JSON_NUL_REFUSED,
    RIP_JSON_NUL_KEPT,    /* but refused in a name */
    RIP_JSON_NUL_REPLACED /* by U+FFFD: what takes texts as C strings must not see half of them */
} rip_json_nul;

/** Set the first group, zero the rest; free `room` at the end. */
typedef struct rip_json_scan {
    const char *at, *end;
    unsigned depth_max;
    rip_json_nul nul;
    bool repeats; /* rip_json_value lets a name come again in an object: the last one counts */

    unsigned depth;
    rip_buffer room;   /* texts with escapes */
    rip_status status; /* RIP_OK; RIP_EINVAL: no JSON; RIP_ELIMIT: too deep; RIP_ENOMEM */
    const char *fault; /* where, and what is wrong there */
    char wrong[40];
} rip_json_scan;

typedef struct rip_json_text {
    const char *at;
    size_t len;
} rip_json_text;

/** The next character that is no white space; NUL at the end. */
static inline char rip_json_peek(rip_json_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) s->at++;
    return s->at < s->end ? *s->at : '\0';
}

/** Stop here, for a reason of the reader's own too. The first one stays. Always false. */
bool rip_json_stop(rip_json_scan *s, rip_status status, const char *what);

/** Past the character `wanted`, which comes next. */
bool rip_json_take(rip_json_scan *s, char wanted);

/** Into an array or object, past its bracket. */
bool rip_json_enter(rip_json_scan *s, char open);

/** Is there one more item, or member? Past the comma before it, or past the closing bracket. */
bool rip_json_next(rip_json_scan *s, char close, bool first);

/** A text's bytes, which are UTF-8: where they stand, or, when some are escaped, in `room`, for as long as that is left
 * alone. It may be the scanner's own. */
bool rip_json_take_text(rip_json_scan *s, rip_buffer *room, rip_json_text *text);

/** Whatever value comes next. New reference; NULL when the scanner stopped. */
json_t *rip_json_value(rip_json_scan *s);

/** Behind the characters that may stand in a text as they are: what ends them is a quote, a backslash, a control
 * character, a byte that is no UTF-8, or `end`. */
const char *rip_json_plain(const char *at, const char *end);

#endif
