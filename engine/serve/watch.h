/* Noticing that files have changed: their times and sizes are looked at every few seconds, on a thread of the loop's
 * pool, so that any file system will do (inotify sees nothing of what others change on a network's). */
#ifndef RIPOSTE_SERVE_WATCH_H
#define RIPOSTE_SERVE_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/error.h"

typedef struct watch watch;

typedef struct watch_options {
    rip_clock *clock;
    const char *const *paths; /* files, and folders with the .lua files below them; borrowed */
    size_t count;
    uint64_t every_ms;
    void (*changed)(void *data); /* from the loop: since the start, or since it was last called */
    void *data;
} watch_options;

rip_status watch_start(const watch_options *options, watch **out, rip_error *err);
/** Run the loop once more before it is closed. NULL is allowed. */
void watch_free(watch *w);

/** What stands for the files as they are: other after a change. Blocks. */
uint64_t watch_signature(const char *const *paths, size_t count);

#endif
