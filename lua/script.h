/* The script of one run: a playbook in a Lua state of its own, from its first instruction to its end. */
#ifndef RIPOSTE_LUA_SCRIPT_H
#define RIPOSTE_LUA_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/model.h"
#include "engine/base/clock.h"
#include "lua/door.h"
#include "lua/playbook.h"
#include "lua/vm.h"

typedef struct rip_script rip_script;

/** All borrowed; what pointers lead to outlives the script, save `about`, which is copied. */
typedef struct rip_script_options {
    const rip_playbook *playbook;
    const json_t *finding;
    const json_t *about; /* the fields of `run`: id, mode, playbook, account, region, partition */
    rip_door *door;
    aws_models *models;
    rip_clock *clock;
    rip_vm_limits limits;
    /** A module was required: its exact text, for the record. May be NULL. */
    void (*required)(void *data, const char *name, const char *text, size_t len);
    /** Whether it only goes over what an earlier script of this run has done: then what it prints was logged before.
     * May be NULL. */
    bool (*repeats)(void *data);
    /** A copy, which is freed, of what it prints, as it may be logged. May be NULL: as it is. */
    char *(*hide)(void *data, const char *text, size_t len);
    /** The script ended: RIP_OK, or what stopped it. Called once, from the loop; the script may be freed inside. */
    void (*ended)(void *data, rip_status status, const rip_error *err);
    void *data;
} rip_script_options;

/** Nothing of the playbook runs inside this call: its first turn comes from the loop. */
rip_status rip_script_start(const rip_script_options *options, rip_script **out, rip_error *err);

/** End it before its time; `ended` follows with this status and reason. */
void rip_script_stop(rip_script *script, rip_status status, const char *reason);

/** Instructions that it has used up so far; what limits.instructions counts. */
uint64_t rip_script_instructions(const rip_script *script);

/** `ended` is not called any more. Not from inside a call of the door's, but from the loop. */
void rip_script_free(rip_script *script);

#endif
