#include "lua/sim_transport.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/json.h"
#include "lua/arena.h"
#include "lua/json.h"

#define ACCOUNT "riposte.sim.account" /* the registry's keys */
#define MODULE "riposte.sim.module"

/* Each call leaves garbage, and next to nothing that stays: in percent of what stayed last time. */
#define GC_PAUSE 400

/* An answer on its way: the account has given it already, as a service that was reached has. */
typedef struct sim_answer {
    struct sim_transport *sim;
    aws_attempt *attempt;
    rip_timer timer;
    json_t *output;
    aws_error error;
    char request_id[AWS_REQUEST_ID_MAX];
    int64_t latency_ms;
} sim_answer;

typedef struct sim_transport {
    aws_transport transport; /* first: a sim_transport is an aws_transport */
    rip_clock *clock;
    lua_State *L;
    rip_arena memory;  /* of L, but where a sanitizer looks at each block */
    rip_timer wake;    /* for what happens by itself */
    rip_error failure; /* of what happened by itself: told by every answer from then on */
} sim_transport;

static sim_transport *sim_of(aws_transport *transport)
{
    return (sim_transport *)transport;
}

/* What Lua needs from C: the module "sim.host". */

static int host_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    rip_lua_mark_array(L, 1);
    return 1;
}

static int host_encode(lua_State *L)
{
    json_t *json = NULL;
    rip_error err = {0};
    luaL_checkany(L, 1);
    if (rip_lua_to_json(L, 1, &json, &err) != RIP_OK) return luaL_error(L, "%s", err.message);
    rip_buffer text = {0};
    rip_status status = rip_json_write(&text, json, RIP_JSON_SORTED, &err);
    json_decref(json);
    if (status == RIP_OK) lua_pushlstring(L, text.data, text.len);
    rip_buffer_free(&text);
    return status == RIP_OK ? 1 : luaL_error(L, "%s", err.message);
}

static int host_decode(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    json_t *json = NULL;
    if (rip_json_read(text, len, NULL, &json, NULL) != RIP_OK || !json_is_object(json)) {
        json_decref(json);
        lua_pushnil(L);
        return 1;
    }
    rip_lua_push_json(L, json);
    json_decref(json);
    return 1;
}

static const luaL_Reg HOST[] = {{"array", host_array}, {"encode", host_encode}, {"decode", host_decode}, {NULL, NULL}};

/* Calls into Lua: each is one C function that runs protected, with its job as a light userdata. */

static rip_status protected(lua_State *L, lua_CFunction fn, void *job, rip_error *err)
{
    lua_settop(L, 0);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, job);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) return RIP_OK;
    const char *what = lua_tostring(L, -1);
    rip_fail(err, RIP_EINVAL, "the simulated account failed: %s", what ? what : "an error that is no text");
    lua_settop(L, 0);
    return RIP_EINVAL;
}

static void push_method(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, ACCOUNT);
    lua_getfield(L, -1, name);
    lua_insert(L, -2);
}

typedef struct opening {
    const json_t *seed, *groups;
    const char *folder;
    int64_t now;
    rip_error *err;
    rip_status status;
} opening;

static int open_account(lua_State *L)
{
    opening *job = lua_touserdata(L, 1);
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", job->folder, job->folder);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, ""); /* nothing in C is loaded from outside */
    lua_setfield(L, -2, "cpath");
    lua_getfield(L, -1, "loaded");
    luaL_newlib(L, HOST);
    lua_setfield(L, -2, "sim.host");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "sim");
    lua_call(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, MODULE);
    lua_getfield(L, -1, "new");
    rip_lua_push_json(L, job->seed);
    lua_pushinteger(L, job->now);
    rip_lua_push_json(L, job->groups);
    lua_call(L, 3, 2);
    if (lua_isnil(L, -2)) {
        job->status = rip_fail(job->err, RIP_EINVAL, "%s", luaL_tolstring(L, -1, NULL));
        return 0;
    }
    lua_pop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, ACCOUNT);
    return 0;
}

static void read_failure(lua_State *L, int index, aws_error *error)
{
    lua_getfield(L, index, "code");
    lua_getfield(L, index, "message");
    lua_getfield(L, index, "status");
    snprintf(error->code, sizeof error->code, "%s", luaL_optstring(L, -3, "InternalFailure"));
    snprintf(error->message, sizeof error->message, "%s", luaL_optstring(L, -2, ""));
    error->http_status = (int)luaL_optinteger(L, -1, 500);
    lua_pop(L, 3);
}

