/* A vm for a playbook's text: the sandbox with a `require` that knows the library and the playbook's own folder. */
#ifndef RIPOSTE_LUA_PLAYBOOK_VM_H
#define RIPOSTE_LUA_PLAYBOOK_VM_H

#include "lua/modules.h"
#include "lua/playbook.h"
#include "lua/vm.h"

/** Zero-initialise; close it also after an error. Does not move while the vm lives. */
typedef struct rip_playbook_vm {
    rip_vm *vm;
    char *own; /* folder */
    rip_module_folder folder;
} rip_playbook_vm;

/** Modules are looked for among those that the playbook brings with it, then in its library, then beside its file: of
 * `playbook` (borrowed) only these three matter. `loaded` may be NULL. */
rip_status rip_playbook_vm_open(rip_playbook_vm *box, const rip_playbook *playbook, const rip_vm_limits *limits,
                                rip_module_loaded loaded, void *data, rip_error *err);
/** Push the playbook's main chunk, as rip_vm_load does. */
rip_status rip_playbook_push(rip_playbook_vm *box, const rip_playbook *playbook, rip_error *err);

void rip_playbook_vm_close(rip_playbook_vm *box);

#endif
