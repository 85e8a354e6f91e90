/* An AWS for tests: answers from a table, a moment later, and remembers what it was asked. */
#ifndef RIPOSTE_TESTS_RUN_FAKE_AWS_H
#define RIPOSTE_TESTS_RUN_FAKE_AWS_H

#include <jansson.h>

#include "aws/transport.h"
#include "engine/base/clock.h"

typedef struct fake_aws fake_aws;

/** `replies` (borrowed, outlives it): operation name -> its output, or {"$error": code, "message": …, "status": 400,
 * "fields": {…}};
 * an operation that is not there is answered {}. */
fake_aws *fake_aws_new(rip_clock *clock, const json_t *replies);
/** Owned by the client it is given to; the fake itself is freed with it. */
aws_transport *fake_aws_transport(fake_aws *fake);
/** What was sent so far: an array of {"operation", "params", "account", "region", "token", "tags" (of the session)};
 * borrowed, kept by the test with a reference. */
json_t *fake_aws_sent(fake_aws *fake);

#endif
