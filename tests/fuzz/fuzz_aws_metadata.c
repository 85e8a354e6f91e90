/* Whatever a metadata service replies, it is credentials or an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "aws/credentials/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    aws_credentials *credentials = NULL;
    rip_error err = {0};
    rip_status status = aws_metadata_credentials("fuzz", (const char *)bytes, len, &credentials, &err);
    if ((status == RIP_OK) != (credentials != NULL)) abort();
    aws_credentials_unref(credentials);
    return 0;
}
