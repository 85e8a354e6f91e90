/* The fibers of one run: coroutines that wait at the door, and the order in which they go on.
 *
 * Fibers go on in the order in which what they waited for came back, one at a time, so that a run that is given the
 * same answers in the same order does the same. A fiber that used up its slice of instructions goes on before any other
 * does. */
#ifndef RIPOSTE_LUA_FIBER_H
#define RIPOSTE_LUA_FIBER_H

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "lua/door.h"
#include "lua/vm.h"

typedef struct rip_fibers rip_fibers;

/** The run is over: RIP_OK, or what stopped it. Called once, from the loop. The fibers may be freed inside. */
typedef void (*rip_fibers_ended)(void *data, rip_status status, const rip_error *err);

/** `vm`, `clock` and `door` are borrowed and outlive the fibers. */
rip_status rip_fibers_new(rip_vm *vm, rip_clock *clock, rip_door *door, rip_fibers_ended ended, void *data,
                          rip_fibers **out, rip_error *err);

/** No callback comes any more; effects under way must have been cancelled by the door's owner. */
void rip_fibers_free(rip_fibers *fibers);

/** Push the table of primitives that the Lua library builds on: perform, spawn, apart, wait, phase, same. See fiber.c.
 */
void rip_fibers_push_primitives(rip_fibers *fibers, lua_State *L);

/** Start the first fiber with the function and its `nargs` arguments on top of the vm's main state; they are popped. It
 * first runs from the loop, not from inside this call. Call it in protected mode: it raises a Lua error when memory is
 * out. */
void rip_fibers_start(rip_fibers *fibers, int nargs);

/** End the run before its time: `ended` is called from the loop with this status and reason. What waits is forgotten.
 */
void rip_fibers_stop(rip_fibers *fibers, rip_status status, const char *reason);

#endif
