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
#include "lua/library_pack.h"

#define PREFIX "riposte"
#define PATH_MOST 4096
#define DEPTH_MOST 4
#define EARLIER_MOST (RIP_LIBRARIES_MAX - 1)

/* Names of files stay in: by them the playbook's own calls are told from the library's, see bind_models.c. */
#define STRIP 0

/* A module compiled: so it loads ten times as fast. */
typedef struct entry {
    char *name, *path;
    rip_buffer compiled;
} entry;

struct rip_library {
    char *pack;
    size_t len;
    char digest[RIP_SHA256_HEX];
    entry *entries; /* sorted by name */
    size_t count;
};

static struct {
    rip_library *current;
    rip_library *earlier[EARLIER_MOST];
    size_t count;
} known;

/* From a pack. */

static int add_chunk(lua_State *L, const void *bytes, size_t len, void *data)
{
    (void)L;
    rip_buffer_append(data, bytes, len);
    return 0;
}

static rip_status compile(entry *e, const char *text, size_t len, rip_error *err)
{
    lua_State *L = luaL_newstate();
    if (!L) return rip_nomem(err);
    char chunk[PATH_MOST + 1];
    snprintf(chunk, sizeof chunk, "@%s", e->path);
    rip_status status = RIP_OK;
    if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK)
        status = rip_fail(err, RIP_EINVAL, "%s", lua_tostring(L, -1));
    else if (lua_dump(L, add_chunk, &e->compiled, STRIP) != 0 || e->compiled.failed)
        status = rip_nomem(err);
    lua_close(L);
    rip_buffer_fit(&e->compiled);
    return status;
}

/* riposte.actions.ecs is "lua/riposte/actions/ecs.lua", wherever that is installed: a playbook may see it in an error's
 * message, which must be the same when a run goes on elsewhere. */
static char *path_of(const char *name)
{
    rip_buffer path = {0};
    rip_buffer_puts(&path, "lua/");
    for (; *name; name++) rip_buffer_putc(&path, *name == '.' ? '/' : *name);
    rip_buffer_puts(&path, ".lua");
    return rip_buffer_take(&path, NULL);
}

static rip_status add_entry(rip_library *library, const rip_library_pack_reader *module, rip_error *err)
{
    if (library->count == RIP_MODULES_MAX) return rip_fail(err, RIP_ELIMIT, "over %d modules", RIP_MODULES_MAX);
    entry *e = &library->entries[library->count++];
    e->name = strdup(module->name);
    e->path = path_of(module->name);
    if (!e->name || !e->path) return rip_nomem(err);
    return compile(e, module->text, module->len, err);
}

static rip_status add_entries(rip_library *library, rip_error *err)
{
    rip_library_pack_reader reader = {.at = library->pack, .left = library->len};
    rip_status status = rip_library_pack_next(&reader, err);
    for (; status == RIP_OK; status = rip_library_pack_next(&reader, err)) {
        status = add_entry(library, &reader, err);
        if (status != RIP_OK) return status;
    }
    return status == RIP_ENOTFOUND ? RIP_OK : status;
}

static void library_free(rip_library *library)
{
    for (size_t i = 0; i < library->count; i++) {
        free(library->entries[i].name);
        free(library->entries[i].path);
        rip_buffer_free(&library->entries[i].compiled);
    }
    free(library->entries);
    free(library->pack);
    free(library);
}

/* `pack` is taken over. */
static rip_status library_new(char *pack, size_t len, rip_library **out, rip_error *err)
{
    rip_library *library = calloc(1, sizeof *library);
    entry *entries = calloc(RIP_MODULES_MAX, sizeof *entries);
    if (!library || !entries) {
        free(library);
        free(entries);
        free(pack);
        return rip_nomem(err);
    }
    *library = (rip_library){.pack = pack, .len = len, .entries = entries};
    rip_sha256_hex(pack, len, library->digest);
    rip_status status = add_entries(library, err);
    if (status == RIP_OK)
        *out = library;
    else
        library_free(library);
    return status;
}

/* From the folder. */

typedef struct file {
    char *name, *path;
} file;

typedef struct files {
    file *all;
    size_t count, cap;
} files;

static rip_status add_file(files *found, const char *path, const char *name, rip_error *err)
{
    if (found->count == found->cap) {
        size_t cap = found->cap ? found->cap * 2 : 64;
        file *all = realloc(found->all, cap * sizeof *all);
        if (!all) return rip_nomem(err);
        found->all = all;
        found->cap = cap;
    }
    file *f = &found->all[found->count++];
    *f = (file){strdup(name), strdup(path)};
    return f->name && f->path ? RIP_OK : rip_nomem(err);
}

