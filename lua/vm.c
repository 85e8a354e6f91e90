#include "lua/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

#include "engine/base/buffer.h"
#include "lua/vm_state.h"
#include "lua/watch.h"

#define MEMORY_DEFAULT ((size_t)64 << 20)
#define VALUE_DEFAULT ((size_t)16 << 20)
#define INSTRUCTIONS_DEFAULT 100000000U
#define SLICE_DEFAULT 200000U

/* What may run beyond a slice where nothing can be preempted. */
#define HOLD_MAX 10000000U

/* Work that instructions do not show (comparing long strings, passing on many arguments) is caught by the clock: a unit
 * may take this many nanoseconds before the rest is counted as such work. */
#define UNIT_NS 10
#define SLOW_FACTOR 20
#define UNITS_NS_MOST ((int64_t)RIP_VM_HOOK_COUNT * UNIT_NS * SLOW_FACTOR) /* between two looks */
#define TICK_UNITS 200000     /* what a turn that time has ended is counted as, at the least */
#define ASKED_NS_MOST 1000000 /* of the thread's clock: an answer is good for that long */

/* What an allocation costs, and how many bytes are filled in one unit. */
#define ALLOCATION_UNITS 8
#define BYTES_PER_UNIT 32

static const char HELD[] =
    "worked too long where it cannot be interrupted (in one call such as string.find, in a callback of gsub or sort, in "
    "a metamethod, in collecting weak tables, or while a file loads)";

static char KILL; /* its address is the error object of a kill */

/* Memory. */

static void interrupt(rip_vm *vm)
{
    if (vm->running) lua_sethook(vm->running, lua_gethook(vm->main), LUA_MASKCOUNT, 1);
}

static bool is_due(const rip_vm *vm)
{
    return vm->dead || vm->used >= vm->slice_end || vm->used >= vm->limits.instructions;
}

void rip_vm_spend(rip_vm *vm, uint64_t units)
{
    vm->used = units > UINT64_MAX - vm->used ? UINT64_MAX : vm->used + units;
    if (is_due(vm)) interrupt(vm);
}

/* Lua answers a refusal by collecting everything and asking again: that is charged, or a playbook that lives at the
 * edge of its memory could make every small allocation a collection. */
static void *refuse(rip_vm *vm)
{
    rip_vm_spend(vm, vm->memory_used / BYTES_PER_UNIT);
    return NULL;
}

/* A sanitizer sees what is done to each block, where blocks are malloc's. */
static void *resize(rip_vm *vm, void *block, size_t old, size_t size)
{
#if RIP_VM_ARENA
    return rip_arena_resize(&vm->arena, block, old, size);
#else
    (void)vm;
    (void)old;
    if (size > 0) return realloc(block, size);
    free(block);
    return NULL;
#endif
}

/* Nothing in a state holds anything that is not the state's own, so that it need not be taken apart. */
static void close_state(rip_vm *vm)
{
#if !RIP_VM_ARENA
    if (vm->main) lua_close(vm->main);
#endif
    rip_arena_free(&vm->arena);
}

static void *allocate(void *data, void *block, size_t old_size, size_t size)
{
    rip_vm *vm = data;
    size_t old = block ? old_size : 0; /* without a block, Lua says there what the memory is for */
    if (size == 0) {
        resize(vm, block, old, 0);
        vm->memory_used -= old;
        return NULL;
    }
    if (size > old) {
        size_t more = size - old;
        if (size > vm->limits.value_bytes || more > vm->limits.memory_bytes - vm->memory_used) return refuse(vm);
        rip_vm_spend(vm, ALLOCATION_UNITS + more / BYTES_PER_UNIT);
    }
    void *moved = resize(vm, block, old, size);
    if (!moved) return NULL;
    vm->memory_used += size;
    vm->memory_used -= old;
    return moved;
}

/* Kills. */

void rip_vm_kill(rip_vm *vm, rip_status status, const char *reason)
{
    if (vm->dead) return;
    vm->dead = true;
    rip_fail(&vm->why, status, "%s", reason);
    interrupt(vm);
}

void rip_vm_kill_for_memory(rip_vm *vm)
{
    char reason[256];
    snprintf(reason, sizeof reason,
             "out of memory: the playbook may use %zu bytes in all and %zu for one value; "
             "handle less at once, or look for a function that calls itself without end",
             vm->limits.memory_bytes, vm->limits.value_bytes);
    rip_vm_kill(vm, RIP_ELIMIT, reason);
}

