/* A playbook: one Lua file, whose header was read and checked without running its `run`. */
#ifndef RIPOSTE_LUA_PLAYBOOK_H
#define RIPOSTE_LUA_PLAYBOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"
#include "lua/library.h"
#include "lua/modules.h"
#include "lua/source_map.h"

/** The longest playbook file. */
#define RIP_PLAYBOOK_BYTES_MAX ((size_t)1 << 20)

/** A string of the header, or a function(finding) that gives one, or nothing. */
typedef struct rip_playbook_key {
    char *text; /* NULL: none, or a function's */
    bool is_function;
} rip_playbook_key;

typedef struct rip_playbook {
    char *path;          /* as it was given; modules are looked for beside it */
    char *name;          /* lower-case letters, digits, '-', '.', '_'; 64 at most */
    char *about;         /* one line for people; "" where there is none */
    char *text;          /* the file, NUL-terminated */
    size_t text_len;     /* without that NUL */
    json_t *shared_text; /* the same as a string, which the records of all its runs share; NULL: it is no UTF-8 */
    rip_buffer compiled; /* from that text; empty for one that was not loaded from a file or a record */
    char *trigger;       /* the event pattern as JSON text */
    size_t trigger_len;
    char *mode;                 /* "observe", "dry-run", "approve", "enforce", or NULL: no cap of its own */
    json_t *permissions;        /* array of strings, IAM actions with wildcards */
    unsigned limit_changes;     /* 0: the configuration's */
    int64_t limit_time_ms;      /* 0: the configuration's */
    rip_playbook_key lock;      /* runs with an equal one wait for each other */
    rip_playbook_key correlate; /* findings with an equal one belong together */
    int64_t cooldown_ms;        /* for so long, findings that belong together make no further run; 0: they do */
    bool also_archived, also_resolved, also_suppressed; /* findings in these states make runs too */
    bool also_updates;                                  /* each version of a finding makes a run */
    rip_module_set *modules;    /* of a recalled playbook: the texts it required; NULL: what the folders hold */
    const rip_library *library; /* …and the library it began with; NULL: the one of today */
    rip_source_map *lines;      /* where in the file each header key is */
} rip_playbook;

/** One mistake in a playbook. Strings are borrowed. */
typedef struct rip_playbook_mistake {
    const char *path;
    unsigned line, column; /* from 1; 0 where it is not known */
    const char *field;     /* "trigger.detail.type[1]", or "" */
    const char *message;
} rip_playbook_mistake;

typedef void (*rip_playbook_mistake_fn)(void *data, const rip_playbook_mistake *mistake);

/** Load one file: its top level runs in a sandbox of its own (16 MiB, 10 million instructions, no way to the world);
 * its `run` does not. Every mistake goes to `fn`; any makes it RIP_EINVAL (or the status of what went wrong), with the
 * first one in `err` as "file:line: field: message". The trigger is taken as it stands: whoever compiles it checks it.
 */
rip_status rip_playbook_load(const char *path, rip_playbook_mistake_fn fn, void *data, rip_playbook **out,
                             rip_error *err);
void rip_playbook_free(rip_playbook *playbook);

/** The line and column of a header field; false where the file does not show it (a value that was computed). */
bool rip_playbook_place(const rip_playbook *playbook, const char *field, unsigned *line, unsigned *column);

/** A playbook from its text, as the record of a run keeps it, with the modules that the run had required until then:
 * {name: text} (NULL: none). Modules that are not among them are looked for in `library` (NULL: the one of today) and
 * beside `path`. */
rip_status rip_playbook_recall(const char *path, const char *text, size_t len, const json_t *sources,
                               const rip_library *library, rip_playbook **out, rip_error *err);

/** What the header's keys are for a finding, each in new memory, NULL for none. */
typedef struct rip_playbook_keys {
    char *lock, *correlate;
} rip_playbook_keys;

/** RIP_EINVAL when a function fails or gives something other than a string or nil; `err` names the key. */
rip_status rip_playbook_read_keys(const rip_playbook *playbook, const json_t *finding, rip_playbook_keys *out,
                                  rip_error *err);
void rip_playbook_keys_free(rip_playbook_keys *keys);

#endif