/* account:call(now, service, operation, params, region, account) -> output, failure, latency, request id */
static int perform(lua_State *L)
{
    sim_answer *answer = lua_touserdata(L, 1);
    const aws_attempt *attempt = answer->attempt;
    push_method(L, "call");
    lua_pushinteger(L, rip_clock_now(answer->sim->clock));
    lua_pushstring(L, aws_service_name(aws_operation_service(attempt->operation)));
    lua_pushstring(L, aws_operation_name(attempt->operation));
    rip_lua_push_json(L, attempt->params);
    lua_pushstring(L, attempt->region);
    lua_pushstring(L, attempt->account ? attempt->account : "");
    lua_call(L, 7, 4);
    answer->latency_ms = luaL_checkinteger(L, -2);
    snprintf(answer->request_id, sizeof answer->request_id, "%s", luaL_checkstring(L, -1));
    if (lua_isnil(L, -4)) {
        read_failure(L, lua_absindex(L, -3), &answer->error);
        return 0;
    }
    rip_error err = {0};
    if (rip_lua_to_json(L, -4, &answer->output, &err) != RIP_OK) return luaL_error(L, "%s", err.message);
    return 0;
}

static int advance(lua_State *L)
{
    const sim_transport *sim = lua_touserdata(L, 1);
    push_method(L, "advance");
    lua_pushinteger(L, rip_clock_now(sim->clock));
    lua_call(L, 2, 0);
    return 0;
}

typedef struct due {
    bool any;
    int64_t at;
} due;

static int next_due(lua_State *L)
{
    due *job = lua_touserdata(L, 1);
    push_method(L, "next_due");
    lua_call(L, 1, 1);
    job->any = !lua_isnil(L, -1);
    if (job->any) job->at = luaL_checkinteger(L, -1);
    return 0;
}

typedef struct question {
    const sim_transport *sim;
    const char *name;
    json_t *answer;
} question;

static int ask_account(lua_State *L)
{
    question *job = lua_touserdata(L, 1);
    rip_error err = {0};
    push_method(L, job->name);
    lua_pushinteger(L, rip_clock_now(job->sim->clock));
    lua_call(L, 2, 1);
    if (rip_lua_to_json(L, -1, &job->answer, &err) != RIP_OK) return luaL_error(L, "%s", err.message);
    return 0;
}

static int ask_module(lua_State *L)
{
    question *job = lua_touserdata(L, 1);
    rip_error err = {0};
    lua_getfield(L, LUA_REGISTRYINDEX, MODULE);
    lua_getfield(L, -1, job->name);
    lua_call(L, 0, 1);
    if (rip_lua_to_json(L, -1, &job->answer, &err) != RIP_OK) return luaL_error(L, "%s", err.message);
    return 0;
}

static json_t *ask(aws_transport *transport, lua_CFunction fn, const char *name)
{
    sim_transport *sim = sim_of(transport);
    question job = {.sim = sim, .name = name};
    rip_error err = {0};
    protected(sim->L, fn, &job, &err);
    return job.answer;
}

/* What happens by itself. */

static void on_wake(void *data);

static void arm(sim_transport *sim)
{
    due next = {0};
    rip_error err = {0};
    rip_timer_stop(&sim->wake);
    if (protected(sim->L, next_due, &next, &err) != RIP_OK || !next.any) return;
    int64_t wait = next.at - rip_clock_now(sim->clock);
    rip_timer_start(&sim->wake, sim->clock, wait > 0 ? (uint64_t)wait : 0, on_wake, sim);
}

static void on_wake(void *data)
{
    sim_transport *sim = data;
    rip_status status = protected(sim->L, advance, sim, &sim->failure);
    if (status == RIP_OK) arm(sim);
}

/* The transport. */

static void answer_free(sim_answer *answer)
{
    answer->attempt->transport_data = NULL;
    rip_timer_stop(&answer->timer);
    json_decref(answer->output);
    free(answer);
}

