/* JSON: our reader and writer beside jansson's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/base/json_alike.h"

#define LEN_MAX 2000 /* so that nothing nests as deep as the readers' limits, which count differently */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = size <= LEN_MAX ? json_alike((const char *)data, size) : NULL;
    if (!why) return 0;
    fprintf(stderr, "%s\n", why);
    abort();
}
