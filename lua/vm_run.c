/* Code of a vm's: compiled, started, gone on with, always under watch. */
#include "lua/vm.h"

#include <lauxlib.h>

#include "lua/vm_state.h"
#include "lua/watch.h"

#define SOURCE_MAX ((size_t)1 << 20)

static rip_vm_result killed(const rip_vm *vm, rip_error *err)
{
    if (err) *err = vm->why;
    return RIP_VM_KILLED;
}

/* What is done under watch; `result` is what it gave. */
typedef struct job {
    rip_vm *vm;
    lua_State *co;
    int nargs, *nresults, wanted;
    const char *name, *bytes, *mode;
    size_t len;
    rip_error *err;
    int result;
} job;

static void on_tick(void *data, int ticks)
{
    const job *j = data;
    rip_vm_on_tick(j->vm, ticks);
}

/* A vm whose slice is all that it may ever do holds up nobody. What is called from within the vm's own code is left
 * with that. False: it was left. */
static bool do_watched(job *j, void (*work)(void *data))
{
    rip_vm *vm = j->vm;
    if (vm->running || vm->limits.slice_instructions >= vm->limits.instructions) {
        work(j);
        return true;
    }
    vm->ticks = 0;
    if (rip_watch(work, on_tick, j)) return true;
    rip_vm_left(vm);
    return false;
}

/* Compiling. */

static void load_chunk(void *data)
{
    job *j = data;
    lua_State *L = j->vm->main;
    int status = luaL_loadbufferx(L, j->bytes, j->len, j->name, j->mode);
    j->result = status == LUA_OK ? RIP_OK : status == LUA_ERRMEM ? RIP_ELIMIT : RIP_EINVAL;
    if (status == LUA_OK) return;
    if (status == LUA_ERRMEM)
        rip_fail(j->err, RIP_ELIMIT, "%s: too little memory to compile it", j->name + 1);
    else
        rip_vm_take_error(L, j->err);
    lua_pop(L, 1);
}

static rip_status load(rip_vm *vm, const char *name, const char *bytes, size_t len, const char *mode, rip_error *err)
{
    if (!vm->main) {
        *err = vm->why;
        return err->status;
    }
    if (!lua_checkstack(vm->main, 4)) return rip_nomem(err);
    rip_buffer chunk = {0};
    rip_buffer_printf(&chunk, "@%s", name);
    if (chunk.failed) return rip_nomem(err);
    rip_vm_spend(vm, len);
    job j = {.vm = vm, .name = chunk.data, .bytes = bytes, .len = len, .mode = mode, .err = err};
    if (!do_watched(&j, load_chunk)) j.result = rip_fail(err, RIP_ELIMIT, "%s: takes too long to compile", name);
    rip_buffer_free(&chunk);
    return (rip_status)j.result;
}

rip_status rip_vm_load(rip_vm *vm, const char *name, const char *source, size_t len, rip_error *err)
{
    if (len > SOURCE_MAX) return rip_fail(err, RIP_ELIMIT, "%s: over %zu bytes of Lua", name, SOURCE_MAX);
    return load(vm, name, source, len, "t", err);
}

rip_status rip_vm_load_compiled(rip_vm *vm, const char *name, const rip_buffer *compiled, rip_error *err)
{
    return load(vm, name, compiled->data, compiled->len, "b", err);
}

static int add_bytes(lua_State *L, const void *bytes, size_t len, void *data)
{
    (void)L;
    rip_buffer_append(data, bytes, len);
    return 0;
}

rip_status rip_vm_compile(rip_vm *vm, rip_buffer *out, rip_error *err)
{
    int failed = lua_dump(vm->main, add_bytes, out, 0);
    rip_buffer_fit(out);
    return failed || out->failed ? rip_nomem(err) : RIP_OK;
}

/* Running. */

static void resume(void *data)
{
    job *j = data;
    rip_vm *vm = j->vm;
    rip_vm_begin_slice(vm, j->co, true);
    int status = lua_resume(j->co, NULL, j->nargs, j->nresults);
    if (status == LUA_ERRMEM) rip_vm_kill_for_memory(vm);
    bool failed = status != LUA_OK && status != LUA_YIELD;
    if (failed && !vm->dead) { /* variables to be closed are, as at the end of any function */
        vm->through = false;
        status = lua_resetthread(j->co);
        if (status == LUA_ERRMEM) rip_vm_kill_for_memory(vm);
    }
    vm->running = vm->fiber = NULL;
    if (vm->dead) {
        j->result = killed(vm, j->err);
    } else if (failed) {
        rip_vm_take_error(j->co, j->err);
        j->result = RIP_VM_FAILED;
    } else if (status == LUA_OK) {
        j->result = RIP_VM_DONE;
    } else {
        j->result = vm->transit == RIP_TRANSIT_PREEMPT ? RIP_VM_PREEMPTED : RIP_VM_SUSPENDED;
    }
}

/* NOLINTNEXTLINE(readability-non-const-parameter): lua_resume writes to it */
rip_vm_result rip_vm_resume(rip_vm *vm, lua_State *co, int nargs, int *nresults, rip_error *err)
{
    if (vm->dead) return killed(vm, err);
    job j = {.vm = vm, .co = co, .nargs = nargs, .nresults = nresults, .err = err};
    return do_watched(&j, resume) ? (rip_vm_result)j.result : killed(vm, err);
}

static void call(void *data)
{
    job *j = data;
    rip_vm *vm = j->vm;
    lua_State *L = vm->main, *running = vm->running, *fiber = vm->fiber;
    int base = lua_gettop(L) - j->nargs - 1;
    bool through = vm->through;
    uint64_t slice_end = vm->slice_end;
    rip_vm_begin_slice(vm, L, false);
    if (running) vm->slice_end = slice_end; /* a call within another has no slice of its own */
    int status = lua_pcall(L, j->nargs, j->wanted, 0);
    vm->running = running;
    vm->fiber = fiber;
    vm->through = through;
    if (status == LUA_ERRMEM) rip_vm_kill_for_memory(vm);
    if (vm->dead) {
        lua_settop(L, base);
        j->result = killed(vm, j->err);
    } else if (status == LUA_OK) {
        j->result = RIP_VM_DONE;
    } else {
        rip_vm_take_error(L, j->err);
        j->result = RIP_VM_FAILED;
    }
}

rip_vm_result rip_vm_call(rip_vm *vm, int nargs, int nresults, rip_error *err)
{
    if (vm->dead) {
        if (vm->main) lua_pop(vm->main, nargs + 1);
        return killed(vm, err);
    }
    job j = {.vm = vm, .nargs = nargs, .wanted = nresults, .err = err};
    return do_watched(&j, call) ? (rip_vm_result)j.result : killed(vm, err);
}
