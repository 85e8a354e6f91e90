/* What waits to be told, notifier by notifier: kept in the journal from when it is known until it was told.
 *
 * A message has a place of its own among the journal's positions, "notify:0", "notify:1" and so on; a place that is
 * free holds nothing, and is taken again. So the places in use are found by counting, and a message is one small write
 * when it comes and one when it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/notify/private.h"

#define RETRY_MOST_MS INT64_C(3600000)

enum { SLOT_FREE, SLOT_LEFT /* by a process before this one */, SLOT_MINE };

static int64_t now_of(const notify *n)
{
    return rip_clock_now(n->options.clock);
}

/* Places in the journal. */

static void slot_name(unsigned slot, char out[32])
{
    snprintf(out, 32, "notify:%u", slot);
}

rip_status notify_slots_load(notify *n, rip_error *err)
{
    char name[32];
    const char *kept;
    n->slots = calloc(NOTIFY_WAITING_MOST, 1);
    if (!n->slots) return rip_nomem(err);
    for (; n->slot_count < NOTIFY_WAITING_MOST; n->slot_count++) {
        slot_name(n->slot_count, name);
        kept = journal_position(n->options.journal, name);
        if (!kept) break;
        n->slots[n->slot_count] = *kept ? SLOT_LEFT : SLOT_FREE;
    }
    return RIP_OK;
}

/* The lowest free place, so that they stay few; false: there is none. */
static bool slot_take(notify *n, unsigned *slot)
{
    if (n->waiting >= NOTIFY_WAITING_MOST) return false;
    for (*slot = 0; *slot < n->slot_count && n->slots[*slot]; (*slot)++) continue;
    if (*slot == NOTIFY_WAITING_MOST) return false;
    if (*slot == n->slot_count) n->slot_count++;
    n->slots[*slot] = SLOT_MINE;
    return true;
}

static void slot_free(notify *n, unsigned slot)
{
    char name[32];
    slot_name(slot, name);
    n->slots[slot] = SLOT_FREE;
    journal_position_set(n->options.journal, name, "", journal_ignore, NULL);
}

static bool slot_write(const notifier *n, unsigned slot, json_t *brief)
{
    char name[32];
    json_t *kept = json_pack("{s:s, s:O}", "to", n->name, "brief", brief);
    char *text = kept ? rip_json_dump(kept, JSON_COMPACT) : NULL;
    slot_name(slot, name);
    if (text) journal_position_set(n->owner->options.journal, name, text, journal_ignore, NULL);
    free(text);
    json_decref(kept);
    return text;
}

/* Counting. */

static void count_messages(const notifier *n, const char *result, size_t by)
{
    const char *values[] = {n->name, result};
    if (n->owner->messages) metric_add(n->owner->messages, values, (double)by);
}

static void show_backlog(const notify *n)
{
    if (n->backlog) metric_set(n->backlog, NULL, (double)n->waiting);
}

/* The queue. */

static void on_time(void *data);

static void wake(notifier *n, int64_t delay_ms)
{
    if (n->sending || !n->first || rip_timer_running(&n->timer)) return;
    rip_timer_start(&n->timer, n->owner->options.clock, delay_ms > 0 ? (uint64_t)delay_ms : 0, on_time, n);
}

static json_int_t when_of(const notify_item *item)
{
    return json_integer_value(json_object_get(item->brief, "at"));
}

/* In the order of what happened, which is not that of the places after a restart. */
static void insert(notifier *n, json_t *brief, unsigned slot)
{
    notify_item *item = calloc(1, sizeof *item);
    if (!item) abort(); /* as a timer that cannot be started */
    item->brief = brief;
    item->slot = slot;
    notify_item **link = n->last && when_of(n->last) <= when_of(item) ? &n->last->next : &n->first;
    while (*link && when_of(*link) <= when_of(item)) link = &(*link)->next;
    item->next = *link;
    *link = item;
    if (!item->next) n->last = item;
    n->owner->waiting++;
}

void notifier_add(notifier *n, json_t *brief)
{
    unsigned slot;
    if (!brief) return;
    if (!slot_take(n->owner, &slot)) {
        rip_log(RIP_LOG_ERROR, "notify.dropped", "to", n->name, "run", brief_text(brief, "run", NULL), "why",
                "too many messages wait", NULL);
        count_messages(n, "dropped", 1);
        json_decref(brief);
        return;
    }
    if (!slot_write(n, slot, brief))
        rip_log(RIP_LOG_WARN, "notify.not_kept", "to", n->name, "run", brief_text(brief, "run", NULL), NULL);
    insert(n, brief, slot);
    show_backlog(n->owner);
    wake(n, n->digest_ms);
}

static void free_items(notifier *n, notify_item *list, bool told)
{
    while (list) {
        notify_item *next = list->next;
        if (told) slot_free(n->owner, list->slot);
        n->owner->waiting--;
        json_decref(list->brief);
        free(list);
        list = next;
    }
}

void notifier_empty(notifier *n)
{
    rip_timer_stop(&n->timer);
    free_items(n, n->sending, false);
    free_items(n, n->first, false);
    n->sending = n->first = n->last = NULL;
    json_decref(n->batch);
    n->batch = NULL;
}