static void on_answer(void *data)
{
    sim_answer *answer = data;
    aws_attempt *attempt = answer->attempt;
    aws_reply reply = {.output = answer->output, .retry_after_ms = -1, .request_id = answer->request_id};
    if (!answer->output) reply.error = &answer->error;
    attempt->transport_data = NULL; /* `done` may free the attempt */
    attempt->done(attempt, &reply);
    json_decref(answer->output);
    free(answer);
}

static void sim_send(aws_transport *self, aws_attempt *attempt)
{
    sim_transport *sim = sim_of(self);
    sim_answer *answer = calloc(1, sizeof *answer);
    if (!answer) abort(); /* as a timer's: an attempt that nobody answers would hold its run for ever */
    answer->sim = sim;
    answer->attempt = attempt;
    attempt->transport_data = answer;
    rip_error err = sim->failure;
    if (err.status != RIP_OK || protected(sim->L, perform, answer, &err) != RIP_OK) {
        snprintf(answer->error.code, sizeof answer->error.code, "InternalFailure");
        snprintf(answer->error.message, sizeof answer->error.message, "%s", err.message);
        answer->error.http_status = 500;
    }
    memcpy(answer->error.request_id, answer->request_id, sizeof answer->request_id);
    rip_timer_start(&answer->timer, sim->clock, (uint64_t)answer->latency_ms, on_answer, answer);
    if (sim->failure.status == RIP_OK) arm(sim);
}

static void sim_cancel(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    if (attempt->transport_data) answer_free(attempt->transport_data);
}

/* There is one account, by whichever name it goes. */
static const char *sim_payer(aws_transport *transport, const char *account)
{
    (void)transport;
    (void)account;
    return "";
}

static void sim_free(aws_transport *self)
{
    sim_transport *sim = sim_of(self);
    if (!sim) return;
    rip_timer_stop(&sim->wake);
    if (sim->L) lua_close(sim->L);
    rip_arena_free(&sim->memory);
    free(sim);
}

static void *allocate(void *memory, void *block, size_t old, size_t size)
{
    return rip_arena_resize(memory, block, block ? old : 0, size);
}

static rip_status load_groups(json_t **groups, rip_error *err)
{
    json_error_t why;
    char *path = rip_data_path("aws/quotas.json", err);
    if (!path) return err->status;
    *groups = json_load_file(path, 0, &why);
    rip_status status = *groups ? RIP_OK : rip_fail(err, RIP_EIO, "%s:%d: %s", path, why.line, why.text);
    free(path);
    return status;
}

static rip_status open_in(sim_transport *sim, const json_t *seed, rip_error *err)
{
    opening job = {.seed = seed, .now = rip_clock_now(sim->clock), .err = err};
    json_t *groups = NULL;
    char *folder = NULL;
    rip_status status = load_groups(&groups, err);
    if (status == RIP_OK) {
        folder = rip_data_path("lua", err);
        status = folder ? RIP_OK : err->status;
    }
    job.groups = groups;
    job.folder = folder;
    if (status == RIP_OK) status = protected(sim->L, open_account, &job, err);
    if (status == RIP_OK) status = job.status;
    json_decref(groups);
    free(folder);
    return status;
}

rip_status sim_transport_new(rip_clock *clock, const json_t *seed, aws_transport **out, rip_error *err)
{
    rip_error unheard;
    if (!err) err = &unheard;
    *out = NULL;
    sim_transport *sim = calloc(1, sizeof *sim);
    if (!sim) return rip_nomem(err);
    sim->transport = (aws_transport){sim_send, sim_cancel, sim_payer, sim_free};
    sim->clock = clock;
    sim->L = RIP_VM_ARENA ? lua_newstate(allocate, &sim->memory) : luaL_newstate();
    if (sim->L) lua_gc(sim->L, LUA_GCINC, GC_PAUSE, 0, 0);
    rip_status status = sim->L ? open_in(sim, seed, err) : rip_nomem(err);
    if (status != RIP_OK) {
        sim_free(&sim->transport);
        return status;
    }
    arm(sim);
    *out = &sim->transport;
    return RIP_OK;
}

json_t *sim_transport_snapshot(aws_transport *transport)
{
    return ask(transport, ask_account, "snapshot");
}

json_t *sim_transport_quotas(aws_transport *transport)
{
    return ask(transport, ask_account, "quota_report");
}

json_t *sim_transport_operations(aws_transport *transport)
{
    return ask(transport, ask_module, "operations");
}
