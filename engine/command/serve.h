/* `riposte serve`, put together: what is started, told and stopped in which order. */
#ifndef RIPOSTE_COMMAND_SERVE_H
#define RIPOSTE_COMMAND_SERVE_H

#include "engine/command/engine.h"
#include "engine/command/tally.h"
#include "engine/command/ways.h"
#include "engine/dispatch/sink.h"
#include "engine/notify/notify.h"
#include "engine/serve/trace.h"
#include "engine/serve/watch.h"

#define SERVE_PATHS_MOST 64

/** What the command line says. All borrowed. */
typedef struct serve_flags {
    const char *config, *mode, *journal, *endpoint_url, *profile;
    const char *playbooks[SERVE_PATHS_MOST];
    size_t playbook_count;
    const char *settings[SERVE_PATHS_MOST];
    size_t setting_count;
} serve_flags;

typedef enum serve_state { SERVE_STARTING, SERVE_READY, SERVE_STOPPING, SERVE_OVER } serve_state;

typedef struct serve {
    serve_flags flags;
    engine engine;
    serve_state state;
    bool failed;
    tally tally;
    sink sink;
    ways ways;
    notify *notify;
    trace *trace; /* NULL: traces go nowhere */
    watch *watch; /* NULL: nothing is watched */
    const char **watched;
    json_t *findings; /* id of a run under way -> its finding */
    uv_signal_t signals[3];
    rip_timer look, watchdog, prune, emf, stopping;
    uint64_t watchdog_ms;
    int64_t stop_by; /* monotonic */
} serve;

/** Everything up to the ways in, which open once the journal's open work is under way again. Close it also after an
 * error. */
rip_status serve_open(serve *s, rip_error *err);
/** Work until it is told to stop; returns the command's exit status. */
int serve_work(serve *s);
void serve_close(serve *s);

/** Playbooks, suppressions, limits and the log's level anew. What is wrong is logged, and hinders nothing. */
void serve_reload(serve *s, const char *why);

#endif
