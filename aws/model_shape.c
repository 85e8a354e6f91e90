/* Shapes and members: read from their lines when they are first asked for, and kept. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/model_private.h"

static aws_type type_of(const char *name)
{
    static const struct {
        const char *name;
        aws_type type;
    } TYPES[] = {{"structure", AWS_STRUCTURE}, {"list", AWS_LIST},           {"map", AWS_MAP},
                 {"string", AWS_STRING},       {"integer", AWS_INTEGER},     {"long", AWS_LONG},
                 {"float", AWS_FLOAT},         {"double", AWS_DOUBLE},       {"boolean", AWS_BOOLEAN},
                 {"blob", AWS_BLOB},           {"timestamp", AWS_TIMESTAMP}, {"character", AWS_STRING}};
    for (size_t i = 0; name && i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(TYPES[i].name, name) == 0) return TYPES[i].type;
    }
    return AWS_STRING;
}

static aws_location location_of(const char *name)
{
    if (!name) return AWS_IN_BODY;
    if (strcmp(name, "header") == 0) return AWS_IN_HEADER;
    if (strcmp(name, "headers") == 0) return AWS_IN_HEADERS;
    if (strcmp(name, "uri") == 0) return AWS_IN_URI;
    if (strcmp(name, "querystring") == 0) return AWS_IN_QUERY;
    if (strcmp(name, "statusCode") == 0) return AWS_IN_STATUS;
    return AWS_IN_BODY;
}

bool aws_member_init(aws_member *member, const aws_service *service, const json_t *reference)
{
    *member = (aws_member){.service = service,
                           .name = json_string_value(json_array_get(reference, 0)),
                           .shape_name = json_string_value(json_array_get(reference, 1)),
                           .traits = json_array_get(reference, 2)};
    if (!member->name || !member->shape_name) return false;
    const char *wire = json_string_value(json_object_get(member->traits, "locationName"));
    member->has_location_name = wire != NULL;
    member->location_name = wire ? wire : member->name;
    member->location = location_of(json_string_value(json_object_get(member->traits, "location")));
    member->location_known = json_object_get(member->traits, "location") != NULL;
    member->token = json_is_true(json_object_get(member->traits, "idempotencyToken"));
    return true;
}

static aws_member *member_new(const aws_service *service, const json_t *reference)
{
    aws_member *member = calloc(1, sizeof *member);
    if (member && aws_member_init(member, service, reference)) return member;
    free(member);
    return NULL;
}

/* `name` is NULL where a model has something else there. */
static void require(aws_shape *shape, const char *name)
{
    for (size_t i = 0; name && i < shape->member_count; i++) {
        const char *own = shape->members[i].name;
        if (own && strcmp(own, name) == 0) shape->members[i].required = true;
    }
}

static bool read_members(aws_shape *shape)
{
    const json_t *list = json_object_get(shape->line, "m");
    size_t i;
    json_t *reference, *name;
    shape->members = calloc(json_array_size(list) + 1, sizeof *shape->members);
    if (!shape->members) return false;
    json_array_foreach (list, i, reference) {
        if (!aws_member_init(&shape->members[shape->member_count], shape->service, reference)) return false;
        shape->member_count++;
    }
    json_array_foreach (json_object_get(shape->line, "r"), i, name) { require(shape, json_string_value(name)); }
    return true;
}

static aws_shape *shape_new(const aws_service *service, const char *name, json_t *line)
{
    aws_shape *shape = calloc(1, sizeof *shape);
    if (!shape) return NULL;
    shape->service = service;
    shape->name = strdup(name);
    shape->line = json_incref(line);
    shape->type = type_of(json_string_value(json_object_get(line, "t")));
    shape->is_document = json_is_true(json_object_get(line, "document"));
    shape->is_union = json_is_true(json_object_get(line, "union"));
    shape->is_event_stream = json_is_true(json_object_get(line, "eventstream"));
    bool well = shape->name && read_members(shape);
    const json_t *element = json_object_get(line, "e"), *key = json_object_get(line, "k");
    if (well && element) well = (shape->element = member_new(service, element)) != NULL;
    if (well && key) well = (shape->key = member_new(service, key)) != NULL;
    if (well && (shape->type == AWS_LIST || shape->type == AWS_MAP)) well = shape->element != NULL;
    if (well && shape->type == AWS_MAP) well = shape->key != NULL;
    if (well) return shape;
    aws_shape_free(shape);
    return NULL;
}

