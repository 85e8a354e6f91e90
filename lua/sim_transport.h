/* The simulated account as an aws_transport: operations are answered by lua/sim, on the engine's clock.
 *
 * It behaves as AWS does, errors and request quotas included; what it holds is seeded from one table (docs/DRILLS.md).
 */
#ifndef RIPOSTE_LUA_SIM_TRANSPORT_H
#define RIPOSTE_LUA_SIM_TRANSPORT_H

#include <jansson.h>

#include "aws/transport.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"

/** `seed` is borrowed during the call. `clock` outlives the transport. RIP_EINVAL names what is wrong in the seed, with
 * its path
 * ("ecs.clusters[3].services: …"). The transport frees itself by its `free`. */
rip_status sim_transport_new(rip_clock *clock, const json_t *seed, aws_transport **out, rip_error *err);

/** All that is in the account now: an object, ARN -> the resource's fields as AWS would describe them. New reference;
 * NULL when out of memory. */
json_t *sim_transport_snapshot(aws_transport *transport);

/** What was asked of the account: {"groups": {"ecs.cluster-modify": {"calls", "throttled", "capacity", "refill",
 * "bound_ms"}, …}, "bound_ms": the largest}. A group's bound is the least time in which its calls can be made from a
 * full bucket: max(0, calls - capacity) / refill. New reference. */
json_t *sim_transport_quotas(aws_transport *transport);

/** The operations that the simulated account knows, for docs and tests: {"ecs": ["CreateCluster", …], …}. New
 * reference. */
json_t *sim_transport_operations(aws_transport *transport);

#endif
