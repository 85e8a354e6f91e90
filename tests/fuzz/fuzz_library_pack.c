/* Any bytes as a library's pack: what is read of them is within them, and makes the same bytes again. */
#include <stdint.h>
#include <string.h>

#include "lua/library_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_library_pack_reader reader = {.at = (const char *)data, .left = size};
    rip_buffer again = {0};
    rip_status status = rip_library_pack_next(&reader, NULL);
    for (; status == RIP_OK; status = rip_library_pack_next(&reader, NULL)) {
        rip_library_pack_add(&again, reader.name, reader.text, reader.len);
        if (again.failed) break;
        if (again.len + reader.left != size || memcmp(again.data, data, again.len) != 0) __builtin_trap();
    }
    if (status == RIP_ENOTFOUND && again.len != size) __builtin_trap();
    rip_buffer_free(&again);
    return 0;
}
