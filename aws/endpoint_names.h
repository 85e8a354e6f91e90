/* AWS's names for endpoints that are not PREFIX[-fips].REGION.SUFFIX. Private to the room; sorted by prefix. */
#ifndef RIPOSTE_AWS_ENDPOINT_NAMES_H
#define RIPOSTE_AWS_ENDPOINT_NAMES_H

#include <stddef.h>

typedef enum aws_endpoint_family { AWS_PLAIN = 0, AWS_FIPS = 1, AWS_DUAL_STACK = 2 } aws_endpoint_family;

/** Of those that fit, the first one counts. */
typedef struct aws_endpoint_name {
    const char *prefix;
    const char *partition; /* NULL: every one */
    unsigned family;       /* AWS_FIPS and AWS_DUAL_STACK, or neither */
    const char *host; /* with {region}, {suffix} and {dual} (the partition's two endings) to be filled in; "": there is
                         none */
    const char *signing_region; /* NULL: the call's own */
} aws_endpoint_name;

extern const aws_endpoint_name AWS_ENDPOINT_NAMES[];
extern const size_t AWS_ENDPOINT_NAME_COUNT;

#endif
