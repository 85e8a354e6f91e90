/* `require` for a playbook: whole texts from providers, never a path of the playbook's choosing.
 *
 * A name is words of letters, digits, '_' and '-' joined by dots ("lib.names"). Providers are asked in order; the first
 * that has the module gives its text. A module's main chunk runs once, to its end: it cannot suspend, so that the order
 * in which modules load never depends on time. */
#ifndef RIPOSTE_LUA_MODULES_H
#define RIPOSTE_LUA_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"
#include "lua/vm.h"

#define RIP_MODULE_BYTES_MAX ((size_t)1 << 20)
#define RIP_MODULES_MAX 1000

/** The text of a module; `path` is how errors call it. Both are allocated with malloc, but for those of the library:
 * these are the library's, and compiled already. */
typedef struct rip_module_text {
    char *path;
    char *bytes;
    size_t len;
    bool is_compiled;
} rip_module_text;

void rip_module_text_free(rip_module_text *text);

/** Where modules come from. `find` gives RIP_OK and the text, RIP_ENOTFOUND (the next provider is asked), or another
 * failure, which ends the search. `name` has been checked. */
typedef struct rip_module_provider {
    rip_status (*find)(void *self, const char *name, rip_module_text *text, rip_error *err);
    void *self;
} rip_module_provider;

/** Every module that was loaded, but for those of the library, before it runs: for the record of the run. All
 * borrowed. */
typedef void (*rip_module_loaded)(void *data, const char *name, const char *path, const char *bytes, size_t len);

/** Modules in a folder: "a.b" is a/b.lua or a/b/init.lua. `prefix` (or NULL) is the first word that this folder, and no
 * later provider, serves: with prefix "riposte" a playbook's folder cannot put itself in the library's place. A file
 * outside the folder, reached by a symbolic link, is refused. Strings are borrowed. `shown` (or NULL: the root) stands
 * for the root in paths. */
typedef struct rip_module_folder {
    const char *root;
    const char *prefix;
    const char *shown;
} rip_module_folder;

rip_module_provider rip_module_folder_provider(const rip_module_folder *folder);

/** Modules from memory, for a replay with exactly the texts of the first time. Borrowed. */
typedef struct rip_module_entry {
    const char *name;
    const char *path;
    const char *bytes;
    size_t len;
} rip_module_entry;

typedef struct rip_module_set {
    const rip_module_entry *entries;
    size_t count;
} rip_module_set;

rip_module_provider rip_module_set_provider(const rip_module_set *set);

/** Give the vm its `require`, or other providers to the one that it has: what it has loaded stays. The providers' array
 * is copied; what their `self` points to must outlive the vm. `loaded` may be NULL. */
rip_status rip_modules_install(rip_vm *vm, const rip_module_provider *providers, size_t count, rip_module_loaded loaded,
                               void *data, rip_error *err);

/** Put a value of C's own (on top of the main thread's stack; popped) in the place of module `name`, as if it had been
 * loaded. May raise a memory error. Call after rip_modules_install. */
void rip_modules_set(rip_vm *vm, const char *name);

#endif
