#include "lua/modules.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "engine/base/buffer.h"
#include "engine/base/data.h"
#include "lua/vm_state.h"

#define NAME_MAX_LEN 200

/* A compiled chunk costs so much less to load than a text of its length. */
#define COMPILED_SHARE 10

static char LOADED;  /* its address is the registry's key of the table of loaded modules */
static char LOADING; /* its address stands there while a module's main chunk runs */

typedef struct modules {
    rip_module_loaded loaded;
    void *data;
    unsigned count; /* loaded so far */
    size_t provider_count;
    rip_module_provider providers[];
} modules;

void rip_module_text_free(rip_module_text *text)
{
    if (!text->is_compiled) {
        free(text->path);
        free(text->bytes);
    }
    *text = (rip_module_text){0};
}

/* Providers. */

/* RIP_ENOTFOUND, or the text of the file at `relative` in the folder. */
static rip_status read_module(const rip_module_folder *folder, const char *relative, rip_module_text *text,
                              rip_error *err)
{
    rip_buffer path = {0}, shown = {0};
    rip_buffer_printf(&path, "%s/%s", folder->root, relative);
    rip_buffer_printf(&shown, "%s/%s", folder->shown ? folder->shown : folder->root, relative);
    char *root = realpath(folder->root, NULL);
    char *real = path.failed ? NULL : realpath(path.data, NULL);
    struct stat about;
    size_t len = root ? strlen(root) : 0;
    while (len > 0 && root[len - 1] == '/') len--;
    rip_status status = RIP_OK;
    if (path.failed || shown.failed)
        status = rip_nomem(err);
    else if (!root || !real)
        status = rip_fail(err, RIP_ENOTFOUND, "%s: no such file", shown.data);
    else if (strncmp(real, root, len) != 0 || real[len] != '/')
        status = rip_fail(err, RIP_EDENIED, "%s leads out of its folder: copy the module into it", shown.data);
    else if (stat(real, &about) != 0 || !S_ISREG(about.st_mode))
        status = rip_fail(err, RIP_EINVAL, "%s is not a file", shown.data);
    else
        status = rip_read_file(real, RIP_MODULE_BYTES_MAX, &text->bytes, &text->len, err);
    if (status == RIP_OK) text->path = rip_buffer_take(&shown, NULL);
    free(root);
    free(real);
    rip_buffer_free(&path);
    rip_buffer_free(&shown);
    return status;
}

static rip_status find_in_folder(void *self, const char *name, rip_module_text *text, rip_error *err)
{
    const rip_module_folder *folder = self;
    size_t prefix = folder->prefix ? strlen(folder->prefix) : 0;
    bool own = folder->prefix && strncmp(name, folder->prefix, prefix) == 0 && strchr(".", name[prefix]);
    if (folder->prefix && !own) return rip_fail(err, RIP_ENOTFOUND, "%s is not of this folder", name);
    char slashed[NAME_MAX_LEN + 1];
    size_t len = strlen(name);
    for (size_t i = 0; i <= len; i++) slashed[i] = name[i] == '.' ? '/' : name[i];
    rip_status status = RIP_ENOTFOUND;
    for (size_t i = 0; status == RIP_ENOTFOUND && i < 2; i++) {
        char relative[NAME_MAX_LEN + sizeof "/init.lua"];
        snprintf(relative, sizeof relative, i == 0 ? "%s.lua" : "%s/init.lua", slashed);
        status = read_module(folder, relative, text, err);
    }
    if (status != RIP_ENOTFOUND || !own) return status;
    /* Nobody else may answer for the library. */
    return rip_fail(err, RIP_EINVAL, "there is no module %s in %s", name, folder->shown ? folder->shown : folder->root);
}

rip_module_provider rip_module_folder_provider(const rip_module_folder *folder)
{
    return (rip_module_provider){find_in_folder, (void *)(uintptr_t)folder};
}

static rip_status find_in_set(void *self, const char *name, rip_module_text *text, rip_error *err)
{
    const rip_module_set *set = self;
    for (size_t i = 0; i < set->count; i++) {
        const rip_module_entry *entry = &set->entries[i];
        if (strcmp(entry->name, name) != 0) continue;
        text->path = strdup(entry->path);
        text->bytes = malloc(entry->len + 1);
        if (!text->path || !text->bytes) {
            rip_module_text_free(text);
            return rip_nomem(err);
        }
        memcpy(text->bytes, entry->bytes, entry->len);
        text->bytes[entry->len] = '\0';
        text->len = entry->len;
        return RIP_OK;
    }
    return rip_fail(err, RIP_ENOTFOUND, "there is no module %s", name);
}