static void kill_for_instructions(rip_vm *vm)
{
    char reason[256];
    snprintf(reason, sizeof reason,
             "over the limit of %llu instructions: look for a loop that does not end, or raise the limit",
             (unsigned long long)vm->limits.instructions);
    rip_vm_kill(vm, RIP_ELIMIT, reason);
}

static void raise_kill(lua_State *L)
{
    lua_pushlightuserdata(L, &KILL);
    lua_error(L);
}

void rip_vm_after_protected(lua_State *L, int status)
{
    rip_vm *vm = rip_vm_of(L);
    if (status == LUA_ERRMEM) rip_vm_kill_for_memory(vm);
    if (vm->dead) raise_kill(L);
}

/* Budgets. */

static int64_t now_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Kill where a budget is used up. */
static void check_budgets(lua_State *L)
{
    rip_vm *vm = rip_vm_of(L);
    if (vm->used >= vm->limits.instructions) kill_for_instructions(vm);
    if (vm->used > vm->slice_end && vm->used - vm->slice_end >= HOLD_MAX) rip_vm_kill(vm, RIP_ELIMIT, HELD);
    if (vm->ticks >= RIP_WATCH_TICKS - 1) rip_vm_kill(vm, RIP_ELIMIT, HELD);
    if (vm->dead) raise_kill(L);
}

void rip_vm_charge(lua_State *L, uint64_t units)
{
    rip_vm_spend(rip_vm_of(L), units);
    check_budgets(L);
}

/* When this thread last asked for its own time, and what that was. */
static _Thread_local struct {
    int64_t wall_ns, cpu_ns;
} asked;

static int64_t ask_cpu(int64_t now)
{
    asked.wall_ns = now;
    asked.cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    return asked.cpu_ns;
}

/* The processor's time is what counts: a busy machine is nothing the playbook did. To ask for it is a system call: the
 * last answer and the wall's time since are what it is now at most, and for a while that is near enough. */
static void begin_time(rip_vm *vm)
{
    int64_t now = now_ns(CLOCK_MONOTONIC), since = now - asked.wall_ns;
    vm->look_ns = now;
    vm->quick_ns = 0;
    vm->cpu_ns = since < ASKED_NS_MOST ? asked.cpu_ns + since : ask_cpu(now);
}

/* It is only asked for where the wall's time, which is never less, tells that it may be too much. */
static void account_time(rip_vm *vm)
{
    int64_t now = now_ns(CLOCK_MONOTONIC), passed = now - vm->look_ns;
    vm->look_ns = now;
    if (passed <= UNITS_NS_MOST) {
        vm->quick_ns += passed;
        return;
    }
    int64_t cpu = ask_cpu(now);
    int64_t slow = cpu - vm->cpu_ns - vm->quick_ns - UNITS_NS_MOST; /* at least: the quick may have waited too */
    vm->cpu_ns = cpu;
    vm->quick_ns = 0;
    if (slow > 0) vm->used += (uint64_t)slow / UNIT_NS / SLOW_FACTOR;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    rip_vm *vm = rip_vm_of(L);
    if (lua_gethookcount(L) != RIP_VM_HOOK_COUNT) lua_sethook(L, on_count, LUA_MASKCOUNT, RIP_VM_HOOK_COUNT);
    vm->used += RIP_VM_HOOK_COUNT;
    account_time(vm);
    bool turn = !vm->dead && (vm->ticks > 0 || vm->used >= vm->slice_end) && vm->used < vm->limits.instructions;
    if (!turn || !rip_vm_can_suspend(L)) {
        check_budgets(L);
    } else {
        if (vm->ticks > 0) rip_vm_spend(vm, TICK_UNITS);
        vm->transit = RIP_TRANSIT_PREEMPT;
        lua_yield(L, 0);
    }
}

/* Coroutines and their vm. */

static uintptr_t *extra_of(lua_State *L)
{
    return lua_getextraspace(L);
}

rip_vm *rip_vm_of(lua_State *L)
{
    return (rip_vm *)(*extra_of(L) & ~(uintptr_t)(RIP_CO_OWN | RIP_CO_BUSY));
}

bool rip_co_is(lua_State *co, unsigned mark)
{
    return (*extra_of(co) & mark) != 0;
}

void rip_co_mark(lua_State *co, unsigned mark, bool on)
{
    uintptr_t *extra = extra_of(co);
    *extra = on ? *extra | mark : *extra & ~(uintptr_t)mark;
}

/* Life. */

