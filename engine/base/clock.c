#include "engine/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is compared lies in the heap: of the timers, which are all over the memory, only the slot is written. */
typedef struct entry {
    int64_t due;
    uint64_t order; /* tells timers of one millisecond apart */
    rip_timer *timer;
} entry;

struct rip_clock {
    uv_loop_t *loop;
    uv_timer_t wake; /* real: armed for the earliest timer, or earlier */
    uv_idle_t spin;  /* virtual: active while a timer runs, so that the loop never blocks; real: one is due */
    entry *heap;
    size_t len, cap;
    uint64_t next_order;
    int64_t virtual_now;
    int handles_open;
    bool is_virtual;
};

/* A binary heap, earliest first. */

static bool earlier(const entry *a, const entry *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void place(rip_clock *clock, entry e, size_t slot)
{
    clock->heap[slot] = e;
    e.timer->slot = slot;
}

static void sift_up(rip_clock *clock, size_t slot)
{
    entry e = clock->heap[slot];
    while (slot > 0) {
        size_t parent = (slot - 1) / 2;
        if (!earlier(&e, &clock->heap[parent])) break;
        place(clock, clock->heap[parent], slot);
        slot = parent;
    }
    place(clock, e, slot);
}

static void sift_down(rip_clock *clock, size_t slot)
{
    entry e = clock->heap[slot];
    for (;;) {
        size_t child = 2 * slot + 1;
        if (child >= clock->len) break;
        if (child + 1 < clock->len && earlier(&clock->heap[child + 1], &clock->heap[child])) child++;
        if (!earlier(&clock->heap[child], &e)) break;
        place(clock, clock->heap[child], slot);
        slot = child;
    }
    place(clock, e, slot);
}

static void heap_remove(rip_clock *clock, rip_timer *timer)
{
    size_t slot = timer->slot;
    entry last = clock->heap[--clock->len];
    if (last.timer != timer) {
        place(clock, last, slot);
        sift_down(clock, slot);
        sift_up(clock, last.timer->slot);
    }
    timer->clock = NULL;
}

static void heap_insert(rip_clock *clock, entry e)
{
    if (clock->len == clock->cap) {
        size_t cap = clock->cap ? clock->cap * 2 : 32;
        entry *heap = realloc(clock->heap, cap * sizeof(*heap));
        if (!heap) abort(); /* a lost timer is a lost run: better to stop and replay */
        clock->heap = heap;
        clock->cap = cap;
    }
    place(clock, e, clock->len++);
    sift_up(clock, e.timer->slot);
}

/* Waking up. */

static void fire_earliest(rip_clock *clock)
{
    rip_timer *timer = clock->heap[0].timer;
    heap_remove(clock, timer);
    timer->fn(timer->data);
}

static void on_wake(uv_timer_t *handle);
static void on_idle(uv_idle_t *handle);

/* What is due at once: libuv before 1.45 calls a timer that its callback starts without a delay again and again, and
 * looks at no socket in between; an idle handle is called once in each turn of the loop. */
static void on_spin(uv_idle_t *handle)
{
    const rip_clock *clock = handle->data;
    uv_idle_stop(handle);
    on_wake((uv_timer_t *)(uintptr_t)&clock->wake);
}

static void arm(rip_clock *clock)
{
    if (clock->is_virtual) {
        if (clock->len > 0)
            uv_idle_start(&clock->spin, on_idle);
        else
            uv_idle_stop(&clock->spin);
        return;
    }
    if (clock->len == 0) {
        uv_timer_stop(&clock->wake);
        return;
    }
    int64_t delay = clock->heap[0].due - rip_clock_monotonic(clock);
    if (delay <= 0) {
        uv_idle_start(&clock->spin, on_spin);
        return;
    }
    uv_update_time(clock->loop);
    uv_timer_start(&clock->wake, on_wake, (uint64_t)delay, 0);
}

static void on_wake(uv_timer_t *handle)
{
    rip_clock *clock = handle->data;
    int64_t now = rip_clock_monotonic(clock);
    uint64_t started_before = clock->next_order; /* one that a callback starts with no delay waits for the next turn */
    while (clock->len > 0 && clock->heap[0].due <= now && clock->heap[0].order < started_before) fire_earliest(clock);
    arm(clock);
}

static void on_idle(uv_idle_t *handle)
{
    rip_clock *clock = handle->data;
    if (clock->len > 0) {
        if (clock->heap[0].due > clock->virtual_now) clock->virtual_now = clock->heap[0].due;
        fire_earliest(clock);
    }
    arm(clock);
}

static rip_clock *clock_new(uv_loop_t *loop, bool is_virtual, int64_t start_ms)
{
    rip_clock *clock = calloc(1, sizeof *clock);
    if (!clock) return NULL;
    clock->loop = loop;
    clock->is_virtual = is_virtual;
    clock->virtual_now = start_ms;
    clock->handles_open = 2;
    uv_timer_init(loop, &clock->wake);
    clock->wake.data = clock;
    uv_idle_init(loop, &clock->spin);
    clock->spin.data = clock;
    return clock;
}

rip_clock *rip_clock_new_real(uv_loop_t *loop)
{
    return clock_new(loop, false, 0);
}

rip_clock *rip_clock_new_virtual(uv_loop_t *loop, int64_t start_ms)
{
    return clock_new(loop, true, start_ms);
}

static void on_handle_closed(uv_handle_t *handle)
{
    rip_clock *clock = handle->data;
    if (--clock->handles_open == 0) {
        free(clock->heap);
        free(clock);
    }
}

void rip_clock_free(rip_clock *clock)
{
    if (!clock) return;
    while (clock->len > 0) heap_remove(clock, clock->heap[clock->len - 1].timer);
    uv_close((uv_handle_t *)&clock->wake, on_handle_closed);
    uv_close((uv_handle_t *)&clock->spin, on_handle_closed);
}

static int64_t milliseconds(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t rip_clock_now(const rip_clock *clock)
{
    return clock->is_virtual ? clock->virtual_now : milliseconds(CLOCK_REALTIME);
}

int64_t rip_clock_monotonic(const rip_clock *clock)
{
    return clock->is_virtual ? clock->virtual_now : milliseconds(CLOCK_MONOTONIC);
}

bool rip_clock_is_virtual(const rip_clock *clock)
{
    return clock->is_virtual;
}

uv_loop_t *rip_clock_loop(const rip_clock *clock)
{
    return clock->loop;
}

void rip_timer_start(rip_timer *timer, rip_clock *clock, uint64_t delay_ms, rip_timer_fn fn, void *data)
{
    rip_timer_stop(timer);
    int64_t now = rip_clock_monotonic(clock);
    timer->clock = clock;
    timer->fn = fn;
    timer->data = data;
    timer->due = delay_ms > (uint64_t)(INT64_MAX - now) ? INT64_MAX : now + (int64_t)delay_ms;
    heap_insert(clock, (entry){timer->due, clock->next_order++, timer});
    if (timer->slot == 0) arm(clock);
}

void rip_timer_stop(rip_timer *timer)
{
    rip_clock *clock = timer->clock;
    if (!clock) return;
    heap_remove(clock, timer);
    if (clock->len == 0) arm(clock); /* else it wakes up for nothing at most, and looks what is next */
}

/* Calendar times. */

void rip_time_format(int64_t ms, char out[32])
{
    int64_t rest = ms % 1000;
    if (rest < 0) rest += 1000;
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm parts;
    if (!gmtime_r(&seconds, &parts)) memset(&parts, 0, sizeof parts);
    size_t used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + used, 32 - used, ".%03dZ", (int)rest);
}

/* Reads `count` digits at *at into *value and moves on; false if there are fewer. */
static bool digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool literal(const char **at, char c)
{
    if (**at != c) return false;
    (*at)++;
    return true;
}

static bool fraction(const char **at, int *thousandths)
{
    *thousandths = 0;
    if (**at != '.') return true;
    (*at)++;
    int scale = 100;
    if (**at < '0' || **at > '9') return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10) *thousandths += (**at - '0') * scale;
    return true;
}

