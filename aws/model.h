/* AWS's API models as data: what an operation is called, what goes in, what comes out, what it costs.
 *
 * A model is one file a service (`aws/model/ecs.model`): sorted lines "key<TAB>JSON", mapped into memory and searched
 * by bisection, so that the first call to a service of 765 operations reads only the lines it needs. docs/MODELS.md
 * gives the form; tools/import-models writes it from AWS's published models. Folders are searched in order, so that a
 * user's newer model wins.
 *
 * Everything handed out here is owned by the aws_models it came from and lives as long. Loop thread only. */
#ifndef RIPOSTE_AWS_MODEL_H
#define RIPOSTE_AWS_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"

typedef struct aws_models aws_models;
typedef struct aws_service aws_service;
typedef struct aws_operation aws_operation;
typedef struct aws_shape aws_shape;
typedef struct aws_member aws_member;

typedef enum aws_protocol { AWS_QUERY, AWS_EC2, AWS_JSON, AWS_REST_JSON, AWS_REST_XML } aws_protocol;

typedef enum aws_type {
    AWS_STRUCTURE,
    AWS_LIST,
    AWS_MAP,
    AWS_STRING,
    AWS_INTEGER,
    AWS_LONG,
    AWS_FLOAT,
    AWS_DOUBLE,
    AWS_BOOLEAN,
    AWS_BLOB,
    AWS_TIMESTAMP
} aws_type;

typedef enum aws_location {
    AWS_IN_BODY,
    AWS_IN_HEADER,
    AWS_IN_HEADERS,
    AWS_IN_URI,
    AWS_IN_QUERY,
    AWS_IN_STATUS
} aws_location;

/** `folders`: where models are looked for, first first; copied. */
rip_status aws_models_new(const char *const *folders, size_t count, aws_models **out, rip_error *err);
void aws_models_free(aws_models *models);

/** Give back the memory that the files' pages take in this process; they are mapped in again when something is looked
 * up. For when much has been looked up (every permission of every playbook) and little will be next. */
void aws_models_settle(aws_models *models);

/** Names of all services there are models for, sorted, in a new JSON array. */
json_t *aws_models_list(aws_models *models);

/** A service by boto3's name ("ecs", "autoscaling"). RIP_ENOTFOUND with a suggestion if there is none. */
rip_status aws_models_service(aws_models *models, const char *name, const aws_service **out, rip_error *err);

const char *aws_service_name(const aws_service *service); /* boto3's name: "ecs" */
const char *aws_service_id(const aws_service *service);   /* AWS's serviceId: "ECS", "Auto Scaling" */
const char *aws_service_api_version(const aws_service *service);
const char *aws_service_endpoint_prefix(const aws_service *service); /* "ecs", "monitoring" */
const char *aws_service_signing_name(const aws_service *service);
const char *aws_service_iam_prefix(const aws_service *service); /* the prefix of its IAM actions: "ecs", "cloudwatch" */
aws_protocol aws_service_protocol(const aws_service *service);
/** A key of the service's metadata as AWS writes it ("jsonVersion", "targetPrefix", "xmlNamespace"), or NULL. */
const char *aws_service_metadata(const aws_service *service, const char *key);
/** The endpoints whose names are not PREFIX[-fips].REGION.SUFFIX, as tools/import-models writes them:
 *
 *     {"plain": [["aws", "iam.{suffix}", "us-east-1"], …], "fips": …, "dual": …, "both": …}
 *
 * Each row is a place (a region, a partition, or "" for every one); the host with {region}, {suffix} and {dual} (the
 * partition's two endings) to be filled in, with the path where it has one, or "" where there is none; and the region
 * and the name of the service that it is signed for, where those are not the call's and the service's own. The first
 * row that fits counts. New reference; NULL: there are none. */
json_t *aws_service_endpoint_rules(const aws_service *service);
/** Names of all operations, as AWS writes them, sorted, in a new JSON array. */
json_t *aws_service_operations(const aws_service *service);

/** An operation by AWS's name ("DeleteCluster") or boto3's ("delete_cluster"). RIP_ENOTFOUND with a suggestion. */
rip_status aws_service_operation(const aws_service *service, const char *name, const aws_operation **out,
                                 rip_error *err);

const aws_service *aws_operation_service(const aws_operation *operation);
const char *aws_operation_name(const aws_operation *operation);           /* "DeleteCluster" */
const char *aws_operation_http_method(const aws_operation *operation);    /* "POST" */
const char *aws_operation_http_uri(const aws_operation *operation);       /* "/2015-03-31/functions/{FunctionName}" */
const char *aws_operation_result_wrapper(const aws_operation *operation); /* query's resultWrapper, or NULL */
const aws_shape *aws_operation_input(const aws_operation *operation);     /* NULL: takes nothing */
const aws_shape *aws_operation_output(const aws_operation *operation);    /* NULL: gives nothing */

