/* A pattern after it was read: fields that are named, tests on their values, and the alternatives that `$or` makes. */
#ifndef RIPOSTE_TRIGGER_PATTERN_H
#define RIPOSTE_TRIGGER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/trigger/arena.h"
#include "engine/trigger/trigger.h"

#define PATTERN_BYTES_MAX ((size_t)100 * 1024)
#define PATTERN_DEPTH_MAX 64
#define PATTERN_ALTERNATIVES_MAX 1000
#define PATTERN_FIELDS_MAX 1000 /* of an alternative */
#define PATTERN_STARS_MAX 64

typedef enum value_kind { VALUE_STRING, VALUE_NUMBER, VALUE_WORD /* true, false, null */ } value_kind;

/** A scalar of an event. `text` is decoded for strings and as written for the others; not NUL-terminated. */
typedef struct value {
    const char *text;
    uint32_t len;
    uint32_t element; /* of the event's arrays: see match.h */
    uint32_t next;    /* the field's next value + 1, 0: the last */
    value_kind kind : 8;
    bool number_known; /* `number` was looked for */
    bool is_number;    /* and there is one that can be compared */
    double number;
} value;

typedef enum predicate_kind {
    PREDICATE_STRING,
    PREDICATE_WORD,
    PREDICATE_NUMBER,
    PREDICATE_RANGE,
    PREDICATE_PREFIX,
    PREDICATE_SUFFIX,
    PREDICATE_WILDCARD,
    PREDICATE_NET,
    PREDICATE_EXISTS,
    PREDICATE_ABSENT,
    PREDICATE_NONE_OF /* anything-but */
} predicate_kind;

/** An address: IPv4 in the first 4 bytes, or IPv6. */
typedef struct address {
    unsigned char bytes[16];
    unsigned size; /* 4, 16 */
} address;

/** What a value must be. */
typedef struct predicate {
    predicate_kind kind;
    bool fold;        /* STRING, PREFIX, SUFFIX: `text` is folded, and values are before they are compared */
    const char *text; /* in the pattern's arena; WILDCARD: its pieces in one */
    size_t len;
    double low, high; /* NUMBER: low; RANGE */
    bool low_open, high_open;
    bool has_number; /* NUMBER: it can be compared, else its text counts */
    address from;    /* NET: from this address to the end of its block */
    unsigned bits;
    const uint32_t *pieces; /* WILDCARD: lengths of what is between the stars */
    size_t piece_count;
    struct predicate *items; /* NONE_OF */
    size_t count;
} predicate;

/** A field that is tested: its name with dots, and what one of its values must be (any of them does). */
typedef struct condition {
    const char *name;
    size_t name_len;
    predicate *predicates;
    size_t count;
    struct path *path; /* in the set; NULL before */
    bool kept;         /* it is among the pattern's conditions */
} condition;

/** Conditions that must hold together, in byte order of their names. */
typedef struct alternative {
    condition **conditions;
    size_t count;
    const condition *access; /* in a set: the one that it hangs on */
} alternative;

typedef struct pattern {
    arena arena;
    alternative *alternatives;
    size_t count;
    condition **conditions; /* of all alternatives, each once */
    size_t condition_count;
} pattern;

/** Read a pattern. RIP_EINVAL, RIP_ELIMIT as trigger_set_add; `mistake` may be NULL. */
rip_status pattern_parse(const char *text, size_t len, pattern **out, trigger_mistake *mistake, rip_error *err);
void pattern_free(pattern *p);

/** Does a value fulfil it? Not for PREDICATE_ABSENT, which has no value. `fold` is scratch for folding: room for twice
 * the value's length. */
bool predicate_match(const predicate *p, value *v, char *fold);

/** The number of a value of kind VALUE_NUMBER; false if it is too long (over 17 digits) or too large to be compared. */
bool value_number(value *v, double *number);

/** Is `text` a number as JSON writes them (RFC 8259, section 6)? */
bool number_is_json(const char *text, size_t len);

/** Read a number of JSON into a double, whatever the locale; false where it has more than 17 significant digits or is
 * out of range. */
bool number_parse(const char *text, size_t len, double *number);

/** Read an IPv4 (dotted quad) or IPv6 address. */
bool address_parse(const char *text, size_t len, address *out);

/** Keep the first `bits` of it. */
void address_mask(address *a, unsigned bits);

#endif
