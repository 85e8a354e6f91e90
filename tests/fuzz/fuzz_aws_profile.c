/* Whatever is in ~/.aws/config, reading it ends, and what was read can be asked for. */
#include <stddef.h>
#include <stdint.h>

#include "aws/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    aws_profiles *profiles = aws_profiles_new();
    rip_error err;
    if (len == 0 || !profiles) {
        aws_profiles_free(profiles);
        return 0;
    }
    aws_profiles_parse(profiles, "config", bytes[0] & 1, (const char *)bytes + 1, len - 1, &err);
    aws_profiles_get(profiles, "default", "s3.addressing_style");
    aws_profiles_section(profiles, "services", "mine", "ecs.endpoint_url");
    aws_profiles_free(profiles);
    return 0;
}
