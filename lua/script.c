#include "lua/script.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/base/log.h"
#include "lua/bind_models.h"
#include "lua/fiber.h"
#include "lua/json.h"
#include "lua/playbook_vm.h"

#define EVENT "event"

struct rip_script {
    rip_script_options options;
    rip_playbook_vm box;
    rip_fibers *fibers;
};

static void on_loaded(void *data, const char *name, const char *path, const char *bytes, size_t len)
{
    rip_script *script = data;
    (void)path;
    if (script->options.required) script->options.required(script->options.data, name, bytes, len);
}

static void on_print(void *data, const char *text, size_t len)
{
    rip_script *script = data;
    if (script->options.repeats && script->options.repeats(script->options.data)) return;
    char *line = script->options.hide ? script->options.hide(script->options.data, text, len) : strndup(text, len);
    rip_log(RIP_LOG_INFO, "playbook.print", "run", json_string_value(json_object_get(script->options.about, "id")),
            "playbook", script->options.playbook->name, "text", line, NULL);
    free(line);
}

static void on_ended(void *data, rip_status status, const rip_error *err)
{
    rip_script *script = data;
    script->options.ended(script->options.data, status, err);
}

/* The finding without its event, which is the most of it. */
static void push_finding(lua_State *L, const json_t *finding)
{
    const char *key;
    json_t *value;
    lua_createtable(L, 0, (int)json_object_size(finding));
    json_object_foreach ((json_t *)(uintptr_t)finding, key, value) {
        if (strcmp(key, EVENT) == 0 || json_is_null(value)) continue;
        rip_lua_push_json(L, value);
        lua_setfield(L, -2, key);
    }
}

/* event() -> the finding's event */
static int l_event(lua_State *L)
{
    const rip_script *script = lua_touserdata(L, lua_upvalueindex(1));
    rip_lua_push_json(L, json_object_get(script->options.finding, EVENT));
    return 1;
}

/* (script, chunk): hand start(primitives, about, finding, chunk) to the first fiber. In protected mode: whatever of it
 * needs memory may raise. */
static int l_prepare(lua_State *L)
{
    rip_script *script = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "riposte.start");
    lua_call(L, 1, 1);
    rip_fibers_push_primitives(script->fibers, L);
    rip_bind_models(L, script->options.models);
    lua_pushlightuserdata(L, script);
    lua_pushcclosure(L, l_event, 1);
    lua_setfield(L, -2, EVENT);
    rip_lua_push_json(L, script->options.about);
    push_finding(L, script->options.finding);
    lua_pushvalue(L, 2);
    rip_fibers_start(script->fibers, 4);
    return 0;
}

static rip_status prepare(rip_script *script, rip_error *err)
{
    const rip_playbook *playbook = script->options.playbook;
    rip_vm *vm = script->box.vm;
    rip_status status = rip_playbook_push(&script->box, playbook, err);
    if (status != RIP_OK) return status;
    lua_State *L = rip_vm_state(vm);
    lua_pushcfunction(L, l_prepare);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, script);
    lua_insert(L, -2);
    return rip_vm_call(vm, 2, 0, err) == RIP_VM_DONE ? RIP_OK : err->status;
}

rip_status rip_script_start(const rip_script_options *options, rip_script **out, rip_error *err)
{
    rip_script *script = calloc(1, sizeof *script);
    if (!script) return rip_nomem(err);
    script->options = *options;
    script->options.about = json_incref((json_t *)(uintptr_t)options->about);
    rip_status status = rip_playbook_vm_open(&script->box, options->playbook, &options->limits, on_loaded, script, err);
    if (status == RIP_OK) {
        rip_vm_on_print(script->box.vm, on_print, script);
        status = rip_fibers_new(script->box.vm, options->clock, options->door, on_ended, script, &script->fibers, err);
    }
    if (status == RIP_OK) status = prepare(script, err);
    if (status == RIP_OK)
        *out = script;
    else
        rip_script_free(script);
    return status;
}

void rip_script_stop(rip_script *script, rip_status status, const char *reason)
{
    rip_fibers_stop(script->fibers, status, reason);
}

uint64_t rip_script_instructions(const rip_script *script)
{
    return rip_vm_instructions_used(script->box.vm);
}

void rip_script_free(rip_script *script)
{
    if (!script) return;
    rip_fibers_free(script->fibers);
    rip_playbook_vm_close(&script->box);
    json_decref((json_t *)(uintptr_t)script->options.about);
    free(script);
}
