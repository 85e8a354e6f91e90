/* The measure for aws-calls: the same call, unsigned and its reply unread, over libcurl's multi interface on libuv. */
#ifndef RIPOSTE_BENCH_BARE_HTTP_H
#define RIPOSTE_BENCH_BARE_HTTP_H

#include <uv.h>

/** POST one call of ecs:DescribeClusters to `url`, `calls` times, `at_once` under way; what comes back is counted and
 * thrown away. Returns how many failed. Trusts the roots of AWS_CA_BUNDLE, where it is set. */
unsigned long bare_http(uv_loop_t *loop, const char *url, unsigned long calls, unsigned long at_once);

#endif
