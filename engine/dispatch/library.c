#include "engine/dispatch/library.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/buffer.h"
#include "engine/dispatch/permission.h"
#include "engine/trigger/trigger.h"

#define FOLDER_DEPTH_MAX 32
#define PLAYBOOKS_MAX 100000

struct library {
    rip_playbook **books; /* in order of their names */
    size_t count, room;
    trigger_set *triggers;
    size_t holders;
};

/* What loading needs along the way. */
typedef struct loader {
    library *into;
    const library *before; /* where a playbook is taken from whose file is broken; NULL: nowhere */
    permissions *known;    /* NULL: permissions are not looked up */
    json_t *names;         /* name -> path */
    rip_playbook_mistake_fn fn;
    void *data;
    size_t mistakes;
    char **paths;
    size_t path_count, path_room;
    rip_error *err;
} loader;

/* Mistakes. */

static void on_mistake(void *data, const rip_playbook_mistake *mistake)
{
    loader *l = data;
    l->mistakes++;
    if (l->fn) l->fn(l->data, mistake);
}

static void tell(loader *l, const rip_playbook *playbook, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(loader *l, const rip_playbook *playbook, const char *field, const char *format, ...)
{
    char text[RIP_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rip_playbook_mistake mistake = {.path = playbook->path, .field = field, .message = text};
    rip_playbook_place(playbook, field, &mistake.line, &mistake.column);
    on_mistake(l, &mistake);
}

/* Files and folders. */

static rip_status add_path(loader *l, const char *path)
{
    if (l->path_count == PLAYBOOKS_MAX)
        return rip_fail(l->err, RIP_ELIMIT, "there are over %d playbooks", PLAYBOOKS_MAX);
    if (l->path_count == l->path_room) {
        size_t room = l->path_room ? l->path_room * 2 : 32;
        char **grown = realloc(l->paths, room * sizeof(*grown));
        if (!grown) return rip_nomem(l->err);
        l->paths = grown;
        l->path_room = room;
    }
    l->paths[l->path_count] = strdup(path);
    return l->paths[l->path_count++] ? RIP_OK : rip_nomem(l->err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A folder x/ beside x.lua holds the modules of x. */
static bool holds_modules(const char *folder)
{
    struct stat info;
    rip_buffer path = {0};
    rip_buffer_printf(&path, "%s.lua", folder);
    bool beside = path.data && stat(path.data, &info) == 0 && S_ISREG(info.st_mode);
    rip_buffer_free(&path);
    return beside;
}

static rip_status walk_folder(loader *l, const char *folder, unsigned depth);

static rip_status walk_entry(loader *l, const char *path, const char *name, unsigned depth)
{
    struct stat info;
    if (name[0] == '.' || stat(path, &info) != 0) return RIP_OK;
    if (S_ISDIR(info.st_mode)) return holds_modules(path) ? RIP_OK : walk_folder(l, path, depth + 1);
    bool wanted = S_ISREG(info.st_mode) && ends_with(name, ".lua") && !ends_with(name, "_test.lua");
    return wanted ? add_path(l, path) : RIP_OK;
}

static rip_status walk_folder(loader *l, const char *folder, unsigned depth)
{
    if (depth > FOLDER_DEPTH_MAX) {
        return rip_fail(l->err, RIP_ELIMIT, "%s: folders are more than %d deep (a link to a folder above?)", folder,
                        FOLDER_DEPTH_MAX);
    }
    DIR *open = opendir(folder);
    if (!open) return rip_fail(l->err, RIP_EIO, "%s: %s", folder, strerror(errno));
    rip_status status = RIP_OK;
    const struct dirent *each;
    const char *slash = ends_with(folder, "/") ? "" : "/";
    while (status == RIP_OK && (each = readdir(open))) {
        rip_buffer path = {0};
        rip_buffer_printf(&path, "%s%s%s", folder, slash, each->d_name);
        status = rip_buffer_status(&path, l->err);
        if (status == RIP_OK) status = walk_entry(l, path.data, each->d_name, depth);
        rip_buffer_free(&path);
    }
    closedir(open);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All playbook files of one argument, in byte order. */
static rip_status collect(loader *l, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) return rip_fail(l->err, RIP_ENOTFOUND, "%s: %s", path, strerror(errno));
    size_t before = l->path_count;
    if (!S_ISDIR(info.st_mode)) return add_path(l, path);
    rip_status status = walk_folder(l, path, 0);
    if (l->path_count > before) qsort(l->paths + before, l->path_count - before, sizeof(*l->paths), compare_paths);
    return status;
}

/* Playbooks. */

static rip_status check_trigger(loader *l, const rip_playbook *playbook)
{
    trigger_mistake mistake;
    rip_error why;
    rip_status status =
        trigger_set_add(l->into->triggers, playbook, playbook->trigger, playbook->trigger_len, &mistake, &why);
    if (status == RIP_ENOMEM) return rip_nomem(l->err);
    if (status == RIP_OK) {
        trigger_set_remove(l->into->triggers, playbook); /* it goes in once all are sorted */
        return RIP_OK;
    }
    char field[sizeof mistake.path + 16];
    bool dot = mistake.path[0] && mistake.path[0] != '[';
    snprintf(field, sizeof field, "trigger%s%s", dot ? "." : "", mistake.path);
    tell(l, playbook, field, "%s", why.message);
    return RIP_OK;
}

static rip_status check_permissions(loader *l, const rip_playbook *playbook)
{
    size_t i;
    const json_t *each;
    if (!l->known) return RIP_OK;
    json_array_foreach (playbook->permissions, i, each) {
        char field[48];
        rip_error why;
        rip_status status = permissions_check(l->known, json_string_value(each), &why);
        if (status == RIP_ENOMEM) return rip_nomem(l->err);
        snprintf(field, sizeof field, "permissions[%zu]", i + 1);
        if (status != RIP_OK) tell(l, playbook, field, "%s", why.message);
    }
    return RIP_OK;
}

static void check_name(loader *l, const rip_playbook *playbook)
{
    const json_t *taken = json_object_get(l->names, playbook->name);
    if (taken) tell(l, playbook, "name", "the name %s is taken by %s", playbook->name, json_string_value(taken));
}

static rip_status keep(loader *l, rip_playbook *playbook)
{
    library *books = l->into;
    if (json_object_set_new(l->names, playbook->name, json_string(playbook->path)) != 0) return rip_nomem(l->err);
    if (books->count == books->room) {
        size_t room = books->room ? books->room * 2 : 32;
        rip_playbook **grown = realloc(books->books, room * sizeof(*grown));
        if (!grown) return rip_nomem(l->err);
        books->books = grown;
        books->room = room;
    }
    books->books[books->count++] = playbook;
    return RIP_OK;
}

/* Takes the playbook over. `*kept` tells whether it had no mistake. */
static rip_status check_and_keep(loader *l, rip_playbook *playbook, bool *kept)
{
    size_t before = l->mistakes;
    *kept = false;
    rip_status status = check_trigger(l, playbook);
    if (status == RIP_OK) status = check_permissions(l, playbook);
    if (status == RIP_OK) check_name(l, playbook);
    if (status == RIP_OK && l->mistakes == before) {
        status = keep(l, playbook);
        *kept = status == RIP_OK;
    }
    if (!*kept) rip_playbook_free(playbook);
    return status;
}

/* The file is broken: the playbook stays what it was, from the text that was loaded. */
static rip_status keep_old(loader *l, const char *path)
{
    rip_playbook *playbook = NULL;
    bool kept;
    for (size_t i = 0; l->before && i < l->before->count; i++) {
        const rip_playbook *old = l->before->books[i];
        if (strcmp(old->path, path) != 0 || json_object_get(l->names, old->name)) continue;
        rip_status status = rip_playbook_recall(old->path, old->text, old->text_len, NULL, NULL, &playbook, NULL);
        if (status == RIP_ENOMEM) return rip_nomem(l->err);
        return status == RIP_OK ? check_and_keep(l, playbook, &kept) : RIP_OK;
    }
    return RIP_OK;
}

static rip_status load_one(loader *l, const char *path)
{
    rip_playbook *playbook = NULL;
    bool kept = false;
    size_t before = l->mistakes;
    rip_error why;
    rip_status status = rip_playbook_load(path, on_mistake, l, &playbook, &why);
    if (status == RIP_ENOMEM) return rip_nomem(l->err);
    if (status == RIP_OK) {
        status = check_and_keep(l, playbook, &kept);
        if (status != RIP_OK || kept) return status;
    } else if (l->mistakes == before) {
        rip_playbook_mistake mistake = {.path = path, .field = "", .message = why.message};
        on_mistake(l, &mistake);
    }
    return keep_old(l, path);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(rip_playbook *const *)a)->name, (*(rip_playbook *const *)b)->name);
}

static rip_status compile(library *books, rip_error *err)
{
    if (books->count > 1) qsort(books->books, books->count, sizeof(*books->books), compare_names);
    for (size_t i = 0; i < books->count; i++) {
        const rip_playbook *each = books->books[i];
        rip_status status = trigger_set_add(books->triggers, each, each->trigger, each->trigger_len, NULL, err);
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

rip_status library_reload(const library *before, const char *const *paths, size_t count, aws_models *models,
                          rip_playbook_mistake_fn fn, void *data, size_t *mistakes, library **out, rip_error *err)
{
    library *books = calloc(1, sizeof *books);
    if (!books) return rip_nomem(err);
    books->holders = 1;
    loader l = {.into = books, .before = before, .fn = fn, .data = data, .err = err, .names = json_object()};
    books->triggers = trigger_set_new();
    rip_status status = books->triggers && l.names ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK && models) status = permissions_new(models, &l.known, err);
    for (size_t i = 0; i < count && status == RIP_OK; i++) status = collect(&l, paths[i]);
    for (size_t i = 0; i < l.path_count && status == RIP_OK; i++) status = load_one(&l, l.paths[i]);
    if (status == RIP_OK) status = compile(books, err);
    for (size_t i = 0; i < l.path_count; i++) free(l.paths[i]);
    free(l.paths);
    json_decref(l.names);
    permissions_free(l.known);
    if (mistakes) *mistakes = l.mistakes;
    if (status == RIP_OK)
        *out = books;
    else
        library_free(books);
    return status;
}

rip_status library_load(const char *const *paths, size_t count, aws_models *models, rip_playbook_mistake_fn fn,
                        void *data, size_t *mistakes, library **out, rip_error *err)
{
    return library_reload(NULL, paths, count, models, fn, data, mistakes, out, err);
}

library *library_keep(library *books)
{
    books->holders++;
    return books;
}

void library_free(library *books)
{
    if (!books || --books->holders > 0) return;
    trigger_set_free(books->triggers);
    for (size_t i = 0; i < books->count; i++) rip_playbook_free(books->books[i]);
    free(books->books);
    free(books);
}

size_t library_count(const library *books)
{
    return books->count;
}

const rip_playbook *library_at(const library *books, size_t index)
{
    return books->books[index];
}

/* A library_match_fn as the set calls it. */
typedef struct caller {
    library_match_fn fn;
    void *data;
} caller;

static void on_match(void *data, const void *owner)
{
    const caller *to = data;
    to->fn(to->data, owner);
}

const rip_playbook *library_find(const library *books, const char *name)
{
    size_t low = 0, high = books->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(library_at(books, middle)->name, name);
        if (order == 0) return library_at(books, middle);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

rip_status library_match(library *books, const char *event, size_t len, library_match_fn fn, void *data, rip_error *err)
{
    caller to = {fn, data};
    return trigger_set_match(books->triggers, event, len, on_match, &to, err);
}
