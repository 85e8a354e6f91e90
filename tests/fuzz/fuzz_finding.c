/* Documents from outside: split and normalised, whatever they hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/finding/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rip_status on_event(void *data, const char *event, size_t len)
{
    (void)data;
    json_t *finding = NULL;
    rip_error err;
    rip_status status = finding_normalise(event, len, NULL, &finding, &err);
    if ((status == RIP_OK) != (finding != NULL)) abort();
    if (finding &&
        (!json_is_string(json_object_get(finding, "id")) || !json_is_array(json_object_get(finding, "resources"))))
        abort();
    json_decref(finding);
    return RIP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_error err;
    event_split((const char *)data, size, NULL, on_event, NULL, &err);
    return 0;
}
