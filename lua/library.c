#include "lua/library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "engine/base/buffer.h"
#include "engine/base/data.h"
#include "engine/base/digest.h"

#define PREFIX "riposte"
#define PATH_MOST 4096
#define DEPTH_MOST 4

/* Lines of the library's own errors are for those who build it; without them it loads in half the time. */
#ifdef NDEBUG
#define STRIP 1
#else
#define STRIP 0
#endif

/* A module with its text, for the digest, and what it compiles to, which loads ten times as fast. */
typedef struct entry {
    char *name, *path, *text;
    size_t len;
    rip_buffer compiled;
} entry;

/* There is one, as there is one library: its files belong to the program, and do not change while it runs. */
static struct library {
    entry *entries; /* sorted by name */
    size_t count, cap;
    char digest[RIP_SHA256_HEX];
} the_library;

/* Reading. */

static int add_chunk(lua_State *L, const void *bytes, size_t len, void *data)
{
    (void)L;
    rip_buffer_append(data, bytes, len);
    return 0;
}

static rip_status compile(entry *e, rip_error *err)
{
    lua_State *L = luaL_newstate();
    if (!L) return rip_nomem(err);
    char chunk[PATH_MOST + 1];
    snprintf(chunk, sizeof chunk, "@%s", e->path);
    rip_status status = RIP_OK;
    if (luaL_loadbufferx(L, e->text, e->len, chunk, "t") != LUA_OK)
        status = rip_fail(err, RIP_EINVAL, "%s", lua_tostring(L, -1));
    else if (lua_dump(L, add_chunk, &e->compiled, STRIP) != 0 || e->compiled.failed)
        status = rip_nomem(err);
    lua_close(L);
    return status;
}

static rip_status add(const char *path, const char *name, rip_error *err)
{
    struct library *all = &the_library;
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 64;
        entry *entries = realloc(all->entries, cap * sizeof *entries);
        if (!entries) return rip_nomem(err);
        all->entries = entries;
        all->cap = cap;
    }
    entry *e = &all->entries[all->count];
    *e = (entry){.name = strdup(name), .path = strdup(path)};
    all->count++;
    if (!e->name || !e->path) return rip_nomem(err);
    rip_status status = rip_read_file(path, RIP_MODULE_BYTES_MAX, &e->text, &e->len, err);
    return status == RIP_OK ? compile(e, err) : status;
}

/* "riposte/actions/ecs.lua" is riposte.actions.ecs. */
static rip_status walk(const char *folder, const char *prefix, unsigned depth, rip_error *err)
{
    DIR *dir = opendir(folder);
    struct dirent *item;
    rip_status status = RIP_OK;
    if (!dir) return rip_fail(err, RIP_ENOTFOUND, "%s: the library is not there", folder);
    while (status == RIP_OK && (item = readdir(dir))) {
        char path[PATH_MOST], name[PATH_MOST];
        struct stat about;
        const char *dot = strrchr(item->d_name, '.');
        if (item->d_name[0] == '.') continue;
        int fits = snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        int stem = dot ? (int)(dot - item->d_name) : (int)strlen(item->d_name);
        snprintf(name, sizeof name, "%s.%.*s", prefix, stem, item->d_name);
        if (fits >= (int)sizeof path || stat(path, &about) != 0) continue;
        if (S_ISDIR(about.st_mode) && depth < DEPTH_MOST)
            status = walk(path, name, depth + 1, err);
        else if (dot && strcmp(dot, ".lua") == 0)
            status = add(path, name, err);
    }
    closedir(dir);
    return status;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const entry *)left)->name, ((const entry *)right)->name);
}

static void unload(void)
{
    struct library *all = &the_library;
    for (size_t i = 0; i < all->count; i++) {
        free(all->entries[i].name);
        free(all->entries[i].path);
        free(all->entries[i].text);
        rip_buffer_free(&all->entries[i].compiled);
    }
    free(all->entries);
    *all = (struct library){0};
}

static void take_digest(void)
{
    struct library *all = &the_library;
    rip_buffer text = {0};
    for (size_t i = 0; i < all->count; i++) {
        rip_buffer_printf(&text, "%s %zu\n", all->entries[i].name, all->entries[i].len);
        rip_buffer_append(&text, all->entries[i].text, all->entries[i].len);
    }
    rip_sha256_hex(text.data ? text.data : "", text.len, all->digest);
    rip_buffer_free(&text);
}

static rip_status load_library(rip_error *err)
{
    char *folder = rip_data_path("lua/" PREFIX, err);
    rip_status status = folder ? walk(folder, PREFIX, 0, err) : RIP_ENOTFOUND;
    free(folder);
    if (status != RIP_OK) {
        unload();
        return status;
    }
    qsort(the_library.entries, the_library.count, sizeof *the_library.entries, compare);
    take_digest();
    return RIP_OK;
}

/* Finding. */

static rip_status find(void *self, const char *name, rip_module_text *text, rip_error *err)
{
    const struct library *all = self;
    size_t prefix = sizeof PREFIX - 1;
    if (strncmp(name, PREFIX, prefix) != 0 || !strchr(".", name[prefix]))
        return rip_fail(err, RIP_ENOTFOUND, "%s is not of the library", name);
    const entry wanted = {.name = (char *)(uintptr_t)name};
    const entry *e = bsearch(&wanted, all->entries, all->count, sizeof *all->entries, compare);
    if (!e) return rip_fail(err, RIP_EINVAL, "there is no module %s in the library", name);
    *text = (rip_module_text){.path = e->path, .bytes = e->compiled.data, .len = e->compiled.len, .is_compiled = true};
    return RIP_OK;
}

rip_status rip_library_provider(rip_module_provider *out, rip_error *err)
{
    rip_status status = the_library.count ? RIP_OK : load_library(err);
    *out = (rip_module_provider){find, &the_library};
    return status;
}

const char *rip_library_digest(void)
{
    return the_library.digest;
}
