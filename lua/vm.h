/* A Lua state for one run: what code in it can reach, use up and hold up is bounded.
 *
 * The state has the sandbox's globals (docs/SANDBOX.md says what is there and why each defence is), an allocator that
 * caps memory, and a count hook that caps instructions. Work done inside C functions is charged as instructions too, so
 * that nothing in it can hold up the loop. All of a vm belongs to one thread. */
#ifndef RIPOSTE_LUA_VM_H
#define RIPOSTE_LUA_VM_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/base/error.h"

/** Zero means the default. A unit of instructions is about 10 ns of work. */
typedef struct rip_vm_limits {
    size_t memory_bytes;         /* all that lives in the state; 64 MiB */
    size_t value_bytes;          /* one string or table; 16 MiB */
    uint64_t instructions;       /* of the whole life of the state; 100 million */
    uint64_t slice_instructions; /* after which rip_vm_resume gives the loop its turn; 200,000 */
} rip_vm_limits;

typedef enum rip_vm_result {
    RIP_VM_DONE,      /* returned: the results are on top of the coroutine's stack */
    RIP_VM_SUSPENDED, /* waits in rip_vm_suspend: resume it with what it waited for */
    RIP_VM_PREEMPTED, /* its slice is used up: resume it with no values, before anything else of this vm runs */
    RIP_VM_FAILED,    /* raised an error: the error object is on top of the coroutine's stack */
    RIP_VM_KILLED     /* a limit, or rip_vm_kill: the vm runs nothing any more */
} rip_vm_result;

typedef struct rip_vm rip_vm;

/** Called by `print`, with the arguments joined by tabs: text of the playbook's, so hostile; at most 16 KiB. */
typedef void (*rip_vm_print)(void *data, const char *text, size_t len);

/** A fresh state with the sandbox's globals. `limits` may be NULL. RIP_ENOMEM also when the limits are too small for
 * the libraries themselves (about 64 KiB). */
rip_status rip_vm_new(const rip_vm_limits *limits, rip_vm **out, rip_error *err);

void rip_vm_free(rip_vm *vm);

/** The main thread: for setting up (in protected mode: API calls on it may raise). It is never yieldable. NULL: the vm
 * was killed where nothing could be called any more. */
lua_State *rip_vm_state(rip_vm *vm);

/** The vm that a state or any of its coroutines belongs to. */
rip_vm *rip_vm_of(lua_State *L);

void rip_vm_on_print(rip_vm *vm, rip_vm_print print, void *data);

/** Compile `source` (text only: a binary chunk is refused; at most 1 MiB) and push the function on the main thread; its
 * _ENV is the sandbox's globals. `name` is how errors call it ("playbooks/x.lua"). Pushes nothing on failure:
 * RIP_EINVAL with "name:line: what", RIP_ELIMIT for too long a text or too little memory. */
rip_status rip_vm_load(rip_vm *vm, const char *name, const char *source, size_t len, rip_error *err);

/** The same for what rip_vm_compile gave: as safe as the text it was compiled from, and loads several times as fast. */
rip_status rip_vm_load_compiled(rip_vm *vm, const char *name, const rip_buffer *compiled, rip_error *err);

/** What the function on top of the main thread's stack compiles to (it stays there), for this process alone. */
rip_status rip_vm_compile(rip_vm *vm, rip_buffer *out, rip_error *err);

/** Start the function below the `nargs` values on top of `co` (a coroutine made with lua_newthread), or go on with one
 * that is suspended, giving it the `nargs` values. `co` must stay anchored by the caller. *nresults is set when it is
 * done. With RIP_VM_FAILED, `err` has one safe line "file:line: what" (RIP_EREMOTE for an error object with a `code`,
 * else RIP_EINVAL); with RIP_VM_KILLED which limit it was and what to raise (RIP_ELIMIT, or as given to rip_vm_kill).
 *
 * Never call it from inside a function that the same vm is running. */
rip_vm_result rip_vm_resume(rip_vm *vm, lua_State *co, int nargs, int *nresults, rip_error *err);

/** Call the function below the `nargs` values on top of the main thread and let it run to its end, as lua_pcall would:
 * for a playbook's main chunk and its small functions. It cannot suspend, and may use 10 million instructions beyond a
 * slice. RIP_VM_DONE leaves `nresults` values (or LUA_MULTRET), RIP_VM_FAILED the error object; RIP_VM_KILLED nothing.
 * May be called from a C function of the same vm only with L being the main thread. */
rip_vm_result rip_vm_call(rip_vm *vm, int nargs, int nresults, rip_error *err);

/** For bindings: `return rip_vm_suspend(L, k, ctx);` makes rip_vm_resume return RIP_VM_SUSPENDED, through whatever
 * coroutines the playbook has put between; `k` goes on with the values of the next rip_vm_resume on top of L's stack.
 * Raises a Lua error where nothing can wait: in the callback of gsub, in a metamethod called from C, while a module
 * loads. Ask rip_vm_can_suspend before work that must not be left half done. */
int rip_vm_suspend(lua_State *L, lua_KFunction k, lua_KContext ctx);
int rip_vm_can_suspend(lua_State *L);

/** Count `units` of work done in C. Raises the kill when the budget is used up; makes the slice end when that is.
 * Charge before or while working, at least every 100,000 units or so. */
void rip_vm_charge(lua_State *L, uint64_t units);

/** As rip_vm_charge, but never raises: for code that holds memory of its own. A kill comes with the next instruction.
 */
void rip_vm_spend(rip_vm *vm, uint64_t units);

/** Kill the vm, from outside or from a binding; no Lua code can catch it. The first reason stays. */
void rip_vm_kill(rip_vm *vm, rip_status status, const char *reason);

/** Bytes and instructions used so far. */
size_t rip_vm_memory_used(const rip_vm *vm);
uint64_t rip_vm_instructions_used(const rip_vm *vm);

/** Push one line of printable text for the value at `index`, at most `max` bytes of it (and 4 KiB), without calling
 * into the playbook: strings as they are with controls escaped; for tables `code: message` where these fields are
 * strings. */
void rip_vm_push_safe_text(lua_State *L, int index, size_t max);

#endif
