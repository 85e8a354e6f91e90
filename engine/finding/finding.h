/* From a document to findings: what came in is told apart by content, split into one event a finding, and normalised.
 *
 * Every form becomes an EventBridge event that holds one finding (what is bare is wrapped as EventBridge would deliver
 * it), so that triggers see one shape: a GuardDuty finding as GetFindings returns it is matched, like the delivered
 * one, by {source = {"aws.guardduty"}, detail = {type = …}} in lower camel case. docs/FINDINGS.md tells forms and
 * fields. */
#ifndef RIPOSTE_FINDING_FINDING_H
#define RIPOSTE_FINDING_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"

/** Zero means the default. */
typedef struct event_limits {
    size_t bytes;   /* of one document; 1 MiB */
    unsigned depth; /* of its JSON; 64 */
} event_limits;

/** One event that holds at most one finding: JSON text, borrowed during the call; not NUL-terminated. An error ends the
 * splitting and is handed on. */
typedef rip_status (*event_fn)(void *data, const char *event, size_t len);

/** Split one JSON document into events. An EventBridge event that holds at most one finding is handed on as its own
 * bytes, untouched (and, but for Security Hub's, whose findings are counted, without a tree having been built or its
 * JSON having been checked: finding_normalise does); others are rebuilt:
 *
 *     GuardDuty, bare (upper camel case)                       source aws.guardduty, "GuardDuty Finding"
 *     {"Findings": […]} as GetFindings answers                 each
 *     ASFF, bare; "Security Hub Findings - Imported", "… - Custom Action", "Security Hub Insight Results"   one each
 *     OCSF, bare; "Findings Imported V2"                       source aws.securityhub, one each
 *     a CloudTrail record or {"Records": […]}                  source aws.<service>, "AWS API Call via CloudTrail"
 *     any other object with source, detail-type and detail     as it is
 *
 * RIP_EINVAL names byte, line and field, what was expected and what was found; RIP_ELIMIT a passed limit (of bytes, of
 * depth, or of 100 findings in one event, since each is handed on with a copy of what is around it). `limits` may
 * be NULL. */
rip_status event_split(const char *bytes, size_t len, const event_limits *limits, event_fn fn, void *data,
                       rip_error *err);

/** Normalise one event, as event_split hands it on. `*finding` is a new reference to an object with
 *
 *     id, version      the finding's own identity; version tells an update from a repeat (UpdatedAt, or a digest)
 *     source           "aws.guardduty"
 *     form             "guardduty", "asff", "ocsf", "cloudtrail" or "event"
 *     kind             finding type ("AttackSequence:ECS/CompromisedCluster"), control id ("ECS.3"), event name, or
 *                      detail-type
 *     title, about     one line each
 *     severity         {"score": 0 … 100, "label": "INFORMATIONAL"|"LOW"|"MEDIUM"|"HIGH"|"CRITICAL"}
 *     account, region, partition    the finding's, not the envelope's
 *     first_seen, last_seen         RFC 3339, "" where not told
 *     resources        [{"type": "ecs-cluster", "arn", "id", "name", "tags": {}, "data": {…}}, …]; types in lower case
 *                      with dashes, the same whatever form they came in
 *     actors, endpoints, indicators  of an attack sequence (arrays, empty elsewhere)
 *     workflow, record "NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"; "ACTIVE", "ARCHIVED"
 *     event            the event itself
 *
 * RIP_EINVAL names the field that is missing or wrong. */
rip_status finding_normalise(const char *event, size_t len, const event_limits *limits, json_t **finding,
                             rip_error *err);

#endif