/* The first that waits, and what may go with it, leave the queue for the message that is sent. */
static void take_batch(notifier *n)
{
    notify_item **link = &n->first, **to = &n->sending;
    size_t taken = 0;
    n->batch = json_array();
    n->last = NULL;
    while (*link) {
        notify_item *item = *link;
        bool fits = taken < n->kind->most &&
                    (taken == 0 || !n->kind->together || n->kind->together(json_array_get(n->batch, 0), item->brief));
        if (fits) {
            *link = item->next;
            item->next = NULL;
            *to = item;
            to = &item->next;
            json_array_append(n->batch, item->brief);
            taken++;
        } else {
            n->last = item;
            link = &item->next;
        }
    }
}

/* How long until the rate allows one more message; 0: now, and it is counted. */
static int64_t wait_for_rate(notifier *n)
{
    int64_t now = rip_clock_monotonic(n->owner->options.clock);
    if (n->rate <= 0) return 0;
    n->tokens += (double)(now - n->filled_ms) * n->rate / n->rate_ms;
    if (n->tokens > n->rate) n->tokens = n->rate;
    n->filled_ms = now;
    if (n->tokens >= 1) {
        n->tokens -= 1;
        return 0;
    }
    return (int64_t)((1 - n->tokens) * n->rate_ms / n->rate) + 1;
}

static void on_time(void *data)
{
    notifier *n = data;
    if (n->sending || !n->first) return;
    int64_t wait = wait_for_rate(n);
    if (wait) {
        wake(n, wait);
        return;
    }
    take_batch(n);
    n->kind->send(n);
}

/* What could not be told goes back to where it came from; what is too old is given up. */
static void put_back(notifier *n)
{
    int64_t oldest = now_of(n->owner) - NOTIFY_KEPT_MS;
    notify_item **end = &n->sending;
    while (*end) {
        notify_item *item = *end;
        if (when_of(item) >= oldest) {
            end = &item->next;
            continue;
        }
        rip_log(RIP_LOG_ERROR, "notify.dropped", "to", n->name, "run", brief_text(item->brief, "run", NULL), "why",
                "it could not be told for three days", NULL);
        count_messages(n, "dropped", 1);
        *end = item->next;
        item->next = NULL;
        free_items(n, item, true);
    }
    *end = n->first;
    n->first = n->sending;
    n->sending = NULL;
    n->last = n->first;
    while (n->last && n->last->next) n->last = n->last->next;
}

static int64_t retry_delay(const notifier *n, int64_t retry_after_ms)
{
    int64_t delay = n->retry_ms;
    for (unsigned i = 1; i < n->fails && delay < RETRY_MOST_MS; i++) delay *= 2;
    if (delay < retry_after_ms) delay = retry_after_ms;
    return delay < RETRY_MOST_MS ? delay : RETRY_MOST_MS;
}

void notifier_done(notifier *n, notify_verdict verdict, const char *why, int64_t retry_after_ms)
{
    size_t briefs = json_array_size(n->batch);
    json_decref(n->batch);
    n->batch = NULL;
    n->exchange = NULL;
    n->call = NULL;
    if (verdict == NOTIFY_LATER) {
        n->fails++;
        rip_log(RIP_LOG_WARN, "notify.failed", "to", n->name, "why", why, NULL);
        put_back(n);
        count_messages(n, "failed", briefs);
        show_backlog(n->owner);
        wake(n, retry_delay(n, retry_after_ms));
        return;
    }
    n->fails = 0;
    if (verdict == NOTIFY_REFUSED) rip_log(RIP_LOG_ERROR, "notify.refused", "to", n->name, "why", why, NULL);
    free_items(n, n->sending, true);
    n->sending = NULL;
    show_backlog(n->owner);
    count_messages(n, verdict == NOTIFY_TOLD ? "told" : "refused", briefs);
    wake(n, 0);
}

/* After a restart. */

static notifier *find_notifier(notify *n, const char *name, const json_t *brief)
{
    notifier *found = n->notifiers;
    if (strcmp(name, notify_outcome_kind.name) == 0) return outcome_queue(n, brief);
    while (found && strcmp(found->name, name) != 0) found = found->next;
    return found;
}

void notify_slots_recover(notify *n)
{
    for (unsigned slot = 0; slot < n->slot_count; slot++) {
        char name[32];
        if (n->slots[slot] != SLOT_LEFT) continue;
        slot_name(slot, name);
        const char *text = journal_position(n->options.journal, name);
        json_t *kept = json_loads(text ? text : "", 0, NULL);
        json_t *brief = json_object_get(kept, "brief");
        notifier *to = find_notifier(n, brief_text(kept, "to", NULL), brief);
        if (to && json_is_object(brief)) {
            insert(to, json_incref(brief), slot);
            n->slots[slot] = SLOT_MINE;
            wake(to, 0);
        } else {
            rip_log(RIP_LOG_WARN, "notify.dropped", "to", brief_text(kept, "to", NULL), "run",
                    brief_text(brief, "run", NULL), "why", "the configuration does not know it any more", NULL);
            slot_free(n, slot);
        }
        json_decref(kept);
    }
    show_backlog(n);
}
