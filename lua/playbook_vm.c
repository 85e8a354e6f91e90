#include "lua/playbook_vm.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/base/log.h"
#include "lua/image.h"
#include "lua/library.h"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* What every run needs of the library, and most runs do. */
static const char *const FILLED[] = {"riposte.start", "riposte.inverse", "riposte.foresee", "riposte.duration"};

static int l_fill(lua_State *L)
{
    for (size_t i = 0; i < sizeof FILLED / sizeof *FILLED; i++) {
        lua_getglobal(L, "require");
        lua_pushstring(L, FILLED[i]);
        lua_call(L, 1, 0);
    }
    return 0;
}

static rip_status fill(rip_vm *vm, const rip_module_provider *library, rip_error *err)
{
    rip_status status = rip_modules_install(vm, library, 1, NULL, NULL, err);
    if (status != RIP_OK) return status;
    lua_pushcfunction(rip_vm_state(vm), l_fill);
    return rip_vm_call(vm, 0, 0, err) == RIP_VM_DONE ? RIP_OK : err->status;
}

/* The sandbox with the library in it; NULL where there are no images. Made once a process. */
static const rip_image *library_image(const rip_module_provider *library)
{
    static rip_image *image;
    static bool tried;
    rip_error err;
    rip_vm *vm = NULL;
    if (tried) return image;
    tried = true;
    rip_status status = rip_image_prepare(&vm, &err);
    if (status == RIP_ENOTFOUND) return NULL;
    if (status == RIP_OK) status = fill(vm, library, &err);
    if (status == RIP_OK) status = rip_image_take(vm, &image, &err);
    rip_vm_free(vm);
    if (status != RIP_OK) rip_log(RIP_LOG_WARN, "lua.image", "error", err.message, NULL);
    return image;
}

rip_status rip_playbook_vm_open(rip_playbook_vm *box, const char *path, const rip_module_set *kept,
                                const rip_vm_limits *limits, rip_module_loaded loaded, void *data, rip_error *err)
{
    rip_module_provider providers[3];
    size_t count = 0;
    if (kept) providers[count++] = rip_module_set_provider(kept);
    rip_status status = rip_library_provider(&providers[count++], err);
    if (status != RIP_OK) return status;
    const rip_image *image = library_image(&providers[count - 1]);
    box->own = folder_of(path);
    if (!box->own) return rip_nomem(err);
    box->folder = (rip_module_folder){box->own, NULL, NULL};
    providers[count++] = rip_module_folder_provider(&box->folder);
    status = image ? rip_image_copy(image, limits, &box->vm, err) : rip_vm_new(limits, &box->vm, err);
    if (status == RIP_OK) status = rip_modules_install(box->vm, providers, count, loaded, data, err);
    return status;
}

rip_status rip_playbook_push(rip_playbook_vm *box, const rip_playbook *playbook, rip_error *err)
{
    if (playbook->compiled.len > 0) return rip_vm_load_compiled(box->vm, playbook->path, &playbook->compiled, err);
    return rip_vm_load(box->vm, playbook->path, playbook->text, playbook->text_len, err);
}

void rip_playbook_vm_close(rip_playbook_vm *box)
{
    rip_vm_free(box->vm);
    free(box->own);
    *box = (rip_playbook_vm){0};
}