static int l_open(lua_State *L)
{
    static const char *const WORDS[RIP_WORDS] = {
        [RIP_WORD_CODE] = "code", [RIP_WORD_MESSAGE] = "message", [RIP_WORD_RETRYABLE] = "retryable"};
    rip_vm *vm = rip_vm_of(L);
    for (int i = 0; i < RIP_WORDS; i++) {
        lua_pushstring(L, WORDS[i]);
        vm->words[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    rip_sandbox_open(L);
    return 0;
}

void rip_vm_claim(rip_vm *vm)
{
    *extra_of(vm->main) = (uintptr_t)vm;
    lua_setallocf(vm->main, allocate, vm);
}

rip_vm *rip_vm_shell(const rip_vm_limits *limits)
{
    rip_vm *vm = calloc(1, sizeof *vm);
    if (!vm) return NULL;
    if (limits) vm->limits = *limits;
    if (!vm->limits.instructions) vm->limits.instructions = INSTRUCTIONS_DEFAULT;
    if (!vm->limits.memory_bytes) vm->limits.memory_bytes = MEMORY_DEFAULT;
    if (!vm->limits.value_bytes) vm->limits.value_bytes = VALUE_DEFAULT;
    if (!vm->limits.slice_instructions) vm->limits.slice_instructions = SLICE_DEFAULT;
    return vm;
}

rip_status rip_vm_fill(rip_vm *vm, size_t region, rip_error *err)
{
    uint64_t instructions = vm->limits.instructions;
    vm->limits.instructions = vm->slice_end = UINT64_MAX;
    if (region == 0 || rip_arena_reserve(&vm->arena, region)) vm->main = lua_newstate(allocate, vm);
    if (!vm->main) {
        rip_vm_free(vm);
        return rip_nomem(err);
    }
    *extra_of(vm->main) = (uintptr_t)vm;
    lua_sethook(vm->main, on_count, LUA_MASKCOUNT, RIP_VM_HOOK_COUNT);
    lua_pushcfunction(vm->main, l_open);
    if (lua_pcall(vm->main, 0, 0, 0) != LUA_OK) {
        rip_vm_free(vm);
        return rip_nomem(err);
    }
    vm->used = 0; /* the libraries are not the playbook's work */
    vm->limits.instructions = instructions;
    return RIP_OK;
}

rip_status rip_vm_new(const rip_vm_limits *limits, rip_vm **out, rip_error *err)
{
    *out = NULL;
    rip_vm *vm = rip_vm_shell(limits);
    rip_status status = vm ? rip_vm_fill(vm, 0, err) : rip_nomem(err);
    if (status == RIP_OK) *out = vm;
    return status;
}

void rip_vm_free(rip_vm *vm)
{
    if (!vm) return;
    vm->running = NULL;
    close_state(vm);
    free(vm->modules);
    free(vm);
}

lua_State *rip_vm_state(rip_vm *vm)
{
    return vm->main;
}

void rip_vm_on_print(rip_vm *vm, rip_vm_print print, void *data)
{
    vm->print = print;
    vm->print_data = data;
}

size_t rip_vm_memory_used(const rip_vm *vm)
{
    return vm->memory_used;
}

uint64_t rip_vm_instructions_used(const rip_vm *vm)
{
    return vm->used;
}

/* Running. */

/* In a signal handler, where lua_sethook is made to be called. */
void rip_vm_on_tick(rip_vm *vm, int ticks)
{
    lua_State *L = vm->running;
    vm->ticks = ticks;
    if (L) lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
}

void rip_vm_left(rip_vm *vm)
{
    vm->main = vm->running = vm->fiber = NULL;
    rip_vm_kill(vm, RIP_ELIMIT, HELD);
}

void rip_vm_begin_slice(rip_vm *vm, lua_State *L, bool through)
{
    vm->running = L;
    vm->fiber = L;
    vm->through = through;
    vm->transit = RIP_TRANSIT_NONE;
    vm->slice_end = vm->used + vm->limits.slice_instructions;
    begin_time(vm);
}

int rip_vm_can_suspend(lua_State *L)
{
    return rip_vm_of(L)->through && lua_isyieldable(L);
}

int rip_vm_suspend(lua_State *L, lua_KFunction k, lua_KContext ctx)
{
    if (!rip_vm_can_suspend(L))
        return luaL_error(L,
                          "cannot wait here: in a callback of gsub or sort, in a metamethod that C calls, or while "
                          "a module loads");
    rip_vm_of(L)->transit = RIP_TRANSIT_SUSPEND;
    return lua_yieldk(L, 0, ctx, k);
}