static bool zone(const char **at, int *minutes_east)
{
    *minutes_east = 0;
    char sign = **at;
    if (sign == 'Z' || sign == 'z') {
        (*at)++;
        return true;
    }
    if (sign != '+' && sign != '-') return false;
    (*at)++;
    int hours, minutes;
    if (!digits(at, 2, &hours)) return false;
    literal(at, ':');
    if (!digits(at, 2, &minutes)) return false;
    *minutes_east = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

bool rip_time_parse(const char *text, int64_t *ms)
{
    const char *at = text;
    struct tm t = {0};
    int thousandths, east;
    if (!digits(&at, 4, &t.tm_year) || !literal(&at, '-') || !digits(&at, 2, &t.tm_mon) || !literal(&at, '-') ||
        !digits(&at, 2, &t.tm_mday) || (*at != 'T' && *at != 't' && *at != ' ')) {
        return false;
    }
    at++;
    if (!digits(&at, 2, &t.tm_hour) || !literal(&at, ':') || !digits(&at, 2, &t.tm_min) || !literal(&at, ':') ||
        !digits(&at, 2, &t.tm_sec) || !fraction(&at, &thousandths) || !zone(&at, &east) || *at != '\0') {
        return false;
    }
    if (t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 60) {
        return false;
    }
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *ms = ((int64_t)timegm(&t) - (int64_t)east * 60) * 1000 + thousandths;
    return true;
}
