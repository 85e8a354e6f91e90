/* Whose turn it is: the most severe first, the oldest first among equals, and nothing starves, since waiting counts
 * too. At most so many at once, in all, for each playbook and each account, and one for each lock. */
#ifndef RIPOSTE_DISPATCH_QUEUE_H
#define RIPOSTE_DISPATCH_QUEUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct queue queue;

/** Lives in the struct of its owner, who takes it out before its memory goes. Keys are borrowed and outlive it. */
typedef struct turn {
    int64_t rank;                          /* lower goes first: see queue_rank */
    uint64_t order;                        /* the queue's own: first come, first served among equals */
    size_t slot;                           /* in the heap, from 1; 0: it is set aside, or was taken */
    bool taken;                            /* it had its turn, and queue_done was not called */
    bool going;                            /* it counts as going on */
    const char *lock, *playbook, *account; /* lock: NULL: none */
    const char *blocked_by;                /* why it was set aside; NULL: it was not */
    struct turn *aside_next;
} turn;

typedef struct queue_limits {
    unsigned all, playbook, account; /* at once; 0: no limit */
} queue_limits;

/** NULL: out of memory. */
queue *queue_new(const queue_limits *limits);
void queue_free(queue *q);
/** Other limits from now on: what goes on goes on. */
void queue_limit(queue *q, const queue_limits *limits);

/** When something of this severity (0 … 100) that came at `at_ms` has its turn: as if a critical one had come an hour
 * earlier, so that an old low one comes before a new critical one at last. */
int64_t queue_rank(int severity, int64_t at_ms);

/** False: out of memory. */
bool queue_add(queue *q, turn *t);
/** Take out what waits. */
void queue_remove(queue *q, turn *t);

/** Who may go on now: it counts as going on. NULL: nobody. `held` (may be NULL) tells of reasons of the caller's own
 * that hold one back; it is asked again after queue_wake. */
typedef bool (*queue_held)(void *data, const turn *t);
turn *queue_take(queue *q, queue_held held, void *data);

/** One that was taken does nothing more, though it is not over yet: it counts no longer, and keeps its lock. */
void queue_leave(queue *q, turn *t);

/** One that was taken is over: all that it held back may go on. */
void queue_done(queue *q, turn *t);

/** Reasons of the caller's own have changed. */
void queue_wake(queue *q);

#endif