void aws_shape_free(aws_shape *shape)
{
    json_decref(shape->line);
    free(shape->members);
    free(shape->element);
    free(shape->key);
    free(shape->name);
    free(shape);
}

const aws_shape *aws_service_shape(const aws_service *service, const char *name)
{
    unsigned slot = aws_name_slot(name);
    for (const aws_shape *known = service->shapes[slot]; known; known = known->next) {
        if (strcmp(known->name, name) == 0) return known;
    }
    json_t *line = aws_service_line(service, "shape", name);
    aws_shape *shape = line ? shape_new(service, name, line) : NULL;
    json_decref(line);
    if (!shape) return NULL;
    aws_service *mutable = (aws_service *)(uintptr_t)service; /* what is known of it grows as it is asked for */
    shape->next = mutable->shapes[slot];
    mutable->shapes[slot] = shape;
    return shape;
}

aws_type aws_shape_type(const aws_shape *shape)
{
    return shape->type;
}

const char *aws_shape_name(const aws_shape *shape)
{
    return shape->name;
}

const json_t *aws_shape_trait(const aws_shape *shape, const char *key)
{
    return json_object_get(shape->line, key);
}

bool aws_shape_is_document(const aws_shape *shape)
{
    return shape->is_document;
}

bool aws_shape_is_union(const aws_shape *shape)
{
    return shape->is_union;
}

bool aws_shape_is_event_stream(const aws_shape *shape)
{
    return shape->is_event_stream;
}

size_t aws_shape_member_count(const aws_shape *shape)
{
    return shape->member_count;
}

const aws_member *aws_shape_member_at(const aws_shape *shape, size_t index)
{
    return &shape->members[index];
}

const aws_member *aws_shape_member(const aws_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (strcmp(shape->members[i].name, name) == 0) return &shape->members[i];
    }
    return NULL;
}

const aws_member *aws_shape_element(const aws_shape *shape)
{
    return shape->element;
}

const aws_member *aws_shape_key(const aws_shape *shape)
{
    return shape->key;
}

const char *aws_member_name(const aws_member *member)
{
    return member->name;
}

const char *aws_member_location_name(const aws_member *member)
{
    return member->location_name;
}

bool aws_member_has_location_name(const aws_member *member)
{
    return member->has_location_name;
}

const char *aws_member_query_name(const aws_member *member)
{
    return json_string_value(json_object_get(member->traits, "queryName"));
}

aws_location aws_member_location(const aws_member *member)
{
    if (member->location_known) return member->location;
    aws_member *mutable = (aws_member *)(uintptr_t)member; /* older models tell it of the shape; looked up once */
    const aws_shape *shape = aws_member_shape(member);
    mutable->location_known = true;
    if (shape) mutable->location = location_of(json_string_value(aws_shape_trait(shape, "location")));
    return member->location;
}

bool aws_member_is_required(const aws_member *member)
{
    return member->required;
}

bool aws_member_is_idempotency_token(const aws_member *member)
{
    return member->token;
}

bool aws_member_is_sensitive(const aws_member *member)
{
    if (!member->sensitive_known) {
        aws_member *mutable = (aws_member *)(uintptr_t)member;
        mutable->sensitive = json_is_true(aws_member_trait(member, "sensitive"));
        mutable->sensitive_known = true;
    }
    return member->sensitive;
}

const aws_shape *aws_member_shape(const aws_member *member)
{
    if (!member->shape) {
        aws_member *mutable = (aws_member *)(uintptr_t)member;
        mutable->shape = aws_service_shape(member->service, member->shape_name);
        if (!mutable->shape) { /* a model that names a shape it lacks: any value, taken as it is */
            static const aws_shape UNKNOWN = {.name = (char *)(uintptr_t) "Unknown", .type = AWS_STRING};
            mutable->shape = &UNKNOWN;
        }
    }
    return member->shape;
}

const json_t *aws_member_trait(const aws_member *member, const char *key)
{
    const json_t *own = json_object_get(member->traits, key);
    return own ? own : aws_shape_trait(aws_member_shape(member), key);
}