rip_module_provider rip_module_set_provider(const rip_module_set *set)
{
    return (rip_module_provider){find_in_set, (void *)(uintptr_t)set};
}

/* require */

static bool is_module_name(const char *name, size_t len)
{
    static const char WORD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (len == 0 || len > NAME_MAX_LEN || strlen(name) != len) return false;
    for (const char *at = name;; at++) {
        size_t word = strspn(at, WORD);
        if (word == 0) return false;
        at += word;
        if (*at == '\0') return true;
        if (*at != '.') return false;
    }
}

static rip_status find(const modules *all, const char *name, rip_module_text *text, rip_error *err)
{
    rip_status status = rip_fail(err, RIP_ENOTFOUND, "there is no module %s", name);
    for (size_t i = 0; status == RIP_ENOTFOUND && i < all->provider_count; i++)
        status = all->providers[i].find(all->providers[i].self, name, text, err);
    if (status == RIP_ENOTFOUND) rip_fail(err, status, "there is no module %s", name);
    return status;
}

/* Push the module's main chunk. Nothing raises while the text is held. */
static void load(lua_State *L, modules *all, const char *name)
{
    rip_module_text text = {0};
    rip_error err = {RIP_OK, ""};
    if (find(all, name, &text, &err) != RIP_OK) luaL_error(L, "require: %s", err.message);
    bool compiled = text.is_compiled;
    if (all->loaded && !compiled) all->loaded(all->data, name, text.path, text.bytes, text.len);
    rip_buffer chunk = {0};
    rip_buffer_printf(&chunk, "@%s", text.path);
    rip_vm_spend(rip_vm_of(L), compiled ? text.len / COMPILED_SHARE : text.len);
    int status =
        chunk.failed ? LUA_ERRMEM : luaL_loadbufferx(L, text.bytes, text.len, chunk.data, compiled ? "b" : "t");
    rip_buffer_free(&chunk);
    rip_module_text_free(&text);
    rip_vm_after_protected(L, status);
    if (status != LUA_OK) lua_error(L);
}

static void forget(lua_State *L)
{
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    lua_rawset(L, lua_upvalueindex(1));
}

static int l_require(lua_State *L)
{
    modules *all = rip_vm_of(L)->modules;
    luaL_checktype(L, 1, LUA_TSTRING);
    size_t len = 0;
    const char *name = lua_tolstring(L, 1, &len);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        if (lua_touserdata(L, -1) == &LOADING)
            return luaL_error(L, "require: module %s is still loading: modules require each other in a circle", name);
        return 1;
    }
    if (!is_module_name(name, len))
        return luaL_error(L, "require: a module's name is words of letters, digits, '_' and '-' joined by dots");
    if (all->count >= RIP_MODULES_MAX) return luaL_error(L, "require: over %d modules", RIP_MODULES_MAX);
    load(L, all, name);
    all->count++;
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, &LOADING);
    lua_rawset(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 1, 1, 0);
    rip_vm_after_protected(L, status);
    if (status != LUA_OK) {
        forget(L);
        return lua_error(L);
    }
    if (lua_isnil(L, -1)) lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
    return 1;
}

static int l_install(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &LOADED);
    lua_pushcclosure(L, l_require, 1);
    lua_setglobal(L, "require");
    return 0;
}

static bool has_require(lua_State *L)
{
    bool has = lua_rawgetp(L, LUA_REGISTRYINDEX, &LOADED) == LUA_TTABLE;
    lua_pop(L, 1);
    return has;
}

rip_status rip_modules_install(rip_vm *vm, const rip_module_provider *providers, size_t count, rip_module_loaded loaded,
                               void *data, rip_error *err)
{
    modules *all = calloc(1, sizeof *all + count * sizeof *all->providers);
    if (!all) return rip_nomem(err);
    all->loaded = loaded;
    all->data = data;
    all->provider_count = count;
    if (count > 0) memcpy(all->providers, providers, count * sizeof *providers);
    free(vm->modules);
    vm->modules = all;
    lua_State *L = vm->main;
    if (!lua_checkstack(L, 4)) return rip_nomem(err);
    if (has_require(L)) return RIP_OK;
    lua_pushcfunction(L, l_install);
    rip_error why;
    if (rip_vm_call(vm, 0, 0, &why) == RIP_VM_DONE) return RIP_OK;
    return rip_fail(err, why.status, "%s", why.message);
}

void rip_modules_set(rip_vm *vm, const char *name)
{
    lua_State *L = vm->main;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &LOADED);
    lua_insert(L, -2);
    lua_pushstring(L, name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}
