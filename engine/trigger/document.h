/* A JSON text read into nodes that know where they stand: for patterns, whose mistakes are told with their place. */
#ifndef RIPOSTE_TRIGGER_DOCUMENT_H
#define RIPOSTE_TRIGGER_DOCUMENT_H

#include <stddef.h>

#include "engine/base/error.h"
#include "engine/trigger/arena.h"

typedef enum node_kind {
    NODE_OBJECT,
    NODE_ARRAY,
    NODE_STRING,
    NODE_NUMBER,
    NODE_TRUE,
    NODE_FALSE,
    NODE_NULL
} node_kind;

typedef struct node node;
struct node {
    node_kind kind;
    size_t at;        /* byte in the text */
    const char *text; /* strings: decoded; else as written, NUL-terminated */
    size_t len;
    const char *key; /* of a member of an object, decoded */
    size_t key_len, key_at;
    node *first, *next; /* members and elements */
    size_t count;
};

/** Read one JSON value (RFC 8259) of UTF-8. RIP_EINVAL or RIP_ELIMIT (depth over `depth`) with the byte in `*at`. Keys
 * that are given twice in an object are refused. Nodes live in `memory`. */
rip_status document_parse(const char *text, size_t len, unsigned depth, arena *memory, node **out, size_t *at,
                          rip_error *err);

/** Decode the inside of a JSON string into `out`, which has room for `len` bytes. `*out_len` gets the length; the
 * result is NULL, or why it is none, with the byte in `*at`. */
const char *string_decode(const char *text, size_t len, char *out, size_t *out_len, size_t *at);

#endif
