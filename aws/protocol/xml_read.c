/* Values from XML, by their shapes: replies of query, ec2 and rest-xml. */
#include <string.h>
#include <strings.h>

#include "aws/protocol/private.h"

static json_t *read_value(const aws_member *member, const aws_xml_node *node, rip_error *err);

static bool is_flat(const aws_member *member)
{
    return json_is_true(aws_member_trait(member, "flattened"));
}

/* A flattened list goes by its element's name where that has one. */
static const char *element_name(const aws_member *member)
{
    const aws_shape *shape = aws_member_shape(member);
    if (aws_shape_type(shape) == AWS_LIST && is_flat(member) &&
        aws_member_has_location_name(aws_shape_element(shape))) {
        return aws_member_location_name(aws_shape_element(shape));
    }
    return aws_member_location_name(member);
}

static const aws_xml_node *next_named(const aws_xml_node *node, const char *name)
{
    while (node && strcmp(node->name, name) != 0) node = node->next;
    return node;
}

static json_t *read_flat_list(const aws_member *member, const aws_xml_node *node, rip_error *err)
{
    const aws_member *element = aws_shape_element(aws_member_shape(member));
    json_t *value = json_array();
    for (const char *name = node->name; node; node = next_named(node->next, name)) {
        json_t *each = read_value(element, node, err);
        if (!each || json_array_append_new(value, each) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

static json_t *read_list(const aws_member *member, const aws_xml_node *node, rip_error *err)
{
    const aws_member *element = aws_shape_element(aws_member_shape(member));
    json_t *value = json_array();
    for (const aws_xml_node *child = node->first; child; child = child->next) {
        json_t *each = read_value(element, child, err);
        if (!each || json_array_append_new(value, each) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

static bool read_entry(json_t *value, const aws_shape *shape, const aws_xml_node *entry, rip_error *err)
{
    const aws_member *key_member = aws_shape_key(shape), *value_member = aws_shape_element(shape);
    const char *key_name = aws_member_has_location_name(key_member) ? aws_member_location_name(key_member) : "key";
    const char *value_name =
        aws_member_has_location_name(value_member) ? aws_member_location_name(value_member) : "value";
    const aws_xml_node *key = aws_xml_child(entry, key_name), *own = aws_xml_child(entry, value_name);
    if (!key || !own) return true;
    json_t *each = read_value(value_member, own, err);
    return each && json_object_set_new(value, key->text, each) == 0;
}

static json_t *read_map(const aws_member *member, const aws_xml_node *node, rip_error *err)
{
    json_t *value = json_object();
    bool flat = is_flat(member);
    const char *name = node->name;
    const aws_xml_node *entry = flat ? node : node->first;
    while (entry) {
        if (!read_entry(value, aws_member_shape(member), entry, err)) {
            json_decref(value);
            return NULL;
        }
        entry = flat ? next_named(entry->next, name) : entry->next;
    }
    return value;
}

static json_t *read_scalar(const aws_member *member, const char *text, size_t len, rip_error *err)
{
    json_t *value = aws_value_read(member, text, len);
    if (!value)
        rip_fail(err, RIP_EIO, "the reply's %s is not of the type that the API model tells", aws_member_name(member));
    return value;
}

static json_t *read_value(const aws_member *member, const aws_xml_node *node, rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    switch (aws_shape_type(shape)) {
    case AWS_STRUCTURE: return aws_xml_read(shape, node, err);
    case AWS_LIST: return is_flat(member) ? read_flat_list(member, node, err) : read_list(member, node, err);
    case AWS_MAP: return read_map(member, node, err);
    default: return read_scalar(member, node->text, node->text_len, err);
    }
}

static const char *attribute(const aws_xml_node *node, const char *name)
{
    for (const char *const *pair = node->attributes; pair[0]; pair += 2) {
        if (strcmp(pair[0], name) == 0) return pair[1];
    }
    return NULL;
}

/* NULL with `err` untouched (RIP_OK) where the node has no such member. */
static json_t *read_member(const aws_member *member, const aws_xml_node *node, rip_error *err)
{
    if (json_is_true(aws_member_trait(member, "xmlAttribute"))) {
        const char *text = attribute(node, aws_member_location_name(member));
        return text ? read_scalar(member, text, strlen(text), err) : NULL;
    }
    const aws_xml_node *own = aws_xml_child(node, element_name(member));
    return own ? read_value(member, own, err) : NULL;
}

static bool knows_child(const aws_shape *shape, const aws_xml_node *node)
{
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        if (aws_member_location(member) == AWS_IN_BODY && aws_xml_child(node, element_name(member))) return true;
    }
    return false;
}

bool aws_xml_may_be(const aws_shape *shape, const aws_xml_node *node)
{
    if (strcasecmp(node->name, "html") == 0) return false;
    return !shape || !node->first || aws_shape_is_union(shape) || !aws_has_body(shape) || knows_child(shape, node);
}

json_t *aws_xml_read(const aws_shape *shape, const aws_xml_node *node, rip_error *err)
{
    json_t *value = json_object();
    rip_error why = {RIP_OK, ""};
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        if (aws_member_location(member) != AWS_IN_BODY) continue;
        json_t *own = read_member(member, node, &why);
        if (own) json_object_set_new(value, aws_member_name(member), own);
        if (why.status != RIP_OK) {
            json_decref(value);
            rip_fail(err, why.status, "%s", why.message);
            return NULL;
        }
    }
    if (aws_shape_is_union(shape) && json_object_size(value) == 0 && node->first)
        json_object_set_new(value, AWS_UNKNOWN_MEMBER, json_pack("{s:s}", "name", node->first->name));
    return value;
}
