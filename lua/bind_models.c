#include "lua/bind_models.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/json.h"

static int fail(lua_State *L, const rip_error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->message);
    return 2;
}

/* A NUL would end the name early: another would be meant. */
static const char *check_name(lua_State *L, int index)
{
    size_t len;
    const char *name = luaL_checklstring(L, index, &len);
    if (strlen(name) != len) luaL_argerror(L, index, "a name without NUL expected");
    return name;
}

static int l_operation(lua_State *L)
{
    aws_models *models = lua_touserdata(L, lua_upvalueindex(1));
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    rip_status status = aws_models_service(models, check_name(L, 1), &service, &err);
    if (status == RIP_OK) status = aws_service_operation(service, check_name(L, 2), &operation, &err);
    if (status != RIP_OK) return fail(L, &err);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, aws_operation_name(operation));
    lua_setfield(L, -2, "name");
    lua_pushboolean(L, aws_operation_is_read(operation));
    lua_setfield(L, -2, "read");
    const json_t *pages = aws_operation_pagination(operation);
    if (pages) {
        rip_lua_push_json(L, pages);
        lua_setfield(L, -2, "pages");
    }
    return 1;
}

/* (service, operation, params) -> nil where AWS's model takes the parameters, else what is wrong with them. */
static int l_check(lua_State *L)
{
    aws_models *models = lua_touserdata(L, lua_upvalueindex(1));
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    json_t *params = NULL;
    rip_error err;
    rip_status status = aws_models_service(models, check_name(L, 1), &service, &err);
    if (status == RIP_OK) status = aws_service_operation(service, check_name(L, 2), &operation, &err);
    if (status == RIP_OK) status = rip_lua_to_json(L, 3, &params, &err);
    if (status == RIP_OK) status = aws_params_check(operation, params, NULL, &err);
    json_decref(params);
    lua_pushstring(L, status == RIP_OK ? NULL : err.message);
    return 1;
}

/* "playbook.lua:12: ": where the playbook, or a module of its own, has got to; "" where it is not on the stack. The
 * library's own files are passed over. */
static int l_where(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0 || strstr(ar.source, "lua/riposte/")) continue;
        lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
        return 1;
    }
    lua_pushliteral(L, "");
    return 1;
}

/* Was the client's method called by the library, and not by the playbook? What calls the library back is the playbook.
 */
static int l_by_library(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "S", &ar) || *ar.what == 'C' || strstr(ar.source, "lua/riposte/aws.lua")) continue;
        lua_pushboolean(L, strstr(ar.source, "lua/riposte/") != NULL);
        return 1;
    }
    lua_pushboolean(L, false);
    return 1;
}

static int l_waiter(lua_State *L)
{
    aws_models *models = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = check_name(L, 2);
    const aws_service *service = NULL;
    rip_error err;
    if (aws_models_service(models, check_name(L, 1), &service, &err) != RIP_OK) return fail(L, &err);
    const json_t *waiter = aws_service_waiter(service, name);
    if (!waiter) {
        rip_fail(&err, RIP_ENOTFOUND, "%s has no waiter %s", aws_service_name(service), name);
        return fail(L, &err);
    }
    rip_lua_push_json(L, waiter);
    return 1;
}

void rip_bind_models(lua_State *L, aws_models *models)
{
    lua_pushlightuserdata(L, models);
    lua_pushcclosure(L, l_operation, 1);
    lua_setfield(L, -2, "operation");
    lua_pushlightuserdata(L, models);
    lua_pushcclosure(L, l_waiter, 1);
    lua_setfield(L, -2, "waiter");
    lua_pushlightuserdata(L, models);
    lua_pushcclosure(L, l_check, 1);
    lua_setfield(L, -2, "check");
    lua_pushcfunction(L, l_where);
    lua_setfield(L, -2, "where");
    lua_pushcfunction(L, l_by_library);
    lua_setfield(L, -2, "by_library");
}
