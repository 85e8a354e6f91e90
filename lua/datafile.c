#include "lua/datafile.h"

#include <stdlib.h>

#include "engine/base/data.h"
#include "lua/json.h"
#include "lua/playbook_vm.h"

#define DATAFILE_BYTES_MAX ((size_t)1 << 20)

/* It is read from the command line: there is no loop to hold up. */
static const rip_vm_limits LIMITS = {.instructions = 100000000, .slice_instructions = 100000000};

static rip_status evaluate(rip_vm *vm, const char *path, const char *text, size_t len, json_t **out, rip_error *err)
{
    rip_status status = rip_vm_load(vm, path, text, len, err);
    if (status != RIP_OK) return status;
    if (rip_vm_call(vm, 0, 1, err) != RIP_VM_DONE) return err->status;
    status = rip_lua_to_json(rip_vm_state(vm), -1, out, err);
    if (status != RIP_OK) return rip_error_prefix(err, "%s: ", path);
    if (json_is_object(*out)) return RIP_OK;
    json_decref(*out);
    *out = NULL;
    return rip_fail(err, RIP_EINVAL, "%s: expected the file to return a table with named fields", path);
}

rip_status rip_datafile_load(const char *path, json_t **out, rip_error *err)
{
    const rip_playbook file = {.path = (char *)(uintptr_t)path};
    rip_playbook_vm box = {0};
    char *text = NULL;
    size_t len = 0;
    *out = NULL;
    rip_status status = rip_read_file(path, DATAFILE_BYTES_MAX, &text, &len, err);
    if (status == RIP_OK) status = rip_playbook_vm_open(&box, &file, &LIMITS, NULL, NULL, err);
    if (status == RIP_OK) status = evaluate(box.vm, path, text, len, out, err);
    rip_playbook_vm_close(&box);
    free(text);
    return status;
}
