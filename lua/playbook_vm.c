#include "lua/playbook_vm.h"

#include <stdlib.h>
#include <string.h>

#include "lua/library_image.h"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

rip_status rip_playbook_vm_open(rip_playbook_vm *box, const rip_playbook *playbook, const rip_vm_limits *limits,
                                rip_module_loaded loaded, void *data, rip_error *err)
{
    rip_module_provider providers[3];
    size_t count = 0;
    const rip_library *library = playbook->library;
    rip_status status = library ? RIP_OK : rip_library_current(&library, err);
    if (status != RIP_OK) return status;
    if (playbook->modules) providers[count++] = rip_module_set_provider(playbook->modules);
    providers[count++] = rip_library_provider(library);
    box->own = folder_of(playbook->path);
    if (!box->own) return rip_nomem(err);
    box->folder = (rip_module_folder){box->own, NULL, NULL};
    providers[count++] = rip_module_folder_provider(&box->folder);
    const rip_image *image = rip_library_image(library);
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
