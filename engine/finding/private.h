/* What the files of the finding room share. */
#ifndef RIPOSTE_FINDING_PRIVATE_H
#define RIPOSTE_FINDING_PRIVATE_H

#include "engine/finding/finding.h"

#define EVENT_BYTES_DEFAULT ((size_t)1 << 20)
#define EVENT_DEPTH_DEFAULT 64U

/** Parse one document within its limits. RIP_EINVAL with byte, line and column, RIP_ELIMIT. New reference in *out. */
rip_status finding_parse(const char *bytes, size_t len, const event_limits *limits, json_t **out, rip_error *err);

/** What the keys at the top of a document tell, found without a tree. */
typedef struct event_outline {
    bool is_object, is_array;
    bool has_source, has_detail_type, has_detail;
    bool is_hub; /* source aws.securityhub: `detail` may hold several findings */
} event_outline;

/** Walk over the top level; false for what is no JSON this far (finding_parse tells why). */
bool event_outline_read(const char *bytes, size_t len, event_outline *out);

/* Fields. */

/** The text at a dotted path ("detail.service.detectorId"), or NULL. Borrowed. */
const char *field_text(const json_t *object, const char *path);
json_t *field_get(const json_t *object, const char *path);
/** The text at a path that must be there: RIP_EINVAL names it, what was expected and what was found. */
rip_status field_require(const json_t *object, const char *path, const char **out, rip_error *err);
/** Set a member to text that is UTF-8 (NULL: ""), or to a value, which is taken over. False: out of memory (NULL too).
 */
bool field_set_text(json_t *object, const char *name, const char *text);
bool field_set(json_t *object, const char *name, json_t *value);
/** A copy of text (NULL: "") on one line: control characters become spaces; at most 1,024 bytes. */
json_t *field_line(const char *text);
/** A severity {"score", "label"} from a score of 0 to 100; the label by Security Hub's bands. */
json_t *severity_of(double score);

/* Resources. */

/** Where a resource is, unless it says so itself. Borrowed. */
typedef struct resource_place {
    const char *partition, *region, *account;
} resource_place;

/** A resource's type as all forms have it: "AwsEcsTaskDefinition" and "ECS_TASK_DEFINITION" are "ecs-task-definition".
 * `out` has `size` bytes. */
void resource_type(const char *name, char *out, size_t size);

/** {"type", "arn", "id", "name", "tags", "data"}: `id` is what is behind the ARN's last '/' or ':' where it is not
 * given. Tags are a list of pairs (in either case) or an object; NULL: none. New reference. */
json_t *resource_new(const char *type, const char *arn, const char *id, const char *name, const json_t *tags,
                     const json_t *data);

/** "aws-cn" for "cn-north-1". */
const char *partition_of_region(const char *region);
/** The partition of an ARN in `out`, which has 32 bytes; false if it is none. */
bool partition_of_arn(const char *arn, char out[32]);

/** What every form fills in. Texts are borrowed, and NULL is ""; values are taken over. */
typedef struct finding_parts {
    const char *id, *version, *form, *kind, *account, *region, *partition, *first_seen, *last_seen, *workflow, *record;
    json_t *title, *about, *severity, *resources;
} finding_parts;

rip_status finding_fill(json_t *finding, const finding_parts *parts, rip_error *err);

/* Forms: each wraps a bare document as EventBridge would deliver it (new reference, NULL: out of memory) and fills a
 * finding from an event. */
bool guardduty_is_bare(const json_t *document);
json_t *guardduty_wrap(const json_t *document);
rip_status guardduty_normalise(const json_t *event, json_t *finding, rip_error *err);

bool asff_is_bare(const json_t *document);
json_t *asff_wrap(json_t *document);
rip_status asff_normalise(const json_t *event, json_t *finding, rip_error *err);

bool ocsf_is_bare(const json_t *document);
json_t *ocsf_wrap(json_t *document);
rip_status ocsf_normalise(const json_t *event, json_t *finding, rip_error *err);

bool cloudtrail_is_bare(const json_t *document);
json_t *cloudtrail_wrap(json_t *document);
rip_status cloudtrail_normalise(const json_t *event, json_t *finding, rip_error *err);

rip_status plain_normalise(const json_t *event, json_t *finding, rip_error *err);

#endif
