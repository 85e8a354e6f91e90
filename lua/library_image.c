#include "lua/library_image.h"

#include <lauxlib.h>

#include "engine/base/log.h"

/* What every run needs of the library, and most runs do. */
static const char *const FILLED[] = {"riposte.start", "riposte.inverse", "riposte.foresee", "riposte.foresee.ecs",
                                     "riposte.duration"};

static struct {
    const rip_library *library;
    rip_image *image; /* NULL: it could not be made */
} known[RIP_LIBRARIES_MAX];

static int l_fill(lua_State *L)
{
    for (size_t i = 0; i < sizeof FILLED / sizeof *FILLED; i++) {
        lua_getglobal(L, "require");
        lua_pushstring(L, FILLED[i]);
        lua_call(L, 1, 0);
    }
    return 0;
}

static rip_status fill(rip_vm *vm, const rip_library *library, rip_error *err)
{
    rip_module_provider provider = rip_library_provider(library);
    rip_status status = rip_modules_install(vm, &provider, 1, NULL, NULL, err);
    if (status != RIP_OK) return status;
    lua_pushcfunction(rip_vm_state(vm), l_fill);
    return rip_vm_call(vm, 0, 0, err) == RIP_VM_DONE ? RIP_OK : err->status;
}

static rip_image *make(const rip_library *library)
{
    rip_error err;
    rip_vm *vm = NULL;
    rip_image *image = NULL;
    rip_status status = rip_image_prepare(&vm, &err);
    if (status == RIP_ENOTFOUND) return NULL;
    if (status == RIP_OK) status = fill(vm, library, &err);
    if (status == RIP_OK) status = rip_image_take(vm, &image, &err);
    rip_vm_free(vm);
    if (status != RIP_OK)
        rip_log(RIP_LOG_WARN, "lua.image", "library", rip_library_digest(library), "error", err.message, NULL);
    return image;
}

const rip_image *rip_library_image(const rip_library *library)
{
    size_t i = 0;
    while (i + 1 < RIP_LIBRARIES_MAX && known[i].library && known[i].library != library) i++;
    if (known[i].library == library) return known[i].image;
    known[i].library = library;
    known[i].image = make(library);
    return known[i].image;
}

void rip_library_images_rest(void)
{
    for (size_t i = 0; i < RIP_LIBRARIES_MAX; i++)
        if (known[i].image) rip_image_rest(known[i].image);
}
