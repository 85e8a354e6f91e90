/* A playbook: one Lua file, whose header was read and checked without running its `run`. */
#ifndef RIPOSTE_LUA_PLAYBOOK_H
#define RIPOSTE_LUA_PLAYBOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/error.h"
#include "lua/source_map.h"

/** The longest playbook file. */
#define RIP_PLAYBOOK_BYTES_MAX ((size_t)1 << 20)

typedef struct rip_playbook {
    char *path;      /* as it was given; modules are looked for beside it */
    char *name;      /* lower-case letters, digits, '-', '.', '_'; 64 at most */
    char *about;     /* one line for people; "" where there is none */
    char *text;      /* the file, NUL-terminated */
    size_t text_len; /* without that NUL */
    char *trigger;   /* the event pattern as JSON text */
    size_t trigger_len;
    char *mode;             /* "observe", "dry-run", "approve", "enforce", or NULL: no cap of its own */
    json_t *permissions;    /* array of strings, IAM actions with wildcards */
    unsigned limit_changes; /* 0: the configuration's */
    int64_t limit_time_ms;  /* 0: the configuration's */
    char *lock;             /* runs with an equal lock wait for each other; NULL: none, or a function's */
    bool lock_is_function;
    rip_source_map *lines; /* where in the file each header key is */
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

/** The lock of a run for this finding in new memory, NULL for none: what the header's `lock` gives. RIP_EINVAL when the
 * function fails or gives something other than a string or nil. */
rip_status rip_playbook_lock(const rip_playbook *playbook, const json_t *finding, char **out, rip_error *err);

#endif
