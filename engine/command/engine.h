/* Everything that answers findings, put together for a command: loop, clock, models, client, guards, journal,
 * playbooks, dispatch. What differs between commands is the clock and the transport. */
#ifndef RIPOSTE_COMMAND_ENGINE_H
#define RIPOSTE_COMMAND_ENGINE_H

#include <uv.h>

#include "aws/client.h"
#include "engine/base/config.h"
#include "engine/dispatch/dispatch.h"
#include "engine/journal/journal.h"
#include "engine/run/guard.h"
#include "engine/serve/control.h"

/* How long a process that owns the journal and does not listen is waited for, and how often is looked: it starts, or is
 * a command that has it for a moment. */
#define ENGINE_OWNER_WAIT_MS 10000U
#define ENGINE_OWNER_ASK_MS 100U

typedef struct engine {
    const char *command; /* for messages */
    uv_loop_t loop;
    bool loop_open;
    rip_clock *clock;
    rip_config *config;
    aws_models *models;
    bool preflight;      /* for the command to set before engine_start: plans are asked about */
    const char *profile; /* AWS's; borrowed; NULL: as AWS's own settings say */
    aws_client *client;
    run_targets *targets;
    guard *guard;
    json_t *accounts, *session_tags, *regions, *protected_arns, *protected_tags, *account_modes;
    guard_windows *windows;
    journal *journal;
    run_context context;
    library *books;
    suppressions *suppressions;
    dispatch *dispatch;
    control *control; /* NULL: nobody can talk to this process */
    bool stays;       /* a service: set after opening. What the disk does not take is tried again for ever */
    bool waits;       /* set after opening: for a journal whose owner does not listen */
    size_t mistakes;  /* in playbooks */
    const char *const *given_paths; /* of playbooks, by flags: borrowed */
    size_t given_count;
    char *shipped; /* the folder of the playbooks that come along; NULL: others are used */
} engine;

/** The configuration: `file` (NULL: RIPOSTE_CONFIG from the environment, else none), the environment, then `settings`
 * ("key=value", as --set takes them). Mistakes go to stderr. `*out` is the caller's. */
rip_status engine_configure(const char *command, const char *file, const char *const *settings, size_t count,
                            rip_config **out, rip_error *err);

/** Loop, clock and models; `config` is taken over. `start_ms` below 0: the wall clock, else a virtual one from then.
 * Close the engine also after an error. */
rip_status engine_open(engine *e, const char *command, rip_config *config, int64_t start_ms, rip_error *err);

/** How AWS itself is reached: by the flags --profile and --endpoint-url (NULL: not given), else the configuration, else
 * AWS's own settings. Borrowed from the engine, which remembers the profile. */
aws_wire_options engine_wire_options(engine *e, const char *profile, const char *endpoint_url);

/** Client on `transport` (taken over), guards, journal (journal.path of the configuration, else in memory), playbooks
 * from `paths` (0: those of the configuration, else the shipped ones) and a dispatch that tells `listener`. Mistakes in
 * playbooks go to stderr and are counted. */
rip_status engine_start(engine *e, aws_transport *transport, const char *const *paths, size_t count,
                        const dispatch_listener *listener, rip_error *err);

/** Let commands talk to this process, where its journal is a file: once what it held from before is under way. That it
 * can't be is logged, and hinders nothing else. */
void engine_listen(engine *e);

/** Playbooks (as at the start), suppressions and limits as `config` (borrowed during the call) has them now, without
 * dropping work. A playbook that is broken stays as it was, mistakes go to stderr and are counted in `mistakes`. After
 * an error all is as before. Other keys count from the next start. */
rip_status engine_reload(engine *e, const rip_config *config, rip_error *err);

/** The paths that playbooks are loaded from; borrowed from the engine. */
const char *const *engine_book_paths(const engine *e, size_t *count);

/** Models alone: what `check` needs to look permissions up. */
rip_status engine_models(const rip_config *config, aws_models **out, rip_error *err);

/** Print a playbook's mistake to stderr; a rip_playbook_mistake_fn, `data` is the command's name. */
void engine_mistake(void *data, const rip_playbook_mistake *mistake);

/** Runs are given up to the journal, and nobody can talk to this process any more. What hands over to the dispatch may
 * be freed then, before the loop runs again, and before the engine is closed. */
void engine_end(engine *e);

void engine_close(engine *e);

#endif
