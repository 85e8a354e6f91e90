/* The inside of a set of patterns, shared by those who build it (set.c, index.c), those who read events (scan.c) and
 * those who decide (match.c).
 *
 * Each alternative of a pattern hangs on one of its conditions, the one that fewest events are likely to meet. An event
 * finds the alternatives that hang on its values by a few look-ups a value, however many patterns there are; only of
 * those the other conditions are looked at. docs/TRIGGERS.md tells it at length. */
#ifndef RIPOSTE_TRIGGER_SET_H
#define RIPOSTE_TRIGGER_SET_H

#include "engine/trigger/pattern.h"

#define EVENT_DEPTH_MAX 64
#define EVENT_KEYS_MAX 100000
#define EVENT_VALUES_MAX 1000000
#define KEY_BYTES_MAX 4096
#define SEARCH_STEPS_MAX 1000000

typedef struct entry entry;
typedef struct member member;

/** A growing list of alternatives. */
typedef struct listing {
    uint32_t *items;
    uint32_t count, room;
} listing;

/** Lengths (or bits) that entries of a kind have in a field, with how many entries have each; sorted. */
typedef struct lengths {
    struct {
        uint32_t length, uses;
    } * items;
    uint32_t count, room;
} lengths;

/** How an entry is looked up. */
typedef enum key_kind {
    KEY_STRING,
    KEY_STRING_FOLDED,
    KEY_WORD,
    KEY_NUMBER,
    KEY_NUMBER_TEXT,
    KEY_PREFIX,
    KEY_PREFIX_FOLDED,
    KEY_SUFFIX,
    KEY_SUFFIX_FOLDED,
    KEY_NET4,
    KEY_NET6,
    KEY_PRESENT, /* any value */
    KEY_ABSENT,  /* every event: no field */
    KEY_KINDS
} key_kind;

/** A step of a field's name, and the field that ends there. */
typedef struct path path;
struct path {
    path *parent;
    char *name;
    uint32_t name_len, hash;
    path **table; /* open addressing; NULL where there are no children */
    uint32_t children, table_size;
    uint32_t uses;   /* conditions at it or below */
    uint32_t fields; /* conditions at it */
    uint32_t id;
    lengths by_kind[KEY_KINDS];
    entry *present; /* KEY_PRESENT */
    /* of the event that is being matched */
    uint64_t generation;
    uint32_t first, last; /* values, + 1 */
    uint32_t outer;       /* the outermost array they stand in: 0 none, UINT32_MAX several */
    bool in_array;        /* one of them stands in an element */
};

/** What some alternatives hang on. */
struct entry {
    uint64_t hash;
    path *field;
    key_kind kind;
    uint32_t len;
    char *bytes;
    listing hanging;
};

/** An alternative in the set. */
typedef struct branch {
    member *of; /* NULL: a free place */
    const alternative *what;
    uint64_t generation; /* it was looked at for this event */
} branch;

/** A pattern in the set. */
struct member {
    const void *owner;
    pattern *pattern;
    uint64_t order;
    uint64_t generation; /* it matched this event */
    uint32_t *branches;
    member *next_owner; /* in the table of owners */
};

/** An element of an array of an event, which may hold fields. */
typedef struct element {
    uint32_t parent; /* 0: none */
    uint32_t array, index;
    uint32_t depth;
    uint32_t outer; /* the outermost array */
} element;

struct trigger_set {
    path root;
    uint32_t last_path;
    entry **entries; /* open addressing */
    size_t entry_count, entry_room, entry_graves;
    entry *always; /* KEY_ABSENT */
    branch *branches;
    uint32_t branch_count, branch_room;
    listing free_branches;
    member **owners; /* chained */
    size_t member_count, owner_room;
    uint64_t order;
    size_t pattern_bytes, path_bytes;
    /* the event that is being matched */
    uint64_t generation;
    char *text; /* a copy, with room behind it to read ahead */
    size_t text_room;
    char *decoded;
    size_t decoded_used, decoded_room;
    char *fold;
    size_t fold_room;
    value *values;
    uint32_t value_count, value_room;
    element *elements; /* from 1 */
    uint32_t element_count, element_room;
    uint32_t arrays;
    listing candidates;
    member **matched;
    size_t matched_count, matched_room;
    bool out_of_memory;
};

/* index.c */

/** The child of a path by name; NULL: none. */
path *path_child(const path *parent, const char *name, size_t len);

/** Find or make the path of a field ("a.b"), and count a use; NULL: out of memory. */
path *path_take(trigger_set *set, const char *name, size_t len);
/** Give it back: what no condition needs is freed. */
void path_drop(trigger_set *set, path *p);

/** How many alternatives hang on the entries of a condition, and how likely events are to meet it: 0 seldom, 1 often,
 * 2 nearly always, 3 always. */
uint32_t index_load(const trigger_set *set, const condition *c, unsigned *likely);

/** Hang an alternative on a condition. */
bool index_add(trigger_set *set, const condition *c, uint32_t number);
void index_remove(trigger_set *set, const condition *c, uint32_t number);

/** Add the alternatives that hang on a value of a field to the candidates. */
void index_find(trigger_set *set, path *field, value *v);

bool listing_push(listing *list, uint32_t item);

/* scan.c */

/** Read an event: values of fields that patterns name go to the set. */
rip_status event_scan(trigger_set *set, const char *event, size_t len, rip_error *err);

/* match.c */

/** Does an alternative hold for the event that was scanned? */
rip_status branch_holds(trigger_set *set, const alternative *a, bool *holds, rip_error *err);

/** Room for folding a value. */
bool set_reserve_fold(trigger_set *set, size_t len);

#endif
