/* The inside of a vm: for what makes a vm (vm.c, image.c, modules.c) and the sandbox only. */
#ifndef RIPOSTE_LUA_VM_STATE_H
#define RIPOSTE_LUA_VM_STATE_H

#include <signal.h>
#include <stdbool.h>

#include "lua/arena.h"
#include "lua/vm.h"

/* Lua's interned names that errors are read with, kept where getting them needs no memory. */
typedef enum rip_vm_word { RIP_WORD_CODE, RIP_WORD_MESSAGE, RIP_WORD_RETRYABLE, RIP_WORDS } rip_vm_word;

/* Why a coroutine gave up its turn. */
typedef enum rip_vm_transit { RIP_TRANSIT_NONE, RIP_TRANSIT_PREEMPT, RIP_TRANSIT_SUSPEND } rip_vm_transit;

struct rip_vm {
    rip_arena arena;
    lua_State *main; /* NULL: it was left in the midst of something */
    rip_vm_limits limits;
    size_t memory_used;
    uint64_t used;               /* instructions */
    uint64_t slice_end;          /* the value of `used` at which the loop wants its turn */
    int64_t look_ns;             /* when the hook last looked at the wall clock */
    int64_t cpu_ns;              /* the thread's time, when it was last asked for */
    int64_t quick_ns;            /* of the wall's, that passed since then in what was quick */
    volatile sig_atomic_t ticks; /* of the watch, since rip_vm_resume or rip_vm_call began */
    lua_State *volatile running; /* NULL while no code of the playbook's runs */
    lua_State *fiber;            /* what rip_vm_resume was given: not a coroutine in the playbook's eyes */
    bool through;                /* every resume between `running` and rip_vm_resume can be yielded through */
    rip_vm_transit transit;
    unsigned closing; /* coroutine.close calls within each other */
    bool dead;
    rip_error why; /* it is dead */
    rip_vm_print print;
    void *print_data;
    lua_Integer next_id; /* what tostring calls the next object */
    int words[RIP_WORDS];
    void *modules; /* of lua/modules.c: where `require` looks; malloc's */
};

/** A vm whose limits are set, zero meaning the default, and nothing else; NULL: out of memory. */
rip_vm *rip_vm_shell(const rip_vm_limits *limits);
/** Put the sandbox into the shell; in one region of `region` bytes if that is not 0. Frees the shell on failure. */
rip_status rip_vm_fill(rip_vm *vm, size_t region, rip_error *err);
/** Make the state that `main` is the vm's: it was another's, of which it is a copy. */
void rip_vm_claim(rip_vm *vm);

/** A slice of L's begins. */
void rip_vm_begin_slice(rip_vm *vm, lua_State *L, bool through);
/** From the watch's signal handler: what runs is to give up its turn. */
void rip_vm_on_tick(rip_vm *vm, int ticks);
/** It was left while it ran: its state is not touched any more, and it is dead. */
void rip_vm_left(rip_vm *vm);
void rip_vm_kill_for_memory(rip_vm *vm);

/* A count hook fires after this many instructions of a coroutine. */
#define RIP_VM_HOOK_COUNT 250

/* Marks on a coroutine, in the spare bits of its extra space: the playbook's own, and waiting at the door. */
#define RIP_CO_OWN 1U
#define RIP_CO_BUSY 2U
bool rip_co_is(lua_State *co, unsigned mark);
void rip_co_mark(lua_State *co, unsigned mark, bool on);

/** The status and the one safe line of the error object on top of L, which stays there. */
void rip_vm_take_error(lua_State *L, rip_error *err);

/* After every protected call of the playbook's: raise the kill again, make an exhausted memory one. */
void rip_vm_after_protected(lua_State *L, int status);

/* Globals, as docs/SANDBOX.md lists them. Raises a memory error. */
void rip_sandbox_open(lua_State *L);
void rip_sandbox_open_order(lua_State *L);     /* next, pairs */
void rip_sandbox_open_coroutine(lua_State *L); /* these push their library's table */
void rip_sandbox_open_string(lua_State *L);
void rip_sandbox_open_match(lua_State *L); /* puts find, match, gmatch and gsub into the table on top */
void rip_sandbox_open_table(lua_State *L);
void rip_sandbox_open_math(lua_State *L);
void rip_sandbox_open_utf8(lua_State *L);

/* Push what tostring gives: __tostring is called; an object without is named by its type and a number of its own, never
 * by an address. */
const char *rip_sandbox_tostring(lua_State *L, int index, size_t *len);

/* Push the metafield of the value at `index`; false, and nothing pushed, if there is none. */
bool rip_sandbox_metafield(lua_State *L, int index, const char *name);

#endif
