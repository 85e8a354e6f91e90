/* Time behind one interface: the loop's own clock, or a virtual one on which a drill waits for hours in no time.
 *
 * Every wait in Riposte is a rip_timer of one rip_clock. Timers that are due at the same millisecond fire in the order
 * in which they were started, so that a drill is the same every time. All of it belongs to the loop's thread. */
#ifndef RIPOSTE_BASE_CLOCK_H
#define RIPOSTE_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct rip_clock rip_clock;
typedef struct rip_timer rip_timer;
typedef void (*rip_timer_fn)(void *data);

/** A timer lives inside the struct of its owner; zero-initialise it. Stop it before its memory goes. */
struct rip_timer {
    rip_clock *clock; /* NULL while not running */
    rip_timer_fn fn;
    void *data;
    int64_t due; /* milliseconds, on the clock's monotonic scale */
    size_t slot; /* its place in the clock's heap */
};

/** The wall clock on `loop`. NULL when memory is out. */
rip_clock *rip_clock_new_real(uv_loop_t *loop);

/** A clock that stands still while anything can be done, and jumps to the next timer when nothing can. Starts at
 *  `start_ms` (milliseconds since the epoch). NULL when memory is out. */
rip_clock *rip_clock_new_virtual(uv_loop_t *loop, int64_t start_ms);

/** Stop every timer and free the clock; run the loop once more (uv_run) before the loop is closed. */
void rip_clock_free(rip_clock *clock);

/** Milliseconds since the epoch, UTC. */
int64_t rip_clock_now(const rip_clock *clock);

/** Milliseconds that never go back, from an origin of its own: for measuring and for deadlines. */
int64_t rip_clock_monotonic(const rip_clock *clock);

bool rip_clock_is_virtual(const rip_clock *clock);
uv_loop_t *rip_clock_loop(const rip_clock *clock);

/** Call fn(data) once, from the loop, after `delay_ms`; never from inside this call. A running timer is started anew.
 *  A timer never fails to start: its memory is its owner's (the heap has room reserved; abort on out of memory). */
void rip_timer_start(rip_timer *timer, rip_clock *clock, uint64_t delay_ms, rip_timer_fn fn, void *data);

/** Does nothing to a timer that is not running. */
void rip_timer_stop(rip_timer *timer);

static inline bool rip_timer_running(const rip_timer *timer)
{
    return timer->clock != NULL;
}

/** Write `ms` since the epoch as "2025-11-02T14:14:09.000Z" (RFC 3339, UTC); `out` has 32 bytes. */
void rip_time_format(int64_t ms, char out[32]);

/** Read an RFC 3339 or ISO 8601 date-time ("2025-11-02T14:14:09Z", with or without fraction, offset "+01:00") into
 * milliseconds since the epoch; false if it is none. */
bool rip_time_parse(const char *text, int64_t *ms);

#endif
