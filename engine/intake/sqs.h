/* Findings from an SQS queue: what an EventBridge rule or an SNS topic delivers to it.
 *
 * A message is deleted only once the journal holds what is in it. While it waits for that it is kept hidden from other
 * receivers; where too much is under way nothing more is received. A message that cannot be taken in, or that was
 * delivered too often, is recorded and left to the queue's redrive policy: it is never deleted here. docs/SOURCES.md
 * tells the whole of it. */
#ifndef RIPOSTE_INTAKE_SQS_H
#define RIPOSTE_INTAKE_SQS_H

#include "aws/client.h"
#include "engine/base/metrics.h"
#include "engine/intake/live.h"

#define SQS_ARN_MAX 256

/** Strings are copied. Zero means the default. */
typedef struct sqs_options {
    const char *name;     /* how people know it */
    const char *url;      /* "https://sqs.us-east-1.amazonaws.com/123456789012/findings" */
    const char *region;   /* NULL or "": as the URL tells */
    unsigned concurrency; /* receivers at a time; 2, at most 16 */
    unsigned visibility;  /* seconds that a message stays hidden unless that is extended; 120, 5 to 43,200 */
    unsigned receives;    /* deliveries after which a message is not tried any more; 20, at most 1,000 */
    aws_client *client;   /* borrowed, as all below; they outlive the source */
    rip_clock *clock;
    live_sink sink;
    metrics *numbers; /* NULL: none */
} sqs_options;

/** RIP_EINVAL names the option that is wrong. Freed with its `free`, which gives back to the queue nothing that `stop`
 * did not: the sink tells of no document after that. */
rip_status sqs_source_new(const sqs_options *options, live_source **out, rip_error *err);

/** The region that a queue's URL tells, or "" where it tells none (an emulator, a name of one's own). */
void sqs_url_region(const char *url, char region[64]);

/** The ARN of the queue at that URL, for the resources that no playbook may touch. RIP_EINVAL where the URL is none
 * of a queue, or the region (NULL or "": as the URL tells) is not known. */
rip_status sqs_url_arn(const char *url, const char *region, char arn[SQS_ARN_MAX], rip_error *err);

#endif
