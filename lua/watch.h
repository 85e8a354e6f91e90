/* A watch over Lua code that does not come to an end where no hook fires: within one instruction, a collection or a
 * compilation. It is a timer on the thread's own processor time, so a busy machine or a stopped process does not count.
 * A tick interrupts the thread. It asks the code to give up its turn, and after RIP_WATCH_TICKS leaves it.
 *
 * Code is left by siglongjmp from the signal's handler, and only where the interrupted instruction is one of the Lua
 * library's: no lock is held there and nothing of ours is half done, but for what the caller of Lua allocated, which
 * leaks. The state that it worked on must not be touched any more; its memory can be given back whole. */
#ifndef RIPOSTE_LUA_WATCH_H
#define RIPOSTE_LUA_WATCH_H

#include <stdbool.h>

#include "engine/base/sanitizer.h"

/* Of the thread's processor time. */
#define RIP_WATCH_TICK_MS 8

/* A sanitizer makes our part of the work slow, and could not make sense of a jump. */
#if RIP_ADDRESS_SANITIZER || RIP_THREAD_SANITIZER
#define RIP_WATCH_TICKS 100
#else
#define RIP_WATCH_TICKS 5
#endif

/** Do `work(data)`. `tick(data, ticks)` is called in a signal handler, for each tick since the work began: it may only
 * do what is safe there. False: the work was left. Where a watch is not to be had (another kernel or processor, Lua
 * linked in statically), the work is done without. */
bool rip_watch(void (*work)(void *data), void (*tick)(void *data, int ticks), void *data);

/** Can work be left here? */
bool rip_watch_leaves(void);

/** Ticks of this thread since it first watched something: to see whether time has passed. */
unsigned rip_watch_ticks(void);

#endif