/* "riposte/actions/ecs.lua" is riposte.actions.ecs. */
static rip_status walk(files *found, const char *folder, const char *prefix, unsigned depth, rip_error *err)
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
            status = walk(found, path, name, depth + 1, err);
        else if (dot && strcmp(dot, ".lua") == 0)
            status = add_file(found, path, name, err);
    }
    closedir(dir);
    return status;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const file *)left)->name, ((const file *)right)->name);
}

static rip_status read_files(files *found, rip_buffer *pack, rip_error *err)
{
    rip_status status = RIP_OK;
    if (found->count > 1) qsort(found->all, found->count, sizeof *found->all, by_name);
    for (size_t i = 0; status == RIP_OK && i < found->count; i++) {
        char *text = NULL;
        size_t len = 0;
        status = rip_read_file(found->all[i].path, RIP_MODULE_BYTES_MAX, &text, &len, err);
        if (status == RIP_OK) rip_library_pack_add(pack, found->all[i].name, text, len);
        free(text);
    }
    return status == RIP_OK ? rip_buffer_status(pack, err) : status;
}

static rip_status read_current(rip_library **out, rip_error *err)
{
    files found = {0};
    rip_buffer pack = {0};
    char *folder = rip_data_path("lua/" PREFIX, err);
    rip_status status = folder ? walk(&found, folder, PREFIX, 0, err) : RIP_ENOTFOUND;
    if (status == RIP_OK) status = read_files(&found, &pack, err);
    if (status == RIP_OK) {
        size_t len = 0;
        rip_buffer_fit(&pack);
        char *bytes = rip_buffer_take(&pack, &len);
        status = bytes ? library_new(bytes, len, out, err) : rip_nomem(err);
    }
    for (size_t i = 0; i < found.count; i++) {
        free(found.all[i].name);
        free(found.all[i].path);
    }
    free(found.all);
    free(folder);
    rip_buffer_free(&pack);
    return status;
}

/* Those that are known. */

rip_status rip_library_current(const rip_library **out, rip_error *err)
{
    rip_status status = known.current ? RIP_OK : read_current(&known.current, err);
    *out = known.current;
    return status;
}

static const rip_library *find_library(const char *digest)
{
    if (known.current && strcmp(known.current->digest, digest) == 0) return known.current;
    for (size_t i = 0; i < known.count; i++) {
        if (strcmp(known.earlier[i]->digest, digest) == 0) return known.earlier[i];
    }
    return NULL;
}

/* Only what the digest stands for is read at all. */
static rip_status unpack(const char *digest, const char *pack, size_t len, rip_library **out, rip_error *err)
{
    char sum[RIP_SHA256_HEX];
    if (len > RIP_LIBRARY_BYTES_MAX) return rip_fail(err, RIP_ELIMIT, "a library of %zu bytes is too long", len);
    rip_sha256_hex(pack, len, sum);
    if (strcmp(sum, digest) != 0)
        return rip_fail(err, RIP_EINVAL, "the library %.12s was changed: its texts are those of %.12s", digest, sum);
    char *own = malloc(len + 1);
    if (!own) return rip_nomem(err);
    memcpy(own, pack, len);
    own[len] = '\0';
    return library_new(own, len, out, err);
}

rip_status rip_library_recall(const char *digest, const char *pack, size_t len, const rip_library **out, rip_error *err)
{
    *out = find_library(digest);
    if (*out) return RIP_OK;
    if (known.count == EARLIER_MOST)
        return rip_fail(err, RIP_ELIMIT, "runs of more than %d earlier libraries are under way", EARLIER_MOST);
    rip_status status = unpack(digest, pack, len, &known.earlier[known.count], err);
    if (status == RIP_OK) *out = known.earlier[known.count++];
    return status;
}

const char *rip_library_digest(const rip_library *library)
{
    return library->digest;
}

const char *rip_library_pack(const rip_library *library, size_t *len)
{
    *len = library->len;
    return library->pack;
}

/* Finding. */

static int compare(const void *name, const void *member)
{
    return strcmp(name, ((const entry *)member)->name);
}

static rip_status find_module(void *self, const char *name, rip_module_text *text, rip_error *err)
{
    const rip_library *library = self;
    size_t prefix = sizeof PREFIX - 1;
    if (strncmp(name, PREFIX, prefix) != 0 || !strchr(".", name[prefix]))
        return rip_fail(err, RIP_ENOTFOUND, "%s is not of the library", name);
    const entry *e = bsearch(name, library->entries, library->count, sizeof *library->entries, compare);
    if (!e) return rip_fail(err, RIP_EINVAL, "there is no module %s in the library", name);
    *text = (rip_module_text){.path = e->path, .bytes = e->compiled.data, .len = e->compiled.len, .is_compiled = true};
    return RIP_OK;
}

rip_module_provider rip_library_provider(const rip_library *library)
{
    return (rip_module_provider){find_module, (void *)(uintptr_t)library};
}
