/* What the files of the model loader share. */
#ifndef RIPOSTE_AWS_MODEL_PRIVATE_H
#define RIPOSTE_AWS_MODEL_PRIVATE_H

#include "aws/model.h"

struct aws_member {
    const aws_service *service;
    const char *name;
    const char *shape_name;
    const json_t *traits; /* the reference's own; NULL: none */
    const char *location_name;
    aws_location location;
    bool has_location_name, location_known, required, token;
    bool sensitive, sensitive_known;
    const aws_shape *shape; /* NULL until asked for */
};

struct aws_shape {
    const aws_service *service;
    char *name;
    json_t *line;
    aws_type type;
    bool is_document, is_union, is_event_stream;
    aws_member *members;
    size_t member_count;
    aws_member *element, *key;
    aws_shape *next;
};

struct aws_operation {
    const aws_service *service;
    char *name;
    json_t *line;
    aws_member *input, *output;
    char *iam_action;
    const char *token_member;
    bool is_read, is_idempotent;
    char *method; /* boto3's name; NULL until it was asked for by that */
    aws_operation *next, *next_method;
};

struct aws_service {
    aws_models *models;
    char *name;
    char *bytes; /* the file, mapped or (from a document) allocated */
    size_t len;
    bool mapped;
    json_t *metadata;
    aws_protocol protocol;
    json_t *waiters; /* name -> line, as they were asked for */
    /* What was asked for so far, by name; chains of a small table. */
    aws_shape *shapes[64];
    aws_operation *operations[64];
    aws_operation *methods[64]; /* the same ones, by boto3's name */
    aws_service *next;
};

struct aws_models {
    char **folders;
    size_t folder_count;
    aws_service *services;
    json_t *traits; /* aws/model/traits.json: exceptions to rules, as data */
};

/** The JSON behind a key of the service's file; a new reference, NULL if it is not there (or no JSON). */
json_t *aws_service_line(const aws_service *service, const char *kind, const char *name);

/** A shape by name, kept by the service; NULL if the model lacks it or memory is out. */
const aws_shape *aws_service_shape(const aws_service *service, const char *name);

/** A member from its reference ["Name", "Shape", {traits}]; NULL when memory is out or it is no reference. */
bool aws_member_init(aws_member *member, const aws_service *service, const json_t *reference);

/** The reference to the operation's input, which names XML's root; NULL: it takes nothing. */
const aws_member *aws_operation_input_member(const aws_operation *operation);

/** The same for its output; NULL: it gives nothing. */
const aws_member *aws_operation_output_member(const aws_operation *operation);

void aws_shape_free(aws_shape *shape);
void aws_operation_free(aws_operation *operation);
unsigned aws_name_slot(const char *name); /* of a table of 64 */

/** An empty service, and its entry into the models once its lines are there (it is freed if they are none). `path` is
 * for the error. */
aws_service *aws_service_new(aws_models *models, const char *name);
rip_status aws_service_add(aws_models *models, aws_service *service, const char *path, rip_error *err);
void aws_service_free(aws_service *service);

/** Add a service from a document in the form of AWS's published models ("metadata", "operations", "shapes"), for tests
 * and for models in that form. `document` is borrowed. */
rip_status aws_models_add_document(aws_models *models, const char *name, const json_t *document, rip_error *err);

#endif