/** Does it only read? By the verb of its name, with the exceptions that the data lists. */
bool aws_operation_is_read(const aws_operation *operation);
/** The IAM action it needs: "ecs:DeleteCluster"; "s3:ListBucket" for ListObjectsV2. */
const char *aws_operation_iam_action(const aws_operation *operation);
/** May a second sending change nothing that the first did not? By data; false where it is not known. */
bool aws_operation_is_idempotent(const aws_operation *operation);
/** Paths of parameters that are texts for people ("Note.Text"), which change nothing but what somebody reads: an array
 * of strings, borrowed; NULL: there are none. */
const json_t *aws_operation_texts_for_people(const aws_operation *operation);
/** The input member that is a client token ("clientToken"), or NULL. */
const char *aws_operation_token_member(const aws_operation *operation);
/** {"input_token":…, "output_token":…, "result_key":…, "limit_key":…, "more_results":…} as botocore writes it (a string
 * or an array of strings each), borrowed; NULL if it is not paginated. */
const json_t *aws_operation_pagination(const aws_operation *operation);
/** A waiter by boto3's name ("services_stable") as botocore writes it, borrowed; NULL if there is none. */
const json_t *aws_service_waiter(const aws_service *service, const char *name);
/** The error shape for an error code (query's and rest-xml's "error.code" counted in): one of the operation's, else of
 * the service's; or NULL. */
const aws_shape *aws_operation_error(const aws_operation *operation, const char *code);
/** A trait of the operation as botocore writes it ("endpoint", "httpChecksum", "authtype", "endpointdiscovery" …), or
 * NULL; borrowed. */
const json_t *aws_operation_trait(const aws_operation *operation, const char *key);

aws_type aws_shape_type(const aws_shape *shape);
const char *aws_shape_name(const aws_shape *shape);
/** A trait as botocore writes it ("enum", "min", "max", "pattern", "sensitive", "timestampFormat", "flattened",
 * "payload", "jsonvalue", "xmlNamespace" …), or NULL; borrowed. */
const json_t *aws_shape_trait(const aws_shape *shape, const char *key);
bool aws_shape_is_document(const aws_shape *shape); /* any JSON value, taken as it is */
bool aws_shape_is_union(const aws_shape *shape);    /* a structure with exactly one member set */
bool aws_shape_is_event_stream(const aws_shape *shape);
/** Structures: members in the model's order. */
size_t aws_shape_member_count(const aws_shape *shape);
const aws_member *aws_shape_member_at(const aws_shape *shape, size_t index);
const aws_member *aws_shape_member(const aws_shape *shape, const char *name);
/** Lists: the element; maps: the value. */
const aws_member *aws_shape_element(const aws_shape *shape);
const aws_member *aws_shape_key(const aws_shape *shape);

const char *aws_member_name(const aws_member *member); /* as parameters spell it */
const char *
aws_member_location_name(const aws_member *member); /* as the wire spells it; the name where they are the same */
bool aws_member_has_location_name(const aws_member *member);
const char *aws_member_query_name(const aws_member *member); /* ec2's queryName, or NULL */
aws_location aws_member_location(const aws_member *member);
bool aws_member_is_required(const aws_member *member);
bool aws_member_is_idempotency_token(const aws_member *member);
bool aws_member_is_sensitive(const aws_member *member);      /* the trait: AWS's own word that it is a secret */
const aws_shape *aws_member_shape(const aws_member *member); /* resolved when first asked for */
/** A trait of the member itself ("flattened", "timestampFormat", "xmlAttribute", "xmlNamespace", "hostLabel",
 * "jsonvalue" …), or the shape's trait of that name, or NULL; borrowed. */
const json_t *aws_member_trait(const aws_member *member, const char *key);

/** Check parameters against the input before anything is sent: unknown names (with a suggestion), missing required
 * ones, types, lengths, ranges. The error names the place ("containerDefinitions[0].memory"). Values outside an
 * enumeration and patterns are only warnings: they go to `warnings` (a JSON array of strings, borrowed, may be NULL),
 * since AWS adds values before models learn them. An empty object counts as an empty list where a list belongs: Lua
 * cannot tell them apart. */
rip_status aws_params_check(const aws_operation *operation, const json_t *params, json_t *warnings, rip_error *err);

/** What the operation might answer to `params`, made up for a dry run from the output's shape: a member that the
 * request also has (also one level down) is taken from it; where AWS would choose a string, `unknown(data, path)`
 * supplies it (a new string; the made-up values are marked by whoever supplies them); numbers are 0, booleans false,
 * lists and maps empty. New reference, NULL when out of memory. */
typedef json_t *(*aws_unknown_fn)(void *data, const char *path, const aws_shape *shape);
json_t *aws_output_imagine(const aws_operation *operation, const json_t *params, aws_unknown_fn unknown, void *data);

#endif
