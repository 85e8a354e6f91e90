#include "engine/dispatch/queue.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static const char HELD[] = "held", LOCK[] = "lock", PLAYBOOK[] = "playbook", ACCOUNT[] = "account";

struct queue {
    queue_limits limits;
    turn **heap;
    size_t count, cap;
    uint64_t order;
    unsigned going;
    json_t *locks;                /* lock -> true, of those that were taken */
    json_t *playbooks, *accounts; /* name -> how many go on */
    turn *aside;                  /* those that something holds back */
    size_t aside_count;
};

queue *queue_new(const queue_limits *limits)
{
    queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->limits = *limits;
    q->locks = json_object();
    q->playbooks = json_object();
    q->accounts = json_object();
    if (q->locks && q->playbooks && q->accounts) return q;
    queue_free(q);
    return NULL;
}

void queue_free(queue *q)
{
    if (!q) return;
    json_decref(q->locks);
    json_decref(q->playbooks);
    json_decref(q->accounts);
    free(q->heap);
    free(q);
}

void queue_limit(queue *q, const queue_limits *limits)
{
    q->limits = *limits;
    queue_wake(q);
}

int64_t queue_rank(int severity, int64_t at_ms)
{
    int64_t ahead = severity >= 90 ? 60 : severity >= 70 ? 30 : severity >= 40 ? 10 : 0;
    return at_ms - ahead * MINUTE_MS;
}

/* The heap. */

static bool is_before(const turn *a, const turn *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->order < b->order;
}

static void place(queue *q, size_t slot, turn *t)
{
    q->heap[slot - 1] = t;
    t->slot = slot;
}

static void sift_up(queue *q, turn *t)
{
    size_t slot = t->slot;
    while (slot > 1 && is_before(t, q->heap[slot / 2 - 1])) {
        place(q, slot, q->heap[slot / 2 - 1]);
        slot /= 2;
    }
    place(q, slot, t);
}

static void sift_down(queue *q, turn *t)
{
    size_t slot = t->slot;
    for (;;) {
        size_t child = slot * 2;
        if (child > q->count) break;
        if (child < q->count && is_before(q->heap[child], q->heap[child - 1])) child++;
        if (!is_before(q->heap[child - 1], t)) break;
        place(q, slot, q->heap[child - 1]);
        slot = child;
    }
    place(q, slot, t);
}

/* There is room: those set aside keep theirs. */
static void push(queue *q, turn *t)
{
    t->slot = ++q->count;
    q->heap[t->slot - 1] = t;
    sift_up(q, t);
}

static void pull(queue *q, turn *t)
{
    turn *last = q->heap[--q->count];
    size_t slot = t->slot;
    t->slot = 0;
    if (last == t) return;
    place(q, slot, last);
    sift_up(q, last);
    sift_down(q, last);
}

bool queue_add(queue *q, turn *t)
{
    if (q->count + q->aside_count + 1 > q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 64;
        turn **heap = realloc(q->heap, cap * sizeof(*heap));
        if (!heap) return false;
        q->heap = heap;
        q->cap = cap;
    }
    t->order = ++q->order;
    t->taken = t->going = false;
    t->blocked_by = NULL;
    push(q, t);
    return true;
}

/* Those set aside. */

static void take_aside(queue *q, turn *t)
{
    turn **link = &q->aside;
    while (*link && *link != t) link = &(*link)->aside_next;
    if (*link) {
        *link = t->aside_next;
        q->aside_count--;
    }
    t->blocked_by = NULL;
}

void queue_remove(queue *q, turn *t)
{
    if (t->blocked_by)
        take_aside(q, t);
    else if (t->slot)
        pull(q, t);
}

static bool is_full(const json_t *counts, const char *name, unsigned most)
{
    return most > 0 && json_integer_value(json_object_get(counts, name)) >= (json_int_t)most;
}

static const char *obstacle(const queue *q, const turn *t, queue_held held, void *data)
{
    if (t->lock && json_object_get(q->locks, t->lock)) return LOCK;
    if (is_full(q->playbooks, t->playbook, q->limits.playbook)) return PLAYBOOK;
    if (is_full(q->accounts, t->account, q->limits.account)) return ACCOUNT;
    return held && held(data, t) ? HELD : NULL;
}

static void count_one(json_t *counts, const char *name, json_int_t by)
{
    json_int_t now = json_integer_value(json_object_get(counts, name)) + by;
    if (now > 0)
        json_object_set_new(counts, name, json_integer(now));
    else
        json_object_del(counts, name);
}

turn *queue_take(queue *q, queue_held held, void *data)
{
    while (q->count > 0 && (q->limits.all == 0 || q->going < q->limits.all)) {
        turn *t = q->heap[0];
        pull(q, t);
        t->blocked_by = obstacle(q, t, held, data);
        if (t->blocked_by) {
            t->aside_next = q->aside;
            q->aside = t;
            q->aside_count++;
            continue;
        }
        t->taken = t->going = true;
        q->going++;
        if (t->lock) json_object_set_new(q->locks, t->lock, json_true());
        count_one(q->playbooks, t->playbook, 1);
        count_one(q->accounts, t->account, 1);
        return t;
    }
    return NULL;
}

static bool is_freed(const turn *t, const turn *by)
{
    if (!by) return t->blocked_by == HELD;
    if (t->blocked_by == LOCK) return !by->taken && by->lock && strcmp(t->lock, by->lock) == 0;
    if (t->blocked_by == PLAYBOOK) return strcmp(t->playbook, by->playbook) == 0;
    return t->blocked_by == ACCOUNT && strcmp(t->account, by->account) == 0;
}

/* Back to the heap with those in whose way `by` was; NULL: with those that the caller held. They keep their places, so
 * that locks are handed on fairly. */
static void bring_back(queue *q, const turn *by)
{
    turn **link = &q->aside;
    while (*link) {
        turn *t = *link;
        if (!is_freed(t, by)) {
            link = &t->aside_next;
            continue;
        }
        *link = t->aside_next;
        q->aside_count--;
        t->blocked_by = NULL;
        push(q, t);
    }
}

static void uncount(queue *q, turn *t)
{
    if (!t->going) return;
    t->going = false;
    q->going--;
    count_one(q->playbooks, t->playbook, -1);
    count_one(q->accounts, t->account, -1);
}

void queue_leave(queue *q, turn *t)
{
    uncount(q, t);
    bring_back(q, t);
}

void queue_done(queue *q, turn *t)
{
    if (!t->taken) return;
    uncount(q, t);
    t->taken = false;
    if (t->lock) json_object_del(q->locks, t->lock);
    bring_back(q, t);
}

void queue_wake(queue *q)
{
    bring_back(q, NULL);
}
