/* A configuration file, whatever it holds: mistakes have a message, and what was set is whole. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_mistake(void *data, const rip_error *mistake)
{
    (void)data;
    if (mistake->status == RIP_OK || !*mistake->message) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_config *config = rip_config_new();
    rip_error err;
    if (!config) return 0;
    rip_config_parse(config, "fuzz.yaml", (const char *)data, size, on_mistake, NULL, &err);
    if (!rip_config_string(config, "mode")) abort();
    for (size_t i = 0; i < rip_config_rows(config, "protect.tags"); i++) {
        if (!rip_config_cell(config, "protect.tags", i, "key")) abort();
    }
    rip_config_free(config);
    return 0;
}
